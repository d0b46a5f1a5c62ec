/* normalize.h: what normalization does to an element: in norm.c, and in conv2d.c for what is normalized as it is stored. */
#ifndef FNN_NORMALIZE_H
#define FNN_NORMALIZE_H
/* What became of y. */
enum { NORM_LINEAR, NORM_RELU, NORM_LEAKY_RELU };
#endif

FNN_INLINE vec FNN(normalized)(vec x, vec mean, vec scale, vec beta) { return v_fma(v_sub(x, mean), scale, beta); }

/* The activation as the elementwise op of that name computes it. */
FNN_INLINE vec FNN(norm_act)(const int act, vec y, vec alpha) {
  if (act == NORM_LINEAR) return y;
  return act == NORM_RELU ? v_max(v_zero(), y) : v_sel(v_gt(y, v_zero()), y, v_mul(alpha, y));
}
