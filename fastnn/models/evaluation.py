"""evaluate and predict: steps that change no weights."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._core import values_are_read
from fastnn.autograd import Array, as_tensor
from fastnn.callbacks import CallbackList
from fastnn.models import data
from fastnn.models.outputs import Collected, copied, joined
from fastnn.models.replay import PREDICT, Replay
from fastnn.models.steps import Steps
from fastnn.progress import Progress, resolve_verbose


class Evaluation(Steps):
    """What `Trainer` knows about evaluation and prediction."""

    stop_evaluating: bool = False
    stop_predicting: bool = False

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and the metrics on data.

        Parameters
        ----------
        x, y : array_like
            Or batches as x, as in `fit`.
        batch_size : int
            Default 32.
        verbose : "auto", 0, 1 or 2
        sample_weight : array_like, optional
        steps : int, optional
            Stop after so many batches.
        callbacks : list of Callback, optional
        return_dict : bool
            Return a dict from names to values.

        Returns
        -------
        float, list or dict
            The loss alone if there are no metrics, else ``[loss, *metrics]``. Regularisers are part of the loss.
        """
        who = f"{self._who}.evaluate"
        self._need_compile(who)
        verbose = resolve_verbose(who, verbose)
        batches = self._feed(who, x, y, sample_weight, batch_size, data.check_steps(who, "steps", steps))
        with contextlib.closing(batches):
            return self._evaluate(who, batches, verbose, callbacks, return_dict)

    def _evaluate(self, who: str, batches: data.Batches, verbose: int, callbacks: Any, return_dict: bool) -> Any:
        data.begin_first(who, batches)
        sample = batches.sample
        self._check_loss(who, sample)
        self._build_from(sample)
        self._check_labels(who, sample.y)
        self._make_plan()
        hooks = CallbackList(callbacks, model=self, verbose=verbose, epochs=1, steps=batches.steps)
        progress = Progress(verbose, "Evaluate" if verbose == 1 else "", batches.steps)
        kept = self._keep_sums() if self._in_epoch else None
        try:
            with Replay(self, "evaluate", "test", self._test) as replay:
                logs, done = self._run_evaluation(batches, replay, hooks, progress)
            progress.finish(done, logs)
        finally:
            progress.abandon()
            if kept is not None:
                self._restore_sums(kept)
        return self._in_order(logs, return_dict)

    def _run_evaluation(
        self, batches: data.Batches, replay: Replay, hooks: CallbackList, progress: Progress | None = None
    ) -> tuple[dict[str, Any], int]:
        """Loss and metrics over an epoch, and the number of its steps."""
        begins, ends = hooks.wants("on_test_batch_begin"), hooks.wants("on_test_batch_end")
        self.stop_evaluating = False
        hooks.on_test_begin()
        self.reset_metrics()
        done = 0
        logs: dict[str, Any] = {}
        while ready := batches.ready():
            if begins:
                hooks.on_test_batch_begin(done)
            steps = replay.advance(batches, ready[0], 1 if begins or ends else ready[1])
            batches.taken(steps)
            done += steps
            if ends:
                logs = self._logs(replay.result)
                hooks.on_test_batch_end(done - 1, logs)
            if progress is not None:
                progress.update(done, lambda: self._logs(replay.result))
            if self.stop_evaluating:
                break
        if not ends:
            logs = self._logs(replay.result)
        batches.end()
        hooks.on_test_end(logs)
        return logs, done

    def _validate(self, held: data.Batches, replay: Replay, hooks: CallbackList) -> dict[str, Any]:
        """What is known after an epoch about the data that is held out."""
        held.begin(anew=True)
        logs, done = self._run_evaluation(held, replay, hooks)
        if not done:
            held.warn_spent("it", "No more epochs are validated.")
        return logs if done else {}

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for inputs; the model need not be compiled.

        Parameters
        ----------
        x : array_like
            Or batches, as in `fit`; targets in them are ignored.
        batch_size : int
            Default 32.
        verbose : "auto", 0, 1 or 2
            "auto" shows no line where there is only one batch.
        steps : int, optional
            Stop after so many batches.
        callbacks : list of Callback, optional

        Returns
        -------
        ndarray
            One row per sample.
        """
        if callbacks is None and steps is None and (verbose == 0 or verbose == "auto"):
            if batch_size is None or (type(batch_size) is int and batch_size > 0):
                found = self._programs.run(x, PREDICT, batch_size or data.BATCH_SIZE)
                if found is not None:
                    return found[1]
        who = f"{self._who}.predict"
        values_are_read(who)
        level = resolve_verbose(who, verbose)
        limit = data.check_steps(who, "steps", steps)
        batches = self._feed(who, x, None, None, batch_size, limit, inputs_only=True)
        if verbose == "auto" and batches.steps == 1:
            level = 0
        with contextlib.closing(batches):
            if batches.steps == 1 and level == 0 and callbacks is None and type(x) is np.ndarray:
                return self._predict_one(x)
            return self._predict(who, batches, level, callbacks)

    def _predict_one(self, x: Array) -> Any:
        """The outputs for an array that is one batch."""
        dtype = self._dtypes(data.Data(x))[0]

        def outputs(array: Array) -> Any:
            return self._predict_one_batch(ops.cast(as_tensor(array), dtype))

        self._build_from(data.Data(x))
        y = self._programs.call(self, x, PREDICT, outputs)
        return y if type(y) is np.ndarray else joined([copied(y)])

    def _predict(self, who: str, batches: data.Batches, level: int, callbacks: Any) -> Any:
        data.begin_first(who, batches)
        self._build_from(batches.sample)
        hooks = CallbackList(callbacks, model=self if callbacks else None, verbose=level, epochs=1, steps=batches.steps)
        begins, ends = hooks.wants("on_predict_batch_begin"), hooks.wants("on_predict_batch_end")
        progress = Progress(level, "Predict" if level == 1 else "", batches.steps)
        out = Collected(batches.total)
        self.stop_predicting = False
        hooks.on_predict_begin()
        try:
            done = 0
            with Replay(self, "predict", "predict", self._predict_one_batch) as replay:
                while ready := batches.ready():
                    if begins:
                        hooks.on_predict_batch_begin(done)
                    steps = replay.collect(batches, ready[0], 1 if begins or ends else ready[1], out, ends)
                    batches.taken(steps)
                    done += steps
                    if ends:
                        hooks.on_predict_batch_end(done - 1, {"outputs": replay.result})
                    progress.update(done)
                    if self.stop_predicting:
                        break
            batches.end()
            progress.finish(done)
        finally:
            progress.abandon()
        hooks.on_predict_end()
        return out.result()
