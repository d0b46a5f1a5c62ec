"""Every op in plain NumPy, written for the eye and not for speed: what the kernels must equal."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

# ---- linalg -------------------------------------------------------------------------------------------------------


def matmul(x1, x2):
    return np.matmul(x1, x2)


def dot(x1, x2):
    return np.dot(x1, x2)


def linear(x, kernel, bias=None, activation=None, slope=0.2):
    y = x @ kernel + (0 if bias is None else bias)
    below = {None: 1.0, "linear": 1.0, "relu": 0.0, "leaky_relu": slope}[activation]
    return np.where(y > 0, y, below * y)


# ---- conv ---------------------------------------------------------------------------------------------------------


def conv2d(
    x, kernel, bias=None, strides=(1, 1), pads=((0, 0), (0, 0)), dilation=(1, 1), groups=1, activation=None, slope=0.2
):
    """Cross-correlation, channels last, tap by tap; pads are explicit."""
    (sh, sw), (dh, dw) = strides, dilation
    kh, kw, c, oc = kernel.shape
    x = np.pad(x, ((0, 0), *pads, (0, 0)))
    oh = (x.shape[1] - (kh - 1) * dh - 1) // sh + 1
    ow = (x.shape[2] - (kw - 1) * dw - 1) // sw + 1
    y = np.zeros((x.shape[0], oh, ow, oc))
    for g in range(groups):
        inputs, outputs = slice(g * c, (g + 1) * c), slice(g * oc // groups, (g + 1) * oc // groups)
        for r in range(kh):
            for s in range(kw):
                rows, columns = slice(r * dh, r * dh + oh * sh, sh), slice(s * dw, s * dw + ow * sw, sw)
                y[..., outputs] += x[:, rows, columns, inputs][:, :oh, :ow] @ kernel[r, s, :, outputs]
    y = y if bias is None else y + bias
    below = {None: 1.0, "linear": 1.0, "relu": 0.0, "leaky_relu": slope}[activation]
    return np.where(y > 0, y, below * y)


def conv2d_transpose(x, kernel, bias=None, strides=(1, 1), size=None, before=(0, 0), dilation=(1, 1), activation=None):
    """Every input pixel adds its kernel (kh, kw, oc, c) to the result, of which (size) is kept from `before` on."""
    (sh, sw), (dh, dw) = strides, dilation
    n, h, w, _ = x.shape
    kh, kw, oc, _ = kernel.shape
    whole = np.zeros((n, h * sh + kh * dh + size[0], w * sw + kw * dw + size[1], oc))
    for i, j, r, s in np.ndindex(h, w, kh, kw):
        whole[:, i * sh + r * dh, j * sw + s * dw] += x[:, i, j] @ kernel[r, s].T
    y = whole[:, before[0] : before[0] + size[0], before[1] : before[1] + size[1]]
    y = y if bias is None else y + bias
    return np.maximum(y, 0) if activation == "relu" else y


def depthwise_conv2d(x, kernel, bias=None, **kwargs):
    """conv2d of each channel by itself; kernel is (kh, kw, c, m)."""
    kh, kw, c, m = kernel.shape
    return conv2d(x, kernel.reshape(kh, kw, 1, c * m), bias, groups=c, **kwargs)


# ---- normalization ------------------------------------------------------------------------------------------------


def by_statistics(x, axes, gamma=None, beta=None, epsilon=1e-3, centered=True):
    """x by its own mean (0 where not centered) and standard deviation over axes; gamma and beta broadcast."""
    middle = x.mean(axes, keepdims=True) if centered else 0.0
    y = (x - middle) / np.sqrt(((x - middle) ** 2).mean(axes, keepdims=True) + epsilon)
    return y * (1.0 if gamma is None else gamma) + (0.0 if beta is None else beta)


def by_moments(x, mean, variance, gamma=None, beta=None, epsilon=1e-3):
    """Along the last axis, or with arguments of x's rank along any."""
    scale = (1.0 if gamma is None else gamma) / np.sqrt(variance + epsilon)
    return (x - mean) * scale + (0.0 if beta is None else beta)


