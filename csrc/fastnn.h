/* fastnn.h: the contract between kernels and the rest of the library.
 *
 * A kernel is a pure SPMD function `void fnn_<op>_<pass>(const fnn_<op>_<pass>_args *a, int ith, int nth)`: it computes
 * part `ith` of `nth` of one operation, owns no threads, contains no barrier, allocates nothing and touches no global.
 * Its result does not depend on nth, bit for bit.
 *
 * kernels.def is the one table of all kernels: the fields of each args struct, their roles and their shape contract.
 * This header turns it into the structs; kernels.inc turns it into one function table per ISA; registry.c turns it
 * into the description from which the binding checks arguments and the executor derives barriers.
 *
 * Every field is 8 bytes wide (pointer, ptrdiff_t or double), so an args struct is an array of slots that can be
 * copied, compared and relocated without knowing the kernel. Sizes and strides count elements, never bytes. */
#ifndef FASTNN_H
#define FASTNN_H

#include <stddef.h>
#include <stdint.h>

/* ---- args structs, one per line block of kernels.def ------------------------------------------------------- */
#define KERNEL(name, work) typedef struct fnn_##name##_args {
#define IN(type, name, count) const void *name;
#define OPT_IN(type, name, count) const void *name;
#define OUT(type, name, count) void *name;
#define OPT_OUT(type, name, count) void *name;
#define INOUT(type, name, count) void *name;
#define SCRATCH(type, name, count) void *name;
#define SIZE(name) ptrdiff_t name;
#define SCALAR(name) double name;
#define END(name) } fnn_##name##_args;
#include "kernels.def"
#include "kernels_undef.h"

/* ---- kernel numbers: FNN_K_<name> ------------------------------------------------------------------------- */
enum {
#define KERNEL(name, work) FNN_K_##name,
#define IN(type, name, count)
#define OPT_IN(type, name, count)
#define OUT(type, name, count)
#define OPT_OUT(type, name, count)
#define INOUT(type, name, count)
#define SCRATCH(type, name, count)
#define SIZE(name)
#define SCALAR(name)
#define END(name)
#include "kernels.def"
#include "kernels_undef.h"
  FNN_KERNEL_COUNT
};

typedef void (*fnn_kernel_fn)(const void *args, int ith, int nth);
enum { FNN_F32 = 0, FNN_F64 = 1, FNN_DTYPES = 2 };

/* ---- the largest args struct, in 8-byte slots -------------------------------------------------------------- */
#define FNN_MAX_FIELDS 48

/* ---- registry.c: what the binding knows about a kernel ------------------------------------------------------ */
enum fnn_role { FNN_IN, FNN_OPT_IN, FNN_OUT, FNN_OPT_OUT, FNN_INOUT, FNN_SCRATCH, FNN_SIZE, FNN_SCALAR };
typedef struct fnn_field_info {
  const char *name;
  enum fnn_role role;
  char type; /* 'T' the kernel's float type, 'f' float32, 'd' float64, 'B' uint8, 'i' int32, 'l' int64, 'L' uint64, 'P' address, 0 for sizes and scalars */
} fnn_field_info;
typedef struct fnn_kernel_info {
  const char *name;
  int nfields;
  const fnn_field_info *fields;
  /* Elements that pointer field f must have, for itemsize bytes per T and at most nth threads; 0 for other fields. */
  ptrdiff_t (*count)(const void *args, int f, int itemsize, int nth);
  /* Estimated scalar work, in units of one flop or one element moved; the executor's serial cut-off reads it. */
  double (*work)(const void *args);
} fnn_kernel_info;
extern const fnn_kernel_info fnn_kernels[FNN_KERNEL_COUNT];

/* ---- cpu.c: which variant runs ------------------------------------------------------------------------------ */
typedef fnn_kernel_fn fnn_table[FNN_KERNEL_COUNT][FNN_DTYPES];
typedef struct fnn_isa {
  const char *name; /* "avx512", "avx2", "neon", "generic" */
  const fnn_table *table;
} fnn_isa;
/* The ISAs this build contains and this CPU runs, best first; count written to *n. */
const fnn_isa *fnn_isas(int *n);

/* ---- executor.c: the only file that opens an OpenMP region ---------------------------------------------------- */
typedef struct fnn_entry {
  fnn_kernel_fn fn;
  const void *args;
  const int64_t *guard; /* instead of a kernel: end the replay here, before this step's effects, if *guard is not 0 */
  int nth;     /* threads that share this entry: 1 or the team's size */
  int barrier; /* a barrier before this entry */
} fnn_entry;
/* Runs the entries in order on a team of nthreads (1: no region at all). */
void fnn_run(const fnn_entry *entries, ptrdiff_t n, int nthreads);
/* Runs the list `steps` times in one region; returns the steps completed: fewer when a guard found a data error or,
 * at a step's end, most_seconds had passed. */
ptrdiff_t fnn_replay(const fnn_entry *entries, ptrdiff_t n, ptrdiff_t steps, int nthreads, double most_seconds);
int fnn_executor_init(void);    /* installs the fork guard; 0 on success */
int fnn_openmp_version(void);   /* _OPENMP of the build, 0 when serial */
int fnn_openmp_max_threads(void);
void fnn_after_fork_in_child(void); /* from now on every run is serial: libgomp's pool does not survive fork */
int fnn_is_forked_child(void);

/* ---- prefetch.c: pages of memory-mapped data ------------------------------------------------------------------ */
typedef struct fnn_rows {
  const char *x;
  ptrdiff_t stride, bytes, rows; /* from row to row, of a row; and how many there are */
  const int64_t *index;          /* NULL: in their order */
} fnn_rows;
/* Asks for the pages of rows begin to end - 1, or waits for them. */
void fnn_fetch_rows(const fnn_rows *rows, ptrdiff_t begin, ptrdiff_t end, int touch);
/* The share of pages that are in memory, of a sample; 0 where the system does not tell. */
double fnn_resident(const char *x, ptrdiff_t bytes);

#endif
