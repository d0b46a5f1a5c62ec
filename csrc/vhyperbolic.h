/* vhyperbolic.h: sinh, cosh, arcsinh, arccosh, arctanh of a vector; included once per float type, after vmath.h, whose
 * reduction and logarithm it uses.
 *
 * Polynomials are minimax fits by tests/ulp/remez.py (which prints these constants and the errors beside them); largest
 * errors in units in the last place, as vmath.h's but on samples, at least 4 10^7 float32 and 6 10^6 float64 inputs:
 *
 *              sinh   cosh   arcsinh arccosh arctanh
 *   float32    1.45   1.80   1.28    1.36    1.36
 *   float64    1.70   1.55   1.36    1.42    1.28
 *
 * NaN gives NaN; zeros keep their sign, subnormal numbers are themselves; infinities and poles are as in C's math.h. */

#define I_ONE I_K(0x3f800000, 0x3ff0000000000000) /* the bits of 1.0 */

/* sinh(r) for |r| <= 1 and cosh(r) - 1 for |r| <= ln2/2; errors of the polynomials, relative to sinh and cosh, 2^-27.2
 * and 2^-33.1, 2^-56.4 and 2^-69.5. */
FNN_INLINE void FNN(sinh_cosh)(vec r, vec *s, vec *c) {
#if ITEM_BITS == 32
  static const T sine[] = {0x1.555556p-3f, 0x1.111136p-7f, 0x1.9ffe04p-13f, 0x1.7a289ap-19f};
  static const T cosine[] = {0x1.5554e6p-5f, 0x1.6d4fdep-10f};
#else
  static const T sine[] = {0x1.5555555555556p-3, 0x1.11111111110ap-7, 0x1.a01a01a029333p-13, 0x1.71de3a45e7387p-19,
                           0x1.ae64677397b9fp-26, 0x1.611a34e592932p-33, 0x1.b4d119aa39bbdp-41};
  static const T cosine[] = {0x1.5555555555558p-5, 0x1.6c16c16c14ff5p-10, 0x1.a01a01ad82a21p-16, 0x1.27e4cc055ae52p-22,
                             0x1.1f8bf518cc707p-29};
#endif
  vec z = v_mul(r, r);
  *s = v_fma(v_mul(r, z), v_polynomial(sine, (int)(sizeof sine / sizeof *sine) - 1, z), r);
  *c = v_fma(v_mul(z, z), v_polynomial(cosine, (int)(sizeof cosine / sizeof *cosine) - 1, z), v_mul(v_set1((T)0.5), z));
}

/* Half of 2^(n-1) and of 2^(-n-1), n whole and at least 0; from n = 60 on the second one does not matter. */
FNN_INLINE void FNN(half_powers)(vec n, vec *up, vec *down) {
  vec magic = V_K(0x1.8p23f, 0x1.8p52);
  ivec quarter = i_sub(I_ONE, i_sll(i_set1(2), MANTISSA));
  *up = v_frombits(i_add(i_sll(v_bits(v_add(n, magic)), MANTISSA), quarter));
  *down = v_frombits(i_sub(quarter, i_sll(v_bits(v_add(v_min(n, v_set1(60)), magic)), MANTISSA)));
}

/* With |x| = n ln2 + r: sinh(x) = (2^(n-1) - 2^(-n-1)) cosh(r) + (2^(n-1) + 2^(-n-1)) sinh(r), halved so that it stays
 * finite; n = 0 below 1, where the sum would cancel. */
