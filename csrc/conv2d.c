/* conv2d.c: 2-D convolution (cross-correlation), channels last, by implicit im2col.
 *
 *   y[n,i,j,o] = act(bias[o] + sum over r, s, c of x[n, i*sh + r*dh - ph, j*sw + s*dw - pw, c] * kernel[r,s,c,o])
 *
 * No patch is copied and no border is made. The patch of an output pixel is kh runs of kw*c contiguous numbers of x,
 * read in place. Pixels whose patches are cut by the border in the same way ("alike": the inside, four edges, four
 * corners for a 3x3 kernel) make register tiles, along a row where rows are long, else any CONV_MR of them across rows
 * and images; the taps outside of x are left out. So no map is too small for the tile, and every element is one chain of
 * fused multiply-adds over (r, s, c), whatever the tile, the batch or the thread.
 *
 * Backward to the input is the same loop over dy, once per phase of the stride, on a kernel packed in reverse.
 * conv2d_dots.c and conv2d_few.c have the tiles for few outputs, conv2d_depthwise.c those for one channel a group,
 * conv2d_behind.c a normalization or a sum that follows, conv2d_bwd_kernel.c the gradient of the kernel
 * (conv2d_depthwise_bwd.c of such), and conv2d.h the geometry.
 * After: Dukhan, The Indirect Convolution Algorithm, arXiv:1907.02129; Georganas et al., arXiv:1808.05567. */

/* ---- once per translation unit ------------------------------------------------------------------------------ */
#ifndef FNN_CONV2D_C
#define FNN_CONV2D_C

/* Pixels of a forward tile. MR: anywhere, each with its pointer, so general registers are the limit: 10 + 2 weights +
 * run + count. LINE and HALF_LINE: at equal steps, so vector registers are: 28 accumulators + 2 weights + 1 broadcast, or
 * one panel wide, 24 + 1 weight (each load is a broadcast: more accumulators per load of a weight, not per broadcast). */
#if defined FNN_SIMD_AVX512_H
#define CONV_MR 10
#define CONV_LINE 14
#define CONV_HALF_LINE 24
#define CONV_LINE_TILES CONV_CHANNEL_TILES
#define CONV_HALF_LINE_TILES(X) CONV_LINE_TILES(X) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24)
#define CONV_KR 9  /* numbers of the patch in a kernel gradient tile of several taps: as above, and the steps */
#define CONV_CR 14 /* input channels of a kernel gradient tile of one tap: 28 accumulators + 2 dy + 1 broadcast */
#define CONV_PANELS 2
#define CONV_TAPS_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)
#define CONV_TILES(X) CONV_TAPS_TILES(X) X(10)
#define CONV_CHANNEL_TILES(X) CONV_TILES(X) X(11) X(12) X(13) X(14)
#elif defined FNN_SIMD_AVX2_H || defined FNN_SIMD_NEON_H
#define CONV_MR 6
#define CONV_LINE 6
#define CONV_HALF_LINE 12
#define CONV_LINE_TILES CONV_TILES
#define CONV_HALF_LINE_TILES(X) CONV_TILES(X) X(7) X(8) X(9) X(10) X(11) X(12)
#define CONV_KR 6
#define CONV_CR 6
#define CONV_PANELS 1
#define CONV_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define CONV_TAPS_TILES CONV_TILES
#define CONV_CHANNEL_TILES CONV_TILES
#else
#define CONV_MR 2
#define CONV_LINE 2
#define CONV_HALF_LINE 2
#define CONV_LINE_TILES CONV_TILES
#define CONV_HALF_LINE_TILES CONV_TILES
#define CONV_KR 2
#define CONV_CR 2
#define CONV_PANELS 1
#define CONV_TILES(X) X(1) X(2)
#define CONV_TAPS_TILES CONV_TILES
#define CONV_CHANNEL_TILES CONV_TILES
#endif
#define CONV_FEW 8           /* fewer input channels than this: kernel gradient tiles of several taps */
#define CONV_AHEAD (4 * 1024 * 1024) /* bytes of x and y, from which on depthwise rows are fetched ahead */
#define CONV_L2 (384 * 1024) /* bytes of x and y that are worked on together */
/* Backward to the kernel works on slices of x and one block of dy of about this size, not fewer pixels than this: larger
 * ones leave the L1 cache, smaller ones load and store dw too often (32x32x32 -> 64: 83 %, here 93, 64 KB 88). */
#define CONV_SLICE (128 * 1024)
#define CONV_SLICE_PIXELS 256
#endif

#define RU (VL / RL)             /* registers of a panel */
#define NU (CONV_PANELS * RU)    /* registers across a wide tile; a narrow one has half */
#define NARROW (NU / 2 * RL)     /* columns of a narrow tile */

