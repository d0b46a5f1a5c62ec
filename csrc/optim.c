/* optim.c: optimizer steps over the segment table of kernels.def; gradients made ready for them; moving averages.
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
 *            alpha = lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) in double, of betas rounded to T, as Keras's are
 *                                                                       (Kingma, Ba 2015, the form before section 2.1)
 *   The others' formulas stand above their kernels. t counts updates: with gradients accumulated over `every` steps,
 *   only the last of them is one, and the kernels leave everything alone in the others. */

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

/* Whether the step with this number (from 0) updates, and the updates up to it, itself included. */
static int fnn_due(const int64_t *step, ptrdiff_t every) { return (*step + 1) % every == 0; }
static int64_t fnn_updates(const int64_t *step, ptrdiff_t every) { return *step / every + 1; }
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

#define RATE(a) (*(const double *)(a)->rate)
#define DUE(a) fnn_due((a)->step, (a)->every)

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
  const vec rate = v_set1((T)RATE(a));
  if (!DUE(a)) return;
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
    .rate = v_set1((T)RATE(a)),
    .rho = v_set1((T)hyper[1]), .one_minus_rho = v_set1((T)(1.0 - hyper[1])),
    .epsilon = v_set1((T)hyper[2]), .momentum = v_set1((T)hyper[3]),
  };
  if (!DUE(a)) return;
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
  const double beta_1 = hyper[1], beta_2 = hyper[2], rate = RATE(a);
  const int64_t t = fnn_updates(a->step, a->every);
  if (!DUE(a)) return;
  const FNN(adam_constants) c = {
    .rate = v_set1((T)rate),
    .alpha = v_set1((T)(rate * sqrt(1.0 - fnn_power((T)beta_2, t)) / (1.0 - fnn_power((T)beta_1, t)))),
    .one_minus_beta_1 = v_set1((T)(1.0 - beta_1)), .one_minus_beta_2 = v_set1((T)(1.0 - beta_2)),
    .epsilon = v_set1((T)hyper[3]),
  };
  FOR_EACH_SEGMENT_PART(a, FNN(adam_range)(p, g, s0, s0 + a->total, a->amsgrad ? s0 + 2 * a->total : NULL, n, decay, &c));
}

/* ---- Adamax -----------------------------------------------------------------------------------------------------
 * m += (g - m) * (1 - beta_1);  u = max(beta_2 * u, |g|);  p -= lr * m / ((1 - beta_1^t) * (u + epsilon)) */
static void FNN(adamax_range)(T *p, const T *g, T *m, T *u, ptrdiff_t n, vec decay, const vec *c) {
  const vec rate = c[0], one_minus_beta_1 = c[1], beta_2 = c[2], correction = c[3], epsilon = c[4];
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec w = LOAD(p + i), gi = LOAD(g + i), mi = LOAD(m + i);
    w = v_sub(w, v_mul(v_mul(w, decay), rate));
    mi = v_add(mi, v_mul(v_sub(gi, mi), one_minus_beta_1));
    vec ui = v_max(v_mul(beta_2, LOAD(u + i)), v_abs(gi)); /* NaN in the gradient wins */
    STORE(m + i, mi);
    STORE(u + i, ui);
    STORE(p + i, v_sub(w, v_div(v_mul(rate, mi), v_mul(correction, v_add(ui, epsilon)))));
  }
}

static void FNN(adamax_step)(const fnn_adamax_step_args *a, int ith, int nth) {
  const double *hyper = a->hyper;
  const T weight_decay = (T)hyper[0];
  const vec c[] = {
    v_set1((T)RATE(a)), v_set1((T)(1.0 - hyper[1])), v_set1((T)hyper[2]),
    v_set1((T)(1.0 - fnn_power((T)hyper[1], fnn_updates(a->step, a->every)))), v_set1((T)hyper[3]),
  };
  if (!DUE(a)) return;
  FOR_EACH_SEGMENT_PART(a, FNN(adamax_range)(p, g, s0, s0 + a->total, n, decay, c));
}

