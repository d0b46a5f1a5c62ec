/* avx2.h: generic.h's functions on AVX2 and FMA: a logical vector is two ymm, a mask two ymm of all-ones lanes.
 *
 * What the functions mean, and where their results are defined, stands in generic.h: it is the reference, and
 * tests/test_simd.py holds every ISA against it. */
#ifndef FNN_SIMD_AVX2_H
#define FNN_SIMD_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FNN_INLINE static inline __attribute__((always_inline))

typedef struct { __m256 lo, hi; } vec_f32;
typedef struct { __m256d lo, hi; } vec_f64;
typedef struct { __m256 lo, hi; } msk_f32;
typedef struct { __m256d lo, hi; } msk_f64;
typedef struct { __m256i lo, hi; } ivec_f32;
typedef struct { __m256i lo, hi; } ivec_f64;
typedef __m256 reg_f32;
typedef __m256d reg_f64;
#define RL_f32 8
#define RL_f64 4

/* Both halves through one intrinsic. */
#define FNN_HALVES1(type, f, a) ((type){f((a).lo), f((a).hi)})
#define FNN_HALVES2(type, f, a, b) ((type){f((a).lo, (b).lo), f((a).hi, (b).hi)})
#define FNN_HALVES3(type, f, a, b, c) ((type){f((a).lo, (b).lo, (c).lo), f((a).hi, (b).hi, (c).hi)})

/* ---- masks -------------------------------------------------------------------------------------------------- */
/* Lanes i < n of one register; n may be negative or beyond the register. */
FNN_INLINE __m256i fnn_first8(ptrdiff_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
FNN_INLINE __m256i fnn_first4(ptrdiff_t n) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}
FNN_INLINE msk_f32 m_first_f32(ptrdiff_t n) {
  return (msk_f32){_mm256_castsi256_ps(fnn_first8(n)), _mm256_castsi256_ps(fnn_first8(n - 8))};
}
FNN_INLINE msk_f64 m_first_f64(ptrdiff_t n) {
  return (msk_f64){_mm256_castsi256_pd(fnn_first4(n)), _mm256_castsi256_pd(fnn_first4(n - 4))};
}
FNN_INLINE msk_f32 m_and_f32(msk_f32 a, msk_f32 b) { return FNN_HALVES2(msk_f32, _mm256_and_ps, a, b); }
FNN_INLINE msk_f64 m_and_f64(msk_f64 a, msk_f64 b) { return FNN_HALVES2(msk_f64, _mm256_and_pd, a, b); }
FNN_INLINE msk_f32 m_or_f32(msk_f32 a, msk_f32 b) { return FNN_HALVES2(msk_f32, _mm256_or_ps, a, b); }
FNN_INLINE msk_f64 m_or_f64(msk_f64 a, msk_f64 b) { return FNN_HALVES2(msk_f64, _mm256_or_pd, a, b); }
FNN_INLINE msk_f32 m_not_f32(msk_f32 a) {
  __m256 ones = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
  return (msk_f32){_mm256_xor_ps(a.lo, ones), _mm256_xor_ps(a.hi, ones)};
}
FNN_INLINE msk_f64 m_not_f64(msk_f64 a) {
  __m256d ones = _mm256_castsi256_pd(_mm256_set1_epi32(-1));
  return (msk_f64){_mm256_xor_pd(a.lo, ones), _mm256_xor_pd(a.hi, ones)};
}
FNN_INLINE int m_any_f32(msk_f32 a) { return _mm256_movemask_ps(_mm256_or_ps(a.lo, a.hi)) != 0; }
FNN_INLINE int m_any_f64(msk_f64 a) { return _mm256_movemask_pd(_mm256_or_pd(a.lo, a.hi)) != 0; }

