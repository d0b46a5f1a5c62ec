"""What layers compute in and keep their weights in, under the names of `keras.dtype_policies`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn import config, errors, ops
from fastnn.autograd import as_tensor
from fastnn.symbolic import KerasTensor


class DTypePolicy:
    """The type that a layer computes in and keeps its weights in: one for both, "float32" or "float64".

    Parameters
    ----------
    name : str, optional
        Default `fastnn.config.floatx`.
    source_name : str, optional
        Nothing but None: there is no quantization.

    Examples
    --------
    >>> DTypePolicy("float64").compute_dtype
    'float64'
    """

    quantization_mode = None

    def __init__(self, name: str | None = None, source_name: str | None = None) -> None:
        name = config.floatx() if name is None else name
        if source_name is not None:
            raise errors.value_error("DTypePolicy", "source_name", "None, as there is no quantization", source_name)
        if name not in ("float32", "float64"):
            rule = "'float32' or 'float64'"
            fix = "Kernels exist for these two; there is no mixed precision."
            raise errors.value_error("DTypePolicy", "name", rule, name, fix)
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    @property
    def compute_dtype(self) -> str:
        """What a layer computes in."""
        return self._name

    @property
    def variable_dtype(self) -> str:
        """What a layer's weights are kept in."""
        return self._name

    def convert_input(self, x: Any, autocast: bool, dtype: Any) -> Any:
        """An array or Tensor as a Tensor; with ``autocast``, floats in this dtype."""
        tensor = x if isinstance(x, KerasTensor) else as_tensor(x)
        floating = str(tensor.dtype).startswith("float")
        return ops.cast(tensor, dtype) if autocast and floating and str(tensor.dtype) != str(dtype) else tensor

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """A policy from what `get_config` returned."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other._name == self._name

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
