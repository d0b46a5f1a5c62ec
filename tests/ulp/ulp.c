/* ulp.c: the largest errors of csrc/vmath.h, vtrig.h, vhyperbolic.h, vpower.h and verf.h, in units in the last place of the
 * exact result.
 *
 *   ulp f32 [step [function]]      every step-th of the 2^32 float32 inputs (default 1: all), against double
 *   ulp f64 [samples [function]]   float64 inputs, stratified (default 10^8), against long double
 *
 * One line per function: name, largest error, the argument it occurs at, and a checksum of all result bits (NaN counts
 * as one value), which is the same for every ISA with FMA. Built once per ISA: -DFNN_ISA=avx2 -DFNN_SIMD='"simd/avx2.h"'.
 * Where long double is no wider than double (or is emulated), f64 samples are compared with double: checksums only. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include FNN_SIMD
#define FNN_JOIN2(name, type, isa) fnn_##name##_##type##__##isa
#define FNN_JOIN(name, type, isa) FNN_JOIN2(name, type, isa)
#define FNN(name) FNN_JOIN(name, FNN_TYPE, FNN_ISA)
#define FNN_TYPE f32
#include "simd/f32.h"
#include "vmath.h"
#include "simd/undef.h"
#undef FNN_TYPE
#define FNN_TYPE f64
#include "simd/f64.h"
#include "vmath.h"
#include "simd/undef.h"
#undef FNN_TYPE
#define FNN_TYPE f32
#include "simd/f32.h"
#include "vtrig.h"
#include "vhyperbolic.h"
#include "vpower.h"
#include "verf.h"
#include "simd/undef.h"
#undef FNN_TYPE
#define FNN_TYPE f64
#include "simd/f64.h"
#include "vtrig.h"
#include "vhyperbolic.h"
#include "vpower.h"
#include "verf.h"
#include "simd/undef.h"

enum { N = 4096 };
typedef long double wide;

static wide sigmoid_wide(wide x) { return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)); }
static double sigmoid_double(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }

/* Halley's method on erf and erfc, from an approximation (Winitzki's); 1 - a is exact where erfc is used. */
static wide erfinv_wide(wide x) {
  wide a = fabsl(x), scale = 0.886226925452758013649083741670572591L; /* sqrt(pi) / 2 */
  if (!(a < 1)) return a == 1 ? copysignl(INFINITY, x) : NAN;
  if (a < 1e-10L) return x * scale;
  wide w = -logl((1 - a) * (1 + a)), half = 4.33L - w / 2, y = sqrtl(w / 0.147L / (sqrtl(half * half + w / 0.147L) + half));
  for (int i = 0; i < 3; i++) {
    wide step = (a < 0.5L ? erfl(y) - a : (1 - a) - erfcl(y)) * scale * expl(y * y);
    y -= step / (1 + y * step);
  }
  return copysignl(y, x);
}
static double erfinv_double(double x) { return (double)erfinv_wide(x); }

/* vmath.h's functions are named v_exp (v), the others by the instruction set, with one argument (w) or two (b). */
#define CALL_v(name, type, x, second) v_##name##_##type(x)
#define CALL_w(name, type, x, second) FNN_JOIN(name, type, FNN_ISA)(x)
#define CALL_b(name, type, x, second) FNN_JOIN(name, type, FNN_ISA)(x, second)
#define EXACT_v(f, x, second) f(x)
#define EXACT_w(f, x, second) f(x)
#define EXACT_b(f, x, second) f(x, second)

