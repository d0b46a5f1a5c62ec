"""Steps and calls that are recorded once and replayed in C, from call to call.

The first step of a kind runs as written: it may make state that later steps only use. The next two are recorded while
they run. If both noted the same launches, the second becomes the program for all further steps of the kind, in this
`fit` or in later ones; otherwise, or if the step looks at values, every step runs as written.

A kind is what is done (training, evaluation, prediction, a call), the shapes and dtypes of a batch, and the model's
structure. A program of another structure is dropped. What else may differ from step to step is in memory: weights,
learning rate, random state, sums of metrics, the position in the data; the addresses of the data are written into the
program when a call begins, and nothing of the data is kept.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import locks, tree
from fastnn._core import (
    Arena,
    Call,
    Calls,
    Program,
    Turn,
    enter_step,
    get_num_threads,
    in_step,
    launch,
    layouts,
    leave_step,
    overlaps,
    structure_changes,
)
from fastnn.autograd import FLOAT64, Tensor
from fastnn.models.data import Arrays, Batches
from fastnn.models.interrupts import Uninterrupted
from fastnn.models.outputs import Collected
from fastnn.models.structure import Structure, structure_of
from fastnn.ops.strided import contiguous_copy

MOST_SECONDS = 0.05  # a replay comes back to Python so often, for Ctrl-C and the line of progress
TRIES = 3  # recordings until a step counts as different each time
MOST_PROGRAMS = 8  # of a model; the least recently used goes
MOST_KINDS = 64  # that ran once, and will be recorded when they come again
ARENA_RECORDINGS = 32  # until further programs get a new arena: an old one holds what long forgotten steps needed

TRAINING_KINDS = ("train", "test")
CALL, INFERENCE, PREDICT = range(3)  # model(x), model(x, training=False), and model.predict(x) for one batch
READ_IN_PLACE = "?bBhHiIlLqQfd"  # dtypes (as characters) of arrays that kernels read where they lie

_one_recording = Turn()  # only one recording can go on; other threads' steps run as written meanwhile

Key = tuple[Any, ...]

_NOTHING = contextlib.nullcontext()


class Step:
    """A kind of step and what is known of it."""

    __slots__ = ("before", "call", "inputs", "layout", "position", "program", "result", "stamp", "tries", "written")

    def __init__(self) -> None:
        self.program: Program | None = None
        self.call: Call | None = None
        self.before: Program | None = None  # the recording to compare the next one with
        self.tries = 0
        self.written = False  # it always runs as written
        self.stamp = 0
        self.position = np.zeros(1, np.int64)  # of the next batch's first row
        self.inputs: Any = None  # the arrays whose addresses the program has, while a call goes on
        self.layout: Key = ()  # of the arrays it was recorded for, or rebound to
        self.result: Any = None

    def consider(self, program: Program) -> str | None:
        """Adopt a recording if it is like the one before; else the reason why the step will run as written, if so."""
        self.tries += 1
        if program.abandoned is not None:
            reason = f"it reads values while it computes ({program.abandoned})"
        elif self.before is not None and self.before.same_as(program):
            self.program, self.before = program, None
            return None
        elif self.tries < TRIES:
            self.before = program
            return None
        else:
            reason = "its operations differ from step to step"
        self.before = None
        self.written = True
        return reason

    def last_use(self) -> int:
        return self.stamp if self.call is None else max(self.stamp, self.call.stamp)


class Programs(Calls):
    """The programs of one model, at most `MOST_PROGRAMS`.

    Whoever acquired it runs and records steps. What is listed here may change at any time besides, as another thread
    finds that the structure did, so the lists are read and written under a lock.
    """

    def __init__(self) -> None:
        self.steps: dict[Key, Step] = {}
        self.seen: dict[Key, None] = {}  # kinds that ran once, as written
        self.structure: Structure | None = None
        self.changes = -1 % 2**64
        self.hopeless: set[str] = set()  # what Python has to run, whatever the shapes are
        self.arena = Arena()
        self.plan: Any = None  # what the trainer made of the structure

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy of a model records anew."""
        return Programs, ()

    def look(self, model: Any) -> Structure:
        """The model's structure; programs of another one are dropped."""
        if self.structure is not None and self.changes == structure_changes() and self.threads == get_num_threads():
            return self.structure
        return self._look_closely(model)

    def _look_closely(self, model: Any) -> Structure:
        with locks.listing:
            changes, threads, before = structure_changes(), get_num_threads(), self.structure
            structure = structure_of(model)
            if before != structure:
                self.structure, self.plan = structure, None
                if before is None or before.forward != structure.forward:
                    self._drop(lambda key: True)
                elif before.training != structure.training:
                    self._drop(lambda key: key[0] in TRAINING_KINDS)
                self._list_calls()
            self.changes, self.threads = changes, threads
            return structure

    def _drop(self, which: Callable[[Key], bool]) -> None:
        self.steps = {key: step for key, step in self.steps.items() if not which(key)}
        self.seen = {key: None for key in self.seen if not which(key)}
        self.hopeless.clear()

    def _list_calls(self) -> None:
        """Offer the calls that fit the present structure."""
        with locks.listing:
            flags = None if self.structure is None else self.structure.flags
            self.offer([step.call for key, step in self.steps.items() if step.call is not None and key[2] == flags])

    def plan_of(self, model: Any, make: Callable[[Any], Any]) -> Any:
        """What ``make(model)`` was for the present structure. It notes in `changes` when that was seen to be so."""
        plan = self.plan
        if plan is not None and plan.changes == structure_changes():
            return plan
        with locks.listing:
            changes = structure_changes()
            self.look(model)
            if self.plan is None:
                self.plan = make(model)
            self.plan.changes = changes
            return self.plan

    def find(self, model: Any, kind: str, signature: Key) -> Step | None:
        """What is known of a step; None before it has run once, and where there is no hope."""
        with locks.listing:
            key = (kind, signature, self.look(model).flags)
            step = self.steps.get(key) or self._new_step(model, key)
            if step is not None:
                step.stamp = self.tick()
            return step

    def _new_step(self, model: Any, key: Key) -> Step | None:
        kind, signature, _ = key
        if kind in self.hopeless:
            return None
        if key not in self.seen:
            if len(self.seen) >= MOST_KINDS:
                del self.seen[next(iter(self.seen))]
            self.seen[key] = None
            return None
        # The first run may have made metrics, weights, ...
        key = (kind, signature, self._look_closely(model).flags)
        if key not in self.steps:
            if len(self.steps) >= MOST_PROGRAMS:
                del self.steps[min(self.steps, key=lambda each: self.steps[each].last_use())]
                self._list_calls()
            self.steps[key] = Step()
        return self.steps[key]

    def new_program(self) -> Program:
        if self.arena.recordings >= ARENA_RECORDINGS:
            self.arena = Arena()
        return Program(self.arena)

    def call(self, model: Any, x: Any, mode: int, function: Callable[[Any], Any]) -> Any:
        """``function(x)`` for a plain array, or a structure of some, by a program if it can be.

        Parameters
        ----------
        mode : int
            CALL, INFERENCE, or PREDICT: that one gives an array where the others give a Tensor.
        function : callable
            What the model makes of x, a pure function but for the weights and random states.
        """
        leaves = (x,) if type(x) is np.ndarray else tuple(tree.flatten(x))
        if model.run_eagerly or in_step() or not leaves or not all(map(_readable_in_place, leaves)):
            return _of_its_own(function(x), mode)
        self.look(model)
        found = self.run(x, mode, len(x)) if type(x) is np.ndarray else None
        if found is not None:
            return as_result(*found)
        me = object()
        try:
            return self._call(me, model, x, leaves, mode, function)
        finally:
            self.release(me)

    def _call(
        self, me: object, model: Any, x: Any, leaves: Key, mode: int, function: Callable[[Any], Any]
    ) -> Any:
        """`call` where what is recorded has to be looked for; `me` is who asks."""
        try:
            if not self.acquire(me):
                return _of_its_own(function(x), mode)
            step = self.find(model, f"call {mode}", (tree.form(x), *[(a.dtype.char, a.shape) for a in leaves]))
            if step is None or step.written or step.call is not None:  # which has just found an error in x
                return _of_its_own(function(x), mode)
            if step.program is not None:
                return _of_its_own(_run_call(step.program, leaves, step.result, lambda: function(x)), mode)
            if not _one_recording.acquire(me):
                return _of_its_own(function(x), mode)
            # Copies may be kept: guards do that, to say what is wrong in them.
            return self._record_call(model, step, tree.map_structure(np.copy, x), mode, function)
        finally:
            _one_recording.release(me)

    def _record_call(self, model: Any, step: Step, x: Any, mode: int, function: Callable[[Any], Any]) -> Any:
        program = self.new_program()
        with program.record(tuple(tree.flatten(x))):
            y = function(x)
            whole = type(x) is np.ndarray and type(y) is Tensor
            if not whole:
                y = tree.map_structure(_in_arena, y)
        leaves = tree.flatten(y)
        shows_more = bool(model._added_losses(model._flatten()))
        shows_more |= any(getattr(part, "_keras_mask", None) is not None for part in leaves)
        fits = all(type(part) is Tensor and part.data.flags.c_contiguous for part in leaves)
        if not fits or (shows_more and mode != PREDICT):
            step.written = True  # what Python can still see must be made anew at each call
            self.hopeless.add(f"call {mode}")
            return _of_its_own(_copied(y), mode)
        if step.consider(program) is not None:
            self.hopeless.add(f"call {mode}")
        if not whole:
            step.result = y
            return _of_its_own(_copied(y), mode)
        logits = y._logits if mode != PREDICT else None
        results = [y.data] if logits is None else [y.data, logits[1].data]
        call = Call(program, x, results, mode, None if logits is None else logits[0])
        if step.program is not None:
            step.call = call
            self._list_calls()
        return as_result(call, call.results_of(x))


