/* avx512.h: generic.h's functions on AVX-512 (F, DQ, BW, VL): a logical vector is one zmm, a mask is a k register.
 *
 * What the functions mean, and where their results are defined, stands in generic.h: it is the reference, and
 * tests/test_simd.py holds every ISA against it. */
#ifndef FNN_SIMD_AVX512_H
#define FNN_SIMD_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FNN_INLINE static inline __attribute__((always_inline))

typedef __m512 vec_f32;
typedef __m512d vec_f64;
typedef __mmask16 msk_f32;
typedef __mmask8 msk_f64;
typedef __m512i ivec_f32;
typedef __m512i ivec_f64;
typedef __m512 reg_f32;
typedef __m512d reg_f64;
#define RL_f32 16
#define RL_f64 8

/* ---- masks -------------------------------------------------------------------------------------------------- */
FNN_INLINE msk_f32 m_first_f32(ptrdiff_t n) { return (msk_f32)((1u << n) - 1u); }
FNN_INLINE msk_f64 m_first_f64(ptrdiff_t n) { return (msk_f64)((1u << n) - 1u); }
FNN_INLINE msk_f32 m_and_f32(msk_f32 a, msk_f32 b) { return (msk_f32)(a & b); }
FNN_INLINE msk_f64 m_and_f64(msk_f64 a, msk_f64 b) { return (msk_f64)(a & b); }
FNN_INLINE msk_f32 m_or_f32(msk_f32 a, msk_f32 b) { return (msk_f32)(a | b); }
FNN_INLINE msk_f64 m_or_f64(msk_f64 a, msk_f64 b) { return (msk_f64)(a | b); }
FNN_INLINE msk_f32 m_not_f32(msk_f32 a) { return (msk_f32)~a; }
FNN_INLINE msk_f64 m_not_f64(msk_f64 a) { return (msk_f64)~a; }
FNN_INLINE int m_any_f32(msk_f32 a) { return a != 0; }
FNN_INLINE int m_any_f64(msk_f64 a) { return a != 0; }

/* ---- memory -------------------------------------------------------------------------------------------------- */
FNN_INLINE vec_f32 v_load_f32(const float *p) { return _mm512_loadu_ps(p); }
FNN_INLINE vec_f64 v_load_f64(const double *p) { return _mm512_loadu_pd(p); }
FNN_INLINE void v_store_f32(float *p, vec_f32 a) { _mm512_storeu_ps(p, a); }
FNN_INLINE void v_store_f64(double *p, vec_f64 a) { _mm512_storeu_pd(p, a); }
FNN_INLINE vec_f32 v_load_n_f32(const float *p, ptrdiff_t n) { return _mm512_maskz_loadu_ps(m_first_f32(n), p); }
FNN_INLINE vec_f64 v_load_n_f64(const double *p, ptrdiff_t n) { return _mm512_maskz_loadu_pd(m_first_f64(n), p); }
FNN_INLINE void v_store_n_f32(float *p, vec_f32 a, ptrdiff_t n) { _mm512_mask_storeu_ps(p, m_first_f32(n), a); }
FNN_INLINE void v_store_n_f64(double *p, vec_f64 a, ptrdiff_t n) { _mm512_mask_storeu_pd(p, m_first_f64(n), a); }
FNN_INLINE vec_f32 v_set1_f32(float s) { return _mm512_set1_ps(s); }
FNN_INLINE vec_f64 v_set1_f64(double s) { return _mm512_set1_pd(s); }
FNN_INLINE vec_f32 v_zero_f32(void) { return _mm512_setzero_ps(); }
FNN_INLINE vec_f64 v_zero_f64(void) { return _mm512_setzero_pd(); }

