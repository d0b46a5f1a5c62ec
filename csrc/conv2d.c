/* conv2d.c: 2-D convolution (cross-correlation), channels last, by implicit im2col.
 *
 *   y[n,i,j,o] = act(bias[o] + sum over r, s, c of x[n, i*sh + r*dh - ph, j*sw + s*dw - pw, c] * kernel[r,s,c,o])
 *
 * No patch is copied and no border is made. The patch of an output pixel is kh runs of kw*c contiguous numbers of x,
 * read in place. Pixels whose patches are cut by the border in the same way ("alike": the inside, four edges, four
 * corners for a 3x3 kernel) are listed across rows and images, and any CONV_MR of them make a register tile; the taps
 * outside of x are left out. So no map is too small for the tile, and every element is one chain of fused
 * multiply-adds over (r, s, c), whatever the tile, the batch or the thread.
 *
 * Backward to the input is the same loop over dy, once per phase of the stride, on a kernel packed in reverse. Backward
 * to the kernel keeps a tile of the kernel's gradient (input channels of one tap by output channels) in registers and
 * runs over the pixels that have this tap inside of x; with few input channels the tile takes columns of several taps.
 * Tiles are shared by threads; where they are few, image chunks are (fnn_conv2d_chunks), and conv2d_add_parts adds.
 * After: Dukhan, The Indirect Convolution Algorithm, arXiv:1907.02129; Georganas et al., arXiv:1808.05567. */

/* ---- once per translation unit ------------------------------------------------------------------------------ */
#ifndef FNN_CONV2D_C
#define FNN_CONV2D_C

/* Pixels of a forward tile: each has its pointer, so general registers are the limit: 10 + 2 weights + run + count. */
#if defined FNN_SIMD_AVX512_H
#define CONV_MR 10
#define CONV_KR 9  /* numbers of the patch in a kernel gradient tile of several taps: as above, and the steps */
#define CONV_CR 14 /* input channels of a kernel gradient tile of one tap: 28 accumulators + 2 dy + 1 broadcast */
#define CONV_DR 8  /* pixels of a depthwise tile */
#define CONV_PANELS 2
#define CONV_DEPTHWISE_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#define CONV_TAPS_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)
#define CONV_TILES(X) CONV_TAPS_TILES(X) X(10)
#define CONV_CHANNEL_TILES(X) CONV_TILES(X) X(11) X(12) X(13) X(14)
#elif defined FNN_SIMD_AVX2_H || defined FNN_SIMD_NEON_H
#define CONV_MR 6
#define CONV_KR 6
#define CONV_DR 6
#define CONV_DEPTHWISE_TILES CONV_TILES
#define CONV_CR 6
#define CONV_PANELS 1
#define CONV_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define CONV_TAPS_TILES CONV_TILES
#define CONV_CHANNEL_TILES CONV_TILES
#else
#define CONV_MR 2
#define CONV_KR 2
#define CONV_DR 2
#define CONV_DEPTHWISE_TILES CONV_TILES
#define CONV_CR 2
#define CONV_PANELS 1
#define CONV_TILES(X) X(1) X(2)
#define CONV_TAPS_TILES CONV_TILES
#define CONV_CHANNEL_TILES CONV_TILES
#endif
#define CONV_FEW 8           /* fewer input channels than this: kernel gradient tiles of several taps */
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

static void FNN(conv2d_pack_fwd)(const fnn_conv2d_pack_fwd_args *a, int ith, int nth) {
  const T *kernel = a->kernel;
  T *packed = a->packed;
  if (fnn_conv2d_depthwise(a->c, a->oc, a->groups)) {
    if (ith == 0)
      for (ptrdiff_t tap = 0; tap < a->kh * a->kw; tap++) FNN(conv_padded)(packed, kernel, tap, tap, a->c);
    return;
  }
  const ptrdiff_t k = a->kh * a->kw * (a->c / a->groups), oc = a->oc / a->groups, panels = fnn_ceil_div(oc, VL);
  ptrdiff_t begin, end;
  fnn_share(a->groups * panels * k, 16, ith, nth, &begin, &end);
  for (ptrdiff_t row = begin; row < end; row++) {
    ptrdiff_t panel = row / k % panels, group = row / k / panels;
    v_store(packed + row * VL, v_load_n(kernel + row % k * a->oc + group * oc + panel * VL, fnn_min(VL, oc - panel * VL)));
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
  const int depthwise = fnn_conv2d_depthwise(a->c, a->oc, a->groups);
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
            const ptrdiff_t lanes = fnn_min(VL, c - panel * VL);
            const T *from = kernel + ((r * a->kw + s) * c + panel * VL) * a->oc + group * oc;
            T *to = packed + job * oc * VL;
            for (ptrdiff_t o = 0; o < oc; o++) {
              for (ptrdiff_t lane = 0; lane < lanes; lane++) to[o * VL + lane] = from[lane * a->oc + o];
              for (ptrdiff_t lane = lanes; lane < VL; lane++) to[o * VL + lane] = 0;
            }
          }
      }
}

