/* random.c: a counter-based generator and what is drawn from it.
 *
 * Philox4x32-10 of Salmon, Moraes, Dror, Shaw, Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011: ten rounds of two
 * 32 x 32 bit multiplications turn (key, 128-bit counter) into four words. Any word can be computed alone, so any
 * number of threads and every ISA give the same bits, and a draw can be repeated from its state.
 *
 * One group is 8 blocks in the 8 lanes of 64 bits; a 32-bit word rides in the low half of a lane, what lies above it is
 * never read. A group yields 16 pieces of 64 bits = 32 words, in this order:
 *
 *     piece   0 ... 7                         8 ... 15
 *     bits    word 0 | word 1 of block i      word 2 | word 3 of block i - 8        (low | high half)
 *
 * Element i of T takes the i-th piece of its own width. ith / nth split pairs of groups. Zen 5, one core, AVX-512:
 * 0.30 ns a word; dropout 0.33 ns an element forward, 0.05 backward. */

#ifndef FNN_RANDOM_COMMON
#define FNN_RANDOM_COMMON
/* Two groups, their chains of multiplications interleaved: one alone would wait for each product.
 * state: key, low and high half of the counter, the low half a multiple of 8, so that a group never carries. */
FNN_INLINE void fnn_philox_groups(const uint64_t *state, uint64_t group, ivec_f64 pieces[4]) {
  const ivec_f64 multiplier_0 = i_set1_f64(0xD2511F53), multiplier_1 = i_set1_f64(0xCD9E8D57);
  const ivec_f64 step_0 = i_set1_f64(0x9E3779B9), step_1 = i_set1_f64(0xBB67AE85); /* golden ratio, sqrt(3) - 1 */
  const ivec_f64 low_half = i_set1_f64(0xFFFFFFFF);
  ivec_f64 k0 = i_set1_f64((int64_t)state[0]), k1 = i_srl_f64(k0, 32), c0[2], c1[2], c2[2], c3[2];
  for (int g = 0; g < 2; g++) {
    uint64_t low = state[1] + 8 * (group + (uint64_t)g), high = state[2] + (low < state[1]);
    c0[g] = i_add_f64(i_set1_f64((int64_t)low), i_iota_f64());
    c1[g] = i_srl_f64(c0[g], 32);
    c2[g] = i_set1_f64((int64_t)high);
    c3[g] = i_srl_f64(c2[g], 32);
  }
  for (int round = 0; round < 10; round++) {
#pragma GCC unroll 2
    for (int g = 0; g < 2; g++) {
      ivec_f64 product_0 = i_mul32_f64(c0[g], multiplier_0), product_1 = i_mul32_f64(c2[g], multiplier_1);
      c0[g] = i_xor_f64(i_xor_f64(i_srl_f64(product_1, 32), c1[g]), k0);
      c2[g] = i_xor_f64(i_xor_f64(i_srl_f64(product_0, 32), c3[g]), k1);
      c1[g] = product_1;
      c3[g] = product_0;
    }
    k0 = i_add_f64(k0, step_0);
    k1 = i_add_f64(k1, step_1);
  }
  for (int g = 0; g < 2; g++) {
    pieces[2 * g] = i_or_f64(i_and_f64(c0[g], low_half), i_sll_f64(c1[g], 32));
    pieces[2 * g + 1] = i_or_f64(i_and_f64(c2[g], low_half), i_sll_f64(c3[g], 32));
  }
}

static inline uint64_t fnn_multiply_high(uint64_t a, uint64_t b) {
  uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
  uint64_t middle = ah * bl + (al * bl >> 32), other = al * bh + (uint32_t)middle;
  return ah * bh + (middle >> 32) + (other >> 32);
}
#endif

#define PAIR (4 * VL) /* elements of T that two groups feed */
#define LOAD(p) (k == VL ? v_load(p) : v_load_n(p, k))
#define STORE(p, v) (k == VL ? v_store(p, v) : v_store_n(p, v, k))

