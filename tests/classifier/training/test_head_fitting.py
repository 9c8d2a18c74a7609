"""Fitting and applying a linear head: against an optimum found elsewhere, and scikit-learn's discriminant."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import minimize
from scipy.special import log_softmax, logit
from scipy.special import softmax as scipy_softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from classifier.datasets.examples import Examples
from classifier.datasets.examples import examples_of as examples_from
from classifier.datasets.folds import assign_folds
from classifier.datasets.songs import TrunkSong
from classifier.model.inference import Trunk
from classifier.model.linear_head import LinearHead, head_features, log_odds, softmax
from classifier.training import head_fitting
from classifier.training.head_fitting import HeadFit, fit_head, splits

Array = npt.NDArray[np.float64]

N_FEATURES, N_LABELS = 12, 3
# A busy machine must not fail a test of values.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)


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


def choose(songs: Sequence[TrunkSong], labels: Sequence[str]) -> HeadFit:
    return head_fitting.choose_fit(songs, examples_from(songs, labels, "embedding"), len(labels))


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

    options = {"maxiter": 5000, "gtol": 1e-9, "ftol": 1e-15}
    start = np.zeros(N_LABELS * (1 + N_FEATURES))
    found = minimize(flat, start, jac=True, method="L-BFGS-B", options=options)
    return found.fun, found.x[N_LABELS:].reshape(N_FEATURES, N_LABELS), found.x[:N_LABELS]


def scores(head: LinearHead, features: npt.NDArray[np.float32]) -> Array:
    return features.astype(np.float64) @ head.kernel + head.bias


@pytest.mark.parametrize(("penalty", "spread"), [(0.1, 2.0), (3.0, 1.0), (10.0, 2.0), (300.0, 3.0)])
def test_fit_reaches_the_optimum(penalty: float, spread: float) -> None:
    examples = examples_of(1, spread)
    head = fit_head(examples, N_LABELS, HeadFit("embedding", penalty))
    x, centre, scale = standardised(examples)
    kernel = head.kernel * scale[:, None]  # back to standardised features
    best, best_kernel, best_bias = optimum(examples, penalty)
    found, _, _ = penalised_loss(kernel, head.bias + centre @ head.kernel, examples, penalty)
    assert best - 1e-9 <= found <= best + 1e-4
    wanted = scipy_softmax(x @ best_kernel + best_bias, axis=1)
    np.testing.assert_allclose(softmax(scores(head, examples.features)), wanted, rtol=0, atol=0.005)


def test_two_labels_have_the_same_penalty_as_more() -> None:
    """With two labels scikit-learn fits one column; ours are two, whose squares are both penalised."""
    random = np.random.default_rng(3)
    features = random.standard_normal((40, 3)).astype(np.float32)
    targets = (features[:, 0] + random.standard_normal(40) > 0).astype(np.int64)
    examples = Examples(features, targets, np.arange(40))
    head = fit_head(examples, 2, HeadFit("embedding", 5.0))
    x, _, _ = standardised(examples)
    weights = segment_weights(examples) / 40

    def loss(parameters: Array) -> float:
        log_p = log_softmax(x @ parameters[2:].reshape(3, 2) + parameters[:2], axis=1)
        return -(weights * log_p[np.arange(40), targets]).sum() + 5.0 / 80 * (parameters[2:] ** 2).sum()

    best = minimize(loss, np.zeros(8), tol=1e-10).x
    wanted = scipy_softmax(x @ best[2:].reshape(3, 2) + best[:2], axis=1)
    np.testing.assert_allclose(softmax(scores(head, features)), wanted, rtol=0, atol=1e-3)


def discriminant_alone(
    examples: Examples, shrinkage: float, n_labels: int = N_LABELS
) -> Callable[..., Array]:
    """The discriminant's scores: those of a blend less those of softmax regression."""
    plain = fit_head(examples, n_labels, HeadFit("embedding", 10.0))
    blend = fit_head(examples, n_labels, HeadFit("embedding", 10.0, shrinkage, blend=2.0))
    return lambda features: (scores(blend, features) - scores(plain, features)) / 2


@pytest.mark.parametrize("shrinkage", [0.05, 0.5, 1.0])
def test_discriminant_is_scikit_learns_on_song_means(shrinkage: float) -> None:
    examples = examples_of(6, 2.0)
    songs = np.unique(examples.songs)
    means = np.stack([examples.features[examples.songs == s].mean(axis=0) for s in songs]).astype(np.float64)
    truth = np.array([examples.targets[examples.songs == s][0] for s in songs])
    weights = np.array([1 / (truth == label).sum() for label in truth])
    centre = np.average(means, axis=0, weights=weights)
    scale = np.sqrt(np.average((means - centre) ** 2, axis=0, weights=weights))
    reference = LinearDiscriminantAnalysis(
        solver="lsqr", shrinkage=shrinkage, priors=np.full(N_LABELS, 1 / N_LABELS)
    ).fit((means - centre) / scale, truth)
    wanted = reference.decision_function((means - centre) / scale) + np.log(N_LABELS)
    found = discriminant_alone(examples, shrinkage)(means.astype(np.float32))
    np.testing.assert_allclose(found, wanted, rtol=1e-2, atol=1e-2)


