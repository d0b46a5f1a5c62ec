/* activation.c: the activation functions of one element, the gated linear unit, sparsemax and PReLU.
 *
 * Forward and backward are one switch over the op each, with the formulas side by side; alpha, beta and gamma are what
 * the op's row of the enum says. Derivatives at kinks are TensorFlow's. NaN in, NaN out. ith/nth split the elements
 * (sparsemax: the rows), which do not depend on each other. Errors of the functions: vmath.h. */
#ifndef FNN_ACTIVATION_ONCE
#define FNN_ACTIVATION_ONCE
/* fastnn/ops/activation.py has the same. */
enum activation_op {
  A_RELU, /* alpha: slope below gamma, the threshold; beta: the largest value, or infinity */
  A_RELU6, A_ELU /* alpha */, A_SELU, A_CELU /* alpha */, A_GELU, A_GELU_TANH, A_SILU, A_MISH, A_SOFTPLUS, A_SOFTSIGN,
  A_LOG_SIGMOID, A_HARD_SIGMOID, A_HARD_SILU, A_HARD_SHRINK /* alpha: threshold */, A_SOFT_SHRINK /* the same */,
  A_TANH_SHRINK, A_THRESHOLD /* alpha: threshold; beta: the value up to there */, A_SPARSE_PLUS, A_SPARSE_SIGMOID,
  A_SQUAREPLUS /* alpha: b */, A_ERF
};
#endif

#define HALF v_set1((T)0.5)
#define ROOT_HALF v_set1((T)0.70710678118654752440)
#define SELU_SCALE v_set1((T)1.0507009873554804934)
#define SELU_BELOW v_set1((T)1.7580993408473768600) /* scale times alpha */

/* min(max(x, low), high) for low <= high; NaN stays: v_max(a, b) is b where one is NaN. */
FNN_INLINE vec FNN(between)(vec low, vec x, vec high) { return v_min(high, v_max(low, x)); }

/* 1 where x lies strictly between low and high, else 0 */
FNN_INLINE vec FNN(inside)(vec low, vec x, vec high) {
  return v_sel(m_and(v_gt(x, low), v_lt(x, high)), v_set1(1), v_zero());
}

/* The standard normal distribution function */
FNN_INLINE vec FNN(normal_cdf)(vec x) { return v_mul(HALF, v_add(v_set1(1), v_erf(v_mul(x, ROOT_HALF)))); }

/* tanh(sqrt(2/pi) (x + 0.044715 x^3)), *square = x^2 as far as it matters: tanh is 1 beyond */
FNN_INLINE vec FNN(gelu_tanh)(vec x, vec *square) {
  *square = v_min(v_set1((T)1e4), v_mul(x, x));
  vec u = v_mul(x, v_fma(v_set1((T)0.044715), *square, v_set1(1)));
  return v_tanh(v_mul(v_set1((T)0.79788456080286535588), u));
}

/* tanh(log(1 + e)) = n / (n + 2) with e = exp(x), n = e (e + 2); *steep = its derivative by x, 4 e (1 + e) / (n + 2)^2 */
FNN_INLINE vec FNN(tanh_softplus)(vec x, vec *steep) {
  vec e = v_exp(v_min(v_set1(20), x)), two = v_set1(2); /* 1 beyond, and nothing overflows */
  vec n = v_mul(e, v_add(e, two)), d = v_add(n, two), four_e = v_mul(v_set1(4), e);
  *steep = v_div(v_fma(four_e, e, four_e), v_mul(d, d));
  return v_div(n, d);
}

FNN_INLINE vec FNN(log1p_exp_below)(vec x) { return v_log1p(v_exp(v_neg(v_abs(x)))); }

FNN_INLINE vec FNN(hard_sigmoid)(vec x) {
  return v_div(FNN(between)(v_zero(), v_add(x, v_set1(3)), v_set1(6)), v_set1(6));
}

#define LOOP(e)                                        \
  for (ptrdiff_t i = 0; i < count; i += VL) {          \
    vec x = v_load(px + i), t = zero;                  \
    (void)t;                                           \
    v_store(py + i, (e));                              \
  }                                                    \
  break;