/* Runs `body` for every vector of this thread: elements i ... i + k - 1, raw the random bits of each lane. */
#define FOR_EACH_RANDOM_VECTOR(a, body)                                                  \
  do {                                                                                   \
    ptrdiff_t from, to;                                                                  \
    fnn_share(a->n, PAIR, ith, nth, &from, &to);                                         \
    for (ptrdiff_t first = from; first < to; first += PAIR) {                            \
      ivec_f64 pieces[4];                                                                \
      fnn_philox_groups(a->state, (uint64_t)(first / PAIR * 2), pieces);                 \
      for (ptrdiff_t i = first; i < fnn_min(first + PAIR, to); i += VL) {                \
        ptrdiff_t k = fnn_min(VL, to - i);                                               \
        ivec raw;                                                                        \
        memcpy(&raw, &pieces[(i - first) / VL], sizeof raw);                             \
        body;                                                                            \
      }                                                                                  \
    }                                                                                    \
  } while (0)
#if ITEM_BITS == 32
#define RAW int32_t
#define FRACTION_BITS 23
#define HALF_STEP 0x1p-24
#else
#define RAW int64_t
#define FRACTION_BITS 52
#define HALF_STEP 0x1p-53
#endif

/* [0, 1): random fraction bits (23 or 52) under the exponent of 1, minus 1. */
static inline vec FNN(unit)(ivec raw) {
  vec one = v_set1(1);
  return v_sub(v_frombits(i_or(i_srl(raw, ITEM_BITS - FRACTION_BITS), v_bits(one))), one);
}

static void FNN(random_bits)(const fnn_random_bits_args *a, int ith, int nth) {
  ptrdiff_t from, to;
  fnn_share(a->n, 64, ith, nth, &from, &to);
  for (ptrdiff_t i = from; i < to; i += 64) {
    ivec_f64 pieces[4];
    fnn_philox_groups(a->state, (uint64_t)(i / 32), pieces);
    memcpy((int32_t *)a->y + i, pieces, 4 * (size_t)fnn_min(64, to - i));
  }
}

static void FNN(random_uniform)(const fnn_random_uniform_args *a, int ith, int nth) {
  T *y = a->y;
  const T minval = (T)a->minval, maxval = (T)a->maxval;
  /* minval + u * (maxval - minval) may round up to maxval, which does not belong to the interval. */
  const T below = sizeof(T) == 4 ? (T)nextafterf((float)maxval, -INFINITY) : (T)nextafter(maxval, -INFINITY);
  const T last = minval < maxval ? below : maxval;
  const vec base = v_set1(minval), width = v_set1(maxval - minval), top = v_set1(last);
  FOR_EACH_RANDOM_VECTOR(a, STORE(y + i, v_min(v_fma(FNN(unit)(raw), width, base), top)));
}

/* ---- normal ------------------------------------------------------------------------------------------------------ */
/* p(r) = c[0] + c[1] r + ... + c[7] r^7 */
static inline vec FNN(polynomial)(const double c[8], vec r) {
  vec sum = v_set1((T)c[7]);
  for (int i = 6; i >= 0; i--) sum = v_fma(sum, r, v_set1((T)c[i]));
  return sum;
}

/* The standard normal quantile of u in (0, 1): Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (1988) 477.
 * Three ratios of polynomials of degree 7; relative error 1e-16 before rounding. Rounded to float32: 4 ulp. */
static inline vec FNN(normal_quantile)(vec u) {
  static const double centre[2][8] = {
    {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3},
    {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3}};
  static const double shoulder[2][8] = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9}};
  static const double tail[2][8] = {
    {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7},
    {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15}};
  vec q = v_sub(u, v_set1((T)0.5));
  msk central = v_le(v_abs(q), v_set1((T)0.425));
  vec r = v_fnma(q, q, v_set1((T)0.180625));
  vec z = v_div(v_mul(q, FNN(polynomial)(centre[0], r)), FNN(polynomial)(centre[1], r));
  if (!m_any(m_not(central))) return z;
  vec side = v_min(u, v_sub(v_set1(1), u)); /* exact */
  r = v_sqrt(v_neg(v_log(side)));
  vec near = v_sub(r, v_set1((T)1.6)), far = v_sub(r, v_set1(5));
  vec outer = v_div(FNN(polynomial)(shoulder[0], near), FNN(polynomial)(shoulder[1], near));
  msk in_tail = v_gt(r, v_set1(5));
  if (m_any(in_tail))
    outer = v_sel(in_tail, v_div(FNN(polynomial)(tail[0], far), FNN(polynomial)(tail[1], far)), outer);
  return v_sel(central, z, v_sel(v_lt(q, v_zero()), v_neg(outer), outer));
}

