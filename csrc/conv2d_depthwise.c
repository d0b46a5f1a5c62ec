/* conv2d_depthwise.c: tiles of convolutions in which every channel stands by itself: lanes are channels, and nothing is
 * broadcast. Where three or five taps lie as far from each other as pixels, the pixels of a line load each position of a
 * row once for all taps that read it: half a load for a multiplication, else every multiplication has its load. */

/* ---- once per translation unit ------------------------------------------------------------------------------ */
#ifndef FNN_CONV2D_DEPTHWISE_C
#define FNN_CONV2D_DEPTHWISE_C
/* DR: pixels of a tile anywhere. LINE: of a line: accumulators + 1 weight + all positions or, at an edge, + weights + 1
 * position; 16 registers are too few. */
#if defined FNN_SIMD_AVX512_H
#define CONV_DR 8
#define CONV_DEPTHWISE_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#else
#define CONV_DR CONV_MR
#define CONV_DEPTHWISE_TILES CONV_TILES
#endif
#if defined FNN_SIMD_AVX512_H || defined FNN_SIMD_NEON_H
#define DEPTHWISE_LINE 12
#define DEPTHWISE_LINES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#endif
#define DEPTHWISE_LEAST 4 /* pixels of a line */
#define DEPTHWISE_TAPS 5
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

#ifdef DEPTHWISE_LINE
/* Pixels of a line whose `taps` taps are as far from each other as the pixels are: each position of a row of x is loaded
 * once, for all pixels that read it. edge: bit q of `present` tells whether position q is inside of x, as those are that
 * both the first and the last pixel read, or lie between. */
FNN_INLINE void FNN(depthwise_line_any)(const int mr, const int taps, const int edge, const FNN(conv_tile) * t, const T *x, T *y,
                                        unsigned present, ptrdiff_t o, ptrdiff_t lanes) {
  reg acc[DEPTHWISE_LINE];
  const reg first = !t->all_bias ? r_zero() : edge ? r_load_n(t->all_bias + o, lanes) : r_load(t->all_bias + o);
  FNN_UNROLL for (int i = 0; i < mr; i++) acc[i] = first;
  const T *w = t->w + o;
  x += o;
  for (ptrdiff_t r = 0; r < t->rows; r++) {
    const T *at = x + r * t->x_row, *w_at = w + r * t->w_row;
    if (!edge) {
      reg v[DEPTHWISE_LINE + DEPTHWISE_TAPS - 1];
      FNN_UNROLL for (int q = 0; q < mr + taps - 1; q++, at += t->x_run) v[q] = r_load(at);
      FNN_IN_ORDER; /* loaded once, not for each tap */
      FNN_UNROLL for (int s = 0; s < taps; s++, w_at += t->run) {
        const reg b = r_load(w_at);
        FNN_UNROLL for (int i = 0; i < mr; i++) acc[i] = r_fma(v[i + s], b, acc[i]);
      }
      continue;
    }
    reg b[DEPTHWISE_TAPS];
    FNN_UNROLL for (int s = 0; s < taps; s++, w_at += t->run) b[s] = r_load(w_at);
    FNN_OPAQUE(t); /* no register is spent on its fields */
    FNN_UNROLL for (int q = 0; q < mr + taps - 1; q++, at += t->x_run) {
      if (edge && (q < taps - 1 || q >= mr)) {
        FNN_OPAQUE(present); /* tested in its register, not before the loop */
        if (!(present >> q & 1)) continue;
      }
      const reg v = edge ? r_load_n(at, lanes) : r_load(at);
      FNN_UNROLL for (int s = 0; s < taps; s++)
        if (q >= s && q - s < mr) acc[q - s] = r_fma(v, b[s], acc[q - s]);
    }
  }
  if (t->ahead) {
    x += t->ahead;
    FNN_UNROLL for (int i = 0; i < mr; i++, x += t->x_run) __builtin_prefetch(x, 0, 2);
  }
  FNN(depthwise_act)(mr, acc, t);
  y += o;
  FNN_UNROLL for (int i = 0; i < mr; i++, y += t->y_step) {
    if (edge)
      r_store_n(y, acc[i], lanes);
    else
      r_store(y, acc[i]);
  }
}

