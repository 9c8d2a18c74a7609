"""The models that a home can use: the shipped one, those that were brought, those that were trained here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from classifier.errors import BundleError
from classifier.model import bundle as bundles
from classifier.model.bundle_values import is_bundle_id
from db.session import Catalog
from db.sound.features import tracks_with_features
from recommender.bundles import SHIPPED_NAME
from recommender.errors import RecommenderError
from recommender.home import Home

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
BROUGHT: Final = "brought"
TRAINED: Final = "trained"


@dataclass(frozen=True)
class ModelRow:
    """A model that can be used.

    Attributes
    ----------
    name
        What `model use` calls it.
    kind
        ``shipped``, ``brought``, or ``trained`` here.
    active
        Whether it is in use.
    genres, tags, dimensions
        How many it knows, and of its embedding.
    tracks
        How many tracks of the catalogue its network has analysed.
    licence, level
        Of a model that was brought, and at what level it gets the sound; None of others.
    calibrated, tells_not_music
        Whether its probabilities were calibrated on songs held out, and whether it knows what is not music.
    fault
        Why it cannot be used; None where nothing is wrong with it.
    """

    name: str
    kind: str
    bundle_id: str
    trunk_id: str
    active: bool
    genres: int
    tags: int
    dimensions: int
    tracks: int
    licence: str | None = None
    level: str | None = None
    calibrated: bool = True
    tells_not_music: bool = True
    fault: str | None = None


def models(home: Home, catalog: Catalog | None) -> list[ModelRow]:
    """Return the models of a home, the shipped one first, then by name."""
    shipped = bundles.read_description(bundles.SHIPPED)
    try:
        active = home.bundle().bundle_id
    except BundleError:
        active = ""
    found = [_row(SHIPPED_NAME, SHIPPED_NAME, shipped, active, catalog)]
    rows = []
    for folder, described in _descriptions(home):
        if isinstance(described, str):
            rows.append(ModelRow(folder, TRAINED, folder, "", folder == active, 0, 0, 0, 0, fault=described))
            continue
        name = _name(described)
        kind = BROUGHT if name is not None else TRAINED
        try:
            rows.append(_row(name or folder, kind, described, active, catalog))
        except (TypeError, ValueError):
            told = "it says something impossible of itself"
            rows.append(ModelRow(folder, TRAINED, folder, "", folder == active, 0, 0, 0, 0, fault=told))
    return found + sorted(rows, key=lambda row: row.name)


def named_bundles(home: Home) -> dict[str, str]:
    """Return the id of the bundle of each model that was brought, by what it is called."""
    named = {}
    for folder, described in _descriptions(home):
        name = None if isinstance(described, str) else _name(described)
        if name is not None:
            named[name] = folder
    return named


def bundle_name(home: Home, name: str) -> str:
    """Return a model's name as `Home.find_bundle` takes it: ``shipped``, or the id of a bundle.

    Raises
    ------
    RecommenderError
        If there is no model of this name.
    """
    if name == SHIPPED_NAME:
        return name
    named = named_bundles(home)
    ids = {folder for folder, _ in _descriptions(home)}
    if name in named or name in ids:
        return named.get(name, name)
    if name == bundles.read_description(bundles.SHIPPED)["bundle_id"]:
        return SHIPPED_NAME
    others = ", ".join([SHIPPED_NAME, *sorted({*named, *(ids - set(named.values()))})])
    raise RecommenderError(f"no model '{name}'; there are: {others}")


def _descriptions(home: Home) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """Yield the id of each bundle in a home with what it says of itself, or why it says nothing."""
    for folder in sorted(home.bundles_dir.glob("bundle-*")):
        if is_bundle_id(folder.name):
            try:
                yield folder.name, bundles.read_description(folder)
            except BundleError as error:
                yield folder.name, str(error)


def _model(described: dict[str, Any]) -> dict[str, Any]:
    """Return what a bundle keeps of the model that it was brought as; nothing of any other."""
    training = described.get("training")
    model = training.get("model") if isinstance(training, dict) else None
    name = model.get("name") if isinstance(model, dict) else None
    return model if isinstance(model, dict) and isinstance(name, str) and NAME.fullmatch(name) else {}


def _name(described: dict[str, Any]) -> str | None:
    name: str | None = _model(described).get("name")
    return name


def _row(name: str, kind: str, described: dict[str, Any], active: str, catalog: Catalog | None) -> ModelRow:
    model, trunk_id = _model(described), str(described.get("trunk_id"))
    parts = [model, *(model["heads"] if isinstance(model.get("heads"), list) else [])]
    known = described.get("calibration") or {}
    licences = dict.fromkeys(str(p["licence"]) for p in parts if isinstance(p, dict) and "licence" in p)
    return ModelRow(
        name=name,
        kind=kind,
        bundle_id=str(described.get("bundle_id")),
        trunk_id=trunk_id,
        active=described.get("bundle_id") == active,
        genres=len(described.get("labels", ())),
        tags=len(described.get("tag_names", ())),
        dimensions=int(described.get("embedding_size", 0)),
        tracks=_tracks(catalog, trunk_id),
        licence="; ".join(licences) or None,
        level=str(model["level"]) if "level" in model else None,
        calibrated=bool(known.get("least_confidence")),
        tells_not_music=known.get("not_music_offset") is not None,
    )


def _tracks(catalog: Catalog | None, trunk_id: str) -> int:
    if catalog is None:
        return 0
    with catalog.transaction() as session:
        return len(tracks_with_features(session, trunk_id))
