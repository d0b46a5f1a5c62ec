/* neon.h: generic.h's functions on AArch64 NEON: a logical vector is four q registers, a mask four of all-ones lanes.
 *
 * What the functions mean, and where their results are defined, stands in generic.h: it is the reference, and
 * `make neon` holds this file against it. */
#ifndef FNN_SIMD_NEON_H
#define FNN_SIMD_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FNN_INLINE static inline __attribute__((always_inline))

typedef float32x4_t reg_f32;
typedef float64x2_t reg_f64;
#define RL_f32 4
#define RL_f64 2
typedef struct { float32x4_t q[4]; } vec_f32;
typedef struct { float64x2_t q[4]; } vec_f64;
typedef struct { int32x4_t q[4]; } ivec_f32;
typedef struct { int64x2_t q[4]; } ivec_f64;
typedef struct { uint32x4_t q[4]; } msk_f32;
typedef struct { uint64x2_t q[4]; } msk_f64;

/* All quarters through one intrinsic. */
#define FNN_1(r, f, a) ((r){{f((a).q[0]), f((a).q[1]), f((a).q[2]), f((a).q[3])}})
#define FNN_2(r, f, a, b) \
  ((r){{f((a).q[0], (b).q[0]), f((a).q[1], (b).q[1]), f((a).q[2], (b).q[2]), f((a).q[3], (b).q[3])}})
#define FNN_3(r, f, a, b, c)                                              \
  ((r){{f((a).q[0], (b).q[0], (c).q[0]), f((a).q[1], (b).q[1], (c).q[1]), \
        f((a).q[2], (b).q[2], (c).q[2]), f((a).q[3], (b).q[3], (c).q[3])}})
#define FNN_SAME(r, a) ((r){{a, a, a, a}})

