"""Steps of optimizers that evaluate the loss more than once: the recorded step is what they evaluate."""

from __future__ import annotations

from typing import Any

from fastnn.models.data import Batches
from fastnn.models.replay import Replay


class SearchReplay(Replay):
    """Runs training steps by ``optimizer.step(evaluate)``.

    An evaluation is a training step, replayed like any other, in which `apply` only takes the gradients. The first one
    of a step counts for loss and metrics; what the others add to them is taken back.
    """

    def advance(self, batches: Batches, number: int, most: int) -> int:
        """Run one step."""
        kept: list[Any] | None = None

        def evaluate() -> None:
            nonlocal kept
            Replay.advance(self, batches, number, 1)
            if kept is None:
                kept = self.model._keep_sums()

        self.model.optimizer.step(evaluate)
        self.model._restore_sums(kept)
        return 1


def training_replay(model: Any, call: str) -> Replay:
    """What runs the training steps of ``model.<call>``."""
    kind = SearchReplay if model.optimizer.needs_closure else Replay
    return kind(model, call, "train", model._train)
