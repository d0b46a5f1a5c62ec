/* conv2d_depthwise_bwd.c: the gradient of the kernel of a convolution in which every channel stands by itself.
 *
 *   dkernel[r,s,c] = sum over n, i, j of x[n, i*sh + r*dh - ph, j*sw + s*dw - pw, c] * dy[n,i,j,c]
 *
 * Lanes are channels. Bytes are the limit, so x and dy pass once, nearly as they lie in memory: a strip of some columns of
 * an image from top to bottom, some rows at a time, of these all channels. A tile of taps (some rows of the kernel by some
 * columns) of one register of channels is in registers meanwhile; between its turns it is in the L1 cache, as are the rows
 * of x that the next rows read again. Where taps reach over the left or right edge of x, pixels go tap by tap. Each
 * element is one chain over the strips of an image, their rows and their pixels.
 *
 * ith/nth splits parts of the batch (fnn_conv2d_chunks), and channels. */

/* ---- once per translation unit ------------------------------------------------------------------------------ */
#ifndef FNN_CONV2D_DEPTHWISE_BWD_C
#define FNN_CONV2D_DEPTHWISE_BWD_C
/* X(rows, columns) of the tiles of taps: accumulators + 1 dy (x is read from memory by the multiplication). */
#define TAPS_NARROW(X) \
  X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(2, 5) X(3, 1) X(3, 2) X(3, 3)
#if defined FNN_SIMD_AVX512_H || defined FNN_SIMD_NEON_H
#define TAPS_ROWS 3
#define TAPS_COLUMNS 5
#define TAPS_TILES(X) TAPS_NARROW(X) X(3, 5)
static const int fnn_taps_most[TAPS_COLUMNS + 1] = {0, 3, 3, 3, 2, 3};
#elif defined FNN_SIMD_AVX2_H
#define TAPS_ROWS 3
#define TAPS_COLUMNS 5
#define TAPS_TILES TAPS_NARROW
static const int fnn_taps_most[TAPS_COLUMNS + 1] = {0, 3, 3, 3, 2, 2};
#else
#define TAPS_ROWS 1
#define TAPS_COLUMNS 3
#define TAPS_TILES(X) X(1, 1) X(1, 2) X(1, 3)
static const int fnn_taps_most[TAPS_COLUMNS + 1] = {0, 1, 1, 1};
#endif
#define TAPS_PIXELS 32           /* of the rows at a time: with fewer, sums are loaded and stored too often */
#define TAPS_LEAST 7             /* pixels across a strip, for the same reason */
#define TAPS_STRIP (8 * 1024)    /* bytes of a strip's row of dy: some rows of it and of x fill the L1 cache */
#endif

/* Some rows of outputs of one image, which read the same rows of taps, by a tile of taps. */
typedef struct FNN(taps_tile) {
  const T *x, *dy; /* what the first pixel's first tap reads, and the pixel */
  T *dw;           /* the first tap's */
  ptrdiff_t channels;
  ptrdiff_t rows, left, inner, right; /* pixels of a row: those with all taps inside of x stand between the others */
  ptrdiff_t at, in, step, dilation;   /* column of x that the first pixel's first tap reads; columns of x */
  ptrdiff_t x_row, x_col, x_tap_row, x_tap, dy_row, dy_col, dw_row, dw_col;
  ptrdiff_t x_ahead, dy_ahead; /* bytes from a pixel to what is fetched: the same of the next rows */
} FNN(taps_tile);

/* Pixels of which only some columns of taps exist. Strides are read from t where they are needed, here and below: general
 * registers are few. */
FNN_INLINE void FNN(taps_edge)(const int rows, const int columns, const int tail, const FNN(taps_tile) * t,
                               reg (*acc)[TAPS_COLUMNS], const T *x, const T *dy, ptrdiff_t at, ptrdiff_t pixels,
                               ptrdiff_t lanes) {
  for (; pixels > 0; pixels--) {
    const reg b = tail ? r_load_n(dy, lanes) : r_load(dy);
    const T *v = x;
    ptrdiff_t column = at;
    FNN_UNROLL for (int s = 0; s < columns; s++) {
      if (column >= 0 && column < t->in) {
        const T *p = v;
        FNN_UNROLL for (int r = 0; r < rows; r++) {
          acc[r][s] = r_fma(tail ? r_load_n(p, lanes) : r_load(p), b, acc[r][s]);
          p += t->x_tap_row;
        }
      }
      FNN_OPAQUE(t);
      v += t->x_tap;
      column += t->dilation;
    }
    x += t->x_col;
    dy += t->dy_col;
    at += t->step;
  }
}

