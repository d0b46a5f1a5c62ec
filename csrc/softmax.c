/* softmax.c: softmax, log-softmax, log-sum-exp and the cross-entropies, per row of a row-major (rows, cols) array.
 *
 *   top = max_j x_j        shift_j = x_j == top ? 0 : x_j - top        total = sum_j exp(shift_j), 1 <= total <= cols
 *   softmax_j = exp(shift_j) / total     log_softmax_j = shift_j - log(total)     logsumexp = top + log(total)
 *   cross-entropy = sum_j target_j * (log(total) - shift_j), where 0 * inf counts as 0
 *
 * Nothing overflows for any logit, and infinite ones get their limits: a row of -inf is uniform, k logits of +inf
 * share 1/k each, a NaN makes its whole row NaN. Backward passes form exp again from the top and total that forward
 * passes keep per row: cheaper than writing the probabilities to memory and reading them back.
 * A row belongs to one thread and is summed in blocks of ROW_BLOCK by logical vectors, so its bits depend on nothing
 * but the row. ith/nth split the rows (elementwise kernels: the elements). Relative error of a sum: at most about
 * ROW_BLOCK / VL / 2 + cols / ROW_BLOCK + 4 half-ulps. */

/* Elements per partial sum: 16 additions per lane, then one for each block. */
#define ROW_BLOCK (32 * VL)
/* Elements a thread takes at a time in the elementwise kernels. */
#define FLAT_UNIT (64 * VL)

/* Runs the statements for the vectors of [begin, end): `at` is the first element, `lanes` how many there are. */
#define LOAD(p) FNN(load_lanes)(p, lanes)
#define STORE(p, v) FNN(store_lanes)(p, v, lanes)
#define EACH_VECTOR(begin, end, ...)                                                           \
  {                                                                                            \
    ptrdiff_t at = (begin);                                                                    \
    for (; at + VL <= (end); at += VL) {                                                       \
      enum { lanes = VL };                                                                     \
      __VA_ARGS__                                                                              \
    }                                                                                          \
    if (at < (end)) {                                                                          \
      const ptrdiff_t lanes = (end) - at;                                                      \
      __VA_ARGS__                                                                              \
    }                                                                                          \
  }

/* v_load_n and v_store_n where most calls are for whole vectors: AVX2's masked store takes tens of cycles on AMD. */
FNN_INLINE vec FNN(load_lanes)(const T *p, ptrdiff_t lanes) { return lanes == VL ? v_load(p) : v_load_n(p, lanes); }
FNN_INLINE void FNN(store_lanes)(T *p, vec v, ptrdiff_t lanes) {
  if (lanes == VL)
    v_store(p, v);
  else
    v_store_n(p, v, lanes);
}

/* ---- one row ------------------------------------------------------------------------------------------------ */

FNN_INLINE vec FNN(load_row)(const T *p, ptrdiff_t lanes, vec missing) {
  return v_sel(m_first(lanes), LOAD(p), missing);
}

FNN_INLINE vec FNN(below_top)(vec x, vec top) { return v_sel(v_eq(x, top), v_zero(), v_sub(x, top)); }

/* v_max keeps its second operand when the first is NaN, so a NaN never becomes the top; it reaches total instead. */
FNN_INLINE T FNN(row_top)(const T *x, ptrdiff_t cols) {
  const vec lowest = v_set1((T)-INFINITY);
  vec a = lowest, b = lowest, c = lowest, d = lowest;
  ptrdiff_t j = 0;
  for (; j + 4 * VL <= cols; j += 4 * VL) {
    a = v_max(v_load(x + j), a);
    b = v_max(v_load(x + j + VL), b);
    c = v_max(v_load(x + j + 2 * VL), c);
    d = v_max(v_load(x + j + 3 * VL), d);
  }
  for (; j + VL <= cols; j += VL) a = v_max(v_load(x + j), a);
  if (j < cols) a = v_max(FNN(load_row)(x + j, cols - j, lowest), a);
  return v_hmax(v_max(v_max(a, b), v_max(c, d)));
}

