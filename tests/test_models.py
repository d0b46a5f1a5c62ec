"""Sequential and Model: structure, building, calling, summary, configuration."""

import copy
import pickle

import numpy as np
import pytest

import fastnn as keras
from fastnn import layers, models, utils


def small(**kwargs):
    """A built model: 4 inputs, 3 hidden, 2 outputs."""
    return models.Sequential(
        [layers.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)], **kwargs
    )


def cnn():
    return models.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 4, activation="relu"),
            layers.MaxPooling2D(3),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


# ---- building


def test_three_ways_to_state_the_input():
    for model in (
        models.Sequential([layers.Input((4,)), layers.Dense(3)]),
        models.Sequential([layers.Dense(3, input_shape=(4,))]),
        models.Sequential([layers.Dense(3, input_dim=4)]),
    ):
        assert model.built and model.count_params() == 15
        assert (model.input_shape, model.output_shape) == ((None, 4), (None, 3))
    model = models.Sequential([layers.Dense(3)])
    assert not model.built and model.weights == []
    assert model(np.ones((2, 4))).shape == (2, 3) and model.count_params() == 15


def test_add_builds_as_it_goes():
    model = models.Sequential()
    model.add(keras.Input((4,)))
    model.add(layers.Dense(3))
    assert model.output_shape == (None, 3)
    model.add(layers.Dense(2))
    assert model.output_shape == (None, 2) and len(model.weights) == 4
    assert [layer.name for layer in model.layers] == [model.get_layer(index=i).name for i in (0, 1)]


def test_add_after_the_first_call():
    model = models.Sequential([layers.Dense(3)])
    model(np.ones((1, 4)))
    kernel = model.layers[0].kernel
    model.add(layers.Dense(2))
    assert model(np.ones((1, 4))).shape == (1, 2) and model.layers[0].kernel is kernel


def test_pop():
    model = small()
    top = model.pop()
    assert top.units == 2 and model.output_shape == (None, 3) and model(np.ones((1, 4))).shape == (1, 3)
    model.pop()
    with pytest.raises(RuntimeError, match="there is no layer"):
        model.pop()


def test_explicit_build():
    model = models.Sequential([layers.Dense(3), layers.Dense(2)])
    model.build((None, 4))
    assert model.count_params() == 23 and model.input_shape == (None, 4)
    with pytest.raises(
        ValueError, match=r"input_shape must be \(None, 4\), as built or stated; got \(None, 5\)"
    ):
        model.build((None, 5))


def test_failed_build_leaves_everything_unbuilt():
    first = layers.Dense(3)
    model = models.Sequential([first, layers.Conv2D(2, 3, name="late")])
    with pytest.raises(ValueError, match=r"Conv2D 'late': x must be of rank 4"):
        model(np.ones((2, 4)))
    assert not model.built and not first.built and model.weights == []
    model.pop()
    assert model(np.ones((2, 4))).shape == (2, 3)


