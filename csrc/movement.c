/* movement.c: copies, fills, gathers: kernels that move elements; the only sums are those of scattered gradients.
 *
 * A strided copy is brought to a normal form first: axes of extent 1 go, the others are ordered by y's strides and
 * neighbours merge where both arrays allow it. What remains is a transpose (x contiguous along another axis than y:
 * blocks of 8x8 items in registers, blocks of whole cache lines around them) or rows (all else).
 *
 * ith/nth splits y, or rows of it; scattered gradients split dx, so that each element is one sum in the order of the
 * indices. What does not depend on T exists once per ISA. */
#ifndef FNN_MOVEMENT_ONCE
#define FNN_MOVEMENT_ONCE
#include "bytes.h"
#include "simd/transpose.h"

enum { FNN_MAX_AXES = 8 };
typedef struct fnn_layout {
  int rank;
  ptrdiff_t d[FNN_MAX_AXES], x[FNN_MAX_AXES], y[FNN_MAX_AXES];
} fnn_layout;

static inline void fnn_swap_axes(fnn_layout *p, int i, int j) {
  ptrdiff_t d = p->d[i], x = p->x[i], y = p->y[i];
  p->d[i] = p->d[j], p->x[i] = p->x[j], p->y[i] = p->y[j];
  p->d[j] = d, p->x[j] = x, p->y[j] = y;
}

/* The normal form of a copy: as few axes as possible, y's strides falling. Returns the number of items. */
static inline ptrdiff_t fnn_normalize(fnn_layout *p, const ptrdiff_t *d, const ptrdiff_t *x, const ptrdiff_t *y) {
  int rank = 0;
  ptrdiff_t items = fnn_product(d, FNN_MAX_AXES);
  for (int i = 0; i < FNN_MAX_AXES; i++) {
    if (d[i] == 1) continue;
    p->d[rank] = d[i], p->x[rank] = x[i], p->y[rank] = y[i];
    for (int at = rank++; at > 0 && p->y[at - 1] < p->y[at]; at--) fnn_swap_axes(p, at - 1, at);
  }
  p->rank = 0;
  for (int i = 0; i < rank; i++) {
    int last = p->rank - 1;
    if (last >= 0 && p->x[last] == p->x[i] * p->d[i] && p->y[last] == p->y[i] * p->d[i]) {
      p->d[last] *= p->d[i], p->x[last] = p->x[i], p->y[last] = p->y[i];
    } else {
      p->d[p->rank] = p->d[i], p->x[p->rank] = p->x[i], p->y[p->rank] = p->y[i];
      p->rank++;
    }
  }
  if (p->rank == 0) p->d[0] = p->x[0] = p->y[0] = 1, p->rank = 1;
  return items;
}

/* n items with strides in items; the usual sizes without a call. */
static inline void fnn_copy_items(const char *x, ptrdiff_t xs, char *y, ptrdiff_t ys, ptrdiff_t n, ptrdiff_t size) {
  if (xs == 1 && ys == 1) {
    fnn_copy_bytes(y, x, n * size);
    return;
  }
#define EACH_ITEM(bytes) \
  for (ptrdiff_t i = 0; i < n; i++) memcpy(y + i * ys * (bytes), x + i * xs * (bytes), (size_t)(bytes))
  switch (size) {
    case 1: EACH_ITEM(1); break;
    case 2: EACH_ITEM(2); break;
    case 4: EACH_ITEM(4); break;
    case 8: EACH_ITEM(8); break;
    default: EACH_ITEM(size);
  }
#undef EACH_ITEM
}

/* Blocks of 64 x 64 bytes, so that every cache line is read and written while it is in L1, even where the strides are
 * powers of two and lines compete for one place. */
