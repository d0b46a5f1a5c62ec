/* conv_pool_bwd.c: the gradient of convolution + max-pooling, from the windows' winners alone.
 *
 * Of the pool_h * pool_w outputs of the convolution under a window only the winner has a gradient (code says which;
 * 255: none has). So the gradient is a sum over winners, exactly: with y, x the winner's place and o its channel,
 *
 *   dx[patch of (y, x)] += dz * kernel[o]        dkernel[o] += dz * x[patch of (y, x)]        dbias[o] += dz
 *
 * kernel[o] and dkernel[o] are one channel's numbers in the order of a patch (r, s, c): a patch is a few runs of
 * contiguous numbers of x ("lines"), so each winner costs one load and one fused multiply-add per register of a patch.
 *
 * To the input: an output position's patch of dx, or a tile of it, stays in registers while its winners' channels pass:
 * they are the bits of a comparison of the codes, 64 channels at a time. Patches that the border cuts go through a
 * buffer. To the kernel: a channel's gradient, or a tile of it, stays in registers while its winners pass, in slices of
 * x that stay in a cache; padded x is copied with its border. Patches of at most 64 numbers are copied, so that each
 * has one address, and several channels are summed at once.
 *
 * Every element of dx is one chain of fused multiply-adds over (64 channels, tile, window, code, channel), every
 * element of dkernel over (image, window) of a chunk. ith/nth splits images, or image chunks and channels. */

/* ---- once per translation unit ------------------------------------------------------------------------------ */
#ifndef FNN_CONV_POOL_BWD_ONCE
#define FNN_CONV_POOL_BWD_ONCE
#include "simd/match.h"

/* A tile is up to SPARSE_LINES lines by SPARSE_ACROSS vectors of VL, by shape alone: it is part of dx's order of sums.
 * X(lines, across): what is in registers at once, the whole tile or one of its lines. */
#define SPARSE_LINES 4
#define SPARSE_ACROSS 6
#define SPARSE_LINE(X, lines) X(lines, 1) X(lines, 2) X(lines, 3) X(lines, 4) X(lines, 5) X(lines, 6)
#if defined FNN_SIMD_AVX512_H
#define SPARSE_AT_ONCE SPARSE_LINES
#define SPARSE_TILES(X) SPARSE_LINE(X, 1) SPARSE_LINE(X, 2) SPARSE_LINE(X, 3) SPARSE_LINE(X, 4)
#else
#define SPARSE_AT_ONCE 1
#define SPARSE_TILES(X) SPARSE_LINE(X, 1)
#endif
#define SPARSE_CHANNELS 64          /* whose winners are one number's bits */
#define SPARSE_IMAGES (128 * 1024)  /* bytes of dx worked on together: a tile of the kernel is read once for them */

/* Part `part` of n things in equal parts of at most `most`: where it begins and how many it has. */
static inline fnn_interval fnn_part(ptrdiff_t n, ptrdiff_t most, ptrdiff_t part) {
  const ptrdiff_t parts = fnn_ceil_div(n, most);
  return (fnn_interval){n * part / parts, n * (part + 1) / parts};
}
#endif

#define RU (VL / RL)

/* ---- to the input ------------------------------------------------------------------------------------------- */
typedef struct FNN(sparse_input) {
  const fnn_conv_pool *p;
  const T *dz, *kernel;    /* of the first channel */
  const uint8_t *code;
  T *dx;
  ptrdiff_t begin, end;    /* images */
  ptrdiff_t channels;
  ptrdiff_t size, run;     /* numbers of a channel in kernel, of a line */
  ptrdiff_t line, lines;   /* the tile: its lines, */
  ptrdiff_t col, width;    /* its numbers in a line */
} FNN(sparse_input);

/* The numbers of register u among `width`. */
FNN_INLINE ptrdiff_t FNN(sparse_lanes)(ptrdiff_t width, int u) { return fnn_max(0, fnn_min(RL, width - u * RL)); }

/* Moves what lies inside of x of the tile's patch between dx and a buffer with `step` numbers a line. */
static void FNN(sparse_border)(const FNN(sparse_input) * t, T *dx, T *buffer, ptrdiff_t step, ptrdiff_t y, ptrdiff_t x,
                               int back) {
  const fnn_conv_pool *p = t->p;
  const ptrdiff_t row = p->cols.in * p->c;
  const fnn_interval down = fnn_axis_taps(&p->rows, y), right = fnn_axis_taps(&p->cols, x);
  for (ptrdiff_t l = 0; l < t->lines; l++) {
    const fnn_interval part = fnn_line_part(p, down, right, t->line + l);
    const ptrdiff_t begin = fnn_max(part.begin, t->col), end = fnn_min(part.end, t->col + t->width);
    if (begin >= end) continue;
    T *inside = dx + fnn_line_at(p, t->line + l, row) + begin, *copy = buffer + l * step + begin - t->col;
    const ptrdiff_t bytes = (end - begin) * (ptrdiff_t)sizeof(T);
    char *to = (char *)(back ? inside : copy);
    const char *from = (const char *)(back ? copy : inside);
    if (bytes % 64 == 0)
      for (ptrdiff_t k = 0; k < bytes; k += 64) memcpy(to + k, from + k, 64);
    else
      fnn_copy_bytes(to, from, bytes);
  }
}

