"""Operations that move elements: copies, shapes, slices, joins, gathers, new tensors."""

import itertools

import numpy as np
import pytest

from fastnn import Tensor, _core, ops
from fastnn._core import empty, launch
from fastnn.ops.gather import gather_rows
from fastnn.ops.strided import contiguous_copy, move
from tests.helpers import THREADS, assert_same_bits, check_op, leaf, random_array, strided

INTEGERS = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
NUMBERS = [*INTEGERS, "float16", "float32", "float64"]


def numbers(shape, dtype, seed=0):
    """Values that every one of the dtypes holds, and that float32 holds exactly."""
    values = np.random.default_rng(seed).integers(0, 2 if dtype == "bool" else 100, shape)
    return values.astype(dtype)


# ---- strided copies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "complex128", "S3"])
@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (7, 5), (8, 8), (9, 17), (64, 65), (2, 3, 4, 5), (3, 1, 8, 16)])
def test_copy_equals_numpy_for_every_order_of_axes(shape, dtype):
    x = np.arange(np.prod(shape, dtype=int)).astype(dtype).reshape(shape)
    for order in itertools.permutations(range(len(shape))):
        want = np.array(x.transpose(order), order="C")
        for n in (1, *THREADS):
            with _core.simulate_threads(n):
                assert_same_bits(contiguous_copy(x.transpose(order)), want, f"order {order}, {n} threads")


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_transpose_blocks_on_every_isa(dtype, isa):
    with _core.use_isa(isa):
        for m, n in itertools.product((1, 2, 3, 4, 5, 7, 8, 9, 16, 63, 64, 65, 130), repeat=2):
            x = np.arange(2 * m * n, dtype=dtype).reshape(2, m, n)
            view = x.transpose(0, 2, 1)
            assert_same_bits(contiguous_copy(view), np.ascontiguousarray(view), f"{m} {n}")


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[::-1], lambda x: x[:, ::-2], lambda x: x[::-1, 1:5:3, ::-1], lambda x: x[2:1], lambda x: x[1],
        lambda x: np.broadcast_to(x[:, :1], x.shape), lambda x: np.broadcast_to(x[0, 0, 0], (3, 4)),
        lambda x: x.T[::-1], lambda x: x[:, :, None], lambda x: x.reshape(1, 2, 3, 1, 1, 7, 2, 2)[::-1, :, ::-1],
        lambda x: x.reshape(1, 2, 3, 1, 1, 7, 2, 2, 1)[:, ::-1], lambda x: x.view([("a", "f4"), ("b", "f4")])["b"],
    ],
)  # fmt: skip
def test_copy_of_views(view):
    x = view(np.arange(168, dtype=np.float32).reshape(2, 3, 28))
    assert_same_bits(contiguous_copy(x), np.ascontiguousarray(x), "copy")


def test_copy_of_an_unaligned_array():
    x = np.zeros(41, np.uint8)[1:].view(np.float32)
    x[:] = np.arange(10)
    assert not x.flags.aligned
    assert contiguous_copy(x).tolist() == list(range(10))
    packed = np.zeros(5, [("a", "u1"), ("b", "f4")])["b"]
    packed[:] = np.arange(5)
    assert contiguous_copy(packed).tolist() == list(range(5))


def test_copy_into_leaves_the_rest_alone():
    for n in (1, 3):
        y = np.full((5, 6), 9, np.float32)
        x = np.arange(12, dtype=np.float32).reshape(4, 3)
        with _core.simulate_threads(n):
            move("copy_into", x.T, y[1:4, 1:5])
        want = np.full((5, 6), 9, np.float32)
        want[1:4, 1:5] = x.T
        np.testing.assert_array_equal(y, want)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "float32", "int64", "float64"])
@pytest.mark.parametrize("n", [0, 1, 7, 63, 64, 65, 5000])
def test_fill(dtype, n):
    for threads in (1, 3):
        with _core.simulate_threads(threads):
            assert_same_bits(ops.full((n,), 1.0, dtype).data, np.full(n, 1, dtype), dtype)
    if dtype != "bool":
        assert_same_bits(ops.full((n,), 77, dtype).data, np.full(n, 77, dtype), dtype)
    if dtype.startswith("float"):
        assert_same_bits(ops.full((n,), -0.0, dtype).data, np.full(n, -0.0, dtype), dtype)


