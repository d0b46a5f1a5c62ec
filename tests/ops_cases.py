"""Calls of `fastnn.ops`, for tests/test_ops_cases.py (NumPy, differences) and tests/parity/test_ops.py (Keras).

A case is a name and its arguments: float32 arrays are differentiated, everything else is passed as it is. `plain` says
that nothing is differentiable; `numpy` is what computes the same, by default NumPy's function of the name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """One call."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = {}  # never changed
    plain: bool = False
    numpy: Callable[..., Any] | None | str = "same"


def f(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """Different numbers of an interval, in a random order, none near 0 or at half of a whole number."""
    size = math.prod(shape)
    grid = low + (high - low) * (np.arange(size) + 0.37) / max(size, 1)
    grid = np.where(np.abs(grid) < 0.04, grid + 0.09, grid)
    return np.random.default_rng([seed, size]).permutation(grid).reshape(shape).astype(np.float32)


def pos(*shape: int, seed: int = 0) -> np.ndarray:
    return f(*shape, seed=seed, low=0.3, high=3.0)


def unit(*shape: int, seed: int = 0) -> np.ndarray:
    return f(*shape, seed=seed, low=-0.9, high=0.9)


def ints(*shape: int, seed: int = 0, low: int = -4, high: int = 9, dtype: str = "int32") -> np.ndarray:
    return np.random.default_rng([seed, *shape]).integers(low, high, shape).astype(dtype)


NUMBERS, B = ints(3, 4), np.array([[True, False, True], [False, False, True]])
U8 = np.array([[3, 200], [0, 7]], np.uint8)
HOLES = f(3, 4)
HOLES[0, 1] = HOLES[1, :] = np.nan
SIGNED = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.5, -2.5], np.float32)
ROW = np.array([-1.5, -0.25, 0.5, 1.75], np.float32)
IDS = np.array([2, 0, 2, 1, 0], np.int32)

REAL = "absolute abs negative square sin cos arctan sinh cosh arcsinh tanh exp exp2 expm1 fabs deg2rad rad2deg"
POSITIVE = "sqrt rsqrt log log2 log10 reciprocal"
UNIT = "arcsin arccos arctanh log1p erfinv tan"
STEPS = "floor ceil round trunc sign"
NN = (
    "relu relu6 sigmoid silu swish elu selu celu gelu softplus softsign log_sigmoid hard_sigmoid hard_silu hard_swish"
    " hard_tanh hard_shrink soft_shrink tanh_shrink leaky_relu sparse_plus sparse_sigmoid squareplus softmax"
    " log_softmax erf erfc normalize"
)
TESTS = "isfinite isinf isnan isneginf isposinf signbit logical_not isreal"
PAIRS = "add subtract multiply maximum minimum arctan2 hypot logaddexp fmax fmin"
COMPARISONS = (
    "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor isclose allclose"
)
BITS = "bitwise_and bitwise_or bitwise_xor gcd lcm"
REDUCTIONS = "sum mean max min prod var std amax amin ptp median nansum nanmean nanmax nanmin nanprod nanvar nanstd"

