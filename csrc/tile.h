/* tile.h: the register tile under gemm and conv2d: up to TILE_MR rows by TILE_NU registers of C, kept in registers
 * while k runs.
 *
 *   C[i, j] = act(init + sum over segments s and k of A[i, s, k] * B[s, k, j])
 *   A[i, s, k] = a[i*a_rs + k*a_cs + s*a_ss]           one broadcast load each: A is read where it lies, never packed
 *   B[s, k, j] = b[k*b_rs + s*b_ss + (j/VL)*b_ps + j%VL]    rows of registers: packed panels (b_rs = VL, b_ps = the
 *                                                       panel's size) or plain rows (b_ps = VL)
 * A plain product has one segment; a convolution has one per kernel row. init is zero, the bias, or C as it is; so a
 * long k can be cut into blocks and every element of C still is one chain of fused multiply-adds in the order of k.
 *
 * Shapes (accumulators + B + broadcast): AVX-512 14x2: 28 + 2 + 1 of 32 registers, AVX2 6x2: 12 + 2 + 1 of 16,
 * NEON 6x4: 24 + 4 + 1 of 32, generic 4x2: 8 + 2 + 1 + a product of 16. Row pointers would need 14 more registers: rows
 * are addressed in threes from one pointer (p, p + rs, p + 2 rs). tests/test_registers.py looks for spills. */

/* ---- once per translation unit ------------------------------------------------------------------------------ */
#ifndef FNN_TILE_H
#define FNN_TILE_H

#if defined FNN_SIMD_AVX512_H
#define TILE_MR 14
#define TILE_NU_DEFAULT 2
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif defined FNN_SIMD_AVX2_H
#define TILE_MR 6
#define TILE_NU_DEFAULT 2
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#elif defined FNN_SIMD_NEON_H
#define TILE_MR 6
#define TILE_NU_DEFAULT 4
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#define TILE_MR 4
#define TILE_NU_DEFAULT 2
#define TILE_ROWS(X) X(1) X(2) X(3) X(4)
#endif
#ifndef TILE_NU /* a build with a larger one must spill: that is how the test tests itself */
#define TILE_NU TILE_NU_DEFAULT
#endif
#define TILE_NR (TILE_NU * RL) /* columns of a full tile */
#define TILE_GROUPS ((TILE_MR + 2) / 3)
#define TILE_WIDE_NU 8 /* registers of the one-row tile: two multiplications an cycle need 8 chains, rows long reads */
#define TILE_WIDE_NR (TILE_WIDE_NU * RL)

/* Whether there are tiles that read no column of B beyond n, so that B may stay in place to its edge. They pay with one
 * masked load per k: next to nothing with AVX-512, more than packing the edge elsewhere. */
#ifdef FNN_SIMD_AVX512_H
#define TILE_EDGES 1
#else
#define TILE_EDGES 0
#endif

enum { FNN_INIT_ZERO, FNN_INIT_BIAS, FNN_INIT_C };
enum { FNN_LINEAR, FNN_RELU, FNN_LEAKY_RELU };

#define FNN_UNROLL _Pragma("GCC unroll 16")
#define FNN_UNROLL24 _Pragma("GCC unroll 24")
/* The value in a register, whatever the optimiser could derive it from: keeps row addresses from becoming 14 pointers. */
#define FNN_OPAQUE(x) __asm__("" : "+r"(x))
/* No load moves across this: a scheduler that fetches all rows early runs out of registers (GCC on aarch64). */
#define FNN_IN_ORDER __asm__ volatile("" ::: "memory")
#endif

/* ---- once per float type ------------------------------------------------------------------------------------ */
typedef struct FNN(tile_args) {
  const T *a, *b;
  ptrdiff_t a_rs, a_cs, a_ss, b_rs, b_ps, b_ss;
  ptrdiff_t k, segments;
  ptrdiff_t ahead; /* B is fetched into the cache this many rows before it is used */
  T *c;
  ptrdiff_t c_rs, n; /* n: columns of C that exist, at most the tile's */
  const T *bias;     /* read when init is FNN_INIT_BIAS */
  int init, act;     /* act: applied as C is stored */
  T slope;
} FNN(tile_args);

