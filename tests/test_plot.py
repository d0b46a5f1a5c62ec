"""plot_model: every layer and every connection is in the drawing, and nothing overlaps."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

import fastnn
from fastnn import layers, ops, plot, utils

NAMESPACE = "{http://www.w3.org/2000/svg}"


def branching():
    a, b = fastnn.Input((8, 8, 1), name="a"), fastnn.Input((3,), name="b")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(a)
    y = layers.Conv2D(4, 3, padding="same")(x)
    for _ in range(3):
        y = layers.ReLU()(y)
    x = ops.add(x, y)
    inner = fastnn.Sequential([layers.Flatten(), layers.Dense(3, name="within")], name="inner")
    shared = layers.Dense(3, name="shared")
    return fastnn.Model([a, b], ops.add(shared(inner(x)), shared(shared(b))))


def texts(drawing):
    root = ElementTree.fromstring(str(drawing))
    return root, [text.text for text in root.iter(f"{NAMESPACE}text")]


def test_all_layers_and_arrows():
    model = branching()
    root, found = texts(plot.plot_model(model, None, show_layer_names=True))
    assert sorted(found) == sorted(f"{part.name} ({type(part).__name__})" for part in model.operations)
    arrows = [path for path in root.iter(f"{NAMESPACE}path") if "marker-end" in path.attrib]
    assert len(arrows) == 12
    _, found = texts(
        plot.plot_model(
            model, None, show_layer_names=True, show_shapes=True, show_dtype=True, expand_nested=True,
            show_layer_activations=True, show_trainable=True,
        )
    )
    assert "within (Dense)" in found and "Activation: relu" in found and "Output shape: (None, 8, 8, 4)" in found
    assert "Trainable" in found and "Output dtype: float32" in found and "Output dtype: ?" not in found


def test_several_outputs_in_one_box():
    x = fastnn.Input((3,))
    inner = fastnn.Model(x, {"b": layers.Dense(2)(x), "a": ops.cast(x, "int32")}, name="inner")
    model = fastnn.Model(x, inner(x)["b"])
    _, found = texts(plot.plot_model(model, None, show_shapes=True, show_dtype=True))
    assert "Output shape: (None, 3), (None, 2)" in found and "Output dtype: int32, float32" in found


@pytest.mark.parametrize("direction", plot.DIRECTIONS)
def test_boxes_do_not_overlap(direction):
    root, _ = texts(plot.plot_model(branching(), None, rankdir=direction, show_shapes=True))
    boxes = [
        [float(rect.attrib[name]) for name in ("x", "y", "width", "height")]
        for rect in root.iter(f"{NAMESPACE}rect") if rect.attrib.get("class") == "box"
    ]
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for i, (x, y, w, h) in enumerate(boxes):
        assert x >= 0 and y >= 0 and x + w <= width + 1 and y + h <= height + 1
        for u, v, p, q in boxes[:i]:
            assert x >= u + p or u >= x + w or y >= v + q or v >= y + h
    lines = " ".join(path.attrib["d"] for path in root.iter(f"{NAMESPACE}path"))
    assert min(float(number) for number in re.findall(r"-?\d+\.?\d*", lines)) >= 0


def test_files_and_models_of_other_kinds(tmp_path):
    model = fastnn.Sequential([fastnn.Input((4,)), layers.Dense(3, name="a<b"), layers.ReLU()])
    drawing = utils.plot_model(model, tmp_path / "model.svg", show_layer_names=True)
    assert (tmp_path / "model.svg").read_text() == drawing._repr_svg_()
    assert "a<b (Dense)" in texts(drawing)[1]

    class Own(fastnn.Model):
        def __init__(self):
            super().__init__()
            self.layer = layers.Dense(1)

        def call(self, x):
            return self.layer(x)

    own = Own()
    with pytest.raises(ValueError, match="the model must be built"):
        plot.plot_model(own, None)
    own(fastnn.ops.ones((1, 2)))
    assert texts(plot.plot_model(own, None))[1] == ["Own"]
    with pytest.warns(UserWarning, match=r"drawings are SVG; .*picture\.svg is written instead of .*picture\.png"):
        plot.plot_model(model, tmp_path / "picture.png")
    assert (tmp_path / "picture.svg").exists() and not (tmp_path / "picture.png").exists()
    with pytest.raises(ValueError, match="rankdir must be"):
        plot.plot_model(model, None, rankdir="up")


def test_notebooks_show_summary_and_drawing():
    model = branching()
    page = model._repr_html_()
    for part in model.operations:
        assert f"{part.name} ({type(part).__name__})" in page
    assert "Total params: " in page and "<svg" in page and "Connected to" in page
    assert "<svg" not in fastnn.Sequential([layers.Dense(1)])._repr_html_()