#define FNN_TRANSPOSE_TILES(type, tile, transpose)                                                \
  for (ptrdiff_t j0 = 0; j0 < nt; j0 += side)                                                     \
    for (ptrdiff_t i0 = 0; i0 < mt; i0 += side)                                                   \
      for (ptrdiff_t j = j0; j < fnn_min(nt, j0 + side); j += (tile))                             \
        for (ptrdiff_t i = i0; i < fnn_min(mt, i0 + side); i += (tile))                           \
  transpose((const type *)(const void *)x + i * xs + j, xs, (type *)(void *)y + j * ys + i, ys)

/* y[j*ys + i] = x[i*xs + j] for i < m, j < n. */
static void fnn_transpose(const char *x, ptrdiff_t xs, char *y, ptrdiff_t ys, ptrdiff_t m, ptrdiff_t n,
                          ptrdiff_t size) {
  ptrdiff_t tile = size == 4 ? FNN_TILE4 : size == 8 ? FNN_TILE8 : 0, side = 64 / size;
  ptrdiff_t mt = tile ? m / tile * tile : 0, nt = tile ? n / tile * tile : 0;
  if (mt == 0 || nt == 0) mt = nt = 0;
  if (size == 4) FNN_TRANSPOSE_TILES(uint32_t, FNN_TILE4, fnn_transpose_tile4);
  if (size == 8) FNN_TRANSPOSE_TILES(uint64_t, FNN_TILE8, fnn_transpose_tile8);
  /* What the tiles left: below them, then beside them; in runs along the longer side. */
  if (mt < m && m - mt < nt)
    for (ptrdiff_t i = mt; i < m; i++) fnn_copy_items(x + i * xs * size, 1, y + i * size, ys, nt, size);
  else if (mt < m)
    for (ptrdiff_t j = 0; j < nt; j++)
      fnn_copy_items(x + (mt * xs + j) * size, xs, y + (j * ys + mt) * size, 1, m - mt, size);
  if (m < n - nt)
    for (ptrdiff_t i = 0; i < m; i++)
      fnn_copy_items(x + (i * xs + nt) * size, 1, y + (nt * ys + i) * size, ys, n - nt, size);
  else
    for (ptrdiff_t j = nt; j < n; j++) fnn_copy_items(x + j * size, xs, y + j * ys * size, 1, m, size);
}
#undef FNN_TRANSPOSE_TILES

/* Walks over the first `axes` axes of a layout from a linear index on, without divisions after the start. */
typedef struct fnn_walk {
  ptrdiff_t x, y, at[FNN_MAX_AXES];
} fnn_walk;

static inline void fnn_walk_start(fnn_walk *w, const fnn_layout *p, int axes, ptrdiff_t index) {
  w->x = w->y = 0;
  for (int i = axes - 1; i >= 0; i--) {
    w->at[i] = index % p->d[i];
    index /= p->d[i];
    w->x += w->at[i] * p->x[i], w->y += w->at[i] * p->y[i];
  }
}

static inline void fnn_walk_next(fnn_walk *w, const fnn_layout *p, int axes) {
  for (int i = axes - 1; i >= 0; i--) {
    w->x += p->x[i], w->y += p->y[i];
    if (++w->at[i] < p->d[i]) return;
    w->x -= p->d[i] * p->x[i], w->y -= p->d[i] * p->y[i], w->at[i] = 0;
  }
}

