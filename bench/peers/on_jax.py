"""JAX without a framework on it: a jitted step, or a whole epoch in `lax.scan`; Adam with Keras's formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from networks import BETA_2, Conv, Network, Pool

VERSION = jax.__version__
BETA_1, EPSILON = 0.9, 1e-7


def forward(network: Network, weights: list[jax.Array], x: jax.Array) -> jax.Array:
    w = 0
    for layer in network.layers:
        if isinstance(layer, Pool):
            n, h, c, k = x.shape[0], x.shape[1] // layer.size, x.shape[3], layer.size
            x = x[:, : h * k, : h * k].reshape(n, h, k, h, k, c).max((2, 4))
            continue
        kernel, bias = weights[w : w + 2]
        w += 2
        if isinstance(layer, Conv):
            x = lax.conv_general_dilated(
                x, kernel, (1, 1), layer.padding.upper(), dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = jax.nn.relu(x + bias)
        else:
            x = x.reshape(len(x), -1) @ kernel + bias
            x = jax.nn.relu(x) if layer.relu else x
    return x


def loss_of(network: Network, weights: list[jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
    logits = forward(network, weights, x)
    if network.loss == "sparse":
        picked = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)
        return -picked.mean()
    z = logits[:, 0]
    return (jnp.logaddexp(0, z) - z * y).mean()


class Library:
    def __init__(self, threads: int, variant: str) -> None:
        self.scan = variant == "scan"

    def trainer(self, network: Network, x: np.ndarray, y: np.ndarray, weights: list[Any], batch: int) -> Trainer:
        return Trainer(network, x, y, weights, batch, self.scan)

    def predictor(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        run = jax.jit(lambda weights, x: forward(network, weights, x))
        held = [jnp.asarray(w) for w in weights]

        def passes(n: int) -> Any:
            for _ in range(n):
                for i in range(0, len(x), batch):
                    y = np.asarray(run(held, x[i : i + batch]))
            return y

        return passes

    def caller(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        return self.predictor(network, x[:1], weights, 1)


class Trainer:
    def __init__(
        self, network: Network, x: np.ndarray, y: np.ndarray, weights: list[Any], batch: int, scan: bool
    ) -> None:
        self.network, self.batch, self.scan = network, batch, scan
        self.x, self.y = self.arrays(x, y)
        self.weights = weights
        self.rng = np.random.default_rng(0)

        def step(state: Any, x: jax.Array, y: jax.Array, order: jax.Array) -> Any:
            weights, m, v, t, i, total = state
            index = lax.dynamic_slice(order, (i * batch,), (batch,))
            loss, g = jax.value_and_grad(lambda w: loss_of(network, w, x[index], y[index]))(weights)
            t = t + 1
            rate = network.rate * jnp.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
            m = [BETA_1 * a + (1 - BETA_1) * b for a, b in zip(m, g, strict=True)]
            v = [BETA_2 * a + (1 - BETA_2) * b * b for a, b in zip(v, g, strict=True)]
            weights = [w - rate * a / (jnp.sqrt(b) + EPSILON) for w, a, b in zip(weights, m, v, strict=True)]
            return weights, m, v, t, i + 1, total + loss

        def epoch(state: Any, x: jax.Array, y: jax.Array, order: jax.Array) -> Any:
            steps = len(order) // batch
            return lax.scan(lambda s, _: (step(s, x, y, order), None), state, length=steps, unroll=2)[0]

        self.step = jax.jit(step, donate_argnums=0)
        self.epoch = jax.jit(epoch, donate_argnums=0)
        self.reset()

    def arrays(self, x: np.ndarray, y: np.ndarray) -> tuple[jax.Array, jax.Array]:
        return jnp.asarray(x), jnp.asarray(y.astype(np.int32 if self.network.loss == "sparse" else np.float32))

    def reset(self) -> None:
        def fresh(make: Any) -> list[jax.Array]:
            return [jnp.array(make(w)) for w in self.weights]

        self.state = fresh(np.copy), fresh(np.zeros_like), fresh(np.zeros_like), jnp.zeros((), jnp.float32)

    def run(self, epochs: int, shuffle: bool) -> float:
        return self.epochs(self.x, self.y, epochs, shuffle)

    def epochs(self, x: jax.Array, y: jax.Array, epochs: int, shuffle: bool) -> float:
        means = []
        steps = len(x) // self.batch
        for _ in range(epochs):
            order = jnp.asarray((self.rng.permutation(len(x)) if shuffle else np.arange(len(x))).astype(np.int32))
            state = (*self.state, jnp.zeros((), jnp.int32), jnp.zeros((), jnp.float32))
            if self.scan:
                state = self.epoch(state, x, y, order)
            else:
                for _ in range(steps):
                    state = self.step(state, x, y, order)
            self.state = state[:4]
            means.append(float(state[5]) / steps)
        return float(np.mean(means))

    def check(self, x: np.ndarray, y: np.ndarray, epochs: int) -> float:
        return self.epochs(*self.arrays(x, y), epochs, shuffle=False)

    def logits(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(forward(self.network, self.state[0], jnp.asarray(x)))