/* Some lines of one position's patch: its winners' channels are the bits of `winners`, their gradients dz. */
FNN_INLINE void FNN(sparse_input_patch)(const int lines, const int across, T *const *dx, ptrdiff_t width,
                                        const T *kernel, ptrdiff_t run, ptrdiff_t size, const T *dz,
                                        uint64_t winners) {
  reg acc[SPARSE_AT_ONCE][SPARSE_ACROSS * RU];
  FNN_UNROLL for (int l = 0; l < lines; l++)
    FNN_UNROLL for (int u = 0; u < across * RU; u++) {
      const int part = u / RU + 1 == across && width < across * VL;
      acc[l][u] = part ? r_load_n(dx[l] + u * RL, FNN(sparse_lanes)(width, u)) : r_load(dx[l] + u * RL);
    }
  do {
    const ptrdiff_t o = __builtin_ctzll(winners);
    const T *w = kernel + o * size;
    const reg g = r_set1(dz[o]);
    FNN_UNROLL for (int l = 0; l < lines; l++, w += run) {
      FNN_OPAQUE(w); /* one address a line, not one a register */
      FNN_UNROLL for (int u = 0; u < across * RU; u++) acc[l][u] = r_fma(g, r_load(w + u * RL), acc[l][u]);
    }
    winners &= winners - 1;
  } while (winners);
  FNN_UNROLL for (int l = 0; l < lines; l++)
    FNN_UNROLL for (int u = 0; u < across * RU; u++) {
      if (u / RU + 1 == across && width < across * VL)
        r_store_n(dx[l] + u * RL, acc[l][u], FNN(sparse_lanes)(width, u));
      else
        r_store(dx[l] + u * RL, acc[l][u]);
    }
}

FNN_INLINE void FNN(sparse_input_any)(const int at_once, const int across, const FNN(sparse_input) * t) {
  const fnn_conv_pool *p = t->p;
  const ptrdiff_t c = p->c, row = p->cols.in * c;
  const ptrdiff_t high = (p->rows.taps - 1) * p->rows.dilation, wide = (p->cols.taps - 1) * p->cols.dilation;
  ptrdiff_t at[SPARSE_LINES];
  for (ptrdiff_t l = 0; l < t->lines; l++) at[l] = fnn_line_at(p, t->line + l, row) + t->col;
  for (ptrdiff_t image = t->begin; image < t->end; image++)
    for (ptrdiff_t i = 0; i < p->pooled_h; i++)
      for (ptrdiff_t j = 0; j < p->pooled_w; j++) {
        const ptrdiff_t window = ((image * p->pooled_h + i) * p->pooled_w + j) * p->oc;
        const T *dz = t->dz + window;
        const uint8_t *code = t->code + window;
        uint8_t padded[SPARSE_CHANNELS];
        ptrdiff_t channels = t->channels;
        if (channels % 16) {
          memcpy(padded, code, (size_t)channels);
          channels = fnn_round_up(channels, 16);
          memset(padded + t->channels, 255, (size_t)(channels - t->channels));
          code = padded;
        }
        for (ptrdiff_t r = 0; r < p->pool_h; r++)
          for (ptrdiff_t s = 0; s < p->pool_w; s++) {
            const uint64_t winners = fnn_match(code, channels, (uint8_t)(r * p->pool_w + s));
            if (!winners) continue;
            const ptrdiff_t y = i * p->pool_sh + r, x = j * p->pool_sw + s;
            const ptrdiff_t y0 = y * p->rows.stride - p->rows.pad, x0 = x * p->cols.stride - p->cols.pad;
            T *dx = t->dx + image * p->rows.in * row + y0 * row + x0 * c, *line[SPARSE_LINES];
            T buffer[SPARSE_LINES * SPARSE_ACROSS * VL];
            const int inside = y0 >= 0 && x0 >= 0 && y0 + high < p->rows.in && x0 + wide < p->cols.in;
            if (!inside) {
              memset(buffer, 0, sizeof(T) * (size_t)(t->lines * across * VL));
              FNN(sparse_border)(t, dx, buffer, across * VL, y, x, 0);
            }
            const ptrdiff_t width = inside ? t->width : across * VL;
            for (ptrdiff_t l = 0; l < t->lines; l += at_once) {
              const T *kernel = t->kernel + l * t->run;
              FNN_UNROLL for (int k = 0; k < at_once; k++)
                line[k] = inside ? dx + at[l + k] : buffer + (l + k) * across * VL;
              FNN(sparse_input_patch)(at_once, across, line, width, kernel, t->run, t->size, dz, winners);
            }
            if (!inside) FNN(sparse_border)(t, dx, buffer, across * VL, y, x, 1);
          }
      }
}

