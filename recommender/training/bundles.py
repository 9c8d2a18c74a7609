"""Bundles in use: the one that training begins with, and the active one with its rows in the catalogue."""

from contextlib import suppress

from classifier.errors import BundleError
from classifier.model import bundle as bundles
from classifier.model.bundle import Bundle
from classifier.model.onnx_trunk import is_onnx
from db.session import Catalog
from db.sound.features import tracks_with_features
from db.tracks import present
from recommender.home import Home
from recommender.library.predictions import drop_old_predictions, predict_catalog


def base_bundle(home: Home | None = None) -> Bundle:
    """Return the bundle whose pretrained trunk heads are trained on, and tuned networks begin with.

    It is the shipped one whatever is active: a trunk tuned on some songs has seen those that would
    be held out.

    Parameters
    ----------
    home
        Where a network that was brought is in use, alone or with a head trained on it, heads are trained on
        that one. None for networks, which begin with what Keras can build.
    """
    if home is not None:
        with suppress(BundleError):  # one that cannot be used is no reason not to train another
            active = home.bundle()
            if is_onnx(active.architecture):
                return active
    return bundles.load(bundles.SHIPPED)


def use_bundle(home: Home, chosen: Bundle) -> tuple[int, int]:
    """Make a bundle the active one; return how many segments got its genres, and how many tracks wait."""
    catalog = home.catalog_if_any()
    return switch_bundle(home, catalog, chosen), waiting_tracks(catalog, chosen)


def switch_bundle(home: Home, catalog: Catalog | None, chosen: Bundle) -> int:
    """Make a bundle the active one, its predictions first, and return how many segments got new ones.

    The old predictions are dropped only once the new ones are stored and the bundle is active. Those that
    another home on the same server needs are kept, if it ever ingested or chose a bundle: one that only
    reads is not known there.
    """
    if catalog is None:
        home.activate(chosen)
        return 0
    home.note_bundle(catalog, chosen.bundle_id, replaces=False)
    predicted = predict_catalog(catalog, chosen)
    home.activate(chosen)
    home.note_bundle(catalog, chosen.bundle_id)
    drop_old_predictions(catalog, chosen)
    return predicted


def waiting_tracks(catalog: Catalog | None, chosen: Bundle) -> int:
    """Return how many of the catalogue's tracks a bundle's trunk has not analysed."""
    if catalog is None:
        return 0
    with catalog.transaction() as session:
        analysed = tracks_with_features(session, chosen.trunk_id)
        return sum(t.error_kind is None and t.id not in analysed for t in present(session))
