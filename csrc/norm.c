/* norm.c: normalization of columns (batch, group and instance normalization) and of rows (layer, RMS normalization).
 *
 * Columns: x (outer, red, inner), contiguous; channels are inner, in groups of `group` that share their statistics:
 *   y = act((x - mean) * scale + beta + residual),   scale = gamma * inv,   inv = 1 / sqrt(variance + epsilon)
 * Batch normalization: outer = 1, red = all positions, group = 1; group normalization: outer = the samples.
 *   norm_stats       for each chunk of red, per channel: mean, and sum of squared distances from it. Both in two passes
 *                    over a chunk, the second one in L1: one pass over memory, and no cancellation for any offset
 *   norm_finish      chunks (and the channels of a group) are joined in float64 (Chan, Golub, LeVeque 1983):
 *                    mean = sum n_k mean_k / n,   n variance = sum m2_k + n_k (mean_k - mean)^2
 *   norm_bwd_sums    for each chunk: sums of dz and dz (x - mean), dz = dy act'(y); joined in float64 by norm_bwd_finish
 *   norm_bwd_apply   dx = scale dz + slope (x - mean) + shift; slope and shift carry the statistics' gradient
 * A chunk's sums take row r into accumulator r % 4, ((0 + 1) + (2 + 3)). Chunks follow from the shape alone. Without a
 * residual nothing but x is kept: where relu let pass is computed again, by the same operations, from x.
 * Error of the variance, relative: about eps * (sqrt(chunk / 4) + 4 + |mean| / deviation / sqrt(chunk)), where sums of squares
 * less the squared sum lose eps * (mean / deviation)^2.
 *
 * Rows: x (rows, cols); y = (x - mean) * inv * gamma + beta, mean = 0 where not centered. Sums in runs of 64 vectors, each
 * with two accumulators, the runs added in float64.
 * ith/nth split chunks, rows, channels: each result belongs to one thread. */

#ifndef FNN_NORM_H
#define FNN_NORM_H
#define NORM_RUN (64 * VL)
/* Elements fetched ahead where two arrays are read, which takes a third off their sums when both come from memory. */
#define NORM_AHEAD (64 * VL)
#endif

#define LOAD(p) FNN(load_lanes)(p, lanes)
#define STORE(p, v) FNN(store_lanes)(p, v, lanes)

/* ---- columns: forward ----------------------------------------------------------------------------------------- */

/* n rows of nv vectors (the last of `lanes` lanes), `stride` apart. */
FNN_INLINE void FNN(norm_stats_block)(const T *x, ptrdiff_t n, ptrdiff_t stride, ptrdiff_t lanes, const int nv, T *mean, T *m2) {
  const vec count = v_set1((T)n);
  vec sum[4][2], middle[2];
#define EACH for (int u = 0; u < nv; u++)
#define AT(r) LOAD(x + (r) * stride + u * VL)
  FNN_UNROLL for (int q = 0; q < 4; q++) EACH sum[q][u] = v_zero();
  ptrdiff_t r = 0;
  for (; r + 4 <= n; r += 4)
    FNN_UNROLL for (int q = 0; q < 4; q++) EACH sum[q][u] = v_add(sum[q][u], AT(r + q));
  FNN_UNROLL for (int q = 0; q < 3; q++)
    if (r + q < n) EACH sum[q][u] = v_add(sum[q][u], AT(r + q));
  EACH middle[u] = v_div(v_add(v_add(sum[0][u], sum[1][u]), v_add(sum[2][u], sum[3][u])), count);
  EACH STORE(mean + u * VL, middle[u]);

#define SQUARE(q, r) EACH { __builtin_prefetch(x + (n + (r)) * stride + u * VL); const vec d = v_sub(AT(r), middle[u]); sum[q][u] = v_fma(d, d, sum[q][u]); }
  FNN_UNROLL for (int q = 0; q < 4; q++) EACH sum[q][u] = v_zero();
  for (r = 0; r + 4 <= n; r += 4)
    FNN_UNROLL for (int q = 0; q < 4; q++) SQUARE(q, r + q)
  FNN_UNROLL for (int q = 0; q < 3; q++)
    if (r + q < n) SQUARE(q, r + q)
  EACH STORE(m2 + u * VL, v_add(v_add(sum[0][u], sum[1][u]), v_add(sum[2][u], sum[3][u])));
#undef SQUARE
#undef AT
}

