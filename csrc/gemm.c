/* gemm.c: C = act(A * B + bias), the packing of B, and the gradient behind act and bias.
 *
 * As in BLIS (Van Zee, van de Geijn, ACM TOMS 41(3), 2015), but A is mostly read in place: a block of KC x NC of B is packed
 * into panels (VL columns, k rows) that stay in L2, a strip of up to TILE_MR rows of A in L1 while it meets the block's tiles:
 *     for jc in n by NC, for pc in k by KC, for i in m by TILE_MR, for j in NC by TILE_NR:  tile (tile.h)
 * Rows of A a multiple of 4 KB apart meet in one set of L1, and rows far apart need a page each; so do columns, of which a
 * tile reads little. So in long products MC rows x KC of A are copied first (fnn_gemm_copies_a), and A is what streams:
 *     for pc, for ic in m by MC: copy, for jc, for i, for j. Zen 5: 2048^3 from 87 to 92 % of the peak, 1024^3 from 89 to
 * 93 %; with AVX2 and A transposed from 65 to 95 % (bench/kernels).
 * Rows are divided evenly (32 = 11 + 11 + 10), so no tile is a sliver. Where m is small, B is read in place.
 * One column (n = 1) is a sum over rows turned in registers, or one row of the transposed product where A is transposed.
 * ith/nth: a grid of row ranges by column ranges, each thread packing what it needs; no element's value depends on it.
 * Error: |C - exact| <= k * eps * (|A| |B|), one chain per element (Higham, Accuracy and Stability, 3.5). */

#ifndef FNN_GEMM_H
#define FNN_GEMM_H
/* Up to this many rows B is not packed, as a copy would cost more than it saves: with AVX-512 a tile reads two lines of
 * each row of B, a good pattern even far apart (512 x 512 x 512 on Zen 5: 98 % of the peak in place, 95 % packed); one
 * line each is a bad one, worst where rows lie a multiple of 4 KB apart and meet in one set of the L1 cache. */
#define GEMM_ROWS_IN_PLACE(row_bytes) (TILE_NR * sizeof(T) > 64 ? 512 : (row_bytes) % 4096 ? 64 : 16)
/* Rows of B to fetch ahead: 32x784x128 with operands in memory gains a third. Rows that would meet in L1: only a few. */
#define GEMM_AHEAD(row_bytes) ((row_bytes) % 2048 ? 32 : 4)
/* Columns of A may stay in place, too, where they are few and a tile uses most of a cache line. */
#define GEMM_IN_PLACE(g) ((g)->a_cs != 1 && TILE_MR * sizeof(T) > 32 && (g)->k * (ptrdiff_t)sizeof(T) < 2048)
/* Rows of B to fetch ahead while it is packed. */
#define GEMM_PACK_AHEAD 16
/* Where columns of A are contiguous, a strip is copied as k times GEMM_A_CS elements of a column, strips a line further
 * apart than that, so that they do not meet in L1 either. */
#define GEMM_A_CS ((TILE_MR + RL - 1) / RL * RL)
#define GEMM_A_STRIP(k) ((k) * GEMM_A_CS + 64 / (ptrdiff_t)sizeof(T))
/* Copying one element of B costs as much as about this many multiplications. */
#define GEMM_PACK_ROWS 8

/* How many of nth threads share the rows of an m by n product (the others share its columns). */
static inline int fnn_gemm_row_threads(ptrdiff_t m, ptrdiff_t n, ptrdiff_t nr, ptrdiff_t pack_rows, int nth) {
  if (nth == 1) return 1;
  ptrdiff_t tiles = fnn_ceil_div(n, nr), best = PTRDIFF_MAX;
  int rows = 1;
  for (int across = (int)fnn_min(nth, tiles); across >= 1; across--) {
    int down = (int)fnn_min(nth / across, m);
    ptrdiff_t cost = fnn_ceil_div(tiles, across) * (fnn_ceil_div(m, down) + pack_rows);
    if (cost < best) best = cost, rows = down;
  }
  return rows;
}
#endif

