/* vpower.h: exp2, log2, log10, cbrt of a vector, power and hypot of two; included once per float type, float first, after
 * vmath.h, whose logarithm it uses.
 *
 * Polynomials are minimax fits by tests/ulp/remez.py (which prints these constants and the errors beside them); largest
 * errors in units in the last place, as vmath.h's but on samples, at least 4 10^7 float32 and 6 10^6 float64 inputs:
 *
 *              exp2   log2   log10  cbrt   power  hypot
 *   float32    0.96   1.04   1.00   0.82   0.51   0.51
 *   float64    0.89   1.18   1.15   0.77   0.97   0.96
 *
 * NaN gives NaN; infinities, signed zeros, subnormal arguments and results are as in C's math.h; powers of 2 have exact
 * results of exp2 and log2, powers of 10 of log10, cubes of cbrt. */

/* 2^r = 1 + r Q(r) for |r| <= 1/2; error of the polynomial 2^-26 and 2^-56. */
FNN_INLINE vec FNN(exp2_core)(vec r) {
#if ITEM_BITS == 32
  static const T q[] = {0x1.62e43p-1f, 0x1.ebfbep-3f, 0x1.c6aedp-5f, 0x1.3b29aap-7f, 0x1.5f47bp-10f, 0x1.448faep-13f};
#else
  static const T q[] = {0x1.62e42fefa39efp-1, 0x1.ebfbdff82c5a5p-3, 0x1.c6b08d704a0d7p-5, 0x1.3b2ab6fb9ff54p-7,
                        0x1.5d87fe78a0e45p-10, 0x1.4309130f2fccep-13, 0x1.ffcbfc7c40262p-17, 0x1.62bfc6cc03cd8p-20,
                        0x1.b524cdf87bf2ap-24, 0x1.e61ca99654d75p-28, 0x1.ea18333dd9001p-32};
#endif
  return v_fma(r, v_polynomial(q, (int)(sizeof q / sizeof *q) - 1, r), v_set1(1));
}
FNN_INLINE vec FNN(exp2)(vec x) {
  x = v_max(V_K(-151.0f, -1076.0), v_min(V_K(129.0f, 1025.0), x)); /* 0 and inf beyond */
  vec n = v_round(x);
  return v_scalef(FNN(exp2_core)(v_sub(x, n)), n);
}

/* k a + b log(1 + f) for x = 2^k (1 + f), with a = a_hi + a_lo, b = b_hi + b_lo and k a_hi exact. The largest summands,
 * k a and b f, are added with their error: k a is the larger one or 0. */
FNN_INLINE vec FNN(log_to_base)(vec x, vec a_hi, vec a_lo, vec b_hi, vec b_lo) {
  vec k, normal = x, shift = v_zero();
  ivec scale;
  msk special = m_not(FNN(is_normal)(x));
  int any = m_any(special);
  if (any) { /* subnormal numbers among them */
    normal = v_sel(special, v_mul(x, V_K(0x1p24f, 0x1p54)), x);
    shift = v_sel(special, V_K(24, 54), shift);
  }
  vec f = v_sub(FNN(split_exponent)(normal, &k, &scale), v_set1(1));
  k = v_sub(k, shift);
  vec big = v_mul(k, a_hi), sum = v_fma(f, b_hi, big), low = v_fma(f, b_hi, v_sub(big, sum));
  low = v_fma(FNN(log_tail)(f), b_hi, v_fma(f, b_lo, v_fma(k, a_lo, low)));
  vec y = v_add(sum, low);
  return any ? FNN(log_edges)(x, y) : y;
}
FNN_INLINE vec FNN(log2)(vec x) {
  return FNN(log_to_base)(x, v_set1(1), v_zero(), V_K(0x1.715476p+0f, 0x1.71547652b82fep+0),
                          V_K(0x1.4ae0cp-26f, 0x1.777d0ffda0d24p-56));
}
FNN_INLINE vec FNN(log10)(vec x) {
  return FNN(log_to_base)(x, V_K(0x1.344p-2f, 0x1.3441350ap-2), V_K(0x1.3509f8p-18f, -0x1.0c0219dc1da99p-39),
                          V_K(0x1.bcb7b2p-2f, 0x1.bcb7b1526e50ep-2), V_K(-0x1.5b235ep-27f, 0x1.95355baaafad3p-57));
}

/* y = x^(-1/3): a third of the bits, negated, is within 3.5 %; then from e = 1 - x y^3 by the series of (1 - e)^(-1/3).
 * Last, a Newton step at r = x y^2 with its exact residual. */
