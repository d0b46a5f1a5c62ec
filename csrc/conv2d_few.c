/* conv2d_few.c: convolutions of few channels to few outputs, where lanes of either would stay empty: a filter for grey
 * images, groups of 4, the gradient of a first layer of 6 filters.
 *
 * Lanes are pixels. Some rows of x are turned into one plane a channel,
 *
 *   plane of a channel:  | left zeros | row 0 of x | left zeros | row 1 of x | ... | zeros
 *                        |<------ pitch ---------->|
 *
 * where the zeros on the left of a row are those on the right of the row above, too. The output at row i, column j then
 * is position i*pitch + j, and the tap (r, s) of any RL consecutive positions is one load at a constant distance. What
 * comes out at positions behind the end of a row is dropped. Each element is the same chain over (r, s, c) as in conv2d.c
 * with a 0 * weight for each tap outside of x, which adds nothing: who calls has seen that all weights are finite.
 *
 * ith/nth splits blocks of rows of images. */

/* ---- once per translation unit ------------------------------------------------------------------------------ */
#ifndef FNN_CONV2D_FEW_C
#define FNN_CONV2D_FEW_C
/* Registers of positions in a tile of 1, 2, 3, 4 outputs: accumulators + positions + 1 weight. */
#if defined FNN_SIMD_AVX512_H || defined FNN_SIMD_NEON_H
#define FEW_TILES(X) \
  X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2) \
  X(7, 2) X(8, 2) X(1, 3) X(2, 3) X(3, 3) X(4, 3) X(5, 3) X(6, 3) X(1, 4) X(2, 4) X(3, 4) X(4, 4)
static const int fnn_few_most[5] = {0, 8, 8, 6, 4};
#else
#define FEW_TILES(X) \
  X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(1, 3) X(2, 3) X(3, 3) X(1, 4) X(2, 4)
static const int fnn_few_most[5] = {0, 6, 4, 3, 2};
#endif
#endif

/* A block of rows of one image and group. */
typedef struct FNN(few_tile) {
  const T *x, *w; /* the position's first tap; the output's first weight */
  T *y;           /* where the position goes, in the plane of the first output */
  ptrdiff_t rows, x_row, runs, x_run; /* taps, and their distances in a plane */
  ptrdiff_t run, x_plane, y_plane;    /* channels, and distances from plane to plane */
  int act, norm;
  T slope;
  T bias[4], minus_mean[4], scale[4], beta[4];
} FNN(few_tile);

FNN_INLINE void FNN(few_any)(const int mr, const int outputs, const FNN(few_tile) * t) {
  reg acc[8][4];
  FNN_UNROLL for (int o = 0; o < outputs; o++)
    FNN_UNROLL for (int i = 0; i < mr; i++) acc[i][o] = r_set1(t->bias[o]);
  const T *w = t->w;
  for (ptrdiff_t r = 0; r < t->rows; r++)
    for (ptrdiff_t s = 0; s < t->runs; s++) {
      const T *x = t->x + r * t->x_row + s * t->x_run;
      const ptrdiff_t x_plane = t->x_plane;
      for (ptrdiff_t c = t->run; c > 0; c--) {
        reg v[8];
        FNN_UNROLL for (int i = 0; i < mr; i++) v[i] = r_load(x + i * RL);
        FNN_IN_ORDER; /* loaded once, not for each output */
        FNN_UNROLL for (int o = 0; o < outputs; o++) {
          const reg b = r_set1(w[o]);
          FNN_UNROLL for (int i = 0; i < mr; i++) acc[i][o] = r_fma(v[i], b, acc[i][o]);
        }
        x += x_plane;
        w += VL;
      }
    }
  if (t->norm)
    FNN_UNROLL for (int o = 0; o < outputs; o++) {
      const reg minus_mean = r_set1(t->minus_mean[o]), scale = r_set1(t->scale[o]), beta = r_set1(t->beta[o]);
      FNN_UNROLL for (int i = 0; i < mr; i++) acc[i][o] = r_fma(r_add(acc[i][o], minus_mean), scale, beta);
    }
  const reg minus_slope = r_set1(-t->slope);
  FNN_UNROLL for (int o = 0; o < outputs; o++)
    FNN_UNROLL for (int i = 0; i < mr; i++) {
      const reg a = acc[i][o];
      r_store(t->y + o * t->y_plane + i * RL, t->act == FNN_LINEAR ? a : t->act == FNN_RELU ? FNN(tile_act)(a, FNN_RELU, a)
                                                                                            : FNN(tile_act)(a, FNN_LEAKY_RELU, minus_slope));
    }
}
#define FEW_TILE(mr, outputs)                                                                              \
  static __attribute__((noinline)) void FNN(tile_conv_few_##mr##_##outputs)(const FNN(few_tile) * t) {     \
    FNN(few_any)(mr, outputs, t);                                                                          \
  }
