/* shapes.h: integer arithmetic on shapes, shared by kernels.def and the kernels. */
#ifndef FNN_SHAPES_H
#define FNN_SHAPES_H

#include <stddef.h>

/* Elements from the first to the last of n elements with stride s (s >= 0). */
static inline ptrdiff_t SPAN1(ptrdiff_t n, ptrdiff_t s) { return n <= 0 ? 0 : (n - 1) * s + 1; }
/* The same for an m by n matrix with row stride rs and column stride cs. */
static inline ptrdiff_t SPAN2(ptrdiff_t m, ptrdiff_t rs, ptrdiff_t n, ptrdiff_t cs) {
  return m <= 0 || n <= 0 ? 0 : (m - 1) * rs + (n - 1) * cs + 1;
}
static inline ptrdiff_t fnn_ceil_div(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }
static inline ptrdiff_t fnn_round_up(ptrdiff_t a, ptrdiff_t b) { return fnn_ceil_div(a, b) * b; }
static inline ptrdiff_t fnn_min(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
static inline ptrdiff_t fnn_max(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

/* Elements from the first to the last of batch matrices of `span` elements each, bs apart. */
static inline ptrdiff_t fnn_batch_span(ptrdiff_t batch, ptrdiff_t bs, ptrdiff_t span) {
  return batch <= 0 || span <= 0 ? 0 : (batch - 1) * bs + span;
}

/* Blocks of gemm (gemm.c says why): at most KC rows of B, NC columns of it, and, where A is copied, MC rows of A. */
static inline ptrdiff_t fnn_gemm_kc(int copies_rows, int itemsize) { return (copies_rows ? 4096 : 2048) / itemsize; }
static inline ptrdiff_t fnn_gemm_nc(int copies_a, ptrdiff_t a_cs) { return a_cs != 1 ? 128 : copies_a ? 64 : 256; }
static inline ptrdiff_t fnn_gemm_mc(void) { return 1024; }
/* Whether A may be copied before use: where its columns are contiguous, and where its rows are in long products or if
 * all rows of a tile would meet in one set of L1. */
static inline int fnn_gemm_copies_a(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, ptrdiff_t a_rs, ptrdiff_t a_cs, int itemsize) {
  if (m < 64 || n < 256) return 0;
  if (a_cs != 1) return a_rs == 1 && k * itemsize >= 512;
  return (m > 512 && k * itemsize >= 2048) || (a_rs * itemsize % 4096 == 0 && k * itemsize >= 1024);
}
/* Elements from one copied row to the next: an odd number of cache lines, so that rows spread over the sets of L1. */
static inline ptrdiff_t fnn_gemm_a_rs(ptrdiff_t k) { return fnn_round_up(k, 32) + 16; }
/* Scratch of one thread, in elements: a packed block of B, then a copied block of A (in strips of 6 rows that take the
 * place of 8, at worst). A product with one column is computed as its transpose. */
static inline ptrdiff_t fnn_gemm_scratch_b(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, ptrdiff_t packed, int itemsize) {
  ptrdiff_t columns = packed ? 0 : n == 1 ? fnn_max(m, n) : n;
  return fnn_min(fnn_round_up(columns, 64 / itemsize), fnn_gemm_nc(0, 1)) * fnn_min(k, fnn_gemm_kc(0, itemsize));
}
static inline ptrdiff_t fnn_gemm_scratch(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, ptrdiff_t a_rs, ptrdiff_t a_cs,
                                         ptrdiff_t packed, int itemsize) {
  ptrdiff_t rows = fnn_gemm_copies_a(m, n, k, a_rs, a_cs, itemsize) ? fnn_min(m, fnn_gemm_mc()) * 4 / 3 + 16 : 0;
  return fnn_gemm_scratch_b(m, n, k, packed, itemsize) + rows * fnn_gemm_a_rs(fnn_min(k, fnn_gemm_kc(1, itemsize)));
}

/* Part `part` of `parts` of n items, the first n % parts of them one longer: [*begin, *end). */
static inline void fnn_even(ptrdiff_t n, ptrdiff_t parts, ptrdiff_t part, ptrdiff_t *begin, ptrdiff_t *end) {
  if (parts == 1) {
    *begin = 0, *end = n;
    return;
  }
  ptrdiff_t size = n / parts, longer = n % parts;
  *begin = part * size + fnn_min(part, longer);
  *end = *begin + size + (part < longer);
}

/* Part ith of nth of n items, in units of `unit` items: [*begin, *end). */
static inline void fnn_share(ptrdiff_t n, ptrdiff_t unit, int ith, int nth, ptrdiff_t *begin, ptrdiff_t *end) {
  if (nth == 1) { /* most calls: no divisions */
    *begin = 0, *end = n;
    return;
  }
  ptrdiff_t units = fnn_ceil_div(n, unit);
  *begin = fnn_min(n, units * ith / nth * unit);
  *end = fnn_min(n, units * (ith + 1) / nth * unit);
}

/* Product of n extents. */
static inline ptrdiff_t fnn_product(const ptrdiff_t *d, int n) {
  ptrdiff_t product = 1;
  for (int i = 0; i < n; i++) product *= d[i];
  return product;
}
/* Elements from the lowest to the highest of an array of n axes, strides of either sign. */
static inline ptrdiff_t fnn_span(const ptrdiff_t *d, const ptrdiff_t *s, int n) {
  ptrdiff_t span = 1;
  for (int i = 0; i < n; i++) {
    if (d[i] <= 0) return 0;
    span += (d[i] - 1) * (s[i] < 0 ? -s[i] : s[i]);
  }
  return span;
}

/* Pooling: bytes that hold the codes 0 .. positions (the last one: no winner). */
static inline ptrdiff_t fnn_code_bytes(ptrdiff_t positions) {
  return positions <= 255 ? 1 : positions <= 65535 ? 2 : 4;
}

/* Number types a user's array may have (booleans are uint8). */
enum fnn_kind {
  FNN_U8, FNN_I8, FNN_U16, FNN_I16, FNN_U32, FNN_I32, FNN_U64, FNN_I64, FNN_KIND_F16, FNN_KIND_F32, FNN_KIND_F64,
  FNN_KIND_PLAIN = 15,   /* the bits of the kinds above */
  FNN_KIND_PACKED = 16,  /* items at any address: strides are in bytes */
  FNN_KIND_SWAPPED = 32, /* packed, and in the other byte order */
};
static inline ptrdiff_t fnn_kind_bytes(ptrdiff_t kind) {
  static const unsigned char bytes[] = {1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8};
  return kind >= 0 && kind <= FNN_KIND_F64 ? bytes[kind] : 1;
}
/* Bytes from the first to the last of an array of such items and n axes. */
static inline ptrdiff_t fnn_kind_span(ptrdiff_t kind, const ptrdiff_t *d, const ptrdiff_t *s, int n) {
  ptrdiff_t span = fnn_span(d, s, n);
  return kind < FNN_KIND_PACKED ? fnn_kind_bytes(kind) * span : span ? span - 1 + fnn_kind_bytes(kind & FNN_KIND_PLAIN) : 0;
}

/* How image.c reads between pixels and outside of an image; places further away, NaN among them, are nowhere. */
enum { FNN_IMAGE_NEAREST, FNN_IMAGE_BILINEAR };
enum { FNN_FILL_CONSTANT, FNN_FILL_NEAREST, FNN_FILL_REFLECT, FNN_FILL_WRAP };
#define FNN_IMAGE_FAR 1e9

#endif
