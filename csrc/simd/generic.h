/* generic.h: the vector functions in portable C (GCC's and Clang's vector extensions, no instruction set assumed),
 * and the definition of what they mean on every ISA. tests/test_simd.py holds avx512.h, avx2.h and neon.h against it.
 *
 *   vec    VL floats, 16 of float32 or 8 of float64 on every ISA      msk   one truth value per lane
 *   ivec   VL signed integers of the floats' width                    reg   the native register, RL lanes
 *
 *   v_load v_store       unaligned; _n: the first n lanes, 0 <= n <= VL, no access beyond them, missing lanes read 0
 *   v_fma(a,b,c)         a*b + c, v_fnma(a,b,c) = c - a*b; one rounding, except in this file: two
 *   v_max(a,b)           a > b ? a : b, so b if either is NaN or both are zeros; v_min likewise with <
 *   v_round              to the nearest integer, ties to even; keeps the sign of zero
 *   v_lt le gt ge eq     false if either is NaN; v_ne is true then
 *   v_toint              nearest integer, ties to even, while |a| < 2^31 (float32) or 2^51 (float64); else the least integer
 *   v_fromint            nearest float, ties to even
 *   v_ldexp(a,e)         a * 2^e for |e| <= 252 (float32) or 2044 (float64), where a * 2^(e/2) is normal, zero, inf or NaN
 *   v_scalef(a,n)        v_ldexp with the exponent as a whole number in a float
 *   v_widen_lo v_widen_hi v_narrow   float32 lanes 0..7 and 8..15 as float64, and back; one name for both types
 *   i_add i_sub          wrap around; i_sll and i_srl take a constant count; i_srl shifts in zeros
 *   i_mul32_f64(a,b)     the 64-bit products of the unsigned low halves (no name of its own in f32.h and f64.h)
 *   i_store_u8           the low byte of each lane
 *   v_join(r)            the registers r[0] ... r[VL/RL - 1] as one vector
 *   r_transpose(r)       r[0] ... r[RL-1] as a square: lane j of r[i] and lane i of r[j] change places
 *   v_hsum v_hmax v_hmin f(lane i, lane i + VL/2), then VL/4, ..., 1: one fixed tree
 *
 * Which NaN an operation returns (its sign and payload) is not defined, only that it is one. */
#ifndef FNN_SIMD_GENERIC_H
#define FNN_SIMD_GENERIC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FNN_INLINE static inline __attribute__((always_inline))
#define FNN_UNFUSED /* v_fma rounds twice, in this file alone */

typedef float reg_f32 __attribute__((vector_size(16)));
typedef double reg_f64 __attribute__((vector_size(16)));
typedef int32_t fnn_i32x4 __attribute__((vector_size(16)));
typedef int64_t fnn_i64x2 __attribute__((vector_size(16)));
typedef uint32_t fnn_u32x4 __attribute__((vector_size(16)));
typedef uint64_t fnn_u64x2 __attribute__((vector_size(16)));
#define RL_f32 4
#define RL_f64 2
typedef struct { reg_f32 q[4]; } vec_f32;
typedef struct { reg_f64 q[4]; } vec_f64;
typedef struct { fnn_i32x4 q[4]; } ivec_f32;
typedef struct { fnn_i64x2 q[4]; } ivec_f64;
typedef struct { fnn_i32x4 q[4]; } msk_f32; /* all ones or all zeros */
typedef struct { fnn_i64x2 q[4]; } msk_f64;

/* A vector of type r from its quarters; e is an expression in the quarter's number Q. */
#define FNN_1(r, f, a) ((r){{f((a).q[0]), f((a).q[1]), f((a).q[2]), f((a).q[3])}})
#define FNN_2(r, f, a, b) \
  ((r){{f((a).q[0], (b).q[0]), f((a).q[1], (b).q[1]), f((a).q[2], (b).q[2]), f((a).q[3], (b).q[3])}})
#define FNN_3(r, f, a, b, c)                                              \
  ((r){{f((a).q[0], (b).q[0], (c).q[0]), f((a).q[1], (b).q[1], (c).q[1]), \
        f((a).q[2], (b).q[2], (c).q[2]), f((a).q[3], (b).q[3], (c).q[3])}})
#define FNN_SAME(r, a) ((r){{a, a, a, a}})

