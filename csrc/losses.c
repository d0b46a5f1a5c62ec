/* losses.c: losses of targets a and predictions b: an elementwise function, averaged (op 10: summed) over each row.
 *
 *   y[r] = mean_j f(a[r,j], b[r,j]), d = b - a, e = epsilon or another parameter
 *    0 squared       d^2                       4 huber      |d| <= e ? d^2 / 2 : e |d| - e^2 / 2
 *    1 absolute      |d|                       5 log_cosh   |d| + log(1 + exp(-2 |d|)) - log(2)
 *    2 percentage    100 |d / max(|a|, e)|     6 hinge      max(0, 1 - a b)     7 squared_hinge  its square
 *    3 logarithmic   (log(1 + max(b, e)) - log(1 + max(a, e)))^2                8 perceptron     max(0, -a b)
 *    9 poisson       b - a log(b + e)         10 divergence A log(A / B), clipped to [e, 1]
 *
 * At the corner of a maximum the gradient is that of the side which moves (TensorFlow's choice), at that of |d| it is 0.
 * Rows are summed in blocks of 64 logical vectors, so their bits depend on nothing but the row. ith/nth split the rows
 * (rows of one element: vectors of rows; gradients: the elements). */

#ifndef FNN_PAIR_OPS
#define FNN_PAIR_OPS
enum {
  FNN_SQUARED, FNN_ABSOLUTE, FNN_PERCENTAGE, FNN_LOGARITHMIC, FNN_HUBER, FNN_LOG_COSH,
  FNN_HINGE, FNN_SQUARED_HINGE, FNN_PERCEPTRON, FNN_POISSON, FNN_DIVERGENCE
};
#endif

#define LOAD(p) FNN(load_lanes)(p, lanes)
#define STORE(p, v) FNN(store_lanes)(p, v, lanes)

/* The larger of x and the bound; NaN if x is. */
FNN_INLINE vec FNN(at_least)(vec bound, vec x) { return v_max(bound, x); }
FNN_INLINE vec FNN(clip_to_one)(vec low, vec x) { return v_min(v_set1((T)1), v_max(low, x)); }

/* What a row's sum is multiplied by. */
FNN_INLINE T FNN(pair_factor)(int op, ptrdiff_t cols) {
  return op == FNN_DIVERGENCE ? (T)1 : (op == FNN_PERCENTAGE ? (T)100 : (T)1) / (T)cols;
}

FNN_INLINE vec FNN(log_difference)(vec a, vec b, vec e) {
  const vec one = v_set1((T)1);
  return v_sub(v_log(v_add(FNN(at_least)(e, b), one)), v_log(v_add(FNN(at_least)(e, a), one)));
}

/* f(a, b) */
FNN_INLINE vec FNN(pair_value)(int op, vec a, vec b, vec e) {
  const vec zero = v_zero(), one = v_set1((T)1), d = v_sub(b, a), size = v_abs(d);
  vec x;
  switch (op) {
  case FNN_SQUARED:
    return v_mul(d, d);
  case FNN_ABSOLUTE:
    return size;
  case FNN_PERCENTAGE:
    return v_div(size, FNN(at_least)(e, v_abs(a)));
  case FNN_LOGARITHMIC:
    x = FNN(log_difference)(a, b, e);
    return v_mul(x, x);
  case FNN_HUBER:
    x = v_fma(v_mul(v_set1((T)-0.5), e), e, v_mul(e, size));
    return v_sel(v_le(size, e), v_mul(v_mul(v_set1((T)0.5), d), d), x);
  case FNN_LOG_COSH:
    x = v_log1p(v_exp(v_mul(v_set1((T)-2), size)));
    return v_add(size, v_sub(x, v_set1((T)0.693147180559945309417)));
  case FNN_HINGE:
    return v_max(zero, v_fnma(a, b, one));
  case FNN_SQUARED_HINGE:
    x = v_max(zero, v_fnma(a, b, one));
    return v_mul(x, x);
  case FNN_PERCEPTRON:
    return v_max(zero, v_neg(v_mul(a, b)));
  case FNN_POISSON:
    return v_fnma(a, v_log(v_add(b, e)), b);
  default:
    x = FNN(clip_to_one)(e, a);
    return v_mul(x, v_log(v_div(x, FNN(clip_to_one)(e, b))));
  }
}

/* df/db */
FNN_INLINE vec FNN(pair_slope_b)(int op, vec a, vec b, vec e) {
  const vec zero = v_zero(), one = v_set1((T)1), two = v_set1((T)2), d = v_sub(b, a), size = v_abs(d);
  vec x;
  switch (op) {
  case FNN_SQUARED:
    return v_mul(two, d);
  case FNN_ABSOLUTE:
    return FNN(sign_of)(d);
  case FNN_PERCENTAGE:
    return v_div(FNN(sign_of)(d), FNN(at_least)(e, v_abs(a)));
  case FNN_LOGARITHMIC:
    x = v_div(v_mul(two, FNN(log_difference)(a, b, e)), v_add(FNN(at_least)(e, b), one));
    return v_sel(v_lt(b, e), zero, x);
  case FNN_HUBER:
    return v_sel(v_le(size, e), d, v_mul(e, FNN(sign_of)(d)));
  case FNN_LOG_COSH:
    return v_tanh(d);
  case FNN_HINGE:
    return v_sel(v_ge(v_fnma(a, b, one), zero), v_neg(a), zero);
  case FNN_SQUARED_HINGE:
    return v_mul(v_mul(v_neg(two), v_max(zero, v_fnma(a, b, one))), a);
  case FNN_PERCEPTRON:
    return v_sel(v_le(v_mul(a, b), zero), v_neg(a), zero);
  case FNN_POISSON:
    return v_sub(one, v_div(a, v_add(b, e)));
  default:
    x = v_neg(v_div(FNN(clip_to_one)(e, a), b));
    return v_sel(v_lt(b, e), zero, v_sel(v_gt(b, one), zero, x));
  }
}