#define FUNCTIONS(F)                         \
  F(v, exp, exp, expl)                       \
  F(v, expm1, expm1, expm1l)                 \
  F(v, log, log, logl)                       \
  F(v, log1p, log1p, log1pl)                 \
  F(v, tanh, tanh, tanhl)                    \
  F(v, sigmoid, sigmoid_double, sigmoid_wide) \
  F(v, erf, erf, erfl)                       \
  F(w, sin, sin, sinl)                       \
  F(w, cos, cos, cosl)                       \
  F(w, tan, tan, tanl)                       \
  F(w, arcsin, asin, asinl)                  \
  F(w, arccos, acos, acosl)                  \
  F(w, arctan, atan, atanl)                  \
  F(w, sinh, sinh, sinhl)                    \
  F(w, cosh, cosh, coshl)                    \
  F(w, arcsinh, asinh, asinhl)               \
  F(w, arccosh, acosh, acoshl)               \
  F(w, arctanh, atanh, atanhl)               \
  F(w, exp2, exp2, exp2l)                    \
  F(w, log2, log2, log2l)                    \
  F(w, log10, log10, log10l)                 \
  F(w, cbrt, cbrt, cbrtl)                    \
  F(w, erfc, erfc, erfcl)                    \
  F(w, erfinv, erfinv_double, erfinv_wide)   \
  F(b, power, pow, powl)                     \
  F(b, arctan2, atan2, atan2l)               \
  F(b, hypot, hypot, hypotl)

#define RUN(kind, name, f_double, f_wide)                                                                          \
  static __attribute__((noinline)) void name##_run_f32(float *y, const float *x, const float *second) {            \
    (void)second;                                                                                                  \
    for (int i = 0; i < N; i += 16)                                                                                \
      v_store_f32(y + i, CALL_##kind(name, f32, v_load_f32(x + i), v_load_f32(second + i)));                       \
  }                                                                                                                \
  static __attribute__((noinline)) void name##_run_f64(double *y, const double *x, const double *second) {         \
    (void)second;                                                                                                  \
    for (int i = 0; i < N; i += 8)                                                                                 \
      v_store_f64(y + i, CALL_##kind(name, f64, v_load_f64(x + i), v_load_f64(second + i)));                       \
  }
FUNCTIONS(RUN)

/* |got - exact| in units of the last place that a float of this many bits has at exact. */
static double error_in_ulp(double got, wide exact, int bits, int least_exponent, double largest) {
  if (isnan(exact)) return isnan(got) ? 0 : INFINITY;
  if (isnan(got)) return INFINITY;
  int exponent;
  frexpl(exact, &exponent);
  if (isinf(exact) || fabsl(exact) > largest) { /* beyond the largest float the next one would be one step further */
    if (got == (exact > 0 ? INFINITY : -INFINITY)) return fabsl(exact) >= (wide)largest + ldexpl(1, exponent - bits - 1) ? 0 : 1;
    if (isinf(exact)) return INFINITY;
  }
  if (exact == 0) exponent = least_exponent;
  if (exponent - bits < least_exponent) exponent = least_exponent + bits;
  return (double)(fabsl((wide)got - exact) / ldexpl(1, exponent - bits));
}

static uint64_t mix(uint64_t h, uint64_t v) { return (h ^ v) * 0x9e3779b97f4a7c15u ^ (h >> 29); }

static void report(const char *name, double worst, double at, uint64_t sum) {
  printf("%-8s %7.3f at %-24.17g %016llx\n", name, worst, at, (unsigned long long)sum);
}

/* A second argument: a third each of about x's size, within +-8, and of any size up to what leaves x^y in range. */
static double partner(double x, uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  double u = (double)(int64_t)*state * 0x1p-63, log = fabs(log2(fabs(x))); /* u within +-1 */
  switch (*state >> 20 & 3) {
  case 0: return x * u * 4;
  case 1: return log > 0x1p-40 && log < 1100 ? u * 1080 / log : u;
  default: return u * 8;
  }
}