/* Calls TERM(j) for whole vectors and TAIL(j, n) for the last one; both give a vec, the latter 0 in missing lanes. */
#define BLOCKED_SUM(cols, TERM, TAIL)                                                          \
  vec sum = v_zero();                                                                          \
  for (ptrdiff_t block = 0; block < (cols); block += ROW_BLOCK) {                              \
    const ptrdiff_t stop = fnn_min((cols), block + ROW_BLOCK);                                 \
    vec even = v_zero(), odd = v_zero();                                                       \
    ptrdiff_t j = block;                                                                       \
    for (; j + 2 * VL <= stop; j += 2 * VL) {                                                  \
      even = v_add(even, TERM(j));                                                             \
      odd = v_add(odd, TERM(j + VL));                                                          \
    }                                                                                          \
    if (j + VL <= stop) {                                                                      \
      even = v_add(even, TERM(j));                                                             \
      j += VL;                                                                                 \
    }                                                                                          \
    if (j < stop) odd = v_add(odd, TAIL(j, stop - j));                                         \
    sum = v_add(sum, v_add(even, odd));                                                        \
  }

/* sum_j exp(shift_j) */
FNN_INLINE T FNN(row_total)(const T *x, ptrdiff_t cols, T top) {
  const vec vtop = v_set1(top);
#define TERM(j) v_exp(FNN(below_top)(v_load(x + (j)), vtop))
#define TAIL(j, n) v_sel(m_first(n), v_exp(FNN(below_top)(v_load_n(x + (j), n), vtop)), v_zero())
  BLOCKED_SUM(cols, TERM, TAIL)
#undef TERM
#undef TAIL
  return v_hsum(sum);
}

FNN_INLINE T FNN(row_sum)(const T *x, ptrdiff_t cols) {
#define TERM(j) v_load(x + (j))
#define TAIL(j, n) v_load_n(x + (j), n)
  BLOCKED_SUM(cols, TERM, TAIL)
#undef TERM
#undef TAIL
  return v_hsum(sum);
}

FNN_INLINE T FNN(row_dot)(const T *x, const T *y, ptrdiff_t cols) {
#define TERM(j) v_mul(v_load(x + (j)), v_load(y + (j)))
#define TAIL(j, n) v_mul(v_load_n(x + (j), n), v_load_n(y + (j), n))
  BLOCKED_SUM(cols, TERM, TAIL)
#undef TERM
#undef TAIL
  return v_hsum(sum);
}

/* top and total of a row; a row of at most VL elements is one vector, with the same bits as the general way. */
FNN_INLINE void FNN(row_stats)(const T *x, ptrdiff_t cols, T *top, T *total) {
  if (cols <= VL) {
    const vec v = FNN(load_row)(x, cols, v_set1((T)-INFINITY));
    *top = v_hmax(v_max(v, v_set1((T)-INFINITY)));
    *total = v_hsum(v_sel(m_first(cols), v_exp(FNN(below_top)(v, v_set1(*top))), v_zero()));
  } else {
    *top = FNN(row_top)(x, cols);
    *total = FNN(row_total)(x, cols, *top);
  }
}

/* p clipped to [epsilon, 1 - epsilon]; NaN stays NaN because v_max and v_min return their second operand then. */
FNN_INLINE vec FNN(clip_probability)(vec p, vec low, vec high) { return v_min(high, v_max(low, p)); }
FNN_INLINE msk FNN(in_range)(vec p, vec low, vec high) { return m_and(v_ge(p, low), v_le(p, high)); }

/* ---- softmax, log-softmax, log-sum-exp ---------------------------------------------------------------------- */

FNN_INLINE void FNN(softmax_row)(const T *x, T *y, ptrdiff_t cols) {
  if (cols <= VL) {
    const vec v = FNN(load_row)(x, cols, v_set1((T)-INFINITY));
    const T top = v_hmax(v_max(v, v_set1((T)-INFINITY)));
    const vec e = v_sel(m_first(cols), v_exp(FNN(below_top)(v, v_set1(top))), v_zero());
    FNN(store_lanes)(y, v_mul(e, v_set1((T)1 / v_hsum(e))), cols);
    return;
  }
  const vec top = v_set1(FNN(row_top)(x, cols));
  vec sum = v_zero();
  for (ptrdiff_t block = 0; block < cols; block += ROW_BLOCK) {
    const ptrdiff_t end = fnn_min(cols, block + ROW_BLOCK);
    vec even = v_zero(), odd = v_zero();
    ptrdiff_t j = block;
    for (; j + 2 * VL <= end; j += 2 * VL) {
      const vec e = v_exp(FNN(below_top)(v_load(x + j), top));
      const vec f = v_exp(FNN(below_top)(v_load(x + j + VL), top));
      v_store(y + j, e);
      v_store(y + j + VL, f);
      even = v_add(even, e);
      odd = v_add(odd, f);
    }
    if (j + VL <= end) {
      const vec e = v_exp(FNN(below_top)(v_load(x + j), top));
      v_store(y + j, e);
      even = v_add(even, e);
      j += VL;
    }
    if (j < end) {
      const vec e = v_exp(FNN(below_top)(FNN(load_lanes)(x + j, end - j), top));
      FNN(store_lanes)(y + j, e, end - j);
      odd = v_add(odd, v_sel(m_first(end - j), e, v_zero()));
    }
    sum = v_add(sum, v_add(even, odd));
  }
  const vec inverse = v_set1((T)1 / v_hsum(sum));
  EACH_VECTOR(0, cols, { STORE(y + at, v_mul(LOAD(y + at), inverse)); })
}

