/* simd.c: every function of csrc/simd/ on this instruction set against one line of plain C, lane by lane.
 *
 * Built once per ISA: -DFNN_ISA=avx2 -DFNN_SIMD='"simd/avx2.h"'. Results must agree bit for bit; any NaN equals any
 * other. Operands: all pairs of special values (zeros, infinities, NaN, subnormals, ties, the edges of conversions) and
 * random bit patterns. Prints each function that fails; exit code 1 if any does. */
#define _GNU_SOURCE
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include FNN_SIMD

#define FNN_IS_generic 1
#define FNN_JOIN3(a, b) a##b
#define FNN_JOIN4(a, b) FNN_JOIN3(a, b)
#if FNN_JOIN4(FNN_IS_, FNN_ISA) == 1
#define FUSED 0
#else
#define FUSED 1
#endif

static int failures;

static void fail(const char *type, const char *name, double a, double b, double c, double got, double want) {
  static const char *last = "";
  if (strcmp(last, name)) fprintf(stderr, "%s %s(%a, %a, %a) = %a, not %a\n", type, name, a, b, c, got, want);
  last = name;
  failures++;
}

static uint64_t random_bits(void) {
  static uint64_t state = 1;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return state ^ state >> 29;
}

/* n bytes that end where an inaccessible page begins: any access beyond them is a crash. */
static char *before_guard(size_t n) {
  static char *pages;
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  if (!pages) {
    pages = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + size, size, PROT_NONE)) abort();
  }
  return pages + size - n;
}

#define SELF(name) FNN_JOIN4(name, SUFFIX)

#define SUFFIX _f32
#define TYPE_NAME "f32"
#define I int32_t
#define U uint32_t
#define IMIN INT32_MIN
#define F(name) name##f
#define LIMIT 0x1p31f
#define EDGE 0x1p23f
#define MOST_LDEXP 252
#define LEAST_NORMAL 0x1p-126f
#include "simd/f32.h"
#include "../tests/simd/checks.inc"
#include "simd/undef.h"
#undef SUFFIX
#undef TYPE_NAME
#undef I
#undef U
#undef IMIN
#undef F
#undef LIMIT
#undef EDGE
#undef MOST_LDEXP
#undef LEAST_NORMAL

#define SUFFIX _f64
#define TYPE_NAME "f64"
#define I int64_t
#define U uint64_t
#define IMIN INT64_MIN
#define F(name) name
#define LIMIT 0x1p51
#define EDGE 0x1p52
#define MOST_LDEXP 2044
#define LEAST_NORMAL 0x1p-1022
#include "simd/f64.h"
#include "../tests/simd/checks.inc"
#include "simd/undef.h"

static void check_widening(void) {
  for (int round = 0; round < 1000; round++) {
    float x[16], y[16];
    double w[16];
    for (int i = 0; i < 16; i++) x[i] = pick_f32();
    v_store_f64(w, v_widen_lo(v_load_f32(x)));
    v_store_f64(w + 8, v_widen_hi(v_load_f32(x)));
    for (int i = 0; i < 16; i++)
      if (!same_f64(w[i], x[i])) fail("f32", "v_widen", x[i], 0, 0, w[i], x[i]);
    for (int i = 0; i < 16; i++) w[i] = pick_f64();
    v_store_f32(y, v_narrow(v_load_f64(w), v_load_f64(w + 8)));
    for (int i = 0; i < 16; i++)
      if (!same_f32(y[i], (float)w[i])) fail("f64", "v_narrow", w[i], 0, 0, y[i], (float)w[i]);
  }
}

static void check_i_mul32(void) {
  for (int round = 0; round < 1000; round++) {
    int64_t a[8], b[8], y[8];
    for (int i = 0; i < 8; i++) a[i] = (int64_t)random_bits(), b[i] = (int64_t)random_bits();
    i_store_f64(y, i_mul32_f64(i_load_f64(a), i_load_f64(b)));
    for (int i = 0; i < 8; i++) {
      uint64_t want = (uint64_t)(uint32_t)a[i] * (uint32_t)b[i];
      if ((uint64_t)y[i] != want) fail("f64", "i_mul32", (double)a[i], (double)b[i], 0, (double)y[i], (double)want);
    }
  }
}

int main(void) {
  check_f32();
  check_f64();
  check_widening();
  check_i_mul32();
  if (failures) fprintf(stderr, "%d results are wrong\n", failures);
  return failures != 0;
}