#define SPARSE_TILE(lines, across)                                                                        \
  static __attribute__((noinline)) void FNN(sparse_input_##lines##_##across)(const FNN(sparse_input) * t) { \
    FNN(sparse_input_any)(lines, across, t);                                                              \
  }
SPARSE_TILES(SPARSE_TILE)
#undef SPARSE_TILE
#define SPARSE_TILE(lines, across) [lines][across] = FNN(sparse_input_##lines##_##across),
typedef void (*FNN(sparse_input_fn))(const FNN(sparse_input) *);
static const FNN(sparse_input_fn) FNN(sparse_input_tiles)[SPARSE_AT_ONCE + 1][SPARSE_ACROSS + 1] = {
    SPARSE_TILES(SPARSE_TILE)};
#undef SPARSE_TILE

static void FNN(conv2d_max_pool_bwd_input)(const fnn_conv2d_max_pool_bwd_input_args *a, int ith, int nth) {
  const fnn_conv_pool p = FNN_CONV_POOL(a);
  const ptrdiff_t lines = fnn_lines(&p), run = fnn_line(&p), image = a->h * a->w * a->c;
  const ptrdiff_t vectors = fnn_ceil_div(run, VL), blocks = fnn_ceil_div(vectors, SPARSE_ACROSS);
  const ptrdiff_t groups = fnn_ceil_div(lines, SPARSE_LINES);
  const ptrdiff_t together = fnn_max(1, SPARSE_IMAGES / fnn_max(1, image * (ptrdiff_t)sizeof(T)));
  ptrdiff_t begin, end;
  fnn_share(a->n, 1, ith, nth, &begin, &end);
  for (ptrdiff_t n = begin; n < end; n += together) {
    FNN(sparse_input) t = {
        .p = &p, .dx = a->dx, .begin = n, .end = fnn_min(end, n + together), .size = lines * run, .run = run};
    memset(t.dx + n * image, 0, sizeof(T) * (size_t)((t.end - n) * image));
    if (!run) continue;
    for (ptrdiff_t o = 0; o < a->oc; o += SPARSE_CHANNELS) {
      t.channels = fnn_min(SPARSE_CHANNELS, a->oc - o);
      t.dz = (const T *)a->dz + o;
      t.code = (const uint8_t *)a->code + o;
      for (ptrdiff_t group = 0; group < groups; group++) {
        const fnn_interval down = fnn_part(lines, SPARSE_LINES, group);
        t.line = down.begin;
        t.lines = down.end - down.begin;
        for (ptrdiff_t block = 0; block < blocks; block++) {
          const fnn_interval across = fnn_part(vectors, SPARSE_ACROSS, block);
          t.col = across.begin * VL;
          t.width = fnn_min(run, across.end * VL) - t.col;
          t.kernel = (const T *)a->kernel + o * t.size + t.line * run + t.col;
          FNN(sparse_input_tiles)[fnn_min(SPARSE_AT_ONCE, t.lines)][across.end - across.begin](&t);
        }
      }
    }
  }
}

/* ---- to the kernel, patches in place ------------------------------------------------------------------------ */
typedef struct FNN(sparse_kernel) {
  const T *x;               /* of the slice */
  const ptrdiff_t *place;   /* of the winners' patches in x */
  const T *dz;              /* their gradients */
  ptrdiff_t winners;
  ptrdiff_t at[SPARSE_AT_ONCE]; /* of the tile's lines in a patch */
  T *dkernel;               /* the tile */
  ptrdiff_t run, width;     /* numbers from line to line, in the tile's lines */
  int add;                  /* 0: the tile is new */
} FNN(sparse_kernel);

