/* executor.c: fnn_replay with real threads, more of them than processors too, against one thread.
 *
 *   executor STEPS
 *
 * Every entry makes each thread's cell from all cells of the entry before it, so a barrier that lets one thread through
 * too early shows in the sums. Exit code 1 if a sum is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastnn.h"

enum { CELLS = 16, ENTRIES = 12 };

typedef struct mix_args {
  const uint64_t *from;
  uint64_t *to;
} mix_args;

/* to[c] = a sum over all of `from` that its order and c go into */
static void mix(const void *args, int ith, int nth) {
  const mix_args *a = args;
  for (int c = ith; c < CELLS; c += nth) {
    uint64_t sum = (uint64_t)c;
    for (int i = 0; i < CELLS; i++) sum = sum * 6364136223846793005u + a->from[i] + 1;
    a->to[c] = sum;
  }
}

/* Steps of ENTRIES entries, some of which only one thread runs. The number of steps that were completed. */
static ptrdiff_t run(uint64_t cells[2][CELLS], ptrdiff_t steps, int threads, const int64_t *guard) {
  fnn_entry entries[ENTRIES + 1];
  mix_args args[2] = {{cells[0], cells[1]}, {cells[1], cells[0]}};
  memset(cells, 0, 2 * sizeof cells[0]);
  for (int e = 0; e < ENTRIES; e++)
    entries[e] = (fnn_entry){.fn = mix, .args = &args[e % 2], .nth = e % 5 == 3 ? 1 : threads, .barrier = e > 0};
  entries[ENTRIES] = (fnn_entry){.guard = guard, .nth = threads, .barrier = 1};
  return fnn_replay(entries, ENTRIES + 1, steps, threads, 1e9);
}

int main(int argc, char **argv) {
  const ptrdiff_t steps = argc == 2 ? atol(argv[1]) : 0;
  const int64_t fine = 0, error = 1;
  uint64_t want[2][CELLS], got[2][CELLS];
  if (steps < 1 || run(want, steps, 1, &fine) != steps) return 2;
  for (int threads = 2; threads <= 7; threads++) {
    const ptrdiff_t done = run(got, steps, threads, &fine);
    if (done != steps || memcmp(got, want, sizeof want)) {
      fprintf(stderr, "%d threads: %td of %td steps, or other sums\n", threads, done, steps);
      return 1;
    }
    if (run(got, steps, threads, &error) != 0) {
      fprintf(stderr, "%d threads: the guard did not end the first step\n", threads);
      return 1;
    }
  }
  return 0;
}