static void FNN(softmax_fwd)(const fnn_softmax_fwd_args *a, int ith, int nth) {
  const T *x = a->x;
  T *y = a->y;
  const ptrdiff_t cols = a->cols;
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) FNN(softmax_row)(x + r * cols, y + r * cols, cols);
}

/* dx = y * (dy - sum(y * dy)) */
static void FNN(softmax_bwd)(const fnn_softmax_bwd_args *a, int ith, int nth) {
  const ptrdiff_t cols = a->cols;
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    const T *y = (const T *)a->y + r * cols, *dy = (const T *)a->dy + r * cols;
    T *dx = (T *)a->dx + r * cols;
    const vec dot = v_set1(FNN(row_dot)(y, dy, cols));
    EACH_VECTOR(0, cols, {
      STORE(dx + at, v_mul(LOAD(y + at), v_sub(LOAD(dy + at), dot)));
    })
  }
}

static void FNN(log_softmax_fwd)(const fnn_log_softmax_fwd_args *a, int ith, int nth) {
  const ptrdiff_t cols = a->cols;
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    const T *x = (const T *)a->x + r * cols;
    T *y = (T *)a->y + r * cols;
    T top, total;
    FNN(row_stats)(x, cols, &top, &total);
    const vec vtop = v_set1(top), log_total = v_log(v_set1(total));
    EACH_VECTOR(0, cols, {
      STORE(y + at, v_sub(FNN(below_top)(LOAD(x + at), vtop), log_total));
    })
  }
}

/* dx = dy - exp(y) * sum(dy) */
static void FNN(log_softmax_bwd)(const fnn_log_softmax_bwd_args *a, int ith, int nth) {
  const ptrdiff_t cols = a->cols;
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    const T *y = (const T *)a->y + r * cols, *dy = (const T *)a->dy + r * cols;
    T *dx = (T *)a->dx + r * cols;
    const vec sum = v_set1(FNN(row_sum)(dy, cols));
    EACH_VECTOR(0, cols, {
      STORE(dx + at, v_fnma(v_exp(LOAD(y + at)), sum, LOAD(dy + at)));
    })
  }
}

static void FNN(logsumexp_fwd)(const fnn_logsumexp_fwd_args *a, int ith, int nth) {
  const T *x = a->x;
  T *y = a->y, *top = a->top, *total = a->total;
  const ptrdiff_t cols = a->cols;
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) FNN(row_stats)(x + r * cols, cols, top + r, total + r);
  EACH_VECTOR(begin, end, {
    STORE(y + at, v_add(LOAD(top + at), v_log(LOAD(total + at))));
  })
}

/* dx = scale * exp(shift); the caller adds what is particular. */
FNN_INLINE void FNN(exp_scaled)(const T *x, T *dx, ptrdiff_t cols, T top, T scale) {
  const vec vtop = v_set1(top), vscale = v_set1(scale);
  EACH_VECTOR(0, cols, {
    STORE(dx + at, v_mul(v_exp(FNN(below_top)(LOAD(x + at), vtop)), vscale));
  })
}

/* dx = dy * softmax(x) */
static void FNN(logsumexp_bwd)(const fnn_logsumexp_bwd_args *a, int ith, int nth) {
  const T *x = a->x, *top = a->top, *total = a->total, *dy = a->dy;
  T *dx = a->dx;
  const ptrdiff_t cols = a->cols;
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++)
    FNN(exp_scaled)(x + r * cols, dx + r * cols, cols, top[r], dy[r] / total[r]);
}