/* relu: 0 > x ? 0 : x. leaky: that plus slope * -max(0, -x): exact for infinities, NaN and signed zeros. */
static inline __attribute__((always_inline)) reg FNN(tile_act)(reg x, int act, reg minus_slope) {
  if (act == FNN_LINEAR) return x;
  reg positive = r_max(r_zero(), x);
  return act == FNN_RELU ? positive : r_add(positive, r_mul(minus_slope, r_max(r_zero(), r_mul(x, r_set1(-1)))));
}

static inline __attribute__((always_inline)) void FNN(tile_any)(const int mr, const int nu, const int edge,
                                                                 const FNN(tile_args) * t) {
  reg acc[TILE_MR][8];
  const int full = !edge && t->n == nu * RL;
  const ptrdiff_t last = t->n - (nu - 1) * RL; /* columns in the last register of an edge */
#define TILE_LANES(u) (edge ? (u) < nu - 1 ? RL : last : fnn_min(fnn_max(t->n - (u) * RL, 0), RL))

  /* C or bias or zero -> accumulators */
  if (t->init == FNN_INIT_C) {
    const T *c = t->c;
    if (full) {
      FNN_UNROLL for (int i = 0; i < mr; i++, c += t->c_rs)
        FNN_UNROLL for (int u = 0; u < nu; u++) acc[i][u] = r_load(c + u * RL);
    } else {
      FNN_UNROLL for (int i = 0; i < mr; i++, c += t->c_rs)
        FNN_UNROLL for (int u = 0; u < nu; u++) acc[i][u] = r_load_n(c + u * RL, TILE_LANES(u));
    }
  } else if (t->init == FNN_INIT_BIAS) {
    FNN_UNROLL for (int u = 0; u < nu; u++) {
      reg bias = full ? r_load(t->bias + u * RL) : r_load_n(t->bias + u * RL, TILE_LANES(u));
      FNN_UNROLL for (int i = 0; i < mr; i++) acc[i][u] = bias;
    }
  } else {
    FNN_UNROLL for (int i = 0; i < mr; i++)
      FNN_UNROLL for (int u = 0; u < nu; u++) acc[i][u] = r_zero();
  }

  /* Byte strides: p + rs and p + 2 rs are addressing modes of x86. */
  const ptrdiff_t size = (ptrdiff_t)sizeof(T), a_rs = t->a_rs * size, a_cs = t->a_cs * size, b_rs = t->b_rs * size;
  const ptrdiff_t b_ps = t->b_ps * size, b_ahead = t->ahead * b_rs;
  const char *p[TILE_GROUPS], *b[3]; /* rows of A and panels of B, in threes */
  FNN_UNROLL for (int g = 0; g < (mr + 2) / 3; g++) p[g] = (const char *)t->a + 3 * g * a_rs;
  const int panels = (nu * RL + VL - 1) / VL;
  FNN_UNROLL for (int g = 0; g < (panels + 2) / 3; g++) b[g] = (const char *)t->b + 3 * g * b_ps;
  for (ptrdiff_t s = t->segments; s > 0; s--) {
    for (ptrdiff_t k = t->k; k > 0; k--) {
      reg row[8];
      FNN_UNROLL for (int u = 0; u < nu; u++) {
        const int panel = u * RL / VL;
        const T *at = (const T *)(b[panel / 3] + panel % 3 * b_ps) + u * RL % VL;
        row[u] = edge && u == nu - 1 ? r_load_n(at, last) : r_load(at);
      }
      FNN_UNROLL for (int i = 0; i < mr; i++) {
        reg x = r_set1(*(const T *)(p[i / 3] + i % 3 * a_rs));
        FNN_UNROLL for (int u = 0; u < nu; u++) acc[i][u] = r_fma(x, row[u], acc[i][u]);
        FNN_IN_ORDER;
      }
      FNN_UNROLL for (int q = 0; q < panels; q++) __builtin_prefetch(b[q / 3] + q % 3 * b_ps + b_ahead);
      FNN_UNROLL for (int g = 0; g < (panels + 2) / 3; g++) {
        b[g] += b_rs;
        FNN_OPAQUE(b[g]);
      }
      FNN_UNROLL for (int g = 0; g < (mr + 2) / 3; g++) {
        p[g] += a_cs;
        FNN_OPAQUE(p[g]);
      }
    }
    FNN_UNROLL for (int g = 0; g < (panels + 2) / 3; g++) b[g] += (t->b_ss - t->k * t->b_rs) * size;
    FNN_UNROLL for (int g = 0; g < (mr + 2) / 3; g++) p[g] += (t->a_ss - t->k * t->a_cs) * size;
  }

  if (t->act == FNN_RELU) {
    FNN_UNROLL for (int i = 0; i < mr; i++)
      FNN_UNROLL for (int u = 0; u < nu; u++) acc[i][u] = FNN(tile_act)(acc[i][u], FNN_RELU, acc[i][u]);
  } else if (t->act == FNN_LEAKY_RELU) {
    const reg minus_slope = r_set1(-t->slope);
    FNN_UNROLL for (int i = 0; i < mr; i++)
      FNN_UNROLL for (int u = 0; u < nu; u++) acc[i][u] = FNN(tile_act)(acc[i][u], FNN_LEAKY_RELU, minus_slope);
  }
  T *c = t->c;
  if (full) {
    FNN_UNROLL for (int i = 0; i < mr; i++, c += t->c_rs)
      FNN_UNROLL for (int u = 0; u < nu; u++) r_store(c + u * RL, acc[i][u]);
  } else {
    FNN_UNROLL for (int i = 0; i < mr; i++, c += t->c_rs)
      FNN_UNROLL for (int u = 0; u < nu; u++) r_store_n(c + u * RL, acc[i][u], TILE_LANES(u));
  }
#undef TILE_LANES
}