/* ---- one register ----------------------------------------------------------------------------------------------- */
FNN_INLINE reg_f32 r_set1_f32(float s) { return (reg_f32){s, s, s, s}; }
FNN_INLINE reg_f64 r_set1_f64(double s) { return (reg_f64){s, s}; }
FNN_INLINE reg_f32 r_zero_f32(void) { return r_set1_f32(0); }
FNN_INLINE reg_f64 r_zero_f64(void) { return r_set1_f64(0); }
FNN_INLINE reg_f32 r_load_f32(const float *p) { reg_f32 a; memcpy(&a, p, sizeof a); return a; }
FNN_INLINE reg_f64 r_load_f64(const double *p) { reg_f64 a; memcpy(&a, p, sizeof a); return a; }
FNN_INLINE void r_store_f32(float *p, reg_f32 a) { memcpy(p, &a, sizeof a); }
FNN_INLINE void r_store_f64(double *p, reg_f64 a) { memcpy(p, &a, sizeof a); }
FNN_INLINE reg_f32 r_load_n_f32(const float *p, ptrdiff_t n) {
  return (reg_f32){n > 0 ? p[0] : 0, n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, n > 3 ? p[3] : 0};
}
FNN_INLINE reg_f64 r_load_n_f64(const double *p, ptrdiff_t n) { return (reg_f64){n > 0 ? p[0] : 0, n > 1 ? p[1] : 0}; }
FNN_INLINE void r_store_n_f32(float *p, reg_f32 a, ptrdiff_t n) {
  for (int i = 0; i < 4; i++)
    if (i < n) p[i] = a[i];
}
FNN_INLINE void r_store_n_f64(double *p, reg_f64 a, ptrdiff_t n) {
  for (int i = 0; i < 2; i++)
    if (i < n) p[i] = a[i];
}
FNN_INLINE reg_f32 r_add_f32(reg_f32 a, reg_f32 b) { return a + b; }
FNN_INLINE reg_f64 r_add_f64(reg_f64 a, reg_f64 b) { return a + b; }
FNN_INLINE reg_f32 r_mul_f32(reg_f32 a, reg_f32 b) { return a * b; }
FNN_INLINE reg_f64 r_mul_f64(reg_f64 a, reg_f64 b) { return a * b; }
FNN_INLINE reg_f32 r_fma_f32(reg_f32 a, reg_f32 b, reg_f32 c) { return a * b + c; }
FNN_INLINE reg_f64 r_fma_f64(reg_f64 a, reg_f64 b, reg_f64 c) { return a * b + c; }
FNN_INLINE reg_f32 fnn_sel4(fnn_i32x4 m, reg_f32 a, reg_f32 b) {
  return (reg_f32)((m & (fnn_i32x4)a) | (~m & (fnn_i32x4)b));
}
FNN_INLINE reg_f64 fnn_sel2(fnn_i64x2 m, reg_f64 a, reg_f64 b) {
  return (reg_f64)((m & (fnn_i64x2)a) | (~m & (fnn_i64x2)b));
}
FNN_INLINE reg_f32 r_max_f32(reg_f32 a, reg_f32 b) { return fnn_sel4((fnn_i32x4)(a > b), a, b); }
FNN_INLINE reg_f64 r_max_f64(reg_f64 a, reg_f64 b) { return fnn_sel2((fnn_i64x2)(a > b), a, b); }
FNN_INLINE vec_f32 v_join_f32(const reg_f32 *r) { return (vec_f32){{r[0], r[1], r[2], r[3]}}; }
FNN_INLINE vec_f64 v_join_f64(const reg_f64 *r) { return (vec_f64){{r[0], r[1], r[2], r[3]}}; }
FNN_INLINE void r_transpose_f32(reg_f32 *r) {
  reg_f32 a = r[0], b = r[1], c = r[2], d = r[3];
  r[0] = (reg_f32){a[0], b[0], c[0], d[0]}, r[1] = (reg_f32){a[1], b[1], c[1], d[1]};
  r[2] = (reg_f32){a[2], b[2], c[2], d[2]}, r[3] = (reg_f32){a[3], b[3], c[3], d[3]};
}
FNN_INLINE void r_transpose_f64(reg_f64 *r) {
  reg_f64 a = r[0], b = r[1];
  r[0] = (reg_f64){a[0], b[0]}, r[1] = (reg_f64){a[1], b[1]};
}
FNN_INLINE reg_f32 fnn_min4(reg_f32 a, reg_f32 b) { return fnn_sel4((fnn_i32x4)(a < b), a, b); }
FNN_INLINE reg_f64 fnn_min2(reg_f64 a, reg_f64 b) { return fnn_sel2((fnn_i64x2)(a < b), a, b); }
FNN_INLINE reg_f32 fnn_sqrt4(reg_f32 a) {
  return (reg_f32){__builtin_sqrtf(a[0]), __builtin_sqrtf(a[1]), __builtin_sqrtf(a[2]), __builtin_sqrtf(a[3])};
}
FNN_INLINE reg_f64 fnn_sqrt2(reg_f64 a) { return (reg_f64){__builtin_sqrt(a[0]), __builtin_sqrt(a[1])}; }
FNN_INLINE reg_f32 fnn_abs4(reg_f32 a) { return (reg_f32)((fnn_i32x4)a & INT32_MAX); }
FNN_INLINE reg_f64 fnn_abs2(reg_f64 a) { return (reg_f64)((fnn_i64x2)a & INT64_MAX); }
FNN_INLINE reg_f32 fnn_neg4(reg_f32 a) { return (reg_f32)((fnn_i32x4)a ^ INT32_MIN); }
FNN_INLINE reg_f64 fnn_neg2(reg_f64 a) { return (reg_f64)((fnn_i64x2)a ^ INT64_MIN); }
/* |a| + 2^23 has no room for a fraction, so the sum is rounded to an integer; beyond 2^23 every float is one. */
FNN_INLINE reg_f32 fnn_round4(reg_f32 a) {
  reg_f32 b = fnn_abs4(a), r = (b + 0x1p23f) - 0x1p23f;
  return fnn_sel4((fnn_i32x4)(b < 0x1p23f), (reg_f32)((fnn_i32x4)r | ((fnn_i32x4)a & INT32_MIN)), a);
}
FNN_INLINE reg_f64 fnn_round2(reg_f64 a) {
  reg_f64 b = fnn_abs2(a), r = (b + 0x1p52) - 0x1p52;
  return fnn_sel2((fnn_i64x2)(b < 0x1p52), (reg_f64)((fnn_i64x2)r | ((fnn_i64x2)a & INT64_MIN)), a);
}
FNN_INLINE fnn_i32x4 fnn_toint4(reg_f32 a) {
  fnn_i32x4 in_range = (fnn_i32x4)(fnn_abs4(a) < 0x1p31f);
  fnn_i32x4 near = __builtin_convertvector(fnn_sel4(in_range, fnn_round4(a), r_zero_f32()), fnn_i32x4);
  return (in_range & near) | (~in_range & INT32_MIN);
}
FNN_INLINE fnn_i64x2 fnn_toint2(reg_f64 a) {
  /* a + 1.5 * 2^52 has a's nearest integer in its low bits while |a| < 2^51. */
  fnn_i64x2 in_range = (fnn_i64x2)(fnn_abs2(a) < 0x1p51);
  fnn_i64x2 near = (fnn_i64x2)(a + 0x1.8p52) - (fnn_i64x2)r_set1_f64(0x1.8p52);
  return (in_range & near) | (~in_range & INT64_MIN);
}