/* ---- native registers ----------------------------------------------------------------------------------------- */
FNN_INLINE reg_f32 r_load_f32(const float *p) { return _mm256_loadu_ps(p); }
FNN_INLINE reg_f64 r_load_f64(const double *p) { return _mm256_loadu_pd(p); }
FNN_INLINE void r_store_f32(float *p, reg_f32 a) { _mm256_storeu_ps(p, a); }
FNN_INLINE void r_store_f64(double *p, reg_f64 a) { _mm256_storeu_pd(p, a); }
FNN_INLINE reg_f32 r_load_n_f32(const float *p, ptrdiff_t n) { return _mm256_maskload_ps(p, fnn_first8(n)); }
FNN_INLINE reg_f64 r_load_n_f64(const double *p, ptrdiff_t n) { return _mm256_maskload_pd(p, fnn_first4(n)); }
FNN_INLINE void r_store_n_f32(float *p, reg_f32 a, ptrdiff_t n) { _mm256_maskstore_ps(p, fnn_first8(n), a); }
FNN_INLINE void r_store_n_f64(double *p, reg_f64 a, ptrdiff_t n) { _mm256_maskstore_pd(p, fnn_first4(n), a); }
FNN_INLINE reg_f32 r_set1_f32(float s) { return _mm256_set1_ps(s); }
FNN_INLINE reg_f64 r_set1_f64(double s) { return _mm256_set1_pd(s); }
FNN_INLINE reg_f32 r_zero_f32(void) { return _mm256_setzero_ps(); }
FNN_INLINE reg_f64 r_zero_f64(void) { return _mm256_setzero_pd(); }
FNN_INLINE reg_f32 r_add_f32(reg_f32 a, reg_f32 b) { return _mm256_add_ps(a, b); }
FNN_INLINE reg_f64 r_add_f64(reg_f64 a, reg_f64 b) { return _mm256_add_pd(a, b); }
FNN_INLINE reg_f32 r_mul_f32(reg_f32 a, reg_f32 b) { return _mm256_mul_ps(a, b); }
FNN_INLINE reg_f64 r_mul_f64(reg_f64 a, reg_f64 b) { return _mm256_mul_pd(a, b); }
FNN_INLINE reg_f32 r_fma_f32(reg_f32 a, reg_f32 b, reg_f32 c) { return _mm256_fmadd_ps(a, b, c); }
FNN_INLINE reg_f64 r_fma_f64(reg_f64 a, reg_f64 b, reg_f64 c) { return _mm256_fmadd_pd(a, b, c); }
FNN_INLINE reg_f32 r_max_f32(reg_f32 a, reg_f32 b) { return _mm256_max_ps(a, b); }
FNN_INLINE reg_f64 r_max_f64(reg_f64 a, reg_f64 b) { return _mm256_max_pd(a, b); }
FNN_INLINE vec_f32 v_join_f32(const reg_f32 *r) { return (vec_f32){r[0], r[1]}; }
FNN_INLINE vec_f64 v_join_f64(const reg_f64 *r) { return (vec_f64){r[0], r[1]}; }
FNN_INLINE void r_transpose_f32(reg_f32 *r) {
  reg_f32 t[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]), t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) {
    __m256d a = _mm256_castps_pd(t[i / 4 * 4 + i % 4 / 2]), b = _mm256_castps_pd(t[i / 4 * 4 + i % 4 / 2 + 2]);
    r[i] = _mm256_castpd_ps(i % 2 ? _mm256_unpackhi_pd(a, b) : _mm256_unpacklo_pd(a, b));
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    reg_f32 low = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
    r[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
    r[i] = low;
  }
}
FNN_INLINE void r_transpose_f64(reg_f64 *r) {
  reg_f64 a = _mm256_unpacklo_pd(r[0], r[1]), b = _mm256_unpackhi_pd(r[0], r[1]);
  reg_f64 c = _mm256_unpacklo_pd(r[2], r[3]), d = _mm256_unpackhi_pd(r[2], r[3]);
  r[0] = _mm256_permute2f128_pd(a, c, 0x20), r[1] = _mm256_permute2f128_pd(b, d, 0x20);
  r[2] = _mm256_permute2f128_pd(a, c, 0x31), r[3] = _mm256_permute2f128_pd(b, d, 0x31);
}

