/* elementwise.c: one output element from the input elements at the same place; unary, binary with broadcasting,
 * comparisons, selection, conversions between number types.
 *
 * The output is dense and is walked in blocks (struct walk, below): pieces of long rows, or several short rows. For each
 * block every input is offered as a pointer with a step of 1 or 0 (fetch): in place where it lies so, repeated values as
 * one vector, anything else gathered into a buffer. So each operation is one loop over whole vectors; what is left of a
 * block goes through a buffer of one vector and the same loop.
 *
 * Threads share the blocks; elements do not depend on each other, so neither does the result on the sharing.
 * Errors of the functions: vmath.h and its kin. NaN in, NaN out, except for step and the comparisons. */

/* ---- once per translation unit: the walk, and what does not depend on T ------------------------------------------ */
#ifndef FNN_ELEMENTWISE_ONCE
#define FNN_ELEMENTWISE_ONCE

enum { BLOCK = 256 }; /* elements of a gather buffer: 1 to 2 KB, in L1 with room for the operands */

/* Op codes; fastnn/ops/maths.py, logic.py and broadcast.py have the same. */
enum unary_op {
  U_NEGATIVE, U_ABSOLUTE, U_SIGN, U_SQUARE, U_SQRT, U_RSQRT, U_RECIPROCAL, U_EXP, U_EXPM1, U_LOG, U_LOG1P,
  U_TANH, U_SIGMOID, U_RELU, U_LEAKY_RELU, U_STEP, U_FLOOR, U_CEIL, U_ROUND, U_CLIP,
  U_SIN, U_COS, U_TAN, U_ARCSIN, U_ARCCOS, U_ARCTAN, U_SINH, U_COSH, U_ARCSINH, U_ARCCOSH, U_ARCTANH,
  U_EXP2, U_LOG2, U_LOG10, U_CBRT, U_ERFC, U_ERFINV, U_TRUNC
};
enum test_op { T_ISFINITE, T_ISNAN, T_ISINF };
enum binary_op {
  B_ADD, B_SUBTRACT, B_MULTIPLY, B_DIVIDE, B_MAXIMUM, B_MINIMUM, B_POWER,
  B_MOD, B_FMOD, B_ARCTAN2, B_HYPOT, B_LOGADDEXP, B_NEXTAFTER
};
enum int_op { /* after B_POWER, on integers only */
  I_FLOOR_DIVIDE = B_POWER + 1, I_MOD, I_FMOD, I_AND, I_OR, I_XOR, I_LEFT_SHIFT, I_RIGHT_SHIFT, I_GCD, I_LCM
};
enum binary_gradient {
  G_DIVIDE_B, G_MAXIMUM_A, G_MAXIMUM_B, G_MINIMUM_A, G_MINIMUM_B, G_POWER_A, G_POWER_B,
  G_MOD_B, G_FMOD_B, G_ARCTAN2_A, G_ARCTAN2_B, G_HYPOT_A, G_HYPOT_B, G_LOGADDEXP_A, G_LOGADDEXP_B
};
enum compare_op { C_EQUAL, C_NOT_EQUAL, C_LESS, C_LESS_EQUAL, C_GREATER, C_GREATER_EQUAL, C_AND, C_OR, C_XOR };
enum number { N_BOOL, N_U8, N_U16, N_U32, N_U64, N_I8, N_I16, N_I32, N_I64, N_F32, N_F64 };

/* The output's axes and the block that is next. Rows of n[2] elements: a row of at least BLOCK is walked in pieces of
 * at most 16 BLOCK, shorter ones in groups of whole rows that fit into BLOCK. */
typedef struct walk {
  ptrdiff_t n[3], rows; /* rows = n[0] n[1] */
  ptrdiff_t per_row, group; /* blocks in a row; rows in a block */
  ptrdiff_t piece; /* elements of a block of a long row */
  ptrdiff_t block, end; /* this thread's blocks */
  ptrdiff_t row, column, count; /* the current block: its first row and column and its elements */
} walk;

static walk walk_begin(ptrdiff_t n0, ptrdiff_t n1, ptrdiff_t n2, int ith, int nth) {
  walk w = {.n = {n0, n1, n2}, .rows = n0 * n1, .per_row = 1, .group = 1, .piece = 16 * BLOCK};
  if (!w.rows || !n2) return w;
  if (n2 >= BLOCK)
    w.per_row = fnn_ceil_div(n2, w.piece);
  else
    w.group = BLOCK / n2;
  fnn_share(fnn_ceil_div(w.rows, w.group) * w.per_row, 1, ith, nth, &w.block, &w.end);
  return w;
}

static int walk_next(walk *w) {
  if (w->block >= w->end) return 0;
  if (w->group == 1) {
    w->row = w->block / w->per_row;
    w->column = w->block % w->per_row * w->piece;
    w->count = fnn_min(w->piece, w->n[2] - w->column);
  } else {
    w->row = w->block * w->group;
    w->column = 0;
    w->count = fnn_min(w->group, w->rows - w->row) * w->n[2];
  }
  w->block++;
  return 1;
}

static ptrdiff_t walk_position(const walk *w) { return w->row * w->n[2] + w->column; }

/* An input: where its element (0, 0, 0) is and a stride per axis. */
typedef struct operand {
  const void *data;
  ptrdiff_t s[3];
  int kept; /* the buffer already holds these elements: every block of short rows reads the same */
} operand;

