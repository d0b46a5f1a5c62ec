/* pool2d.c: max- and average-pooling of NHWC arrays, over windows and over whole maps.
 *
 *   y[n,i,j,c] = max or mean of x[n, i*sh - pt + r, j*sw - pl + s, c] over r < kh, s < kw, inside the array only
 *
 * Positions in the padding do not take part: not in the maximum, not in the count of the mean. A window wholly in the
 * padding gives -inf or 0. The winner is the first maximum in row-major order, the first NaN if there is one; its code
 * r*kw + s takes 1 byte, 2 or 4 when the window has more than 255 or 65535 positions. A code from kh*kw on: no winner.
 *
 * Vectors run over the channels; with few channels over a row of windows taken at every column, of which every sw-th is
 * kept. ith/nth splits rows of y forward and rows of x backward: each element of dx is one sum over the windows that
 * cover it, in row-major order, so no two threads write to one place and bits depend on nothing but the shape. */
#ifndef FNN_POOL2D_ONCE
#define FNN_POOL2D_ONCE
#include "bytes.h"

typedef struct fnn_pool_shape {
  ptrdiff_t n, h, w, c, oh, ow, kh, kw, sh, sw, pt, pl;
} fnn_pool_shape;

/* Along one axis: the part [lo, hi) of window o that lies inside the array, counted from the window's start. */
static inline void fnn_window_part(ptrdiff_t o, ptrdiff_t s, ptrdiff_t p, ptrdiff_t k, ptrdiff_t len, ptrdiff_t *lo,
                                   ptrdiff_t *hi) {
  ptrdiff_t begin = o * s - p;
  *lo = fnn_min(k, fnn_max(0, -begin));
  *hi = fnn_max(*lo, fnn_min(k, len - begin));
}

/* Along one axis: the windows [lo, hi) that cover position i. */
static inline void fnn_windows_at(ptrdiff_t i, ptrdiff_t s, ptrdiff_t p, ptrdiff_t k, ptrdiff_t out, ptrdiff_t *lo,
                                  ptrdiff_t *hi) {
  ptrdiff_t last = i + p, first = last - k + 1;
  *lo = first <= 0 ? 0 : fnn_ceil_div(first, s);
  *hi = fnn_max(*lo, fnn_min(out, last / s + 1));
}

static inline ptrdiff_t fnn_code(const uint8_t *codes, ptrdiff_t bytes, ptrdiff_t i) {
  uint16_t two;
  uint32_t four;
  if (bytes == 1) return codes[i];
  if (bytes == 2) return memcpy(&two, codes + 2 * i, 2), two;
  return memcpy(&four, codes + 4 * i, 4), (ptrdiff_t)four;
}

static inline void fnn_set_code(uint8_t *codes, ptrdiff_t bytes, ptrdiff_t i, ptrdiff_t code) {
  uint16_t two = (uint16_t)code;
  uint32_t four = (uint32_t)code;
  if (bytes == 1) codes[i] = (uint8_t)code;
  else if (bytes == 2) memcpy(codes + 2 * i, &two, 2);
  else memcpy(codes + 4 * i, &four, 4);
}
#endif

#define POOL_SHAPE(a)                                                                                                  \
  {(a)->n, (a)->h, (a)->w, (a)->c, (a)->oh, (a)->ow, (a)->kh, (a)->kw, (a)->sh, (a)->sw, (a)->pt, (a)->pl}
/* A vector of `lanes` channels; with lanes == VL known at compile time, a plain load or store. */
#define LOAD(p) (lanes == VL ? v_load(p) : v_load_n(p, lanes))
#define STORE(p, v) (lanes == VL ? v_store(p, v) : v_store_n(p, v, lanes))
/* Runs `body` with (c0, lanes) over all channels: full vectors, the last one shifted back to end at c (it repeats lanes
 * with the same result); below VL channels one short vector. */
#define EACH_CHANNELS(c, body)                                          \
  if ((c) < VL) {                                                       \
    const ptrdiff_t c0 = 0;                                             \
    const int lanes = (int)(c);                                         \
    body                                                                \
  } else {                                                              \
    for (ptrdiff_t at = 0; at < (c); at += VL) {                        \
      const ptrdiff_t c0 = fnn_min(at, (c) - VL);                       \
      enum { lanes = VL };                                              \
      body                                                              \
    }                                                                   \
  }
