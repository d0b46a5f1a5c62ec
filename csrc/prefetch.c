/* prefetch.c: brings rows of a memory-mapped array into memory before a gather reads them.
 *
 * Row r is rows r or index[r] of x, `bytes` long and `stride` bytes apart. In order, as both are called by a thread of
 * their own: `advise` asks the system for the pages and does not wait, so that many reads are under way at once; `touch`
 * waits for them and puts them into the page tables, so that the gather takes no fault. */
#if defined(__linux__)
#define _DEFAULT_SOURCE /* mincore, madvise */
#endif
#include "fastnn.h"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#define FNN_PAGES 1
#endif

#ifdef FNN_PAGES
static uintptr_t page_size(void) {
  long size = sysconf(_SC_PAGESIZE);
  return size > 0 ? (uintptr_t)size : 4096;
}
#else
static uintptr_t page_size(void) { return 4096; }
#endif

/* The bytes of rows r to r + *n - 1: neighbours, where there is no index, are one piece. */
static const char *piece(const fnn_rows *a, ptrdiff_t r, ptrdiff_t end, ptrdiff_t *n, ptrdiff_t *bytes) {
  ptrdiff_t row = a->index ? (ptrdiff_t)a->index[r] : r;
  *n = 1, *bytes = a->bytes;
  if (row < 0 || row >= a->rows) return NULL;
  if (!a->index && a->stride >= 0) {
    *n = (end < a->rows ? end : a->rows) - r;
    *bytes = (*n - 1) * a->stride + a->bytes;
  }
  return a->x + row * a->stride;
}

void fnn_fetch_rows(const fnn_rows *a, ptrdiff_t begin, ptrdiff_t end, int touch) {
  uintptr_t page = page_size();
  volatile char sink = 0;
  ptrdiff_t n, bytes;
  for (ptrdiff_t r = begin; r < end; r += n) {
    const char *x = piece(a, r, end, &n, &bytes);
    if (!x || bytes <= 0) continue;
    uintptr_t first = (uintptr_t)x & ~(page - 1), last = (uintptr_t)x + (uintptr_t)bytes;
    if (touch) {
      sink = *(const volatile char *)x;
      for (uintptr_t p = first + page; p < last; p += page) sink = *(const volatile char *)p;
    } else {
#if defined(FNN_PAGES) && defined(MADV_WILLNEED)
      (void)madvise((void *)first, last - first, MADV_WILLNEED);
#endif
    }
  }
  (void)sink;
}

double fnn_resident(const char *x, ptrdiff_t bytes) {
#if defined(__linux__)
  enum { SAMPLES = 256 };
  uintptr_t page = page_size(), first = (uintptr_t)x & ~(page - 1);
  uintptr_t pages = ((uintptr_t)x + (uintptr_t)bytes - first + page - 1) / page, step = pages / SAMPLES + 1;
  ptrdiff_t there = 0, asked = 0;
  for (uintptr_t p = 0; p < pages; p += step) {
    unsigned char state = 1;
    if (mincore((void *)(first + p * page), page, &state) != 0) return 1;
    there += state & 1, asked++;
  }
  return asked ? (double)there / (double)asked : 1;
#else
  (void)x, (void)bytes;
  return 0;
#endif
}
