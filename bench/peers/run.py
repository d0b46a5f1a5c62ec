"""fastnn beside other libraries: the same work, the same arrays and initial weights, one process per library.

    python bench/peers/run.py                                        everything; writes bench/results/peers.json
    python bench/peers/run.py --works "batch 32" --peers PyTorch     some (parts of names); writes nothing unless --json
    python bench/peers/run.py --rounds 2 --threads 1 --list

For every work and number of threads all libraries prepare in their processes, warm up and, where they train, run 50
steps in the order of the data, after which all losses must agree to 1e-3. Then fastnn and each other library take turns
(fastnn, A, fastnn, B, ...; one runs, the others sleep), as often as --rounds says; medians are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from machine import machine
from networks import data, forward_flops, initial_weights
from peers.rss import peak_rss
from peers.works import CHECKED_LOSS, PEERS, WORKS, Work

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "peers.json"
PACKAGES = ("torch", "tensorflow-cpu", "jax", "keras", "onnxruntime", "scikit-learn", "numpy")
REST_SECONDS = 0.05  # without any processor time of a library before the next one runs: threads spin when work ends
MOST_REST_SECONDS = 2.0
MOST_CORES = 1.1  # that a library with one thread may keep busy


class Remote:
    """A worker process."""

    def __init__(self, peer: str, threads: int, log: Any) -> None:
        self.peer, self.threads = peer, threads
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "MKL_", "KMP_", "GOMP_"))}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), peer, str(threads)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=log, text=True, env=environment,
        )  # fmt: skip

    def ask(self, **command: Any) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": f"ended with {self.process.wait()}"}
        return answer

    def used(self) -> int:
        """Ticks of processor time so far; 0 where the system does not tell."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0
        return int(fields[11]) + int(fields[12])

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