static void FNN(activation_block)(ptrdiff_t op, const T *px, T *py, ptrdiff_t count, T alpha, T beta, T gamma) {
  const vec zero = v_zero(), one = v_set1(1), va = v_set1(alpha), vb = v_set1(beta), vg = v_set1(gamma);
  const vec low = v_set1(beta < (T)INFINITY ? 0 : -(T)INFINITY); /* relu with a largest value has 0 as its least */
  switch (op) {
  case A_RELU: LOOP(v_fnma(va, v_max(zero, v_sub(vg, x)), FNN(between)(low, v_sel(v_le(x, vg), zero, x), vb)))
  case A_RELU6: LOOP(FNN(between)(zero, x, v_set1(6)))
  case A_ELU: LOOP(v_sel(v_gt(x, zero), x, v_mul(va, v_expm1(x))))
  case A_SELU: LOOP(v_sel(v_ge(x, zero), v_mul(SELU_SCALE, x), v_mul(SELU_BELOW, v_expm1(x))))
  case A_CELU: LOOP(v_sel(v_gt(x, zero), x, v_mul(va, v_expm1(v_div(x, va)))))
  case A_GELU: LOOP(v_mul(x, FNN(normal_cdf)(x)))
  case A_GELU_TANH: LOOP(v_mul(v_mul(HALF, x), v_add(one, FNN(gelu_tanh)(x, &t))))
  case A_SILU: LOOP(v_mul(x, v_sigmoid(x)))
  case A_MISH: LOOP(v_mul(x, FNN(tanh_softplus)(x, &t)))
  case A_SOFTPLUS: LOOP(v_add(v_max(zero, x), FNN(log1p_exp_below)(x)))
  case A_SOFTSIGN: LOOP(v_div(x, v_add(one, v_abs(x))))
  case A_LOG_SIGMOID: LOOP(v_sub(v_min(zero, x), FNN(log1p_exp_below)(x)))
  case A_HARD_SIGMOID: LOOP(FNN(hard_sigmoid)(x))
  case A_HARD_SILU: LOOP(v_mul(x, FNN(hard_sigmoid)(x)))
  case A_HARD_SHRINK: LOOP(v_sel(v_le(v_abs(x), va), zero, x))
  case A_SOFT_SHRINK: LOOP(v_sel(v_gt(x, va), v_sub(x, va), v_sel(v_ge(x, v_neg(va)), zero, v_add(x, va))))
  case A_TANH_SHRINK: LOOP(v_sub(x, v_tanh(x)))
  case A_THRESHOLD: LOOP(v_sel(v_le(x, va), vb, x))
  case A_SPARSE_PLUS:
    LOOP((t = v_add(x, one), v_sel(v_le(t, zero), zero, v_sel(v_lt(x, one), v_mul(v_set1((T)0.25), v_mul(t, t)), x))))
  case A_SPARSE_SIGMOID: LOOP(FNN(between)(zero, v_mul(HALF, v_add(x, one)), one))
  case A_SQUAREPLUS: LOOP(v_mul(HALF, v_add(x, v_sqrt(v_fma(x, x, va)))))
  case A_ERF: LOOP(v_erf(x))
  }
}
#undef LOOP

/* dx = slope dy, the slope an expression in x */
#define LOOP(e)                                        \
  for (ptrdiff_t i = 0; i < count; i += VL) {          \
    vec x = v_load(px + i), t = zero, u = zero;        \
    (void)t, (void)u;                                  \
    v_store(pdx + i, v_mul((e), v_load(pdy + i)));     \
  }                                                    \
  break;
