"""What a model makes of the data that it is given: arrays or batches, checked, of the dtypes that its steps want."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from fastnn import errors, tree
from fastnn.autograd import Array
from fastnn.layers.base import Layer
from fastnn.models import data, stream
from fastnn.models.compile_loss import CompileLoss, is_sparse
from fastnn.utils import unpack_x_y_sample_weight


class Reader(Layer):
    """What `Trainer` knows about data."""

    _compile_loss: CompileLoss | None = None
    _own_steps: ClassVar[bool] = False  # whether a subclass computes its loss itself

    def _read(self, who: str, x: Any, y: Any, weight: Any) -> data.Data:
        """The user's data as arrays of one length."""
        if x is None:
            raise errors.type_error(who, "x", "an array-like", None)
        inputs = self._arrange_data(who, data.as_arrays(who, "x", x))
        targets = None if y is None else data.as_arrays(who, "y", y)
        weights = None if weight is None else data.as_arrays(who, "sample_weight", weight)
        given = data.Data(inputs, targets, weights)
        data.check_lengths(who, given)
        return given

    def _arrange_data(self, who: str, x: Any) -> Any:
        """The inputs as the model takes them, where that is known."""
        return x

    def _only_input(self, who: str, x: Any) -> Array:
        """The array for a model's one input; a list or dict may hold it."""
        if type(x) is np.ndarray:
            return x
        found = tree.flatten(x)
        names = getattr(self, "input_names", None) if isinstance(x, dict) else None
        if names is not None and names[0] in x:  # beside what the model has no use for
            found = [x[names[0]]]
        if len(found) != 1:
            got = errors.Shown(f"a {type(x).__name__} of {len(found)} arrays")
            raise errors.value_error(who, "x", "one array, for the model's one input", got, "Stack rows: np.stack(x).")
        array: Array = found[0]
        return array

    def _wanted_dtypes(self) -> list[str] | None:
        """The dtypes of the model's inputs, where it says what they are."""
        return None

    def _feed(
        self,
        who: str,
        x: Any,
        y: Any,
        weight: Any,
        batch_size: Any,
        steps: int | None = None,
        shuffle: Any = False,
        class_weight: Any = None,
        inputs_only: bool = False,
    ) -> data.Batches:
        """The user's data, batch by batch."""
        if stream.is_stream(x):
            stream.check_alone(who, y=y, sample_weight=weight)

            def read(place: str, item: Any) -> data.Data:
                x, y, weight = stream.unpack(place, item)
                given = self._read(place, x, *((None, None) if inputs_only else (y, weight)))
                if not inputs_only:
                    self._check_loss(place, given)
                return self._weighted(place, given, class_weight)

            return stream.Stream(who, x, read, self._dtypes, steps)
        given = self._weighted(who, self._read(who, x, y, weight), class_weight)
        if batch_size is None and steps is not None:  # so many steps go once through the data
            batch_size = -(-len(given.first) // steps)
        return self._batches(who, given, data.check_batch_size(who, batch_size), steps, shuffle)

    def _feed_validation(self, who: str, given: Any, size: int | None, steps: int | None) -> data.Batches:
        place = f"{who} validation_data"
        if stream.is_stream(given):
            return self._feed(place, given, None, None, None, steps)
        if isinstance(given, (tuple, list)) and len(given) > 3:
            rule = "a tuple (x, y) or (x, y, sample_weight), or batches of these"
            raise errors.type_error(who, "validation_data", rule, given, "Or give validation_split.")
        x, y, weight = unpack_x_y_sample_weight(given)
        return self._feed(place, x, y, weight, size, steps)

    def _split(self, who: str, given: tuple[Any, Any, Any], share: float) -> tuple[Any, Any]:
        if stream.is_stream(given[0]):
            rule = "0 where x gives batches"
            raise errors.value_error(who, "validation_split", rule, share, "Give validation_data=.")
        return data.split(who, self._read(who, *given), share)

    def _weighted(self, who: str, given: data.Data, class_weight: Any) -> data.Data:
        if class_weight is None:
            return given
        if given.weight is not None:
            rule = "None where sample_weight is given"
            raise errors.value_error(who, "class_weight", rule, class_weight, "Multiply the weights yourself.")
        if tree.is_nested(given.y):
            raise errors.value_error(who, "class_weight", "None for a model of several outputs", class_weight)
        return data.Data(given.x, given.y, data.class_weights(who, given.y, class_weight))

    def _batches(
        self, who: str, given: data.Data, size: int, steps: int | None = None, shuffle: Any = False
    ) -> data.Batches:
        known, kind = self._make_plan().dtypes, given.kind
        if kind not in known:
            known[kind] = self._dtypes(given)
        return data.Batches(given, known[kind], size, shuffle, steps, who)

    def _make_plan(self) -> Any:
        raise NotImplementedError

    # ---- dtypes

    def _dtypes(self, given: data.Data) -> data.Dtypes:
        """What the arrays are converted to: floats to the model's type; integers stay whole where they are wanted."""
        weights = len(tree.flatten(given.weight)) if given.weight is not None else 1
        return (*self._dtypes_of_x(given.x), *self._dtypes_of_y(given.y), *[self.dtype] * weights)

    def _dtypes_of_x(self, x: Any) -> list[str]:
        wanted = self._wanted_dtypes()
        leaves = [x] if type(x) is np.ndarray else tree.flatten(x)
        if wanted is None or len(wanted) != len(leaves):
            return [self._own_kind(leaf) for leaf in leaves]
        names = getattr(self, "input_names", None) if isinstance(x, dict) else None
        if names is not None and set(x) == set(names):
            by_name = dict(zip(names, wanted, strict=True))
            return [by_name[path[0]] for path, _ in tree.flatten_with_path(x)]
        return wanted

    def _own_kind(self, array: Array | None) -> str:
        """The model's type for floats; integers and booleans stay what they are."""
        if array is None or array.dtype.kind == "f":
            return self.dtype
        return "bool" if array.dtype.kind == "b" else "int64"

    def _dtypes_of_y(self, y: Any) -> list[str]:
        """Class numbers stay whole; so do integers whose use is not known."""
        if y is None:
            return [self.dtype]
        leaves = [y] if type(y) is np.ndarray else tree.flatten(y)
        known = [None] * len(leaves) if self._compile_loss is None else self._compile_loss.sparse(len(leaves))
        if self._own_steps:
            known = [None] * len(leaves)
        return [self._dtype_of_y(array, sparse) for array, sparse in zip(leaves, known, strict=True)]

    def _dtype_of_y(self, y: Array | None, sparse: bool | None) -> str:
        whole = y is not None and (y.dtype.kind in "iub" if sparse is None else sparse)
        return "int64" if whole else self.dtype

    # ---- checks

    def _check_loss(self, who: str, given: data.Data) -> None:
        if self._compile_loss is not None and given.y is None and not self._own_steps:
            raise errors.type_error(who, "y", "given for the loss", None)

    def _check_labels(self, who: str, y: Any) -> None:
        """Class numbers must exist; found here, a wrong one stops training before the first step."""
        if y is None or self._compile_loss is None or self._own_steps or not self._compile_loss.takes_labels:
            return
        losses = self._compile_loss.flat()
        found = tree.flatten_with_path(y)
        shapes = [getattr(self, "_output_shape", None)]
        if isinstance(y, (list, tuple)) and isinstance(self._compile_loss.loss, (list, tuple)):  # in the same order
            shapes = [output.shape for output in getattr(self, "outputs", ())]
        if not len(found) == len(shapes) == len(losses):
            return
        for (path, labels), shape, loss in zip(found, shapes, losses, strict=True):
            if labels is not None and shape and isinstance(shape[-1], int) and is_sparse(loss):
                name = "y" + "".join(f"[{key!r}]" for key in path)
                _check_range(who, name, labels, shape[-1], getattr(loss, "ignore_class", None))


def _check_range(who: str, name: str, y: Array, classes: int, ignored: int | None) -> None:
    wrong = (y < 0) | (y >= classes)
    if ignored is not None:
        wrong &= y != ignored
    if np.count_nonzero(wrong):
        raise errors.value_error(
            who,
            name,
            f"class numbers in 0 ... {classes - 1}, for the {classes} outputs of the last layer",
            y[wrong].flat[0].item(),
            f"First at position {int(wrong.argmax())}.",
        )