/* ---- cross-entropy from integer labels ---------------------------------------------------------------------- */

#ifndef FNN_LABELS
#define FNN_LABELS
/* What a label asks for: a class, nothing (its row counts 0), or it is an error (its row is NaN). */
enum fnn_label { FNN_LABEL_CLASS, FNN_LABEL_IGNORED, FNN_LABEL_WRONG };
static inline enum fnn_label fnn_label_kind(int64_t label, ptrdiff_t cols, ptrdiff_t has_ignore, double ignore) {
  if (has_ignore && label == (int64_t)ignore) return FNN_LABEL_IGNORED;
  return label >= 0 && label < cols ? FNN_LABEL_CLASS : FNN_LABEL_WRONG;
}
/* Thread 0 alone reports, and reads every label to do so: the first wrong one is found whatever nth is. */
static inline void fnn_check_labels(const int64_t *label, ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t has_ignore,
                                    double ignore, int64_t *status) {
  *status = 0;
  for (ptrdiff_t r = 0; r < rows; r++)
    if (fnn_label_kind(label[r], cols, has_ignore, ignore) == FNN_LABEL_WRONG) {
      *status = 1 + r;
      return;
    }
}
#endif

FNN_INLINE void FNN(fill_row)(T *y, ptrdiff_t n, T value) {
  const vec v = v_set1(value);
  EACH_VECTOR(0, n, { STORE(y + at, v); })
}

/* loss = log(total) - shift_label. The logs are taken VL rows at a time. */
static void FNN(sparse_xent_fwd)(const fnn_sparse_xent_fwd_args *a, int ith, int nth) {
  const T *x = a->x;
  const int64_t *label = a->label;
  T *loss = a->loss, *top = a->top, *total = a->total;
  const ptrdiff_t cols = a->cols;
  ptrdiff_t begin, end;
  if (ith == 0) fnn_check_labels(label, a->rows, cols, a->has_ignore, a->ignore, a->status);
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    FNN(row_stats)(x + r * cols, cols, top + r, total + r);
    if (fnn_label_kind(label[r], cols, a->has_ignore, a->ignore) == FNN_LABEL_CLASS) {
      const T chosen = x[r * cols + label[r]];
      loss[r] = chosen == top[r] ? (T)0 : chosen - top[r];
    } else {
      loss[r] = (T)NAN;
    }
  }
  EACH_VECTOR(begin, end, {
    STORE(loss + at, v_sub(v_log(LOAD(total + at)), LOAD(loss + at)));
  })
  if (a->has_ignore)
    for (ptrdiff_t r = begin; r < end; r++)
      if (label[r] == (int64_t)a->ignore) loss[r] = (T)0;
}

/* dx_j = dy * (softmax_j - [j == label]) */
static void FNN(sparse_xent_bwd)(const fnn_sparse_xent_bwd_args *a, int ith, int nth) {
  const T *x = a->x, *top = a->top, *total = a->total, *dy = a->dy;
  const int64_t *label = a->label;
  const ptrdiff_t cols = a->cols;
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    T *dx = (T *)a->dx + r * cols;
    switch (fnn_label_kind(label[r], cols, a->has_ignore, a->ignore)) {
      case FNN_LABEL_CLASS:
        FNN(exp_scaled)(x + r * cols, dx, cols, top[r], dy[r] / total[r]);
        dx[label[r]] -= dy[r];
        break;
      case FNN_LABEL_IGNORED: FNN(fill_row)(dx, cols, (T)0); break;
      case FNN_LABEL_WRONG: FNN(fill_row)(dx, cols, (T)NAN); break;
    }
  }
}

/* ---- cross-entropy from target distributions ---------------------------------------------------------------- */

/* sum_j target_j * shift_j, where a target of 0 makes a 0 of any shift. */
FNN_INLINE T FNN(row_target_shift)(const T *x, const T *target, ptrdiff_t cols, T top) {
  const vec vtop = v_set1(top);
#define PRODUCT(t, v) v_sel(v_eq(t, v_zero()), v_zero(), v_mul(t, FNN(below_top)(v, vtop)))
#define TERM(j) PRODUCT(v_load(target + (j)), v_load(x + (j)))
#define TAIL(j, n) PRODUCT(v_load_n(target + (j), n), v_load_n(x + (j), n))
  BLOCKED_SUM(cols, TERM, TAIL)
#undef TERM
#undef TAIL
#undef PRODUCT
  return v_hsum(sum);
}