/* count elements of the current block, at step *k from the returned pointer; buffer has room for a piece. */
#define DEFINE_FETCH(name, type)                                                                                        \
  static const type *name(operand *o, const walk *w, type *buffer, ptrdiff_t *k) {                                      \
    const ptrdiff_t *n = w->n, *s = o->s;                                                                               \
    const type *p = (const type *)o->data + w->row / n[1] * s[0] + w->row % n[1] * s[1] + w->column * s[2];             \
    *k = 1;                                                                                                             \
    int one_row = w->count <= n[2];                                                                                     \
    if (s[2] == 1 && (one_row || (s[1] == n[2] && (n[0] == 1 || s[0] == n[1] * n[2])))) return p;                       \
    if (s[2] == 0 && (one_row || (s[1] == 0 && (n[0] == 1 || s[0] == 0)))) {                                            \
      for (int i = 0; i < 16; i++) buffer[i] = *p; /* one vector of any type */                                         \
      *k = 0;                                                                                                           \
      return buffer;                                                                                                    \
    }                                                                                                                   \
    if (o->kept >= w->count) return buffer;                                                                             \
    type *out = buffer;                                                                                                 \
    ptrdiff_t row = w->row, length = fnn_min(n[2], w->count);                                                           \
    for (ptrdiff_t left = w->count; left > 0; left -= length, row++, out += length) {                                   \
      p = (const type *)o->data + row / n[1] * s[0] + row % n[1] * s[1] + w->column * s[2];                             \
      if (s[2] == 1)                                                                                                    \
        memcpy(out, p, (size_t)length * sizeof *p);                                                                     \
      else                                                                                                              \
        for (ptrdiff_t i = 0; i < length; i++) out[i] = p[i * s[2]];                                                    \
    }                                                                                                                   \
    if (w->group > 1 && s[0] == 0 && s[1] == 0) o->kept = (int)w->count;                                                \
    return buffer;                                                                                                      \
  }
DEFINE_FETCH(fetch_i64, int64_t)
DEFINE_FETCH(fetch_u8, uint8_t)

/* ---- integers: 64 bits, wrapping ---------------------------------------------------------------------------------- */
static uint64_t int_power(uint64_t a, int64_t b) {
  if (b < 0) return a == 1 ? 1 : a == UINT64_MAX ? (b & 1 ? a : 1) : 0; /* truncated, as by division; 0 also for 0 */
  uint64_t y = 1;
  for (; b; b >>= 1, a *= a)
    if (b & 1) y *= a;
  return y;
}

/* Division rounds down (floor) or towards 0, also of unsigned numbers; by 0 it gives 0, as does the remainder. */
static int64_t int_divide(int64_t a, int64_t b, int is_unsigned) {
  if (!b) return 0;
  if (is_unsigned) return (int64_t)((uint64_t)a / (uint64_t)b);
  if (b == -1) return (int64_t)(0 - (uint64_t)a);
  return a / b - (a % b && (a < 0) != (b < 0));
}
static int64_t int_remainder(int64_t a, int64_t b, int is_unsigned, int towards_zero) {
  if (!b) return 0;
  if (is_unsigned) return (int64_t)((uint64_t)a % (uint64_t)b);
  if (b == -1) return 0;
  int64_t r = a % b;
  return !towards_zero && r && (r < 0) != (b < 0) ? r + b : r;
}
/* Shifts by more bits than there are leave only copies of the sign; a negative count is one of them. */
static int64_t int_shift_left(int64_t a, int64_t b) { return b < 0 || b > 63 ? 0 : (int64_t)((uint64_t)a << b); }
static int64_t int_shift_right(int64_t a, int64_t b, int is_unsigned) {
  if (is_unsigned) return b < 0 || b > 63 ? 0 : (int64_t)((uint64_t)a >> b);
  int64_t fill = a < 0 ? -1 : 0;
  return b < 0 || b > 63 ? fill : (int64_t)((uint64_t)(a ^ fill) >> b) ^ fill;
}
static uint64_t int_magnitude(int64_t a, int is_unsigned) { return !is_unsigned && a < 0 ? 0 - (uint64_t)a : (uint64_t)a; }
static uint64_t int_gcd(uint64_t a, uint64_t b) {
  while (b) {
    uint64_t r = a % b;
    a = b;
    b = r;
  }
  return a;
}
static int64_t int_lcm(int64_t a, int64_t b, int is_unsigned) {
  uint64_t x = int_magnitude(a, is_unsigned), y = int_magnitude(b, is_unsigned);
  return x && y ? (int64_t)(x / int_gcd(x, y) * y) : 0;
}

#define LOOP(e) \
  for (ptrdiff_t i = 0; i < count; i++, a += ka, b += kb) y[i] = (e);
