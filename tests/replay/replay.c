/* replay.c: runs the kernel calls that record.py wrote, on this machine's best ISA, and compares every bit.
 *
 *   replay FILE [isa]
 *
 * Each call runs as 1 and as 3 threads' parts. Floats that are NaN on both sides count as equal: x86 and ARM make NaNs
 * of different sign. Exit code 1 if anything differs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastnn.h"

enum { SLACK = 128, SHOWN = 20 };
#define ABSENT UINT64_MAX

static FILE *file;

static void need(int condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "replay: %s\n", what);
  exit(2);
}

static uint64_t read_u64(void) {
  uint64_t value;
  need(fread(&value, sizeof value, 1, file) == 1, "the file ends too early");
  return value;
}

static void *block(size_t bytes) {
  void *p = NULL;
  need(posix_memalign(&p, 64, bytes + SLACK) == 0, "out of memory");
  memset(p, 0xa5, bytes + SLACK);
  return p;
}

static void *read_block(size_t bytes) {
  void *p = block(bytes);
  need(fread(p, 1, bytes, file) == bytes, "the file ends too early");
  return p;
}

static int is_nan(const unsigned char *p, int size) {
  float f;
  double d;
  if (size == 4) return memcpy(&f, p, 4), f != f;
  return memcpy(&d, p, 8), d != d;
}

/* The first byte that differs, or -1; float_size is 4, 8, or 0 for integers. */
static ptrdiff_t first_difference(const unsigned char *got, const unsigned char *want, size_t n, int float_size) {
  for (size_t i = 0; i < n; i++) {
    if (got[i] == want[i]) continue;
    size_t element = float_size ? i - i % (size_t)float_size : i;
    if (!float_size || element + (size_t)float_size > n) return (ptrdiff_t)i;
    if (!is_nan(got + element, float_size) || !is_nan(want + element, float_size)) return (ptrdiff_t)i;
    i = element + (size_t)float_size - 1;
  }
  return -1;
}

static int float_size(char type, int itemsize) { return type == 'T' ? itemsize : type == 'f' ? 4 : type == 'd' ? 8 : 0; }

static int type_size(char type, int itemsize) {
  return type == 'T' ? itemsize : type == 'B' ? 1 : type == 'f' || type == 'i' ? 4 : 8;
}

typedef union slot {
  void *pointer;
  uint64_t bits;
} slot;

/* Runs one call as nth parts on copies of its arrays; the number of fields that differ. */
static int run(const fnn_kernel_info *kernel, fnn_kernel_fn fn, const slot *given, void *const *before,
               void *const *after, const size_t *bytes, int itemsize, int nth, int show) {
  slot args[FNN_MAX_FIELDS];
  int wrong = 0;
  memcpy(args, given, sizeof args);
  for (int f = 0; f < kernel->nfields; f++) {
    const fnn_field_info *field = &kernel->fields[f];
    if (field->role == FNN_SCRATCH)
      args[f].pointer = block((size_t)kernel->count(given, f, itemsize, nth) * (size_t)type_size(field->type, itemsize));
    else if (before[f])
      args[f].pointer = memcpy(block(bytes[f]), before[f], bytes[f]);
  }
  for (int ith = 0; ith < nth; ith++) fn(args, ith, nth);
  for (int f = 0; f < kernel->nfields; f++) {
    const fnn_field_info *field = &kernel->fields[f];
    if (field->role == FNN_SCRATCH) free(args[f].pointer);
    if (!before[f]) continue;
    const void *want = after[f] ? after[f] : before[f];
    ptrdiff_t at = first_difference(args[f].pointer, want, bytes[f], float_size(field->type, itemsize));
    if (at >= 0) {
      wrong++;
      if (show) printf("%s %s, %d threads: %s differs at byte %td of %zu\n", kernel->name, itemsize == 4 ? "f32" : "f64",
                       nth, field->name, at, bytes[f]);
    }
    free(args[f].pointer);
  }
  return wrong;
}

int main(int argc, char **argv) {
  char line[32], name[256];
  int count = 0, calls = 0, wrong = 0;
  need(argc == 2 || argc == 3, "usage: replay FILE [isa]");
  file = fopen(argv[1], "rb");
  need(file != NULL, "the file cannot be opened");
  need(fgets(line, sizeof line, file) && !strcmp(line, "fastnn launches 1\n"), "not a file of record.py");
  const fnn_isa *isa = fnn_isas(&count);
  while (argc == 3 && count && strcmp(isa->name, argv[2])) isa++, count--;
  need(count > 0, "this build or this CPU has no such ISA");

  for (int length; (length = fgetc(file)) != EOF; calls++) {
    need(fread(name, 1, (size_t)length, file) == (size_t)length, "the file ends too early");
    name[length] = 0;
    int dtype = fgetc(file), itemsize = dtype ? 8 : 4, k = 0;
    while (k < FNN_KERNEL_COUNT && strcmp(fnn_kernels[k].name, name)) k++;
    need(k < FNN_KERNEL_COUNT, "a kernel in the file is unknown here: record again");
    const fnn_kernel_info *kernel = &fnn_kernels[k];
    slot args[FNN_MAX_FIELDS];
    void *before[FNN_MAX_FIELDS] = {0}, *after[FNN_MAX_FIELDS] = {0};
    size_t bytes[FNN_MAX_FIELDS] = {0};
    for (int f = 0; f < kernel->nfields; f++) {
      enum fnn_role role = kernel->fields[f].role;
      args[f].pointer = NULL;
      if (role == FNN_SCRATCH) continue;
      args[f].bits = read_u64();
      if (role == FNN_SIZE || role == FNN_SCALAR) continue;
      uint64_t n = args[f].bits;
      args[f].pointer = NULL;
      if (n == ABSENT) continue;
      bytes[f] = n;
      args[f].pointer = before[f] = read_block(n);
      if (role != FNN_IN && role != FNN_OPT_IN) after[f] = read_block(n);
    }
    fnn_kernel_fn fn = (*isa->table)[k][dtype];
    for (int nth = 1; nth <= 3; nth += 2)
      wrong += run(kernel, fn, args, before, after, bytes, itemsize, nth, wrong < SHOWN);
    for (int f = 0; f < kernel->nfields; f++) free(before[f]), free(after[f]);
  }
  printf("%s: %d calls, %d fields differ\n", isa->name, calls, wrong);
  return wrong != 0;
}
