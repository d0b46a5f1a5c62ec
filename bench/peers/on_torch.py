"""PyTorch: channels last, fused Adam, eager or through torch.compile."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from networks import BETA_2, Conv, Dense, Network, Pool

VERSION = torch.__version__
EPSILON = 1e-7  # Keras's


class Net(torch.nn.Module):
    """Input and weights in channels-last memory; flattened without a copy, so the weights need no other order."""

    def __init__(self, network: Network, weights: list[np.ndarray]) -> None:
        super().__init__()
        self.network = network
        self.kernels = torch.nn.ParameterList()
        self.biases = torch.nn.ParameterList()
        for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
            if kernel.ndim == 4:
                value = torch.from_numpy(kernel.transpose(3, 2, 0, 1)).to(memory_format=torch.channels_last)
            else:
                value = torch.from_numpy(kernel.T).contiguous()
            self.kernels.append(torch.nn.Parameter(value.clone()))
            self.biases.append(torch.nn.Parameter(torch.from_numpy(bias.copy())))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        w = 0
        for layer in self.network.layers:
            if isinstance(layer, Pool):
                x = F.max_pool2d(x, layer.size)
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
        self.weights = [p.detach().clone() for p in self.net.parameters()]

        def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return loss_of(network, self.net(as_input(x)), y)

        self.loss = loss
        if compiled:
            torch._dynamo.reset()
            self.loss = torch.compile(loss, mode="max-autotune")

    def targets(self, y: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(y if self.network.loss == "sparse" else y.astype(np.float32))

    def reset(self) -> None:
        with torch.no_grad():
            for p, value in zip(self.net.parameters(), self.weights, strict=True):
                p.copy_(value)

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
        with torch.no_grad():
            return self.net(as_input(torch.from_numpy(x))).numpy()
