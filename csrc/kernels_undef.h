/* Clears the X-macros of kernels.def, so that it can be included again with other meanings. */
#undef KERNEL
#undef IN
#undef OPT_IN
#undef OUT
#undef OPT_OUT
#undef INOUT
#undef SCRATCH
#undef SIZE
#undef SCALAR
#undef END
