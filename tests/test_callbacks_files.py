"""Callbacks that write files, and those that change the learning rate or stop."""

import csv
import json

import numpy as np
import pytest

from fastnn import callbacks, layers, models, optimizers, utils
from fastnn.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    SwapEMAWeights,
    TensorBoard,
    TerminateOnNaN,
)

h5py = pytest.importorskip("h5py", reason="files of weights need h5py")
RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3)).astype(np.float32)
Y = X.sum(1, keepdims=True)


def make(optimizer="adam", **kwargs):
    utils.set_random_seed(1)
    model = models.Sequential([layers.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
    model.compile(optimizer, "mse", **kwargs)
    return model


def fit(model, *given, epochs=4, **kwargs):
    return model.fit(X, Y, epochs=epochs, batch_size=8, verbose=0, callbacks=list(given), shuffle=False, **kwargs)


class Say(Callback):
    """Puts values of one's choice into the logs."""

    def __init__(self, **values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs |= {name: value[epoch] for name, value in self.values.items()}


# ---- learning rates -----------------------------------------------------------------------------------------------


def test_reduce_on_plateau():
    model = make(optimizers.SGD(0.1))
    plateau = ReduceLROnPlateau("m", factor=0.5, patience=2, mode="min", cooldown=1, min_lr=0.03, min_delta=0.1)
    values = [5.0, 4.0, 3.95, 3.95, 3.95, 3.95, 3.95, 3.95, 1.0, 1.0]
    history = fit(model, Say(m=values), plateau, epochs=10)
    rates = history.history["learning_rate"]
    # The fourth value is the second that is no better; the next epoch ends the cooldown and is the first of two more.
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03, 0.03, 0.03])
    with pytest.raises(ValueError, match=r"factor must be below 1; got 1\.0"):
        ReduceLROnPlateau(factor=1.0)
    with pytest.warns(UserWarning, match="'nothing' is not among the logs"):
        fit(make(), ReduceLROnPlateau("nothing", mode="min"), epochs=1)


def test_scheduler_of_two_kinds(capsys):
    model = make(optimizers.SGD(0.5))
    history = fit(model, LearningRateScheduler(lambda epoch, rate: rate / 2, verbose=1), epochs=2)
    assert history.history["learning_rate"] == [0.25, 0.125]
    assert "Epoch 2: LearningRateScheduler setting learning rate to 0.125." in capsys.readouterr().out
    fit(model, LearningRateScheduler(lambda epoch: 0.01 * (epoch + 1)), epochs=2)
    assert float(model.optimizer.learning_rate) == 0.02
    with pytest.raises(ValueError, match="schedule must be a function that gives a float"):
        fit(model, LearningRateScheduler(lambda epoch: "fast"))


# ---- stopping -----------------------------------------------------------------------------------------------------


def test_terminate_on_nan(capsys):
    y = Y.copy()
    y[20] = np.nan
    model = make()
    history = model.fit(X, y, epochs=3, batch_size=8, verbose=0, shuffle=False, callbacks=[TerminateOnNaN()])
    assert "Batch 2: Invalid loss, terminating training" in capsys.readouterr().out
    assert len(history.epoch) == 1
    with pytest.raises(RuntimeError, match="the loss must be finite; got nan in batch 2"):
        make().fit(X, y, batch_size=8, verbose=0, shuffle=False, callbacks=[TerminateOnNaN(raise_error=True)])


# ---- tables -------------------------------------------------------------------------------------------------------


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    model = make(metrics=["mae"])
    logger = CSVLogger(path)
    history = fit(model, logger, epochs=3, validation_split=0.2, validation_freq=2)
    with open(path) as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [line[0] for line in lines[1:]] == ["0", "1", "2"]
    assert lines[1][3:] == ["NA", "NA"] and float(lines[2][3]) == history.history["val_loss"][0]
    fit(model, CSVLogger(path, append=True), epochs=1)
    with open(path) as file:
        assert len(list(file)) == 5
    fit(model, CSVLogger(path, separator=";"), epochs=1)
    assert path.read_text().startswith("epoch;loss;mae")
    with pytest.raises(ValueError, match="separator must be one character"):
        CSVLogger(path, separator=", ")


# ---- checkpoints --------------------------------------------------------------------------------------------------


def test_checkpoint_of_the_best_weights(tmp_path, capsys):
    model = make()
    weights = []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(model.get_weights()))
    best = ModelCheckpoint(
        tmp_path / "best.weights.h5", "m", save_best_only=True, save_weights_only=True, mode="max", verbose=1
    )
    fit(model, keep, Say(m=[1.0, 3.0, 2.0, 2.5]), best)
    assert best.best == 3.0
    told = capsys.readouterr().out
    assert "m improved from 1.00000 to 3.00000" in told and "m did not improve from 3.00000" in told
    other = make()
    other.load_weights(tmp_path / "best.weights.h5")
    for got, want in zip(other.get_weights(), weights[1], strict=True):
        np.testing.assert_array_equal(got, want)