FEW_TILES(FEW_TILE)
#undef FEW_TILE
#define FEW_TILE(mr, outputs) [outputs][mr] = FNN(tile_conv_few_##mr##_##outputs),
static void (*const FNN(few_tiles)[5][9])(const FNN(few_tile) *) = {FEW_TILES(FEW_TILE)};
#undef FEW_TILE

/* RL pixels of RL channels to RL planes. */
FNN_INLINE void FNN(few_turn_square)(T *to, ptrdiff_t plane, const T *x, ptrdiff_t step) {
  reg square[RL];
  FNN_UNROLL for (int i = 0; i < RL; i++) square[i] = r_load(x + i * step);
  r_transpose(square);
  FNN_UNROLL for (int i = 0; i < RL; i++) r_store(to + i * plane, square[i]);
}

/* The same with fewer pixels or channels. */
static void FNN(few_turn_part)(T *to, ptrdiff_t plane, const T *x, ptrdiff_t step, ptrdiff_t pixels, ptrdiff_t channels) {
  reg square[RL];
  for (ptrdiff_t i = 0; i < RL; i++) square[i] = i < pixels ? r_load_n(x + i * step, channels) : r_zero();
  r_transpose(square);
  for (ptrdiff_t i = 0; i < channels; i++) r_store_n(to + i * plane, square[i], pixels);
}

/* Row of n pixels of c channels, `step` apart, to c planes. */
static void FNN(few_turn)(T *to, ptrdiff_t plane, const T *x, ptrdiff_t step, ptrdiff_t n, ptrdiff_t c) {
  if (c == 1 && step == 1) {
    memcpy(to, x, (size_t)n * sizeof(T));
    return;
  }
  for (ptrdiff_t c0 = 0; c0 < c; c0 += RL)
    for (ptrdiff_t j = 0; j < n; j += RL) {
      const ptrdiff_t pixels = fnn_min(RL, n - j), channels = fnn_min(RL, c - c0);
      if (pixels == RL && channels == RL)
        FNN(few_turn_square)(to + c0 * plane + j, plane, x + j * step + c0, step);
      else
        FNN(few_turn_part)(to + c0 * plane + j, plane, x + j * step + c0, step, pixels, channels);
    }
}

/* Back: c planes to a row of n pixels of c channels. */
static void FNN(few_turn_back)(T *y, ptrdiff_t step, const T *from, ptrdiff_t plane, ptrdiff_t n, ptrdiff_t c) {
  if (c == 1) {
    for (ptrdiff_t i = 0; i < n; i++) y[i * step] = from[i];
    return;
  }
  for (ptrdiff_t j = 0; j < n; j += RL)
    for (ptrdiff_t c0 = 0; c0 < c; c0 += RL)
      FNN(few_turn_part)(y + j * step + c0, step, from + c0 * plane + j, plane, fnn_min(RL, c - c0), fnn_min(RL, n - j));
}

/* Rows [i0, i1) of an image, and those around them that taps reach, to the planes of c channels; zeros beside x. */
static void FNN(few_planes)(const FNN(conv_plan) * p, const fnn_few *f, const T *x, ptrdiff_t c, ptrdiff_t i0, ptrdiff_t i1, T *planes) {
  const ptrdiff_t first = i0 - p->rows.pad, rows = i1 - i0 + (p->rows.taps - 1) * p->rows.dilation;
  for (ptrdiff_t k = 0; k < c; k++) {
    T *plane = planes + k * f->plane;
    for (ptrdiff_t row = first; row < first + rows; row++, plane += f->pitch)
      memset(plane, 0, (size_t)(row < 0 || row >= p->rows.in ? f->pitch : f->left) * sizeof(T));
    memset(plane, 0, (size_t)(planes + (k + 1) * f->plane - plane) * sizeof(T));
  }
  for (ptrdiff_t row = fnn_max(0, first); row < fnn_min(p->rows.in, first + rows); row++)
    FNN(few_turn)(planes + (row - first) * f->pitch + f->left, f->plane, x + row * p->x_row, p->x_col, p->cols.in, c);
}