CASES: list[Case] = [
    *(Case(name, (f(3, 4),)) for name in REAL.split() ),
    Case("sinc", (f(3, 4),)), Case("cbrt", (pos(3, 4),)), Case("sin", (NUMBERS,), plain=True),
    Case("sqrt", (ints(3, low=0),), plain=True),
    *(Case(name, (pos(3, 4),), numpy="same" if name in ("sqrt", "log", "log2", "log10", "reciprocal") else None)
      for name in POSITIVE.split()),
    *(Case(name, (unit(3, 4),), numpy=None if name == "erfinv" else "same") for name in UNIT.split()),
    Case("arccosh", (pos(5) + 1,)),
    *(Case(name, (f(3, 4),)) for name in STEPS.split()),
    *(Case(name, (NUMBERS,), plain=True, numpy="same") for name in ("sign", "absolute", "negative", "square",
        "trunc", "round")),
    Case("floor", (NUMBERS,), plain=True, numpy=None), Case("round", (f(6), 1)), Case("absolute", (U8,), plain=True),
    Case("square", (B,), plain=True, numpy=None),
    *(Case(name, (f(3, 4),), numpy=None) for name in NN.split()),
    Case("sparsemax", (f(3, 4),), plain=True, numpy=None), Case("leaky_relu", (f(5), 0.3), numpy=None),
    Case("softmax", (f(2, 3, 4), (0, 2)), numpy=None),
    Case("gelu", (f(5), False), numpy=None), Case("celu", (f(5), 0.5), numpy=None),
    Case("elu", (f(5), 0.5), numpy=None),
    Case("glu", (f(3, 4),), numpy=None), Case("threshold", (f(5), 0.5, 0.25), numpy=None),
    Case("normalize", (f(3, 4), 0, 1), numpy=None), Case("normalize", (f(3, 4), 1, 3), numpy=None),
    *(Case(name, (SIGNED,), plain=True) for name in TESTS.split()),
    Case("nan_to_num", (SIGNED,), plain=True), Case("nan_to_num", (SIGNED, 1.0, 2.0, -2.0), plain=True, numpy=None),
    Case("nan_to_num", (f(4),)), Case("clip", (f(6), -0.5, 0.75)), Case("clip", (NUMBERS, 0, 3), plain=True),
    *(Case(name, (f(3, 4), f(4, seed=1))) for name in PAIRS.split()),
    *(Case(name, (NUMBERS, 3), plain=True) for name in ("add", "subtract", "multiply", "maximum", "power", "fmax")),
    *(Case(name, (NUMBERS, 1.5), plain=True, numpy=None) for name in ("add", "multiply", "divide", "maximum",
        "power")),
    *(Case(name, (B, 2), plain=True, numpy=None) for name in ("add", "multiply", "divide")),
    *(Case(name, (U8, ints(2, 2, dtype="int32")), plain=True) for name in ("add", "multiply", "minimum",
        "not_equal")),
    Case("divide", (f(3, 4), pos(4))), Case("true_divide", (f(3, 4), pos(4))), Case("power", (pos(3, 4), f(4))),
    Case("divide", (NUMBERS, ints(3, 4, low=1)), plain=True, numpy=None),
    Case("divide_no_nan", (f(4), np.array([2, 0, 4, 0], np.float32)), plain=True, numpy=None),
    Case("divide_no_nan", (f(4), pos(4)), numpy=None),
    Case("logaddexp2", (f(3, 4), f(4, seed=1))), Case("heaviside", (f(4), f(4, seed=1))),
    Case("heaviside", (np.array([-1, 0, 2], np.float32), 0.5), plain=True),
    Case("nextafter", (f(4), f(4, seed=1)), plain=True), Case("ldexp", (f(4), ints(4)), numpy="same"),
    Case("floor_divide", (f(3, 4), pos(4))), Case("mod", (f(3, 4), pos(4) + 0.01)),
    Case("fmod", (f(3, 4), pos(4) + 0.01)),
    *(Case(name, (NUMBERS, ints(4, low=1)), plain=True) for name in ("floor_divide", "mod", "fmod")),
    *(Case(name, (f(3, 4), f(3, 4)[:, ::-1].copy()), plain=True) for name in COMPARISONS.split()),
    *(Case(name, (NUMBERS, 2), plain=True) for name in ("equal", "less", "greater_equal", "logical_and")),
    *(Case(name, (NUMBERS, ints(4, seed=1)), plain=True) for name in BITS.split()),
    Case("bitwise_not", (NUMBERS,), plain=True), Case("bitwise_invert", (NUMBERS,), plain=True),
    *(Case(name, (NUMBERS, ints(4, low=0)), plain=True, numpy=np.left_shift if "left" in name else np.right_shift)
      for name in ("left_shift", "right_shift", "bitwise_left_shift", "bitwise_right_shift")),
    Case("isin", (NUMBERS, np.array([1, 3], np.int32)), plain=True),
    Case("isin", (NUMBERS, np.array([1, 3], np.int32)), {"invert": True}, True),
    Case("where", (B, f(2, 3), f(3, seed=1))), Case("where", (B,), plain=True),
    Case("where", (B, NUMBERS[:2, :3], 7), plain=True),
    Case("select", ([B, ~B], [f(2, 3), f(2, 3, seed=1)], 0.5), plain=True),
    *(Case(name, (f(2, 3, 4),)) for name in REDUCTIONS.split()),
    *(Case(name, (f(2, 3, 4),), {"axis": 1, "keepdims": True}) for name in REDUCTIONS.split() if name != "ptp"),
    *(Case(name, (HOLES,), {"axis": 1}, True) for name in REDUCTIONS.split() if "nan" in name),
    *(Case(name, (NUMBERS,), plain=True, numpy=None) for name in ("sum", "mean", "max", "prod", "var", "ptp",
        "median", "nansum")),
    *(Case(name, (B,), plain=True, numpy=None) for name in ("sum", "mean", "prod", "all", "any")),
    *(Case(name, (U8,), plain=True, numpy=None) for name in ("sum", "max", "mean", "prod")),
    Case("ptp", (f(2, 3, 4),), {"axis": 1}), Case("max", (f(3, 4), 0), {"initial": 1.0}),
    Case("min", (f(3, 4), 0), {"initial": -1.0}),
    *(Case(name, (f(3, 4), 1), plain=True) for name in ("argmax", "argmin", "nanargmax", "nanargmin")),
    Case("argmax", (f(3, 4), 1, True), plain=True, numpy=None), Case("nanargmax", (HOLES, 1), plain=True, numpy=None),
    Case("nanargmin", (HOLES, 1), plain=True, numpy=None),
    Case("all", (B, 1), plain=True), Case("any", (B, 0), plain=True), Case("count_nonzero", (NUMBERS, 1), plain=True),
    Case("logsumexp", (f(3, 4), 1), numpy=None), Case("average", (f(3, 4), 1), {"weights": pos(4)}),
    Case("average", (f(3, 4),), {"weights": pos(3, 4)}), Case("average", (f(3, 4), 0)),
    *(Case(name, (f(3, 4), 0.3), {"axis": 1}) for name in ("quantile", "nanquantile")),
    *(Case(name, (f(3, 5), 40.0), {"axis": 0, "method": "nearest"}) for name in ("percentile", "nanpercentile")),
    Case("quantile", (f(3, 4), np.array([0.25, 1.0])), {"keepdims": True}), Case("nanmedian", (HOLES, 1), plain=True),
    Case("nanquantile", (HOLES, 0.4, 1), plain=True), Case("nanmedian", (f(3, 4), 1)),
    Case("nanpercentile", (HOLES, 40.0, 1), plain=True),
    *(Case(name, (f(3, 4), 1)) for name in ("cumsum", "cumprod", "nancumsum", "nancumprod", "sort")),
    *(Case(name, (NUMBERS, 1), plain=True, numpy=None) for name in ("cumsum", "cumprod", "sort")),
    Case("cumsum", (f(3, 4),)),
    Case("nancumsum", (HOLES, 1), plain=True), Case("nancumprod", (HOLES, 1), plain=True),
    Case("cumsum", (B, 0), plain=True, numpy=None),
    Case("cumsum", (NUMBERS, 0), {"dtype": "float32"}, True),
    Case("diff", (f(3, 4),)), Case("diff", (f(5), 2)), Case("trapezoid", (f(3, 4),)),
    Case("trapezoid", (f(3, 4), ROW)),
    Case("norm", (f(3, 4),), numpy=np.linalg.norm), Case("norm", (f(3, 4), 1, 1), numpy=np.linalg.norm),
    Case("norm", (f(3, 4), np.inf, 1), numpy=np.linalg.norm),
    Case("norm", (f(3, 4), 3, 0, True), numpy=np.linalg.norm),
    Case("norm", (f(2, 3, 4), "fro", (1, 2)), numpy=np.linalg.norm),
    Case("norm", (f(2, 3, 4), 1, (1, 2)), numpy=np.linalg.norm),
    Case("norm", (f(3, 4), -np.inf), numpy=np.linalg.norm),
    Case("norm", (f(3, 4), 0, 1), plain=True, numpy=np.linalg.norm),
    Case("argsort", (f(3, 4),), plain=True), Case("argsort", (NUMBERS, 0), plain=True, numpy=None),
    Case("argpartition", (ROW, 2), plain=True),
    Case("top_k", (f(3, 4), 2), numpy=None),
    Case("in_top_k", (np.array([1, 3, 0], np.int32), f(3, 4), 2), plain=True, numpy=None),
    Case("searchsorted", (ROW, f(2, 3)), plain=True), Case("searchsorted", (ROW, ROW, "right"), plain=True),
    Case("digitize", (f(2, 3), ROW), plain=True), Case("unique", (NUMBERS,), plain=True),
    Case("bincount", (IDS,), plain=True),
    Case("bincount", (IDS,), {"minlength": 6}, True), Case("bincount", (IDS, f(5)), plain=True, numpy=None),
    Case("histogram", (f(20), 5), plain=True, numpy=None),
    Case("histogram", (f(20), 4, (-1.0, 1.0)), plain=True, numpy=None),
    *(Case(f"segment_{name}", (f(5, 2), IDS, 3), numpy=None) for name in ("sum", "max", "min", "prod")),
    Case("segment_sum", (ints(5, 2), IDS, 3), plain=True, numpy=None),
    Case("matmul", (f(3, 4), f(4, 2, seed=1))), Case("matmul", (f(2, 3, 4), f(4))),
    Case("matmul", (NUMBERS, NUMBERS.T.copy()), plain=True),
    Case("dot", (f(2, 3), f(4, 3, 5, seed=1))), Case("dot", (f(3), f(3, seed=1))),
    Case("inner", (f(2, 3), f(4, 3, seed=1))),
    Case("tensordot", (f(2, 3, 4), f(4, 3, 5, seed=1), ((1, 2), (1, 0)))),
    Case("tensordot", (f(2, 3, 4), f(3, 4, 2, seed=1))),
    Case("outer", (f(3), f(4, seed=1))), Case("vdot", (f(2, 3), f(2, 3, seed=1))),
    Case("kron", (f(2, 3), f(3, 2, seed=1))),
    Case("cross", (f(4, 3), f(4, 3, seed=1))), Case("cross", (f(3, 2), f(3, 2, seed=1)), numpy=None),
    Case("trace", (f(3, 4), 1)),
    *(Case("einsum", (text, *xs)) for text, xs in (
        ("ij,jk->ik", (f(2, 3), f(3, 4, seed=1))), ("bij,bkj->bik", (f(2, 3, 4), f(2, 5, 4, seed=1))),
        ("ii->i", (f(3, 3),)),
        ("ij->ji", (f(2, 3),)), ("i,j", (f(2), f(3, seed=1))), ("...i,ij->...j", (f(2, 3, 4), f(4, 2, seed=1))),
        ("ij->", (f(2, 3),)),
        ("ij,jk,kl->il", (f(2, 3), f(3, 4, seed=1), f(4, 2, seed=2))),
        ("bhwc,bhwc->bc", (f(2, 2, 3, 4), f(2, 2, 3, 4, seed=1))),
        ("ij,ij->ij", (f(2, 3), f(2, 3, seed=1))), ("iij,jk->ki", (f(2, 2, 3), f(3, 4, seed=1))),
    )),
    Case("diag", (f(3),)), Case("diag", (f(3), -1)), Case("diag", (f(3, 4), 1)), Case("diagflat", (f(2, 2), 1)),
    Case("diagonal", (f(2, 3, 4), 1, 0, 2)), Case("tril", (f(3, 4),)), Case("triu", (f(2, 3, 4), 1)),
    Case("tril", (NUMBERS, -1), plain=True),
    Case("vander", (f(4), 3)), Case("vander", (ROW,), {"increasing": True}),
    Case("cdist", (f(3, 4), f(5, 4, seed=1)), numpy=None),
    Case("psnr", (f(3, 4), f(3, 4, seed=1), 2.0), numpy=None), Case("corrcoef", (f(3, 5),)),
    *(Case("correlate", (f(6), f(3, seed=1), mode)) for mode in ("valid", "full", "same")),
    Case("reshape", (f(3, 4), (2, -1))), Case("transpose", (f(2, 3, 4), (2, 0, 1))), Case("ravel", (f(2, 3),)),
    Case("moveaxis", (f(2, 3, 4), 0, 2)),
    Case("swapaxes", (f(2, 3, 4), 0, 2)), Case("expand_dims", (f(3), 1)), Case("squeeze", (f(3, 1, 2), 1)),
    Case("flip", (f(3, 4), 1)),
    Case("fliplr", (f(3, 4),)), Case("flipud", (f(3, 4),)), Case("rot90", (f(3, 4),)),
    Case("rot90", (f(2, 3, 4), 3, (1, 2))),
    Case("roll", (f(3, 4), 5)), Case("roll", (f(3, 4), (1, -1), (0, 1))), Case("tile", (f(2, 3), (2, 1, 2))),
    Case("repeat", (f(2, 3), 2, 1)),
    Case("repeat", (f(2, 3), np.array([1, 2]), 0)), Case("broadcast_to", (f(3), (2, 3))), Case("copy", (f(3),)),
    *(Case("pad", (f(3, 4), ((1, 2), (0, 2)), mode)) for mode in ("constant", "reflect", "symmetric", "edge",
        "wrap")),
    Case("pad", (NUMBERS, ((1, 1), (0, 2))), {"constant_values": 5}, True),
    Case("take", (f(3, 4), np.array([2, 0, 2]), 0)), Case("take", (f(3, 4), np.array([[5, 0]]))),
    Case("take_along_axis", (f(3, 4), np.array([[0, 3], [1, 1], [2, 0]]), 1)),
    Case("getitem", (f(3, 4), (slice(None), 1)), numpy=lambda x, k: x[k]),
    Case("get_item", (f(3, 4), 1), numpy=lambda x, k: x[k]), Case("append", (f(2, 3), f(1, 3), 0)),
    Case("append", (f(2), f(3))),
    Case("concatenate", ([f(2, 3), f(2, 2)], 1), plain=True), Case("stack", ([f(3), f(3, seed=1)], 1), plain=True),
    *(Case(name, ([f(2, 3), f(2, 3, seed=1)],), plain=True) for name in ("hstack", "vstack", "dstack")),
    Case("hstack", ([f(2), f(3)],), plain=True),
    Case("split", (f(4, 3), 2)), Case("split", (f(4, 3), [1, 3])), Case("array_split", (f(5, 3), 2)),
    Case("hsplit", (f(2, 4), 2)),
    Case("vsplit", (f(4, 2), 2)), Case("dsplit", (f(2, 2, 4), 2)),
    Case("unstack", (f(3, 2),), {"axis": 1}, numpy=None),
    Case("meshgrid", (f(2), f(3))), Case("meshgrid", (f(2), f(3)), {"indexing": "ij"}),
    Case("nonzero", (NUMBERS,), plain=True),
    Case("slice", (f(4, 5), (1, 2), (2, 3)), numpy=lambda x, s, n: x[1:3, 2:5]),
    Case("slice_update", (f(4, 5), (1, 2), f(2, 3, seed=1)), numpy=None),
    Case("scatter", (np.array([[0], [2], [0]]), f(3, 2), (4, 2)), numpy=None),
    *(Case("scatter_update", (f(4), np.array([[0], [2]], np.int32), f(2, seed=1), kind),
        numpy=None) for kind in (None, "add", "max", "min", "mul")),
    Case("unravel_index", (np.array([1, 5], np.int32), (2, 3)), plain=True),
    Case("space_to_depth", (f(1, 4, 2, 3), 2), numpy=None),
    Case("depth_to_space", (f(1, 2, 1, 8), 2), numpy=None),
    Case("depth_to_space", (f(1, 8, 2, 1), 2, "channels_first"), numpy=None),
    Case("extract_sequences", (f(2, 7), 3, 2), numpy=None), Case("view", (f(2, 3), "int32"), plain=True, numpy=None),
    Case("view", (NUMBERS, "uint8"), plain=True, numpy=None),
    Case("rearrange", (f(2, 6, 3), "b (h s) c -> b h (s c)"), {"h": 3}, numpy=None),
    *(Case(name, (f(3),), plain=True) for name in ("zeros_like", "ones_like")),
        Case("full_like", (NUMBERS, 2), plain=True),
    Case("empty_like", (f(3),), plain=True, numpy=np.zeros_like),
    Case("empty", ((2, 3),), plain=True, numpy=None), Case("zeros", ((2, 3),), plain=True, numpy=None),
    Case("ones", ((2,), "int32"), plain=True), Case("full", ((2,), 1.5), plain=True, numpy=None),
    Case("eye", (3, 4, 1), plain=True, numpy=None),
    Case("identity", (3,), plain=True, numpy=None), Case("tri", (3, 4, 1), plain=True, numpy=None),
    Case("arange", (2, 9, 3), plain=True, numpy=None),
    Case("arange", (0.0, 1.0, 0.25), plain=True, numpy=None), Case("linspace", (0.0, 2.0, 5), plain=True, numpy=None),
    Case("linspace", (f(3), f(3, seed=1), 4), {"endpoint": False, "axis": 1}, numpy=None),
    Case("linspace", (1, 9, 4), {"dtype": "int32"}, True, None),
    Case("logspace", (0.0, 2.0, 5), plain=True, numpy=None),
    Case("geomspace", (1.0, 16.0, 5), plain=True, numpy=None),
    *(Case(name, (7,), plain=True, numpy=None) for name in ("bartlett", "blackman", "hamming", "hanning")),
    Case("kaiser", (7, 5.0), plain=True, numpy=None),
    *(Case(name, (f(3),)) for name in ("real", "conj", "conjugate")), Case("imag", (f(3),), plain=True),
    Case("angle", (f(5),), plain=True),
    Case("array", ([1, 2],), plain=True, numpy=None),
    Case("convert_to_tensor", ([1.0, 2.0],), plain=True, numpy=None),
    Case("convert_to_numpy", (f(3),), plain=True, numpy=None), Case("cast", (f(3), "int32"), plain=True, numpy=None),
    Case("saturate_cast", (np.array([-5, 300, 7], np.int32), "uint8"), plain=True, numpy=None),
    Case("cast", (NUMBERS, "float32"), plain=True, numpy=None),
    Case("saturate_cast", (np.array([-5.5, 300, 7], np.float32), "uint8"), plain=True, numpy=None),
    Case("shape", (f(2, 3),), plain=True), Case("size", (f(2, 3),), plain=True),
    Case("ndim", (f(2, 3),), plain=True), Case("dtype", (f(2, 3),), plain=True, numpy=None),
    Case("is_tensor", (f(2),), plain=True, numpy=None), Case("stop_gradient", (f(3),), plain=True, numpy=None),
    Case("one_hot", (np.array([0, 2, -1], np.int32), 3), plain=True, numpy=None),
    Case("one_hot", (IDS, 3, 0), {"dtype": "int32"}, True, None),
    Case("multi_hot", (np.array([[0, 2], [1, 1]], np.int32), 3), plain=True, numpy=None),
    Case("multi_hot", (IDS, 4), plain=True, numpy=None),
    Case("binary_crossentropy", (np.array([0, 1, 1], np.float32), unit(3) / 2 + 0.5), plain=True, numpy=None),
    Case("categorical_crossentropy", (np.eye(3, dtype=np.float32), f(3, 3), True), plain=True, numpy=None),
    Case("sparse_categorical_crossentropy", (np.array([0, 2], np.int32), f(2, 3), True), plain=True, numpy=None),
    Case("map", (lambda x: x * x, f(3, 2)), plain=True, numpy=None),
    Case("vectorized_map", (lambda x: x * x, f(3, 2)), plain=True, numpy=None),
    Case("fori_loop", (0, 4, lambda i, x: x + i, np.float32(1)), plain=True, numpy=None),
    Case("switch", (1, [lambda x: x, lambda x: -x], f(2)), plain=True, numpy=None),
    Case("cond", (True, lambda: np.float32(1), lambda: np.float32(2)), plain=True, numpy=None),
    Case("while_loop", (lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (np.int32(0), np.float32(1))), plain=True,
        numpy=None),
    Case("while_loop", (lambda x: x < 100, lambda x: x * 2, np.float32(1)), {"maximum_iterations": 3}, True, None),
    Case("scan", (lambda c, x: (c + x, c * x), np.float32(1), ROW), plain=True, numpy=None),
    Case("scan", (lambda c, x: (c + x, c * x), np.float32(1), ROW), {"reverse": True}, True, None),
    Case("associative_scan", (lambda a, b: a + b, f(5, 2)), plain=True, numpy=None),
    Case("associative_scan", (lambda a, b: a * b, f(2, 5)), {"axis": 1, "reverse": True}, True, None),
    Case("image.pad_images", (f(2, 3, 2, 1), 1, 2), {"target_height": 6, "target_width": 5}, numpy=None),
    Case("image.pad_images", (ints(2, 3, 4), 0, 1, 2, 0), {"data_format": "channels_first"}, True, None),
    Case("image.crop_images", (f(2, 4, 5, 2), 1), {"bottom_cropping": 1, "right_cropping": 2, "target_width": 2},
         numpy=None),
    Case("image.crop_images", (ints(4, 5, 2), 1, 0, 1, 2), plain=True, numpy=None),
    Case("image.extract_patches", (f(2, 5, 7, 2), (2, 3)), numpy=None),
    Case("image.extract_patches", (f(1, 6, 7, 1), 3, 2), {"padding": "same"}, numpy=None),
    Case("image.extract_patches", (f(2, 7, 6), 2, 1, 3), {"data_format": "channels_first"}, numpy=None),
    Case("image.rgb_to_grayscale", (f(2, 2, 3, 3),), numpy=None),
    Case("image.rgb_to_grayscale", (U8.repeat(3).reshape(1, 2, 2, 3),), plain=True, numpy=None),
    Case("image.rgb_to_grayscale", (f(3, 2, 2),), {"data_format": "channels_first"}, numpy=None),
    Case("image.rgb_to_hsv", (pos(2, 3, 4, 3) / 3,), numpy=None),
    Case("image.rgb_to_hsv", (np.zeros((1, 1, 3), np.float32),), plain=True, numpy=None),
    Case("image.hsv_to_rgb", (pos(3, 4, 3) / 3.1,), numpy=None),
    Case("image.hsv_to_rgb", (pos(2, 3, 2, 2) / 3.1,), {"data_format": "channels_first"}, numpy=None),
]  # fmt: skip