def group_normalization(x, groups, gamma=None, beta=None, epsilon=1e-3):
    parts = x.reshape(*x.shape[:-1], groups, -1)
    y = by_statistics(parts, (*range(1, x.ndim - 1), x.ndim), epsilon=epsilon).reshape(x.shape)
    return y * (1.0 if gamma is None else gamma) + (0.0 if beta is None else beta)


def normalize(x, axis=-1, order=2, epsilon=1e-7):
    norm = (np.abs(x) ** order).sum(axis, keepdims=True) ** (1 / order)
    return x / np.maximum(norm, epsilon)


# ---- pool ---------------------------------------------------------------------------------------------------------


def window_positions(i, stride, before, k, size):
    """The positions inside the array that window i looks at."""
    begin = i * stride - before
    return [q for q in range(begin, begin + k) if 0 <= q < size]


def pool_geometry(x, pool_size, strides, padding):
    """(output size, stride, padding before, k) along height and width, by Keras's rules."""
    result = []
    for axis in (1, 2):
        k, s, size = pool_size[axis - 1], strides[axis - 1], x.shape[axis]
        out = -(-size // s) if padding == "same" else (size - k) // s + 1
        total = int(np.maximum((out - 1) * s + k - size, 0)) if padding == "same" else 0
        result.append((out, s, total // 2, k))
    return result


def pool(x, pool_size, strides=None, padding="valid", of=np.max):
    """`of` over the positions of every window; x is (n, h, w, c)."""
    pool_size = (pool_size, pool_size) if isinstance(pool_size, int) else pool_size
    strides = pool_size if strides is None else (strides, strides) if isinstance(strides, int) else strides
    (oh, sh, top, kh), (ow, sw, left, kw) = pool_geometry(x, pool_size, strides, padding)
    y = np.empty((x.shape[0], oh, ow, x.shape[3]))
    for i in range(oh):
        rows = window_positions(i, sh, top, kh, x.shape[1])
        for j in range(ow):
            columns = window_positions(j, sw, left, kw, x.shape[2])
            y[:, i, j] = of(x[:, rows][:, :, columns], axis=(1, 2))
    return y


def max_pool(x, *args, **kwargs):
    return pool(x, *args, **kwargs, of=np.max)


def average_pool(x, *args, **kwargs):
    return pool(x, *args, **kwargs, of=np.mean)


def max_pool_gradient(x, dy, pool_size, strides=None, padding="valid"):
    """Each window's gradient to its first maximum (first NaN) in row-major order."""
    pool_size = (pool_size, pool_size) if isinstance(pool_size, int) else pool_size
    strides = pool_size if strides is None else (strides, strides) if isinstance(strides, int) else strides
    (oh, sh, top, kh), (ow, sw, left, kw) = pool_geometry(x, pool_size, strides, padding)
    dx = np.zeros(x.shape, dy.dtype)
    for n, i, j, c in np.ndindex(x.shape[0], oh, ow, x.shape[3]):
        places = [
            (r, s)
            for r in window_positions(i, sh, top, kh, x.shape[1])
            for s in window_positions(j, sw, left, kw, x.shape[2])
        ]
        values = [x[n, r, s, c] for r, s in places]
        r, s = places[int(np.argmax(values))]  # the first NaN counts as the largest
        dx[n, r, s, c] += dy[n, i, j, c]
    return dx

# ---- elementwise --------------------------------------------------------------------------------------------------


def quiet(function):
    """The NumPy function without warnings about NaN, overflow and division by zero."""
    def wrapper(*args, **kwargs):
        with np.errstate(all="ignore"):
            return function(*args, **kwargs)
    return wrapper


def erfinv(x: float) -> float:
    """From the normal distribution's quantile, with a Newton step."""
    y = NormalDist().inv_cdf((x + 1) / 2) / 2**0.5
    return y - (math.erf(y) - x) * math.sqrt(math.pi) / 2 * math.exp(y * y)


ELEMENTWISE = {  # unary: the function and the interval that its arguments are scaled to
    "negative": (np.negative, (-3, 3)), "absolute": (np.abs, (-3, 3)), "abs": (np.abs, (-3, 3)),
    "sign": (np.sign, (-3, 3)), "square": (np.square, (-3, 3)), "sqrt": (np.sqrt, (0.1, 9)),
    "rsqrt": (lambda x: 1 / np.sqrt(x), (0.1, 9)), "reciprocal": (lambda x: 1 / x, (0.3, 4)),
    "exp": (np.exp, (-5, 5)), "expm1": (np.expm1, (-2, 2)), "log": (np.log, (0.1, 9)),
    "log1p": (np.log1p, (-0.8, 4)), "tanh": (np.tanh, (-3, 3)), "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), (-6, 2)),
    "relu": (lambda x: np.maximum(x, 0), (-3, 3)), "leaky_relu": (lambda x: np.where(x > 0, x, 0.2 * x), (-3, 3)),
    "step": (lambda x: (x > 0).astype(x.dtype), (-3, 3)), "floor": (np.floor, (-3, 3)), "ceil": (np.ceil, (-3, 3)),
    "round": (np.round, (-3, 3)), "trunc": (np.trunc, (-3, 3)), "fabs": (np.abs, (-3, 3)),
    "sin": (np.sin, (-9, 9)), "cos": (np.cos, (-9, 9)), "tan": (np.tan, (-1, 1)), "arcsin": (np.arcsin, (-0.9, 0.9)),
    "arccos": (np.arccos, (-0.9, 0.9)), "arctan": (np.arctan, (-4, 4)), "sinh": (np.sinh, (-3, 3)),
    "cosh": (np.cosh, (-3, 3)), "arcsinh": (np.arcsinh, (-4, 4)), "arccosh": (np.arccosh, (1.2, 5)),
    "arctanh": (np.arctanh, (-0.9, 0.9)), "exp2": (np.exp2, (-4, 4)), "log2": (np.log2, (0.1, 9)),
    "log10": (np.log10, (0.1, 9)), "cbrt": (np.cbrt, (0.2, 9)),
    "erfc": (np.vectorize(math.erfc, [float]), (-2, 2)), "deg2rad": (np.deg2rad, (-3, 3)),
    "erfinv": (np.vectorize(erfinv, [float]), (-0.9, 0.9)),
    "rad2deg": (np.rad2deg, (-3, 3)),
}
def erf(x):
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def expit(x):
    return np.exp(-np.logaddexp(0, -x))


def bounded_relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    above = np.where(x > threshold, x, 0) if max_value is None else np.clip(np.where(x > threshold, x, 0), 0, max_value)
    return above - negative_slope * np.maximum(threshold - x, 0)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def selu(x):
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def celu(x, alpha=1.0):
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0) / alpha)


def gelu(x, approximate=True):
    if approximate:
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def soft_shrink(x, threshold=0.5):
    return np.sign(x) * np.maximum(np.abs(x) - threshold, 0)


def glu(x, axis=-1):
    a, b = np.split(x, 2, axis)
    return a * expit(b)


def sparsemax(x, axis=-1):
    x = np.moveaxis(x, axis, -1)
    ordered = -np.sort(-x, -1)
    count = np.arange(1, x.shape[-1] + 1)
    above = np.cumsum(ordered, -1)
    support = (ordered - (above - 1) / count > 0).sum(-1, keepdims=True)
    tau = (np.take_along_axis(above, support - 1, -1) - 1) / support
    return np.moveaxis(np.maximum(x - tau, 0), -1, axis)


def prelu(x, slope):
    return np.where(x > 0, x, slope * x)


ACTIVATIONS = {  # of one element, as the op is called without further arguments
    "relu6": lambda x: np.clip(x, 0, 6), "bounded_relu": bounded_relu, "elu": elu, "selu": selu, "celu": celu,
    "gelu": gelu, "silu": lambda x: x * expit(x), "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "softplus": lambda x: np.logaddexp(0, x), "softsign": lambda x: x / (1 + np.abs(x)),
    "log_sigmoid": lambda x: -np.logaddexp(0, -x), "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "hard_silu": lambda x: x * np.clip(x + 3, 0, 6) / 6, "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_shrink": lambda x, threshold=0.5: np.where(np.abs(x) > threshold, x, 0), "soft_shrink": soft_shrink,
    "tanh_shrink": lambda x: x - np.tanh(x),
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1), "squareplus": lambda x, b=4: (x + np.sqrt(x**2 + b)) / 2,
    "erf": erf,
}
BINARY = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "true_divide": np.divide,
    "maximum": np.maximum, "minimum": np.minimum, "arctan2": np.arctan2, "hypot": np.hypot,
    "logaddexp": np.logaddexp,
}
COMPARE = {
    "equal": np.equal, "not_equal": np.not_equal, "less": np.less, "less_equal": np.less_equal, "greater": np.greater,
    "greater_equal": np.greater_equal, "logical_and": np.logical_and, "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
}