/* ---- arithmetic ------------------------------------------------------------------------------------------------ */
FNN_INLINE vec_f32 v_add_f32(vec_f32 a, vec_f32 b) { return _mm512_add_ps(a, b); }
FNN_INLINE vec_f64 v_add_f64(vec_f64 a, vec_f64 b) { return _mm512_add_pd(a, b); }
FNN_INLINE vec_f32 v_sub_f32(vec_f32 a, vec_f32 b) { return _mm512_sub_ps(a, b); }
FNN_INLINE vec_f64 v_sub_f64(vec_f64 a, vec_f64 b) { return _mm512_sub_pd(a, b); }
FNN_INLINE vec_f32 v_mul_f32(vec_f32 a, vec_f32 b) { return _mm512_mul_ps(a, b); }
FNN_INLINE vec_f64 v_mul_f64(vec_f64 a, vec_f64 b) { return _mm512_mul_pd(a, b); }
FNN_INLINE vec_f32 v_div_f32(vec_f32 a, vec_f32 b) { return _mm512_div_ps(a, b); }
FNN_INLINE vec_f64 v_div_f64(vec_f64 a, vec_f64 b) { return _mm512_div_pd(a, b); }
FNN_INLINE vec_f32 v_fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return _mm512_fmadd_ps(a, b, c); }
FNN_INLINE vec_f64 v_fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return _mm512_fmadd_pd(a, b, c); }
FNN_INLINE vec_f32 v_fnma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return _mm512_fnmadd_ps(a, b, c); }
FNN_INLINE vec_f64 v_fnma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return _mm512_fnmadd_pd(a, b, c); }
/* maskz forms: the plain ones read _mm512_undefined_ps(), which GCC 12 reports as uninitialised (its bug 105593). */
FNN_INLINE vec_f32 v_sqrt_f32(vec_f32 a) { return _mm512_maskz_sqrt_ps((msk_f32)-1, a); }
FNN_INLINE vec_f64 v_sqrt_f64(vec_f64 a) { return _mm512_maskz_sqrt_pd((msk_f64)-1, a); }
FNN_INLINE vec_f32 v_max_f32(vec_f32 a, vec_f32 b) { return _mm512_maskz_max_ps((msk_f32)-1, a, b); }
FNN_INLINE vec_f64 v_max_f64(vec_f64 a, vec_f64 b) { return _mm512_maskz_max_pd((msk_f64)-1, a, b); }
FNN_INLINE vec_f32 v_min_f32(vec_f32 a, vec_f32 b) { return _mm512_maskz_min_ps((msk_f32)-1, a, b); }
FNN_INLINE vec_f64 v_min_f64(vec_f64 a, vec_f64 b) { return _mm512_maskz_min_pd((msk_f64)-1, a, b); }
FNN_INLINE vec_f32 v_abs_f32(vec_f32 a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
FNN_INLINE vec_f64 v_abs_f64(vec_f64 a) { return _mm512_andnot_pd(_mm512_set1_pd(-0.0), a); }
FNN_INLINE vec_f32 v_neg_f32(vec_f32 a) { return _mm512_xor_ps(_mm512_set1_ps(-0.0f), a); }
FNN_INLINE vec_f64 v_neg_f64(vec_f64 a) { return _mm512_xor_pd(_mm512_set1_pd(-0.0), a); }
FNN_INLINE vec_f32 v_round_f32(vec_f32 a) { return _mm512_maskz_roundscale_ps((msk_f32)-1, a, 0x08); }
FNN_INLINE vec_f64 v_round_f64(vec_f64 a) { return _mm512_maskz_roundscale_pd((msk_f64)-1, a, 0x08); }

/* ---- comparisons -------------------------------------------------------------------------------------------------- */
FNN_INLINE msk_f32 v_lt_f32(vec_f32 a, vec_f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
FNN_INLINE msk_f64 v_lt_f64(vec_f64 a, vec_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ); }
FNN_INLINE msk_f32 v_le_f32(vec_f32 a, vec_f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
FNN_INLINE msk_f64 v_le_f64(vec_f64 a, vec_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ); }
FNN_INLINE msk_f32 v_gt_f32(vec_f32 a, vec_f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
FNN_INLINE msk_f64 v_gt_f64(vec_f64 a, vec_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_GT_OQ); }
FNN_INLINE msk_f32 v_ge_f32(vec_f32 a, vec_f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
FNN_INLINE msk_f64 v_ge_f64(vec_f64 a, vec_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_GE_OQ); }
FNN_INLINE msk_f32 v_eq_f32(vec_f32 a, vec_f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
FNN_INLINE msk_f64 v_eq_f64(vec_f64 a, vec_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ); }
FNN_INLINE msk_f32 v_ne_f32(vec_f32 a, vec_f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ); }
FNN_INLINE msk_f64 v_ne_f64(vec_f64 a, vec_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_NEQ_UQ); }
FNN_INLINE vec_f32 v_sel_f32(msk_f32 m, vec_f32 a, vec_f32 b) { return _mm512_mask_blend_ps(m, b, a); }
FNN_INLINE vec_f64 v_sel_f64(msk_f64 m, vec_f64 a, vec_f64 b) { return _mm512_mask_blend_pd(m, b, a); }