FNN_INLINE vec FNN(cbrt)(vec x) {
  vec a = v_abs(x), normal = a, back = v_set1(1);
  msk special = m_not(FNN(is_normal)(a));
  int any = m_any(special);
  if (any) { /* subnormal numbers among them */
    normal = v_sel(special, v_mul(a, V_K(0x1p24f, 0x1p54)), a);
    back = v_sel(special, V_K(0x1p-8f, 0x1p-18), back);
  }
#if ITEM_BITS == 32
  vec y = v_frombits(v_toint(v_fnma(v_fromint(v_bits(normal)), v_set1(0x1.555556p-2f), v_set1(0x1.5287ep+30f))));
#else /* of the upper half */
  vec upper = v_fromint(i_srl(v_bits(normal), 32));
  vec y = v_frombits(i_sll(v_toint(v_fnma(upper, v_set1(0x1.5555555555555p-2), v_set1(0x1.54fba598p+30))), 32));
#endif
  const vec third = V_K(0x1.555556p-2f, 0x1.5555555555555p-2), two_ninths = V_K(0x1.c71c72p-3f, 0x1.c71c71c71c71cp-3);
  vec e = v_fnma(v_mul(normal, y), v_mul(y, y), v_set1(1));
  vec factor = v_fma(v_fma(V_K(0x1.61f9aep-3f, 0x1.61f9add3c0ca4p-3), e, two_ninths), e, third); /* from 14/81 on */
  y = v_fma(v_mul(y, e), factor, y);
#if ITEM_BITS == 64
  e = v_fnma(v_mul(normal, y), v_mul(y, y), v_set1(1));
  y = v_fma(v_mul(y, e), v_fma(two_ninths, e, third), y);
#endif
  vec square = v_mul(y, y), r = v_mul(normal, square), r2 = v_mul(r, r);
  vec residual = v_fnma(v_fma(r, r, v_neg(r2)), r, v_fnma(r2, r, normal));
  r = v_fma(residual, v_mul(square, third), r);
  if (any) r = v_sel(m_and(v_lt(v_zero(), a), v_lt(a, v_set1((T)INFINITY))), v_mul(r, back), a);
  return v_with_sign(r, x);
}

/* 2^(b log2(a)) for normal a > 0; overflow and underflow as they should be. */
#if ITEM_BITS == 32
/* Half of it, in float64: log2(1 + f) = f P(f), 2^r = 1 + r Q(r), errors of the polynomials 2^-38 and 2^-34. */
FNN_INLINE vec_f64 FNN(power_half)(vec_f64 a, vec_f64 b) {
  static const double p[] = {0x1.71547652b8b1cp0, -0x1.71547652c7a69p-1, 0x1.ec709dbc33629p-2, -0x1.7154759fff9abp-2,
                             0x1.2776c1caa1059p-2, -0x1.ec70e07244575p-3, 0x1.a61a1271a4d3p-3, -0x1.715617e48cb6dp-3,
                             0x1.480aba925a35ep-3, -0x1.26980e1e70c1p-3, 0x1.0dd9ca44d78fap-3, -0x1.0252d4aa8cabep-3,
                             0x1.e977f087d28b2p-4, -0x1.69cd788b8e4f3p-4, 0x1.0fa66a453d7e9p-5};
  static const double q[] = {0x1.62e42fef7b804p-1, 0x1.ebfbe07ab899fp-3, 0x1.c6b08df433c31p-5, 0x1.3b29f0fdf2db2p-7,
                             0x1.5d8723cdea3d7p-10, 0x1.445e6a922b88ep-13, 0x1.00f11fc60e45ap-16};
  vec_f64 k, one = v_set1_f64(1);
  ivec_f64 scale;
  vec_f64 f = v_sub_f64(FNN_JOIN(split_exponent, f64, FNN_ISA)(a, &k, &scale), one);
  vec_f64 y = v_mul_f64(b, v_fma_f64(f, v_polynomial_f64(p, 14, f), k));
  y = v_max_f64(v_set1_f64(-200), v_min_f64(v_set1_f64(200), y));
  vec_f64 n = v_round_f64(y), r = v_sub_f64(y, n);
  return v_scalef_f64(v_fma_f64(r, v_polynomial_f64(q, 6, r), one), n);
}
FNN_INLINE vec FNN(power_core)(vec a, vec b) {
  return v_narrow(FNN(power_half)(v_widen_lo(a), v_widen_lo(b)), FNN(power_half)(v_widen_hi(a), v_widen_hi(b)));
}
#else
/* log2(a) and its product with b as sums of two numbers, the second one the rest of the first: with a = 2^k m and
 * s = (m - 1) / (m + 1), log2(m) = 2/ln2 (s + s z (1/3 + z Q(z))), z = s^2; error of the polynomial 2^-66. Dekker,
 * Numerische Mathematik 18 (1971), for the arithmetic. */
