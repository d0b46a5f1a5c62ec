"""The functions of csrc/vmath.h and its kin: stated errors on a sample, edges, the same bits everywhere.

`make ulp` measures the same on all float32 inputs; the tables in the headers hold its results.
"""

from __future__ import annotations

import math
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fastnn import _core, ops
from tests import native
from tests.ulp.run import FUNCTIONS, Measured, measure

ISAS = native.isas_here()
HEADERS = ("vmath", "vtrig", "vhyperbolic", "vpower", "verf")
MOST = {"f32": 2.0, "f64": 4.0}
SAMPLE = {"f32": "12289", "f64": "100000"}
GENERIC_EXCESS = 0.6  # without FMA
needs_compiler = pytest.mark.skipif(bool(native.missing_tools(ISAS[0])), reason="needs a C compiler")


def stated(dtype: str) -> dict[str, float]:
    """The tables of largest errors in the headers."""
    limits: dict[str, float] = {}
    for header in HEADERS:
        text = (native.ROOT / f"csrc/{header}.h").read_text()
        row = re.search(rf"^ \* +(\w+(?: +\w+)+)\n(?: \*   float32.*\n)?^ \*   {dtype} +([\d. ]+)$", text, re.M)
        names, errors = row.groups()
        limits |= zip(names.split(), map(float, errors.split()), strict=True)
    return limits


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[Measured]]:
    """ulp's report for each instruction set and dtype."""
    folder = tmp_path_factory.mktemp("ulp")

    def one(isa: str) -> list[tuple[tuple[str, str], list[Measured]]]:
        words = native.build("tests/ulp/ulp.c", isa, folder)
        return [((isa, dtype), measure(words, dtype, amount)) for dtype, amount in SAMPLE.items()]

    with ThreadPoolExecutor() as pool:
        return dict(entry for entries in pool.map(one, ISAS) for entry in entries)


@needs_compiler
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("isa", _core.isas())
def test_errors_are_as_stated(measured, isa, dtype):
    limits = stated("float32" if dtype == "f32" else "float64")
    assert sorted(limits) == sorted(FUNCTIONS)
    assert max(limits.values()) <= MOST[dtype]
    excess = GENERIC_EXCESS if isa == "generic" else 0
    lines = measured[isa, dtype]
    assert [line.name for line in lines] == FUNCTIONS
    for line in lines:
        assert line.error <= limits[line.name] + excess, f"{line.name} at {line.where}"
        assert line.error > 0.45, f"{line.name}: the sample is too easy"


@pytest.mark.parametrize("isa", _core.isas())
def test_large_angles(isa):
    """Beside small ones. Of all float64 the first is nearest to a multiple of pi/2 (Muller, Elementary Functions); some
    C libraries' cosine is off there."""
    near = {"sin": 1.0, "cos": -4.68716592425462761112e-19, "tan": 1 / -4.68716592425462761112e-19}
    x = np.array([6381956970095103.0 * 2.0**797, 1e300, -1e22, 0.5, 2.0**20, -(2.0**60), np.inf, 1e5, 1e17, 3.0])
    with _core.use_isa(isa):
        for name, first in near.items():
            want = [first, *(getattr(math, name)(v) if np.isfinite(v) else np.nan for v in x[1:])]
            np.testing.assert_allclose(getattr(ops, name)(x).numpy(), want, rtol=2**-51, err_msg=name)
            small = x[3:].astype(np.float32)
            want = [getattr(math, name)(v) if np.isfinite(v) else np.nan for v in small]
            np.testing.assert_allclose(getattr(ops, name)(small).numpy(), want, rtol=2**-22, err_msg=name)


@needs_compiler
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_same_bits_for_every_isa(measured, dtype):
    sums = {
        tuple((line.name, line.checksum) for line in measured[isa, dtype])
        for isa in ISAS if isa != "generic"
    }  # fmt: skip
    assert len(sums) == 1


