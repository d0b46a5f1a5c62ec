/* transpose.h: square blocks of 4- and 8-byte items transposed in registers, in the vector syntax that GCC and clang
 * share, so one text serves every ISA: 8x8 and 4x4 items with 32-byte vectors where AVX has them, else 4x4 and 2x2. */
#ifndef FNN_TRANSPOSE_H
#define FNN_TRANSPOSE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX__
#define TRANSPOSE_BYTES 32
#else
#define TRANSPOSE_BYTES 16
#endif
enum { FNN_TILE4 = TRANSPOSE_BYTES / 4, FNN_TILE8 = TRANSPOSE_BYTES / 8 }; /* sides of a block: 4-, 8-byte items */
typedef uint32_t fnn_row4 __attribute__((vector_size(TRANSPOSE_BYTES)));
typedef uint64_t fnn_row8 __attribute__((vector_size(TRANSPOSE_BYTES)));

#ifdef __clang__
#define MIX4(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define MIX8(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MIX4(a, b, ...) __builtin_shuffle(a, b, (fnn_row4){__VA_ARGS__})
#define MIX8(a, b, ...) __builtin_shuffle(a, b, (fnn_row8){__VA_ARGS__})
#endif
#define TRANSPOSE_LOAD(row, p) memcpy(&(row), p, TRANSPOSE_BYTES)
#define TRANSPOSE_STORE(p, row) memcpy(p, &(row), TRANSPOSE_BYTES)

/* y[j*ys + i] = x[i*xs + j] for i, j < FNN_TILE4 */
static inline void fnn_transpose_tile4(const uint32_t *x, ptrdiff_t xs, uint32_t *y, ptrdiff_t ys) {
  fnn_row4 a[FNN_TILE4], b[FNN_TILE4];
#pragma GCC unroll 8
  for (int i = 0; i < FNN_TILE4; i++) TRANSPOSE_LOAD(a[i], x + i * xs);
#ifdef __AVX__
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) { /* pairs of rows: items interleaved within each half */
    b[i] = MIX4(a[i], a[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    b[i + 1] = MIX4(a[i], a[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) { /* fours: pairs of items */
    a[i] = MIX4(b[i], b[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
    a[i + 1] = MIX4(b[i], b[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    a[i + 2] = MIX4(b[i + 1], b[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
    a[i + 3] = MIX4(b[i + 1], b[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) { /* eights: halves */
    b[i] = MIX4(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    b[i + 4] = MIX4(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
#else
  fnn_row4 c[4];
  c[0] = MIX4(a[0], a[1], 0, 4, 1, 5), c[1] = MIX4(a[0], a[1], 2, 6, 3, 7);
  c[2] = MIX4(a[2], a[3], 0, 4, 1, 5), c[3] = MIX4(a[2], a[3], 2, 6, 3, 7);
  b[0] = MIX4(c[0], c[2], 0, 1, 4, 5), b[1] = MIX4(c[0], c[2], 2, 3, 6, 7);
  b[2] = MIX4(c[1], c[3], 0, 1, 4, 5), b[3] = MIX4(c[1], c[3], 2, 3, 6, 7);
#endif
#pragma GCC unroll 8
  for (int i = 0; i < FNN_TILE4; i++) TRANSPOSE_STORE(y + i * ys, b[i]);
}

static inline void fnn_transpose_tile8(const uint64_t *x, ptrdiff_t xs, uint64_t *y, ptrdiff_t ys) {
  fnn_row8 a[FNN_TILE8], b[FNN_TILE8];
#pragma GCC unroll 4
  for (int i = 0; i < FNN_TILE8; i++) TRANSPOSE_LOAD(a[i], x + i * xs);
#ifdef __AVX__
#pragma GCC unroll 2
  for (int i = 0; i < 4; i += 2) {
    b[i] = MIX8(a[i], a[i + 1], 0, 4, 2, 6);
    b[i + 1] = MIX8(a[i], a[i + 1], 1, 5, 3, 7);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; i++) {
    a[i] = MIX8(b[i], b[i + 2], 0, 1, 4, 5);
    a[i + 2] = MIX8(b[i], b[i + 2], 2, 3, 6, 7);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) TRANSPOSE_STORE(y + i * ys, a[i]);
#else
  b[0] = MIX8(a[0], a[1], 0, 2), b[1] = MIX8(a[0], a[1], 1, 3);
  TRANSPOSE_STORE(y, b[0]), TRANSPOSE_STORE(y + ys, b[1]);
#endif
}

#undef MIX4
#undef MIX8
#undef TRANSPOSE_LOAD
#undef TRANSPOSE_STORE
#endif
