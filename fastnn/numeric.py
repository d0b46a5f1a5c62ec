"""Array-likes of users as arrays of numbers, or an error that says why not."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import errors


def as_numeric(who: str, argument: str, value: Any, native: bool = True) -> np.ndarray:
    """An array-like as an array of numbers, without a copy where NumPy needs none; else the error that says why not.

    ``native=False`` leaves a foreign byte order as it is.
    """
    if hasattr(value, "to_numpy"):  # pandas, polars
        value = value.to_numpy()
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        got = errors.Shown(f"a {type(value).__name__} that NumPy cannot make into one")
        fix = "Give every row the same length."
        raise errors.value_error(who, argument, "a rectangular array of numbers", got, fix) from None
    if array.dtype == object:
        _check_objects(who, argument, array)
        array = array.astype(np.float64)
    if array.dtype.kind in "US":
        raise _text_error(who, argument, array.flat[0] if array.size else "")
    if array.dtype.kind not in "fiub":
        fix = "Use its real and imaginary parts." if array.dtype.kind == "c" else "Convert it to numbers first."
        raise errors.type_error(who, argument, "an array of real numbers", array, fix)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    if native and not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array


def _check_objects(who: str, argument: str, array: np.ndarray) -> None:
    """An array of Python objects, such as a frame of mixed columns, must hold numbers throughout."""
    for item in array.flat:
        if isinstance(item, (str, bytes)):
            raise _text_error(who, argument, item)
        if not isinstance(item, (bool, int, float, np.number, np.bool_)):
            missing = item is None or type(item).__name__ in ("NAType", "NaTType")
            fix = "Fill the gaps first: data.fillna(0)." if missing else "Convert it to numbers first."
            got = errors.Shown(f"{item} in it" if missing else f"{errors.describe(item)} in it")
            raise errors.value_error(who, argument, "a rectangular array of numbers", got, fix)


def _text_error(who: str, argument: str, sample: object) -> ValueError:
    fix = "Make class numbers of texts: classes, y = np.unique(y, return_inverse=True)."
    if argument != "y":
        fix = "Replace texts by numbers first, for instance with pandas.get_dummies(x)."
    return errors.value_error(who, argument, "numbers", errors.Shown(f"texts such as {str(sample)!r}"), fix)