/* Few channels: elements of a row computed at every column before every sw-th column is kept. */
#define FEW 512

FNN_INLINE void FNN(store_codes)(uint8_t *codes, ptrdiff_t bytes, ptrdiff_t at, ivec code, int lanes) {
  uint8_t part[16];
  if (bytes == 1 && lanes == VL) {
    i_store_u8(codes + at, code);
  } else if (bytes == 1) {
    i_store_u8(part, code);
    fnn_copy_short((char *)codes + at, (const char *)part, lanes);
  } else {
    T bits[VL];
    v_store(bits, v_frombits(code));
    for (int l = 0; l < lanes; l++) {
      uint32_t value;
      memcpy(&value, bits + l, 4); /* little endian: the low word of a 64-bit lane */
      fnn_set_code(codes, bytes, at + l, value);
    }
  }
}

FNN_INLINE ivec FNN(load_codes)(const uint8_t *codes, int lanes) {
  uint8_t part[16] = {0};
  if (lanes == VL) return i_load_u8(codes);
  fnn_copy_short((char *)part, (const char *)codes, lanes);
  return i_load_u8(part);
}

/* The maximum over rows x cols positions and its code, which starts at `code` and grows by kw a row: one position after
 * the other, for any values. */
static __attribute__((noinline)) void FNN(max_any)(const T *x, ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t row,
                                                   ptrdiff_t col, ptrdiff_t code, ptrdiff_t kw, int lanes, T *y,
                                                   ivec *winner) {
  vec best = LOAD(x);
  ivec won = i_set1((int)code);
  for (ptrdiff_t r = 0; r < rows; r++) {
    for (ptrdiff_t s = 0; s < cols; s++) {
      vec v = LOAD(x + r * row + s * col);
      msk take = m_and(m_not(v_le(v, best)), v_eq(best, best)); /* greater, or the first NaN */
      best = v_sel(take, v, best);
      won = i_sel(take, i_set1((int)(code + r * kw + s)), won);
    }
  }
  v_store(y, best);
  *winner = won;
}

/* The same, fast for finite values: the maximum first, then the first position that equals it, so that no comparison
 * waits for another. A sum that is not finite (its difference to itself is not 0) tells of a NaN or infinity. */
FNN_INLINE vec FNN(max_window)(const T *x, ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t row, ptrdiff_t col, ptrdiff_t code,
                               ptrdiff_t kw, int lanes, int want_winner, ivec *winner) {
  vec best = LOAD(x), sum = v_zero();
  ivec won = i_set1((int)code);
#pragma GCC unroll 3
  for (ptrdiff_t r = 0; r < rows; r++) {
#pragma GCC unroll 3
    for (ptrdiff_t s = 0; s < cols; s++) {
      vec v = LOAD(x + r * row + s * col);
      best = v_max(v, best); /* of equals the earlier */
      sum = v_add(sum, v);
    }
  }
  if (m_any(v_ne(v_sub(sum, sum), v_zero()))) {
    T part[VL];
    FNN(max_any)(x, rows, cols, row, col, code, kw, lanes, part, winner);
    return v_load(part);
  }
  if (want_winner) {
#pragma GCC unroll 3
    for (ptrdiff_t r = rows - 1; r >= 0; r--) {
#pragma GCC unroll 3
      for (ptrdiff_t s = cols - 1; s >= 0; s--)
        won = i_sel(v_eq(LOAD(x + r * row + s * col), best), i_set1((int)(code + r * kw + s)), won);
    }
  }
  *winner = won;
  return best;
}

/* 2x2 and 3x3 windows, by far the most frequent, have their loops unrolled. */
FNN_INLINE vec FNN(max_at)(const T *x, ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t row, ptrdiff_t col, ptrdiff_t code,
                       ptrdiff_t kw, int lanes, int want_winner, ivec *winner) {
  if (rows == 2 && cols == 2 && kw == 2) return FNN(max_window)(x, 2, 2, row, col, 0, 2, lanes, want_winner, winner);
  if (rows == 3 && cols == 3 && kw == 3) return FNN(max_window)(x, 3, 3, row, col, 0, 3, lanes, want_winner, winner);
  return FNN(max_window)(x, rows, cols, row, col, code, kw, lanes, want_winner, winner);
}

