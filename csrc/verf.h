/* verf.h: erfc and erfinv of a vector; included once per float type, float first, after vmath.h.
 *
 * float32: computed in float64 by minimax fits and rounded once. Polynomials by tests/ulp/remez.py, which prints these
 * constants and the errors beside them; largest errors in ulp, on samples of 4 10^7 float32 and 6 10^6 float64 inputs:
 *
 *              erfc   erfinv
 *   float32    0.51   0.51
 *   float64    3.95   2.35
 *
 * NaN gives NaN; zeros keep their sign; infinities and poles are as in C's math.h. */

/* exp(-x^2) for |x| <= 28: the square's rounding error goes where exp's reduced argument is small. */
FNN_INLINE vec_f64 FNN(exp_of_minus_square)(vec_f64 x) {
  vec_f64 n, shifted, square = v_mul_f64(x, x);
  vec_f64 r = FNN_JOIN(reduce_ln2, f64, FNN_ISA)(v_neg_f64(square), &n, &shifted);
  r = v_sub_f64(r, v_mul_low_f64(x, x, square));
  return v_scalef_f64(v_add_f64(FNN_JOIN(expm1_core, f64, FNN_ISA)(r), v_set1_f64(1)), n);
}

#if ITEM_BITS == 32
/* For x >= 1 (1/2 is the least that the fit holds for): exp(-x^2) / (1 + 2 x) times a polynomial in
 * t = (x - 3.75) / (x + 3.75), error 2^-37. Shepherd and Laframboise, Mathematics of Computation 36 (1981). */
FNN_INLINE vec_f64 FNN(half_erfc_high)(vec_f64 x) {
  static const double p[] = {0x1.3ccda0b5d163p0, -0x1.1f367680eca89p-3, 0x1.d5f29e3d2493ap-9, 0x1.510167b761eebp-4,
                             -0x1.bda93ee389cd1p-4, 0x1.7a144a2992d3bp-4, -0x1.e0cefc47fc86dp-5, 0x1.d0a8fd58f4dccp-6,
                             -0x1.3fa2e8d8fd31cp-7, 0x1.cdb0cbab9050fp-10, 0x1.555dd5f261675p-12, -0x1.305b9e06b65dep-12};
  x = v_min_f64(v_set1_f64(10.3), x); /* beyond, float32 has no number between 0 and erfc(x) */
  vec_f64 t = v_div_f64(v_sub_f64(x, v_set1_f64(3.75)), v_add_f64(x, v_set1_f64(3.75)));
  vec_f64 scaled = v_div_f64(v_polynomial_f64(p, 11, t), v_fma_f64(v_set1_f64(2), x, v_set1_f64(1)));
  return v_mul_f64(FNN(exp_of_minus_square)(x), scaled);
}
/* x P(x^2) for |x| <= 1, error 2^-34 */
FNN_INLINE vec_f64 FNN(half_erf_low)(vec_f64 x) {
  static const double p[] = {0x1.20dd750405dfbp0, -0x1.81274667b1a08p-2, 0x1.ce2f09897ddd8p-4, -0x1.b829d534132bp-6,
                             0x1.562aec8d8a295p-8, -0x1.bcd599ba0d653p-11, 0x1.d8aa3a9c06945p-14, -0x1.44ac71c984dbdp-17};
  return v_mul_f64(x, v_polynomial_f64(p, 7, v_mul_f64(x, x)));
}
FNN_INLINE vec_f64 FNN(half_erfc)(vec_f64 x) {
  vec_f64 a = v_abs_f64(x), high = FNN(half_erfc_high)(v_max_f64(v_set1_f64(1), a));
  high = v_sel_f64(v_lt_f64(x, v_set1_f64(0)), v_sub_f64(v_set1_f64(2), high), high);
  return v_sel_f64(v_gt_f64(a, v_set1_f64(1)), high, v_sub_f64(v_set1_f64(1), FNN(half_erf_low)(x)));
}

