/* fpenv.h: every thread that runs kernels honours denormals, whatever the caller's FTZ/DAZ flags say. */
#ifndef FNN_FPENV_H
#define FNN_FPENV_H

#include <stdint.h>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
typedef unsigned fnn_fpenv;
/* MXCSR: bit 15 flush to zero, bit 6 denormals are zero, bits 13-14 rounding (0: nearest). */
static inline fnn_fpenv fnn_fp_enter(void) {
  fnn_fpenv old = _mm_getcsr();
  if (old & 0xe040u) _mm_setcsr(old & ~0xe040u);
  return old;
}
static inline void fnn_fp_leave(fnn_fpenv old) {
  if (old & 0xe040u) _mm_setcsr(old);
}
#elif defined(__aarch64__)
typedef uint64_t fnn_fpenv;
/* FPCR: bit 24 flush to zero, bits 22-23 rounding (0: nearest). */
static inline fnn_fpenv fnn_fp_enter(void) {
  fnn_fpenv old;
  __asm__ volatile("mrs %0, fpcr" : "=r"(old));
  if (old & 0x1c00000u) __asm__ volatile("msr fpcr, %0" ::"r"(old & ~(uint64_t)0x1c00000u));
  return old;
}
static inline void fnn_fp_leave(fnn_fpenv old) {
  if (old & 0x1c00000u) __asm__ volatile("msr fpcr, %0" ::"r"(old));
}
#else
typedef int fnn_fpenv;
static inline fnn_fpenv fnn_fp_enter(void) { return 0; }
static inline void fnn_fp_leave(fnn_fpenv old) { (void)old; }
#endif

#endif
