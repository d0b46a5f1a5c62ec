"""Files in Keras's formats: written completely or not at all, read without trust."""

import io
import json
import zipfile

import numpy as np
import pytest

import fastnn
from fastnn import layers, models, saving, utils

h5py = pytest.importorskip("h5py", reason="Keras's formats need h5py")
RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 6, 6, 1)).astype(np.float32)
Y = X.sum((1, 2, 3))


def make(units=3):
    utils.set_random_seed(4)
    inner = models.Sequential([layers.Flatten(), layers.Dense(units), layers.Dropout(0.0)])
    model = models.Sequential([layers.Input((6, 6, 1)), layers.Conv2D(2, 3), inner, layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def trained():
    model = make()
    model.fit(X, Y, batch_size=4, verbose=0)
    return model


def same(a, b):
    for got, want in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)
    assert [v.numpy().tolist() for v in a.optimizer.variables] == [v.numpy().tolist() for v in b.optimizer.variables]


def test_weights_and_optimizer_state_come_back(tmp_path):
    model, other = trained(), make()
    model.save_weights(tmp_path / "a.weights.h5")
    with h5py.File(tmp_path / "a.weights.h5") as file:
        assert list(file) == ["layers", "optimizer", "vars"]
        assert file["layers/sequential/layers/dense/vars/0"].shape == (32, 3)
        assert file["layers/conv2d/vars"].attrs["name"] == model.layers[0].name
    other.load_weights(tmp_path / "a.weights.h5")
    same(other, model)
    for each in (model, other):
        utils.set_random_seed(5)
        each.fit(X, Y, batch_size=4, verbose=0)
    same(other, model)


def test_a_subclass_names_its_layers_by_attribute(tmp_path):
    class Own(fastnn.Model):
        def __init__(self):
            super().__init__()
            self.first = layers.Dense(2)
            self._hidden = [layers.Dense(3), layers.Dense(4)]

        def call(self, x):
            x = self.first(x)
            for layer in self._hidden:
                x = layer(x)
            return x

    model, other = Own(), Own()
    model(np.ones((1, 2))), other(np.ones((1, 2)))
    model.save_weights(tmp_path / "a.weights.h5")
    with h5py.File(tmp_path / "a.weights.h5") as file:
        assert "first/vars/0" in file and "_hidden/dense_1/vars/1" in file
    other.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(other(np.ones((1, 2))).numpy(), model(np.ones((1, 2))).numpy())


def test_whole_model(tmp_path):
    model = trained()
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert json.loads(archive.read("config.json"))["class_name"] == "Sequential"
    again = saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    same(again, model)
    assert models.load_model(tmp_path / "model.keras", compile=False).compiled is False
    with pytest.raises(ValueError, match="filepath must be new where overwrite=False"):
        model.save(tmp_path / "model.keras", overwrite=False)


def test_registered_classes(tmp_path):
    @saving.register_keras_serializable("tests")
    class Twice(layers.Layer):
        def call(self, x):
            return x * 2

    try:
        model = models.Sequential([layers.Input((2,)), Twice(), layers.Dense(1)])
        model.save(tmp_path / "model.keras")
        again = saving.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(again(np.ones((1, 2))).numpy(), model(np.ones((1, 2))).numpy())
    finally:
        saving.get_custom_objects().clear()
    with pytest.raises(ValueError, match="Twice"):
        saving.load_model(tmp_path / "model.keras")
    saving.load_model(tmp_path / "model.keras", custom_objects={"Twice": Twice})
    with saving.custom_object_scope({"Twice": Twice}):
        saving.load_model(tmp_path / "model.keras")


# ---- files that are not right -------------------------------------------------------------------------------------


def edited(path, change):
    """A file of weights after a change of its contents."""
    trained().save_weights(path)
    with h5py.File(path, "a") as file:
        change(file)
    return path


def _remove(file):
    del file["layers/dense/vars/1"]


def _reshape(file):
    del file["layers/dense/vars/1"]
    file["layers/dense/vars/1"] = np.zeros(7)


def _text(file):
    del file["layers/dense/vars/1"]
    file["layers/dense/vars/1"] = ["no number"]


def _link(file):
    del file["layers/dense/vars/1"]
    file["layers/dense/vars/1"] = h5py.ExternalLink("elsewhere.h5", "/data")


def _soft_link(file):
    del file["layers/dense"]
    file["layers/dense"] = h5py.SoftLink("/layers/conv2d")


def _virtual(file):
    del file["layers/dense/vars/1"]
    layout = h5py.VirtualLayout(shape=(1,), dtype="f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "data", shape=(1,))
    file["layers/dense/vars"].create_virtual_dataset("1", layout)


def _external(file):
    del file["layers/dense/vars/1"]
    file["layers/dense/vars"].create_dataset("1", (1,), "f4", external=[("elsewhere.bin", 0, 4)])


@pytest.mark.parametrize("change", [_remove, _reshape, _text, _link, _soft_link, _virtual, _external])
def test_weights_that_do_not_fit_change_nothing(change, tmp_path):
    path = edited(tmp_path / "a.weights.h5", change)
    model = make()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"layers/dense/vars/\d of the file must be of shape"):
        model.load_weights(path)
    for got, want in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, want)
    with pytest.warns(UserWarning, match="keeps its"):
        model.load_weights(path, skip_mismatch=True)