static void FNN(norm_stats)(const fnn_norm_stats_args *a, int ith, int nth) {
  const ptrdiff_t inner = a->inner, chunks = fnn_ceil_div(a->red, a->chunk), blocks = fnn_ceil_div(inner, 2 * VL);
  ptrdiff_t begin, end;
  fnn_share(a->outer * chunks * blocks, 1, ith, nth, &begin, &end);
  for (ptrdiff_t task = begin; task < end; task++) {
    const ptrdiff_t block = task % blocks, chunk = task / blocks % chunks, o = task / blocks / chunks;
    const ptrdiff_t first = chunk * a->chunk, n = fnn_min(a->chunk, a->red - first), j = block * 2 * VL;
    const T *x = (const T *)a->x + (o * a->red + first) * inner + j;
    T *mean = (T *)a->parts + (o * chunks + chunk) * 2 * inner + j;
    if (j + 2 * VL <= inner) {
      FNN(norm_stats_block)(x, n, inner, VL, 2, mean, mean + inner);
    } else {
      for (ptrdiff_t i = 0; j + i < inner; i += VL) {
        const ptrdiff_t lanes = fnn_min(VL, inner - j - i);
        if (lanes == VL) FNN(norm_stats_block)(x + i, n, inner, VL, 1, mean + i, mean + inner + i);
        else FNN(norm_stats_block)(x + i, n, inner, lanes, 1, mean + i, mean + inner + i);
      }
    }
  }
}

/* total[l] = sum over chunks of weight_k * part_k[l]; weight: the chunk's rows (weighted), or 1. Parts are 2 * inner apart. */
FNN_INLINE void FNN(norm_sum_parts)(const T *part, ptrdiff_t inner, ptrdiff_t red, ptrdiff_t chunk, const int weighted,
                                    ptrdiff_t lanes, double *total) {
  for (ptrdiff_t l = 0; l < VL; l++) total[l] = 0;
  for (ptrdiff_t first = 0; first < red; first += chunk, part += 2 * inner) {
    const double weight = weighted ? (double)fnn_min(chunk, red - first) : 1.0;
    if (lanes == VL)
      for (ptrdiff_t l = 0; l < VL; l++) total[l] += weight * (double)part[l];
    else
      for (ptrdiff_t l = 0; l < lanes; l++) total[l] += weight * (double)part[l];
  }
}

/* total[l] = sum over chunks of m2_k[l] + n_k (mean_k[l] - mean[l])^2; part: means, their m2 `inner` further on. */
FNN_INLINE void FNN(norm_sum_squares)(const T *part, ptrdiff_t inner, ptrdiff_t red, ptrdiff_t chunk, const double *mean,
                                      ptrdiff_t lanes, double *total) {
  for (ptrdiff_t l = 0; l < VL; l++) total[l] = 0;
#define ADD                                                 \
  {                                                         \
    const double d = (double)part[l] - mean[l];             \
    total[l] += (double)part[inner + l] + weight * (d * d); \
  }
  for (ptrdiff_t first = 0; first < red; first += chunk, part += 2 * inner) {
    const double weight = (double)fnn_min(chunk, red - first);
    if (lanes == VL) for (ptrdiff_t l = 0; l < VL; l++) ADD
    else for (ptrdiff_t l = 0; l < lanes; l++) ADD
  }
#undef ADD
}

/* Mean, variance, inv and scale of channel i (of all samples: at). */
FNN_INLINE void FNN(norm_store)(const fnn_norm_finish_args *a, ptrdiff_t at, ptrdiff_t i, double mean, double variance) {
  const double inv = 1.0 / sqrt(variance + a->epsilon);
  ((T *)a->mean)[at] = (T)mean;
  ((T *)a->variance)[at] = (T)variance;
  ((T *)a->inv)[at] = (T)inv;
  ((T *)a->scale)[at] = a->gamma ? (T)inv * ((const T *)a->gamma)[i] : (T)inv;
}