/* ---- integers ------------------------------------------------------------------------------------------------------ */
FNN_INLINE ivec_f32 i_load_f32(const int32_t *p) { return _mm512_loadu_si512(p); }
FNN_INLINE ivec_f64 i_load_f64(const int64_t *p) { return _mm512_loadu_si512(p); }
FNN_INLINE void i_store_f32(int32_t *p, ivec_f32 a) { _mm512_storeu_si512(p, a); }
FNN_INLINE void i_store_f64(int64_t *p, ivec_f64 a) { _mm512_storeu_si512(p, a); }
FNN_INLINE ivec_f32 i_set1_f32(int32_t s) { return _mm512_set1_epi32(s); }
FNN_INLINE ivec_f64 i_set1_f64(int64_t s) { return _mm512_set1_epi64(s); }
FNN_INLINE ivec_f32 i_iota_f32(void) {
  return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
FNN_INLINE ivec_f64 i_iota_f64(void) { return _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7); }
FNN_INLINE ivec_f32 i_add_f32(ivec_f32 a, ivec_f32 b) { return _mm512_add_epi32(a, b); }
FNN_INLINE ivec_f64 i_add_f64(ivec_f64 a, ivec_f64 b) { return _mm512_add_epi64(a, b); }
FNN_INLINE ivec_f32 i_sub_f32(ivec_f32 a, ivec_f32 b) { return _mm512_sub_epi32(a, b); }
FNN_INLINE ivec_f64 i_sub_f64(ivec_f64 a, ivec_f64 b) { return _mm512_sub_epi64(a, b); }
FNN_INLINE ivec_f32 i_and_f32(ivec_f32 a, ivec_f32 b) { return _mm512_and_si512(a, b); }
FNN_INLINE ivec_f64 i_and_f64(ivec_f64 a, ivec_f64 b) { return _mm512_and_si512(a, b); }
FNN_INLINE ivec_f32 i_or_f32(ivec_f32 a, ivec_f32 b) { return _mm512_or_si512(a, b); }
FNN_INLINE ivec_f64 i_or_f64(ivec_f64 a, ivec_f64 b) { return _mm512_or_si512(a, b); }
FNN_INLINE ivec_f32 i_xor_f32(ivec_f32 a, ivec_f32 b) { return _mm512_xor_si512(a, b); }
FNN_INLINE ivec_f64 i_xor_f64(ivec_f64 a, ivec_f64 b) { return _mm512_xor_si512(a, b); }
FNN_INLINE ivec_f64 i_mul32_f64(ivec_f64 a, ivec_f64 b) { return _mm512_maskz_mul_epu32((__mmask8)-1, a, b); }
#define i_sll_f32(a, imm) _mm512_maskz_slli_epi32((__mmask16)-1, a, imm)
#define i_sll_f64(a, imm) _mm512_maskz_slli_epi64((__mmask8)-1, a, imm)
#define i_srl_f32(a, imm) _mm512_maskz_srli_epi32((__mmask16)-1, a, imm)
#define i_srl_f64(a, imm) _mm512_maskz_srli_epi64((__mmask8)-1, a, imm)
FNN_INLINE msk_f32 i_eq_f32(ivec_f32 a, ivec_f32 b) { return _mm512_cmpeq_epi32_mask(a, b); }
FNN_INLINE msk_f64 i_eq_f64(ivec_f64 a, ivec_f64 b) { return _mm512_cmpeq_epi64_mask(a, b); }
FNN_INLINE msk_f32 i_gt_f32(ivec_f32 a, ivec_f32 b) { return _mm512_cmpgt_epi32_mask(a, b); }
FNN_INLINE msk_f64 i_gt_f64(ivec_f64 a, ivec_f64 b) { return _mm512_cmpgt_epi64_mask(a, b); }
FNN_INLINE ivec_f32 i_sel_f32(msk_f32 m, ivec_f32 a, ivec_f32 b) { return _mm512_mask_blend_epi32(m, b, a); }
FNN_INLINE ivec_f64 i_sel_f64(msk_f64 m, ivec_f64 a, ivec_f64 b) { return _mm512_mask_blend_epi64(m, b, a); }
FNN_INLINE ivec_f32 i_load_u8_f32(const uint8_t *p) {
  return _mm512_maskz_cvtepu8_epi32((msk_f32)-1, _mm_loadu_si128((const __m128i *)p));
}
FNN_INLINE ivec_f64 i_load_u8_f64(const uint8_t *p) {
  return _mm512_maskz_cvtepu8_epi64((msk_f64)-1, _mm_loadl_epi64((const __m128i *)p));
}
FNN_INLINE void i_store_u8_f32(uint8_t *p, ivec_f32 a) {
  _mm_storeu_si128((__m128i *)p, _mm512_maskz_cvtepi32_epi8((msk_f32)-1, a));
}
FNN_INLINE void i_store_u8_f64(uint8_t *p, ivec_f64 a) {
  _mm_storel_epi64((__m128i *)p, _mm512_maskz_cvtepi64_epi8((msk_f64)-1, a));
}