def test_files_that_are_something_else(tmp_path):
    model = make()
    (tmp_path / "a.weights.h5").write_bytes(b"nothing of use")
    with pytest.raises(ValueError, match="the file must be an HDF5 file"):
        model.load_weights(tmp_path / "a.weights.h5")
    (tmp_path / "a.keras").write_bytes(b"nothing of use")
    with pytest.raises(ValueError, match="must be an undamaged archive"):
        saving.load_model(tmp_path / "a.keras")
    for name in ("model.h5", "model"):
        with pytest.raises(ValueError, match=r"filepath must be a name that ends in \.keras"):
            model.save(tmp_path / name)
        with pytest.raises(ValueError, match=r"filepath must be a name that ends in \.keras or \.npz"):
            saving.load_model(tmp_path / name)
    with pytest.raises(ValueError, match="in a folder that exists"):
        model.save_weights(tmp_path / "none" / "a.weights.h5")
    with pytest.raises(ValueError, match="the model must be built"):
        models.Sequential([layers.Dense(1)]).save_weights(tmp_path / "b.weights.h5")


def rewritten(path, name, content):
    """A model's file with another member."""
    trained().save(path)
    with zipfile.ZipFile(path) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    members[name] = content
    with zipfile.ZipFile(path, "w") as archive:
        for each, data in members.items():
            if data is not None:
                archive.writestr(each, data)
    return path


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("config.json", None), ("config.json", b"{"), ("config.json", b"[]"), ("config.json", b'"text"'),
        ("config.json", b'{"class_name": "Dense", "config": {"units": 2}, "module": "keras.layers"}'),
        ("config.json", b'{"class_name": "system", "config": "system", "module": "os"}'),
        ("model.weights.h5", None), ("model.weights.h5", b"nothing of use"),
    ],
)  # fmt: skip
def test_models_that_are_not_right(member, content, tmp_path):
    path = rewritten(tmp_path / "model.keras", member, content)
    with pytest.raises((ValueError, TypeError)):
        saving.load_model(path)


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    model = trained()
    model.save(tmp_path / "model.keras")
    before = (tmp_path / "model.keras").read_bytes()

    def fail(self, *args):
        raise OSError("disk full")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", fail)
    with pytest.raises(OSError, match="disk full"):
        model.save(tmp_path / "model.keras")
    assert (tmp_path / "model.keras").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_numpy_alone(tmp_path):
    model = make()
    model.save(tmp_path / "model.npz")
    again = saving.load_model(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert io.BytesIO((tmp_path / "model.npz").read_bytes()).read(2) == b"PK"
