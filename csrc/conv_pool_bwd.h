/* conv_pool_bwd.h: shapes of the sparse gradient of convolution and max-pooling, shared by kernels.def and
 * conv_pool_bwd.c. */
#ifndef FNN_CONV_POOL_BWD_H
#define FNN_CONV_POOL_BWD_H

#include "conv2d.h"

typedef struct fnn_conv_pool {
  fnn_axis rows, cols; /* of the convolution; out: the outputs that windows cover */
  ptrdiff_t n, c, oc;
  ptrdiff_t pooled_h, pooled_w, pool_h, pool_w, pool_sh, pool_sw;
} fnn_conv_pool;
#define FNN_CONV_POOL(a)                                                                                            \
  ((fnn_conv_pool){{(a)->h, (a)->oh, (a)->kh, (a)->sh, (a)->dh, (a)->ph},                                           \
                   {(a)->w, (a)->ow, (a)->kw, (a)->sw, (a)->dw, (a)->pw},                                           \
                   (a)->n, (a)->c, (a)->oc, (a)->pooled_h, (a)->pooled_w,                                           \
                   (a)->pool_h, (a)->pool_w, (a)->pool_sh, (a)->pool_sw})

/* A patch of x is `lines` runs of contiguous numbers: the kernel's rows, or its taps where a dilation parts them. */
static inline int fnn_lines_are_rows(const fnn_conv_pool *p) { return p->cols.dilation == 1 || p->cols.taps == 1; }
static inline ptrdiff_t fnn_lines(const fnn_conv_pool *p) {
  return p->rows.taps * (fnn_lines_are_rows(p) ? 1 : p->cols.taps);
}
static inline ptrdiff_t fnn_line(const fnn_conv_pool *p) {
  return p->c * (fnn_lines_are_rows(p) ? p->cols.taps : 1);
}
/* Where line l begins, from the patch's origin, in an image with rows of `row` numbers. */
static inline ptrdiff_t fnn_line_at(const fnn_conv_pool *p, ptrdiff_t l, ptrdiff_t row) {
  if (fnn_lines_are_rows(p)) return l * p->rows.dilation * row;
  return l / p->cols.taps * p->rows.dilation * row + l % p->cols.taps * p->cols.dilation * p->c;
}
/* The numbers of line l that lie inside of x, for a patch with the taps `down` and `right` inside. */
static inline fnn_interval fnn_line_part(const fnn_conv_pool *p, fnn_interval down, fnn_interval right, ptrdiff_t l) {
  const int rows = fnn_lines_are_rows(p);
  const ptrdiff_t r = rows ? l : l / p->cols.taps, s = rows ? 0 : l % p->cols.taps;
  if (r < down.begin || r >= down.end) return (fnn_interval){0, 0};
  if (rows) return (fnn_interval){right.begin * p->c, right.end * p->c};
  return (fnn_interval){0, s >= right.begin && s < right.end ? p->c : 0};
}
/* Whether output o of an axis reads x only. */
static inline int fnn_axis_inside(const fnn_axis *x, ptrdiff_t o) {
  const ptrdiff_t first = o * x->stride - x->pad;
  return first >= 0 && first + (x->taps - 1) * x->dilation < x->in;
}

/* ---- the gradient of the kernel ------------------------------------------------------------------------------ */
#define FNN_SPARSE_PATCH 64             /* a patch of at most as many numbers is copied: one address, no lines */
#define FNN_SPARSE_SLICE (24 * 1024)    /* bytes of x, or of copied patches, that stay in the L1 cache; more, up to */
#define FNN_SPARSE_SLICE_L2 (96 * 1024) /* this, until there are */
#define FNN_SPARSE_WINDOWS 32           /* windows enough to load and store a channel's gradient for */

