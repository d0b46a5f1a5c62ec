"""One library at one number of threads: prepares what it is told to and runs timed chunks of it, on command.

    python bench/peers/worker.py PEER THREADS

One command per line on stdin, one answer per line on stdout, both JSON. Between commands the process sleeps in a read.
It is bound to as many processors as it may use before the library is loaded, so none can use more.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHUNK_SECONDS = 0.2
WARM_SECONDS = 0.3


def restrict(threads: int) -> None:
    """Bind the process and tell every library in its environment, before any is loaded."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    for name in ("OMP", "MKL", "OPENBLAS", "FASTNN"):
        os.environ[f"{name}_NUM_THREADS"] = str(threads)
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["JAX_PLATFORMS"] = "cpu"


class Worker:
    """Keeps what is prepared."""

    def __init__(self, peer: str, threads: int) -> None:
        from works import PEERS

        module, variant = PEERS[peer]
        self.library = importlib.import_module(module).Library(threads, variant)
        self.chunk: Callable[[int], Any] | None = None
        self.reset: Callable[[], None] | None = None
        self.rounds = self.items = 1

    def prepare(self, work: str, file: str) -> dict[str, Any]:
        """Build, train the checked steps (where there are any), warm up, and find how long a chunk has to be."""
        import numpy as np
        from works import WORKS

        self.chunk = self.reset = None
        todo = next(w for w in WORKS if w.name == work)
        answer: dict[str, Any] = {}
        if todo.kind == "gemm":
            self.chunk, self.items = self.library.gemm(todo.size), 1
        else:
            stored = np.load(file)
            x, y = stored["x"], stored["y"]
            weights = [stored[f"weight{i}"] for i in range(sum(name.startswith("weight") for name in stored.files))]
            if todo.kind == "train":
                trainer = self.library.trainer(todo.network, x, y, weights, todo.batch)
                answer["losses"] = self.checked_losses(trainer, todo, x, y)
                trainer.reset()
                self.chunk = lambda epochs: trainer.run(epochs, shuffle=True)
                self.reset, self.items = trainer.reset, todo.steps
            else:
                which = {"infer": "predictor", "call": "caller", "call predict": "predict_caller"}[todo.kind]
                self.chunk = getattr(self.library, which)(todo.network, x, weights, todo.batch)
                self.items = todo.samples
                outputs = np.asarray(self.chunk(1), np.float64)
                answer["outputs"] = getattr(self.library, "to_logits", lambda z: z)(outputs)[-1:].ravel().tolist()
        self.rounds = self.calibrated()
        return answer

    def checked_losses(self, trainer: Any, todo: Any, x: Any, y: Any) -> dict[str, float]:
        """Mean of the training loss in the order of the data, and the loss after that."""
        from works import CHECKED_STEPS

        n = min(CHECKED_STEPS, todo.steps) * todo.batch
        mean = trainer.check(x[:n], y[:n], CHECKED_STEPS * todo.batch // n)
        return {"training": float(mean), "after": loss_of(trainer.logits(x[:n]), y[:n], todo.network.loss)}

    def calibrated(self) -> int:
        """Warm up; the number of epochs, passes or calls that take `CHUNK_SECONDS`."""
        assert self.chunk is not None
        rounds, spent = 1, 0.0
        self.chunk(1)
        while True:
            begin = time.perf_counter()
            self.chunk(rounds)
            seconds = time.perf_counter() - begin
            spent += seconds
            if spent >= WARM_SECONDS and seconds >= CHUNK_SECONDS / 4:
                return max(1, math.ceil(rounds * CHUNK_SECONDS / seconds))
            if seconds < CHUNK_SECONDS / 4:
                rounds = max(2 * rounds, math.ceil(rounds * CHUNK_SECONDS / 2 / max(seconds, 1e-6)))

    def run(self) -> dict[str, float]:
        """A timed chunk."""
        assert self.chunk is not None
        if self.reset is not None:
            self.reset()
        extra = {}
        if hasattr(self.library, "peak"):
            extra["peak"] = self.library.peak()
        cpu, begin = time.process_time(), time.perf_counter()
        self.chunk(self.rounds)
        seconds = time.perf_counter() - begin
        cores = (time.process_time() - cpu) / seconds
        return {"us": seconds / (self.rounds * self.items) * 1e6, "seconds": seconds, "cores": cores, **extra}


def loss_of(logits: Any, y: Any, kind: str) -> float:
    """The mean loss, in float64 NumPy."""
    import numpy as np

    z = np.asarray(logits, np.float64)
    if kind == "binary":
        z = z.reshape(-1)
        return float(np.mean(np.logaddexp(0, z) - z * y))
    return float(np.mean(np.logaddexp.reduce(z, axis=1) - z[np.arange(len(z)), y]))


def main() -> int:
    peer, threads = sys.argv[1], int(sys.argv[2])
    restrict(threads)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not look like an answer
    sys.path.insert(0, str(Path(__file__).parents[1]))
    worker: Worker | None = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if worker is None:
                worker = Worker(peer, threads)
            answer = worker.run() if command["do"] == "run" else worker.prepare(command["work"], command["file"])
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