/* df/da */
FNN_INLINE vec FNN(pair_slope_a)(int op, vec a, vec b, vec e) {
  const vec zero = v_zero(), one = v_set1((T)1), two = v_set1((T)2), d = v_sub(b, a);
  vec x, y;
  switch (op) {
  case FNN_PERCENTAGE: /* |d| / m falls with a as |d| does, and with m = |a| where that is not below e */
    x = FNN(at_least)(e, v_abs(a));
    y = v_sel(v_lt(v_abs(a), e), zero, v_div(v_mul(v_abs(d), FNN(sign_of)(a)), x));
    return v_div(v_neg(v_add(FNN(sign_of)(d), y)), x);
  case FNN_LOGARITHMIC:
    x = v_div(v_mul(v_neg(two), FNN(log_difference)(a, b, e)), v_add(FNN(at_least)(e, a), one));
    return v_sel(v_lt(a, e), zero, x);
  case FNN_HINGE:
    return v_sel(v_ge(v_fnma(a, b, one), zero), v_neg(b), zero);
  case FNN_SQUARED_HINGE:
    return v_mul(v_mul(v_neg(two), v_max(zero, v_fnma(a, b, one))), b);
  case FNN_PERCEPTRON:
    return v_sel(v_le(v_mul(a, b), zero), v_neg(b), zero);
  case FNN_POISSON:
    return v_neg(v_log(v_add(b, e)));
  case FNN_DIVERGENCE:
    x = v_add(v_log(v_div(a, FNN(clip_to_one)(e, b))), one);
    return v_sel(v_lt(a, e), zero, v_sel(v_gt(a, one), zero, x));
  default: /* functions of b - a */
    return v_neg(FNN(pair_slope_b)(op, a, b, e));
  }
}

static void FNN(pair_loss_fwd)(const fnn_pair_loss_fwd_args *a, int ith, int nth) {
  const ptrdiff_t cols = a->cols;
  const int op = (int)a->op;
  const T factor = FNN(pair_factor)(op, cols);
  const vec e = v_set1((T)a->parameter);
  ptrdiff_t begin, end;
  if (cols == 1) {
    fnn_share(a->rows, VL, ith, nth, &begin, &end);
    for (ptrdiff_t r = begin; r < end; r += VL) {
      const ptrdiff_t lanes = fnn_min(VL, end - r);
      const vec f = FNN(pair_value)(op, LOAD((const T *)a->a + r), LOAD((const T *)a->b + r), e);
      STORE((T *)a->y + r, v_mul(f, v_set1(factor)));
    }
    return;
  }
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    const T *p = (const T *)a->a + r * cols, *q = (const T *)a->b + r * cols;
    vec sum = v_zero();
    for (ptrdiff_t block = 0; block < cols; block += 64 * VL) {
      const ptrdiff_t stop = fnn_min(cols, block + 64 * VL);
      vec part = v_zero();
      for (ptrdiff_t j = block; j < stop; j += VL) {
        const ptrdiff_t lanes = fnn_min(VL, stop - j);
        vec f = FNN(pair_value)(op, LOAD(p + j), LOAD(q + j), e);
        if (lanes < VL) f = v_sel(m_first(lanes), f, v_zero());
        part = v_add(part, f);
      }
      sum = v_add(sum, part);
    }
    const T total = v_hsum(sum);
    ((T *)a->y)[r] = op == FNN_DIVERGENCE ? total : op == FNN_PERCENTAGE ? (T)100 * (total / (T)cols) : total / (T)cols;
  }
}

/* db = dy * df/db * factor, da = dy * df/da * factor */
static void FNN(pair_loss_bwd)(const fnn_pair_loss_bwd_args *a, int ith, int nth) {
  const ptrdiff_t cols = a->cols;
  const int op = (int)a->op;
  const T factor = FNN(pair_factor)(op, cols);
  const vec e = v_set1((T)a->parameter);
  ptrdiff_t begin, end;
  fnn_share(a->rows * cols, VL, ith, nth, &begin, &end);
  while (begin < end) {
    const ptrdiff_t r = begin / cols, stop = cols == 1 ? end : fnn_min(end, (r + 1) * cols);
    const vec row_scale = v_set1(((const T *)a->dy)[r] * factor);
    for (ptrdiff_t j = begin; j < stop; j += VL) {
      const ptrdiff_t lanes = fnn_min(VL, stop - j);
      const vec p = LOAD((const T *)a->a + j), q = LOAD((const T *)a->b + j);
      const vec scale = cols == 1 ? v_mul(LOAD((const T *)a->dy + j), v_set1(factor)) : row_scale;
      if (a->da) STORE((T *)a->da + j, v_mul(scale, FNN(pair_slope_a)(op, p, q, e)));
      if (a->db) STORE((T *)a->db + j, v_mul(scale, FNN(pair_slope_b)(op, p, q, e)));
    }
    begin = stop;
  }
}

#undef LOAD
#undef STORE