static void FNN(activation_bwd_block)(ptrdiff_t op, const T *px, const T *pdy, T *pdx, ptrdiff_t count, T alpha, T beta,
                                      T gamma) {
  const vec zero = v_zero(), one = v_set1(1), va = v_set1(alpha), vb = v_set1(beta), vg = v_set1(gamma);
  const vec low = v_set1(beta < (T)INFINITY ? 0 : -(T)INFINITY);
  switch (op) {
  case A_RELU:
    LOOP((t = v_sel(m_and(v_gt(x, vg), m_and(v_ge(x, low), v_le(x, vb))), one, zero), v_sel(v_lt(x, vg), va, t)))
  case A_RELU6: LOOP(FNN(inside)(zero, x, v_set1(6)))
  case A_ELU: LOOP(v_sel(v_gt(x, zero), one, v_mul(va, v_exp(x))))
  case A_SELU: LOOP(v_sel(v_ge(x, zero), SELU_SCALE, v_mul(SELU_BELOW, v_exp(x))))
  case A_CELU: LOOP(v_sel(v_gt(x, zero), one, v_exp(v_div(x, va))))
  case A_GELU:
    LOOP((t = v_mul(v_set1((T)0.39894228040143267794), v_exp(v_mul(v_mul(v_neg(HALF), x), x))), /* its density */
          v_fma(x, t, FNN(normal_cdf)(x))))
  case A_GELU_TANH:
    LOOP((t = FNN(gelu_tanh)(x, &u), u = v_fma(v_set1((T)(3 * 0.044715)), u, one), /* u: of the inner function */
          u = v_mul(v_mul(v_set1((T)0.79788456080286535588), u), v_mul(v_sub(one, t), v_mul(x, v_add(one, t)))),
          v_mul(HALF, v_add(v_add(one, t), u))))
  case A_SILU: LOOP((t = v_sigmoid(x), v_mul(t, v_fma(x, v_sub(one, t), one))))
  case A_MISH: LOOP((t = FNN(tanh_softplus)(x, &u), v_fma(x, u, t)))
  case A_SOFTPLUS: LOOP(v_sigmoid(x))
  case A_SOFTSIGN: LOOP((t = v_add(one, v_abs(x)), v_div(one, v_mul(t, t))))
  case A_LOG_SIGMOID: LOOP(v_sigmoid(v_neg(x)))
  case A_HARD_SIGMOID: LOOP(v_div(FNN(inside)(v_set1(-3), x, v_set1(3)), v_set1(6)))
  case A_HARD_SILU:
    LOOP(v_fma(x, v_div(FNN(inside)(v_set1(-3), x, v_set1(3)), v_set1(6)), FNN(hard_sigmoid)(x)))
  case A_HARD_SHRINK: LOOP(v_sel(v_gt(v_abs(x), va), one, zero))
  case A_SOFT_SHRINK: LOOP(v_sel(m_or(v_gt(x, va), v_lt(x, v_neg(va))), one, zero))
  case A_TANH_SHRINK: LOOP((t = v_tanh(x), v_mul(t, t)))
  case A_THRESHOLD: LOOP(v_sel(v_gt(x, va), one, zero))
  case A_SPARSE_PLUS: LOOP(FNN(between)(zero, v_mul(HALF, v_add(x, one)), one))
  case A_SPARSE_SIGMOID: LOOP(v_mul(HALF, FNN(inside)(v_neg(one), x, one)))
  case A_SQUAREPLUS: LOOP(v_mul(HALF, v_add(one, v_div(x, v_sqrt(v_fma(x, x, va))))))
  case A_ERF: LOOP(v_mul(v_set1((T)1.1283791670955125739), v_exp(v_neg(v_mul(x, x)))))
  }
}
#undef LOOP
#undef HALF
#undef ROOT_HALF
#undef SELU_SCALE
#undef SELU_BELOW

static void FNN(activation_fwd)(const fnn_activation_fwd_args *a, int ith, int nth) {
  const T *x = a->x;
  T *y = a->y, buffer[VL] = {0};
  const T alpha = (T)a->alpha, beta = (T)a->beta, gamma = (T)a->gamma;
  ptrdiff_t begin, end;
  fnn_share(a->n, VL, ith, nth, &begin, &end);
  if (begin == end) return;
  ptrdiff_t whole = (end - begin) / VL * VL, left = end - begin - whole;
  FNN(activation_block)(a->op, x + begin, y + begin, whole, alpha, beta, gamma);
  if (left) {
    v_store(buffer, v_load_n(x + begin + whole, left));
    FNN(activation_block)(a->op, buffer, buffer, VL, alpha, beta, gamma);
    v_store_n(y + begin + whole, v_load(buffer), left);
  }
}

