"""Padding and output sizes of windows."""

from __future__ import annotations

import numpy as np
import pytest

from fastnn.ops.window import explicit_padding, output_size, pair, same_padding, window


@pytest.mark.parametrize("size", [0, 1, 2, 5, 7, 28])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_padding_gives_ceil_of_size_over_stride(size, kernel, stride, dilation):
    before, after = same_padding(size, kernel, stride, dilation)
    assert 0 <= before <= after <= before + 1
    got = window("f", (size, size), (kernel, kernel), stride, "same", dilation).output
    assert got == (-(-size // stride),) * 2


@pytest.mark.parametrize("size", [3, 4, 9])
@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 3])
def test_output_size_counts_the_positions_that_fit(size, kernel, stride, padding):
    starts = range(0, size + padding - kernel + 1, stride)
    assert output_size(size, kernel, stride, 1, padding) == len(starts)


def test_same_padding_of_an_even_window_is_larger_after():
    assert same_padding(28, 4) == (1, 2)


def test_pair_takes_numpy_integers_and_short_sequences():
    assert pair("f", "a", np.int64(3)) == pair("f", "a", [3]) == pair("f", "a", (3, 3)) == (3, 3)


def test_explicit_padding_forms():
    assert explicit_padding("f", 2) == ((2, 2), (2, 2))
    assert explicit_padding("f", (1, 2)) == ((1, 1), (2, 2))
    assert explicit_padding("f", ((1, 2), (3, 4))) == ((1, 2), (3, 4))


def test_window_rejects_bad_arguments():
    with pytest.raises(ValueError, match=r"f: strides must be an integer of at least 1, or a tuple of two; got 0\."):
        window("f", (4, 4), (2, 2), 0)
    with pytest.raises(ValueError, match=r"f: strides must be .* got \(1, 2, 3\)"):
        window("f", (4, 4), (2, 2), (1, 2, 3))
    with pytest.raises(ValueError, match="f: padding must be a known name; got 'sane'. Did you mean 'same'?"):
        window("f", (4, 4), (2, 2), 1, "sane")
    with pytest.raises(ValueError, match="f: padding must be 'valid', 'same' or"):
        window("f", (4, 4), (2, 2), 1, ((0, -1), (0, 0)))
    with pytest.raises(ValueError, match="f: the input's width must be at least the window's 5; got 4 with padding"):
        window("f", (6, 4), (5, 5))


def test_channels_first_follows_the_configuration():
    from fastnn import config, layers, ops

    x = np.ones((1, 2, 6, 4), "float32")
    assert ops.max_pool(x, 2).shape == (1, 1, 3, 4)
    config.set_image_data_format("channels_first")
    try:
        assert ops.max_pool(x, 2).shape == ops.average_pool(x, 2).shape == (1, 2, 3, 2)
        assert ops.conv(x, np.ones((3, 3, 2, 5), "float32")).shape == layers.Conv2D(5, 3)(x).shape == (1, 5, 4, 2)
    finally:
        config.set_image_data_format("channels_last")
    with pytest.raises(ValueError, match="data_format must be 'channels_last' or 'channels_first'; got 'nhwc'"):
        config.set_image_data_format("nhwc")


def test_a_stride_beyond_the_input_is_cut_to_it():
    """Kernels walk through the places of a stride."""
    assert window("f", (5, 8), (3, 3), 1 << 62, "same").strides == (5, 8)
    assert window("f", (5, 8), (3, 3), (5, 8), "same").strides == (5, 8)
    assert window("f", (0, 8), (1, 3), 7, ((0, 0), (1, 1))).strides == (1, 7)