/* ---- masks -------------------------------------------------------------------------------------------------- */
FNN_INLINE msk_f32 m_first_f32(ptrdiff_t n) {
  fnn_i32x4 i = {0, 1, 2, 3}, m = (fnn_i32x4){} + (int32_t)n;
  return (msk_f32){{(fnn_i32x4)(i < m), (fnn_i32x4)(i + 4 < m), (fnn_i32x4)(i + 8 < m), (fnn_i32x4)(i + 12 < m)}};
}
FNN_INLINE msk_f64 m_first_f64(ptrdiff_t n) {
  fnn_i64x2 i = {0, 1}, m = (fnn_i64x2){} + (int64_t)n;
  return (msk_f64){{(fnn_i64x2)(i < m), (fnn_i64x2)(i + 2 < m), (fnn_i64x2)(i + 4 < m), (fnn_i64x2)(i + 6 < m)}};
}
#define FNN_AND(a, b) ((a) & (b))
#define FNN_OR(a, b) ((a) | (b))
#define FNN_NOT(a) (~(a))
FNN_INLINE msk_f32 m_and_f32(msk_f32 a, msk_f32 b) { return FNN_2(msk_f32, FNN_AND, a, b); }
FNN_INLINE msk_f64 m_and_f64(msk_f64 a, msk_f64 b) { return FNN_2(msk_f64, FNN_AND, a, b); }
FNN_INLINE msk_f32 m_or_f32(msk_f32 a, msk_f32 b) { return FNN_2(msk_f32, FNN_OR, a, b); }
FNN_INLINE msk_f64 m_or_f64(msk_f64 a, msk_f64 b) { return FNN_2(msk_f64, FNN_OR, a, b); }
FNN_INLINE msk_f32 m_not_f32(msk_f32 a) { return FNN_1(msk_f32, FNN_NOT, a); }
FNN_INLINE msk_f64 m_not_f64(msk_f64 a) { return FNN_1(msk_f64, FNN_NOT, a); }
FNN_INLINE int m_any_f32(msk_f32 a) {
  fnn_i64x2 b = (fnn_i64x2)(a.q[0] | a.q[1] | a.q[2] | a.q[3]);
  return (b[0] | b[1]) != 0;
}
FNN_INLINE int m_any_f64(msk_f64 a) {
  fnn_i64x2 b = a.q[0] | a.q[1] | a.q[2] | a.q[3];
  return (b[0] | b[1]) != 0;
}

