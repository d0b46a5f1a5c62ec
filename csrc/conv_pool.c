/* conv_pool.c: 2-D convolution, bias, activation and max-pooling as one operation, channels last.
 *
 *   y[n,i,j,o] = max over r < pool_h, s < pool_w of act(conv(x, kernel) + bias)[n, i*pool_sh + r, j*pool_sw + s, o]
 *
 * or, normalized, of act((conv(x, kernel) + bias - mean) * scale + beta).
 *
 * The convolution's outputs are never stored, and those that no window covers are not computed. The bits are those of
 * conv2d_fwd followed by max_pool_fwd (but for a vector of input channels and few outputs, which conv2d_fwd alone sums in
 * another order, conv2d_dots.c): every output is the same chain of fused multiply-adds over (r, s, c), the winner is the
 * first largest value in row-major order, a NaN wins. `code` (for the gradient) is the winner's r*pool_w + s, or
 * 255 where the gradient is zero: with relu, if no value of the window is positive.
 *
 * 2x2 and 3x3 windows that follow each other without gap or overlap, and whose patches no border cuts, are register
 * tiles: the pixels of one window or several, times CONV_PANELS panels of channels, stay in registers while k runs and
 * are pooled there. They lie at fixed distances from one pointer, so a few pointers and one step address them all
 * (conv2d.c's tiles, with a pointer for each pixel, cannot have as many). All other windows, and those of
 * values that are normalized, are pooled from blocks of pixels that conv2d.c's tiles leave in scratch memory small enough for the L1 cache.
 *
 * ith/nth splits images and rows of windows, or panels or columns where those are few. */

/* ---- once per translation unit ------------------------------------------------------------------------------ */
#ifndef FNN_CONV_POOL_ONCE
#define FNN_CONV_POOL_ONCE
/* X(rows and columns of a window, windows side by side). Registers: AVX-512 12 pixels x 2 + 2 weights + 1 broadcast of
 * 32, AVX2 4 x 2 + 2 + 1 of 16, NEON 4 x 4 + 4 + 1 of 32. */
#if defined FNN_SIMD_AVX512_H
#define CONV_POOL_TILES(X) X(2, 1) X(2, 2) X(2, 3) X(3, 1)
#define CONV_POOL_PATCH PTRDIFF_MAX
#elif defined FNN_SIMD_AVX2_H || defined FNN_SIMD_NEON_H
#define CONV_POOL_TILES(X) X(2, 1)
#define CONV_POOL_PATCH 64 /* longer sums: conv2d.c's tiles have more accumulators at work */
#else
#define CONV_POOL_TILES(X)
#define CONV_POOL_PATCH 0
#endif
#define CONV_POOL_WINDOWS 3 /* the most windows of a tile */
#define CONV_POOL_PIXELS 12 /* the most pixels of a tile */
#endif

#define RU (VL / RL)

/* ---- a tile of windows by panels -------------------------------------------------------------------------------- */
typedef struct FNN(conv_pool_tile) {
  const T *x;                 /* the first pixel's patch */
  ptrdiff_t x_down, x_right;  /* from pixel to pixel */
  const T *w;                 /* first panel */
  ptrdiff_t w_panel;          /* to the next */
  ptrdiff_t runs, run;        /* contiguous runs of a patch, their length */
  ptrdiff_t across;           /* runs in a row of the patch */
  ptrdiff_t x_next, x_row;    /* from a run's end to the next run in the row, in the next row */
  T *y;                       /* the first window's channels */
  uint8_t *code;              /* or NULL */
  ptrdiff_t y_right;          /* from window to window */
  ptrdiff_t n;                /* channels to store */
  ptrdiff_t tiles;            /* so many, side by side */
  int act;
  T slope;
  T bias[CONV_PANELS * VL];
  ivec codes[10];             /* 0 ... 8 and 255: cheaper from memory than through general registers */
} FNN(conv_pool_tile);

/* Fewer channels than a panel has. */
static __attribute__((noinline)) void FNN(conv_pool_store_part)(const FNN(conv_pool_tile) * t, ptrdiff_t at, ptrdiff_t lanes,
                                                                const T *y, const ivec *winner) {
  if (t->code) FNN(store_codes)(t->code, 1, at, *winner, (int)lanes);
  v_store_n(t->y + at, v_load(y), lanes);
}