static void fnn_copy_strided(const char *x, char *y, ptrdiff_t size, const ptrdiff_t *d, const ptrdiff_t *xs,
                             const ptrdiff_t *ys, int ith, int nth) {
  fnn_layout p;
  fnn_walk w;
  ptrdiff_t begin, end;
  if (fnn_normalize(&p, d, xs, ys) == 0) return;
  int last = p.rank - 1, across = last;
  if (p.x[last] != 1 && p.y[last] == 1)
    for (int i = 0; i < last; i++)
      if (p.x[i] == 1) across = i;
  if (across != last) { /* planes, the last two axes of the walk: pieces of the last axis by pieces of `across` */
    enum { PIECE = 256 };
    ptrdiff_t m = p.d[last], n = p.d[across], sx = p.x[last], sy = p.y[across], outer = 1;
    for (int i = across; i < last; i++) p.d[i] = p.d[i + 1], p.x[i] = p.x[i + 1], p.y[i] = p.y[i + 1];
    for (int i = 0; i < last - 1; i++) outer *= p.d[i];
    p.d[last - 1] = fnn_ceil_div(n, PIECE), p.x[last - 1] = PIECE, p.y[last - 1] = PIECE * sy;
    p.d[last] = fnn_ceil_div(m, PIECE), p.x[last] = PIECE * sx, p.y[last] = PIECE;
    fnn_share(outer * p.d[last - 1] * p.d[last], 1, ith, nth, &begin, &end);
    fnn_walk_start(&w, &p, last + 1, begin);
    for (ptrdiff_t unit = begin; unit < end; unit++, fnn_walk_next(&w, &p, last + 1))
      fnn_transpose(x + w.x * size, sx, y + w.y * size, sy, fnn_min(PIECE, m - w.at[last] * PIECE),
                    fnn_min(PIECE, n - w.at[last - 1] * PIECE), size);
    return;
  }
  /* Rows, in x's order: a cache waits for what it reads, not for what it writes. In pieces of at most 16 KB, so that one
   * long row is shared too. */
  for (int i = 1; i < last; i++)
    for (int at = i; at > 0 && p.x[at - 1] < p.x[at]; at--) fnn_swap_axes(&p, at - 1, at);
  ptrdiff_t piece = fnn_max(1, 16384 / size), row = p.d[last], outer = 1, row_x = p.x[last], row_y = p.y[last];
  for (int i = 0; i < last; i++) outer *= p.d[i];
  p.d[last] = fnn_ceil_div(row, piece), p.x[last] *= piece, p.y[last] *= piece;
  fnn_share(outer * p.d[last], 1, ith, nth, &begin, &end);
  fnn_walk_start(&w, &p, last + 1, begin);
  for (ptrdiff_t unit = begin; unit < end; unit++, fnn_walk_next(&w, &p, last + 1))
    fnn_copy_items(x + w.x * size, row_x, y + w.y * size, row_y, fnn_min(piece, row - w.at[last] * piece), size);
}

/* IEEE binary16 to binary32, exactly. */
static inline float fnn_half(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
  uint32_t bits = exponent == 31 ? 0x7f800000u | fraction << 13 : (exponent + 112) << 23 | fraction << 13;
  float value;
  if (exponent == 0) { /* a multiple of 2^-24 */
    value = (float)fraction * 0x1p-24f;
    memcpy(&bits, &value, 4);
  }
  bits |= sign;
  return memcpy(&value, &bits, 4), value;
}

/* ---- kernels that do not depend on T ----------------------------------------------------------------------------- */

static void fnn_fill_items(char *x, ptrdiff_t n, ptrdiff_t size, ptrdiff_t bits, int ith, int nth) {
  enum { STEP = 64 };
  uint64_t pattern[STEP / 8];
  ptrdiff_t begin, end;
  fnn_share(n * size, 4096, ith, nth, &begin, &end);
  uint64_t item = size == 8 ? (uint64_t)bits : (uint64_t)bits & ((1ull << 8 * size) - 1);
  for (ptrdiff_t bytes = size; bytes < 8; bytes *= 2) item |= item << 8 * bytes;
  for (int i = 0; i < STEP / 8; i++) pattern[i] = item;
  for (; end - begin >= STEP; begin += STEP) memcpy(x + begin, pattern, STEP);
  memcpy(x + begin, pattern, (size_t)(end - begin));
}

/* The place of index[j] along an axis, or -1. */
static inline ptrdiff_t fnn_index_at(const int64_t *index, ptrdiff_t j, ptrdiff_t extent) {
  int64_t k = index[j] < 0 ? index[j] + extent : index[j];
  return k < 0 || k >= extent ? -1 : (ptrdiff_t)k;
}

