"""Every op in plain NumPy, written for the eye and not for speed: what the kernels must equal."""

from __future__ import annotations

import numpy as np

# ---- linalg -------------------------------------------------------------------------------------------------------


def matmul(x1, x2):
    return np.matmul(x1, x2)


def dot(x1, x2):
    return np.dot(x1, x2)


def linear(x, kernel, bias=None, activation=None, slope=0.2):
    y = x @ kernel + (0 if bias is None else bias)
    below = {None: 1.0, "linear": 1.0, "relu": 0.0, "leaky_relu": slope}[activation]
    return np.where(y > 0, y, below * y)


# ---- conv ---------------------------------------------------------------------------------------------------------

# ---- pool ---------------------------------------------------------------------------------------------------------

# ---- elementwise --------------------------------------------------------------------------------------------------

# ---- reduce -------------------------------------------------------------------------------------------------------


sum, mean, prod, argmax, argmin = np.sum, np.mean, np.prod, np.argmax, np.argmin


def max(x: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    return np.asarray(x.max(axis))


def min(x: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    return np.asarray(x.min(axis))



# ---- softmax and losses -------------------------------------------------------------------------------------------

# ---- movement -----------------------------------------------------------------------------------------------------

# ---- optimizers ---------------------------------------------------------------------------------------------------
