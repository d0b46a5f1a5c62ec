"""Program: noted launches replay to the same bits as eager ones, in any number of threads."""

import os
import resource
import sys

import numpy as np
import pytest

from fastnn import _core, ops


def add(x, y):
    _core.launch("accumulate", y.dtype, x=x, y=y, n=y.size)


def step(x, total):
    """total += 2 * (x + x), through two arrays of the step's own."""
    a = _core.zeros(x.shape, x.dtype)
    add(x, a)
    add(x, a)
    b = _core.zeros(x.shape, x.dtype)
    add(a, b)
    del a
    c = _core.zeros(x.shape, x.dtype)
    add(b, c)
    add(c, b)
    add(b, total)


@pytest.mark.parametrize("n", [1, 1000, 300_000])
@pytest.mark.parametrize("threads", [1, 2])
def test_replay_matches_eager(n, threads):
    _core.set_num_threads(threads)
    try:
        x = np.random.default_rng(0).standard_normal(n).astype(np.float32)
        eager, replayed = np.zeros((2, n), np.float32)
        for _ in range(7):
            step(x, eager)
        program = _core.Program()
        with program.record():
            step(x, replayed)
        assert program.replay(6) == 6
        assert eager.tobytes() == replayed.tobytes()
    finally:
        _core.set_num_threads(None)


def test_the_arena_reuses_what_died():
    x = np.ones(100_000, np.float32)
    program = _core.Program()
    with program.record():
        step(x, np.zeros_like(x))
    assert program.info()["arena_bytes"] < 2.6 * x.nbytes
    assert program.info()["kernels"].count("accumulate") == 6


def test_barriers_stand_only_where_threads_meet():
    x, y, z, w = np.ones((4, 900_000), np.float32)
    program = _core.Program()
    with program.record():
        add(x, y)  # independent of the next
        add(z, w)
        add(y, w)  # needs both
    info = program.info()
    assert info["barriers"] == (1 if info["threads"] > 1 else 0)


def test_equal_steps_are_equal_programs_and_others_are_not():
    x, total = np.ones((2, 5000), np.float32)
    programs = [_core.Program() for _ in range(3)]
    for program in programs[:2]:
        with program.record():
            step(x, total)
    with programs[2].record():
        step(x, total)
        add(x, total)
    assert programs[0].same_as(programs[1])
    assert not programs[0].same_as(programs[2])


def test_bind_reads_another_input_and_keeps_none():
    x, total = np.ones(50, np.float32), np.zeros(50, np.float32)
    program = _core.Program()
    with program.record((None, x)):
        step(x, total)
    users = sys.getrefcount(x)
    other = np.full(50, 10, np.float32)
    program.bind((None, other))
    program.replay(1)
    np.testing.assert_array_equal(total, 4 + 40)
    assert sys.getrefcount(other) == users  # those of the local variable and the call


def test_rebind_takes_over_another_layout():
    wide, total = np.arange(12.0, dtype=np.float32).reshape(6, 2), np.zeros((3, 2), np.float32)
    position = np.zeros(1, np.int64)

    def gather(source):
        rows = ops.gather_rows(source, None, 0, 3, np.float32, position)
        add(rows, total)

    program = _core.Program()
    with program.record((wide,)):
        gather(wide)
    narrow = np.array([[100, 0], [200, 0], [300, 1], [400, 0]], np.uint16)[::-1]
    with program.rebind((narrow,)):
        ops.gather_rows(narrow, None, 0, 3, np.float32, position)
    position[0] = 1
    program.replay(1)
    np.testing.assert_array_equal(total, wide[:3] + narrow[1:4])
    position[0] = 2
    with pytest.raises(ValueError, match="inside the data .4 rows."):
        program.replay(1)
    with pytest.raises(RuntimeError, match="not the launches"), program.rebind((narrow,)):
        add(total, total.copy())
    with pytest.raises(RuntimeError, match="nothing has been recorded"), _core.Program().rebind((narrow,)):
        pass


