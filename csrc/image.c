/* image.c: images moved, turned, scaled: each pixel of the output is read where a projective map says.
 *
 *   k = m6 x + m7 y + 1,   x' = (m0 x + m1 y + m2) / k,   y' = (m3 x + m4 y + m5) / k
 *
 * takes column x and row y of the output to a place of the input, one map for each image. What lies outside is folded
 * back (reflect, wrap, nearest) or filled. At a place between pixels, bilinear interpolation weighs the four around it;
 * what is read there beyond the border is the fill value. The rules for places are those of TensorFlow's
 * ImageProjectiveTransformV3. Scalar code of products and sums in a fixed order: the same bits everywhere. */

/* The place along an axis of a length, folded back into it. */
static inline T FNN(image_fold)(T at, ptrdiff_t length, ptrdiff_t fill) {
  const T last = (T)(length - 1);
  if (fill == FNN_FILL_CONSTANT) return at;
  if (fill != FNN_FILL_NEAREST && length <= 1) return 0;
  if (fill == FNN_FILL_REFLECT) { /* d c b a | a b c d | d c b a */
    const T twice = (T)(2 * length);
    if (at < 0) {
      if (at < twice) at = twice * (T)(ptrdiff_t)(-at / twice) + at;
      at = at < -(T)length ? at + twice : -at - 1;
    } else if (at > last) {
      at -= twice * (T)(ptrdiff_t)(at / twice);
      if (at >= (T)length) at = twice - at - 1;
    }
  } else if (fill == FNN_FILL_WRAP) { /* a b c d | a b c d | a b c d */
    if (at < 0) at += (T)length * (T)((ptrdiff_t)(-at / last) + 1);
    else if (at > last) at -= (T)length * (T)(ptrdiff_t)(at / last);
  }
  return at < 0 ? 0 : at > last ? last : at;
}

/* Where a pixel of the output is read; 0 if nowhere. */
static inline int FNN(image_place)(
    const T *m, ptrdiff_t column, ptrdiff_t row, ptrdiff_t h, ptrdiff_t w, ptrdiff_t fill, T *y, T *x) {
  const T u = (T)column, v = (T)row, k = m[6] * u + m[7] * v + 1;
  if (k == 0) return 0;
  *x = (m[0] * u + m[1] * v + m[2]) / k;
  *y = (m[3] * u + m[4] * v + m[5]) / k;
  if (!(*x > -(T)FNN_IMAGE_FAR && *x < (T)FNN_IMAGE_FAR && *y > -(T)FNN_IMAGE_FAR && *y < (T)FNN_IMAGE_FAR)) return 0;
  *x = FNN(image_fold)(*x, w, fill);
  *y = FNN(image_fold)(*y, h, fill);
  return 1;
}

static inline ptrdiff_t FNN(image_round)(T at) { /* halves away from zero */
  return at < 0 ? -(ptrdiff_t)(-at + (T)0.5) : (ptrdiff_t)(at + (T)0.5);
}

static inline ptrdiff_t FNN(image_floor)(T at) {
  const ptrdiff_t cut = (ptrdiff_t)at;
  return (T)cut > at ? cut - 1 : cut;
}

/* Offset of a pixel in an image; -1 outside. */
static inline ptrdiff_t FNN(image_at)(ptrdiff_t row, ptrdiff_t column, ptrdiff_t h, ptrdiff_t w, ptrdiff_t c) {
  return row >= 0 && row < h && column >= 0 && column < w ? (row * w + column) * c : -1;
}

