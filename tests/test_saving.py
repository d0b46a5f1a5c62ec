"""Models in .npz files: what comes back, what a damaged or hostile file gives, and that saving is all or nothing."""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import zipfile

import numpy as np
import pytest

import fastnn
from fastnn import layers
from fastnn.saving import load_npz, save_npz
from fastnn.saving.atomic import atomic_write


def small_model() -> fastnn.Sequential:
    fastnn.utils.set_random_seed(0)
    return fastnn.Sequential([
        layers.Input((6, 5, 2)),
        layers.Rescaling(0.5, offset=1.0),
        layers.Conv2D(3, (3, 2), padding="same", activation="relu", kernel_regularizer="l2"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(4, kernel_initializer="he_normal", bias_initializer="ones"),
        layers.LeakyReLU(negative_slope=0.1),
    ])


def members(path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path, contents: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def npy(array: object, allow_pickle: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=allow_pickle)
    return file.getvalue()


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.npz"
    save_npz(small_model(), path)
    return path


def test_loaded_model_is_equal(saved):
    model, again = small_model(), load_npz(saved)
    for layer, other in zip(model.layers, again.layers, strict=True):
        config, config_again = layer.get_config(), other.get_config()
        config.pop("name"), config_again.pop("name")  # automatic names go on counting
        assert config == config_again
    x = np.random.default_rng(0).normal(size=(7, 6, 5, 2))
    assert model.predict(x, verbose=0).tobytes() == again.predict(x, verbose=0).tobytes()


def test_names_survive(saved):
    names = [layer.name for layer in load_npz(saved).layers]
    configs = json.loads(str(np.load(saved)["config"]))["config"]["layers"]
    assert names == [config["config"]["name"] for config in configs][-len(names) :]


def test_float64_survives(tmp_path):
    model = fastnn.Sequential([layers.Input((3,), dtype="float64"), layers.Dense(2, dtype="float64")])
    save_npz(model, tmp_path / "m.npz")
    again = load_npz(tmp_path / "m.npz")
    assert again.weights[0].dtype == np.float64
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def test_loaded_model_trains_after_compile(saved):
    model = load_npz(saved)
    model.compile("sgd", "mse")
    history = model.fit(np.ones((4, 6, 5, 2)), np.ones((4, 4)), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_numpy_reads_the_file_without_pickle(saved):
    archive = np.load(saved, allow_pickle=False)
    header = json.loads(str(archive["config"]))
    assert header["format"] == "fastnn-npz" and header["fastnn_version"] == fastnn.__version__
    for number, weight in enumerate(small_model().get_weights()):
        np.testing.assert_array_equal(archive[f"weights/{number}"], weight)


def test_same_model_gives_the_same_bytes(tmp_path, saved):
    again = tmp_path / "again.npz"
    save_npz(load_npz(saved), again)
    assert again.read_bytes() == saved.read_bytes()


def test_compressed_archives_load(saved):
    write_members(saved, members(saved), zipfile.ZIP_DEFLATED)
    assert load_npz(saved).built


def test_save_needs_a_built_sequential(tmp_path):
    with pytest.raises(ValueError, match=r"model must be built; got .* Call it on data, or give it an Input, first\."):
        save_npz(fastnn.Sequential([layers.Dense(2)]), tmp_path / "m.npz")
    with pytest.raises(TypeError, match="model must be a Sequential or Functional; got Dense"):
        save_npz(layers.Dense(2), tmp_path / "m.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "text"), [("m.h5", "ends in .npz"), ("none/m.npz", "in a folder that exists")])
def test_save_checks_the_path(tmp_path, name, text):
    with pytest.raises(ValueError, match=text):
        save_npz(small_model(), tmp_path / name)


def test_load_of_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_npz(tmp_path / "none.npz")


class Evil:
    """What a pickle could do."""

    def __reduce__(self):
        return (os.mkdir, ("evil",))


def edit(saved, **changes: object) -> None:
    """Write the archive again with some members replaced (bytes), or left out (None)."""
    contents = members(saved)
    for name, content in changes.items():
        key = name.replace("__", "/") + ".npy"
        contents.pop(key, None)
        if content is not None:
            contents[key] = content
    write_members(saved, contents)


def header_with(saved, **changes: object) -> bytes:
    header = json.loads(str(np.load(saved)["config"])) | changes
    return npy(np.array(json.dumps(header)))


@pytest.mark.parametrize(
    ("member", "content", "text"),
    [
        ("weights__0", npy(np.array([Evil()], dtype=object), allow_pickle=True), "bytes|header"),
        ("weights__0", None, "of the members config.npy and weights/0.npy"),
        ("weights__9", npy(np.zeros(3)), "of the members config.npy and weights/0.npy"),
        ("weights__4", npy(np.zeros(3)), "of 4 weights, as its configuration says; got 5 arrays"),
        ("weights__1", npy(np.zeros(3)), "float32 of shape|bytes"),
        ("weights__1", npy(np.zeros(3, np.int32)), "float32 of shape"),
        ("weights__1", npy(np.zeros((3, 1), np.float32)), "float32 of shape"),
        ("weights__1", npy(np.zeros(2000, np.float32)), "float32 of shape"),
        ("weights__1", npy(np.zeros(30000, np.float32)), "an array of shape .* bytes"),
        ("weights__1", npy(np.zeros(3, np.float32))[:-1], "bytes"),
        ("weights__1", b"not an array at all, though long enough for one", "a NumPy array in weights/1.npy"),
        ("config", npy(np.array("{")), "a configuration in JSON"),
        ("config", npy(np.array("[1]")), "a model saved by save_npz"),
        ("config", npy(np.array("[" * 200_000)), "a configuration in JSON"),
        ("config", npy(np.zeros(3)), "a configuration that is one text"),
        ("config", npy(np.array([Evil()], dtype=object), allow_pickle=True), "header"),
        ("config", pickle.dumps(Evil()), "a NumPy array in config.npy"),
    ],
)
def test_damaged_and_hostile_members_are_errors(saved, tmp_path, monkeypatch, member, content, text):
    monkeypatch.chdir(tmp_path)
    edit(saved, **{member: content})
    with pytest.raises(ValueError, match=text):
        load_npz(saved)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"format": "other"}, "a model saved by save_npz"),
        ({"format_version": 2}, "of format version 1; got 2"),
        ({"class_name": "Lambda"}, "the configuration of a Sequential or Functional model"),
        ({"config": {}}, "the configuration of a Sequential model; got one without 'name'"),
        ({"config": {"layers": 3}}, "the configuration of a"),
        ({"config": {"layers": [{"class_name": "os.system", "config": {"command": "true"}}]}}, "configuration of a"),
        ({"config": {"layers": [{"class_name": "Dense", "config": {"units": -1}}]}}, "configuration of a"),
        ({"config": {"name": "m", "layers": [{"class_name": "Dense", "config": {"units": 3}}]}}, "of a built model"),
    ],
)
def test_hostile_configurations_are_errors(saved, changes, text):
    edit(saved, config=header_with(saved, **changes))
    with pytest.raises(ValueError, match=text):
        load_npz(saved)


