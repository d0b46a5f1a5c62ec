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

/* Part ith of nth of n items, in units of `unit` items: [*begin, *end). */
static inline void fnn_share(ptrdiff_t n, ptrdiff_t unit, int ith, int nth, ptrdiff_t *begin, ptrdiff_t *end) {
  ptrdiff_t units = fnn_ceil_div(n, unit);
  *begin = fnn_min(n, units * ith / nth * unit);
  *end = fnn_min(n, units * (ith + 1) / nth * unit);
}

#endif