#define MEASURE_F32(kind, name, f_double, f_wide)                                               \
  if (!only || !strcmp(only, #name)) {                                                         \
    double worst = 0, at = 0;                                                                  \
    uint64_t sum = 0, step = every, state = 42;                                                \
    for (uint64_t first = 0; first < (1ull << 32); first += N * step) {                        \
      float x[N], y[N], second[N];                                                             \
      for (int i = 0; i < N; i++) {                                                            \
        uint32_t u = (uint32_t)(first + (uint64_t)i * step);                                   \
        memcpy(x + i, &u, 4);                                                                  \
        second[i] = #kind[0] == 'b' ? (float)partner(x[i], &state) : 0;                        \
      }                                                                                        \
      name##_run_f32(y, x, second);                                                            \
      for (int i = 0; i < N; i++) {                                                            \
        uint32_t u;                                                                            \
        memcpy(&u, y + i, 4);                                                                  \
        sum = mix(sum, y[i] != y[i] ? 0x7fc00000u : u);                                        \
        double exact = EXACT_##kind(f_double, x[i], second[i]);                                       \
        if ((float)exact == y[i] && worst >= 0.5) continue; /* rounded correctly, as most are */ \
        double e = error_in_ulp(y[i], exact, 24, -149, 0x1.fffffep127);                        \
        if (e > worst) worst = e, at = x[i];                                                   \
      }                                                                                        \
    }                                                                                          \
    report(#name, worst, at, sum);                                                             \
  }

/* Sample i: a third each of all bit patterns, of exponents near 0 (2^-60..2^10), and uniform in +-750, where the
 * exponential lives; each third walks its strata in turn with random low bits. */
static double sample(uint64_t i, uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  uint64_t random = (*state >> 11) ^ (*state << 43), u;
  double x;
  if (i % 3 == 0) {
    u = (i / 3) << 52 | (random & 0xfffffffffffffu); /* every sign and exponent in turn */
  } else if (i % 3 == 1) {
    u = (uint64_t)(1023 - 60 + i / 3 % 71) << 52 | (random & 0x800fffffffffffffu);
  } else {
    return ((double)(i / 3 % 1500000) + (double)(random >> 11) * 0x1p-53) * 1e-3 - 750;
  }
  memcpy(&x, &u, 8);
  return x;
}

#define MEASURE_F64(kind, name, f_double, f_wide)                                               \
  if (!only || !strcmp(only, #name)) {                                                         \
    double worst = 0, at = 0;                                                                  \
    uint64_t sum = 0, state = 42;                                                              \
    for (uint64_t first = 0; first < samples; first += N) {                                     \
      double x[N], y[N], second[N];                                                            \
      for (int i = 0; i < N; i++) {                                                            \
        x[i] = sample(first + i, &state);                                                      \
        second[i] = #kind[0] == 'b' ? partner(x[i], &state) : 0;                               \
      }                                                                                        \
      name##_run_f64(y, x, second);                                                            \
      for (int i = 0; i < N; i++) {                                                            \
        uint64_t u;                                                                            \
        memcpy(&u, y + i, 8);                                                                  \
        sum = mix(sum, y[i] != y[i] ? 0x7ff8000000000000u : u);                                \
        if (sizeof(wide) == sizeof(double) || NO_WIDE) continue;                               \
        double e = error_in_ulp(y[i], EXACT_##kind(f_wide, (wide)x[i], (wide)second[i]), 53, -1074, 0x1.fffffffffffffp1023); \
        if (e > worst) worst = e, at = x[i];                                                   \
      }                                                                                        \
    }                                                                                          \
    report(#name, worst, at, sum);                                                             \
  }

#if defined(__x86_64__) || defined(__i386__)
#define NO_WIDE 0
#else
#define NO_WIDE 1
#endif

int main(int argc, char **argv) {
  const char *only = argc > 3 ? argv[3] : NULL;
  if (argc > 1 && !strcmp(argv[1], "f32")) {
    uint64_t every = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    FUNCTIONS(MEASURE_F32)
  } else if (argc > 1 && !strcmp(argv[1], "f64")) {
    uint64_t samples = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000000;
    FUNCTIONS(MEASURE_F64)
  } else {
    fprintf(stderr, "usage: ulp f32 [step [function]] | ulp f64 [samples [function]]\n");
    return 2;
  }
  return 0;
}
