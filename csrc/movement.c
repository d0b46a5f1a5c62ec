/* movement.c: copies, fills, gathers: kernels that move elements and do no arithmetic. */

static void FNN(fill_zero)(const fnn_fill_zero_args *a, int ith, int nth) {
  ptrdiff_t begin, end;
  fnn_share(a->nbytes, 4096, ith, nth, &begin, &end);
  memset((char *)a->x + begin, 0, (size_t)(end - begin));
}
