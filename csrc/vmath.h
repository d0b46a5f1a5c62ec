/* vmath.h: exp, expm1, log, log1p, tanh, sigmoid and erf of a vector; included once per float type, before the families.
 *
 * Polynomials are minimax fits by tests/ulp/remez.py (which prints these constants and the errors beside them). Largest
 * errors measured on every ISA with FMA, which agree bit for bit, by `make ulp` (all 2^32 float32 inputs against double;
 * 10^8 stratified float64 inputs against long double), in units in the last place of the exact result:
 *
 *              exp    expm1  log    log1p  tanh   sigmoid erf
 *   float32    1.02   1.57   0.89   1.61   1.20   1.97    1.12
 *   float64    1.03   1.50   0.81   1.38   1.18   1.93    1.10
 *
 * NaN gives NaN; infinities, signed zeros, subnormal arguments and results, overflow and underflow are as in C's math.h.
 * tests/test_vmath.py pins the table and the edges. Methods: Cody and Waite, Software Manual for the Elementary
 * Functions (1980), for the reductions; FreeBSD's e_log.c for the float64 logarithm's sum. */

/* c[0] + c[1] x + ... + c[degree] x^degree */
FNN_INLINE vec v_polynomial(const T *c, int degree, vec x) {
  vec p = v_set1(c[degree]);
#pragma GCC unroll 32
  for (int i = degree - 1; i >= 0; i--) p = v_fma(p, x, v_set1(c[i]));
  return p;
}
/* y >= 0 with the sign of x */
FNN_INLINE vec v_with_sign(vec y, vec x) {
  return v_frombits(i_or(v_bits(y), i_and(v_bits(x), v_bits(v_set1((T)-0.0)))));
}

/* a * b less its rounded value p, where that is not subnormal; without fused multiply-add by halves (Dekker, Numerische
 * Mathematik 18, 1971). */
FNN_INLINE vec v_mul_low(vec a, vec b, vec p) {
#ifdef FNN_UNFUSED
  ivec upper = I_K(~0xfff, ~INT64_C(0x7ffffff));
  vec ah = v_frombits(i_and(v_bits(a), upper)), al = v_sub(a, ah);
  vec bh = v_frombits(i_and(v_bits(b), upper)), bl = v_sub(b, bh);
  return v_add(v_add(v_add(v_sub(v_mul(ah, bh), p), v_mul(ah, bl)), v_mul(al, bh)), v_mul(al, bl));
#else
  return v_fma(a, b, v_neg(p));
#endif
}

#define V_MAGIC V_K(0x1.8p23f, 0x1.8p52) /* x + V_MAGIC rounds x to an integer, kept in the low bits */
#define V_LN2_HI V_K(0x1.62e4p-1f, 0x1.62e42fefap-1) /* 15 and 34 bits: n * V_LN2_HI is exact */
#define V_LN2_LO V_K(0x1.7f7d1cp-20f, 0x1.cf79abc9e3b39p-40)
#define I_ONE I_K(0x3f800000, 0x3ff0000000000000) /* the bits of 1.0 */

/* x = n ln2 + r with |r| <= ln2/2; *shifted has n in its low bits. */
FNN_INLINE vec FNN(reduce_ln2)(vec x, vec *n, vec *shifted) {
  *shifted = v_fma(x, V_K(0x1.715476p+0f, 0x1.71547652b82fep+0), V_MAGIC); /* log2(e) */
  *n = v_sub(*shifted, V_MAGIC);
  return v_fnma(*n, V_LN2_LO, v_fnma(*n, V_LN2_HI, x));
}

/* exp(r) = 1 + r + r^2 q(r) for |r| <= ln2/2; error of the polynomial, relative to exp(r), 2^-27.8 and 2^-56.5. */
FNN_INLINE vec FNN(exp_tail)(vec r) {
#if ITEM_BITS == 32
  vec q = v_set1(0x1.6a2358p-10f);
  q = v_fma(q, r, v_set1(0x1.123a6ap-7f));
  q = v_fma(q, r, v_set1(0x1.5558f4p-5f));
  q = v_fma(q, r, v_set1(0x1.55549p-3f));
  q = v_fma(q, r, v_set1(0x1.fffffcp-2f));
#else
  vec q = v_set1(0x1.ad7efcdea06afp-26);
  q = v_fma(q, r, v_set1(0x1.28adce2bb3e4ap-22));
  q = v_fma(q, r, v_set1(0x1.71df262fbb004p-19));
  q = v_fma(q, r, v_set1(0x1.a01999ae210aep-16));
  q = v_fma(q, r, v_set1(0x1.a01a0129b3242p-13));
  q = v_fma(q, r, v_set1(0x1.6c16c1844adf2p-10));
  q = v_fma(q, r, v_set1(0x1.1111111127e85p-7));
  q = v_fma(q, r, v_set1(0x1.55555555507f1p-5));
  q = v_fma(q, r, v_set1(0x1.55555555554f9p-3));
  q = v_fma(q, r, v_set1(0x1.000000000000ap-1));
#endif
  return q;
}