FNN_INLINE vec FNN(sum_window)(const T *x, ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t row, ptrdiff_t col, int lanes) {
  vec sum = v_zero();
  for (ptrdiff_t r = 0; r < rows; r++)
    for (ptrdiff_t s = 0; s < cols; s++) sum = v_add(sum, LOAD(x + r * row + s * col));
  return sum;
}

/* The windows [j0, j1) of output row i, each cut at the border. codes NULL: maxima without codes; mean: averages. */
static void FNN(pool_windows)(const fnn_pool_shape *p, const T *x, T *y, uint8_t *codes, ptrdiff_t bytes, int mean,
                              ptrdiff_t i, ptrdiff_t j0, ptrdiff_t j1) {
  ptrdiff_t r0, r1, s0, s1, c = p->c, row = p->w * c;
  fnn_window_part(i, p->sh, p->pt, p->kh, p->h, &r0, &r1);
  for (ptrdiff_t j = j0; j < j1; j++) {
    fnn_window_part(j, p->sw, p->pl, p->kw, p->w, &s0, &s1);
    ptrdiff_t rows = r1 - r0, cols = s1 - s0, out = j * c;
    const T *at_x = x + (i * p->sh - p->pt + r0) * row + (j * p->sw - p->pl + s0) * c;
    if (rows * cols == 0) {
      for (ptrdiff_t k = 0; k < c; k++) y[out + k] = mean ? (T)0 : -(T)INFINITY;
      if (codes)
        for (ptrdiff_t k = 0; k < c; k++) fnn_set_code(codes, bytes, out + k, p->kh * p->kw);
    } else if (mean) {
      vec count = v_set1((T)(rows * cols));
      EACH_CHANNELS(c, STORE(y + out + c0, v_div(FNN(sum_window)(at_x + c0, rows, cols, row, c, lanes), count));)
    } else {
      EACH_CHANNELS(c, {
        ivec winner;
        STORE(y + out + c0,
              FNN(max_at)(at_x + c0, rows, cols, row, c, r0 * p->kw + s0, p->kw, lanes, codes != NULL, &winner));
        if (codes) FNN(store_codes)(codes, bytes, out + c0, winner, lanes);
      })
    }
  }
}

/* Few channels: the windows [j0, j1) of row i, none of which is cut at the left or right, from vectors that run over
 * columns and channels alike: element e of a row of x starts the window of channel e % c at column e / c. */
static void FNN(pool_row)(const fnn_pool_shape *p, const T *x, T *y, uint8_t *codes, int mean, ptrdiff_t i,
                          ptrdiff_t j0, ptrdiff_t j1) {
  T best[FEW];
  uint8_t code[FEW];
  ptrdiff_t r0, r1, c = p->c, row = p->w * c;
  fnn_window_part(i, p->sh, p->pt, p->kh, p->h, &r0, &r1);
  ptrdiff_t step = fnn_max(1, FEW / (p->sw * c)); /* windows at a time */
  vec count = v_set1((T)((r1 - r0) * p->kw));
  for (ptrdiff_t j = j0; j < j1; j += step) {
    ptrdiff_t windows = fnn_min(step, j1 - j), elements = ((windows - 1) * p->sw + 1) * c;
    const T *at_x = x + (i * p->sh - p->pt + r0) * row + (j * p->sw - p->pl) * c;
    EACH_CHANNELS(elements, {
      ivec winner;
      if (mean) {
        STORE(best + c0, v_div(FNN(sum_window)(at_x + c0, r1 - r0, p->kw, row, c, lanes), count));
      } else {
        STORE(best + c0,
              FNN(max_at)(at_x + c0, r1 - r0, p->kw, row, c, r0 * p->kw, p->kw, lanes, codes != NULL, &winner));
        if (codes) FNN(store_codes)(code, 1, c0, winner, lanes);
      }
    })
    for (ptrdiff_t q = 0; q < windows; q++)
      for (ptrdiff_t k = 0; k < c; k++) {
        y[(j + q) * c + k] = best[q * p->sw * c + k];
        if (codes) codes[(j + q) * c + k] = code[q * p->sw * c + k];
      }
  }
}