/* ---- memory -------------------------------------------------------------------------------------------------- */
FNN_INLINE vec_f32 v_load_f32(const float *p) { return (vec_f32){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
FNN_INLINE vec_f64 v_load_f64(const double *p) { return (vec_f64){_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)}; }
FNN_INLINE void v_store_f32(float *p, vec_f32 a) { _mm256_storeu_ps(p, a.lo), _mm256_storeu_ps(p + 8, a.hi); }
FNN_INLINE void v_store_f64(double *p, vec_f64 a) { _mm256_storeu_pd(p, a.lo), _mm256_storeu_pd(p + 4, a.hi); }
FNN_INLINE vec_f32 v_load_n_f32(const float *p, ptrdiff_t n) {
  return (vec_f32){r_load_n_f32(p, n), r_load_n_f32(p + 8, n - 8)};
}
FNN_INLINE vec_f64 v_load_n_f64(const double *p, ptrdiff_t n) {
  return (vec_f64){r_load_n_f64(p, n), r_load_n_f64(p + 4, n - 4)};
}
FNN_INLINE void v_store_n_f32(float *p, vec_f32 a, ptrdiff_t n) {
  r_store_n_f32(p, a.lo, n);
  r_store_n_f32(p + 8, a.hi, n - 8);
}
FNN_INLINE void v_store_n_f64(double *p, vec_f64 a, ptrdiff_t n) {
  r_store_n_f64(p, a.lo, n);
  r_store_n_f64(p + 4, a.hi, n - 4);
}
FNN_INLINE vec_f32 v_set1_f32(float s) { return (vec_f32){_mm256_set1_ps(s), _mm256_set1_ps(s)}; }
FNN_INLINE vec_f64 v_set1_f64(double s) { return (vec_f64){_mm256_set1_pd(s), _mm256_set1_pd(s)}; }
FNN_INLINE vec_f32 v_zero_f32(void) { return (vec_f32){_mm256_setzero_ps(), _mm256_setzero_ps()}; }
FNN_INLINE vec_f64 v_zero_f64(void) { return (vec_f64){_mm256_setzero_pd(), _mm256_setzero_pd()}; }

/* ---- arithmetic ------------------------------------------------------------------------------------------------ */
FNN_INLINE vec_f32 v_add_f32(vec_f32 a, vec_f32 b) { return FNN_HALVES2(vec_f32, _mm256_add_ps, a, b); }
FNN_INLINE vec_f64 v_add_f64(vec_f64 a, vec_f64 b) { return FNN_HALVES2(vec_f64, _mm256_add_pd, a, b); }
FNN_INLINE vec_f32 v_sub_f32(vec_f32 a, vec_f32 b) { return FNN_HALVES2(vec_f32, _mm256_sub_ps, a, b); }
FNN_INLINE vec_f64 v_sub_f64(vec_f64 a, vec_f64 b) { return FNN_HALVES2(vec_f64, _mm256_sub_pd, a, b); }
FNN_INLINE vec_f32 v_mul_f32(vec_f32 a, vec_f32 b) { return FNN_HALVES2(vec_f32, _mm256_mul_ps, a, b); }
FNN_INLINE vec_f64 v_mul_f64(vec_f64 a, vec_f64 b) { return FNN_HALVES2(vec_f64, _mm256_mul_pd, a, b); }
FNN_INLINE vec_f32 v_div_f32(vec_f32 a, vec_f32 b) { return FNN_HALVES2(vec_f32, _mm256_div_ps, a, b); }
FNN_INLINE vec_f64 v_div_f64(vec_f64 a, vec_f64 b) { return FNN_HALVES2(vec_f64, _mm256_div_pd, a, b); }
FNN_INLINE vec_f32 v_fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) {
  return FNN_HALVES3(vec_f32, _mm256_fmadd_ps, a, b, c);
}
FNN_INLINE vec_f64 v_fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) {
  return FNN_HALVES3(vec_f64, _mm256_fmadd_pd, a, b, c);
}
FNN_INLINE vec_f32 v_fnma_f32(vec_f32 a, vec_f32 b, vec_f32 c) {
  return FNN_HALVES3(vec_f32, _mm256_fnmadd_ps, a, b, c);
}
FNN_INLINE vec_f64 v_fnma_f64(vec_f64 a, vec_f64 b, vec_f64 c) {
  return FNN_HALVES3(vec_f64, _mm256_fnmadd_pd, a, b, c);
}
FNN_INLINE vec_f32 v_sqrt_f32(vec_f32 a) { return FNN_HALVES1(vec_f32, _mm256_sqrt_ps, a); }
FNN_INLINE vec_f64 v_sqrt_f64(vec_f64 a) { return FNN_HALVES1(vec_f64, _mm256_sqrt_pd, a); }
FNN_INLINE vec_f32 v_max_f32(vec_f32 a, vec_f32 b) { return FNN_HALVES2(vec_f32, _mm256_max_ps, a, b); }
FNN_INLINE vec_f64 v_max_f64(vec_f64 a, vec_f64 b) { return FNN_HALVES2(vec_f64, _mm256_max_pd, a, b); }
FNN_INLINE vec_f32 v_min_f32(vec_f32 a, vec_f32 b) { return FNN_HALVES2(vec_f32, _mm256_min_ps, a, b); }
FNN_INLINE vec_f64 v_min_f64(vec_f64 a, vec_f64 b) { return FNN_HALVES2(vec_f64, _mm256_min_pd, a, b); }
FNN_INLINE vec_f32 v_abs_f32(vec_f32 a) { return FNN_HALVES2(vec_f32, _mm256_andnot_ps, v_set1_f32(-0.0f), a); }
FNN_INLINE vec_f64 v_abs_f64(vec_f64 a) { return FNN_HALVES2(vec_f64, _mm256_andnot_pd, v_set1_f64(-0.0), a); }
FNN_INLINE vec_f32 v_neg_f32(vec_f32 a) { return FNN_HALVES2(vec_f32, _mm256_xor_ps, v_set1_f32(-0.0f), a); }
FNN_INLINE vec_f64 v_neg_f64(vec_f64 a) { return FNN_HALVES2(vec_f64, _mm256_xor_pd, v_set1_f64(-0.0), a); }
FNN_INLINE vec_f32 v_round_f32(vec_f32 a) {
  return (vec_f32){_mm256_round_ps(a.lo, 0x08), _mm256_round_ps(a.hi, 0x08)};
}
FNN_INLINE vec_f64 v_round_f64(vec_f64 a) {
  return (vec_f64){_mm256_round_pd(a.lo, 0x08), _mm256_round_pd(a.hi, 0x08)};
}

