/* reduce.c: reductions over one axis of x (outer, red, inner), and their gradients.
 *
 *   y[o, c, i] = OP over r in chunk c of x[o * so + r * sr + i]          (rows: inner == 1; columns: inner > 1)
 *
 * Any set of axes is brought to this form by the op. `chunk` elements of red make one result; with more than one
 * chunk the op launches the kernel again on the results until one is left: the tree follows from the shape alone.
 *   rows      lane l of accumulator k takes elements (4 j + k) VL + l of the chunk; ((0 + 1) + (2 + 3)), then v_hsum
 *   columns   accumulator k takes r = 4 j + k of the chunk, one lane per i; ((0 + 1) + (2 + 3))
 * ith/nth split outer x chunks x blocks of inner: every result belongs to one thread. Minimum and maximum of anything
 * with a NaN are NaN. */

/* Values of the fields `op`. */
#ifndef FNN_REDUCE_OPS
#define FNN_REDUCE_OPS
enum { FNN_SUM, FNN_PROD, FNN_MIN, FNN_MAX };
#endif

/* One vector, of which `lanes` elements are there; the helpers are softmax.c's. */
#define LOAD(p) FNN(load_lanes)(p, lanes)
#define STORE(p, v) FNN(store_lanes)(p, v, lanes)

/* ---- the operations ----------------------------------------------------------------------------------------- */

FNN_INLINE vec FNN(reduce_identity)(int op) {
  return v_set1(op == FNN_SUM ? (T)0 : op == FNN_PROD ? (T)1 : op == FNN_MIN ? (T)INFINITY : (T)-INFINITY);
}

FNN_INLINE vec FNN(reduce_combine)(int op, vec a, vec b) {
  if (op == FNN_SUM) return v_add(a, b);
  if (op == FNN_PROD) return v_mul(a, b);
  /* b wins where it is NaN; a NaN in a has to be kept. */
  return v_sel(v_ne(a, a), a, op == FNN_MIN ? v_min(a, b) : v_max(a, b));
}

FNN_INLINE T FNN(reduce_across)(int op, vec a) {
  if (op == FNN_SUM) return v_hsum(a);
  if (op == FNN_PROD) {
    T lane[VL];
    v_store(lane, a);
    for (int width = VL / 2; width > 0; width /= 2)
      for (int l = 0; l < width; l++) lane[l] *= lane[l + width];
    return lane[0];
  }
  if (m_any(v_ne(a, a))) return (T)NAN;
  return op == FNN_MIN ? v_hmin(a) : v_hmax(a);
}

/* One chunk of n contiguous elements. */
FNN_INLINE T FNN(reduce_row)(int op, const T *x, ptrdiff_t n) {
  vec a = FNN(reduce_identity)(op), b = a, c = a, d = a;
  const vec identity = a;
  ptrdiff_t j = 0;
  for (; j + 4 * VL <= n; j += 4 * VL) {
    a = FNN(reduce_combine)(op, a, v_load(x + j));
    b = FNN(reduce_combine)(op, b, v_load(x + j + VL));
    c = FNN(reduce_combine)(op, c, v_load(x + j + 2 * VL));
    d = FNN(reduce_combine)(op, d, v_load(x + j + 3 * VL));
  }
  if (j + VL <= n) a = FNN(reduce_combine)(op, a, v_load(x + j)), j += VL;
  if (j + VL <= n) b = FNN(reduce_combine)(op, b, v_load(x + j)), j += VL;
  if (j + VL <= n) c = FNN(reduce_combine)(op, c, v_load(x + j)), j += VL;
  if (j < n) d = FNN(reduce_combine)(op, d, v_sel(m_first(n - j), FNN(load_lanes)(x + j, n - j), identity));
  return FNN(reduce_across)(op, FNN(reduce_combine)(op, FNN(reduce_combine)(op, a, b), FNN(reduce_combine)(op, c, d)));
}