static void fnn_take_items(const fnn_take_args *a, int ith, int nth) {
  ptrdiff_t begin, end, row = a->inner * a->itemsize;
  const int64_t *index = a->index;
  int64_t *status = a->status;
  fnn_share(a->outer * a->m, 1, ith, nth, &begin, &end);
  int failed = 0;
  for (ptrdiff_t unit = begin; unit < end; unit++) {
    ptrdiff_t o = unit / a->m, j = unit % a->m, k = fnn_index_at(index, j, a->extent);
    char *y = (char *)a->y + unit * row;
    if (k >= 0) {
      fnn_copy_items((const char *)a->x + (o * a->extent + k) * row, 1, y, 1, a->inner, a->itemsize);
      continue;
    }
    memset(y, 0, (size_t)row);
    if (failed || o > 0) continue;
    failed = 1; /* one thread reports: the one whose error is the first of all */
    for (ptrdiff_t q = 0; q < begin; q++)
      if (fnn_index_at(index, q, a->extent) < 0) k = -2;
    if (k == -1 && *status == 0) *status = 1 + j;
  }
}

/* A gather of rows: what both target types share. */
typedef struct fnn_gather {
  fnn_layout inner; /* of one row, over y's dense order */
  ptrdiff_t items, runs, row_stride, first, rows, index_count;
  const int64_t *index;
} fnn_gather;

static inline void fnn_gather_setup(fnn_gather *g, const ptrdiff_t *d, const ptrdiff_t *x, const int64_t *index,
                                    ptrdiff_t index_count, const int64_t *position, ptrdiff_t begin) {
  ptrdiff_t extents[FNN_MAX_AXES], y[FNN_MAX_AXES], step = 1;
  for (int i = FNN_MAX_AXES - 1; i >= 0; i--) {
    extents[i] = i == 0 ? 1 : d[i];
    y[i] = step;
    step *= extents[i];
  }
  g->items = fnn_normalize(&g->inner, extents, x, y);
  g->runs = fnn_product(g->inner.d, g->inner.rank - 1);
  g->row_stride = x[0], g->rows = d[0];
  g->first = begin + (position ? *position : 0);
  g->index = index, g->index_count = index_count;
}

/* The row of x that row r of y comes from, or -1. */
static inline ptrdiff_t fnn_gather_row(const fnn_gather *g, ptrdiff_t r) {
  ptrdiff_t at = g->first + r;
  if (!g->index) return at >= 0 && at < g->rows ? at : -1;
  if (at < 0 || at >= g->index_count || g->index[at] < 0 || g->index[at] >= g->rows) return -1;
  return (ptrdiff_t)g->index[at];
}

/* Asks for a later row while this one is converted: rows lie at random, so the hardware does not foresee them. */
static inline void fnn_prefetch_row(const char *x, ptrdiff_t bytes) {
  for (ptrdiff_t i = 0; i < bytes && i < 4096; i += 64) __builtin_prefetch(x + i);
}

/* Packed items are brought into an array of their own, so many bytes at a time, and read from there. */
enum { FNN_UNPACKED = 512 };
typedef union fnn_unpacked {
  char bytes[FNN_UNPACKED];
  double aligned;
} fnn_unpacked;

/* Up to *n items, xs bytes apart, as plain ones; *n becomes how many. */
static void fnn_unpack(const char *x, ptrdiff_t kind, ptrdiff_t xs, fnn_unpacked *y, ptrdiff_t *n) {
  ptrdiff_t size = fnn_kind_bytes(kind & FNN_KIND_PLAIN);
  *n = fnn_min(*n, FNN_UNPACKED / size);
  for (ptrdiff_t i = 0; i < *n; i++) {
    char *to = y->bytes + i * size;
    const char *from = x + i * xs;
    if (kind & FNN_KIND_SWAPPED)
      for (ptrdiff_t b = 0; b < size; b++) to[b] = from[size - 1 - b];
    else
      memcpy(to, from, (size_t)size);
  }
}

