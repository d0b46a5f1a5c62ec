"""Layer: building, weights, names, checks, losses, configuration."""

import copy
import pickle
from typing import Any, NamedTuple

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, layers, ops, utils


class Scale(layers.Layer):
    """A user's layer: one weight per feature, and a penalty."""

    def __init__(self, start=1.0, penalty=0.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start
        self.penalty = penalty

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, name="seen")

    def call(self, x, training=False):
        if self.penalty:
            self.add_loss(self.penalty * ops.sum(self.factor))
        return ops.multiply(x, self.factor) if training else x * self.factor * 1.0


def test_auto_names_follow_keras():
    utils.clear_session()
    names = [layers.Dense(1).name, layers.Dense(1).name, layers.MaxPooling2D().name, layers.Conv2D(1, 1).name]
    names += [
        layers.ReLU().name,
        layers.LeakyReLU().name,
        layers.GlobalAveragePooling2D().name,
        layers.Dense(1, name="x").name,
    ]
    assert names == [
        "dense", "dense_1", "max_pooling2d", "conv2d", "re_lu", "leaky_re_lu", "global_average_pooling2d", "x",
    ]  # fmt: skip


def test_builds_on_the_first_call_only():
    layer = Scale()
    assert not layer.built and layer.weights == []
    y = layer(np.ones((2, 3)))
    assert layer.built and y.shape == (2, 3)
    first = layer.weights
    layer(np.ones((5, 3)))
    assert [a is b for a, b in zip(first, layer.weights, strict=True)] == [True, True]


def test_weights_are_sorted_by_trainability():
    layer = Scale()
    layer.build((None, 3))
    assert [w.name for w in layer.weights] == ["factor", "seen"]
    assert [w.name for w in layer.trainable_variables] == ["factor"]
    assert [w.name for w in layer.non_trainable_weights] == ["seen"]
    assert layer.factor.path == f"{layer.name}/factor"
    assert layer.count_params() == 4


def test_trainable_switches_gradients():
    layer = Scale()
    layer.build((None, 3))
    layer.trainable = False
    assert layer.trainable_weights == [] and not layer(Tensor(np.ones((1, 3), "float32"))).requires_grad
    layer.trainable = True
    assert [w.name for w in layer.trainable_weights] == ["factor"]
    assert layer(np.ones((1, 3))).requires_grad


def test_trainable_before_build():
    layer = layers.Dense(2, trainable=False)
    layer.build((None, 3))
    assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == 2
    layer.trainable = True
    assert len(layer.trainable_weights) == 2


def test_gradients_reach_weights():
    layer = layers.Dense(2)
    layer(np.ones((4, 3))).sum().backward()
    np.testing.assert_array_equal(layer.kernel.grad.numpy(), np.full((3, 2), 4.0))


def test_get_and_set_weights():
    layer = layers.Dense(2)
    layer.build((None, 3))
    values = [np.arange(6.0).reshape(3, 2), np.ones(2)]
    layer.set_weights(values)
    got = layer.get_weights()
    for a, b in zip(got, values, strict=True):
        np.testing.assert_array_equal(a, b)
    got[0][:] = 0
    assert layer.get_weights()[0].any(), "get_weights gives copies"


def test_set_weights_is_all_or_nothing():
    layer = layers.Dense(2, name="fc")
    layer.build((None, 3))
    before = layer.get_weights()
    with pytest.raises(
        ValueError, match=r"Dense 'fc': the weight 'bias' must be of shape \(2,\); got shape \(3,\)\."
    ):
        layer.set_weights([np.ones((3, 2)), np.ones(3)])
    with pytest.raises(ValueError, match=r"Dense 'fc': weights must be a list of 2 arrays; got 1\."):
        layer.set_weights([np.ones((3, 2))])
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])


def test_set_weights_of_an_unbuilt_layer():
    with pytest.raises(ValueError, match="The layer is not built yet: call it on data first"):
        layers.Dense(2).set_weights([np.ones((3, 2)), np.ones(2)])


def test_count_params_needs_a_built_layer():
    with pytest.raises(
        ValueError, match=r"Dense 'fc': count_params needs a built layer.*layer.build\(input_shape\)"
    ):
        layers.Dense(2, name="fc").count_params()


def test_add_loss_counts_for_the_last_call():
    layer = Scale(penalty=2.0)
    layer(np.ones((1, 3)))
    layer(np.ones((1, 3)))
    assert [float(loss) for loss in layer.losses] == [6.0]


