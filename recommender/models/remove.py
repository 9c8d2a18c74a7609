"""Take a model out of a home, and what its network says of the tracks out of the catalogue."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from classifier.errors import in_words
from classifier.model.write import PART
from db.session import Catalog
from db.sound.features import drop_features
from recommender.bundles import SHIPPED_NAME
from recommender.errors import RecommenderError
from recommender.home import Home
from recommender.models.listing import bundle_name, models


@dataclass(frozen=True)
class RemovedModel:
    """What was removed: a bundle, and of how many segments what its network said."""

    name: str
    bundle_id: str
    segments: int


def remove_model(home: Home, catalog: Catalog | None, name: str) -> RemovedModel:
    """Remove a model; the home's writer lock is held.

    What its network says of segments goes too, unless another model of the home has the same network, or
    the catalogue is on a server, where another home may need it.

    Raises
    ------
    RecommenderError
        If there is none of this name, it is the shipped one or in use, or it cannot be removed.
    """
    bundle_id = bundle_name(home, name)
    rows = {row.bundle_id: row for row in models(home, None)}
    row = rows[bundle_id] if bundle_id != SHIPPED_NAME else None
    if row is None or row.kind == SHIPPED_NAME:
        raise RecommenderError("the shipped model comes with deepcuts, and stays")
    if row.active:
        raise RecommenderError(f"{name} is in use; choose another first: deepcuts model use {SHIPPED_NAME}")
    shared = any(o.trunk_id == row.trunk_id for o in rows.values() if o.bundle_id != bundle_id)
    _remove_folder(home.bundles_dir / bundle_id)
    segments = 0
    if catalog is not None and not catalog.on_server and not shared and row.trunk_id:
        with catalog.transaction() as session:
            segments = drop_features(session, row.trunk_id)
    return RemovedModel(row.name, bundle_id, segments)


def _remove_folder(folder: Path) -> None:
    """Remove a bundle's folder, at once for whoever looks for it; what is left of it is swept later."""
    try:
        away = Path(tempfile.mkdtemp(prefix=PART, dir=folder.parent))
        os.replace(folder, away)
    except OSError as error:
        raise RecommenderError(f"{folder} cannot be removed: {in_words(error)}") from error
    shutil.rmtree(away, ignore_errors=True)