# ---- shapes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "reference", "shape", "arguments"),
    [
        (ops.reshape, np.reshape, (3, 4), {"newshape": (2, -1)}),
        (ops.reshape, np.reshape, (3, 4), {"newshape": 12}),
        (ops.reshape, np.reshape, (0, 4), {"newshape": (4, 0)}),
        (ops.ravel, np.ravel, (3, 4), {}),
        (ops.expand_dims, np.expand_dims, (3, 4), {"axis": -1}),
        (ops.expand_dims, np.expand_dims, (3, 4), {"axis": (0, 2)}),
        (ops.squeeze, np.squeeze, (1, 3, 1), {}),
        (ops.squeeze, np.squeeze, (1, 3, 1), {"axis": -1}),
        (ops.transpose, np.transpose, (2, 3, 4), {}),
        (ops.transpose, np.transpose, (2, 3, 4, 5), {"axes": (0, 3, 1, 2)}),
        (ops.transpose, np.transpose, (9, 33), {"axes": (1, 0)}),
        (ops.transpose, np.transpose, (), {}),
        (ops.moveaxis, np.moveaxis, (2, 3, 4), {"source": 0, "destination": -1}),
        (ops.moveaxis, np.moveaxis, (2, 3, 4, 5), {"source": (0, 3), "destination": (2, 0)}),
        (ops.swapaxes, np.swapaxes, (2, 3, 4), {"axis1": 0, "axis2": -1}),
        (ops.flip, np.flip, (2, 3, 4), {"axis": (0, 2)}),
        (ops.flip, np.flip, (5,), {}),
        (ops.broadcast_to, np.broadcast_to, (3, 1), {"shape": (2, 3, 4)}),
        (ops.broadcast_to, np.broadcast_to, (), {"shape": (5,)}),
        (ops.broadcast_to, np.broadcast_to, (4,), {"shape": (4,)}),
        (ops.broadcast_to, np.broadcast_to, (1, 3), {"shape": (0, 3)}),
        (ops.copy, np.copy, (2, 3), {}),
        (ops.pad, np.pad, (3, 4), {"pad_width": 2}),
        (ops.pad, np.pad, (3, 4), {"pad_width": ((1, 0), (2, 3))}),
        (ops.pad, np.pad, (3, 4), {"pad_width": (1, 2), "constant_values": -1.5}),
        (ops.pad, np.pad, (0, 2), {"pad_width": 1}),
        (ops.pad, np.pad, (4, 3), {"pad_width": ((1, 3), (2, 0)), "mode": "reflect"}),
        (ops.pad, np.pad, (4, 3), {"pad_width": ((1, 3), (2, 0)), "mode": "symmetric"}),
        (ops.take, np.take, (5, 3), {"indices": [4, 0, -1, 4], "axis": 0}),
        (ops.take, np.take, (2, 5, 3), {"indices": [[1, 1], [4, -5]], "axis": 1}),
        (ops.take, np.take, (2, 17), {"indices": [3, 3, 16], "axis": -1}),
        (ops.take, np.take, (2, 3), {"indices": [5, 0]}),
        (ops.take, np.take, (2, 3), {"indices": 1, "axis": 0}),
        (ops.take, np.take, (40, 33), {"indices": [7] * 5 + [1], "axis": 0}),
        (ops.take, np.take, (3, 0), {"indices": [1], "axis": 0}),
    ],
)
def test_op_matches_numpy(op, reference, shape, arguments):
    def numpy_op(x, newshape=None, **kwargs):
        return reference(x, **kwargs) if newshape is None else reference(x, newshape)

    check_op(op, numpy_op, shape, reduction=20, **arguments)


def test_reshape_shares_memory_and_transpose_of_a_row_copies_nothing():
    x = Tensor(np.arange(6.0))
    assert np.shares_memory(ops.reshape(x, (2, 3)).data, x.data)
    with _core.trace() as launches:
        ops.transpose(ops.reshape(x, (1, 6)))
    assert launches == []


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concatenate_and_stack_match_numpy(axis):
    check_op(lambda *x: ops.concatenate(x, axis), lambda *x: np.concatenate(x, axis), *[(2, 3, 2)] * 3)
    check_op(lambda *x: ops.stack(x, axis), lambda *x: np.stack(x, axis), (2, 3), (2, 3))
    shapes = [tuple(n if i == axis % 3 else 2 for i in range(3)) for n in (1, 0, 5)]
    check_op(lambda *x: ops.concatenate(x, axis), lambda *x: np.concatenate(x, axis), *shapes)


