/* conv2d_depthwise.c: tiles of convolutions in which every channel stands by itself: lanes are channels, and nothing is
 * broadcast. Where taps lie as far from each other as pixels, a line of pixels loads each position of a row once for the
 * three taps that read it: 1.4 loads for 3 multiplications, else every multiplication has its load. */

/* ---- once per translation unit ------------------------------------------------------------------------------ */
#ifndef FNN_CONV2D_DEPTHWISE_C
#define FNN_CONV2D_DEPTHWISE_C
/* DR: pixels of a tile anywhere. LINE: of a line: accumulators + 2 more positions + 1 weight, for which 16 registers are
 * too few. */
#if defined FNN_SIMD_AVX512_H
#define CONV_DR 8
#define CONV_DEPTHWISE_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#define CONV_DEPTHWISE_LINE 12
#define CONV_DEPTHWISE_LINES(X) CONV_DEPTHWISE_TILES(X) X(9) X(10) X(11) X(12)
#else
#define CONV_DR CONV_MR
#define CONV_DEPTHWISE_TILES CONV_TILES
#endif
#define CONV_DEPTHWISE_TAPS 3 /* across, of a line */
#endif

FNN_INLINE void FNN(depthwise_act)(const int mr, reg *acc, const FNN(conv_tile) * t) {
  if (t->act == FNN_RELU) {
    FNN_UNROLL for (int i = 0; i < mr; i++) acc[i] = FNN(tile_act)(acc[i], FNN_RELU, acc[i]);
  } else if (t->act == FNN_LEAKY_RELU) {
    const reg minus_slope = r_set1(-t->slope);
    FNN_UNROLL for (int i = 0; i < mr; i++) acc[i] = FNN(tile_act)(acc[i], FNN_LEAKY_RELU, minus_slope);
  }
}

/* RL channels from o on, of which only `lanes` exist where tail. */
FNN_INLINE void FNN(conv_depthwise_any)(const int mr, const int tail, const FNN(conv_tile) * t, ptrdiff_t o, ptrdiff_t lanes) {
  reg acc[CONV_DR];
  const T *x[CONV_DR];
  const reg bias = !t->all_bias ? r_zero() : tail ? r_load_n(t->all_bias + o, lanes) : r_load(t->all_bias + o);
  FNN_UNROLL for (int i = 0; i < mr; i++) x[i] = t->x[i] + o;
  FNN_UNROLL for (int i = 0; i < mr; i++) acc[i] = bias;
  for (ptrdiff_t r = 0; r < t->rows; r++) {
    const T *w = t->w + r * t->w_row + o;
    const ptrdiff_t w_run = t->run, x_run = t->x_run, end = r * t->x_row + t->runs * x_run;
    for (ptrdiff_t k = r * t->x_row; k != end; k += x_run, w += w_run) {
      const reg b = r_load(w);
      FNN_UNROLL for (int i = 0; i < mr; i++) acc[i] = r_fma(tail ? r_load_n(x[i] + k, lanes) : r_load(x[i] + k), b, acc[i]);
    }
  }
  FNN(depthwise_act)(mr, acc, t);
  FNN_UNROLL for (int i = 0; i < mr; i++) {
    if (tail)
      r_store_n(t->y[i] + o, acc[i], lanes);
    else
      r_store(t->y[i] + o, acc[i]);
  }
}

#define CONV_TILE(mr)                                                                                       \
  static __attribute__((noinline)) void FNN(tile_conv_depthwise_##mr)(const FNN(conv_tile) * t) {           \
    ptrdiff_t o = 0;                                                                                        \
    for (; o + RL <= t->n; o += RL) FNN(conv_depthwise_any)(mr, 0, t, o, RL);                               \
    if (o < t->n) FNN(conv_depthwise_any)(mr, 1, t, o, t->n - o);                                           \
  }
