"""Small models and data that several files train."""

import numpy as np

from fastnn import layers, losses, models, optimizers, utils


def regression(samples=70, features=3):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, features))
    return x, x @ np.arange(1.0, features + 1) + 0.5


def classes(samples=90):
    """Three well separated clouds."""
    rng = np.random.default_rng(0)
    y = np.arange(samples) % 3
    return rng.normal(size=(samples, 2)) * 0.3 + np.array([[0, 3], [3, 0], [-3, -3]])[y], y


def line(loss="mse", optimizer="sgd", units=1, seed=1, **kwargs):
    utils.set_random_seed(seed)
    model = models.Sequential([layers.Input((3,)), layers.Dense(units)])
    model.compile(optimizer, loss, **kwargs)
    return model


def classifier(seed=1, **kwargs):
    utils.set_random_seed(seed)
    model = models.Sequential([layers.Input((2,)), layers.Dense(8, activation="relu"), layers.Dense(3)])
    arguments = {
        "optimizer": optimizers.Adam(0.05),
        "loss": losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": ["accuracy"],
    }
    model.compile(**{**arguments, **kwargs})
    return model


def trained(model, x, y, **kwargs):
    """The first kernel after a fit, from the seed that the model was made with."""
    model.fit(x, y, verbose=0, **kwargs)
    return model.get_weights()[0]
