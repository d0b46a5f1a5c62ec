"""The generator's known answers, the distributions drawn from it, replay, threads and instruction sets; dropout."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import numpy as np
import pytest

from fastnn import Tensor, _core, ops, random
from fastnn._core import launch
from fastnn.random import SeedGenerator
from tests.helpers import FMA_ISAS, assert_same_bits

FLOAT32 = np.dtype(np.float32)
ONES = 0xFFFFFFFF


def words(key: tuple[int, ...], counter: tuple[int, ...], n: int = 64) -> np.ndarray:
    """n words from the generator, in the kernels' order."""
    state = np.array([key[0] | key[1] << 32, counter[0] | counter[1] << 32, counter[2] | counter[3] << 32], np.uint64)
    y = np.empty(n, np.int32)
    launch("random_bits", FLOAT32, state=state, y=y, n=n)
    return y.view(np.uint32)


def philox(key: tuple[int, int], counter: int) -> list[int]:
    """Philox4x32-10 in plain Python, from the paper's description."""
    c = [counter >> 32 * i & ONES for i in range(4)]
    k = list(key)
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [q >> 32 ^ c[1] ^ k[0], q & ONES, p >> 32 ^ c[3] ^ k[1], p & ONES]
        k = [k[0] + 0x9E3779B9 & ONES, k[1] + 0xBB67AE85 & ONES]
    return c


# The known-answer file kat_vectors of Random123 (Salmon et al. 2011), philox4x32, 10 rounds: counter, key, result.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES,) * 4, (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_philox_gives_the_known_answers(counter: tuple[int, ...], key: tuple[int, ...], result: tuple) -> None:
    for isa in _core.isas():
        with _core.use_isa(isa):
            got = words(key, counter)
        assert (int(got[0]), int(got[1]), int(got[16]), int(got[17])) == result, isa


def test_philox_fills_groups_of_eight_blocks_in_order() -> None:
    key, start = (7, 9), (5 << 32 | 16)
    got = words(key, (16, 5, 0, 0), n=4 * 32 + 5)
    for i, value in enumerate(got.tolist()):
        group, place = divmod(i, 32)
        block, word = place % 16 // 2, place % 2 + 2 * (place // 16)
        assert value == philox(key, start + 8 * group + block)[word], i


def test_philox_carries_into_the_upper_half_of_the_counter() -> None:
    low = 2**64 - 8
    got = words((1, 2), (low & ONES, low >> 32, 3, 0), n=64)
    assert int(got[32]) == philox((1, 2), 4 << 64)[0]
    state = np.array([0, low, 3], np.uint64)
    launch("random_advance", FLOAT32, state=state, blocks=16)
    assert state.tolist() == [0, 8, 4]


DRAWS: dict[str, Callable[..., Tensor]] = {
    "uniform": lambda shape, dtype, seed: random.uniform(shape, -1.0, 3.0, dtype=dtype, seed=seed),
    "normal": lambda shape, dtype, seed: random.normal(shape, 2.0, 0.5, dtype=dtype, seed=seed),
    "truncated_normal": lambda shape, dtype, seed: random.truncated_normal(shape, 2.0, 0.5, dtype=dtype, seed=seed),
    "dropout": lambda shape, dtype, seed: random.dropout(np.ones(shape, dtype), 0.3, seed=seed),
    "randint": lambda shape, dtype, seed: random.randint(shape, -5, 100, seed=seed),
    "randint64": lambda shape, dtype, seed: random.randint(shape, -5, 2**62, dtype="int64", seed=seed),
}
SIZES = [0, 1, 15, 16, 17, 31, 33, 63, 64, 65, 1009]


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_draw_same_bits_for_1_and_n_threads_and_every_isa(name: str, dtype: str) -> None:
    for size in SIZES:
        want = DRAWS[name]((size,), dtype, 3).numpy()
        for n in (2, 3, 7):
            with _core.simulate_threads(n):
                assert_same_bits(DRAWS[name]((size,), dtype, 3).numpy(), want, f"{n} threads, {size}")
        for isa in FMA_ISAS:
            with _core.use_isa(isa):
                assert_same_bits(DRAWS[name]((size,), dtype, 3).numpy(), want, f"{isa}, {size}")


