/* optim.c: SGD, RMSprop, Adam and AdamW over the segment table of kernels.def; gradient clipping.
 *
 * One launch walks all parameters. Threads share the flat elements evenly, whatever segments they lie in, so a network
 * of one large and many small parameters is balanced. Every element is computed alone, with Keras 3's formulas in
 * Keras's order and no fused multiply-add: the result equals the same formulas written with NumPy, bit for bit, on
 * every ISA. The work is bound by memory (Adam: 28 bytes a float32 parameter); division and root hide behind it.
 *
 *   decay    p -= (p * weight_decay) * lr                                  (before the step; Loshchilov, Hutter 2019)
 *   SGD      m = m * momentum - g * lr;  p += m  (Nesterov: p += m * momentum - g * lr;  no momentum: p -= g * lr)
 *   RMSprop  v = rho * v + (1 - rho) * g^2;  u = lr * g / sqrt(v [- mean^2] + epsilon);  p -= u  or  p -= m
 *   Adam     m += (g - m) * (1 - beta_1);  v += (g^2 - v) * (1 - beta_2);  p -= m * alpha / (sqrt(v) + epsilon),
 *            alpha = lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) in double    (Kingma, Ba 2015, the form before section 2.1) */

#ifndef FNN_OPTIM_COMMON
#define FNN_OPTIM_COMMON
enum { FNN_SEGMENT_DECAYS = 1, FNN_SEGMENT_SKIPPED = 2, FNN_CLIP_PIECE = 4096 };

/* x^n by repeated squaring: the same bits with every C library. */
static double fnn_power(double x, int64_t n) {
  double y = 1.0;
  for (; n > 0; n >>= 1, x *= x)
    if (n & 1) y *= x;
  return y;
}
#endif

#define LOAD(p) (k == VL ? v_load(p) : v_load_n(p, k))
#define STORE(p, v) (k == VL ? v_store(p, v) : v_store_n(p, v, k))

/* Runs `body` for every part of a segment that belongs to this thread: n elements at p, g, and s0 = slot 0. */
#define FOR_EACH_SEGMENT_PART(a, body)                                                                  \
  do {                                                                                                  \
    const int64_t *seg_begin = a->begin, *seg_length = a->length, *seg_flags = a->flags;                \
    const uint64_t *seg_params = a->params;                                                             \
    ptrdiff_t from, to;                                                                                 \
    fnn_share(a->total, VL, ith, nth, &from, &to);                                                      \
    for (ptrdiff_t r = 0; r < a->rows && seg_begin[r] < to; r++) {                                      \
      ptrdiff_t lo = fnn_max(from, seg_begin[r]), hi = fnn_min(to, seg_begin[r] + seg_length[r]);       \
      if (lo >= hi || (seg_flags[r] & FNN_SEGMENT_SKIPPED)) continue;                                   \
      ptrdiff_t n = hi - lo;                                                                            \
      T *p = (T *)(uintptr_t)seg_params[r] + (lo - seg_begin[r]);                                       \
      const T *g = (const T *)a->grads + lo;                                                            \
      T *s0 = (T *)a->slots + lo;                                                                       \
      vec decay = v_set1(seg_flags[r] & FNN_SEGMENT_DECAYS ? weight_decay : 0);                         \
      body;                                                                                             \
    }                                                                                                   \
  } while (0)

static inline double FNN(current_rate)(const double *rates, ptrdiff_t nrates, const int64_t *step) {
  return rates[*step % nrates];
}

/* ---- SGD -------------------------------------------------------------------------------------------------------- */
static void FNN(sgd_range)(T *p, const T *g, T *m, ptrdiff_t n, vec decay, vec rate, vec momentum, ptrdiff_t nesterov) {
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec w = LOAD(p + i), step = v_mul(LOAD(g + i), rate);
    w = v_sub(w, v_mul(v_mul(w, decay), rate));
    if (m) {
      vec mi = v_sub(v_mul(LOAD(m + i), momentum), step);
      STORE(m + i, mi);
      w = v_add(w, nesterov ? v_sub(v_mul(mi, momentum), step) : mi);
    } else {
      w = v_sub(w, step);
    }
    STORE(p + i, w);
  }
}

