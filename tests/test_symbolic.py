"""KerasTensors: shapes without values, operators, nodes, dry runs."""

import gc
import weakref

import numpy as np
import pytest

import fastnn as keras
from fastnn import KerasTensor, _core, layers, ops, symbolic

X = KerasTensor((None, 4), name="x")


@pytest.mark.parametrize(
    ("make", "shape", "dtype", "kind"),
    [
        (lambda x: x + 1, (None, 4), "float32", "Add"),
        (lambda x: 2 - x, (None, 4), "float32", "Subtract"),
        (lambda x: x * np.ones((4,), np.float32), (None, 4), "float32", "Multiply"),
        (lambda x: np.ones((4,), np.float32) * x, (None, 4), "float32", "Multiply"),
        (lambda x: x / x, (None, 4), "float32", "TrueDivide"),
        (lambda x: x**2, (None, 4), "float32", "Power"),
        (lambda x: x @ np.ones((4, 7), np.float32), (None, 7), "float32", "Matmul"),
        (lambda x: -x, (None, 4), "float32", "Negative"),
        (lambda x: abs(x), (None, 4), "float32", "Absolute"),
        (lambda x: x < 0, (None, 4), "bool", "Less"),
        (lambda x: x != x, (None, 4), "bool", "NotEqual"),
        (lambda x: ops.logical_and(x > 0, x < 1), (None, 4), "bool", "LogicalAnd"),
        (lambda x: x[:, 1:], (None, 3), "float32", "GetItem"),
        (lambda x: x[0], (4,), "float32", "GetItem"),
        (lambda x: x.reshape((-1, 2)), (None, 2), "float32", "Reshape"),
        (lambda x: ops.transpose(x), (4, None), "float32", "Transpose"),
        (lambda x: ops.concatenate([x, x, np.ones((1, 4), np.float32)], axis=0), (None, 4), "float32", "Concatenate"),
        (lambda x: ops.mean(x, axis=0), (4,), "float32", "Mean"),
        (lambda x: ops.sum(x), (), "float32", "Sum"),
        (lambda x: ops.cast(x, "int32"), (None, 4), "int32", "Cast"),
        (lambda x: ops.argmax(x, axis=-1), (None,), "int32", "Argmax"),
        (lambda x: ops.expand_dims(x, 1), (None, 1, 4), "float32", "ExpandDims"),
        (lambda x: ops.where(x > 0, x, 0.0), (None, 4), "float32", "Where"),
        (lambda x: keras.activations.softmax(x), (None, 4), "float32", "Softmax"),
    ],
)
def test_ops_give_shapes_and_nodes(make, shape, dtype, kind):
    y = make(X)
    assert isinstance(y, KerasTensor) and y.shape == shape and y.dtype == dtype
    operation = y._keras_history.operation
    assert type(operation).__name__ == kind and operation.output is y
    x = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    source = keras.Input((4,))
    found = keras.Model(source, make(source))(x)
    np.testing.assert_array_equal(found.numpy(), make(keras.Tensor(x)).numpy())


def test_unknown_sizes():
    image = KerasTensor((None, None, None, 3))
    assert ops.conv2d(image, np.ones((5, 5, 3, 2), np.float32)).shape == (None, None, None, 2)
    assert ops.conv2d(image, np.ones((30, 30, 3, 2), np.float32)).shape == (None, None, None, 2)
    assert ops.shape(image) == (None, None, None, 3)
    assert ops.reshape(KerasTensor((None, 6)), (-1, 2, 3)).shape == (None, 2, 3)
    assert (KerasTensor((None, 1)) + KerasTensor((None, 5))).shape == (None, 5)


def test_there_are_no_values():
    for use, error in (
        (float, ValueError), (int, ValueError), (np.asarray, ValueError), (bool, TypeError), (len, TypeError),
        (list, NotImplementedError),
    ):  # fmt: skip
        with pytest.raises(error, match="has a shape and a dtype, but no values"):
            use(X)
    assert type(((X > 0) & ~(X > 1))._keras_history.operation).__name__ == "LogicalAnd"
    assert X == X and X in {X} and keras.utils.is_keras_tensor(X)
    with pytest.raises(ValueError, match="sparse and ragged must be False"):
        KerasTensor((1,), sparse=True)


