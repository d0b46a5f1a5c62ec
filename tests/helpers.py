"""check_op: everything an op promises, checked by one line per case.

Values in float32 and float64 against a plain NumPy reference, gradients against central differences in float64,
the same bits for every thread count and every FMA instruction set, strided and read-only inputs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fastnn import Tensor, _core

# The instruction sets whose bits must be those of the one in use: all with a fused multiply-add; generic is by itself.
FMA_ISAS = [name for name in _core.isas() if name != "generic"] if _core.isa() != "generic" else []
THREADS = (2, 3, 7)
MOST_DIFFERENCES = 40  # elements per input whose derivative is also taken by differences


def random_array(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Normal float64 values, away from zero, where many functions have a kink."""
    rng = np.random.default_rng([seed, *shape])
    values = rng.standard_normal(shape)
    return np.asarray(values + np.copysign(0.05, values))


def tolerance(dtype: np.dtype, reduction: int) -> float:
    """Relative error allowed for a sum of `reduction` products: 16 eps sqrt(reduction)."""
    return float(16 * np.finfo(dtype).eps * np.sqrt(max(reduction, 1)))


def assert_close(got: Any, want: Any, dtype: Any, reduction: int = 1, what: str = "value") -> None:
    """Equal within `tolerance` of the largest finite wanted magnitude; NaN, infinities and shapes exactly."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, want {want.shape}"
    if not want.size:
        return
    if want.dtype.kind in "biu":
        np.testing.assert_array_equal(got, want, err_msg=what)
        return
    finite = np.isfinite(want)
    np.testing.assert_array_equal(np.where(finite, 0, got), np.where(finite, 0, want), err_msg=what)
    magnitude = np.abs(want[finite]).max(initial=0.0)
    np.testing.assert_allclose(
        np.where(finite, got, 0), np.where(finite, want, 0), rtol=0,
        atol=tolerance(np.dtype(dtype), reduction) * max(magnitude, np.finfo(dtype).tiny), err_msg=what,
    )


def assert_same_bits(got: np.ndarray, want: np.ndarray, what: str) -> None:
    """Equal to the last bit, NaN payloads included."""
    assert got.shape == want.shape and got.dtype == want.dtype, what
    assert np.ascontiguousarray(got).tobytes() == np.ascontiguousarray(want).tobytes(), f"{what}: bits differ"


def strided(array: np.ndarray) -> np.ndarray:
    """The same values behind other strides: every second element of a larger array, axes reversed in memory."""
    if not array.ndim:
        return array
    padded = np.full([2 * n for n in array.shape[::-1]], 7, dtype=array.dtype)
    view = padded.T[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


def is_float(array: np.ndarray) -> bool:
    return array.dtype.kind == "f"


def leaf(array: np.ndarray) -> Tensor:
    """A leaf over this very array, strides included (`Tensor` would copy it)."""
    tensor = Tensor.wrap(array)
    tensor.requires_grad = True
    return tensor


def run(
    op: Callable[..., Any], inputs: list[np.ndarray], dy: np.ndarray | None, kwargs: dict[str, Any]
) -> list[np.ndarray]:
    """The op's value and, where dy is given, its gradients for the float inputs."""
    tensors = [leaf(x) if is_float(x) and dy is not None else x for x in inputs]
    y = op(*tensors, **kwargs)
    if dy is None:
        return [y.numpy()]
    y.backward(dy.astype(y.dtype))
    leaves = [tensor for tensor in tensors if isinstance(tensor, Tensor)]
    return [y.numpy(), *(np.zeros_like(t.data) if t.grad is None else t.grad.numpy() for t in leaves)]


