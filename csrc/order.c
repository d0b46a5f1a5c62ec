/* order.c: what goes through a row in order: sorting, searching, running sums and products, gathers and sums by index.
 *
 * argsort: stable merge sort of (key, place) pairs, where the key is the number as an unsigned integer in ascending order,
 * NaN last, -0 equal to 0; complemented for descending order. Threads share the rows.
 * cumulate, take_along, segment: x is (outer, n, inner); threads share outer and pieces of inner, and each walks the n
 * positions in their order, so the sums do not depend on the sharing. */

/* ---- once per translation unit ------------------------------------------------------------------------------------- */
#ifndef FNN_ORDER_ONCE
#define FNN_ORDER_ONCE

enum { ORDER_PIECE = 256, ORDER_RUN = 12 }; /* elements of inner in a unit of work; elements sorted by insertion */

typedef struct order_pair {
  uint64_t key;
  int64_t place;
} order_pair;

static uint64_t order_key_i64(int64_t x, int64_t flip) { return (uint64_t)(x ^ flip) ^ UINT64_C(0x8000000000000000); }
static uint64_t order_key_f64(double x) {
  if (x != x) return UINT64_MAX;
  x += 0.0;
  uint64_t bits;
  memcpy(&bits, &x, 8);
  return bits >> 63 ? ~bits : bits | UINT64_C(0x8000000000000000);
}

/* Sorts a by key, equal keys staying in their order; b is as large as a. The result is where the return value says. */
static order_pair *order_sort(order_pair *a, order_pair *b, ptrdiff_t n) {
  for (ptrdiff_t begin = 0; begin < n; begin += ORDER_RUN) {
    ptrdiff_t end = fnn_min(n, begin + ORDER_RUN);
    for (ptrdiff_t i = begin + 1; i < end; i++) {
      order_pair moved = a[i];
      ptrdiff_t k = i;
      for (; k > begin && a[k - 1].key > moved.key; k--) a[k] = a[k - 1];
      a[k] = moved;
    }
  }
  for (ptrdiff_t run = ORDER_RUN; run < n; run *= 2) {
    for (ptrdiff_t begin = 0; begin < n; begin += 2 * run) {
      ptrdiff_t middle = fnn_min(n, begin + run), end = fnn_min(n, begin + 2 * run), left = begin, right = middle;
      for (ptrdiff_t i = begin; i < end; i++)
        b[i] = left < middle && (right == end || a[left].key <= a[right].key) ? a[left++] : a[right++];
    }
    order_pair *swap = a;
    a = b;
    b = swap;
  }
  return a;
}

/* One row's places in order. KEY(i): the key of element i. */
#define ORDER_ROW(KEY)                                                             \
  for (ptrdiff_t i = 0; i < cols; i++) {                                           \
    uint64_t key = KEY;                                                            \
    pairs[i] = (order_pair){a->descending ? ~key : key, i};                        \
  }                                                                                \
  order_pair *sorted = order_sort(pairs, pairs + cols, cols);                      \
  for (ptrdiff_t i = 0; i < cols; i++) y[row * cols + i] = sorted[i].place;

/* The number of keys below the value's, or not above it. */
#define ORDER_SEARCH(KEY)                                          \
  ptrdiff_t low = 0, high = a->n;                                  \
  while (low < high) {                                             \
    ptrdiff_t i = low + (high - low) / 2;                          \
    uint64_t key = KEY;                                            \
    if (a->right ? key <= wanted : key < wanted)                   \
      low = i + 1;                                                 \
    else                                                           \
      high = i;                                                    \
  }

/* Units of (outer, piece of inner): the image and the range of inner of unit u. */
static ptrdiff_t order_units(ptrdiff_t outer, ptrdiff_t inner) { return outer * fnn_ceil_div(inner, ORDER_PIECE); }
static ptrdiff_t order_unit(ptrdiff_t u, ptrdiff_t inner, ptrdiff_t *first, ptrdiff_t *count) {
  ptrdiff_t pieces = fnn_ceil_div(inner, ORDER_PIECE);
  *first = u % pieces * ORDER_PIECE;
  *count = fnn_min(ORDER_PIECE, inner - *first);
  return u / pieces;
}
#define ORDER_UNITS                                                \
  ptrdiff_t begin, end, first, count, inner = a->inner;            \
  fnn_share(order_units(a->outer, inner), 1, ith, nth, &begin, &end); \
  for (ptrdiff_t u = begin; u < end; u++)