FLOATS = {np.float32: np.finfo(np.float32), np.float64: np.finfo(np.float64)}


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", FLOATS)
def test_edges(isa, dtype):
    info = FLOATS[dtype]
    inf, nan, tiny, smallest, top = np.inf, np.nan, info.tiny, info.smallest_subnormal, info.max
    highest = np.nextafter(dtype(np.log(np.longdouble(top))), dtype(0))  # exp of it is finite
    lowest = dtype(np.log(np.longdouble(smallest)))  # exp of it is the smallest subnormal
    above, below = highest * dtype(1.0001), lowest * dtype(1.01)
    cases = {  # argument, result
        "exp": [(inf, inf), (-inf, 0), (0.0, 1), (-0.0, 1), (above, inf), (below, 0), (tiny, 1)],
        "expm1": [(inf, inf), (-inf, -1), (0.0, 0.0), (-0.0, -0.0), (tiny, tiny), (-smallest, -smallest), (-100, -1),
                  (top, inf)],
        "log": [(inf, inf), (0.0, -inf), (-0.0, -inf), (-1, nan), (-inf, nan), (1, 0.0), (-tiny, nan)],
        "log1p": [(inf, inf), (0.0, 0.0), (-0.0, -0.0), (-1, -inf), (-1.5, nan), (-inf, nan), (tiny, tiny),
                  (-smallest, -smallest)],
        "tanh": [(inf, 1), (-inf, -1), (0.0, 0.0), (-0.0, -0.0), (tiny, tiny), (-smallest, -smallest), (30, 1),
                 (-30, -1)],
        "sigmoid": [(inf, 1), (-inf, 0), (0.0, 0.5), (-0.0, 0.5), (50, 1), (top, 1), (-top, 0)],
        "erf": [(inf, 1), (-inf, -1), (0.0, 0.0), (-0.0, -0.0), (9, 1), (-9, -1), (top, 1)],
    }
    pi = np.pi
    cases |= {
        "sin": [(0.0, 0.0), (-0.0, -0.0), (inf, nan), (tiny, tiny), (-smallest, -smallest)],
        "cos": [(0.0, 1), (-0.0, 1), (inf, nan), (tiny, 1)],
        "tan": [(0.0, 0.0), (-0.0, -0.0), (-inf, nan), (tiny, tiny)],
        "arcsin": [(0.0, 0.0), (-0.0, -0.0), (1, dtype(pi / 2)), (-1, dtype(-pi / 2)), (1.5, nan), (tiny, tiny)],
        "arccos": [(1, 0.0), (-1, dtype(pi)), (0, dtype(pi / 2)), (-1.5, nan), (inf, nan)],
        "arctan": [(0.0, 0.0), (-0.0, -0.0), (inf, dtype(pi / 2)), (-inf, dtype(-pi / 2)), (-smallest, -smallest)],
        "sinh": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -inf), (top, inf), (tiny, tiny)],
        "cosh": [(0.0, 1), (inf, inf), (-inf, inf), (-top, inf)],
        "arcsinh": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -inf), (tiny, tiny)],
        "arccosh": [(1, 0.0), (inf, inf), (0.5, nan), (-inf, nan)],
        "arctanh": [(0.0, 0.0), (-0.0, -0.0), (1, inf), (-1, -inf), (1.5, nan), (tiny, tiny)],
        "exp2": [(0.0, 1), (inf, inf), (-inf, 0.0), (3, 8), (-1, 0.5), (-1e5, 0.0), (1e5, inf)],
        "log2": [(1, 0.0), (8, 3), (0.0, -inf), (-1, nan), (inf, inf), (0.25, -2)],
        "log10": [(1, 0.0), (1000, 3), (-0.0, -inf), (-1, nan), (inf, inf)],
        "cbrt": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -inf), (-27, -3)],
        "erfc": [(0.0, 1), (inf, 0.0), (-inf, 2), (-30, 2), (30, 0 if dtype is np.float32 else math.erfc(30))],
        "erfinv": [(0.0, 0.0), (-0.0, -0.0), (1, inf), (-1, -inf), (1.5, nan), (-inf, nan)],
        "trunc": [(0.0, 0.0), (-0.5, -0.0), (-1.5, -1), (inf, inf), (-inf, -inf), (2.5, 2)],
    }
    with _core.use_isa(isa):
        for name, table in cases.items():
            op = getattr(ops, name)
            x, want = np.array([*table, (nan, nan)], dtype).T
            got = op(x).numpy()
            np.testing.assert_array_equal(got, want, err_msg=name)
            zero = want == 0
            np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(want[zero]), err_msg=f"{name}: zeros")
        assert np.isfinite(ops.exp(np.array([highest])).numpy()).all()
        assert ops.exp(np.array([lowest * dtype(0.999)])).numpy()[0] > 0


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", FLOATS)
def test_subnormals(isa, dtype):
    info = FLOATS[dtype]
    eps = float(info.eps)
    x = (info.smallest_subnormal * np.array([1, 2, 3, 77, 1000, 4097])).astype(dtype)
    with _core.use_isa(isa):
        np.testing.assert_allclose(ops.log(x).numpy(), np.log(x.astype(np.longdouble)).astype(dtype), rtol=2 * eps)
        for name in ("expm1", "log1p", "tanh"):
            np.testing.assert_array_equal(getattr(ops, name)(x).numpy(), x, err_msg=name)
        down = np.linspace(float(np.log(info.tiny)), float(np.log(info.smallest_subnormal)), 50)[1:-1].astype(dtype)
        exact = np.exp(down.astype(np.longdouble))
        for name in ("exp", "sigmoid"):
            error = np.abs(getattr(ops, name)(down).numpy() - exact)
            assert (error <= 1.5 * info.smallest_subnormal + 2 * eps * exact).all(), name


@pytest.mark.parametrize("dtype", FLOATS)
def test_symmetries(dtype):
    x = np.linspace(-9, 9, 1001).astype(dtype)
    np.testing.assert_array_equal(ops.tanh(x).numpy(), -ops.tanh(-x).numpy())
    np.testing.assert_allclose(ops.sigmoid(x).numpy() + ops.sigmoid(-x).numpy(), 1, rtol=3 * FLOATS[dtype].eps)


def test_monotonic_near_the_ends_of_a_reduction():
    """Where x / ln 2 rounds to the next integer, the function must not step back by more than its error."""
    for dtype, info in FLOATS.items():
        centers = ((np.arange(-20, 20) + 0.5) * np.log(2)).astype(dtype)
        steps = np.arange(-50, 50) * np.spacing(np.abs(centers))[:, None]
        y = ops.exp((centers[:, None] + steps).astype(dtype)).numpy()
        assert (np.diff(y, axis=1) >= -2 * info.eps * y[:, :-1]).all()