/* packed[p*ps + i*VL + j] = b[i*rs + (p*VL + j)*cs] for i < k, zeros beyond column n. */
static void FNN(pack_panels)(T *packed, ptrdiff_t ps, const T *b, ptrdiff_t k, ptrdiff_t rs, ptrdiff_t n, ptrdiff_t cs) {
  ptrdiff_t j = 0;
  if (cs == 1 && n >= 4 * VL) {
    const ptrdiff_t whole = n - n % (4 * VL);
    const T *from = b;
    for (ptrdiff_t i = 0; i < k; i++, from += rs) { /* rows as they lie; those to come are on other pages */
      T *to = packed + i * VL;
      for (j = 0; j < whole; j += 4 * VL, to += 4 * ps)
        FNN_UNROLL for (int q = 0; q < 4; q++) {
          __builtin_prefetch(from + GEMM_PACK_AHEAD * rs + j + q * VL);
          v_store(to + q * ps, v_load(from + j + q * VL));
        }
    }
  }
  for (; j < n; j += VL) {
    const ptrdiff_t width = fnn_min(n - j, VL);
    const T *from = b + j * cs;
    T *to = packed + j / VL * ps;
    if (cs == 1) {
      for (ptrdiff_t i = 0; i < k; i++) v_store(to + i * VL, v_load_n(from + i * rs, width));
    } else if (rs == 1) { /* columns of B are contiguous: turn squares of RL by RL */
      for (ptrdiff_t i = 0; i < k; i += RL)
        for (ptrdiff_t q = 0; q < VL; q += RL) {
          const ptrdiff_t deep = fnn_min(k - i, RL), wide = fnn_min(width - q, RL);
          reg square[RL];
          if (deep == RL && wide == RL) {
            FNN_UNROLL for (int r = 0; r < RL; r++) {
              square[r] = r_load(from + (q + r) * cs + i);
              __builtin_prefetch(from + (q + r) * cs + i + 4 * RL);
            }
            r_transpose(square);
            FNN_UNROLL for (int r = 0; r < RL; r++) r_store(to + (i + r) * VL + q, square[r]);
          } else {
            FNN_UNROLL for (int r = 0; r < RL; r++) square[r] = r < wide ? r_load_n(from + (q + r) * cs + i, deep) : r_zero();
            r_transpose(square);
            FNN_UNROLL for (int r = 0; r < RL; r++)
              if (r < deep) r_store(to + (i + r) * VL + q, square[r]);
          }
        }
    } else {
      for (ptrdiff_t i = 0; i < k; i++)
        for (ptrdiff_t q = 0; q < VL; q++) to[i * VL + q] = q < width ? from[i * rs + q * cs] : 0;
    }
  }
}

static void FNN(gemm_pack_b)(const fnn_gemm_pack_b_args *a, int ith, int nth) {
  ptrdiff_t begin, end, ps = a->k * VL;
  fnn_share(a->n, VL, ith, nth, &begin, &end);
  FNN(pack_panels)((T *)a->packed + begin * a->k, ps, (const T *)a->b + begin * a->b_cs, a->k, a->b_rs, end - begin, a->b_cs);
}

/* m rows of A, k elements each: in rows fnn_gemm_a_rs(k) apart, or in strips. */
static void FNN(copy_a)(T *to, const T *a, ptrdiff_t m, ptrdiff_t k, ptrdiff_t rs, ptrdiff_t cs) {
  if (cs == 1) {
    for (ptrdiff_t i = 0; i < m; i++, a += rs, to += fnn_gemm_a_rs(k)) {
      ptrdiff_t p = 0;
      for (; p + VL <= k; p += VL) v_store(to + p, v_load(a + p));
      if (p < k) v_store_n(to + p, v_load_n(a + p, k - p), k - p);
    }
    return;
  }
  const ptrdiff_t strips = fnn_ceil_div(m, TILE_MR), size = m / strips, longer = m % strips;
  for (ptrdiff_t p = 0; p < k; p++, a += cs, to += GEMM_A_CS) {
    T *strip = to;
    for (ptrdiff_t s = 0, begin = 0; s < strips; begin += size + (s < longer), s++, strip += GEMM_A_STRIP(k))
      FNN_UNROLL for (int q = 0; q < GEMM_A_CS; q += RL) {
        const ptrdiff_t there = m - begin - q;
        if (there >= RL) r_store(strip + q, r_load(a + begin + q));
        else if (there > 0) r_store(strip + q, r_load_n(a + begin + q, there));
      }
  }
}

