/* The kernels, compiled for neon. setup.py gives this file its instruction set flags. */
#define FNN_ISA neon
#include "../simd/neon.h"
#include "../kernels.inc"