/* ---- packing ------------------------------------------------------------------------------------------------ */
/* Row `from` of n numbers becomes row `to` of whole vectors. */
static void FNN(conv_padded)(T *packed, const T *kernel, ptrdiff_t to, ptrdiff_t from, ptrdiff_t n) {
  for (ptrdiff_t o = 0; o < n; o += VL) v_store(packed + to * fnn_round_up(n, VL) + o, v_load_n(kernel + from * n + o, fnn_min(VL, n - o)));
}

/* Rows of n numbers, `lanes` (at most VL) of them `step` apart, become n rows of VL, to_step apart, zero beyond the lanes. */
static void FNN(conv_transposed)(T *to, ptrdiff_t to_step, const T *from, ptrdiff_t step, ptrdiff_t lanes, ptrdiff_t n) {
  reg square[RL];
  for (ptrdiff_t lane = 0; lane < VL; lane += RL)
    for (ptrdiff_t o = 0; o < n; o += RL) {
      const ptrdiff_t columns = fnn_min(RL, n - o);
      for (ptrdiff_t i = 0; i < RL; i++)
        square[i] = lane + i < lanes ? r_load_n(from + (lane + i) * step + o, columns) : r_zero();
      r_transpose(square);
      for (ptrdiff_t i = 0; i < columns; i++) r_store(to + (o + i) * to_step + lane, square[i]);
    }
}

static void FNN(conv2d_pack_fwd)(const fnn_conv2d_pack_fwd_args *a, int ith, int nth) {
  const T *kernel = a->kernel;
  T *packed = a->packed;
  if (fnn_conv2d_depthwise(a->c, a->oc, a->groups)) {
    if (ith == 0)
      for (ptrdiff_t tap = 0; tap < a->kh * a->kw; tap++) FNN(conv_padded)(packed, kernel, tap, tap, a->c);
    return;
  }
  const ptrdiff_t taps = a->kh * a->kw, c = a->c / a->groups, k = taps * c, oc = a->oc / a->groups, panels = fnn_ceil_div(oc, VL);
  ptrdiff_t begin, end;
  if (!a->panels && fnn_conv2d_dots(c, oc, VL)) {
    const ptrdiff_t channels = fnn_round_up(c, VL);
    fnn_share(a->groups * taps, 1, ith, nth, &begin, &end);
    for (ptrdiff_t job = begin; job < end; job++) /* a tap of a group */
      for (ptrdiff_t i = 0; i < c; i += VL)
        FNN(conv_transposed)(packed + job * oc * channels + i, channels, kernel + (job % taps * c + i) * a->oc + job / taps * oc,
                             a->oc, fnn_min(VL, c - i), oc);
    return;
  }
  fnn_share(a->groups * panels * k, 16, ith, nth, &begin, &end);
  for (ptrdiff_t row = begin, stop; row < end; row = stop) { /* the rows of one panel */
    const ptrdiff_t panel = row / k % panels, group = row / k / panels, lanes = fnn_min(VL, oc - panel * VL);
    const T *from = kernel + row % k * a->oc + group * oc + panel * VL;
    stop = fnn_min(end, (row / k + 1) * k);
    if (lanes == VL)
      for (ptrdiff_t i = row; i < stop; i++, from += a->oc) v_store(packed + i * VL, v_load(from));
    else
      for (ptrdiff_t i = row; i < stop; i++, from += a->oc) v_store(packed + i * VL, v_load_n(from, lanes));
  }
}

/* The axes of a convolution as its forward pass walks them. */
#define CONV_AXES(a)                                                                        \
  const fnn_axis rows = {(a)->h, (a)->oh, (a)->kh, (a)->sh, (a)->dh, (a)->ph};               \
  const fnn_axis cols = {(a)->w, (a)->ow, (a)->kw, (a)->sw, (a)->dw, (a)->pw}