/* ---- memory -------------------------------------------------------------------------------------------------- */
FNN_INLINE vec_f32 v_load_f32(const float *p) {
  return (vec_f32){{r_load_f32(p), r_load_f32(p + 4), r_load_f32(p + 8), r_load_f32(p + 12)}};
}
FNN_INLINE vec_f64 v_load_f64(const double *p) {
  return (vec_f64){{r_load_f64(p), r_load_f64(p + 2), r_load_f64(p + 4), r_load_f64(p + 6)}};
}
FNN_INLINE void v_store_f32(float *p, vec_f32 a) { memcpy(p, &a, sizeof a); }
FNN_INLINE void v_store_f64(double *p, vec_f64 a) { memcpy(p, &a, sizeof a); }
FNN_INLINE vec_f32 v_load_n_f32(const float *p, ptrdiff_t n) {
  float t[16] = {0};
  memcpy(t, p, (size_t)n * sizeof *p);
  return v_load_f32(t);
}
FNN_INLINE vec_f64 v_load_n_f64(const double *p, ptrdiff_t n) {
  double t[8] = {0};
  memcpy(t, p, (size_t)n * sizeof *p);
  return v_load_f64(t);
}
FNN_INLINE void v_store_n_f32(float *p, vec_f32 a, ptrdiff_t n) {
  float t[16];
  v_store_f32(t, a);
  memcpy(p, t, (size_t)n * sizeof *p);
}
FNN_INLINE void v_store_n_f64(double *p, vec_f64 a, ptrdiff_t n) {
  double t[8];
  v_store_f64(t, a);
  memcpy(p, t, (size_t)n * sizeof *p);
}
FNN_INLINE vec_f32 v_set1_f32(float s) { return FNN_SAME(vec_f32, r_set1_f32(s)); }
FNN_INLINE vec_f64 v_set1_f64(double s) { return FNN_SAME(vec_f64, r_set1_f64(s)); }
FNN_INLINE vec_f32 v_zero_f32(void) { return v_set1_f32(0); }
FNN_INLINE vec_f64 v_zero_f64(void) { return v_set1_f64(0); }