/* ---- comparisons -------------------------------------------------------------------------------------------------- */
#define FNN_COMPARE(name, op)                                                                       \
  FNN_INLINE msk_f32 name##_f32(vec_f32 a, vec_f32 b) {                                             \
    return (msk_f32){_mm256_cmp_ps(a.lo, b.lo, op), _mm256_cmp_ps(a.hi, b.hi, op)};                 \
  }                                                                                                 \
  FNN_INLINE msk_f64 name##_f64(vec_f64 a, vec_f64 b) {                                             \
    return (msk_f64){_mm256_cmp_pd(a.lo, b.lo, op), _mm256_cmp_pd(a.hi, b.hi, op)};                 \
  }
FNN_COMPARE(v_lt, _CMP_LT_OQ)
FNN_COMPARE(v_le, _CMP_LE_OQ)
FNN_COMPARE(v_gt, _CMP_GT_OQ)
FNN_COMPARE(v_ge, _CMP_GE_OQ)
FNN_COMPARE(v_eq, _CMP_EQ_OQ)
FNN_COMPARE(v_ne, _CMP_NEQ_UQ)
#undef FNN_COMPARE
FNN_INLINE vec_f32 v_sel_f32(msk_f32 m, vec_f32 a, vec_f32 b) {
  return FNN_HALVES3(vec_f32, _mm256_blendv_ps, b, a, m);
}
FNN_INLINE vec_f64 v_sel_f64(msk_f64 m, vec_f64 a, vec_f64 b) {
  return FNN_HALVES3(vec_f64, _mm256_blendv_pd, b, a, m);
}