static void FNN(random_normal)(const fnn_random_normal_args *a, int ith, int nth) {
  T *y = a->y;
  const double below_2 = 0.022750131948179207200; /* the probability of z < -2 */
  const T scale = (T)(a->truncated ? 1 - 2 * below_2 : 1), shift = (T)(a->truncated ? below_2 : 0);
  const vec mean = v_set1((T)a->mean), stddev = v_set1((T)a->stddev);
  const vec low = v_set1(a->truncated ? (T)-2 : (T)-INFINITY), high = v_set1(a->truncated ? (T)2 : (T)INFINITY);
  FOR_EACH_RANDOM_VECTOR(a, {
    vec u = v_add(FNN(unit)(raw), v_set1((T)HALF_STEP)); /* the middle of its step: never 0, never 1 */
    vec z = FNN(normal_quantile)(v_fma(u, v_set1(scale), v_set1(shift)));
    STORE(y + i, v_fma(v_max(low, v_min(high, z)), stddev, mean));
  });
}

static void FNN(random_integers)(const fnn_random_integers_args *a, int ith, int nth) {
  const uint64_t range = (uint64_t)a->maxval - (uint64_t)a->minval;
  ptrdiff_t from, to;
  fnn_share(a->n, 32, ith, nth, &from, &to);
  for (ptrdiff_t first = from; first < to; first += 32) {
    ivec_f64 pieces[4];
    uint64_t bits[32];
    fnn_philox_groups(a->state, (uint64_t)(first / 16), pieces);
    memcpy(bits, pieces, sizeof bits);
    for (ptrdiff_t i = first; i < fnn_min(first + 32, to); i++) {
      /* floor(64 random bits * range / 2^64): a value's probability is off by less than 2^-64 */
      int64_t value = (int64_t)((uint64_t)a->minval + fnn_multiply_high(bits[i - first], range));
      if (a->y32) ((int32_t *)a->y32)[i] = (int32_t)value;
      if (a->y64) ((int64_t *)a->y64)[i] = value;
    }
  }
}

static void FNN(random_advance)(const fnn_random_advance_args *a, int ith, int nth) {
  uint64_t *state = a->state;
  (void)nth;
  if (ith != 0) return;
  state[1] += (uint64_t)a->blocks;
  state[2] += state[1] < (uint64_t)a->blocks;
}

/* ---- dropout ----------------------------------------------------------------------------------------------------- */
/* The mask is kept as bytes: backward reads one byte an element (0.05 ns); drawing again would take 0.3 ns. */
static void FNN(dropout_fwd)(const fnn_dropout_fwd_args *a, int ith, int nth) {
  const T *x = a->x;
  T *y = a->y;
  uint8_t *mask = a->mask;
  const vec rate = v_set1((T)a->rate), scale = v_set1((T)(1 / (1 - a->rate)));
  FOR_EACH_RANDOM_VECTOR(a, {
    msk keep = v_ge(FNN(unit)(raw), rate);
    ivec ones = i_sel(keep, i_set1(1), i_set1(0));
    STORE(y + i, v_sel(keep, v_mul(LOAD(x + i), scale), v_zero()));
    if (k == VL) {
      i_store_u8(mask + i, ones);
    } else {
      uint8_t bytes[VL];
      i_store_u8(bytes, ones);
      memcpy(mask + i, bytes, (size_t)k);
    }
  });
}

static void FNN(dropout_bwd)(const fnn_dropout_bwd_args *a, int ith, int nth) {
  const T *dy = a->dy;
  const uint8_t *mask = a->mask;
  T *dx = a->dx;
  const vec scale = v_set1((T)(1 / (1 - a->rate)));
  ptrdiff_t from, to;
  fnn_share(a->n, VL, ith, nth, &from, &to);
  for (ptrdiff_t i = from; i < to; i += VL) {
    ptrdiff_t k = fnn_min(VL, to - i);
    uint8_t bytes[VL] = {0};
    if (k < VL) memcpy(bytes, mask + i, (size_t)k);
    msk keep = i_gt(i_load_u8(k < VL ? bytes : mask + i), i_set1(0));
    STORE(dx + i, v_sel(keep, v_mul(LOAD(dy + i), scale), v_zero()));
  }
}

#undef PAIR
#undef LOAD
#undef STORE
#undef FOR_EACH_RANDOM_VECTOR
#undef RAW
#undef FRACTION_BITS
#undef HALF_STEP
