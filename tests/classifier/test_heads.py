"""Fitting and applying a linear head: against the optimum that L-BFGS finds."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import minimize
from scipy.special import log_softmax, logit
from scipy.special import softmax as scipy_softmax

from classifier.heads import Examples, HeadFit, fit_head
from classifier.linear_head import LinearHead, head_features, log_odds, softmax

Array = npt.NDArray[np.float64]

N_FEATURES, N_LABELS = 12, 3


def examples_of(seed: int, spread: float = 1.0, n_songs: int = 60) -> Examples:
    """Songs of one to five segments; labels of 1:2:3; features of very different scales."""
    random = np.random.default_rng(seed)
    labels = random.choice(N_LABELS, n_songs, p=[1 / 6, 2 / 6, 3 / 6])
    labels[:N_LABELS] = range(N_LABELS)
    sizes = random.integers(1, 6, n_songs)
    centres = random.standard_normal((N_LABELS, N_FEATURES))
    targets, songs = np.repeat(labels, sizes), np.repeat(np.arange(n_songs), sizes)
    features = centres[targets] + spread * random.standard_normal((len(targets), N_FEATURES))
    scales = 10.0 ** np.linspace(-1, 2, N_FEATURES)
    return Examples(((features + 3) * scales).astype(np.float32), targets, songs)


def segment_weights(examples: Examples) -> Array:
    """A weight a segment by its definition, one by one."""
    song_label = dict(zip(examples.songs.tolist(), examples.targets.tolist(), strict=True))
    weights = np.empty(len(examples.songs))
    for i, song in enumerate(examples.songs.tolist()):
        n_segments = sum(examples.songs == song)
        n_songs = sum(label == song_label[song] for label in song_label.values())
        weights[i] = 1 / (n_segments * n_songs)
    return weights / weights.mean()


def standardised(examples: Examples) -> tuple[Array, Array, Array]:
    features = examples.features.astype(np.float64)
    centre, scale = features.mean(axis=0), features.std(axis=0)
    return (features - centre) / scale, centre, scale


def penalised_loss(
    kernel: Array, bias: Array, examples: Examples, penalty: float
) -> tuple[float, Array, Array]:
    """Weighted mean cross-entropy plus L2 penalty on standardised features, with its gradient."""
    x, _, _ = standardised(examples)
    weights = segment_weights(examples) / len(x)
    log_p = log_softmax(x @ kernel + bias, axis=1)
    l2 = penalty / (2 * len(np.unique(examples.songs)))
    loss = -(weights * log_p[np.arange(len(x)), examples.targets]).sum() + l2 * (kernel**2).sum()
    error = weights[:, None] * (np.exp(log_p) - np.eye(N_LABELS)[examples.targets])
    return loss, x.T @ error + 2 * l2 * kernel, error.sum(axis=0)


def optimum(examples: Examples, penalty: float) -> tuple[float, Array, Array]:
    def flat(parameters: Array) -> tuple[float, Array]:
        kernel, bias = parameters[N_LABELS:].reshape(N_FEATURES, N_LABELS), parameters[:N_LABELS]
        loss, d_kernel, d_bias = penalised_loss(kernel, bias, examples, penalty)
        return loss, np.concatenate([d_bias, d_kernel.ravel()])

    found = minimize(flat, np.zeros(N_LABELS * (1 + N_FEATURES)), jac=True, method="L-BFGS-B")
    return found.fun, found.x[N_LABELS:].reshape(N_FEATURES, N_LABELS), found.x[:N_LABELS]


@pytest.mark.parametrize(("penalty", "spread"), [(3.0, 1.0), (10.0, 2.0), (30.0, 3.0)])
def test_fit_reaches_the_optimum(penalty: float, spread: float) -> None:
    examples = examples_of(1, spread)
    head = fit_head(examples, N_LABELS, HeadFit("embedding", penalty))
    _, centre, scale = standardised(examples)
    kernel = head.kernel * scale[:, None]  # back to standardised features
    bias = head.bias + centre @ head.kernel
    best, best_kernel, best_bias = optimum(examples, penalty)
    found, _, _ = penalised_loss(kernel, bias, examples, penalty)
    assert best <= found + 1e-9
    assert found <= 1.02 * best
    x, _, _ = standardised(examples)
    difference = head.probabilities(np.zeros((len(x), 50)), examples.features) - scipy_softmax(
        x @ best_kernel + best_bias, axis=1
    )
    assert np.abs(difference).mean() < 0.03


def test_separable_songs_are_all_recognised() -> None:
    examples = examples_of(2, spread=0.2)
    head = fit_head(examples, N_LABELS, HeadFit("embedding", 1.0))
    found = head.probabilities(np.zeros((len(examples.targets), 50)), examples.features)
    np.testing.assert_array_equal(found.argmax(axis=1), examples.targets)


def test_folded_standardisation_is_the_unfolded_computation() -> None:
    """Whatever the head has learned, a feature's unit and origin must not matter."""
    examples = examples_of(3)
    plain = fit_head(examples, N_LABELS, HeadFit("embedding", 10.0))
    shift, unit = np.float32(7), np.float32(0.25)
    moved = Examples(examples.features * unit + shift, examples.targets, examples.songs)
    other = fit_head(moved, N_LABELS, HeadFit("embedding", 10.0))
    tags = np.zeros((len(examples.targets), 50))
    np.testing.assert_allclose(
        plain.probabilities(tags, examples.features),
        other.probabilities(tags, moved.features),
        rtol=0,
        atol=2e-3,
    )