static void int_binary_block(ptrdiff_t op, const int64_t *a, ptrdiff_t ka, const int64_t *b, ptrdiff_t kb, int64_t *y,
                             ptrdiff_t count, int64_t flip) {
  switch (op) {
  case B_ADD: LOOP((int64_t)((uint64_t)*a + (uint64_t)*b)) break;
  case B_SUBTRACT: LOOP((int64_t)((uint64_t)*a - (uint64_t)*b)) break;
  case B_MULTIPLY: LOOP((int64_t)((uint64_t)*a * (uint64_t)*b)) break;
  case B_MAXIMUM: LOOP((*a ^ flip) > (*b ^ flip) ? *a : *b) break;
  case B_MINIMUM: LOOP((*a ^ flip) < (*b ^ flip) ? *a : *b) break;
  case B_POWER: LOOP((int64_t)int_power((uint64_t)*a, *b)) break;
  case I_FLOOR_DIVIDE: LOOP(int_divide(*a, *b, flip != 0)) break;
  case I_MOD: LOOP(int_remainder(*a, *b, flip != 0, 0)) break;
  case I_FMOD: LOOP(int_remainder(*a, *b, flip != 0, 1)) break;
  case I_AND: LOOP(*a & *b) break;
  case I_OR: LOOP(*a | *b) break;
  case I_XOR: LOOP(*a ^ *b) break;
  case I_LEFT_SHIFT: LOOP(int_shift_left(*a, *b)) break;
  case I_RIGHT_SHIFT: LOOP(int_shift_right(*a, *b, flip != 0)) break;
  case I_GCD: LOOP((int64_t)int_gcd(int_magnitude(*a, flip != 0), int_magnitude(*b, flip != 0))) break;
  case I_LCM: LOOP(int_lcm(*a, *b, flip != 0)) break;
  }
}
static void int_compare_block(ptrdiff_t op, const int64_t *a, ptrdiff_t ka, const int64_t *b, ptrdiff_t kb, uint8_t *y,
                              ptrdiff_t count, int64_t flip) {
  switch (op) {
  case C_EQUAL: LOOP(*a == *b) break;
  case C_NOT_EQUAL: LOOP(*a != *b) break;
  case C_LESS: LOOP((*a ^ flip) < (*b ^ flip)) break;
  case C_LESS_EQUAL: LOOP((*a ^ flip) <= (*b ^ flip)) break;
  case C_GREATER: LOOP((*a ^ flip) > (*b ^ flip)) break;
  case C_GREATER_EQUAL: LOOP((*a ^ flip) >= (*b ^ flip)) break;
  case C_AND: LOOP(*a && *b) break;
  case C_OR: LOOP(*a || *b) break;
  case C_XOR: LOOP(!*a != !*b) break;
  }
}
#undef LOOP

/* ---- cast ----------------------------------------------------------------------------------------------------------
 * Through int64 (from integers) or double (from floats) in blocks. Rules: integers wrap to fewer bits; floats to
 * integers are truncated towards zero, saturate at the ends of the target's range, and NaN becomes 0; floats to shorter
 * floats are rounded to nearest even, beyond the range to infinity; anything but 0 is True, NaN included. */
static double clamp(double x, double low, double high) { return x > low ? (x < high ? x : high) : low; }

static int number_is_float(ptrdiff_t code) { return code >= N_F32; }

#define TYPED(type, e)                                  \
  {                                                     \
    const type *p = (const type *)x;                    \
    for (ptrdiff_t i = 0; i < count; i++) t[i] = (e);   \
  }                                                     \
  break;
static void cast_load_ints(ptrdiff_t from, const void *x, int64_t *t, ptrdiff_t count) {
  switch (from) {
  case N_BOOL: TYPED(uint8_t, p[i] != 0)
  case N_U8: TYPED(uint8_t, p[i])
  case N_U16: TYPED(uint16_t, p[i])
  case N_U32: TYPED(uint32_t, p[i])
  case N_U64: TYPED(uint64_t, (int64_t)p[i])
  case N_I8: TYPED(int8_t, p[i])
  case N_I16: TYPED(int16_t, p[i])
  case N_I32: TYPED(int32_t, p[i])
  case N_I64: TYPED(int64_t, p[i])
  }
}
static void cast_load_floats(ptrdiff_t from, const void *x, double *t, ptrdiff_t count) {
  switch (from) {
  case N_F32: TYPED(float, p[i])
  case N_F64: TYPED(double, p[i])
  }
}
#undef TYPED
#define TYPED(type, e)                                           \
  {                                                              \
    type *p = (type *)y;                                         \
    for (ptrdiff_t i = 0; i < count; i++) p[i] = (type)(e);      \
  }                                                              \
  break;
static void cast_store_ints(ptrdiff_t to, const int64_t *t, void *y, ptrdiff_t count, int is_unsigned) {
  switch (to) {
  case N_BOOL: TYPED(uint8_t, t[i] != 0)
  case N_U8: case N_I8: TYPED(uint8_t, t[i])
  case N_U16: case N_I16: TYPED(uint16_t, t[i])
  case N_U32: case N_I32: TYPED(uint32_t, t[i])
  case N_U64: case N_I64: TYPED(int64_t, t[i])
  case N_F32: TYPED(float, is_unsigned ? (float)(uint64_t)t[i] : (float)t[i])
  case N_F64: TYPED(double, is_unsigned ? (double)(uint64_t)t[i] : (double)t[i])
  }
}
static void cast_store_floats(ptrdiff_t to, const double *t, void *y, ptrdiff_t count) {
  switch (to) {
  case N_BOOL: TYPED(uint8_t, t[i] != 0)
  case N_U8: TYPED(uint8_t, clamp(t[i], 0, UINT8_MAX))
  case N_U16: TYPED(uint16_t, clamp(t[i], 0, UINT16_MAX))
  case N_U32: TYPED(uint32_t, clamp(t[i], 0, UINT32_MAX))
  case N_U64: TYPED(uint64_t, t[i] >= 0x1p64 ? UINT64_MAX : (uint64_t)clamp(t[i], 0, 0x1.fffffffffffffp63))
  case N_I8: TYPED(int8_t, t[i] != t[i] ? 0 : clamp(t[i], INT8_MIN, INT8_MAX))
  case N_I16: TYPED(int16_t, t[i] != t[i] ? 0 : clamp(t[i], INT16_MIN, INT16_MAX))
  case N_I32: TYPED(int32_t, t[i] != t[i] ? 0 : clamp(t[i], INT32_MIN, INT32_MAX))
  case N_I64:
    TYPED(int64_t, t[i] != t[i] ? 0 : t[i] >= 0x1p63 ? INT64_MAX : (int64_t)clamp(t[i], -0x1p63, 0x1.fffffffffffffp62))
  case N_F32: TYPED(float, t[i])
  case N_F64: TYPED(double, t[i])
  }
}
#undef TYPED