def as_result(call: Call, results: Any) -> Any:
    """What a call returns: a Tensor, which knows the logits it was made from, or for `predict` an array."""
    if call.mode == PREDICT:
        return results
    if call.tag is None:
        return Tensor.wrap(results)
    y = Tensor.wrap(results[0])
    y._logits = (call.tag, Tensor.wrap(results[1]))
    return y


def _readable_in_place(x: Any) -> bool:
    if type(x) is not np.ndarray:
        return False
    flags = x.flags
    return x.dtype.char in READ_IN_PLACE and x.dtype.isnative and flags.c_contiguous and flags.aligned and x.size > 0


def _of_its_own(y: Any, mode: int) -> Any:
    """What a call returns that did not use an arena."""
    return np.array(y.data) if mode == PREDICT and type(y) is Tensor else y


def _copied(y: Any) -> Any:
    """What a call returns, out of the arena, where it is not one Tensor."""
    return tree.map_structure(lambda part: _own(part, lambda t: Tensor(t.data)), y)


def _in_arena(part: Any) -> Any:
    """A result of a call that is being recorded, moved to where each replay puts it anew."""
    return _own(part, lambda t: Tensor.wrap(contiguous_copy(t.data)))


def _own(part: Any, copy: Callable[[Tensor], Tensor]) -> Any:
    if not isinstance(part, Tensor):
        return part
    result = copy(part)
    if part._logits is not None:
        result._logits = (part._logits[0], copy(part._logits[1]))
    if part._keras_mask is not None:
        result._keras_mask = copy(part._keras_mask)
    return result


