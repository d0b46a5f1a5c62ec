/* vtrig.h: sin, cos, tan, arcsin, arccos, arctan of a vector, arctan2 of two; included once per float type, float
 * first, after vmath.h.
 *
 * Polynomials are minimax fits by tests/ulp/remez.py (which prints these constants and the errors beside them); largest
 * errors in units in the last place, as vmath.h's but on samples, at least 4 10^7 float32 and 6 10^6 float64 inputs:
 *
 *              sin    cos    tan    arcsin arccos arctan arctan2
 *   float32    1.58   1.57   1.53   1.34   1.12   1.34   1.63
 *   float64    0.81   0.78   2.20   1.23   1.03   1.58   1.60
 *
 * NaN gives NaN; zeros keep their sign, subnormal numbers are themselves; infinities are as in C's math.h. Methods: Cody
 * and Waite, Software Manual for the Elementary Functions (1980), for small arguments of sin, cos and tan; Payne and
 * Hanek, Radian reduction for trigonometric functions, SIGNUM Newsletter 18 (1983), for large ones. */

#ifndef FNN_VTRIG_ONCE
#define FNN_VTRIG_ONCE
/* x = quadrant pi/2 + high + low modulo 2 pi, |high| <= pi/4, for finite |x| >= 2^-10; NaN for others. With x = m 2^e,
 * m a whole number of 53 bits, the bits of 2/pi whose products with m are multiples of 4 are left out, and the next 192 are
 * multiplied exactly: two bits before the point, 190 behind it, 53 of which the product of the bits left out may reach.
 * No float64 is nearer than 2^-62 to a multiple of pi/2, so 75 bits remain. */
static int64_t fnn_reduce_far(double x, double *high, double *low) {
  static const uint32_t two_over_pi[40] = { /* behind 64 bits before the point; tests/ulp/remez.py */
      0x00000000, 0x00000000, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041,
      0xfe5163ab, 0xdebbc561, 0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e,
      0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41, 0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b,
      0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d,
      0x7527bac7, 0xebe5f17b, 0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab};
  uint64_t bits, carry = 0;
  uint32_t p[6], w[6];
  memcpy(&bits, &x, sizeof bits);
  int exponent = (int)(bits >> 52 & 2047);
  if (exponent == 2047) {
    *high = *low = NAN;
    return 0;
  }
  int skip = exponent - 1075 + 62; /* bits of the table */
  for (int i = 0; i < 6; i++) {
    uint64_t pair = (uint64_t)two_over_pi[skip / 32 + i] << 32 | two_over_pi[skip / 32 + i + 1];
    w[i] = (uint32_t)(pair >> (32 - skip % 32));
  }
  uint64_t m_low = bits & UINT32_MAX, m_high = (bits >> 32 & 0xfffff) | 0x100000;
  for (int i = 5; i >= 0; i--) {
    carry += m_low * w[i];
    p[i] = (uint32_t)carry;
    carry >>= 32;
  }
  carry = 0;
  for (int i = 4; i >= 0; i--) {
    carry += m_high * w[i + 1] + p[i];
    p[i] = (uint32_t)carry;
    carry >>= 32;
  }
  uint32_t quadrant = (p[0] + (UINT32_C(1) << 29)) >> 30; /* the nearest */
  p[0] -= quadrant << 30;
  int negative = p[0] >> 31; /* then the magnitude, less one in the last place */
  double sum = 0, rest = 0, unit = 0x1p-30;
  for (int i = 0; i < 6; i++, unit *= 0x1p-32) {
    double term = (negative ? ~p[i] : p[i]) * unit, next = sum + term;
    rest += term - (next - sum);
    sum = next;
  }
  double f = sum + rest; /* times pi/2 */
  rest -= f - sum;
  double r = f * 0x1.921fb54442d18p+0;
  double e = fma(f, 0x1.921fb54442d18p+0, -r) + (f * 0x1.1a62633145c07p-54 + rest * 0x1.921fb54442d18p+0);
  int flip = negative != (int)(bits >> 63);
  *high = flip ? -r : r;
  *low = flip ? -e : e;
  return bits >> 63 ? -(int64_t)quadrant : (int64_t)quadrant;
}
#endif

