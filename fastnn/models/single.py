"""Single batches: one step each, with the samples that are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastnn.models.evaluation import Evaluation
from fastnn.models.replay import Replay
from fastnn.models.search import training_replay


class SingleBatches(Evaluation):
    """What `Trainer` knows about single batches."""

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step on the given samples.

        Returns
        -------
        float, list or dict
            Loss and metrics of the batch.
        """
        who = f"{self._who}.train_on_batch"
        with self._exclusive("train_on_batch"):
            given = self._weighted(who, self._read(who, x, y, sample_weight), class_weight)
            batches = self._batches(who, given, len(given.first))
            self._prepare_training(who, given, None)
            self.reset_metrics()
            try:
                with training_replay(self, "train_on_batch") as replay:
                    replay.advance(batches, 0, 1)
                    logs = self._logs(replay.result)
            except BaseException:
                self.zero_grad()
                raise
            return self._in_order(logs, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of the given samples, as `evaluate` returns them."""
        who = f"{self._who}.test_on_batch"
        self._need_compile(who)
        given = self._read(who, x, y, sample_weight)
        batches = self._batches(who, given, len(given.first))
        self._check_loss(who, given)
        self._build_from(given)
        self._check_labels(who, given.y)
        self._make_plan()
        self.reset_metrics()
        with Replay(self, "test_on_batch", "test", self._test) as replay:
            replay.advance(batches, 0, 1)
            logs = self._logs(replay.result)
        return self._in_order(logs, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for the given samples, computed as one batch."""
        given = self._read(f"{self._who}.predict_on_batch", x, None, None)
        return self.predict(x, batch_size=len(given.first), verbose=0)