/* One chunk of n rows sr apart, `lanes` columns of it (at most VL); missing lanes compute and are not stored. */
FNN_INLINE vec FNN(reduce_columns)(int op, const T *x, ptrdiff_t n, ptrdiff_t sr, ptrdiff_t lanes) {
  vec a = FNN(reduce_identity)(op), b = a, c = a, d = a;
  ptrdiff_t r = 0;
  for (; r + 4 <= n; r += 4) {
    a = FNN(reduce_combine)(op, a, LOAD(x + r * sr));
    b = FNN(reduce_combine)(op, b, LOAD(x + (r + 1) * sr));
    c = FNN(reduce_combine)(op, c, LOAD(x + (r + 2) * sr));
    d = FNN(reduce_combine)(op, d, LOAD(x + (r + 3) * sr));
  }
  if (r < n) a = FNN(reduce_combine)(op, a, LOAD(x + r++ * sr));
  if (r < n) b = FNN(reduce_combine)(op, b, LOAD(x + r++ * sr));
  if (r < n) c = FNN(reduce_combine)(op, c, LOAD(x + r * sr));
  return FNN(reduce_combine)(op, FNN(reduce_combine)(op, a, b), FNN(reduce_combine)(op, c, d));
}

/* Two vectors of columns at once: a cache line pair per row, eight independent chains, the same bits. */
FNN_INLINE void FNN(reduce_column_pair)(int op, const T *x, ptrdiff_t n, ptrdiff_t sr, vec *left, vec *right) {
  vec a = FNN(reduce_identity)(op), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  ptrdiff_t r = 0;
#define ROW(first, second, at)                                                                 \
  first = FNN(reduce_combine)(op, first, v_load(x + (at) * sr));                               \
  second = FNN(reduce_combine)(op, second, v_load(x + (at) * sr + VL));
  for (; r + 4 <= n; r += 4) {
    ROW(a, e, r)
    ROW(b, f, r + 1)
    ROW(c, g, r + 2)
    ROW(d, h, r + 3)
  }
  if (r < n) { ROW(a, e, r) }
  if (r + 1 < n) { ROW(b, f, r + 1) }
  if (r + 2 < n) { ROW(c, g, r + 2) }
#undef ROW
  *left = FNN(reduce_combine)(op, FNN(reduce_combine)(op, a, b), FNN(reduce_combine)(op, c, d));
  *right = FNN(reduce_combine)(op, FNN(reduce_combine)(op, e, f), FNN(reduce_combine)(op, g, h));
}

/* All tasks of one thread. Columns go in blocks of two vectors. */
FNN_INLINE void FNN(reduce_tasks)(int op, const fnn_reduce_fwd_args *a, int ith, int nth) {
  const ptrdiff_t inner = a->inner, chunks = fnn_max(1, fnn_ceil_div(a->red, a->chunk));
  const ptrdiff_t blocks = fnn_ceil_div(inner, 2 * VL);
  const int by_rows = inner == 1 && a->sr == 1;
  const vec divisor = v_set1((T)a->divisor);
  const int divides = a->divisor != 1.0;
  ptrdiff_t begin, end;
  fnn_share(a->outer * chunks * blocks, 1, ith, nth, &begin, &end);
  for (ptrdiff_t task = begin; task < end; task++) {
    const ptrdiff_t block = task % blocks, chunk = task / blocks % chunks, o = task / blocks / chunks;
    const ptrdiff_t r = chunk * a->chunk, n = fnn_min(a->chunk, a->red - r), i = block * 2 * VL;
    const T *x = (const T *)a->x + o * a->so + r * a->sr + i;
    T *y = (T *)a->y + (o * chunks + chunk) * inner + i;
    if (by_rows) {
      const T value = FNN(reduce_row)(op, x, n);
      *y = divides ? value / (T)a->divisor : value;
    } else if (i + 2 * VL <= inner) {
      vec left, right;
      FNN(reduce_column_pair)(op, x, n, a->sr, &left, &right);
      v_store(y, divides ? v_div(left, divisor) : left);
      v_store(y + VL, divides ? v_div(right, divisor) : right);
    } else {
      for (ptrdiff_t at = 0; i + at < inner; at += VL) {
        const ptrdiff_t lanes = fnn_min(VL, inner - i - at);
        const vec value = FNN(reduce_columns)(op, x + at, n, a->sr, lanes);
        STORE(y + at, divides ? v_div(value, divisor) : value);
      }
    }
  }
}