/* ---- native registers ----------------------------------------------------------------------------------------- */
FNN_INLINE reg_f32 r_load_f32(const float *p) { return vld1q_f32(p); }
FNN_INLINE reg_f64 r_load_f64(const double *p) { return vld1q_f64(p); }
FNN_INLINE void r_store_f32(float *p, reg_f32 a) { vst1q_f32(p, a); }
FNN_INLINE void r_store_f64(double *p, reg_f64 a) { vst1q_f64(p, a); }
FNN_INLINE reg_f32 r_load_n_f32(const float *p, ptrdiff_t n) {
  float t[4] = {n > 0 ? p[0] : 0, n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, n > 3 ? p[3] : 0};
  return vld1q_f32(t);
}
FNN_INLINE reg_f64 r_load_n_f64(const double *p, ptrdiff_t n) {
  double t[2] = {n > 0 ? p[0] : 0, n > 1 ? p[1] : 0};
  return vld1q_f64(t);
}
FNN_INLINE void r_store_n_f32(float *p, reg_f32 a, ptrdiff_t n) {
  if (n > 0) vst1q_lane_f32(p, a, 0);
  if (n > 1) vst1q_lane_f32(p + 1, a, 1);
  if (n > 2) vst1q_lane_f32(p + 2, a, 2);
  if (n > 3) vst1q_lane_f32(p + 3, a, 3);
}
FNN_INLINE void r_store_n_f64(double *p, reg_f64 a, ptrdiff_t n) {
  if (n > 0) vst1q_lane_f64(p, a, 0);
  if (n > 1) vst1q_lane_f64(p + 1, a, 1);
}
FNN_INLINE reg_f32 r_set1_f32(float s) { return vdupq_n_f32(s); }
FNN_INLINE reg_f64 r_set1_f64(double s) { return vdupq_n_f64(s); }
FNN_INLINE reg_f32 r_zero_f32(void) { return vdupq_n_f32(0); }
FNN_INLINE reg_f64 r_zero_f64(void) { return vdupq_n_f64(0); }
FNN_INLINE reg_f32 r_add_f32(reg_f32 a, reg_f32 b) { return vaddq_f32(a, b); }
FNN_INLINE reg_f64 r_add_f64(reg_f64 a, reg_f64 b) { return vaddq_f64(a, b); }
FNN_INLINE reg_f32 r_mul_f32(reg_f32 a, reg_f32 b) { return vmulq_f32(a, b); }
FNN_INLINE reg_f64 r_mul_f64(reg_f64 a, reg_f64 b) { return vmulq_f64(a, b); }
FNN_INLINE reg_f32 r_fma_f32(reg_f32 a, reg_f32 b, reg_f32 c) { return vfmaq_f32(c, a, b); }
FNN_INLINE reg_f64 r_fma_f64(reg_f64 a, reg_f64 b, reg_f64 c) { return vfmaq_f64(c, a, b); }
/* Not vmaxq: it returns NaN if either operand is one, and orders the zeros. */
FNN_INLINE reg_f32 r_max_f32(reg_f32 a, reg_f32 b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
FNN_INLINE reg_f64 r_max_f64(reg_f64 a, reg_f64 b) { return vbslq_f64(vcgtq_f64(a, b), a, b); }
FNN_INLINE vec_f32 v_join_f32(const reg_f32 *r) { return (vec_f32){{r[0], r[1], r[2], r[3]}}; }
FNN_INLINE vec_f64 v_join_f64(const reg_f64 *r) { return (vec_f64){{r[0], r[1], r[2], r[3]}}; }
FNN_INLINE void r_transpose_f32(reg_f32 *r) {
  reg_f32 a = vzip1q_f32(r[0], r[2]), b = vzip1q_f32(r[1], r[3]), c = vzip2q_f32(r[0], r[2]), d = vzip2q_f32(r[1], r[3]);
  r[0] = vzip1q_f32(a, b), r[1] = vzip2q_f32(a, b), r[2] = vzip1q_f32(c, d), r[3] = vzip2q_f32(c, d);
}
FNN_INLINE void r_transpose_f64(reg_f64 *r) {
  reg_f64 a = vzip1q_f64(r[0], r[1]);
  r[1] = vzip2q_f64(r[0], r[1]);
  r[0] = a;
}
FNN_INLINE reg_f32 fnn_min4(reg_f32 a, reg_f32 b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
FNN_INLINE reg_f64 fnn_min2(reg_f64 a, reg_f64 b) { return vbslq_f64(vcltq_f64(a, b), a, b); }

/* ---- masks -------------------------------------------------------------------------------------------------- */
FNN_INLINE msk_f32 m_first_f32(ptrdiff_t n) {
  int32x4_t i = vcombine_s32(vcreate_s32(0x0000000100000000), vcreate_s32(0x0000000300000002));
  int32x4_t m = vdupq_n_s32((int32_t)n);
  return (msk_f32){{vcltq_s32(i, m), vcltq_s32(vaddq_s32(i, vdupq_n_s32(4)), m),
                    vcltq_s32(vaddq_s32(i, vdupq_n_s32(8)), m), vcltq_s32(vaddq_s32(i, vdupq_n_s32(12)), m)}};
}
FNN_INLINE msk_f64 m_first_f64(ptrdiff_t n) {
  int64x2_t i = vcombine_s64(vcreate_s64(0), vcreate_s64(1)), m = vdupq_n_s64(n);
  return (msk_f64){{vcltq_s64(i, m), vcltq_s64(vaddq_s64(i, vdupq_n_s64(2)), m),
                    vcltq_s64(vaddq_s64(i, vdupq_n_s64(4)), m), vcltq_s64(vaddq_s64(i, vdupq_n_s64(6)), m)}};
}
#define FNN_NOT64(a) vreinterpretq_u64_u32(vmvnq_u32(vreinterpretq_u32_u64(a)))
FNN_INLINE msk_f32 m_and_f32(msk_f32 a, msk_f32 b) { return FNN_2(msk_f32, vandq_u32, a, b); }
FNN_INLINE msk_f64 m_and_f64(msk_f64 a, msk_f64 b) { return FNN_2(msk_f64, vandq_u64, a, b); }
FNN_INLINE msk_f32 m_or_f32(msk_f32 a, msk_f32 b) { return FNN_2(msk_f32, vorrq_u32, a, b); }
FNN_INLINE msk_f64 m_or_f64(msk_f64 a, msk_f64 b) { return FNN_2(msk_f64, vorrq_u64, a, b); }
FNN_INLINE msk_f32 m_not_f32(msk_f32 a) { return FNN_1(msk_f32, vmvnq_u32, a); }
FNN_INLINE msk_f64 m_not_f64(msk_f64 a) { return FNN_1(msk_f64, FNN_NOT64, a); }
FNN_INLINE int m_any_f32(msk_f32 a) {
  return vmaxvq_u32(vorrq_u32(vorrq_u32(a.q[0], a.q[1]), vorrq_u32(a.q[2], a.q[3]))) != 0;
}
FNN_INLINE int m_any_f64(msk_f64 a) {
  return vmaxvq_u32(vreinterpretq_u32_u64(vorrq_u64(vorrq_u64(a.q[0], a.q[1]), vorrq_u64(a.q[2], a.q[3])))) != 0;
}

/* ---- memory -------------------------------------------------------------------------------------------------- */
FNN_INLINE vec_f32 v_load_f32(const float *p) {
  return (vec_f32){{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
}
FNN_INLINE vec_f64 v_load_f64(const double *p) {
  return (vec_f64){{vld1q_f64(p), vld1q_f64(p + 2), vld1q_f64(p + 4), vld1q_f64(p + 6)}};
}
FNN_INLINE void v_store_f32(float *p, vec_f32 a) {
  vst1q_f32(p, a.q[0]), vst1q_f32(p + 4, a.q[1]), vst1q_f32(p + 8, a.q[2]), vst1q_f32(p + 12, a.q[3]);
}
FNN_INLINE void v_store_f64(double *p, vec_f64 a) {
  vst1q_f64(p, a.q[0]), vst1q_f64(p + 2, a.q[1]), vst1q_f64(p + 4, a.q[2]), vst1q_f64(p + 6, a.q[3]);
}
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
FNN_INLINE vec_f32 v_set1_f32(float s) { return FNN_SAME(vec_f32, vdupq_n_f32(s)); }
FNN_INLINE vec_f64 v_set1_f64(double s) { return FNN_SAME(vec_f64, vdupq_n_f64(s)); }
FNN_INLINE vec_f32 v_zero_f32(void) { return FNN_SAME(vec_f32, vdupq_n_f32(0)); }
FNN_INLINE vec_f64 v_zero_f64(void) { return FNN_SAME(vec_f64, vdupq_n_f64(0)); }

/* ---- arithmetic ------------------------------------------------------------------------------------------------ */
#define FNN_FMA4(a, b, c) vfmaq_f32(c, a, b)
#define FNN_FMA2(a, b, c) vfmaq_f64(c, a, b)
#define FNN_FNMA4(a, b, c) vfmsq_f32(c, a, b)
#define FNN_FNMA2(a, b, c) vfmsq_f64(c, a, b)
FNN_INLINE vec_f32 v_add_f32(vec_f32 a, vec_f32 b) { return FNN_2(vec_f32, vaddq_f32, a, b); }
FNN_INLINE vec_f64 v_add_f64(vec_f64 a, vec_f64 b) { return FNN_2(vec_f64, vaddq_f64, a, b); }
FNN_INLINE vec_f32 v_sub_f32(vec_f32 a, vec_f32 b) { return FNN_2(vec_f32, vsubq_f32, a, b); }
FNN_INLINE vec_f64 v_sub_f64(vec_f64 a, vec_f64 b) { return FNN_2(vec_f64, vsubq_f64, a, b); }
FNN_INLINE vec_f32 v_mul_f32(vec_f32 a, vec_f32 b) { return FNN_2(vec_f32, vmulq_f32, a, b); }
FNN_INLINE vec_f64 v_mul_f64(vec_f64 a, vec_f64 b) { return FNN_2(vec_f64, vmulq_f64, a, b); }
FNN_INLINE vec_f32 v_div_f32(vec_f32 a, vec_f32 b) { return FNN_2(vec_f32, vdivq_f32, a, b); }
FNN_INLINE vec_f64 v_div_f64(vec_f64 a, vec_f64 b) { return FNN_2(vec_f64, vdivq_f64, a, b); }
FNN_INLINE vec_f32 v_fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return FNN_3(vec_f32, FNN_FMA4, a, b, c); }
FNN_INLINE vec_f64 v_fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return FNN_3(vec_f64, FNN_FMA2, a, b, c); }
FNN_INLINE vec_f32 v_fnma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return FNN_3(vec_f32, FNN_FNMA4, a, b, c); }
FNN_INLINE vec_f64 v_fnma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return FNN_3(vec_f64, FNN_FNMA2, a, b, c); }
FNN_INLINE vec_f32 v_sqrt_f32(vec_f32 a) { return FNN_1(vec_f32, vsqrtq_f32, a); }
FNN_INLINE vec_f64 v_sqrt_f64(vec_f64 a) { return FNN_1(vec_f64, vsqrtq_f64, a); }
FNN_INLINE vec_f32 v_max_f32(vec_f32 a, vec_f32 b) { return FNN_2(vec_f32, r_max_f32, a, b); }
FNN_INLINE vec_f64 v_max_f64(vec_f64 a, vec_f64 b) { return FNN_2(vec_f64, r_max_f64, a, b); }
FNN_INLINE vec_f32 v_min_f32(vec_f32 a, vec_f32 b) { return FNN_2(vec_f32, fnn_min4, a, b); }
FNN_INLINE vec_f64 v_min_f64(vec_f64 a, vec_f64 b) { return FNN_2(vec_f64, fnn_min2, a, b); }
FNN_INLINE vec_f32 v_abs_f32(vec_f32 a) { return FNN_1(vec_f32, vabsq_f32, a); }
FNN_INLINE vec_f64 v_abs_f64(vec_f64 a) { return FNN_1(vec_f64, vabsq_f64, a); }
FNN_INLINE vec_f32 v_neg_f32(vec_f32 a) { return FNN_1(vec_f32, vnegq_f32, a); }
FNN_INLINE vec_f64 v_neg_f64(vec_f64 a) { return FNN_1(vec_f64, vnegq_f64, a); }
FNN_INLINE vec_f32 v_round_f32(vec_f32 a) { return FNN_1(vec_f32, vrndnq_f32, a); }
FNN_INLINE vec_f64 v_round_f64(vec_f64 a) { return FNN_1(vec_f64, vrndnq_f64, a); }

