/* cpu.c: which ISA variants this build contains and this CPU runs. The only reader of cpuid. */
#include "fastnn.h"

#if defined(FNN_HAVE_AVX512) || defined(FNN_HAVE_AVX2)
#include <cpuid.h>

/* XCR0: bits 1-2 the OS saves xmm and ymm, bits 5-7 it saves opmask and zmm. */
static unsigned long long xcr0(void) {
  unsigned eax, edx;
  __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
  return ((unsigned long long)edx << 32) | eax;
}

/* AVX2 with FMA; and AVX-512 F, DQ, BW, VL. */
static void detect(int *avx2, int *avx512) {
  unsigned a, b, c, d;
  *avx2 = *avx512 = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return;
  int osxsave = c >> 27 & 1, avx = c >> 28 & 1, fma = c >> 12 & 1;
  if (!osxsave || !avx || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
  unsigned long long saved = xcr0();
  int ymm = (saved & 0x06) == 0x06, zmm = (saved & 0xe6) == 0xe6;
  *avx2 = ymm && fma && (b >> 5 & 1);
  int f = b >> 16 & 1, dq = b >> 17 & 1, bw = b >> 30 & 1, vl = b >> 31 & 1;
  *avx512 = *avx2 && zmm && f && dq && bw && vl;
}
#endif

#ifdef FNN_HAVE_AVX512
extern const fnn_table fnn_table__avx512;
#endif
#ifdef FNN_HAVE_AVX2
extern const fnn_table fnn_table__avx2;
#endif
#ifdef FNN_HAVE_NEON
extern const fnn_table fnn_table__neon;
#endif
extern const fnn_table fnn_table__generic;

const fnn_isa *fnn_isas(int *n) {
  static fnn_isa found[4];
  int count = 0;
#if defined(FNN_HAVE_AVX512) || defined(FNN_HAVE_AVX2)
  int avx2, avx512;
  detect(&avx2, &avx512);
#endif
#ifdef FNN_HAVE_AVX512
  if (avx512) found[count++] = (fnn_isa){"avx512", &fnn_table__avx512};
#endif
#ifdef FNN_HAVE_AVX2
  if (avx2) found[count++] = (fnn_isa){"avx2", &fnn_table__avx2};
#endif
#ifdef FNN_HAVE_NEON
  found[count++] = (fnn_isa){"neon", &fnn_table__neon}; /* part of every aarch64 */
#endif
  found[count++] = (fnn_isa){"generic", &fnn_table__generic};
  *n = count;
  return found;
}