/* One panel of a window's value and winner. */
FNN_INLINE void FNN(conv_pool_store)(const FNN(conv_pool_tile) * t, ptrdiff_t at, int panel, vec y, ivec winner) {
  const ptrdiff_t lanes = t->n - panel * VL;
  if (t->code && t->act == FNN_RELU) winner = i_sel(v_gt(y, v_zero()), winner, t->codes[9]);
  if (lanes < VL) {
    T part[VL];
    v_store(part, y);
    FNN(conv_pool_store_part)(t, at, lanes, part, &winner);
  } else {
    if (t->code) i_store_u8(t->code + at, winner);
    v_store(t->y + at, y);
  }
}

/* A window with leaky_relu, or with a NaN or an infinity among its values before the activation. */
static __attribute__((noinline)) void FNN(conv_pool_any)(const FNN(conv_pool_tile) * t, ptrdiff_t at, int panel, int size,
                                                         T *pixels) {
  ivec winner;
  for (int p = 0; t->act != FNN_LINEAR && p < size * size; p++) {
    const vec v = v_load(pixels + p * VL), positive = v_max(v_zero(), v);
    const vec negative = v_mul(v_set1(-t->slope), v_max(v_zero(), v_mul(v, v_set1(-1))));
    v_store(pixels + p * VL, t->act == FNN_RELU ? positive : v_add(positive, negative));
  }
  const vec y = FNN(max_at)(pixels, size, size, size * VL, VL, 0, size, VL, t->code != NULL, &winner);
  FNN(conv_pool_store)(t, at, panel, y, winner);
}

/* A window of finite values: the largest, of equals the first. relu is applied to it alone: where it is not positive
 * all values become zeros, and the result is the first of them with its sign. */
FNN_INLINE void FNN(conv_pool_window)(const FNN(conv_pool_tile) * t, ptrdiff_t at, int panel, const int size, const vec *v) {
  vec best[3];
  FNN_UNROLL for (int r = 0; r < size; r++) {
    best[r] = v[r * size];
    FNN_UNROLL for (int c = 1; c < size; c++) best[r] = v_max(v[r * size + c], best[r]);
  }
  vec y = best[0];
  FNN_UNROLL for (int r = 1; r < size; r++) y = v_max(best[r], y);
  ivec winner = t->codes[0];
  if (t->code) /* each row's winner, then the winning row's: short chains */
    FNN_UNROLL for (int r = size - 1; r >= 0; r--) {
      ivec first = t->codes[r * size + size - 1];
      FNN_UNROLL for (int c = size - 2; c >= 0; c--)
        first = i_sel(v_eq(v[r * size + c], best[r]), t->codes[r * size + c], first);
      winner = r == size - 1 ? first : i_sel(v_eq(best[r], y), first, winner);
    }
  FNN(conv_pool_store)(t, at, panel, t->act == FNN_RELU ? v_max(y, v_max(v_zero(), v[0])) : y, winner);
}