def test_overlaps():
    table = np.zeros((4, 3), np.float32)
    assert _core.overlaps((table[:, :2], None, table[:, 2], np.zeros(3))) == ((0, 2, 8),)
    assert _core.overlaps((table[::-1], table)) == ((0, 1, -36),)
    assert _core.overlaps((table[:2], table[2:], table[:0])) == ()


def test_programs_share_the_memory_of_what_died():
    x, totals = np.ones(100_000, np.float32), np.zeros((2, 100_000), np.float32)
    arena = _core.Arena()
    programs = [_core.Program(arena) for _ in range(4)]
    for i, program in enumerate(programs):
        with program.record():
            step(x, totals[i // 2])
    assert programs[3].info()["arena_bytes"] == programs[0].info()["arena_bytes"] < 2.6 * x.nbytes
    assert programs[0].same_as(programs[1]) and programs[2].same_as(programs[3])
    assert not programs[0].same_as(programs[2])
    for program in programs:
        program.replay(2)
    np.testing.assert_array_equal(totals, 24)


def test_a_guard_ends_the_step_before_what_follows():
    status, x, total = np.zeros(1, np.int64), np.ones(5, np.float32), np.zeros(5, np.float32)
    program = _core.Program()
    with program.record():
        _core.guard(status, lambda position: ValueError(f"row {position}"))
        add(x, total)
    assert program.replay(3) == 3
    status[0] = 8
    with pytest.raises(ValueError, match="row 7"):
        program.replay(3)
    np.testing.assert_array_equal(total, 4)
    assert program.replay(1) == 1


def test_replay_returns_at_a_step_boundary_when_time_is_up():
    x, total = np.ones((2, 100_000), np.float32)
    program = _core.Program()
    with program.record():
        add(x, total)
    done = program.replay(10**9, most_seconds=0.02)
    assert 0 < done < 10**9
    np.testing.assert_array_equal(total, 2 + done)


def test_a_steady_replay_takes_no_page_fault():
    x, total = np.ones((2, 200_000), np.float32)
    program = _core.Program()
    with program.record():
        step(x, total)
    faults = []
    while len(faults) < 5 and 0 not in faults:  # new threads, and the system itself, take some now and then
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        program.replay(1000)
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    assert 0 in faults


def test_recordings_do_not_nest_and_end_with_an_exception():
    with pytest.raises(KeyError), _core.Program().record():
        raise KeyError
    program = _core.Program()
    with program.record(), pytest.raises(RuntimeError, match="another recording"), _core.Program().record():
        pass
    with pytest.raises(RuntimeError, match="already holds a step"), program.record():
        pass


def test_reading_a_value_marks_the_recording():
    program = _core.Program()
    with program.record():
        _core.values_are_read("Tensor.numpy in 'layer'")
    assert program.abandoned == "Tensor.numpy in 'layer'"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_forked_child_replays_serially():
    x, total = np.ones((2, 500_000), np.float32)
    program = _core.Program()
    with program.record():
        add(x, total)
    program.replay(1)
    child = os.fork()
    if child == 0:
        program.replay(1)
        os._exit(0 if total[-1] == 4 else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_replay_rows_copies_each_result():
    x, total, rows = np.ones((3, 2), np.float32), np.zeros((3, 2), np.float32), np.zeros((10, 2), np.float32)
    program = _core.Program()
    with program.record():
        add(x, total)
    assert program.replay_rows(2, 1e9, total, rows, 1) == 2
    np.testing.assert_array_equal(rows[:, 0], [0, 2, 2, 2, 3, 3, 3, 0, 0, 0])
    assert program.replay_rows(2, 0.0, total, rows, 4) == 1
    for wrong in ((total, rows, 5), (total, rows, -1), (total, rows.astype(np.float64), 0), (total, rows.T, 0)):
        with pytest.raises(ValueError, match="room for the results"):
            program.replay_rows(2, 1e9, *wrong)


def test_replay_on_a_given_number_of_threads():
    x, total = np.ones(2_000_000, np.float32), np.zeros(2_000_000, np.float32)
    program = _core.Program()
    with program.record():
        add(x, total)
    assert program.replay(2, threads=1) == 2 and program.replay(2, threads=2) == 2
    assert (total == 5).all()