static void FNN(norm_finish)(const fnn_norm_finish_args *a, int ith, int nth) {
  const ptrdiff_t inner = a->inner, red = a->red, chunk = a->chunk, group = a->group, chunks = fnn_ceil_div(red, chunk);
  const ptrdiff_t unit = group == 1 ? VL : group, blocks = fnn_ceil_div(inner, unit);
  const double n = (double)red * (double)group;
  double part[VL], mean[VL];
  ptrdiff_t begin, end;
  fnn_share(a->outer * blocks, 1, ith, nth, &begin, &end);
  for (ptrdiff_t task = begin; task < end; task++) {
    const ptrdiff_t o = task / blocks, i = task % blocks * unit, at = o * inner + i;
    const T *parts = (const T *)a->parts + o * chunks * 2 * inner + i;
    if (group == 1) {
      const ptrdiff_t lanes = fnn_min(VL, inner - i);
      FNN(norm_sum_parts)(parts, inner, red, chunk, 1, lanes, mean);
      for (ptrdiff_t l = 0; l < VL; l++) mean[l] /= n;
      FNN(norm_sum_squares)(parts, inner, red, chunk, mean, lanes, part);
      for (ptrdiff_t l = 0; l < lanes; l++) FNN(norm_store)(a, at + l, i + l, mean[l], part[l] / n);
      continue;
    }
    double total = 0, squares = 0;
    for (ptrdiff_t j = 0; j < group; j += VL) {
      const ptrdiff_t lanes = fnn_min(VL, group - j);
      FNN(norm_sum_parts)(parts + j, inner, red, chunk, 1, lanes, part);
      for (ptrdiff_t l = 0; l < lanes; l++) total += part[l];
    }
    total /= n;
    for (ptrdiff_t l = 0; l < VL; l++) mean[l] = total;
    for (ptrdiff_t j = 0; j < group; j += VL) {
      const ptrdiff_t lanes = fnn_min(VL, group - j);
      FNN(norm_sum_squares)(parts + j, inner, red, chunk, mean, lanes, part);
      for (ptrdiff_t l = 0; l < lanes; l++) squares += part[l];
    }
    for (ptrdiff_t j = 0; j < group; j++) FNN(norm_store)(a, at + j, i + j, total, squares / n);
  }
}

static void FNN(norm_scale)(const fnn_norm_scale_args *a, int ith, int nth) {
  const vec one = v_set1((T)1), epsilon = v_set1((T)a->epsilon);
  ptrdiff_t begin, end;
  fnn_share(a->n, VL, ith, nth, &begin, &end);
  for (ptrdiff_t i = begin; i < end; i += VL) {
    const ptrdiff_t lanes = fnn_min(VL, end - i);
    const vec inv = v_div(one, v_sqrt(v_add(LOAD((const T *)a->variance + i), epsilon)));
    STORE((T *)a->inv + i, inv);
    STORE((T *)a->scale + i, a->gamma ? v_mul(inv, LOAD((const T *)a->gamma + i)) : inv);
  }
}

/* moving = moving * momentum + value * (1 - momentum), of means and variances */
static void FNN(norm_moving)(const fnn_norm_moving_args *a, int ith, int nth) {
  const vec momentum = v_set1((T)a->momentum), rest = v_set1((T)(1 - a->momentum));
  T *moving[2] = {a->moving_mean, a->moving_variance};
  const T *value[2] = {a->mean, a->variance};
  ptrdiff_t begin, end;
  fnn_share(a->n, VL, ith, nth, &begin, &end);
  for (int which = 0; which < 2; which++)
    for (ptrdiff_t i = begin; i < end; i += VL) {
      const ptrdiff_t lanes = fnn_min(VL, end - i);
      STORE(moving[which] + i, v_fma(LOAD(moving[which] + i), momentum, v_mul(LOAD(value[which] + i), rest)));
    }
}