def test_failed_add_leaves_the_model_as_it_was():
    model = small()
    weights = model.get_weights()
    with pytest.raises(ValueError, match="rank 4"):
        model.add(layers.Conv2D(2, 3))
    assert model.built and model.output_shape == (None, 2) and len(model.layers) == 2
    assert model(np.ones((1, 4))).shape == (1, 2)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_failed_build_of_a_nested_model():
    inner = models.Sequential([layers.Dense(3)])
    model = models.Sequential([inner, layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match="rank 4"):
        model(np.ones((2, 4)))
    model.pop()
    assert inner.weights == [] and model(np.ones((2, 5))).shape == (2, 3)


def test_a_layer_that_cannot_tell_its_output_shape():
    class Odd(layers.Layer):
        def call(self, x):
            return x[:, ::2]

    model = models.Sequential([layers.Input((6,)), Odd(), layers.Dense(2)])
    assert model.output_shape == (None, 2) and model.layers[1].kernel.shape == (3, 2)


def test_nested_sequential():
    inner = small(name="inner")
    model = models.Sequential([inner, layers.Dense(5)])
    assert model.output_shape == (None, 5) and len(model.weights) == 6
    assert model(np.ones((2, 4))).shape == (2, 5)
    inner.trainable = False
    assert len(model.trainable_weights) == 2


def test_a_trained_model_inside_a_probability_model():
    model = small()
    model.compile("adam", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    probabilities = models.Sequential([model, layers.Softmax()])
    logits = model.predict(np.ones((3, 4)))
    want = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(probabilities.predict(np.ones((3, 4))), want, rtol=1e-5)


def test_variable_image_sizes():
    model = models.Sequential(
        [layers.Input((None, None, 3)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    assert model.output_shape == (None, 2)
    assert model(np.ones((2, 5, 7, 3))).shape == model(np.ones((2, 9, 4, 3))).shape == (2, 2)


def test_structure_errors():
    with pytest.raises(
        TypeError, match=r"Sequential 's': every layer must be a fastnn.layers.Layer; got 5\."
    ):
        models.Sequential([layers.Dense(2), 5], name="s")
    with pytest.raises(TypeError, match=r"Give an instance: Flatten\(\)"):
        models.Sequential([layers.Flatten])
    with pytest.raises(ValueError, match="the layers' names must be different; got 'a'"):
        models.Sequential([layers.Dense(2, name="a"), layers.Dense(2, name="a")])
    with pytest.raises(ValueError, match="Input must be the first entry"):
        models.Sequential([layers.Dense(2), layers.Input((3,))])
    with pytest.raises(TypeError, match=r"layers must be a list of layers.*Write Sequential\(\[layer\]\)"):
        models.Sequential(layers.Dense(2))
    with pytest.raises(RuntimeError, match="there is no layer. Add layers first"):
        models.Sequential()(np.ones((1, 2)))
    with pytest.raises(AttributeError, match="output_shape is not known before the model is built"):
        _ = models.Sequential([layers.Dense(2)]).output_shape
    with pytest.raises(ValueError, match="outputs must be made of KerasTensors; got None"):
        keras.Model(inputs=keras.Input((2,)), outputs=None)


def test_get_layer():
    model = models.Sequential(
        [layers.Input((2,)), layers.Dense(1, name="first"), layers.Dense(1, name="second")]
    )
    assert model.get_layer("second") is model.get_layer(index=-1)
    with pytest.raises(ValueError, match="name must be a known name; got 'secnd'. Did you mean 'second'"):
        model.get_layer("secnd")
    with pytest.raises(ValueError, match="index must be below 2; got 5"):
        model.get_layer(index=5)


# ---- calling


def test_call_computes_the_stack():
    model = small()
    x = np.random.default_rng(0).normal(size=(5, 4))
    k1, b1, k2, b2 = model.get_weights()
    np.testing.assert_allclose(model(x).numpy(), np.maximum(x @ k1 + b1, 0) @ k2 + b2, rtol=1e-5, atol=1e-6)


def test_plain_arrays_record_no_gradients_and_tensors_do():
    model = small()
    x = np.ones((1, 4), "float32")
    assert not model(x).requires_grad
    assert model(x, training=True).requires_grad
    assert model(keras.Tensor(x)).requires_grad
    model(keras.Tensor(x)).sum().backward()
    assert all(v.grad is not None for v in model.trainable_variables)


@pytest.mark.parametrize(
    "x", [np.ones((3, 28, 28)), np.ones((3, 28, 28, 1)), np.ones((3, 28, 28, 1, 1), "uint8")]
)
def test_input_of_one_channel_takes_images_without_it(x):
    assert cnn()(x).shape == (3, 10)


def test_input_of_one_feature_takes_vectors():
    model = models.Sequential([layers.Input((1,)), layers.Dense(2)])
    assert model(np.ones(3)).shape == model.predict([1.0, 2.0, 3.0]).shape == (3, 2)


@pytest.mark.parametrize("x", [np.ones((28, 28)), np.ones((28, 28, 1)), np.ones(28)])
def test_a_sample_without_its_batch_axis_is_an_error(x):
    model = cnn()
    for use in (model, model.predict):
        with pytest.raises(ValueError, match=r"x must be of shape \(None, 28, 28, 1\); got shape"):
            use(x)


def test_the_error_for_a_single_sample_says_how_to_fix_it():
    with pytest.raises(ValueError, match=r"A single sample needs a batch axis: x\[None\]"):
        small()(np.ones(4))


def test_a_samples_result_does_not_depend_on_its_batch():
    model = cnn()
    x = np.random.default_rng(0).random((9, 28, 28, 1), "float32")
    whole = model(x).numpy()
    for i in range(9):
        np.testing.assert_array_equal(model(x[i : i + 1]).numpy()[0], whole[i])


def test_subclassed_model():
    class Residual(keras.Model):
        def __init__(self):
            super().__init__()
            self.a = layers.Dense(4, activation="relu")
            self.b = layers.Dense(4)

        def call(self, x):
            return x + self.b(self.a(x))

    model = Residual()
    assert model(np.ones((2, 4))).shape == (2, 4) and len(model.weights) == 4
    assert [layer.name for layer in model.layers] == [model.a.name, model.b.name]
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(64, 4))
    losses = model.fit(x, 2 * x, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


# ---- summary


SUMMARY = """Model: "net"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ hidden (Dense)                  │ (None, 300)            │         1,500 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ a_layer_with_quite_a_long_name… │ (None, 2)              │           602 │
│ (Dense)                         │                        │               │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 2,102 (8.21 KB)
 Trainable params: 1,500 (5.86 KB)
 Non-trainable params: 602 (2.35 KB)"""


def lines_of(model, **kwargs):
    found = []
    model.summary(line_length=76, print_fn=found.append, **kwargs)
    assert len(found) == 1 and found[0].endswith("\n")
    return found[0].splitlines()


def test_summary_is_keras_table():
    model = models.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(300, name="hidden"),
            layers.Dense(2, name="a_layer_with_quite_a_long_name_for_its_column", trainable=False),
        ],
        name="net",
    )
    assert lines_of(model) == SUMMARY.split("\n")


def test_summary_goes_to_stdout(capsys):
    small(name="net").summary()
    assert capsys.readouterr().out.startswith('Model: "net"\n┏━')


def test_summary_of_an_unbuilt_model():
    model = models.Sequential([layers.Dense(3, name="a"), layers.Dropout(0.5, name="b")])
    text = lines_of(model)
    assert text[4] == "│ a (Dense)                       │ ?                      │   0 (unbuilt) │"
    assert text[6] == "│ b (Dropout)                     │ ?                      │             0 │"
    assert text[-3] == " Total params: 0 (0.00 B)"


def test_summary_counts_optimizer_variables_once_trained():
    model = small()
    model.compile("adam", "mse")
    assert len(lines_of(model)) == len(lines_of(small()))
    model.fit(np.ones((2, 4)), np.ones((2, 2)), verbose=0)
    text = lines_of(model)
    # 23 weights, 2 slots each, the step count (8 bytes) and the learning rate
    assert text[-1].startswith(" Optimizer params: 48 (")
    assert text[-4].startswith(" Total params: 71 (")


def test_summary_options():
    inner = small(name="inner")
    inner.layers[0].trainable = False
    model = models.Sequential([inner, layers.Dense(5, name="top"), layers.ReLU(name="end")])
    nested = "\n".join(lines_of(model, expand_nested=True))
    assert "   └ " in nested and nested.count("(Dense)") == 3
    shown = lines_of(model, show_trainable=True)
    assert shown[2].count("┃") == 5 and shown[2].endswith("Trai… ┃")
    chosen = "\n".join(lines_of(model, layer_range=("top", "end")))
    assert "inner" not in chosen and "top" in chosen and "end" in chosen
    with pytest.raises(ValueError, match="layer_range must be a known name; got 'topp'. Did you mean 'top'"):
        lines_of(model, layer_range=("topp", "end"))


# ---- configuration and copies


def test_config_round_trip():
    model = models.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, (3, 2), strides=2, padding="same", activation="relu", kernel_regularizer="l2"),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(2, activation="softmax", bias_initializer="ones"),
        ],
        name="net",
    )
    twin = models.Sequential.from_config(model.get_config())
    assert twin.get_config() == model.get_config()
    twin.set_weights(model.get_weights())
    x = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype="uint8")
    np.testing.assert_array_equal(twin.predict(x), model.predict(x))


def test_config_is_json():
    import json

    model = cnn()
    text = json.dumps(model.get_config())
    assert models.Sequential.from_config(json.loads(text)).count_params() == model.count_params()


def test_config_of_an_unbuilt_model():
    model = models.Sequential([layers.Dense(2)])
    twin = models.Sequential.from_config(model.get_config())
    assert not twin.built and twin(np.ones((1, 3))).shape == (1, 2)


def test_copy_and_pickle_of_a_trained_model():
    model = small()
    model.compile("adam", "mse", metrics=["mae"])
    x, y = np.ones((8, 4)), np.ones((8, 2))
    model.fit(x, y, verbose=0)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin.predict(x), model.predict(x))
        twin.fit(x, y, verbose=0)


def test_models_have_no_global_references():
    import gc
    import weakref

    model = small()
    model.compile("adam", "mse")
    model.fit(np.ones((2, 4)), np.ones((2, 2)), verbose=0)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_names_begin_again():
    utils.clear_session()
    assert small().name == "sequential" and small().name == "sequential_1"