/* ---- integers ------------------------------------------------------------------------------------------------------ */
#define FNN_LOAD(p, i) _mm256_loadu_si256((const __m256i *)(const void *)(p) + (i))
#define FNN_STORE(p, i, a) _mm256_storeu_si256((__m256i *)(void *)(p) + (i), a)
FNN_INLINE ivec_f32 i_load_f32(const int32_t *p) { return (ivec_f32){FNN_LOAD(p, 0), FNN_LOAD(p, 1)}; }
FNN_INLINE ivec_f64 i_load_f64(const int64_t *p) { return (ivec_f64){FNN_LOAD(p, 0), FNN_LOAD(p, 1)}; }
FNN_INLINE void i_store_f32(int32_t *p, ivec_f32 a) { FNN_STORE(p, 0, a.lo), FNN_STORE(p, 1, a.hi); }
FNN_INLINE void i_store_f64(int64_t *p, ivec_f64 a) { FNN_STORE(p, 0, a.lo), FNN_STORE(p, 1, a.hi); }
#undef FNN_LOAD
#undef FNN_STORE
FNN_INLINE ivec_f32 i_set1_f32(int32_t s) { return (ivec_f32){_mm256_set1_epi32(s), _mm256_set1_epi32(s)}; }
FNN_INLINE ivec_f64 i_set1_f64(int64_t s) { return (ivec_f64){_mm256_set1_epi64x(s), _mm256_set1_epi64x(s)}; }
FNN_INLINE ivec_f32 i_iota_f32(void) {
  return (ivec_f32){_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15)};
}
FNN_INLINE ivec_f64 i_iota_f64(void) {
  return (ivec_f64){_mm256_setr_epi64x(0, 1, 2, 3), _mm256_setr_epi64x(4, 5, 6, 7)};
}
FNN_INLINE ivec_f32 i_add_f32(ivec_f32 a, ivec_f32 b) { return FNN_HALVES2(ivec_f32, _mm256_add_epi32, a, b); }
FNN_INLINE ivec_f64 i_add_f64(ivec_f64 a, ivec_f64 b) { return FNN_HALVES2(ivec_f64, _mm256_add_epi64, a, b); }
FNN_INLINE ivec_f32 i_sub_f32(ivec_f32 a, ivec_f32 b) { return FNN_HALVES2(ivec_f32, _mm256_sub_epi32, a, b); }
FNN_INLINE ivec_f64 i_sub_f64(ivec_f64 a, ivec_f64 b) { return FNN_HALVES2(ivec_f64, _mm256_sub_epi64, a, b); }
FNN_INLINE ivec_f32 i_and_f32(ivec_f32 a, ivec_f32 b) { return FNN_HALVES2(ivec_f32, _mm256_and_si256, a, b); }
FNN_INLINE ivec_f64 i_and_f64(ivec_f64 a, ivec_f64 b) { return FNN_HALVES2(ivec_f64, _mm256_and_si256, a, b); }
FNN_INLINE ivec_f32 i_or_f32(ivec_f32 a, ivec_f32 b) { return FNN_HALVES2(ivec_f32, _mm256_or_si256, a, b); }
FNN_INLINE ivec_f64 i_or_f64(ivec_f64 a, ivec_f64 b) { return FNN_HALVES2(ivec_f64, _mm256_or_si256, a, b); }
FNN_INLINE ivec_f32 i_xor_f32(ivec_f32 a, ivec_f32 b) { return FNN_HALVES2(ivec_f32, _mm256_xor_si256, a, b); }
FNN_INLINE ivec_f64 i_xor_f64(ivec_f64 a, ivec_f64 b) { return FNN_HALVES2(ivec_f64, _mm256_xor_si256, a, b); }
FNN_INLINE ivec_f64 i_mul32_f64(ivec_f64 a, ivec_f64 b) { return FNN_HALVES2(ivec_f64, _mm256_mul_epu32, a, b); }
FNN_INLINE ivec_f32 i_sll_f32(ivec_f32 a, int n) {
  return (ivec_f32){_mm256_slli_epi32(a.lo, n), _mm256_slli_epi32(a.hi, n)};
}
FNN_INLINE ivec_f64 i_sll_f64(ivec_f64 a, int n) {
  return (ivec_f64){_mm256_slli_epi64(a.lo, n), _mm256_slli_epi64(a.hi, n)};
}
FNN_INLINE ivec_f32 i_srl_f32(ivec_f32 a, int n) {
  return (ivec_f32){_mm256_srli_epi32(a.lo, n), _mm256_srli_epi32(a.hi, n)};
}
FNN_INLINE ivec_f64 i_srl_f64(ivec_f64 a, int n) {
  return (ivec_f64){_mm256_srli_epi64(a.lo, n), _mm256_srli_epi64(a.hi, n)};
}
#define FNN_TO_PS(f) _mm256_castsi256_ps(f)
#define FNN_TO_PD(f) _mm256_castsi256_pd(f)
FNN_INLINE msk_f32 i_eq_f32(ivec_f32 a, ivec_f32 b) {
  return (msk_f32){FNN_TO_PS(_mm256_cmpeq_epi32(a.lo, b.lo)), FNN_TO_PS(_mm256_cmpeq_epi32(a.hi, b.hi))};
}
FNN_INLINE msk_f64 i_eq_f64(ivec_f64 a, ivec_f64 b) {
  return (msk_f64){FNN_TO_PD(_mm256_cmpeq_epi64(a.lo, b.lo)), FNN_TO_PD(_mm256_cmpeq_epi64(a.hi, b.hi))};
}
FNN_INLINE msk_f32 i_gt_f32(ivec_f32 a, ivec_f32 b) {
  return (msk_f32){FNN_TO_PS(_mm256_cmpgt_epi32(a.lo, b.lo)), FNN_TO_PS(_mm256_cmpgt_epi32(a.hi, b.hi))};
}
FNN_INLINE msk_f64 i_gt_f64(ivec_f64 a, ivec_f64 b) {
  return (msk_f64){FNN_TO_PD(_mm256_cmpgt_epi64(a.lo, b.lo)), FNN_TO_PD(_mm256_cmpgt_epi64(a.hi, b.hi))};
}
#undef FNN_TO_PS
#undef FNN_TO_PD
FNN_INLINE ivec_f32 v_bits_f32(vec_f32 a) { return FNN_HALVES1(ivec_f32, _mm256_castps_si256, a); }
FNN_INLINE ivec_f64 v_bits_f64(vec_f64 a) { return FNN_HALVES1(ivec_f64, _mm256_castpd_si256, a); }
FNN_INLINE vec_f32 v_frombits_f32(ivec_f32 a) { return FNN_HALVES1(vec_f32, _mm256_castsi256_ps, a); }
FNN_INLINE vec_f64 v_frombits_f64(ivec_f64 a) { return FNN_HALVES1(vec_f64, _mm256_castsi256_pd, a); }
FNN_INLINE ivec_f32 i_sel_f32(msk_f32 m, ivec_f32 a, ivec_f32 b) {
  return v_bits_f32(v_sel_f32(m, v_frombits_f32(a), v_frombits_f32(b)));
}
FNN_INLINE ivec_f64 i_sel_f64(msk_f64 m, ivec_f64 a, ivec_f64 b) {
  return v_bits_f64(v_sel_f64(m, v_frombits_f64(a), v_frombits_f64(b)));
}
FNN_INLINE ivec_f32 i_load_u8_f32(const uint8_t *p) {
  __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
  return (ivec_f32){_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))};
}
FNN_INLINE ivec_f64 i_load_u8_f64(const uint8_t *p) {
  __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)p);
  return (ivec_f64){_mm256_cvtepu8_epi64(bytes), _mm256_cvtepu8_epi64(_mm_srli_si128(bytes, 4))};
}
FNN_INLINE void i_store_u8_f32(uint8_t *p, ivec_f32 a) {
  __m256i low_byte = _mm256_set1_epi32(0xff);
  __m256i words = _mm256_packus_epi32(_mm256_and_si256(a.lo, low_byte), _mm256_and_si256(a.hi, low_byte));
  words = _mm256_permute4x64_epi64(words, 0xd8); /* packus works within 128-bit lanes: lo0 hi0 lo1 hi1 -> lo0 lo1 hi0 hi1 */
  _mm_storeu_si128((__m128i *)(void *)p,
                   _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}
FNN_INLINE void i_store_u8_f64(uint8_t *p, ivec_f64 a) {
  __m256i pick = _mm256_setr_epi8(0, 8, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, /* bytes 0 and 1 of 8 */
                                  -1, -1, 0, 8, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  __m256i lo = _mm256_shuffle_epi8(a.lo, pick), hi = _mm256_shuffle_epi8(a.hi, pick);
  __m128i lo4 = _mm_or_si128(_mm256_castsi256_si128(lo), _mm256_extracti128_si256(lo, 1));
  __m128i hi4 = _mm_or_si128(_mm256_castsi256_si128(hi), _mm256_extracti128_si256(hi, 1));
  _mm_storel_epi64((__m128i *)(void *)p, _mm_unpacklo_epi32(lo4, hi4));
}

/* ---- between floats and integers ------------------------------------------------------------------------------------ */
FNN_INLINE ivec_f32 v_toint_f32(vec_f32 a) { return FNN_HALVES1(ivec_f32, _mm256_cvtps_epi32, a); }
FNN_INLINE ivec_f64 v_toint_f64(vec_f64 a) {
  /* AVX2 converts no 64-bit integers. a + 1.5 * 2^52 has a's nearest integer in its low bits while |a| < 2^51. */
  vec_f64 magic = v_set1_f64(0x1.8p52);
  ivec_f64 near = i_sub_f64(v_bits_f64(v_add_f64(a, magic)), v_bits_f64(magic));
  return i_sel_f64(v_lt_f64(v_abs_f64(a), v_set1_f64(0x1p51)), near, i_set1_f64(INT64_MIN));
}
FNN_INLINE vec_f32 v_fromint_f32(ivec_f32 a) { return FNN_HALVES1(vec_f32, _mm256_cvtepi32_ps, a); }
FNN_INLINE vec_f64 v_fromint_f64(ivec_f64 a) {
  /* The upper word plus 2^31 as the low bits of 2^84, the lower word as those of 2^52; the first difference is exact,
     so the only rounding is the last sum's. */
  ivec_f64 upper = i_xor_f64(i_srl_f64(a, 32), i_set1_f64(0x4530000080000000));
  ivec_f64 lower = i_or_f64(i_and_f64(a, i_set1_f64(0xffffffff)), i_set1_f64(0x4330000000000000));
  vec_f64 big = v_sub_f64(v_frombits_f64(upper), v_set1_f64(0x1p84 + 0x1p63 + 0x1p52));
  return v_add_f64(big, v_frombits_f64(lower));
}
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
  return (vec_f64){_mm256_cvtps_pd(_mm256_castps256_ps128(a.lo)), _mm256_cvtps_pd(_mm256_extractf128_ps(a.lo, 1))};
}
FNN_INLINE vec_f64 v_widen_hi(vec_f32 a) {
  return (vec_f64){_mm256_cvtps_pd(_mm256_castps256_ps128(a.hi)), _mm256_cvtps_pd(_mm256_extractf128_ps(a.hi, 1))};
}
FNN_INLINE vec_f32 v_narrow(vec_f64 lo, vec_f64 hi) {
  return (vec_f32){_mm256_set_m128(_mm256_cvtpd_ps(lo.hi), _mm256_cvtpd_ps(lo.lo)),
                   _mm256_set_m128(_mm256_cvtpd_ps(hi.hi), _mm256_cvtpd_ps(hi.lo))};
}

/* ---- horizontal: lane i with lane i + VL/2, then VL/4, ..., 1 ----------------------------------------------------- */
#define FNN_TREE(op)                                                                    \
  __m256 b = _mm256_##op##_ps(a.lo, a.hi);                                              \
  __m128 c = _mm_##op##_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));     \
  c = _mm_##op##_ps(c, _mm_movehl_ps(c, c));                                            \
  return _mm_cvtss_f32(_mm_##op##_ss(c, _mm_movehdup_ps(c)));
FNN_INLINE float v_hsum_f32(vec_f32 a) { FNN_TREE(add) }
FNN_INLINE float v_hmax_f32(vec_f32 a) { FNN_TREE(max) }
FNN_INLINE float v_hmin_f32(vec_f32 a) { FNN_TREE(min) }
#undef FNN_TREE
#define FNN_TREE(op)                                                                    \
  __m256d b = _mm256_##op##_pd(a.lo, a.hi);                                             \
  __m128d c = _mm_##op##_pd(_mm256_castpd256_pd128(b), _mm256_extractf128_pd(b, 1));    \
  return _mm_cvtsd_f64(_mm_##op##_sd(c, _mm_unpackhi_pd(c, c)));
FNN_INLINE double v_hsum_f64(vec_f64 a) { FNN_TREE(add) }
FNN_INLINE double v_hmax_f64(vec_f64 a) { FNN_TREE(max) }
FNN_INLINE double v_hmin_f64(vec_f64 a) { FNN_TREE(min) }
#undef FNN_TREE

#undef FNN_HALVES1
#undef FNN_HALVES2
#undef FNN_HALVES3

#endif