def test_types_that_have_no_wider_integer_become_floatx():
    x, y = np.ones(1, np.int64), np.ones(1, np.uint64)
    assert ops.concatenate([x, y]).dtype == ops.add(x, y).dtype == "float32"


def test_concatenate_the_same_tensor_twice_sums_its_gradient():
    x = leaf(np.ones(2, np.float32))
    ops.concatenate([x, x]).backward(np.array([1, 2, 3, 4], np.float32))
    assert x.grad.tolist() == [4, 6]


@pytest.mark.parametrize(("sections", "axis"), [(3, 0), ([1, 4], 0), ([2], 1), ([0, 4, 9], -1), (1, 1)])
def test_split_matches_numpy(sections, axis):
    x = random_array((6, 4))
    for got, want in zip(ops.split(x, sections, axis), np.split(x, sections, axis), strict=True):
        np.testing.assert_array_equal(got.numpy(), want)
    for i in range(len(np.split(x, sections, axis))):
        check_op(lambda x, i=i: ops.split(x, sections, axis)[i], lambda x, i=i: np.split(x, sections, axis)[i], (6, 4))


INDICES = {
    "int": 1, "negative": -1, "slice": slice(1, 3), "step": slice(None, None, 2), "backwards": slice(None, None, -1),
    "backwards part": (slice(None), slice(4, 1, -2)), "ellipsis": (Ellipsis, 0), "none": (None, slice(None), None, 1),
    "all": Ellipsis, "empty tuple": (), "empty slice": slice(2, 1), "ints": (1, 2, 3), "list": [2, 0, 2],
    "array": np.array([[0, 1], [2, 1]]), "middle": (slice(None), [1, 4]), "mask": np.array([True, False, True]),
    "mask of all": np.arange(60).reshape(3, 5, 4) % 3 == 0, "mask of two": (Ellipsis, np.arange(20).reshape(5, 4) > 7),
    "int and array": (1, [3, 0]), "apart": (1, slice(None), [3, 0]), "array and int": (slice(1), [3, 0], -1),
    "array, none": ([0, 1], None, 2), "empty array": [], "uint8": np.array([1, 2], np.uint8), "numpy int": np.int32(2),
}  # fmt: skip


@pytest.mark.parametrize("name", INDICES)
def test_getitem_matches_numpy(name):
    index = INDICES[name]
    numpy_index = np.array([], int) if name == "empty array" else index
    check_op(lambda x: as_tensor(x)[index], lambda x: x[numpy_index], (3, 5, 4))


def as_tensor(x):
    return x if isinstance(x, Tensor) else Tensor.wrap(x)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_getitem_and_joins_of_integers(dtype):
    x = Tensor(numbers((4, 5), dtype))
    assert x[1:, ::2].dtype == dtype and x[1:, ::2].tolist() == x.numpy()[1:, ::2].tolist()
    assert ops.concatenate([x, x], 1).tolist() == np.concatenate([x.numpy()] * 2, 1).tolist()
    assert ops.take(x, [3, 1], 0).tolist() == x.numpy()[[3, 1]].tolist()


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (3, "out of bounds"), ((0, 0, 0), "too many indices"), (1.5, "must be an int, slice"), ("a", "must be an int"),
        (([True, False, True], [1]), "one array of booleans"), ((Ellipsis, Ellipsis), "one Ellipsis"),
        ([3], r"at least -3 and below 3; got 3 at position 0"), (np.array([True, False]), "mask's shape"),
    ],
)  # fmt: skip
def test_getitem_rejects(index, message):
    with pytest.raises(IndexError, match=message):
        Tensor(np.zeros((3, 2)))[index]