FNN_INLINE vec FNN(norm_act_bwd)(const int act, vec y, vec dy, vec alpha) {
  if (act == NORM_LINEAR) return dy;
  return v_sel(v_gt(y, v_zero()), dy, act == NORM_RELU ? v_zero() : v_mul(alpha, dy));
}

/* What is added to a vector of channels: beta, or nothing. */
FNN_INLINE vec FNN(norm_beta)(const T *beta, ptrdiff_t lanes) { return beta ? LOAD(beta) : v_zero(); }

/* A row's vector: 1, 2 or 4 vectors of channels (nv) stay in registers for all rows, 0: any number of channels. */
#define NORM_WIDTHS(call)                      \
  switch (a->inner) {                          \
    case VL: call(1); break;                   \
    case 2 * VL: call(2); break;               \
    case 4 * VL: call(4); break;               \
    default: call(0); break;                   \
  }
#define NORM_ACTS(rows)                                           \
  switch (a->act) {                                               \
    case NORM_RELU: rows(NORM_RELU); break;                       \
    case NORM_LEAKY_RELU: rows(NORM_LEAKY_RELU); break;           \
    default: rows(NORM_LINEAR); break;                            \
  }

FNN_INLINE void FNN(norm_apply_rows)(const fnn_norm_apply_args *a, const int nv, const int act, ptrdiff_t row, ptrdiff_t end) {
  const ptrdiff_t inner = a->inner;
  const T *beta = a->beta, *residual = a->residual;
  const vec alpha = v_set1((T)a->alpha);
  while (row < end) {
    const ptrdiff_t o = row / a->red, stop = fnn_min(end, (o + 1) * a->red);
    const T *mean = (const T *)a->mean + o * inner, *scale = (const T *)a->scale + o * inner;
    const T *x = (const T *)a->x + row * inner, *r = residual ? residual + row * inner : NULL;
    T *y = (T *)a->y + row * inner;
    if (nv) {
      const ptrdiff_t lanes = VL;
      vec m[4], s[4], b[4];
      EACH m[u] = v_load(mean + u * VL), s[u] = v_load(scale + u * VL), b[u] = FNN(norm_beta)(beta ? beta + u * VL : NULL, lanes);
#define ROWS(plus)                                                                       \
  for (; row < stop; row++, x += inner, y += inner) EACH {                               \
    const vec v = FNN(normalized)(v_load(x + u * VL), m[u], s[u], b[u]);                 \
    v_store(y + u * VL, FNN(norm_act)(act, plus, alpha));                                \
  }
      if (r) {
        const ptrdiff_t from_x = r - x;
        ROWS(v_add(v, v_load(x + from_x + u * VL)))
      } else {
        ROWS(v)
      }
#undef ROWS
    } else {
      for (; row < stop; row++, x += inner, y += inner) {
        for (ptrdiff_t i = 0; i < inner; i += VL) {
          const ptrdiff_t lanes = fnn_min(VL, inner - i);
          vec v = FNN(normalized)(LOAD(x + i), LOAD(mean + i), LOAD(scale + i), FNN(norm_beta)(beta ? beta + i : NULL, lanes));
          if (r) v = v_add(v, LOAD(r + i));
          STORE(y + i, FNN(norm_act)(act, v, alpha));
        }
        if (r) r += inner;
      }
    }
  }
}

static void FNN(norm_apply)(const fnn_norm_apply_args *a, int ith, int nth) {
  ptrdiff_t begin, end;
  fnn_share(a->outer * a->red, 1, ith, nth, &begin, &end);
#define WIDTH(nv) FNN(norm_apply_rows)(a, nv, ACT, begin, end)
#define ACT_ROWS(act_) { enum { ACT = act_ }; NORM_WIDTHS(WIDTH) }
  NORM_ACTS(ACT_ROWS)
#undef WIDTH
}

/* ---- columns: backward ---------------------------------------------------------------------------------------- */

