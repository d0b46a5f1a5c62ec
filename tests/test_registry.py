"""Names, configurations and objects."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from fastnn import activations, initializers, optimizers, random, registry, regularizers


class Mine:
    """A user's class with a configuration."""

    def __init__(self, size: int = 1) -> None:
        self.size = size

    def __call__(self) -> int:
        return self.size

    def get_config(self) -> dict[str, Any]:
        return {"size": self.size}


def my_function(x: float) -> float:
    return x


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("Dense", "dense"), ("MaxPooling2D", "max_pooling2d"), ("ReLU", "re_lu"), ("LeakyReLU", "leaky_re_lu"),
        ("Conv2DTranspose", "conv2d_transpose"), ("GlorotUniform", "glorot_uniform"), ("RMSprop", "rm_sprop"),
    ],
)
def test_snake_case_is_that_of_keras(name: str, snake: str) -> None:
    assert registry.snake_case(name) == snake


def test_registry_gives_objects_for_names() -> None:
    things = registry.Registry("layers", "thing")
    things.add(Mine, "yours")
    things.add(my_function)
    assert things.names == ["Mine", "mine", "my_function", "yours"]
    assert all(isinstance(things.get(i), Mine) for i in ("Mine", "mine", "yours", Mine, Mine(), {"class_name": "Mine"}))
    assert things.get("my_function") is my_function and things.get(None) is None
    assert things.get({"class_name": "mine", "config": {"size": 7}})() == 7
    with pytest.raises(ValueError, match=r"layers\.get: thing must be a known name; got 'mime'\. Did you"):
        things.get("mime")
    with pytest.raises(TypeError, match=r"layers\.get: thing must be a name, a configuration or a thing; got 3\."):
        things.get(3)


def test_registry_takes_custom_objects() -> None:
    assert regularizers.get("l2").l2 == 0.01
    assert regularizers.deserialize({"class_name": "Mine", "config": {"size": 3}}, custom_objects={"Mine": Mine})() == 3


@pytest.mark.parametrize(
    "thing",
    [
        regularizers.L1L2(0.1, 0.2), initializers.HeNormal(seed=3), optimizers.Adam(0.5), random.SeedGenerator(3),
        initializers.RandomNormal(seed=random.SeedGenerator(2)),
    ],
)
def test_serialize_writes_what_keras_writes(thing: Any) -> None:
    envelope = registry.serialize(thing)
    assert sorted(envelope) == ["class_name", "config", "module", "registered_name"]
    assert envelope["module"].startswith("keras.") and envelope["registered_name"] is None
    again = registry.deserialize(envelope)
    assert type(again) is type(thing) and registry.serialize(again) == envelope


def test_functions_of_the_package_are_their_names() -> None:
    assert activations.serialize(activations.relu) == "relu"
    assert activations.deserialize("relu") is activations.relu


def test_a_users_classes_and_functions_need_custom_objects() -> None:
    envelope = registry.serialize(Mine(4))
    assert envelope["registered_name"] == "Mine"
    assert registry.deserialize(envelope, custom_objects={"Mine": Mine}).size == 4
    with pytest.raises(ValueError, match=r"deserialize: class_name must be a known name; got 'Mine'"):
        registry.deserialize(envelope)
    function = registry.serialize(my_function)
    assert function["class_name"] == "function"
    assert registry.deserialize(function, custom_objects={"my_function": my_function}) is my_function
    with pytest.raises(TypeError, match=r"serialize: the object must be one with get_config\(\)"):
        registry.serialize(lambda x: x)


@pytest.mark.parametrize(
    "envelope",
    [
        {"module": "os", "class_name": "system", "config": {}},
        {"module": "builtins", "class_name": "eval", "config": {}},
        {"module": "builtins", "class_name": "function", "config": "eval"},
        {"module": "keras.initializers", "class_name": "np", "config": {}},
        {"module": "keras.initializers", "class_name": "math", "config": {}},
        {"module": "keras.optimizers", "class_name": "launch", "config": {}},
        {"module": "keras.regularizers", "class_name": "_factor", "config": {}},
        {"module": "fastnn.registry", "class_name": "importlib", "config": {}},
    ],
)
def test_configurations_reach_nothing_but_public_names(envelope: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="class_name must be a known name"):
        registry.deserialize(envelope)


def test_keras_envelopes_with_inner_modules_are_read() -> None:
    envelope = {"module": "keras.src.initializers", "class_name": "Zeros", "config": {}, "registered_name": None}
    assert isinstance(registry.deserialize(envelope), initializers.Zeros)
    assert isinstance(registry.deserialize({"class_name": "L1", "config": {}}), regularizers.L1)


@pytest.mark.parametrize(
    "config", [{}, {"class_name": 3, "config": {}}, {"class_name": "L1", "config": [1]}, {"config": {}}]
)
def test_rejects_malformed_configurations(config: dict[str, Any]) -> None:
    for read in (registry.deserialize, regularizers.get):
        with pytest.raises(ValueError, match=r"config must be a dict with the keys 'class_name' and 'config'"):
            read(config)


def test_auto_names_count_up() -> None:
    first = registry.auto_name("QuiteNewThing")
    assert first == "quite_new_thing" and registry.auto_name("QuiteNewThing") == "quite_new_thing_1"


def test_get_callable() -> None:
    check: Callable[..., Any] = activations.get(my_function)
    assert check is my_function


def test_scopes_end_with_what_they_brought_only() -> None:
    scope = registry.custom_object_scope({"Mine": Mine})
    with scope, registry.custom_object_scope({"Mine": my_function}):
        assert registry.get_registered_object("Mine") is my_function
        with scope:
            assert registry.get_registered_object("Mine") is Mine
        found = registry.register_keras_serializable("scoped")(type("Other", (Mine,), {}))
    assert registry.get_registered_object("Mine") is None
    assert registry.get_registered_object("scoped>Other") is found
    registry.get_custom_objects().pop("scoped>Other")


def test_scopes_hold_for_their_own_thread() -> None:
    seen: list[Any] = []
    with registry.custom_object_scope({"Mine": Mine}):
        thread = threading.Thread(target=lambda: seen.append(registry.get_registered_object("Mine")))
        thread.start()
        thread.join()
    assert seen == [None]
