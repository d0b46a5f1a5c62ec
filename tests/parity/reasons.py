"""Why names of Keras are left out, and why signatures differ: patterns in the order in which they are tried.

A name that no pattern explains makes tests/parity/test_names.py fail.
"""

from __future__ import annotations

LEFT_OUT_MODULES: dict[str, str] = {}
LEFT_OUT: dict[str, str] = {}
DIFFERENCES: dict[str, str] = {}