static void FNN(conv2d_pack_bwd_input)(const fnn_conv2d_pack_bwd_input_args *a, int ith, int nth) {
  CONV_AXES(a);
  const T *kernel = a->kernel;
  T *packed = a->packed;
  const ptrdiff_t c = a->c / a->groups, oc = a->oc / a->groups, panels = fnn_ceil_div(c, VL);
  const int depthwise = fnn_conv2d_depthwise(a->c, a->oc, a->groups), dots = !depthwise && fnn_conv2d_dots(oc, c, VL);
  const ptrdiff_t groups = depthwise ? 1 : a->groups;
  ptrdiff_t job = 0, begin, end; /* a job: one tap of one panel, oc rows of VL columns */
  fnn_share(groups * panels * a->kh * a->kw, 1, ith, nth, &begin, &end);
  for (ptrdiff_t group = 0; group < groups; group++)
    for (ptrdiff_t py = 0; py < a->sh; py++)
      for (ptrdiff_t px = 0; px < a->sw; px++) {
        const fnn_phase y = fnn_axis_phase(&rows, py), x = fnn_axis_phase(&cols, px);
        const ptrdiff_t taps = y.axis.taps * x.axis.taps;
        if (job + panels * taps <= begin || job >= end) {
          job += panels * taps;
          continue;
        }
        for (ptrdiff_t panel = 0; panel < panels; panel++)
          for (ptrdiff_t t = 0; t < taps; t++, job++) {
            if (job < begin || job >= end) continue;
            const ptrdiff_t r = y.tap + (y.axis.taps - 1 - t / x.axis.taps) * y.step;
            const ptrdiff_t s = x.tap + (x.axis.taps - 1 - t % x.axis.taps) * x.step;
            if (depthwise) {
              FNN(conv_padded)(packed, kernel, job, r * a->kw + s, a->c);
              continue;
            }
            if (dots) { /* one panel: rows as they lie */
              for (ptrdiff_t i = 0; i < c; i++)
                FNN(conv_padded)(packed + job * c * fnn_round_up(oc, VL), kernel + ((r * a->kw + s) * c + i) * a->oc + group * oc, i, 0, oc);
              continue;
            }
            const ptrdiff_t lanes = fnn_min(VL, c - panel * VL);
            const T *from = kernel + ((r * a->kw + s) * c + panel * VL) * a->oc + group * oc;
            FNN(conv_transposed)(packed + job * oc * VL, VL, from, a->oc, lanes, oc);
          }
      }
}

/* ---- forward: a tile of pixels by panels --------------------------------------------------------------------- */
typedef struct FNN(conv_tile) {
  const T *x[CONV_MR]; /* per pixel: the patch's first number inside of x; a line has the first pixel's and steps */
  T *y[CONV_MR];       /* per pixel: where its channels go */
  ptrdiff_t x_step, y_step;
  const T *w;          /* first panel, at the patch's first number */
  ptrdiff_t w_panel;   /* to the next panel */
  ptrdiff_t rows, x_row, w_row;    /* kernel rows inside of x, steps between them */
  ptrdiff_t runs, x_run, run;      /* contiguous runs of a row, step between them in x (w has none), their length */
  ptrdiff_t w_run;                 /* dots: between taps in w */
  ptrdiff_t ahead;                 /* depthwise: in x, to what the next row reads, or 0 */
  ptrdiff_t n;                     /* channels to store */
  ptrdiff_t o, wide;               /* which they are, of the group, and at most so many */
  const T *all_bias;               /* depthwise: of all channels, or NULL */
  int act;
  T slope;
  T bias[CONV_PANELS * VL]; /* dots: of pixel by output */
  int norm;              /* in registers: act((sum + minus_mean) * scale + beta + residual) */
  ptrdiff_t to_residual; /* in registers: bytes from y, or 0 */
  int later;             /* that is done to what the tile has stored */
  T minus_mean[CONV_PANELS * VL], scale[CONV_PANELS * VL], beta[CONV_PANELS * VL];
} FNN(conv_tile);

/* What follows the sums, but for act; pixel i goes to each[i] or, if that is NULL, to y + i * step. */
FNN_INLINE void FNN(conv_behind_sums)(const int mr, const int nu, reg (*acc)[NU], const FNN(conv_tile) * t, T *const *each, const T *y,
                                      ptrdiff_t step) {
  if (t->norm)
    FNN_UNROLL for (int u = 0; u < nu; u++) {
      const reg minus_mean = r_load(t->minus_mean + u * RL), scale = r_load(t->scale + u * RL), beta = r_load(t->beta + u * RL);
      FNN_UNROLL24 for (int i = 0; i < mr; i++) acc[i][u] = r_fma(r_add(acc[i][u], minus_mean), scale, beta);
    }
  if (t->to_residual)
    FNN_UNROLL24 for (int i = 0; i < mr; i++, y += step) {
      const T *residual = (const T *)((const char *)(each ? each[i] : y) + t->to_residual);
      FNN_UNROLL for (int u = 0; u < nu; u++) acc[i][u] = r_add(acc[i][u], r_load(residual + u * RL));
    }
}

/* act(acc), in registers. */
FNN_INLINE void FNN(conv_act)(const int mr, const int nu, reg (*acc)[NU], const FNN(conv_tile) * t) {
  if (t->act == FNN_RELU) {
    FNN_UNROLL24 for (int i = 0; i < mr; i++)
      FNN_UNROLL for (int u = 0; u < nu; u++) acc[i][u] = FNN(tile_act)(acc[i][u], FNN_RELU, acc[i][u]);
  } else if (t->act == FNN_LEAKY_RELU) {
    const reg minus_slope = r_set1(-t->slope);
    FNN_UNROLL24 for (int i = 0; i < mr; i++)
      FNN_UNROLL for (int u = 0; u < nu; u++) acc[i][u] = FNN(tile_act)(acc[i][u], FNN_LEAKY_RELU, minus_slope);
  }
}