static void FNN(reduce_fwd)(const fnn_reduce_fwd_args *a, int ith, int nth) {
  switch (a->op) {
    case FNN_SUM: FNN(reduce_tasks)(FNN_SUM, a, ith, nth); break;
    case FNN_PROD: FNN(reduce_tasks)(FNN_PROD, a, ith, nth); break;
    case FNN_MIN: FNN(reduce_tasks)(FNN_MIN, a, ith, nth); break;
    default: FNN(reduce_tasks)(FNN_MAX, a, ith, nth); break;
  }
}

/* ---- gradients; dx is contiguous (outer, red, inner) -------------------------------------------------------- */

/* Sum and mean: dx[o, r, i] = dy[o, i] / divisor */
static void FNN(reduce_sum_bwd)(const fnn_reduce_sum_bwd_args *a, int ith, int nth) {
  const T *dy = a->dy;
  T *dx = a->dx;
  const ptrdiff_t red = a->red, inner = a->inner;
  const T divisor = (T)a->divisor;
  ptrdiff_t begin, end;
  if (inner == 1) {
    fnn_share(a->outer * red, VL, ith, nth, &begin, &end);
    while (begin < end) {
      const ptrdiff_t o = begin / red, stop = fnn_min(end, (o + 1) * red);
      const vec value = v_set1(dy[o] / divisor);
      for (; begin + VL <= stop; begin += VL) v_store(dx + begin, value);
      if (begin < stop) FNN(store_lanes)(dx + begin, value, stop - begin); /* nothing is slow at the end of a page */
      begin = stop;
    }
    return;
  }
  const vec vdivisor = v_set1(divisor);
  fnn_share(a->outer * red, 1, ith, nth, &begin, &end);
  for (ptrdiff_t row = begin; row < end; row++) {
    const T *from = dy + row / red * inner;
    for (ptrdiff_t i = 0; i < inner; i += VL) {
      const ptrdiff_t lanes = fnn_min(VL, inner - i);
      STORE(dx + row * inner + i, v_div(LOAD(from + i), vdivisor));
    }
  }
}

/* Minimum and maximum: the elements equal to y share dy in equal parts. */
static void FNN(reduce_extreme_bwd)(const fnn_reduce_extreme_bwd_args *a, int ith, int nth) {
  const ptrdiff_t red = a->red, inner = a->inner, blocks = fnn_ceil_div(inner, VL);
  const vec one = v_set1((T)1), zero = v_zero();
  ptrdiff_t begin, end;
  fnn_share(a->outer * blocks, 1, ith, nth, &begin, &end);
  for (ptrdiff_t task = begin; task < end; task++) {
    const ptrdiff_t o = task / blocks, i = task % blocks * VL, lanes = fnn_min(VL, inner - i);
    const T *x = (const T *)a->x + o * red * inner + i;
    T *dx = (T *)a->dx + o * red * inner + i;
    if (inner == 1) {
      const vec top = v_set1(((const T *)a->y)[o]);
      vec count = zero;
      for (ptrdiff_t r = 0; r < red; r += VL) {
        const ptrdiff_t n = fnn_min(VL, red - r);
        count = v_add(count, v_sel(m_and(m_first(n), v_eq(FNN(load_lanes)(x + r, n), top)), one, zero));
      }
      const vec part = v_set1(((const T *)a->dy)[o] / v_hsum(count));
      for (ptrdiff_t r = 0; r < red; r += VL) {
        const ptrdiff_t n = fnn_min(VL, red - r);
        FNN(store_lanes)(dx + r, v_sel(v_eq(FNN(load_lanes)(x + r, n), top), part, zero), n);
      }
      continue;
    }
    const vec top = LOAD((const T *)a->y + o * inner + i);
    vec count = zero;
    for (ptrdiff_t r = 0; r < red; r++)
      count = v_add(count, v_sel(v_eq(LOAD(x + r * inner), top), one, zero));
    const vec part = v_div(LOAD((const T *)a->dy + o * inner + i), count);
    for (ptrdiff_t r = 0; r < red; r++)
      STORE(dx + r * inner, v_sel(v_eq(LOAD(x + r * inner), top), part, zero));
  }
}