/* loss = weight * log(total) - sum_j target_j * shift_j, weight = sum_j target_j */
static void FNN(dense_xent_fwd)(const fnn_dense_xent_fwd_args *a, int ith, int nth) {
  const T *x = a->x, *target = a->target;
  T *loss = a->loss, *top = a->top, *total = a->total, *weight = a->weight;
  const ptrdiff_t cols = a->cols;
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    FNN(row_stats)(x + r * cols, cols, top + r, total + r);
    weight[r] = FNN(row_sum)(target + r * cols, cols);
    loss[r] = FNN(row_target_shift)(x + r * cols, target + r * cols, cols, top[r]);
  }
  EACH_VECTOR(begin, end, {
    const vec log_total = v_log(LOAD(total + at));
    STORE(loss + at, v_sub(v_mul(LOAD(weight + at), log_total), LOAD(loss + at)));
  })
}

/* dx_j = dy * (weight * softmax_j - target_j), dtarget_j = dy * (log(total) - shift_j) */
static void FNN(dense_xent_bwd)(const fnn_dense_xent_bwd_args *a, int ith, int nth) {
  const T *top = a->top, *total = a->total, *weight = a->weight, *dy = a->dy;
  const ptrdiff_t cols = a->cols;
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    const T *x = (const T *)a->x + r * cols, *target = (const T *)a->target + r * cols;
    const vec vtop = v_set1(top[r]), vdy = v_set1(dy[r]);
    if (a->dx) {
      T *dx = (T *)a->dx + r * cols;
      const vec scale = v_set1(weight[r] / total[r]);
      EACH_VECTOR(0, cols, {
        const vec e = v_exp(FNN(below_top)(LOAD(x + at), vtop));
        STORE(dx + at, v_mul(vdy, v_sub(v_mul(e, scale), LOAD(target + at))));
      })
    }
    if (a->dtarget) {
      T *dtarget = (T *)a->dtarget + r * cols;
      const vec log_total = v_log(v_set1(total[r]));
      EACH_VECTOR(0, cols, {
        STORE(dtarget + at, v_mul(vdy, v_sub(log_total, FNN(below_top)(LOAD(x + at), vtop))));
      })
    }
  }
}

/* ---- binary cross-entropy, elementwise ---------------------------------------------------------------------- */

/* loss = log(1 + exp(-|x|)) + |x| * (x > 0 ? 1 - target : target), which is
 * -target * log(sigmoid(x)) - (1 - target) * log(1 - sigmoid(x)); 0 * inf counts as 0. */
static void FNN(sigmoid_xent_fwd)(const fnn_sigmoid_xent_fwd_args *a, int ith, int nth) {
  const T *x = a->x, *target = a->target;
  T *loss = a->loss;
  const vec one = v_set1((T)1), zero = v_zero();
  ptrdiff_t begin, end;
  fnn_share(a->n, FLAT_UNIT, ith, nth, &begin, &end);
  EACH_VECTOR(begin, end, {
    const vec v = LOAD(x + at), t = LOAD(target + at);
    const vec size = v_abs(v), factor = v_sel(v_gt(v, zero), v_sub(one, t), t);
    const vec product = v_sel(v_eq(factor, zero), zero, v_mul(factor, size));
    STORE(loss + at, v_add(v_log1p(v_exp(v_neg(size))), product));
  })
}

/* dx = dy * (sigmoid(x) - target), written so that nothing cancels as x -> +inf with target = 1; dtarget = -dy * x */
static void FNN(sigmoid_xent_bwd)(const fnn_sigmoid_xent_bwd_args *a, int ith, int nth) {
  const T *x = a->x, *target = a->target, *dy = a->dy;
  T *dx = a->dx, *dtarget = a->dtarget;
  const vec one = v_set1((T)1), zero = v_zero();
  ptrdiff_t begin, end;
  fnn_share(a->n, FLAT_UNIT, ith, nth, &begin, &end);
  EACH_VECTOR(begin, end, {
    const vec v = LOAD(x + at), t = LOAD(target + at), g = LOAD(dy + at);
    if (dx) {
      const vec e = v_exp(v_neg(v_abs(v))), rest = v_div(e, v_add(one, e));
      const vec slope = v_sel(v_gt(v, zero), v_sub(v_sub(one, t), rest), v_sub(rest, t));
      STORE(dx + at, v_mul(g, slope));
    }
    if (dtarget) STORE(dtarget + at, v_neg(v_mul(g, v)));
  })
}