static void FNN(pool_fwd)(const fnn_pool_shape *p, const T *x, T *y, uint8_t *codes, int mean, int ith, int nth) {
  ptrdiff_t begin, end, bytes = fnn_code_bytes(p->kh * p->kw);
  fnn_share(p->n * p->oh, 1, ith, nth, &begin, &end);
  /* Windows [j0, j1) are cut neither at the left nor at the right. */
  ptrdiff_t j0 = fnn_min(p->ow, fnn_ceil_div(p->pl, p->sw));
  ptrdiff_t room = p->w - p->kw + p->pl, j1 = room < 0 ? j0 : fnn_max(j0, fnn_min(p->ow, room / p->sw + 1));
  int few = p->c > 0 && p->c * p->sw < VL && bytes == 1;
  for (ptrdiff_t unit = begin; unit < end; unit++) {
    ptrdiff_t i = unit % p->oh, image = unit / p->oh, r0, r1;
    const T *at_x = x + image * p->h * p->w * p->c;
    T *at_y = y + unit * p->ow * p->c;
    uint8_t *at_codes = codes ? codes + unit * p->ow * p->c * bytes : NULL;
    fnn_window_part(i, p->sh, p->pt, p->kh, p->h, &r0, &r1);
    if (few && r1 > r0) {
      FNN(pool_windows)(p, at_x, at_y, at_codes, bytes, mean, i, 0, j0);
      FNN(pool_row)(p, at_x, at_y, at_codes, mean, i, j0, j1);
      FNN(pool_windows)(p, at_x, at_y, at_codes, bytes, mean, i, j1, p->ow);
    } else {
      FNN(pool_windows)(p, at_x, at_y, at_codes, bytes, mean, i, 0, p->ow);
    }
  }
}

static void FNN(max_pool_fwd)(const fnn_max_pool_fwd_args *a, int ith, int nth) {
  const fnn_pool_shape p = POOL_SHAPE(a);
  FNN(pool_fwd)(&p, a->x, a->y, a->winner, 0, ith, nth);
}

static void FNN(average_pool_fwd)(const fnn_average_pool_fwd_args *a, int ith, int nth) {
  const fnn_pool_shape p = POOL_SHAPE(a);
  FNN(pool_fwd)(&p, a->x, a->y, NULL, 1, ith, nth);
}

/* Positions [s0, s1) of one row of a window: dx gets dy where the code is base + s and 0 elsewhere (codes NULL: it gets
 * dy * share); `add`: on top of what other windows gave. */
FNN_INLINE void FNN(spread_window)(const T *dy, const uint8_t *codes, T *dx, ptrdiff_t c, ptrdiff_t s0, ptrdiff_t s1,
                                   ptrdiff_t base, T share, int add) {
  if (add) {
    ptrdiff_t whole = c / VL * VL; /* the last channels singly: a load would wait for the short store before it */
    for (ptrdiff_t c0 = 0; c0 < whole; c0 += VL) {
      vec g = v_load(dy + c0);
      ivec code = i_set1(0);
      if (codes) code = i_load_u8(codes + c0);
      else g = v_mul(g, v_set1(share));
#pragma GCC unroll 3
      for (ptrdiff_t s = s0; s < s1; s++) {
        vec part = codes ? v_sel(i_eq(code, i_set1((int)(base + s))), g, v_zero()) : g;
        v_store(dx + s * c + c0, v_add(v_load(dx + s * c + c0), part));
      }
    }
    for (ptrdiff_t s = s0; s < s1; s++)
      for (ptrdiff_t k = whole; k < c; k++)
        dx[s * c + k] += !codes ? dy[k] * share : codes[k] == base + s ? dy[k] : (T)0;
  } else if (codes) {
    EACH_CHANNELS(c, {
      vec g = LOAD(dy + c0);
      ivec code = FNN(load_codes)(codes + c0, lanes);
      for (ptrdiff_t s = s0; s < s1; s++)
        STORE(dx + s * c + c0, v_sel(i_eq(code, i_set1((int)(base + s))), g, v_zero()));
    })
  } else {
    EACH_CHANNELS(c, {
      vec g = v_mul(LOAD(dy + c0), v_set1(share));
      for (ptrdiff_t s = s0; s < s1; s++) STORE(dx + s * c + c0, g);
    })
  }
}

