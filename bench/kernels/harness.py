"""Times one kernel call against the peak of the cores it runs on.

`measure` records the call as a Program and replays it: a C loop over the kernels' public entries without Python's
share. Hot: replays back to back. Cold: one replay after 64 MB of other data went through the caches. Every round stands
between runs of the kernel ``fma_peak`` (12 register-only multiply-add chains of the same ISA and type, compiled and
launched like any kernel), so that a change of clock moves both; a fraction above 1.0 means that a measurement is wrong,
and fails. One thread is timed by its CPU time, so that a busy machine costs cache misses only; several by the clock on
the wall.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import _core

ROUNDS, COLD_ROUNDS, ROUND_NS = 30, 10, 400_000
HEADER = (
    f"{'kernel':30}{'type':9}{'ISA':9}{'thr':>4}{'peak':>7}{'hot median':>17}{'hot best':>17}{'cold median':>17}"
    f"{'cold best':>17}{'NumPy':>7}   GFLOP/s (fraction of the peak)"
)
rows: list[str] = []
BYTES_HEADER = (
    f"{'kernel':30}{'type':9}{'ISA':9}{'thr':>4}{'MB':>8}{'copy':>7}{'hot median':>17}{'hot best':>17}"
    "   GB/s (ratio to copying as many bytes)"
)
byte_rows: list[str] = []


def clock() -> int:
    """Nanoseconds."""
    return time.thread_time_ns() if _core.get_num_threads() == 1 else time.perf_counter_ns()


_other_data = np.ones(64 << 20, np.uint8)  # ones: untouched zeros would share one page


def peak(dtype: Any) -> float:
    """FLOP per ns that the threads in use do now on registers: the best of a few runs of 0.4 ms and more."""
    dtype = np.dtype(dtype)
    lanes, threads, n = 64 // dtype.itemsize, _core.get_num_threads(), 250_000
    y = _core.empty((lanes * threads,), dtype)
    times = []
    for _ in range(2 if threads == 1 else 8):  # several threads have to be woken and spread over the cores first
        begin = clock()
        _core.launch("fma_peak", dtype, y=y, n=n)
        times.append(clock() - begin)
    return 24 * lanes * n * threads / min(times)


def replay_ns(program: _core.Program, steps: int = 1) -> float:
    """Nanoseconds per step."""
    begin = clock()
    program.replay(steps=steps, threads=_core.get_num_threads())
    return (clock() - begin) / steps


def numpy_ns(call: Callable[[], Any]) -> float:
    """Nanoseconds of the fastest of a few calls, on as many threads as fastnn uses."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(_core.get_num_threads()):
        times = []
        for _ in range(12):
            begin = clock()
            call()
            times.append(clock() - begin)
    return min(times)


def measure(
    benchmark: Any,
    name: str,
    call: Callable[[], Any],
    flops: float,
    dtype: Any,
    numpy_call: Callable[[], Any] | None = None,
) -> dict[str, float]:
    """Add a row to the table and to pytest-benchmark's JSON.

    Parameters
    ----------
    benchmark : the pytest-benchmark fixture
    name : str
        Kernel and shape, the row's label.
    call : callable
        Launches what is timed: packing, haloing and whatever else the operation needs.
    flops : float
        Floating point operations in one call that the mathematics asks for (padding does not count).
    dtype : float32 or float64
    numpy_call : callable, optional
        The same in NumPy.
    """
    program = _core.Program()
    with program.record():
        call()
    steps = max(1, int(ROUND_NS / min(replay_ns(program) for _ in range(3))))
    peaks: list[float] = []
    hot: list[float] = []
    benchmark.pedantic(  # its own figures are of the wall clock
        lambda: hot.append(flops / replay_ns(program, steps)), setup=lambda: peaks.append(peak(dtype)), rounds=ROUNDS,
        warmup_rounds=3,
    )
    if benchmark.stats is None:  # --benchmark-disable
        return {}
    hot, peaks = hot[-ROUNDS:], [*peaks[-ROUNDS:], peak(dtype)]
    cold = []
    for _ in range(COLD_ROUNDS):
        _other_data.max()
        cold.append(flops / replay_ns(program))
    top, usual = max(peaks), statistics.median(peaks)
    result = {
        "hot_median": statistics.median(h / max(around) for h, *around in zip(hot, peaks, peaks[1:], strict=False)),
        "hot_best": max(hot) / top,
        "cold_median": statistics.median(cold) / usual,
        "cold_best": max(cold) / top,
    }
    beside = f"{flops / numpy_ns(numpy_call):7.0f}" if numpy_call else f"{'':7}"
    figures = "".join(f"{f * (top if k.endswith('best') else usual):9.0f} ({f:5.3f})" for k, f in result.items())
    label = f"{name:30}{np.dtype(dtype).name:9}{_core.isa():9}{_core.get_num_threads():4}"
    rows.append(f"{label}{top:7.0f}{figures}{beside}")
    benchmark.extra_info.update(
        result, kernel=name, dtype=np.dtype(dtype).name, isa=_core.isa(), threads=_core.get_num_threads(), flops=flops,
        peak=top,
    )
    assert max(result.values()) <= 1.0, f"faster than the peak, so a measurement is wrong: {rows[-1]}"
    return result


def measure_bytes(benchmark: Any, name: str, call: Callable[[], Any], nbytes: int, dtype: Any) -> dict[str, float]:
    """Like `measure`, for what memory bounds: GB/s, each round paired with copies that move as many bytes.

    Parameters
    ----------
    nbytes : int
        Read and written by one call.
    """
    program = _core.Program()
    with program.record():
        call()
    source, target = np.ones(nbytes // 2, np.uint8), np.ones(nbytes // 2, np.uint8)

    def copy_rate() -> float:
        begin = clock()
        np.copyto(target, source)
        return nbytes / (clock() - begin)

    steps = max(1, int(ROUND_NS / min(replay_ns(program) for _ in range(3))))
    copies: list[float] = []
    hot: list[float] = []
    benchmark.pedantic(
        lambda: hot.append(nbytes / replay_ns(program, steps)), rounds=ROUNDS, warmup_rounds=3,
        setup=lambda: copies.append(max(copy_rate() for _ in range(3))),
    )
    if benchmark.stats is None:  # --benchmark-disable
        return {}
    hot, copies = hot[-ROUNDS:], copies[-ROUNDS:]
    result = {
        "hot_median": statistics.median(h / c for h, c in zip(hot, copies, strict=True)),
        "hot_best": max(hot) / max(copies),
    }
    figures = f"{statistics.median(hot):9.0f} ({result['hot_median']:5.3f}){max(hot):9.0f} ({result['hot_best']:5.3f})"
    label = f"{name:30}{np.dtype(dtype).name:9}{_core.isa():9}{_core.get_num_threads():4}"
    byte_rows.append(f"{label}{nbytes / 1e6:8.1f}{max(copies):7.0f}{figures}")
    benchmark.extra_info.update(
        result, kernel=name, dtype=np.dtype(dtype).name, isa=_core.isa(), threads=_core.get_num_threads(),
        nbytes=nbytes, copy=max(copies),
    )
    return result