@pytest.mark.parametrize("name", DRAWS)
def test_draw_continues_where_the_generator_stands(name: str) -> None:
    """Draws are one stream: they differ, an equal generator repeats them, and a longer draw starts alike."""
    one, other = SeedGenerator(5), SeedGenerator(5)
    draws = [DRAWS[name]((40,), "float32", one).numpy() for _ in range(3)]
    assert len({draw.tobytes() for draw in draws}) == 3
    for draw in draws:
        assert_same_bits(DRAWS[name]((40,), "float32", other).numpy(), draw, name)
    longer = DRAWS[name]((200,), "float32", 5).numpy()
    assert_same_bits(longer[:40], draws[0], "the first draw begins the longer one")


@pytest.mark.parametrize("name", DRAWS)
def test_draws_do_not_overlap(name: str) -> None:
    """After n elements the counter stands behind the last block they used, for every n."""
    words_each = {"randint": 2, "randint64": 2}.get(name, 1)
    for dtype in ("float32", "float64"):
        for size in SIZES:
            generator = SeedGenerator(1)
            DRAWS[name]((size,), dtype, generator)
            bits = size * words_each * (64 if dtype == "float64" and words_each == 1 else 32)
            assert int(generator.state.data[1]) == 8 * math.ceil(bits / 1024), (dtype, size)


def test_int_seed_repeats_and_different_seeds_differ() -> None:
    a, b, c = (random.uniform((100,), seed=seed).numpy() for seed in (1, 1, 2))
    assert_same_bits(a, b, "equal seeds")
    assert not (a == c).any()


def test_global_seed_repeats_draws_without_a_seed() -> None:
    random.set_global_seed(11)
    first = [random.normal((5,)).numpy() for _ in range(2)]
    random.set_global_seed(11)
    for draw in first:
        assert_same_bits(random.normal((5,)).numpy(), draw, "global seed")
    assert not (first[0] == first[1]).any()


def test_recorded_draws_differ_at_every_replay_and_match_eager() -> None:
    eager, recorded = SeedGenerator(3), SeedGenerator(3)
    x = np.ones(500, np.float32)
    program = _core.Program()
    with program.record():
        y = ops.dropout(x, 0.5, recorded)
    assert_same_bits(y.data, ops.dropout(x, 0.5, eager).numpy(), "recording")
    for _ in range(3):
        assert program.replay() == 1
        assert_same_bits(y.data, ops.dropout(x, 0.5, eager).numpy(), "replay")


def moments(x: np.ndarray) -> tuple[float, float, float, float]:
    z = x.astype(np.float64)
    centred = (z - z.mean()) / z.std()
    return float(z.mean()), float(z.std()), float((centred**3).mean()), float((centred**4).mean())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_draws_have_the_moments_of_their_distributions(dtype: str) -> None:
    """A million draws; bounds of five standard errors or more."""
    shape = (1000, 1000)
    mean, std, skew, kurtosis = moments(random.uniform(shape, -1.0, 3.0, dtype=dtype, seed=1).numpy())
    assert abs(mean - 1) < 0.006 and abs(std - 4 / math.sqrt(12)) < 0.004
    assert abs(skew) < 0.01 and abs(kurtosis - 1.8) < 0.02
    mean, std, skew, kurtosis = moments(random.normal(shape, 2.0, 3.0, dtype=dtype, seed=2).numpy())
    assert abs(mean - 2) < 0.015 and abs(std - 3) < 0.011 and abs(skew) < 0.0125 and abs(kurtosis - 3) < 0.025
    cut = random.truncated_normal(shape, 2.0, 3.0, dtype=dtype, seed=3).numpy()
    mean, std, skew, kurtosis = moments(cut)
    assert abs(mean - 2) < 0.015 and abs(std - 3 * 0.8796256610342398) < 0.01 and abs(skew) < 0.0125
    assert abs(kurtosis - 2.3653) < 0.02 and cut.min() >= -4 and cut.max() <= 8


