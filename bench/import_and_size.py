"""What importing fastnn costs beyond NumPy (median of 20 processes each, taken in turns), and the wheel's size.

    python bench/import_and_size.py [wheel]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 20


def seconds(code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begin


def main() -> int:
    programs = {"python": "pass", "numpy": "import numpy", "fastnn": "import fastnn"}
    for program in programs.values():  # into the page cache
        seconds(program)
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(RUNS):
        for name, program in programs.items():
            times[name].append(seconds(program))
    medians = {name: statistics.median(values) * 1e3 for name, values in times.items()}
    print(f"median of {RUNS} processes: python {medians['python']:.1f} ms, import numpy {medians['numpy']:.1f} ms, "
          f"import fastnn {medians['fastnn']:.1f} ms")
    print(f"import fastnn costs {medians['fastnn'] - medians['numpy']:.1f} ms more than import numpy (at most 30)")
    wheels = [Path(path) for path in sys.argv[1:]] or sorted(Path("dist").glob("*.whl"))
    for wheel in wheels:
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB (at most 2)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