/* RL channels from o on, of which only `lanes` exist where tail. */
FNN_INLINE void FNN(taps_any)(const int rows, const int columns, const int tail, const FNN(taps_tile) * t, ptrdiff_t o,
                              ptrdiff_t lanes) {
  const ptrdiff_t size = sizeof(T);
  reg acc[TAPS_ROWS][TAPS_COLUMNS];
  FNN_UNROLL for (int r = 0; r < rows; r++)
    FNN_UNROLL for (int s = 0; s < columns; s++) {
      const T *dw = t->dw + r * t->dw_row + s * t->dw_col + o;
      acc[r][s] = tail ? r_load_n(dw, lanes) : r_load(dw);
    }
  for (ptrdiff_t row = 0; row < t->rows; row++) {
    const T *x = t->x + row * t->x_row + o, *dy = t->dy + row * t->dy_row + o;
    if (t->left) FNN(taps_edge)(rows, columns, tail, t, acc, x, dy, t->at, t->left, lanes);
    FNN_OPAQUE(t);
    const char *v[TAPS_ROWS], *b_at = (const char *)(dy + t->left * t->dy_col);
    FNN_UNROLL for (int r = 0; r < rows; r++) v[r] = (const char *)(x + t->left * t->x_col + r * t->x_tap_row);
    ptrdiff_t x_tap = t->x_tap * size, x_tap_3 = 3 * x_tap;
    FNN_OPAQUE(x_tap);
    if (columns > 3) FNN_OPAQUE(x_tap_3);
    for (ptrdiff_t pixel = t->inner; pixel > 0; pixel--) {
      const reg b = tail ? r_load_n((const T *)b_at, lanes) : r_load((const T *)b_at);
      __builtin_prefetch(b_at + t->dy_ahead, 0, 2);
      __builtin_prefetch(v[rows - 1] + t->x_ahead, 0, 2);
      FNN_UNROLL for (int r = 0; r < rows; r++) {
        FNN_UNROLL for (int s = 0; s < columns; s++) {
          const T *p = (const T *)(v[r] + (s == 3 ? x_tap_3 : s * x_tap));
          acc[r][s] = r_fma(tail ? r_load_n(p, lanes) : r_load(p), b, acc[r][s]);
        }
        v[r] += t->x_col * size;
      }
      b_at += t->dy_col * size;
      if (tail) FNN_OPAQUE(t);
    }
    FNN_OPAQUE(t);
    if (t->right) {
      const ptrdiff_t done = t->left + t->inner;
      FNN(taps_edge)(rows, columns, tail, t, acc, t->x + row * t->x_row + done * t->x_col + o,
                     t->dy + row * t->dy_row + done * t->dy_col + o, t->at + done * t->step, t->right, lanes);
    }
  }
  FNN_UNROLL for (int r = 0; r < rows; r++)
    FNN_UNROLL for (int s = 0; s < columns; s++) {
      T *dw = t->dw + r * t->dw_row + s * t->dw_col + o;
      if (tail)
        r_store_n(dw, acc[r][s], lanes);
      else
        r_store(dw, acc[r][s]);
    }
}

#define TAPS_TILE(rows, columns)                                                                                    \
  static __attribute__((noinline)) void FNN(tile_conv_depthwise_taps_##rows##_##columns)(const FNN(taps_tile) * t) { \
    ptrdiff_t o = 0;                                                                                                \
    for (; o + RL <= t->channels; o += RL) FNN(taps_any)(rows, columns, 0, t, o, RL);                                 \
    if (o < t->channels) FNN(taps_any)(rows, columns, 1, t, o, t->channels - o);                           \
  }
TAPS_TILES(TAPS_TILE)
#undef TAPS_TILE
typedef void (*FNN(taps_fn))(const FNN(taps_tile) *);
#define TAPS_TILE(rows, columns) [columns][rows] = FNN(tile_conv_depthwise_taps_##rows##_##columns),
static const FNN(taps_fn) FNN(taps_tiles)[TAPS_COLUMNS + 1][TAPS_ROWS + 1] = {TAPS_TILES(TAPS_TILE)};
#undef TAPS_TILE