/* ---- comparisons -------------------------------------------------------------------------------------------------- */
FNN_INLINE msk_f32 v_lt_f32(vec_f32 a, vec_f32 b) { return FNN_2(msk_f32, vcltq_f32, a, b); }
FNN_INLINE msk_f64 v_lt_f64(vec_f64 a, vec_f64 b) { return FNN_2(msk_f64, vcltq_f64, a, b); }
FNN_INLINE msk_f32 v_le_f32(vec_f32 a, vec_f32 b) { return FNN_2(msk_f32, vcleq_f32, a, b); }
FNN_INLINE msk_f64 v_le_f64(vec_f64 a, vec_f64 b) { return FNN_2(msk_f64, vcleq_f64, a, b); }
FNN_INLINE msk_f32 v_gt_f32(vec_f32 a, vec_f32 b) { return FNN_2(msk_f32, vcgtq_f32, a, b); }
FNN_INLINE msk_f64 v_gt_f64(vec_f64 a, vec_f64 b) { return FNN_2(msk_f64, vcgtq_f64, a, b); }
FNN_INLINE msk_f32 v_ge_f32(vec_f32 a, vec_f32 b) { return FNN_2(msk_f32, vcgeq_f32, a, b); }
FNN_INLINE msk_f64 v_ge_f64(vec_f64 a, vec_f64 b) { return FNN_2(msk_f64, vcgeq_f64, a, b); }
FNN_INLINE msk_f32 v_eq_f32(vec_f32 a, vec_f32 b) { return FNN_2(msk_f32, vceqq_f32, a, b); }
FNN_INLINE msk_f64 v_eq_f64(vec_f64 a, vec_f64 b) { return FNN_2(msk_f64, vceqq_f64, a, b); }
FNN_INLINE msk_f32 v_ne_f32(vec_f32 a, vec_f32 b) { return m_not_f32(v_eq_f32(a, b)); }
FNN_INLINE msk_f64 v_ne_f64(vec_f64 a, vec_f64 b) { return m_not_f64(v_eq_f64(a, b)); }
FNN_INLINE vec_f32 v_sel_f32(msk_f32 m, vec_f32 a, vec_f32 b) { return FNN_3(vec_f32, vbslq_f32, m, a, b); }
FNN_INLINE vec_f64 v_sel_f64(msk_f64 m, vec_f64 a, vec_f64 b) { return FNN_3(vec_f64, vbslq_f64, m, a, b); }