FNN_INLINE vec FNN(power_core)(vec a, vec b) {
  static const T q[] = {0x1.9999999999b36p-3, 0x1.249249245716bp-3, 0x1.c71c722e7d4fdp-4, 0x1.745ce9800c514p-4,
                        0x1.3b1efe939f15ep-4, 0x1.0f7e2ba41227fp-4, 0x1.0e53541ce37f8p-4};
  vec k, shift = v_zero(), one = v_set1(1), third = v_set1(0x1.5555555555555p-2);
  ivec scale;
  msk subnormal = v_lt(a, v_set1(0x1p-1022));
  if (m_any(subnormal)) {
    a = v_sel(subnormal, v_mul(a, v_set1(0x1p54)), a);
    shift = v_sel(subnormal, v_set1(54), shift);
  }
  vec m = FNN(split_exponent)(a, &k, &scale), f = v_sub(m, one), d = v_add(m, one), d_low = v_sub(m, v_sub(d, one));
  vec inverse = v_div(one, d), s = v_mul(f, inverse), product = v_mul(s, d);
  vec s_low = v_mul(v_fnma(s, d_low, v_sub(v_sub(f, product), v_mul_low(s, d, product))), inverse);
  vec z = v_mul(s, s), z_low = v_fma(v_add(s, s), s_low, v_mul_low(s, s, z));
  vec tail = v_mul(z, v_polynomial(q, 6, z)), u = v_add(third, tail);
  vec u_low = v_add(v_add(v_sub(third, u), tail), v_set1(0x1.5555555555555p-56));
  vec w = v_mul(z, u), w_low = v_fma(z_low, u, v_fma(z, u_low, v_mul_low(z, u, w)));
  vec v = v_mul(s, w), v_low = v_fma(s_low, w, v_fma(s, w_low, v_mul_low(s, w, v)));
  vec l = v_add(s, v), l_low = v_add(v_add(v_sub(s, l), v), v_add(s_low, v_low));
  const vec unit = v_set1(0x1.71547652b82fep+1), unit_low = v_set1(0x1.777d0ffda0d24p-55); /* 2/ln2 */
  vec h = v_mul(l, unit), h_low = v_fma(l_low, unit, v_fma(l, unit_low, v_mul_low(l, unit, h)));
  k = v_sub(k, shift);
  vec log = v_add(k, h), log_low = v_add(v_add(v_sub(k, log), h), h_low);
  vec y = v_mul(b, log), y_low = v_fma(b, log_low, v_mul_low(b, log, y));
  y_low = v_sel(v_lt(v_abs(y), v_set1(1100)), y_low, v_zero());
  y = v_max(v_set1(-1100), v_min(v_set1(1100), y));
  vec n = v_round(y), r = v_add(v_sub(y, n), y_low);
  return v_scalef(FNN(exp2_core)(r), n);
}
#endif

/* a^b with C's rules */
FNN_INLINE vec FNN(power)(vec a, vec b) {
  const vec zero = v_zero(), one = v_set1(1), infinity = v_set1((T)INFINITY);
  vec size = v_abs(a), y = FNN(power_core)(size, b);
  if (!m_any(m_not(m_and(FNN(is_normal)(a), v_lt(v_abs(b), infinity))))) return y;
  msk is_zero = v_eq(size, zero), infinite = v_eq(size, infinity), up = v_gt(b, zero), down = v_lt(b, zero);
  y = v_sel(m_or(m_and(is_zero, up), m_and(infinite, down)), zero, y);
  y = v_sel(m_or(m_and(is_zero, down), m_and(infinite, up)), infinity, y);
  y = v_sel(m_or(v_ne(a, a), v_ne(b, b)), v_set1((T)NAN), y);
  vec half = v_mul(v_set1((T)0.5), b);
  msk whole = v_eq(v_round(b), b), odd = m_and(whole, v_ne(v_round(half), half));
  y = v_sel(m_and(i_gt(i_set1(0), v_bits(a)), odd), v_neg(y), y);
  y = v_sel(m_and(m_and(v_lt(a, zero), m_not(whole)), m_not(infinite)), v_set1((T)NAN), y);
  msk is_one = m_or(v_eq(b, zero), v_eq(a, one)); /* NaN included */
  is_one = m_or(is_one, m_and(v_eq(a, v_neg(one)), v_eq(v_abs(b), infinity)));
  return v_sel(is_one, one, y);
}

/* sqrt(a^2 + b^2): float32 in float64, whose range has the squares; float64 scaled by powers of 2. */
FNN_INLINE vec FNN(hypot)(vec a, vec b) {
  vec infinity = v_set1((T)INFINITY), p = v_abs(a), q = v_abs(b);
  msk infinite = m_or(v_eq(p, infinity), v_eq(q, infinity));
#if ITEM_BITS == 32
  vec_f64 a_lo = v_widen_lo(p), b_lo = v_widen_lo(q), a_hi = v_widen_hi(p), b_hi = v_widen_hi(q);
  vec y = v_narrow(v_sqrt_f64(v_fma_f64(a_lo, a_lo, v_mul_f64(b_lo, b_lo))),
                   v_sqrt_f64(v_fma_f64(a_hi, a_hi, v_mul_f64(b_hi, b_hi))));
#else
  vec large = v_max(p, q), up = v_set1(0x1p600), down = v_set1(0x1p-600);
  msk high = v_gt(large, v_set1(0x1p500)), low = v_lt(large, v_set1(0x1p-500));
  vec scale = v_sel(high, down, v_sel(low, up, v_set1(1))), back = v_sel(high, up, v_sel(low, down, v_set1(1)));
  p = v_mul(large, scale), q = v_mul(v_min(v_abs(a), v_abs(b)), scale);
  vec y = v_mul(v_sqrt(v_fma(p, p, v_mul(q, q))), back);
  y = v_sel(m_or(v_ne(a, a), v_ne(b, b)), v_set1(NAN), y);
#endif
  return v_sel(infinite, infinity, y);
}