def test_separable_songs_are_all_recognised() -> None:
    examples = examples_of(2, spread=0.2)
    for fit in (HeadFit("embedding", 1.0), HeadFit("embedding", 1.0, 0.5, blend=1.0)):
        head = fit_head(examples, N_LABELS, fit)
        np.testing.assert_array_equal(scores(head, examples.features).argmax(axis=1), examples.targets)


@pytest.mark.parametrize("fit", [HeadFit("embedding", 10.0), HeadFit("embedding", 10.0, 0.3, 0.5)])
def test_folded_standardisation_is_the_unfolded_computation(fit: HeadFit) -> None:
    """Whatever the head has learned, a feature's unit and origin must not matter."""
    examples = examples_of(3)
    plain = fit_head(examples, N_LABELS, fit)
    shift, unit = np.float32(7), np.float32(0.25)
    moved = Examples(examples.features * unit + shift, examples.targets, examples.songs)
    other = fit_head(moved, N_LABELS, fit)
    np.testing.assert_allclose(
        softmax(scores(plain, examples.features)), softmax(scores(other, moved.features)), rtol=0, atol=2e-3
    )


def test_constant_feature_is_harmless() -> None:
    examples = examples_of(4)
    examples.features[:, 0] = 5.0
    head = fit_head(examples, N_LABELS, HeadFit("embedding", 10.0, 0.2, 1.0))
    assert np.isfinite(head.kernel).all()
    assert np.isfinite(head.bias).all()


def test_the_same_songs_give_the_same_head_bit_for_bit() -> None:
    examples = examples_of(5, n_songs=20)
    first, second = (fit_head(examples, N_LABELS, HeadFit("embedding", 3.0, 0.2, 0.7)) for _ in range(2))
    np.testing.assert_array_equal(first.kernel, second.kernel)
    np.testing.assert_array_equal(first.bias, second.bias)


def test_a_label_without_songs_is_impossible_and_leaves_the_others_alone() -> None:
    examples = examples_of(7)
    wider = Examples(examples.features, np.where(examples.targets == 2, 3, examples.targets), examples.songs)
    for fit in (HeadFit("embedding", 3.0), HeadFit("embedding", 3.0, 0.2, 1.0)):
        dense = softmax(scores(fit_head(examples, N_LABELS, fit), examples.features))
        found = softmax(scores(fit_head(wider, 4, fit), examples.features))
        assert (found[:, 2] == 0).all()
        np.testing.assert_allclose(found[:, [0, 1, 3]], dense, rtol=0, atol=1e-6)


def test_emphasis_moves_weight_between_the_segments_of_a_song_only() -> None:
    examples = examples_of(8, n_songs=12)
    emphasis = np.random.default_rng(0).uniform(0.1, 3, len(examples.songs)).astype(np.float32)
    found = Examples(examples.features, examples.targets, examples.songs, emphasis).weights()
    np.testing.assert_allclose(
        np.bincount(examples.songs, found), np.bincount(examples.songs, examples.weights()), rtol=1e-5
    )
    in_first = examples.songs == 0
    np.testing.assert_allclose(found[in_first] / found[0], emphasis[in_first] / emphasis[0], rtol=1e-5)


# Choosing how to fit


def song(label: str, name: str, group: str | None, embedding: Array) -> TrunkSong:
    segments = np.asarray(embedding, np.float32).reshape(1, -1)
    return TrunkSong(name, label, group, segments, np.full((1, 50), 0.5, np.float32), [30.0])


def noisy_songs(noise: float, groups: Sequence[str | None], seed: int = 0) -> list[TrunkSong]:
    """Two labels, a group a song, told apart by one feature of 20 and by their group's own sound."""
    random = np.random.default_rng(seed)
    sound = {group: 3 * random.standard_normal(20) for group in sorted({g for g in groups if g})}
    made = []
    for number, group in enumerate(groups):
        label = number % 2
        x = noise * random.standard_normal(20) + (sound[group] if group else 0)
        x[0] += 2 * label
        made.append(song("ab"[label], f"{number:03d}", group and f"{group}{label}", x))
    return made


def test_the_noisier_the_songs_the_stronger_the_penalty() -> None:
    nobody: list[str | None] = [None] * 60
    clear = choose(noisy_songs(0.3, nobody), ["a", "b"])
    noisy = choose(noisy_songs(4.0, nobody), ["a", "b"])
    assert clear.penalty < noisy.penalty
    assert clear.blend > 0


def test_songs_of_a_group_are_held_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[set[str], set[str]]] = []
    songs = noisy_songs(1.0, [f"g{i // 6}" for i in range(48)] + [None] * 12)
    real = head_fitting.splits

    def watch(targets: npt.NDArray[np.int64], folds: npt.NDArray[np.int64]) -> object:
        found = real(targets, folds)
        for inside, tested in found:
            names = [
                {s.group or s.name for s, c in zip(songs, chosen, strict=True) if c}
                for chosen in (inside, tested)
            ]
            seen.append((names[0], names[1]))
        return found

    monkeypatch.setattr(head_fitting, "splits", watch)
    choose(songs, ["a", "b"])
    assert len(seen) == 5
    assert all(not inside & tested for inside, tested in seen)
    assert set.union(*(tested for _, tested in seen)) == {s.group or s.name for s in songs}