/* ---- integers ------------------------------------------------------------------------------------------------------ */
FNN_INLINE ivec_f32 i_load_f32(const int32_t *p) {
  return (ivec_f32){{vld1q_s32(p), vld1q_s32(p + 4), vld1q_s32(p + 8), vld1q_s32(p + 12)}};
}
FNN_INLINE ivec_f64 i_load_f64(const int64_t *p) {
  return (ivec_f64){{vld1q_s64(p), vld1q_s64(p + 2), vld1q_s64(p + 4), vld1q_s64(p + 6)}};
}
FNN_INLINE void i_store_f32(int32_t *p, ivec_f32 a) {
  vst1q_s32(p, a.q[0]), vst1q_s32(p + 4, a.q[1]), vst1q_s32(p + 8, a.q[2]), vst1q_s32(p + 12, a.q[3]);
}
FNN_INLINE void i_store_f64(int64_t *p, ivec_f64 a) {
  vst1q_s64(p, a.q[0]), vst1q_s64(p + 2, a.q[1]), vst1q_s64(p + 4, a.q[2]), vst1q_s64(p + 6, a.q[3]);
}
FNN_INLINE ivec_f32 i_set1_f32(int32_t s) { return FNN_SAME(ivec_f32, vdupq_n_s32(s)); }
FNN_INLINE ivec_f64 i_set1_f64(int64_t s) { return FNN_SAME(ivec_f64, vdupq_n_s64(s)); }
FNN_INLINE ivec_f32 i_iota_f32(void) {
  static const int32_t t[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return i_load_f32(t);
}
FNN_INLINE ivec_f64 i_iota_f64(void) {
  static const int64_t t[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  return i_load_f64(t);
}
FNN_INLINE ivec_f32 i_add_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(ivec_f32, vaddq_s32, a, b); }
FNN_INLINE ivec_f64 i_add_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(ivec_f64, vaddq_s64, a, b); }
FNN_INLINE ivec_f32 i_sub_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(ivec_f32, vsubq_s32, a, b); }
FNN_INLINE ivec_f64 i_sub_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(ivec_f64, vsubq_s64, a, b); }
FNN_INLINE ivec_f32 i_and_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(ivec_f32, vandq_s32, a, b); }
FNN_INLINE ivec_f64 i_and_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(ivec_f64, vandq_s64, a, b); }
FNN_INLINE ivec_f32 i_or_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(ivec_f32, vorrq_s32, a, b); }
FNN_INLINE ivec_f64 i_or_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(ivec_f64, vorrq_s64, a, b); }
FNN_INLINE ivec_f32 i_xor_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(ivec_f32, veorq_s32, a, b); }
FNN_INLINE ivec_f64 i_xor_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(ivec_f64, veorq_s64, a, b); }
FNN_INLINE int64x2_t fnn_mul32(int64x2_t a, int64x2_t b) {
  return vreinterpretq_s64_u64(vmull_u32(vmovn_u64(vreinterpretq_u64_s64(a)), vmovn_u64(vreinterpretq_u64_s64(b))));
}
FNN_INLINE ivec_f64 i_mul32_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(ivec_f64, fnn_mul32, a, b); }
#define FNN_SLL4(q) vshlq_s32(q, count)
#define FNN_SLL2(q) vshlq_s64(q, count)
#define FNN_SRL4(q) vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(q), count))
#define FNN_SRL2(q) vreinterpretq_s64_u64(vshlq_u64(vreinterpretq_u64_s64(q), count))
FNN_INLINE ivec_f32 i_sll_f32(ivec_f32 a, int n) { int32x4_t count = vdupq_n_s32(n); return FNN_1(ivec_f32, FNN_SLL4, a); }
FNN_INLINE ivec_f64 i_sll_f64(ivec_f64 a, int n) { int64x2_t count = vdupq_n_s64(n); return FNN_1(ivec_f64, FNN_SLL2, a); }
FNN_INLINE ivec_f32 i_srl_f32(ivec_f32 a, int n) { int32x4_t count = vdupq_n_s32(-n); return FNN_1(ivec_f32, FNN_SRL4, a); }
FNN_INLINE ivec_f64 i_srl_f64(ivec_f64 a, int n) { int64x2_t count = vdupq_n_s64(-n); return FNN_1(ivec_f64, FNN_SRL2, a); }
FNN_INLINE msk_f32 i_eq_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(msk_f32, vceqq_s32, a, b); }
FNN_INLINE msk_f64 i_eq_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(msk_f64, vceqq_s64, a, b); }
FNN_INLINE msk_f32 i_gt_f32(ivec_f32 a, ivec_f32 b) { return FNN_2(msk_f32, vcgtq_s32, a, b); }
FNN_INLINE msk_f64 i_gt_f64(ivec_f64 a, ivec_f64 b) { return FNN_2(msk_f64, vcgtq_s64, a, b); }
FNN_INLINE ivec_f32 i_sel_f32(msk_f32 m, ivec_f32 a, ivec_f32 b) { return FNN_3(ivec_f32, vbslq_s32, m, a, b); }
FNN_INLINE ivec_f64 i_sel_f64(msk_f64 m, ivec_f64 a, ivec_f64 b) { return FNN_3(ivec_f64, vbslq_s64, m, a, b); }
FNN_INLINE ivec_f32 i_load_u8_f32(const uint8_t *p) {
  uint8x16_t b = vld1q_u8(p);
  uint16x8_t lo = vmovl_u8(vget_low_u8(b)), hi = vmovl_u8(vget_high_u8(b));
  return (ivec_f32){{vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(lo))), vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(lo))),
                     vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(hi))), vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(hi)))}};
}
FNN_INLINE ivec_f64 i_load_u8_f64(const uint8_t *p) {
  uint16x8_t w = vmovl_u8(vld1_u8(p));
  uint32x4_t lo = vmovl_u16(vget_low_u16(w)), hi = vmovl_u16(vget_high_u16(w));
  return (ivec_f64){{vreinterpretq_s64_u64(vmovl_u32(vget_low_u32(lo))), vreinterpretq_s64_u64(vmovl_u32(vget_high_u32(lo))),
                     vreinterpretq_s64_u64(vmovl_u32(vget_low_u32(hi))), vreinterpretq_s64_u64(vmovl_u32(vget_high_u32(hi)))}};
}
FNN_INLINE void i_store_u8_f32(uint8_t *p, ivec_f32 a) {
  int16x8_t lo = vcombine_s16(vmovn_s32(a.q[0]), vmovn_s32(a.q[1]));
  int16x8_t hi = vcombine_s16(vmovn_s32(a.q[2]), vmovn_s32(a.q[3]));
  vst1q_u8(p, vreinterpretq_u8_s8(vcombine_s8(vmovn_s16(lo), vmovn_s16(hi))));
}
FNN_INLINE void i_store_u8_f64(uint8_t *p, ivec_f64 a) {
  int32x4_t lo = vcombine_s32(vmovn_s64(a.q[0]), vmovn_s64(a.q[1]));
  int32x4_t hi = vcombine_s32(vmovn_s64(a.q[2]), vmovn_s64(a.q[3]));
  vst1_u8(p, vreinterpret_u8_s8(vmovn_s16(vcombine_s16(vmovn_s32(lo), vmovn_s32(hi)))));
}