/* ---- Nadam ------------------------------------------------------------------------------------------------------
 * u_t = beta_1 * (1 - 0.5 * 0.96^t);  product_t = u_1 ... u_t, moved on by nadam_advance before the step
 * p -= lr * (u_{t+1} * m / (1 - product_t * u_{t+1}) + (1 - u_t) * g / (1 - product_t)) / (sqrt(v / (1 - beta_2^t)) + epsilon) */
static double FNN(nadam_u)(double beta_1, int64_t t) { return beta_1 * (1.0 - 0.5 * fnn_power(0.96, t)); }

static void FNN(nadam_advance)(const fnn_nadam_advance_args *a, int ith, int nth) {
  const double *hyper = a->hyper;
  T *product = a->product;
  (void)nth;
  if (ith == 0 && DUE(a)) *product = (T)(*product * FNN(nadam_u)(hyper[1], fnn_updates(a->step, a->every)));
}

static void FNN(nadam_range)(T *p, const T *g, T *m, T *v, ptrdiff_t n, vec decay, const vec *c) {
  const vec rate = c[0], one_minus_beta_1 = c[1], one_minus_beta_2 = c[2], epsilon = c[3];
  const vec of_m = c[4], below_m = c[5], of_g = c[6], below_g = c[7], below_v = c[8];
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec w = LOAD(p + i), gi = LOAD(g + i), mi = LOAD(m + i), vi = LOAD(v + i);
    w = v_sub(w, v_mul(v_mul(w, decay), rate));
    mi = v_add(mi, v_mul(v_sub(gi, mi), one_minus_beta_1));
    vi = v_add(vi, v_mul(v_sub(v_mul(gi, gi), vi), one_minus_beta_2));
    STORE(m + i, mi);
    STORE(v + i, vi);
    vec m_hat = v_add(v_div(v_mul(of_m, mi), below_m), v_div(v_mul(of_g, gi), below_g));
    STORE(p + i, v_sub(w, v_div(v_mul(m_hat, rate), v_add(v_sqrt(v_div(vi, below_v)), epsilon))));
  }
}

static void FNN(nadam_step)(const fnn_nadam_step_args *a, int ith, int nth) {
  const double *hyper = a->hyper;
  const T weight_decay = (T)hyper[0];
  const int64_t t = fnn_updates(a->step, a->every);
  const double product = *(const T *)a->product;
  const double now = FNN(nadam_u)(hyper[1], t), next = FNN(nadam_u)(hyper[1], t + 1);
  const vec c[] = {
    v_set1((T)RATE(a)), v_set1((T)(1.0 - hyper[1])), v_set1((T)(1.0 - hyper[2])), v_set1((T)hyper[3]),
    v_set1((T)next), v_set1((T)(1.0 - product * next)), v_set1((T)(1.0 - now)), v_set1((T)(1.0 - product)),
    v_set1((T)(1.0 - fnn_power((T)hyper[2], t))),
  };
  if (!DUE(a)) return;
  FOR_EACH_SEGMENT_PART(a, FNN(nadam_range)(p, g, s0, s0 + a->total, n, decay, c));
}

/* ---- Adagrad ----------------------------------------------------------------------------------------------------
 * s += g^2;  p -= lr * g / sqrt(s + epsilon) */
static void FNN(adagrad_range)(T *p, const T *g, T *s, ptrdiff_t n, vec decay, vec rate, vec epsilon) {
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec w = LOAD(p + i), gi = LOAD(g + i);
    w = v_sub(w, v_mul(v_mul(w, decay), rate));
    vec si = v_add(LOAD(s + i), v_mul(gi, gi));
    STORE(s + i, si);
    STORE(p + i, v_sub(w, v_div(v_mul(rate, gi), v_sqrt(v_add(si, epsilon)))));
  }
}

