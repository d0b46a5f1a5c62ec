/* conv2d.h: integer geometry of convolutions, shared by kernels.def and conv2d.c. */
#ifndef FNN_CONV2D_H
#define FNN_CONV2D_H

#include "shapes.h"

/* floor(a / b) and ceil(a / b) for b > 0 and any sign of a. */
static inline ptrdiff_t fnn_floor_div(ptrdiff_t a, ptrdiff_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
static inline ptrdiff_t fnn_ceil_div_signed(ptrdiff_t a, ptrdiff_t b) { return -fnn_floor_div(-a, b); }

/* One axis of a convolution: output o reads input o*stride - pad + t*dilation for the taps 0 <= t < taps. A negative
 * pad starts inside the input. */
typedef struct fnn_axis {
  ptrdiff_t in, out, taps, stride, dilation, pad;
} fnn_axis;
typedef struct fnn_interval {
  ptrdiff_t begin, end;
} fnn_interval;

/* The taps that output o reads inside the input. */
static inline fnn_interval fnn_axis_taps(const fnn_axis *x, ptrdiff_t o) {
  ptrdiff_t first = o * x->stride - x->pad;
  ptrdiff_t begin = first >= 0 ? 0 : fnn_min(x->taps, (-first + x->dilation - 1) / x->dilation);
  ptrdiff_t end = first >= x->in ? 0 : fnn_min(x->taps, (x->in - 1 - first) / x->dilation + 1);
  return (fnn_interval){begin, fnn_max(begin, end)};
}

/* The outputs for which tap t lies inside the input. */
static inline fnn_interval fnn_axis_outputs(const fnn_axis *x, ptrdiff_t t) {
  ptrdiff_t offset = t * x->dilation - x->pad;
  ptrdiff_t begin = fnn_min(x->out, fnn_max(0, fnn_ceil_div_signed(-offset, x->stride)));
  ptrdiff_t end = fnn_min(x->out, fnn_floor_div(x->in - 1 - offset, x->stride) + 1);
  return (fnn_interval){begin, fnn_max(begin, end)};
}

/* The end of the outputs from o on, before end, that read the same taps as o, which are *taps. */
static inline ptrdiff_t fnn_axis_alike(const fnn_axis *x, ptrdiff_t o, ptrdiff_t end, fnn_interval *taps) {
  *taps = fnn_axis_taps(x, o);
  if (taps->begin == 0 && taps->end == x->taps) {
    ptrdiff_t inside = x->in - 1 + x->pad - (x->taps - 1) * x->dilation;
    return fnn_min(end, fnn_max(o, fnn_floor_div(inside, x->stride)) + 1);
  }
  while (++o < end) {
    fnn_interval next = fnn_axis_taps(x, o);
    if (next.begin != taps->begin || next.end != taps->end) break;
  }
  return o;
}

/* Backward to the input, one axis of `f`. The inputs i = phase + m*stride all receive from the same taps
 * t = tap + u*step: outputs (i + pad - t*dilation) / stride. With u running backwards this is a convolution of dy with
 * stride 1: m reads dy at m - pad' + u'*dilation', u' = taps' - 1 - u. Phases share no tap: nothing is computed twice,
 * and none where a stride's zeros would stand. */
typedef struct fnn_phase {
  fnn_axis axis; /* in: positions of dy, out: positions m */
  ptrdiff_t tap, step;
} fnn_phase;
static inline fnn_phase fnn_axis_phase(const fnn_axis *f, ptrdiff_t phase) {
  ptrdiff_t gcd = f->stride, rest = f->dilation;
  while (rest) {
    ptrdiff_t swap = gcd % rest;
    gcd = rest;
    rest = swap;
  }
  fnn_phase p = {{f->out, f->in > phase ? (f->in - 1 - phase) / f->stride + 1 : 0, 0, 1, f->dilation / gcd, 0}, 0, f->stride / gcd};
  ptrdiff_t u = phase + f->pad;
  if (u % gcd) return p;
  while ((u - p.tap * f->dilation) % f->stride) p.tap++;
  if (p.tap < f->taps) p.axis.taps = (f->taps - 1 - p.tap) / p.step + 1;
  p.axis.pad = (p.axis.taps - 1) * p.axis.dilation - fnn_floor_div(u - p.tap * f->dilation, f->stride);
  return p;
}

/* Every channel by itself: vectors run over channels, and nothing is broadcast. */
static inline int fnn_conv2d_depthwise(ptrdiff_t c, ptrdiff_t oc, ptrdiff_t groups) {
  return groups > 1 && c == groups && oc == groups;
}

/* Few outputs of many channels: lanes run over channels, and every output is one dot product. */
static inline int fnn_conv2d_dots(ptrdiff_t c, ptrdiff_t oc, ptrdiff_t lanes) { return c >= lanes && 2 * oc <= lanes; }

/* Elements of a packed kernel, for each group: panels of VL columns, zero padded, with taps*(rows of the group) rows. */
static inline ptrdiff_t fnn_conv2d_panels(ptrdiff_t taps, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t groups, ptrdiff_t itemsize) {
  if (groups < 1) return 0;
  if (fnn_conv2d_depthwise(rows, columns, groups)) return taps * fnn_round_up(columns, 64 / itemsize);
  return groups * taps * (rows / groups) * fnn_round_up(columns / groups, 64 / itemsize);
}
/* For dots, each tap's columns, one after the other, zero padded. */
static inline ptrdiff_t fnn_conv2d_packed(ptrdiff_t taps, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t groups, ptrdiff_t itemsize) {
  if (groups < 1 || fnn_conv2d_depthwise(rows, columns, groups) || !fnn_conv2d_dots(rows / groups, columns / groups, 64 / itemsize))
    return fnn_conv2d_panels(taps, rows, columns, groups, itemsize);
  return groups * taps * fnn_round_up(rows / groups, 64 / itemsize) * (columns / groups);
}

/* Convolutions with few outputs (conv2d_few.c): c channels to oc of each group. */
typedef struct fnn_few {
  ptrdiff_t left, pitch, rows; /* zeros before a row of x, numbers from row to row, rows of outputs at a time */
  ptrdiff_t plane;             /* numbers of a plane, with what tiles read and write behind the last row */
  ptrdiff_t together;          /* groups that are turned together: some lanes of channels */
} fnn_few;
static inline fnn_few fnn_few_plan(const fnn_axis *rows, const fnn_axis *cols, ptrdiff_t c, ptrdiff_t groups, ptrdiff_t lanes) {
  enum { NUMBERS = 32 * 1024 }; /* of x together: much of the L2 cache is left for what else goes through it */
  const ptrdiff_t right = cols->out - cols->pad + (cols->taps - 1) * cols->dilation - cols->in;
  const ptrdiff_t high = fnn_max(0, rows->taps - 1) * rows->dilation;
  fnn_few f = {.left = fnn_max(fnn_max(0, cols->pad), right), .together = fnn_max(1, fnn_min(groups, lanes / fnn_max(1, c)))};
  f.pitch = cols->in + f.left;
  f.rows = fnn_max(1, fnn_min(rows->out, NUMBERS / fnn_max(1, f.together * c * f.pitch) - high));
  f.plane = fnn_round_up((f.rows + high) * f.pitch + f.left + 8 * lanes, 2 * lanes) + lanes; /* odd: spread over the cache */
  return f;
}
/* Whether lanes of pixels are fuller than lanes of outputs or of channels. */
static inline int fnn_few_pays(const fnn_axis *rows, const fnn_axis *cols, ptrdiff_t c, ptrdiff_t oc, ptrdiff_t lanes) {
  if (rows->stride * cols->stride != 1 || 2 * oc > lanes || fnn_conv2d_dots(c, oc, lanes) || rows->taps * cols->taps == 0) return 0;
  const ptrdiff_t positions = rows->out * fnn_few_plan(rows, cols, 1, 1, lanes).pitch;
  return rows->out * cols->out * lanes >= 2 * oc * fnn_round_up(positions, lanes);
}
/* Elements of scratch of one thread: planes of x and of the outputs. */
static inline ptrdiff_t fnn_few_scratch(const fnn_axis *rows, const fnn_axis *cols, ptrdiff_t c, ptrdiff_t oc, ptrdiff_t groups,
                                        ptrdiff_t lanes) {
  if (!fnn_few_pays(rows, cols, c, oc, lanes)) return 0;
  const fnn_few f = fnn_few_plan(rows, cols, c, groups, lanes);
  return (f.together * c + oc) * f.plane;
}
static inline ptrdiff_t fnn_conv2d_fwd_scratch(fnn_axis rows, fnn_axis cols, ptrdiff_t c, ptrdiff_t oc, ptrdiff_t groups,
                                               ptrdiff_t itemsize) {
  if (groups < 1 || fnn_conv2d_depthwise(c, oc, groups)) return 0;
  return fnn_few_scratch(&rows, &cols, c / groups, oc / groups, groups, 64 / itemsize);
}
static inline ptrdiff_t fnn_conv2d_bwd_input_scratch(fnn_axis rows, fnn_axis cols, ptrdiff_t c, ptrdiff_t oc, ptrdiff_t groups,
                                                     ptrdiff_t itemsize) {
  ptrdiff_t most = 0;
  if (groups < 1 || fnn_conv2d_depthwise(c, oc, groups) || 2 * itemsize * (c / groups) > 64) return 0;
  for (ptrdiff_t y = 0; y < rows.stride; y++)
    for (ptrdiff_t x = 0; x < cols.stride; x++) {
      const fnn_phase i = fnn_axis_phase(&rows, y), j = fnn_axis_phase(&cols, x);
      most = fnn_max(most, fnn_few_scratch(&i.axis, &j.axis, oc / groups, c / groups, groups, 64 / itemsize));
    }
  return most;
}

/* Backward to the kernel: the number of image chunks with a sum of their own. Many register tiles keep all threads
 * busy without; few tiles (a first layer, a 1x1 kernel) are shared by image, and the sums are cheap to add. A function
 * of the shape alone. */
static inline ptrdiff_t fnn_conv2d_chunks(ptrdiff_t n, ptrdiff_t taps, ptrdiff_t c, ptrdiff_t oc, ptrdiff_t groups) {
  if (groups < 1) return 1;
  ptrdiff_t tiles = fnn_ceil_div(taps * (c / groups), 14) * fnn_ceil_div(oc / groups, 32) * groups;
  return tiles >= 16 && c / groups >= 8 ? 1 : fnn_max(1, fnn_min(n, 16));
}

/* Convolution and max-pooling in one: the pixels of a block in scratch memory: 32 KB of float32, or 128 KB where windows
 * overlap and what two blocks share is computed twice. */
static inline ptrdiff_t fnn_conv_pool_pixels(ptrdiff_t pool_h, ptrdiff_t pool_w, ptrdiff_t pool_sh, ptrdiff_t pool_sw) {
  return pool_h > pool_sh || pool_w > pool_sw ? 1024 : fnn_max(256, pool_h * pool_w);
}

#endif