/* ---- between floats and integers ------------------------------------------------------------------------------------ */
/* The instructions saturate and turn NaN into 0; the definition is x86's: the least integer. */
FNN_INLINE int32x4_t fnn_toint4(float32x4_t a) {
  return vbslq_s32(vcaltq_f32(a, vdupq_n_f32(0x1p31f)), vcvtnq_s32_f32(a), vdupq_n_s32(INT32_MIN));
}
FNN_INLINE int64x2_t fnn_toint2(float64x2_t a) {
  return vbslq_s64(vcaltq_f64(a, vdupq_n_f64(0x1p51)), vcvtnq_s64_f64(a), vdupq_n_s64(INT64_MIN));
}
FNN_INLINE ivec_f32 v_toint_f32(vec_f32 a) { return FNN_1(ivec_f32, fnn_toint4, a); }
FNN_INLINE ivec_f64 v_toint_f64(vec_f64 a) { return FNN_1(ivec_f64, fnn_toint2, a); }
FNN_INLINE vec_f32 v_fromint_f32(ivec_f32 a) { return FNN_1(vec_f32, vcvtq_f32_s32, a); }
FNN_INLINE vec_f64 v_fromint_f64(ivec_f64 a) { return FNN_1(vec_f64, vcvtq_f64_s64, a); }
FNN_INLINE ivec_f32 v_bits_f32(vec_f32 a) { return FNN_1(ivec_f32, vreinterpretq_s32_f32, a); }
FNN_INLINE ivec_f64 v_bits_f64(vec_f64 a) { return FNN_1(ivec_f64, vreinterpretq_s64_f64, a); }
FNN_INLINE vec_f32 v_frombits_f32(ivec_f32 a) { return FNN_1(vec_f32, vreinterpretq_f32_s32, a); }
FNN_INLINE vec_f64 v_frombits_f64(ivec_f64 a) { return FNN_1(vec_f64, vreinterpretq_f64_s64, a); }
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
  return (vec_f64){{vcvt_f64_f32(vget_low_f32(a.q[0])), vcvt_high_f64_f32(a.q[0]), vcvt_f64_f32(vget_low_f32(a.q[1])),
                    vcvt_high_f64_f32(a.q[1])}};
}
FNN_INLINE vec_f64 v_widen_hi(vec_f32 a) {
  return (vec_f64){{vcvt_f64_f32(vget_low_f32(a.q[2])), vcvt_high_f64_f32(a.q[2]), vcvt_f64_f32(vget_low_f32(a.q[3])),
                    vcvt_high_f64_f32(a.q[3])}};
}
FNN_INLINE vec_f32 v_narrow(vec_f64 lo, vec_f64 hi) {
  return (vec_f32){{vcvt_high_f32_f64(vcvt_f32_f64(lo.q[0]), lo.q[1]), vcvt_high_f32_f64(vcvt_f32_f64(lo.q[2]), lo.q[3]),
                    vcvt_high_f32_f64(vcvt_f32_f64(hi.q[0]), hi.q[1]), vcvt_high_f32_f64(vcvt_f32_f64(hi.q[2]), hi.q[3])}};
}

