"""Helpers beside models: sequences of one length, dtypes' names, the legacy module `backend`."""

import numpy as np
import pytest

from fastnn import backend, config, progress, utils


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_pad_sequences(padding, truncating):
    got = utils.pad_sequences([[1, 2, 3], [4], []], maxlen=2, padding=padding, truncating=truncating, value=9)
    want = [[2, 3] if truncating == "pre" else [1, 2], [9, 4] if padding == "pre" else [4, 9], [9, 9]]
    np.testing.assert_array_equal(got, want)
    assert got.dtype == np.int32
    vectors = utils.pad_sequences([np.ones((2, 3)), np.ones((1, 3))], dtype="float32", padding=padding)
    assert vectors.shape == (2, 2, 3) and vectors.sum() == 9


def test_sequences_that_do_not_fit():
    with pytest.raises(ValueError, match="padding must be 'pre' or 'post'"):
        utils.pad_sequences([[1]], padding="left")
    with pytest.raises(ValueError, match="alike but for their lengths"):
        utils.pad_sequences([np.ones((2, 3)), np.ones((1, 2))])
    with pytest.raises(ValueError, match="a list of sequences"):
        utils.pad_sequences([1, 2])
    with pytest.raises(ValueError, match="value must be a number"):
        utils.pad_sequences([[1]], value="none")


def test_dtypes():
    assert [utils.standardize_dtype(d) for d in (float, int, "bool", np.uint8)] == ["float32", "int32", "bool", "uint8"]
    with pytest.raises(ValueError, match="a dtype's name"):
        utils.standardize_dtype("number")
    assert backend.is_int_dtype("uint8") and not backend.is_int_dtype("bool") and backend.backend() == "fastnn"


def test_interactive_logging(monkeypatch):
    monkeypatch.setattr(progress, "_is_terminal", lambda: True)
    assert progress.resolve_verbose("fit", "auto") == 1
    config.disable_interactive_logging()
    try:
        assert progress.resolve_verbose("fit", "auto") == 0
        assert not utils.is_interactive_logging_enabled()
    finally:
        utils.enable_interactive_logging()