/* ---- forward: a tile of pixels by panels --------------------------------------------------------------------- */
typedef struct FNN(conv_tile) {
  const T *x[CONV_MR]; /* per pixel: the patch's first number inside of x */
  T *y[CONV_MR];       /* per pixel: where its channels go */
  const T *w;          /* first panel, at the patch's first number */
  ptrdiff_t w_panel;   /* to the next panel */
  ptrdiff_t rows, x_row, w_row;    /* kernel rows inside of x, steps between them */
  ptrdiff_t runs, x_run, run;      /* contiguous runs of a row, step between them in x (w has none), their length */
  ptrdiff_t n;                     /* channels to store */
  const T *all_bias;               /* depthwise: of all channels, or NULL */
  int act;
  T slope;
  T bias[CONV_PANELS * VL];
} FNN(conv_tile);

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
  if (t->act == FNN_RELU) {
    FNN_UNROLL for (int i = 0; i < mr; i++)
      FNN_UNROLL for (int u = 0; u < nu; u++) acc[i][u] = r_max(r_zero(), acc[i][u]);
  } else if (t->act == FNN_LEAKY_RELU) {
    const reg minus_slope = r_set1(-t->slope), minus_one = r_set1(-1);
    FNN_UNROLL for (int i = 0; i < mr; i++)
      FNN_UNROLL for (int u = 0; u < nu; u++) {
        reg negative = r_mul(minus_slope, r_max(r_zero(), r_mul(acc[i][u], minus_one)));
        acc[i][u] = r_add(r_max(r_zero(), acc[i][u]), negative);
      }
  }
  if (t->n >= nu * RL) {
    FNN_UNROLL for (int i = 0; i < mr; i++)
      FNN_UNROLL for (int u = 0; u < nu; u++) r_store(t->y[i] + u * RL, acc[i][u]);
  } else {
    FNN_UNROLL for (int i = 0; i < mr; i++)
      FNN_UNROLL for (int u = 0; u < nu; u++)
        r_store_n(t->y[i] + u * RL, acc[i][u], fnn_min(RL, fnn_max(0, t->n - u * RL)));
  }
}

/* Depthwise: RL channels from o on, of which only `lanes` exist where tail. */
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
  if (t->act == FNN_RELU) {
    FNN_UNROLL for (int i = 0; i < mr; i++) acc[i] = r_max(r_zero(), acc[i]);
  } else if (t->act == FNN_LEAKY_RELU) {
    const reg minus_slope = r_set1(-t->slope), minus_one = r_set1(-1);
    FNN_UNROLL for (int i = 0; i < mr; i++) {
      reg negative = r_mul(minus_slope, r_max(r_zero(), r_mul(acc[i], minus_one)));
      acc[i] = r_add(r_max(r_zero(), acc[i]), negative);
    }
  }
  FNN_UNROLL for (int i = 0; i < mr; i++) {
    if (tail)
      r_store_n(t->y[i] + o, acc[i], lanes);
    else
      r_store(t->y[i] + o, acc[i]);
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
#define CONV_TILE(mr)                                                                                       \
  static __attribute__((noinline)) void FNN(tile_conv_depthwise_##mr)(const FNN(conv_tile) * t) {           \
    ptrdiff_t o = 0;                                                                                        \
    for (; o + RL <= t->n; o += RL) FNN(conv_depthwise_any)(mr, 0, t, o, RL);                               \
    if (o < t->n) FNN(conv_depthwise_any)(mr, 1, t, o, t->n - o);                                           \
  }
CONV_DEPTHWISE_TILES(CONV_TILE)
#undef CONV_TILE
typedef void (*FNN(conv_tile_fn))(const FNN(conv_tile) *);
#define CONV_HALF(mr) FNN(tile_conv_##mr##_half),
#define CONV_FULL(mr) FNN(tile_conv_##mr##_full),
#define CONV_DEPTHWISE(mr) FNN(tile_conv_depthwise_##mr),
static const FNN(conv_tile_fn) FNN(conv_tiles)[3][CONV_MR + 1] = {
  {0, CONV_TILES(CONV_HALF)}, {0, CONV_TILES(CONV_FULL)}, {0, CONV_DEPTHWISE_TILES(CONV_DEPTHWISE)}};
#undef CONV_HALF
#undef CONV_FULL
#undef CONV_DEPTHWISE

/* A forward convolution of one group: axes, and where x, w and y lie. */
typedef struct FNN(conv_plan) {
  fnn_axis rows, cols;
  const T *x, *w, *bias;
  T *y;
  ptrdiff_t x_image, x_row, x_col; /* steps in x */
  ptrdiff_t y_image, y_row, y_col; /* steps in y */
  ptrdiff_t c, oc;                 /* of the group */
  int depthwise;                   /* all channels at once */
  int act;
  T slope;
} FNN(conv_plan);

/* All pixels of images [n0, n1), rows [i0, i1), columns [j0, j1), which are alike and read these taps. kind of tile: 0 half,
 * 1 full, 2 depthwise. */
static void FNN(conv_alike)(const FNN(conv_plan) * p, FNN(conv_tile) * t, int kind, fnn_interval taps_y, fnn_interval taps_x,
                            ptrdiff_t n0, ptrdiff_t n1, ptrdiff_t i0, ptrdiff_t i1, ptrdiff_t j0, ptrdiff_t j1, T *y) {
  const ptrdiff_t x_col = p->cols.stride * p->x_col, x_row = p->rows.stride * p->x_row - (j1 - j0) * x_col;
  const ptrdiff_t x_image = p->x_image - (i1 - i0) * p->rows.stride * p->x_row;
  const ptrdiff_t y_row = p->y_row - (j1 - j0) * p->y_col, y_image = p->y_image - (i1 - i0) * p->y_row;
  const T *x = p->x + n0 * p->x_image + (i0 * p->rows.stride - p->rows.pad + taps_y.begin * p->rows.dilation) * p->x_row +
               (j0 * p->cols.stride - p->cols.pad + taps_x.begin * p->cols.dilation) * p->x_col;
  y += n0 * p->y_image + i0 * p->y_row + j0 * p->y_col;
  const ptrdiff_t pixels = (n1 - n0) * (i1 - i0) * (j1 - j0), tiles = fnn_ceil_div(pixels, kind == 2 ? CONV_DR : CONV_MR);
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
    FNN(conv_tiles)[kind][mr](t);
  }
}