/* exp(r) - 1 */
FNN_INLINE vec FNN(expm1_core)(vec r) { return v_fma(FNN(exp_tail)(r), v_mul(r, r), r); }

/* exp(x) */
FNN_INLINE vec v_exp(vec x) {
  vec n, shifted;
  x = v_max(V_K(-104.0f, -746.0), v_min(V_K(89.0f, 710.0), x)); /* 0 and inf beyond */
  vec r = FNN(reduce_ln2)(x, &n, &shifted);
  return v_scalef(v_add(FNN(expm1_core)(r), v_set1(1)), n);
}

/* exp(x) - 1 = 2^n (exp(r) - 1) + (2^n - 1), halved so that 2^n stays finite. For n = 1 the sum cancels, so here r's
 * rounding error is put back into the small part of exp(r) - 1. */
FNN_INLINE vec v_expm1(vec x) {
  vec n, shifted, y = v_max(V_K(-18.0f, -38.0), v_min(V_K(89.0f, 710.0), x));
  vec r = FNN(reduce_ln2)(y, &n, &shifted);
  vec low = v_fnma(n, V_LN2_LO, v_sub(v_fnma(n, V_LN2_HI, y), r));
  vec half = v_frombits(i_add(i_sll(v_bits(shifted), MANTISSA), I_K(0x3f000000, 0x3fe0000000000000))); /* 2^n / 2 */
  vec p = v_add(r, v_fma(FNN(exp_tail)(r), v_mul(r, r), low));
  y = v_fma(half, p, v_sub(half, v_set1((T)0.5)));
  return v_sel(v_lt(v_abs(x), V_K(0x1p-26f, 0x1p-55)), x, v_add(y, y)); /* subnormals and the sign of 0 */
}

/* x + x^3 P(x^2) for |x| < 5/8, error of the polynomial 2^-28.6 and 2^-57.1; beyond 1 - 2 / (exp(2 |x|) + 1). */
FNN_INLINE vec v_tanh(vec x) {
  vec n, shifted, a = v_abs(x), z = v_mul(x, x), one = v_set1(1);
#if ITEM_BITS == 32
  vec p = v_set1(0x1.195a3cp-9f);
  p = v_fma(p, z, v_set1(-0x1.0c188ap-7f));
  p = v_fma(p, z, v_set1(0x1.639328p-6f));
  p = v_fma(p, z, v_set1(-0x1.b9ef58p-5f));
  p = v_fma(p, z, v_set1(0x1.11106ap-3f));
  p = v_fma(p, z, v_set1(-0x1.555554p-2f));
#else
  vec p = v_set1(0x1.9608168fdcb2dp-18);
  p = v_fma(p, z, v_set1(-0x1.fac666b9e4711p-16));
  p = v_fma(p, z, v_set1(0x1.801b6d8fb08dp-14));
  p = v_fma(p, z, v_set1(-0x1.f1131ffee49c3p-13));
  p = v_fma(p, z, v_set1(0x1.350b7e294985fp-11));
  p = v_fma(p, z, v_set1(-0x1.7d9c3100ac20cp-10));
  p = v_fma(p, z, v_set1(0x1.d6d359f1d7b87p-9));
  p = v_fma(p, z, v_set1(-0x1.226e32cca60bep-7));
  p = v_fma(p, z, v_set1(0x1.664f48709c19fp-6));
  p = v_fma(p, z, v_set1(-0x1.ba1ba1b9d0686p-5));
  p = v_fma(p, z, v_set1(0x1.1111111110c2cp-3));
  p = v_fma(p, z, v_set1(-0x1.5555555555552p-2));
#endif
  vec small = v_fma(v_mul(p, z), a, a);
  vec b = v_min(V_K(9.1f, 19.5), a); /* beyond, tanh rounds to 1 */
  vec r = FNN(reduce_ln2)(v_add(b, b), &n, &shifted);
  vec s = v_frombits(i_add(i_sll(v_bits(shifted), MANTISSA), I_ONE)); /* 2^n */
  vec big = v_sub(one, v_div(v_set1(2), v_fma(s, FNN(expm1_core)(r), v_add(s, one))));
  vec y = v_sel(v_lt(a, v_set1((T)0.625)), small, big);
  return v_with_sign(y, x);
}

/* e / (1 + e) with e = exp(x) for x < 0, 1 / (1 + exp(-x)) otherwise: small results keep their relative accuracy.
 * low is the rounding error of d = 1 + e, and 1 - e/2 is 1 / d, near enough to take its effect out of the quotient. */