/* Rows of pixels have a pointer for every three columns: p, p + right, p + 2 right are addressing modes of x86. */
FNN_INLINE void FNN(conv_pool_tile_any)(const int size, const int windows, const int panels, const FNN(conv_pool_tile) * t) {
  const int columns = size * windows, groups = (columns + 2) / 3, pixels = size * columns, nu = panels * RU;
  const ptrdiff_t item = (ptrdiff_t)sizeof(T), right = t->x_right * item, w_panel = t->w_panel;
  const T *first = t->x;
  for (ptrdiff_t tile = 0; tile < t->tiles; tile++, first += columns * t->x_right) {
    reg acc[CONV_POOL_PIXELS][CONV_PANELS * RU];
    const char *x[4];
    FNN_UNROLL for (int r = 0; r < size; r++)
      FNN_UNROLL for (int g = 0; g < groups; g++) x[r * groups + g] = (const char *)(first + r * t->x_down) + 3 * g * right;
    FNN_UNROLL for (int u = 0; u < nu; u++) {
      const reg bias = r_load(t->bias + u * RL);
      FNN_UNROLL for (int p = 0; p < pixels; p++) acc[p][u] = bias;
    }
    const T *w = t->w;
    for (ptrdiff_t runs = t->runs, left = t->across; runs > 0; runs--) {
      for (ptrdiff_t k = t->run; k > 0; k--) {
        reg b[CONV_PANELS * RU];
        FNN_UNROLL for (int u = 0; u < nu; u++) b[u] = r_load(w + u / RU * w_panel + u % RU * RL);
        w += VL;
        FNN_UNROLL for (int q = 0; q < size; q++)
          FNN_UNROLL for (int c = 0; c < columns; c++) {
            const reg v = r_set1(*(const T *)(x[q * groups + c / 3] + c % 3 * right));
            FNN_UNROLL for (int u = 0; u < nu; u++) acc[q * columns + c][u] = r_fma(v, b[u], acc[q * columns + c][u]);
          }
        FNN_UNROLL for (int g = 0; g < size * groups; g++) {
          x[g] += item;
          FNN_OPAQUE(x[g]);
        }
      }
      const ptrdiff_t next = --left ? t->x_next : t->x_row;
      if (!left) left = t->across;
      FNN_UNROLL for (int g = 0; g < size * groups; g++) x[g] += next;
    }

    /* A sum that is not finite tells of a NaN or an infinity among the values. */
    reg sums[CONV_PANELS * RU];
    FNN_UNROLL for (int u = 0; u < nu; u++) {
      sums[u] = acc[0][u];
      FNN_UNROLL for (int p = 1; p < pixels; p++) sums[u] = r_add(sums[u], acc[p][u]);
    }
    vec sum = v_join(sums);
    FNN_UNROLL for (int panel = 1; panel < panels; panel++) sum = v_add(sum, v_join(sums + panel * RU));
    const int fast = !m_any(v_ne(v_sub(sum, sum), v_zero())) && t->act != FNN_LEAKY_RELU;
    FNN_UNROLL for (int window = 0; window < windows; window++)
      FNN_UNROLL for (int panel = 0; panel < panels; panel++) {
        const ptrdiff_t at = (tile * windows + window) * t->y_right + panel * VL;
        vec v[9];
        FNN_UNROLL for (int q = 0; q < size; q++)
          FNN_UNROLL for (int c = 0; c < size; c++)
            v[q * size + c] = v_join(acc[q * columns + window * size + c] + panel * RU);
        if (__builtin_expect(fast, 1)) {
          FNN(conv_pool_window)(t, at, panel, size, v);
        } else {
          T values[9 * VL];
          FNN_UNROLL for (int p = 0; p < size * size; p++) v_store(values + p * VL, v[p]);
          FNN(conv_pool_any)(t, at, panel, size, values);
        }
      }
  }
}

typedef void (*FNN(conv_pool_fn))(const FNN(conv_pool_tile) *);
#define CONV_POOL_TILE(size, windows)                                                                             \
  static __attribute__((noinline)) void FNN(tile_conv_pool_##size##_##windows##_half)(const FNN(conv_pool_tile) * t) { \
    FNN(conv_pool_tile_any)(size, windows, 1, t);                                                                 \
  }                                                                                                               \
  static __attribute__((noinline)) void FNN(tile_conv_pool_##size##_##windows##_full)(const FNN(conv_pool_tile) * t) { \
    FNN(conv_pool_tile_any)(size, windows, CONV_PANELS, t);                                                       \
  }
