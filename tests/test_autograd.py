"""Tensor, the graph and backward; values of single ops are tested with the ops."""

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, Variable, ops
from fastnn.autograd import grad_buffer, is_grad_enabled, record


def param(values):
    return Tensor(np.asarray(values, np.float64), requires_grad=True)


def test_tensor_copies_its_data():
    data = np.ones(3, np.float32)
    x = Tensor(data)
    data[0] = 5
    assert x.tolist() == [1, 1, 1]
    x.numpy()[1] = 9
    assert x.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("data", "dtype"),
    [([1.0, 2], "float32"), (1.5, "float32"), ([1, 2], "int32"), ([2**31], "int64"), (True, "bool"),
     (np.ones(2), "float64"), (np.ones(2, np.float16), "float32"), (np.ones(2, ">f4"), "float32"),
     (np.ones(2, np.uint8), "uint8")],
)  # fmt: skip
def test_tensor_dtype(data, dtype):
    assert Tensor(data).dtype.name == dtype


@pytest.mark.parametrize("data", ["text", ["a", "b"], [1j], [object()], [[1, 2], [3]]])
def test_tensor_rejects_what_is_not_numbers(data):
    with pytest.raises((TypeError, ValueError)):
        Tensor(data)


def test_requires_grad_needs_a_float():
    with pytest.raises(TypeError, match="float32 or float64 where requires_grad is True; got int32"):
        Tensor([1, 2], requires_grad=True)


def test_shared_and_joined_branches_are_summed():
    x = param([1.0, -2.0, 3.0])
    a = x * x
    b = a + x
    c = a * b
    (c + b + a).sum().backward()
    # c + b + a = x^4 + x^3 + 2 x^2 + x
    v = x.numpy()
    np.testing.assert_allclose(x.grad.numpy(), 4 * v**3 + 3 * v**2 + 4 * v + 1)


def test_one_input_used_twice():
    x = param([3.0])
    (x + x).backward()
    assert x.grad.tolist() == [2.0]


def test_gradients_accumulate_over_backward_calls_until_zeroed():
    x = param([2.0])
    y = param([5.0])
    (x + y).backward()
    (x + y).backward()
    assert x.grad.tolist() == [2.0] and y.grad.tolist() == [2.0]
    (x * 3).backward()
    assert x.grad.tolist() == [5.0] and y.grad.tolist() == [2.0]
    x.zero_grad()
    assert x.grad is None


def test_second_backward_on_a_freed_graph_is_a_clear_error():
    x = param([2.0])
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="already freed by an earlier backward"):
        y.backward()
    assert x.grad.tolist() == [4.0]


def test_a_graph_that_shares_a_freed_part_is_an_error_and_changes_nothing():
    x = param([2.0])
    shared = x * x
    (shared * 2).backward()
    before = x.grad.tolist()
    with pytest.raises(RuntimeError, match="already freed"):
        (shared * 3).backward()
    assert x.grad.tolist() == before


def test_backward_without_history():
    with pytest.raises(RuntimeError, match="does not depend on any tensor with requires_grad=True"):
        Tensor([1.0]).backward()


def test_backward_of_more_than_one_element_needs_a_gradient():
    x = param([1.0, 2.0])
    y = x * x
    with pytest.raises(ValueError, match="given for a tensor of more than one element"):
        y.backward()
    with pytest.raises(ValueError, match=r"of shape \(2,\); got an array of shape \(3,\)"):
        y.backward(np.ones(3))
    y.backward([1.0, 10.0])
    assert x.grad.tolist() == [2.0, 40.0]


def test_no_grad_records_nothing_and_restores():
    x = param([1.0])
    with fastnn.no_grad():
        assert not (x * 2).requires_grad
        with fastnn.no_grad():
            pass
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad

    @fastnn.no_grad()
    def double(t):
        return t * 2

    assert not double(x).requires_grad


def test_no_grad_may_be_entered_within_itself():
    quiet = fastnn.no_grad()
    with quiet, quiet:
        pass
    assert is_grad_enabled()