static void cast_any(const fnn_cast_args *a, int ith, int nth) {
  union {
    int64_t i[BLOCK];
    double d[BLOCK];
  } t;
  const char *x = a->x;
  char *y = a->y;
  ptrdiff_t begin, end;
  fnn_share(a->n, BLOCK, ith, nth, &begin, &end);
  for (ptrdiff_t i = begin; i < end; i += BLOCK) {
    ptrdiff_t count = fnn_min(BLOCK, end - i);
    const void *from = x + i * a->from_bytes;
    void *to = y + i * a->to_bytes;
    if (number_is_float(a->from)) {
      cast_load_floats(a->from, from, t.d, count);
      cast_store_floats(a->to, t.d, to, count);
    } else {
      cast_load_ints(a->from, from, t.i, count);
      cast_store_ints(a->to, t.i, to, count, a->from == N_U64);
    }
  }
}
#endif

/* ---- unary ---------------------------------------------------------------------------------------------------------- */
DEFINE_FETCH(FNN(fetch), T)

#define LOOP(e)                                        \
  for (ptrdiff_t i = 0; i < count; i += VL) {          \
    vec x = v_load(px + i);                            \
    v_store(py + i, (e));                              \
  }                                                    \
  break;

static inline vec FNN(floor)(vec x) {
  vec r = v_round(x);
  return v_sel(v_gt(r, x), v_sub(r, v_set1(1)), r);
}

static inline vec FNN(truncate)(vec x) { return v_sel(v_lt(x, v_zero()), v_neg(FNN(floor)(v_neg(x))), FNN(floor)(x)); }

/* y = f(x) on whole vectors. max and min are written so that NaN stays: v_max(a, b) is b where one is NaN. */
static void FNN(unary_block)(ptrdiff_t op, const T *px, T *py, ptrdiff_t count, T alpha, T beta) {
  const vec zero = v_zero(), one = v_set1(1), va = v_set1(alpha), vb = v_set1(beta);
  switch (op) {
  case U_NEGATIVE: LOOP(v_neg(x))
  case U_ABSOLUTE: LOOP(v_abs(x))
  case U_SIGN: LOOP(v_sel(v_gt(x, zero), one, v_sel(v_lt(x, zero), v_neg(one), v_sel(v_eq(x, zero), zero, x))))
  case U_SQUARE: LOOP(v_mul(x, x))
  case U_SQRT: LOOP(v_sqrt(x))
  case U_RSQRT: LOOP(v_div(one, v_sqrt(x)))
  case U_RECIPROCAL: LOOP(v_div(one, x))
  case U_EXP: LOOP(v_exp(x))
  case U_EXPM1: LOOP(v_expm1(x))
  case U_LOG: LOOP(v_log(x))
  case U_LOG1P: LOOP(v_log1p(x))
  case U_TANH: LOOP(v_tanh(x))
  case U_SIGMOID: LOOP(v_sigmoid(x))
  case U_RELU: LOOP(v_max(zero, x))
  case U_LEAKY_RELU: LOOP(v_sel(v_gt(x, zero), x, v_mul(va, x)))
  case U_STEP: LOOP(v_sel(v_gt(x, zero), one, zero))
  case U_FLOOR: LOOP(FNN(floor)(x))
  case U_CEIL: LOOP(v_neg(FNN(floor)(v_neg(x))))
  case U_ROUND: LOOP(v_round(x))
  case U_CLIP: LOOP(v_min(vb, v_max(va, x)))
  case U_SIN: LOOP(FNN(sin)(x))
  case U_COS: LOOP(FNN(cos)(x))
  case U_TAN: LOOP(FNN(tan)(x))
  case U_ARCSIN: LOOP(FNN(arcsin)(x))
  case U_ARCCOS: LOOP(FNN(arccos)(x))
  case U_ARCTAN: LOOP(FNN(arctan)(x))
  case U_SINH: LOOP(FNN(sinh)(x))
  case U_COSH: LOOP(FNN(cosh)(x))
  case U_ARCSINH: LOOP(FNN(arcsinh)(x))
  case U_ARCCOSH: LOOP(FNN(arccosh)(x))
  case U_ARCTANH: LOOP(FNN(arctanh)(x))
  case U_EXP2: LOOP(FNN(exp2)(x))
  case U_LOG2: LOOP(FNN(log2)(x))
  case U_LOG10: LOOP(FNN(log10)(x))
  case U_CBRT: LOOP(FNN(cbrt)(x))
  case U_ERFC: LOOP(FNN(erfc)(x))
  case U_ERFINV: LOOP(FNN(erfinv)(x))
  case U_TRUNC: LOOP(FNN(truncate)(x))
  }
}
#undef LOOP

