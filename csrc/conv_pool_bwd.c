/* conv_pool_bwd.c: the gradient of convolution + max-pooling, from the windows' winners alone.
 *
 * Of the pool_h * pool_w outputs of the convolution under a window only the winner has a gradient (code says which; 255:
 * none has). So the gradient is a sum over winners, exactly: with y, x the winner's place and o its channel,
 *
 *   dx[patch of (y, x)] += dz * kernel[o]        dkernel[o] += dz * x[patch of (y, x)]        dbias[o] += dz
 *
 * kernel[o] and dkernel[o] are one channel's numbers in the order of a patch (r, s, c): a patch is a few runs of
 * contiguous numbers of x ("lines"), so each winner costs one load and one fused multiply-add per register of a patch.
 *
 * To the input: an output position's patch of dx, or a tile of it, stays in registers while its winners' channels pass:
 * they are the bits of a comparison of the codes (64 channels at a time). Patches that the border cuts pass through a
 * buffer. To the kernel: a channel's gradient, or a tile of it, stays in registers while its winners pass, in slices of x
 * that fit the L1 cache; padded x is copied with its border. Patches of at most 64 numbers are copied, window by window.
 *
 * Every element of dx is one chain of fused multiply-adds over (64 channels, window, code, channel), every element of
 * dkernel over (image, window) of a chunk. ith/nth splits images, or image chunks and channels. */

/* ---- once per translation unit ------------------------------------------------------------------------------ */
#ifndef FNN_CONV_POOL_BWD_ONCE
#define FNN_CONV_POOL_BWD_ONCE
#include "simd/match.h"

/* X(lines, registers across): tiles. Registers: the tile and 1 or 2 factors. */
#if defined FNN_SIMD_AVX512_H || defined FNN_SIMD_NEON_H
#define SPARSE_REGISTERS 24
#define SPARSE_TILES(X) X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(2, 5) X(2, 6) \
  X(3, 1) X(3, 2) X(3, 3) X(3, 4) X(3, 5) X(3, 6) X(4, 1) X(4, 2) X(4, 3) X(4, 4) X(4, 5) X(4, 6)
#else
#define SPARSE_REGISTERS 12
#define SPARSE_TILES(X) X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(2, 5) X(2, 6) \
  X(3, 1) X(3, 2) X(3, 3) X(3, 4) X(4, 1) X(4, 2) X(4, 3)
#endif
#define SPARSE_LINES 4  /* the most lines and registers of a tile */
#define SPARSE_ACROSS 6
#define SPARSE_CHANNELS 64          /* whose winners are one number's bits */
#define SPARSE_IMAGES (128 * 1024)  /* bytes of dx that are worked on together: a tile of the kernel is read once for all */

/* Part `part` of n things in equal parts of at most `most`: where it begins and how many it has. */
static inline fnn_interval fnn_part(ptrdiff_t n, ptrdiff_t most, ptrdiff_t part) {
  const ptrdiff_t parts = fnn_ceil_div(n, most);
  return (fnn_interval){n * part / parts, n * (part + 1) / parts};
}
#endif

/* ---- to the input ------------------------------------------------------------------------------------------------ */
typedef struct FNN(sparse_input) {
  const fnn_conv_pool *p;
  const T *dz, *kernel;    /* of the first channel */
  const uint8_t *code;
  T *dx;
  ptrdiff_t begin, end;    /* images */
  ptrdiff_t channels;
  ptrdiff_t size, run;     /* numbers of a channel in kernel, of a line */
  ptrdiff_t line, col, width; /* the tile: its first line and number, its numbers in a line */
} FNN(sparse_input);