/* ---- arithmetic ------------------------------------------------------------------------------------------------ */
#define FNN_ADD(a, b) ((a) + (b))
#define FNN_SUB(a, b) ((a) - (b))
#define FNN_MUL(a, b) ((a) * (b))
#define FNN_DIV(a, b) ((a) / (b))
#define FNN_FMA(a, b, c) ((a) * (b) + (c))
#define FNN_FNMA(a, b, c) ((c) - (a) * (b))
FNN_INLINE vec_f32 v_add_f32(vec_f32 a, vec_f32 b) { return FNN_2(vec_f32, FNN_ADD, a, b); }
FNN_INLINE vec_f64 v_add_f64(vec_f64 a, vec_f64 b) { return FNN_2(vec_f64, FNN_ADD, a, b); }
FNN_INLINE vec_f32 v_sub_f32(vec_f32 a, vec_f32 b) { return FNN_2(vec_f32, FNN_SUB, a, b); }
FNN_INLINE vec_f64 v_sub_f64(vec_f64 a, vec_f64 b) { return FNN_2(vec_f64, FNN_SUB, a, b); }
FNN_INLINE vec_f32 v_mul_f32(vec_f32 a, vec_f32 b) { return FNN_2(vec_f32, FNN_MUL, a, b); }
FNN_INLINE vec_f64 v_mul_f64(vec_f64 a, vec_f64 b) { return FNN_2(vec_f64, FNN_MUL, a, b); }
FNN_INLINE vec_f32 v_div_f32(vec_f32 a, vec_f32 b) { return FNN_2(vec_f32, FNN_DIV, a, b); }
FNN_INLINE vec_f64 v_div_f64(vec_f64 a, vec_f64 b) { return FNN_2(vec_f64, FNN_DIV, a, b); }
FNN_INLINE vec_f32 v_fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return FNN_3(vec_f32, FNN_FMA, a, b, c); }
FNN_INLINE vec_f64 v_fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return FNN_3(vec_f64, FNN_FMA, a, b, c); }
FNN_INLINE vec_f32 v_fnma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return FNN_3(vec_f32, FNN_FNMA, a, b, c); }
FNN_INLINE vec_f64 v_fnma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return FNN_3(vec_f64, FNN_FNMA, a, b, c); }
FNN_INLINE vec_f32 v_sqrt_f32(vec_f32 a) { return FNN_1(vec_f32, fnn_sqrt4, a); }
FNN_INLINE vec_f64 v_sqrt_f64(vec_f64 a) { return FNN_1(vec_f64, fnn_sqrt2, a); }
FNN_INLINE vec_f32 v_max_f32(vec_f32 a, vec_f32 b) { return FNN_2(vec_f32, r_max_f32, a, b); }
FNN_INLINE vec_f64 v_max_f64(vec_f64 a, vec_f64 b) { return FNN_2(vec_f64, r_max_f64, a, b); }
FNN_INLINE vec_f32 v_min_f32(vec_f32 a, vec_f32 b) { return FNN_2(vec_f32, fnn_min4, a, b); }
FNN_INLINE vec_f64 v_min_f64(vec_f64 a, vec_f64 b) { return FNN_2(vec_f64, fnn_min2, a, b); }
FNN_INLINE vec_f32 v_abs_f32(vec_f32 a) { return FNN_1(vec_f32, fnn_abs4, a); }
FNN_INLINE vec_f64 v_abs_f64(vec_f64 a) { return FNN_1(vec_f64, fnn_abs2, a); }
FNN_INLINE vec_f32 v_neg_f32(vec_f32 a) { return FNN_1(vec_f32, fnn_neg4, a); }
FNN_INLINE vec_f64 v_neg_f64(vec_f64 a) { return FNN_1(vec_f64, fnn_neg2, a); }
FNN_INLINE vec_f32 v_round_f32(vec_f32 a) { return FNN_1(vec_f32, fnn_round4, a); }
FNN_INLINE vec_f64 v_round_f64(vec_f64 a) { return FNN_1(vec_f64, fnn_round2, a); }

/* ---- comparisons -------------------------------------------------------------------------------------------------- */
#define FNN_COMPARE(name, op)                                                                                  \
  FNN_INLINE msk_f32 name##_f32(vec_f32 a, vec_f32 b) {                                                        \
    return (msk_f32){{(fnn_i32x4)(a.q[0] op b.q[0]), (fnn_i32x4)(a.q[1] op b.q[1]),                            \
                      (fnn_i32x4)(a.q[2] op b.q[2]), (fnn_i32x4)(a.q[3] op b.q[3])}};                          \
  }                                                                                                            \
  FNN_INLINE msk_f64 name##_f64(vec_f64 a, vec_f64 b) {                                                        \
    return (msk_f64){{(fnn_i64x2)(a.q[0] op b.q[0]), (fnn_i64x2)(a.q[1] op b.q[1]),                            \
                      (fnn_i64x2)(a.q[2] op b.q[2]), (fnn_i64x2)(a.q[3] op b.q[3])}};                          \
  }
FNN_COMPARE(v_lt, <)
FNN_COMPARE(v_le, <=)
FNN_COMPARE(v_gt, >)
FNN_COMPARE(v_ge, >=)
FNN_COMPARE(v_eq, ==)
FNN_COMPARE(v_ne, !=)
#undef FNN_COMPARE
FNN_INLINE vec_f32 v_sel_f32(msk_f32 m, vec_f32 a, vec_f32 b) { return FNN_3(vec_f32, fnn_sel4, m, a, b); }
FNN_INLINE vec_f64 v_sel_f64(msk_f64 m, vec_f64 a, vec_f64 b) { return FNN_3(vec_f64, fnn_sel2, m, a, b); }