FNN_INLINE vec v_sigmoid(vec x) {
  vec one = v_set1(1), e = v_exp(v_neg(v_abs(x))), d = v_add(one, e);
  vec low = v_sub(e, v_sub(d, one));
  vec y = v_div(v_sel(v_lt(x, v_zero()), e, one), d);
  return v_fnma(y, v_mul(low, v_fnma(v_set1((T)0.5), e, one)), y);
}

/* x = 2^k m, sqrt(1/2) <= m < sqrt(2) or so, for normal x > 0; *scale = the bits of 2^k less those of 1. */
FNN_INLINE vec FNN(split_exponent)(vec x, vec *k, ivec *scale) {
  ivec bits = v_bits(x);
  ivec above = i_sub(bits, I_K(0x3f2aaaab, 0x3fe6a09e667f3bcd)); /* 2/3; sqrt(1/2) */
  *scale = i_and(above, I_K((int32_t)0xff800000, (int64_t)0xfff0000000000000));
  ivec biased = i_srl(i_add(above, I_ONE), MANTISSA); /* k + bias; as the mantissa of 2^MANTISSA, a float */
  *k = v_sub(v_frombits(i_or(biased, I_K(0x4b000000, 0x4330000000000000))), V_K(0x1p23f + 127, 0x1p52 + 1023));
  return v_frombits(i_sub(bits, *scale));
}

#if ITEM_BITS == 32
/* (log(1 + f) - f) / f^2 for |f| <= 1/3; error of the polynomial, relative to log(1 + f), 2^-27.4 */
FNN_INLINE vec FNN(log_factor)(vec f) {
  static const T p[] = {-0.5f, 0x1.55550cp-2f, -0x1.fffe5ep-3f, 0x1.99ce54p-3f, -0x1.55b80cp-3f, 0x1.1ef054p-3f,
                        -0x1.f0380ap-4f, 0x1.1dfa44p-3f, -0x1.0e33bep-3f};
  return v_polynomial(p, 8, f);
}
#else
/* With half = f^2 / 2: log(1 + f) = 2 arctanh(s) = f - half + s (half + R(s^2)), s = f / (2 + f); the factor of s. Error
 * of the polynomial 2^-58.1. */
FNN_INLINE vec FNN(log_factor)(vec f, vec half, vec *s) {
  static const T p[] = {0x1.5555555555595p-1, 0x1.999999997ef97p-2, 0x1.24924942c8038p-2, 0x1.c71c514f5f97dp-3,
                        0x1.7466674684682p-3, 0x1.399d72ea63fep-3, 0x1.2f328e9774117p-3};
  *s = v_div(f, v_add(v_set1(2), f));
  vec z = v_mul(*s, *s);
  return v_fma(v_polynomial(p, 6, z), z, half);
}
#endif

/* log(1 + f) - f */
FNN_INLINE vec FNN(log_tail)(vec f) {
#if ITEM_BITS == 32
  return v_mul(FNN(log_factor)(f), v_mul(f, f));
#else
  vec s, half = v_mul(v_mul(v_set1(0.5), f), f), factor = FNN(log_factor)(f, half, &s);
  return v_fma(s, factor, v_neg(half));
#endif
}

/* k ln2 + log(1 + f) */
FNN_INLINE vec FNN(log_core)(vec k, vec f) {
#if ITEM_BITS == 32
  vec big = v_mul(k, V_LN2_HI), sum = v_add(big, f); /* |big| > |f| or big = 0: the sum's error is exact */
  vec low = v_fma(k, V_LN2_LO, v_sub(f, v_sub(sum, big)));
  return v_add(sum, v_fma(FNN(log_factor)(f), v_mul(f, f), low));
#else
  vec s, half = v_mul(v_mul(v_set1(0.5), f), f), factor = FNN(log_factor)(f, half, &s);
  vec tail = v_fma(s, factor, v_mul(k, V_LN2_LO));
  return v_fma(k, V_LN2_HI, v_sub(f, v_sub(half, tail)));
#endif
}

/* -inf at 0, NaN below, x itself at inf and NaN */
FNN_INLINE vec FNN(log_edges)(vec x, vec y) {
  vec infinity = v_set1((T)INFINITY), nan = v_set1((T)NAN);
  y = v_sel(v_lt(x, infinity), y, x);
  return v_sel(v_gt(x, v_zero()), y, v_sel(v_eq(x, v_zero()), v_neg(infinity), nan));
}

/* Positive, neither subnormal nor infinite */
FNN_INLINE msk FNN(is_normal)(vec x) { return m_and(v_ge(x, V_K(0x1p-126f, 0x1p-1022)), v_lt(x, v_set1((T)INFINITY))); }