/* Product: dx_r = dy * (product of those before r) * (product of those after r); nothing is divided, so zeros are fine. */
static void FNN(reduce_prod_bwd)(const fnn_reduce_prod_bwd_args *a, int ith, int nth) {
  const ptrdiff_t red = a->red, inner = a->inner, blocks = fnn_ceil_div(inner, VL);
  ptrdiff_t begin, end;
  fnn_share(a->outer * blocks, 1, ith, nth, &begin, &end);
  for (ptrdiff_t task = begin; task < end; task++) {
    const ptrdiff_t o = task / blocks, i = task % blocks * VL, lanes = fnn_min(VL, inner - i);
    const T *x = (const T *)a->x + o * red * inner + i;
    T *dx = (T *)a->dx + o * red * inner + i;
    vec before = LOAD((const T *)a->dy + o * inner + i), after = v_set1((T)1);
    for (ptrdiff_t r = 0; r < red; r++) {
      STORE(dx + r * inner, before);
      before = v_mul(before, LOAD(x + r * inner));
    }
    for (ptrdiff_t r = red - 1; r >= 0; r--) {
      STORE(dx + r * inner, v_mul(LOAD(dx + r * inner), after));
      after = v_mul(after, LOAD(x + r * inner));
    }
  }
}

/* ---- argmax, argmin ----------------------------------------------------------------------------------------- */

/* The first of n contiguous elements that is the extreme; the first NaN if there is one. */
FNN_INLINE ptrdiff_t FNN(first_extreme)(int op, const T *x, ptrdiff_t n) {
  const T extreme = FNN(reduce_row)(op, x, n);
  if (extreme != extreme) {
    for (ptrdiff_t j = 0; j < n; j++)
      if (x[j] != x[j]) return j;
  }
  const vec wanted = v_set1(extreme);
  for (ptrdiff_t j = 0; j < n; j += VL) {
    const ptrdiff_t lanes = fnn_min(VL, n - j);
    if (!m_any(v_eq(LOAD(x + j), wanted))) continue;
    for (ptrdiff_t l = 0; l < lanes; l++)
      if (x[j + l] == extreme) return j + l;
  }
  return 0;
}

FNN_INLINE void FNN(arg_tasks)(int op, const fnn_argmax_fwd_args *a, int ith, int nth) {
  const ptrdiff_t red = a->red, inner = a->inner, blocks = fnn_ceil_div(inner, VL);
  ptrdiff_t begin, end;
  fnn_share(a->outer * blocks, 1, ith, nth, &begin, &end);
  for (ptrdiff_t task = begin; task < end; task++) {
    const ptrdiff_t o = task / blocks, i = task % blocks * VL, lanes = fnn_min(VL, inner - i);
    const T *x = (const T *)a->x + o * red * inner + i;
    int32_t *y = (int32_t *)a->y + o * inner + i;
    if (inner == 1) {
      *y = (int32_t)FNN(first_extreme)(op, x, red);
      continue;
    }
    vec best = LOAD(x), index = v_zero();
    T number = 0;
    ptrdiff_t base = 0;
    int32_t found[VL] = {0};
    /* Indices are counted as numbers of type T, in stretches short enough to be exact. */
    while (base < red) {
      const ptrdiff_t stop = fnn_min(red, base + (1 << 20));
      index = v_set1((T)-1);
      number = 0;
      for (ptrdiff_t r = base; r < stop; r++, number += 1) {
        const vec v = LOAD(x + r * inner);
        const msk first_nan = m_and(v_ne(v, v), v_eq(best, best));
        const msk better = m_or(op == FNN_MIN ? v_lt(v, best) : v_gt(v, best), first_nan);
        best = v_sel(better, v, best);
        index = v_sel(better, v_set1(number), index);
      }
      T position[VL];
      v_store(position, index);
      for (ptrdiff_t l = 0; l < lanes; l++)
        if (position[l] >= 0) found[l] = (int32_t)(base + (ptrdiff_t)position[l]);
      base = stop;
    }
    memcpy(y, found, (size_t)lanes * sizeof *y);
  }
}