CONV_DEPTHWISE_TILES(CONV_TILE)
#undef CONV_TILE
#define CONV_ENTRY(mr) FNN(tile_conv_depthwise_##mr),
static const FNN(conv_tile_fn) FNN(depthwise_tiles)[CONV_DR + 1] = {0, CONV_DEPTHWISE_TILES(CONV_ENTRY)};
#undef CONV_ENTRY

#ifdef CONV_DEPTHWISE_LINE
/* The same channels of mr pixels along a row, x_step apart as their taps are. */
FNN_INLINE void FNN(depthwise_line_any)(const int mr, const int tail, const FNN(conv_tile) * t, const T *x, T *y, ptrdiff_t lanes,
                                        const T *w, const T *bias) {
  enum { TAPS = CONV_DEPTHWISE_TAPS };
  reg acc[CONV_DEPTHWISE_LINE];
  const reg first = !bias ? r_zero() : tail ? r_load_n(bias, lanes) : r_load(bias);
  FNN_UNROLL for (int i = 0; i < mr; i++) acc[i] = first;
  for (ptrdiff_t r = t->rows; r > 0; r--, x += t->x_row, w += t->w_row) {
    reg v[CONV_DEPTHWISE_LINE + TAPS - 1];
    const T *at = x;
    FNN_UNROLL for (int i = 0; i < mr + TAPS - 1; i++, at += t->x_step) v[i] = tail ? r_load_n(at, lanes) : r_load(at);
    FNN_IN_ORDER; /* loaded once, not for each tap */
    const T *tap = w;
    FNN_UNROLL for (int s = 0; s < TAPS; s++, tap += t->run) {
      const reg b = r_load(tap);
      FNN_UNROLL for (int i = 0; i < mr; i++) acc[i] = r_fma(v[i + s], b, acc[i]);
    }
  }
  FNN(depthwise_act)(mr, acc, t);
  FNN_UNROLL for (int i = 0; i < mr; i++, y += t->y_step) {
    if (tail)
      r_store_n(y, acc[i], lanes);
    else
      r_store(y, acc[i]);
  }
}

#define CONV_TILE(mr)                                                                                                    \
  static __attribute__((noinline)) void FNN(tile_conv_depthwise_line_##mr)(const FNN(conv_tile) * t, const T *x, T *y,   \
                                                                           ptrdiff_t tiles) {                            \
    const ptrdiff_t n = t->n;                                                                                            \
    const T *bias = t->all_bias;                                                                                         \
    for (; tiles > 0; tiles--, x += mr * t->x_step, y += mr * t->y_step) {                                               \
      ptrdiff_t o = 0;                                                                                                   \
      for (; o + RL <= n; o += RL)                                                                                       \
        FNN(depthwise_line_any)(mr, 0, t, x + o, y + o, RL, t->w + o, bias ? bias + o : NULL);                           \
      if (o < n) FNN(depthwise_line_any)(mr, 1, t, x + o, y + o, n - o, t->w + o, bias ? bias + o : NULL);               \
    }                                                                                                                    \
  }
CONV_DEPTHWISE_LINES(CONV_TILE)
#undef CONV_TILE
#define CONV_ENTRY(mr) FNN(tile_conv_depthwise_line_##mr),
static const FNN(conv_line_fn) FNN(depthwise_line_tiles)[CONV_DEPTHWISE_LINE + 1] = {0, CONV_DEPTHWISE_LINES(CONV_ENTRY)};
#undef CONV_ENTRY
#endif

/* Lines for so many taps across, if they are as far from each other as pixels. */
static void FNN(depthwise_lines)(FNN(conv_kind) * kind, ptrdiff_t taps, int sliding) {
#ifdef CONV_DEPTHWISE_LINE
  kind->lines = sliding && taps == CONV_DEPTHWISE_TAPS ? FNN(depthwise_line_tiles) : NULL;
  kind->most_line = CONV_DEPTHWISE_LINE;
  kind->least_line = 4 * CONV_DR;
#else
  (void)kind, (void)taps, (void)sliding;
#endif
}
