"""conv2d_max_pool: values, bits and gradients are those of conv2d followed by max_pool."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import _core, ops
from fastnn.ops.window import same_padding
from tests import reference
from tests.helpers import assert_close, assert_same_bits, check_op, random_array, real_threads


def fused(x, kernel, bias=None, activation=None, pool=2, pool_strides=None, slope=0.3, **kwargs):
    return ops.conv2d_max_pool(
        x, kernel, bias, activation=activation, slope=slope, pool_size=pool, pool_strides=pool_strides, **kwargs
    )


def unfused(x, kernel, bias=None, activation=None, pool=2, pool_strides=None, slope=0.3, **kwargs):
    return ops.max_pool(ops.conv2d(x, kernel, bias, activation=activation, slope=slope, **kwargs), pool, pool_strides)


def check(x, kernel, pool=2, pool_strides=None, strides=(1, 1), padding="valid", dilation=(1, 1), **kwargs):
    """check_op against the reference, and bits and gradients against the two ops."""
    pads = ((0, 0), (0, 0))
    if padding == "same":
        pads = tuple(same_padding(*axis) for axis in zip(x[1:3], kernel[:2], strides, dilation, strict=True))
    where = {"strides": strides, "padding": padding, "dilation": dilation}
    how = {"activation": kwargs.pop("activation", "relu"), "pool": pool, "pool_strides": pool_strides}

    def want(x, kernel, bias):
        y = reference.conv2d(x, kernel, bias, strides, pads, dilation, 1, how["activation"], 0.3)
        return reference.max_pool(y, pool, pool_strides)

    arrays = [random_array(x, 1), random_array(kernel, 2), random_array(kernel[3:], 3)]
    reduction = max(int(np.prod(kernel[:3])), int(np.prod(x[:3])))
    check_op(lambda *args: fused(*args, **how, **where), want, *arrays, reduction=reduction, step=1e-6, **kwargs)
    same_as_two_ops(*(a.astype(np.float32) for a in arrays), **how, **where)


def same_as_two_ops(x, kernel, bias=None, **kwargs):
    inputs = [a for a in (x, kernel, bias) if a is not None]
    two, one = ([fastnn.Tensor(a, requires_grad=True) for a in inputs] for _ in range(2))
    want, got = unfused(*two, **kwargs), fused(*one, **kwargs)
    assert_same_bits(got.numpy(), want.numpy(), "fused and not")
    assert_same_bits(fused(*inputs, **kwargs).numpy(), want.numpy(), "without gradients")
    dy = random_array(want.shape, 9).astype(want.dtype)
    want.backward(dy)
    got.backward(dy)
    for a, b in zip(one, two, strict=True):
        assert_close(a.grad.numpy(), b.grad.numpy(), want.dtype, max(1, x.size // x.shape[3]), "gradient")


# Register tiles have 1 to 3 windows of 2x2 or one of 3x3, and 1 or 2 panels of 16 (float64: 8) channels.
@pytest.mark.parametrize("pool", [2, 3])
@pytest.mark.parametrize("oc", [1, 7, 8, 9, 16, 17, 31, 32, 33, 49])
def test_conv2d_max_pool_matches_reference_for_output_channels(oc, pool):
    check((2, 9, 11, 3), (3, 2, 3, oc), pool, padding="same", dtypes=(np.float32,))


@pytest.mark.parametrize("pool", [2, 3])
@pytest.mark.parametrize("width", [4, 6, 7, 8, 10, 13, 16, 21])
def test_conv2d_max_pool_matches_reference_for_widths(width, pool):
    check((2, 5, width, 2), (2, 2, 2, 5), pool, dtypes=(np.float32,))


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu"])
@pytest.mark.parametrize("pool", [1, 2, 3, (2, 3), (5, 1)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv2d_max_pool_matches_reference_for_windows_and_activations(activation, pool, padding):
    check((2, 10, 9, 2), (3, 3, 2, 9), pool, activation=activation, padding=padding)


@pytest.mark.parametrize("pool, pool_strides", [(3, 2), (2, 1), ((3, 2), (1, 2)), (2, 3), ((1, 4), (2, 3))])
def test_conv2d_max_pool_matches_reference_for_overlaps_and_gaps(pool, pool_strides):
    check((2, 11, 9, 3), (3, 3, 3, 4), pool, pool_strides, padding="same")


@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (1, 3)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (2, 3)])
@pytest.mark.parametrize("padding", ["valid", "same", ((5, 4), (0, 6))])
def test_conv2d_max_pool_matches_reference_for_strides_dilations_paddings(strides, dilation, padding):
    if padding in ("valid", "same"):
        check((2, 13, 15, 2), (3, 3, 2, 3), strides=strides, dilation=dilation, padding=padding, dtypes=(np.float32,))
    x, kernel, bias = (random_array(s).astype(np.float32) for s in ((2, 13, 15, 2), (3, 3, 2, 18), (18,)))
    for pool in (2, 3):
        same_as_two_ops(x, kernel, bias, pool=pool, strides=strides, dilation=dilation, padding=padding)


def test_conv2d_max_pool_in_many_blocks():
    """Blocks of windows that scratch memory holds are cut across, down and between images."""
    x, kernel = random_array((5, 40, 70, 3)).astype(np.float32), random_array((3, 3, 3, 70)).astype(np.float32)
    for pool, pool_strides in (((2, 3), None), (3, 2), ((4, 60), None), ((38, 2), 1), (13, 7)):
        same_as_two_ops(x, kernel, pool=pool, pool_strides=pool_strides, activation="relu", padding="same")


def test_conv2d_max_pool_of_large_windows_and_groups_is_two_ops():
    x, kernel = random_array((1, 16, 17, 4)).astype(np.float32), random_array((1, 1, 2, 4)).astype(np.float32)
    same_as_two_ops(x, kernel, groups=2, activation="relu")
    same_as_two_ops(x[..., :2], kernel, pool=(16, 16))


@pytest.mark.parametrize("x", [(0, 6, 5, 3), (2, 0, 5, 3)])
def test_conv2d_max_pool_of_nothing(x):
    y = fused(np.ones(x, np.float32), np.ones((3, 3, 3, 4), np.float32), padding="same")
    assert y.shape == (x[0], x[1] // 2, 2, 4)


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu"])
@pytest.mark.parametrize("pool", [2, 3, (2, 3)])
@pytest.mark.parametrize("oc", [3, 16, 40])
def test_conv2d_max_pool_keeps_nan_infinities_ties_and_signs_of_zero(activation, pool, oc):
    rng = np.random.default_rng(oc)
    x = rng.choice(np.array([-1, -0.0, 0, 1, 1, -1e-30], np.float32), (3, 9, 12, 1))
    x[0, 2, 3], x[0, 5, 5], x[1, 7, 7], x[1, 8, 0] = np.nan, np.inf, -np.inf, np.nan
    kernel = rng.choice(np.array([-1, 1, 1e-30, -0.0, 0], np.float32), (1, 1, 1, oc))
    with np.errstate(invalid="ignore"):
        for bias in (None, np.full(oc, -0.0, np.float32)):
            want, got = (f(x, kernel, bias, activation=activation, pool=pool).numpy() for f in (unfused, fused))
            np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
            assert_same_bits(np.nan_to_num(got), np.nan_to_num(want), "values")
            same_as_two_ops(x[2:], kernel, bias, activation=activation, pool=pool)


def test_conv2d_max_pool_sends_no_gradient_where_relu_is_off():
    x = fastnn.Tensor(-np.ones((1, 4, 4, 1), np.float32), requires_grad=True)
    fused(x, np.ones((1, 1, 1, 1), np.float32), activation="relu").sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.zeros((1, 4, 4, 1)))


def test_conv2d_max_pool_gradients_of_some_inputs():
    x, kernel, bias = (random_array(s).astype(np.float32) for s in ((2, 6, 6, 3), (3, 3, 3, 4), (4,)))
    for chosen in range(3):
        results = []
        for f in (unfused, fused):
            inputs = [fastnn.Tensor(a, requires_grad=i == chosen) for i, a in enumerate((x, kernel, bias))]
            f(*inputs, activation="leaky_relu").sum().backward()
            results.append(inputs[chosen].grad.numpy())
            assert all(t.grad is None for i, t in enumerate(inputs) if i != chosen)
        assert_close(results[1], results[0], np.float32, 36)


def test_conv2d_max_pool_of_a_sample_does_not_depend_on_its_batch():
    x, kernel = random_array((9, 9, 8, 16)).astype(np.float32), random_array((3, 3, 16, 40)).astype(np.float32)
    for pool in (2, 3, (2, 1)):
        whole = fused(x, kernel, pool=pool, padding="same").numpy()
        for n in range(len(x)):
            assert_same_bits(fused(x[n : n + 1], kernel, pool=pool, padding="same").numpy(), whole[n : n + 1], f"{n}")


@pytest.mark.parametrize(
    "shape, oc, pool", [((33, 16, 16, 32), 64, 2), ((1, 31, 29, 3), 20, 3), ((4, 8, 8, 32), 64, 3)]
)
def test_conv2d_max_pool_same_bits_for_real_threads(shape, oc, pool):
    x, kernel = random_array(shape).astype(np.float32), random_array((3, 3, shape[3], oc)).astype(np.float32)

    def run():
        a, b = fastnn.Tensor(x, requires_grad=True), fastnn.Tensor(kernel, requires_grad=True)
        y = fused(a, b, activation="relu", pool=pool, padding="same")
        y.backward(y.numpy())
        return y.numpy(), a.grad.numpy(), b.grad.numpy()

    with real_threads(1):
        want = run()
    for threads in (2, 3, 7):
        with real_threads(threads):
            for got, one in zip(run(), want, strict=True):
                assert_same_bits(got, one, f"{threads} threads")


def test_conv2d_max_pool_runs_on_every_isa():
    x, kernel = random_array((2, 9, 9, 9)), random_array((3, 3, 9, 20))
    want = reference.max_pool(reference.conv2d(x, kernel, pads=((1, 1), (1, 1))), 2)
    for name in _core.isas():
        with _core.use_isa(name):
            for dtype in (np.float32, np.float64):
                y = fused(x.astype(dtype), kernel.astype(dtype), padding="same").numpy()
                assert_close(y, want, dtype, 81)
                same_as_two_ops(x.astype(dtype), kernel.astype(dtype), activation="relu", padding="same")


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"pool": 0}, "conv2d_max_pool: pool_size must be an integer of at least 1"),
        ({"pool": (6, 2)}, "conv2d_max_pool: the input's height must be at least the window's 6; got 5"),
        ({"pool_strides": 0}, "conv2d_max_pool: pool_strides must be an integer of at least 1"),
        ({"activation": "tanh"}, "conv2d_max_pool: activation must be a known name; got 'tanh'"),
        ({"slope": -1.0}, "conv2d_max_pool: slope must be at least 0"),
    ],
)
def test_conv2d_max_pool_rejects_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        fused(np.ones((2, 7, 7, 3), np.float32), np.ones((3, 3, 3, 4), np.float32), **kwargs)
