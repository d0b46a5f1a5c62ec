"""Masks: which steps of a sequence count, passed from layer to layer beside the values.

A mask is a bool tensor without the values' last axis, kept as the attribute ``_keras_mask`` of the values' Tensor.
A layer that takes ``mask`` in its `call` is given it; one with ``supports_masking`` passes on what its `compute_mask`
says; losses and metrics leave out what is masked in the predictions.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from fastnn import tree
from fastnn.autograd import Tensor


def masks_of(x: Any) -> Any:
    """The mask of a Tensor, or those of the Tensors in a structure; None where there is none at all."""
    if isinstance(x, Tensor):
        return x._keras_mask
    if not isinstance(x, (list, tuple, dict)):
        return None
    masks = tree.map_structure(lambda part: part._keras_mask if isinstance(part, Tensor) else None, x)
    return masks if any(mask is not None for mask in tree.flatten(masks)) else None


class PassesMasks:
    """What a layer does with masks.

    Attributes
    ----------
    supports_masking : bool
        Whether masks of the input reach the output; True for classes that define `compute_mask`.
    """

    supports_masking: bool = False
    name: str
    _computes_mask: ClassVar[bool] = False
    _call_takes_mask: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "compute_mask" in cls.__dict__:
            cls.supports_masking = cls._computes_mask = True

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The output's mask for the input and its mask; by default that one."""
        return previous_mask

    def _pass_mask(self, inputs: Any, previous: Any, outputs: Any) -> None:
        """Give the outputs their masks, where they have none yet."""
        found = [y for y in tree.flatten(outputs) if isinstance(y, Tensor)]
        if all(y._keras_mask is not None for y in found):
            return
        if not self.supports_masking:
            if previous is not None and not any(True for _ in self._layers_below()):  # layers below saw to it
                warnings.warn(
                    f"{type(self).__name__} {self.name!r}: the input has a mask, which this layer does not pass on.",
                    stacklevel=4,
                )
            return
        masks = self.compute_mask(inputs, previous)
        if masks is None:
            return
        for y, mask in zip(found, tree.flatten(masks), strict=False):
            if y._keras_mask is None and mask is not None:
                y._keras_mask = mask

    if TYPE_CHECKING:

        def _layers_below(self) -> Iterable[Any]: ...