static void FNN(argmax_fwd)(const fnn_argmax_fwd_args *a, int ith, int nth) {
  if (a->op == FNN_MIN)
    FNN(arg_tasks)(FNN_MIN, a, ith, nth);
  else
    FNN(arg_tasks)(FNN_MAX, a, ith, nth);
}

/* ---- any, all, over bytes ----------------------------------------------------------------------------------- */

static void FNN(any_all_fwd)(const fnn_any_all_fwd_args *a, int ith, int nth) {
  const uint8_t *x = a->x;
  uint8_t *y = a->y;
  const ptrdiff_t red = a->red, inner = a->inner;
  ptrdiff_t begin, end;
  fnn_share(a->outer * inner, 1, ith, nth, &begin, &end);
  for (ptrdiff_t k = begin; k < end; k++) {
    const uint8_t *p = x + k / inner * red * inner + k % inner;
    uint8_t all = 1, any = 0;
    for (ptrdiff_t r = 0; r < red; r++) {
      const uint8_t yes = p[r * inner] != 0;
      all &= yes;
      any |= yes;
    }
    y[k] = a->all ? all : any;
  }
}

/* ---- regularisation penalty --------------------------------------------------------------------------------- */

/* y[c] = sum over chunk c of l1 * |x| + l2 * x * x */
static void FNN(penalty_fwd)(const fnn_penalty_fwd_args *a, int ith, int nth) {
  const vec l1 = v_set1((T)a->l1), l2 = v_set1((T)a->l2);
  ptrdiff_t begin, end;
  fnn_share(fnn_max(1, fnn_ceil_div(a->n, a->chunk)), 1, ith, nth, &begin, &end);
  for (ptrdiff_t c = begin; c < end; c++) {
    const T *x = (const T *)a->x + c * a->chunk;
    const ptrdiff_t n = fnn_min(a->chunk, a->n - c * a->chunk);
    vec even = v_zero(), odd = v_zero();
    for (ptrdiff_t j = 0; j < n; j += 2 * VL) {
      const vec p = FNN(load_lanes)(x + j, fnn_min(VL, n - j));
      const vec q = FNN(load_lanes)(x + j + VL, fnn_max(0, fnn_min(VL, n - j - VL)));
      even = v_add(even, v_mul(v_fma(l2, v_abs(p), l1), v_abs(p)));
      odd = v_add(odd, v_mul(v_fma(l2, v_abs(q), l1), v_abs(q)));
    }
    ((T *)a->y)[c] = v_hsum(v_add(even, odd));
  }
}

/* -1, 0 or 1; 0 for NaN */
FNN_INLINE vec FNN(sign_of)(vec x) {
  const vec one = v_set1((T)1), zero = v_zero();
  return v_sel(v_gt(x, zero), one, v_sel(v_lt(x, zero), v_neg(one), zero));
}

/* dx = dy * (l1 * sign(x) + 2 * l2 * x), dy one number */
static void FNN(penalty_bwd)(const fnn_penalty_bwd_args *a, int ith, int nth) {
  const T *x = a->x;
  T *dx = a->dx;
  const vec dy = v_set1(*(const T *)a->dy), l1 = v_set1((T)a->l1), twice_l2 = v_set1((T)(2 * a->l2));
  ptrdiff_t begin, end;
  fnn_share(a->n, VL, ith, nth, &begin, &end);
  for (ptrdiff_t j = begin; j < end; j += VL) {
    const ptrdiff_t lanes = fnn_min(VL, end - j);
    const vec v = LOAD(x + j);
    STORE(dx + j, v_mul(dy, v_fma(twice_l2, v, v_mul(l1, FNN(sign_of)(v)))));
  }
}

#undef LOAD
#undef STORE
