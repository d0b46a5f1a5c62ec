/* schedule.c: learning rates of the built-in schedules, Keras 3's formulas in double, x = step / decay_steps:
 *
 *   exponential   r * decay_rate^x                         (staircase: of the whole part of x)
 *   piecewise     value i, where step <= boundary i; the last value beyond
 *   polynomial    (r - end) * (1 - x)^power + end          x at most 1; cycle: decay_steps grows to its next multiple
 *   inverse       r / (1 + decay_rate * x)                 (staircase: of the whole part of x)
 *   cosine        r * ((1 - alpha) * (1 + cos(pi x)) / 2 + alpha), x at most 1; before it, a line up to the target
 *   restarts      the cosine once more from each restart on: over t_mul times as many steps, from m_mul times as high
 *
 * A rate is a handful of operations on one number, so nothing is vectorised; powers and the cosine are our own, for the
 * same bits with every C library. */

#ifndef FNN_SCHEDULE_COMMON
#define FNN_SCHEDULE_COMMON
enum { FNN_EXPONENTIAL, FNN_PIECEWISE, FNN_POLYNOMIAL, FNN_INVERSE, FNN_COSINE, FNN_RESTARTS };

/* cos(pi x) for 0 <= x <= 1 by Taylor's series, whose first term left out is below 1e-17 for angles up to pi/4. */
static double fnn_cos_pi(double x) {
  const double pi = 3.14159265358979323846;
  if (x > 0.75) return -fnn_cos_pi(1.0 - x);
  double sum = 0, term = 1, y = pi * (x > 0.25 ? 0.5 - x : x), square = y * y; /* cos(pi x) = sin(pi (1/2 - x)) */
  int odd = x > 0.25;
  for (int i = odd + 1; i < 19 + odd; i += 2) {
    sum += term;
    term *= -square / (i * (i + 1));
  }
  return odd ? y * sum : sum;
}
#endif

/* x^y for x >= 0: whole y exactly as repeated products. */
static double FNN(rate_power)(double x, double y) {
  double out[8];
  if (y == floor(y) && fabs(y) < 1024) return y < 0 ? 1 / fnn_power(x, (int64_t)-y) : fnn_power(x, (int64_t)y);
  v_store_f64(out, v_exp_f64(v_mul_f64(v_set1_f64(y), v_log_f64(v_set1_f64(x)))));
  return out[0];
}

static double FNN(polynomial_rate)(double step, const double *v) {
  double steps = v[1];
  if (v[4]) steps *= step == 0 ? 1 : ceil(step / steps);
  else if (step > steps) step = steps;
  return (v[0] - v[2]) * FNN(rate_power)(1 - step / steps, v[3]) + v[2];
}

static double FNN(cosine_rate)(double step, const double *v) {
  double steps = v[1], alpha = v[2], from = v[0];
  if (v[3]) {
    const double target = v[4], warmup = v[5];
    if (step < warmup) return (target - from) * (step / warmup) + from;
    step -= warmup, from = target;
  }
  return from * ((1 - alpha) * (0.5 * (1 + fnn_cos_pi(step < steps ? step / steps : 1))) + alpha);
}

static double FNN(restarts_rate)(double step, const double *v) {
  const double t_mul = v[2], m_mul = v[3], alpha = v[4];
  double x = step / v[1], height = 1;
  if (t_mul == 1) {
    height = FNN(rate_power)(m_mul, floor(x));
    x -= floor(x);
  } else if (t_mul > 0) {
    /* Periods are 1, t_mul, t_mul^2, ... long. If they shrink, they have an end, where all further steps stay. */
    double length = 1;
    for (int i = 0; i < 1024 && x >= length; i++) x -= length, length *= t_mul, height *= m_mul;
    x = x < length ? x / length : 1;
  }
  return v[0] * ((1 - alpha) * (0.5 * height * (1 + fnn_cos_pi(x))) + alpha);
}

static void FNN(scheduled_rate)(const fnn_scheduled_rate_args *a, int ith, int nth) {
  const double *v = a->values, *steps = a->step;
  double *rates = a->rate;
  ptrdiff_t from, to;
  fnn_share(a->n, 8, ith, nth, &from, &to);
  for (ptrdiff_t i = from; i < to; i++) {
    const double step = steps[i];
    const double x = a->kind == FNN_PIECEWISE ? 0 : step / v[1];
    ptrdiff_t at = 0, boundaries = (a->count - 1) / 2;
    switch (a->kind) {
      case FNN_EXPONENTIAL: rates[i] = v[0] * FNN(rate_power)(v[2], v[3] ? floor(x) : x); break;
      case FNN_INVERSE: rates[i] = v[0] / (1 + v[2] * (v[3] ? floor(x) : x)); break;
      case FNN_POLYNOMIAL: rates[i] = FNN(polynomial_rate)(step, v); break;
      case FNN_COSINE: rates[i] = FNN(cosine_rate)(step, v); break;
      case FNN_RESTARTS: rates[i] = FNN(restarts_rate)(step, v); break;
      default:
        while (at < boundaries && step > v[at]) at++;
        rates[i] = v[boundaries + at];
    }
  }
}
