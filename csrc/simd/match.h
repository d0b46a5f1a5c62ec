/* match.h: bytes compared with one value, as the bits of a number. */
#ifndef FNN_MATCH_H
#define FNN_MATCH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined __SSE2__
#include <immintrin.h>
#elif defined __ARM_NEON
#include <arm_neon.h>
#endif

/* Bit i tells whether p[i] == value, for i < n; n is 16, 32, 48 or 64. */
static inline uint64_t fnn_match(const uint8_t *p, ptrdiff_t n, uint8_t value) {
  uint64_t bits = 0;
#if defined __AVX512BW__
  if (n == 64) return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p), _mm512_set1_epi8((char)value));
#endif
  for (ptrdiff_t i = 0; i < n; i += 16) {
#if defined __SSE2__
    const __m128i codes = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
    const uint64_t part = (uint64_t)_mm_movemask_epi8(_mm_cmpeq_epi8(codes, _mm_set1_epi8((char)value)));
#elif defined __ARM_NEON
    static const uint8_t powers[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t equal = vandq_u8(vceqq_u8(vld1q_u8(p + i), vdupq_n_u8(value)), vld1q_u8(powers));
    const uint64_t part = (uint64_t)vaddv_u8(vget_low_u8(equal)) | (uint64_t)vaddv_u8(vget_high_u8(equal)) << 8;
#else
    uint64_t part = 0;
    for (int k = 0; k < 16; k++) part |= (uint64_t)(p[i + k] == value) << k;
#endif
    bits |= part << i;
  }
  return bits;
}

#endif
