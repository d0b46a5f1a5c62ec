/* vwide.h: sin, cos, tan, their inverses and hyperbolic kin, exp2, log2, log10, cbrt, erfc, erfinv of a
 * vector, arctan2 and hypot of two; included once per float type, float first, after vmath.h.
 *
 * float32: computed in float64 by minimax fits of tests/ulp/remez.py, which prints these constants and the errors beside
 * them, and rounded once: at most 0.51 ulp (every 97th of the 2^32 inputs), the same bits on every ISA with FMA.
 * float64: lane by lane with the C library's functions, as power is, so the last bit may differ between systems: at most
 * 1.8 ulp with glibc; cbrt with a Newton step behind it, erfinv by Halley steps on erf and erfc.
 * NaN gives NaN; zeros keep their sign; infinities and poles are as in C's math.h.
 * tests/test_vmath.py pins the errors (make ulp) and the edges. */

#if ITEM_BITS == 32
#ifndef FNN_VWIDE_ONCE
#define FNN_VWIDE_ONCE
#define W(x) v_set1_f64(x)
#define FMA v_fma_f64
#define MUL v_mul_f64
#define ADD v_add_f64
#define SUB v_sub_f64
#define DIV v_div_f64
#define wide vec_f64

FNN_INLINE wide w_poly(const double *c, int degree, wide z) {
  wide p = W(c[degree]);
  for (int i = degree - 1; i >= 0; i--) p = FMA(p, z, W(c[i]));
  return p;
}

/* x = n pi/2 + r, |r| <= pi/4, for |x| < 2^20: n times the first two of three parts of pi/2 (33 bits each) is exact. */
FNN_INLINE wide w_reduce(wide x, wide *n) {
  *n = v_round_f64(MUL(x, W(0x1.45f306dc9c883p-1)));
  wide r = SUB(x, MUL(*n, W(0x1.921fb544p+0)));
  return v_fnma_f64(*n, W(0x1.3198a2e037073p-69), SUB(r, MUL(*n, W(0x1.0b4611a6p-34))));
}

/* sin(r) and cos(r) for |r| <= pi/4; errors 2^-37 and 2^-43. */
FNN_INLINE void w_sin_cos(wide r, wide *s, wide *c) {
  static const double sine[] = {-0x1.5555554caa85ep-3, 0x1.1111088ae9d2fp-7, -0x1.a00f945a9b30cp-13, 0x1.6cd61a228a2acp-19};
  static const double cosine[] = {0x1.5555554f434b1p-5, -0x1.6c16b88cc7b59p-10, 0x1.a011181d8a8a8p-16,
                                  -0x1.242927a393ddcp-22};
  wide z = MUL(r, r);
  *s = FMA(MUL(r, z), w_poly(sine, 3, z), r);
  *c = FMA(MUL(z, z), w_poly(cosine, 3, z), v_fnma_f64(W(0.5), z, W(1)));
}

/* Whether n is odd, and whether n or n + shift is 2 or 3 modulo 4, for whole numbers n. */
FNN_INLINE msk_f64 w_odd(wide n) {
  wide half = MUL(W(0.5), n);
  return v_ne_f64(v_round_f64(half), half);
}
FNN_INLINE msk_f64 w_upper(wide n) { /* floor(n / 2) is odd; n/2 - 1/4 rounds to floor(n / 2) */
  return w_odd(v_round_f64(SUB(MUL(W(0.5), n), W(0.25))));
}

/* Lanes beyond 2^20 (and NaN) by the C library. */
#define W_FAR(function)                                      \
  msk_f64 far = m_not_f64(v_lt_f64(v_abs_f64(x), W(0x1p20))); \
  if (m_any_f64(far)) {                                      \
    double lanes[8];                                         \
    v_store_f64(lanes, x);                                   \
    for (int i = 0; i < 8; i++) lanes[i] = function(lanes[i]); \
    y = v_sel_f64(far, v_load_f64(lanes), y);                \
  }                                                          \
  return y;