/* ---- integers (computed unsigned, where wrapping is defined) ------------------------------------------------------- */
FNN_INLINE ivec_f32 i_load_f32(const int32_t *p) { ivec_f32 a; memcpy(&a, p, sizeof a); return a; }
FNN_INLINE ivec_f64 i_load_f64(const int64_t *p) { ivec_f64 a; memcpy(&a, p, sizeof a); return a; }
FNN_INLINE void i_store_f32(int32_t *p, ivec_f32 a) { memcpy(p, &a, sizeof a); }
FNN_INLINE void i_store_f64(int64_t *p, ivec_f64 a) { memcpy(p, &a, sizeof a); }
FNN_INLINE ivec_f32 i_set1_f32(int32_t s) { return FNN_SAME(ivec_f32, ((fnn_i32x4){s, s, s, s})); }
FNN_INLINE ivec_f64 i_set1_f64(int64_t s) { return FNN_SAME(ivec_f64, ((fnn_i64x2){s, s})); }
FNN_INLINE ivec_f32 i_iota_f32(void) { return (ivec_f32){{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}, {12, 13, 14, 15}}}; }
FNN_INLINE ivec_f64 i_iota_f64(void) { return (ivec_f64){{{0, 1}, {2, 3}, {4, 5}, {6, 7}}}; }
#define FNN_ADD4(a, b) ((fnn_i32x4)((fnn_u32x4)(a) + (fnn_u32x4)(b)))
#define FNN_ADD2(a, b) ((fnn_i64x2)((fnn_u64x2)(a) + (fnn_u64x2)(b)))
#define FNN_SUB4(a, b) ((fnn_i32x4)((fnn_u32x4)(a) - (fnn_u32x4)(b)))
#define FNN_SUB2(a, b) ((fnn_i64x2)((fnn_u64x2)(a) - (fnn_u64x2)(b)))
#define FNN_XOR(a, b) ((a) ^ (b))
FNN_INLINE ivec_f32 i_add_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(ivec_f32, FNN_ADD4, a, b); }
FNN_INLINE ivec_f64 i_add_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(ivec_f64, FNN_ADD2, a, b); }
FNN_INLINE ivec_f32 i_sub_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(ivec_f32, FNN_SUB4, a, b); }
FNN_INLINE ivec_f64 i_sub_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(ivec_f64, FNN_SUB2, a, b); }
FNN_INLINE ivec_f32 i_and_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(ivec_f32, FNN_AND, a, b); }
FNN_INLINE ivec_f64 i_and_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(ivec_f64, FNN_AND, a, b); }
FNN_INLINE ivec_f32 i_or_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(ivec_f32, FNN_OR, a, b); }
FNN_INLINE ivec_f64 i_or_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(ivec_f64, FNN_OR, a, b); }
FNN_INLINE ivec_f32 i_xor_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(ivec_f32, FNN_XOR, a, b); }
FNN_INLINE ivec_f64 i_xor_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(ivec_f64, FNN_XOR, a, b); }
FNN_INLINE fnn_i64x2 fnn_mul32(fnn_i64x2 a, fnn_i64x2 b) {
  const fnn_u64x2 low = {0xFFFFFFFF, 0xFFFFFFFF};
  return (fnn_i64x2)(((fnn_u64x2)a & low) * ((fnn_u64x2)b & low));
}
FNN_INLINE ivec_f64 i_mul32_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(ivec_f64, fnn_mul32, a, b); }
#define FNN_SHIFT4(q) ((fnn_i32x4)((fnn_u32x4)(q)FNN_SHIFT_BY))
#define FNN_SHIFT2(q) ((fnn_i64x2)((fnn_u64x2)(q)FNN_SHIFT_BY))
#define FNN_SHIFT_BY << n
FNN_INLINE ivec_f32 i_sll_f32(ivec_f32 a, int n) { return FNN_1(ivec_f32, FNN_SHIFT4, a); }
FNN_INLINE ivec_f64 i_sll_f64(ivec_f64 a, int n) { return FNN_1(ivec_f64, FNN_SHIFT2, a); }
#undef FNN_SHIFT_BY
#define FNN_SHIFT_BY >> n
FNN_INLINE ivec_f32 i_srl_f32(ivec_f32 a, int n) { return FNN_1(ivec_f32, FNN_SHIFT4, a); }
FNN_INLINE ivec_f64 i_srl_f64(ivec_f64 a, int n) { return FNN_1(ivec_f64, FNN_SHIFT2, a); }
#undef FNN_SHIFT_BY
#define FNN_EQ4(a, b) ((fnn_i32x4)((a) == (b)))
#define FNN_EQ2(a, b) ((fnn_i64x2)((a) == (b)))
#define FNN_GT4(a, b) ((fnn_i32x4)((a) > (b)))
#define FNN_GT2(a, b) ((fnn_i64x2)((a) > (b)))
FNN_INLINE msk_f32 i_eq_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(msk_f32, FNN_EQ4, a, b); }
FNN_INLINE msk_f64 i_eq_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(msk_f64, FNN_EQ2, a, b); }
FNN_INLINE msk_f32 i_gt_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(msk_f32, FNN_GT4, a, b); }
FNN_INLINE msk_f64 i_gt_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(msk_f64, FNN_GT2, a, b); }
#define FNN_CHOOSE(m, a, b) (((m) & (a)) | (~(m) & (b)))
FNN_INLINE ivec_f32 i_sel_f32(msk_f32 m, ivec_f32 a, ivec_f32 b) { return FNN_3(ivec_f32, FNN_CHOOSE, m, a, b); }
FNN_INLINE ivec_f64 i_sel_f64(msk_f64 m, ivec_f64 a, ivec_f64 b) { return FNN_3(ivec_f64, FNN_CHOOSE, m, a, b); }
FNN_INLINE ivec_f32 i_load_u8_f32(const uint8_t *p) {
  int32_t t[16];
  for (int i = 0; i < 16; i++) t[i] = p[i];
  return i_load_f32(t);
}
FNN_INLINE ivec_f64 i_load_u8_f64(const uint8_t *p) {
  int64_t t[8];
  for (int i = 0; i < 8; i++) t[i] = p[i];
  return i_load_f64(t);
}
FNN_INLINE void i_store_u8_f32(uint8_t *p, ivec_f32 a) {
  int32_t t[16];
  i_store_f32(t, a);
  for (int i = 0; i < 16; i++) p[i] = (uint8_t)t[i];
}
FNN_INLINE void i_store_u8_f64(uint8_t *p, ivec_f64 a) {
  int64_t t[8];
  i_store_f64(t, a);
  for (int i = 0; i < 8; i++) p[i] = (uint8_t)t[i];
}

