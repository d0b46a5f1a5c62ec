/* registry.c: kernels.def as data, for argument checks, barriers and documentation. */
#include "fastnn.h"
#include "shapes.h"
#include "conv2d.h"
#include "conv_pool_bwd.h"

#define KERNEL(name, work) static const fnn_field_info fields_##name[] = {
#define IN(type, name, count) {#name, FNN_IN, TYPE_##type},
#define OPT_IN(type, name, count) {#name, FNN_OPT_IN, TYPE_##type},
#define OUT(type, name, count) {#name, FNN_OUT, TYPE_##type},
#define OPT_OUT(type, name, count) {#name, FNN_OPT_OUT, TYPE_##type},
#define INOUT(type, name, count) {#name, FNN_INOUT, TYPE_##type},
#define SCRATCH(type, name, count) {#name, FNN_SCRATCH, TYPE_##type},
#define SIZE(name) {#name, FNN_SIZE, 0},
#define SCALAR(name) {#name, FNN_SCALAR, 0},
#define END(name) };
#define TYPE_T 'T'
#define TYPE_f32 'f'
#define TYPE_f64 'd'
#define TYPE_u8 'B'
#define TYPE_i32 'i'
#define TYPE_i64 'l'
#define TYPE_u64 'L'
#define TYPE_ptr 'P'
#include "kernels.def"
#include "kernels_undef.h"

/* One switch per kernel: the case number is the field's slot, taken from its offset. */
#define ARGS(name) const fnn_##name##_args *a = args
#define SLOT(kernel, field) ((int)(offsetof(fnn_##kernel##_args, field) / 8))
#define KERNEL(name, work)                                                                      \
  static ptrdiff_t count_##name(const void *args, int f, int ITEMSIZE, int NTH) {               \
    ARGS(name);                                                                                 \
    int slot = 0;                                                                               \
    (void)a, (void)ITEMSIZE, (void)NTH;
#define POINTER(count)                                                                          \
  if (slot++ == f) return (ptrdiff_t)(count);
#define IN(type, name, count) POINTER(count)
#define OPT_IN(type, name, count) POINTER(count)
#define OUT(type, name, count) POINTER(count)
#define OPT_OUT(type, name, count) POINTER(count)
#define INOUT(type, name, count) POINTER(count)
#define SCRATCH(type, name, count) POINTER(count)
#define SIZE(name) slot++;
#define SCALAR(name) slot++;
#define END(name)                                                                               \
  (void)slot, (void)f;                                                                          \
  return 0;                                                                                     \
  }
#include "kernels.def"
#include "kernels_undef.h"

#define KERNEL(name, work)                                                                      \
  static double work_##name(const void *args) {                                                 \
    ARGS(name);                                                                                 \
    (void)a;                                                                                    \
    return (double)(work);                                                                      \
  }
#define IN(type, name, count)
#define OPT_IN(type, name, count)
#define OUT(type, name, count)
#define OPT_OUT(type, name, count)
#define INOUT(type, name, count)
#define SCRATCH(type, name, count)
#define SIZE(name)
#define SCALAR(name)
#define END(name)                                                                               \
  _Static_assert(sizeof(fnn_##name##_args) <= 8 * FNN_MAX_FIELDS, "FNN_MAX_FIELDS is too small");
#include "kernels.def"
#include "kernels_undef.h"

const fnn_kernel_info fnn_kernels[FNN_KERNEL_COUNT] = {
#define KERNEL(name, work)                                                                      \
  {#name, (int)(sizeof fields_##name / sizeof fields_##name[0]), fields_##name, count_##name, work_##name},
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
};