FNN_INLINE vec v_log(vec x) {
  vec k, normal = x, shift = v_zero();
  ivec scale;
  msk special = m_not(FNN(is_normal)(x));
  int any = m_any(special);
  if (any) { /* subnormal numbers among them */
    normal = v_sel(special, v_mul(x, V_K(0x1p24f, 0x1p54)), x);
    shift = v_sel(special, V_K(24, 54), shift);
  }
  vec m = FNN(split_exponent)(normal, &k, &scale), y = FNN(log_core)(v_sub(k, shift), v_sub(m, v_set1(1)));
  return any ? FNN(log_edges)(x, y) : y;
}

/* log(u), u = 1 + x rounded, and the rounding error c brought back in: f = m - 1 + 2^-k c */
FNN_INLINE vec v_log1p(vec x) {
  vec k, one = v_set1(1), u = v_add(one, x);
  ivec scale;
  vec back = v_sub(u, one);
  vec c = v_add(v_sub(one, v_sub(u, back)), v_sub(x, back));
  vec m = FNN(split_exponent)(u, &k, &scale);
  vec shrink = v_frombits(i_sub(I_ONE, scale)); /* 2^-k; c is 0 before it is out of range */
  vec f = v_sub(m, one);
  f = v_sel(v_lt(u, V_K(0x1p30f, 0x1p60)), v_fma(c, shrink, f), f);
  return v_sel(v_eq(x, v_zero()), x, FNN(log_edges)(u, FNN(log_core)(k, f)));
}

/* erf(x) = x + x P(z), z = x^2, for |x| < 0.922 (float64: 1), error of the polynomial 2^-27.4 and 2^-55.6 */
FNN_INLINE vec FNN(erf_low)(vec x, vec z) {
#if ITEM_BITS == 32
  static const T p[] = {0x1.06eba8p-3f, -0x1.812744p-2f, 0x1.ce2e3p-4f, -0x1.b811bap-6f, 0x1.54e606p-8f,
                        -0x1.ab462ap-11f, 0x1.603174p-14f};
#else
  static const T p[] = {0x1.06eba8214db69p-3, -0x1.812746b0379e6p-2, 0x1.ce2f21a042b34p-4, -0x1.b82ce31284f29p-6,
                        0x1.565bcd0dbd6c3p-8, -0x1.c02db3db424aep-11, 0x1.f9a321e3dd0d5p-14, -0x1.f4d1e4238c412p-17,
                        0x1.b9df2f774a1b6p-20, -0x1.5f1f391a1602cp-23, 0x1.f7b945d7553b4p-27, -0x1.38ab0b1ba0a24p-30,
                        0x1.06244fa074701p-34};
#endif
  return v_fma(v_polynomial(p, (int)(sizeof p / sizeof *p) - 1, z), x, x);
}

/* Beyond 1 - exp(x Q(x)), where x Q(x) = log(1 - erf(x)) up to 2^-28.2 and 2^-57.1 as far as erf(x) is concerned. */
FNN_INLINE vec v_erf(vec x) {
#if ITEM_BITS == 32
  static const T q[] = {-0x1.20f2b2p0f, -0x1.4513dap-1f, -0x1.b4d12ep-4f, 0x1.8b5f08p-6f, -0x1.f5732p-9f,
                        0x1.83ee0ap-12f, -0x1.0ec3e2p-16f};
#else
  static const T q[] = {-0x1.20dd767ddac4p0, -0x1.45f2e6c60b5p-1, -0x1.a4fa07aa599c3p-4, 0x1.39a8cc1ba486ep-6,
                        0x1.6b86fbf26897cp-13, -0x1.acac4f51dd708p-10, 0x1.0b26bf463e366p-11, 0x1.ee2c531e7f778p-15,
                        -0x1.1e40959add3b2p-13, 0x1.4cc6fc3d04c0fp-14, -0x1.044bf59c0e045p-15, 0x1.39440cbf4a44fp-17,
                        -0x1.2eba2a09a20b1p-19, 0x1.dcc5243377baep-22, -0x1.326f9278702a1p-24, 0x1.3f522de6e4de4p-27,
                        -0x1.09db50181df26p-30, 0x1.596e2bf25307p-34, -0x1.516741d6ea12fp-38, 0x1.d1e4d90c4a9f2p-43,
                        -0x1.95362d6fd8f25p-48, 0x1.4db9d4cd0fb0fp-54};
#endif
  vec a = v_abs(x), b = v_min(V_K(3.93f, 5.95), a); /* beyond, erf rounds to 1 */
  vec exponent = v_mul(b, v_polynomial(q, (int)(sizeof q / sizeof *q) - 1, b));
  vec y = v_sel(v_lt(a, V_K(0.922f, 1)), FNN(erf_low)(a, v_mul(x, x)), v_sub(v_set1(1), v_exp(exponent)));
  return v_with_sign(y, x);
}

#undef V_MAGIC
#undef V_LN2_HI
#undef V_LN2_LO
#undef I_ONE