def test_constant_feature_is_harmless() -> None:
    examples = examples_of(4)
    examples.features[:, 0] = 5.0
    head = fit_head(examples, N_LABELS, HeadFit("embedding", 10.0))
    assert np.isfinite(head.kernel).all()
    assert np.isfinite(head.bias).all()


def test_same_seed_same_head_bit_for_bit() -> None:
    examples = examples_of(5, n_songs=20)
    first, second = (fit_head(examples, N_LABELS, HeadFit("embedding", 3.0, seed=7)) for _ in range(2))
    np.testing.assert_array_equal(first.kernel, second.kernel)
    np.testing.assert_array_equal(first.bias, second.bias)
    third = fit_head(examples, N_LABELS, HeadFit("embedding", 3.0, seed=8))
    assert not np.array_equal(first.kernel, third.kernel)


def test_a_rare_label_is_as_probable_as_a_common_one_where_nothing_tells_them_apart() -> None:
    features = np.random.default_rng(0).standard_normal((100, 4)).astype(np.float32) * 1e-6
    targets = np.repeat([0, 1], [90, 10])
    head = fit_head(Examples(features, targets, np.arange(100)), 2, HeadFit("embedding", 30.0))
    found = head.probabilities(np.zeros((1, 50)), np.zeros((1, 4), np.float32))
    np.testing.assert_allclose(found, [[0.5, 0.5]], rtol=0, atol=0.05)


@given(seed=st.integers(0, 1000), n_songs=st.integers(3, 30))
def test_weights(seed: int, n_songs: int) -> None:
    examples = examples_of(seed, n_songs=n_songs)
    found = examples.weights()
    np.testing.assert_allclose(found, segment_weights(examples), rtol=1e-5)
    totals = np.bincount(examples.targets, found)
    np.testing.assert_allclose(totals, totals[0], rtol=1e-5)


# Applying a head


def test_probabilities_by_hand() -> None:
    kernel = np.array([[1.0, -1.0], [0.5, 2.0]], np.float32)
    head = LinearHead("embedding", kernel, np.array([0.1, -0.2], np.float32))
    found = head.probabilities(np.zeros((1, 50), np.float32), np.array([[2.0, 1.0]], np.float32))
    first = 1 / (1 + np.exp(-0.2 - 2.6))  # logits 2.6 and −0.2
    np.testing.assert_allclose(found, [[first, 1 - first]], rtol=1e-6)


def test_a_head_reads_what_it_was_made_for() -> None:
    random = np.random.default_rng(0)
    tags = random.uniform(0, 1, (4, 50)).astype(np.float32)
    embeddings = random.standard_normal((4, 200)).astype(np.float32)
    np.testing.assert_array_equal(head_features("embedding", tags, embeddings), embeddings)
    np.testing.assert_array_equal(head_features("tags", tags, embeddings), log_odds(tags))
    head = LinearHead("tags", random.standard_normal((50, 3)).astype(np.float32), np.zeros(3, np.float32))
    wanted = scipy_softmax(logit(np.clip(tags.astype(float), 0.001, 0.999)) @ head.kernel, axis=1)
    np.testing.assert_allclose(head.probabilities(tags, embeddings), wanted, rtol=0, atol=1e-4)


@given(hnp.arrays(np.float32, (3, 5), elements=st.floats(0, 1, width=32)))
def test_log_odds_are_finite_and_scipys(probabilities: npt.NDArray[np.float32]) -> None:
    wanted = logit(np.clip(probabilities.astype(np.float64), 0.001, 0.999))
    np.testing.assert_allclose(log_odds(probabilities), wanted, rtol=0, atol=1e-3)


@given(hnp.arrays(np.float32, (3, 5), elements=st.floats(-1000, 1000, width=32)))
def test_softmax_is_scipys_even_for_large_logits(logits: npt.NDArray[np.float32]) -> None:
    found = softmax(logits)
    np.testing.assert_allclose(found, scipy_softmax(logits.astype(np.float64), axis=1), rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