#if ITEM_BITS == 32
#define V_PI2_HI v_set1(0x1.921fb6p+0f) /* pi/2 */
#define V_PI2_LO v_set1(-0x1.777a5cp-25f)
#else
#define V_PI2_HI v_set1(0x1.921fb54442d18p+0)
#define V_PI2_LO v_set1(0x1.1a62633145c07p-54)
#endif

/* x = n pi/2 + r + low, |r| <= 0.8; the low bits of the result are n's. n times the first two of three parts of pi/2,
 * 33 bits each (float32: 16), is exact for n < 2^20 (2^8), and so is the second difference where it is not the smaller
 * one: rest has its error. Beyond, float32 is reduced in float64, and from 2^17 (float64: 2^20) on lane by lane. */
#if ITEM_BITS == 32
FNN_INLINE vec_f64 FNN(reduce_half)(vec_f64 x, vec_f64 n) { /* n times the first part of pi/2, 33 bits, is exact */
  return v_fnma_f64(n, v_set1_f64(0x1.0b4611a626331p-34), v_fnma_f64(n, v_set1_f64(0x1.921fb544p+0), x));
}
#define V_INT int32_t
#else
#define V_INT int64_t
#endif
/* Lanes of |x| >= limit, infinity and NaN; x becomes r. */
static __attribute__((noinline)) void FNN(reduce_lanes)(T *x, T *low, V_INT *quadrants, T limit) {
  for (int i = 0; i < VL; i++) {
    if (x[i] > -limit && x[i] < limit) continue;
    double r, rest;
    quadrants[i] = (V_INT)fnn_reduce_far(x[i], &r, &rest);
    x[i] = (T)r;
    low[i] = (T)(r - x[i] + rest);
  }
}
FNN_INLINE ivec FNN(reduce_pi)(vec x, vec *r, vec *low) {
#if ITEM_BITS == 32
  vec shifted = v_fma(x, v_set1(0x1.45f306p-1f), v_set1(0x1.8p23f)), n = v_sub(shifted, v_set1(0x1.8p23f));
  ivec quadrant = v_bits(shifted);
  vec first = v_fnma(n, v_set1(0x1.922p+0f), x), second = v_fnma(n, v_set1(-0x1.2aeep-18f), first);
  vec rest = v_fnma(n, v_set1(-0x1.e973dcp-35f), v_fnma(n, v_set1(-0x1.2aeep-18f), v_sub(first, second)));
  *r = v_add(second, rest);
  msk beyond = m_not(v_lt(v_abs(x), v_set1(0x1p8f)));
  if (m_any(beyond)) {
    vec_f64 r_lo = FNN(reduce_half)(v_widen_lo(x), v_widen_lo(n)), r_hi = FNN(reduce_half)(v_widen_hi(x), v_widen_hi(n));
    vec wide = v_narrow(r_lo, r_hi);
    vec wide_low = v_narrow(v_sub_f64(r_lo, v_widen_lo(wide)), v_sub_f64(r_hi, v_widen_hi(wide)));
    second = v_sel(beyond, wide, second), rest = v_sel(beyond, wide_low, rest);
    *r = v_sel(beyond, wide, *r);
  }
  *low = v_sub(rest, v_sub(*r, second));
#else
  vec shifted = v_fma(x, v_set1(0x1.45f306dc9c883p-1), v_set1(0x1.8p52)), n = v_sub(shifted, v_set1(0x1.8p52));
  ivec quadrant = v_bits(shifted);
  vec first = v_fnma(n, v_set1(0x1.921fb544p+0), x), second = v_fnma(n, v_set1(0x1.0b4611a6p-34), first);
  vec rest = v_fnma(n, v_set1(0x1.3198a2e037073p-69), v_fnma(n, v_set1(0x1.0b4611a6p-34), v_sub(first, second)));
  *r = v_add(second, rest);
  *low = v_sub(rest, v_sub(*r, second));
#endif
  const T limit = ITEM_BITS == 32 ? (T)0x1p17 : (T)0x1p20;
  msk far = m_not(v_lt(v_abs(x), v_set1(limit)));
  if (m_any(far)) {
    T lanes[VL], lows[VL] = {0};
    V_INT quadrants[VL] = {0};
    v_store(lanes, x);
    FNN(reduce_lanes)(lanes, lows, quadrants, limit);
    *r = v_sel(far, v_load(lanes), *r);
    *low = v_sel(far, v_load(lows), *low);
    quadrant = i_sel(far, i_load(quadrants), quadrant);
  }
  return quadrant;
}