/* Moves what lies inside of x of the tile's patch between dx and a buffer with `step` numbers a line. */
static void FNN(sparse_border)(const FNN(sparse_input) * t, T *dx, T *buffer, ptrdiff_t step, int lines, ptrdiff_t y,
                               ptrdiff_t x, int back) {
  const ptrdiff_t row = t->p->cols.in * t->p->c;
  for (int l = 0; l < lines; l++) {
    const fnn_interval part = fnn_line_part(t->p, y, x, t->line + l);
    const ptrdiff_t begin = fnn_max(part.begin, t->col), end = fnn_min(part.end, t->col + t->width);
    if (begin >= end) continue;
    T *inside = dx + fnn_line_at(t->p, t->line + l, row) + begin, *copy = buffer + l * step + begin - t->col;
    const size_t bytes = (size_t)(end - begin) * sizeof(T);
    if (back) memcpy(inside, copy, bytes);
    else memcpy(copy, inside, bytes);
  }
}

/* One position: its winners' channels are the bits of `winners`, their gradients dz. */
FNN_INLINE void FNN(sparse_input_patch)(const int lines, const int across, const FNN(sparse_input) * t, T *const *dx,
                                        ptrdiff_t last, const T *dz, uint64_t winners) {
  const ptrdiff_t run = t->run, size = t->size;
  const T *kernel = t->kernel;
  reg acc[SPARSE_LINES][SPARSE_ACROSS];
  FNN_UNROLL for (int l = 0; l < lines; l++)
    FNN_UNROLL for (int b = 0; b < across; b++)
      acc[l][b] = b + 1 == across && last < RL ? r_load_n(dx[l] + b * RL, last) : r_load(dx[l] + b * RL);
  do {
    const int o = __builtin_ctzll(winners);
    const T *w = kernel + o * size;
    const reg g = r_set1(dz[o]);
    FNN_UNROLL for (int l = 0; l < lines; l++)
      FNN_UNROLL for (int b = 0; b < across; b++) acc[l][b] = r_fma(g, r_load(w + l * run + b * RL), acc[l][b]);
    winners &= winners - 1;
  } while (winners);
  FNN_UNROLL for (int l = 0; l < lines; l++)
    FNN_UNROLL for (int b = 0; b < across; b++) {
      if (b + 1 == across && last < RL)
        r_store_n(dx[l] + b * RL, acc[l][b], last);
      else
        r_store(dx[l] + b * RL, acc[l][b]);
    }
}

