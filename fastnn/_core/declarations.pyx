# What csrc/fastnn.h gives the binding, and the imports of all files of the module (cython-lint sees them one by one).
cimport cython  # no-cython-lint
cimport numpy as cnp
from cpython.pythread cimport PyThread_get_thread_ident  # no-cython-lint
from libc.stddef cimport size_t  # no-cython-lint
from libc.stdint cimport int64_t, uintptr_t  # no-cython-lint
from libc.string cimport memcmp, memcpy, memset  # no-cython-lint

import math  # no-cython-lint
import os  # no-cython-lint
import sys  # no-cython-lint

import numpy as np  # no-cython-lint

cnp.import_array()

cdef extern from "fastnn.h" nogil:
    enum:
        FNN_KERNEL_COUNT
        FNN_MAX_FIELDS
    enum fnn_role:
        FNN_IN
        FNN_OPT_IN
        FNN_OUT
        FNN_OPT_OUT
        FNN_INOUT
        FNN_SCRATCH
        FNN_SIZE
        FNN_SCALAR
    ctypedef void (*fnn_kernel_fn)(const void *args, int ith, int nth) noexcept
    ctypedef struct fnn_field_info:
        const char *name
        fnn_role role
        char type
    ctypedef struct fnn_kernel_info:
        const char *name
        int nfields
        const fnn_field_info *fields
        ptrdiff_t (*count)(const void *args, int field, int itemsize, int nth) noexcept
        double (*work)(const void *args) noexcept
    const fnn_kernel_info fnn_kernels[]
    ctypedef struct fnn_isa:
        const char *name
        const void *table
    const fnn_isa *fnn_isas(int *n)
    ctypedef struct fnn_entry:
        fnn_kernel_fn fn
        const void *args
        const int64_t *guard
        int nth
        int barrier
    void fnn_run(const fnn_entry *entries, ptrdiff_t n, int nthreads)
    ptrdiff_t fnn_replay(const fnn_entry *entries, ptrdiff_t n, ptrdiff_t steps, int nthreads, double most_seconds)
    int fnn_executor_init()
    int fnn_openmp_version()
    int fnn_openmp_max_threads()
    int fnn_is_forked_child()

cdef extern from *:
    """
    /* fnn_isa.table is a pointer to a two-dimensional array, which Cython cannot spell. */
    static fnn_kernel_fn fnn_lookup(const void *table, int kernel, int dtype) {
      return (*(const fnn_table *)table)[kernel][dtype];
    }
    #if defined(__clang__)
    #define FNN_COMPILER "clang " __clang_version__
    #elif defined(__GNUC__)
    #define FNN_COMPILER "gcc " __VERSION__
    #else
    #define FNN_COMPILER "unknown"
    #endif
    """
    fnn_kernel_fn fnn_lookup(const void *table, int kernel, int dtype) nogil
    const char *FNN_COMPILER