FNN_INLINE wide w_sin(wide x) {
  wide n, s, c;
  w_sin_cos(w_reduce(x, &n), &s, &c);
  wide y = v_sel_f64(w_odd(n), c, s);
  y = v_sel_f64(w_upper(n), v_neg_f64(y), y);
  y = v_sel_f64(v_eq_f64(x, W(0)), x, y); /* its sign */
  W_FAR(sin)
}
FNN_INLINE wide w_cos(wide x) {
  wide n, s, c;
  w_sin_cos(w_reduce(x, &n), &s, &c);
  wide y = v_sel_f64(w_odd(n), s, c);
  y = v_sel_f64(w_upper(ADD(n, W(1))), v_neg_f64(y), y);
  W_FAR(cos)
}
FNN_INLINE wide w_tan(wide x) {
  wide n, s, c;
  w_sin_cos(w_reduce(x, &n), &s, &c);
  msk_f64 odd = w_odd(n);
  wide y = DIV(v_sel_f64(odd, v_neg_f64(c), s), v_sel_f64(odd, s, c));
  y = v_sel_f64(v_eq_f64(x, W(0)), x, y); /* its sign */
  W_FAR(tan)
}

FNN_INLINE wide w_with_sign(wide y, wide x) {
  return v_frombits_f64(i_or_f64(v_bits_f64(y), i_and_f64(v_bits_f64(x), v_bits_f64(W(-0.0)))));
}

/* x + x^3 P(x^2) for |x| <= 1, error 2^-36; beyond pi/2 less that of 1/x. */
FNN_INLINE wide w_arctan(wide x) {
  static const double p[] = {-0x1.55555534d9e41p-2, 0x1.9999870693f6ep-3, -0x1.24906df3a11adp-3, 0x1.c6ec8625a3f4ep-4,
                             -0x1.72eea10715b43p-4, 0x1.33fb6906dbf32p-4, -0x1.f1e146f6226bbp-5, 0x1.6ca0b6e9f2ce8p-5,
                             -0x1.b8ae21a6f9a1bp-6, 0x1.89996eafa462bp-7, -0x1.bfb3ac913a7d5p-9, 0x1.ddbea9173e4aep-12};
  wide a = v_abs_f64(x);
  msk_f64 big = v_gt_f64(a, W(1));
  a = v_sel_f64(big, DIV(W(1), a), a);
  wide z = MUL(a, a), y = FMA(MUL(a, z), w_poly(p, 11, z), a);
  return w_with_sign(v_sel_f64(big, SUB(W(0x1.921fb54442d18p+0), y), y), x);
}

/* The angle of (x, y): arctan of the smaller magnitude by the larger one, then by octants. */
FNN_INLINE wide w_arctan2(wide y, wide x) {
  wide ax = v_abs_f64(x), ay = v_abs_f64(y), zero = W(0);
  msk_f64 steep = v_gt_f64(ay, ax);
  wide small = v_sel_f64(steep, ax, ay), large = v_sel_f64(steep, ay, ax), q = DIV(small, large);
  q = v_sel_f64(v_eq_f64(large, zero), zero, v_sel_f64(v_eq_f64(small, W(INFINITY)), W(1), q));
  wide r = w_arctan(q);
  r = v_sel_f64(steep, SUB(W(0x1.921fb54442d18p+0), r), r);
  r = v_sel_f64(i_gt_f64(i_set1_f64(0), v_bits_f64(x)), SUB(W(0x1.921fb54442d18p+1), r), r);
  return v_sel_f64(m_or_f64(v_ne_f64(x, x), v_ne_f64(y, y)), W(NAN), w_with_sign(r, y));
}
FNN_INLINE wide w_hypot(wide a, wide b) { /* squares of float32 are in range */
  msk_f64 infinite = m_or_f64(v_eq_f64(v_abs_f64(a), W(INFINITY)), v_eq_f64(v_abs_f64(b), W(INFINITY)));
  return v_sel_f64(infinite, W(INFINITY), v_sqrt_f64(FMA(a, a, MUL(b, b))));
}

