"""The command line, run as a user runs it where that matters, else called."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

import fastnn
from fastnn import _core, cli


@pytest.fixture
def few_threads():
    """Commands may set the number of threads; put it back."""
    yield
    _core.set_num_threads(None)


def test_info_prints_the_facts_of_the_core(capsys):
    assert cli.main(["info"]) == 0
    printed = capsys.readouterr().out
    compiler = _core.build_info()["compiler"]
    for fact in (fastnn.__version__, _core.isa(), *_core.isas(), _core.threads_reason(), compiler):
        assert str(fact) in printed


def test_python_m_fastnn_is_the_command_line():
    done = subprocess.run([sys.executable, "-m", "fastnn", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"fastnn {fastnn.__version__}\n"


def test_train_digits_prints_accuracy_table_and_time_and_saves(tmp_path, capsys, few_threads):
    path = tmp_path / "digits.npz"
    assert cli.main(["train", "--epochs", "6", "--seed", "1", "--threads", "1", "--save", str(path)]) == 0
    printed = capsys.readouterr().out
    found = re.search(r"^test accuracy: (0\.\d{4})$", printed, re.MULTILINE)
    assert found and float(found[1]) > 0.93
    assert re.search(r"^seconds per epoch: \d+\.\d\d$", printed, re.MULTILINE)
    table = printed[printed.index("true \\ predicted") :].splitlines()[2:12]
    counts = np.array([[int(n.replace(".", "0")) for n in line.split()[1:]] for line in table])
    assert counts.shape == (10, 10)
    assert abs(np.trace(counts) / counts.sum() - float(found[1])) < 5e-5

    from fastnn.datasets import digits
    from fastnn.saving import load_npz

    _, (x, y) = digits.load_data()
    guesses = load_npz(path).predict(x, verbose=0).argmax(-1)
    assert abs((guesses == y).mean() - float(found[1])) < 5e-5


def test_train_gives_the_same_model_for_the_same_seed(tmp_path, capsys, few_threads):
    for name in "a", "b":
        path = str(tmp_path / f"{name}.npz")
        assert cli.main(["train", "digits", "--epochs", "1", "--seed", "3", "--save", path]) == 0
    first, second = np.load(tmp_path / "a.npz"), np.load(tmp_path / "b.npz")
    weights = [name for name in first.files if name != "config"]
    assert weights
    assert all(first[name].tobytes() == second[name].tobytes() for name in weights)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["train", "letters"], "invalid choice: 'letters'"),
        (["train", "digits", "--epochs", "0"], "must be an integer of at least 1; got '0'"),
        (["train", "digits", "--batch-size", "x"], "must be an integer of at least 1; got 'x'"),
        (["train", "digits", "--seed", "-1"], "must be an integer of at least 0; got '-1'"),
        (["train", "digits", "--threads", "0"], "must be an integer of at least 1; got '0'"),
        (["train", "digits", "--save", "model.h5"], "must be a name that ends in .npz; got 'model.h5'"),
        (["train", "digits", "--save", "no/such/folder/m.npz"], "must be in a folder that exists"),
        (["trian"], "invalid choice: 'trian'"),
        ([], "the following arguments are required: command"),
    ],
)
def test_wrong_commands_exit_with_2_and_say_why(words, text, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    assert stopped.value.code == 2
    assert text in capsys.readouterr().err


def test_missing_data_set_is_one_line_and_exit_code_1(tmp_path, monkeypatch, capsys):
    text = "mnist: the data must be on this machine; got nothing. Set FASTNN_DATA_DIR."

    def missing():
        raise RuntimeError(text)

    monkeypatch.setitem(cli.TASKS, "mnist", cli.TASKS["mnist"]._replace(data=missing))
    assert cli.main(["train", "mnist"]) == 1
    assert capsys.readouterr().err == f"fastnn: {text}\n"


def test_interrupt_exits_with_130(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.TASKS, "digits", cli.TASKS["digits"]._replace(data=interrupted))
    assert cli.main(["train"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_output_into_a_closed_pipe_ends_quietly():
    command = f"{sys.executable} -m fastnn info | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr


def test_importing_the_command_line_imports_no_model_code():
    code = "import sys, fastnn.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"tqdm", "pooch", "fastnn.datasets.digits", "fastnn.saving"} & set(done.stdout.split())


def test_confusion_table_counts_truth_in_rows():
    table = cli.confusion_table(np.array([0, 0, 2]), np.array([0, 1, 2]), 3)
    assert [line.split() for line in table.splitlines()[1:]] == [
        ["0", "1", "2"], ["0", "1", "1", "."], ["1", ".", ".", "."], ["2", ".", ".", "1"],
    ]


def test_mnist_model_takes_mnist_images():
    model = cli.mnist_model()
    assert model.input_shape == (None, 28, 28, 1) and model.output_shape == (None, 10)


def test_help_fits_a_terminal(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100


