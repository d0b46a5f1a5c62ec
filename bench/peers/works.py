"""What is compared, with whom, and how far ahead fastnn has to be."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from networks import CIFAR_CNN, MLP, REFERENCE_CNN, RESNET_20, WIDE_MLP, Network

# name -> (module of this folder that speaks to the library, its variant); the module is imported in the worker alone
PEERS = {
    "fastnn": ("on_fastnn", ""),
    "PyTorch": ("on_torch", ""),
    "torch.compile": ("on_torch", "compile"),
    "Keras-TF": ("on_keras", "tensorflow"),
    "Keras-TF jit": ("on_keras", "tensorflow jit"),
    "Keras-JAX": ("on_keras", "jax"),
    "JAX step": ("on_jax", "step"),
    "JAX scan": ("on_jax", "scan"),
    "scikit-learn": ("on_sklearn", ""),
    "onnxruntime": ("on_onnxruntime", ""),
    "NumPy": ("on_numpy", ""),
}
# The whole epoch in a scan is for small networks: XLA's convolutions are 15 times slower in a loop, as one row shows.
TRAINERS = ("PyTorch", "torch.compile", "Keras-TF", "Keras-TF jit", "Keras-JAX", "JAX step")
LOOPS = ("PyTorch", "torch.compile", "Keras-TF", "Keras-TF jit", "Keras-JAX", "scikit-learn")
PREDICTORS = ("onnxruntime", "PyTorch", "torch.compile", "Keras-TF", "Keras-TF jit", "JAX step")
# Networks with branches: those of the libraries that have layers for them.
GRAPHS = tuple(name for name in TRAINERS if not name.startswith("JAX"))
GRAPH_PREDICTORS = tuple(name for name in PREDICTORS if not name.startswith("JAX"))


@dataclass(frozen=True)
class Bar:
    """The fastest of `peers` takes at least `least` times as long as fastnn."""

    peers: tuple[str, ...]
    least: float
    least_two: float | None = None  # for 2 threads, where it differs
    name: str = ""  # of the group of peers, where a work has several

    def for_threads(self, threads: int) -> float:
        return self.least_two if threads > 1 and self.least_two is not None else self.least


@dataclass(frozen=True)
class Work:
    """One row of the table."""

    name: str
    kind: str  # "train", "infer" (a pass over an array), "call" (one sample at a time), "gemm"
    bars: tuple[Bar, ...]
    network: Network | None = None
    batch: int = 1
    steps: int = 1  # batches of an epoch, or of a pass
    size: int = 0  # of a matrix
    most_us: float | None = None  # fastnn alone takes at most so long
    share: float | None = None  # of the measured peak that fastnn reaches at least

    @property
    def peers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for bar in self.bars for name in bar.peers))

    @property
    def samples(self) -> int:
        return self.batch * self.steps


WORKS = [
    *(Work(f"reference CNN, training step, batch {batch}", "train", (Bar(trainers, 8.0),), REFERENCE_CNN, batch, 50)
      for batch, trainers in ((32, (*TRAINERS, "JAX scan")), (128, TRAINERS))),
    *(Work(f"reference CNN, inference per image, batch {batch}", "infer", (Bar(PREDICTORS, 1.8),), REFERENCE_CNN,
           batch, steps)
      for batch, steps in ((1, 512), (32, 64), (256, 16))),
    Work("MLP 64-25-15-1, training step, batch 32", "train", (
        Bar(LOOPS, 8.0, name="training loops"), Bar(("JAX step",), 4.0, name="jitted JAX step"),
        Bar(("JAX scan",), 2.0, name="JAX scan of the epoch"),
    ), MLP, 32, 1000),
    Work("MLP 64-25-15-1, one sample, model(x)", "call", (Bar((*PREDICTORS, "scikit-learn"), 1.0),), MLP),
    Work("MLP 64-25-15-1, one sample, predict", "call predict", (), MLP, most_us=10.0),
    Work("MLP 784-512-512-10, training step, batch 128", "train",
         (Bar((*TRAINERS, "JAX scan", "scikit-learn"), 1.05, 1.1),), WIDE_MLP, 128, 50),
    Work("CIFAR CNN, training step, batch 64", "train", (Bar(TRAINERS, 1.5),), CIFAR_CNN, 64, 10),
    Work("CIFAR CNN, inference per image, batch 64", "infer", (Bar(PREDICTORS, 1.0),), CIFAR_CNN, 64, 4),
    Work("ResNet-20, training step, batch 64", "train", (Bar(GRAPHS, 1.25),), RESNET_20, 64, 10),
    Work("ResNet-20, inference per image, batch 64", "infer", (Bar(GRAPH_PREDICTORS, 1.0),), RESNET_20, 64, 4),
    *(Work(f"GEMM {n} x {n} x {n}", "gemm", (Bar(("NumPy",), 1.7),), size=n, share=0.9)
      for n in (256, 512, 1024, 2048)),
]  # fmt: skip
CHECKED_STEPS = 50
CHECKED_LOSS = 1e-3  # relative
