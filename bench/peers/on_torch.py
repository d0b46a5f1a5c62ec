"""PyTorch: channels last, fused Adam, eager or through torch.compile."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import networks
import numpy as np
import torch
import torch.nn.functional as F
from networks import BETA_2, Average, Block, Conv, ConvNorm, Dense, Network, Pool, shapes

VERSION = torch.__version__
EPSILON = 1e-7  # Keras's


def parameter(kernel: np.ndarray) -> torch.nn.Parameter:
    """A kernel of Keras's layout in PyTorch's, in channels-last memory."""
    if kernel.ndim == 4:
        value = torch.from_numpy(kernel.transpose(3, 2, 0, 1)).to(memory_format=torch.channels_last)
    else:
        value = torch.from_numpy(kernel.T).contiguous()
    return torch.nn.Parameter(value.clone())


class Normalized(torch.nn.Module):
    """ConvNorm without its ReLU."""

    def __init__(self, part: ConvNorm, height: int, kernel: np.ndarray) -> None:
        super().__init__()
        padding = max((-(-height // part.strides) - 1) * part.strides + part.size - height, 0)
        self.uneven, self.padding, self.strides = padding % 2, padding // 2, part.strides
        self.kernel = parameter(kernel)
        self.norm = torch.nn.BatchNorm2d(part.filters, eps=networks.EPSILON, momentum=1 - networks.MOMENTUM)

    def load(self, *values: np.ndarray) -> None:
        """Gamma, beta, mean and variance."""
        own = (self.norm.weight, self.norm.bias, self.norm.running_mean, self.norm.running_var)
        with torch.no_grad():
            for to, value in zip(own, values, strict=True):
                assert to is not None
                to.copy_(torch.from_numpy(value))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.uneven:
            x = F.pad(x, (0, 1, 0, 1))
        y: torch.Tensor = self.norm(F.conv2d(x, self.kernel, stride=self.strides, padding=self.padding))
        return y


class Residual(torch.nn.Module):
    """A Block."""

    def __init__(self, block: Block, before: tuple[int, ...], weights: Iterator[np.ndarray]) -> None:
        super().__init__()
        first, second, shortcut = block.parts
        self.first = Normalized(first, before[0], next(weights))
        self.first.load(*islice(weights, 4))
        self.second = Normalized(second, -(-before[0] // block.strides), next(weights))
        self.shortcut = Normalized(shortcut, before[0], next(weights)) if shortcut else None
        self.second.load(*islice(weights, 4))
        if self.shortcut is not None:
            self.shortcut.load(*islice(weights, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.second(F.relu(self.first(x), inplace=True))
        y += x if self.shortcut is None else self.shortcut(x)
        return F.relu(y, inplace=True)


class Net(torch.nn.Module):
    """Input and weights in channels-last memory; flattened without a copy, so the weights need no other order."""

    def __init__(self, network: Network, weights: list[np.ndarray]) -> None:
        super().__init__()
        self.network = network
        self.kernels = torch.nn.ParameterList()
        self.biases = torch.nn.ParameterList()
        self.parts = torch.nn.ModuleList()
        left = iter(weights)
        for layer, before in zip(network.layers, shapes(network), strict=False):
            if isinstance(layer, (Conv, Dense)):
                self.kernels.append(parameter(next(left)))
                self.biases.append(torch.nn.Parameter(torch.from_numpy(next(left).copy())))
            elif isinstance(layer, ConvNorm):
                part = Normalized(layer, before[0], next(left))
                part.load(*islice(left, 4))
                self.parts.append(part)
            elif isinstance(layer, Block):
                self.parts.append(Residual(layer, before, left))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        w = 0
        parts = iter(self.parts)
        for layer in self.network.layers:
            if isinstance(layer, Pool):
                x = F.max_pool2d(x, layer.size)
                continue
            if isinstance(layer, Average):
                x = x.mean((2, 3))
                continue
            if isinstance(layer, (ConvNorm, Block)):
                x = next(parts)(x)
                x = F.relu(x, inplace=True) if isinstance(layer, ConvNorm) and layer.relu else x
                continue
            kernel, bias = self.kernels[w], self.biases[w]
            w += 1
            if isinstance(layer, Conv):
                x = F.relu(F.conv2d(x, kernel, bias, padding=layer.padding))
            else:
                assert isinstance(layer, Dense)
                if x.ndim == 4:
                    x = x.permute(0, 2, 3, 1).flatten(1)
                x = F.linear(x, kernel, bias)
                x = F.relu(x) if layer.relu else x
        return x


def loss_of(network: Network, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    if network.loss == "sparse":
        return F.cross_entropy(logits, y)
    return F.binary_cross_entropy_with_logits(logits.squeeze(1), y)


class Library:
    def __init__(self, threads: int, variant: str) -> None:
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        self.compile = variant == "compile"

    def trainer(self, network: Network, x: np.ndarray, y: np.ndarray, weights: list[Any], batch: int) -> Trainer:
        return Trainer(network, x, y, weights, batch, self.compile)

    def predictor(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        net = Net(network, weights).eval()
        run: Callable[[torch.Tensor], torch.Tensor] = net
        if self.compile:
            torch._dynamo.reset()
            torch._inductor.config.freezing = True
            run = torch.compile(net, mode="max-autotune")
        whole = as_input(torch.from_numpy(x))

        def passes(n: int) -> Any:
            with torch.inference_mode() if not self.compile else torch.no_grad():
                for _ in range(n):
                    for i in range(0, len(x), batch):
                        y = run(whole[i : i + batch]).numpy()
            return y

        return passes

    def caller(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        return self.predictor(network, x[:1], weights, 1)


def as_input(x: torch.Tensor) -> torch.Tensor:
    """Images (n, h, w, c) as (n, c, h, w) with the same memory, which is what PyTorch calls channels last."""
    return x.permute(0, 3, 1, 2) if x.ndim == 4 else x


class Trainer:
    def __init__(
        self, network: Network, x: np.ndarray, y: np.ndarray, weights: list[Any], batch: int, compiled: bool
    ) -> None:
        self.network, self.batch = network, batch
        self.x, self.y = torch.from_numpy(x), self.targets(y)
        self.net = Net(network, weights)
        self.optimizer = torch.optim.Adam(
            self.net.parameters(), lr=network.rate, betas=(0.9, BETA_2), eps=EPSILON, fused=True
        )
        self.steps = 0
        self.weights = {name: value.clone() for name, value in self.net.state_dict().items()}

        def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return loss_of(network, self.net(as_input(x)), y)

        self.loss = loss
        if compiled:
            torch._dynamo.reset()
            self.loss = torch.compile(loss, mode="max-autotune")

    def targets(self, y: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(y if self.network.loss == "sparse" else y.astype(np.float32))

    def reset(self) -> None:
        self.net.load_state_dict(self.weights)

    def run(self, epochs: int, shuffle: bool) -> float:
        return self.epochs(self.x, self.y, epochs, shuffle)

    def epochs(self, x: torch.Tensor, y: torch.Tensor, epochs: int, shuffle: bool) -> float:
        means = []
        for _ in range(epochs):
            order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
            total = torch.zeros(())
            for i in range(0, len(x), self.batch):
                index = order[i : i + self.batch]
                loss = self.loss(x.index_select(0, index), y.index_select(0, index))
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                self.optimizer.step()
                total += loss.detach()
            means.append(total.item() / (len(x) // self.batch))
        return float(np.mean(means))

    def check(self, x: np.ndarray, y: np.ndarray, epochs: int) -> float:
        # Keras adds epsilon to the root of v before it corrects v's bias, PyTorch after: the same with another epsilon.
        def keras_epsilon(*_: Any) -> None:
            self.steps += 1
            self.optimizer.param_groups[0]["eps"] = EPSILON / math.sqrt(1 - BETA_2**self.steps)

        hook = self.optimizer.register_step_pre_hook(keras_epsilon)
        loss = self.epochs(torch.from_numpy(x), self.targets(y), epochs, shuffle=False)
        hook.remove()
        return loss

    def logits(self, x: np.ndarray) -> np.ndarray:
        self.net.eval()
        with torch.no_grad():
            found: np.ndarray = self.net(as_input(torch.from_numpy(x))).numpy()
        self.net.train()
        return found