static void FNN(adagrad_step)(const fnn_adagrad_step_args *a, int ith, int nth) {
  const double *hyper = a->hyper;
  const T weight_decay = (T)hyper[0];
  const vec rate = v_set1((T)RATE(a)), epsilon = v_set1((T)hyper[1]);
  if (!DUE(a)) return;
  FOR_EACH_SEGMENT_PART(a, FNN(adagrad_range)(p, g, s0, n, decay, rate, epsilon));
}

/* ---- Adadelta ---------------------------------------------------------------------------------------------------
 * s = rho * s + (1 - rho) * g^2;  u = sqrt(d + epsilon) * g / sqrt(s + epsilon);  d = rho * d + (1 - rho) * u^2;
 * p -= lr * u */
static void FNN(adadelta_range)(T *p, const T *g, T *s, T *d, ptrdiff_t n, vec decay, const vec *c) {
  const vec rate = c[0], rho = c[1], one_minus_rho = c[2], epsilon = c[3];
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec w = LOAD(p + i), gi = LOAD(g + i), di = LOAD(d + i);
    w = v_sub(w, v_mul(v_mul(w, decay), rate));
    vec si = v_add(v_mul(rho, LOAD(s + i)), v_mul(one_minus_rho, v_mul(gi, gi)));
    vec u = v_div(v_mul(v_sqrt(v_add(di, epsilon)), gi), v_sqrt(v_add(si, epsilon)));
    STORE(s + i, si);
    STORE(d + i, v_add(v_mul(rho, di), v_mul(one_minus_rho, v_mul(u, u))));
    STORE(p + i, v_sub(w, v_mul(rate, u)));
  }
}

static void FNN(adadelta_step)(const fnn_adadelta_step_args *a, int ith, int nth) {
  const double *hyper = a->hyper;
  const T weight_decay = (T)hyper[0];
  const vec c[] = {v_set1((T)RATE(a)), v_set1((T)hyper[1]), v_set1((T)(1.0 - hyper[1])), v_set1((T)hyper[2])};
  if (!DUE(a)) return;
  FOR_EACH_SEGMENT_PART(a, FNN(adadelta_range)(p, g, s0, s0 + a->total, n, decay, c));
}

/* ---- Ftrl -------------------------------------------------------------------------------------------------------
 * s' = s + g^2;  z += g + 2 shrinkage p - (s'^q - s^q) / lr * p  with q = -learning_rate_power;
 * p = (clip(z, -l1, l1) - z) / (s'^q / lr + 2 (l2 + beta / (2 lr)))                                (McMahan et al. 2013) */
static vec FNN(ftrl_power)(vec x, double q) {
  if (q == 0.5) return v_sqrt(x);
  if (q == 0.0) return v_set1(1);
  return q == 1.0 ? x : v_exp(v_mul(v_set1((T)q), v_log(x)));
}

static void FNN(ftrl_range)(T *p, const T *g, T *s, T *z, ptrdiff_t n, vec decay, double q, const vec *c) {
  const vec rate = c[0], l1 = c[1], twice_l2 = c[2], twice_shrinkage = c[3];
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec w = LOAD(p + i), gi = LOAD(g + i), si = LOAD(s + i);
    w = v_sub(w, v_mul(v_mul(w, decay), rate));
    vec sum = v_add(si, v_mul(gi, gi)), power = FNN(ftrl_power)(sum, q);
    vec sigma = v_div(v_sub(power, FNN(ftrl_power)(si, q)), rate);
    vec zi = v_add(LOAD(z + i), v_sub(v_add(gi, v_mul(twice_shrinkage, w)), v_mul(sigma, w)));
    STORE(s + i, sum);
    STORE(z + i, zi);
    vec clipped = v_min(l1, v_max(v_neg(l1), zi));
    STORE(p + i, v_div(v_sub(clipped, zi), v_add(v_div(power, rate), twice_l2)));
  }
}