class Comparison:
    """Runs the works and collects figures and complaints."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.log = (folder / "workers.log").open("w")
        self.remotes: dict[tuple[str, int], Remote] = {}
        self.rows: list[dict[str, Any]] = []
        self.complaints: list[str] = []

    def remote(self, peer: str, threads: int) -> Remote:
        if (peer, threads) not in self.remotes:
            self.remotes[peer, threads] = Remote(peer, threads, self.log)
        return self.remotes[peer, threads]

    def complain(self, text: str) -> None:
        self.complaints.append(text)
        print(f"!! {text}", flush=True)

    def file_of(self, work: Work) -> str:
        """The arrays that all libraries load."""
        if work.network is None:
            return ""
        samples = work.samples
        path = self.folder / f"{work.network.name}-{samples}.npz"
        if not path.exists():
            x, y = data(work.network, samples)
            weights = {f"weight{i}": w for i, w in enumerate(initial_weights(work.network))}
            np.savez(path, x=x, y=y, **weights)
        return str(path)

    def chosen(self, work: Work) -> list[str]:
        wanted = self.options.peers
        return [p for p in work.peers if wanted is None or any(part.lower() in p.lower() for part in wanted)]

    # ---- one work at one number of threads -----------------------------------------------------------------------

    def run(self, work: Work, threads: int) -> None:
        print(f"\n{work.name}, {threads} thread{'s' * (threads > 1)}", flush=True)
        ready: dict[str, dict[str, Any]] = {}
        for peer in ["fastnn", *self.chosen(work)]:
            begin = time.perf_counter()
            answer = self.remote(peer, threads).ask(do="prepare", work=work.name, file=self.file_of(work))
            if "error" in answer:
                self.complain(f"{work.name}, {peer}, {threads} threads: {answer['error']}")
                if peer == "fastnn":
                    return
                continue
            ready[peer] = {**answer, "prepared": time.perf_counter() - begin}
        self.check_agreement(work, threads, ready)
        samples: dict[str, list[dict[str, float]]] = {peer: [] for peer in ready}

        def chunk(peer: str) -> None:
            self.rest()
            answer = self.remote(peer, threads).ask(do="run")
            if "error" in answer:
                self.complain(f"{work.name}, {peer}, {threads} threads: {answer['error']}")
            else:
                samples[peer].append(answer)

        for _ in range(self.options.rounds):
            for peer in [p for p in ready if p != "fastnn"] or ["fastnn"]:
                chunk("fastnn")
                if peer != "fastnn":
                    chunk(peer)
        row: dict[str, Any] = {"work": work.name, "threads": threads, "peers": {}}
        for peer, taken in samples.items():
            if not taken:
                continue
            times = [s["us"] for s in taken]
            cores = statistics.median(s["cores"] for s in taken)
            row["peers"][peer] = {
                "us": statistics.median(times), "least": min(times), "most": max(times), "rounds": len(times),
                "cores": cores, "prepared_seconds": ready[peer]["prepared"], **ready[peer].get("losses", {}),
            }  # fmt: skip
            if threads == 1 and cores > MOST_CORES:
                self.complain(f"{work.name}: {peer} keeps {cores:.2f} cores busy with one thread")
            if peer == "fastnn":
                self.add_share(row, work, taken)
            print(f"  {peer:14}{row['peers'][peer]['us']:12.2f} us   ({min(times):.2f} ... {max(times):.2f}, "
                  f"{cores:.2f} cores, {len(times)} chunks; prepared in {ready[peer]['prepared']:.1f} s)", flush=True)
        self.rows.append(row)

    def add_share(self, row: dict[str, Any], work: Work, taken: list[dict[str, float]]) -> None:
        """The share of the peak measured just before each chunk, where the work is one of arithmetic."""
        if work.kind == "gemm":
            flops = 2.0 * work.size**3
        elif work.kind == "infer" and work.network is not None:
            flops = forward_flops(work.network)
        else:
            return
        row["gflops"] = flops / row["peers"]["fastnn"]["us"] / 1e3
        row["peak_gflops"] = max(s["peak"] for s in taken)  # a ceiling: what disturbs its measurement lowers it
        # The peak of one thread is taken by its CPU time: then another process on the core slows neither.
        us = statistics.median(s["us"] * (s["cores"] if row["threads"] == 1 else 1.0) for s in taken)
        row["share_of_peak"] = flops / us / 1e3 / row["peak_gflops"]

    def check_agreement(self, work: Work, threads: int, ready: dict[str, dict[str, Any]]) -> None:
        """All losses (or outputs) are those of fastnn, to 1e-3."""
        for peer, answer in ready.items():
            for name in ("losses", "outputs"):
                mine, theirs = (np.array(flat(found.get(name))) for found in (ready["fastnn"], answer))
                if not np.all(abs(theirs - mine) <= CHECKED_LOSS * abs(mine).max(initial=0)):
                    self.complain(f"{work.name}, {threads} threads: {name} of {peer} are {theirs}, of fastnn {mine}")

    def rest(self) -> None:
        """Wait until all libraries sleep."""
        end = time.perf_counter() + MOST_REST_SECONDS
        used = -1
        while used != (used := sum(remote.used() for remote in self.remotes.values())) and time.perf_counter() < end:
            time.sleep(REST_SECONDS)

    # ---- threads and memory -------------------------------------------------------------------------------------

    def compare_threads(self, work: Work, most: int) -> dict[str, Any]:
        """fastnn with 1 and with `most` threads in turns, beside how the peak grows."""
        for threads in (1, most):
            self.remote("fastnn", threads).ask(do="prepare", work=work.name, file=self.file_of(work))
        taken: dict[int, list[dict[str, float]]] = {1: [], most: []}
        for _ in range(max(self.options.rounds, 5)):
            for threads in (1, most):
                self.rest()
                taken[threads].append(self.remote("fastnn", threads).ask(do="run"))
        one, all_ = ([s["us"] for s in taken[threads]] for threads in (1, most))
        peaks = [max(s["peak"] for s in taken[threads]) for threads in (1, most)]
        gain = statistics.median(a / b for a, b in zip(one, all_, strict=True))
        row = {"work": work.name, "threads": most, "gain": gain, "peak_gain": peaks[1] / peaks[0]}
        print(f"  {work.name:50} {gain:5.2f}x with {most} threads; the calibration kernel {row['peak_gain']:.2f}x",
              flush=True)
        return row

    def end(self) -> None:
        for remote in self.remotes.values():
            remote.end()


def flat(value: Any) -> list[float]:
    """The numbers of a dict or of a list."""
    return [] if value is None else list(value.values() if isinstance(value, dict) else value)


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", nargs="+", metavar="PART", help="only works whose names have one of these parts")
    parser.add_argument("--peers", nargs="+", metavar="PART", help="only libraries whose names have one of these parts")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5, help="turns of each library (default 5)")
    parser.add_argument("--json", type=Path, help=f"write the figures here (default, for everything: {RESULTS.name})")
    parser.add_argument("--no-rss", action="store_true", help="leave out the measurement of memory")
    parser.add_argument("--no-scaling", action="store_true", help="leave out fastnn with 1 thread beside all threads")
    parser.add_argument("--list", action="store_true", help="name works and libraries, and stop")
    return parser.parse_args()


def main() -> int:
    options = parse()
    if options.list:
        print("\n".join([w.name for w in WORKS] + ["", *PEERS]))
        return 0
    works = [w for w in WORKS if options.works is None or any(part.lower() in w.name.lower() for part in options.works)]
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = [n for n in options.threads if n <= available]
    result: dict[str, Any] = {"machine": machine(), "versions": versions(), "rounds": options.rounds}
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="fastnn-peers-") as temporary:
        comparison = Comparison(options, Path(temporary))
        try:
            for n in threads:
                for work in works:
                    comparison.run(work, n)
                for peer, running in [key for key in comparison.remotes if key[0] != "fastnn"]:
                    comparison.remotes.pop((peer, running)).end()
            result["rows"] = comparison.rows
            if max(threads) > 1 and not options.no_scaling:
                print("\nfastnn with one thread and with several, in turns", flush=True)
                result["scaling"] = [comparison.compare_threads(work, max(threads)) for work in works]
            if not options.no_rss:
                result["rss"] = peak_rss(comparison.complain)
        finally:
            comparison.end()
            if comparison.complaints:
                print(f"\nfrom the workers' log:\n{(Path(temporary) / 'workers.log').read_text()[-4000:]}")
    result |= {"complaints": comparison.complaints, "seconds": time.perf_counter() - begin}
    target = options.json or (RESULTS if options.works is None and options.peers is None else None)
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(result, indent=1) + "\n")
    from peers.report import terminal

    print("\n" + terminal(result))
    print(f"\n{result['seconds']:.0f} seconds" + (f"; written to {target}" if target else ""))
    for text in comparison.complaints:
        print(f"!! {text}")
    return 1 if comparison.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
