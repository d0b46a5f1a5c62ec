"""Test accuracy of the reference CNN on MNIST, by the same script with Keras or with fastnn.

The model is written once, as a Keras user writes it; the argument only chooses what is imported. Each seed trains
from its own initial weights: default Adam, SparseCategoricalCrossentropy(from_logits=True), batch 32,
validation_split=0.1.

    python -m bench.training.accuracy_reference_cnn keras  --data DIR --json keras.json
    python -m bench.training.accuracy_reference_cnn fastnn --data DIR --json fastnn.json

DIR holds the four IDX files of MNIST, gzipped or not; default $FASTNN_DATA_DIR/mnist.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import os
import statistics
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def read_idx(folder: Path, name: str) -> np.ndarray:
    """One IDX file of unsigned bytes (the header's last byte of the magic number is the number of axes)."""
    packed = folder / f"{name}.gz"
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / name).read_bytes()
    ndim = content[3]
    shape = np.frombuffer(content, ">i4", ndim, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * ndim).reshape(shape)


def reference_cnn(library: ModuleType) -> Any:
    """The reference CNN, compiled; ``library`` is keras or fastnn."""
    layers = library.layers
    model = library.Sequential([
        library.Input((28, 28, 1)),
        layers.Conv2D(32, 4, activation="relu"),
        layers.MaxPooling2D(3),
        layers.Conv2D(64, 4, activation="relu"),
        layers.MaxPooling2D(3),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10),
    ])
    loss = library.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=["keras", "fastnn"])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FASTNN_DATA_DIR", "."), "mnist"))
    parser.add_argument("--pixels", choices=["raw", "unit", "both"], default="both", help="0..255, 0..1, or both")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures to this file, after every run")
    options = parser.parse_args()

    library = importlib.import_module(options.library)
    if options.library == "keras":
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.threading.set_intra_op_parallelism_threads(options.threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    else:
        library.set_num_threads(options.threads)

    x_train, y_train, x_test, y_test = (read_idx(options.data, name) for name in FILES)
    results: dict[str, Any] = {"library": options.library, "version": library.__version__, "epochs": options.epochs}
    for pixels in ["raw", "unit"] if options.pixels == "both" else [options.pixels]:
        scale = np.float32(255 if pixels == "unit" else 1)
        train, test = (images[..., None] / scale for images in (x_train, x_test))
        accuracies: list[float] = []
        for seed in options.seeds:
            library.utils.set_random_seed(seed)
            model = reference_cnn(library)
            begin = time.perf_counter()
            model.fit(train, y_train, batch_size=32, epochs=options.epochs, validation_split=0.1, verbose=0)
            seconds = time.perf_counter() - begin
            accuracies.append(model.evaluate(test, y_test, verbose=0)[1])
            print(f"{options.library} {pixels} seed {seed}: test accuracy {accuracies[-1]:.4f}, "
                  f"{seconds / options.epochs:.2f} s an epoch", flush=True)
            results[pixels] = {"accuracies": accuracies, "mean": statistics.fmean(accuracies)}
            if options.json:
                options.json.write_text(json.dumps(results, indent=1) + "\n")
        print(f"{options.library} {pixels}: mean {statistics.fmean(accuracies):.4f} of {len(accuracies)} seeds",
              flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