# ---- reduce -------------------------------------------------------------------------------------------------------


sum, mean, prod, argmax, argmin = np.sum, np.mean, np.prod, np.argmax, np.argmin


def max(x: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    return np.asarray(x.max(axis))


def min(x: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    return np.asarray(x.min(axis))



# ---- softmax and losses -------------------------------------------------------------------------------------------


def logsumexp(x: np.ndarray, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> np.ndarray:
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    y = np.log(np.exp(x - top).sum(axis, keepdims=True)) + top
    return y if keepdims else y.reshape(np.sum(x, axis=axis).shape)


def log_softmax(x: np.ndarray, axis: int | tuple[int, ...] | None = -1) -> np.ndarray:
    return x - logsumexp(x, axis, keepdims=True)


def softmax(x: np.ndarray, axis: int | tuple[int, ...] | None = -1) -> np.ndarray:
    return np.exp(log_softmax(x, axis))


def clip_probability(p: np.ndarray) -> np.ndarray:
    return np.clip(p, 1e-7, 1 - 1e-7)


def categorical_crossentropy(target: np.ndarray, output: np.ndarray, from_logits: bool = False) -> np.ndarray:
    if from_logits:
        return -(target * log_softmax(output)).sum(-1)
    return -(target * np.log(clip_probability(output / output.sum(-1, keepdims=True)))).sum(-1)


def sparse_categorical_crossentropy(label: np.ndarray, output: np.ndarray, from_logits: bool = False) -> np.ndarray:
    log_p = log_softmax(output if from_logits else np.log(clip_probability(output)))
    return -np.take_along_axis(log_p, label[..., None], -1)[..., 0]


def binary_crossentropy(target: np.ndarray, output: np.ndarray, from_logits: bool = False) -> np.ndarray:
    if from_logits:
        return np.logaddexp(0, output) - target * output
    p = clip_probability(output)
    return -(target * np.log(p) + (1 - target) * np.log(1 - p))


def pair_loss(kind: str, a: np.ndarray, b: np.ndarray, parameter: float = 0.0) -> np.ndarray:
    d, e = b - a, parameter
    if kind == "divergence":
        a, b = np.clip(a, e, 1), np.clip(b, e, 1)
        return (a * np.log(a / b)).sum(-1)
    values = {
        "squared": lambda: d**2,
        "absolute": lambda: np.abs(d),
        "percentage": lambda: 100 * np.abs(d) / np.maximum(np.abs(a), e),
        "logarithmic": lambda: (np.log1p(np.maximum(b, e)) - np.log1p(np.maximum(a, e))) ** 2,
        "huber": lambda: np.where(np.abs(d) <= e, d**2 / 2, e * np.abs(d) - e**2 / 2),
        "log_cosh": lambda: np.log(np.cosh(d)),
        "hinge": lambda: np.maximum(1 - a * b, 0),
        "squared_hinge": lambda: np.maximum(1 - a * b, 0) ** 2,
        "perceptron": lambda: np.maximum(-a * b, 0),
        "poisson": lambda: b - a * np.log(b + e),
    }
    return values[kind]().mean(-1)


def l1_l2_penalty(x: np.ndarray, l1: float, l2: float) -> np.ndarray:
    return np.asarray(l1 * np.abs(x).sum() + l2 * (x * x).sum())


# ---- movement -----------------------------------------------------------------------------------------------------

# ---- optimizers ---------------------------------------------------------------------------------------------------

def clip_gradients(grads: list, clipnorm=None, clipvalue=None, global_clipnorm=None) -> list:
    """Keras's three ways to make gradients smaller."""
    if clipvalue is not None:
        return [np.clip(g, -clipvalue, clipvalue) for g in grads]
    if clipnorm is not None:
        return [g * clipnorm / np.maximum(np.linalg.norm(g.ravel()), clipnorm) for g in grads]
    if global_clipnorm is not None:
        norm = np.linalg.norm(np.concatenate([g.ravel() for g in grads]))
        return [g * global_clipnorm / np.maximum(norm, global_clipnorm) for g in grads]
    return grads


def sgd(w, grads, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=0.0):
    """w after one step per gradient, in w's dtype throughout."""
    number = w.dtype.type
    rate, factor, decay = number(learning_rate), number(momentum), number(weight_decay)
    m = np.zeros_like(w)
    for g in grads:
        w = w - w * decay * rate
        if momentum:
            m = m * factor - g * rate
            w = w + (m * factor - g * rate if nesterov else m)
        else:
            w = w - g * rate
    return w


def rmsprop(w, grads, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, weight_decay=0.0):
    """w after one step per gradient, in w's dtype throughout."""
    number = w.dtype.type
    rate, keep, take, decay = number(learning_rate), number(rho), number(1 - rho), number(weight_decay)
    v, mean, m = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for g in grads:
        w = w - w * decay * rate
        v = keep * v + take * (g * g)
        mean = keep * mean + take * g
        u = rate * g / np.sqrt((v - mean * mean if centered else v) + number(epsilon))
        m = number(momentum) * m + u
        w = w - (m if momentum else u)
    return w


def adam(w, grads, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, weight_decay=0.0):
    """w after one step per gradient, in w's dtype throughout but for alpha."""
    number = w.dtype.type
    rate, decay = number(learning_rate), number(weight_decay)
    m, v, most = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(grads, 1):
        alpha = number(learning_rate * np.sqrt(1 - float(number(beta_2)) ** t) / (1 - float(number(beta_1)) ** t))
        w = w - w * decay * rate
        m = m + (g - m) * number(1 - beta_1)
        v = v + (g * g - v) * number(1 - beta_2)
        most = np.maximum(most, v)
        w = w - m * alpha / (np.sqrt(most if amsgrad else v) + number(epsilon))
    return w


def adamax(w, grads, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=0.0):
    """w after one step per gradient, in w's dtype throughout but for the power."""
    number = w.dtype.type
    rate, decay = number(learning_rate), number(weight_decay)
    m, u = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(grads, 1):
        w = w - w * decay * rate
        m = m + (g - m) * number(1 - beta_1)
        u = np.maximum(number(beta_2) * u, np.abs(g))
        w = w - rate * m / (number(1 - float(number(beta_1)) ** t) * (u + number(epsilon)))
    return w


def nadam(w, grads, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=0.0):
    """w after one step per gradient, in w's dtype throughout but for what does not depend on it."""
    number = w.dtype.type
    rate, decay, product = number(learning_rate), number(weight_decay), number(1)
    m, v = np.zeros_like(w), np.zeros_like(w)

    def u(t):
        return beta_1 * (1 - 0.5 * 0.96**t)

    for t, g in enumerate(grads, 1):
        product = number(float(product) * u(t))
        below_m, below_g = number(1 - float(product) * u(t + 1)), number(1 - float(product))
        w = w - w * decay * rate
        m = m + (g - m) * number(1 - beta_1)
        v = v + (g * g - v) * number(1 - beta_2)
        m_hat = number(u(t + 1)) * m / below_m + number(1 - u(t)) * g / below_g
        w = w - m_hat * rate / (np.sqrt(v / number(1 - float(number(beta_2)) ** t)) + number(epsilon))
    return w


def adagrad(w, grads, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, weight_decay=0.0):
    """w after one step per gradient, in w's dtype throughout."""
    number = w.dtype.type
    rate, decay = number(learning_rate), number(weight_decay)
    s = np.full_like(w, initial_accumulator_value)
    for g in grads:
        w = w - w * decay * rate
        s = s + g * g
        w = w - rate * g / np.sqrt(s + number(epsilon))
    return w


def adadelta(w, grads, learning_rate=0.001, rho=0.95, epsilon=1e-7, weight_decay=0.0):
    """w after one step per gradient, in w's dtype throughout."""
    number = w.dtype.type
    rate, keep, take, decay = number(learning_rate), number(rho), number(1 - rho), number(weight_decay)
    s, d = np.zeros_like(w), np.zeros_like(w)
    for g in grads:
        w = w - w * decay * rate
        s = keep * s + take * (g * g)
        u = np.sqrt(d + number(epsilon)) * g / np.sqrt(s + number(epsilon))
        d = keep * d + take * (u * u)
        w = w - rate * u
    return w


def ftrl(
    w, grads, learning_rate=0.001, learning_rate_power=-0.5, initial_accumulator_value=0.1,
    l1_regularization_strength=0.0, l2_regularization_strength=0.0, l2_shrinkage_regularization_strength=0.0, beta=0.0,
    weight_decay=0.0,
):
    """w after one step per gradient, in w's dtype throughout."""
    number = w.dtype.type
    rate, decay, l1 = number(learning_rate), number(weight_decay), number(l1_regularization_strength)
    l2 = number(l2_regularization_strength) + number(beta) / (2 * rate)
    s, z = np.full_like(w, initial_accumulator_value), np.zeros_like(w)

    def power(x):
        return np.sqrt(x) if learning_rate_power == -0.5 else x ** number(-learning_rate_power)

    for g in grads:
        w = w - w * decay * rate
        total = s + g * g
        shrunk = g + number(2 * l2_shrinkage_regularization_strength) * w
        z = z + (shrunk - (power(total) - power(s)) / rate * w)
        w = (np.clip(z, -l1, l1) - z) / (power(total) / rate + 2 * l2)
        s = total
    return w


def lion(w, grads, learning_rate=0.001, beta_1=0.9, beta_2=0.99, weight_decay=0.0):
    """w after one step per gradient, in w's dtype throughout."""
    number = w.dtype.type
    rate, decay = number(learning_rate), number(weight_decay)
    m = np.zeros_like(w)
    for g in grads:
        w = w - w * decay * rate
        w = w - rate * np.sign(m * number(beta_1) + g * number(1 - beta_1))
        m = m * number(beta_2) + g * number(1 - beta_2)
    return w


def lamb(w, grads, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=0.0):
    """w after one step per gradient, in float64."""
    w = w.astype(np.float64)
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(grads, 1):
        w = w - w * weight_decay * learning_rate
        m = m + (g - m) * (1 - beta_1)
        v = v + (g * g - v) * (1 - beta_2)
        u = m / (1 - beta_1**t) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
        norms = np.sqrt((w * w).sum()), np.sqrt((u * u).sum())
        w = w - (norms[0] / norms[1] if norms[0] > 0 and norms[1] > 0 else 1.0) * learning_rate * u
    return w


def adafactor(w, grads, learning_rate=0.001, beta_2_decay=-0.8, clip_threshold=1.0, epsilon_2=1e-3, weight_decay=0.0):
    """w after one step per gradient, in float64."""
    w = w.astype(np.float64)
    r, c, v = 0.0, 0.0, 0.0

    def rms(x):
        return np.sqrt((x * x).mean()) if x.size else 0.0

    for t, g in enumerate(grads, 1):
        w = w - w * weight_decay * learning_rate
        rest, squares = t**beta_2_decay, g.astype(np.float64) ** 2 + 1e-30
        if w.ndim >= 2:
            r = (1 - rest) * r + rest * squares.mean(-1)
            c = (1 - rest) * c + rest * squares.mean(-2)
            v = (r / r.mean(-1, keepdims=True))[..., None] * c[..., None, :]
        else:
            v = (1 - rest) * v + rest * squares
        u = g / np.sqrt(v)
        u = u / np.maximum(1.0, rms(u) / clip_threshold)
        w = w - np.maximum(epsilon_2, rms(w)) * np.minimum(learning_rate, 1 / np.sqrt(t)) * u
    return w