static void FNN(image_transform_fwd)(const fnn_image_transform_fwd_args *a, int ith, int nth) {
  const ptrdiff_t h = a->h, w = a->w, c = a->c;
  const T value = (T)a->value;
  ptrdiff_t begin, end;
  fnn_share(a->n * a->oh, 1, ith, nth, &begin, &end);
  for (ptrdiff_t line = begin; line < end; line++) {
    const ptrdiff_t sample = line / a->oh, row = line % a->oh;
    const T *image = (const T *)a->x + sample * h * w * c, *m = (const T *)a->matrix + sample * 8;
    T *to = (T *)a->y + line * a->ow * c;
    for (ptrdiff_t column = 0; column < a->ow; column++, to += c) {
      T y, x;
      if (!FNN(image_place)(m, column, row, h, w, a->fill, &y, &x)) {
        for (ptrdiff_t q = 0; q < c; q++) to[q] = value;
      } else if (a->interpolation == FNN_IMAGE_NEAREST) {
        const ptrdiff_t at = FNN(image_at)(FNN(image_round)(y), FNN(image_round)(x), h, w, c);
        for (ptrdiff_t q = 0; q < c; q++) to[q] = at < 0 ? value : image[at + q];
      } else {
        const ptrdiff_t top = FNN(image_floor)(y), left = FNN(image_floor)(x);
        const ptrdiff_t i00 = FNN(image_at)(top, left, h, w, c), i01 = FNN(image_at)(top, left + 1, h, w, c);
        const ptrdiff_t i10 = FNN(image_at)(top + 1, left, h, w, c), i11 = FNN(image_at)(top + 1, left + 1, h, w, c);
        const T right = x - (T)left, below = y - (T)top;
        const T rest_x = (T)(left + 1) - x, rest_y = (T)(top + 1) - y;
        for (ptrdiff_t q = 0; q < c; q++) {
          const T upper = rest_x * (i00 < 0 ? value : image[i00 + q]) + right * (i01 < 0 ? value : image[i01 + q]);
          const T lower = rest_x * (i10 < 0 ? value : image[i10 + q]) + right * (i11 < 0 ? value : image[i11 + q]);
          to[q] = rest_y * upper + below * lower;
        }
      }
    }
  }
}

/* dx: what each pixel gave, in the order of the output's pixels; so parts are whole images. */
static void FNN(image_transform_bwd)(const fnn_image_transform_bwd_args *a, int ith, int nth) {
  const ptrdiff_t h = a->h, w = a->w, c = a->c;
  ptrdiff_t begin, end;
  fnn_share(a->n, 1, ith, nth, &begin, &end);
  memset((T *)a->dx + begin * h * w * c, 0, (size_t)((end - begin) * h * w * c) * sizeof(T));
  for (ptrdiff_t sample = begin; sample < end; sample++) {
    const T *m = (const T *)a->matrix + sample * 8, *dy = (const T *)a->dy + sample * a->oh * a->ow * c;
    T *image = (T *)a->dx + sample * h * w * c;
    for (ptrdiff_t pixel = 0; pixel < a->oh * a->ow; pixel++, dy += c) {
      T y, x;
      if (!FNN(image_place)(m, pixel % a->ow, pixel / a->ow, h, w, a->fill, &y, &x)) continue;
      if (a->interpolation == FNN_IMAGE_NEAREST) {
        const ptrdiff_t at = FNN(image_at)(FNN(image_round)(y), FNN(image_round)(x), h, w, c);
        for (ptrdiff_t q = 0; at >= 0 && q < c; q++) image[at + q] += dy[q];
        continue;
      }
      const ptrdiff_t top = FNN(image_floor)(y), left = FNN(image_floor)(x);
      const T right = x - (T)left, below = y - (T)top;
      const T weight[4] = {
          ((T)(top + 1) - y) * ((T)(left + 1) - x), ((T)(top + 1) - y) * right, below * ((T)(left + 1) - x), below * right};
      for (int corner = 0; corner < 4; corner++) {
        const ptrdiff_t at = FNN(image_at)(top + corner / 2, left + corner % 2, h, w, c);
        for (ptrdiff_t q = 0; at >= 0 && q < c; q++) image[at + q] += weight[corner] * dy[q];
      }
    }
  }
}