/* Pixels anywhere. */
FNN_INLINE void FNN(conv_tile_any)(const int mr, const int nu, const FNN(conv_tile) * t) {
  reg acc[CONV_MR][NU];
  const T *x[CONV_MR];
  FNN_UNROLL for (int i = 0; i < mr; i++) x[i] = t->x[i];
  FNN_UNROLL for (int u = 0; u < nu; u++) {
    reg bias = r_load(t->bias + u * RL);
    FNN_UNROLL for (int i = 0; i < mr; i++) acc[i][u] = bias;
  }
  for (ptrdiff_t r = 0; r < t->rows; r++) {
    const T *w = t->w + r * t->w_row;
    for (ptrdiff_t s = 0; s < t->runs; s++) {
      const ptrdiff_t w_panel = t->w_panel, begin = r * t->x_row + s * t->x_run, end = begin + t->run;
      for (ptrdiff_t k = begin; k < end; k++) {
        reg b[NU];
        FNN_UNROLL for (int u = 0; u < nu; u++) b[u] = r_load(w + u / RU * w_panel + u % RU * RL);
        w += VL;
        FNN_UNROLL for (int i = 0; i < mr; i++) {
          reg v = r_set1(x[i][k]);
          FNN_UNROLL for (int u = 0; u < nu; u++) acc[i][u] = r_fma(v, b[u], acc[i][u]);
        }
      }
    }
  }
  FNN(conv_behind_sums)(mr, nu, acc, t, t->y, NULL, 0);
  FNN(conv_act)(mr, nu, acc, t);
  if (t->n >= nu * RL) {
    FNN_UNROLL for (int i = 0; i < mr; i++)
      FNN_UNROLL for (int u = 0; u < nu; u++) r_store(t->y[i] + u * RL, acc[i][u]);
  } else {
    FNN_UNROLL for (int i = 0; i < mr; i++)
      FNN_UNROLL for (int u = 0; u < nu; u++)
        r_store_n(t->y[i] + u * RL, acc[i][u], fnn_min(RL, fnn_max(0, t->n - u * RL)));
  }
}

/* `tiles` tiles of mr pixels each, at equal steps. Pixels are addressed in threes from one pointer, as in tile.h. */
FNN_INLINE void FNN(conv_line_any)(const int mr, const int nu, const FNN(conv_tile) * t, const T *x, T *y, ptrdiff_t tiles) {
  const ptrdiff_t size = (ptrdiff_t)sizeof(T), step = t->x_step * size;
  for (; tiles > 0; tiles--, x += mr * t->x_step) {
    reg acc[CONV_HALF_LINE][NU];
    /* The row of x below, which the next line of pixels needs, and the residual: a tile is too long for the processor to
     * see the next one's misses coming. */
#ifdef FNN_SIMD_AVX512_H /* AVX2's tiles, half as large, would keep the end of a run on the stack */
    const char *below = (const char *)(x + t->rows * t->x_row);
    for (ptrdiff_t at = 0; at < mr * step; at += 64) __builtin_prefetch(below + at);
    if (t->to_residual)
      for (int i = 0; i < mr; i++)
        for (int o = 0; o < nu * RL; o += VL) __builtin_prefetch((const char *)(y + i * t->y_step + o) + t->to_residual);
#endif
    FNN_UNROLL for (int u = 0; u < nu; u++) {
      reg bias = r_load(t->bias + u * RL);
      FNN_UNROLL24 for (int i = 0; i < mr; i++) acc[i][u] = bias;
    }
    const char *p[(CONV_HALF_LINE + 2) / 3];
    FNN_UNROLL for (int g = 0; g < (mr + 2) / 3; g++) p[g] = (const char *)x + 3 * g * step;
    const char *w = (const char *)t->w;
    for (ptrdiff_t r = t->rows; r > 0; r--) {
      for (ptrdiff_t s = t->runs; s > 0; s--) {
        FNN_OPAQUE(t); /* its fields are read when they are needed: no register is spent on them while k runs */
        const ptrdiff_t w_panel = t->w_panel * size;
        const char *end = w + t->run * VL * size;
        do {
          reg b[NU];
          FNN_UNROLL for (int u = 0; u < nu; u++) b[u] = r_load((const T *)(w + u / RU * w_panel) + u % RU * RL);
          FNN_UNROLL24 for (int i = 0; i < mr; i++) {
            reg v = r_set1(*(const T *)(p[i / 3] + i % 3 * step));
            FNN_UNROLL for (int u = 0; u < nu; u++) acc[i][u] = r_fma(v, b[u], acc[i][u]);
            FNN_IN_ORDER;
          }
          w += VL * size;
          FNN_UNROLL for (int g = 0; g < (mr + 2) / 3; g++) {
            p[g] += size;
            FNN_OPAQUE(p[g]);
          }
        } while (w != end);
        FNN_UNROLL for (int g = 0; g < (mr + 2) / 3; g++) p[g] += (t->x_run - t->run) * size;
      }
      FNN_OPAQUE(t);
      w += (t->w_row - t->runs * t->run * VL) * size;
      FNN_UNROLL for (int g = 0; g < (mr + 2) / 3; g++) p[g] += (t->x_row - t->runs * t->x_run) * size;
    }
    const ptrdiff_t y_step = t->y_step;
    FNN(conv_behind_sums)(mr, nu, acc, t, NULL, y, y_step);
    FNN(conv_act)(mr, nu, acc, t);
    if (t->n >= nu * RL) {
      FNN_UNROLL24 for (int i = 0; i < mr; i++, y += y_step)
        FNN_UNROLL for (int u = 0; u < nu; u++) r_store(y + u * RL, acc[i][u]);
    } else {
      FNN_UNROLL24 for (int i = 0; i < mr; i++, y += y_step)
        FNN_UNROLL for (int u = 0; u < nu; u++)
          r_store_n(y + u * RL, acc[i][u], fnn_min(RL, fnn_max(0, t->n - u * RL)));
    }
  }
}