/* ---- horizontal: lane i with lane i + VL/2, then VL/4, ..., 1 ----------------------------------------------------- */
#define FNN_TREE(op)                                                            \
  float32x4_t b = op(op(a.q[0], a.q[2]), op(a.q[1], a.q[3]));                   \
  b = op(b, vextq_f32(b, b, 2));                                                \
  return vgetq_lane_f32(op(b, vextq_f32(b, b, 1)), 0);
FNN_INLINE float v_hsum_f32(vec_f32 a) { FNN_TREE(vaddq_f32) }
FNN_INLINE float v_hmax_f32(vec_f32 a) { FNN_TREE(r_max_f32) }
FNN_INLINE float v_hmin_f32(vec_f32 a) { FNN_TREE(fnn_min4) }
#undef FNN_TREE
#define FNN_TREE(op)                                                            \
  float64x2_t b = op(op(a.q[0], a.q[2]), op(a.q[1], a.q[3]));                   \
  return vgetq_lane_f64(op(b, vextq_f64(b, b, 1)), 0);
FNN_INLINE double v_hsum_f64(vec_f64 a) { FNN_TREE(vaddq_f64) }
FNN_INLINE double v_hmax_f64(vec_f64 a) { FNN_TREE(r_max_f64) }
FNN_INLINE double v_hmin_f64(vec_f64 a) { FNN_TREE(fnn_min2) }
#undef FNN_TREE

#undef FNN_1
#undef FNN_2
#undef FNN_3
#undef FNN_SAME
#undef FNN_NOT64
#undef FNN_FMA4
#undef FNN_FMA2
#undef FNN_FNMA4
#undef FNN_FNMA2
#undef FNN_SLL4
#undef FNN_SLL2
#undef FNN_SRL4
#undef FNN_SRL2

#endif
