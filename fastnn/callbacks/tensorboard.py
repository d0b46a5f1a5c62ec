"""TensorBoard: curves, histograms and images of weights in event files, through tensorboard's own writer."""

from __future__ import annotations

import importlib.util
import json
import os
import struct
import time
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import errors, registry
from fastnn.callbacks.callback import Callback, Logs

GRAPHS = ("Sequential", "Functional")
MOST_IMAGE_CHANNELS = 3


class TensorBoard(Callback):
    """Write event files that ``tensorboard --logdir=logs`` shows.

    Scalars: ``epoch_<metric>`` for each epoch, training and validation in folders of their own;
    ``evaluation_<metric>_vs_iterations`` after `evaluate` or validation; ``batch_<metric>`` with an ``update_freq``.

    Parameters
    ----------
    log_dir : str or path-like
        For this training alone.
    histogram_freq : int
        Histograms of all weights every so many epochs; 0 for none.
    write_graph : bool
        The layers, for the page of graphs.
    write_images : bool
        Weights as images, when histograms are written.
    write_steps_per_second : bool
    update_freq : "epoch", "batch" or int
        Also write the metrics every so many batches.
    profile_batch, embeddings_freq, embeddings_metadata
        Keras's; left out here (they need TensorFlow), only the defaults are accepted.

    Raises
    ------
    ImportError
        Where tensorboard is not installed: ``pip install "fastnn[tensorboard]"``.

    Examples
    --------
    >>> import tempfile
    >>> from fastnn.callbacks import TensorBoard
    >>> callback = TensorBoard(tempfile.mkdtemp())  # doctest: +SKIP
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: None = None,
    ) -> None:
        super().__init__()
        if profile_batch or embeddings_freq or embeddings_metadata is not None:
            raise errors.value_error(
                "TensorBoard", "profile_batch, embeddings_freq and embeddings_metadata", "at their defaults",
                (profile_batch, embeddings_freq, embeddings_metadata), "They need TensorFlow.",
            )  # fmt: skip
        if update_freq == "batch":
            update_freq = 1
        if update_freq != "epoch" and (isinstance(update_freq, bool) or not isinstance(update_freq, int)):
            raise errors.value_error("TensorBoard", "update_freq", "'epoch', 'batch' or an int", update_freq)
        if importlib.util.find_spec("tensorboard") is None:
            raise ImportError('TensorBoard needs the package tensorboard: pip install "fastnn[tensorboard]".')
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = update_freq
        self.profile_batch = profile_batch
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self._writers: dict[str, Any] = {}
        self._batch = 0
        self._epoch_begin = self._batch_begin = 0.0
        self._steps_before = 0
        if update_freq != "epoch":  # else no hook of batches: they cost a return to Python after each
            self.on_train_batch_begin = self._before_batch  # type: ignore[method-assign]  # of this object alone
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]  # of this object alone

    # ---- writing

    def _write(self, where: str, summary: Any, step: int) -> None:
        """Add a summary to the event file of "train" or "validation"."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        if where not in self._writers:
            self._writers[where] = EventFileWriter(os.path.join(self.log_dir, where))
        self._writers[where].add_event(Event(summary=summary, wall_time=time.time(), step=step))

    def _scalar(self, where: str, name: str, value: float, step: int) -> None:
        from tensorboard.plugins.scalar.summary import scalar_pb

        self._write(where, scalar_pb(name, float(value)), step)

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _steps(self) -> int:
        return int(self.model.optimizer.iterations.numpy())

    # ---- hooks

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._batch = 0
        if self.write_graph and type(self.model).__name__ in GRAPHS:
            self._write("train", _graph(json.dumps(registry.serialize(self.model), default=repr)), 0)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._close()

    def on_test_end(self, logs: Logs | None = None) -> None:
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None:
            for name, value in (logs or {}).items():
                self._scalar("validation", f"evaluation_{name}_vs_iterations", value, self._steps())
        if not self._epoch_begin:  # evaluate by itself
            self._close()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch_begin = time.perf_counter()
        self._steps_before = self._steps()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        for name, value in logs.items():
            where, short = ("validation", name[4:]) if name.startswith("val_") else ("train", name)
            self._scalar(where, f"epoch_{short}", value, epoch)
        self._scalar("train", "epoch_learning_rate", float(self.model.optimizer.learning_rate), epoch)
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._epoch_begin
            self._scalar("train", "epoch_steps_per_second", (self._steps() - self._steps_before) / seconds, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        self._epoch_begin = 0.0
        for writer in self._writers.values():
            writer.flush()

    def _write_weights(self, epoch: int) -> None:
        from tensorboard.plugins.histogram.summary import histogram_pb

        for layer in self.model._flatten():
            for weight in (*layer._trainable_weights, *layer._non_trainable_weights):
                name = f"{weight.path}/histogram"
                self._write("train", histogram_pb(name, weight.numpy()), epoch)
                image = _as_image(weight.numpy()) if self.write_images else None
                if image is not None:
                    self._write("train", _image(f"{weight.path}/image", image), epoch)

    def _before_batch(self, batch: int, logs: Logs | None = None) -> None:
        self._batch_begin = time.perf_counter()

    def _after_batch(self, batch: int, logs: Logs | None = None) -> None:
        if self.write_steps_per_second:
            self._scalar("train", "batch_steps_per_second", 1 / (time.perf_counter() - self._batch_begin), self._batch)
        if self._batch % self.update_freq == 0:
            for name, value in (logs or {}).items():
                self._scalar("train", f"batch_{name}", value, self._batch)
        self._batch += 1


# ---- summaries that tensorboard makes only with TensorFlow --------------------------------------------------------


def _graph(text: str) -> Any:
    """The model as JSON, for the plugin that draws Keras's models."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

    plugin = SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
    tensor = TensorProto(dtype="DT_STRING", string_val=[text.encode()])
    value = Summary.Value(tag="keras", metadata=SummaryMetadata(plugin_data=plugin), tensor=tensor)
    return Summary(value=[value])


def _image(name: str, pixels: npt.NDArray[np.uint8]) -> Any:
    """A PNG for the page of images."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    height, width, channels = pixels.shape
    image = Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=_png(pixels))
    return Summary(value=[Summary.Value(tag=name, image=image)])


def _as_image(weight: npt.NDArray[Any]) -> npt.NDArray[np.uint8] | None:
    """A weight as grey (or, with three channels last, coloured) pixels; None for what is no image.

    Vectors are one row, matrices lie with their longer side across, kernels of convolutions are tiled: one tile for
    each pair of input and output channel.
    """
    w = np.squeeze(weight.astype(np.float64))
    if w.ndim == 1:
        w = w[None, :, None]
    elif w.ndim == 2:
        w = (w.T if w.shape[0] > w.shape[1] else w)[..., None]
    elif w.ndim == 3:
        w = w if w.shape[-1] == MOST_IMAGE_CHANNELS else w.transpose(0, 2, 1).reshape(w.shape[0], -1, 1)
    elif w.ndim == 4:
        rows, columns, inputs, outputs = w.shape
        w = w.transpose(2, 0, 3, 1).reshape(inputs * rows, outputs * columns, 1)
    else:
        return None
    least, span = w.min(), np.ptp(w)
    return np.asarray(255 * (w - least) / (span or 1.0)).astype(np.uint8)


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Pixels (height, width, 1 or 3) as a PNG file (W3C's Portable Network Graphics, second edition)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, channels = pixels.shape
    colour = 2 if channels == MOST_IMAGE_CHANNELS else 0
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    body = zlib.compress(rows.tobytes())
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