FNN_INLINE vec FNN(sinh)(vec x) {
  vec n, shifted, s, c, up, down, a = v_abs(x), b = v_min(V_K(89.6f, 710.6), a); /* infinity beyond */
  msk low = v_lt(a, v_set1(1));
  vec r = v_sel(low, a, FNN(reduce_ln2)(b, &n, &shifted));
  FNN(sinh_cosh)(r, &s, &c);
  FNN(half_powers)(v_sel(low, v_zero(), n), &up, &down);
  vec sum = v_add(up, down), difference = v_sub(up, down);
  vec y = v_add(difference, v_fma(difference, c, v_mul(sum, s)));
  return v_sel(v_ne(x, x), x, v_with_sign(v_sel(low, s, v_add(y, y)), x));
}
/* cosh(x) = (2^(n-1) + 2^(-n-1)) cosh(r) + (2^(n-1) - 2^(-n-1)) sinh(r) */
FNN_INLINE vec FNN(cosh)(vec x) {
  vec n, shifted, s, c, up, down, b = v_min(V_K(89.6f, 710.6), v_abs(x));
  vec r = FNN(reduce_ln2)(b, &n, &shifted);
  FNN(sinh_cosh)(r, &s, &c);
  FNN(half_powers)(n, &up, &down);
  vec sum = v_add(up, down), difference = v_sub(up, down);
  vec y = v_add(sum, v_fma(sum, c, v_mul(difference, s)));
  return v_sel(v_ne(x, x), x, v_add(y, y));
}

/* log(w + c) + n ln2 for normal w >= 1 and c at most a rounding error of w */
FNN_INLINE vec FNN(log_of_sum)(vec w, vec c, vec n) {
  vec k;
  ivec scale;
  vec m = FNN(split_exponent)(w, &k, &scale), shrink = v_frombits(i_sub(I_ONE, scale)); /* 2^-k */
  return FNN(log_core)(v_add(k, n), v_fma(c, shrink, v_sub(m, v_set1(1))));
}

/* x + x^3 P(x^2) below 9/16, error of the polynomial 2^-28.7 and 2^-59.6; beyond log(x + sqrt(x^2 + 1)), log(2 x) from
 * where the 1 is lost (as log(x / 2) + 2 ln2, which is in range). */
FNN_INLINE vec FNN(arcsinh)(vec x) {
#if ITEM_BITS == 32
  static const T p[] = {-0x1.55554ep-3f, 0x1.333008p-4f, -0x1.6d2f7ep-5f, 0x1.e736d6p-6f, -0x1.37471ep-6f, 0x1.020f12p-7f};
#else
  static const T p[] = {-0x1.5555555555554p-3, 0x1.333333333306bp-4, -0x1.6db6db6d9340ap-5, 0x1.f1c71c635cf67p-6,
                        -0x1.6e8ba12cdccebp-6, 0x1.1c4ea241f163dp-6, -0x1.c995e3b694adbp-7, 0x1.7a638007ecb5p-7,
                        -0x1.3ee154f8ff73p-7, 0x1.0ddded080e9f7p-7, -0x1.b9384a7e6d7cbp-8, 0x1.3ed1acab7cbdp-8,
                        -0x1.589a3d46b841cp-9, 0x1.8b44fb311412ep-11};
#endif
  vec a = v_abs(x), z = v_mul(a, a), one = v_set1(1), s = v_sqrt(v_fma(a, a, one));
  vec small = v_fma(v_mul(a, z), v_polynomial(p, (int)(sizeof p / sizeof *p) - 1, z), a);
  msk huge = v_gt(a, V_K(0x1p30f, 0x1p60));
  vec w = v_add(a, s), c = v_sub(a, v_sub(w, s));
  w = v_sel(huge, v_mul(v_set1((T)0.5), a), w);
  vec y = FNN(log_of_sum)(w, v_sel(huge, v_zero(), c), v_sel(huge, v_set1(2), v_zero()));
  y = v_sel(v_lt(a, v_set1((T)0.5625)), small, v_sel(v_lt(a, v_set1((T)INFINITY)), y, a));
  return v_with_sign(y, x);
}
/* With t = x - 1: sqrt(2 t) (1 + t P(t)) below 3/2, error of the polynomial 2^-28.7 and 2^-58.3; beyond
 * log(x + sqrt(x^2 - 1)), log(2 x) from where the 1 is lost. */