def test_iteration_ends():
    assert [row.tolist() for row in Tensor(np.eye(2))] == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: ops.reshape(x, (5, -1)), ValueError, "newshape must be a shape of 6 elements, as x"),
        (lambda x: ops.reshape(x, (-1, -1)), ValueError, "newshape"),
        (lambda x: ops.reshape(x, (-2, -3)), ValueError, "newshape"),
        (lambda x: ops.reshape(x, 1.5), TypeError, "newshape must be an integer or a sequence of integers"),
        (lambda x: ops.expand_dims(x, 5), ValueError, "axis must be at least -3 and below 3; got 5"),
        (lambda x: ops.expand_dims(x, 0.5), TypeError, "axis must be an integer"),
        (lambda x: ops.squeeze(x, 0), ValueError, "an axis of extent 1"),
        (lambda x: ops.transpose(x, (0, 0)), ValueError, "without repetition"),
        (lambda x: ops.transpose(x, (0,)), ValueError, "a permutation of the 2 axes"),
        (lambda x: ops.concatenate([x, np.zeros((2, 2))]), ValueError, "equal but for axis 0"),
        (lambda x: ops.concatenate([]), ValueError, "a list of at least one tensor"),
        (lambda x: ops.stack([x, np.zeros((2, 2))]), ValueError, "equal"),
        (lambda x: ops.split(x, 4), ValueError, "a divisor of the 2 positions"),
        (lambda x: ops.broadcast_to(x, (3, 3)), ValueError, r"one that x \(2, 3\) broadcasts to"),
        (lambda x: ops.pad(x, -1), ValueError, "pad_width"),
        (lambda x: ops.pad(x, 1, mode="constnt"), ValueError, "Did you mean 'constant'"),
        (lambda x: ops.take(x, [0.5], 0), TypeError, "indices must be integers"),
        (lambda x: ops.take(x, [0, 1, 2, -3], 0), IndexError, "at least -2 and below 2; got 2 at position 2"),
        (lambda x: ops.one_hot(x, 3), TypeError, "x must be integers"),
        (lambda x: ops.arange(1, 2, 0), ValueError, "step must be a number other than 0"),
    ],
)
def test_op_rejects(call, error, message):
    with pytest.raises(error, match=message):
        call(np.zeros((2, 3)))


@pytest.mark.parametrize("wrong", [0, 1, 5, 11])
def test_take_reports_the_first_wrong_index_for_any_number_of_threads(wrong):
    index = np.arange(12) % 3
    index[wrong:] = 3
    for n in (1, *THREADS):
        with _core.simulate_threads(n), pytest.raises(IndexError, match=f"position {wrong}"):
            ops.take(np.zeros((3, 2)), index, 0)


# ---- gather_rows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["float32", "float64", "int64"])
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("shape", [(9,), (9, 1), (9, 15), (9, 16), (9, 17), (9, 28, 28, 1), (9, 3, 0)])
def test_gather_rows_converts_every_dtype(shape, dtype, target):
    source = numbers(shape, dtype)
    index = np.array([8, 0, 3, 3, 7, 1])
    want = source[index[1:5]].astype(target)
    for n in (1, 3):
        with _core.simulate_threads(n):
            assert_same_bits(gather_rows(source, index, 1, 4, target), want, f"{n} threads")
    assert_same_bits(gather_rows(source, None, 2, 5, target), source[2:7].astype(target), "without index")


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[::2], lambda x: x[::-1], lambda x: x[:, 1:3], lambda x: x.transpose(0, 3, 1, 2), strided,
        lambda x: x[:, ::-1, ::2], lambda x: np.broadcast_to(x[:1], x.shape), lambda x: x.astype(">f4"),
        lambda x: x.astype(np.longdouble), lambda x: x.reshape(6, 2, 2, 1, 5, 1, 3, 1, 1, 1),
        lambda x: np.asfortranarray(x), lambda x: x[..., 0].view(np.ndarray),
    ],
)  # fmt: skip
@pytest.mark.parametrize("target", ["float32", "int64"])
def test_gather_rows_reads_any_strides_in_place(view, target):
    source = view(numbers((6, 4, 5, 3), "float32"))
    source.flags.writeable = False
    index = np.array([2, 0, 1])
    assert_same_bits(gather_rows(source, index, 0, 3, target), source[index].astype(target), "rows")


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"])
def test_gather_rows_reads_either_byte_order_at_any_address(dtype, order):
    values = (np.random.default_rng(0).random((9, 70, 3)) * 100).astype(dtype)
    values = np.trunc(values)
    records = np.zeros(values.shape, np.dtype([("odd", "u1"), ("value", order + dtype)]))
    records["value"] = values
    plain = values.astype(order + dtype)
    packed = records["value"]
    for source in (plain, packed, packed[::-1, ::2, ::-1], np.asfortranarray(plain), plain[:, ::-3]):
        want = source.astype(dtype)
        for target in (np.float32, np.float64, np.int64):
            for n in (1, 3):
                with _core.simulate_threads(n):
                    got = gather_rows(source, np.array([3, 0, 8]), 0, 3, target)
                    assert_same_bits(got, np.ascontiguousarray(want[[3, 0, 8]].astype(target)), f"{n} threads")
    if dtype[0] == "f":
        plain[4, 60] = 0.5
        with pytest.raises(ValueError, match="another at row 2"):
            gather_rows(plain, None, 2, 4, np.int64)


