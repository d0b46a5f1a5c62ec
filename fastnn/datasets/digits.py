"""1,797 handwritten digits of 8x8 pixels, which come with fastnn.

The test set of "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998, UCI Machine Learning
Repository, https://doi.org/10.24432/C50P49, licence CC BY 4.0; see LICENSES/digits.md). Thirteen people wrote them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastnn.datasets.files import Split

FILE = Path(__file__).with_name("digits.npz")


def load_data() -> Split:
    """The digits, with a fixed split: of every class, each fifth image is for testing.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        uint8: x (n, 8, 8) of 0 to 16, y (n,) of 0 to 9; n is 1,442 and 355. Both parts keep the source's order.

    Examples
    --------
    >>> from fastnn.datasets import digits
    >>> (x_train, y_train), (x_test, y_test) = digits.load_data()
    >>> x_train.shape, x_test.shape, y_train[:10].tolist()
    ((1442, 8, 8), (355, 8, 8), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    with np.load(FILE, allow_pickle=False) as archive:
        x, y = archive["x"], archive["y"]
    test = np.zeros(len(y), bool)
    for label in range(10):
        test[np.flatnonzero(y == label)[4::5]] = True
    return (x[~test], y[~test]), (x[test], y[test])