/* n rows of one or two vectors: sums of dz and of dz (x - mean); y: the forward result where a residual was added. */
FNN_INLINE void FNN(norm_bwd_block)(const fnn_norm_bwd_sums_args *a, const int act, const int nv, ptrdiff_t at, ptrdiff_t column,
                                    ptrdiff_t o, ptrdiff_t n, ptrdiff_t lanes, T *sum) {
  const ptrdiff_t inner = a->inner;
  const T *x = (const T *)a->x + at, *dy = (const T *)a->dy + at, *y = a->y ? (const T *)a->y + at : NULL;
  const T *mean = (const T *)a->mean + o * inner + column, *scale = (const T *)a->scale + o * inner + column;
  const T *beta = a->beta ? (const T *)a->beta + column : NULL;
  T *dz = a->dz ? (T *)a->dz + at : NULL;
  const vec alpha = v_set1((T)a->alpha);
  vec m[2], s[2], b[2], first[4][2], second[4][2];
  EACH m[u] = LOAD(mean + u * VL), s[u] = LOAD(scale + u * VL), b[u] = FNN(norm_beta)(beta ? beta + u * VL : NULL, lanes);
  FNN_UNROLL for (int q = 0; q < 4; q++) EACH first[q][u] = second[q][u] = v_zero();
#define ROW(q, r)                                                                                          \
  EACH {                                                                                                   \
    const ptrdiff_t p = (r) * inner + u * VL;                                                              \
    __builtin_prefetch(x + p + NORM_AHEAD);                                                                \
    __builtin_prefetch(dy + p + NORM_AHEAD);                                                               \
    const vec d = v_sub(LOAD(x + p), m[u]);                                                                \
    vec g = LOAD(dy + p);                                                                                  \
    if (act != NORM_LINEAR) g = FNN(norm_act_bwd)(act, y ? LOAD(y + p) : v_fma(d, s[u], b[u]), g, alpha);  \
    if (dz) STORE(dz + p, g);                                                                              \
    first[q][u] = v_add(first[q][u], g);                                                                   \
    second[q][u] = v_fma(g, d, second[q][u]);                                                              \
  }
#define ALL_ROWS                                        \
  {                                                     \
    ptrdiff_t r = 0;                                    \
    for (; r + 4 <= n; r += 4)                          \
      FNN_UNROLL for (int q = 0; q < 4; q++) ROW(q, r + q) \
    FNN_UNROLL for (int q = 0; q < 3; q++)              \
      if (r + q < n) ROW(q, r + q)                      \
  }
  if (y || dz) {
    ALL_ROWS
  } else { /* the compiler sees that there is neither */
    y = NULL, dz = NULL;
    ALL_ROWS
  }
#undef ROW
#undef ALL_ROWS
  EACH STORE(sum + u * VL, v_add(v_add(first[0][u], first[1][u]), v_add(first[2][u], first[3][u])));
  EACH STORE(sum + inner + u * VL, v_add(v_add(second[0][u], second[1][u]), v_add(second[2][u], second[3][u])));
}

FNN_INLINE void FNN(norm_bwd_chunks)(const fnn_norm_bwd_sums_args *a, const int act, int ith, int nth) {
  const ptrdiff_t inner = a->inner, chunks = fnn_ceil_div(a->red, a->chunk), blocks = fnn_ceil_div(inner, 2 * VL);
  ptrdiff_t begin, end;
  fnn_share(a->outer * chunks * blocks, 1, ith, nth, &begin, &end);
  for (ptrdiff_t task = begin; task < end; task++) {
    const ptrdiff_t block = task % blocks, chunk = task / blocks % chunks, o = task / blocks / chunks;
    const ptrdiff_t row = chunk * a->chunk, n = fnn_min(a->chunk, a->red - row), j = block * 2 * VL;
    const ptrdiff_t at = (o * a->red + row) * inner + j;
    T *sum = (T *)a->parts + (o * chunks + chunk) * 2 * inner + j;
    if (j + 2 * VL <= inner) {
      FNN(norm_bwd_block)(a, act, 2, at, j, o, n, VL, sum);
    } else {
      for (ptrdiff_t i = 0; j + i < inner; i += VL) {
        const ptrdiff_t lanes = fnn_min(VL, inner - j - i);
        if (lanes == VL) FNN(norm_bwd_block)(a, act, 1, at + i, j + i, o, n, VL, sum + i);
        else FNN(norm_bwd_block)(a, act, 1, at + i, j + i, o, n, lanes, sum + i);
      }
    }
  }
}

