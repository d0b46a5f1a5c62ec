"""Peak memory of a whole process that trains the reference CNN, batch 128: imports included, the data subtracted.

    python bench/peers/rss.py [fastnn | PyTorch]      without a name: each in a process of its own
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
LIBRARIES = ("fastnn", "PyTorch")
BATCH, STEPS, EPOCHS = 128, 64, 3


def peak_bytes() -> int:
    """Most memory this process has held (VmHWM: ru_maxrss would begin with that of the parent)."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def train(name: str, file: str) -> dict[str, int]:
    import numpy as np

    sys.path.insert(0, str(Path(__file__).parent))
    from networks import REFERENCE_CNN, initial_weights
    from works import PEERS

    module, variant = PEERS[name]
    library = importlib.import_module(module).Library(1, variant)
    stored = np.load(file)
    x, y = stored["x"], stored["y"]
    trainer = library.trainer(REFERENCE_CNN, x, y, initial_weights(REFERENCE_CNN), BATCH)
    trainer.run(EPOCHS, shuffle=True)
    return {"peak": peak_bytes(), "data": x.nbytes + y.nbytes}


def peak_rss(complain: Callable[[str], None] = print) -> dict[str, dict[str, int]]:
    """Bytes of each library, in a process of its own."""
    import os
    import tempfile

    import numpy as np
    from networks import REFERENCE_CNN, data

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "data.npz"))
        x, y = data(REFERENCE_CNN, BATCH * STEPS)
        np.savez(file, x=x, y=y)
        for name in LIBRARIES:
            done = subprocess.run(
                [sys.executable, __file__, name, file], capture_output=True, text=True,
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
            if done.returncode:
                complain(f"peak memory of {name}: {done.stderr.strip().splitlines()[-1:]}")
            else:
                found[name] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    if len(sys.argv) == 3:
        print(json.dumps(train(sys.argv[1], sys.argv[2])))
        return 0
    found: dict[str, Any] = peak_rss()
    for name, figures in found.items():
        own, arrays = (figures["peak"] - figures["data"]) / 1e6, figures["data"] / 1e6
        print(f"{name}: {own:.1f} MB, without {arrays:.1f} MB of data")
    return 0


if __name__ == "__main__":
    sys.exit(main())
