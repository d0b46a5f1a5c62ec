"""Where a training step of the reference CNN spends its time: each layer's FLOPs, bytes, time and share of the peak.

    python -m bench.roofline           a table; also bench/results/roofline.json and its section in docs/performance.md
    python -m bench.roofline --show    only the table

Every pass of every layer is recorded as a Program of its own, on what a network that has trained for 50 steps computes
from a batch of 128 images, and replayed on one thread. FLOPs are those that the mathematics asks for: of a convolution
before max-pooling only what a window covers, of its gradient only the winners whose ReLU is on (counted). Bytes are
the arrays that the launches touch, each once. The best of many replays, by the thread's CPU time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "kernels"))
from harness import peak, replay_ns
from machine import machine
from networks import REFERENCE_CNN, Conv, Dense, Pool, data, fastnn_model
from sections import rewrite, table

import fastnn
from fastnn import Tensor, Variable, _core, ops, optimizers

BATCH, STEPS, ROUNDS = 128, 50, 40
RESULTS = Path(__file__).parent / "results" / "roofline.json"
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def measured(name: str, flops: float, call: Callable[[], Any], nbytes: int = 0) -> dict[str, Any]:
    """One row: the call's launches, replayed. ``nbytes`` where the arrays are not touched as a whole."""
    program = _core.Program()
    with _core.trace() as launches, program.record():
        call()
    touched: dict[int, int] = {}
    for _, _, fields in launches:
        for value in fields.values():
            if isinstance(value, np.ndarray):
                touched[value.ctypes.data] = max(touched.get(value.ctypes.data, 0), value.nbytes)
    steps = max(1, int(1e6 / min(replay_ns(program) for _ in range(3))))
    best, top = float("inf"), 0.0
    for _ in range(ROUNDS):
        top = max(top, peak("float32"))
        best = min(best, replay_ns(program, steps))
    return {
        "name": name, "mflop": flops / 1e6, "kb": (nbytes or sum(touched.values())) / 1e3, "us": best / 1e3,
        "peak": top, "kernels": sorted({kernel for kernel, _, _ in launches}),
    }  # fmt: skip


def leaf(array: np.ndarray, wanted: bool = True) -> Tensor:
    return Tensor(array, requires_grad=wanted)


def rows() -> list[dict[str, Any]]:
    """The passes of all layers, in the order of a step."""
    fastnn.set_num_threads(1)
    model = fastnn_model(REFERENCE_CNN)
    x_all, y_all = data(REFERENCE_CNN, BATCH * STEPS)
    model.fit(x_all, y_all, BATCH, 1, verbose=0)
    weights = iter(model.get_weights())
    index = np.random.default_rng(0).permutation(len(x_all))
    batch = 2 * BATCH * x_all[0].nbytes
    found = [measured("gather the batch", 0, lambda: ops.gather_rows(x_all, index, 0, BATCH, "float32"), batch)]
    backwards: list[dict[str, Any]] = []
    x = np.ascontiguousarray(x_all[index[:BATCH]])
    layers = REFERENCE_CNN.layers
    for i, layer in enumerate(layers):
        if isinstance(layer, Pool):
            continue
        kernel, bias = leaf(next(weights)), leaf(next(weights))
        if isinstance(layer, Conv):
            pool = layers[i + 1]
            assert isinstance(pool, Pool)
            name = f"conv {layer.size}x{layer.size} {x.shape[3]}->{layer.filters} + ReLU + pool {pool.size}"
            step = _conv_pool(layer, pool)
        else:
            assert isinstance(layer, Dense)
            x = x.reshape(BATCH, -1)
            name = f"dense {x.shape[1]}->{layer.units}{' + ReLU' if layer.relu else ''}"
            step = _dense(layer)
        inputs = leaf(x, wanted=i > 0), kernel, bias
        y, forward, products = step(inputs)
        found.append(measured(f"{name}, forward", forward, partial(step, inputs)))
        dy = Tensor(np.random.default_rng(1).standard_normal(y.shape).astype(np.float32))
        times = 2 if i > 0 else 1  # to the kernel, and to the input where there is a layer below
        backwards.append(measured(f"{name}, backward", times * products, partial(y.backward, dy)))
        x = y.detach().numpy()
    logits, labels = leaf(x), Tensor(y_all[index[:BATCH]])
    loss = fastnn.losses.SparseCategoricalCrossentropy(from_logits=True)
    found.append(measured("softmax and cross-entropy, both passes", 0, lambda: loss(labels, logits).backward()))
    variables = [Variable(w) for w in model.get_weights()]
    optimizer = optimizers.Adam()
    optimizer.build(variables)
    grads = [v._grad_target for v in variables]
    update = measured("Adam", 0, lambda: optimizer.apply(grads, variables))
    return [*found, *reversed(backwards), update]


def _conv_pool(layer: Conv, pool: Pool) -> Callable[[Any], tuple[Tensor, float, float]]:
    def step(inputs: Any) -> tuple[Tensor, float, float]:
        x, kernel, bias = inputs
        y = ops.conv2d_max_pool(x, kernel, bias, padding=layer.padding, activation="relu", pool_size=pool.size)
        each = 2.0 * layer.size**2 * x.shape[3]  # of one output
        winners = float((y.data > 0).sum())
        return y, each * y.size * pool.size**2, each * winners

    return step


def _dense(layer: Dense) -> Callable[[Any], tuple[Tensor, float, float]]:
    def step(inputs: Any) -> tuple[Tensor, float, float]:
        x, kernel, bias = inputs
        y = ops.linear(x, kernel, bias, "relu" if layer.relu else None)
        flops = 2.0 * x.size * layer.units
        return y, flops, flops

    return step


def section(result: dict[str, Any]) -> str:
    total = sum(row["us"] for row in result["rows"])
    lines = []
    for row in result["rows"]:
        rate = row["mflop"] / row["us"] * 1e3
        lines.append([
            row["name"], f"{row['mflop']:.1f}" if row["mflop"] else "", f"{row['kb']:.0f}",
            f"{row['mflop'] * 1e3 / row['kb']:.0f}" if row["mflop"] else "", f"{row['us']:.1f}",
            f"{row['us'] / total:.0%}", f"{rate:.0f}" if row["mflop"] else "",
            f"{rate / row['peak']:.0%}" if row["mflop"] else "", f"{row['kb'] / row['us']:.0f}",
        ])  # fmt: skip
    flops = sum(row["mflop"] for row in result["rows"])
    lines.append(["**sum**", f"{flops:.1f}", "", "", f"{total:.1f}", "", f"{flops / total * 1e3:.0f}",
                  f"{flops / total * 1e3 / max(row['peak'] for row in result['rows']):.0%}", ""])  # fmt: skip
    headings = ["pass", "MFLOP", "kB", "FLOP/byte", "us", "of the step", "GFLOP/s", "of the peak", "GB/s"]
    where = result["machine"]
    return "\n".join([
        f"Batch {BATCH}, one thread, {where['cpu']}, {where['isa']}, {where['compiler']}; "
        f"peak {max(row['peak'] for row in result['rows']):.0f} GFLOP/s.", "", *table(headings, lines),
    ])  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", action="store_true", help="write nothing")
    options = parser.parse_args()
    result = {"machine": machine(), "rows": rows()}
    print(section(result))
    if not options.show:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
        rewrite(PAGE, "roofline", section(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