FNN_INLINE void FNN(sparse_kernel_any)(const int lines, const int across, const FNN(sparse_kernel) * t) {
  const ptrdiff_t width = t->width;
  reg acc[SPARSE_AT_ONCE][SPARSE_ACROSS * RU];
  FNN_UNROLL for (int l = 0; l < lines; l++)
    FNN_UNROLL for (int u = 0; u < across * RU; u++) {
      const T *from = t->dkernel + l * t->run + u * RL;
      const int part = u / RU + 1 == across && width < across * VL;
      acc[l][u] = !t->add ? r_zero() : part ? r_load_n(from, FNN(sparse_lanes)(width, u)) : r_load(from);
    }
  const ptrdiff_t *place = t->place;
  const T *dz = t->dz, *x = t->x;
  ptrdiff_t at[SPARSE_AT_ONCE];
  FNN_UNROLL for (int l = 0; l < lines; l++) at[l] = t->at[l];
  for (ptrdiff_t k = t->winners; k > 0; k--) {
    const T *patch = x + *place++;
    const reg g = r_set1(*dz++);
    FNN_UNROLL for (int l = 0; l < lines; l++) {
      const T *line = patch + at[l];
      FNN_OPAQUE(line); /* one address a line, not one a register */
      FNN_UNROLL for (int u = 0; u < across * RU; u++) acc[l][u] = r_fma(g, r_load(line + u * RL), acc[l][u]);
    }
  }
  FNN_UNROLL for (int l = 0; l < lines; l++)
    FNN_UNROLL for (int u = 0; u < across * RU; u++) {
      T *to = t->dkernel + l * t->run + u * RL;
      if (u / RU + 1 == across && width < across * VL)
        r_store_n(to, acc[l][u], FNN(sparse_lanes)(width, u));
      else
        r_store(to, acc[l][u]);
    }
}

#define SPARSE_TILE(lines, across)                                                                            \
  static __attribute__((noinline)) void FNN(sparse_kernel_##lines##_##across)(const FNN(sparse_kernel) * t) { \
    FNN(sparse_kernel_any)(lines, across, t);                                                                 \
  }
SPARSE_TILES(SPARSE_TILE)
#undef SPARSE_TILE
#define SPARSE_TILE(lines, across) [lines][across] = FNN(sparse_kernel_##lines##_##across),
typedef void (*FNN(sparse_kernel_fn))(const FNN(sparse_kernel) *);
static const FNN(sparse_kernel_fn) FNN(sparse_kernel_tiles)[SPARSE_AT_ONCE + 1][SPARSE_ACROSS + 1] = {
    SPARSE_TILES(SPARSE_TILE)};
#undef SPARSE_TILE

/* A slice: images [n, n1), rows of windows [i, i1); codes and gradients of channel o0 on; what is added to. */
typedef struct FNN(sparse_slice) {
  const fnn_conv_pool *p;
  fnn_sparse_slice shape;
  ptrdiff_t n, n1, i, i1, windows;
  const T *x, *first, *end; /* all of x; the first window's first patch, in x or in a copy, and where that ends */
  ptrdiff_t row, image;     /* steps from there */
  const T *dz;
  const uint8_t *code;
  T *copy, *scratch;        /* scratch memory: for a copy of x, for the rest */
} FNN(sparse_slice);

/* Finds the rows of x that the slice reads, or copies them with zeros where there is border. */
static void FNN(sparse_source)(FNN(sparse_slice) * s) {
  const fnn_conv_pool *p = s->p;
  const ptrdiff_t c = p->c, width = s->shape.width, top = s->i * p->pool_sh * p->rows.stride - p->rows.pad;
  if (!s->shape.rows) {
    s->row = p->cols.in * c;
    s->image = p->rows.in * s->row;
    s->first = s->x + s->n * s->image + top * s->row - p->cols.pad * c;
    s->end = s->x + p->n * s->image;
    return;
  }
  const ptrdiff_t rows = fnn_sparse_rows(p, s->i1 - s->i), begin = fnn_min(width, fnn_max(0, p->cols.pad));
  const ptrdiff_t end = fnn_max(begin, fnn_min(width, p->cols.in + p->cols.pad));
  T *to = s->copy;
  s->row = width * c;
  s->image = rows * s->row;
  s->first = to;
  s->end = to + (s->n1 - s->n) * s->image + VL;
  for (ptrdiff_t n = s->n; n < s->n1; n++)
    for (ptrdiff_t y = top; y < top + rows; y++, to += s->row) {
      const int inside = y >= 0 && y < p->rows.in;
      const ptrdiff_t b = inside ? begin : 0, e = inside ? end : 0;
      const T *from = s->x + ((n * p->rows.in + y) * p->cols.in - p->cols.pad) * c;
      memset(to, 0, sizeof(T) * (size_t)(b * c));
      if (e > b) memcpy(to + b * c, from + b * c, sizeof(T) * (size_t)((e - b) * c));
      memset(to + e * c, 0, sizeof(T) * (size_t)((width - e) * c));
    }
}

/* The slice's part of dbias. */
static void FNN(sparse_bias)(const FNN(sparse_slice) * s, T *dbias, ptrdiff_t o0, ptrdiff_t o1, int add) {
  for (ptrdiff_t o = o0; o < o1; o += VL) {
    const int lanes = (int)fnn_min(VL, o1 - o);
    vec sum = add ? v_load_n(dbias + o, lanes) : v_zero();
    for (ptrdiff_t k = 0; k < s->windows; k++) {
      const T *dz = s->dz + k * s->p->oc + o;
      const msk none = i_eq(FNN(load_codes)(s->code + k * s->p->oc + o, lanes), i_set1(255));
      sum = v_add(sum, v_sel(none, v_zero(), lanes == VL ? v_load(dz) : v_load_n(dz, lanes)));
    }
    v_store_n(dbias + o, sum, lanes);
  }
}

