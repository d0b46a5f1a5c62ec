/* The kernels, compiled for generic. setup.py gives this file its instruction set flags. */
#define FNN_ISA generic
#include "../simd/generic.h"
#include "../kernels.inc"