static void FNN(norm_bwd_sums)(const fnn_norm_bwd_sums_args *a, int ith, int nth) {
#define CHUNKS(act) FNN(norm_bwd_chunks)(a, act, ith, nth)
  NORM_ACTS(CHUNKS)
#undef CHUNKS
}

static void FNN(norm_bwd_finish)(const fnn_norm_bwd_finish_args *a, int ith, int nth) {
  const ptrdiff_t inner = a->inner, red = a->red, chunk = a->chunk, group = a->group, chunks = fnn_ceil_div(red, chunk);
  const ptrdiff_t unit = group == 1 ? VL : group, units = fnn_ceil_div(inner, unit);
  const double n = (double)red * (double)group;
  double first[VL], second[VL];
  ptrdiff_t begin, end;
  fnn_share(a->outer * units, 1, ith, nth, &begin, &end);
  for (ptrdiff_t task = begin; task < end; task++) {
    const ptrdiff_t o = task / units, i = task % units * unit, stop = fnn_min(inner, i + unit);
    const T *scale = (const T *)a->scale + o * inner, *inv = (const T *)a->inv + o * inner;
    double total = 0, moment = 0;
    for (ptrdiff_t j = i; j < stop; j += VL) {
      const ptrdiff_t lanes = fnn_min(VL, stop - j), at = o * inner + j;
      const T *parts = (const T *)a->parts + o * chunks * 2 * inner + j;
      FNN(norm_sum_parts)(parts, inner, red, chunk, 0, lanes, first);
      FNN(norm_sum_parts)(parts + inner, inner, red, chunk, 0, lanes, second);
      for (ptrdiff_t l = 0; l < lanes; l++) {
        ((T *)a->dbeta)[at + l] = (T)first[l];
        ((T *)a->dgamma)[at + l] = (T)(second[l] * (double)inv[j + l]);
        const double ds = (double)scale[j + l] * first[l], dm = (double)scale[j + l] * second[l];
        total += ds, moment += dm;
        if (group == 1 && a->slope) {
          ((T *)a->slope)[at + l] = (T)(-(dm / n) * ((double)inv[j + l] * (double)inv[j + l]));
          ((T *)a->shift)[at + l] = (T)(-(ds / n));
        }
      }
    }
    if (group > 1 && a->slope)
      for (ptrdiff_t j = i; j < stop; j++) {
        ((T *)a->slope)[o * inner + j] = (T)(-(moment / n) * ((double)inv[j] * (double)inv[j]));
        ((T *)a->shift)[o * inner + j] = (T)(-(total / n));
      }
  }
}

