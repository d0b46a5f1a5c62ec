/* bytes.h: copies too short for the call of memcpy. */
#ifndef FNN_BYTES_H
#define FNN_BYTES_H

#include <stddef.h>
#include <string.h>

/* n bytes, at most 16, between places that do not overlap: two pieces of one size, which may share bytes. */
static inline void fnn_copy_short(char *y, const char *x, ptrdiff_t n) {
  if (n >= 8) memcpy(y, x, 8), memcpy(y + n - 8, x + n - 8, 8);
  else if (n >= 4) memcpy(y, x, 4), memcpy(y + n - 4, x + n - 4, 4);
  else
    for (ptrdiff_t i = 0; i < n; i++) y[i] = x[i];
}

static inline void fnn_copy_bytes(char *y, const char *x, ptrdiff_t n) {
  if (n > 128) {
    memcpy(y, x, (size_t)n);
    return;
  }
  for (; n > 16; n -= 16, y += 16, x += 16) memcpy(y, x, 16);
  fnn_copy_short(y, x, n);
}

#endif