/* sin(r + low) and cos(r + low); errors of the polynomials 2^-27.5 and 2^-30.8, 2^-56.8 and 2^-59.6. */
FNN_INLINE void FNN(sin_cos)(vec r, vec low, vec *s, vec *c) {
  vec z = v_mul(r, r), half = v_mul(v_set1((T)0.5), z), one = v_set1(1);
#if ITEM_BITS == 32
  static const T sine[] = {-0x1.555544p-3f, 0x1.1106a4p-7f, -0x1.990dfp-13f};
  static const T cosine[] = {0x1.55554ap-5f, -0x1.6c0bc4p-10f, 0x1.99c838p-16f};
  (void)low;
  *s = v_fma(v_mul(r, z), v_polynomial(sine, 2, z), r);
  *c = v_fma(v_mul(z, z), v_polynomial(cosine, 2, z), v_sub(one, half));
#else
  static const T sine[] = {-0x1.5555555555549p-3, 0x1.111111110f846p-7, -0x1.a01a019c0abdp-13, 0x1.71de357181f36p-19,
                           -0x1.ae5e612f3edebp-26, 0x1.5d917dceaf201p-33};
  static const T cosine[] = {0x1.555555555554cp-5, -0x1.6c16c16c15145p-10, 0x1.a01a019cabf73p-16, -0x1.27e4f8059523ap-22,
                             0x1.1ee9e8d4c1e88p-29, -0x1.8facf58072b73p-37};
  *s = v_add(r, v_fma(v_mul(r, z), v_polynomial(sine, 5, z), v_fnma(half, low, low)));
  vec w = v_sub(one, half), tail = v_sub(v_sub(one, w), half);
  *c = v_add(w, v_fma(v_mul(z, z), v_polynomial(cosine, 5, z), v_fnma(r, low, tail)));
#endif
}