/* ---- between floats and integers ------------------------------------------------------------------------------------ */
FNN_INLINE ivec_f32 v_toint_f32(vec_f32 a) { return _mm512_maskz_cvtps_epi32((msk_f32)-1, a); }
FNN_INLINE ivec_f64 v_toint_f64(vec_f64 a) {
  __mmask8 in_range = _mm512_cmp_pd_mask(v_abs_f64(a), _mm512_set1_pd(0x1p51), _CMP_LT_OQ);
  return _mm512_mask_cvtpd_epi64(_mm512_set1_epi64(INT64_MIN), in_range, a);
}
FNN_INLINE vec_f32 v_fromint_f32(ivec_f32 a) { return _mm512_maskz_cvtepi32_ps((msk_f32)-1, a); }
FNN_INLINE vec_f64 v_fromint_f64(ivec_f64 a) { return _mm512_maskz_cvtepi64_pd((msk_f64)-1, a); }
FNN_INLINE ivec_f32 v_bits_f32(vec_f32 a) { return _mm512_castps_si512(a); }
FNN_INLINE ivec_f64 v_bits_f64(vec_f64 a) { return _mm512_castpd_si512(a); }
FNN_INLINE vec_f32 v_frombits_f32(ivec_f32 a) { return _mm512_castsi512_ps(a); }
FNN_INLINE vec_f64 v_frombits_f64(ivec_f64 a) { return _mm512_castsi512_pd(a); }
FNN_INLINE vec_f32 v_ldexp_f32(vec_f32 a, ivec_f32 e) {
  return _mm512_maskz_scalef_ps((msk_f32)-1, a, v_fromint_f32(e));
}
FNN_INLINE vec_f64 v_ldexp_f64(vec_f64 a, ivec_f64 e) {
  return _mm512_maskz_scalef_pd((msk_f64)-1, a, v_fromint_f64(e));
}
FNN_INLINE vec_f32 v_scalef_f32(vec_f32 a, vec_f32 n) { return _mm512_maskz_scalef_ps((msk_f32)-1, a, n); }
FNN_INLINE vec_f64 v_scalef_f64(vec_f64 a, vec_f64 n) { return _mm512_maskz_scalef_pd((msk_f64)-1, a, n); }
/* Lanes 0..7 and 8..15 of a float32 vector as float64, and back (rounded to nearest even). */
FNN_INLINE vec_f64 v_widen_lo(vec_f32 a) { return _mm512_maskz_cvtps_pd((msk_f64)-1, _mm512_castps512_ps256(a)); }
FNN_INLINE vec_f64 v_widen_hi(vec_f32 a) {
  return _mm512_maskz_cvtps_pd((msk_f64)-1, _mm512_maskz_extractf32x8_ps((msk_f64)-1, a, 1));
}
FNN_INLINE vec_f32 v_narrow(vec_f64 lo, vec_f64 hi) {
  __m256 a = _mm512_maskz_cvtpd_ps((msk_f64)-1, lo), b = _mm512_maskz_cvtpd_ps((msk_f64)-1, hi);
  return _mm512_maskz_insertf32x8((msk_f32)-1, _mm512_zextps256_ps512(a), b, 1);
}

