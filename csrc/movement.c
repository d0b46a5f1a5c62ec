/* movement.c: copies, fills, gathers: kernels that move elements and do no arithmetic but the sum of scattered gradients.
 *
 * A strided copy is brought to a normal form first: axes of extent 1 go, the others are ordered by y's strides and
 * neighbours merge where both arrays allow it. What remains is rows (both arrays contiguous along the last axis),
 * a transpose (x contiguous along another axis: blocks of 8x8 items in registers, tiles of one axis small enough that
 * x's lines stay in L1 until all their items are used), or single items.
 *
 * ith/nth splits y, or rows of it; scattered gradients split dx, so that each element is one sum in the order of the
 * indices. What does not depend on T exists once per ISA. */
#ifndef FNN_MOVEMENT_ONCE
#define FNN_MOVEMENT_ONCE
#include "simd/transpose.h"

enum { FNN_MAX_AXES = 8 };
typedef struct fnn_layout {
  int rank;
  ptrdiff_t d[FNN_MAX_AXES], x[FNN_MAX_AXES], y[FNN_MAX_AXES];
} fnn_layout;

/* The normal form of a copy: as few axes as possible, y's strides falling. Returns the number of items. */
static inline ptrdiff_t fnn_normalize(fnn_layout *p, const ptrdiff_t *d, const ptrdiff_t *x, const ptrdiff_t *y) {
  int rank = 0;
  ptrdiff_t items = fnn_product(d, FNN_MAX_AXES);
  for (int i = 0; i < FNN_MAX_AXES; i++) {
    if (d[i] == 1) continue;
    int at = rank++;
    for (; at > 0 && p->y[at - 1] < y[i]; at--) p->d[at] = p->d[at - 1], p->x[at] = p->x[at - 1], p->y[at] = p->y[at - 1];
    p->d[at] = d[i], p->x[at] = x[i], p->y[at] = y[i];
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

/* Offsets of the linear index `at` over the first `axes` axes. */
static inline void fnn_offsets(const fnn_layout *p, int axes, ptrdiff_t at, ptrdiff_t *x, ptrdiff_t *y) {
  *x = *y = 0;
  for (int i = axes - 1; i >= 0; i--) {
    ptrdiff_t k = at % p->d[i];
    at /= p->d[i];
    *x += k * p->x[i], *y += k * p->y[i];
  }
}

/* n items with strides in items; the usual sizes without a call. */
static inline void fnn_copy_items(const char *x, ptrdiff_t xs, char *y, ptrdiff_t ys, ptrdiff_t n, ptrdiff_t size) {
  if (xs == 1 && ys == 1 && n * size > 64) {
    memcpy(y, x, (size_t)(n * size));
    return;
  }
  switch (size) {
    case 1:
      for (ptrdiff_t i = 0; i < n; i++) y[i * ys] = x[i * xs];
      break;
    case 2:
      for (ptrdiff_t i = 0; i < n; i++) memcpy(y + i * ys * 2, x + i * xs * 2, 2);
      break;
    case 4:
      for (ptrdiff_t i = 0; i < n; i++) memcpy(y + i * ys * 4, x + i * xs * 4, 4);
      break;
    case 8:
      for (ptrdiff_t i = 0; i < n; i++) memcpy(y + i * ys * 8, x + i * xs * 8, 8);
      break;
    default:
      for (ptrdiff_t i = 0; i < n; i++) memcpy(y + i * ys * size, x + i * xs * size, (size_t)size);
  }
}

/* y[j*ys + i] = x[i*xs + j] for i < m, j < n: eight rows of y at a time, each written from left to right. */
static void fnn_transpose(const char *x, ptrdiff_t xs, char *y, ptrdiff_t ys, ptrdiff_t m, ptrdiff_t n,
                          ptrdiff_t size) {
  ptrdiff_t tile = size == 4 ? FNN_TILE4 : size == 8 ? FNN_TILE8 : 0;
  ptrdiff_t mt = tile ? m / tile * tile : 0, nt = tile ? n / tile * tile : 0;
  const uint32_t *x4 = (const void *)x;
  const uint64_t *x8 = (const void *)x;
  uint32_t *y4 = (void *)y;
  uint64_t *y8 = (void *)y;
  for (ptrdiff_t j = 0; j < nt; j += tile)
    for (ptrdiff_t i = 0; i < mt; i += tile) {
      if (size == 4) fnn_transpose_tile4(x4 + i * xs + j, xs, y4 + j * ys + i, ys);
      else fnn_transpose_tile8(x8 + i * xs + j, xs, y8 + j * ys + i, ys);
    }
  for (ptrdiff_t j = 0; j < n; j++) {
    ptrdiff_t i = j < nt ? mt : 0;
    fnn_copy_items(x + (i * xs + j) * size, xs, y + (j * ys + i) * size, 1, m - i, size);
  }
}

static void fnn_copy_strided(const char *x, char *y, ptrdiff_t size, const ptrdiff_t *d, const ptrdiff_t *xs,
                             const ptrdiff_t *ys, int ith, int nth) {
  fnn_layout p;
  ptrdiff_t begin, end, at_x, at_y;
  if (fnn_normalize(&p, d, xs, ys) == 0) return;
  int last = p.rank - 1, across = last;
  if (p.x[last] != 1 && p.y[last] == 1)
    for (int i = 0; i < last; i++)
      if (p.x[i] == 1) across = i;
  if (across != last) { /* tiles of TI items of the last axis by the whole axis `across` */
    enum { TI = 64 };
    ptrdiff_t m = p.d[last], n = p.d[across], tiles = fnn_ceil_div(m, TI), sx = p.x[last], sy = p.y[across], outer = 1;
    for (int i = across; i < last; i++) p.d[i] = p.d[i + 1], p.x[i] = p.x[i + 1], p.y[i] = p.y[i + 1];
    for (int i = 0; i < last - 1; i++) outer *= p.d[i];
    ptrdiff_t parts = fnn_ceil_div(n, TI);
    fnn_share(outer * tiles * parts, 1, ith, nth, &begin, &end);
    for (ptrdiff_t unit = begin; unit < end; unit++) {
      ptrdiff_t i = unit % tiles * TI, j = unit / tiles % parts * TI;
      fnn_offsets(&p, last - 1, unit / tiles / parts, &at_x, &at_y);
      fnn_transpose(x + (at_x + i * sx + j) * size, sx, y + (at_y + j * sy + i) * size, sy, fnn_min(TI, m - i),
                    fnn_min(TI, n - j), size);
    }
    return;
  }
  /* Rows, in pieces of at most 16 KB so that one long row is shared too. */
  ptrdiff_t piece = fnn_max(1, 16384 / size), pieces = fnn_ceil_div(p.d[last], piece), outer = 1;
  for (int i = 0; i < last; i++) outer *= p.d[i];
  fnn_share(outer * pieces, 1, ith, nth, &begin, &end);
  for (ptrdiff_t unit = begin; unit < end; unit++) {
    ptrdiff_t i = unit % pieces * piece;
    fnn_offsets(&p, last, unit / pieces, &at_x, &at_y);
    fnn_copy_items(x + (at_x + i * p.x[last]) * size, p.x[last], y + (at_y + i * p.y[last]) * size, p.y[last],
                   fnn_min(piece, p.d[last] - i), size);
  }
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
  char pattern[STEP];
  ptrdiff_t begin, end;
  fnn_share(n * size, 4096, ith, nth, &begin, &end);
  for (ptrdiff_t i = 0; i < STEP; i++) pattern[i] = (char)((uint64_t)bits >> i % size * 8);
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

/* n items of x as int64; 0 if one is none. */
static int fnn_integers(const void *x, ptrdiff_t kind, ptrdiff_t xs, int64_t *y, ptrdiff_t n) {
  int fine = 1;
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
  ptrdiff_t from = fnn_gather_row(g, r), size = fnn_kind_bytes(kind), at_x, at_y, last = g->inner.rank - 1;
  int fine = from >= 0;
  if (!fine) {
    memset(row, 0, sizeof(int64_t) * (size_t)g->items);
    return 0;
  }
  for (ptrdiff_t run = 0; run < g->runs; run++) {
    fnn_offsets(&g->inner, (int)last, run, &at_x, &at_y);
    fine &= fnn_integers(x + (from * g->row_stride + at_x) * size, kind, g->inner.x[last], row + at_y, g->inner.d[last]);
  }
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
    for (ptrdiff_t q = 0; q < begin && !earlier; q++) earlier = !fnn_gather_integers(&g, x, a->kind, q, y + r * g.items);
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

static void FNN(gather_rows_i64)(const fnn_gather_rows_i64_args *a, int ith, int nth) { fnn_gather_labels(a, ith, nth); }

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
  enum { AHEAD = 2 };
  fnn_gather g;
  ptrdiff_t begin, end, size = fnn_kind_bytes(a->kind), at_x, at_y;
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
    for (ptrdiff_t run = 0; run < g.runs; run++) {
      fnn_offsets(&g.inner, last, run, &at_x, &at_y);
      FNN(convert)(x + (from * g.row_stride + at_x) * size, a->kind, g.inner.x[last], y + at_y, g.inner.d[last]);
    }
  }
}