def test_gather_rows_of_every_half():
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)[None]
    for target in (np.float32, np.float64):
        got, want = gather_rows(halves, None, 0, 1, target), halves.astype(target)
        np.testing.assert_array_equal(got, want)
        assert_same_bits(np.signbit(got), np.signbit(want), "signs")


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", NUMBERS)
def test_gather_rows_extreme_values_on_every_isa(dtype, isa):
    if dtype.startswith("float"):
        info = np.finfo(dtype)
        values = [info.max, -info.max, info.tiny, info.smallest_subnormal, -0.0, np.inf, -np.inf, np.nan]
    else:
        values = [0, 1] if dtype == "bool" else [np.iinfo(dtype).min, np.iinfo(dtype).max, 0, 1]
    source = np.resize(np.array(values, dtype), (3, 21))
    for target in (np.float32, np.float64):
        with _core.use_isa(isa), np.errstate(over="ignore"):
            np.testing.assert_array_equal(gather_rows(source, np.array([1]), 0, 1, target), source[1:2].astype(target))


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("float32", 0.5), ("float64", np.nan), ("float32", np.inf), ("float64", 2.0**63), ("float16", 1.5),
        ("uint64", 2**63),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrong", [0, 2, 6])
def test_gather_rows_of_labels_that_are_no_integers(dtype, value, wrong):
    source = np.zeros((7, 2), dtype)
    source[wrong:, 1] = value
    for n in (1, *THREADS):
        status = np.zeros(1, np.int64)
        with _core.simulate_threads(n):
            got = gather_rows(source, None, 0, 7, np.int64, status=status)
        assert status[0] == 1 + wrong
        assert (got == 0).all()
    with pytest.raises(ValueError, match=f"inside the data .* and hold integers; got another at row {wrong}"):
        gather_rows(source, None, 0, 7, np.int64)


@pytest.mark.parametrize("target", [np.float32, np.int64])
@pytest.mark.parametrize("bad", [5, -1])
def test_gather_rows_outside_the_data(target, bad):
    source = np.ones((5, 3), np.uint8)
    index = np.array([0, 4, bad, bad])
    for n in (1, *THREADS):
        status = np.zeros(1, np.int64)
        with _core.simulate_threads(n):
            got = gather_rows(source, index, 0, 4, target, status=status)
        assert status[0] == 3 and got.tolist() == [[1] * 3, [1] * 3, [0] * 3, [0] * 3]
    with pytest.raises(ValueError, match="inside the data"):
        gather_rows(source, index, 2, 3, target)
    with pytest.raises(ValueError, match="inside the data"):
        gather_rows(source, None, 3, 3, target)


def test_gather_rows_reads_its_position_when_it_runs():
    source = np.arange(10, dtype=np.uint8)[:, None]
    index, position = np.arange(10)[::-1].copy(), np.zeros(1, np.int64)
    program = _core.Program()
    with program.record():
        rows = gather_rows(source, index, 1, 3, np.float32, position=position)
        launch("counter_add", np.float32, counter=position, amount=3)
    seen = [rows[:, 0].tolist()]
    for _ in range(2):
        program.replay()
        seen.append(rows[:, 0].tolist())
    assert seen == [[8, 7, 6], [5, 4, 3], [2, 1, 0]]
    with pytest.raises(ValueError, match="at row 0"):
        program.replay()