static void FNN(unary_fwd)(const fnn_unary_fwd_args *a, int ith, int nth) {
  const T *x = a->x;
  T *y = a->y, buffer[VL] = {0};
  ptrdiff_t begin, end;
  fnn_share(a->n, VL, ith, nth, &begin, &end);
  if (begin == end) return;
  ptrdiff_t whole = (end - begin) / VL * VL, left = end - begin - whole;
  T alpha = (T)a->alpha, beta = (T)a->beta;
  FNN(unary_block)(a->op, x + begin, y + begin, whole, alpha, beta);
  if (left) {
    v_store(buffer, v_load_n(x + begin + whole, left));
    FNN(unary_block)(a->op, buffer, buffer, VL, alpha, beta);
    v_store_n(y + begin + whole, v_load(buffer), left);
  }
}

/* dx on whole vectors; p: x or y, as the op wants */
#define LOOP(e)                                        \
  for (ptrdiff_t i = 0; i < count; i += VL) {          \
    vec p = v_load(pp + i), dy = v_load(pdy + i);      \
    v_store(pdx + i, (e));                             \
  }                                                    \
  break;
static void FNN(unary_bwd_block)(ptrdiff_t op, const T *pp, const T *pdy, T *pdx, ptrdiff_t count, T alpha, T beta) {
  const vec zero = v_zero(), one = v_set1(1), half = v_set1((T)0.5), va = v_set1(alpha), vb = v_set1(beta);
  switch (op) {
  case U_ABSOLUTE: LOOP(v_sel(v_gt(p, zero), dy, v_sel(v_lt(p, zero), v_neg(dy), zero)))
  case U_SQUARE: LOOP(v_mul(dy, v_add(p, p)))
  case U_SQRT: LOOP(v_div(v_mul(half, dy), p))                    /* y */
  case U_RSQRT: LOOP(v_mul(v_mul(v_neg(half), dy), v_mul(p, v_mul(p, p)))) /* y */
  case U_RECIPROCAL: LOOP(v_neg(v_mul(dy, v_mul(p, p))))          /* y */
  case U_EXP: LOOP(v_mul(dy, p))                                  /* y */
  case U_EXPM1: LOOP(v_fma(dy, p, dy))                            /* y */
  case U_LOG: LOOP(v_div(dy, p))
  case U_LOG1P: LOOP(v_div(dy, v_add(one, p)))
  case U_TANH: LOOP(v_mul(dy, v_mul(v_sub(one, p), v_add(one, p)))) /* y */
  case U_SIGMOID: LOOP(v_mul(dy, v_mul(p, v_sub(one, p))))        /* y */
  case U_RELU: LOOP(v_sel(v_gt(p, zero), dy, zero))               /* y */
  case U_LEAKY_RELU: LOOP(v_sel(v_gt(p, zero), dy, v_mul(va, dy)))
  case U_CLIP: LOOP(v_sel(m_and(v_ge(p, va), v_le(p, vb)), dy, zero))
  case U_SIN: LOOP(v_mul(dy, FNN(cos)(p)))
  case U_COS: LOOP(v_neg(v_mul(dy, FNN(sin)(p))))
  case U_TAN: LOOP(v_fma(dy, v_mul(p, p), dy))                     /* y */
  case U_ARCSIN: LOOP(v_div(dy, v_sqrt(v_mul(v_sub(one, p), v_add(one, p)))))
  case U_ARCCOS: LOOP(v_neg(v_div(dy, v_sqrt(v_mul(v_sub(one, p), v_add(one, p))))))
  case U_ARCTAN: LOOP(v_div(dy, v_fma(p, p, one)))
  case U_SINH: LOOP(v_mul(dy, FNN(cosh)(p)))
  case U_COSH: LOOP(v_mul(dy, FNN(sinh)(p)))
  case U_ARCSINH: LOOP(v_div(dy, FNN(hypot)(one, p)))
  case U_ARCCOSH: LOOP(v_div(dy, v_mul(v_sqrt(v_sub(p, one)), v_sqrt(v_add(p, one)))))
  case U_ARCTANH: LOOP(v_div(dy, v_mul(v_sub(one, p), v_add(one, p))))
  case U_EXP2: LOOP(v_mul(dy, v_mul(p, v_set1((T)0.69314718055994530942)))) /* y */
  case U_LOG2: LOOP(v_div(v_mul(dy, v_set1((T)1.44269504088896340736)), p))
  case U_LOG10: LOOP(v_div(v_mul(dy, v_set1((T)0.43429448190325182765)), p))
  case U_CBRT: LOOP(v_div(dy, v_mul(v_set1(3), v_mul(p, p))))      /* y */
  case U_ERFC: LOOP(v_mul(dy, v_mul(v_set1((T)-1.12837916709551257390), v_exp(v_neg(v_mul(p, p))))))
  case U_ERFINV: LOOP(v_mul(dy, v_mul(v_set1((T)0.88622692545275801365), v_exp(v_mul(p, p))))) /* y */
  }
}
#undef LOOP

