/* conv2d_dots.c: tiles for few outputs of many channels, where lanes of outputs would stay empty: the gradient of an
 * image of 1 to 3 channels, or the last layer of a network that makes images.
 *
 * Lanes are channels: y = act(bias + the sum of a logical vector), the sum as v_hsum takes it. Lane l of the vector is the
 * chain over (r, s, c / VL) of the channels c with c % VL == l, those of a last incomplete vector after all others. The
 * kernel is packed as [tap][output][channels]. */

/* ---- once per translation unit ------------------------------------------------------------------------------ */
#ifndef FNN_CONV2D_DOTS_C
#define FNN_CONV2D_DOTS_C
/* X(pixels, outputs) of a tile: accumulators of a whole logical vector each + pixels + 1 weight + masks. */
#if defined FNN_SIMD_AVX512_H
#define DOTS_TILES(X) \
  X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2) \
  X(7, 2) X(8, 2) X(1, 3) X(2, 3) X(3, 3) X(4, 3) X(5, 3) X(1, 4) X(2, 4) X(3, 4) X(4, 4)
static const int fnn_dots_most[5] = {0, 8, 8, 5, 4}; /* at most 16 sums, which are added up together */
#elif defined FNN_SIMD_AVX2_H || defined FNN_SIMD_NEON_H
#define DOTS_TILES(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(1, 2) X(2, 2) X(1, 3) X(1, 4)
static const int fnn_dots_most[5] = {0, 4, 2, 1, 1};
#else
#define DOTS_TILES(X) X(1, 1) X(2, 1) X(1, 2) X(2, 2) X(1, 3) X(1, 4)
static const int fnn_dots_most[5] = {0, 2, 2, 1, 1};
#endif
#endif

/* sums[j] = act(norm(v_hsum of vector j, whose registers have been added to one + bias[j])), RL vectors at a time. */
static __attribute__((noinline)) void FNN(dots_sums)(const FNN(conv_tile) * t, T (*vectors)[RL], int n, T *sums) {
  const reg minus_slope = r_set1(-t->slope);
  for (int first = 0; first < n; first += RL) {
    reg square[RL];
    FNN_UNROLL for (int j = 0; j < RL; j++) square[j] = r_load(vectors[first + j]);
    r_transpose(square);
    FNN_UNROLL for (int gap = RL / 2; gap >= 1; gap /= 2)
      FNN_UNROLL for (int j = 0; j < gap; j++) square[j] = r_add(square[j], square[j + gap]);
    reg sum = r_add(square[0], r_load(t->bias + first));
    if (t->norm) sum = r_fma(r_add(sum, r_load(t->minus_mean + first)), r_load(t->scale + first), r_load(t->beta + first));
    if (t->act != FNN_LINEAR) sum = t->act == FNN_RELU ? FNN(tile_act)(sum, FNN_RELU, sum) : FNN(tile_act)(sum, FNN_LEAKY_RELU, minus_slope);
    r_store(sums + first, sum);
  }
}

FNN_INLINE void FNN(dots_step)(const int mr, const int outputs, const int tail, reg (*acc)[4][RU], const T *const *x, const T *w,
                               ptrdiff_t channels, ptrdiff_t k, ptrdiff_t lanes) {
  FNN_UNROLL for (int u = 0; u < RU; u++) {
    reg v[8];
    FNN_UNROLL for (int i = 0; i < mr; i++)
      v[i] = tail ? r_load_n(x[i] + k + u * RL, fnn_min(RL, fnn_max(0, lanes - u * RL))) : r_load(x[i] + k + u * RL);
    FNN_IN_ORDER; /* loaded once, not for each output */
    FNN_UNROLL for (int o = 0; o < outputs; o++) {
      const reg b = r_load(w + o * channels + u * RL);
      FNN_UNROLL for (int i = 0; i < mr; i++) acc[i][o][u] = r_fma(v[i], b, acc[i][o][u]);
    }
  }
}

FNN_INLINE void FNN(dots_any)(const int mr, const int outputs, const FNN(conv_tile) * t) {
  reg acc[8][4][RU];
  const T *x[8];
  FNN_UNROLL for (int i = 0; i < mr; i++) x[i] = t->x[i];
  FNN_UNROLL for (int i = 0; i < mr; i++)
    FNN_UNROLL for (int o = 0; o < outputs; o++)
      FNN_UNROLL for (int u = 0; u < RU; u++) acc[i][o][u] = r_zero();
  const ptrdiff_t channels = fnn_round_up(t->run, VL), whole = t->run / VL * VL;
  for (ptrdiff_t r = 0; r < t->rows; r++)
    for (ptrdiff_t s = 0; s < t->runs; s++) {
      const T *w = t->w + r * t->w_row + s * t->w_run;
      ptrdiff_t at = r * t->x_row + s * t->x_run;
      for (const ptrdiff_t end = at + whole; at < end; at += VL, w += VL) FNN(dots_step)(mr, outputs, 0, acc, x, w, channels, at, VL);
    }
  if (whole < channels)
    for (ptrdiff_t r = 0; r < t->rows; r++) {
      const T *w = t->w + r * t->w_row + whole;
      ptrdiff_t at = r * t->x_row + whole;
      for (ptrdiff_t s = t->runs; s > 0; s--, at += t->x_run, w += t->w_run) {
        FNN_OPAQUE(t); /* no register is spent on its fields */
        FNN(dots_step)(mr, outputs, 1, acc, x, w, fnn_round_up(t->run, VL), at, t->run % VL);
      }
    }
  T vectors[16 + RL][RL], sums[16 + RL];
  FNN_UNROLL for (int i = 0; i < mr; i++)
    FNN_UNROLL for (int o = 0; o < outputs; o++) {
      FNN_UNROLL for (int gap = RU / 2; gap >= 1; gap /= 2)
        FNN_UNROLL for (int u = 0; u < gap; u++) acc[i][o][u] = r_add(acc[i][o][u], acc[i][o][u + gap]);
      r_store(vectors[i * outputs + o], acc[i][o][0]);
    }
  memset(vectors[mr * outputs], 0, (RL - 1) * sizeof *vectors);
  FNN(dots_sums)(t, vectors, mr * outputs, sums);
  for (int i = 0; i < mr; i++)
    for (int o = 0; o < outputs; o++) t->y[i][o] = sums[i * outputs + o];
}
#define DOTS_TILE(mr, outputs)                                                                          \
  static __attribute__((noinline)) void FNN(tile_conv_dots_##mr##_##outputs)(const FNN(conv_tile) * t) { \
    FNN(dots_any)(mr, outputs, t);                                                                      \
  }
DOTS_TILES(DOTS_TILE)
#undef DOTS_TILE
#define DOTS_TILE(mr, outputs) [outputs][mr] = FNN(tile_conv_dots_##mr##_##outputs),
static const FNN(conv_tile_fn) FNN(dots_tiles)[5][9] = {DOTS_TILES(DOTS_TILE)};
#undef DOTS_TILE

/* Outputs of a tile when so many are left. */
static ptrdiff_t FNN(dots_outputs)(ptrdiff_t left) { return left <= 4 ? left : left <= 6 ? 3 : 4; }