/* x P(w), w = -log(1 - x^2), in w below 5 and in sqrt(w) beyond; 1 - x^2 is exact for float32. Form: Giles, Approximating
 * the erfinv function (2010). */
FNN_INLINE vec_f64 FNN(half_erfinv)(vec_f64 x) {
  static const double p[] = {0x1.c5bf891b234f5p-1, 0x1.db29fb661f231p-3, 0x1.7a72ba938fd8ap-7, -0x1.320d66680d078p-9,
                             -0x1.0d226e21a97cdp-13, 0x1.8aeb32a02f363p-15, 0x1.9ca2086401d8dp-20,
                             -0x1.6bbbf96944b55p-21, -0x1.a46b7f26b2235p-23, 0x1.3b0d122f52c48p-24,
                             -0x1.472848e713e7dp-27, 0x1.32fab1160c091p-31, -0x1.180b9f74cb15ep-37,
                             -0x1.b409810dee891p-42};
  static const double q[] = {0x1.ae41b02a82fe3p3, -0x1.bab07dfef6ef9p5, 0x1.bd598c47425cdp6, -0x1.0cd3f831acc29p7,
                             0x1.b4d06865cd38ep6, -0x1.f6ea2396a7a52p5, 0x1.a65f395c5494ap4, -0x1.06767eb49f47ap3,
                             0x1.e3a238624a17cp0, -0x1.46d5aeca8fadp-2, 0x1.3b6bb6c09101ep-5, -0x1.9c2e87ed4d7e6p-9,
                             0x1.472fdf523ff4dp-13, -0x1.dd0266efb96e9p-19};
  const vec_f64 one = v_set1_f64(1), five = v_set1_f64(5);
  vec_f64 a = v_abs_f64(x), w = v_neg_f64(v_log_f64(v_mul_f64(v_sub_f64(one, a), v_add_f64(one, a))));
  vec_f64 low = v_polynomial_f64(p, 13, v_min_f64(five, w));
  vec_f64 high = v_polynomial_f64(q, 13, v_sqrt_f64(v_max_f64(five, v_min_f64(v_set1_f64(17), w))));
  vec_f64 y = v_mul_f64(x, v_sel_f64(v_lt_f64(w, five), low, high));
  y = v_sel_f64(v_eq_f64(a, one), v_with_sign_f64(v_set1_f64(INFINITY), x), y);
  return v_sel_f64(v_le_f64(a, one), y, v_set1_f64(NAN));
}
FNN_INLINE vec FNN(erfc)(vec x) { return v_narrow(FNN(half_erfc)(v_widen_lo(x)), FNN(half_erfc)(v_widen_hi(x))); }
FNN_INLINE vec FNN(erfinv)(vec x) { return v_narrow(FNN(half_erfinv)(v_widen_lo(x)), FNN(half_erfinv)(v_widen_hi(x))); }
#else
/* exp(x^2) erfc(x) for x >= 1/2: a polynomial in t = (x - 3.75) / (x + 3.75) by 1 + 2 x, error 2^-53. Shepherd and
 * Laframboise, Mathematics of Computation 36 (1981). */
