/* resample.c: weighted sums along an axis, by a table.
 *
 *   y[o,i,k] = sum over first[i] <= e < first[i+1], in this order, of weight[e] * x[o, index[e], k]
 *
 * Enlarging and reducing images are this with few entries an output, along one axis after the other; so are their
 * gradients. Vectors run over k, what follows the axis in memory. The first product is no addition to zero, so that a
 * weight of 1 alone copies to the last bit. ith/nth splits rows (o, i). */

/* Four vectors of a row at a time: as many chains. */
static void FNN(resample)(const fnn_resample_args *a, int ith, int nth) {
  enum { CHAINS = 4 };
  const T *weight = a->weight;
  const int64_t *first = a->first, *index = a->index;
  ptrdiff_t begin, end;
  fnn_share(a->outer * a->outputs, 1, ith, nth, &begin, &end);
  for (ptrdiff_t row = begin; row < end; row++) {
    const ptrdiff_t i = row % a->outputs;
    const int64_t e0 = first[i], e1 = first[i + 1];
    const T *x = (const T *)a->x + row / a->outputs * a->inputs * a->inner;
    T *y = (T *)a->y + row * a->inner;
    if (e0 == e1) {
      memset(y, 0, (size_t)a->inner * sizeof(T));
      continue;
    }
    ptrdiff_t k = 0;
    for (; k + CHAINS * VL <= a->inner; k += CHAINS * VL) {
      vec sum[CHAINS];
      const T *at = x + index[e0] * a->inner + k;
      const vec w0 = v_set1(weight[e0]);
      FNN_UNROLL for (int q = 0; q < CHAINS; q++) sum[q] = v_mul(w0, v_load(at + q * VL));
      for (int64_t e = e0 + 1; e < e1; e++) {
        const vec w = v_set1(weight[e]);
        at = x + index[e] * a->inner + k;
        FNN_UNROLL for (int q = 0; q < CHAINS; q++) sum[q] = v_fma(w, v_load(at + q * VL), sum[q]);
      }
      FNN_UNROLL for (int q = 0; q < CHAINS; q++) v_store(y + k + q * VL, sum[q]);
    }
    for (; k < a->inner; k += VL) {
      const ptrdiff_t lanes = fnn_min(VL, a->inner - k);
      vec sum = v_mul(v_set1(weight[e0]), v_load_n(x + index[e0] * a->inner + k, lanes));
      for (int64_t e = e0 + 1; e < e1; e++) sum = v_fma(v_set1(weight[e]), v_load_n(x + index[e] * a->inner + k, lanes), sum);
      v_store_n(y + k, sum, lanes);
    }
  }
}
