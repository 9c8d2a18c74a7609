"""What the active bundle says of the segments that are analysed already: rows, written without any audio."""

from classifier.model.bundle import Bundle
from db.session import Catalog
from db.sound.predictions import (
    add_predictions,
    bundles_of_all,
    drop_other_predictions,
    features_without_predictions,
)


def renew_predictions(catalog: Catalog, bundle: Bundle) -> int:
    """Give the segments of a catalogue that another version wrote this bundle's predictions; return how many.

    Those of bundles that no home needs are dropped once the new ones are stored.
    """
    predicted = predict_catalog(catalog, bundle)
    if predicted:
        drop_old_predictions(catalog, bundle)
    return predicted


def predict_catalog(catalog: Catalog, bundle: Bundle) -> int:
    """Give every analysed segment the bundle's predictions; return how many lacked them."""
    predicted = 0
    while True:
        with catalog.transaction() as session:
            batch = features_without_predictions(session, bundle.trunk_id, bundle.bundle_id)
            if batch is None:
                return predicted
            segment_ids, tags, embeddings = batch
            genres = bundle.genres(tags, embeddings)
            add_predictions(session, bundle.bundle_id, segment_ids, genres)
            predicted += len(segment_ids)


def drop_old_predictions(catalog: Catalog, bundle: Bundle) -> None:
    """Drop the predictions of all bundles but this one and those that other homes on the server need."""
    with catalog.transaction() as session:
        drop_other_predictions(session, {bundle.bundle_id, *bundles_of_all(session)})
