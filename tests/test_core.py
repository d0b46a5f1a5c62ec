"""The binding: buffers, launch's checks, thread policy, fork guard, instruction sets."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fastnn import _core

F32 = np.dtype(np.float32)


def accumulate(x, y, **more):
    _core.launch("accumulate", y.dtype, x=x, y=y, n=y.size, **more)


def python(code, **environment):
    """A fresh interpreter with extra environment variables; its completed process."""
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )


# ---- buffers


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 5), (2, 0, 4), (100, 7, 3)])
def test_empty_is_aligned_and_contiguous(shape):
    x = _core.empty(shape, np.float32)
    assert x.shape == shape and x.dtype == F32 and x.flags.c_contiguous and x.flags.writeable
    assert x.ctypes.data % 64 == 0


def test_empty_rejects_negative_extents():
    with pytest.raises(ValueError, match="at least 0"):
        _core.empty((2, -1), np.float32)


@pytest.mark.parametrize("shape", [(3 << 60,), (1 << 62, 4), (1 << 64,), ((1 << 61) - 1, 4), (1 << 31, 1 << 31, 2)])
def test_more_bytes_than_can_be_counted_are_an_error(shape):
    """Some of these sizes are small again, as a product in 64 bits."""
    with pytest.raises(MemoryError, match="an array of shape .*, dtype float32, cannot be allocated"):
        _core.empty(shape, np.float32)


def test_a_dead_array_is_reused():
    address = _core.empty((1000,), np.float32).ctypes.data
    assert _core.empty((1000,), np.float32).ctypes.data == address


def test_memory_lives_as_long_as_a_view():
    view = _core.zeros((1000,), np.float32)[::2]
    other = [_core.empty((1000,), np.float32) for _ in range(8)]
    for x in other:
        x.fill(1)
    assert not view.any()


def test_trim_empties_the_pool():
    del_me = _core.empty((5000,), np.float32)
    del del_me
    assert _core.memory_info()["cached"] > 0
    _core.trim()
    assert _core.memory_info()["cached"] == 0


def test_zeros_of_every_dtype():
    for dtype in (np.uint8, np.int64, np.float32, np.float64, np.bool_):
        dirty = _core.empty((77,), dtype)
        dirty.fill(1)
        del dirty
        assert not _core.zeros((77,), dtype).any()


# ---- launch


def test_launch_runs_float32_and_float64():
    for dtype in (np.float32, np.float64):
        y = np.arange(37, dtype=dtype)
        accumulate(np.ones(37, dtype), y)
        np.testing.assert_array_equal(y, np.arange(37) + 1)


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        ({"x": np.ones(4, np.float32), "n": 4}, TypeError, "field 'y' is missing"),
        ({"x": np.ones(4, np.float32), "y": np.ones(4, np.float32), "n": 4, "z": 1}, TypeError, r"\['z'\]"),
        ({"x": np.ones(4), "y": np.ones(4, np.float32), "n": 4}, TypeError, "'x' has the wrong dtype float64"),
        ({"x": np.ones(3, np.float32), "y": np.ones(4, np.float32), "n": 4}, ValueError, "'x' needs 16 bytes"),
        ({"x": [1.0], "y": np.ones(4, np.float32), "n": 4}, TypeError, "must be an ndarray; got list"),
        ({"x": None, "y": np.ones(4, np.float32), "n": 4}, TypeError, "must be an array; got None"),
        ({"x": np.ones(4, np.float32)[::-1], "y": np.ones(4, np.float32), "n": 4}, ValueError, "negative strides"),
        ({"x": np.ones(4, ">f4"), "y": np.ones(4, np.float32), "n": 4}, TypeError, "native byte order"),
    ],
)
def test_launch_rejects(fields, error, text):
    with pytest.raises(error, match=text):
        _core.launch("accumulate", F32, **fields)


def test_launch_rejects_a_read_only_output():
    y = np.ones(4, np.float32)
    y.flags.writeable = False
    with pytest.raises(ValueError, match="'y' is written, but the array is read-only"):
        accumulate(np.ones(4, np.float32), y)


def test_launch_rejects_unknown_kernels_and_dtypes():
    with pytest.raises(ValueError, match="no kernel is called 'acumulate'"):
        _core.launch("acumulate", F32)
    with pytest.raises(TypeError, match="float32 and float64"):
        _core.launch("accumulate", np.int32)


def test_every_kernel_writes_something_and_names_are_unique():
    for name, fields in _core.kernel_table_of_contents().items():
        assert any(role in ("out", "out?", "inout") for _, role, _ in fields), name
        assert len({field for field, _, _ in fields}) == len(fields), name


def test_trace_notes_launches():
    x, y = np.ones(4, np.float32), np.ones(4, np.float32)
    with _core.trace() as launches:
        accumulate(x, y)
    assert [(name, dtype) for name, dtype, _ in launches] == [("accumulate", "float32")]
    assert launches[0][2]["x"] is x


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_launch_gives_the_same_for_any_number_of_threads(n):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 1001)).astype(np.float32)
    want = x + y
    with _core.simulate_threads(n):
        accumulate(x, y)
    np.testing.assert_array_equal(y, want)


def test_real_threads_share_a_large_launch():
    x, y = np.ones((2, 4_000_001), np.float32)
    accumulate(x, y)
    assert (y == 2).all()


# ---- threads


def test_set_num_threads_limits_and_resets():
    before = _core.get_num_threads()
    _core.set_num_threads(1)
    assert _core.get_num_threads() == 1
    _core.set_num_threads(None)
    assert _core.get_num_threads() == before


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_set_num_threads_rejects(n, error):
    with pytest.raises(error, match="set_num_threads: n must be"):
        _core.set_num_threads(n)


def test_environment_sets_the_number_of_threads():
    code = "from fastnn import _core; print(_core.get_num_threads(), _core.threads_reason())"
    done = python(code, FASTNN_NUM_THREADS="1")
    assert done.stdout.startswith("1 1: "), done
    if _core.build_info()["openmp"]:
        assert "FASTNN_NUM_THREADS" in done.stdout
        done = python(code, FASTNN_NUM_THREADS="", OMP_NUM_THREADS="1")
        assert done.stdout.startswith("1 1: limited by OpenMP's limit")


@pytest.mark.parametrize("text", ["0", "two", "-3"])
def test_a_bad_environment_is_one_error(text):
    done = python("import fastnn._core", FASTNN_NUM_THREADS=text)
    assert done.returncode and f"must be an integer of at least 1; got '{text}'" in done.stderr


FORK = """
import os, signal, numpy as np
from fastnn import _core
x, y = np.ones((2, 4_000_000), np.float32)
def work():
    _core.launch("accumulate", y.dtype, x=x, y=y, n=y.size)
