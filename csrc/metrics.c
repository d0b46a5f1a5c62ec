/* metrics.c: whether predictions are right, and the running sums behind metrics, which are float64 totals in memory.
 *
 * Thresholds: a prediction is above `above` of the T sorted thresholds, so one pass sorts weights into T + 1 buckets, and
 * sums over buckets are the counts at every threshold.
 *   counts[c, kind, l, above] = sum over rows r of chunk c of weight[r,l] * (kind ? 1 - truth[r,l] : truth[r,l])
 *   true positives at threshold i = sum of kind 0 where above > i; false negatives: of kind 0 where above <= i; ...
 * Chunks follow from the shape alone and are added in order: the same bits for any number of threads. ith/nth split the
 * chunks, the labels, the rows of a confusion matrix or the samples; metric_mean runs on thread 0. */

#ifndef FNN_METRIC_OPS
#define FNN_METRIC_OPS
enum { FNN_EQUAL, FNN_ABOVE_THRESHOLD }; /* match_values */
enum { FNN_ANY_THRESHOLDS, FNN_EVEN_THRESHOLDS, FNN_EVEN_BEYOND }; /* threshold_counts: even from 0 to 1, and beyond */
#endif

#define LOAD(p) FNN(load_lanes)(p, lanes)
#define STORE(p, v) FNN(store_lanes)(p, v, lanes)

/* ---- sums and matches --------------------------------------------------------------------------------------- */

/* The sum of value * weight (either may be absent: 1) in eight float64 sums, of which element j goes to the sum j % 8. */
FNN_INLINE double FNN(sum_f64)(const T *value, const T *weight, ptrdiff_t n) {
  double sum[8] = {0};
  for (ptrdiff_t j = 0; j < n; j += 8)
    for (ptrdiff_t l = 0; l < fnn_min(8, n - j); l++)
      sum[l] += (value ? (double)value[j + l] : 1.0) * (weight ? (double)weight[j + l] : 1.0);
  for (int width = 4; width > 0; width /= 2)
    for (int l = 0; l < width; l++) sum[l] += sum[l + width];
  return sum[0];
}

/* total += sum(value * weight), count += sum(weight); without weights, weight is 1 and count grows by n. */
static void FNN(metric_mean)(const fnn_metric_mean_args *a, int ith, int nth) {
  const T *value = a->value, *weight = a->weight;
  (void)nth;
  if (ith != 0) return;
  *(double *)a->total += weight ? FNN(sum_f64)(value, weight, a->n) : FNN(sum_f64)(value, NULL, a->n);
  *(double *)a->count += weight ? FNN(sum_f64)(NULL, weight, a->n) : (double)a->n;
}

/* y = truth == pred, or truth == (pred > threshold), as 1 and 0 */
static void FNN(match_values)(const fnn_match_values_args *a, int ith, int nth) {
  const vec one = v_set1((T)1), zero = v_zero(), threshold = v_set1((T)a->threshold);
  ptrdiff_t begin, end;
  fnn_share(a->n, VL, ith, nth, &begin, &end);
  for (ptrdiff_t j = begin; j < end; j += VL) {
    const ptrdiff_t lanes = fnn_min(VL, end - j);
    const vec pred = LOAD((const T *)a->pred + j);
    const vec guess = a->op == FNN_EQUAL ? pred : v_sel(v_gt(pred, threshold), one, zero);
    STORE((T *)a->y + j, v_sel(v_eq(LOAD((const T *)a->truth + j), guess), one, zero));
  }
}

/* y[r] = 1 if the first largest pred of the row is at the label (or at the first largest truth), else 0 */
static void FNN(match_classes)(const fnn_match_classes_args *a, int ith, int nth) {
  const int64_t *label = a->label;
  const ptrdiff_t cols = a->cols;
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    const ptrdiff_t guess = FNN(first_extreme)(FNN_MAX, (const T *)a->pred + r * cols, cols);
    const int64_t truth = label ? label[r] : FNN(first_extreme)(FNN_MAX, (const T *)a->truth + r * cols, cols);
    ((T *)a->y)[r] = truth == guess ? (T)1 : (T)0;
  }
}

/* y[r] = 1 if fewer than k elements of the row are larger than the one at the label, all being finite, else 0 */
static void FNN(match_top_k)(const fnn_match_top_k_args *a, int ith, int nth) {
  const int64_t *label = a->label;
  const ptrdiff_t cols = a->cols;
  const vec infinity = v_set1((T)INFINITY), one = v_set1((T)1), zero = v_zero();
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    const T *pred = (const T *)a->pred + r * cols;
    const int64_t truth = label ? label[r] : FNN(first_extreme)(FNN_MAX, (const T *)a->truth + r * cols, cols);
    T *y = (T *)a->y + r;
    *y = 0;
    if (truth < 0 || truth >= cols) continue;
    const vec at_label = v_set1(pred[truth]);
    vec larger = zero, odd = zero; /* exact as floats: fewer than 2^24 columns a lane */
    for (ptrdiff_t j = 0; j < cols; j += VL) {
      const ptrdiff_t lanes = fnn_min(VL, cols - j);
      const vec x = v_sel(m_first(lanes), LOAD(pred + j), at_label);
      larger = v_add(larger, v_sel(v_gt(x, at_label), one, zero));
      odd = v_add(odd, v_sel(v_lt(v_abs(x), infinity), zero, one));
    }
    if (v_hsum(odd) == 0 && v_hsum(larger) < (T)a->k) *y = 1;
  }
}