/* Lists one channel's winners: the places of their patches, and their gradients. Returns how many there are. */
static __attribute__((noinline)) ptrdiff_t FNN(sparse_list)(const uint8_t *code, const T *dz, ptrdiff_t oc,
                                                            ptrdiff_t windows, const ptrdiff_t *window,
                                                            const ptrdiff_t *offset, ptrdiff_t *place, T *list) {
  ptrdiff_t winners = 0;
  for (ptrdiff_t k = 0; k < windows; k++, code += oc, dz += oc) {
    place[winners] = window[k] + offset[*code];
    list[winners] = *dz;
    winners += *code != 255;
  }
  return winners;
}

/* The slice's part of dkernel for channels [o0, o1), from x in place or with its border. */
static void FNN(sparse_kernel_lines)(const FNN(sparse_slice) * s, T *dkernel, ptrdiff_t o0, ptrdiff_t o1, int add) {
  const fnn_conv_pool *p = s->p;
  const ptrdiff_t c = p->c, lines = fnn_lines(p), run = fnn_line(p), vectors = fnn_ceil_div(run, VL);
  ptrdiff_t *all = (ptrdiff_t *)(void *)s->scratch, *place = all + s->windows, offset[256] = {0};
  T *dz = (T *)(void *)(place + s->windows);
  FNN(sparse_kernel) t = {.x = s->first, .place = place, .dz = dz, .run = run, .add = add};
  ptrdiff_t *window = all;
  for (ptrdiff_t n = 0; n < s->n1 - s->n; n++)
    for (ptrdiff_t i = 0; i < s->i1 - s->i; i++)
      for (ptrdiff_t j = 0; j < p->pooled_w; j++)
        *window++ = n * s->image + i * p->pool_sh * p->rows.stride * s->row + j * p->pool_sw * p->cols.stride * c;
  for (ptrdiff_t k = 0; k < p->pool_h * p->pool_w; k++)
    offset[k] = k / p->pool_w * p->rows.stride * s->row + k % p->pool_w * p->cols.stride * c;
  for (ptrdiff_t o = o0; o < o1; o++) {
    t.winners = FNN(sparse_list)(s->code + o, s->dz + o, p->oc, s->windows, all, offset, place, dz);
    for (ptrdiff_t group = 0; group < fnn_ceil_div(lines, SPARSE_AT_ONCE); group++) {
      const fnn_interval down = fnn_part(lines, SPARSE_AT_ONCE, group);
      for (ptrdiff_t block = 0; block < fnn_ceil_div(vectors, SPARSE_ACROSS); block++) {
        const fnn_interval across = fnn_part(vectors, SPARSE_ACROSS, block);
        const ptrdiff_t col = across.begin * VL;
        for (ptrdiff_t l = down.begin; l < down.end; l++) t.at[l - down.begin] = fnn_line_at(p, l, s->row) + col;
        t.width = fnn_min(run, across.end * VL) - col;
        t.dkernel = dkernel + o * lines * run + down.begin * run + col;
        FNN(sparse_kernel_tiles)[down.end - down.begin][across.end - across.begin](&t);
      }
    }
  }
}

/* ---- to the kernel, small patches copied --------------------------------------------------------------------- */
/* The patches of one window, with lines of `quads` times 16 bytes: what is copied too much is overwritten by the next
 * line or patch, or lies behind the last. */
FNN_INLINE void FNN(sparse_window_any)(const ptrdiff_t lines, const ptrdiff_t quads, const FNN(sparse_slice) * s,
                                       const T *x, T *to, const ptrdiff_t *at, ptrdiff_t run) {
  const fnn_conv_pool *p = s->p;
  const ptrdiff_t row = p->rows.stride * s->row, step = p->cols.stride * p->c, patch = s->shape.patch;
  for (ptrdiff_t r = 0; r < p->pool_h; r++, x += row) {
    const T *from = x;
    for (ptrdiff_t q = 0; q < p->pool_w; q++, from += step, to += patch)
      FNN_UNROLL for (ptrdiff_t l = 0; l < lines; l++)
        FNN_UNROLL for (ptrdiff_t k = 0; k < quads; k++)
          memcpy((char *)(to + l * run) + 16 * k, (const char *)(from + at[l]) + 16 * k, 16);
  }
}
static __attribute__((noinline)) void FNN(sparse_window)(const FNN(sparse_slice) * s, const T *x, T *to,
                                                         const ptrdiff_t *at, ptrdiff_t run) {
  FNN(sparse_window_any)(fnn_lines(s->p), fnn_ceil_div(run * (ptrdiff_t)sizeof(T), 16), s, x, to, at, run);
}