/* ---- between floats and integers ------------------------------------------------------------------------------------ */
FNN_INLINE ivec_f32 v_toint_f32(vec_f32 a) { return FNN_1(ivec_f32, fnn_toint4, a); }
FNN_INLINE ivec_f64 v_toint_f64(vec_f64 a) { return FNN_1(ivec_f64, fnn_toint2, a); }
#define FNN_FROM4(a) __builtin_convertvector(a, reg_f32)
#define FNN_FROM2(a) __builtin_convertvector(a, reg_f64)
FNN_INLINE vec_f32 v_fromint_f32(ivec_f32 a) { return FNN_1(vec_f32, FNN_FROM4, a); }
FNN_INLINE vec_f64 v_fromint_f64(ivec_f64 a) { return FNN_1(vec_f64, FNN_FROM2, a); }
FNN_INLINE ivec_f32 v_bits_f32(vec_f32 a) { return FNN_1(ivec_f32, (fnn_i32x4), a); }
FNN_INLINE ivec_f64 v_bits_f64(vec_f64 a) { return FNN_1(ivec_f64, (fnn_i64x2), a); }
FNN_INLINE vec_f32 v_frombits_f32(ivec_f32 a) { return FNN_1(vec_f32, (reg_f32), a); }
FNN_INLINE vec_f64 v_frombits_f64(ivec_f64 a) { return FNN_1(vec_f64, (reg_f64), a); }
/* 2^e as a float needs e in the range of normal exponents, so twice e is reached in two steps of half. */
FNN_INLINE vec_f32 v_ldexp_f32(vec_f32 a, ivec_f32 e) {
  ivec_f32 half = i_sub_f32(i_srl_f32(i_add_f32(e, i_set1_f32(512)), 1), i_set1_f32(256));
  ivec_f32 rest = i_sub_f32(e, half), bias = i_set1_f32(127);
  a = v_mul_f32(a, v_frombits_f32(i_sll_f32(i_add_f32(half, bias), 23)));
  return v_mul_f32(a, v_frombits_f32(i_sll_f32(i_add_f32(rest, bias), 23)));
}
FNN_INLINE vec_f64 v_ldexp_f64(vec_f64 a, ivec_f64 e) {
  ivec_f64 half = i_sub_f64(i_srl_f64(i_add_f64(e, i_set1_f64(4096)), 1), i_set1_f64(2048));
  ivec_f64 rest = i_sub_f64(e, half), bias = i_set1_f64(1023);
  a = v_mul_f64(a, v_frombits_f64(i_sll_f64(i_add_f64(half, bias), 52)));
  return v_mul_f64(a, v_frombits_f64(i_sll_f64(i_add_f64(rest, bias), 52)));
}
/* n/2 is rounded to a whole number in the low bits of a sum with 1.5 * 2^23, where its exponent field can be made from it. */
FNN_INLINE vec_f32 v_scalef_f32(vec_f32 a, vec_f32 n) {
  vec_f32 magic = v_set1_f32(0x1.8p23f + 127);
  vec_f32 first = v_fma_f32(n, v_set1_f32(0.5f), magic);
  vec_f32 second = v_add_f32(v_sub_f32(n, v_sub_f32(first, magic)), magic);
  a = v_mul_f32(a, v_frombits_f32(i_sll_f32(v_bits_f32(first), 23)));
  return v_mul_f32(a, v_frombits_f32(i_sll_f32(v_bits_f32(second), 23)));
}
FNN_INLINE vec_f64 v_scalef_f64(vec_f64 a, vec_f64 n) {
  vec_f64 magic = v_set1_f64(0x1.8p52 + 1023);
  vec_f64 first = v_fma_f64(n, v_set1_f64(0.5), magic);
  vec_f64 second = v_add_f64(v_sub_f64(n, v_sub_f64(first, magic)), magic);
  a = v_mul_f64(a, v_frombits_f64(i_sll_f64(v_bits_f64(first), 52)));
  return v_mul_f64(a, v_frombits_f64(i_sll_f64(v_bits_f64(second), 52)));
}
/* Lanes 0..7 and 8..15 of a float32 vector as float64, and back (rounded to nearest even). */
FNN_INLINE vec_f64 v_widen_lo(vec_f32 a) {
  return (vec_f64){{{a.q[0][0], a.q[0][1]}, {a.q[0][2], a.q[0][3]}, {a.q[1][0], a.q[1][1]}, {a.q[1][2], a.q[1][3]}}};
}
FNN_INLINE vec_f64 v_widen_hi(vec_f32 a) {
  return (vec_f64){{{a.q[2][0], a.q[2][1]}, {a.q[2][2], a.q[2][3]}, {a.q[3][0], a.q[3][1]}, {a.q[3][2], a.q[3][3]}}};
}
FNN_INLINE reg_f32 fnn_narrow4(reg_f64 a, reg_f64 b) { return (reg_f32){(float)a[0], (float)a[1], (float)b[0], (float)b[1]}; }
FNN_INLINE vec_f32 v_narrow(vec_f64 lo, vec_f64 hi) {
  return (vec_f32){{fnn_narrow4(lo.q[0], lo.q[1]), fnn_narrow4(lo.q[2], lo.q[3]), fnn_narrow4(hi.q[0], hi.q[1]),
                    fnn_narrow4(hi.q[2], hi.q[3])}};
}