static void FNN(ftrl_step)(const fnn_ftrl_step_args *a, int ith, int nth) {
  const double *hyper = a->hyper;
  const T weight_decay = (T)hyper[0], rate = (T)RATE(a), l2 = (T)hyper[3] + (T)hyper[5] / (2 * rate);
  const vec c[] = {v_set1(rate), v_set1((T)hyper[2]), v_set1(2 * l2), v_set1((T)(2 * hyper[4]))};
  if (!DUE(a)) return;
  FOR_EACH_SEGMENT_PART(a, FNN(ftrl_range)(p, g, s0, s0 + a->total, n, decay, -hyper[1], c));
}

/* ---- Lion -------------------------------------------------------------------------------------------------------
 * p -= lr * sign(m * beta_1 + g * (1 - beta_1));  m = m * beta_2 + g * (1 - beta_2)                 (Chen et al. 2023) */
static void FNN(lion_range)(T *p, const T *g, T *m, ptrdiff_t n, vec decay, const vec *c) {
  const vec rate = c[0], beta_1 = c[1], one_minus_beta_1 = c[2], beta_2 = c[3], one_minus_beta_2 = c[4];
  const vec one = v_set1(1), zero = v_zero();
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec w = LOAD(p + i), gi = LOAD(g + i), mi = LOAD(m + i);
    w = v_sub(w, v_mul(v_mul(w, decay), rate));
    vec u = v_add(v_mul(mi, beta_1), v_mul(gi, one_minus_beta_1));
    u = v_sel(v_gt(u, zero), one, v_sel(v_lt(u, zero), v_neg(one), u)); /* 0 and NaN stay */
    STORE(m + i, v_add(v_mul(mi, beta_2), v_mul(gi, one_minus_beta_2)));
    STORE(p + i, v_sub(w, v_mul(rate, u)));
  }
}

static void FNN(lion_step)(const fnn_lion_step_args *a, int ith, int nth) {
  const double *hyper = a->hyper;
  const T weight_decay = (T)hyper[0];
  const vec c[] = {
    v_set1((T)RATE(a)), v_set1((T)hyper[1]), v_set1((T)(1.0 - hyper[1])), v_set1((T)hyper[2]),
    v_set1((T)(1.0 - hyper[2])),
  };
  if (!DUE(a)) return;
  FOR_EACH_SEGMENT_PART(a, FNN(lion_range)(p, g, s0, n, decay, c));
}

/* ---- weight decay alone ----------------------------------------------------------------------------------------- */
static void FNN(decay_range)(T *p, ptrdiff_t n, vec decay, vec rate) {
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec w = LOAD(p + i);
    STORE(p + i, v_sub(w, v_mul(v_mul(w, decay), rate)));
  }
}

static void FNN(decay_step)(const fnn_decay_step_args *a, int ith, int nth) {
  const double *hyper = a->hyper;
  const T weight_decay = (T)hyper[0];
  const vec rate = v_set1((T)RATE(a));
  if (!DUE(a)) return;
  FOR_EACH_SEGMENT_PART(a, {
    (void)g;
    (void)s0;
    FNN(decay_range)(p, n, decay, rate);
  });
}

/* ---- gradients over several steps, and of a scaled loss ---------------------------------------------------------- */
static void FNN(gather_range)(T *g, T *sum, ptrdiff_t n, int due, vec scale, vec every) {
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec gi = v_div(LOAD(g + i), scale);
    if (sum) {
      gi = v_add(gi, LOAD(sum + i));
      STORE(sum + i, due ? v_zero() : gi);
      gi = due ? v_div(gi, every) : gi;
    }
    STORE(g + i, gi);
  }
}

static void FNN(gather_grads)(const fnn_gather_grads_args *a, int ith, int nth) {
  const int64_t *begin = a->begin, *length = a->length, *flags = a->flags;
  const int due = DUE(a);
  const vec scale = v_set1((T)a->scale), every = v_set1((T)a->every);
  ptrdiff_t from, to;
  fnn_share(a->total, VL, ith, nth, &from, &to);
  for (ptrdiff_t r = 0; r < a->rows && begin[r] < to; r++) {
    ptrdiff_t lo = fnn_max(from, begin[r]), hi = fnn_min(to, begin[r] + length[r]);
    if (lo >= hi) continue;
    T *sum = a->gathers ? (T *)a->sums + lo : NULL;
    if (!(flags[r] & FNN_SEGMENT_SKIPPED))
      FNN(gather_range)((T *)a->grads + lo, sum, hi - lo, due, scale, every);
    else if (sum && due)
      memset(sum, 0, (size_t)(hi - lo) * sizeof(T));
  }
}

