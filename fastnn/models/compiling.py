"""compile: the optimizer, losses and metrics of a model, and what is reported of them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from fastnn import errors, metrics, ops, optimizers, registry, tree
from fastnn._core import in_step, structure_changes
from fastnn.autograd import Tensor, no_grad
from fastnn.layers.base import Layer
from fastnn.models import data
from fastnn.models.compile_loss import CompileLoss
from fastnn.models.compile_metrics import CompileMetrics
from fastnn.models.reading import Reader
from fastnn.models.replay import Programs
from fastnn.pending import Pending


class Compiled(Reader):
    """What `Trainer` knows about losses and metrics."""

    _compared = Layer._compared | {
        "_compile_loss", "_compile_metrics", "_loss_tracker", "auto_scale_loss", "compiled", "jit_compile", "loss",
        "optimizer",
    }  # fmt: skip

    # Which methods a subclass has written itself.
    _own_steps: ClassVar[bool] = False
    _own_train_step: ClassVar[bool] = False
    _own_logs: ClassVar[bool] = False
    _own_functions: ClassVar[bool] = False

    optimizer: Any = None
    loss: Any = None
    compiled: bool = False
    run_eagerly: bool = False
    jit_compile: Any = "auto"
    auto_scale_loss: bool = True
    stop_training: bool = False
    _attributes: tuple[Any, list[Any]] | None = None  # the metrics among them, and when that was known
    _told: bool = False  # that steps run through Python
    _compile_config: dict[str, Any] | None = None
    _compile_metrics: CompileMetrics | None = None
    _loss_tracker: Any = None
    _programs: Programs

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: float | Sequence[float] | dict[str, float] | None = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how to train the model.

        Parameters
        ----------
        optimizer : str or Optimizer
        loss : str, Loss or callable, or a list, tuple or dict of them, optional
            A callable is ``loss(y_true, y_pred)``, one value per sample. For several outputs: one loss for all of them,
            or one for each, in the structure of the outputs or by their names; None for an output without a loss.
            Left out, that of an earlier `compile` stays.
        loss_weights : float, list or dict, optional
            What the losses are multiplied by before they are added.
        metrics : list or dict, optional
            Names, functions or Metric objects; "accuracy" becomes the one that fits the data. For several outputs: one
            entry each (a metric, a list of metrics, or None), or a dict by their names.
        weighted_metrics : list or dict, optional
            The same, but using the sample weights.
        run_eagerly : bool
            Run every step through Python: for layers and losses that depend on Python state other than attributes (see
            `Model`), and to find an error.
        steps_per_execution : int
            Call the batch hooks of callbacks once per so many batches.
        jit_compile : bool or "auto"
            Accepted for Keras: there is nothing to compile, the kernels are C.
        auto_scale_loss : bool
            Accepted for Keras: losses are scaled only in half precision, which there is not.

        Raises
        ------
        ValueError
            For names that are not known.
        """
        who = f"{self._who}.compile"
        if self._programs.training:
            raise self._busy("compile")
        if jit_compile is True and run_eagerly:
            warnings.warn(f"{who}: run_eagerly=True leaves nothing to jit_compile.", stacklevel=2)
        names = getattr(self, "output_names", None)
        new_optimizer = None if optimizer is None else optimizers.get(optimizer)
        new_loss = self._compile_loss if loss is None else CompileLoss(who, loss, loss_weights, names)
        new_metrics = self._compile_metrics
        if metrics is not None or weighted_metrics is not None:
            new_metrics = CompileMetrics(who, metrics, weighted_metrics, names)
        self._steps_per_execution = data.check_whole(who, "steps_per_execution", steps_per_execution, 1)
        self.optimizer = new_optimizer
        self.loss = self.loss if loss is None else loss
        self._compile_loss, self._compile_metrics = new_loss, new_metrics
        self._loss_tracker = _mean("loss")
        self.run_eagerly = bool(run_eagerly)
        self.jit_compile, self.auto_scale_loss = jit_compile, auto_scale_loss
        self._compile_config = {
            "optimizer": new_optimizer, "loss": loss, "loss_weights": loss_weights, "metrics": metrics,
            "weighted_metrics": weighted_metrics, "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution, "jit_compile": jit_compile,
        }  # fmt: skip
        self._told = False
        self.stop_training = False
        self.compiled = True

    @property
    def steps_per_execution(self) -> int:
        """So many batches go between two calls of the batch hooks of callbacks."""
        return self._steps_per_execution

    _steps_per_execution: int = 1

    def get_compile_config(self) -> dict[str, Any]:
        """The arguments of `compile` as plain values; empty before it was called."""
        if not self.compiled or self._compile_config is None:
            return {}
        return {name: tree.map_structure(_serialized, value) for name, value in self._compile_config.items()}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """`compile` with what `get_compile_config` returned, and make the optimizer's state."""
        self.compile(**{name: _deserialized(value) for name, value in config.items()})
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def _busy(self, what: str) -> RuntimeError:
        running = f"{self._programs.training} of the same model is still running"
        return errors.order_error(f"{self._who}.{what}", running, "Wait until it has returned.")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._own_steps = _overrides(cls, ("train_step", "test_step", "compute_loss"))
        cls._own_train_step = _overrides(cls, ("train_step",))
        cls._own_logs = _overrides(cls, ("train_step", "test_step", "compute_metrics", "get_metrics_result"))
        cls._own_functions = _overrides(cls, ("make_train_function", "make_test_function", "make_predict_function"))

    # ---- the loss

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """The loss of a batch, a scalar: the compiled losses, `add_loss` and regularizers. Override it for another.

        Parameters
        ----------
        x, y, y_pred, sample_weight
            Inputs, targets, the model's outputs, and weights, of a batch.
        training : bool
            Whether this is a training step.
        """
        total: Tensor | None = None
        if self._compile_loss is not None:
            total = self._compile_loss(y, y_pred, sample_weight)
        for penalty in self._losses_of_call():
            scalar = penalty if penalty.ndim == 0 else ops.sum(penalty)
            if scalar.dtype.kind != "f":
                scalar = ops.cast(scalar, self.dtype)
            total = scalar if total is None else ops.add(total, scalar)
        if total is None:
            raise ValueError(
                f"{self._who}: loss must be given to compile, or added by a layer; got None. "
                "Write compile(optimizer, loss=...)."
            )
        return total

    def _losses_of_call(self) -> list[Tensor]:
        return self.losses

    def _compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Tensor:
        """`compute_loss`, which a subclass may have written without ``training``."""
        if takes_training(type(self).compute_loss):
            return self.compute_loss(x, y, y_pred, sample_weight, training=training)
        return self.compute_loss(x, y, y_pred, sample_weight)

    def _track_loss(self, loss: Tensor, x: Any) -> None:
        """Add a batch's loss to its mean: a smaller batch counts less."""
        count = [len(part) for part in tree.flatten(x) if part is not None][0]
        with no_grad():
            self._loss_tracker.update_state(loss.detach(), sample_weight=count)

    # ---- metrics

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Add a batch to the compiled metrics; returns the values of all metrics. Override it to add others.

        Within a step the values are not yet known: what is returned can be put into a dict, which is all they are for.
        """
        if self._compile_metrics is not None and y is not None:
            with no_grad():
                outputs = tree.map_structure(lambda part: part.detach(), y_pred)
                self._compile_metrics.update_state(y, outputs, sample_weight)
        return self.get_metrics_result()

    @property
    def metrics(self) -> list[Any]:
        """The loss's running mean, the compiled metrics as one object, the losses of single outputs, and metrics that
        the model and its layers have as attributes.
        """
        found: list[Any] = []
        if self.compiled:
            found = [self._loss_tracker]
            if self._compile_metrics is not None:
                found.append(self._compile_metrics)
            if self._compile_loss is not None:
                found += self._compile_loss.metrics
        return found + self._metrics_of_layers()

    def _metrics_of_layers(self) -> list[Any]:
        """`Layer.metrics`, looked for again when an attribute has been set, or a metric has been made in a step."""
        stamp = structure_changes(), metrics.Metric.made
        if self._attributes is None or self._attributes[0] != stamp:
            self._attributes = stamp, super().metrics
        return self._attributes[1]

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

    def reset_metrics(self) -> None:
        """Begin the running means of loss and metrics again."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """The present values of loss and metrics by name."""
        results = self._results()
        return results if in_step() else {name: plain(value) for name, value in results.items()}

    def _results(self) -> dict[str, Any]:
        results: dict[str, Any] = {}
        for metric in self.metrics:
            if isinstance(metric, CompileMetrics) and not metric.built:
                continue
            value = metric.result()
            if isinstance(value, dict):
                results.update(value)
            else:
                results[metric.name] = value
        return results

    def _logs(self, found: Any = None) -> dict[str, Any]:
        """What callbacks get after a step that returned `found`; sorted by name, as Keras has them.

        That is the values of the metrics, unless a step of the user's own returns others.
        """
        if not self._own_logs:
            return as_logs(self._results())
        values = as_logs(self.get_metrics_result())
        own = as_logs(found) if isinstance(found, dict) else values
        return values if own.keys() == values.keys() else own

    def _in_order(self, logs: dict[str, Any], return_dict: bool) -> Any:
        """What `evaluate` returns: the values as Keras lists them."""
        if return_dict:
            return logs
        names: list[str] = []
        for metric in self.metrics:
            parts = metric.metrics if isinstance(metric, CompileMetrics) else [metric]
            names += [part.name for part in parts]
        values = [logs[name] for name in names if name in logs]
        values += [logs[name] for name in sorted(logs) if name not in names]
        return values[0] if len(values) == 1 else values

    def _metric_direction(self, name: str) -> str | None:
        """"up" where larger values of a metric are better, "down" where smaller are, None where nobody knows."""
        for metric in self.metrics:
            for part in metric.metrics if isinstance(metric, CompileMetrics) else [metric]:
                if part.name == name and getattr(part, "_direction", None):
                    return str(part._direction)
        lower = name.lower()
        if "acc" in lower or "auc" in lower:
            return "up"
        return "down" if "loss" in lower or "error" in lower or lower in ("mse", "mae") else None

    def _keep_sums(self) -> list[Any]:
        return [(v, v.numpy()) for metric in self.metrics for v in metric.variables]

    def _restore_sums(self, kept: list[Any]) -> None:
        for variable, value in kept:
            variable.assign(value)


def _mean(name: str) -> Any:
    return metrics.Mean(name=name)


def _serialized(value: Any) -> Any:
    try:
        return registry.serialize(value)
    except TypeError:  # a function without a name: whoever reads it must compile anew
        return getattr(value, "__name__", type(value).__name__)


def _deserialized(value: Any) -> Any:
    if isinstance(value, dict) and "class_name" in value:
        return registry.deserialize(value)
    if isinstance(value, dict):
        return {key: _deserialized(part) for key, part in value.items()}
    return [_deserialized(part) for part in value] if isinstance(value, (list, tuple)) else value


def _overrides(cls: type, names: tuple[str, ...]) -> bool:
    """Whether a class has methods of its own in the place of the trainer's."""
    methods = [getattr(cls, name, None) for name in names]
    return any(not getattr(method, "__module__", "fastnn.").startswith("fastnn.") for method in methods)


def takes_training(function: Any) -> bool:
    """Whether a method has an argument ``training``."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_flags & inspect.CO_VARKEYWORDS:
        return True
    return "training" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def plain(value: Any) -> Any:
    """A value of the logs as a float, or as an array if it is not one number."""
    if isinstance(value, Pending):
        value = value.value()
    if isinstance(value, Tensor):
        return float(value.item()) if value.data.size == 1 else value.numpy()
    if isinstance(value, np.ndarray):
        return float(value.item()) if value.size == 1 else value
    return float(value) if isinstance(value, (int, float, np.number)) else value


def as_logs(found: dict[str, Any]) -> dict[str, Any]:
    """Logs by sorted names; a dict among the values is taken for so many logs."""
    logs: dict[str, Any] = {}
    for name in sorted(found):
        value = plain(found[name])
        if isinstance(value, dict):
            logs.update(as_logs(value))
        else:
            logs[name] = value
    return logs
