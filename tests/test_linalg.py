"""Matrix products: values, gradients, strides, tile edges, bits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, _core, ops
from tests import reference
from tests.helpers import assert_close, assert_same_bits, check_op, random_array, real_threads, strided

DTYPES = [np.float32, np.float64]
# Edges of the tiles (4, 6 and 14 rows; 8, 16 and 32 columns), of the blocks (64, 128 or 256 columns; 16, 64 or 512 rows
# in place, 1024 that are copied; 2048 or 4096 bytes of k), and primes.
ROWS = [0, 1, 2, 4, 5, 6, 7, 13, 14, 15, 16, 17, 29, 64, 65, 97]
COLUMNS = [0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 131]
DEPTHS = [0, 1, 2, 31, 255, 256, 257, 512, 513, 1031]


def gemm(a, b, bias=None, kernel="gemm", c=None, act=0, slope=0.0, packed=0, n=None):
    """One launch on arrays of any strides."""
    n = b.shape[1] if n is None else n
    c = _core.empty((a.shape[0], n), a.dtype) if c is None else c
    size = a.itemsize
    _core.launch(
        kernel, a.dtype, a=a, b=b, bias=bias, c=c, m=a.shape[0], n=n, k=a.shape[1], batch=1, a_rs=a.strides[0] // size,
        a_cs=a.strides[1] // size, a_bs=0, b_rs=b.strides[0] // size, b_cs=b.strides[-1] // size, b_bs=0,
        c_rs=c.strides[0] // size, c_bs=0, packed=packed, act=act, slope=slope,
    )
    return c


def pair(m, k, n, dtype):
    return random_array((m, k), 1).astype(dtype), random_array((k, n), 2).astype(dtype)


def shapes():
    """Every row count, column count and depth, in changing company."""
    for i in range(2 * len(COLUMNS)):
        yield ROWS[i % len(ROWS)], DEPTHS[i * 7 % len(DEPTHS)], COLUMNS[i * 3 % len(COLUMNS)]
    yield from itertools.product([0, 1, 2], repeat=3)
    yield from [(1, 700, 300), (300, 700, 1), (1, 20, 1000), (1000, 20, 1)]
    yield from [(97, 1031, 131), (20, 9, 1024)]
    yield from [(513, 520, 257), (64, 1024, 257), (1030, 1040, 258)]  # A is copied


# ---- the kernel ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_gemm_matches_reference(dtype):
    for m, k, n in shapes():
        a, b = pair(m, k, n, dtype)
        want = a.astype(np.float64) @ b.astype(np.float64)
        assert_close(gemm(a, b), want, dtype, k, f"{m} x {k} x {n}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_gemm_same_bits_for_every_layout(dtype):
    for m, k, n in shapes():
        a, b = pair(m, k, n, dtype)
        want = gemm(a, b)
        ps = 64 // a.itemsize
        packed = _core.empty((k * -(-n // ps) * ps,), dtype)
        _core.launch("gemm_pack_b", a.dtype, b=b, packed=packed, k=k, n=n, b_rs=n, b_cs=1)
        for name, got in {
            "NT": gemm(a, np.asfortranarray(b)),
            "TN": gemm(np.asfortranarray(a), b),
            "TT": gemm(np.asfortranarray(a), np.asfortranarray(b)),
            "strided": gemm(strided(a), strided(b)),
            "packed": gemm(a, packed, packed=1, n=n),
        }.items():
            assert_same_bits(got, want, f"{name} {m} x {k} x {n}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_gemm_same_bits_for_1_and_n_threads_and_every_isa(dtype):
    isas = [isa for isa in _core.isas() if isa != "generic"] if _core.isa() != "generic" else ["generic"]
    for m, k, n in shapes():
        a, b = pair(m, k, n, dtype)
        want = gemm(a, b)
        for isa in isas:
            with _core.use_isa(isa):
                for threads in (1, 2, 3, 7):
                    with _core.simulate_threads(threads):
                        assert_same_bits(gemm(a, b), want, f"{isa}, {threads} threads, {m} x {k} x {n}")
                        assert_same_bits(gemm(a, np.asfortranarray(b)), want, f"{isa}, {threads} threads, NT")
                        assert_same_bits(gemm(np.asfortranarray(a), b), want, f"{isa}, {threads} threads, TN")


def test_gemm_same_bits_for_real_threads():
    a, b = pair(333, 700, 211, np.float32)
    want = gemm(a, b)
    for n in (1, 2, 3):
        with real_threads(n):
            assert_same_bits(gemm(a, b), want, f"{n} threads")


@pytest.mark.parametrize("n", [1, 10, 128, 300])
def test_gemm_row_does_not_depend_on_its_batch(n):
    a, b = pair(100, 600, n, np.float32)
    want = gemm(a, b)
    for rows in (1, 2, 3, 5, 13, 32, 65):
        assert_same_bits(gemm(a[:rows], b), want[:rows], f"{rows} rows")


@pytest.mark.skipif(_core.isa() == "generic", reason="generic has no fused multiply-add")
@pytest.mark.parametrize("m, n", [(17, 33), (1, 40), (40, 1)])
def test_gemm_element_is_one_chain_of_fma_in_order(m, n):
    """float32 products are exact in float64, so rounding each sum to float32 is (but for 1 in 2^29) an fma."""
    a, b = pair(m, 1100, n, np.float32)
    chain = np.zeros((m, n), np.float32)
    for p in range(a.shape[1]):
        chain = (a[:, p, None].astype(np.float64) * b[p].astype(np.float64) + chain).astype(np.float32)
    assert_same_bits(gemm(a, b), chain, "chain")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m, k, n", [(5, 3, 7), (33, 600, 40), (200, 700, 140), (1, 35, 9), (67, 35, 1), (4, 0, 5)])
def test_gemm_add_continues_the_chain(dtype, m, k, n):
    a, b = pair(m, 2 * k, n, dtype)
    halves = gemm(np.ascontiguousarray(a[:, :k]), b[:k])
    gemm(np.ascontiguousarray(a[:, k:]), b[k:], kernel="gemm_add", c=halves)
    if _core.isa() != "generic":
        assert_same_bits(halves, gemm(a, b), "two halves")
    assert_close(halves, a.astype(np.float64) @ b, dtype, 2 * k)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("act, below", [(0, 1.0), (1, 0.0), (2, 0.25)])
@pytest.mark.parametrize(
    "m, k, n", [(3, 0, 5), (14, 9, 32), (15, 600, 33), (70, 20, 200), (1, 8, 300), (20, 5, 1), (37, 67, 1), (1, 67, 37)]
)
def test_gemm_bias_and_activation(dtype, act, below, m, k, n):
    a, b = pair(m, k, n, dtype)
    bias = random_array((n,), 3).astype(dtype)
    y = a.astype(np.float64) @ b + bias
    for left in (a, np.asfortranarray(a)):
        for right in (b, np.asfortranarray(b)):
            got = gemm(left, right, bias, act=act, slope=below)
            assert_close(got, np.where(y > 0, y, below * y), dtype, k + 1)


@pytest.mark.parametrize("act", [0, 1, 2])
def test_gemm_activation_of_special_values(act):
    values = np.array([[np.inf], [-np.inf], [np.nan], [0.0], [-2.0], [2.0]], np.float32)
    with np.errstate(invalid="ignore"):
        want = {0: values, 1: np.maximum(values, 0), 2: np.where(values > 0, values, values * np.float32(0.5))}[act]
    np.testing.assert_array_equal(gemm(values, np.ones((1, 2), np.float32), act=act, slope=0.5), np.repeat(want, 2, 1))


def test_gemm_touches_only_its_part_of_c():
    a, b = pair(15, 6, 35, np.float32)
    frame = np.full((17, 40), 7, np.float32)
    gemm(a, b, c=frame[1:16, 2:37])
    assert_same_bits(frame[1:16, 2:37], gemm(a, b), "inside")
    frame[1:16, 2:37] = 7
    assert (frame == 7).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k, n", [(0, 3), (1, 1), (16, 16), (17, 15), (33, 70), (40, 129)])
def test_pack_b_lays_out_panels(dtype, k, n):
    b = random_array((k, n)).astype(dtype)
    vl = 64 // b.itemsize
    panels = -(-n // vl)
    want = np.zeros((k, panels * vl), dtype)
    want[:, :n] = b
    want = want.reshape(k, panels, vl).swapaxes(0, 1)
    for view in (b, np.asfortranarray(b), strided(b)):
        for threads in (1, 2, 3, 7):
            packed = np.full((panels, k, vl), 9, dtype)
            with _core.simulate_threads(threads):
                size = b.itemsize
                _core.launch("gemm_pack_b", b.dtype, b=view, packed=packed, k=k, n=n, b_rs=view.strides[0] // size,
                             b_cs=view.strides[1] // size)
            assert_same_bits(packed, want, f"{threads} threads")


@pytest.mark.parametrize("m, n", [(0, 3), (1, 1), (7, 10), (600, 17), (1000, 64)])
def test_bias_act_bwd_sums_columns(m, n):
    dy, y = (random_array((m, n), seed).astype(np.float32) for seed in (1, 2))
    want = np.where(y > 0, dy, np.float32(0.5) * dy)
    base = None
    for threads in (1, 2, 3, 7):
        dz, dbias = _core.empty((m, n), dy.dtype), _core.empty((n,), dy.dtype)
        with _core.simulate_threads(threads):
            _core.launch("bias_act_bwd", dy.dtype, dy=dy, y=y, dz=dz, dbias=dbias, m=m, n=n, dy_rs=n, slope=0.5)
        np.testing.assert_array_equal(dz, want)
        assert_close(dbias, want.astype(np.float64).sum(0), np.float32, m)
        base = dbias if base is None else base
        assert_same_bits(dbias, base, f"{threads} threads")


# ---- the ops ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x1, x2",
    [
        ((1, 1), (1, 1)), ((2, 3), (3, 4)), ((15, 17), (17, 33)), ((3, 0), (0, 2)), ((0, 3), (3, 2)), ((2, 3), (3, 0)),
        ((5,), (5,)), ((5,), (5, 3)), ((4, 5), (5,)), ((5,), (2, 5, 3)), ((2, 4, 5), (5,)),
        ((2, 4, 5), (5, 3)), ((4, 5), (2, 5, 3)), ((2, 4, 5), (2, 5, 3)), ((2, 1, 4, 5), (3, 5, 2)),
        ((2, 9, 17), (2, 17, 1)), ((2, 3, 4, 5), (3, 5, 2)), ((1, 3, 2, 5), (2, 1, 5, 4)),
        ((2, 0, 3, 4), (1, 1, 4, 2)), ((0, 3, 4), (4, 2)),
    ],
)
def test_matmul(x1, x2):
    check_op(ops.matmul, reference.matmul, x1, x2, reduction=64)


@pytest.mark.parametrize("x1, x2", [((4,), (4,)), ((3, 4), (4,)), ((3, 4), (4, 2)), ((4,), (2, 4, 3))])
def test_dot(x1, x2):
    check_op(ops.dot, reference.dot, x1, x2, reduction=8)


@pytest.mark.parametrize("x1, x2", [((), (3, 2)), ((2, 3), ()), ((2, 3, 4), (5, 4, 2)), ((3, 4), (2, 5, 4, 3))])
def test_dot_through_other_ops(x1, x2):
    check_op(ops.dot, reference.dot, x1, x2, reduction=64)


@pytest.mark.parametrize("activation", [None, "linear", "relu", "leaky_relu"])
@pytest.mark.parametrize(
    "x, units",
    [((1, 1), 1), ((3, 5), 4), ((14, 16), 32), ((7, 13), 17), ((2, 3, 5), 4), ((5,), 3), ((0, 4), 3), ((3, 0), 2)],
)
def test_linear(x, units, activation):
    check_op(ops.linear, reference.linear, x, (x[-1], units), (units,), reduction=64, activation=activation, slope=0.3)


def test_linear_without_bias():
    check_op(ops.linear, reference.linear, (6, 5), (5, 7), reduction=8, activation="relu")


def test_matmul_repeated_operand_gets_the_sum_of_both_gradients():
    x = Tensor(random_array((4, 4)), requires_grad=True)
    ops.matmul(x, x).backward(np.ones((4, 4)))
    ones = np.ones((4, 4))
    assert_close(x.grad.numpy(), ones @ x.numpy().T + x.numpy().T @ ones, np.float64, 8)


def test_matmul_of_integers_and_mixed_dtypes():
    for dtype in (np.int32, np.int64, np.uint8, np.bool_):
        a, b = np.array([[100, 2, 0]]).astype(dtype), np.array([[3], [4], [0]]).astype(dtype)
        assert ops.matmul(a, b).numpy().tolist() == (a @ b).tolist()
        assert ops.dot(a, b).dtype == dtype
    assert ops.matmul([[1, 2]], np.ones((2, 1), np.float32)).dtype == np.float32
    assert ops.matmul(np.ones((2, 2), np.float32), np.ones((2, 2), np.float64)).dtype == np.float64


def test_matmul_of_reversed_and_broadcast_views():
    a, b = random_array((3, 4)), random_array((4, 5))
    assert_close(ops.matmul(a[::-1], b[:, ::-1]).numpy(), a[::-1] @ b[:, ::-1], np.float64, 4)
    same = np.broadcast_to(a[:1], (3, 4))
    assert_close(ops.matmul(same, b).numpy(), same @ b, np.float64, 4)


def test_linear_writes_the_gradient_where_the_optimizer_wants_it():
    kernel = fastnn.Variable(random_array((3, 2)), name="kernel")
    kernel._grad_target = np.full((3, 2), np.nan)
    ops.linear(random_array((4, 3)), kernel).backward(np.ones((4, 2)))
    assert kernel.grad.data is kernel._grad_target


@pytest.mark.parametrize(
    "call, match",
    [
        (lambda: ops.matmul(np.ones((2, 3)), np.ones((4, 2))), "x2 must be of size 3 along its second-to-last axis"),
        (lambda: ops.matmul(np.ones((2, 3)), np.ones(4)), "x2 must be of size 3 along its only axis"),
        (lambda: ops.matmul(1.0, np.ones(4)), "x1 must be at least 1-dimensional"),
        (lambda: ops.matmul(np.ones((2, 1, 3)), np.ones((3, 3, 2))), "x2 must be broadcastable with x1"),
        (lambda: ops.linear(np.ones((2, 3)), np.ones((4, 2))), "x must be of size 4 along its last axis"),
        (lambda: ops.linear(np.ones((2, 3)), np.ones(3)), "kernel must be 2-dimensional"),
        (lambda: ops.linear(np.ones((2, 3)), np.ones((3, 2)), np.ones(3)), r"bias must be of shape \(2,\)"),
        (lambda: ops.linear(np.ones((2, 3)), np.ones((3, 2)), activation="rleu"), "Did you mean 'relu'"),
        (lambda: ops.linear(np.ones((2, 3)), np.ones((3, 2)), slope=-1), "slope must be at least 0"),
    ],
)
def test_linalg_rejects(call, match):
    with pytest.raises(ValueError, match=match):
        call()