/* n items of x as int64; 0 if one is none. */
static int fnn_integers(const void *x, ptrdiff_t kind, ptrdiff_t xs, int64_t *y, ptrdiff_t n) {
  int fine = 1;
  if (kind > FNN_KIND_PLAIN) {
    fnn_unpacked plain;
    for (ptrdiff_t i = 0, m; i < n; i += m) {
      m = n - i;
      fnn_unpack((const char *)x + i * xs, kind, xs, &plain, &m);
      fine &= fnn_integers(plain.bytes, kind & FNN_KIND_PLAIN, 1, y + i, m);
    }
    return fine;
  }
#define FNN_EACH(type, value, good)                  \
  {                                                  \
    const type *s = x;                               \
    for (ptrdiff_t i = 0; i < n; i++) {              \
      double v = 0;                                  \
      (void)v;                                       \
      int ok = good;                                 \
      y[i] = ok ? (int64_t)(value) : 0, fine &= ok;  \
    }                                                \
  }                                                  \
  break
#define FNN_WHOLE(from) (v = (double)(from), v >= -0x1p63 && v < 0x1p63 && v == (double)(int64_t)v)
  switch (kind) {
    case FNN_U8: FNN_EACH(uint8_t, s[i * xs], 1);
    case FNN_I8: FNN_EACH(int8_t, s[i * xs], 1);
    case FNN_U16: FNN_EACH(uint16_t, s[i * xs], 1);
    case FNN_I16: FNN_EACH(int16_t, s[i * xs], 1);
    case FNN_U32: FNN_EACH(uint32_t, s[i * xs], 1);
    case FNN_I32: FNN_EACH(int32_t, s[i * xs], 1);
    case FNN_U64: FNN_EACH(uint64_t, s[i * xs], s[i * xs] <= INT64_MAX);
    case FNN_I64: FNN_EACH(int64_t, s[i * xs], 1);
    case FNN_KIND_F16: FNN_EACH(uint16_t, v, FNN_WHOLE(fnn_half(s[i * xs])));
    case FNN_KIND_F32: FNN_EACH(float, v, FNN_WHOLE(s[i * xs]));
    case FNN_KIND_F64: FNN_EACH(double, v, FNN_WHOLE(s[i * xs]));
  }
#undef FNN_EACH
#undef FNN_WHOLE
  return fine;
}

/* Row r of y, which lies at `row`; 0 if it is outside or holds something that is no integer. */
static int fnn_gather_integers(const fnn_gather *g, const char *x, ptrdiff_t kind, ptrdiff_t r, int64_t *row) {
  ptrdiff_t from = fnn_gather_row(g, r), size = fnn_kind_bytes(kind);
  int fine = from >= 0, last = g->inner.rank - 1;
  fnn_walk w;
  if (!fine) {
    memset(row, 0, sizeof(int64_t) * (size_t)g->items);
    return 0;
  }
  x += from * g->row_stride * size;
  fnn_walk_start(&w, &g->inner, last, 0);
  for (ptrdiff_t run = 0; run < g->runs; run++, fnn_walk_next(&w, &g->inner, last))
    fine &= fnn_integers(x + w.x * size, kind, g->inner.x[last], row + w.y, g->inner.d[last]);
  return fine;
}

/* The first error of all is reported by the thread that has it: before it reports, it looks at the rows of the threads
 * before it (into y's row r, which it has just written and will write again). */
static void fnn_gather_labels(const fnn_gather_rows_i64_args *a, int ith, int nth) {
  fnn_gather g;
  ptrdiff_t begin, end;
  int64_t *y = a->y, *status = a->status;
  const char *x = (const char *)a->x + a->x_start * fnn_kind_bytes(a->kind);
  fnn_gather_setup(&g, &a->rows, &a->x0, a->index, a->index_count, a->position, a->begin);
  fnn_share(a->count, 1, ith, nth, &begin, &end);
  int failed = 0;
  for (ptrdiff_t r = begin; r < end; r++) {
    if (fnn_gather_integers(&g, x, a->kind, r, y + r * g.items) || failed) continue;
    int earlier = 0;
    failed = 1;
    for (ptrdiff_t q = 0; q < begin && !earlier; q++)
      earlier = !fnn_gather_integers(&g, x, a->kind, q, y + r * g.items);
    fnn_gather_integers(&g, x, a->kind, r, y + r * g.items);
    if (!earlier && *status == 0) *status = 1 + r;
  }
}
#endif

