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


class ConvNorm(NamedTuple):
    """A square convolution without bias, "same" as Keras pads, then batch normalization, then ReLU or none."""

    filters: int
    size: int
    strides: int
    relu: bool


class Block(NamedTuple):
    """Two 3 x 3 ConvNorms, to which the input is added before the ReLU: as it is or, with a stride, through a 1 x 1."""

    filters: int
    strides: int

    @property
    def parts(self) -> tuple[ConvNorm, ConvNorm, ConvNorm | None]:
        """The first, the second and the shortcut's, where there is one."""
        first = ConvNorm(self.filters, 3, self.strides, True)
        shortcut = ConvNorm(self.filters, 1, self.strides, False) if self.strides > 1 else None
        return first, ConvNorm(self.filters, 3, 1, False), shortcut


class Average(NamedTuple):
    """The mean of each channel."""


class Network(NamedTuple):
    """What a library needs to know to build it."""

    name: str
    input: tuple[int, ...]  # channels last
    layers: tuple[Conv | Pool | Dense | ConvNorm | Block | Average, ...]
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
RESNET_20 = Network(
    "ResNet-20", (32, 32, 3),
    (
        ConvNorm(16, 3, 1, True),
        *(Block(filters, 2 if filters > 16 and not i else 1) for filters in (16, 32, 64) for i in range(3)),
        Average(), Dense(10, False),
    ),
    "sparse", rate=1e-4,
)  # fmt: skip
MOMENTUM, EPSILON = 0.99, 1e-3  # of batch normalization, Keras's


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
        elif isinstance(layer, (ConvNorm, Block)):
            found.append((-(-before[0] // layer.strides), -(-before[1] // layer.strides), layer.filters))
        elif isinstance(layer, Average):
            found.append(before[2:])
        else:
            found.append((layer.units,))
    return found


def initial_weights(network: Network, seed: int = 0) -> list[np.ndarray]:
    """The weights of all layers, in Keras's order and layout: kernel (Glorot's uniform distribution) and bias (zeros).

    Of a ConvNorm: kernel, gamma, beta, mean, variance; of a block: the first's, the kernels of the second and of the
    shortcut, the other weights of the second and of the shortcut.
    """
    rng = np.random.default_rng(seed)
    weights: list[np.ndarray] = []

    def kernel(*shape: int) -> None:
        limit = np.sqrt(6 / (np.prod(shape[:-2]) * (shape[-2] + shape[-1])))
        weights.append(rng.uniform(-limit, limit, shape).astype(np.float32))

    def normalization(channels: int) -> None:
        weights.extend(np.full(channels, value, np.float32) for value in (1, 0, 0, 1))

    for layer, before in zip(network.layers, shapes(network), strict=False):
        if isinstance(layer, Conv):
            kernel(layer.size, layer.size, before[-1], layer.filters)
        elif isinstance(layer, Dense):
            kernel(int(np.prod(before)), layer.units)
        elif isinstance(layer, ConvNorm):
            kernel(layer.size, layer.size, before[-1], layer.filters)
            normalization(layer.filters)
        elif isinstance(layer, Block):
            kernel(3, 3, before[-1], layer.filters)
            normalization(layer.filters)
            kernel(3, 3, layer.filters, layer.filters)
            if layer.parts[2]:
                kernel(1, 1, before[-1], layer.filters)
                normalization(layer.filters)
            normalization(layer.filters)
        if isinstance(layer, (Conv, Dense)):
            weights.append(np.zeros(weights[-1].shape[-1], np.float32))
    return weights


def forward_flops(network: Network) -> float:
    """Floating point operations of one sample's forward pass that its result depends on.

    Products with numbers inside of the input alone; of a convolution before a pooling, the outputs that windows cover.
    """
    total = 0.0
    for layer, after, before in zip(network.layers, (*network.layers[1:], None), shapes(network), strict=False):
        if isinstance(layer, Conv):
            ahead = (layer.size - 1) // 2 if layer.padding == "same" else 0
            outputs = [n if layer.padding == "same" else n - layer.size + 1 for n in before[:2]]
            kept = [n - n % after.size if isinstance(after, Pool) else n for n in outputs]
            total += 2.0 * _pairs(before, kept, layer.size, 1, ahead) * before[-1] * layer.filters
        elif isinstance(layer, Dense):
            total += 2.0 * float(np.prod(before)) * layer.units
        for part, shape in _convolutions(layer, before):
            outputs = [-(-n // part.strides) for n in shape[:2]]
            ahead = max((outputs[0] - 1) * part.strides + part.size - shape[0], 0) // 2
            total += 2.0 * _pairs(shape, outputs, part.size, part.strides, ahead) * shape[-1] * part.filters
    return total


def _pairs(inputs: tuple[int, ...], outputs: list[int], size: int, strides: int, ahead: int) -> int:
    """Pairs of an output and an input in its window, of one channel."""
    found = 1
    for n, m in zip(inputs, outputs, strict=False):
        taps = np.arange(m)[:, None] * strides - ahead + np.arange(size)
        found *= int(((taps >= 0) & (taps < n)).sum())
    return found


def _convolutions(layer: object, before: tuple[int, ...]) -> list[tuple[ConvNorm, tuple[int, ...]]]:
    """The ConvNorms of a layer with the shapes of their inputs."""
    if isinstance(layer, ConvNorm):
        return [(layer, before)]
    if not isinstance(layer, Block):
        return []
    first, second, shortcut = layer.parts
    between = (-(-before[0] // layer.strides), -(-before[1] // layer.strides), layer.filters)
    return [(first, before), (second, between), *([(shortcut, before)] if shortcut else [])]


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
    plain = not any(isinstance(layer, (ConvNorm, Block)) for layer in network.layers)
    model = keras.Sequential(_stack(network, layers)) if plain else _graph(network, keras)
    model.set_weights(weights)
    return model


def _stack(network: Network, layers: Any) -> list[Any]:
    stack: list[Any] = [layers.Input(network.input)]
    flat = len(network.input) == 1
    for layer in network.layers:
        if isinstance(layer, Conv):
            stack.append(layers.Conv2D(layer.filters, layer.size, padding=layer.padding, activation="relu"))
        elif isinstance(layer, Pool):
            stack.append(layers.MaxPooling2D(layer.size))
        elif isinstance(layer, Dense):
            if not flat:
                stack.append(layers.Flatten())
                flat = True
            stack.append(layers.Dense(layer.units, activation="relu" if layer.relu else None))
    return stack


def _graph(network: Network, keras: Any) -> Any:
    layers = keras.layers

    def normalized(x: Any, part: ConvNorm) -> Any:
        x = layers.Conv2D(part.filters, part.size, part.strides, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON)(x)
        return layers.ReLU()(x) if part.relu else x

    x = inputs = keras.Input(network.input)
    for layer in network.layers:
        if isinstance(layer, ConvNorm):
            x = normalized(x, layer)
        elif isinstance(layer, Block):
            first, second, shortcut = layer.parts
            y = normalized(normalized(x, first), second)
            x = layers.ReLU()(layers.Add()([y, normalized(x, shortcut) if shortcut else x]))
        elif isinstance(layer, Average):
            x = layers.GlobalAveragePooling2D()(x)
        elif isinstance(layer, Dense):
            x = layers.Dense(layer.units, activation="relu" if layer.relu else None)(x)
    return keras.Model(inputs, x)


def keras_loss(network: Network, keras: Any) -> Any:
    """From logits."""
    losses = keras.losses
    chosen = losses.SparseCategoricalCrossentropy if network.loss == "sparse" else losses.BinaryCrossentropy
    return chosen(from_logits=True)


def fastnn_model(network: Network) -> fastnn.Model:
    """With the initial weights, compiled with Adam."""
    import fastnn

    model: fastnn.Model = keras_model(network, fastnn, initial_weights(network))
    model.compile("adam", keras_loss(network, fastnn))
    return model