static void FNN(unary_bwd)(const fnn_unary_bwd_args *a, int ith, int nth) {
  const T *p = a->x ? a->x : a->y, *dy = a->dy;
  T *dx = a->dx, buffer[2][VL] = {{0}};
  ptrdiff_t begin, end;
  fnn_share(a->n, VL, ith, nth, &begin, &end);
  if (begin == end) return;
  ptrdiff_t whole = (end - begin) / VL * VL, left = end - begin - whole;
  T alpha = (T)a->alpha, beta = (T)a->beta;
  FNN(unary_bwd_block)(a->op, p + begin, dy + begin, dx + begin, whole, alpha, beta);
  if (left) {
    v_store(buffer[0], v_load_n(p + begin + whole, left));
    v_store(buffer[1], v_load_n(dy + begin + whole, left));
    FNN(unary_bwd_block)(a->op, buffer[0], buffer[1], buffer[0], VL, alpha, beta);
    v_store_n(dx + begin + whole, v_load(buffer[0]), left);
  }
}

static void FNN(unary_test)(const fnn_unary_test_args *a, int ith, int nth) {
  const T *x = a->x;
  uint8_t *y = a->y, last[VL];
  const vec infinity = v_set1((T)INFINITY);
  const ivec yes = i_set1(1), no = i_set1(0);
  ptrdiff_t begin, end;
  fnn_share(a->n, VL, ith, nth, &begin, &end);
  for (ptrdiff_t i = begin; i < end; i += VL) {
    ptrdiff_t count = fnn_min(VL, end - i);
    vec v = count == VL ? v_load(x + i) : v_load_n(x + i, count);
    msk m = a->op == T_ISFINITE ? v_lt(v_abs(v), infinity) : a->op == T_ISNAN ? v_ne(v, v) : v_eq(v_abs(v), infinity);
    i_store_u8(count == VL ? y + i : last, i_sel(m, yes, no));
    if (count < VL) memcpy(y + i, last, (size_t)count);
  }
}

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

/* ---- binary --------------------------------------------------------------------------------------------------------- */
/* The remainder of a / b, exact: of a's sign, or of b's. */
static T FNN(fmod_scalar)(T a, T b) { return sizeof(T) == 4 ? (T)fmodf((float)a, (float)b) : (T)fmod(a, b); }
static T FNN(mod_scalar)(T a, T b) {
  T r = FNN(fmod_scalar)(a, b);
  if (r == 0) return (T)copysign(0, b);
  return (r < 0) != (b < 0) ? r + b : r;
}
static T FNN(nextafter_scalar)(T a, T b) {
  return sizeof(T) == 4 ? (T)nextafterf((float)a, (float)b) : (T)nextafter(a, b);
}
static vec FNN(by_lanes)(T (*f)(T, T), vec a, vec b) {
  T pa[VL], pb[VL];
  v_store(pa, a);
  v_store(pb, b);
  for (int i = 0; i < VL; i++) pa[i] = f(pa[i], pb[i]);
  return v_load(pa);
}
/* log(exp(a) + exp(b)) from the larger and the distance; equal infinities have none. */
static vec FNN(logaddexp)(vec a, vec b) {
  vec top = v_sel(v_ne(a, a), a, v_max(a, b)), low = v_exp(v_neg(v_abs(v_sub(a, b))));
  low = v_sel(v_eq(a, b), v_set1(1), low);
  return v_add(top, v_log1p(low));
}

#define LOOP(e)                                                            \
  for (ptrdiff_t i = 0; i < count; i += VL) {                              \
    vec a = v_load(pa + ka * i), b = v_load(pb + kb * i);                  \
    v_store(py + i, (e));                                                  \
  }                                                                        \
  break;
static void FNN(binary_block)(ptrdiff_t op, const T *pa, ptrdiff_t ka, const T *pb, ptrdiff_t kb, T *py, ptrdiff_t count) {
  switch (op) {
  case B_ADD: LOOP(v_add(a, b))
  case B_SUBTRACT: LOOP(v_sub(a, b))
  case B_MULTIPLY: LOOP(v_mul(a, b))
  case B_DIVIDE: LOOP(v_div(a, b))
  case B_MAXIMUM: LOOP(v_sel(v_ne(a, a), a, v_max(a, b)))
  case B_MINIMUM: LOOP(v_sel(v_ne(a, a), a, v_min(a, b)))
  case B_POWER: LOOP(FNN(power)(a, b))
  case B_MOD: LOOP(FNN(by_lanes)(FNN(mod_scalar), a, b))
  case B_FMOD: LOOP(FNN(by_lanes)(FNN(fmod_scalar), a, b))
  case B_ARCTAN2: LOOP(FNN(arctan2)(a, b))
  case B_HYPOT: LOOP(FNN(hypot)(a, b))
  case B_LOGADDEXP: LOOP(FNN(logaddexp)(a, b))
  case B_NEXTAFTER: LOOP(FNN(by_lanes)(FNN(nextafter_scalar), a, b))
  }
}
#undef LOOP

/* A block's whole vectors with CALL, then what is left through buffers of one vector. */
#define LAST(p, k, buffer) (k ? (v_store(buffer, v_load_n(p + whole, left)), buffer) : p)