/* ---- cross-entropies from probabilities, clipped to [epsilon, 1 - epsilon] as Keras does -------------------- */

/* loss = log(total) - log(clip(p_label)), total = sum_j clip(p_j): Keras on TensorFlow feeds log(clip(p)) to its
 * softmax cross-entropy, which normalises. */
static void FNN(sparse_prob_xent_fwd)(const fnn_sparse_prob_xent_fwd_args *a, int ith, int nth) {
  const int64_t *label = a->label;
  T *loss = a->loss, *total = a->total;
  const ptrdiff_t cols = a->cols;
  const vec low = v_set1((T)a->epsilon), high = v_set1((T)(1 - a->epsilon));
  ptrdiff_t begin, end;
  if (ith == 0) fnn_check_labels(label, a->rows, cols, a->has_ignore, a->ignore, a->status);
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    const T *p = (const T *)a->p + r * cols;
#define TERM(j) FNN(clip_probability)(v_load(p + (j)), low, high)
#define TAIL(j, n) v_sel(m_first(n), FNN(clip_probability)(v_load_n(p + (j), n), low, high), v_zero())
    BLOCKED_SUM(cols, TERM, TAIL)
#undef TERM
#undef TAIL
    total[r] = v_hsum(sum);
    const enum fnn_label kind = fnn_label_kind(label[r], cols, a->has_ignore, a->ignore);
    loss[r] = kind == FNN_LABEL_CLASS ? p[label[r]] : (T)NAN;
  }
  EACH_VECTOR(begin, end, {
    const vec chosen = FNN(clip_probability)(LOAD(loss + at), low, high);
    STORE(loss + at, v_sub(v_log(LOAD(total + at)), v_log(chosen)));
  })
  if (a->has_ignore)
    for (ptrdiff_t r = begin; r < end; r++)
      if (label[r] == (int64_t)a->ignore) loss[r] = (T)0;
}

/* dp_j = dy * (1 / total - [j == label] / p_j) where p_j was not clipped, else 0 */
static void FNN(sparse_prob_xent_bwd)(const fnn_sparse_prob_xent_bwd_args *a, int ith, int nth) {
  const T *total = a->total, *dy = a->dy;
  const int64_t *label = a->label;
  const ptrdiff_t cols = a->cols;
  const vec low = v_set1((T)a->epsilon), high = v_set1((T)(1 - a->epsilon));
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    const T *p = (const T *)a->p + r * cols;
    T *dp = (T *)a->dp + r * cols;
    const enum fnn_label kind = fnn_label_kind(label[r], cols, a->has_ignore, a->ignore);
    if (kind != FNN_LABEL_CLASS) {
      FNN(fill_row)(dp, cols, kind == FNN_LABEL_IGNORED ? (T)0 : (T)NAN);
      continue;
    }
    const vec slope = v_set1(dy[r] / total[r]);
    EACH_VECTOR(0, cols, {
      STORE(dp + at, v_sel(FNN(in_range)(LOAD(p + at), low, high), slope, v_zero()));
    })
    const T chosen = p[label[r]];
    if (chosen >= (T)a->epsilon && chosen <= (T)(1 - a->epsilon)) dp[label[r]] -= dy[r] / chosen;
  }
}

/* loss = -sum_j target_j * log(clip(p_j / total)), total = sum_j p_j */
static void FNN(dense_prob_xent_fwd)(const fnn_dense_prob_xent_fwd_args *a, int ith, int nth) {
  const ptrdiff_t cols = a->cols;
  const vec low = v_set1((T)a->epsilon), high = v_set1((T)(1 - a->epsilon));
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    const T *p = (const T *)a->p + r * cols, *target = (const T *)a->target + r * cols;
    const T total = FNN(row_sum)(p, cols);
    const vec vtotal = v_set1(total);
#define LOG(v) v_log(FNN(clip_probability)(v_div(v, vtotal), low, high))
#define TERM(j) v_mul(v_load(target + (j)), LOG(v_load(p + (j))))
#define TAIL(j, n) v_sel(m_first(n), v_mul(v_load_n(target + (j), n), LOG(v_load_n(p + (j), n))), v_zero())
    BLOCKED_SUM(cols, TERM, TAIL)
#undef TERM
#undef TAIL
    ((T *)a->total)[r] = total;
    ((T *)a->loss)[r] = -v_hsum(sum);
  }
}