#define SPARSE_WINDOWS(X)                                                                            \
  X(1, 1) X(1, 2) X(1, 3) X(2, 1) X(3, 1) X(4, 1) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(2, 3) X(3, 3) X(4, 3) X(5, 3)
#define SPARSE_WINDOW(lines, quads)                                                                     \
  static __attribute__((noinline)) void FNN(sparse_window_##lines##_##quads)(                           \
      const FNN(sparse_slice) * s, const T *x, T *to, const ptrdiff_t *at, ptrdiff_t run) {             \
    FNN(sparse_window_any)(lines, quads, s, x, to, at, run);                                            \
  }
SPARSE_WINDOWS(SPARSE_WINDOW)
#undef SPARSE_WINDOW
typedef void (*FNN(sparse_window_fn))(const FNN(sparse_slice) *, const T *, T *, const ptrdiff_t *, ptrdiff_t);
#define SPARSE_WINDOW(lines, quads) [lines][quads] = FNN(sparse_window_##lines##_##quads),
static const FNN(sparse_window_fn) FNN(sparse_window_copies)[6][4] = {SPARSE_WINDOWS(SPARSE_WINDOW)};
#undef SPARSE_WINDOW
#undef SPARSE_WINDOWS

/* Every window's patches, one for each code, `patch` numbers apart. */
static void FNN(sparse_patches)(const FNN(sparse_slice) * s) {
  const fnn_conv_pool *p = s->p;
  const ptrdiff_t lines = fnn_lines(p), run = fnn_line(p), size = p->pool_h * p->pool_w * s->shape.patch;
  const ptrdiff_t down = p->rows.stride * s->row, right = p->cols.stride * p->c;
  const ptrdiff_t quads = fnn_ceil_div(run * (ptrdiff_t)sizeof(T), 16);
  FNN(sparse_window_fn) copy = lines < 6 && quads < 4 ? FNN(sparse_window_copies)[lines][quads] : NULL;
  if (!copy) copy = FNN(sparse_window);
  ptrdiff_t at[FNN_SPARSE_PATCH];
  for (ptrdiff_t l = 0; l < lines; l++) at[l] = fnn_line_at(p, l, s->row);
  const ptrdiff_t last = (p->pool_h - 1) * down + (p->pool_w - 1) * right + at[lines - 1];
  const ptrdiff_t reach = last + quads * 16 / (ptrdiff_t)sizeof(T);
  T *to = s->scratch;
  for (ptrdiff_t n = 0; n < s->n1 - s->n; n++)
    for (ptrdiff_t i = 0; i < s->i1 - s->i; i++) {
      const T *from = s->first + n * s->image + i * p->pool_sh * down;
      for (ptrdiff_t j = 0; j < p->pooled_w; j++, from += p->pool_sw * right, to += size) {
        if (from + reach <= s->end) {
          copy(s, from, to, at, run);
          continue;
        }
        for (ptrdiff_t code = 0; code < p->pool_h * p->pool_w; code++)
          for (ptrdiff_t l = 0; l < lines; l++)
            memcpy(to + code * s->shape.patch + l * run,
                   from + code / p->pool_w * down + code % p->pool_w * right + at[l], sizeof(T) * (size_t)run);
      }
    }
}

typedef struct FNN(sparse_patch) {
  const T *x;              /* patches of the first window */
  ptrdiff_t window;        /* numbers from window to window */
  int shift;               /* from patch to patch: 1 << shift numbers */
  const T *dz;             /* VL channels a window */
  const uint8_t *code;
  ptrdiff_t windows;
  T *dkernel;              /* of the first channel */
  ptrdiff_t size, width;   /* numbers from channel to channel, in the tile */
  int add;
} FNN(sparse_patch);

/* Several channels at once: their chains do not wait for each other. */
FNN_INLINE void FNN(sparse_patch_any)(const int channels, const int across, const FNN(sparse_patch) * t) {
  const ptrdiff_t last = t->width - (across - 1) * RL;
  reg acc[8][SPARSE_ACROSS];
  FNN_UNROLL for (int o = 0; o < channels; o++)
    FNN_UNROLL for (int b = 0; b < across; b++)
      acc[o][b] = t->add ? r_load_n(t->dkernel + o * t->size + b * RL, b + 1 == across ? last : RL) : r_zero();
  const T *x = t->x, *dz = t->dz;
  const uint8_t *code = t->code;
  const int shift = t->shift;
  for (ptrdiff_t k = t->windows; k > 0; k--, x += t->window, dz += VL, code += VL)
    FNN_UNROLL for (int o = 0; o < channels; o++) {
      const reg g = r_set1(dz[o]);
      const T *patch = x + ((size_t)code[o] << shift);
      FNN_UNROLL for (int b = 0; b < across; b++) acc[o][b] = r_fma(g, r_load(patch + b * RL), acc[o][b]);
    }
  FNN_UNROLL for (int o = 0; o < channels; o++)
    FNN_UNROLL for (int b = 0; b < across; b++)
      r_store_n(t->dkernel + o * t->size + b * RL, acc[o][b], b + 1 == across ? last : RL);
}