def test_a_truncated_or_altered_file_never_loads_silently(saved):
    content = saved.read_bytes()
    want = load_npz(saved).get_weights()
    rng = np.random.default_rng(0)
    for cut in rng.integers(0, len(content), 20):
        saved.write_bytes(content[:cut])
        with pytest.raises(ValueError, match="load_npz"):
            load_npz(saved)
    for position in rng.integers(0, len(content), 200):  # the archive's checksums find a flipped bit, or it is harmless
        altered = bytearray(content)
        altered[position] ^= 1 << int(rng.integers(8))
        saved.write_bytes(altered)
        try:
            got = load_npz(saved).get_weights()
        except ValueError:
            continue
        assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))


def test_config_size_is_bounded(saved, monkeypatch):
    monkeypatch.setattr(fastnn.saving.npz, "MOST_CONFIG_BYTES", 100)
    with pytest.raises(ValueError, match="a configuration of at most 100 bytes"):
        load_npz(saved)


# ---- atomic_write


def test_atomic_write_leaves_the_old_file_when_the_block_raises(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["a"]


def test_atomic_write_keeps_permissions_and_links(tmp_path):
    path, link = tmp_path / "a", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink() and path.read_bytes() == b"new" and stat.S_IMODE(path.stat().st_mode) == 0o640


def test_atomic_write_gives_a_new_file_usual_permissions(tmp_path):
    with atomic_write(tmp_path / "a") as file:
        file.write(b"x")
    (tmp_path / "b").write_bytes(b"x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_failed_save_keeps_the_old_model(saved, monkeypatch):
    before = saved.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left")

    monkeypatch.setattr(fastnn.saving.npz, "_write_member", full)
    with pytest.raises(OSError, match="No space left"):
        save_npz(small_model(), saved)
    assert saved.read_bytes() == before