def test_blend_is_the_ratio_at_which_both_are_as_sure_as_they_should_be() -> None:
    """At the chosen blend neither of the two drowns the other: their scores spread alike."""
    songs = noisy_songs(2.0, [None] * 200)
    fit = choose(songs, ["a", "b"])
    examples = examples_from(songs, ["a", "b"], "embedding")
    plain = scores(fit_head(examples, 2, HeadFit("embedding", fit.penalty)), examples.features)
    whole = fit.temperature * scores(fit_head(examples, 2, fit), examples.features)
    spread = [np.diff(s, axis=1).std() for s in (plain, whole - plain)]
    assert 0.5 < spread[0] / spread[1] < 2


def test_the_chosen_head_is_about_as_sure_as_it_should_be() -> None:
    """Even where a strong penalty alone would make it hardly say more than that all labels are alike."""
    songs = noisy_songs(3.0, [None] * 160, seed=1)
    fit = choose(songs[:80], ["a", "b"])
    head = fit_head(examples_from(songs[:80], ["a", "b"], "embedding"), 2, fit)
    new = examples_from(noisy_songs(3.0, [None] * 800, seed=2), ["a", "b"], "embedding")
    said = softmax(scores(head, new.features).astype(np.float32))
    confidence, accuracy = said.max(axis=1).mean(), (said.argmax(axis=1) == new.targets).mean()
    assert confidence == pytest.approx(accuracy, abs=0.1)


def test_nothing_to_hold_out_gives_the_default() -> None:
    one_artist = [song("ab"[i % 2], str(i), "she", np.eye(4)[i % 4]) for i in range(8)]
    assert choose(one_artist, ["a", "b"]) == HeadFit("embedding")
    an_artist_each = [song("ab"[i % 2], str(i), "ab"[i % 2], np.eye(4)[i % 4]) for i in range(8)]
    assert choose(an_artist_each, ["a", "b"]) == HeadFit("embedding")


def test_splits_leave_out_what_was_not_learned() -> None:
    targets, folds = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 0])
    found = splits(targets, folds)
    np.testing.assert_array_equal(found[0][0], [False, True, False, True, False])
    np.testing.assert_array_equal(found[0][1], [True, False, True, False, False])  # 2 was not learned
    np.testing.assert_array_equal(found[1][1], [False, True, False, True, False])


@pytest.mark.shared
def test_sixty_clips_in_three_blocks(trunk: Trunk, shared: Path) -> None:
    """Issue 3: at least 0.85 with everything chosen inside the training songs."""
    songs = []
    for path in sorted((shared / "data" / "gtzan60").glob("*/*.flac")):
        tags, embeddings, durations_s = trunk.analyse_file(path).features()
        songs.append(TrunkSong(path.name, path.parent.name, None, embeddings, tags, durations_s))
    labels = sorted({s.label for s in songs})
    folds = assign_folds([s.label for s in songs], [None] * 60, [s.name for s in songs], 3)
    right = 0
    for fold in range(3):
        inside = [s for s, f in zip(songs, folds, strict=True) if f != fold]
        head = fit_head(examples_from(inside, labels, "embedding"), 10, choose(inside, labels))
        outside = [s for s, f in zip(songs, folds, strict=True) if f == fold]
        right += sum(
            labels[int(scores(head, s.embeddings).mean(axis=0).argmax())] == s.label for s in outside
        )
    assert right >= 51


def test_a_rare_label_is_as_probable_as_a_common_one_where_nothing_tells_them_apart() -> None:
    features = np.random.default_rng(0).standard_normal((100, 4)).astype(np.float32) * 1e-6
    targets = np.repeat([0, 1], [90, 10])
    head = fit_head(Examples(features, targets, np.arange(100)), 2, HeadFit("embedding", 30.0))
    found = head.probabilities(np.zeros((1, 50)), np.zeros((1, 4), np.float32))
    np.testing.assert_allclose(found, [[0.5, 0.5]], rtol=0, atol=0.05)


@PATIENT
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


@PATIENT
@given(hnp.arrays(np.float32, (3, 5), elements=st.floats(0, 1, width=32)))
def test_log_odds_are_finite_and_scipys(probabilities: npt.NDArray[np.float32]) -> None:
    wanted = logit(np.clip(probabilities.astype(np.float64), 0.001, 0.999))
    np.testing.assert_allclose(log_odds(probabilities), wanted, rtol=0, atol=1e-3)


@PATIENT
@given(hnp.arrays(np.float32, (3, 5), elements=st.floats(-1000, 1000, width=32)))
def test_softmax_is_scipys_even_for_large_logits(logits: npt.NDArray[np.float32]) -> None:
    found = softmax(logits)
    np.testing.assert_allclose(found, scipy_softmax(logits.astype(np.float64), axis=1), rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