static void FNN(activation_bwd)(const fnn_activation_bwd_args *a, int ith, int nth) {
  const T *x = a->x, *dy = a->dy;
  T *dx = a->dx, buffer[2][VL] = {{0}};
  const T alpha = (T)a->alpha, beta = (T)a->beta, gamma = (T)a->gamma;
  ptrdiff_t begin, end;
  fnn_share(a->n, VL, ith, nth, &begin, &end);
  if (begin == end) return;
  ptrdiff_t whole = (end - begin) / VL * VL, left = end - begin - whole;
  FNN(activation_bwd_block)(a->op, x + begin, dy + begin, dx + begin, whole, alpha, beta, gamma);
  if (left) {
    v_store(buffer[0], v_load_n(x + begin + whole, left));
    v_store(buffer[1], v_load_n(dy + begin + whole, left));
    FNN(activation_bwd_block)(a->op, buffer[0], buffer[1], buffer[0], VL, alpha, beta, gamma);
    v_store_n(dx + begin + whole, v_load(buffer[0]), left);
  }
}

/* ---- gated linear unit ---------------------------------------------------------------------------------------------- */
static void FNN(glu_fwd)(const fnn_glu_fwd_args *a, int ith, int nth) {
  const T *x = a->x;
  T *y = a->y;
  ptrdiff_t begin, end;
  fnn_share(a->outer * a->n, VL, ith, nth, &begin, &end);
  for (ptrdiff_t at = begin, lanes; at < end; at += lanes) { /* a vector never reaches into the next row */
    ptrdiff_t row = at / a->n, place = at + row * a->n;
    lanes = fnn_min(VL, fnn_min(end, (row + 1) * a->n) - at);
    vec gate = v_sigmoid(FNN(load_lanes)(x + place + a->n, lanes));
    FNN(store_lanes)(y + at, v_mul(FNN(load_lanes)(x + place, lanes), gate), lanes);
  }
}

static void FNN(glu_bwd)(const fnn_glu_bwd_args *a, int ith, int nth) {
  const T *x = a->x, *dy = a->dy;
  T *dx = a->dx;
  ptrdiff_t begin, end;
  fnn_share(a->outer * a->n, VL, ith, nth, &begin, &end);
  for (ptrdiff_t at = begin, lanes; at < end; at += lanes) {
    ptrdiff_t row = at / a->n, place = at + row * a->n;
    lanes = fnn_min(VL, fnn_min(end, (row + 1) * a->n) - at);
    vec gate = v_sigmoid(FNN(load_lanes)(x + place + a->n, lanes)), d = FNN(load_lanes)(dy + at, lanes);
    vec passed = v_mul(d, gate), closing = v_sub(v_set1(1), gate);
    FNN(store_lanes)(dx + place, passed, lanes);
    FNN(store_lanes)(dx + place + a->n, v_mul(v_mul(passed, FNN(load_lanes)(x + place, lanes)), closing), lanes);
  }
}

/* ---- sparsemax ------------------------------------------------------------------------------------------------------
 * y_j = max(x_j - tau, 0) with tau such that the row sums to 1 (Martins, Astudillo, ICML 2016). tau without sorting
 * (Michelot, JOTA 50, 1986): from the elements above a lower bound of tau, (their sum - 1) / their number is a better
 * one, and the exact one once no element falls out. Elements are taken relative to the row's largest, so tau >= -1. */
static void FNN(sparsemax_fwd)(const fnn_sparsemax_fwd_args *a, int ith, int nth) {
  ptrdiff_t first, last;
  fnn_share(a->rows, 1, ith, nth, &first, &last);
  for (ptrdiff_t r = first; r < last; r++) {
    const T *x = (const T *)a->x + r * a->cols;
    T *y = (T *)a->y + r * a->cols;
    const vec top = v_set1(FNN(row_top)(x, a->cols)), missing = v_set1(-2), one = v_set1(1), zero = v_zero();
    vec tau = v_neg(one);
    for (T before = (T)INFINITY;;) {
      vec sum = zero, count = zero;
      for (ptrdiff_t j = 0; j < a->cols; j += VL) {
        ptrdiff_t lanes = fnn_min(VL, a->cols - j);
        vec shift = v_sel(m_first(lanes), FNN(below_top)(FNN(load_lanes)(x + j, lanes), top), missing);
        msk above = v_gt(shift, tau);
        sum = v_add(sum, v_sel(above, shift, zero));
        count = v_add(count, v_sel(above, one, zero));
      }
      T number = v_hsum(count);
      if (!(number < before) || number == 0) break; /* 0: nothing but NaN */
      before = number;
      tau = v_set1((v_hsum(sum) - 1) / number);
    }
    for (ptrdiff_t j = 0; j < a->cols; j += VL) {
      ptrdiff_t lanes = fnn_min(VL, a->cols - j);
      vec shift = FNN(below_top)(FNN(load_lanes)(x + j, lanes), top);
      FNN(store_lanes)(y + j, v_max(zero, v_sub(shift, tau)), lanes);
    }
  }
}