def test_uniform_draws_fill_their_interval_evenly() -> None:
    x = random.uniform((1 << 16,), seed=4).numpy()
    assert x.min() >= 0 and x.max() < 1
    counts, _ = np.histogram(x, bins=256, range=(0, 1))
    assert ((counts - 256) ** 2 / 256).sum() < 255 + 6 * math.sqrt(2 * 255)  # chi square, six standard deviations


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_never_reaches_maxval(dtype: str) -> None:
    """Where the interval is a few rounding steps wide, products round up to its end."""
    low = np.array(1.0, dtype)
    for steps in (0, 1, 2, 3):
        high = low
        for _ in range(steps):
            high = np.nextafter(high, np.array(2.0, dtype))
        x = random.uniform((1000,), float(low), float(high), dtype=dtype, seed=1).numpy()
        assert x.min() >= low and (x.max() < high or steps == 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal_is_the_quantile_of_its_uniform_number(dtype: str) -> None:
    n = 20_000
    u = random.uniform((n,), dtype=dtype, seed=9).numpy().astype(np.float64)
    z = random.normal((n,), dtype=dtype, seed=9).numpy().astype(np.float64)
    half = 2.0**-24 if dtype == "float32" else 2.0**-53
    want = np.array([statistics.NormalDist().inv_cdf(p + half) for p in u])
    assert np.max(np.abs(z - want) / np.maximum(np.abs(want), 1e-3)) < 8 * np.finfo(dtype).eps


def counter_of(key: tuple[int, int], block: list[int]) -> int:
    """The counter that Philox turns into this block: its rounds undone, so that a test can choose what is drawn."""
    c, inverse_0, inverse_1 = list(block), pow(0xD2511F53, -1, 1 << 32), pow(0xCD9E8D57, -1, 1 << 32)
    for r in reversed(range(10)):
        k = [key[0] + r * 0x9E3779B9 & ONES, key[1] + r * 0xBB67AE85 & ONES]
        c0, c2 = c[3] * inverse_0 & ONES, c[1] * inverse_1 & ONES
        c = [c0, c[0] ^ k[0] ^ (0xCD9E8D57 * c2 >> 32), c2, c[2] ^ k[1] ^ (0xD2511F53 * c0 >> 32)]
    return sum(word << 32 * i for i, word in enumerate(c))


def test_counter_of_undoes_philox() -> None:
    assert counter_of((3, 4), philox((3, 4), 12345 << 40 | 678)) == 12345 << 40 | 678


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal_is_accurate_in_both_tails(dtype: str) -> None:
    """Chosen uniform numbers, the outermost included, on both sides of the seams of AS 241."""
    bits = 23 if dtype == "float32" else 52
    width = 32 if dtype == "float32" else 64
    seams = [0.0, 1e-15, 1e-13, math.exp(-25), 2e-11, 1e-8, 1e-6, 1e-3, 0.02275, 0.0749999, 0.0750001, 0.3, 0.4999]
    for p in [*seams, *(1 - p for p in seams)]:
        fraction = min(int(p * 2**bits), 2**bits - 1)
        raw = fraction << width - bits
        counter = counter_of((1, 2), [raw & ONES, raw >> 32, 0, 0])
        state = np.array([1 | 2 << 32, counter & (1 << 64) - 1, counter >> 64], np.uint64)
        z = np.empty(1, dtype)
        launch("random_normal", z.dtype, state=state, y=z, n=1, truncated=0, mean=0.0, stddev=1.0)
        upper = fraction >= 2 ** (bits - 1)  # statistics.NormalDist is accurate below one half: mirror
        share = (2**bits - fraction - 0.5 if upper else fraction + 0.5) * 2.0**-bits
        want = statistics.NormalDist().inv_cdf(share) * (-1 if upper else 1)
        assert abs(z[0] - want) <= 8 * np.finfo(dtype).eps * max(abs(want), 1e-3), (p, z[0], want)


def test_randint_draws_every_integer_alike() -> None:
    x = random.randint((100_000,), -3, 4, seed=1).numpy()
    assert x.dtype == np.int32
    counts = np.bincount(x + 3, minlength=7)
    assert len(counts) == 7 and ((counts - 100_000 / 7) ** 2 / (100_000 / 7)).sum() < 6 + 6 * math.sqrt(12)
    wide = random.randint((1000,), -(2**63), 2**63 - 1, dtype="int64", seed=1).numpy()
    assert wide.dtype == np.int64 and wide.min() < -(2**61) and wide.max() > 2**61
    assert set(random.randint((50,), 7, 8, seed=1).tolist()) == {7}


# ---- dropout ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_zeroes_a_share_and_scales_the_rest(rate: float, dtype: str) -> None:
    x = np.random.default_rng(0).standard_normal((100, 1003)).astype(dtype)
    y = ops.dropout(x, rate, 1).numpy()
    kept = y != 0
    np.testing.assert_array_equal(y[kept], x[kept] * np.array(1 / (1 - rate), dtype))
    assert abs(kept.mean() - (1 - rate)) < 5 * math.sqrt(rate * (1 - rate) / x.size)


@pytest.mark.parametrize("size", SIZES)
def test_dropout_gradient_passes_where_values_passed(size: int) -> None:
    for dtype in ("float32", "float64"):
        x = Tensor(np.arange(1, size + 1, dtype=dtype), requires_grad=True)
        y = ops.dropout(x, 0.4, 1)
        dy = np.linspace(1, 2, size).astype(dtype)
        y.backward(dy)
        assert x.grad is not None
        want = np.where(y.numpy() != 0, dy * np.array(1 / 0.6, dtype), 0)
        np.testing.assert_array_equal(x.grad.numpy(), want)


def test_dropout_at_its_ends() -> None:
    x = Tensor(np.array([1.0, np.inf, np.nan], np.float32), requires_grad=True)
    assert ops.dropout(x, 0.0) is x
    y = ops.dropout(x, 1.0)
    assert y.tolist() == [0.0, 0.0, 0.0]
    y.backward(np.ones(3))
    assert x.grad is not None and x.grad.tolist() == [0.0, 0.0, 0.0]


def test_dropout_accepts_noncontiguous_and_readonly_input() -> None:
    x = np.arange(600, dtype=np.float32).reshape(20, 30)
    want = ops.dropout(np.ascontiguousarray(x.T), 0.5, 1).numpy()
    assert_same_bits(ops.dropout(x.T, 0.5, 1).numpy(), want, "strided input")
    frozen = np.ascontiguousarray(x.T)
    frozen.flags.writeable = False
    assert_same_bits(ops.dropout(frozen, 0.5, 1).numpy(), want, "read-only input")


def test_dropout_noise_shape_drops_whole_channels() -> None:
    y = random.dropout(np.ones((4, 5, 5, 8), np.float32), 0.5, noise_shape=(None, 1, 1, None), seed=1).numpy()
    per_channel = y.reshape(4, 25, 8)
    assert (per_channel == per_channel[:, :1]).all()
    assert set(np.unique(y)) == {0.0, 2.0}


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: SeedGenerator(-1), ValueError, r"SeedGenerator: seed must be in 0 \.\.\. 2\*\*64 - 1; got -1\."),
        (lambda: SeedGenerator(1.5), TypeError, r"seed must be an integer, a SeedGenerator or None; got 1\.5\."),
        (lambda: random.uniform((2,), seed="x"), TypeError, r"random\.uniform: seed must be an integer"),
        (lambda: random.uniform((2,), dtype="int32"), ValueError, r"got 'int32'\. For integers use randint\."),
        (lambda: random.uniform((-1,)), ValueError, r"shape must be a tuple of non-negative ints; got \(-1,\)\."),
        (lambda: random.uniform((2,), 1.0, 0.0), ValueError, r"maxval must be at least minval \(1\.0\); got 0\.0\."),
        (lambda: random.uniform((2,), 0.0, math.nan), ValueError, r"maxval must be a finite number; got nan\."),
        (lambda: random.normal((2,), stddev=-1), ValueError, r"random\.normal: stddev must be at least 0; got -1\.0\."),
        (lambda: random.randint((2,), 3, 3), ValueError, r"maxval must be above minval \(3\); got 3\."),
        (lambda: random.randint((2,), 0, 2**40), ValueError, r"minval and maxval must be within the range of int32"),
        (lambda: random.randint((2,), 0.5, 2), TypeError, r"random\.randint: minval must be an int; got 0\.5\."),
        (lambda: random.randint((2,), 0, 2, dtype="uint8"), ValueError, r"must be 'int32' or 'int64'; got 'uint8'"),
        (lambda: ops.dropout([1.0], 1.5), ValueError, r"ops\.dropout: rate must be a number from 0 to 1; got 1\.5\."),
        (lambda: ops.dropout([1.0], math.nan), ValueError, r"rate must be a number from 0 to 1; got nan\."),
        (lambda: random.dropout([1.0], 0.5, (2,)), ValueError, r"must be a shape that broadcasts to \(1,\)"),
    ],
)
def test_rejects_bad_arguments(make: Callable[[], object], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_seed_generator_config() -> None:
    generator = SeedGenerator(4)
    assert SeedGenerator.from_config(generator.get_config()).state.tolist() == generator.state.tolist() == [4, 0, 0]


# ---- distributions that are drawn by other draws, or by NumPy -------------------------------------------------------


def test_categorical_has_the_probabilities():
    probabilities = np.array([[0.1, 0.6, 0.3], [0.5, 0.5, 0.0]])
    with np.errstate(divide="ignore"):
        drawn = random.categorical(np.log(probabilities), 20_000, seed=3)
    assert drawn.dtype == np.int32 and drawn.shape == (2, 20_000)
    shares = np.stack([np.bincount(row, minlength=3) for row in drawn.numpy()]) / 20_000
    np.testing.assert_allclose(shares, probabilities, atol=0.015)
    with pytest.raises(ValueError, match="logits must be of rank 2"):
        random.categorical([0.5, 0.5], 3)


@pytest.mark.parametrize(
    ("draw", "mean", "variance"),
    [
        (lambda **k: random.gamma((20_000,), 3.0, **k), 3.0, 3.0),
        (lambda **k: random.beta((20_000,), 2.0, 6.0, **k), 0.25, 2 * 6 / (64 * 9)),
        (lambda **k: random.binomial((20_000,), 10, 0.3, **k), 3.0, 2.1),
    ],
)
def test_moments_and_seeds(draw, mean, variance):
    values = draw(seed=5).numpy()
    assert values.dtype == np.float32
    np.testing.assert_allclose([values.mean(), values.var()], [mean, variance], rtol=0.05)
    np.testing.assert_array_equal(draw(seed=5).numpy(), values)
    generator = random.SeedGenerator(5)
    first, second = draw(seed=generator).numpy(), draw(seed=generator).numpy()
    assert (first != second).any()
    np.testing.assert_array_equal(draw(seed=random.SeedGenerator(5)).numpy(), first)


def test_shuffle():
    x = np.arange(24).reshape(2, 12)
    y = random.shuffle(x, axis=1, seed=1).numpy()
    assert (y != x).any()
    np.testing.assert_array_equal(np.sort(y, axis=1), x)
    np.testing.assert_array_equal(y[1] - y[0], 12)
    with pytest.raises(ValueError, match="shuffle: axis must be at least -2 and below 2; got 2"):
        random.shuffle(x, axis=2)


def test_impossible_parameters():
    for call in (
        lambda: random.gamma((2,), 0.0), lambda: random.beta((2,), 1.0, -1.0), lambda: random.binomial((2,), -1, 0.5),
        lambda: random.binomial((2,), 3, 1.5),
    ):
        with pytest.raises(ValueError, match="must be"):
            call()