def test_checkpoint_names_and_batches(tmp_path):
    fit(make(), ModelCheckpoint(tmp_path / "new" / "{epoch:02d}-{loss:.1f}.weights.h5", save_weights_only=True))
    assert [path.name[:2] for path in sorted((tmp_path / "new").iterdir())] == ["01", "02", "03", "04"]
    by_batch = ModelCheckpoint(tmp_path / "b" / "{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=4)
    fit(make(), by_batch, epochs=2)  # five batches an epoch
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["1-4.weights.h5", "2-3.weights.h5"]
    with pytest.raises(KeyError, match="has the field 'val_loss', which is not among epoch, loss"):
        fit(make(), ModelCheckpoint(tmp_path / "{val_loss}.weights.h5", save_weights_only=True))
    for name, only in (("model.h5", False), ("weights.keras", True)):
        with pytest.raises(ValueError, match="filepath must be a name that ends in"):
            ModelCheckpoint(name, save_weights_only=only)


class Stop(Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("damaged", [False, True])
def test_backup_goes_on_where_it_stopped(tmp_path, damaged):
    whole = make()
    fit(whole, epochs=5)
    backup = tmp_path / "backup"
    model = make()
    with pytest.raises(KeyboardInterrupt):
        fit(model, BackupAndRestore(backup, double_checkpoint=damaged), Stop(), epochs=5)
    assert json.loads((backup / "training_metadata.json").read_text())["epoch"] == 2
    if damaged:
        (backup / "latest.weights.h5").write_bytes(b"nothing of use")
    model = make()
    history = fit(model, BackupAndRestore(backup), epochs=5)
    assert history.epoch == ([1, 2, 3, 4] if damaged else [2, 3, 4])
    assert not backup.exists()
    for got, want in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)
    assert fit(model, epochs=5).epoch == [0, 1, 2, 3, 4]


# ---- TensorBoard --------------------------------------------------------------------------------------------------


def events(folder):
    """Tags, steps and values in the event files of a folder."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    found = {}
    for path in sorted(folder.iterdir()):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value))
    return found


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard", reason="the callback writes through tensorboard")
    model = make(metrics=["mae"])
    board = TensorBoard(tmp_path, histogram_freq=2, write_images=True, update_freq=2, write_steps_per_second=True)
    history = fit(model, board, validation_split=0.2)
    train, held = events(tmp_path / "train"), events(tmp_path / "validation")
    found = [value.tensor.float_val[0] for _, value in train["epoch_loss"]]
    np.testing.assert_allclose(found, history.history["loss"], rtol=1e-6)
    assert [step for step, _ in train["batch_mae"]] == [0, 2, 4, 6, 8, 10, 12, 14]
    assert len(held["epoch_mae"]) == 4 and held["evaluation_loss_vs_iterations"][-1][0] == 16
    kernel = model.layers[0].kernel.path
    assert [step for step, _ in train[f"{kernel}/histogram"]] == [0, 2]
    assert train[f"{kernel}/image"][0][1].tensor.string_val[2].startswith(b"\x89PNG")  # behind width and height
    assert len(train["epoch_steps_per_second"]) == 4
    with pytest.raises(ValueError, match="update_freq must be 'epoch', 'batch' or an int"):
        TensorBoard(tmp_path, update_freq="hour")


# ---- averages -----------------------------------------------------------------------------------------------------


def test_swap_needs_averages():
    with pytest.raises(ValueError, match="the optimizer must be one with use_ema=True"):
        fit(make(), SwapEMAWeights(), validation_split=0.2)