/* The pixels [j0, j1) of all rows of an image, channels [o0, o1): added to dw and, where it is wanted, dbias. */
static void FNN(taps_strip)(const fnn_conv2d_bwd_kernel_args *a, ptrdiff_t n, ptrdiff_t j0, ptrdiff_t j1, ptrdiff_t o0,
                            ptrdiff_t o1, T *dw, T *dbias) {
  CONV_AXES(a);
  const ptrdiff_t c = a->c, x_row = a->w * c, dy_row = a->ow * c, column_tiles = fnn_ceil_div(a->kw, TAPS_COLUMNS);
  const T *x = (const T *)a->x + n * a->h * x_row + o0, *dy = (const T *)a->dy + n * a->oh * dy_row + o0;
  FNN(taps_tile) t = {.channels = o1 - o0, .in = a->w, .step = a->sw, .dilation = a->dw, .x_row = a->sh * x_row,
                      .x_col = a->sw * c, .x_tap_row = a->dh * x_row, .x_tap = a->dw * c, .dy_row = dy_row, .dy_col = c,
                      .dw_row = a->kw * c, .dw_col = c};
  for (ptrdiff_t i = 0, i1; i < a->oh; i = i1) {
    fnn_interval taps;
    i1 = fnn_axis_alike(&rows, i, a->oh, &taps);
    const ptrdiff_t turns = fnn_max(1, (i1 - i) * (j1 - j0) / TAPS_PIXELS), high = taps.end - taps.begin;
    for (ptrdiff_t column = 0, s = 0, s1; column < column_tiles; column++, s = s1) {
      s1 = a->kw * (column + 1) / column_tiles;
      const ptrdiff_t row_tiles = fnn_ceil_div(high, fnn_taps_most[s1 - s]);
      /* From the first pixel that has the last tap inside of x to the last one that has the first; all taps in between. */
      const fnn_interval first = fnn_axis_outputs(&cols, s), last = fnn_axis_outputs(&cols, s1 - 1);
      const ptrdiff_t begin = fnn_max(j0, fnn_min(j1, last.begin)), end = fnn_max(j0, fnn_min(j1, first.end));
      const ptrdiff_t inner = fnn_max(begin, fnn_min(end, first.begin)), inner_end = fnn_max(inner, fnn_min(end, last.end));
      t.left = inner - begin;
      t.inner = inner_end - inner;
      t.right = end - inner_end;
      t.at = begin * a->sw + s * a->dw - a->pw;
      for (ptrdiff_t turn = 0, from = i, to; turn < turns; turn++, from = to) {
        to = i + (i1 - i) * (turn + 1) / turns;
        t.rows = to - from;
        t.x_ahead = t.rows * t.x_row * (ptrdiff_t)sizeof(T);
        t.dy_ahead = t.rows * t.dy_row * (ptrdiff_t)sizeof(T);
        t.dy = dy + from * dy_row + begin * c;
        for (ptrdiff_t tile = 0, r = taps.begin, r1; tile < row_tiles; tile++, r = r1) {
          r1 = taps.begin + high * (tile + 1) / row_tiles;
          t.x = x + (from * a->sh + r * a->dh - a->ph) * x_row + t.at * c;
          t.dw = dw + (r * a->kw + s) * c;
          FNN(taps_tiles)[s1 - s][r1 - r](&t);
        }
        if (dbias && column == 0)
          for (; from < to; from++) FNN(conv_sum_pixels)(dbias, dy + from * dy_row + j0 * c, c, j1 - j0, o1 - o0, 1);
      }
    }
  }
}

static void FNN(conv2d_depthwise_bwd_kernel)(const fnn_conv2d_bwd_kernel_args *a, int ith, int nth) {
  const ptrdiff_t c = a->c, taps = a->kh * a->kw, chunks = fnn_conv2d_chunks(a->n, taps, c, c, c), jobs = fnn_ceil_div(c, RL);
  const ptrdiff_t strips = fnn_max(1, fnn_min(fnn_ceil_div(a->ow * c * (ptrdiff_t)sizeof(T), TAPS_STRIP), a->ow / TAPS_LEAST));
  ptrdiff_t begin, end;
  fnn_share(chunks * jobs, 1, ith, nth, &begin, &end);
  for (ptrdiff_t job = begin, stop; job < end; job = stop) { /* channels [o0, o1) of a chunk */
    const ptrdiff_t chunk = job / jobs, o0 = job % jobs * RL;
    stop = fnn_min(end, (chunk + 1) * jobs);
    const ptrdiff_t o1 = fnn_min(c, (stop - chunk * jobs) * RL);
    T *dw = (T *)a->parts + chunk * taps * c + o0, *dbias = a->bias_parts ? (T *)a->bias_parts + chunk * c + o0 : NULL;
    for (ptrdiff_t k = 0; k < taps; k++) memset(dw + k * c, 0, (size_t)(o1 - o0) * sizeof(T));
    if (dbias) memset(dbias, 0, (size_t)(o1 - o0) * sizeof(T));
    for (ptrdiff_t n = a->n * chunk / chunks; n < a->n * (chunk + 1) / chunks; n++)
      for (ptrdiff_t strip = 0; strip < strips; strip++)
        FNN(taps_strip)(a, n, a->ow * strip / strips, a->ow * (strip + 1) / strips, o0, o1, dw, dbias);
  }
}