/* ---- horizontal: lane i with lane i + VL/2, then VL/4, ..., 1 ----------------------------------------------------- */
#define FNN_TREE(op)                                                                                       \
  __m256 b = _mm256_##op##_ps(_mm512_castps512_ps256(a), _mm512_maskz_extractf32x8_ps(0xff, a, 1));        \
  __m128 c = _mm_##op##_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));                        \
  c = _mm_##op##_ps(c, _mm_movehl_ps(c, c));                                                               \
  return _mm_cvtss_f32(_mm_##op##_ss(c, _mm_movehdup_ps(c)));
FNN_INLINE float v_hsum_f32(vec_f32 a) { FNN_TREE(add) }
FNN_INLINE float v_hmax_f32(vec_f32 a) { FNN_TREE(max) }
FNN_INLINE float v_hmin_f32(vec_f32 a) { FNN_TREE(min) }
#undef FNN_TREE
#define FNN_TREE(op)                                                                                       \
  __m256d b = _mm256_##op##_pd(_mm512_castpd512_pd256(a), _mm512_maskz_extractf64x4_pd(0xff, a, 1));       \
  __m128d c = _mm_##op##_pd(_mm256_castpd256_pd128(b), _mm256_extractf128_pd(b, 1));                       \
  return _mm_cvtsd_f64(_mm_##op##_sd(c, _mm_unpackhi_pd(c, c)));
FNN_INLINE double v_hsum_f64(vec_f64 a) { FNN_TREE(add) }
FNN_INLINE double v_hmax_f64(vec_f64 a) { FNN_TREE(max) }
FNN_INLINE double v_hmin_f64(vec_f64 a) { FNN_TREE(min) }
#undef FNN_TREE

/* ---- native registers ------------------------------------------------------------------------------------------------- */
FNN_INLINE reg_f32 r_load_f32(const float *p) { return _mm512_loadu_ps(p); }
FNN_INLINE reg_f64 r_load_f64(const double *p) { return _mm512_loadu_pd(p); }
FNN_INLINE void r_store_f32(float *p, reg_f32 a) { _mm512_storeu_ps(p, a); }
FNN_INLINE void r_store_f64(double *p, reg_f64 a) { _mm512_storeu_pd(p, a); }
FNN_INLINE reg_f32 r_load_n_f32(const float *p, ptrdiff_t n) { return v_load_n_f32(p, n); }
FNN_INLINE reg_f64 r_load_n_f64(const double *p, ptrdiff_t n) { return v_load_n_f64(p, n); }
FNN_INLINE void r_store_n_f32(float *p, reg_f32 a, ptrdiff_t n) { v_store_n_f32(p, a, n); }
FNN_INLINE void r_store_n_f64(double *p, reg_f64 a, ptrdiff_t n) { v_store_n_f64(p, a, n); }
FNN_INLINE reg_f32 r_set1_f32(float s) { return _mm512_set1_ps(s); }
FNN_INLINE reg_f64 r_set1_f64(double s) { return _mm512_set1_pd(s); }
FNN_INLINE reg_f32 r_zero_f32(void) { return _mm512_setzero_ps(); }
FNN_INLINE reg_f64 r_zero_f64(void) { return _mm512_setzero_pd(); }
FNN_INLINE reg_f32 r_add_f32(reg_f32 a, reg_f32 b) { return _mm512_add_ps(a, b); }
FNN_INLINE reg_f64 r_add_f64(reg_f64 a, reg_f64 b) { return _mm512_add_pd(a, b); }
FNN_INLINE reg_f32 r_mul_f32(reg_f32 a, reg_f32 b) { return _mm512_mul_ps(a, b); }
FNN_INLINE reg_f64 r_mul_f64(reg_f64 a, reg_f64 b) { return _mm512_mul_pd(a, b); }
FNN_INLINE reg_f32 r_fma_f32(reg_f32 a, reg_f32 b, reg_f32 c) { return _mm512_fmadd_ps(a, b, c); }
FNN_INLINE reg_f64 r_fma_f64(reg_f64 a, reg_f64 b, reg_f64 c) { return _mm512_fmadd_pd(a, b, c); }
FNN_INLINE reg_f32 r_max_f32(reg_f32 a, reg_f32 b) { return v_max_f32(a, b); }
FNN_INLINE reg_f64 r_max_f64(reg_f64 a, reg_f64 b) { return v_max_f64(a, b); }
FNN_INLINE vec_f32 v_join_f32(const reg_f32 *r) { return r[0]; }
FNN_INLINE vec_f64 v_join_f64(const reg_f64 *r) { return r[0]; }
/* Block q of r[0], r[s], r[2s], r[3s] (128 bits each) becomes register q of them. */
#define FNN_TURN_BLOCKS(type, shuffle, r, s)                                           \
  do {                                                                                 \
    type even01 = shuffle((r)[0], (r)[s], 0x88), odd01 = shuffle((r)[0], (r)[s], 0xdd); \
    type even23 = shuffle((r)[2 * (s)], (r)[3 * (s)], 0x88);                           \
    type odd23 = shuffle((r)[2 * (s)], (r)[3 * (s)], 0xdd);                            \
    (r)[0] = shuffle(even01, even23, 0x88), (r)[s] = shuffle(odd01, odd23, 0x88);      \
    (r)[2 * (s)] = shuffle(even01, even23, 0xdd), (r)[3 * (s)] = shuffle(odd01, odd23, 0xdd); \
  } while (0)
FNN_INLINE void r_transpose_f32(reg_f32 *r) {
  reg_f32 t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 2) t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]), t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) {
    __m512d a = _mm512_castps_pd(t[i / 4 * 4 + i % 4 / 2]), b = _mm512_castps_pd(t[i / 4 * 4 + i % 4 / 2 + 2]);
    r[i] = _mm512_castpd_ps(i % 2 ? _mm512_unpackhi_pd(a, b) : _mm512_unpacklo_pd(a, b));
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) FNN_TURN_BLOCKS(reg_f32, _mm512_shuffle_f32x4, r + i, 4);
}
FNN_INLINE void r_transpose_f64(reg_f64 *r) {
  reg_f64 t[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) t[i] = _mm512_unpacklo_pd(r[i], r[i + 1]), t[i + 1] = _mm512_unpackhi_pd(r[i], r[i + 1]);
#pragma GCC unroll 2
  for (int i = 0; i < 2; i++) FNN_TURN_BLOCKS(reg_f64, _mm512_shuffle_f64x2, t + i, 2);
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) r[i] = t[i];
}

#endif