static void FNN(sgd_step)(const fnn_sgd_step_args *a, int ith, int nth) {
  const double *hyper = a->hyper;
  const T weight_decay = (T)hyper[0];
  const vec momentum = v_set1((T)hyper[1]);
  const vec rate = v_set1((T)FNN(current_rate)(a->rates, a->nrates, a->step));
  FOR_EACH_SEGMENT_PART(a, FNN(sgd_range)(p, g, a->slot_count ? s0 : NULL, n, decay, rate, momentum, a->nesterov));
}

/* ---- RMSprop ---------------------------------------------------------------------------------------------------- */
typedef struct FNN(rmsprop_constants) {
  vec rate, rho, one_minus_rho, epsilon, momentum;
} FNN(rmsprop_constants);

static void FNN(rmsprop_range)(T *p, const T *g, T *v, T *m, T *mean, ptrdiff_t n, vec decay,
                               const FNN(rmsprop_constants) * c) {
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec w = LOAD(p + i), gi = LOAD(g + i);
    w = v_sub(w, v_mul(v_mul(w, decay), c->rate));
    vec vi = v_add(v_mul(c->rho, LOAD(v + i)), v_mul(c->one_minus_rho, v_mul(gi, gi)));
    STORE(v + i, vi);
    if (mean) {
      vec mi = v_add(v_mul(c->rho, LOAD(mean + i)), v_mul(c->one_minus_rho, gi));
      STORE(mean + i, mi);
      vi = v_sub(vi, v_mul(mi, mi));
    }
    vec u = v_div(v_mul(c->rate, gi), v_sqrt(v_add(vi, c->epsilon)));
    if (m) {
      u = v_add(v_mul(c->momentum, LOAD(m + i)), u);
      STORE(m + i, u);
    }
    STORE(p + i, v_sub(w, u));
  }
}

static void FNN(rmsprop_step)(const fnn_rmsprop_step_args *a, int ith, int nth) {
  const double *hyper = a->hyper;
  const T weight_decay = (T)hyper[0];
  const FNN(rmsprop_constants) c = {
    .rate = v_set1((T)FNN(current_rate)(a->rates, a->nrates, a->step)),
    .rho = v_set1((T)hyper[1]), .one_minus_rho = v_set1((T)(1.0 - hyper[1])),
    .epsilon = v_set1((T)hyper[2]), .momentum = v_set1((T)hyper[3]),
  };
  FOR_EACH_SEGMENT_PART(a, {
    T *m = a->with_momentum ? s0 + a->total : NULL;
    T *mean = a->centered ? s0 + (1 + a->with_momentum) * a->total : NULL;
    FNN(rmsprop_range)(p, g, s0, m, mean, n, decay, &c);
  });
}

/* ---- Adam and AdamW --------------------------------------------------------------------------------------------- */
typedef struct FNN(adam_constants) {
  vec rate, alpha, one_minus_beta_1, one_minus_beta_2, epsilon;
} FNN(adam_constants);

static void FNN(adam_range)(T *p, const T *g, T *m, T *v, T *v_hat, ptrdiff_t n, vec decay,
                            const FNN(adam_constants) * c) {
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec w = LOAD(p + i), gi = LOAD(g + i), mi = LOAD(m + i), vi = LOAD(v + i);
    w = v_sub(w, v_mul(v_mul(w, decay), c->rate));
    mi = v_add(mi, v_mul(v_sub(gi, mi), c->one_minus_beta_1));
    vi = v_add(vi, v_mul(v_sub(v_mul(gi, gi), vi), c->one_minus_beta_2));
    STORE(m + i, mi);
    STORE(v + i, vi);
    if (v_hat) {
      vi = v_max(LOAD(v_hat + i), vi); /* NaN wins: it stays in v for good */
      STORE(v_hat + i, vi);
    }
    STORE(p + i, v_sub(w, v_div(v_mul(mi, c->alpha), v_add(v_sqrt(vi), c->epsilon))));
  }
}

static void FNN(adam_step)(const fnn_adam_step_args *a, int ith, int nth) {
  const double *hyper = a->hyper;
  const T weight_decay = (T)hyper[0];
  const double beta_1 = hyper[1], beta_2 = hyper[2], rate = FNN(current_rate)(a->rates, a->nrates, a->step);
  const int64_t t = *(const int64_t *)a->step + 1;
  const FNN(adam_constants) c = {
    .rate = v_set1((T)rate),
    .alpha = v_set1((T)(rate * sqrt(1.0 - fnn_power(beta_2, t)) / (1.0 - fnn_power(beta_1, t)))),
    .one_minus_beta_1 = v_set1((T)(1.0 - beta_1)), .one_minus_beta_2 = v_set1((T)(1.0 - beta_2)),
    .epsilon = v_set1((T)hyper[3]),
  };
  FOR_EACH_SEGMENT_PART(a, FNN(adam_range)(p, g, s0, s0 + a->total, a->amsgrad ? s0 + 2 * a->total : NULL, n, decay, &c));
}