/* ---- moving averages of the parameters ---------------------------------------------------------------------------
 * average = momentum * average + (1 - momentum) * p, the first time p; then p = average if it is time */
static void FNN(average_range)(T *p, T *average, ptrdiff_t n, vec momentum, vec rest, int overwrite) {
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec mean = v_add(v_mul(momentum, LOAD(average + i)), v_mul(rest, LOAD(p + i)));
    STORE(average + i, mean);
    if (overwrite) STORE(p + i, mean);
  }
}

static void FNN(average_step)(const fnn_average_step_args *a, int ith, int nth) {
  const int64_t done = fnn_updates(a->step, a->every) - 1;
  const T weight_decay = 0, momentum = done ? (T)a->momentum : 0;
  const int overwrite = a->overwrite_every && (done + 1) % a->overwrite_every == 0;
  FOR_EACH_SEGMENT_PART(a, {
    (void)g;
    (void)decay;
    FNN(average_range)(p, s0, n, v_set1(momentum), v_set1(1 - momentum), overwrite);
  });
}

/* ---- counters, and what only an update may change ---------------------------------------------------------------- */
static void FNN(counter_add)(const fnn_counter_add_args *a, int ith, int nth) {
  (void)nth;
  if (ith == 0) *(int64_t *)a->counter += a->amount;
}

static void FNN(count_updates)(const fnn_count_updates_args *a, int ith, int nth) {
  (void)nth;
  if (ith == 0) *(int64_t *)a->updates = fnn_updates(a->step, a->every) - 1;
}

static void FNN(keep_unless_due)(const fnn_keep_unless_due_args *a, int ith, int nth) {
  ptrdiff_t from, to;
  if (DUE(a)) return;
  fnn_share(a->n, 64, ith, nth, &from, &to);
  if (from < to) memcpy((char *)a->live + from, (const char *)a->kept + from, (size_t)(to - from));
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

/* ---- Lamb -------------------------------------------------------------------------------------------------------
 * m and v as Adam's;  u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon);
 * p -= (|p| / |u|) * lr * u, the norms over a whole variable; where one of them is 0: p -= lr * u    (You et al. 2020)
 * lamb_norms decays, moves m and v on and sums the squares, piece by piece; lamb_step makes u once more. */
static inline vec FNN(lamb_direction)(vec m, vec v, const vec *c) {
  return v_div(v_div(m, c[2]), v_add(v_sqrt(v_div(v, c[3])), c[4]));
}

static void FNN(lamb_constants)(vec *c, const double *hyper, int64_t t) {
  c[0] = v_set1((T)(1.0 - hyper[1])), c[1] = v_set1((T)(1.0 - hyper[2]));
  c[2] = v_set1((T)(1.0 - fnn_power((T)hyper[1], t))), c[3] = v_set1((T)(1.0 - fnn_power((T)hyper[2], t)));
  c[4] = v_set1((T)hyper[3]);
}

static void FNN(lamb_piece)(T *p, const T *g, T *m, T *v, ptrdiff_t n, vec decay, vec rate, const vec *c, double *sums) {
  vec of_p = v_zero(), of_u = v_zero();
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec w = LOAD(p + i), gi = LOAD(g + i), mi = LOAD(m + i), vi = LOAD(v + i);
    w = v_sub(w, v_mul(v_mul(w, decay), rate));
    mi = v_add(mi, v_mul(v_sub(gi, mi), c[0]));
    vi = v_add(vi, v_mul(v_sub(v_mul(gi, gi), vi), c[1]));
    STORE(p + i, w);
    STORE(m + i, mi);
    STORE(v + i, vi);
    vec u = FNN(lamb_direction)(mi, vi, c);
    of_p = v_fma(w, w, of_p);
    of_u = v_fma(u, u, of_u);
  }
  sums[0] = v_hsum(of_p), sums[1] = v_hsum(of_u);
}

