/* executor.c: runs lists of kernel calls. The only file that opens an OpenMP region.
 *
 * One region serves a whole list; a barrier stands only where an entry asks for it. libgomp destroys and re-creates
 * threads when a team changes its size, so callers keep nthreads constant and give small entries nth = 1 instead.
 * libgomp's threads do not survive fork: a forked child would wait for them for ever (GCC PR 60035), so there every
 * list runs serially. */
#include <time.h>

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

/* One step by one thread: its share of every entry. Returns 0 when a guard found a data error. */
static int run_share(const fnn_entry *entries, ptrdiff_t n, int ith) {
  for (ptrdiff_t e = 0; e < n; e++) {
    if (entries[e].barrier) {
#ifdef _OPENMP
#pragma omp barrier
#endif
    }
    if (entries[e].guard) {
      if (*entries[e].guard) return 0;
    } else if (ith < entries[e].nth) {
      entries[e].fn(entries[e].args, ith, entries[e].nth);
    }
  }
  return 1;
}

/* One step with its whole team played by one thread, part after part. */
static int run_serially(const fnn_entry *entries, ptrdiff_t n) {
  for (ptrdiff_t e = 0; e < n; e++) {
    if (entries[e].guard) {
      if (*entries[e].guard) return 0;
    } else {
      for (int ith = 0; ith < entries[e].nth; ith++) entries[e].fn(entries[e].args, ith, entries[e].nth);
    }
  }
  return 1;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static ptrdiff_t replay_serially(const fnn_entry *entries, ptrdiff_t n, ptrdiff_t steps, double deadline) {
  fnn_fpenv env = fnn_fp_enter();
  ptrdiff_t done = 0;
  while (done < steps && run_serially(entries, n)) {
    done++;
    if (done < steps && seconds() > deadline) break;
  }
  fnn_fp_leave(env);
  return done;
}

ptrdiff_t fnn_replay(const fnn_entry *entries, ptrdiff_t n, ptrdiff_t steps, int nthreads, double most_seconds) {
  double deadline = seconds() + most_seconds;
  if (nthreads <= 1 || forked) return replay_serially(entries, n, steps, deadline);
#ifdef _OPENMP
  ptrdiff_t done = 0;
  int shorthanded = 0; /* the runtime gave fewer threads than asked for (a nested region, a limit) */
  int go_on[2] = {1, 1}; /* by step parity: thread 0 may write the next word while others still read this one */
#pragma omp parallel num_threads(nthreads)
  {
    int ith = omp_get_thread_num();
    if (omp_get_num_threads() < nthreads) {
      if (ith == 0) shorthanded = 1;
    } else {
      fnn_fpenv env = fnn_fp_enter();
      for (int parity = 0, more = steps > 0; more; parity ^= 1) {
        int fine = run_share(entries, n, ith);
        if (ith == 0) { /* alone decides whether there is another step; the barrier makes its word everyone's */
          done += fine;
          go_on[parity] = fine && done < steps && seconds() <= deadline;
        }
#pragma omp barrier
        more = go_on[parity];
      }
      fnn_fp_leave(env);
    }
  }
  return shorthanded ? replay_serially(entries, n, steps, deadline) : done;
#else
  return replay_serially(entries, n, steps, deadline);
#endif
}

void fnn_run(const fnn_entry *entries, ptrdiff_t n, int nthreads) { (void)fnn_replay(entries, n, 1, nthreads, 0); }