/* arcsin of 0 <= x <= 1/2: x + x^3 P(x^2), error 2^-39 */
FNN_INLINE wide w_arcsin_low(wide x) {
  static const double p[] = {0x1.555555478efb9p-3, 0x1.333340c78c553p-4, 0x1.6db24b58b504cp-5, 0x1.f283e5435bb09p-6,
                             0x1.662fab4402245p-6, 0x1.52911f210a4f9p-6, 0x1.fafbeca6e9a69p-10, 0x1.0dfc61c1d8ae6p-5};
  wide z = MUL(x, x);
  return FMA(MUL(x, z), w_poly(p, 7, z), x);
}
/* Beyond 1/2 by arccos(x) = 2 arcsin(sqrt((1 - x) / 2)), which is NaN above 1. */
FNN_INLINE wide w_arcsin(wide x) {
  wide a = v_abs_f64(x);
  msk_f64 big = v_gt_f64(a, W(0.5));
  wide y = w_arcsin_low(v_sel_f64(big, v_sqrt_f64(MUL(W(0.5), SUB(W(1), a))), a));
  return w_with_sign(v_sel_f64(big, SUB(W(0x1.921fb54442d18p+0), ADD(y, y)), y), x);
}
FNN_INLINE wide w_arccos(wide x) {
  wide a = v_abs_f64(x);
  msk_f64 big = v_gt_f64(a, W(0.5)), negative = v_lt_f64(x, W(0));
  wide y = w_arcsin_low(v_sel_f64(big, v_sqrt_f64(MUL(W(0.5), SUB(W(1), a))), a));
  wide twice = ADD(y, y);
  wide far = v_sel_f64(negative, SUB(W(0x1.921fb54442d18p+1), twice), twice);
  return v_sel_f64(big, far, SUB(W(0x1.921fb54442d18p+0), v_sel_f64(negative, v_neg_f64(y), y)));
}

/* With e = exp(|x|) - 1: sinh = (e + e / (e + 1)) / 2, cosh = 1 + e^2 / (2 (e + 1)). e stays finite for float32. */
FNN_INLINE wide w_sinh(wide x) {
  wide e = v_expm1_f64(v_min_f64(W(100), v_abs_f64(x)));
  wide y = MUL(W(0.5), ADD(e, DIV(e, ADD(e, W(1)))));
  return v_sel_f64(v_ne_f64(x, x), x, w_with_sign(y, x));
}
FNN_INLINE wide w_cosh(wide x) {
  wide e = v_expm1_f64(v_min_f64(W(100), v_abs_f64(x)));
  return v_sel_f64(v_ne_f64(x, x), x, FMA(MUL(W(0.5), e), DIV(e, ADD(e, W(1))), W(1)));
}
/* Squares of float32 are in range. */
FNN_INLINE wide w_arcsinh(wide x) {
  wide a = v_abs_f64(x), z = MUL(a, a);
  wide y = v_log1p_f64(ADD(a, DIV(z, ADD(W(1), v_sqrt_f64(ADD(z, W(1)))))));
  return v_sel_f64(v_lt_f64(a, W(INFINITY)), w_with_sign(y, x), x);
}
FNN_INLINE wide w_arccosh(wide x) {
  wide t = SUB(x, W(1)), y = v_log1p_f64(ADD(t, v_sqrt_f64(MUL(t, ADD(t, W(2))))));
  return v_sel_f64(v_lt_f64(x, W(1)), W(NAN), y);
}
FNN_INLINE wide w_arctanh(wide x) {
  wide a = v_abs_f64(x);
  return w_with_sign(MUL(W(0.5), v_log1p_f64(DIV(ADD(a, a), SUB(W(1), a)))), x);
}

FNN_INLINE wide w_exp2(wide x) { return v_exp_f64(MUL(x, W(0x1.62e42fefa39efp-1))); }
FNN_INLINE wide w_log2(wide x) { return MUL(v_log_f64(x), W(0x1.71547652b82fep+0)); }
FNN_INLINE wide w_log10(wide x) { return MUL(v_log_f64(x), W(0x1.bcb7b1526e50ep-2)); }
FNN_INLINE wide w_cbrt(wide x) {
  wide a = v_abs_f64(x), y = v_exp_f64(MUL(v_log_f64(a), W(0x1.5555555555555p-2)));
  return v_sel_f64(v_lt_f64(a, W(INFINITY)), w_with_sign(y, x), x);
}