/* X(registers across, channels) */
#if !defined FNN_SIMD_AVX2_H
#define SPARSE_PATCHES(X) X(1, 8) X(2, 8) X(3, 8) X(4, 4) X(5, 4) X(6, 4)
#else
#define SPARSE_PATCHES(X) X(1, 8) X(2, 4) X(3, 4) X(4, 2) X(5, 2) X(6, 2)
#endif
#define SPARSE_PATCH(across, channels)                                                                        \
  static __attribute__((noinline)) void FNN(sparse_patch_##across)(const FNN(sparse_patch) * t) {             \
    FNN(sparse_patch_any)(channels, across, t);                                                               \
  }                                                                                                           \
  static __attribute__((noinline)) void FNN(sparse_patch_one_##across)(const FNN(sparse_patch) * t) {         \
    FNN(sparse_patch_any)(1, across, t);                                                                      \
  }
SPARSE_PATCHES(SPARSE_PATCH)
#undef SPARSE_PATCH
#define SPARSE_PATCH(across, channels) {channels, FNN(sparse_patch_##across), FNN(sparse_patch_one_##across)},
static const struct {
  int channels;
  void (*several)(const FNN(sparse_patch) *), (*one)(const FNN(sparse_patch) *);
} FNN(sparse_patch_tiles)[SPARSE_ACROSS + 1] = {{0, NULL, NULL}, SPARSE_PATCHES(SPARSE_PATCH)};
#undef SPARSE_PATCH
#undef SPARSE_PATCHES

/* The slice's part of dkernel for channels [o0, o1), from copied patches. */
static void FNN(sparse_kernel_patches)(const FNN(sparse_slice) * s, T *dkernel, T *dbias, ptrdiff_t o0, ptrdiff_t o1,
                                       int add) {
  const fnn_conv_pool *p = s->p;
  const ptrdiff_t size = fnn_lines(p) * fnn_line(p), registers = fnn_ceil_div(size, RL);
  const ptrdiff_t positions = p->pool_h * p->pool_w;
  T *dz = s->scratch + fnn_round_up(s->windows * positions * s->shape.patch, VL) + VL;
  uint8_t *code = (uint8_t *)(dz + s->windows * VL);
  FNN(sparse_patch) t = {
      .x = s->scratch, .window = positions * s->shape.patch, .windows = s->windows, .size = size, .add = add};
  while (1 << t.shift < s->shape.patch) t.shift++;
  FNN(sparse_patches)(s);
  for (ptrdiff_t o = o0; o < o1; o += VL) {
    const int lanes = (int)fnn_min(VL, o1 - o);
    vec sum = add ? v_load_n(dbias + o, lanes) : v_zero();
    for (ptrdiff_t k = 0; k < s->windows; k++) {
      const T *from = s->dz + k * p->oc + o;
      const ivec codes = FNN(load_codes)(s->code + k * p->oc + o, lanes);
      const msk none = i_eq(codes, i_set1(255));
      const vec g = v_sel(none, v_zero(), lanes == VL ? v_load(from) : v_load_n(from, lanes));
      v_store(dz + k * VL, g);
      i_store_u8(code + k * VL, i_sel(none, i_set1(0), codes));
      sum = v_add(sum, g);
    }
    v_store_n(dbias + o, sum, lanes);
    for (ptrdiff_t block = 0; block < fnn_ceil_div(registers, SPARSE_ACROSS); block++) {
      const fnn_interval across = fnn_part(registers, SPARSE_ACROSS, block);
      const ptrdiff_t wide = across.end - across.begin, col = across.begin * RL;
      const int many = FNN(sparse_patch_tiles)[wide].channels;
      t.width = fnn_min(size, across.end * RL) - col;
      t.x = s->scratch + col;
      for (int lane = 0; lane < lanes;) {
        const int several = lane + many <= lanes;
        t.dz = dz + lane;
        t.code = code + lane;
        t.dkernel = dkernel + (o + lane) * size + col;
        (several ? FNN(sparse_patch_tiles)[wide].several : FNN(sparse_patch_tiles)[wide].one)(&t);
        lane += several ? many : 1;
      }
    }
  }
}

