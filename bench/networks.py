"""The networks that bench/ and its comparison with other libraries are about, as plain data, and data for them.

Nothing here imports a library: each builds the network from its description in its own words. `fastnn_model` is
fastnn's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import fastnn


# Adam's, wherever libraries are compared. 0.999 is not a float32: libraries that compute 1 - beta_2^t in float32 are
# off by 1e-5 at first, which becomes 1e-3 of the loss after 50 steps; this number is exact.
BETA_2 = 1 - 2.0**-10


class Conv(NamedTuple):
    """A square convolution with bias and ReLU, stride 1."""

    filters: int
    size: int
    padding: str


class Pool(NamedTuple):
    """Max-pooling over squares that do not overlap; what is left at the edge is dropped."""

    size: int


class Dense(NamedTuple):
    """Over the flattened input; with ReLU or none."""

    units: int
    relu: bool


class Network(NamedTuple):
    """What a library needs to know to build it."""

    name: str
    input: tuple[int, ...]  # channels last
    layers: tuple[Conv | Pool | Dense, ...]
    loss: str  # "sparse": softmax and class numbers; "binary": sigmoid and 0 or 1; both from logits
    rate: float = 1e-3  # Adam's


REFERENCE_CNN = Network(
    "reference CNN", (28, 28, 1),
    (Conv(32, 4, "valid"), Pool(3), Conv(64, 4, "valid"), Pool(3), Dense(64, True), Dense(10, False)), "sparse",
)  # fmt: skip
MLP = Network("MLP 64-25-15-1", (64,), (Dense(25, True), Dense(15, True), Dense(1, False)), "binary")
WIDE_MLP = Network("MLP 784-512-512-10", (784,), (Dense(512, True), Dense(512, True), Dense(10, False)), "sparse")
CIFAR_CNN = Network(
    "CIFAR CNN", (32, 32, 3),
    (
        Conv(32, 3, "same"), Conv(32, 3, "same"), Pool(2), Conv(64, 3, "same"), Conv(64, 3, "same"), Pool(2),
        Dense(512, True), Dense(10, False),
    ),
    "sparse", rate=1e-4,  # at 1e-3 the rounding errors of two libraries grow to 0.4 % of the loss in 50 steps
)  # fmt: skip


def shapes(network: Network) -> list[tuple[int, ...]]:
    """The shape of a sample before each layer, and of the output."""
    found = [network.input]
    for layer in network.layers:
        before = found[-1]
        if isinstance(layer, Conv):
            cut = layer.size - 1 if layer.padding == "valid" else 0
            found.append((before[0] - cut, before[1] - cut, layer.filters))
        elif isinstance(layer, Pool):
            found.append((before[0] // layer.size, before[1] // layer.size, before[2]))
        else:
            found.append((layer.units,))
    return found


def initial_weights(network: Network, seed: int = 0) -> list[np.ndarray]:
    """Kernel (Keras's layout) and bias of each layer that has them: Glorot's uniform distribution, and zeros."""
    rng = np.random.default_rng(seed)
    weights = []
    for layer, before in zip(network.layers, shapes(network), strict=False):
        if isinstance(layer, Pool):
            continue
        if isinstance(layer, Conv):
            shape: tuple[int, ...] = (layer.size, layer.size, before[-1], layer.filters)
        else:
            shape = (int(np.prod(before)), layer.units)
        field = int(np.prod(shape[:-2]))
        limit = np.sqrt(6 / (field * (shape[-2] + shape[-1])))
        weights += [rng.uniform(-limit, limit, shape).astype(np.float32), np.zeros(shape[-1], np.float32)]
    return weights


def forward_flops(network: Network) -> float:
    """Floating point operations of one sample's forward pass that its result depends on.

    Products with numbers inside of the input alone; of a convolution before a pooling, the outputs that windows cover.
    """
    total = 0.0
    for layer, after, before in zip(network.layers, (*network.layers[1:], None), shapes(network), strict=False):
        if isinstance(layer, Conv):
            pairs = []
            for n in before[:2]:
                ahead = (layer.size - 1) // 2 if layer.padding == "same" else 0
                outputs = n if layer.padding == "same" else n - layer.size + 1
                if isinstance(after, Pool):
                    outputs -= outputs % after.size
                taps = np.arange(outputs)[:, None] - ahead + np.arange(layer.size)
                pairs.append(((taps >= 0) & (taps < n)).sum())
            total += 2.0 * pairs[0] * pairs[1] * before[-1] * layer.filters
        elif isinstance(layer, Dense):
            total += 2.0 * float(np.prod(before)) * layer.units
    return total


# ---- data -----------------------------------------------------------------------------------------------------------


def images(n: int, size: int = 28, channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """``n`` square images with a bright blob each, and the column of the blob in tenths as label, one in five wrong.

    With one channel the background is black: sparse like handwriting. With more it is noise, as in photographs.
    """
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size]
    center = rng.uniform(0.28 * size, 0.72 * size, (2, n, 1, 1))
    blob = np.exp(-((rows - center[0]) ** 2 + (columns - center[1]) ** 2) / 20).astype(np.float32)
    x = np.where(blob > 0.05, blob, np.float32(0))[..., None]
    if channels > 1:
        x = (x + 0.2 * rng.random((n, size, size, channels), np.float32)).astype(np.float32)
    labels = ((center[1].ravel() / size - 0.28) / 0.44 * 10).astype(np.int64).clip(0, 9)
    return np.ascontiguousarray(x), np.where(rng.random(n) < 0.2, rng.integers(0, 10, n), labels)


def vectors(n: int) -> tuple[np.ndarray, np.ndarray]:
    """``n`` random vectors of 64 numbers, and labels 0 and 1: the side of a plane, one in ten wrong."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 64)).astype(np.float32)
    return x, ((x[:, :8].sum(axis=1) > 0) ^ (rng.random(n) < 0.1)).astype(np.int64)


def data(network: Network, n: int) -> tuple[np.ndarray, np.ndarray]:
    """``n`` samples and labels for the network."""
    if network.input == (64,):
        return vectors(n)
    if len(network.input) == 3:
        return images(n, network.input[0], network.input[2])
    x, y = images(n)
    return x.reshape(n, -1), y


# ---- fastnn's model -------------------------------------------------------------------------------------------------


def keras_model(network: Network, keras: Any, weights: list[np.ndarray]) -> Any:
    """Built as a user writes it in Keras or, after ``import fastnn as keras``, in fastnn."""
    layers = keras.layers
    stack: list[Any] = [layers.Input(network.input)]
    flat = len(network.input) == 1
    for layer in network.layers:
        if isinstance(layer, Conv):
            stack.append(layers.Conv2D(layer.filters, layer.size, padding=layer.padding, activation="relu"))
        elif isinstance(layer, Pool):
            stack.append(layers.MaxPooling2D(layer.size))
        else:
            if not flat:
                stack.append(layers.Flatten())
                flat = True
            stack.append(layers.Dense(layer.units, activation="relu" if layer.relu else None))
    model = keras.Sequential(stack)
    model.set_weights(weights)
    return model


def keras_loss(network: Network, keras: Any) -> Any:
    """From logits."""
    losses = keras.losses
    chosen = losses.SparseCategoricalCrossentropy if network.loss == "sparse" else losses.BinaryCrossentropy
    return chosen(from_logits=True)


def fastnn_model(network: Network) -> fastnn.Sequential:
    """With the initial weights, compiled with Adam."""
    import fastnn

    model: fastnn.Sequential = keras_model(network, fastnn, initial_weights(network))
    model.compile("adam", keras_loss(network, fastnn))
    return model