FNN_INLINE void FNN(norm_bwd_apply_rows)(const fnn_norm_bwd_apply_args *a, const int nv, const int act, ptrdiff_t row,
                                         ptrdiff_t end) {
  const ptrdiff_t inner = a->inner;
  const T *beta = a->beta;
  const vec alpha = v_set1((T)a->alpha);
  while (row < end) {
    const ptrdiff_t o = row / a->red, stop = fnn_min(end, (o + 1) * a->red);
    const T *mean = (const T *)a->mean + o * inner, *scale = (const T *)a->scale + o * inner;
    const T *slope = a->slope ? (const T *)a->slope + o * inner : NULL, *shift = a->shift ? (const T *)a->shift + o * inner : NULL;
    const T *x = (const T *)a->x + row * inner, *dy = (const T *)a->dy + row * inner;
    T *dx = (T *)a->dx + row * inner;
#define GRADIENT(x, dy, m, s, b, k, c)                                                               \
  const vec d = v_sub(x, m);                                                                         \
  const vec g = act == NORM_LINEAR ? (dy) : FNN(norm_act_bwd)(act, v_fma(d, s, b), dy, alpha);       \
  const vec result = v_fma(s, g, v_fma(k, d, c));
    if (nv && slope) {
      const ptrdiff_t lanes = VL;
      vec m[4], s[4], b[4], k[4], c[4];
      EACH m[u] = v_load(mean + u * VL), s[u] = v_load(scale + u * VL), b[u] = FNN(norm_beta)(beta ? beta + u * VL : NULL, lanes);
      EACH k[u] = v_load(slope + u * VL), c[u] = v_load(shift + u * VL);
      for (; row < stop; row++, x += inner, dy += inner, dx += inner) EACH {
        GRADIENT(v_load(x + u * VL), v_load(dy + u * VL), m[u], s[u], b[u], k[u], c[u])
        v_store(dx + u * VL, result);
      }
    } else {
      for (; row < stop; row++, x += inner, dy += inner, dx += inner)
        for (ptrdiff_t i = 0; i < inner; i += VL) {
          const ptrdiff_t lanes = fnn_min(VL, inner - i);
          const vec b = FNN(norm_beta)(beta ? beta + i : NULL, lanes);
          const vec k = slope ? LOAD(slope + i) : v_zero(), c = slope ? LOAD(shift + i) : v_zero(), s = LOAD(scale + i);
          GRADIENT(LOAD(x + i), LOAD(dy + i), LOAD(mean + i), s, b, k, c)
          STORE(dx + i, slope ? result : v_mul(s, g));
        }
    }
#undef GRADIENT
  }
}

static void FNN(norm_bwd_apply)(const fnn_norm_bwd_apply_args *a, int ith, int nth) {
  ptrdiff_t begin, end;
  fnn_share(a->outer * a->red, 1, ith, nth, &begin, &end);
#define WIDTH(nv) FNN(norm_bwd_apply_rows)(a, nv, ACT, begin, end)
  NORM_ACTS(ACT_ROWS)
#undef WIDTH
}
#undef ACT_ROWS
#undef NORM_ACTS
#undef NORM_WIDTHS
#undef EACH

/* ---- rows ----------------------------------------------------------------------------------------------------- */

/* total = sum of TERM(j, lanes) over a row of n elements */
#define ROW_SUM(total, n, TERM)                                                                                 \
  for (ptrdiff_t run = 0; run < (n); run += NORM_RUN) {                                                         \
    const ptrdiff_t stop = fnn_min(n, run + NORM_RUN);                                                          \
    vec even = v_zero(), odd = v_zero();                                                                        \
    ptrdiff_t j = run;                                                                                          \
    for (; j + 2 * VL <= stop; j += 2 * VL) even = v_add(even, TERM(j, VL)), odd = v_add(odd, TERM(j + VL, VL)); \
    if (j + VL <= stop) even = v_add(even, TERM(j, VL)), j += VL;                                               \
    if (j < stop) odd = v_add(odd, v_sel(m_first(stop - j), TERM(j, stop - j), v_zero()));                      \
    total += (double)v_hsum(v_add(even, odd));                                                                  \
  }

FNN_INLINE vec FNN(norm_square)(vec d) { return v_mul(d, d); }

static void FNN(row_norm_fwd)(const fnn_row_norm_fwd_args *a, int ith, int nth) {
  const ptrdiff_t cols = a->cols;
  const T *gamma = a->gamma, *beta = a->beta;
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t row = begin; row < end; row++) {
    const T *x = (const T *)a->x + row * cols;
    T *y = (T *)a->y + row * cols;
    double total = 0, squares = 0;
    if (a->centered) {
#define TERM(j, n) FNN(load_lanes)(x + (j), n)
      ROW_SUM(total, cols, TERM)
#undef TERM
    }
    const T mean = (T)(total / (double)cols);
    const vec middle = v_set1(mean);
#define TERM(j, n) FNN(norm_square)(v_sub(FNN(load_lanes)(x + (j), n), middle))
    ROW_SUM(squares, cols, TERM)
#undef TERM
    const T inv = (T)(1.0 / sqrt(squares / (double)cols + a->epsilon));
    const vec factor = v_set1(inv);
    ((T *)a->mean)[row] = mean;
    ((T *)a->inv)[row] = inv;
    for (ptrdiff_t j = 0; j < cols; j += VL) {
      const ptrdiff_t lanes = fnn_min(VL, cols - j);
      const vec v = v_mul(v_sub(LOAD(x + j), middle), factor);
      if (gamma) STORE(y + j, v_fma(v, LOAD(gamma + j), beta ? LOAD(beta + j) : v_zero()));
      else STORE(y + j, beta ? v_add(v, LOAD(beta + j)) : v);
    }
  }
}