/* ---- to the kernel ------------------------------------------------------------------------------------------ */
static void FNN(conv2d_max_pool_bwd_kernel)(const fnn_conv2d_max_pool_bwd_kernel_args *a, int ith, int nth) {
  const fnn_conv_pool p = FNN_CONV_POOL(a);
  const ptrdiff_t size = a->kh * a->kw * a->c, chunks = fnn_sparse_chunks(a->n, size, a->oc);
  const ptrdiff_t part = fnn_sparse_scratch(p, (ptrdiff_t)sizeof(T));
  FNN(sparse_slice) s = {.p = &p, .shape = fnn_sparse_slice_of(&p, (ptrdiff_t)sizeof(T)), .x = a->x};
  s.copy = (T *)a->scratch + ith * part;
  s.scratch = s.copy + fnn_sparse_copy(&p, &s.shape, (ptrdiff_t)sizeof(T));
  ptrdiff_t begin, end;
  fnn_share(chunks * a->oc, 1, ith, nth, &begin, &end);
  for (ptrdiff_t job = begin, stop; job < end; job = stop) {
    const ptrdiff_t chunk = job / a->oc, n_end = a->n * (chunk + 1) / chunks;
    stop = fnn_min(end, (chunk + 1) * a->oc);
    const ptrdiff_t o0 = job % a->oc, o1 = o0 + stop - job;
    T *dkernel = (T *)a->parts + chunk * a->oc * size, *dbias = (T *)a->bias_parts + chunk * a->oc;
    int add = 0;
    for (s.n = a->n * chunk / chunks; s.n < n_end; s.n = s.n1) {
      s.n1 = fnn_min(n_end, s.n + s.shape.images);
      for (s.i = 0; s.i < a->pooled_h; s.i = s.i1, add = 1) {
        s.i1 = fnn_min(a->pooled_h, s.i + s.shape.high);
        s.windows = (s.n1 - s.n) * (s.i1 - s.i) * a->pooled_w;
        const ptrdiff_t first = (s.n * a->pooled_h + s.i) * a->pooled_w * a->oc;
        s.dz = (const T *)a->dz + first;
        s.code = (const uint8_t *)a->code + first;
        FNN(sparse_source)(&s);
        if (s.shape.patch) FNN(sparse_kernel_patches)(&s, dkernel, dbias, o0, o1, add);
        else {
          FNN(sparse_bias)(&s, dbias, o0, o1, add);
          FNN(sparse_kernel_lines)(&s, dkernel, o0, o1, add);
        }
      }
    }
    if (!add) { /* no window at all */
      memset(dkernel + o0 * size, 0, sizeof(T) * (size_t)((o1 - o0) * size));
      memset(dbias + o0, 0, sizeof(T) * (size_t)(o1 - o0));
    }
  }
}

/* ---- the order of a patch and back -------------------------------------------------------------------------- */
/* The sum of n registers `size` numbers apart, or of their first numbers. */
FNN_INLINE reg FNN(add_row)(const T *x, ptrdiff_t size, ptrdiff_t n, ptrdiff_t cols) {
  reg sums[16];
  for (ptrdiff_t k = 0; k < n; k++) sums[k] = r_load_n(x + k * size, cols);
  for (ptrdiff_t gap = 1; gap < n; gap *= 2)
    for (ptrdiff_t k = 0; k + gap < n; k += 2 * gap) sums[k] = r_add(sums[k], sums[k + gap]);
  return sums[0];
}

/* y[j][i] = the sum over parts, as a binary tree, of x[part][i][j], by squares of registers. */
static void FNN(add_transposed)(const fnn_add_transposed_args *a, int ith, int nth) {
  const T *x = a->x;
  T *y = a->y;
  const ptrdiff_t down = fnn_ceil_div(a->m, RL), size = a->m * a->n;
  ptrdiff_t begin, end;
  fnn_share(down * fnn_ceil_div(a->n, RL), 1, ith, nth, &begin, &end);
  for (ptrdiff_t square = begin; square < end; square++) {
    const ptrdiff_t i = square % down * RL, j = square / down * RL;
    const ptrdiff_t rows = fnn_min(RL, a->m - i), cols = fnn_min(RL, a->n - j);
    reg r[RL];
    if (a->parts_n == 1 && rows == RL && cols == RL) {
      FNN_UNROLL for (int k = 0; k < RL; k++) r[k] = r_load(x + (i + k) * a->n + j);
      r_transpose(r);
      FNN_UNROLL for (int k = 0; k < RL; k++) r_store(y + (j + k) * a->m + i, r[k]);
      continue;
    }
    for (ptrdiff_t k = 0; k < RL; k++)
      r[k] = k < rows ? FNN(add_row)(x + (i + k) * a->n + j, size, a->parts_n, cols) : r_zero();
    r_transpose(r);
    for (ptrdiff_t k = 0; k < cols; k++) r_store_n(y + (j + k) * a->m + i, r[k], rows);
  }
}

#undef RU