/* Rows of A times nc columns of B in t's layout: all tiles of one block. strip: from one strip of A to the next, 0: as
 * many rows as it has. edges: there may be nothing beyond column nc. */
static void FNN(gemm_strips)(FNN(tile_args) *t, const T *a, ptrdiff_t strip, const T *b, T *c, const T *bias, ptrdiff_t m, ptrdiff_t nc,
                             int edges) {
  const ptrdiff_t strips = fnn_ceil_div(m, TILE_MR);
  for (ptrdiff_t s = 0; s < strips; s++) {
    ptrdiff_t begin, end, j = 0;
    fnn_even(m, strips, s, &begin, &end);
    t->a = a + (strip ? s * strip : begin * t->a_rs);
    if (m == 1)
      for (; j + TILE_WIDE_NR <= nc; j += TILE_WIDE_NR) {
        t->n = TILE_WIDE_NR, t->b = b + j / VL * t->b_ps, t->c = c + j, t->bias = bias + (bias ? j : 0);
        FNN(tile_1_wide)(t);
      }
    for (; j < nc; j += TILE_NR) {
      t->n = fnn_min(nc - j, TILE_NR), t->b = b + j / VL * t->b_ps + j % VL;
      t->c = c + begin * t->c_rs + j, t->bias = bias + (bias ? j : 0);
      if (t->init == FNN_INIT_C && (j + TILE_NR < nc || s + 1 < strips)) { /* the next tile's sums so far */
        const T *next = j + TILE_NR < nc ? t->c + TILE_NR : c + end * t->c_rs;
        for (ptrdiff_t i = 0; i < TILE_MR; i++, next += t->c_rs)
          for (ptrdiff_t q = 0; q < TILE_NR; q += VL) __builtin_prefetch(next + q, 1);
      }
      FNN(tiles)[end - begin][(t->n > TILE_NR / 2) + (edges && t->n % RL ? 2 : 0)](t);
    }
  }
}