FNN_INLINE vec FNN(arccosh)(vec x) {
#if ITEM_BITS == 32
  static const T p[] = {-0x1.555536p-4f, 0x1.33252ep-6f, -0x1.6b9be8p-8f, 0x1.cda0dap-10f, -0x1.b21d1ap-12f};
#else
  static const T p[] = {-0x1.5555555555541p-4, 0x1.33333333307e9p-6, -0x1.6db6db6babf3bp-8, 0x1.f1c71bab7697fp-10,
                        -0x1.6e8b8cd01d354p-11, 0x1.1c4d320d7582ap-12, -0x1.c9731961c58f7p-14, 0x1.7943157aa1462p-15,
                        -0x1.386f23398274p-16, 0x1.e95e708069aa2p-18, -0x1.374a9314d8bb6p-19, 0x1.c2cf32b93dab4p-22};
#endif
  vec one = v_set1(1), t = v_sub(x, one);
  msk near = v_lt(x, v_set1((T)1.5)), huge = v_gt(x, V_K(0x1p30f, 0x1p60));
  vec s = v_sqrt(v_sel(near, v_add(t, t), v_fma(x, x, v_neg(one))));
  vec small = v_fma(v_mul(s, t), v_polynomial(p, (int)(sizeof p / sizeof *p) - 1, t), s);
  vec w = v_add(x, s), c = v_sub(s, v_sub(w, x));
  w = v_sel(huge, v_mul(v_set1((T)0.5), x), w);
  vec y = FNN(log_of_sum)(w, v_sel(huge, v_zero(), c), v_sel(huge, v_set1(2), v_zero()));
  return v_sel(near, small, v_sel(v_lt(x, v_set1((T)INFINITY)), y, x));
}

/* arctanh(a) = log(q) / 2 = k ln2 / 2 + arctanh(s) with q = (1 + a) / (1 - a) = 2^k m and s = (m - 1) / (m + 1),
 * |s| <= 0.273: s + s^3 P(s^2), error of the polynomial 2^-30.0 and 2^-59.6. Where k = 0, below 1/4, s is a itself. */
FNN_INLINE vec FNN(arctanh)(vec x) {
#if ITEM_BITS == 32
  static const T p[] = {0x1.555546p-2f, 0x1.99a95ap-3f, 0x1.222062p-3f, 0x1.09368p-3f};
#else
  static const T p[] = {0x1.555555555556cp-2, 0x1.9999999993a77p-3, 0x1.24924928d8305p-3, 0x1.c71c6ec54470ap-4,
                        0x1.745db0302a989p-4, 0x1.3b0169d2db4eep-4, 0x1.126776c4626e2p-4, 0x1.c4137e0170fd7p-5,
                        0x1.3065cf3e63dd3p-4};
#endif
  vec one = v_set1(1), a = v_abs(x), above = v_add(one, a), below = v_sub(one, a);
  /* lost by above, less twice what below lost: k = 1 where it lost anything and k is not 0 */
  vec rest = v_fma(v_set1(2), v_sub(a, v_sub(one, below)), v_sub(a, v_sub(above, one)));
  ivec k = i_add(i_sub(v_bits(above), v_bits(below)), i_sll(i_set1(1), MANTISSA - 2)); /* floor(log2(q) + 1/4), nearly */
  k = i_and(k, I_K((int32_t)0xff800000, (int64_t)0xfff0000000000000));
  vec scaled = v_frombits(i_add(v_bits(below), k)); /* 2^k (1 - a), near 1 + a: their difference is exact */
  msk low = i_eq(k, i_set1(0));
  vec s = v_sel(low, a, v_div(v_add(v_sub(above, scaled), rest), v_add(above, scaled)));
  vec z = v_mul(s, s), kf = v_sub(v_frombits(i_or(i_srl(k, MANTISSA), I_K(0x4b000000, 0x4330000000000000))),
                                  V_K(0x1p23f, 0x1p52));
  vec big = v_mul(kf, V_K(0x1.62e4p-2f, 0x1.62e42fefap-2)); /* ln2 / 2, exact as in vmath.h */
  vec tail = v_fma(v_mul(s, z), v_polynomial(p, (int)(sizeof p / sizeof *p) - 1, z),
                   v_mul(kf, V_K(0x1.7f7d1cp-21f, 0x1.cf79abc9e3b39p-41)));
  vec y = v_add(big, v_add(s, tail));
  y = v_sel(v_eq(a, one), v_set1((T)INFINITY), y);
  return v_with_sign(v_sel(v_le(a, one), y, v_set1((T)NAN)), x);
}
#undef I_ONE