FNN_INLINE msk FNN(is_odd)(ivec n) { return i_eq(i_and(n, i_set1(1)), i_set1(1)); }
/* -y where the quadrant is 2 or 3 */
FNN_INLINE vec FNN(by_quadrant)(vec y, ivec n) {
  ivec sign = i_and(i_sll(n, ITEM_BITS - 2), v_bits(v_set1((T)-0.0)));
  return v_frombits(i_xor(v_bits(y), sign));
}
FNN_INLINE vec FNN(sin)(vec x) {
  vec r, low, s, c;
  ivec n = FNN(reduce_pi)(x, &r, &low);
  FNN(sin_cos)(r, low, &s, &c);
  vec y = FNN(by_quadrant)(v_sel(FNN(is_odd)(n), c, s), n);
  return v_sel(v_eq(x, v_zero()), x, y); /* its sign */
}
FNN_INLINE vec FNN(cos)(vec x) {
  vec r, low, s, c;
  ivec n = FNN(reduce_pi)(x, &r, &low);
  FNN(sin_cos)(r, low, &s, &c);
  return FNN(by_quadrant)(v_sel(FNN(is_odd)(n), s, c), i_add(n, i_set1(1)));
}
FNN_INLINE vec FNN(tan)(vec x) {
  vec r, low;
  ivec n = FNN(reduce_pi)(x, &r, &low);
  msk odd = FNN(is_odd)(n);
#if ITEM_BITS == 32 /* t = r + tail or -1 / t, corrected for t's rounding error; error of the polynomial 2^-28.1 */
  static const T p[] = {0x1.555566p-2f, 0x1.110c18p-3f, 0x1.bb1d1cp-5f, 0x1.5a161ep-6f, 0x1.706ae6p-7f, -0x1.bafca4p-12f,
                        0x1.2f3a5ap-8f};
  vec z = v_mul(r, r), tail = v_fma(v_mul(r, z), v_polynomial(p, 6, z), v_fma(low, z, low)), t = v_add(r, tail);
  vec y = v_div(v_set1(-1), t), error = v_sub(tail, v_sub(t, r));
  y = v_sel(odd, v_fma(v_mul(y, y), error, y), t);
#else
  vec s, c;
  FNN(sin_cos)(r, low, &s, &c);
  vec y = v_div(v_sel(odd, v_neg(c), s), v_sel(odd, s, c));
#endif
  return v_sel(v_eq(x, v_zero()), x, y); /* its sign */
}

/* arctan(a) = a + a^3 P(a^2) for 0 <= a <= 1; error of the polynomial 2^-25.6 and 2^-55.7. */
FNN_INLINE vec FNN(arctan_low)(vec a) {
#if ITEM_BITS == 32
  static const T p[] = {-0x1.5554eep-2f, 0x1.997c5ep-3f, -0x1.232896p-3f, 0x1.b5d61cp-4f, -0x1.37714cp-4f, 0x1.671172p-5f,
                        -0x1.12833ap-6f, 0x1.8ba33cp-9f};
#else
  static const T p[] = {-0x1.555555555552dp-2, 0x1.9999999995eb6p-3, -0x1.249249239fdf9p-3, 0x1.c71c71874671bp-4,
                        -0x1.745d12320d4bfp-4, 0x1.3b136c93b1229p-4, -0x1.110e81be931c8p-4, 0x1.e1bde60d5558ep-5,
                        -0x1.ae686b3326297p-5, 0x1.82fc91df21d38p-5, -0x1.59fc1a4f60dcfp-5, 0x1.2ce1467034876p-5,
                        -0x1.ec2fa577b3906p-6, 0x1.6af1c2d96ada9p-6, -0x1.cca5f1070735cp-7, 0x1.dee8d11649f5bp-8,
                        -0x1.819b704197157p-9, 0x1.be62ac88a1e16p-11, -0x1.483552a76891cp-13, 0x1.ca4fae7b667fbp-17};
#endif
  vec z = v_mul(a, a);
  return v_fma(v_mul(a, z), v_polynomial(p, (int)(sizeof p / sizeof *p) - 1, z), a);
}
/* pi/2 - y, pi - y */
FNN_INLINE vec FNN(from_right_angle)(vec y) { return v_sub(V_PI2_HI, v_sub(y, V_PI2_LO)); }
FNN_INLINE vec FNN(from_straight_angle)(vec y) {
  return v_sub(v_add(V_PI2_HI, V_PI2_HI), v_sub(y, v_add(V_PI2_LO, V_PI2_LO)));
}
FNN_INLINE vec FNN(arctan)(vec x) {
  vec a = v_abs(x);
  msk big = v_gt(a, v_set1(1));
  vec y = FNN(arctan_low)(v_sel(big, v_div(v_set1(1), a), a));
  return v_with_sign(v_sel(big, FNN(from_right_angle)(y), y), x);
}

