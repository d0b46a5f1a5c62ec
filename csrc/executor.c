/* executor.c: runs lists of kernel calls. The only file that opens an OpenMP region.
 *
 * One region serves a whole list; a barrier stands only where an entry asks for it. libgomp destroys and re-creates
 * threads when a team changes its size, so callers keep nthreads constant and give small entries nth = 1 instead.
 * libgomp's threads do not survive fork: a forked child would wait for them for ever (GCC PR 60035), so there every
 * list runs serially. */
#include "fastnn.h"
#include "simd/fpenv.h"

#ifdef _OPENMP
#include <omp.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#endif

static int forked;

void fnn_after_fork_in_child(void) { forked = 1; }

int fnn_is_forked_child(void) { return forked; }

int fnn_executor_init(void) {
#ifdef _WIN32
  return 0;
#else
  return pthread_atfork(NULL, NULL, fnn_after_fork_in_child);
#endif
}

int fnn_openmp_version(void) {
#ifdef _OPENMP
  return _OPENMP;
#else
  return 0;
#endif
}

int fnn_openmp_max_threads(void) {
#ifdef _OPENMP
  return forked ? 1 : omp_get_max_threads();
#else
  return 1;
#endif
}

/* Every entry with its whole team played by one thread, part after part. */
static void run_serially(const fnn_entry *entries, ptrdiff_t n) {
  fnn_fpenv env = fnn_fp_enter();
  for (ptrdiff_t e = 0; e < n; e++)
    for (int ith = 0; ith < entries[e].nth; ith++) entries[e].fn(entries[e].args, ith, entries[e].nth);
  fnn_fp_leave(env);
}

void fnn_run(const fnn_entry *entries, ptrdiff_t n, int nthreads) {
  if (nthreads <= 1 || forked) {
    run_serially(entries, n);
    return;
  }
#ifdef _OPENMP
  int shorthanded = 0; /* the runtime gave fewer threads than asked for (a nested region, a limit) */
#pragma omp parallel num_threads(nthreads)
  {
    int ith = omp_get_thread_num();
    if (omp_get_num_threads() < nthreads) {
      if (ith == 0) shorthanded = 1;
    } else {
      fnn_fpenv env = fnn_fp_enter();
      for (ptrdiff_t e = 0; e < n; e++) {
        if (entries[e].barrier) {
#pragma omp barrier
        }
        if (ith < entries[e].nth) entries[e].fn(entries[e].args, ith, entries[e].nth);
      }
      fnn_fp_leave(env);
    }
  }
  if (shorthanded) run_serially(entries, n);
#else
  run_serially(entries, n);
#endif
}