/* Row `row` of one image's dx, window by window. Where windows do not overlap, each writes its part and the gaps are
 * cleared; else all is cleared and each adds. */
static void FNN(pool_bwd_row)(const fnn_pool_shape *p, const T *dy, const uint8_t *codes, T *dx, ptrdiff_t row) {
  ptrdiff_t i0, i1, r0, r1, s0, s1, done = 0, c = p->c;
  int add = p->kh > p->sh || p->kw > p->sw;
  T share = 0;
  fnn_windows_at(row, p->sh, p->pt, p->kh, p->oh, &i0, &i1);
  if (add) memset(dx, 0, sizeof(T) * (size_t)(p->w * c)), done = p->w;
  for (ptrdiff_t i = i0; i < i1; i++) {
    fnn_window_part(i, p->sh, p->pt, p->kh, p->h, &r0, &r1);
    ptrdiff_t base = (row + p->pt - i * p->sh) * p->kw, count = 0;
    for (ptrdiff_t j = 0; j < p->ow; j++) {
      ptrdiff_t begin = j * p->sw - p->pl, at = (i * p->ow + j) * c;
      const uint8_t *code = codes ? codes + at : NULL;
      fnn_window_part(j, p->sw, p->pl, p->kw, p->w, &s0, &s1);
      if (s0 == s1) continue;
      if (count != (r1 - r0) * (s1 - s0)) count = (r1 - r0) * (s1 - s0), share = (T)1 / (T)count;
      if (!add && begin + s0 > done) memset(dx + done * c, 0, sizeof(T) * (size_t)((begin + s0 - done) * c));
      if (!add) done = begin + s1;
      if (s0 == 0 && s1 == 2) FNN(spread_window)(dy + at, code, dx + begin * c, c, 0, 2, base, share, add);
      else if (s0 == 0 && s1 == 3) FNN(spread_window)(dy + at, code, dx + begin * c, c, 0, 3, base, share, add);
      else FNN(spread_window)(dy + at, code, dx + begin * c, c, s0, s1, base, share, add);
    }
  }
  memset(dx + done * c, 0, sizeof(T) * (size_t)((p->w - done) * c));
}

/* Few channels or wide codes: rows [row0, row1) of one image's dx, cleared, then one addition a winner. */
static void FNN(max_scatter)(const fnn_pool_shape *p, const T *dy, const uint8_t *codes, ptrdiff_t bytes, T *dx,
                             ptrdiff_t row0, ptrdiff_t row1) {
  ptrdiff_t i0, i1, unused, c = p->c, positions = p->kh * p->kw;
  ptrdiff_t row_of[256], place_of[256]; /* of a one-byte code: its row, and its element seen from the window's first */
  for (ptrdiff_t k = 0; bytes == 1 && k < positions; k++) {
    row_of[k] = k / p->kw;
    place_of[k] = (k / p->kw * p->w + k % p->kw) * c;
  }
  memset(dx + row0 * p->w * c, 0, sizeof(T) * (size_t)((row1 - row0) * p->w * c));
  fnn_windows_at(row0, p->sh, p->pt, p->kh, p->oh, &i0, &unused);
  fnn_windows_at(row1 - 1, p->sh, p->pt, p->kh, p->oh, &unused, &i1);
  for (ptrdiff_t i = i0; i < i1; i++) {
    ptrdiff_t top = i * p->sh - p->pt, at = i * p->ow * c;
    for (ptrdiff_t j = 0; j < p->ow; j++) {
      T *window = dx + (top * p->w + j * p->sw - p->pl) * c;
      for (ptrdiff_t k = 0; k < c; k++, at++) {
        ptrdiff_t code = fnn_code(codes, bytes, at), row, place;
        if (code >= positions) continue;
        if (bytes == 1) row = row_of[code], place = place_of[code];
        else row = code / p->kw, place = (row * p->w + code % p->kw) * c;
        if (top + row >= row0 && top + row < row1) window[place + k] += dy[at];
      }
    }
  }
}