static void FNN(counter_add)(const fnn_counter_add_args *a, int ith, int nth) {
  (void)nth;
  if (ith == 0) *(int64_t *)a->counter += a->amount;
}

/* ---- clipping --------------------------------------------------------------------------------------------------- */
static void FNN(clip_value)(const fnn_clip_value_args *a, int ith, int nth) {
  T *g = a->grads;
  const vec high = v_set1((T)a->limit), low = v_set1((T)-a->limit);
  ptrdiff_t from, to;
  fnn_share(a->total, VL, ith, nth, &from, &to);
  for (ptrdiff_t i = from; i < to; i += VL) {
    ptrdiff_t k = fnn_min(VL, to - i);
    STORE(g + i, v_min(high, v_max(low, LOAD(g + i)))); /* the second operand wins: NaN stays NaN */
  }
}

/* Pieces of segments are numbered through; piece i belongs to thread i % nth. */
static void FNN(clip_square_sums)(const fnn_clip_square_sums_args *a, int ith, int nth) {
  const int64_t *begin = a->begin, *length = a->length, *flags = a->flags;
  double *sums = a->sums;
  ptrdiff_t piece = 0, count = a->total / FNN_CLIP_PIECE + a->rows;
  for (ptrdiff_t r = 0; r < a->rows; r++) {
    for (ptrdiff_t start = 0; start < length[r]; start += FNN_CLIP_PIECE, piece++) {
      if (piece % nth != ith) continue;
      const T *g = (const T *)a->grads + begin[r] + start;
      ptrdiff_t n = flags[r] & FNN_SEGMENT_SKIPPED ? 0 : fnn_min(FNN_CLIP_PIECE, length[r] - start);
      vec sum = v_zero();
      for (ptrdiff_t i = 0; i < n; i += VL) {
        ptrdiff_t k = fnn_min(VL, n - i);
        vec gi = LOAD(g + i);
        sum = v_fma(gi, gi, sum);
      }
      sums[piece] = v_hsum(sum);
    }
  }
  for (; piece < count; piece++)
    if (piece % nth == ith) sums[piece] = 0;
}

static void FNN(scale_range)(T *g, ptrdiff_t n, vec factor, vec divisor) {
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    STORE(g + i, v_div(v_mul(LOAD(g + i), factor), divisor));
  }
}

static double FNN(sum_pieces)(const double *sums, ptrdiff_t n) {
  double sum = 0;
  for (ptrdiff_t i = 0; i < n; i++) sum += sums[i];
  return sum;
}

static void FNN(clip_norm)(const fnn_clip_norm_args *a, int ith, int nth) {
  const int64_t *begin = a->begin, *length = a->length, *flags = a->flags;
  const double *sums = a->sums;
  double norm = 0;
  if (a->across) {
    norm = sqrt(FNN(sum_pieces)(sums, a->total / FNN_CLIP_PIECE + a->rows));
    if (isinf(norm)) norm = NAN; /* an infinite common norm makes every gradient NaN, as in Keras */
  }
  ptrdiff_t from, to;
  fnn_share(a->total, VL, ith, nth, &from, &to);
  for (ptrdiff_t r = 0; r < a->rows && begin[r] < to; r++) {
    ptrdiff_t pieces = fnn_ceil_div(length[r], FNN_CLIP_PIECE);
    ptrdiff_t lo = fnn_max(from, begin[r]), hi = fnn_min(to, begin[r] + length[r]);
    if (lo < hi && !(flags[r] & FNN_SEGMENT_SKIPPED)) {
      if (!a->across) norm = sqrt(FNN(sum_pieces)(sums, pieces));
      if (!(norm <= a->limit)) /* NaN scales too */
        FNN(scale_range)((T *)a->grads + lo, hi - lo, v_set1((T)a->limit), v_set1((T)norm));
    }
    sums += pieces;
  }
}

#undef LOAD
#undef STORE
#undef FOR_EACH_SEGMENT_PART