CONV_POOL_TILES(CONV_POOL_TILE)
#undef CONV_POOL_TILE
/* [size][windows][wide] */
#define CONV_POOL_ENTRY(size, windows) \
  [size][windows] = {FNN(tile_conv_pool_##size##_##windows##_half), FNN(tile_conv_pool_##size##_##windows##_full)},
static const FNN(conv_pool_fn) FNN(conv_pool_tiles)[4][CONV_POOL_WINDOWS + 1][2] = {
  [0] = {{0}}, CONV_POOL_TILES(CONV_POOL_ENTRY)};
#undef CONV_POOL_ENTRY

/* ---- boxes of windows ------------------------------------------------------------------------------------------- */
typedef struct FNN(conv_pool_plan) {
  FNN(conv_plan) conv;     /* y: scratch */
  ptrdiff_t ph, pw;        /* windows down and across */
  ptrdiff_t kh, kw, sh, sw; /* of the pool */
  T *y;
  uint8_t *code;
  fnn_interval rows, cols; /* windows whose patches no border cuts */
  T *scratch;
} FNN(conv_pool_plan);

/* Windows of which every pixel sees all taps. */
static fnn_interval FNN(conv_pool_inside)(const fnn_axis *x, ptrdiff_t windows, ptrdiff_t size, ptrdiff_t stride) {
  const ptrdiff_t first = fnn_max(0, fnn_ceil_div_signed(x->pad, x->stride));
  const ptrdiff_t last = fnn_floor_div(x->in - 1 + x->pad - (x->taps - 1) * x->dilation, x->stride);
  const ptrdiff_t begin = fnn_min(windows, fnn_ceil_div(first, stride));
  return (fnn_interval){begin, fnn_max(begin, fnn_min(windows, fnn_floor_div(last - size + 1, stride) + 1))};
}

/* Windows by way of scratch memory, in blocks of pixels that it holds. */
static void FNN(conv_pool_blocks)(const FNN(conv_pool_plan) * p, FNN(conv_box) b) {
  const ptrdiff_t oc = p->conv.oc, o = b.p0 * VL, width = fnn_min(CONV_PANELS * VL, fnn_round_up(oc - o, VL));
  if (b.n0 >= b.n1 || b.i0 >= b.i1 || b.j0 >= b.j1) return;
  /* Windows across, down and images of a block: as many as its pixels allow. */
  const ptrdiff_t most = fnn_conv_pool_pixels(p->kh, p->kw, p->sh, p->sw);
  const ptrdiff_t across = fnn_min(b.j1 - b.j0, (most / p->kh - p->kw) / p->sw + 1), cols = (across - 1) * p->sw + p->kw;
  const ptrdiff_t down = fnn_min(b.i1 - b.i0, fnn_max(0, most / cols - p->kh) / p->sh + 1), rows = (down - 1) * p->sh + p->kh;
  const ptrdiff_t images = across < b.j1 - b.j0 || down < b.i1 - b.i0 ? 1 : fnn_max(1, most / (rows * cols));
  FNN(conv_plan) conv = p->conv;
  conv.y_col = width;
  conv.y_row = cols * width;
  conv.y_image = rows * conv.y_row;
  for (ptrdiff_t n = b.n0; n < b.n1; n += images)
    for (ptrdiff_t i = b.i0; i < b.i1; i += down)
      for (ptrdiff_t j = b.j0; j < b.j1; j += across) {
        const ptrdiff_t n1 = fnn_min(b.n1, n + images), i1 = fnn_min(b.i1, i + down), j1 = fnn_min(b.j1, j + across);
        conv.y = p->scratch - (n * conv.y_image + i * p->sh * conv.y_row + j * p->sw * conv.y_col + o);
        FNN(conv_do_box)(&conv, (FNN(conv_box)){n, n1, i * p->sh, (i1 - 1) * p->sh + p->kh, j * p->sw,
                                                (j1 - 1) * p->sw + p->kw, b.p0, b.p1});
        for (ptrdiff_t image = n; image < n1; image++)
          for (ptrdiff_t row = i; row < i1; row++)
            for (ptrdiff_t col = j; col < j1; col++) {
              const T *x = p->scratch + (image - n) * conv.y_image + (row - i) * p->sh * conv.y_row + (col - j) * p->sw * width;
              const ptrdiff_t at = ((image * p->ph + row) * p->pw + col) * oc + o;
              for (ptrdiff_t c = 0; c < fnn_min(width, oc - o); c += VL) {
                const int lanes = (int)fnn_min(VL, oc - o - c);
                ivec winner;
                vec best;
                if (lanes == VL)
                  best = FNN(max_at)(x + c, p->kh, p->kw, conv.y_row, width, 0, p->kw, VL, p->code != NULL, &winner);
                else
                  best = FNN(max_at)(x + c, p->kh, p->kw, conv.y_row, width, 0, p->kw, lanes, p->code != NULL, &winner);
                v_store_n(p->y + at + c, best, lanes);
                if (p->code) {
                  if (conv.act == FNN_RELU) winner = i_sel(v_gt(best, v_zero()), winner, i_set1(255));
                  FNN(store_codes)(p->code, 1, at + c, winner, lanes);
                }
              }
            }
      }
}

/* Windows inside, by register tiles of up to `most` windows. */
static void FNN(conv_pool_register_tiles)(const FNN(conv_pool_plan) * p, FNN(conv_box) b, ptrdiff_t most) {
  const FNN(conv_plan) *c = &p->conv;
  const int joined = c->cols.dilation == 1; /* a row of the patch is one run */
  const ptrdiff_t o = b.p0 * VL, taps = c->rows.taps * c->cols.taps;
  if (b.n0 >= b.n1 || b.i0 >= b.i1 || b.j0 >= b.j1) return;
  FNN(conv_pool_tile) t;
  t.x_down = c->rows.stride * c->x_row;
  t.x_right = c->cols.stride * c->x_col;
  t.w_panel = taps * c->c * VL;
  t.w = c->w + b.p0 * t.w_panel;
  t.across = joined ? 1 : c->cols.taps;
  t.runs = c->rows.taps * t.across;
  t.run = joined ? c->cols.taps * c->c : c->c;
  t.x_next = (c->cols.dilation * c->x_col - t.run) * (ptrdiff_t)sizeof(T);
  t.x_row = (c->rows.dilation * c->x_row - (t.across - 1) * c->cols.dilation * c->x_col - t.run) * (ptrdiff_t)sizeof(T);
  t.y_right = c->oc;
  t.n = c->oc - o;
  t.act = c->act;
  t.slope = c->slope;
  const int wide = CONV_PANELS > 1 && t.n > VL;
  for (ptrdiff_t u = 0; u < CONV_PANELS; u++)
    v_store(t.bias + u * VL, c->bias ? v_load_n(c->bias + o + u * VL, fnn_min(VL, fnn_max(0, t.n - u * VL))) : v_zero());
  for (int code = 0; code < 10; code++) t.codes[code] = i_set1(code < 9 ? code : 255);
  /* Across, tiles of `least` + 1 windows, then tiles of `least`. */
  const ptrdiff_t across = b.j1 - b.j0, tiles = fnn_ceil_div(across, most), least = across / tiles, longer = across % tiles;
  for (ptrdiff_t n = b.n0; n < b.n1; n++)
    for (ptrdiff_t i = b.i0; i < b.i1; i++) {
      const ptrdiff_t at = ((n * p->ph + i) * p->pw + b.j0) * c->oc + o;
      t.x = c->x + n * c->x_image + (i * p->sh * c->rows.stride - c->rows.pad) * c->x_row +
            (b.j0 * p->sw * c->cols.stride - c->cols.pad) * c->x_col;
      t.y = p->y + at;
      t.code = p->code ? p->code + at : NULL;
      t.tiles = longer;
      if (longer) FNN(conv_pool_tiles)[p->kh][least + 1][wide](&t);
      const ptrdiff_t done = longer * (least + 1);
      t.x += done * p->sw * t.x_right;
      t.y += done * c->oc;
      if (p->code) t.code += done * c->oc;
      t.tiles = tiles - longer;
      FNN(conv_pool_tiles)[p->kh][least][wide](&t);
    }
}

static void FNN(conv_pool_box)(const FNN(conv_pool_plan) * p, FNN(conv_box) b) {
  ptrdiff_t most = 0; /* windows of a register tile */
  if (!p->conv.behind.wanted && p->kh == p->kw && p->kh == p->sh && p->kw == p->sw && p->kh < 4 &&
      p->conv.rows.taps * p->conv.cols.taps * p->conv.c <= CONV_POOL_PATCH)
    for (most = CONV_POOL_WINDOWS; most > 0 && !FNN(conv_pool_tiles)[p->kh][most][0];) most--;
  for (ptrdiff_t panel = b.p0; panel < b.p1; panel += CONV_PANELS) {
    FNN(conv_box) q = b;
    q.p0 = panel;
    q.p1 = fnn_min(b.p1, panel + CONV_PANELS);
    if (most == 0) {
      FNN(conv_pool_blocks)(p, q);
      continue;
    }
    const ptrdiff_t i0 = fnn_max(b.i0, fnn_min(b.i1, p->rows.begin)), i1 = fnn_max(i0, fnn_min(b.i1, p->rows.end));
    const ptrdiff_t j0 = fnn_max(b.j0, fnn_min(b.j1, p->cols.begin)), j1 = fnn_max(j0, fnn_min(b.j1, p->cols.end));
    /* Inside first: it reads x in order, and what follows finds it in the cache. */
    FNN(conv_pool_register_tiles)(p, (FNN(conv_box)){b.n0, b.n1, i0, i1, j0, j1, q.p0, q.p1}, most);
    FNN(conv_pool_blocks)(p, (FNN(conv_box)){b.n0, b.n1, b.i0, i0, b.j0, b.j1, q.p0, q.p1});
    FNN(conv_pool_blocks)(p, (FNN(conv_box)){b.n0, b.n1, i1, b.i1, b.j0, b.j1, q.p0, q.p1});
    FNN(conv_pool_blocks)(p, (FNN(conv_box)){b.n0, b.n1, i0, i1, b.j0, j0, q.p0, q.p1});
    FNN(conv_pool_blocks)(p, (FNN(conv_box)){b.n0, b.n1, i0, i1, j1, b.j1, q.p0, q.p1});
  }
}

static void FNN(conv2d_max_pool_fwd)(const fnn_conv2d_max_pool_fwd_args *a, int ith, int nth) {
  const fnn_axis rows = {a->h, a->oh, a->kh, a->sh, a->dh, a->ph}, cols = {a->w, a->ow, a->kw, a->sw, a->dw, a->pw};
  const ptrdiff_t n = a->n, ph = a->pooled_h, pw = a->pooled_w, panels = fnn_ceil_div(a->oc, VL);
  FNN(conv_pool_plan) p = {
    {rows, cols, a->x, a->packed, a->bias, NULL, a->h * a->w * a->c, a->w * a->c, a->c, 0, 0, 0, a->c, a->oc, 0, 0,
     (int)a->act, (T)a->slope, {a->scale != NULL, a->mean, a->scale, a->beta, 0, 0}, 0},
    ph, pw, a->pool_h, a->pool_w, a->pool_sh, a->pool_sw, a->y, a->code,
    FNN(conv_pool_inside)(&rows, ph, a->pool_h, a->pool_sh), FNN(conv_pool_inside)(&cols, pw, a->pool_w, a->pool_sw),
    (T *)a->scratch + ith * fnn_conv_pool_pixels(a->pool_h, a->pool_w, a->pool_sh, a->pool_sw) * 2 * VL};
  if (n * ph * pw * a->oc == 0) return;
  /* As conv_run shares and blocks pixels, so are windows here. */
  const ptrdiff_t window = (a->sh * a->sw * a->pool_sh * a->pool_sw * a->c + a->oc) * (ptrdiff_t)sizeof(T);
  const ptrdiff_t most = fnn_max(CONV_L2 / fnn_max(1, window), 4 * CONV_MR);
  FNN(conv_box) b = {0, n, 0, ph, 0, pw, 0, panels};
  ptrdiff_t begin = 0, end = n * ph;
  if (nth > 1 && n * ph < 4 * nth) {
    if (panels >= CONV_PANELS * nth)
      fnn_share(panels, CONV_PANELS, ith, nth, &b.p0, &b.p1);
    else
      fnn_share(pw, 1, ith, nth, &b.j0, &b.j1);
  } else {
    fnn_share(n * ph, n % nth && n < 8 * nth ? 1 : ph, ith, nth, &begin, &end);
  }
  if (b.j0 >= b.j1 || b.p0 >= b.p1) return;
  for (ptrdiff_t images, high; begin < end; begin += images * high) {
    b.n0 = begin / ph;
    b.i0 = begin % ph;
    high = fnn_min(ph - b.i0, fnn_min(end - begin, fnn_max(1, most / pw)));
    images = high == ph ? fnn_min((end - begin) / ph, fnn_max(1, most / (ph * pw))) : 1;
    b.n1 = b.n0 + images;
    b.i1 = b.i0 + high;
    FNN(conv_pool_box)(&p, b);
  }
}

#undef RU
