/* The kernels, compiled for avx2. setup.py gives this file its instruction set flags. */
#define FNN_ISA avx2
#include "../simd/avx2.h"
#include "../kernels.inc"