static void FNN(binary_fwd)(const fnn_binary_fwd_args *args, int ith, int nth) {
  T buffers[2][16 * BLOCK], last[3][VL] = {{0}};
  operand oa = {args->a, {args->as0, args->as1, args->as2}, 0}, ob = {args->b, {args->bs0, args->bs1, args->bs2}, 0};
  for (walk w = walk_begin(args->n0, args->n1, args->n2, ith, nth); walk_next(&w);) {
    ptrdiff_t ka, kb, whole = w.count / VL * VL, left = w.count - whole;
    const T *a = FNN(fetch)(&oa, &w, buffers[0], &ka), *b = FNN(fetch)(&ob, &w, buffers[1], &kb);
    T *y = (T *)args->y + walk_position(&w);
    FNN(binary_block)(args->op, a, ka, b, kb, y, whole);
    if (left) {
      FNN(binary_block)(args->op, LAST(a, ka, last[0]), 0, LAST(b, kb, last[1]), 0, last[2], VL);
      v_store_n(y + whole, v_load(last[2]), left);
    }
  }
}

#define LOOP(e)                                                                                      \
  for (ptrdiff_t i = 0; i < count; i += VL) {                                                        \
    vec a = v_load(pa + ka * i), b = v_load(pb + kb * i), dy = v_load(pdy + i);                      \
    v_store(pd + i, (e));                                                                            \
  }                                                                                                  \
  break;
static void FNN(binary_bwd_block)(ptrdiff_t op, const T *pa, ptrdiff_t ka, const T *pb, ptrdiff_t kb, const T *pdy, T *pd,
                                  ptrdiff_t count) {
  const vec zero = v_zero(), one = v_set1(1);
  switch (op) {
  case G_DIVIDE_B: LOOP(v_neg(v_div(v_mul(dy, v_div(a, b)), b)))
  /* all of it to a where they are equal, as on TensorFlow */
  case G_MAXIMUM_A: LOOP(v_sel(v_ge(a, b), dy, zero))
  case G_MAXIMUM_B: LOOP(v_sel(v_ge(a, b), zero, dy))
  case G_MINIMUM_A: LOOP(v_sel(v_le(a, b), dy, zero))
  case G_MINIMUM_B: LOOP(v_sel(v_le(a, b), zero, dy))
  /* b a^(b-1), 0 for b = 0 even at a = 0; a^b log(a), 0 at a = 0 < b, where the limit is 0 */
  case G_POWER_A: LOOP(v_sel(v_eq(b, zero), zero, v_mul(v_mul(dy, b), FNN(power)(a, v_sub(b, one)))))
  case G_POWER_B: LOOP(v_sel(m_and(v_eq(a, zero), v_gt(b, zero)), zero, v_mul(v_mul(dy, FNN(power)(a, b)), v_log(a))))
  case G_MOD_B: LOOP(v_neg(v_mul(dy, FNN(floor)(v_div(a, b)))))
  case G_FMOD_B: LOOP(v_neg(v_mul(dy, FNN(truncate)(v_div(a, b)))))
  case G_ARCTAN2_A: LOOP(v_div(v_mul(dy, b), v_fma(a, a, v_mul(b, b))))
  case G_ARCTAN2_B: LOOP(v_neg(v_div(v_mul(dy, a), v_fma(a, a, v_mul(b, b)))))
  case G_HYPOT_A: LOOP(v_div(v_mul(dy, a), FNN(hypot)(a, b)))
  case G_HYPOT_B: LOOP(v_div(v_mul(dy, b), FNN(hypot)(a, b)))
  case G_LOGADDEXP_A: LOOP(v_mul(dy, v_sigmoid(v_sub(a, b))))
  case G_LOGADDEXP_B: LOOP(v_mul(dy, v_sigmoid(v_sub(b, a))))
  }
}
#undef LOOP

static void FNN(binary_bwd)(const fnn_binary_bwd_args *args, int ith, int nth) {
  T buffers[2][16 * BLOCK], last[4][VL] = {{0}};
  operand oa = {args->a, {args->as0, args->as1, args->as2}, 0}, ob = {args->b, {args->bs0, args->bs1, args->bs2}, 0};
  for (walk w = walk_begin(args->n0, args->n1, args->n2, ith, nth); walk_next(&w);) {
    ptrdiff_t ka, kb, whole = w.count / VL * VL, left = w.count - whole;
    const T *a = FNN(fetch)(&oa, &w, buffers[0], &ka), *b = FNN(fetch)(&ob, &w, buffers[1], &kb);
    const T *dy = (const T *)args->dy + walk_position(&w);
    T *d = (T *)args->d + walk_position(&w);
    FNN(binary_bwd_block)(args->op, a, ka, b, kb, dy, d, whole);
    if (left) {
      FNN(binary_bwd_block)(args->op, LAST(a, ka, last[0]), 0, LAST(b, kb, last[1]), 0, LAST(dy, 1, last[2]), last[3], VL);
      v_store_n(d + whole, v_load(last[3]), left);
    }
  }
}

#define LOOP(e)                                                            \
  for (ptrdiff_t i = 0; i < count; i += VL) {                              \
    vec a = v_load(pa + ka * i), b = v_load(pb + kb * i);                  \
    i_store_u8(py + i, i_sel((e), yes, no));                               \
  }                                                                        \
  break;