FNN_INLINE vec FNN(erfc_scaled)(vec x) {
  static const T p[] = {0x1.3ccda0b5d5dc2p0, -0x1.1f367683f89a7p-3, 0x1.d5f2948159d8cp-9, 0x1.510169d0967ffp-4,
                       -0x1.bda9309a2899fp-4, 0x1.7a14188a99be3p-4, -0x1.e0d0fa6dfc9f3p-5, 0x1.d0b0037dc892bp-6,
                       -0x1.3f603c34d1b97p-7, 0x1.cc3a0e254e138p-10, 0x1.33fb25e337299p-12, -0x1.303f9df413298p-12,
                       0x1.b143fa73fb131p-15, 0x1.778a48b31bb64p-16, -0x1.80035e1f4acf3p-17, -0x1.052c43777702cp-20,
                       0x1.d64073ce082d4p-20, -0x1.f28d2d1489001p-25, -0x1.151f7c63aaf04p-22, 0x1.9b72c01d659f2p-26,
                       0x1.404f66bf83917p-25, -0x1.178f5891c92adp-28, -0x1.0e0e86319d7a7p-28, 0x1.9ddb72110b929p-32};
  vec t = v_div(v_sub(x, v_set1(3.75)), v_add(x, v_set1(3.75)));
  return v_div(v_polynomial(p, 23, t), v_fma(v_set1(2), x, v_set1(1)));
}
FNN_INLINE vec FNN(erfc)(vec x) {
  vec a = v_abs(x), b = v_max(v_set1(0.5), v_min(v_set1(28), a)); /* 0 beyond */
  vec high = v_mul(FNN(exp_of_minus_square)(b), FNN(erfc_scaled)(b));
  high = v_sel(v_lt(x, v_zero()), v_sub(v_set1(2), high), high);
  return v_sel(v_gt(a, v_set1(0.8)), high, v_sub(v_set1(1), FNN(erf_low)(x, v_mul(x, x))));
}

/* x P(w), w = -log(1 - x^2), in w below 5 and in sqrt(w) beyond, errors of the polynomials 2^-28 and 2^-25; then a step of
 * Halley's method on erf below 0.7, where 1 - x is not exact, or on erfc. Form: Giles, Approximating the erfinv function
 * (2010). */
FNN_INLINE vec FNN(erfinv)(vec x) {
  static const T p[] = {0x1.c5bf8934f420ap-1, 0x1.db29e6c9efba6p-3, 0x1.7a7da0e91e93p-7, -0x1.329dc385c10ebp-9,
                       -0x1.fb7803376f286p-14, 0x1.4d1e09ad75a15p-15, 0x1.9fd8240b71348p-18, -0x1.5d2a740b9a91fp-19,
                       0x1.5fe55fc983185p-22, -0x1.444ad4fda6c23p-26, 0x1.bd72fb5a3d541p-32};
  static const T q[] = {-0x1.25f89f02976e8p3, 0x1.1944b10ea5239p5, -0x1.b71f580ed4757p5, 0x1.9aba6974547e4p5,
                       -0x1.fb5826dfb2b11p4, 0x1.b8e0ce0760d2ap3, -0x1.16bda38ddd986p2, 0x1.04818a147cb0ep0,
                       -0x1.68b34901d445dp-3, 0x1.6df99b9a150f4p-6, -0x1.08ca8134a5dd8p-9, 0x1.02f824dc869a8p-13,
                       -0x1.3311016f47ff1p-18, 0x1.4d8fd1ab7c178p-24};
  const vec one = v_set1(1);
  vec a = v_abs(x), rest = v_sub(one, a), w = v_neg(v_log(v_mul(rest, v_add(one, a))));
  vec low = v_polynomial(p, 10, v_min(v_set1(5), w));
  vec high = v_polynomial(q, 13, v_sqrt(v_max(v_set1(5), v_min(v_set1(37.2), w))));
  vec y = v_mul(a, v_sel(v_lt(w, v_set1(5)), low, high));
  vec e = FNN(exp_of_minus_square)(y);
  vec below = v_div(v_sub(FNN(erf_low)(y, v_mul(y, y)), a), e);
  vec above = v_sub(v_div(rest, e), FNN(erfc_scaled)(v_max(v_set1(0.5), y)));
  vec step = v_mul(v_set1(0x1.c5bf891b4ef6bp-1), v_sel(v_lt(a, v_set1(0.7)), below, above)); /* sqrt(pi) / 2 */
  y = v_fnma(step, v_fnma(y, step, one), y);
  y = v_sel(v_eq(a, one), v_set1(INFINITY), y);
  return v_with_sign(v_sel(v_le(a, one), y, v_set1(NAN)), x);
}
#endif
