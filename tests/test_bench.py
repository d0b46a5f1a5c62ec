"""What bench/ decides and writes: which rows count as slower, what documents say. Nothing is timed here."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not (ROOT / "bench").exists(), reason="this distribution came without bench/")


@pytest.fixture
def bench(monkeypatch):
    """Import a module of bench/ without leaving its folder on the path."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "bench"), str(ROOT / "bench" / "peers"), *sys.path])

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


def test_documents_say_what_was_measured():
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "peers" / "report.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr} Run bench/peers/report.py."


def test_the_roofline_is_that_of_its_figures(bench, tmp_path):
    roofline, sections = bench("roofline"), bench("sections")
    result = json.loads(roofline.RESULTS.read_text())
    assert not sections.rewrite(roofline.PAGE, "roofline", roofline.section(result), write=False)


def test_a_section_without_markers_is_an_error(bench):
    sections = bench("sections")
    with pytest.raises(ValueError, match="must both be there"):
        sections.replaced("no markers", "roofline", "text")


def test_check_names_what_fell_and_nothing_else(bench, capsys):
    check = bench("check")
    baseline = {"a": 1.0, "b": 1.0, "c": 1.0, "gone": 1.0}
    assert check.report({"a": 1.09, "b": 1.11, "c": 0.5, "new": 9.0}, baseline) == 1
    out = capsys.readouterr().out
    assert [line.split(":")[1].strip() for line in out.splitlines() if line.startswith("SLOWER")] == ["b"]
    assert "in the baseline alone: gone" in out
    assert check.report({"a": 1.09}, baseline) == 0


def test_check_measures_again_before_it_calls_a_row_slower(bench, monkeypatch):
    check = bench("check")

    class Noisy:
        def __init__(self, row):
            self.figure, self.row, self.times = float("inf"), row, 0
            self.disturbed = row.name == "disturbed"

        def prepare(self):
            pass

        def measure(self):
            self.times += 1
            self.figure = min(self.figure, {"noisy": 3.0 - self.times, "good": 1.0}.get(self.row.name, 2.0))

    monkeypatch.setattr(check, "Measurement", Noisy)
    monkeypatch.setattr(check.time, "sleep", lambda seconds: None)
    names = ("noisy", "slow", "good", "disturbed")
    rows = [check.Row(name, "fma", lambda: None) for name in names]
    figures = check.measured(rows, dict.fromkeys(names, 1.0), 1)
    assert check.slower(figures, dict.fromkeys(figures, 1.0)) == {"slow": 2.0}


def test_every_row_of_check_has_a_calibration_and_a_name_of_its_own(bench):
    check = bench("check")
    rows = check.rows()
    assert len({row.name for row in rows}) == len(rows)
    assert {row.calibration for row in rows} <= set(check.CALIBRATIONS)


RESULT = {
    "machine": {"cpu": "AMD", "isa": "avx512", "cores": 2},
    "rows": [
        {
            "work": "MLP 64-25-15-1, training step, batch 32", "threads": 1,
            "peers": {
                "fastnn": {"us": 10.0}, "PyTorch": {"us": 100.0}, "Keras-JAX": {"us": 90.0}, "JAX step": {"us": 39.0},
                "JAX scan": {"us": 13.0},
            },
        },
        {
            "work": "MLP 784-512-512-10, training step, batch 128", "threads": 2,
            "peers": {"fastnn": {"us": 100.0}, "PyTorch": {"us": 109.0}},
        },
        {
            "work": "GEMM 256 x 256 x 256", "threads": 1, "share_of_peak": 0.91, "gflops": 245.0, "peak_gflops": 270.0,
            "peers": {"fastnn": {"us": 100.0}, "NumPy": {"us": 160.0}},
        },
    ],
    "scaling": [
        {"work": "reference CNN, training step, batch 128", "threads": 2, "gain": 1.7, "peak_gain": 2.0},
        {"work": "MLP 64-25-15-1, one sample, predict", "threads": 2, "gain": 0.98, "peak_gain": 2.0},
    ],
    "rss": {"fastnn": {"peak": 50, "data": 10}, "PyTorch": {"peak": 170, "data": 10}},
}


def test_a_bar_is_against_the_fastest_of_its_libraries(bench):
    report = bench("peers.report")
    found = {(v.work, v.threads): (v.measured, v.met) for v in report.verdicts(RESULT)}
    name = "MLP 64-25-15-1, training step, batch 32"
    assert found[f"{name} (against training loops)", "1"] == ("9.00x", True)
    assert found[f"{name} (against jitted JAX step)", "1"] == ("3.90x", False)
    assert found[f"{name} (against JAX scan of the epoch)", "1"] == ("1.30x", False)
    assert found["MLP 784-512-512-10, training step, batch 128", "2"] == ("1.09x", False)
    assert found["GEMM 256 x 256 x 256", "1"] == ("1.60x", False)
    assert found["GEMM 256 x 256 x 256, share of the peak", "1"] == ("91%", True)
    scaling = "reference CNN, training step, batch 128: gain by 2 threads beside the calibration kernel's"
    assert found[scaling, "1 to 2"] == ("0.85", False)
    assert ("0.98x", True) in found.values()
    assert ("1/4.0", True) in found.values()


def test_flops_of_a_network_are_counted_inside_of_the_image(bench):
    networks = bench("networks")
    layers = networks.Conv(3, 3, "same"), networks.Pool(2), networks.Dense(5, False)
    network = networks.Network("", (4, 4, 2), layers, "")
    assert networks.forward_flops(network) == 2 * 100 * 2 * 3 + 2 * 12 * 5  # 10 x 10 pairs of an output and a tap
    assert networks.shapes(network) == [(4, 4, 2), (4, 4, 3), (2, 2, 3), (5,)]
    assert [w.shape for w in networks.initial_weights(network)] == [(3, 3, 2, 3), (3,), (12, 5), (5,)]


def test_all_networks_learn_from_their_data(bench):
    networks = bench("networks")
    for network in (networks.REFERENCE_CNN, networks.MLP, networks.WIDE_MLP):
        x, y = networks.data(network, 256)
        assert x.dtype == np.float32 and x.flags.c_contiguous and x.shape == (256, *network.input)
        loss = networks.fastnn_model(network).fit(x, y, 32, 3, verbose=0).history["loss"]
        assert loss[-1] < loss[0]
