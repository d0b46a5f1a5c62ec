/* elementwise.c: one output element from the input elements at the same place. */

static void FNN(accumulate)(const fnn_accumulate_args *a, int ith, int nth) {
  const T *x = a->x;
  T *y = a->y;
  ptrdiff_t begin, end;
  fnn_share(a->n, VL, ith, nth, &begin, &end);
  for (ptrdiff_t i = begin; i < end; i += VL) {
    ptrdiff_t left = fnn_min(VL, end - i);
    if (left == VL)
      v_store(y + i, v_add(v_load(y + i), v_load(x + i)));
    else
      v_store_n(y + i, v_add(v_load_n(y + i, left), v_load_n(x + i, left)), left);
  }
}