/* With o = p / total and live where o was not clipped: dp_j = dy / total * (sum_live target - [live_j] target_j / o_j);
 * dtarget_j = -dy * log(clip(o_j)) */
static void FNN(dense_prob_xent_bwd)(const fnn_dense_prob_xent_bwd_args *a, int ith, int nth) {
  const T *total = a->total, *dy = a->dy;
  const ptrdiff_t cols = a->cols;
  const vec low = v_set1((T)a->epsilon), high = v_set1((T)(1 - a->epsilon));
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    const T *p = (const T *)a->p + r * cols, *target = (const T *)a->target + r * cols;
    const vec vtotal = v_set1(total[r]), vdy = v_set1(dy[r]);
    if (a->dp) {
      T *dp = (T *)a->dp + r * cols;
#define LIVE(v) FNN(in_range)(v_div(v, vtotal), low, high)
#define TERM(j) v_sel(LIVE(v_load(p + (j))), v_load(target + (j)), v_zero())
#define TAIL(j, n) v_sel(LIVE(v_load_n(p + (j), n)), v_load_n(target + (j), n), v_zero())
      BLOCKED_SUM(cols, TERM, TAIL)
#undef TERM
#undef TAIL
#undef LIVE
      const vec live_sum = v_set1(v_hsum(sum)), scale = v_set1(dy[r] / total[r]);
      EACH_VECTOR(0, cols, {
        const vec o = v_div(LOAD(p + at), vtotal);
        const vec ratio = v_sel(FNN(in_range)(o, low, high), v_div(LOAD(target + at), o), v_zero());
        STORE(dp + at, v_mul(scale, v_sub(live_sum, ratio)));
      })
    }
    if (a->dtarget) {
      T *dtarget = (T *)a->dtarget + r * cols;
      EACH_VECTOR(0, cols, { STORE(dtarget + at, v_neg(v_mul(vdy, LOG(LOAD(p + at))))); })
    }
  }
}
#undef LOG

/* With o = clip(p): loss = -(target * log(o) + (1 - target) * log(1 - o)) */
static void FNN(binary_prob_xent_fwd)(const fnn_binary_prob_xent_fwd_args *a, int ith, int nth) {
  const T *p = a->p, *target = a->target;
  T *loss = a->loss;
  const vec one = v_set1((T)1), low = v_set1((T)a->epsilon), high = v_set1((T)(1 - a->epsilon));
  ptrdiff_t begin, end;
  fnn_share(a->n, FLAT_UNIT, ith, nth, &begin, &end);
  EACH_VECTOR(begin, end, {
    const vec o = FNN(clip_probability)(LOAD(p + at), low, high), t = LOAD(target + at);
    const vec no = v_mul(v_sub(one, t), v_log(v_sub(one, o)));
    STORE(loss + at, v_neg(v_add(v_mul(t, v_log(o)), no)));
  })
}

/* dp = dy * ((1 - target) / (1 - p) - target / p) where p was not clipped, else 0;
 * dtarget = dy * (log(1 - o) - log(o)) */
static void FNN(binary_prob_xent_bwd)(const fnn_binary_prob_xent_bwd_args *a, int ith, int nth) {
  const T *p = a->p, *target = a->target, *dy = a->dy;
  T *dp = a->dp, *dtarget = a->dtarget;
  const vec one = v_set1((T)1), low = v_set1((T)a->epsilon), high = v_set1((T)(1 - a->epsilon));
  ptrdiff_t begin, end;
  fnn_share(a->n, FLAT_UNIT, ith, nth, &begin, &end);
  EACH_VECTOR(begin, end, {
    const vec v = LOAD(p + at), t = LOAD(target + at), g = LOAD(dy + at);
    const vec o = FNN(clip_probability)(v, low, high);
    if (dp) {
      const vec slope = v_sub(v_div(v_sub(one, t), v_sub(one, o)), v_div(t, o));
      STORE(dp + at, v_sel(FNN(in_range)(v, low, high), v_mul(g, slope), v_zero()));
    }
    if (dtarget) STORE(dtarget + at, v_mul(g, v_sub(v_log(v_sub(one, o)), v_log(o))));
  })
}

#undef ROW_BLOCK
#undef FLAT_UNIT
#undef EACH_VECTOR
#undef LOAD
#undef STORE
#undef BLOCKED_SUM
