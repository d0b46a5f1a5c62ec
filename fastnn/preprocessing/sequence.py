"""Sequences of different lengths as one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import errors


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Bring sequences to one length.

    Parameters
    ----------
    sequences : sequence of array_like
        Each of shape (steps, ...), the axes after the first all alike.
    maxlen : int, optional
        Default: the longest one's length.
    dtype : dtype
    padding : "pre" or "post"
        Where `value` is put in.
    truncating : "pre" or "post"
        Where those that are too long lose steps.
    value : float or str
        A text for a dtype of texts.

    Returns
    -------
    ndarray
        (len(sequences), maxlen, ...)

    Examples
    --------
    >>> from fastnn.utils import pad_sequences
    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)
    """
    for argument, where in (("padding", padding), ("truncating", truncating)):
        if where not in ("pre", "post"):
            raise errors.value_error("pad_sequences", argument, "'pre' or 'post'", where)
    if not hasattr(sequences, "__len__") or isinstance(sequences, str):
        raise errors.type_error("pad_sequences", "sequences", "a list of sequences", sequences)
    if any(not hasattr(each, "__len__") for each in sequences):
        raise errors.value_error("pad_sequences", "sequences", "a list of sequences", sequences)
    arrays = [np.asarray(each) for each in sequences]
    rest = next((each.shape[1:] for each in arrays if len(each)), ())
    if any(len(each) and each.shape[1:] != rest for each in arrays):
        raise errors.value_error("pad_sequences", "sequences", "alike but for their lengths", errors.Shown("others"))
    if isinstance(value, str) and np.dtype(dtype).kind not in "OSU":
        raise errors.value_error("pad_sequences", "value", f"a number for dtype {np.dtype(dtype)}", value)
    length = max(map(len, arrays), default=0) if maxlen is None else int(maxlen)
    padded = np.full((len(arrays), length, *rest), value, dtype)
    for row, each in zip(padded, arrays, strict=True):
        kept = each[max(len(each) - length, 0) :] if truncating == "pre" else each[:length]
        begin = length - len(kept) if padding == "pre" else 0
        if len(kept):
            row[begin : begin + len(kept)] = kept
    return padded