#define CONV_TILE(mr)                                                                                       \
  static __attribute__((noinline)) void FNN(tile_conv_##mr##_half)(const FNN(conv_tile) * t) {              \
    FNN(conv_tile_any)(mr, NU / 2, t);                                                                      \
  }                                                                                                         \
  static __attribute__((noinline)) void FNN(tile_conv_##mr##_full)(const FNN(conv_tile) * t) {              \
    FNN(conv_tile_any)(mr, NU, t);                                                                          \
  }
CONV_TILES(CONV_TILE)
#undef CONV_TILE
#define CONV_TILE(mr)                                                                                                     \
  static __attribute__((noinline)) void FNN(tile_conv_line_##mr##_half)(const FNN(conv_tile) * t, const T *x, T *y,       \
                                                                        ptrdiff_t tiles) {                                \
    FNN(conv_line_any)(mr, NU / 2, t, x, y, tiles);                                                                       \
  }
CONV_HALF_LINE_TILES(CONV_TILE)
#undef CONV_TILE
#define CONV_TILE(mr)                                                                                                     \
  static __attribute__((noinline)) void FNN(tile_conv_line_##mr##_full)(const FNN(conv_tile) * t, const T *x, T *y,       \
                                                                        ptrdiff_t tiles) {                                \
    FNN(conv_line_any)(mr, NU, t, x, y, tiles);                                                                           \
  }
CONV_LINE_TILES(CONV_TILE)
#undef CONV_TILE
typedef void (*FNN(conv_line_fn))(const FNN(conv_tile) *, const T *, T *, ptrdiff_t);
#define CONV_HALF(mr) FNN(tile_conv_line_##mr##_half),
#define CONV_FULL(mr) FNN(tile_conv_line_##mr##_full),
static const FNN(conv_line_fn) FNN(conv_lines)[2][CONV_HALF_LINE + 1] = {
  {0, CONV_HALF_LINE_TILES(CONV_HALF)}, {0, CONV_LINE_TILES(CONV_FULL)}};
#undef CONV_HALF
#undef CONV_FULL
typedef void (*FNN(conv_tile_fn))(const FNN(conv_tile) *);
#define CONV_HALF(mr) FNN(tile_conv_##mr##_half),
#define CONV_FULL(mr) FNN(tile_conv_##mr##_full),
static const FNN(conv_tile_fn) FNN(conv_tiles)[2][CONV_MR + 1] = {
  {0, CONV_TILES(CONV_HALF)}, {0, CONV_TILES(CONV_FULL)}};
#undef CONV_HALF
#undef CONV_FULL

/* The tiles of a plan: of at most `most` pixels anywhere, and of at most most_line along a row, where they have 8ths of a
 * pixel of at least least_line. */
typedef struct FNN(conv_kind) {
  const FNN(conv_tile_fn) *tiles;
  const FNN(conv_line_fn) *lines; /* or NULL */
  ptrdiff_t most, most_line, least_line;
} FNN(conv_kind);

#include "conv2d_dots.c"

/* What follows: y = act((y - mean) * scale + beta + residual). */
typedef struct FNN(conv_behind) {
  int wanted;
  const T *mean, *scale, *beta; /* of all groups' channels, or NULL */
  ptrdiff_t to_residual;        /* bytes from y, or 0 */
  ptrdiff_t first;              /* channel of the group */
} FNN(conv_behind);

/* A forward convolution of one group: axes, and where x, w and y lie. */
typedef struct FNN(conv_plan) {
  fnn_axis rows, cols;
  const T *x, *w, *bias;
  T *y;
  ptrdiff_t x_image, x_row, x_col; /* steps in x */
  ptrdiff_t y_image, y_row, y_col; /* steps in y */
  ptrdiff_t c, oc;                 /* of the group */
  int depthwise;                   /* all channels at once */
  int dots;                        /* the kernel is packed for tiles of dot products */
  int act;
  T slope;
  FNN(conv_behind) behind;
  int ahead; /* depthwise: rows are fetched before they are needed, as the caches do not hold all */
} FNN(conv_plan);