/* The angle of (x, y): arctan of the smaller magnitude by the larger one, then by octants. */
FNN_INLINE vec FNN(arctan2)(vec y, vec x) {
  vec ax = v_abs(x), ay = v_abs(y), zero = v_zero();
  msk steep = v_gt(ay, ax);
  vec small = v_sel(steep, ax, ay), large = v_sel(steep, ay, ax), q = v_div(small, large);
  q = v_sel(v_eq(large, zero), zero, v_sel(v_eq(small, v_set1((T)INFINITY)), v_set1(1), q));
  vec r = FNN(arctan_low)(q);
  r = v_sel(steep, FNN(from_right_angle)(r), r);
  r = v_sel(i_gt(i_set1(0), v_bits(x)), FNN(from_straight_angle)(r), r);
  return v_sel(m_or(v_ne(x, x), v_ne(y, y)), v_set1((T)NAN), v_with_sign(r, y));
}

/* arcsin(s) = s + s (z P(z)), z = s^2, for 0 <= s <= 1/2; the factor of s. Errors of the polynomial 2^-27.2 and 2^-59.2. */
FNN_INLINE vec FNN(arcsin_factor)(vec z) {
#if ITEM_BITS == 32
  static const T p[] = {0x1.5555cap-3f, 0x1.330136p-4f, 0x1.748efp-5f, 0x1.8b8734p-6f, 0x1.59f36cp-5f};
#else
  static const T p[] = {0x1.5555555555578p-3, 0x1.333333332df06p-4, 0x1.6db6db722bf28p-5, 0x1.f1c71a8b713bbp-6,
                        0x1.6e8bdfeaacf2dp-6, 0x1.1c49ddc11e5f5p-6, 0x1.ca2149b2fc07ap-7, 0x1.757764faff855p-7,
                        0x1.618b88f56517p-7, 0x1.e150018d8b774p-9, 0x1.65052fa5488e6p-6, -0x1.59fab7dfc2cbep-6,
                        0x1.0be5a2180d24bp-5};
#endif
  return v_mul(z, v_polynomial(p, (int)(sizeof p / sizeof *p) - 1, z));
}
/* Beyond 1/2 by pi/2 - 2 arcsin(s), s = sqrt((1 - x) / 2), which is NaN above 1: as pi/4 + (pi/4 - 2 s) - ..., whose
 * difference is exact where it matters. float32's pi/2 lies so near a tie that 1 is taken apart. */
FNN_INLINE vec FNN(arcsin)(vec x) {
  vec a = v_abs(x), half = v_set1((T)0.5), one = v_set1(1), pi4 = v_mul(half, V_PI2_HI);
  msk big = v_gt(a, half);
  vec z = v_sel(big, v_mul(half, v_sub(one, a)), v_mul(a, a)), s = v_sel(big, v_sqrt(z), a);
  vec p = FNN(arcsin_factor)(z), twice = v_add(s, s);
  vec far = v_sub(pi4, v_sub(v_fma(twice, p, v_neg(V_PI2_LO)), v_sub(pi4, twice)));
  far = v_sel(v_eq(a, one), V_PI2_HI, far);
  return v_with_sign(v_sel(big, far, v_fma(s, p, s)), x);
}
FNN_INLINE vec FNN(arccos)(vec x) {
  vec a = v_abs(x), half = v_set1((T)0.5);
  msk big = v_gt(a, half);
  vec z = v_sel(big, v_mul(half, v_sub(v_set1(1), a)), v_mul(x, x)), s = v_sel(big, v_sqrt(z), x);
  vec p = FNN(arcsin_factor)(z);
  vec angle = v_sub(V_PI2_HI, v_sub(s, v_fnma(s, p, V_PI2_LO))); /* pi/2 - arcsin(s) */
  vec near_one = v_fma(s, p, s);
  vec far = v_sel(v_lt(x, v_zero()), angle, near_one);
  return v_sel(big, v_add(far, far), angle);
}
#undef V_INT
#undef V_PI2_HI
#undef V_PI2_LO