def numeric_gradient(
    function: Callable[[list[np.ndarray]], np.ndarray],
    inputs: list[np.ndarray],
    which: int,
    dy: np.ndarray,
    step: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Indices into input `which` and the fourth-order central differences of sum(dy * function) there.

    f'(x) = (f(x-2h) - 8 f(x-h) + 8 f(x+h) - f(x+2h)) / 12h, with an error of O(h^4) + O(eps / h).
    """
    size = inputs[which].size
    chosen = np.arange(size)
    if size > MOST_DIFFERENCES:
        chosen = np.sort(np.random.default_rng(size).choice(size, MOST_DIFFERENCES, replace=False))
    slopes = np.empty(len(chosen))
    for place, index in enumerate(chosen):
        total = np.zeros(dy.shape)
        for offset, weight in ((-2, 1.0), (-1, -8.0), (1, 8.0), (2, -1.0)):
            moved = [x.copy() for x in inputs]
            moved[which].reshape(-1)[index] += offset * step
            total += weight * function(moved)
        slopes[place] = float((dy * total).sum()) / (12 * step)
    return chosen, slopes


def check_op(
    op: Callable[..., Any],
    reference: Callable[..., Any],
    *inputs: Any,
    gradient: bool = True,
    reduction: int = 1,
    step: float = 1e-4,
    dtypes: tuple[Any, ...] = (np.float32, np.float64),
    **kwargs: Any,
) -> None:
    """Check one case of an op.

    Parameters
    ----------
    op, reference : callable
        Both are called as ``f(*inputs, **kwargs)``; the reference on float64 arrays, the op on tensors.
    *inputs : ndarray or shape
        Shapes stand for `random_array`. Only float inputs are differentiated.
    gradient : bool
        Whether the op has gradients.
    reduction : int
        Terms in the longest sum behind one output or gradient element; sets the tolerance.
    step : float
        For the differences; kinks must be further away than twice this.
    """
    arrays = [random_array(x, seed=i) if isinstance(x, tuple) else np.asarray(x) for i, x in enumerate(inputs)]
    for dtype in map(np.dtype, dtypes):
        typed = [np.asarray(x.astype(dtype)) if is_float(x) else x for x in arrays]
        want = np.asarray(reference(*[x.astype(np.float64) if is_float(x) else x for x in typed], **kwargs))
        dy = random_array(want.shape, seed=99).astype(dtype) if gradient else None
        base = run(op, typed, dy, kwargs)
        assert_close(base[0], want, dtype if want.dtype.kind == "f" else np.float64, reduction, f"value in {dtype}")
        if want.dtype.kind == "f":
            assert base[0].dtype == dtype, f"value in {dtype} has dtype {base[0].dtype}"
        check_bits(op, typed, dy, kwargs, base)
        if dy is not None:
            exact = run(op, [x.astype(np.float64) if is_float(x) else x for x in typed], dy.astype(np.float64), kwargs)
            for got, fine in zip(base[1:], exact[1:], strict=True):
                assert_close(got, fine, dtype, reduction, f"gradient in {dtype}")
    if gradient:
        check_differences(op, [x.astype(np.float64) if is_float(x) else x for x in arrays], kwargs, step)


def check_bits(
    op: Callable[..., Any],
    inputs: list[np.ndarray],
    dy: np.ndarray | None,
    kwargs: dict[str, Any],
    base: list[np.ndarray],
) -> None:
    """The same bits as `base` for other thread counts, instruction sets and strides."""
    variants: list[tuple[str, contextlib.AbstractContextManager[Any], list[np.ndarray]]] = [
        (f"{n} threads", _core.simulate_threads(n), inputs) for n in THREADS
    ]
    variants += [(name, _core.use_isa(name), inputs) for name in FMA_ISAS if name != _core.isa()]
    variants.append(("strided input", contextlib.nullcontext(), [strided(x) for x in inputs]))
    for what, context, values in variants:
        with context:
            for got, want in zip(run(op, values, dy, kwargs), base, strict=True):
                assert_same_bits(got, want, what)
    frozen = [x.copy() for x in inputs]
    for x in frozen:
        x.flags.writeable = False
    assert_same_bits(op(*frozen, **kwargs).numpy(), base[0], "read-only input")


def check_differences(
    op: Callable[..., Any], inputs: list[np.ndarray], kwargs: dict[str, Any], step: float, relative: float = 1e-6
) -> None:
    """Gradients in float64 against central differences, to `relative` of the largest."""
    value = run(op, inputs, None, kwargs)[0]
    dy = random_array(value.shape, seed=99)
    gradients = iter(run(op, inputs, dy, kwargs)[1:])
    for which, x in enumerate(inputs):
        if not is_float(x):
            continue
        got = next(gradients).reshape(-1)
        chosen, want = numeric_gradient(lambda moved: run(op, moved, None, kwargs)[0], inputs, which, dy, step)
        scale = max(np.abs(want).max(initial=0.0), np.abs(got).max(initial=0.0), 1e-3)
        np.testing.assert_allclose(
            got[chosen], want, rtol=0, atol=relative * scale, err_msg=f"gradient of input {which} against differences"
        )


@contextlib.contextmanager
def real_threads(n: int) -> Iterator[None]:
    """Real threads, as many as the machine gives up to n."""
    _core.set_num_threads(n)
    try:
        yield
    finally:
        _core.set_num_threads(None)


def check_layer(
    make: Callable[..., Any], x: Any, reference: Callable[..., Any], reduction: int = 1, **arguments: Any
) -> None:
    """Check one case of a layer.

    Values in both dtypes against ``reference(x, *weights)``, the promised output shape, gradients of input and weights
    against central differences, and that configuration and weights make an equal layer.

    Parameters
    ----------
    make : callable
        The layer's class.
    x : ndarray or shape
        A shape stands for `random_array`.
    reference : callable
    reduction : int
        Terms in the longest sum, for the tolerance.
    **arguments
        The layer's own.
    """
    x = random_array(x) if isinstance(x, tuple) else np.asarray(x)
    for dtype in ("float32", "float64"):
        layer = make(**arguments, dtype=dtype)
        y = layer(x)
        for i, weight in enumerate(layer.weights):
            weight.assign(random_array(weight.shape, seed=i + 1).astype(dtype))
        y = layer(x)
        weights = [w.numpy().astype(np.float64) for w in layer.weights]
        want = reference(np.asarray(x, dtype).astype(np.float64), *weights)
        assert_close(y, want, dtype, reduction, f"{layer.name} in {dtype}")
        assert y.dtype == dtype
        assert tuple(layer.compute_output_shape(x.shape)) == y.shape
        assert tuple(layer.compute_output_shape((None, *x.shape[1:]))) == (None, *y.shape[1:])
        twin = make.from_config(layer.get_config())  # type: ignore[attr-defined]
        assert twin.get_config() == layer.get_config()
        twin(x)
        twin.set_weights(layer.get_weights())
        assert_same_bits(twin(x).numpy(), y.numpy(), "from_config")
    check_layer_gradients(layer, x.astype(np.float64))


def check_layer_gradients(layer: Any, x: np.ndarray, step: float = 1e-4, relative: float = 1e-6) -> None:
    """Gradients of a float64 layer's input and weights against central differences."""
    inputs = [x, *layer.get_weights()]

    def value(moved: list[np.ndarray]) -> np.ndarray:
        layer.set_weights(moved[1:])
        return np.asarray(layer(moved[0]))

    dy = random_array(value(inputs).shape, seed=99)
    source = leaf(x.copy())
    layer(source).backward(dy)
    gradients = [source.grad, *(w.grad for w in layer.weights)]
    for which, gradient in enumerate(gradients):
        got = np.zeros(inputs[which].size) if gradient is None else gradient.numpy().reshape(-1)
        chosen, want = numeric_gradient(value, inputs, which, dy, step)
        scale = max(np.abs(want).max(initial=0.0), 1e-3)
        np.testing.assert_allclose(got[chosen], want, rtol=0, atol=relative * scale, err_msg=f"gradient {which}")
    layer.set_weights(inputs[1:])
    for weight in layer.weights:
        weight.zero_grad()