def test_regularizer_losses():
    layer = layers.Dense(
        2, kernel_regularizer="l2", bias_regularizer=fastnn.regularizers.L1(1.0), bias_initializer="ones"
    )
    layer.build((None, 3))
    kernel = layer.get_weights()[0]
    np.testing.assert_allclose([float(v) for v in layer.losses], [0.01 * (kernel**2).sum(), 2.0], rtol=1e-6)
    layer.trainable = False
    assert layer.losses == []


def test_activity_regularizer_adds_a_loss():
    layer = layers.Dense(2, kernel_initializer="ones", activity_regularizer="l2")
    layer(np.ones((4, 3)))
    np.testing.assert_allclose([float(v) for v in layer.losses], [0.01 * 2 * 9], rtol=1e-6)


def test_layers_in_attributes_lists_and_dicts_are_found():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.first = layers.Dense(2)
            self.more = [layers.Dense(3), (layers.Dense(4),)]
            self.named = {"head": layers.Dense(5)}

        def call(self, x):
            for layer in [self.first, self.more[0], self.more[1][0], self.named["head"]]:
                x = layer(x)
            return x

    block = Block()
    assert block(np.ones((1, 1))).shape == (1, 5)
    assert [w.shape for w in block.weights] == [(1, 2), (2,), (2, 3), (3,), (3, 4), (4,), (4, 5), (5,)]
    block.trainable = False
    assert block.trainable_weights == [] and not block.first.trainable


def test_variables_set_as_attributes_are_found():
    class Shift(layers.Layer):
        def __init__(self):
            super().__init__()
            self.shift = fastnn.Variable(np.ones(2, "float32"), name="shift")

        def call(self, x):
            return x + self.shift

    assert [w.name for w in Shift().weights] == ["shift"]


def test_training_flag_reaches_the_layers_below():
    seen = []

    class Spy(layers.Layer):
        def call(self, x, training=None):
            seen.append(training)
            return x

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Spy()

        def call(self, x):
            return self.inner(x)

    outer = Outer()
    x = np.ones((1, 1))
    outer(x), outer(x, training=True), outer(x, training=False)
    outer.inner(x)
    assert seen == [None, True, False, None]


@pytest.mark.parametrize("x", [[[1, 2, 3]], np.ones((1, 3)), np.ones((1, 3), "uint8"), np.ones((1, 3), bool)])
def test_any_array_becomes_the_layers_dtype(x):
    assert layers.Dense(2)(x).dtype == "float32"
    assert layers.Dense(2, dtype="float64")(x).dtype == "float64"


def test_a_users_layer_sees_integers_as_they_are():
    class Show(layers.Layer):
        def call(self, x):
            return x

    assert Show()(np.ones((1, 3), "int64")).dtype == "int64"
    assert Show()(np.ones((1, 3))).dtype == "float32"
    assert Show(autocast=False)(np.ones((1, 3))).dtype == "float64"


def test_floatx_sets_the_default():
    fastnn.config.set_floatx("float64")
    try:
        assert layers.Dense(1)(np.ones((1, 2))).dtype == "float64"
    finally:
        fastnn.config.set_floatx("float32")


def test_unknown_arguments_are_errors():
    with pytest.raises(
        TypeError, match=r"Dense: 'activaton' is not one of its arguments\. Did you mean 'activation'\?"
    ):
        layers.Dense(3, activaton="relu")
    with pytest.raises(
        ValueError, match="Dense 'dense.*': dtype must be 'float32' or 'float64'; got 'float16'"
    ):
        layers.Dense(3, dtype="float16")
    with pytest.raises(ValueError, match="Dense: name must be a non-empty string without '/'; got 'a/b'"):
        layers.Dense(3, name="a/b")


def test_weights_cannot_be_overwritten():
    with pytest.raises(AttributeError, match="weights"):
        layers.Dense(1).weights = []


def test_config_makes_an_equal_layer():
    layer = Scale(start=3.0, name="scale_it")
    config = layer.get_config()
    assert config == {"name": "scale_it", "trainable": True, "dtype": "float32", "start": 3.0, "penalty": 0.0}
    assert Scale.from_config(config).start == 3.0


def test_config_needs_stored_arguments():
    class Forgetful(layers.Layer):
        def __init__(self, size):
            super().__init__()

    with pytest.raises(NotImplementedError, match="'size' is not stored as self.size"):
        Forgetful(np.ones(3)).get_config()
    assert Forgetful(3).get_config() == {"size": 3} and Forgetful.from_config({"size": 3}).name


def test_get_config_of_a_class_adds_to_what_its_base_gives():
    class Own(layers.Dense):
        def __init__(self, factor, **kwargs):
            super().__init__(4, **kwargs)
            self._f = factor

        def get_config(self):
            return {**layers.Layer.get_config(self), "factor": self._f}

    config = Own(2.0, name="own").get_config()
    assert config["factor"] == 2.0 and config["name"] == "own"