/* codes NULL: average. */
static void FNN(pool_bwd)(const fnn_pool_shape *p, const T *dy, const uint8_t *codes, T *dx, int ith, int nth) {
  ptrdiff_t begin, end, bytes = fnn_code_bytes(p->kh * p->kw);
  int scatter = codes && (p->c < VL || bytes > 1);
  fnn_share(p->n * p->h, 1, ith, nth, &begin, &end);
  for (ptrdiff_t unit = begin, stop; unit < end; unit = stop) {
    ptrdiff_t image = unit / p->h, row0 = unit % p->h, row1 = fnn_min(p->h, row0 + end - unit);
    ptrdiff_t out = image * p->oh * p->ow * p->c, in = image * p->h * p->w * p->c;
    const uint8_t *at = codes ? codes + out * bytes : NULL;
    if (scatter) FNN(max_scatter)(p, dy + out, at, bytes, dx + in, row0, row1);
    for (ptrdiff_t row = row0; !scatter && row < row1; row++)
      FNN(pool_bwd_row)(p, dy + out, at, dx + in + row * p->w * p->c, row);
    stop = unit + row1 - row0;
  }
}

static void FNN(max_pool_bwd)(const fnn_max_pool_bwd_args *a, int ith, int nth) {
  const fnn_pool_shape p = POOL_SHAPE(a);
  FNN(pool_bwd)(&p, a->dy, a->winner, a->dx, ith, nth);
}

static void FNN(average_pool_bwd)(const fnn_average_pool_bwd_args *a, int ith, int nth) {
  const fnn_pool_shape p = POOL_SHAPE(a);
  FNN(pool_bwd)(&p, a->dy, NULL, a->dx, ith, nth);
}

/* ---- whole maps: x (n, p positions, c) -> y (n, c) -------------------------------------------------------------- */

/* Sums run over blocks of 64 positions, theirs over 64 blocks: the rounding error grows with 128 + p/4096, not p. */
#define SUM_BLOCK 64
/* Comparisons under way at a time: each takes about 6 cycles from operand to result. */
#define CHAINS 4

/* best, won: replaced by (v, q), which comes later, where v is greater or the first NaN. */
FNN_INLINE void FNN(compare_later)(vec *best, ivec *won, vec v, ivec q) {
  msk take = m_and(m_not(v_le(v, *best)), v_eq(*best, *best));
  *best = v_sel(take, v, *best);
  *won = i_sel(take, q, *won);
}

static void FNN(store_maximum)(T *y, int32_t *winner, vec best, ivec won, int lanes) {
  T bits[VL];
  v_store_n(y, best, lanes);
  v_store(bits, v_frombits(won));
  for (int l = 0; winner && l < lanes; l++) memcpy(winner + l, bits + l, 4); /* the low word of a 64-bit lane */
}

/* One vector of channels, in CHAINS runs of positions that are joined in order. */
static void FNN(maximum_in_runs)(const T *x, ptrdiff_t p, ptrdiff_t c, T *y, int32_t *winner, int lanes) {
  ptrdiff_t run = fnn_ceil_div(p, CHAINS);
  vec best[CHAINS];
  ivec won[CHAINS];
  for (int u = 0; u < CHAINS; u++) {
    ptrdiff_t first = fnn_min(u * run, p - 1); /* a run behind the end repeats the last position */
    best[u] = LOAD(x + first * c), won[u] = i_set1((int)first);
  }
  for (ptrdiff_t t = 1; t < run; t++)
#pragma GCC unroll 4
    for (int u = 0; u < CHAINS; u++) {
      ptrdiff_t q = fnn_min(u * run + t, p - 1);
      FNN(compare_later)(best + u, won + u, LOAD(x + q * c), i_set1((int)q));
    }
  for (int u = 1; u < CHAINS; u++) FNN(compare_later)(best, won, best[u], won[u]);
  FNN(store_maximum)(y, winner, best[0], won[0], lanes);
}

/* CHAINS vectors of channels side by side. */
static void FNN(maximum_side_by_side)(const T *x, ptrdiff_t p, ptrdiff_t c, T *y, int32_t *winner) {
  vec best[CHAINS];
  ivec won[CHAINS];
  for (int u = 0; u < CHAINS; u++) best[u] = v_load(x + u * VL), won[u] = i_set1(0);
  for (ptrdiff_t q = 1; q < p; q++)
#pragma GCC unroll 4
    for (int u = 0; u < CHAINS; u++)
      FNN(compare_later)(best + u, won + u, v_load(x + q * c + u * VL), i_set1((int)q));
  for (int u = 0; u < CHAINS; u++)
    FNN(store_maximum)(y + u * VL, winner ? winner + u * VL : NULL, best[u], won[u], VL);
}

