/* The kernels, compiled for avx512. setup.py gives this file its instruction set flags. */
#define FNN_ISA avx512
#include "../simd/avx512.h"
#include "../kernels.inc"
