"""Did something become slower? Times representative rows and compares them with bench/baseline.json.

    python -m bench.check            name every row that takes more than 10 % longer; exit status 1 if there is one
    python -m bench.check --write    record this machine's figures as the baseline
    python -m bench.check --rows conv

A row's figure is its time in units of a calibration that runs beside it: peak multiply-adds ("fma"), a copy in memory
("copy"), NumPy's matrix product ("numpy") or a loop of the interpreter ("python"). So it says little about the clock or
the neighbours, and much about the code. Rows on one thread are timed by the thread's CPU time. Figures are the best of
many; a row that looks slower is prepared and measured anew, several times, before it counts. Rows on several threads
count only where nothing else runs. A baseline belongs to one kind of CPU and one instruction set. It changes only in a
commit that says why.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "kernels"))
from harness import clock, peak
from machine import cpu_name, machine
from networks import CIFAR_CNN, MLP, REFERENCE_CNN, WIDE_MLP, Network, data, fastnn_model

import fastnn
from fastnn import Tensor, Variable, _core, ops, optimizers

BASELINE = Path(__file__).parent / "baseline.json"
SLOWER = 1.10
ROUNDS, REPEATS, PASSES = 12, 6, 3  # of a measurement; of what looks slower; of a baseline
ROUND_NS, SHARED_ROUND_NS = 4e6, 2e7  # several threads: a replay tries now and then whether one is faster
DISTURBED = 1.25  # the usual calibration over the best, from which on other processes took processors away

Runs = Callable[[int], Any]  # does it so many times


class Row(NamedTuple):
    """Something to time."""

    name: str
    calibration: str
    prepare: Callable[[], Runs]
    threads: int = 1


# ---- calibration: nanoseconds of a fixed amount of work -------------------------------------------------------------


def _fma() -> float:
    return 1e6 / peak("float32")  # of a million operations


def _best_ns(call: Callable[[], Any]) -> float:
    times = []
    for _ in range(3):
        begin = clock()
        call()
        times.append(clock() - begin)
    return float(min(times))


_source, _target = np.ones(16 << 20, np.uint8), np.ones(16 << 20, np.uint8)
_a, _b = np.random.default_rng(0).random((2, 256, 256), np.float32)
_c = np.empty_like(_a)


def _numpy() -> float:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(_core.get_num_threads()):
        return _best_ns(lambda: np.matmul(_a, _b, out=_c))


def _loop() -> int:
    total = 0
    for i in range(20000):
        total += i & 3
    return total


CALIBRATIONS: dict[str, Callable[[], float]] = {
    "fma": _fma, "copy": lambda: _best_ns(lambda: np.copyto(_target, _source)), "numpy": _numpy,
    "python": lambda: _best_ns(_loop),
}  # fmt: skip


# ---- rows -----------------------------------------------------------------------------------------------------------


def replayed(record: Callable[[], Any]) -> Runs:
    """The launches of a call, replayed in C."""
    program = _core.Program()
    with program.record():
        record()
    return lambda n: program.replay(steps=n, threads=_core.get_num_threads())


def tensor(*shape: int) -> Tensor:
    return Tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def forward(op: Callable[..., Any], *shapes: tuple[int, ...], **arguments: Any) -> Callable[[], Runs]:
    def prepare() -> Runs:
        inputs = [tensor(*shape) for shape in shapes]
        return replayed(lambda: op(*inputs, **arguments))

    return prepare


def backward(
    op: Callable[..., Any], *shapes: tuple[int, ...], first: bool = True, **arguments: Any
) -> Callable[[], Runs]:
    """The gradients of all inputs; of all but the first where ``first`` is False."""

    def prepare() -> Runs:
        inputs = [Tensor(tensor(*shape), requires_grad=first or i > 0) for i, shape in enumerate(shapes)]
        y = op(*inputs, **arguments)
        dy = tensor(*y.shape)
        return replayed(lambda: y.backward(dy))

    return prepare


def adam() -> Runs:
    variables = [Variable(np.ones(1 << 20, np.float32))]
    optimizer = optimizers.Adam()
    optimizer.build(variables)
    grads = [v._grad_target for v in variables]
    return replayed(lambda: optimizer.apply(grads, variables))


def gather() -> Runs:
    x = np.random.default_rng(0).integers(0, 255, (4096, 784), np.uint8)
    index = np.random.default_rng(0).permutation(4096)
    return replayed(lambda: ops.gather_rows(x, index, 0, 1024, "float32"))


def fit(network: Network, batch: int, steps: int) -> Callable[[], Runs]:
    """Epochs of `fit`, from the same weights each time: how many gradients are zero depends on them."""

    def prepare() -> Runs:
        model = fastnn_model(network)
        x, y = data(network, batch * steps)
        start = model.get_weights()

        def run(n: int) -> None:
            model.set_weights(start)
            model.fit(x, y, batch, n, verbose=0)

        return run

    return prepare


def predict(network: Network, batch: int) -> Callable[[], Runs]:
    def prepare() -> Runs:
        model = fastnn_model(network)
        x, _ = data(network, batch)

        def run(n: int) -> None:
            for _ in range(n):
                model.predict(x, batch_size=batch, verbose=0)

        return run

    return prepare


def call(network: Network) -> Callable[[], Runs]:
    def prepare() -> Runs:
        model = fastnn_model(network)
        x, _ = data(network, 1)

        def run(n: int) -> None:
            for _ in range(n):
                model(x)

        return run

    return prepare


def rows() -> list[Row]:
    conv, pool = ops.conv2d, ops.conv2d_max_pool
    middle = ((32, 16, 16, 64), (3, 3, 64, 64), (64,))
    first = ((32, 28, 28, 1), (4, 4, 1, 32), (32,))
    second = ((32, 8, 8, 32), (4, 4, 32, 64), (64,))
    same: dict[str, Any] = {"padding": "same", "activation": "relu"}
    pooled: dict[str, Any] = {"activation": "relu", "pool_size": 3}
    found = [
        Row("matmul 512 x 512 x 512", "fma", forward(ops.matmul, (512, 512), (512, 512))),
        Row("matmul 32 x 784 x 128", "fma", forward(ops.matmul, (32, 784), (784, 128))),
        Row("matmul backward 128 x 512 x 512", "fma", backward(ops.matmul, (128, 512), (512, 512))),
        Row("conv2d 16x16x64->64 3x3, forward", "fma", forward(conv, *middle, **same)),
        Row("conv2d 16x16x64->64 3x3, backward", "fma", backward(conv, *middle, **same)),
        Row("conv2d 16x16x64->64 3x3, stride 2, backward", "fma", backward(conv, *middle, strides=2, **same)),
        Row("conv2d 7x7x64->64 3x3, forward", "fma", forward(conv, (32, 7, 7, 64), *middle[1:], **same)),
        Row("conv2d 32x32x64->64 3x3, depthwise, forward", "fma",
            forward(conv, (8, 32, 32, 64), (3, 3, 1, 64), (64,), groups=64, **same)),
        Row("conv2d + pool 28x28x1->32, forward", "fma", forward(pool, *first, **pooled)),
        Row("conv2d + pool 28x28x1->32, backward to weights", "fma", backward(pool, *first, first=False, **pooled)),
        Row("conv2d + pool 8x8x32->64, forward", "fma", forward(pool, *second, **pooled)),
        Row("conv2d + pool 8x8x32->64, backward", "fma", backward(pool, *second, **pooled)),
        Row("max_pool 26x26x32, forward", "copy", forward(ops.max_pool, (32, 26, 26, 32), pool_size=2)),
        Row("max_pool 26x26x32, backward", "copy", backward(ops.max_pool, (32, 26, 26, 32), pool_size=2)),
        Row("add of two million", "copy", forward(ops.add, (1 << 21,), (1 << 21,))),
        Row("sum over rows, 2048 x 1024", "copy", forward(ops.sum, (2048, 1024), axis=1)),
        Row("adam, a million weights", "copy", adam),
        Row("gather_rows, uint8 to float32", "copy", gather),
        Row("tanh of 16384", "fma", forward(ops.tanh, (16384,))),
        Row("softmax 256 x 1000", "fma", forward(ops.softmax, (256, 1000))),
        Row("fit, reference CNN, batch 32", "fma", fit(REFERENCE_CNN, 32, 20)),
        Row("fit, reference CNN, batch 128", "fma", fit(REFERENCE_CNN, 128, 5)),
        Row("fit, MLP 64-25-15-1, batch 32", "fma", fit(MLP, 32, 500)),
        Row("fit, MLP 784-512-512-10, batch 128", "numpy", fit(WIDE_MLP, 128, 5)),
        Row("fit, CIFAR CNN, batch 64", "fma", fit(CIFAR_CNN, 64, 4)),
        Row("predict, reference CNN, batch 256", "fma", predict(REFERENCE_CNN, 256)),
        Row("predict, CIFAR CNN, batch 64", "fma", predict(CIFAR_CNN, 64)),
        Row("predict, MLP 64-25-15-1, one sample", "python", predict(MLP, 1)),
        Row("model(x), MLP 64-25-15-1, one sample", "python", call(MLP)),
        Row("model(x), reference CNN, one sample", "fma", call(REFERENCE_CNN)),
    ]  # fmt: skip
    most = _core.get_num_threads()
    if most > 1:
        shared = ("matmul 512", "conv2d 16x16x64->64 3x3, f", "fit, reference CNN", "fit, CIFAR", "predict, CIFAR")
        found += [
            Row(f"{row.name}, {most} threads", row.calibration, row.prepare, most)
            for row in found if row.name.startswith(shared)
        ]  # fmt: skip
    return found


# ---- measuring and comparing ----------------------------------------------------------------------------------------


class Measurement:
    """A prepared row, which can be measured again and again; `figure` is the best so far."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.best = float("inf")
        self.calibrations: list[float] = []
        self.prepare()

    def prepare(self) -> None:
        with using(self.row.threads):
            self.run = self.row.prepare()
            for _ in range(3):
                self.run(1)
            begin = clock()
            self.run(1)
            wanted = ROUND_NS if self.row.threads == 1 else SHARED_ROUND_NS
            self.runs = max(1, int(wanted / max(clock() - begin, 1)))

    def measure(self) -> None:
        """Rounds of the row between rounds of its calibration."""
        calibrate = CALIBRATIONS[self.row.calibration]
        with using(self.row.threads):
            for _ in range(ROUNDS):
                self.calibrations.append(calibrate())
                begin = clock()
                self.run(self.runs)
                self.best = min(self.best, (clock() - begin) / self.runs)

    @property
    def figure(self) -> float:
        return self.best / min(self.calibrations)

    @property
    def disturbed(self) -> bool:
        """Whether other processes took the processors away. One thread's CPU time does not count that."""
        usual = statistics.median(self.calibrations)
        return self.row.threads > 1 and usual > DISTURBED * min(self.calibrations)