#include "conv2d_behind.c"

/* The fields of a kernel's args that say what follows; residual lies as y does. */
#define CONV_BEHIND(a, y)                                                                                       \
  {(a)->scale || (a)->residual, (a)->mean, (a)->scale, (a)->beta,                                               \
   (a)->residual ? (const char *)(a)->residual - (const char *)(y) : 0, 0}

/* All pixels of images [n0, n1), rows [i0, i1), columns [j0, j1), which are alike and read these taps. */
static void FNN(conv_alike)(const FNN(conv_plan) * p, FNN(conv_tile) * t, const FNN(conv_kind) * kind, fnn_interval taps_y,
                            fnn_interval taps_x, ptrdiff_t n0, ptrdiff_t n1, ptrdiff_t i0, ptrdiff_t i1, ptrdiff_t j0,
                            ptrdiff_t j1, T *y) {
  const ptrdiff_t x_col = p->cols.stride * p->x_col, x_row = p->rows.stride * p->x_row - (j1 - j0) * x_col;
  const ptrdiff_t x_image = p->x_image - (i1 - i0) * p->rows.stride * p->x_row;
  const ptrdiff_t y_row = p->y_row - (j1 - j0) * p->y_col, y_image = p->y_image - (i1 - i0) * p->y_row;
  const T *x = p->x + n0 * p->x_image + (i0 * p->rows.stride - p->rows.pad + taps_y.begin * p->rows.dilation) * p->x_row +
               (j0 * p->cols.stride - p->cols.pad + taps_x.begin * p->cols.dilation) * p->x_col;
  y += n0 * p->y_image + i0 * p->y_row + j0 * p->y_col;
  const ptrdiff_t line = j1 - j0, line_tiles = kind->lines ? fnn_ceil_div(line, kind->most_line) : 0;
  /* Line by line (some tiles of mr + 1 pixels, the rest of mr) unless that makes tiles much smaller. */
  if (kind->lines && 8 * line >= kind->least_line * line_tiles) {
    const ptrdiff_t mr = line / line_tiles, longer = line % line_tiles;
    t->x_step = x_col;
    t->y_step = p->y_col;
    for (ptrdiff_t image = n0; image < n1; image++, x += x_image, y += y_image)
      for (ptrdiff_t i = i0; i < i1; i++, x += x_row + line * x_col, y += y_row + line * p->y_col) {
        if (longer) kind->lines[mr + 1](t, x, y, longer);
        kind->lines[mr](t, x + longer * (mr + 1) * x_col, y + longer * (mr + 1) * p->y_col, line_tiles - longer);
        if (t->later) FNN(conv_finish)(p, y, line, p->y_col, t->o, fnn_min(t->n, t->wide));
      }
    return;
  }
  const ptrdiff_t pixels = (n1 - n0) * (i1 - i0) * line, tiles = fnn_ceil_div(pixels, kind->most);
  ptrdiff_t i = i0, j = j0, done = 0;
  for (ptrdiff_t tile = 1; tile <= tiles; tile++) {
    const ptrdiff_t mr = pixels * tile / tiles - done;
    done += mr;
    for (ptrdiff_t m = 0; m < mr; m++) {
      t->x[m] = x;
      t->y[m] = y;
      x += x_col;
      y += p->y_col;
      if (++j == j1) {
        j = j0;
        x += x_row;
        y += y_row;
        if (++i == i1) {
          i = i0;
          x += x_image;
          y += y_image;
        }
      }
    }
    kind->tiles[mr](t);
    for (ptrdiff_t m = 0; t->later && m < mr; m++) FNN(conv_finish)(p, t->y[m], 1, 0, t->o, fnn_min(t->n, t->wide));
  }
}

/* A box of outputs: images, rows, columns, panels. */
typedef struct FNN(conv_box) {
  ptrdiff_t n0, n1, i0, i1, j0, j1, p0, p1;
} FNN(conv_box);

#include "conv2d_depthwise.c"

