"""Models in files. Loading never unpickles, imports or executes anything that a file names."""

from __future__ import annotations

from fastnn.saving.npz import load_npz as load_npz
from fastnn.saving.npz import save_npz as save_npz
