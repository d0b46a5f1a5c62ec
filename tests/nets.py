"""A small net whose steps are recorded, and everything that can be done with it."""

import numpy as np

from fastnn import layers, losses, models, optimizers, regularizers, utils

RNG = np.random.default_rng(3)
X = RNG.normal(size=(70, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 70)


def net(eager=False, optimizer=None, loss=None, **kwargs):
    utils.set_random_seed(5)
    inner = models.Sequential([layers.Dense(5, activation="relu", kernel_regularizer=regularizers.L2(0.01))])
    model = models.Sequential([layers.Input((6,)), inner, layers.Dropout(0.25), layers.Dense(3, activation="softmax")])
    loss = loss or losses.SparseCategoricalCrossentropy()
    model.compile(optimizer or optimizers.Adam(0.01), loss, run_eagerly=eager, **{"metrics": ["accuracy"], **kwargs})
    return model


def everything(model, x=X, y=Y):
    """What each kind of call does and gives, as bytes and numbers; seven kinds of steps."""
    history = model.fit(x[:64], y[:64], epochs=2, batch_size=16, verbose=0, validation_split=0.25).history
    one = [model.train_on_batch(x[:16], y[:16]), model.test_on_batch(x[:16], y[:16])]
    return {
        "history": history,
        "one": one,
        "weights": [w.tobytes() for w in model.get_weights()],
        "optimizer": [v.numpy().tobytes() for v in model.optimizer.variables],
        "evaluate": model.evaluate(x[:64], y[:64], batch_size=16, verbose=0),
        "predict": model.predict(x[:64], batch_size=16, verbose=0).tobytes(),
        "predict one": model.predict(x[:5], verbose=0).tobytes(),
        "call": model(x[:3]).numpy().tobytes(),
        "inference": model(x[:3], training=False).numpy().tobytes(),
    }


def settled(model, **kwargs):
    """The model after as many calls as it takes to record all there is."""
    for _ in range(3):
        everything(model, **kwargs)
    return model
