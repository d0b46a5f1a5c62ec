"""Steps: what is done with one batch, for a user to override, and what is looked at before the first of them.

A step consists of launches only: gather the batch, forward, loss, backward, optimizer, metric sums. Values are read
where a line of progress, a callback or the end of an epoch needs them, and nowhere else.
"""

from __future__ import annotations

import warnings
from typing import Any

from fastnn import errors
from fastnn._core import Training, dry_run
from fastnn.autograd import Tensor, no_grad
from fastnn.layers.base import Layer
from fastnn.models import data
from fastnn.models.compiling import Compiled
from fastnn.symbolic import type_of
from fastnn.utils import unpack_x_y_sample_weight


class Steps(Compiled):
    """What `Trainer` knows about steps."""

    # What fit and its like note for themselves, and what compile sets (models/structure.py looks at it there).
    _bookkeeping = Layer._bookkeeping | {
        "_attributes", "_compile_config", "_in_epoch", "_initial_epoch", "_plan", "_programs", "_steps_per_execution",
        "_told", "history", "stop_evaluating", "stop_predicting", "stop_training",
    }  # fmt: skip

    _in_epoch: bool = False
    _plan: Plan

    def train_step(self, data: Any) -> dict[str, Any]:
        """Train on a batch. Override it for a loop of your own; it is recorded and replayed like this one.

        Parameters
        ----------
        data : x, (x, y) or (x, y, sample_weight)
            Take it apart with `fastnn.utils.unpack_x_y_sample_weight`.

        Returns
        -------
        dict
            What is reported, by name: results of metrics, or tensors.

        Examples
        --------
        >>> import numpy as np
        >>> import fastnn as keras
        >>> class Own(keras.Sequential):
        ...     def train_step(self, data):
        ...         x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        ...         y_pred = self(x, training=True)
        ...         loss = self.compute_loss(x, y, y_pred, weight)
        ...         gradients = keras.gradients(loss, self.trainable_variables)
        ...         self.optimizer.apply(gradients, self.trainable_variables)
        ...         return {"loss": loss}
        >>> model = Own([keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(np.ones((4, 3)), np.ones(4), verbose=0)
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=True)
        loss = self._compute_loss(x, y, y_pred, sample_weight, training=True)
        if self._compile_metrics is not None and not self._compile_metrics.built and y is not None:
            self._compile_metrics.build(y, y_pred)  # an error in them comes before anything is changed
        self._track_loss(loss, x)
        trained = self._trained()
        if trained:
            self.optimizer.scale_loss(loss).backward()
            self.optimizer.apply([variable.grad for variable in trained], trained)
            for variable in trained:
                variable.zero_grad()
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate a batch; see `train_step`. Nothing is recorded for gradients."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        loss = self._compute_loss(x, y, y_pred, sample_weight, training=False)
        self._track_loss(loss, x)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def predict_step(self, data: Any) -> Any:
        """The outputs for a batch; see `train_step`."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)

    def zero_grad(self) -> None:
        """Forget the gradients of all variables, as `backward` would add to them."""
        for variable in self.trainable_variables:
            variable.zero_grad()

    def make_train_function(self, force: bool = False) -> None:
        """Accepted for Keras: steps are recorded as they run, there is no function to make."""

    make_test_function = make_predict_function = make_train_function

    # What is recorded: the steps above, with what must hold whoever wrote them.

    def _train(self, data: Any) -> Any:
        logs = self.train_step(data)
        for variable in self._plan.trained:
            variable.zero_grad()
        return logs

    def _test(self, data: Any) -> Any:
        with no_grad():
            return self.test_step(data)

    def _predict_one_batch(self, data: Any) -> Any:
        with no_grad():
            return self.predict_step(data)

    def _trained(self) -> list[Any]:
        plan = self._programs.plan
        return self.trainable_variables if plan is None else plan.trained

    def _losses_of_call(self) -> list[Tensor]:
        plan = self._programs.plan
        return self.losses if plan is None else self._penalties((self, *plan.layers), plan.regularized)

    # ---- before the first step

    def _prepare_training(self, who: str, train: data.Data, held_out: data.Batches | None) -> None:
        """Check what can be checked and make all weights, before the first step changes anything."""
        if self._own_functions:
            what = "a make_..._function is overridden, but never used"
            raise errors.order_error(who, what, "Override train_step or its like instead.")
        places = [(who, train), *([] if held_out is None else [(held_out.who, held_out.sample)])]
        for place, given in places:
            self._check_loss(place, given)
        self._build_from(train)
        for place, given in places:
            self._check_labels(place, given.y)
        if held_out is not None and not held_out.sample.is_like(train) and not self._own_steps:
            self._check_step(held_out.who, held_out.batch(0))
        self._plan_training()
        if not self._plan.trained:
            warnings.warn(f"{who}: the model has no trainable weights. Set layer.trainable = True.", stacklevel=3)

    def _check_step(self, who: str, batch: Any) -> None:
        """Run the model and its losses on shapes alone: what a test step would refuse is refused here."""
        x, y, sample_weight = unpack_x_y_sample_weight(batch)
        try:
            with dry_run(), no_grad():
                y_pred = self(x, training=False)
                if self._compile_loss is not None:
                    self._compile_loss.check(y, y_pred, sample_weight)
        except NotImplementedError:
            pass  # a call of the user's that looks at values, which will be there in the test step
        except Exception as error:
            raise type_of(error)(f"{who}: it does not fit the model or its loss. {error}") from error

    def _plan_training(self) -> None:
        plan = self._make_plan()
        if not plan.optimized and plan.trained and self.optimizer is not None and not self._own_train_step:
            self.optimizer._include(plan.trained)
            plan.optimized = True

    def _make_plan(self) -> Plan:
        """What a step needs to know about the model, as it is now."""
        self._plan = self._programs.plan_of(self, Plan)
        return self._plan

    def _need_compile(self, who: str) -> None:
        if not self.compiled:
            raise errors.order_error(who, "the model is not compiled", "Call compile(optimizer, loss) first.")

    def _build_from(self, given: data.Data) -> None:
        raise NotImplementedError

    def _exclusive(self, what: str) -> Training:
        """Only one call at a time may change the weights."""
        self._need_compile(f"{self._who}.{what}")
        return Training(self._programs, what, self._busy)


class Plan:
    """What is known about a model as long as its structure stays: gathered once, not in each call or step."""

    changes = -1  # when that was last seen to be so
    built = False  # so far as is known
    optimized = False  # the optimizer has a place for all that is trained

    def __init__(self, model: Layer) -> None:
        self.dtypes: dict[Any, data.Dtypes] = {}  # what data of a kind is converted to
        self.layers = model._flatten()[1:]  # the model is left out, because it keeps its plan
        self.trained = model.trainable_variables
        self.regularized = [weight for weight in self.trained if weight.regularizer is not None]