/* One thread's m rows and n columns of one product. for_a: where to copy rows of A to, NULL: nowhere. */
static void FNN(gemm_part)(const fnn_gemm_args *g, const T *a, const T *b, T *c, const T *bias, ptrdiff_t m, ptrdiff_t n,
                           int accumulate, T *for_b, T *for_a) {
  const ptrdiff_t blocks = fnn_max(fnn_ceil_div(g->k, fnn_gemm_kc(for_a && g->a_cs == 1, sizeof(T))), 1);
  const ptrdiff_t NC = fnn_gemm_nc(for_a != NULL, g->a_cs), MC = for_a ? fnn_gemm_mc() : m;
  const ptrdiff_t columns = for_a ? n : fnn_min(n, NC); /* a copy of A serves them all, before the next block of k */
  const ptrdiff_t row_bytes = g->b_rs * (ptrdiff_t)sizeof(T);
  const int in_place = g->packed || (g->b_cs == 1 && m <= GEMM_ROWS_IN_PLACE(row_bytes));
  const int edges = TILE_EDGES && !g->packed;
  FNN(tile_args) t = {.a_rs = g->a_rs, .a_cs = g->a_cs, .c_rs = g->c_rs, .segments = 1, .slope = (T)g->slope};
  for (ptrdiff_t left = 0; left < n; left += columns)
    for (ptrdiff_t p = 0; p < blocks; p++) {
      ptrdiff_t begin, end;
      fnn_even(g->k, blocks, p, &begin, &end);
      t.k = end - begin;
      t.init = p > 0 || accumulate ? FNN_INIT_C : bias ? FNN_INIT_BIAS : FNN_INIT_ZERO;
      t.act = p == blocks - 1 ? (int)g->act : FNN_LINEAR;
      for (ptrdiff_t i = 0; i < m; i += MC) {
        const ptrdiff_t mc = fnn_min(m - i, MC);
        ptrdiff_t strip = 0;
        const T *a_block = a + i * g->a_rs + begin * g->a_cs;
        if (for_a) {
          FNN(copy_a)(for_a, a_block, mc, t.k, g->a_rs, g->a_cs);
          a_block = for_a;
          if (g->a_cs == 1) t.a_rs = fnn_gemm_a_rs(t.k);
          else strip = GEMM_A_STRIP(t.k), t.a_rs = 1, t.a_cs = GEMM_A_CS;
        }
        for (ptrdiff_t j = left; j < fnn_min(n, left + columns); j += NC) {
          const ptrdiff_t nc = fnn_min(n - j, NC);
          ptrdiff_t ready = 0; /* columns of B that need no packing */
          T *c_block = c + i * g->c_rs + j;
          if (in_place) {
            t.b_rs = g->packed ? VL : g->b_rs;
            t.b_ps = g->packed ? g->k * VL : VL;
            t.ahead = g->packed ? 32 : GEMM_AHEAD(row_bytes);
            ready = g->packed || TILE_EDGES ? nc : nc - nc % VL;
            FNN(gemm_strips)(&t, a_block, strip, b + (g->packed ? j * g->k + begin * VL : begin * g->b_rs + j), c_block,
                             bias ? bias + j : NULL, mc, ready, edges);
          }
          if (ready < nc) {
            t.b_rs = VL, t.b_ps = t.k * VL, t.ahead = 32;
            FNN(pack_panels)(for_b, t.b_ps, b + begin * g->b_rs + (j + ready) * g->b_cs, t.k, g->b_rs, nc - ready, g->b_cs);
            FNN(gemm_strips)(&t, a_block, strip, for_b, c_block + ready, bias ? bias + j + ready : NULL, mc, nc - ready, 0);
          }
        }
      }
    }
}

/* c[i] = act(c[i] or bias[i * bias_s] + sum over p of a[i*rs + p] * x[p * xs]) for i in [begin, end): rows by vector.
 * Squares of RL by RL are turned in registers, so that lanes are rows and each row still is one chain over p. */
static void FNN(gemm_vector)(const fnn_gemm_args *g, const T *a, ptrdiff_t rs, const T *x, ptrdiff_t xs, T *c, ptrdiff_t bias_s,
                             int accumulate, ptrdiff_t begin, ptrdiff_t end) {
  const T *bias = g->bias;
  const reg minus_slope = r_set1((T)-g->slope);
  for (ptrdiff_t i = begin; i < end; i += 2 * RL) { /* two chains at a time */
    const T *row[2 * RL];
    T lanes[2 * RL];
    reg sum[2];
    for (int r = 0; r < 2 * RL; r++) {
      const ptrdiff_t j = fnn_min(i + r, end - 1); /* rows beyond the end repeat the last */
      row[r] = a + j * rs;
      lanes[r] = accumulate ? c[j] : bias ? bias[j * bias_s] : 0;
    }
    FNN_UNROLL for (int h = 0; h < 2; h++) sum[h] = r_load(lanes + h * RL);
    ptrdiff_t p = 0;
    for (; p + RL <= g->k; p += RL)
      FNN_UNROLL for (int h = 0; h < 2; h++) {
        reg square[RL];
        FNN_UNROLL for (int r = 0; r < RL; r++) {
          square[r] = r_load(row[h * RL + r] + p);
          __builtin_prefetch(row[h * RL + r] + p + 8 * VL);
        }
        r_transpose(square);
        FNN_UNROLL for (int q = 0; q < RL; q++) sum[h] = r_fma(r_set1(x[(p + q) * xs]), square[q], sum[h]);
      }
    const ptrdiff_t rest = g->k - p;
    if (rest)
      FNN_UNROLL for (int h = 0; h < 2; h++) {
        reg square[RL];
        FNN_UNROLL for (int r = 0; r < RL; r++) square[r] = r_load_n(row[h * RL + r] + p, rest);
        r_transpose(square);
        FNN_UNROLL for (int q = 0; q < RL; q++)
          if (q < rest) sum[h] = r_fma(r_set1(x[(p + q) * xs]), square[q], sum[h]);
      }
    FNN_UNROLL for (int h = 0; h < 2; h++)
      r_store_n(c + i + h * RL, FNN(tile_act)(sum[h], (int)g->act, minus_slope), fnn_min(fnn_max(end - i - h * RL, 0), RL));
  }
}