/* A box of outputs: images, rows, columns, panels. */
typedef struct FNN(conv_box) {
  ptrdiff_t n0, n1, i0, i1, j0, j1, p0, p1;
} FNN(conv_box);

static void FNN(conv_do_box)(const FNN(conv_plan) * p, FNN(conv_box) b) {
  FNN(conv_tile) t;
  const int joined = p->cols.dilation == 1 && p->x_col == p->c && !p->depthwise; /* a row of the patch is one run */
  const ptrdiff_t w_tap = p->depthwise ? fnn_round_up(p->oc, VL) : p->c * VL;
  t.act = p->act;
  t.slope = p->slope;
  t.all_bias = p->bias;
  t.w_row = p->cols.taps * w_tap;
  t.w_panel = p->rows.taps * t.w_row;
  t.x_row = p->rows.dilation * p->x_row;
  t.x_run = p->cols.dilation * p->x_col;
  for (ptrdiff_t panel = b.p0; panel < b.p1; panel += CONV_PANELS) {
    const ptrdiff_t o = panel * VL;
    t.n = p->oc - o;
    const int kind = p->depthwise ? 2 : t.n > NARROW;
    for (ptrdiff_t u = 0; u < CONV_PANELS; u++)
      v_store(t.bias + u * VL, p->bias ? v_load_n(p->bias + o + u * VL, fnn_min(VL, fnn_max(0, t.n - u * VL))) : v_zero());
    for (ptrdiff_t i = b.i0, i1; i < b.i1; i = i1) {
      fnn_interval taps_y, taps_x;
      i1 = fnn_axis_alike(&p->rows, i, b.i1, &taps_y);
      for (ptrdiff_t j = b.j0, j1; j < b.j1; j = j1) {
        j1 = fnn_axis_alike(&p->cols, j, b.j1, &taps_x);
        t.w = p->w + panel * t.w_panel + (taps_y.begin * p->cols.taps + taps_x.begin) * w_tap;
        t.rows = taps_y.end - taps_y.begin;
        t.runs = joined ? 1 : taps_x.end - taps_x.begin;
        t.run = p->depthwise ? w_tap : joined ? (taps_x.end - taps_x.begin) * p->c : p->c;
        FNN(conv_alike)(p, &t, kind, taps_y, taps_x, b.n0, b.n1, i, i1, j, j1, p->y + o);
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

static void FNN(conv2d_fwd)(const fnn_conv2d_fwd_args *a, int ith, int nth) {
  CONV_AXES(a);
  const int depthwise = fnn_conv2d_depthwise(a->c, a->oc, a->groups);
  const ptrdiff_t groups = depthwise ? 1 : a->groups, c = a->c / groups, oc = a->oc / groups;
  FNN(conv_plan) p = {rows, cols, a->x, a->packed, a->bias, a->y, a->h * a->w * a->c, a->w * a->c, a->c,
                      a->oh * a->ow * a->oc, a->ow * a->oc, a->oc, c, oc, depthwise, (int)a->act, (T)a->slope};
  ptrdiff_t n = a->n;
  if (a->kh * a->kw * a->sh * a->sw == 1 && a->h == a->oh && a->w == a->ow && !a->ph && !a->pw) { /* a matrix product */
    p.rows.in = p.rows.out = 1;
    p.cols.in = p.cols.out = n * a->h * a->w;
    n = 1;
  }
  for (ptrdiff_t group = 0; group < groups; group++) {
    FNN(conv_run)(&p, n, ith, nth);
    p.x += c;
    p.y += oc;
    p.w += a->kh * a->kw * c * fnn_round_up(oc, VL);
    if (p.bias) p.bias += oc;
  }
}

static void FNN(conv2d_bwd_input)(const fnn_conv2d_bwd_input_args *a, int ith, int nth) {
  CONV_AXES(a);
  const int depthwise = fnn_conv2d_depthwise(a->c, a->oc, a->groups);
  const ptrdiff_t groups = depthwise ? 1 : a->groups, c = a->c / groups, oc = a->oc / groups;
  const int product = a->kh * a->kw * a->sh * a->sw == 1 && a->h == a->oh && a->w == a->ow && !a->ph && !a->pw;
  FNN(conv_plan) p = {rows, cols, a->dy, a->packed, NULL, a->dx, a->oh * a->ow * a->oc, a->ow * a->oc, a->oc,
                      a->h * a->w * a->c, a->sh * a->w * a->c, a->sw * a->c, oc, c, depthwise, FNN_LINEAR, 0};
  for (ptrdiff_t group = 0; group < groups; group++) {
    T *dx = a->dx;
    p.x = (const T *)a->dy + group * oc;
    for (ptrdiff_t py = 0; py < a->sh; py++)
      for (ptrdiff_t px = 0; px < a->sw; px++) {
        ptrdiff_t n = a->n;
        p.rows = fnn_axis_phase(&rows, py).axis;
        p.cols = fnn_axis_phase(&cols, px).axis;
        p.y = dx + (py * a->w + px) * a->c + group * c;
        if (product) {
          p.rows.in = p.rows.out = 1;
          p.cols.in = p.cols.out = n * a->h * a->w;
          n = 1;
        }
        FNN(conv_run)(&p, n, ith, nth);
        p.w += p.rows.taps * p.cols.taps * (depthwise ? 1 : oc) * fnn_round_up(c, VL);
      }
  }
}

/* ---- backward to the kernel ----------------------------------------------------------------------------------- */
/* A tile of the kernel's gradient: rows are numbers of the patch, columns output channels. */
typedef struct FNN(conv_grad_tile) {
  const T *x, *dy;                  /* at the first pixel */
  ptrdiff_t images, rows, pixels;
  ptrdiff_t x_image, x_row, x_col;  /* steps from pixel to pixel */
  ptrdiff_t dy_image, dy_row, dy_col;
  T *dw;
  ptrdiff_t dw_row;
  ptrdiff_t n; /* columns that exist */
  int add;     /* to what dw holds, else from zero */
  const char *ahead; /* what the next slice will read, fetched into L2 a line per pixel */
  ptrdiff_t ahead_step;
  ptrdiff_t x_at[CONV_KR], dw_at[CONV_KR]; /* several taps: where the rows lie in the patch and in dw */
} FNN(conv_grad_tile);

/* Rows lie at x_at and dw_at where scattered, else they follow each other; depthwise, they are taps, and columns are
 * channels of x and dy alike. tail: fewer columns than the tile has. */
#define IN_PART(u) (tail && (NU > 2 || (u) == nu - 1)) /* whether register u may be partly used */
FNN_INLINE void FNN(conv_grad_any)(const int mr, const int nu, const int scattered, const int depthwise, const int tail,
                                   const FNN(conv_grad_tile) * t) {
  reg acc[CONV_CR][NU];
  const T *x[CONV_CR];
  ptrdiff_t lanes[NU];
  const char *ahead = t->ahead;
  FNN_UNROLL for (int u = 0; u < nu; u++) lanes[u] = IN_PART(u) ? fnn_min(RL, fnn_max(0, t->n - u * RL)) : RL;
  FNN_UNROLL for (int i = 0; i < mr; i++) {
    T *dw = t->dw + (scattered ? t->dw_at[i] : i * t->dw_row);
    if (scattered) x[i] = t->x + t->x_at[i];
    FNN_UNROLL for (int u = 0; u < nu; u++)
      acc[i][u] = !t->add ? r_zero() : IN_PART(u) ? r_load_n(dw + u * RL, lanes[u]) : r_load(dw + u * RL);
  }
  for (ptrdiff_t image = 0; image < t->images; image++)
    for (ptrdiff_t row = 0; row < t->rows; row++) {
      const ptrdiff_t x_col = t->x_col, dy_col = t->dy_col, ahead_step = t->ahead_step;
      ptrdiff_t at = image * t->x_image + row * t->x_row;
      const T *first = t->x + at;
      const T *dy = t->dy + image * t->dy_image + row * t->dy_row;
      for (ptrdiff_t pixel = t->pixels; pixel > 0; pixel--) {
        reg b[NU];
        FNN_UNROLL for (int u = 0; u < nu; u++) b[u] = IN_PART(u) ? r_load_n(dy + u * RL, lanes[u]) : r_load(dy + u * RL);
        FNN_UNROLL for (int i = 0; i < mr; i++) {
          const T *v = scattered ? x[i] + at : first + i;
          FNN_UNROLL for (int u = 0; u < nu; u++) {
            reg a = !depthwise ? r_set1(*v) : IN_PART(u) ? r_load_n(v + u * RL, lanes[u]) : r_load(v + u * RL);
            acc[i][u] = r_fma(a, b[u], acc[i][u]);
          }
        }
        if (!scattered) {
          __builtin_prefetch(ahead, 0, 2);
          ahead += ahead_step;
        }
        dy += dy_col;
        at += x_col;
        first += x_col;
      }
    }
  FNN_UNROLL for (int i = 0; i < mr; i++) {
    T *dw = t->dw + (scattered ? t->dw_at[i] : i * t->dw_row);
    FNN_UNROLL for (int u = 0; u < nu; u++) {
      if (IN_PART(u))
        r_store_n(dw + u * RL, acc[i][u], lanes[u]);
      else
        r_store(dw + u * RL, acc[i][u]);
    }
  }
}

#define CONV_TILE(mr, name, nu, scattered, depthwise, tail)                                    \
  static __attribute__((noinline)) void FNN(tile_conv_##name)(const FNN(conv_grad_tile) * t) { \
    FNN(conv_grad_any)(mr, nu, scattered, depthwise, tail, t);                                 \
  }
#define CONV_CHANNELS(mr)                          \
  CONV_TILE(mr, grad_##mr##_half, NU / 2, 0, 0, 0) \
  CONV_TILE(mr, grad_##mr##_full, NU, 0, 0, 0)     \
  CONV_TILE(mr, grad_tail_##mr##_half, NU / 2, 0, 0, 1) \
  CONV_TILE(mr, grad_tail_##mr##_full, NU, 0, 0, 1)
#define CONV_TAPS(mr)                                     \
  CONV_TILE(mr, taps_##mr##_half, NU / 2, 1, 0, 0)        \
  CONV_TILE(mr, taps_##mr##_full, NU, 1, 0, 0)            \
  CONV_TILE(mr, taps_tail_##mr##_half, NU / 2, 1, 0, 1)   \
  CONV_TILE(mr, taps_tail_##mr##_full, NU, 1, 0, 1)       \
  CONV_TILE(mr, depthwise_taps_##mr, NU / 2, 1, 1, 0)     \
  CONV_TILE(mr, depthwise_taps_tail_##mr, NU / 2, 1, 1, 1)
CONV_CHANNEL_TILES(CONV_CHANNELS)
CONV_TAPS_TILES(CONV_TAPS)
typedef void (*FNN(conv_grad_fn))(const FNN(conv_grad_tile) *);
/* [rows][tail][wide] */
#define CONV_ENTRY(mr)                                                  \
  {{FNN(tile_conv_grad_##mr##_half), FNN(tile_conv_grad_##mr##_full)},  \
   {FNN(tile_conv_grad_tail_##mr##_half), FNN(tile_conv_grad_tail_##mr##_full)}},
static const FNN(conv_grad_fn) FNN(conv_grad_tiles)[CONV_CR + 1][2][2] = {{{0}}, CONV_CHANNEL_TILES(CONV_ENTRY)};
#undef CONV_ENTRY
/* [rows][tail][wide, or 2: depthwise] */
#define CONV_ENTRY(mr)                                                                                      \
  {{FNN(tile_conv_taps_##mr##_half), FNN(tile_conv_taps_##mr##_full), FNN(tile_conv_depthwise_taps_##mr)},  \
   {FNN(tile_conv_taps_tail_##mr##_half), FNN(tile_conv_taps_tail_##mr##_full),                             \
    FNN(tile_conv_depthwise_taps_tail_##mr)}},
static const FNN(conv_grad_fn) FNN(conv_taps_tiles)[CONV_KR + 1][2][3] = {{{0}}, CONV_TAPS_TILES(CONV_ENTRY)};
#undef CONV_ENTRY
#undef CONV_TILE
#undef CONV_CHANNELS
#undef CONV_TAPS
#undef IN_PART

/* What both kinds of tiles need of images [n0, n1) and output rows [i0, i1). */
typedef struct FNN(conv_grad_plan) {
  fnn_axis rows, cols;
  const T *x, *dy;
  T *dw;
  ptrdiff_t c, oc, kernels;    /* of a group; groups times blocks of output channels */
  ptrdiff_t all_c, all_oc;
  ptrdiff_t blocks, tiles;     /* blocks of output channels in a group; tiles of input channels */
  int depthwise;               /* one group of blocks of channels, c = 1 */
} FNN(conv_grad_plan);

/* The block of output channels `block`: columns of dw, dy and its group's part of x. */
static FNN(conv_grad_tile) FNN(conv_grad_block)(const FNN(conv_grad_plan) * p, ptrdiff_t block) {
  const ptrdiff_t width = p->depthwise ? NARROW : CONV_PANELS * VL, group = block / p->blocks, o = block % p->blocks * width;
  FNN(conv_grad_tile) t = {.x = p->x + (p->depthwise ? o : group * p->c), .dy = p->dy + group * p->oc + o, .dw = p->dw + group * p->oc + o,
                           .dw_row = p->all_oc, .n = fnn_min(p->oc - o, width),
                           .x_col = p->cols.stride * p->all_c, .x_row = p->rows.stride * p->cols.in * p->all_c,
                           .x_image = p->rows.in * p->cols.in * p->all_c, .dy_col = p->all_oc,
                           .dy_row = p->cols.out * p->all_oc, .dy_image = p->rows.out * p->cols.out * p->all_oc};
  return t;
}

/* Sets the pixels of a tile: images [n0, n1), rows i, columns j, seen through tap (r, s). */
static void FNN(conv_grad_pixels)(const FNN(conv_grad_plan) * p, FNN(conv_grad_tile) * t, const FNN(conv_grad_tile) * base,
                                  ptrdiff_t n0, ptrdiff_t n1, fnn_interval i, fnn_interval j, ptrdiff_t r, ptrdiff_t s) {
  t->images = n1 - n0;
  t->rows = fnn_max(0, i.end - i.begin);
  t->pixels = fnn_max(0, j.end - j.begin);
  t->x = base->x + n0 * t->x_image + i.begin * t->x_row + j.begin * t->x_col +
         ((r * p->rows.dilation - p->rows.pad) * p->cols.in + s * p->cols.dilation - p->cols.pad) * p->all_c;
  t->dy = base->dy + n0 * t->dy_image + i.begin * t->dy_row + j.begin * t->dy_col;
  if (t->pixels * t->x_col == t->x_row && t->pixels * t->dy_col == t->dy_row) { /* no gap between rows */
    t->pixels *= t->rows;
    t->rows = 1;
    if (t->pixels * t->x_col == t->x_image && t->pixels * t->dy_col == t->dy_image) {
      t->pixels *= t->images;
      t->images = 1;
    }
  }
  if (t->pixels < 8 && t->images > t->pixels) { /* tiny maps: the innermost loop takes the images */
    ptrdiff_t swap = t->pixels;
    t->pixels = t->images;
    t->images = swap;
    swap = t->x_col;
    t->x_col = t->x_image;
    t->x_image = swap;
    swap = t->dy_col;
    t->dy_col = t->dy_image;
    t->dy_image = swap;
  }
}

/* Tiles [begin, end) of (block, tap, input channels) over some rows of some images. */
static void FNN(conv_grad_channels)(const FNN(conv_grad_plan) * p, ptrdiff_t begin, ptrdiff_t end, ptrdiff_t n0, ptrdiff_t n1,
                                    ptrdiff_t i0, ptrdiff_t i1, int add) {
  /* The slice after this one lies behind it and is about as large. */
  const ptrdiff_t x_image = p->rows.in * p->cols.in * p->all_c, dy_row = p->cols.out * p->all_oc;
  const ptrdiff_t x_row = x_image / fnn_max(1, p->rows.out); /* of x per output row */
  const int whole = i1 - i0 == p->rows.out;
  const char *x_ahead = (const char *)(p->x + (whole ? n1 * x_image : n0 * x_image + i1 * x_row));
  const char *dy_ahead = (const char *)(p->dy + (whole ? n1 * p->rows.out : n0 * p->rows.out + i1) * dy_row);
  const ptrdiff_t x_slice = (n1 - n0) * (i1 - i0) * x_row * (ptrdiff_t)sizeof(T);
  const ptrdiff_t dy_slice = (n1 - n0) * (i1 - i0) * dy_row * (ptrdiff_t)sizeof(T);
  ptrdiff_t fetched = 0;
  const ptrdiff_t taps = p->rows.taps * p->cols.taps;
  for (ptrdiff_t job = begin; job < end;) {
    const ptrdiff_t first = job % p->tiles, tap = job / p->tiles % taps, r = tap / p->cols.taps, s = tap % p->cols.taps;
    const FNN(conv_grad_tile) base = FNN(conv_grad_block)(p, job / p->tiles / taps);
    const int wide = base.n > NARROW, tail = base.n < (wide ? 2 : 1) * NARROW;
    fnn_interval i = fnn_axis_outputs(&p->rows, r), j = fnn_axis_outputs(&p->cols, s);
    i.begin = fnn_max(i.begin, i0);
    i.end = fnn_min(i.end, i1);
    FNN(conv_grad_tile) t = base;
    FNN(conv_grad_pixels)(p, &t, &base, n0, n1, i, j, r, s);
    t.add = add;
    t.dw += tap * p->c * p->all_oc;
    const T *x = t.x;
    T *dw = t.dw;
    for (ptrdiff_t tile = first, c0 = p->c * first / p->tiles, c1; tile < p->tiles && job < end; tile++, job++, c0 = c1) {
      c1 = p->c * (tile + 1) / p->tiles;
      t.x = x + c0;
      t.dw = dw + c0 * p->all_oc;
      t.ahead_step = fetched < x_slice + dy_slice ? 64 : 0;
      t.ahead = fetched < x_slice ? x_ahead + fetched : dy_ahead + fetched - x_slice;
      fetched += t.ahead_step * t.images * t.rows * t.pixels;
      FNN(conv_grad_tiles)[c1 - c0][tail][wide](&t);
    }
  }
}

/* One block, all taps, by pixels that are alike: any numbers of the patch make a tile. dw holds sums already. */
static void FNN(conv_grad_taps)(const FNN(conv_grad_plan) * p, ptrdiff_t block, ptrdiff_t n0, ptrdiff_t n1) {
  const FNN(conv_grad_tile) base = FNN(conv_grad_block)(p, block);
  const int wide = base.n > NARROW, tail = base.n < (wide ? 2 : 1) * NARROW, kind = p->depthwise ? 2 : wide;
  for (ptrdiff_t i = 0, i1; i < p->rows.out; i = i1) {
    fnn_interval taps_y, taps_x;
    i1 = fnn_axis_alike(&p->rows, i, p->rows.out, &taps_y);
    for (ptrdiff_t j = 0, j1; j < p->cols.out; j = j1) {
      j1 = fnn_axis_alike(&p->cols, j, p->cols.out, &taps_x);
      FNN(conv_grad_tile) t = base;
      FNN(conv_grad_pixels)(p, &t, &base, n0, n1, (fnn_interval){i, i1}, (fnn_interval){j, j1}, 0, 0);
      t.add = 1;
      const ptrdiff_t width = (taps_x.end - taps_x.begin) * p->c, count = (taps_y.end - taps_y.begin) * width;
      const ptrdiff_t tiles = fnn_ceil_div(count, CONV_KR);
      for (ptrdiff_t tile = 0, row = 0; tile < tiles; tile++) {
        int mr = 0;
        for (; row < count * (tile + 1) / tiles; row++, mr++) {
          const ptrdiff_t r = taps_y.begin + row / width, s = taps_x.begin + row % width / p->c, c = row % p->c;
          t.x_at[mr] = (r * p->rows.dilation * p->cols.in + s * p->cols.dilation) * p->all_c + c;
          t.dw_at[mr] = ((r * p->cols.taps + s) * p->c + c) * p->all_oc;
        }
        FNN(conv_taps_tiles)[mr][tail][kind](&t);
      }
    }
  }
}

/* One block's part of the bias's gradient: the sum of dy over the pixels [begin, end) of all images, added to what is
 * there. Four chains, and a sum of its own for each slice: no adder waits, and the error stays small. */
static void FNN(conv_grad_bias)(const FNN(conv_grad_plan) * p, T *dbias, ptrdiff_t block, ptrdiff_t begin, ptrdiff_t end, int add) {
  const FNN(conv_grad_tile) t = FNN(conv_grad_block)(p, block);
  const ptrdiff_t step = t.dy_col;
  dbias += t.dy - p->dy;
  for (ptrdiff_t o = 0; o < t.n; o += VL) {
    const ptrdiff_t lanes = fnn_min(VL, t.n - o);
    const T *dy = t.dy + begin * step + o;
    vec sum[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
    ptrdiff_t k = begin;
    for (; k + 4 <= end; k += 4, dy += 4 * step)
      for (int q = 0; q < 4; q++) sum[q] = v_add(sum[q], v_load_n(dy + q * step, lanes));
    for (; k < end; k++, dy += step) sum[0] = v_add(sum[0], v_load_n(dy, lanes));
    const vec all = v_add(v_add(sum[0], sum[1]), v_add(sum[2], sum[3]));
    v_store_n(dbias + o, add ? v_add(v_load_n(dbias + o, lanes), all) : all, lanes);
  }
}

static void FNN(conv2d_bwd_kernel)(const fnn_conv2d_bwd_kernel_args *a, int ith, int nth) {
  CONV_AXES(a);
  const int depthwise = fnn_conv2d_depthwise(a->c, a->oc, a->groups);
  const ptrdiff_t groups = depthwise ? 1 : a->groups, c = depthwise ? 1 : a->c / groups, oc = a->oc / groups;
  const ptrdiff_t chunks = fnn_conv2d_chunks(a->n, a->kh * a->kw, a->c, a->oc, a->groups), size = a->kh * a->kw * c * a->oc;
  const ptrdiff_t blocks = fnn_ceil_div(oc, depthwise ? NARROW : CONV_PANELS * VL);
  FNN(conv_grad_plan) p = {rows, cols, a->x, a->dy, a->parts, c, oc, groups * blocks, a->c, a->oc, blocks,
                           fnn_ceil_div(c, CONV_CR), depthwise};
  /* What is worked on together: some rows of an image, or some images, that stay in a cache while all tiles pass. */
  const int few = c < CONV_FEW;
  const ptrdiff_t jobs = p.kernels * (few ? 1 : a->kh * a->kw * p.tiles);
  const ptrdiff_t dy_channels = few ? a->oc : fnn_min(a->oc, 2 * VL), budget = few ? CONV_L2 : CONV_SLICE;
  const ptrdiff_t image = (a->h * a->w * a->c + a->oh * a->ow * dy_channels) * (ptrdiff_t)sizeof(T);
  const ptrdiff_t images = fnn_max(1, budget / fnn_max(1, image));
  ptrdiff_t high = a->oh;
  if (!few && image > budget) high = fnn_max(fnn_ceil_div(CONV_SLICE_PIXELS, fnn_max(1, a->ow)), a->oh * budget / image);
  high = fnn_max(1, fnn_min(a->oh, high));
  ptrdiff_t begin, end;
  fnn_share(chunks * jobs, 1, ith, nth, &begin, &end);
  for (ptrdiff_t job = begin, stop; job < end; job = stop) {
    const ptrdiff_t chunk = job / jobs, n_end = a->n * (chunk + 1) / chunks;
    stop = fnn_min(end, (chunk + 1) * jobs);
    p.dw = (T *)a->parts + chunk * size;
    /* Jobs of one block follow each other; who has a block's first job also sums its bias. */
    const ptrdiff_t first = job % jobs, last = (stop - 1) % jobs, per_block = jobs / p.kernels;
    const ptrdiff_t bias0 = a->bias_parts ? fnn_ceil_div(first, per_block) : 0, bias1 = a->bias_parts ? last / per_block + 1 : 0;
    T *dbias = a->bias_parts ? (T *)a->bias_parts + chunk * a->oc : NULL;
    if (few)
      for (ptrdiff_t block = first; block <= last; block++) {
        const FNN(conv_grad_tile) t = FNN(conv_grad_block)(&p, block);
        for (ptrdiff_t k = 0; k < a->kh * a->kw * c; k++) memset(t.dw + k * a->oc, 0, (size_t)t.n * sizeof(T));
      }
    ptrdiff_t n = a->n * chunk / chunks;
    int add = 0;
    do {
      const ptrdiff_t n1 = fnn_min(n_end, n + images);
      for (ptrdiff_t i = 0; i < fnn_max(1, a->oh); i += high, add = 1) {
        const ptrdiff_t i1 = fnn_min(a->oh, i + high);
        for (ptrdiff_t block = bias0; block < bias1; block++)
          FNN(conv_grad_bias)(&p, dbias, block, (n * a->oh + i) * a->ow, ((n1 - 1) * a->oh + i1) * a->ow, add);
        if (few)
          for (ptrdiff_t block = first; block <= last; block++) FNN(conv_grad_taps)(&p, block, n, n1);
        else
          FNN(conv_grad_channels)(&p, first, last + 1, n, n1, i, i1, add);
      }
      n = n1;
    } while (n < n_end);
  }
}

static void FNN(conv2d_add_parts)(const fnn_conv2d_add_parts_args *a, int ith, int nth) {
  const T *parts = a->parts;
  T *sum = a->sum;
  ptrdiff_t begin, end;
  fnn_share(a->size, VL, ith, nth, &begin, &end);
  for (ptrdiff_t i = begin; i < end; i += VL) {
    const ptrdiff_t lanes = fnn_min(VL, end - i);
    vec sums[16];
    for (ptrdiff_t k = 0; k < a->parts_n; k++) sums[k] = v_load_n(parts + k * a->size + i, lanes);
    for (ptrdiff_t gap = 1; gap < a->parts_n; gap *= 2)
      for (ptrdiff_t k = 0; k + gap < a->parts_n; k += 2 * gap) sums[k] = v_add(sums[k], sums[k + gap]);
    v_store_n(sum + i, sums[0], lanes);
  }
}

#undef RU
#undef NU
#undef NARROW
#undef CONV_AXES