static void FNN(fill_zero)(const fnn_fill_zero_args *a, int ith, int nth) {
  ptrdiff_t begin, end;
  fnn_share(a->nbytes, 4096, ith, nth, &begin, &end);
  memset((char *)a->x + begin, 0, (size_t)(end - begin));
}

static void FNN(fill)(const fnn_fill_args *a, int ith, int nth) {
  fnn_fill_items(a->x, a->n, a->itemsize, a->bits, ith, nth);
}

static void FNN(copy)(const fnn_copy_args *a, int ith, int nth) {
  fnn_copy_strided((const char *)a->x + a->x_start * a->itemsize, a->y, a->itemsize, &a->d0, &a->x0, &a->y0, ith, nth);
}

static void FNN(copy_into)(const fnn_copy_into_args *a, int ith, int nth) {
  fnn_copy_strided((const char *)a->x + a->x_start * a->itemsize, a->y, a->itemsize, &a->d0, &a->x0, &a->y0, ith, nth);
}

static void FNN(take)(const fnn_take_args *a, int ith, int nth) { fnn_take_items(a, ith, nth); }

static void FNN(gather_rows_i64)(const fnn_gather_rows_i64_args *a, int ith, int nth) {
  fnn_gather_labels(a, ith, nth);
}

static void FNN(arange)(const fnn_arange_args *a, int ith, int nth) {
  ptrdiff_t begin, end;
  fnn_share(a->n, 64, ith, nth, &begin, &end);
  for (ptrdiff_t i = begin; i < end; i++) ((T *)a->y)[i] = (T)(a->start + (double)i * a->step);
}

static void FNN(arange_i64)(const fnn_arange_i64_args *a, int ith, int nth) {
  ptrdiff_t begin, end;
  fnn_share(a->n, 64, ith, nth, &begin, &end);
  for (ptrdiff_t i = begin; i < end; i++) ((int64_t *)a->y)[i] = a->start + i * a->step;
}

static void FNN(one_hot)(const fnn_one_hot_args *a, int ith, int nth) {
  ptrdiff_t begin, end;
  fnn_share(a->outer, 1, ith, nth, &begin, &end);
  for (ptrdiff_t o = begin; o < end; o++) {
    const int64_t *index = (const int64_t *)a->index + o * a->inner;
    T *y = (T *)a->y + o * a->classes * a->inner;
    memset(y, 0, sizeof(T) * (size_t)(a->classes * a->inner));
    for (ptrdiff_t i = 0; i < a->inner; i++)
      if (index[i] >= 0 && index[i] < a->classes) y[index[i] * a->inner + i] = 1;
  }
}

static void FNN(take_bwd)(const fnn_take_bwd_args *a, int ith, int nth) {
  ptrdiff_t begin, end, inner = a->inner;
  const int64_t *index = a->index;
  fnn_share(a->outer * a->extent, 1, ith, nth, &begin, &end);
  memset((T *)a->dx + begin * inner, 0, sizeof(T) * (size_t)((end - begin) * inner));
  for (ptrdiff_t unit = begin, stop; unit < end; unit = stop) {
    ptrdiff_t o = unit / a->extent;
    stop = fnn_min(end, (o + 1) * a->extent); /* this thread's rows of image o */
    for (ptrdiff_t j = 0; j < a->m; j++) {
      ptrdiff_t to = o * a->extent + fnn_index_at(index, j, a->extent);
      if (to < unit || to >= stop) continue;
      const T *dy = (const T *)a->dy + (o * a->m + j) * inner;
      T *dx = (T *)a->dx + to * inner;
      ptrdiff_t i = 0;
      for (; i + VL <= inner; i += VL) v_store(dx + i, v_add(v_load(dx + i), v_load(dy + i)));
      for (; i < inner; i++) dx[i] += dy[i];
    }
  }
}

