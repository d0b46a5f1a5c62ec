"""The names of `fastnn.ops` once more, where Keras has `keras.ops.numpy`.

Examples
--------
>>> from fastnn import ops
>>> ops.numpy.add(1, 2).item()
3
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fastnn.ops as ops  # looked up when used: it imports this module

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return getattr(ops, name)
