"""The gradient of convolution + max-pooling: from the winners alone, and spread over all outputs; is the rule right?

    PYTHONPATH=. taskset -c 0 python bench/kernels/bench_conv_pool_backward.py [shapes]

Measures both ways over shapes drawn with a fixed seed (channels 1 to 128, maps of 4 to 32, kernels 1x1 to 5x5, windows
of 2 to 4, 50, 80 or 100 % of the windows live), on one thread, by CPU time, the best of several runs of about a
millisecond. The dense way's spreading is shared by its two gradients. Then: how often `prefers_sparse` picks the
faster, and the largest loss where it does not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from harness import replay_ns

from fastnn import _core
from fastnn._core import empty
from fastnn.ops.conv import input_gradient, kernel_gradient, sizes_of
from fastnn.ops.conv_pool import covered, expanded, pool_sizes
from fastnn.ops.conv_pool_bwd import prefers_sparse, sparse_input_gradient, sparse_kernel_gradient
from fastnn.ops.window import window

RUNS, RUN_NS, MOST_FLOPS = 15, 700_000, 4e8
# (n, h, w, c), (kernel, oc), window, padding, live: the reference CNN's two layers, the CIFAR CNN's, LeNet's
NETWORKS: list[tuple[Any, ...]] = [
    ((32, 28, 28, 1), (4, 32), 3, "valid", 0.8), ((32, 8, 8, 32), (4, 64), 3, "valid", 0.8),
    ((4, 32, 32, 32), (3, 32), 2, "same", 0.8), ((8, 16, 16, 64), (3, 64), 2, "same", 0.8),
    ((32, 28, 28, 1), (5, 6), 2, "same", 0.8), ((32, 14, 14, 6), (5, 16), 2, "valid", 0.8),
    ((32, 28, 28, 1), (3, 32), 2, "valid", 0.8), ((8, 13, 13, 32), (3, 64), 2, "valid", 0.8),
    ((4, 32, 32, 3), (3, 32), 2, "same", 0.8), ((8, 8, 8, 128), (3, 128), 2, "same", 0.8),
]  # fmt: skip


def shapes(count: int) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(4)
    found = list(NETWORKS)
    while len(found) < count:
        c, oc = (int(rng.choice([1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128])) for _ in range(2))
        size = int(rng.choice([4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32]))
        k, pool = int(rng.integers(1, 6)), int(rng.integers(2, 5))
        padding, live = str(rng.choice(["same", "valid"])), float(rng.choice([0.5, 0.8, 1.0]))
        out = size if padding == "same" else size - k + 1
        if out < pool:
            continue
        flops = 2.0 * out * out * k * k * c * oc
        n = int(min(32, MOST_FLOPS // flops))
        if n:
            found.append(((n, size, size, c), (k, oc), pool, padding, live))
    return found


def best_ns(call: Callable[[], Any]) -> float:
    program = _core.Program()
    with program.record():
        call()
    steps = max(1, int(RUN_NS / min(replay_ns(program) for _ in range(3))))
    return min(replay_ns(program, steps) for _ in range(RUNS))


def measure(shape: Any, kernel: Any, pool_size: int, padding: str, live: float) -> dict[str, Any]:
    """Nanoseconds of the sparse and the dense gradients and of the spreading, and what the rule says."""
    (k, oc), c, dtype = kernel, shape[3], np.dtype(np.float32)
    spot = window("bench", shape[1:3], (k, k), 1, padding)
    pool = pool_sizes(window("bench", spot.output, (pool_size, pool_size), pool_size, "valid"))
    sizes = sizes_of(shape, (k, k, c, oc), spot) | covered(pool)
    pooled = (shape[0], pool["pooled_h"], pool["pooled_w"], oc)
    rng = np.random.default_rng(1)
    x, weights, dz = (empty(s, dtype) for s in (shape, (k, k, c, oc), pooled))
    for array in (x, weights, dz):
        array[...] = rng.standard_normal(array.shape)
    code = rng.integers(0, pool_size**2, pooled).astype(np.uint8)
    code[rng.random(pooled) > live] = 255
    dx, dkernel, dbias = empty(x.shape, dtype), empty(weights.shape, dtype), empty((oc,), dtype)
    dy = expanded(dz, code, sizes, pool)
    return {
        "sizes": sizes, "pool": pool, "live": live,
        "sparse_input": best_ns(lambda: sparse_input_gradient(dx, dz, code, weights, sizes, pool)),
        "sparse_kernel": best_ns(lambda: sparse_kernel_gradient(dkernel, dbias, x, dz, code, sizes, pool)),
        "spread": best_ns(lambda: expanded(dz, code, sizes, pool)),
        "dense_input": best_ns(lambda: input_gradient(dx, dy, weights, sizes)),
        "dense_kernel": best_ns(lambda: kernel_gradient(dkernel, dbias, x, dy, sizes)),
    }  # fmt: skip


def main(count: int) -> None:
    _core.set_num_threads(1)
    print(f"{_core.isa()}, one thread, float32; us of the batch; spreading is in the dense figures, one half in each")
    heads = [f"{f'{name}: sparse':>17}    dense  ratio  rule  " for name in ("input", "kernel")]
    print("   n map   c  oc   kpool live" + "".join(heads))
    right = {"input": 0, "kernel": 0}
    worst = {"input": 1.0, "kernel": 1.0}
    gained = {"input": 1.0, "kernel": 1.0}
    for case in shapes(count):
        row = measure(*case)
        sizes, line = row["sizes"], ""
        for name, sparse in zip(("input", "kernel"), prefers_sparse(sizes, row["pool"]), strict=True):
            times = row[f"dense_{name}"] + row["spread"] / 2, row[f"sparse_{name}"]
            right[name] += times[sparse] <= times[not sparse]
            worst[name] = max(worst[name], times[sparse] / min(times))
            gained[name] *= (times[0] / times[sparse]) ** (1 / count)
            ratio, choice = times[0] / times[1], "sparse" if sparse else "dense"
            line += f"{times[1] / 1e3:17.1f}{times[0] / 1e3:9.1f}{ratio:7.2f}  {choice:6}"
        shape = [sizes[name] for name in ("n", "h", "c", "oc", "kh")] + [row["pool"]["pool_h"]]
        print("".join(f"{number:4}" for number in shape) + f"{row['live']:5}" + line, flush=True)
    for name in right:
        print(
            f"{name}: the rule picks the faster way {right[name]} of {count} times, loses a factor of {worst[name]:.2f}"
            f" at most, and gains {gained[name]:.2f} on average over dense"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