work()
child = os.fork()
if child == 0:
    signal.alarm(30)                 # a hang ends the child with a signal
    work()
    os._exit(0 if _core.get_num_threads() == 1 and y[0] == 3 and y[-1] == 3 else 1)
status = os.waitpid(child, 0)[1]
work()
print(status, y[0], y[-1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_forked_child_computes_serially_and_does_not_hang():
    done = python(FORK)
    assert done.stdout.split() == ["0", "3.0", "3.0"], done


# ---- instruction sets


def test_isas_end_with_generic_and_the_best_is_chosen():
    assert _core.isas()[-1] == "generic"
    if not os.environ.get("FASTNN_ISA"):
        assert _core.isa() == _core.isas()[0]


def test_environment_forces_the_instruction_set():
    for name in _core.isas():
        assert python("from fastnn import _core; print(_core.isa())", FASTNN_ISA=name).stdout.strip() == name


def test_an_instruction_set_the_cpu_lacks_is_an_error():
    done = python("import fastnn._core", FASTNN_ISA="avx1024")
    assert done.returncode == 1 and "the instruction set must be one of" in done.stderr
    assert "avx1024" in done.stderr


def test_flush_to_zero_of_the_caller_does_not_reach_kernels():
    tiny = np.full(4, 1e-40, np.float32)
    y = np.zeros(4, np.float32)
    accumulate(tiny, y)
    np.testing.assert_array_equal(y, tiny)