# ---- new tensors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", [None, "float64", "int32"])
def test_one_hot(axis, dtype):
    x = np.array([[0, 2, 1], [5, -1, 3]], np.int16)
    want = np.moveaxis(np.arange(4) == x[..., None], -1, axis)
    got = ops.one_hot(x, 4, axis, dtype)
    assert got.dtype == (dtype or "float32") and (got.numpy() == want).all()
    for n in THREADS:
        with _core.simulate_threads(n):
            assert_same_bits(ops.one_hot(x, 4, axis, dtype).numpy(), got.numpy(), "threads")


def test_making_tensors():
    assert ops.zeros((2, 3)).dtype == np.float32 and not ops.zeros((2, 3)).numpy().any()
    assert ops.ones((), "int64").tolist() == 1
    assert ops.full((2,), np.nan).numpy().tobytes() == np.full(2, np.nan, np.float32).tobytes()
    x = np.ones((2, 3), np.int16)
    assert ops.zeros_like(x).dtype == np.int16 and ops.ones_like(x, "float64").numpy().sum() == 6
    assert ops.full_like(x, 7).tolist() == np.full((2, 3), 7).tolist()
    for n, m, k in ((3, None, 0), (3, 5, 1), (4, 2, -2), (0, 2, 0)):
        np.testing.assert_array_equal(ops.eye(n, m, k).numpy(), np.eye(n, m, k))
    assert ops.shape(x) == (2, 3)


@pytest.mark.parametrize("arguments", [(5,), (2, 9), (2, 9, 3), (9, 2, -3), (5, 2), (0.5, 3.0), (0, 1, 0.1), (3.0,)])
def test_arange(arguments):
    got, want = ops.arange(*arguments), np.arange(*arguments)
    assert got.dtype == (np.int32 if want.dtype.kind == "i" else np.float32)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-6)
    assert ops.arange(*arguments, dtype="float64").numpy().tolist() == pytest.approx(want.tolist())
    assert ops.arange(*arguments[:2], dtype="int64").dtype == np.int64


def test_convert_and_stop_gradient():
    x = Tensor([1.0, 2.0], requires_grad=True)
    assert ops.convert_to_tensor(x) is x and ops.convert_to_tensor(x, "float32") is x
    assert ops.convert_to_tensor([1, 2], "float64").dtype == np.float64
    assert ops.convert_to_numpy(x).tolist() == [1, 2]
    assert not ops.stop_gradient(x).requires_grad
    with pytest.raises(ValueError, match="dense tensors only"):
        ops.convert_to_tensor(x, sparse=True)


def test_launch_checks_the_extent_of_a_copy():
    x = np.zeros((4, 4), np.float32)
    sizes = {f"{k}{i}": 1 if k == "d" else 0 for k in "dxy" for i in range(8)}
    sizes |= {"d6": 4, "d7": 4, "x6": 5, "x7": 1, "y6": 4, "y7": 1}
    with pytest.raises(ValueError, match="field 'x' needs"):
        launch("copy", np.dtype(np.float32), x=x, y=empty((4, 4), np.float32), itemsize=4, x_start=0, **sizes)


# ---- absurd numbers


@pytest.mark.parametrize("repeats", [[1 << 62, 1 << 62], 1 << 62])
def test_repeat_rejects_what_numpy_would_count_wrong(repeats):
    with pytest.raises(MemoryError, match=r"ops.repeat: an axis of \d+ or more cannot be allocated"):
        ops.repeat(np.ones((2, 2)), repeats, axis=0)


def test_differences_end_where_nothing_is_left():
    assert ops.diff(np.ones(4), 1 << 62).shape == (0,)


def test_a_number_can_be_flipped():
    x = Tensor(5.0, requires_grad=True)
    y = ops.flip(x)
    y.backward()
    assert (y.shape, y.tolist(), x.grad.tolist()) == ((), 5.0, 1.0)


def test_a_size_beyond_64_bits_is_an_error():
    with pytest.raises(ValueError, match=r"fill_zero: nbytes must fit into 64 bits; got 1180591620717411303424"):
        launch("fill_zero", np.dtype("f4"), x=empty((3,), np.float32), nbytes=1 << 70)
