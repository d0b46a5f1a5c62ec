/* executor.c: runs lists of kernel calls. The only file that opens an OpenMP region.
 *
 * One region serves a whole list; a barrier stands only where an entry asks for it, and is our own: 0.03 us for two
 * threads on Zen 5, where libgomp's takes 0.19. libgomp destroys and re-creates threads when a team changes its size, so
 * callers keep nthreads constant and give small entries nth = 1 instead. Its threads do not survive fork: a forked child
 * would wait for them for ever (GCC PR 60035), so there every list runs serially. */
#if defined __linux__ && !defined _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include <limits.h>
#include <time.h>

#include "fastnn.h"
#include "simd/fpenv.h"

#ifdef _OPENMP
#include <omp.h>
#include <stdatomic.h>
#endif
#ifdef _WIN32
#include <windows.h>
#else
#include <pthread.h>
#include <sched.h>
#endif
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
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

#ifdef _OPENMP
/* ---- barrier ---------------------------------------------------------------------------------------------------- */
/* The last to arrive makes `passed` the number of the barrier; the others wait for that. Each word has cache lines of
 * its own, so that those who wait do not disturb those who arrive. */
typedef struct team {
  int size;
  _Alignas(128) atomic_int arrived;
  _Alignas(128) atomic_uint passed;
  _Alignas(128) atomic_int asleep;
} team;

/* Rounds of waiting before a thread sleeps: longer than the threads of a balanced step are apart, but on a busy machine
 * the one that is waited for may be waiting for this one's processor. */
#ifndef SPIN_ROUNDS
#define SPIN_ROUNDS 10000
#endif

static inline void spin(void) {
#if defined __x86_64__ || defined __i386__
  __builtin_ia32_pause();
#elif defined __aarch64__
  __asm__ volatile("isb");
#endif
}

/* Until `passed` is not `seen`, or a little while. */
static void sleep_while(team *t, unsigned seen) {
#ifdef __linux__
  atomic_fetch_add(&t->asleep, 1); /* before the kernel looks at `passed`, as the last to arrive looks after writing it */
  syscall(SYS_futex, &t->passed, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
  atomic_fetch_sub(&t->asleep, 1);
#elif defined _WIN32
  (void)t, (void)seen;
  SwitchToThread();
#else
  (void)t, (void)seen;
  sched_yield();
#endif
}

static void wake(team *t) {
#ifdef __linux__
  if (atomic_load(&t->asleep)) syscall(SYS_futex, &t->passed, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#else
  (void)t;
#endif
}

/* `number` counts this thread's barriers. */
static inline void wait_for_team(team *t, unsigned *number) {
  const unsigned before = (*number)++;
  if (atomic_fetch_add_explicit(&t->arrived, 1, memory_order_acq_rel) == t->size - 1) {
    atomic_store_explicit(&t->arrived, 0, memory_order_relaxed);
    atomic_store(&t->passed, before + 1);
    wake(t);
    return;
  }
  int rounds = 0;
  while (atomic_load_explicit(&t->passed, memory_order_acquire) == before) {
    if (rounds < SPIN_ROUNDS) {
      rounds++, spin();
    } else {
      sleep_while(t, before);
    }
  }
}

/* ---- steps ------------------------------------------------------------------------------------------------------ */
/* One step by one thread: its share of every entry. Returns 0 when a guard found a data error. */
static int run_share(const fnn_entry *entries, ptrdiff_t n, int ith, team *t, unsigned *number) {
  for (ptrdiff_t e = 0; e < n; e++) {
    if (entries[e].barrier) wait_for_team(t, number);
    if (entries[e].guard) {
      if (*entries[e].guard) return 0;
    } else if (ith < entries[e].nth) {
      entries[e].fn(entries[e].args, ith, entries[e].nth);
    }
  }
  return 1;
}
#endif

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
  team workers = {.size = nthreads};
  int go_on[2] = {1, 1}; /* by step parity: thread 0 may write the next word while others still read this one */
#pragma omp parallel num_threads(nthreads)
  {
    int ith = omp_get_thread_num();
    if (omp_get_num_threads() < nthreads) {
      if (ith == 0) shorthanded = 1;
    } else {
      fnn_fpenv env = fnn_fp_enter();
      unsigned number = 0;
      for (int parity = 0, more = steps > 0; more; parity ^= 1) {
        int fine = run_share(entries, n, ith, &workers, &number);
        if (ith == 0) { /* alone decides whether there is another step; the barrier makes its word everyone's */
          done += fine;
          go_on[parity] = fine && done < steps && seconds() <= deadline;
        }
        wait_for_team(&workers, &number);
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
