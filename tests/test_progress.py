"""What is shown: lines of progress, printed lines, and silence."""

import io
import os
import re
import subprocess
import sys
import types

import numpy as np
import pytest

from fastnn import layers, models, ops, progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def model_and_data(samples=64):
    model = models.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model, np.ones((samples, 2)), np.ones(samples)


def open_terminal(monkeypatch):
    """From now on stderr is a terminal. (Not a fixture: pytest puts its own stderr back after the set-up.)"""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def test_auto_is_quiet_without_a_terminal(capsys):
    model, x, y = model_and_data()
    model.fit(x, y, validation_split=0.5)
    model.evaluate(x, y)
    model.predict(x)
    got = capsys.readouterr()
    assert got.out == got.err == ""


def test_auto_shows_a_line_per_epoch_in_a_terminal(monkeypatch, capsys):
    terminal = open_terminal(monkeypatch)
    model, x, y = model_and_data()
    model.fit(x, y, epochs=2, validation_split=0.5)
    lines = [re.split("\r", line)[-1] for line in terminal.getvalue().strip().split("\n")]
    assert len(lines) == 2
    for i, line in enumerate(lines):
        assert line.startswith(f"Epoch {i + 1}/2: 100%")
        assert re.search(r"1/1 \[\d\d:\d\d<\d\d:\d\d, .*loss=\S+, mae=\S+, val_loss=\S+, val_mae=", line), (
            line
        )
    assert capsys.readouterr().out == ""


def test_evaluate_and_predict_show_it_too(monkeypatch):
    terminal = open_terminal(monkeypatch)
    model, x, y = model_and_data()
    model.evaluate(x, y)
    assert re.search(r"Evaluate: 100%.* 2/2 .*loss=\S+, mae=", terminal.getvalue())
    model.predict(x)
    assert re.search(r"Predict: 100%.* 2/2 ", terminal.getvalue())
    before = terminal.getvalue()
    model.predict(x[:3])
    assert terminal.getvalue() == before, "one batch needs no line"
    model.predict(x[:3], verbose=1)
    assert terminal.getvalue() != before


def test_at_most_ten_updates_a_second(monkeypatch):
    terminal = open_terminal(monkeypatch)
    clock = types.SimpleNamespace(perf_counter=lambda: clock.now, now=0.0)
    monkeypatch.setattr(progress, "time", clock)
    reads = []

    def read():
        reads.append(clock.now)
        return {"loss": 1.0}

    bar = progress.Progress(1, "Epoch 1/1", 1000)
    for step in range(1000):
        clock.now = step * 0.001
        bar.update(step + 1, read)
    assert len(reads) == 9
    bar.finish(1000, {"loss": 0.5})
    assert "1000/1000" in terminal.getvalue() and "loss=0.5000" in terminal.getvalue()


def test_verbose_2_prints_what_keras_prints(capsys):
    from fastnn.callbacks import LearningRateScheduler

    model, x, y = model_and_data()
    fit = {"validation_split": 0.5, "verbose": 2}
    model.fit(x, y, epochs=2, callbacks=[LearningRateScheduler(lambda epoch: 0.0)], **fit)
    got = capsys.readouterr()
    lines = got.out.strip().split("\n")
    assert len(lines) == 4 and got.err == ""
    number = r"\d\.\d{4}(e[+-]\d\d)?"
    values = " - ".join(f"{name}: {number}" for name in ("loss", "mae", "val_loss", "val_mae"))
    assert lines[::2] == ["Epoch 1/2", "Epoch 2/2"]
    assert re.fullmatch(
        rf"1/1 - \d+s - \d+(us|ms|s)/step - {values} - learning_rate: 0.0000e\+00", lines[3]
    ), lines[3]
    model.fit(x, y, **fit)
    assert capsys.readouterr().out.startswith("1/1 - "), "one epoch has no title"
    model.evaluate(x, y, verbose=2)
    assert re.fullmatch(
        rf"2/2 - \d+s - \d+(us|ms|s)/step - loss: {number} - mae: {number}\n", capsys.readouterr().out
    )


@pytest.mark.parametrize("verbose", [1, 2])
def test_several_values_under_one_name_are_shown_as_their_mean(verbose, capsys):
    class Own(models.Sequential):
        def train_step(self, data):
            return {"several": ops.convert_to_tensor([0.25, 0.75])}

    model = Own([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((64, 2)), np.ones(64), verbose=verbose)
    got = capsys.readouterr()
    assert re.search("several[:=] ?0.5000", got.err + got.out)


def test_verbose_0_and_1(capsys):
    model, x, y = model_and_data()
    model.fit(x, y, verbose=0)
    got = capsys.readouterr()
    assert got.out == got.err == ""
    model.fit(x, y, verbose=1)
    assert "Epoch 1/1: 100%" in capsys.readouterr().err


@pytest.mark.parametrize("verbose", [3, "loud", None, -1])
def test_verbose_is_checked(verbose):
    model, x, y = model_and_data()
    with pytest.raises(ValueError, match="verbose must be 'auto', 0, 1 or 2; got"):
        model.fit(x, y, verbose=verbose)


def test_notebooks_are_recognised(monkeypatch):
    assert not progress.in_notebook()
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert progress.in_notebook() and progress.resolve_verbose("fit", "auto") == 1
    shell.config = {}
    assert not progress.in_notebook()


def test_a_failed_epoch_closes_its_line(monkeypatch):
    terminal = open_terminal(monkeypatch)
    model, x, y = model_and_data()
    with pytest.raises(ValueError):
        model.fit(x, np.ones((64, 3, 5)), verbose=1)
    assert terminal.getvalue().endswith("\n")


def test_a_terminal_without_a_size_gets_one():
    """As in some containers: tqdm alone would draw nothing."""
    pty = pytest.importorskip("pty")
    code = "from fastnn.progress import Progress; Progress(1, 'Epoch 1/1', 3).finish(3, {'loss': 0.25})"
    screen, inside = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", code], stdin=inside, stdout=inside, stderr=inside, check=True, timeout=60
    )
    os.close(inside)
    shown = os.read(screen, 4096)
    os.close(screen)
    assert "Epoch 1/1: 100%" in shown.decode() and "loss=0.2500" in shown.decode()


def test_no_stderr_is_no_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert progress.resolve_verbose("fit", "auto") == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.4, "2s/step"), (0.0123, "12ms/step"), (1.5e-5, "15us/step")]
)
def test_per_step(seconds, text):
    assert progress.per_step(seconds) == text


def test_no_thread_is_left_behind(monkeypatch):
    open_terminal(monkeypatch)
    import threading

    before = threading.active_count()
    model, x, y = model_and_data()
    model.fit(x, y, verbose=1)
    assert threading.active_count() == before