static void FNN(global_max_pool_fwd)(const fnn_global_max_pool_fwd_args *a, int ith, int nth) {
  enum { STEP = CHAINS * VL };
  ptrdiff_t begin, end, p = a->p, c = a->c, blocks = fnn_max(1, fnn_ceil_div(c, STEP));
  fnn_share(a->n * blocks, 1, ith, nth, &begin, &end);
  for (ptrdiff_t unit = begin; unit < end; unit++) {
    ptrdiff_t image = unit / blocks, c0 = unit % blocks * STEP, c1 = fnn_min(c, c0 + STEP);
    const T *x = (const T *)a->x + image * p * c;
    T *y = (T *)a->y + image * c;
    int32_t *winner = a->winner ? (int32_t *)a->winner + image * c : NULL;
    if (c1 - c0 == STEP)
      FNN(maximum_side_by_side)(x + c0, p, c, y + c0, winner ? winner + c0 : NULL);
    else
      for (; c0 < c1; c0 += VL)
        FNN(maximum_in_runs)(x + c0, p, c, y + c0, winner ? winner + c0 : NULL, (int)fnn_min(VL, c1 - c0));
  }
}

static void FNN(global_max_pool_bwd)(const fnn_global_max_pool_bwd_args *a, int ith, int nth) {
  ptrdiff_t begin, end, p = a->p, c = a->c;
  const T *dy = a->dy;
  const int32_t *winner = a->winner;
  T *dx = a->dx;
  fnn_share(a->n * p, 1, ith, nth, &begin, &end);
  memset(dx + begin * c, 0, sizeof(T) * (size_t)((end - begin) * c));
  for (ptrdiff_t image = begin / fnn_max(1, p); image * p < end; image++)
    for (ptrdiff_t k = image * c; k < (image + 1) * c; k++) {
      ptrdiff_t at = image * p + winner[k];
      if (at >= begin && at < end) dx[at * c + k - image * c] = dy[k];
    }
}

static void FNN(global_average_pool_fwd)(const fnn_global_average_pool_fwd_args *a, int ith, int nth) {
  ptrdiff_t begin, end, p = a->p, c = a->c, blocks = fnn_max(1, fnn_ceil_div(c, VL));
  fnn_share(a->n * blocks, 1, ith, nth, &begin, &end);
  for (ptrdiff_t unit = begin; unit < end; unit++) {
    ptrdiff_t image = unit / blocks, c0 = unit % blocks * VL;
    int lanes = (int)fnn_min(VL, c - c0);
    const T *x = (const T *)a->x + image * p * c + c0;
    vec sum = v_zero(), group = v_zero();
    for (ptrdiff_t q0 = 0; q0 < p; q0 += SUM_BLOCK) {
      vec part = v_zero();
      for (ptrdiff_t q = q0; q < fnn_min(p, q0 + SUM_BLOCK); q++) part = v_add(part, v_load_n(x + q * c, lanes));
      group = v_add(group, part);
      if (q0 / SUM_BLOCK % SUM_BLOCK == SUM_BLOCK - 1) sum = v_add(sum, group), group = v_zero();
    }
    sum = v_add(sum, group);
    v_store_n((T *)a->y + image * c + c0, v_div(sum, v_set1((T)p)), lanes);
  }
}

static void FNN(global_average_pool_bwd)(const fnn_global_average_pool_bwd_args *a, int ith, int nth) {
  ptrdiff_t begin, end, p = a->p, c = a->c;
  vec count = v_set1((T)p);
  fnn_share(a->n * p, 1, ith, nth, &begin, &end);
  for (ptrdiff_t unit = begin; unit < end; unit++) {
    const T *dy = (const T *)a->dy + unit / p * c;
    T *dx = (T *)a->dx + unit * c;
    EACH_CHANNELS(c, STORE(dx + c0, v_div(LOAD(dy + c0), count));)
  }
}

#undef POOL_SHAPE
#undef LOAD
#undef STORE
#undef EACH_CHANNELS
#undef FEW
#undef SUM_BLOCK
#undef CHAINS