static void order_take_along(const fnn_take_along_args *a, int ith, int nth) {
  const int64_t *index = a->index;
  ORDER_UNITS {
    ptrdiff_t o = order_unit(u, inner, &first, &count);
    for (ptrdiff_t j = 0; j < a->m; j++)
      for (ptrdiff_t i = first; i < first + count; i++) {
        ptrdiff_t at = (o * a->m + j) * inner + i, k = fnn_index_at(index, at, a->extent);
        char *y = (char *)a->y + at * a->itemsize;
        if (k < 0)
          memset(y, 0, (size_t)a->itemsize);
        else
          memcpy(y, (const char *)a->x + ((o * a->extent + k) * inner + i) * a->itemsize, (size_t)a->itemsize);
      }
  }
  if (ith == 0) { /* one thread reports, and the first wrong index */
    for (ptrdiff_t at = 0; at < a->outer * a->m * inner; at++)
      if (fnn_index_at(index, at, a->extent) < 0) {
        if (*(int64_t *)a->status == 0) *(int64_t *)a->status = 1 + at;
        break;
      }
  }
}

/* Of integers, as reduce's codes: 0 sum, 1 prod, 2 min, 3 max; modulo 2^64. */
static int64_t order_combine_i64(ptrdiff_t op, int64_t a, int64_t b, int64_t flip) {
  switch (op) {
  case 0: return (int64_t)((uint64_t)a + (uint64_t)b);
  case 1: return (int64_t)((uint64_t)a * (uint64_t)b);
  case 2: return (b ^ flip) < (a ^ flip) ? b : a;
  default: return (b ^ flip) > (a ^ flip) ? b : a;
  }
}
#endif

static uint64_t FNN(order_key)(T x) { return order_key_f64((double)x); }

static void FNN(argsort)(const fnn_argsort_args *a, int ith, int nth) {
  const T *x = a->x;
  int64_t *y = a->y;
  ptrdiff_t cols = a->cols, begin, end;
  order_pair *pairs = (order_pair *)a->scratch + ith * 2 * cols;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t row = begin; row < end; row++) {
    ORDER_ROW(FNN(order_key)(x[row * cols + i]))
  }
}
static void FNN(argsort_i64)(const fnn_argsort_i64_args *a, int ith, int nth) {
  const int64_t *x = a->x;
  int64_t *y = a->y;
  ptrdiff_t cols = a->cols, begin, end;
  order_pair *pairs = (order_pair *)a->scratch + ith * 2 * cols;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t row = begin; row < end; row++) {
    ORDER_ROW(order_key_i64(x[row * cols + i], a->flip))
  }
}

static void FNN(searchsorted)(const fnn_searchsorted_args *a, int ith, int nth) {
  const T *sorted = a->sorted, *x = a->x;
  ptrdiff_t begin, end;
  fnn_share(a->m, 16, ith, nth, &begin, &end);
  for (ptrdiff_t j = begin; j < end; j++) {
    uint64_t wanted = FNN(order_key)(x[j]);
    ORDER_SEARCH(FNN(order_key)(sorted[i]))
    ((int64_t *)a->y)[j] = low;
  }
}