static void FNN(gemm_any)(const fnn_gemm_args *args, int accumulate, int ith, int nth) {
  fnn_gemm_args g = *args;
  if (g.m <= 0 || g.n <= 0 || g.batch <= 0) return;
  if (!g.packed && ((g.n == 1 && g.c_rs == 1 && g.a_cs == 1) || (g.m == 1 && g.b_rs == 1 && g.b_cs > 1))) {
    const int column = g.n == 1 && g.c_rs == 1 && g.a_cs == 1; /* A times a column, or a row times columns of B */
    ptrdiff_t begin, end;
    fnn_share(column ? g.m : g.n, 2 * RL, ith, nth, &begin, &end);
    for (ptrdiff_t z = 0; z < g.batch && begin < end; z++) {
      const T *a = (const T *)g.a + z * g.a_bs, *b = (const T *)g.b + z * g.b_bs;
      T *c = (T *)g.c + z * g.c_bs;
      if (column)
        FNN(gemm_vector)(&g, a, g.a_rs, b, g.b_rs, c, 0, accumulate, begin, end);
      else
        FNN(gemm_vector)(&g, b, g.b_cs, a, g.a_cs, c, 1, accumulate, begin, end);
    }
    return;
  }
  if (g.n == 1 && g.c_rs == 1 && !g.bias && !g.packed && g.m > 1) { /* C' = B' A' */
    g.a = args->b, g.a_rs = 0, g.a_cs = args->b_rs, g.a_bs = args->b_bs;
    g.b = args->a, g.b_rs = args->a_cs, g.b_cs = args->a_rs, g.b_bs = args->a_bs;
    g.m = 1, g.n = args->m, g.c_rs = g.n;
  }
  T *for_b = (T *)g.scratch + ith * fnn_gemm_scratch(args->m, args->n, args->k, args->a_rs, args->a_cs, args->packed, sizeof(T));
  T *for_a = for_b + fnn_gemm_scratch_b(args->m, args->n, args->k, args->packed, sizeof(T));
  if (!fnn_gemm_copies_a(args->m, args->n, args->k, args->a_rs, args->a_cs, sizeof(T)) || GEMM_IN_PLACE(&g)) for_a = NULL;
  ptrdiff_t z0 = 0, z1 = g.batch, i0, i1, j0, j1;
  if (nth > 1 && (g.batch % nth == 0 || g.batch >= 4 * nth)) { /* whole products */
    fnn_share(g.batch, 1, ith, nth, &z0, &z1);
    ith = 0, nth = 1;
  }
  const ptrdiff_t nr = fnn_max(TILE_NR, VL);
  const int down = fnn_gemm_row_threads(g.m, g.n, nr, g.packed ? 0 : GEMM_PACK_ROWS, nth), across = down == 1 ? nth : nth / down;
  if (ith >= down * across) return;
  fnn_share(g.n, nr, ith % across, across, &j0, &j1);
  fnn_even(g.m, down, ith / across, &i0, &i1);
  if (i0 >= i1 || j0 >= j1) return;
  for (ptrdiff_t z = z0; z < z1; z++)
    FNN(gemm_part)(&g, (const T *)g.a + z * g.a_bs + i0 * g.a_rs, (const T *)g.b + z * g.b_bs + j0 * (g.packed ? g.k : g.b_cs),
                   (T *)g.c + z * g.c_bs + i0 * g.c_rs + j0, g.bias ? (const T *)g.bias + j0 : NULL, i1 - i0, j1 - j0,
                   accumulate, for_b, for_a);
}