FNN_INLINE void FNN(sparse_input_any)(const int lines, const int across, const FNN(sparse_input) * t) {
  const fnn_conv_pool *p = t->p;
  const ptrdiff_t c = p->c, row = p->cols.in * c, last = t->width - (across - 1) * RL;
  const ptrdiff_t high = (p->rows.taps - 1) * p->rows.dilation, wide = (p->cols.taps - 1) * p->cols.dilation;
  ptrdiff_t at[SPARSE_LINES];
  FNN_UNROLL for (int l = 0; l < lines; l++) at[l] = fnn_line_at(p, t->line + l, row) + t->col;
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
            if (y0 >= 0 && x0 >= 0 && y0 + high < p->rows.in && x0 + wide < p->cols.in) {
              FNN_UNROLL for (int l = 0; l < lines; l++) line[l] = dx + at[l];
              FNN(sparse_input_patch)(lines, across, t, line, last, dz, winners);
            } else {
              T buffer[SPARSE_LINES * SPARSE_ACROSS * RL];
              memset(buffer, 0, sizeof(T) * (size_t)(lines * across * RL));
              FNN(sparse_border)(t, dx, buffer, across * RL, lines, y, x, 0);
              FNN_UNROLL for (int l = 0; l < lines; l++) line[l] = buffer + l * across * RL;
              FNN(sparse_input_patch)(lines, across, t, line, RL, dz, winners);
              FNN(sparse_border)(t, dx, buffer, across * RL, lines, y, x, 1);
            }
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
static void (*const FNN(sparse_input_tiles)[SPARSE_LINES + 1][SPARSE_ACROSS + 1])(const FNN(sparse_input) *) = {SPARSE_TILES(SPARSE_TILE)};
#undef SPARSE_TILE

static void FNN(conv2d_max_pool_bwd_input)(const fnn_conv2d_max_pool_bwd_input_args *a, int ith, int nth) {
  const fnn_conv_pool p = FNN_CONV_POOL(a);
  const ptrdiff_t lines = fnn_lines(&p), run = fnn_line(&p), image = a->h * a->w * a->c;
  const ptrdiff_t groups = fnn_ceil_div(lines, SPARSE_LINES), registers = fnn_ceil_div(run, RL);
  const ptrdiff_t together = fnn_max(1, SPARSE_IMAGES / fnn_max(1, image * (ptrdiff_t)sizeof(T)));
  ptrdiff_t begin, end;
  fnn_share(a->n, 1, ith, nth, &begin, &end);
  for (ptrdiff_t n = begin; n < end; n += together) {
    FNN(sparse_input) t = {.p = &p, .dx = a->dx, .begin = n, .end = fnn_min(end, n + together), .size = lines * run, .run = run};
    memset(t.dx + n * image, 0, sizeof(T) * (size_t)((t.end - n) * image));
    if (!run) continue;
    for (ptrdiff_t o = 0; o < a->oc; o += SPARSE_CHANNELS) {
      t.channels = fnn_min(SPARSE_CHANNELS, a->oc - o);
      t.dz = (const T *)a->dz + o;
      t.code = (const uint8_t *)a->code + o;
      for (ptrdiff_t group = 0; group < groups; group++) {
        const fnn_interval down = fnn_part(lines, SPARSE_LINES, group);
        const ptrdiff_t high = down.end - down.begin, most = fnn_min(SPARSE_ACROSS, SPARSE_REGISTERS / high);
        t.line = down.begin;
        for (ptrdiff_t block = 0; block < fnn_ceil_div(registers, most); block++) {
          const fnn_interval across = fnn_part(registers, most, block);
          t.col = across.begin * RL;
          t.width = fnn_min(run, across.end * RL) - t.col;
          t.kernel = (const T *)a->kernel + o * t.size + t.line * run + t.col;
          FNN(sparse_input_tiles)[high][across.end - across.begin](&t);
        }
      }
    }
  }
}

/* ---- to the kernel, patches in place ------------------------------------------------------------------------------ */
typedef struct FNN(sparse_kernel) {
  const T *x;               /* of the slice */
  const ptrdiff_t *place;   /* of the winners' patches in x */
  const T *dz;              /* their gradients */
  ptrdiff_t winners;
  ptrdiff_t at[SPARSE_LINES]; /* of the tile's lines in a patch */
  T *dkernel;               /* the tile */
  ptrdiff_t run, width;     /* numbers from line to line, in the tile's lines */
  int add;                  /* 0: the tile is new */
} FNN(sparse_kernel);

FNN_INLINE void FNN(sparse_kernel_any)(const int lines, const int across, const FNN(sparse_kernel) * t) {
  const ptrdiff_t last = t->width - (across - 1) * RL;
  reg acc[SPARSE_LINES][SPARSE_ACROSS];
  FNN_UNROLL for (int l = 0; l < lines; l++)
    FNN_UNROLL for (int b = 0; b < across; b++) {
      const T *from = t->dkernel + l * t->run + b * RL;
      acc[l][b] = !t->add ? r_zero() : b + 1 == across && last < RL ? r_load_n(from, last) : r_load(from);
    }
  const ptrdiff_t *place = t->place;
  const T *dz = t->dz;
  for (ptrdiff_t k = t->winners; k > 0; k--) {
    const T *x = t->x + *place++;
    const reg g = r_set1(*dz++);
    FNN_UNROLL for (int l = 0; l < lines; l++)
      FNN_UNROLL for (int b = 0; b < across; b++) acc[l][b] = r_fma(g, r_load(x + t->at[l] + b * RL), acc[l][b]);
  }
  FNN_UNROLL for (int l = 0; l < lines; l++)
    FNN_UNROLL for (int b = 0; b < across; b++) {
      T *to = t->dkernel + l * t->run + b * RL;
      if (b + 1 == across && last < RL)
        r_store_n(to, acc[l][b], last);
      else
        r_store(to, acc[l][b]);
    }
}

#define SPARSE_TILE(lines, across)                                                                            \
  static __attribute__((noinline)) void FNN(sparse_kernel_##lines##_##across)(const FNN(sparse_kernel) * t) { \
    FNN(sparse_kernel_any)(lines, across, t);                                                                 \
  }
SPARSE_TILES(SPARSE_TILE)
#undef SPARSE_TILE
#define SPARSE_TILE(lines, across) [lines][across] = FNN(sparse_kernel_##lines##_##across),
static void (*const FNN(sparse_kernel_tiles)[SPARSE_LINES + 1][SPARSE_ACROSS + 1])(const FNN(sparse_kernel) *) = {SPARSE_TILES(SPARSE_TILE)};
#undef SPARSE_TILE

/* A slice: images [n, n1), rows of windows [i, i1); codes and gradients of channel o0 on; what is added to. */
typedef struct FNN(sparse_slice) {
  const fnn_conv_pool *p;
  fnn_sparse_slice shape;
  ptrdiff_t n, n1, i, i1, windows;
  const T *x, *dz;
  const uint8_t *code;
  T *scratch;
} FNN(sparse_slice);

/* Copies the rows of x that the slice reads, zeros where there is border. */
static void FNN(sparse_bordered)(const FNN(sparse_slice) * s, ptrdiff_t rows) {
  const fnn_conv_pool *p = s->p;
  const ptrdiff_t c = p->c, begin = fnn_min(s->shape.width, fnn_max(0, p->cols.pad));
  const ptrdiff_t end = fnn_max(begin, fnn_min(s->shape.width, p->cols.in + p->cols.pad));
  T *to = s->scratch;
  for (ptrdiff_t n = s->n; n < s->n1; n++)
    for (ptrdiff_t k = 0; k < rows; k++, to += s->shape.width * c) {
      const ptrdiff_t y = s->i * p->pool_sh * p->rows.stride - p->rows.pad + k;
      const int inside = y >= 0 && y < p->rows.in;
      const ptrdiff_t b = inside ? begin : 0, e = inside ? end : 0;
      const T *from = s->x + ((n * p->rows.in + y) * p->cols.in - p->cols.pad) * c;
      memset(to, 0, sizeof(T) * (size_t)(b * c));
      if (e > b) memcpy(to + b * c, from + b * c, sizeof(T) * (size_t)((e - b) * c));
      memset(to + e * c, 0, sizeof(T) * (size_t)((s->shape.width - e) * c));
    }
}

/* The slice's part of dkernel for channels [o0, o1), from x in place or with its border. */
static void FNN(sparse_kernel_lines)(const FNN(sparse_slice) * s, T *dkernel, T *dbias, ptrdiff_t o0, ptrdiff_t o1, int add) {
  const fnn_conv_pool *p = s->p;
  const int copy = s->shape.rows > 0;
  const ptrdiff_t c = p->c, lines = fnn_lines(p), run = fnn_line(p), oc = p->oc;
  const ptrdiff_t rows = copy ? fnn_sparse_rows(p, s->i1 - s->i) : p->rows.in, row = (copy ? s->shape.width : p->cols.in) * c;
  ptrdiff_t *all = (ptrdiff_t *)(void *)(s->scratch + (copy ? fnn_round_up(s->shape.images * s->shape.rows * s->shape.width * c, VL) : 0) + VL);
  ptrdiff_t *place = all + s->windows, offset[256] = {0};
  T *dz = (T *)(void *)(place + s->windows);
  FNN(sparse_kernel) t = {.x = copy ? s->scratch : s->x + ((s->n * rows + s->i * p->pool_sh * p->rows.stride - p->rows.pad) * p->cols.in - p->cols.pad) * c,
                          .place = place, .dz = dz, .run = run, .add = add};
  if (copy) FNN(sparse_bordered)(s, rows);
  ptrdiff_t *window = all;
  for (ptrdiff_t n = 0; n < s->n1 - s->n; n++)
    for (ptrdiff_t i = 0; i < s->i1 - s->i; i++)
      for (ptrdiff_t j = 0; j < p->pooled_w; j++)
        *window++ = (n * rows + i * p->pool_sh * p->rows.stride) * row + j * p->pool_sw * p->cols.stride * c;
  for (ptrdiff_t k = 0; k < p->pool_h * p->pool_w; k++)
    offset[k] = k / p->pool_w * p->rows.stride * row + k % p->pool_w * p->cols.stride * c;
  for (ptrdiff_t o = o0; o < o1; o++) {
    const uint8_t *code = s->code + o;
    const T *all_dz = s->dz + o;
    ptrdiff_t winners = 0;
    for (ptrdiff_t k = 0; k < s->windows; k++, code += oc, all_dz += oc) {
      place[winners] = all[k] + offset[*code];
      dz[winners] = *all_dz;
      winners += *code != 255;
    }
    T sum = add ? dbias[o] : 0;
    for (ptrdiff_t k = 0; k < winners; k++) sum += dz[k];
    dbias[o] = sum;
    t.winners = winners;
    const ptrdiff_t groups = fnn_ceil_div(lines, SPARSE_LINES), registers = fnn_ceil_div(run, RL);
    for (ptrdiff_t group = 0; group < groups; group++) {
      const fnn_interval down = fnn_part(lines, SPARSE_LINES, group);
      const ptrdiff_t high = down.end - down.begin, most = fnn_min(SPARSE_ACROSS, SPARSE_REGISTERS / high);
      for (ptrdiff_t block = 0; block < fnn_ceil_div(registers, most); block++) {
        const fnn_interval across = fnn_part(registers, most, block);
        const ptrdiff_t col = across.begin * RL;
        for (ptrdiff_t l = 0; l < high; l++) t.at[l] = fnn_line_at(p, down.begin + l, row) + col;
        t.width = fnn_min(run, across.end * RL) - col;
        t.dkernel = dkernel + o * lines * run + down.begin * run + col;
        FNN(sparse_kernel_tiles)[high][across.end - across.begin](&t);
      }
    }
  }
}

/* ---- to the kernel, small patches copied ---------------------------------------------------------------------------- */
/* Every window's patches, one for each code, `patch` numbers apart; zeros for what lies outside of x. */
static void FNN(sparse_patches)(const FNN(sparse_slice) * s) {
  const fnn_conv_pool *p = s->p;
  const ptrdiff_t c = p->c, row = p->cols.in * c, lines = fnn_lines(p), run = fnn_line(p);
  const T *x_end = s->x + p->n * p->rows.in * row;
  ptrdiff_t at[FNN_SPARSE_PATCH];
  for (ptrdiff_t l = 0; l < lines; l++) at[l] = fnn_line_at(p, l, row);
  T *to = s->scratch;
  const ptrdiff_t quads = fnn_ceil_div(run * (ptrdiff_t)sizeof(T), 16), whole = quads * 16 / (ptrdiff_t)sizeof(T);
  for (ptrdiff_t n = s->n; n < s->n1; n++)
    for (ptrdiff_t i = s->i; i < s->i1; i++)
      for (ptrdiff_t j = 0; j < p->pooled_w; j++)
        for (ptrdiff_t r = 0; r < p->pool_h; r++)
          for (ptrdiff_t q = 0; q < p->pool_w; q++, to += s->shape.patch) {
            const ptrdiff_t y = i * p->pool_sh + r, x = j * p->pool_sw + q;
            const T *from = s->x + ((n * p->rows.in + y * p->rows.stride - p->rows.pad) * p->cols.in + x * p->cols.stride - p->cols.pad) * c;
            if (fnn_axis_inside(&p->rows, y) && fnn_axis_inside(&p->cols, x)) {
              /* Whole 16 bytes: what is too much is overwritten by the next line or patch, or lies behind the last. */
              if (from + at[lines - 1] + whole <= x_end) {
                for (ptrdiff_t l = 0; l < lines; l++)
                  for (ptrdiff_t k = 0; k < quads; k++) memcpy((char *)(to + l * run) + 16 * k, (const char *)(from + at[l]) + 16 * k, 16);
              } else {
                for (ptrdiff_t l = 0; l < lines; l++) memcpy(to + l * run, from + at[l], sizeof(T) * (size_t)run);
              }
            } else {
              memset(to, 0, sizeof(T) * (size_t)(lines * run));
              for (ptrdiff_t l = 0; l < lines; l++) {
                const fnn_interval part = fnn_line_part(p, y, x, l);
                if (part.end > part.begin)
                  memcpy(to + l * run + part.begin, from + at[l] + part.begin, sizeof(T) * (size_t)(part.end - part.begin));
              }
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
#if SPARSE_REGISTERS == 24
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
static void FNN(sparse_kernel_patches)(const FNN(sparse_slice) * s, T *dkernel, T *dbias, ptrdiff_t o0, ptrdiff_t o1, int add) {
  const fnn_conv_pool *p = s->p;
  const ptrdiff_t size = fnn_lines(p) * fnn_line(p), registers = fnn_ceil_div(size, RL), positions = p->pool_h * p->pool_w;
  T *dz = s->scratch + fnn_round_up(s->windows * positions * s->shape.patch, VL) + VL;
  uint8_t *code = (uint8_t *)(dz + s->windows * VL);
  FNN(sparse_patch) t = {.x = s->scratch, .window = positions * s->shape.patch, .windows = s->windows, .size = size, .add = add};
  while (1 << t.shift < s->shape.patch) t.shift++;
  FNN(sparse_patches)(s);
  for (ptrdiff_t o = o0; o < o1; o += VL) {
    const int lanes = (int)fnn_min(VL, o1 - o);
    vec sum = add ? v_load_n(dbias + o, lanes) : v_zero();
    for (ptrdiff_t k = 0; k < s->windows; k++) {
      const ivec codes = FNN(load_codes)(s->code + k * p->oc + o, lanes);
      const msk none = i_eq(codes, i_set1(255));
      const vec g = v_sel(none, v_zero(), v_load_n(s->dz + k * p->oc + o, lanes));
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

/* ---- to the kernel ---------------------------------------------------------------------------------------------------- */
static void FNN(conv2d_max_pool_bwd_kernel)(const fnn_conv2d_max_pool_bwd_kernel_args *a, int ith, int nth) {
  const fnn_conv_pool p = FNN_CONV_POOL(a);
  const ptrdiff_t size = a->kh * a->kw * a->c, chunks = fnn_sparse_chunks(a->n, size, a->oc);
  const ptrdiff_t part = fnn_sparse_scratch(p, (ptrdiff_t)sizeof(T));
  FNN(sparse_slice) s = {.p = &p, .shape = fnn_sparse_slice_of(&p, (ptrdiff_t)sizeof(T)), .x = a->x, .scratch = (T *)a->scratch + ith * part};
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
        if (s.shape.patch) FNN(sparse_kernel_patches)(&s, dkernel, dbias, o0, o1, add);
        else FNN(sparse_kernel_lines)(&s, dkernel, dbias, o0, o1, add);
      }
    }
    if (!add) { /* no window at all */
      memset(dkernel + o0 * size, 0, sizeof(T) * (size_t)((o1 - o0) * size));
      memset(dbias + o0, 0, sizeof(T) * (size_t)(o1 - o0));
    }
  }
}

/* ---- the order of a patch and back --------------------------------------------------------------------------------------- */
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
    for (ptrdiff_t k = 0; k < RL; k++) {
      reg sums[16] = {r_zero()};
      for (ptrdiff_t part = 0; k < rows && part < a->parts_n; part++) sums[part] = r_load_n(x + part * size + (i + k) * a->n + j, cols);
      for (ptrdiff_t gap = 1; k < rows && gap < a->parts_n; gap *= 2)
        for (ptrdiff_t part = 0; part + gap < a->parts_n; part += 2 * gap) sums[part] = r_add(sums[part], sums[part + gap]);
      r[k] = sums[0];
    }
    r_transpose(r);
    for (ptrdiff_t k = 0; k < cols; k++) r_store_n(y + (j + k) * a->m + i, r[k], rows);
  }
}
