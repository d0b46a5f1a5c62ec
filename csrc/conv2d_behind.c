/* conv2d_behind.c: what follows a convolution, done to its results while they are in the L1 cache:
 *
 *   y = act((y - mean) * scale + beta + residual)
 *
 * by the operations of norm_apply and of a sum in this order, so the bits are those of one op after the other. Nearly all
 * tiles do it in registers. Here is what is left: depthwise ones, and a residual for a part of a panel, dots, or lanes of
 * pixels. */

/* Channels [o, o + lanes) of pixels `step` apart; y: the first. */
FNN_INLINE void FNN(conv_behind_lanes)(const FNN(conv_plan) * p, const int act, T *y, ptrdiff_t pixels, ptrdiff_t step, ptrdiff_t o,
                                       const ptrdiff_t lanes) {
  const FNN(conv_behind) b = p->behind;
  const vec alpha = v_set1(p->slope);
  vec mean = v_zero(), scale = v_zero(), beta = v_zero();
  if (b.scale) mean = v_load_n(b.mean + o, lanes), scale = v_load_n(b.scale + o, lanes);
  if (b.beta) beta = v_load_n(b.beta + o, lanes);
  for (; pixels > 0; pixels--, y += step) {
    vec v = v_load_n(y, lanes);
    if (b.scale) v = FNN(normalized)(v, mean, scale, beta);
    if (b.to_residual) v = v_add(v, v_load_n((const T *)((const char *)y + b.to_residual), lanes));
    v_store_n(y, FNN(norm_act)(act, v, alpha), lanes);
  }
}

/* Tells a tile at channel t->o of the group what to do; repeat: outputs of dots, which lie pixel by pixel. A residual is
 * added in registers to whole panels alone. */
static void FNN(conv_set_behind)(const FNN(conv_plan) * p, FNN(conv_tile) * t, ptrdiff_t repeat) {
  const FNN(conv_behind) *b = &p->behind;
  const ptrdiff_t at = b->first + t->o;
  t->later = p->depthwise ? b->wanted : b->to_residual && (repeat || t->n < (t->n > NARROW ? 2 : 1) * NARROW);
  t->norm = b->scale && !t->later;
  t->to_residual = t->later ? 0 : b->to_residual;
  t->act = t->later ? FNN_LINEAR : p->act;
  for (ptrdiff_t i = 0; t->norm && i < CONV_PANELS * VL; i++) {
    const ptrdiff_t o = repeat ? i % repeat : i;
    const int there = o < t->n;
    t->minus_mean[i] = there ? -b->mean[at + o] : 0;
    t->scale[i] = there ? b->scale[at + o] : 0;
    t->beta[i] = there && b->beta ? b->beta[at + o] : 0;
  }
}

/* Channels [o, o + n) of the group. */
static __attribute__((noinline)) void FNN(conv_finish)(const FNN(conv_plan) * p, T *y, ptrdiff_t pixels, ptrdiff_t step, ptrdiff_t o,
                                                       ptrdiff_t n) {
#define CHANNELS(act)                                                                                       \
  for (ptrdiff_t c = 0; c < n; c += VL) {                                                                   \
    if (n - c >= VL) FNN(conv_behind_lanes)(p, act, y + c, pixels, step, p->behind.first + o + c, VL);      \
    else FNN(conv_behind_lanes)(p, act, y + c, pixels, step, p->behind.first + o + c, n - c);               \
  }
  switch (p->act) {
    case FNN_RELU: CHANNELS(NORM_RELU) break;
    case FNN_LEAKY_RELU: CHANNELS(NORM_LEAKY_RELU) break;
    default: CHANNELS(NORM_LINEAR)
  }
#undef CHANNELS
}