static void FNN(gemm)(const fnn_gemm_args *a, int ith, int nth) { FNN(gemm_any)(a, 0, ith, nth); }

static void FNN(gemm_add)(const fnn_gemm_add_args *a, int ith, int nth) {
  _Static_assert(sizeof(fnn_gemm_add_args) == sizeof(fnn_gemm_args), "one table row makes both");
  FNN(gemm_any)((const fnn_gemm_args *)a, 1, ith, nth);
}

/* Columns [j, j + width) of bias_act_bwd, in `vectors` vectors side by side. Rows are summed in runs of 256, the runs one
 * after the other: shorter chains, smaller error, the same for any nth. */
static inline __attribute__((always_inline)) void FNN(bias_act_columns)(const fnn_bias_act_bwd_args *a, ptrdiff_t m, ptrdiff_t j,
                                                                         ptrdiff_t width, const int vectors) {
  const T *dy = (const T *)a->dy + j, *y = a->y;
  T *dz = a->dz;
  const vec zero = v_zero(), slope = v_set1((T)a->slope);
  const int leaks = a->slope != 0; /* 0 * d would be NaN for an infinite d */
#define LANES(u) (vectors > 1 ? VL : width)
  vec total[4] = {zero, zero, zero, zero};
  for (ptrdiff_t run = 0; run < m; run += 256) {
    vec sum[4] = {zero, zero, zero, zero};
    for (ptrdiff_t i = run; i < fnn_min(run + 256, m); i++)
      FNN_UNROLL for (int u = 0; u < vectors; u++) {
        const T *from = dy + i * a->dy_rs + u * VL;
        vec d = LANES(u) == VL ? v_load(from) : v_load_n(from, width);
        if (y) {
          const ptrdiff_t at = i * a->n + j + u * VL;
          const vec out = LANES(u) == VL ? v_load(y + at) : v_load_n(y + at, width);
          d = v_sel(v_gt(out, zero), d, leaks ? v_mul(d, slope) : zero);
          if (LANES(u) == VL) v_store(dz + at, d);
          else v_store_n(dz + at, d, width);
        }
        sum[u] = v_add(sum[u], d);
      }
    FNN_UNROLL for (int u = 0; u < vectors; u++) total[u] = v_add(total[u], sum[u]);
  }
  if (a->dbias)
    FNN_UNROLL for (int u = 0; u < vectors; u++) v_store_n((T *)a->dbias + j + u * VL, total[u], LANES(u));
#undef LANES
}

static void FNN(bias_act_bwd)(const fnn_bias_act_bwd_args *a, int ith, int nth) {
  ptrdiff_t j, end;
  const int flat = !a->dbias && a->dy_rs == a->n; /* no sums: one long row, shared by more threads than it has columns */
  fnn_share(flat ? a->m * a->n : a->n, VL, ith, nth, &j, &end);
  for (; j + 4 * VL <= end; j += 4 * VL) FNN(bias_act_columns)(a, flat ? 1 : a->m, j, 4 * VL, 4);
  for (; j < end; j += VL) FNN(bias_act_columns)(a, flat ? 1 : a->m, j, fnn_min(end - j, VL), 1);
}

/* 12 chains hide the latency of two multiply-add pipes (4 cycles each) and fit the 16 registers of the smaller ISAs. */
static void FNN(fma_peak)(const fnn_fma_peak_args *a, int ith, int nth) {
  (void)nth;
  reg chain[12];
  const reg half = r_set1((T)0.5), one = r_set1(1);
  FNN_UNROLL for (int i = 0; i < 12; i++) chain[i] = r_set1((T)i);
  for (ptrdiff_t n = a->n * (VL / RL); n > 0; n--)
    FNN_UNROLL for (int i = 0; i < 12; i++) chain[i] = r_fma(chain[i], half, one);
  FNN_UNROLL for (int i = 1; i < 12; i++) chain[0] = r_add(chain[0], chain[i]);
  T *y = (T *)a->y + ith * VL;
  for (int i = 0; i < VL; i += RL) r_store(y + i, chain[0]);
}