def test_own_weights_metrics_and_policy():
    class Counting(layers.Layer):
        def __init__(self):
            super().__init__()
            self.mean = fastnn.metrics.Mean(name="mean")
            self.inner = layers.Dense(2)

        def build(self, query_shape, value_shape):
            self.scale = self.add_variable((query_shape[-1],), "ones", name="scale")
            self.count = self.add_weight(shape=(), dtype="int32", trainable=False, aggregation="sum", name="count")

        def call(self, query, value=None):
            return self.inner(query * self.scale + value)

    layer = Counting()
    assert layer(np.ones((2, 3)), value=np.ones((2, 3))).shape == (2, 2)
    assert layer.metrics == [layer.mean] and layer.metrics_variables == layer.mean.variables
    store = {}
    layer.save_own_variables(store)
    assert [store[key].shape for key in ("0", "1")] == [(3,), ()] and layer.count.dtype == np.int32
    store["0"] = np.full(3, 5.0)
    layer.load_own_variables(store)
    assert layer.scale.numpy().tolist() == [5.0, 5.0, 5.0]
    assert layer.dtype_policy == fastnn.DTypePolicy("float32") and layer.dtype_policy.compute_dtype == "float32"
    with pytest.raises(ValueError, match="source_name must be None"):
        fastnn.DTypePolicy("float32", source_name="int8")
    with pytest.raises(ValueError, match="'float32' or 'float64'; got 'mixed_float16'"):
        fastnn.DTypePolicy("mixed_float16")
    built = layers.Dense(3)
    built.build_from_config({"input_shape": (None, 4)})
    assert built.get_build_config() == {"input_shape": (None, 4)} and built.kernel.shape == (4, 3)


def test_several_inputs_have_several_specs():
    class Pair(layers.Layer):
        def __init__(self):
            super().__init__()
            self.input_spec = [
                fastnn.InputSpec(shape=(None, 3), name="a"),
                fastnn.InputSpec(shape=(None, 1), allow_last_axis_squeeze=True, name="b"),
            ]

        def call(self, x):
            return ops.sum(x["a"]) + ops.sum(x["b"]) if isinstance(x, dict) else ops.sum(x[0]) + ops.sum(x[1])

    pair = Pair()
    a, b = np.ones((2, 3)), np.ones(2)
    assert pair([a, b]).item() == pair({"b": b, "a": a}).item() == 8
    with pytest.raises(ValueError, match="axis 1 of x must be 3, as built; got 2"):
        pair([np.ones((2, 2)), b])
    with pytest.raises(ValueError, match="x must be of 2 inputs, as input_spec says; got 3"):
        pair([a, b, b])
    spec = fastnn.InputSpec(ndim=2, axes={-1: 4})
    assert repr(fastnn.InputSpec.from_config(spec.get_config())) == repr(spec)


def test_constraint_must_be_known():
    with pytest.raises(ValueError, match="constraint must be a known name; got 'maxnorm'. Did you mean 'max_norm'"):
        layers.Dense(2, kernel_constraint="maxnorm").build((None, 2))


def test_failed_build_leaves_the_layer_unbuilt():
    layer = layers.Dense(2, bias_initializer=lambda shape, dtype=None: np.ones(5))
    with pytest.raises(ValueError):
        layer(np.ones((1, 3)))
    assert not layer.built and layer.weights == []


def test_layer_without_call():
    with pytest.raises(NotImplementedError, match=r"the class must define call\(self, x\)"):
        layers.Layer(name="empty")(np.ones(1))


def test_copy_and_pickle():
    layer = layers.Dense(2, activation="relu")
    x = np.ones((1, 3))
    y = layer(x).numpy()
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(twin(x).numpy(), y)
        twin.set_weights([np.zeros((3, 2)), np.zeros(2)])
    np.testing.assert_array_equal(layer(x).numpy(), y)


def test_input_spec_reads_like_keras():
    spec = layers.InputSpec(shape=(None, 4))
    assert (spec.ndim, spec.axes) == (2, {1: 4})
    assert repr(layers.InputSpec(min_ndim=2)) == "InputSpec(min_ndim=2)"


def test_named_tuples_of_arrays_are_converted_within():
    class Pair(NamedTuple):
        a: Any
        b: Any

    class Sum(layers.Layer):
        def call(self, x):
            return x.a + x.b[0]

    assert Sum()(Pair(np.ones((1, 2), "float64"), [np.ones((1, 2), "float64")])).dtype == "float32"