/* For x >= 1 (1/2 is the least that the fit holds for): exp(-x^2) / (1 + 2 x) times a polynomial in
 * t = (x - 3.75) / (x + 3.75), error 2^-37. Shepherd and Laframboise, Mathematics of Computation 36 (1981). */
FNN_INLINE wide w_erfc_high(wide x) {
  static const double p[] = {0x1.3ccda0b5d163p0, -0x1.1f367680eca89p-3, 0x1.d5f29e3d2493ap-9, 0x1.510167b761eebp-4,
                             -0x1.bda93ee389cd1p-4, 0x1.7a144a2992d3bp-4, -0x1.e0cefc47fc86dp-5, 0x1.d0a8fd58f4dccp-6,
                             -0x1.3fa2e8d8fd31cp-7, 0x1.cdb0cbab9050fp-10, 0x1.555dd5f261675p-12, -0x1.305b9e06b65dep-12};
  x = v_min_f64(W(10.3), x); /* beyond, float32 has no number between 0 and erfc(x) */
  wide t = DIV(SUB(x, W(3.75)), ADD(x, W(3.75)));
  return DIV(MUL(v_exp_f64(v_neg_f64(MUL(x, x))), w_poly(p, 11, t)), FMA(W(2), x, W(1)));
}
/* x P(x^2) for |x| <= 1, error 2^-34 */
FNN_INLINE wide w_erf_low(wide x) {
  static const double p[] = {0x1.20dd750405dfbp0, -0x1.81274667b1a08p-2, 0x1.ce2f09897ddd8p-4, -0x1.b829d534132bp-6,
                             0x1.562aec8d8a295p-8, -0x1.bcd599ba0d653p-11, 0x1.d8aa3a9c06945p-14, -0x1.44ac71c984dbdp-17};
  return MUL(x, w_poly(p, 7, MUL(x, x)));
}
FNN_INLINE wide w_erfc(wide x) {
  wide a = v_abs_f64(x), high = w_erfc_high(v_max_f64(W(1), a));
  high = v_sel_f64(v_lt_f64(x, W(0)), SUB(W(2), high), high);
  return v_sel_f64(v_gt_f64(a, W(1)), high, SUB(W(1), w_erf_low(x)));
}

/* x P(w), w = -log(1 - x^2), in w below 5 and in sqrt(w) beyond; 1 - x^2 is exact for float32. Form: Giles, Approximating
 * the erfinv function (2010). */
FNN_INLINE wide w_erfinv(wide x) {
  static const double p[] = {0x1.c5bf891b234f5p-1, 0x1.db29fb661f231p-3, 0x1.7a72ba938fd8ap-7, -0x1.320d66680d078p-9,
                             -0x1.0d226e21a97cdp-13, 0x1.8aeb32a02f363p-15, 0x1.9ca2086401d8dp-20,
                             -0x1.6bbbf96944b55p-21, -0x1.a46b7f26b2235p-23, 0x1.3b0d122f52c48p-24,
                             -0x1.472848e713e7dp-27, 0x1.32fab1160c091p-31, -0x1.180b9f74cb15ep-37,
                             -0x1.b409810dee891p-42};
  static const double q[] = {0x1.ae41b02a82fe3p3, -0x1.bab07dfef6ef9p5, 0x1.bd598c47425cdp6, -0x1.0cd3f831acc29p7,
                             0x1.b4d06865cd38ep6, -0x1.f6ea2396a7a52p5, 0x1.a65f395c5494ap4, -0x1.06767eb49f47ap3,
                             0x1.e3a238624a17cp0, -0x1.46d5aeca8fadp-2, 0x1.3b6bb6c09101ep-5, -0x1.9c2e87ed4d7e6p-9,
                             0x1.472fdf523ff4dp-13, -0x1.dd0266efb96e9p-19};
  wide a = v_abs_f64(x), w = v_neg_f64(v_log_f64(MUL(SUB(W(1), a), ADD(W(1), a))));
  wide low = w_poly(p, 13, v_min_f64(W(5), w)), high = w_poly(q, 13, v_sqrt_f64(v_max_f64(W(5), v_min_f64(W(17), w))));
  wide y = MUL(x, v_sel_f64(v_lt_f64(w, W(5)), low, high));
  y = v_sel_f64(v_eq_f64(a, W(1)), w_with_sign(W(INFINITY), x), y);
  return v_sel_f64(v_le_f64(a, W(1)), y, W(NAN));
}
#undef W
#undef wide
#undef W_FAR
#undef FMA
#undef MUL
#undef ADD
#undef SUB
#undef DIV
#endif
#endif

