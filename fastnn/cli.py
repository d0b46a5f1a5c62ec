"""The command line: ``fastnn train digits``, ``fastnn train mnist``, ``fastnn info``; also ``python -m fastnn ...``.

Results go to standard output, the progress bar and errors to standard error. Exit codes: 0 done; 1 the work failed
(a missing data set, a full disk); 2 the command was written wrongly; 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

import fastnn
from fastnn import _core

if TYPE_CHECKING:
    from fastnn.models import Sequential

Array = npt.NDArray[Any]
OPENMP_VERSIONS = {
    201107: "3.1", 201307: "4.0", 201511: "4.5", 201811: "5.0", 202011: "5.1", 202111: "5.2", 202411: "6.0",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``fastnn``; default: those this process was started with.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> from fastnn import cli
    >>> cli.main(["info"])  # doctest: +ELLIPSIS
    fastnn ...
    0
    """
    options = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], None] = options.command
    try:
        command(options)
    except KeyboardInterrupt:
        print("\nfastnn: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away; Python would complain about it while it exits
        return 1
    except (ValueError, TypeError, RuntimeError, OSError, MemoryError) as error:
        print(f"fastnn: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fastnn", description="Train small networks on this CPU, and show its facts.")
    parser.add_argument("--version", action="version", version=f"fastnn {fastnn.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    info = commands.add_parser("info", help="version, instruction sets, threads, compiler, OpenMP runtime")
    info.set_defaults(command=_info)

    train = commands.add_parser("train", help="train a small network on a data set and show how good it is")
    train.set_defaults(command=_train)
    train.add_argument("dataset", nargs="?", default="digits", choices=sorted(TASKS), help="default: digits")
    count, seed = _at_least(1), _at_least(0)
    train.add_argument("--epochs", type=count, metavar="N", help="default: digits 20, mnist 3")
    train.add_argument("--batch-size", type=count, metavar="N", help="default: digits 32, mnist 64")
    train.add_argument("--seed", type=seed, default=0, metavar="N", help="of weights, shuffling, dropout; default 0")
    train.add_argument("--threads", type=count, metavar="N", help="at most this many; default: see fastnn info")
    train.add_argument("--save", type=_npz_path, metavar="FILE.npz", help="write weights and configuration there")
    return parser


def _at_least(least: int) -> Callable[[str], int]:
    """An argparse type: an integer that is at least ``least``."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"must be an integer of at least {least}; got {text!r}")
        return value

    return convert


def _npz_path(text: str) -> str:
    """An argparse type: a file that could be written later, told before hours of training rather than after."""
    from fastnn.saving.atomic import check_target
    from fastnn.saving.npz import SUFFIX

    try:
        check_target("--save", text, SUFFIX, argument="path")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("--save: ")) from None
    return text


# ---- info


def _info(options: argparse.Namespace) -> None:
    build = _core.build_info()
    openmp = build["openmp"]
    version = f"{OPENMP_VERSIONS.get(openmp, 'version')} ({openmp})" if openmp else "none: built serial"
    rows = {
        "version": fastnn.__version__,
        "instruction set": f"{_core.isa()} (available: {', '.join(_core.isas())})",
        "threads": _core.threads_reason(),
        "compiler": build["compiler"],
        "OpenMP": version,
        "OpenMP runtime": ", ".join(_openmp_runtimes()) or "none",
        "NumPy": np.__version__,
        "Python": sys.version.split()[0],
    }
    print("fastnn")
    for name, value in rows.items():
        print(f"  {name + ':':<17}{value}")


def _openmp_runtimes() -> list[str]:
    """The OpenMP runtimes this process has loaded, by path (Linux; elsewhere an empty list)."""
    try:
        with open("/proc/self/maps") as maps:
            paths = {line.split(maxsplit=5)[5].strip() for line in maps if "omp" in line and "/" in line}
    except OSError:
        return []
    return sorted(path for path in paths if path.rpartition("/")[2].startswith(("libgomp", "libomp", "libiomp")))


# ---- train


class Task(NamedTuple):
    """What ``fastnn train <name>`` trains."""

    epochs: int
    batch_size: int
    model: Callable[[], Sequential]
    data: Callable[[], tuple[tuple[Array, Array], tuple[Array, Array]]]


def _digits_data() -> Any:
    from fastnn.datasets import digits

    return digits.load_data()


def _mnist_data() -> Any:
    from fastnn.datasets import mnist

    return mnist.load_data()


def digits_model() -> Sequential:
    """The small CNN for 8x8 digits of brightness 0 to 16."""
    from fastnn import layers, models

    return models.Sequential([
        layers.Input((8, 8, 1)),
        layers.Rescaling(1 / 16),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Dropout(0.25),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Dropout(0.25),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10),
    ])


def mnist_model() -> Sequential:
    """The CNN for 28x28 digits of brightness 0 to 255."""
    from fastnn import layers, models

    return models.Sequential([
        layers.Input((28, 28, 1)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Dropout(0.25),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dense(10),
    ])


TASKS = {
    "digits": Task(20, 32, digits_model, _digits_data),
    "mnist": Task(3, 64, mnist_model, _mnist_data),
}


def _train(options: argparse.Namespace) -> None:
    from fastnn import losses, utils

    task = TASKS[options.dataset]
    epochs, batch_size = options.epochs or task.epochs, options.batch_size or task.batch_size
    if options.threads:
        _core.set_num_threads(options.threads)
    (x_train, y_train), (x_test, y_test) = task.data()
    utils.set_random_seed(options.seed)
    model = task.model()
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    threads = _core.get_num_threads()
    print(f"{options.dataset}: {len(x_train):,} training and {len(x_test):,} test images; {model.count_params():,} "
          f"parameters; {_core.isa()}, {threads} thread{'s' * (threads > 1)}", flush=True)

    seconds = _fit(model, x_train, y_train, epochs, batch_size)
    guesses = np.argmax(model.predict(x_test, batch_size=256, verbose=0), axis=-1)
    print(f"test accuracy: {np.mean(guesses == y_test):.4f}")
    print(confusion_table(y_test, guesses, 10))
    print(f"seconds per epoch: {seconds / epochs:.2f}")
    if options.save:
        from fastnn.saving import save_npz

        save_npz(model, options.save)
        print(f"saved to {options.save}")


def _fit(model: Sequential, x: Array, y: Array, epochs: int, batch_size: int) -> float:
    """Train; give the seconds it took. A bar where someone watches, a line an epoch where a file does.

    The learning rate falls from 1e-3 in the first epoch to 1e-4 in the last by equal factors.
    """
    from fastnn import callbacks

    def set_rate(epoch: int, logs: Any) -> None:
        model.optimizer.learning_rate = 1e-3 * 0.1 ** (epoch / max(1, epochs - 1))

    verbose = 1 if sys.stderr.isatty() else 2
    schedule = callbacks.LambdaCallback(on_epoch_begin=set_rate)
    begin = time.perf_counter()
    model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=verbose, callbacks=[schedule])
    return time.perf_counter() - begin


def confusion_table(truth: Array, guesses: Array, classes: int) -> str:
    """How often each class (row) was taken for each class (column), as text.

    Examples
    --------
    >>> import numpy as np
    >>> print(confusion_table(np.array([0, 0, 1]), np.array([0, 1, 1]), 2))
    true \\ predicted
            0    1
       0    1    1
       1    .    1
    """
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truth, guesses), 1)
    width = max(5, len(str(counts.max())) + 1)
    rows = ["true \\ predicted", " " * 4 + "".join(f"{c:>{width}}" for c in range(classes))]
    for label, row in enumerate(counts):
        rows.append(f"{label:>4}" + "".join(f"{n or '.':>{width}}" for n in row))
    return "\n".join(rows)