/* Works on some images, or on some rows of windows of one image. */
typedef struct fnn_sparse_slice {
  ptrdiff_t images, high;
  ptrdiff_t patch;       /* numbers from one copied patch to the next, a power of two; 0: patches are not copied */
  ptrdiff_t rows, width; /* of a copy of x with the border around it, for the largest slice; 0 rows: x in place */
} fnn_sparse_slice;

/* Rows of x that `high` rows of windows read. */
static inline ptrdiff_t fnn_sparse_rows(const fnn_conv_pool *p, ptrdiff_t high) {
  return ((high - 1) * p->pool_sh + p->pool_h - 1) * p->rows.stride + (p->rows.taps - 1) * p->rows.dilation + 1;
}

static inline fnn_sparse_slice fnn_sparse_slice_of(const fnn_conv_pool *p, ptrdiff_t itemsize) {
  const ptrdiff_t size = fnn_lines(p) * fnn_line(p), vl = 64 / itemsize;
  fnn_sparse_slice s = {1, 1, 0, 0, 0};
  if (size <= FNN_SPARSE_PATCH)
    for (s.patch = vl; s.patch < size;) s.patch *= 2;
  s.width = (p->cols.out - 1) * p->cols.stride + (p->cols.taps - 1) * p->cols.dilation + 1;
  for (;;) {
    const int image = s.high >= p->pooled_h; /* one more; or one more row */
    const fnn_sparse_slice more = {s.images + image, s.high + !image, s.patch, 0, s.width};
    const ptrdiff_t rows = s.patch ? more.high * p->pooled_w * p->pool_h * p->pool_w : fnn_sparse_rows(p, more.high);
    const ptrdiff_t bytes = more.images * rows * (s.patch ? s.patch : s.width * p->c) * itemsize;
    const int few = !s.patch && s.images * s.high * p->pooled_w < FNN_SPARSE_WINDOWS;
    if (more.images > p->n || bytes > (few ? FNN_SPARSE_SLICE_L2 : FNN_SPARSE_SLICE)) break;
    s = more;
  }
  const int cut = p->rows.out > 0 && p->cols.out > 0 &&
                  !(fnn_axis_inside(&p->rows, 0) && fnn_axis_inside(&p->rows, p->rows.out - 1) &&
                    fnn_axis_inside(&p->cols, 0) && fnn_axis_inside(&p->cols, p->cols.out - 1));
  if (cut || (!s.patch && fnn_line(p) % vl)) s.rows = fnn_sparse_rows(p, s.high);
  return s;
}

/* Numbers of the copy of x, loads of whole vectors behind its end included. */
static inline ptrdiff_t fnn_sparse_copy(const fnn_conv_pool *p, const fnn_sparse_slice *s, ptrdiff_t itemsize) {
  return s->rows ? fnn_round_up(s->images * s->rows * s->width * p->c, 64 / itemsize) + 64 / itemsize : 0;
}

/* Numbers of scratch for one thread: a copy of x, patches, then for each window of the slice its place, its winner's
 * place and gradient, or a vector of gradients and codes. */
static inline ptrdiff_t fnn_sparse_scratch(fnn_conv_pool p, ptrdiff_t itemsize) {
  const fnn_sparse_slice s = fnn_sparse_slice_of(&p, itemsize);
  const ptrdiff_t windows = s.images * s.high * fnn_max(0, p.pooled_w), vl = 64 / itemsize;
  const ptrdiff_t patches = s.patch ? windows * p.pool_h * p.pool_w * s.patch + vl : 0;
  const ptrdiff_t each = s.patch ? 2 * vl : 1 + 16 / itemsize;
  return fnn_sparse_copy(&p, &s, itemsize) + patches + fnn_round_up(windows * each, vl);
}

/* Image chunks with a sum of their own: few and small channels are shared by image. */
static inline ptrdiff_t fnn_sparse_chunks(ptrdiff_t n, ptrdiff_t size, ptrdiff_t oc) {
  return oc >= 16 && oc * size >= 8192 ? 1 : fnn_max(1, fnn_min(n, 16));
}

#endif
