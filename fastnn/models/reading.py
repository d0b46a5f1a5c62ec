"""What a model makes of the data that it is given: arrays or batches, checked, of the dtypes that its steps want."""

from __future__ import annotations

from typing import Any

from fastnn import errors
from fastnn.autograd import Array
from fastnn.layers.base import Layer
from fastnn.models import data, stream
from fastnn.models.compiled import is_sparse


class Reader(Layer):
    """What `Trainer` knows about data."""

    _loss: Any = None

    def _read(self, who: str, x: Any, y: Any, weight: Any) -> data.Arrays:
        """The user's data as arrays of one length."""
        if x is None:
            raise errors.type_error(who, "x", "an array-like", None)
        inputs = data.as_data(who, "x", x)
        targets = None if y is None else data.as_data(who, "y", y)
        weights = None if weight is None else data.as_data(who, "sample_weight", weight)
        fit = getattr(self, "_fit_data", None)
        if fit is not None:
            inputs = fit(inputs)
        data.check_lengths(who, x=inputs, y=targets, sample_weight=weights)
        return inputs, targets, weights

    def _feed(
        self,
        who: str,
        x: Any,
        y: Any,
        weight: Any,
        batch_size: Any,
        steps: int | None = None,
        shuffle: bool = False,
        class_weight: Any = None,
        inputs_only: bool = False,
    ) -> data.Batches:
        """The user's data, batch by batch."""
        if stream.is_stream(x):
            stream.check_alone(who, y=y, sample_weight=weight, batch_size=batch_size)

            def read(place: str, item: Any) -> data.Arrays:
                x, y, weight = stream.unpack(place, item)
                arrays = self._read(place, x, *((None, None) if inputs_only else (y, weight)))
                if not inputs_only:
                    self._check_loss(place, arrays)
                return self._weighted(place, arrays, class_weight)

            return stream.Stream(who, x, read, self._dtypes, steps)
        arrays = self._weighted(who, self._read(who, x, y, weight), class_weight)
        return self._batches(who, arrays, data.check_batch_size(who, batch_size), steps, shuffle)

    def _feed_validation(self, who: str, given: Any, size: int, steps: int | None) -> data.Batches:
        place = f"{who} validation_data"
        if stream.is_stream(given):
            return self._feed(place, given, None, None, None, steps)
        if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
            rule = "a tuple (x, y) or (x, y, sample_weight), or batches of these"
            raise errors.type_error(who, "validation_data", rule, given, "Or give validation_split.")
        x, y, weight = (*given, None)[:3]
        return self._feed(place, x, y, weight, size, steps)

    def _split(self, who: str, given: tuple[Any, Any, Any], share: float) -> tuple[data.Arrays, data.Arrays]:
        if stream.is_stream(given[0]):
            rule = "0 where x gives batches"
            raise errors.value_error(who, "validation_split", rule, share, "Give validation_data=.")
        return data.split(who, *self._read(who, *given), share)

    def _weighted(self, who: str, arrays: data.Arrays, class_weight: Any) -> data.Arrays:
        if class_weight is None:
            return arrays
        return *arrays[:2], data.class_weights(who, arrays[1], class_weight, arrays[2])

    def _batches(
        self, who: str, arrays: data.Arrays, size: int, steps: int | None = None, shuffle: bool = False
    ) -> data.Batches:
        return data.Batches(arrays, self._dtypes(arrays[1]), size, shuffle, steps, who)

    def _dtypes(self, y: Array | None) -> data.Dtypes:
        """What x, y and weights are converted to: class numbers stay whole."""
        whole = y is not None and (is_sparse(self._loss) or (isinstance(self._loss, str) and y.dtype.kind in "iub"))
        return self.dtype, "int64" if whole else self.dtype, self.dtype

    def _check_loss(self, who: str, arrays: data.Arrays) -> None:
        if self._loss is not None and arrays[1] is None:
            raise errors.type_error(who, "y", "given for the loss", None)

    def _check_labels(self, who: str, y: Array | None) -> None:
        """Class numbers must exist; found here, a wrong one stops training before the first step."""
        shape = getattr(self, "_output_shape", None)
        if y is None or not shape or not isinstance(shape[-1], int) or not is_sparse(self._loss):
            return
        classes = shape[-1]
        wrong = (y < 0) | (y >= classes)
        ignored = getattr(self._loss, "ignore_class", None)
        if ignored is not None:
            wrong &= y != ignored
        if wrong.any():
            raise errors.value_error(
                who,
                "y",
                f"class numbers in 0 ... {classes - 1}, for the {classes} outputs of the last layer",
                y[wrong].flat[0].item(),
                f"First at position {int(wrong.argmax())}.",
            )