def test_gradients_with_respect_to_what_ops_made():
    x, unrelated = param([1.0, 2.0]), param([5.0]) * 2
    y = x * x
    z = (y * 3 + y * y).sum()
    for _ in range(2):
        of_z, of_y, of_x, of_other = fastnn.gradients(z, [z, y, x, unrelated])
        assert (of_z.tolist(), of_y.tolist(), of_x.tolist(), of_other) == (1.0, [5.0, 11.0], [10.0, 44.0], None)
    assert x.grad is None and y.grad is None


def test_no_grad_ends_with_an_exception():
    with pytest.raises(KeyError), fastnn.no_grad():
        raise KeyError
    assert (param([1.0]) * 2).requires_grad


def test_no_grad_holds_for_its_own_thread_only():
    import threading

    seen = []
    with fastnn.no_grad():
        thread = threading.Thread(target=lambda: seen.append(is_grad_enabled()))
        thread.start()
        thread.join()
        assert not is_grad_enabled()
    assert seen == [True]


def test_detach_cuts_the_graph_and_shares_memory():
    x = param([3.0])
    y = x.detach()
    assert not y.requires_grad and y.data is x.data
    (x * y).backward()
    assert x.grad.tolist() == [3.0]


def test_a_deep_graph_needs_no_recursion():
    x = param([1.0])
    y = x
    for _ in range(5000):
        y = y + 1.0
    y.backward()
    assert x.grad.tolist() == [1.0]


def test_a_deep_graph_can_be_dropped_without_backward():
    y = param([1.0])
    for _ in range(50_000):
        y = y + 1.0
    del y


def test_custom_gradient():
    @fastnn.custom_gradient
    def reversed_product(a, b):
        return a * b, lambda up: (-up * b, -up * a)

    a, b = param([2.0]), param([5.0])
    (reversed_product(a, b) * 2).backward()
    assert a.grad.tolist() == [-10.0] and b.grad.tolist() == [-4.0]


def test_custom_gradient_of_the_wrong_length():
    @fastnn.custom_gradient
    def wrong(a, b):
        return a * b, lambda up: up

    with pytest.raises(ValueError, match="custom_gradient 'wrong'.*a tuple of 2 tensors"):
        wrong(param([1.0]), param([1.0])).backward()


def test_variable_assigns_in_place():
    v = Variable(np.ones((2, 3), np.float32), name="kernel")
    storage = v.data
    v.assign(np.full((2, 3), 4.0))
    assert v.data is storage and (v.numpy() == 4).all() and v.version == 1
    with pytest.raises(ValueError, match=r"Variable 'kernel': the value to assign must be of shape \(2, 3\)"):
        v.assign(np.ones(3))
    assert (v.numpy() == 4).all()


def test_variable_from_an_initializer_function():
    v = Variable(lambda shape, dtype: np.zeros(shape, dtype), shape=(4,), dtype="float64")
    assert v.shape == (4,) and v.dtype == np.float64 and v.requires_grad
    v.trainable = False
    assert not v.requires_grad


def test_grad_buffer_is_the_optimizers_storage_once_a_pass():
    v = Variable(np.ones(3, np.float32))
    flat = np.zeros(3, np.float32)
    v._grad_target = flat

    def scaled(x, factor):
        def gradient(dy):
            dx = grad_buffer(x)
            dx[...] = factor
            return (dx,)

        return record("scaled", x.data * np.float32(factor), (x,), gradient)

    (scaled(v, 2) + scaled(v, 5)).sum().backward()
    assert v.grad.data is flat and flat.tolist() == [7, 7, 7]
    v.zero_grad()
    scaled(v, 3).sum().backward()
    assert v.grad.data is flat and flat.tolist() == [3, 3, 3]
    scaled(v, 3).sum().backward()
    assert flat.tolist() == [6, 6, 6]


def test_numpy_on_the_left_gives_a_tensor():
    y = np.ones(2) * param([1.0, 2.0])
    assert isinstance(y, Tensor) and y.requires_grad


def test_numpy_functions_read_a_tensor():
    x = Tensor([[1.0, 2.0]])
    assert np.asarray(x).shape == (1, 2) and np.sum(np.asarray(x)) == 3
    assert float(x[0, 1]) == 2.0 and len(x) == 1 and [float(v) for v in x[0]] == [1.0, 2.0]


def test_ops_take_plain_arrays():
    assert isinstance(ops.add([1.0], [2.0]), Tensor)