def test_wrong_shapes_are_found_when_the_graph_is_made():
    with pytest.raises(ValueError, match="Matmul: the shape of its output cannot be found"):
        ops.matmul(X, np.ones((5, 2), np.float32))
    with pytest.raises(ValueError, match="the last axis of x must be 4, as built; got 3"):
        shared = layers.Dense(2)
        shared(X), shared(KerasTensor((None, 3)))


def test_layers_without_compute_output_shape():
    class Halves(layers.Layer):
        def build(self, input_shape):
            self.inner = layers.Dense(input_shape[-1] * 2)

        def call(self, x):
            y = self.inner(x)
            return {"all": y, "parts": [y[:, :4], y[:, 4:]]}

    layer = Halves()
    y = layer(X)
    assert y["all"].shape == (None, 8) and [part.shape for part in y["parts"]] == [(None, 4)] * 2
    assert layer.inner.built and np.abs(layer.inner.kernel.numpy()).max() > 0
    assert layer.compute_output_shape((3, 4))["all"] == (3, 8)

    class Looks(layers.Layer):
        def call(self, x):
            return x * float(ops.sum(x))

    with pytest.raises(NotImplementedError, match=r"The computation looks at values \(Tensor.__float__\)"):
        Looks()(X)


def test_calls_with_several_tensors_and_keywords():
    class Mix(layers.Layer):
        def build(self, first_shape, second_shape):
            self.kernel = self.add_weight(shape=(first_shape[-1], second_shape[-1]))

        def call(self, first, second, scale=1.0, training=False):
            return (first @ self.kernel + second) * (scale if training else 1.0)

    a, b = keras.Input((4,)), keras.Input((2,))
    model = keras.Model([a, b], Mix(name="mix")(a, second=b, scale=3.0))
    x, y = np.ones((2, 4), np.float32), np.ones((2, 2), np.float32)
    expected = x @ model.get_layer("mix").kernel.numpy() + y
    np.testing.assert_allclose(model([x, y]).numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(model([x, y], training=True).numpy(), 3 * expected, rtol=1e-6)


def test_a_dry_run_computes_nothing():
    variable = keras.Variable(np.ones(3, np.float32))
    with _core.dry_run():
        variable.assign(np.zeros(3, np.float32))
        assert _core.in_dry_run()
        with _core.dry_run(False):
            assert ops.add(variable, 1.0).numpy().tolist() == [2.0, 2.0, 2.0]
        with pytest.raises(NotImplementedError, match="only shapes are known"):
            variable.numpy()
        with pytest.raises(ValueError):
            ops.matmul(variable, np.ones((4, 2), np.float32))
    assert variable.numpy().tolist() == [1.0, 1.0, 1.0] and not _core.in_dry_run()


def test_random_states_stay_as_they_were():
    keras.utils.set_random_seed(5)
    expected = layers.Dropout(0.5, seed=3)(np.ones((4, 4), np.float32), training=True).numpy()
    dropout = layers.Dropout(0.5, seed=3)
    dropout(X, training=True)
    np.testing.assert_array_equal(dropout(np.ones((4, 4), np.float32), training=True).numpy(), expected)


def test_every_public_op_takes_keras_tensors():
    for name in dir(ops):
        function = getattr(ops, name)
        if callable(function) and not name.startswith("_") and not isinstance(function, type):
            assert function.__wrapped__ is symbolic.operation_class(name).function


def test_graphs_are_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        source = keras.Input((4,))
        layer = layers.Dense(3)
        model = keras.Model(source, layer(source) * 2)
        references = weakref.ref(model), weakref.ref(layer)
        del source, layer, model
        assert [reference() for reference in references] == [None, None]
    finally:
        gc.enable()