/* dx = inv (g - mean(g) - v mean(g v)), g = dy gamma, v = (x - mean) inv; not centered: without mean(g) */
static void FNN(row_norm_bwd)(const fnn_row_norm_bwd_args *a, int ith, int nth) {
  const ptrdiff_t cols = a->cols;
  const T *gamma = a->gamma;
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t row = begin; row < end; row++) {
    const T *x = (const T *)a->x + row * cols, *dy = (const T *)a->dy + row * cols;
    T *dx = (T *)a->dx + row * cols;
    const vec middle = v_set1(((const T *)a->mean)[row]), inv = v_set1(((const T *)a->inv)[row]);
    double total = 0, moment = 0;
#define SCALED(j, n) (gamma ? v_mul(FNN(load_lanes)(dy + (j), n), FNN(load_lanes)(gamma + (j), n)) : FNN(load_lanes)(dy + (j), n))
#define NORMAL(j, n) v_mul(v_sub(FNN(load_lanes)(x + (j), n), middle), inv)
#define PRODUCT(j, n) v_mul(SCALED(j, n), NORMAL(j, n))
    if (a->centered) ROW_SUM(total, cols, SCALED)
    ROW_SUM(moment, cols, PRODUCT)
    const vec mean_g = v_set1((T)(total / (double)cols)), mean_gv = v_set1((T)(moment / (double)cols));
    for (ptrdiff_t j = 0; j < cols; j += VL) {
      const ptrdiff_t lanes = fnn_min(VL, cols - j);
      STORE(dx + j, v_mul(inv, v_fnma(NORMAL(j, lanes), mean_gv, v_sub(SCALED(j, lanes), mean_g))));
    }
#undef SCALED
#undef NORMAL
#undef PRODUCT
  }
}

/* For each chunk of rows: sums of dy and of dy (x - mean) inv */
static void FNN(row_norm_bwd_params)(const fnn_row_norm_bwd_params_args *a, int ith, int nth) {
  const ptrdiff_t cols = a->cols, chunks = fnn_ceil_div(a->rows, a->chunk), blocks = fnn_ceil_div(cols, VL);
  ptrdiff_t begin, end;
  fnn_share(chunks * blocks, 1, ith, nth, &begin, &end);
  for (ptrdiff_t task = begin; task < end; task++) {
    const ptrdiff_t chunk = task / blocks, j = task % blocks * VL, lanes = fnn_min(VL, cols - j);
    const ptrdiff_t last = fnn_min(a->rows, (chunk + 1) * a->chunk);
    vec first[2] = {v_zero(), v_zero()}, second[2] = {v_zero(), v_zero()};
    for (ptrdiff_t r = chunk * a->chunk; r < last; r++) {
      const int q = r & 1;
      const vec g = LOAD((const T *)a->dy + r * cols + j);
      const vec v = v_mul(v_sub(LOAD((const T *)a->x + r * cols + j), v_set1(((const T *)a->mean)[r])),
                          v_set1(((const T *)a->inv)[r]));
      first[q] = v_add(first[q], g);
      second[q] = v_fma(g, v, second[q]);
    }
    T *sum = (T *)a->parts + chunk * 2 * cols + j;
    STORE(sum, v_add(first[0], first[1]));
    STORE(sum + cols, v_add(second[0], second[1]));
  }
}
#undef ROW_SUM
#undef LOAD
#undef STORE