static void FNN(conv_do_box)(const FNN(conv_plan) * p, FNN(conv_box) b) {
  FNN(conv_tile) t;
  const int dots = p->dots;
  const int joined = p->cols.dilation == 1 && p->x_col == p->c && !p->depthwise && !dots; /* a row of the patch is one run */
  const ptrdiff_t w_tap = p->depthwise ? fnn_round_up(p->oc, VL) : dots ? p->oc * fnn_round_up(p->c, VL) : p->c * VL;
  t.slope = p->slope;
  t.all_bias = p->bias;
  t.w_row = p->cols.taps * w_tap;
  t.w_panel = p->rows.taps * t.w_row;
  t.x_row = p->rows.dilation * p->x_row;
  t.x_run = p->cols.dilation * p->x_col;
  t.w_run = w_tap;
  if (p->depthwise && FNN(depthwise_box)(p, &t, &b)) return;
  const ptrdiff_t last = fnn_min(p->oc, b.p1 * VL);
  for (ptrdiff_t o = b.p0 * VL, wide; o < last; o += wide) {
    FNN(conv_kind) kind = {FNN(depthwise_tiles), NULL, CONV_DR, 0, 0};
    wide = p->oc;
    t.n = p->oc - o;
    if (dots) {
      wide = FNN(dots_outputs)(t.n);
      kind = (FNN(conv_kind)){FNN(dots_tiles)[wide], NULL, fnn_dots_most[wide], 0, 0};
      for (ptrdiff_t i = 0; i < CONV_PANELS * VL; i++) t.bias[i] = p->bias && i < kind.most * wide ? p->bias[o + i % wide] : 0;
    } else if (!p->depthwise) {
      const int full = t.n > NARROW;
      wide = CONV_PANELS * VL;
      kind = (FNN(conv_kind)){FNN(conv_tiles)[full], FNN(conv_lines)[full], CONV_MR, full ? CONV_LINE : CONV_HALF_LINE, 7 * CONV_MR};
      for (ptrdiff_t u = 0; u < CONV_PANELS; u++)
        v_store(t.bias + u * VL, p->bias ? v_load_n(p->bias + o + u * VL, fnn_min(VL, fnn_max(0, t.n - u * VL))) : v_zero());
    }
    t.o = o;
    t.wide = wide;
    FNN(conv_set_behind)(p, &t, dots ? wide : 0);
    const T *w = p->w + (dots ? o * fnn_round_up(p->c, VL) : o / VL * t.w_panel);
    /* The inside first: it reads x and writes y in order, and the edges find theirs in the cache. */
    for (int cut = 0; cut < 2; cut++)
      for (ptrdiff_t i = b.i0, i1; i < b.i1; i = i1) {
        fnn_interval taps_y, taps_x;
        i1 = fnn_axis_alike(&p->rows, i, b.i1, &taps_y);
        for (ptrdiff_t j = b.j0, j1; j < b.j1; j = j1) {
          j1 = fnn_axis_alike(&p->cols, j, b.j1, &taps_x);
          if (((taps_y.end - taps_y.begin) * (taps_x.end - taps_x.begin) < p->rows.taps * p->cols.taps) != cut) continue;
          t.w = w + (taps_y.begin * p->cols.taps + taps_x.begin) * w_tap;
          t.rows = taps_x.end > taps_x.begin ? taps_y.end - taps_y.begin : 0; /* no run is empty */
          t.runs = joined ? 1 : taps_x.end - taps_x.begin;
          t.run = p->depthwise ? w_tap : joined ? (taps_x.end - taps_x.begin) * p->c : p->c;
          FNN(conv_alike)(p, &t, &kind, taps_y, taps_x, b.n0, b.n1, i, i1, j, j1, p->y + o);
        }
      }
  }
}

/* Part ith of nth of n images: rows of images are shared, or panels or columns where rows are few; and what one thread
 * does is cut into boxes that stay in its L2 cache. None of this changes a bit of the result. */
static void FNN(conv_run)(const FNN(conv_plan) * p, ptrdiff_t n, int ith, int nth) {
  const ptrdiff_t oh = p->rows.out, ow = p->cols.out, panels = p->depthwise ? 1 : fnn_ceil_div(p->oc, VL);
  const ptrdiff_t pixel = (p->rows.stride * p->cols.stride * p->x_col + p->oc) * (ptrdiff_t)sizeof(T);
  const ptrdiff_t most = fnn_max(CONV_L2 / fnn_max(1, pixel), 4 * CONV_MR); /* pixels of a box */
  FNN(conv_box) b = {0, n, 0, oh, 0, ow, 0, panels};
  ptrdiff_t begin = 0, end = n * oh;
  if (n * oh * ow == 0) return;
  if (nth > 1 && n * oh < 4 * nth) {
    if (panels >= CONV_PANELS * nth && n * oh * ow < 64 * CONV_MR)
      fnn_share(panels, CONV_PANELS, ith, nth, &b.p0, &b.p1);
    else
      fnn_share(ow, 1, ith, nth, &b.j0, &b.j1);
  } else {
    fnn_share(n * oh, n % nth && n < 8 * nth ? 1 : oh, ith, nth, &begin, &end);
  }
  const ptrdiff_t j0 = b.j0, j1 = b.j1, step = ow <= most ? ow : most;
  if (j0 >= j1 || b.p0 >= b.p1) return;
  for (ptrdiff_t images, rows; begin < end; begin += images * rows) {
    const ptrdiff_t image = begin / oh, row = begin % oh;
    rows = fnn_min(oh - row, fnn_min(end - begin, fnn_max(1, most / ow)));
    images = rows == oh ? fnn_min((end - begin) / oh, fnn_max(1, most / (oh * ow))) : 1;
    b.n0 = image;
    b.n1 = image + images;
    b.i0 = row;
    b.i1 = row + rows;
    for (ptrdiff_t j = j0; j < j1; j += step) {
      b.j0 = j;
      b.j1 = fnn_min(j1, j + step);
      FNN(conv_do_box)(p, b);
    }
  }
}