class using:
    """A number of threads, for a while."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def __enter__(self) -> None:
        fastnn.set_num_threads(self.threads)

    def __exit__(self, *exception: object) -> None:
        _core.set_num_threads(None)


def key() -> str:
    return f"{cpu_name()}, {_core.isa()}"


def slower(figures: dict[str, float], baseline: dict[str, float]) -> dict[str, float]:
    """How many times as long as in the baseline, for the rows that fell by more than 10 %."""
    return {
        name: figure / baseline[name]
        for name, figure in figures.items() if name in baseline and figure > SLOWER * baseline[name]
    }  # fmt: skip


def measured(chosen: list[Row], baseline: dict[str, float], passes: int) -> dict[str, float]:
    """The figures; what looks slower than the baseline gets more chances, at other moments."""
    found = {}
    for i in range(passes):
        for row in chosen:
            if i == 0:
                found[row.name] = Measurement(row)
            found[row.name].measure()
    for _ in range(REPEATS):
        suspects = slower({name: m.figure for name, m in found.items()}, baseline)
        if not suspects:
            break
        time.sleep(0.5)
        for name in suspects:
            found[name].prepare()
            found[name].measure()
    for name in slower({name: m.figure for name, m in found.items()}, baseline):
        if found[name].disturbed:
            print(f"not judged, because other processes run: {name}")
            del found[name]
    return {name: m.figure for name, m in found.items()}


def report(figures: dict[str, float], baseline: dict[str, float]) -> int:
    """Print the comparison; 1 if a row fell."""
    for name, figure in figures.items():
        ratio = f"{figure / baseline[name]:6.2f} of the baseline" if name in baseline else "   not in the baseline"
        print(f"{name:62}{figure:14.5g}{ratio}")
    fallen = slower(figures, baseline)
    gone = [name for name in baseline if name not in figures]
    if gone:
        print(f"in the baseline alone: {', '.join(gone)}")
    for name, ratio in fallen.items():
        print(f"SLOWER: {name}: {ratio:.2f} times as long as in the baseline")
    if not fallen:
        print("no row is more than 10 % slower than the baseline")
    return 1 if fallen else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="record the baseline of this kind of machine")
    parser.add_argument("--rows", nargs="+", metavar="PART", help="only rows whose names have one of these parts")
    options = parser.parse_args()
    stored = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    chosen = [row for row in rows() if options.rows is None or any(part in row.name for part in options.rows)]
    here = stored.get(key(), {})
    if not here and not options.write:
        print(f"bench/baseline.json has nothing about this machine ({key()}). `make bench-baseline`, run where "
              "nothing else runs, at a commit known to be fast, records it; then `make bench-check` compares.")
        return 0
    baseline = {name: figure for name, figure in here.get("rows", {}).items() if name in {row.name for row in chosen}}
    if options.write:
        figures = measured(chosen, {}, PASSES)
        kept = here.get("rows", {}) if options.rows else {}
        stored[key()] = {"machine": machine(), "rows": kept | {k: float(f"{v:.5g}") for k, v in figures.items()}}
        BASELINE.write_text(json.dumps(stored, indent=1) + "\n")
        print(f"{len(figures)} rows of {key()} are now in {BASELINE}")
        return 0
    return report(measured(chosen, baseline, 1), baseline)


if __name__ == "__main__":
    sys.exit(main())