/* dx = dy less its mean where y is above 0, else 0 */
static void FNN(sparsemax_bwd)(const fnn_sparsemax_bwd_args *a, int ith, int nth) {
  ptrdiff_t first, last;
  fnn_share(a->rows, 1, ith, nth, &first, &last);
  for (ptrdiff_t r = first; r < last; r++) {
    const T *y = (const T *)a->y + r * a->cols, *dy = (const T *)a->dy + r * a->cols;
    T *dx = (T *)a->dx + r * a->cols;
    vec sum = v_zero(), count = v_zero();
    for (ptrdiff_t j = 0; j < a->cols; j += VL) {
      ptrdiff_t lanes = fnn_min(VL, a->cols - j);
      msk above = v_gt(FNN(load_lanes)(y + j, lanes), v_zero()); /* missing lanes are 0 */
      sum = v_add(sum, v_sel(above, FNN(load_lanes)(dy + j, lanes), v_zero()));
      count = v_add(count, v_sel(above, v_set1(1), v_zero()));
    }
    vec mean = v_set1(v_hsum(sum) / v_hsum(count));
    for (ptrdiff_t j = 0; j < a->cols; j += VL) {
      ptrdiff_t lanes = fnn_min(VL, a->cols - j);
      msk above = v_gt(FNN(load_lanes)(y + j, lanes), v_zero());
      vec d = v_sub(FNN(load_lanes)(dy + j, lanes), mean);
      FNN(store_lanes)(dx + j, v_sel(above, d, v_zero()), lanes);
    }
  }
}

/* ---- PReLU ---------------------------------------------------------------------------------------------------------- */
static void FNN(prelu_fwd)(const fnn_prelu_fwd_args *a, int ith, int nth) {
  const T *x = a->x, *slope = a->slope;
  T *y = a->y;
  ptrdiff_t begin, end;
  fnn_share(a->outer * a->n, VL, ith, nth, &begin, &end);
  for (ptrdiff_t at = begin, lanes; at < end; at += lanes) {
    ptrdiff_t place = at % a->n;
    lanes = fnn_min(VL, fnn_min(end - at, a->n - place));
    vec v = FNN(load_lanes)(x + at, lanes), s = FNN(load_lanes)(slope + place, lanes);
    FNN(store_lanes)(y + at, v_fma(s, v_min(v_zero(), v), v_max(v_zero(), v)), lanes);
  }
}

/* dx = dy, 0 or slope dy where x is above, at or below 0; dslope, before it is summed over the rows, = min(x, 0) dy */
static void FNN(prelu_bwd)(const fnn_prelu_bwd_args *a, int ith, int nth) {
  const T *x = a->x, *slope = a->slope, *dy = a->dy;
  T *dx = a->dx, *dslope = a->dslope;
  const vec zero = v_zero();
  ptrdiff_t begin, end;
  fnn_share(a->outer * a->n, VL, ith, nth, &begin, &end);
  for (ptrdiff_t at = begin, lanes; at < end; at += lanes) {
    ptrdiff_t place = at % a->n;
    lanes = fnn_min(VL, fnn_min(end - at, a->n - place));
    vec v = FNN(load_lanes)(x + at, lanes), d = FNN(load_lanes)(dy + at, lanes);
    vec below = v_sel(v_lt(v, zero), v_mul(FNN(load_lanes)(slope + place, lanes), d), zero);
    if (dx) FNN(store_lanes)(dx + at, v_sel(v_gt(v, zero), d, below), lanes);
    if (dslope) FNN(store_lanes)(dslope + at, v_mul(v_min(zero, v), d), lanes);
  }
}