/* y = pred where it is among the k largest of its row (of equals the first), elsewhere `other` */
static void FNN(top_k_keep)(const fnn_top_k_keep_args *a, int ith, int nth) {
  const ptrdiff_t cols = a->cols;
  ptrdiff_t begin, end;
  fnn_share(a->rows, 1, ith, nth, &begin, &end);
  for (ptrdiff_t r = begin; r < end; r++) {
    const T *pred = (const T *)a->pred + r * cols;
    T *y = (T *)a->y + r * cols;
    T last = (T)INFINITY; /* the smallest element kept so far, and where it is */
    ptrdiff_t at = -1;
    for (ptrdiff_t kept = 0; kept < a->k; kept++) {
      ptrdiff_t best = -1;
      for (ptrdiff_t j = 0; j < cols; j++)
        if ((pred[j] < last || (pred[j] == last && j > at)) && (best < 0 || pred[j] > pred[best])) best = j;
      if (best < 0) break; /* the rest are NaN */
      last = pred[best], at = best;
    }
    for (ptrdiff_t j = 0; j < cols; j++)
      y[j] = pred[j] > last || (pred[j] == last && j <= at) ? pred[j] : (T)a->other;
  }
}

/* ---- counts ------------------------------------------------------------------------------------------------- */

/* How many of the sorted thresholds the prediction is above; NaN is above none. */
FNN_INLINE ptrdiff_t FNN(thresholds_below)(const T *threshold, ptrdiff_t n, T pred) {
  ptrdiff_t low = 0, high = n;
  while (low < high) {
    const ptrdiff_t middle = low + (high - low) / 2;
    if (threshold[middle] < pred)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static void FNN(threshold_counts)(const fnn_threshold_counts_args *a, int ith, int nth) {
  const ptrdiff_t labels = a->labels, n = a->thresholds, chunks = fnn_max(1, fnn_ceil_div(a->rows, a->chunk));
  const T *weight = a->weight;
  ptrdiff_t begin, end;
  fnn_share(chunks, 1, ith, nth, &begin, &end);
  for (ptrdiff_t c = begin; c < end; c++) {
    double *positive = (double *)a->counts + c * 2 * labels * (n + 1), *negative = positive + labels * (n + 1);
    for (ptrdiff_t j = 0; j < 2 * labels * (n + 1); j++) positive[j] = 0;
    const ptrdiff_t stop = fnn_min(a->rows, (c + 1) * a->chunk);
    for (ptrdiff_t r = c * a->chunk; r < stop; r++)
      for (ptrdiff_t l = 0; l < labels; l++) {
        const T pred = ((const T *)a->pred)[r * labels + l], given = ((const T *)a->truth)[r * labels + l];
        const T truth = a->soft ? given : given != 0 ? (T)1 : (T)0;
        const double w = weight ? (double)weight[r * labels + l] : 1.0;
        ptrdiff_t above;
        if (a->spacing == FNN_ANY_THRESHOLDS) {
          above = FNN(thresholds_below)(a->threshold, n, pred);
        } else { /* rounded as Keras does, which differs from comparisons where a prediction is a threshold */
          const T clipped = pred > 0 ? (pred < 1 ? pred : (T)1) : (T)0, place = clipped * (T)(n - 1);
          above = (ptrdiff_t)place;
          if ((T)above < place) above++;
          if (a->spacing == FNN_EVEN_BEYOND) above = fnn_max(1, above); /* above the threshold that lies below 0 */
        }
        positive[l * (n + 1) + above] += w * truth;
        negative[l * (n + 1) + above] += w * (1.0 - truth);
      }
  }
}

/* total[place[i], l] += true positives (which = 0), false positives (1), true negatives (2) or false negatives (3) */
static void FNN(threshold_add)(const fnn_threshold_add_args *a, int ith, int nth) {
  const ptrdiff_t labels = a->labels, n = a->thresholds;
  const ptrdiff_t kind = a->which == 1 || a->which == 2;
  ptrdiff_t begin, end;
  fnn_share(labels, 1, ith, nth, &begin, &end);
  for (ptrdiff_t l = begin; l < end; l++) {
    double sum = 0;
    for (ptrdiff_t step = 0; step <= n; step++) {
      /* positives are summed from the top bucket down, negatives from the bottom up */
      const ptrdiff_t above = a->which < 2 ? n - step : step, i = a->which < 2 ? above - 1 : above;
      for (ptrdiff_t c = 0; c < a->chunks; c++)
        sum += ((const double *)a->counts)[((c * 2 + kind) * labels + l) * (n + 1) + above];
      if (i >= 0 && i < n) ((double *)a->total)[((const int64_t *)a->place)[i] * labels + l] += sum;
    }
  }
}

/* total[truth, pred] += weight for every sample whose classes both exist and whose truth is not ignored */
static void FNN(class_counts)(const fnn_class_counts_args *a, int ith, int nth) {
  const ptrdiff_t classes = a->classes;
  const int64_t *truth = a->truth, *pred = a->pred;
  const T *weight = a->weight;
  double *total = a->total;
  ptrdiff_t begin, end; /* all samples are read; those of these classes are counted */
  fnn_share(classes, 1, ith, nth, &begin, &end);
  for (ptrdiff_t j = 0; j < a->n; j++) {
    if (truth[j] < begin || truth[j] >= end || pred[j] < 0 || pred[j] >= classes) continue;
    if (a->has_ignore && truth[j] == (int64_t)a->ignore) continue;
    total[truth[j] * classes + pred[j]] += weight ? (double)weight[j] : 1.0;
  }
}

#undef LOAD
#undef STORE