#if ITEM_BITS == 32
#define DEFINE(name, library) \
  static inline vec FNN(name)(vec x) { return v_narrow(w_##name(v_widen_lo(x)), w_##name(v_widen_hi(x))); }
#else
/* Some C libraries' erfc has errors of 3 ulp, erfcl none of that size. */
static double fnn_erfc_scalar(double x) { return (double)erfcl((long double)x); }
/* One Newton step after the C library's, whose error may be 3 ulp; the scale keeps subnormal numbers' residual exact. */
static double fnn_cbrt_scalar(double x) {
  double scale = fabs(x) < 0x1p-900 ? 0x1p300 : 1, y = cbrt(x * scale), square = y * y;
  if (!(fabs(y) > 0 && fabs(y) < INFINITY)) return y;
  double residual = fma(square, y, -x * scale) + fma(y, y, -square) * y;
  return (y - residual / (3 * square)) / (scale > 1 ? 0x1p100 : 1);
}
/* Halley steps from Winitzki's approximation; 1 - x is exact where erfc is used. */
static double fnn_erfinv_scalar(double x) {
  double a = fabs(x);
  if (!(a < 1)) return a == 1 ? copysign(INFINITY, x) : NAN;
  double w = -log((1 - a) * (1 + a)), half = 4.33 - w / 2, y = sqrt(w / 0.147 / (sqrt(half * half + w / 0.147) + half));
  if (a < 1e-8) return x * 0x1.c5bf891b4ef6bp-1;
  for (int i = 0; i < 3; i++) {
    double error = a < 0.5 ? erf(y) - a : (1 - a) - erfc(y), step = error * 0x1.c5bf891b4ef6bp-1 * exp(y * y);
    y -= step / (1 + y * step);
  }
  return copysign(y, x);
}
#define DEFINE(name, library)                                    \
  static inline vec FNN(name)(vec x) {                           \
    T lanes[VL];                                                 \
    v_store(lanes, x);                                           \
    for (int i = 0; i < VL; i++) lanes[i] = library(lanes[i]);   \
    return v_load(lanes);                                        \
  }
#endif
DEFINE(sin, sin)
DEFINE(cos, cos)
DEFINE(tan, tan)
DEFINE(arcsin, asin)
DEFINE(arccos, acos)
DEFINE(arctan, atan)
DEFINE(sinh, sinh)
DEFINE(cosh, cosh)
DEFINE(arcsinh, asinh)
DEFINE(arccosh, acosh)
DEFINE(arctanh, atanh)
DEFINE(exp2, exp2)
DEFINE(log2, log2)
DEFINE(log10, log10)
DEFINE(cbrt, fnn_cbrt_scalar)
DEFINE(erfc, fnn_erfc_scalar)
DEFINE(erfinv, fnn_erfinv_scalar)
#undef DEFINE

#if ITEM_BITS == 32
#define DEFINE(name, library)                                                        \
  static inline vec FNN(name)(vec a, vec b) {                                        \
    return v_narrow(w_##name(v_widen_lo(a), v_widen_lo(b)), w_##name(v_widen_hi(a), v_widen_hi(b))); \
  }
#else
#define DEFINE(name, library)                                             \
  static inline vec FNN(name)(vec a, vec b) {                             \
    T lanes[2][VL];                                                       \
    v_store(lanes[0], a);                                                 \
    v_store(lanes[1], b);                                                 \
    for (int i = 0; i < VL; i++) lanes[0][i] = library(lanes[0][i], lanes[1][i]); \
    return v_load(lanes[0]);                                              \
  }
#endif
DEFINE(arctan2, atan2)
DEFINE(hypot, hypot)
#undef DEFINE