typedef void (*FNN(tile_fn))(const FNN(tile_args) *);
#define TILE_OF(mr, name, nu, edge)                                                            \
  static __attribute__((noinline)) void FNN(tile_##mr##_##name)(const FNN(tile_args) * t) {    \
    FNN(tile_any)(mr, nu, edge, t);                                                            \
  }
#define TILE_INSIDE(mr) TILE_OF(mr, half, TILE_NU / 2, 0) TILE_OF(mr, full, TILE_NU, 0)
#define TILE_AT_EDGE(mr) TILE_OF(mr, half_edge, TILE_NU / 2, 1) TILE_OF(mr, full_edge, TILE_NU, 1)
TILE_ROWS(TILE_INSIDE)
TILE_OF(1, wide, TILE_WIDE_NU, 0)
/* Tiles of mr rows: [0] half and [1] all of TILE_NR columns; [2] and [3] the same at the edge of a B in place. */
#if TILE_EDGES
TILE_ROWS(TILE_AT_EDGE)
#define TILE_ENTRY(mr) \
  {FNN(tile_##mr##_half), FNN(tile_##mr##_full), FNN(tile_##mr##_half_edge), FNN(tile_##mr##_full_edge)},
#else
#define TILE_ENTRY(mr) {FNN(tile_##mr##_half), FNN(tile_##mr##_full)},
#endif
static const FNN(tile_fn) FNN(tiles)[TILE_MR + 1][2 + 2 * TILE_EDGES] = {{0, 0}, TILE_ROWS(TILE_ENTRY)};
#undef TILE_OF
#undef TILE_INSIDE
#undef TILE_AT_EDGE
#undef TILE_ENTRY