/* Images [0, n) of `groups` groups that follow each other in x, w and y; scratch for one thread. */
static void FNN(conv_few)(const FNN(conv_plan) * p, ptrdiff_t n, ptrdiff_t groups, ptrdiff_t w_group, T *scratch, int ith,
                          int nth) {
  fnn_few f = fnn_few_plan(&p->rows, &p->cols, p->c, groups, VL);
  const ptrdiff_t oh = p->rows.out, ow = p->cols.out, oc = p->oc;
  if (n * oh * ow == 0) return;
  if (n < nth) f.rows = fnn_min(f.rows, fnn_ceil_div(oh, fnn_ceil_div(nth, n))); /* share the rows of an image */
  const ptrdiff_t blocks = fnn_ceil_div(oh, f.rows);
  T *outputs = scratch + f.together * p->c * f.plane;
  const FNN(conv_behind) *b = &p->behind;
  const int later = b->to_residual != 0;
  FNN(few_tile) t = {.rows = p->rows.taps, .x_row = p->rows.dilation * f.pitch, .runs = p->cols.taps,
                     .x_run = p->cols.dilation, .run = p->c, .x_plane = f.plane, .y_plane = f.plane, .act = later ? FNN_LINEAR : p->act,
                     .norm = b->scale && !later,
                     .slope = p->slope};
  ptrdiff_t begin, end;
  fnn_share(n * blocks, 1, ith, nth, &begin, &end);
  for (ptrdiff_t unit = begin; unit < end; unit++) {
    const ptrdiff_t image = unit / blocks, i0 = oh * (unit % blocks) / blocks, i1 = oh * (unit % blocks + 1) / blocks;
    const ptrdiff_t registers = fnn_ceil_div((i1 - i0 - 1) * f.pitch + ow, RL);
    for (ptrdiff_t group = 0; group < groups; group++) {
      if (group % f.together == 0)
        FNN(few_planes)(p, &f, p->x + image * p->x_image + group * p->c, fnn_min(f.together, groups - group) * p->c, i0, i1, scratch);
      for (ptrdiff_t o = 0, wide; o < oc; o += wide) {
        wide = FNN(dots_outputs)(oc - o);
        const ptrdiff_t tiles = fnn_ceil_div(registers, fnn_few_most[wide]);
        for (int k = 0; k < wide; k++) {
          const ptrdiff_t at = group * oc + o + k;
          t.bias[k] = p->bias ? p->bias[at] : 0;
          if (t.norm) t.minus_mean[k] = -b->mean[at], t.scale[k] = b->scale[at], t.beta[k] = b->beta ? b->beta[at] : 0;
        }
        t.w = p->w + group * w_group + o;
        for (ptrdiff_t tile = 0, at = 0, mr; tile < tiles; tile++, at += mr) {
          mr = registers * (tile + 1) / tiles - at;
          t.x = scratch + group % f.together * p->c * f.plane + f.left - p->cols.pad + at * RL;
          t.y = outputs + o * f.plane + at * RL;
          FNN(few_tiles)[wide][mr](&t);
        }
      }
      T *y = p->y + image * p->y_image + group * oc;
      for (ptrdiff_t i = i0; i < i1; i++)
        FNN(few_turn_back)(y + i * p->y_row, p->y_col, outputs + (i - i0) * f.pitch, f.plane, ow, oc);
      for (ptrdiff_t i = i0; later && i < i1; i++) FNN(conv_finish)(p, y + i * p->y_row, ow, p->y_col, group * oc, oc);
    }
  }
}

/* Whether no weight is infinite or NaN. */
static int FNN(conv_finite)(const T *w, ptrdiff_t n) {
  vec sum = v_zero();
  for (ptrdiff_t i = 0; i < n; i += VL) sum = v_add(sum, v_sub(v_load(w + i), v_load(w + i)));
  return !m_any(v_ne(sum, v_zero()));
}