/* n items of x, of any kind and stride, as T; in groups of VL, which the compiler turns into vectors. */
static void FNN(convert)(const void *restrict x, ptrdiff_t kind, ptrdiff_t xs, T *restrict y, ptrdiff_t n) {
  ptrdiff_t i = 0;
  if (kind > FNN_KIND_PLAIN) {
    fnn_unpacked plain;
    for (ptrdiff_t m; i < n; i += m) {
      m = n - i;
      fnn_unpack((const char *)x + i * xs, kind, xs, &plain, &m);
      FNN(convert)(plain.bytes, kind & FNN_KIND_PLAIN, 1, y + i, m);
    }
    return;
  }
#define EACH(type, value)                                                            \
  {                                                                                  \
    const type *restrict s = x;                                                      \
    if (xs == 1)                                                                     \
      for (; i + VL <= n; i += VL)                                                   \
        for (ptrdiff_t l = 0, k = i; l < VL; l++, k++) y[k] = (T)(value);            \
    for (ptrdiff_t k = i * xs; i < n; i++, k += xs) y[i] = (T)(value);               \
  }                                                                                  \
  break
  switch (kind) {
    case FNN_U8:
      if (xs == 1)
        for (; i + VL <= n; i += VL) v_store(y + i, v_fromint(i_load_u8((const uint8_t *)x + i)));
      EACH(uint8_t, s[k]);
    case FNN_I8: EACH(int8_t, s[k]);
    case FNN_U16: EACH(uint16_t, s[k]);
    case FNN_I16: EACH(int16_t, s[k]);
    case FNN_U32: EACH(uint32_t, s[k]);
    case FNN_I32: EACH(int32_t, s[k]);
    case FNN_U64: EACH(uint64_t, s[k]);
    case FNN_I64: EACH(int64_t, s[k]);
    case FNN_KIND_F16: EACH(uint16_t, fnn_half(s[k]));
    case FNN_KIND_F32: EACH(float, s[k]);
    case FNN_KIND_F64: EACH(double, s[k]);
  }
#undef EACH
}

static void FNN(gather_rows)(const fnn_gather_rows_args *a, int ith, int nth) {
  enum { AHEAD = 4 };
  fnn_gather g;
  fnn_walk w;
  ptrdiff_t begin, end, size = fnn_kind_bytes(a->kind);
  const char *x = (const char *)a->x + a->x_start * size;
  int64_t *status = a->status;
  fnn_gather_setup(&g, &a->rows, &a->x0, a->index, a->index_count, a->position, a->begin);
  fnn_share(a->count, 1, ith, nth, &begin, &end);
  int last = g.inner.rank - 1, failed = 0;
  for (ptrdiff_t r = begin; r < end; r++) {
    ptrdiff_t from = fnn_gather_row(&g, r), later = r + AHEAD < end ? fnn_gather_row(&g, r + AHEAD) : -1;
    T *y = (T *)a->y + r * g.items;
    if (later >= 0 && g.index) fnn_prefetch_row(x + later * g.row_stride * size, g.items * size);
    if (from < 0) {
      memset(y, 0, sizeof(T) * (size_t)g.items);
      if (failed) continue;
      failed = 1; /* one thread reports: the one whose error is the first of all */
      for (ptrdiff_t q = 0; q < begin; q++)
        if (fnn_gather_row(&g, q) < 0) from = -2;
      if (from == -1 && *status == 0) *status = 1 + r;
      continue;
    }
    fnn_walk_start(&w, &g.inner, last, 0);
    for (ptrdiff_t run = 0; run < g.runs; run++, fnn_walk_next(&w, &g.inner, last))
      FNN(convert)(x + (from * g.row_stride + w.x) * size, a->kind, g.inner.x[last], y + w.y, g.inner.d[last]);
  }
}