/* ---- horizontal: lane i with lane i + VL/2, then VL/4, ..., 1 ----------------------------------------------------- */
#define FNN_MAX1(a, b) ((a) > (b) ? (a) : (b))
#define FNN_MIN1(a, b) ((a) < (b) ? (a) : (b))
#define FNN_TREE(reg_op, one_op)                                                               \
  reg_f32 b = reg_op(reg_op(a.q[0], a.q[2]), reg_op(a.q[1], a.q[3]));                          \
  float c = one_op(b[0], b[2]), d = one_op(b[1], b[3]);                                        \
  return one_op(c, d);
FNN_INLINE float v_hsum_f32(vec_f32 a) { FNN_TREE(FNN_ADD, FNN_ADD) }
FNN_INLINE float v_hmax_f32(vec_f32 a) { FNN_TREE(r_max_f32, FNN_MAX1) }
FNN_INLINE float v_hmin_f32(vec_f32 a) { FNN_TREE(fnn_min4, FNN_MIN1) }
#undef FNN_TREE
#define FNN_TREE(reg_op, one_op)                                                               \
  reg_f64 b = reg_op(reg_op(a.q[0], a.q[2]), reg_op(a.q[1], a.q[3]));                          \
  return one_op(b[0], b[1]);
FNN_INLINE double v_hsum_f64(vec_f64 a) { FNN_TREE(FNN_ADD, FNN_ADD) }
FNN_INLINE double v_hmax_f64(vec_f64 a) { FNN_TREE(r_max_f64, FNN_MAX1) }
FNN_INLINE double v_hmin_f64(vec_f64 a) { FNN_TREE(fnn_min2, FNN_MIN1) }
#undef FNN_TREE

#undef FNN_1
#undef FNN_2
#undef FNN_3
#undef FNN_SAME
#undef FNN_AND
#undef FNN_OR
#undef FNN_NOT
#undef FNN_ADD
#undef FNN_SUB
#undef FNN_MUL
#undef FNN_DIV
#undef FNN_FMA
#undef FNN_FNMA
#undef FNN_ADD4
#undef FNN_ADD2
#undef FNN_SUB4
#undef FNN_SUB2
#undef FNN_XOR
#undef FNN_SHIFT4
#undef FNN_SHIFT2
#undef FNN_EQ4
#undef FNN_EQ2
#undef FNN_GT4
#undef FNN_GT2
#undef FNN_CHOOSE
#undef FNN_FROM4
#undef FNN_FROM2
#undef FNN_MAX1
#undef FNN_MIN1

#endif