def _run_call(program: Program, leaves: Arrays, result: Any, as_written: Callable[[], Any]) -> Any:
    """What a program makes of other arrays; an error in them is told by those who look at them."""
    if overlaps(leaves):
        leaves = tuple([np.copy(array) for array in leaves if array is not None])
    program.bind(leaves)
    return _copied(result) if program.complete() else as_written()


class Replay:
    """Runs one kind of step over batches. Use it as a context: at its end, the data is let go.

    Parameters
    ----------
    model : Model
    call : str
        The method that runs the steps, for the warning.
    kind : str
        "train", "test" or "predict".
    step : callable
        ``step(data)``, as `train_step` is called.
    """

    def __init__(self, model: Any, call: str, kind: str, step: Callable[..., Any]) -> None:
        self.model = model
        self.call = call
        self.kind = kind
        self.step = step
        self.result: Any = None  # what the last step of `collect` returned
        self._programs: Programs | None = None  # while they are in our hands
        self._bound: list[Step] = []
        self._known: Any = None  # (arrays, count, changes, step) of the last batch

    def __enter__(self) -> Replay:
        return self

    def __exit__(self, *exc: object) -> None:
        for step in self._bound:
            step.inputs = None
        self._bound.clear()
        self._known = self.result = None

    def advance(self, batches: Batches, number: int, most: int) -> int:
        """Run at least one step from this number on, at most `most`; returns how many were run."""
        programs: Programs = self.model._programs
        try:
            self._programs = self._taken(programs)
            return self._advance(batches, number, most)
        finally:
            self._programs = None
            programs.release(self)

    def collect(self, batches: Batches, number: int, most: int, out: Collected, keep: bool = False) -> int:
        """`advance`, and put the results into `out`; with `keep`, the last one into `result` as well."""
        programs: Programs = self.model._programs
        try:
            self._programs = self._taken(programs)
            done = self._collect(batches, number, most, out)
            self.result = _copied(self.result) if keep else None
            return done
        finally:
            self._programs = None
            programs.release(self)

    def _taken(self, programs: Programs) -> Programs | None:
        return programs if not (self.model.run_eagerly or in_step()) and programs.acquire(self) else None

    def _advance(self, batches: Batches, number: int, most: int) -> int:
        step = self._step_at(batches, number)
        if step is None or step.program is None:
            with Uninterrupted():
                return self._run_once(step, batches, number)
        self.result = step.result
        with Uninterrupted() if step.program.calls_python else _NOTHING:
            return step.program.replay(min(most, max(batches.whole_steps - number, 1)), MOST_SECONDS)

    def _collect(self, batches: Batches, number: int, most: int, out: Collected) -> int:
        step, count = self._step_at(batches, number), batches.count(number)
        rows = None if step is None else out.room(step.result, count)
        if step is None or step.program is None or rows is None:
            done = self._advance(batches, number, 1)
            out.add(self.result, count)
            return done
        self.result = step.result
        most = min(most, max(batches.whole_steps - number, 1))
        done = step.program.replay_rows(most, MOST_SECONDS, step.result.data, rows, out.filled)
        out.filled += done * count
        return done

    def _step_at(self, batches: Batches, number: int) -> Step | None:
        """What is known of a step; if there is a program, it reads the batch with this number next."""
        if self._programs is None:
            return None
        arrays, begin, count = batches.where(number)
        step = self._find(self._programs, batches, arrays, count)
        if step is not None:
            step.position[0] = begin
            if step.program is not None and step.inputs is not arrays:
                if not self._bind(step, step.program, batches, arrays, count):
                    return None
                self._note(step, arrays)
        return step

    def _run_once(self, step: Step | None, batches: Batches, number: int) -> int:
        """Run a step that has no program, and record it if that makes sense."""
        try:
            if step is None or step.written or not _one_recording.acquire(self):
                return self._run_as_written(batches, number)
            return self._record(step, batches, number)
        finally:
            _one_recording.release(self)

    def _find(self, programs: Programs, batches: Batches, arrays: Arrays, count: int) -> Step | None:
        known, changes = self._known, structure_changes()
        if known is not None and known[0] is arrays and known[1] == count and known[2] == changes:
            return known[3]  # type: ignore[no-any-return]  # the Step that was put there
        shapes = tuple([None if array is None else array.shape[1:] for array in arrays])
        shared = overlaps((*arrays, batches.index))
        key = (count, batches.form, shapes, batches.dtypes, batches.index is None, shared)
        step = programs.find(self.model, self.kind, key)
        if step is not None:
            self._known = (arrays, count, changes, step)
        return step

    def _note(self, step: Step, arrays: Arrays) -> None:
        """The step's program reads these arrays now, until this context ends."""
        if step.inputs is None:
            self._bound.append(step)
        step.inputs = arrays

    def _run_as_written(self, batches: Batches, number: int) -> int:
        try:
            enter_step()
            self.result = self.step(batches.batch(number))
        finally:
            leave_step()
        return 1

    def _bind(self, step: Step, program: Program, batches: Batches, arrays: Arrays, count: int) -> bool:
        """Let a program read these arrays; False while another thread records."""
        inputs = (*arrays, batches.index)
        layout = layouts(inputs)
        if layout == step.layout:
            program.bind(inputs)
            return True
        try:
            if not _one_recording.acquire(self):
                return False
            self._rebind(step, program, batches, arrays, count, layout)
        finally:
            _one_recording.release(self)
        return True

    def _rebind(
        self, step: Step, program: Program, batches: Batches, arrays: Arrays, count: int, layout: Key
    ) -> None:
        step.layout = ()  # should an interrupt come: that of no arrays
        with program.rebind((*arrays, batches.index)):
            batches.batch_at(step.position, arrays, count)
        step.layout = layout

    def _record(self, step: Step, batches: Batches, number: int) -> int:
        arrays, _, count = batches.where(number)
        inputs = (*arrays, batches.index)
        layout = layouts(inputs)
        if step.before is not None and layout != step.layout:  # so that both have the same sizes where nothing differs
            self._rebind(step, step.before, batches, arrays, count, layout)
        program = self.model._programs.new_program()
        with program.record(inputs):
            self.result = self.step(batches.batch_at(step.position, arrays, count))
            launch("counter_add", FLOAT64, counter=step.position, amount=count)
        step.layout = layout
        reason = step.consider(program)
        if step.program is not None:
            step.result = self.result
            self._note(step, arrays)
        if reason is not None:
            self.model._programs.hopeless.add(self.kind)
        if reason is not None and not self.model._told:
            self.model._told = True
            warnings.warn(
                f"{self.model._who}.{self.call}: every step runs through Python, because {reason}. "
                "Set run_eagerly=True to say so yourself.",
                stacklevel=4,
            )
        return 1