#include "conv2d_few.c"

/* All groups, whose kernels lie w_group apart: by the tiles that suit their shape. */
static void FNN(conv_groups)(FNN(conv_plan) p, ptrdiff_t n, ptrdiff_t groups, ptrdiff_t w_group, T *scratch, int ith, int nth) {
  if (!p.depthwise && fnn_few_pays(&p.rows, &p.cols, p.c, p.oc, VL)) {
    int finite = 1; /* weights meet zeros beside x */
    for (ptrdiff_t g = 0; g < groups; g++) finite &= FNN(conv_finite)(p.w + g * w_group, p.rows.taps * p.cols.taps * p.c * VL);
    if (finite) {
      const ptrdiff_t share = fnn_few_scratch(&p.rows, &p.cols, p.c, p.oc, groups, VL);
      FNN(conv_few)(&p, n, groups, w_group, scratch + ith * share, ith, nth);
      return;
    }
  }
  p.ahead = n * (p.x_image + p.y_image) * (ptrdiff_t)sizeof(T) > CONV_AHEAD;
  const fnn_axis y = p.rows, x = p.cols;
  if (y.taps * x.taps * y.stride * x.stride == 1 && y.in == y.out && x.in == x.out && !y.pad && !x.pad &&
      p.y_row == x.out * p.y_col && p.y_image == y.out * p.y_row) { /* a matrix product */
    p.rows.in = p.rows.out = 1;
    p.cols.in = p.cols.out = n * y.in * x.in;
    n = 1;
  }
  for (ptrdiff_t group = 0; group < groups; group++) {
    FNN(conv_run)(&p, n, ith, nth);
    p.x += p.c;
    p.y += p.oc;
    p.w += w_group;
    if (p.bias) p.bias += p.oc;
    p.behind.first += p.oc;
  }
}

static void FNN(conv2d_fwd)(const fnn_conv2d_fwd_args *a, int ith, int nth) {
  CONV_AXES(a);
  const int depthwise = fnn_conv2d_depthwise(a->c, a->oc, a->groups);
  const ptrdiff_t groups = depthwise ? 1 : a->groups, c = a->c / groups, oc = a->oc / groups;
  const FNN(conv_plan) p = {rows, cols, a->x, a->packed, a->bias, a->y, a->h * a->w * a->c, a->w * a->c, a->c,
                            a->oh * a->ow * a->oc, a->ow * a->oc, a->oc, c, oc, depthwise, !depthwise && fnn_conv2d_dots(c, oc, VL), (int)a->act, (T)a->slope, CONV_BEHIND(a, a->y), 0};
  FNN(conv_groups)(p, a->n, groups, fnn_conv2d_packed(a->kh * a->kw, c, oc, 1, sizeof(T)), a->scratch, ith, nth);
}

static void FNN(conv2d_bwd_input)(const fnn_conv2d_bwd_input_args *a, int ith, int nth) {
  CONV_AXES(a);
  const int depthwise = fnn_conv2d_depthwise(a->c, a->oc, a->groups);
  const ptrdiff_t groups = depthwise ? 1 : a->groups, c = a->c / groups, oc = a->oc / groups;
  const ptrdiff_t w_tap = depthwise ? fnn_round_up(c, VL) : fnn_conv2d_packed(1, oc, c, 1, sizeof(T));
  FNN(conv_plan) p = {rows, cols, a->dy, a->packed, a->bias, a->dx, a->oh * a->ow * a->oc, a->ow * a->oc, a->oc,
                      a->h * a->w * a->c, a->sh * a->w * a->c, a->sw * a->c, oc, c, depthwise, !depthwise && fnn_conv2d_dots(oc, c, VL), (int)a->act, (T)a->slope, CONV_BEHIND(a, a->dx), 0};
  for (ptrdiff_t py = 0; py < a->sh; py++)
    for (ptrdiff_t px = 0; px < a->sw; px++) {
      p.rows = fnn_axis_phase(&rows, py).axis;
      p.cols = fnn_axis_phase(&cols, px).axis;
      p.y = (T *)a->dx + (py * a->w + px) * a->c;
      FNN(conv_groups)(p, a->n, groups, a->kh * a->kw * w_tap, a->scratch, ith, nth);
      p.w += p.rows.taps * p.cols.taps * w_tap;
    }
}