static void FNN(lamb_norms)(const fnn_lamb_norms_args *a, int ith, int nth) {
  const int64_t *begin = a->begin, *length = a->length, *flags = a->flags;
  const uint64_t *params = a->params;
  const double *hyper = a->hyper;
  const vec rate = v_set1((T)RATE(a));
  vec c[5];
  ptrdiff_t piece = 0, count = a->total / FNN_CLIP_PIECE + a->rows;
  double *sums = a->sums;
  FNN(lamb_constants)(c, hyper, fnn_updates(a->step, a->every));
  for (ptrdiff_t r = 0; r < a->rows; r++) {
    vec decay = v_set1(flags[r] & FNN_SEGMENT_DECAYS ? (T)hyper[0] : 0);
    for (ptrdiff_t start = 0; start < length[r]; start += FNN_CLIP_PIECE, piece++) {
      if (piece % nth != ith) continue;
      T *p = (T *)(uintptr_t)params[r] + start, *m = (T *)a->slots + begin[r] + start;
      const T *g = (const T *)a->grads + begin[r] + start;
      ptrdiff_t n = fnn_min(FNN_CLIP_PIECE, length[r] - start);
      if (!DUE(a) || (flags[r] & FNN_SEGMENT_SKIPPED)) n = 0;
      FNN(lamb_piece)(p, g, m, m + a->total, n, decay, rate, c, sums + 2 * piece);
    }
  }
  for (; piece < count; piece++)
    if (piece % nth == ith) sums[2 * piece] = sums[2 * piece + 1] = 0;
}

static void FNN(lamb_range)(T *p, const T *m, const T *v, ptrdiff_t n, vec rate, const vec *c) {
  for (ptrdiff_t i = 0; i < n; i += VL) {
    ptrdiff_t k = fnn_min(VL, n - i);
    vec u = FNN(lamb_direction)(LOAD(m + i), LOAD(v + i), c);
    STORE(p + i, v_sub(LOAD(p + i), v_mul(rate, u)));
  }
}

static void FNN(lamb_step)(const fnn_lamb_step_args *a, int ith, int nth) {
  const int64_t *begin = a->begin, *length = a->length, *flags = a->flags;
  const uint64_t *params = a->params;
  const double *sums = a->sums;
  vec c[5];
  ptrdiff_t from, to;
  if (!DUE(a)) return;
  FNN(lamb_constants)(c, a->hyper, fnn_updates(a->step, a->every));
  fnn_share(a->total, VL, ith, nth, &from, &to);
  for (ptrdiff_t r = 0; r < a->rows && begin[r] < to; r++) {
    ptrdiff_t pieces = fnn_ceil_div(length[r], FNN_CLIP_PIECE);
    ptrdiff_t lo = fnn_max(from, begin[r]), hi = fnn_min(to, begin[r] + length[r]);
    if (lo < hi && !(flags[r] & FNN_SEGMENT_SKIPPED)) {
      double of_p = 0, of_u = 0, ratio = 1;
      for (ptrdiff_t i = 0; i < pieces; i++) of_p += sums[2 * i], of_u += sums[2 * i + 1];
      if (of_p > 0 && of_u > 0) ratio = sqrt(of_p) / sqrt(of_u);
      const T *m = (const T *)a->slots + lo;
      T *p = (T *)(uintptr_t)params[r] + (lo - begin[r]);
      FNN(lamb_range)(p, m, m + a->total, hi - lo, v_set1((T)((T)ratio * (T)RATE(a))), c);
    }
    sums += 2 * pieces;
  }
}

#undef RATE
#undef DUE
#undef LOAD
#undef STORE
#undef FOR_EACH_SEGMENT_PART