static void FNN(cumulate)(const fnn_cumulate_args *a, int ith, int nth) {
  ORDER_UNITS {
    ptrdiff_t o = order_unit(u, inner, &first, &count), step = a->reverse ? -inner : inner;
    ptrdiff_t start = (o * a->n + (a->reverse ? a->n - 1 : 0)) * inner + first;
    const T *x = (const T *)a->x + start, *before = NULL;
    T *y = (T *)a->y + start;
    for (ptrdiff_t j = 0; j < a->n; j++, before = y, x += step, y += step)
      for (ptrdiff_t i = 0; i < count; i++) y[i] = !j ? x[i] : a->op ? before[i] * x[i] : before[i] + x[i];
  }
}
static void FNN(cumulate_i64)(const fnn_cumulate_i64_args *a, int ith, int nth) {
  ORDER_UNITS {
    ptrdiff_t o = order_unit(u, inner, &first, &count), start = o * a->n * inner + first;
    const int64_t *x = (const int64_t *)a->x + start;
    int64_t *y = (int64_t *)a->y + start;
    for (ptrdiff_t j = 0; j < a->n; j++, x += inner, y += inner)
      for (ptrdiff_t i = 0; i < count; i++) y[i] = j ? order_combine_i64(a->op, y[i - inner], x[i], 0) : x[i];
  }
}
/* dx_j = y_(j-1) r_j with r_j = dy_j + x_(j+1) r_(j+1): no division, so zeros among the factors do no harm. */
static void FNN(cumprod_bwd)(const fnn_cumprod_bwd_args *a, int ith, int nth) {
  ORDER_UNITS {
    ptrdiff_t o = order_unit(u, inner, &first, &count), start = o * a->n * inner + first;
    const T *x = (const T *)a->x + start, *y = (const T *)a->y + start, *dy = (const T *)a->dy + start;
    T *dx = (T *)a->dx + start, r[ORDER_PIECE];
    for (ptrdiff_t j = a->n - 1; j >= 0; j--)
      for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t at = j * inner + i;
        r[i] = j == a->n - 1 ? dy[at] : dy[at] + x[at + inner] * r[i];
        dx[at] = j ? y[at - inner] * r[i] : r[i];
      }
  }
}

static void FNN(take_along)(const fnn_take_along_args *a, int ith, int nth) { order_take_along(a, ith, nth); }

static void FNN(take_along_bwd)(const fnn_take_along_bwd_args *a, int ith, int nth) {
  const int64_t *index = a->index;
  ORDER_UNITS {
    ptrdiff_t o = order_unit(u, inner, &first, &count);
    T *dx = (T *)a->dx + o * a->extent * inner;
    for (ptrdiff_t k = 0; k < a->extent; k++) memset(dx + k * inner + first, 0, sizeof(T) * (size_t)count);
    for (ptrdiff_t j = 0; j < a->m; j++)
      for (ptrdiff_t i = first; i < first + count; i++) {
        ptrdiff_t at = (o * a->m + j) * inner + i, k = fnn_index_at(index, at, a->extent);
        if (k >= 0) dx[k * inner + i] += ((const T *)a->dy)[at];
      }
  }
}

/* NaN wins over all extremes, as in reductions. */
static T FNN(order_combine)(ptrdiff_t op, T a, T b) {
  switch (op) {
  case 0: return a + b;
  case 1: return a * b;
  case 2: return b < a || b != b ? b : a;
  default: return b > a || b != b ? b : a;
  }
}
static void FNN(segment)(const fnn_segment_args *a, int ith, int nth) {
  const int64_t *id = a->id;
  const T *x = a->x;
  T *y = a->y, start = (T)a->start;
  ORDER_UNITS {
    order_unit(u, inner, &first, &count);
    for (ptrdiff_t k = 0; k < a->segments; k++)
      for (ptrdiff_t i = first; i < first + count; i++) y[k * inner + i] = start;
    for (ptrdiff_t j = 0; j < a->n; j++) {
      if (id[j] < 0 || id[j] >= a->segments) continue;
      for (ptrdiff_t i = first; i < first + count; i++) {
        T *to = y + id[j] * inner + i;
        *to = FNN(order_combine)(a->op, *to, x[j * inner + i]);
      }
    }
  }
}
static void FNN(segment_i64)(const fnn_segment_i64_args *a, int ith, int nth) {
  const int64_t *id = a->id, *x = a->x;
  int64_t *y = a->y;
  ORDER_UNITS {
    order_unit(u, inner, &first, &count);
    for (ptrdiff_t k = 0; k < a->segments; k++)
      for (ptrdiff_t i = first; i < first + count; i++) y[k * inner + i] = a->start;
    for (ptrdiff_t j = 0; j < a->n; j++) {
      if (id[j] < 0 || id[j] >= a->segments) continue;
      for (ptrdiff_t i = first; i < first + count; i++) {
        int64_t *to = y + id[j] * inner + i;
        *to = order_combine_i64(a->op, *to, x[j * inner + i], a->flip);
      }
    }
  }
}
