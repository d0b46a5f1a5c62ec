/* conv2d_bwd_kernel.c: the gradient of a convolution's kernel (conv2d.c says what the convolution is), and of its bias.
 *
 *   dkernel[r,s,c,o] = sum over n, i, j of x[n, i*sh + r*dh - ph, j*sw + s*dw - pw, c] * dy[n,i,j,o]
 *
 * A tile of the kernel's gradient (input channels of one tap by output channels) stays in registers and runs over the
 * pixels that have this tap inside of x; with few input channels the tile takes columns of several taps. Tiles are shared
 * by threads; where they are few, image chunks are (fnn_conv2d_chunks), and conv2d_add_parts adds.
 * After: Georganas et al., arXiv:1808.05567. */

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

/* Rows lie at x_at and dw_at where scattered, else they follow each other. tail: fewer columns than the tile has. */
#define IN_PART(u) (tail && (NU > 2 || (u) == nu - 1)) /* whether register u may be partly used */
FNN_INLINE void FNN(conv_grad_any)(const int mr, const int nu, const int scattered, const int tail,
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
          const reg a = r_set1(*v);
          FNN_UNROLL for (int u = 0; u < nu; u++) acc[i][u] = r_fma(a, b[u], acc[i][u]);
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

#define CONV_TILE(mr, name, nu, scattered, tail)                                               \
  static __attribute__((noinline)) void FNN(tile_conv_##name)(const FNN(conv_grad_tile) * t) { \
    FNN(conv_grad_any)(mr, nu, scattered, tail, t);                                            \
  }
#define CONV_GRADS(mr, name, scattered)                           \
  CONV_TILE(mr, name##_##mr##_half, NU / 2, scattered, 0)         \
  CONV_TILE(mr, name##_##mr##_full, NU, scattered, 0)             \
  CONV_TILE(mr, name##_tail_##mr##_half, NU / 2, scattered, 1)    \
  CONV_TILE(mr, name##_tail_##mr##_full, NU, scattered, 1)
#define CONV_CHANNELS(mr) CONV_GRADS(mr, grad, 0)
#define CONV_TAPS(mr) CONV_GRADS(mr, taps, 1)
CONV_CHANNEL_TILES(CONV_CHANNELS)
CONV_TAPS_TILES(CONV_TAPS)
typedef void (*FNN(conv_grad_fn))(const FNN(conv_grad_tile) *);
/* [rows][tail][wide] */
#define CONV_ENTRY(mr, name)                                                  \
  {{FNN(tile_conv_##name##_##mr##_half), FNN(tile_conv_##name##_##mr##_full)},  \
   {FNN(tile_conv_##name##_tail_##mr##_half), FNN(tile_conv_##name##_tail_##mr##_full)}},
#define CONV_CHANNELS_ENTRY(mr) CONV_ENTRY(mr, grad)
#define CONV_TAPS_ENTRY(mr) CONV_ENTRY(mr, taps)
static const FNN(conv_grad_fn) FNN(conv_grad_tiles)[CONV_CR + 1][2][2] = {{{0}}, CONV_CHANNEL_TILES(CONV_CHANNELS_ENTRY)};
static const FNN(conv_grad_fn) FNN(conv_taps_tiles)[CONV_KR + 1][2][2] = {{{0}}, CONV_TAPS_TILES(CONV_TAPS_ENTRY)};
#undef CONV_CHANNELS_ENTRY
#undef CONV_TAPS_ENTRY
#undef CONV_ENTRY
#undef CONV_TILE
#undef CONV_CHANNELS
#undef CONV_TAPS
#undef CONV_GRADS
#undef IN_PART

/* What both kinds of tiles need of images [n0, n1) and output rows [i0, i1). */
typedef struct FNN(conv_grad_plan) {
  fnn_axis rows, cols;
  const T *x, *dy;
  T *dw;
  ptrdiff_t c, oc, kernels;    /* of a group; groups times blocks of output channels */
  ptrdiff_t all_c, all_oc;
  ptrdiff_t blocks, tiles;     /* blocks of output channels in a group; tiles of input channels */
} FNN(conv_grad_plan);

/* The block of output channels `block`: columns of dw, dy and its group's part of x. */
static FNN(conv_grad_tile) FNN(conv_grad_block)(const FNN(conv_grad_plan) * p, ptrdiff_t block) {
  const ptrdiff_t width = CONV_PANELS * VL, group = block / p->blocks, o = block % p->blocks * width;
  FNN(conv_grad_tile) t = {.x = p->x + group * p->c, .dy = p->dy + group * p->oc + o, .dw = p->dw + group * p->oc + o,
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
  const int wide = base.n > NARROW, tail = base.n < (wide ? 2 : 1) * NARROW;
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
        FNN(conv_taps_tiles)[mr][tail][wide](&t);
      }
    }
  }
}

/* dbias, of n channels, + the sum of `pixels` pixels. Four chains, and a sum of its own for each call: no adder waits, and
 * the error stays small. */
static void FNN(conv_sum_pixels)(T *dbias, const T *dy, ptrdiff_t step, ptrdiff_t pixels, ptrdiff_t n, int add) {
  for (ptrdiff_t o = 0; o < n; o += VL) {
    const ptrdiff_t lanes = fnn_min(VL, n - o);
    const T *at = dy + o;
    vec sum[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
    ptrdiff_t k = pixels;
    for (; k >= 4; k -= 4, at += 4 * step)
      for (int q = 0; q < 4; q++) sum[q] = v_add(sum[q], v_load_n(at + q * step, lanes));
    for (; k > 0; k--, at += step) sum[0] = v_add(sum[0], v_load_n(at, lanes));
    const vec all = v_add(v_add(sum[0], sum[1]), v_add(sum[2], sum[3]));
    v_store_n(dbias + o, add ? v_add(v_load_n(dbias + o, lanes), all) : all, lanes);
  }
}

/* One block's part of the bias's gradient: the sum of dy over the pixels [begin, end) of all images, or that much more. */
static void FNN(conv_grad_bias)(const FNN(conv_grad_plan) * p, T *dbias, ptrdiff_t block, ptrdiff_t begin, ptrdiff_t end, int add) {
  const FNN(conv_grad_tile) t = FNN(conv_grad_block)(p, block);
  FNN(conv_sum_pixels)(dbias + (t.dy - p->dy), t.dy + begin * t.dy_col, t.dy_col, end - begin, t.n, add);
}

#include "conv2d_depthwise_bwd.c"

static void FNN(conv2d_bwd_kernel)(const fnn_conv2d_bwd_kernel_args *a, int ith, int nth) {
  if (fnn_conv2d_depthwise(a->c, a->oc, a->groups)) {
    FNN(conv2d_depthwise_bwd_kernel)(a, ith, nth);
    return;
  }
  CONV_AXES(a);
  const ptrdiff_t groups = a->groups, c = a->c / groups, oc = a->oc / groups;
  const ptrdiff_t chunks = fnn_conv2d_chunks(a->n, a->kh * a->kw, a->c, a->oc, a->groups), size = a->kh * a->kw * c * a->oc;
  const ptrdiff_t blocks = fnn_ceil_div(oc, CONV_PANELS * VL);
  FNN(conv_grad_plan) p = {rows, cols, a->x, a->dy, a->parts, c, oc, groups * blocks, a->c, a->oc, blocks,
                           fnn_ceil_div(c, CONV_CR)};
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
