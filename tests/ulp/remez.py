"""The polynomials of csrc/vmath.h and its kin: minimax fits by the Remez exchange in 60-digit decimal arithmetic.

Each row of FITS is a function on an interval and the weight of its error: the error is measured relative to the result
of the function that the polynomial is part of.

    python tests/ulp/remez.py [name ...]     prints C initialisers, lowest power first, and the error reached
"""

from __future__ import annotations

import functools
import math
import struct
import sys
from collections.abc import Callable
from decimal import Decimal, getcontext

getcontext().prec = 60
D = Decimal
Function = Callable[[Decimal], Decimal]
LN2 = D(2).ln()
PI = D("3.14159265358979323846264338327950288419716939937510582097494459")


def as_float(x: Decimal, bits: int) -> Decimal:
    """x rounded to float32 or float64."""
    return D(struct.unpack("<f", struct.pack("<f", float(x)))[0]) if bits == 32 else D(float(x))


def c_literal(x: Decimal, bits: int) -> str:
    text = float(x).hex()
    mantissa, exponent = text.split("p")
    mantissa = mantissa.rstrip("0") if "." in mantissa else mantissa
    return f"{mantissa.rstrip('.')}p{int(exponent)}" + ("f" if bits == 32 else "")


def solve(a: list[list[Decimal]], b: list[Decimal]) -> list[Decimal]:
    n = len(b)
    rows = [[*row, value] for row, value in zip(a, b, strict=True)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(i + 1, n):
            factor = rows[r][i] / rows[i][i]
            for c in range(i, n + 1):
                rows[r][c] -= factor * rows[i][c]
    x = [D(0)] * n
    for i in reversed(range(n)):
        x[i] = (rows[i][n] - sum((rows[i][c] * x[c] for c in range(i + 1, n)), D(0))) / rows[i][i]
    return x


def evaluate(coefficients: list[Decimal], x: Decimal) -> Decimal:
    total = D(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def remez(f: Function, given: Function, low: Decimal, high: Decimal, degree: int) -> list[Decimal]:
    """The polynomial p of this degree that minimises the maximum of |weight * (p - f)|."""
    n = degree + 1
    middle, half = (low + high) / 2, (high - low) / 2
    # Chebyshev's nodes to start from; a double's cosine is near enough.
    points = [middle - half * D(math.cos(math.pi * i / n)) for i in range(n + 1)]
    grid = [middle - half * D(math.cos(math.pi * i / (60 * n))) for i in range(60 * n + 1)]
    floor = max(map(given, grid)) / 1000

    def weight(x: Decimal) -> Decimal:  # the exchange needs weights above zero
        return max(given(x), floor)

    for _ in range(20):
        a = [[x**p for p in range(n)] + [D((-1) ** i) / weight(x)] for i, x in enumerate(points)]
        *coefficients, level = solve(a, [f(x) for x in points])
        errors = [weight(x) * (evaluate(coefficients, x) - f(x)) for x in grid]
        extrema: list[tuple[Decimal, Decimal]] = []  # the largest error of each run of one sign
        for x, e in zip(grid, errors, strict=True):
            if extrema and (e > 0) == (extrema[-1][1] > 0):
                if abs(e) > abs(extrema[-1][1]):
                    extrema[-1] = (x, e)
            else:
                extrema.append((x, e))
        while len(extrema) > n + 1:
            extrema.pop(0 if abs(extrema[0][1]) < abs(extrema[-1][1]) else -1)
        if max(map(abs, errors)) <= abs(level) * D("1.001"):
            return coefficients
        if len(extrema) < n + 1:
            raise ArithmeticError(f"the error changes its sign {len(extrema)} times, not {n + 1}")
        points = [x for x, _ in extrema]
    raise ArithmeticError("no convergence")


def fit(
    f: Function, weight: Function, low: Decimal, high: Decimal, degree: int, bits: int
) -> tuple[list[Decimal], Decimal]:
    """Coefficients 0..degree rounded to the float type, and the error that the rounded ones reach."""
    f = functools.cache(f)
    rounded = [as_float(c, bits) for c in remez(f, weight, low, high, degree)]
    grid = [low + (high - low) * i / 1000 for i in range(1001)]
    return rounded, max(abs(weight(x) * (evaluate(rounded, x) - f(x))) for x in grid)


def series(x: Decimal, term: Callable[[int], Decimal]) -> Decimal:
    """sum of term(k) x^k, for arguments near zero where a closed form cancels."""
    return sum((term(k) * x**k if k or x else term(0) for k in range(60)), D(0))


def factorial(k: int) -> Decimal:
    product = D(1)
    for i in range(2, k + 1):
        product *= i
    return product


def exp_tail(x: Decimal) -> Decimal:
    """(exp(x) - 1 - x) / x^2."""
    return series(x, lambda k: 1 / factorial(k + 2)) if abs(x) < D("0.5") else (x.exp() - 1 - x) / (x * x)


def log_tail(x: Decimal) -> Decimal:
    """(log(1 + x) - x + x^2 / 2) / x^3."""
    if abs(x) < D("1e-6"):
        return series(x, lambda k: D((-1) ** k) / (k + 3))
    return ((1 + x).ln() - x + x * x / 2) / (x * x * x)


def atanh_tail(z: Decimal) -> Decimal:
    """With z = s^2: (2 atanh(s) - 2 s) / s^3 = sum 2 z^k / (2 k + 3)."""
    if z < D("0.05"):
        return series(z, lambda k: D(2) / (2 * k + 3))
    s = z.sqrt()
    return (((1 + s) / (1 - s)).ln() - 2 * s) / (s * z)


def tanh_tail(z: Decimal) -> Decimal:
    """With z = x^2: (tanh(x) - x) / x^3."""
    if not z:
        return D(-1) / 3
    x = z.sqrt()
    e = (2 * x).exp()
    return ((e - 1) / (e + 1) - x) / (x * z)


def erf(x: Decimal) -> Decimal:
    """2 / sqrt(pi) exp(-x^2) sum of (2 x^2)^k x / (1 * 3 * ... * (2 k + 1)): no term cancels another."""
    term = total = x
    for k in range(1, 400):
        term *= 2 * x * x / (2 * k + 1)
        total += term
    return total * 2 / PI.sqrt() * (-x * x).exp()


def erf_tail(z: Decimal) -> Decimal:
    """With z = x^2: erf(x) / x - 1."""
    return erf(z.sqrt()) / z.sqrt() - 1


@functools.cache
def log_erfc(x: Decimal) -> Decimal:
    """log(1 - erf(x)) / x."""
    return (1 - erf(x)).ln() / x


def arctan(x: Decimal) -> Decimal:
    halvings = 6
    for _ in range(halvings):
        x = x / (1 + (1 + x * x).sqrt())
    return 2**halvings * x * series(-x * x, lambda k: D(1) / (2 * k + 1))


def erfcx(x: Decimal) -> Decimal:
    """exp(x^2) erfc(x): by erf, beyond 4 by the continued fraction."""
    if x < 4:
        return (1 - erf(x)) * (x * x).exp()
    tail = D(0)
    for k in range(300, 0, -1):
        tail = D(k) / 2 / (x + tail)
    return 1 / (PI.sqrt() * (x + tail))


def erfinv(x: Decimal) -> Decimal:
    """Newton's method on erf, from the logarithmic approximation."""
    w = -((1 - x) * (1 + x)).ln()
    a = w / 2 - D("4.33")
    y = ((a * a + w / D("0.147")).sqrt() + a).sqrt()
    for _ in range(9):
        error = erf(y) - x if y < 1 else 1 - x - erfcx(y) * (-y * y).exp()
        y -= error * PI.sqrt() / 2 * (y * y).exp()
    return y


def sine_tail(z: Decimal) -> Decimal:
    """With z = x^2: (sin(x) - x) / x^3."""
    return series(-z, lambda k: -1 / factorial(2 * k + 3))


def cosine_tail(z: Decimal) -> Decimal:
    """With z = x^2: (cos(x) - 1 + x^2 / 2) / x^4."""
    return series(-z, lambda k: 1 / factorial(2 * k + 4))


def arctan_tail(z: Decimal) -> Decimal:
    """With z = x^2: (arctan(x) - x) / x^3."""
    x = z.sqrt()
    return series(-z, lambda k: D(-1) / (2 * k + 3)) if z < D("0.01") else (arctan(x) - x) / (x * z)


def arcsin_tail(z: Decimal) -> Decimal:
    """With z = x^2: (arcsin(x) - x) / x^3."""
    x = z.sqrt()
    if z < D("1e-20"):
        return D(1) / 6
    return (arctan(x / (1 - z).sqrt()) - x) / (x * z)


def erf_ratio(z: Decimal) -> Decimal:
    """With z = x^2: erf(x) / x."""
    x = z.sqrt()
    return 2 / PI.sqrt() if z < D("1e-40") else erf(x) / x


def erfc_scaled(t: Decimal) -> Decimal:
    """With t = (x - 3.75) / (x + 3.75): (1 + 2 x) exp(x^2) erfc(x)."""
    x = D("3.75") * (1 + t) / (1 - t)
    return (1 + 2 * x) * erfcx(x)


def erfinv_ratio(w: Decimal) -> Decimal:
    """With w = -log(1 - x^2): erfinv(x) / x."""
    if w < D("1e-12"):
        return PI.sqrt() / 2
    x = (1 - (-w).exp()).sqrt()
    return erfinv(x) / x


def tangent_tail(z: Decimal) -> Decimal:
    """With z = x^2: (tan(x) - x) / x^3."""
    if z < D("1e-15"):
        return D(1) / 3 + z * 2 / 15
    sine, cosine = 1 + z * sine_tail(z), 1 - z / 2 + z * z * cosine_tail(z)
    return (sine / cosine - 1) / z


def sinh_tail(z: Decimal) -> Decimal:
    """With z = x^2: (sinh(x) - x) / x^3."""
    return -sine_tail(-z)


def cosh_tail(z: Decimal) -> Decimal:
    """With z = x^2: (cosh(x) - 1 - x^2 / 2) / x^4."""
    return cosine_tail(-z)


def arctanh_tail(z: Decimal) -> Decimal:
    """With z = x^2: (arctanh(x) - x) / x^3."""
    return atanh_tail(z) / 2


def arcsinh_tail(z: Decimal) -> Decimal:
    """With z = x^2: (arcsinh(x) - x) / x^3."""
    x = z.sqrt()
    return D(-1) / 6 + z * 3 / 40 if z < D("1e-15") else ((x + (1 + z).sqrt()).ln() - x) / (x * z)


def arccosh_tail(t: Decimal) -> Decimal:
    """With x = 1 + t: (arccosh(x) / sqrt(2 t) - 1) / t."""
    if t < D("1e-15"):
        return D(-1) / 12 + t * 3 / 160
    return ((1 + t + (t * (t + 2)).sqrt()).ln() / (2 * t).sqrt() - 1) / t


def log2_tail(f: Decimal) -> Decimal:
    """log2(1 + f) / f."""
    return ((1 + f).ln() / f if abs(f) > D("1e-15") else 1 - f / 2) / LN2


def exp2_tail(r: Decimal) -> Decimal:
    """(2^r - 1) / r."""
    return ((r * LN2).exp() - 1) / r if abs(r) > D("1e-15") else LN2 + r * LN2 * LN2 / 2


# name: (function, weight of its error relative to the result, interval, degree, bits)
R = LN2 / 2 * D("1.001")
FITS: dict[str, tuple[Function, Function, Decimal, Decimal, int, int]] = {
    "exp_f32": (exp_tail, lambda r: r * r / r.exp(), -R, R, 4, 32),
    "exp_f64": (exp_tail, lambda r: r * r / r.exp(), -R, R, 9, 64),
    "log_f32": (log_tail, lambda f: f * f, D("-0.3334"), D("0.3334"), 7, 32),
    "atanh_f64": (atanh_tail, lambda z: z, D("1e-12"), D("0.0296"), 6, 64),
    "tanh_f32": (tanh_tail, lambda z: z, D("1e-8"), D("0.391"), 5, 32),
    "erf_f32": (erf_tail, lambda z: D(1), D("1e-8"), D("0.8501"), 6, 32),
    "erf_f64": (erf_tail, lambda z: D(1), D("1e-12"), D("1.0001"), 12, 64),
    "erfc_f32": (log_erfc, lambda x: x * (1 - erf(x)), D("0.9218"), D("3.93"), 6, 32),
    "erfc_f64": (log_erfc, lambda x: x * (1 - erf(x)), D(1), D("5.95"), 21, 64),
    "tanh_f64": (tanh_tail, lambda z: z, D("1e-12"), D("0.391"), 11, 64),
    "sin_f32": (sine_tail, lambda z: z, D("1e-8"), D("0.64"), 2, 32),
    "sin_f64": (sine_tail, lambda z: z, D("1e-12"), D("0.618"), 5, 64),
    "cos_f32": (cosine_tail, lambda z: z * z, D("1e-8"), D("0.64"), 2, 32),
    "cos_f64": (cosine_tail, lambda z: z * z, D("1e-12"), D("0.618"), 5, 64),
    "tan_f32": (tangent_tail, lambda z: z, D("1e-8"), D("0.64"), 6, 32),
    "arctan_f32": (arctan_tail, lambda z: z / (1 + z / 4), D("1e-8"), D("1.001"), 7, 32),
    "arctan_f64": (arctan_tail, lambda z: z / (1 + z / 4), D("1e-12"), D("1.001"), 19, 64),
    "arcsin_f32": (arcsin_tail, lambda z: z, D("1e-8"), D("0.2501"), 4, 32),
    "arcsin_f64": (arcsin_tail, lambda z: z, D("1e-12"), D("0.2501"), 12, 64),
    "sinh_f32": (sinh_tail, lambda z: z, D("1e-8"), D("1.001"), 3, 32),
    "sinh_f64": (sinh_tail, lambda z: z, D("1e-12"), D("1.001"), 6, 64),
    "cosh_f32": (cosh_tail, lambda z: z * z, D("1e-8"), D("0.1205"), 1, 32),
    "cosh_f64": (cosh_tail, lambda z: z * z, D("1e-12"), D("0.1205"), 4, 64),
    "arctanh_f32": (arctanh_tail, lambda z: z, D("1e-8"), D("0.0745"), 3, 32),
    "arctanh_f64": (arctanh_tail, lambda z: z, D("1e-12"), D("0.0745"), 8, 64),
    "arcsinh_f32": (arcsinh_tail, lambda z: z, D("1e-8"), D("0.3165"), 5, 32),
    "arcsinh_f64": (arcsinh_tail, lambda z: z, D("1e-12"), D("0.3165"), 13, 64),
    "arccosh_f32": (arccosh_tail, lambda t: t, D("1e-8"), D("0.5"), 4, 32),
    "arccosh_f64": (arccosh_tail, lambda t: t, D("1e-12"), D("0.5"), 11, 64),
    "exp2_f32": (exp2_tail, lambda r: abs(r), D("-0.5"), D("0.5"), 5, 32),
    "exp2_f64": (exp2_tail, lambda r: abs(r), D("-0.5"), D("0.5"), 10, 64),
    "power_log": (log2_tail, lambda f: f, D("-0.2930"), D("0.4143"), 14, 64),
    "power_exp": (exp2_tail, lambda r: abs(r), D("-0.5"), D("0.5"), 6, 64),
    "power_f64": (lambda z: (arctanh_tail(z) - D(1) / 3) / z, lambda z: z * z, D("1e-9"), D("0.0295"), 6, 64),
    "erfc_scaled_f64": (erfc_scaled, lambda t: D(1), D("-0.765"), D("0.761"), 23, 64),
    # starts of a Halley step
    "erfinv_low_f64": (erfinv_ratio, lambda w: D(1), D("1e-9"), D("5.001"), 10, 64),
    "erfinv_high_f64": (lambda s: erfinv_ratio(s * s), lambda s: D(1), D("2.2359"), D("6.1"), 13, 64),
    # float32 results computed in float64
    "erf_low": (erf_ratio, lambda z: D(1), D("1e-12"), D("1.001"), 7, 64),
    "erfc": (erfc_scaled, lambda t: D(1), D("-0.58"), D("0.47"), 11, 64),
    "erfinv_low": (erfinv_ratio, lambda w: D(1), D("1e-9"), D("5.001"), 13, 64),
    "erfinv_high": (lambda s: erfinv_ratio(s * s), lambda s: D(1), D("2.2359"), D("4.08"), 13, 64),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or FITS:
        function, weight, low, high, degree, bits = FITS[name]
        coefficients, worst = fit(function, weight, low, high, degree, bits)
        print(f"{name}: error 2^{float(worst.ln() / LN2):.2f}")
        print("  " + ",\n  ".join(c_literal(c, bits) for c in coefficients))