static void FNN(compare_block)(ptrdiff_t op, const T *pa, ptrdiff_t ka, const T *pb, ptrdiff_t kb, uint8_t *py,
                               ptrdiff_t count) {
  const ivec yes = i_set1(1), no = i_set1(0);
  const vec zero = v_zero();
  switch (op) {
  case C_EQUAL: LOOP(v_eq(a, b))
  case C_NOT_EQUAL: LOOP(v_ne(a, b))
  case C_LESS: LOOP(v_lt(a, b))
  case C_LESS_EQUAL: LOOP(v_le(a, b))
  case C_GREATER: LOOP(v_gt(a, b))
  case C_GREATER_EQUAL: LOOP(v_ge(a, b))
  case C_AND: LOOP(m_and(v_ne(a, zero), v_ne(b, zero)))
  case C_OR: LOOP(m_or(v_ne(a, zero), v_ne(b, zero)))
  case C_XOR: LOOP(v_ne(v_sel(v_ne(a, zero), v_set1(1), zero), v_sel(v_ne(b, zero), v_set1(1), zero)))
  }
}
#undef LOOP

static void FNN(compare)(const fnn_compare_args *args, int ith, int nth) {
  T buffers[2][16 * BLOCK], last[2][VL] = {{0}};
  uint8_t result[VL];
  operand oa = {args->a, {args->as0, args->as1, args->as2}, 0}, ob = {args->b, {args->bs0, args->bs1, args->bs2}, 0};
  for (walk w = walk_begin(args->n0, args->n1, args->n2, ith, nth); walk_next(&w);) {
    ptrdiff_t ka, kb, whole = w.count / VL * VL, left = w.count - whole;
    const T *a = FNN(fetch)(&oa, &w, buffers[0], &ka), *b = FNN(fetch)(&ob, &w, buffers[1], &kb);
    uint8_t *y = (uint8_t *)args->y + walk_position(&w);
    FNN(compare_block)(args->op, a, ka, b, kb, y, whole);
    if (left) {
      FNN(compare_block)(args->op, LAST(a, ka, last[0]), 0, LAST(b, kb, last[1]), 0, result, VL);
      memcpy(y + whole, result, (size_t)left);
    }
  }
}

static void FNN(int_binary)(const fnn_int_binary_args *args, int ith, int nth) {
  int64_t buffers[2][16 * BLOCK];
  operand oa = {args->a, {args->as0, args->as1, args->as2}, 0}, ob = {args->b, {args->bs0, args->bs1, args->bs2}, 0};
  for (walk w = walk_begin(args->n0, args->n1, args->n2, ith, nth); walk_next(&w);) {
    ptrdiff_t ka, kb;
    const int64_t *a = fetch_i64(&oa, &w, buffers[0], &ka), *b = fetch_i64(&ob, &w, buffers[1], &kb);
    int_binary_block(args->op, a, ka, b, kb, (int64_t *)args->y + walk_position(&w), w.count, args->flip);
  }
}

static void FNN(int_compare)(const fnn_int_compare_args *args, int ith, int nth) {
  int64_t buffers[2][16 * BLOCK];
  operand oa = {args->a, {args->as0, args->as1, args->as2}, 0}, ob = {args->b, {args->bs0, args->bs1, args->bs2}, 0};
  for (walk w = walk_begin(args->n0, args->n1, args->n2, ith, nth); walk_next(&w);) {
    ptrdiff_t ka, kb;
    const int64_t *a = fetch_i64(&oa, &w, buffers[0], &ka), *b = fetch_i64(&ob, &w, buffers[1], &kb);
    int_compare_block(args->op, a, ka, b, kb, (uint8_t *)args->y + walk_position(&w), w.count, args->flip);
  }
}

static void FNN(where_block)(const uint8_t *c, ptrdiff_t kc, const T *a, ptrdiff_t ka, const T *b, ptrdiff_t kb, T *y,
                             ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i += VL) {
    msk no = i_eq(i_load_u8(c + kc * i), i_set1(0));
    v_store(y + i, v_sel(no, v_load(b + kb * i), v_load(a + ka * i)));
  }
}

static void FNN(where_fwd)(const fnn_where_fwd_args *args, int ith, int nth) {
  T buffers[2][16 * BLOCK], last[3][VL] = {{0}};
  uint8_t chosen[16 * BLOCK], last_chosen[VL] = {0};
  operand oa = {args->a, {args->as0, args->as1, args->as2}, 0}, ob = {args->b, {args->bs0, args->bs1, args->bs2}, 0};
  operand oc = {args->c, {args->cs0, args->cs1, args->cs2}, 0};
  for (walk w = walk_begin(args->n0, args->n1, args->n2, ith, nth); walk_next(&w);) {
    ptrdiff_t ka, kb, kc, whole = w.count / VL * VL, left = w.count - whole;
    const T *a = FNN(fetch)(&oa, &w, buffers[0], &ka), *b = FNN(fetch)(&ob, &w, buffers[1], &kb);
    const uint8_t *c = fetch_u8(&oc, &w, chosen, &kc);
    T *y = (T *)args->y + walk_position(&w);
    FNN(where_block)(c, kc, a, ka, b, kb, y, whole);
    if (left) {
      if (kc) c = memcpy(last_chosen, c + whole, (size_t)left);
      FNN(where_block)(c, 0, LAST(a, ka, last[0]), 0, LAST(b, kb, last[1]), 0, last[2], VL);
      v_store_n(y + whole, v_load(last[2]), left);
    }
  }
}
#undef LAST

static void FNN(cast)(const fnn_cast_args *a, int ith, int nth) { cast_any(a, ith, nth); }