typedef void (*FNN(depthwise_line_fn))(const FNN(conv_tile) *, const T *, T *, unsigned);
#define CONV_TILE(mr, taps)                                                                                               \
  static __attribute__((noinline)) void FNN(tile_conv_depthwise_line_##mr##_##taps)(const FNN(conv_tile) * t, const T *x, \
                                                                                    T *y, unsigned present) {             \
    ptrdiff_t o = 0;                                                                                                      \
    if (present == (1u << (mr + taps - 1)) - 1)                                                                           \
      for (; o + RL <= t->n; o += RL) FNN(depthwise_line_any)(mr, taps, 0, t, x, y, present, o, RL);                      \
    for (; o < t->n; o += RL) FNN(depthwise_line_any)(mr, taps, 1, t, x, y, present, o, fnn_min(RL, t->n - o));           \
  }
#define CONV_TAPS_3(mr) CONV_TILE(mr, 3)
#define CONV_TAPS_5(mr) CONV_TILE(mr, 5)
DEPTHWISE_LINES(CONV_TAPS_3)
DEPTHWISE_LINES(CONV_TAPS_5)
#undef CONV_TAPS_3
#undef CONV_TAPS_5
#undef CONV_TILE
/* [5 taps][pixels] */
#define CONV_TAPS_3(mr) FNN(tile_conv_depthwise_line_##mr##_3),
#define CONV_TAPS_5(mr) FNN(tile_conv_depthwise_line_##mr##_5),
static const FNN(depthwise_line_fn) FNN(depthwise_line_tiles)[2][DEPTHWISE_LINE + 1] = {
  {0, DEPTHWISE_LINES(CONV_TAPS_3)}, {0, DEPTHWISE_LINES(CONV_TAPS_5)}};
#undef CONV_TAPS_3
#undef CONV_TAPS_5

/* A box in lines, edges and all, where there are tiles for it; else 0. */
static int FNN(depthwise_box)(const FNN(conv_plan) * p, FNN(conv_tile) * t, const FNN(conv_box) * b) {
  const ptrdiff_t taps = p->cols.taps, step = p->cols.stride, line = b->j1 - b->j0;
  const ptrdiff_t lines = fnn_ceil_div(line, DEPTHWISE_LINE);
  if ((taps != 3 && taps != 5) || step != p->cols.dilation || line < DEPTHWISE_LEAST) return 0;
  if ((b->j0 + taps - 1) * step < p->cols.pad || (b->j1 - 1) * step - p->cols.pad >= p->cols.in) return 0; /* pixels without taps */
  t->n = p->oc;
  t->run = fnn_round_up(p->oc, VL);
  t->y_step = p->y_col;
  t->o = 0;
  FNN(conv_set_behind)(p, t, 0);
  for (ptrdiff_t i = b->i0, i1; i < b->i1; i = i1) {
    fnn_interval taps_y;
    i1 = fnn_axis_alike(&p->rows, i, b->i1, &taps_y);
    t->w = p->w + taps_y.begin * t->w_row;
    t->rows = taps_y.end - taps_y.begin;
    t->ahead = p->ahead ? ((t->rows - 1) * p->rows.dilation + p->rows.stride) * p->x_row : 0;
    for (ptrdiff_t image = b->n0; image < b->n1; image++)
      for (ptrdiff_t row = i; row < i1; row++) {
        const T *x = p->x + image * p->x_image + (row * p->rows.stride - p->rows.pad + taps_y.begin * p->rows.dilation) * p->x_row;
        T *y = p->y + image * p->y_image + row * p->y_row;
        for (ptrdiff_t tile = 0, j = b->j0, j1; tile < lines; tile++, j = j1) {
          j1 = b->j0 + line * (tile + 1) / lines;
          const ptrdiff_t at = j * step - p->cols.pad, positions = j1 - j + taps - 1;
          unsigned present = (1u << positions) - 1;
          if (at < 0 || at + (positions - 1) * step >= p->cols.in)
            for (ptrdiff_t q = 0; q < positions; q++)
              if (at + q * step < 0 || at + q * step >= p->cols.in) present &= ~(1u << q);
          FNN(depthwise_line_tiles)[taps == 5][j1 - j](t, x + at * p->x_col, y + j * p->y_col, present);
          if (t->later) FNN(conv_finish)(p, y + j * p->y_col, j1 - j, p->y_col, 0, p->oc);
        }
      }
  }
  return 1;
}
#else
static int FNN(depthwise_box)(const FNN(conv_plan) * p, FNN(conv_tile) * t, const FNN(conv_box) * b) {
  (void)p, (void)t, (void)b;
  return 0;
}
#endif
