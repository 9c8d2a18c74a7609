"""A home of the version before, whose bundle was of format 2, opens, and is predicted anew from its rows."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.model import bundle
from classifier.model.bundle import Bundle
from recommender.describe import sound_of
from recommender.file_tags.read import read_tags
from recommender.retrieval.sound_filters import song_genres
from recommender.tagging import targets
from tests.databases import open_catalog
from tests.recommender import sounds
from tests.recommender.support import SONGS, Library, counts, query

OLDER = Path(__file__).parents[1] / "data" / "bundle_format_2"
"""What that version shipped, but for the trunk, which is the same."""
GTZAN = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")


@pytest.fixture
def older(tmp_path: Path) -> Bundle:
    folder = shutil.copytree(OLDER, tmp_path / "older")
    for name in bundle.TRUNK_FILES:
        shutil.copyfile(bundle.SHIPPED / name, folder / name)
    return bundle.load(folder)


def set_predictions(home: Path, of: Bundle) -> None:
    """Store a bundle's predictions of all segments, and nobody else's."""
    query(home, "DELETE FROM prediction")
    for segment_id, tags, embedding in query(home, "SELECT segment_id, tags, embedding FROM feature"):
        read = (np.frombuffer(raw, "<f4")[None] for raw in (tags, embedding))
        genres = of.genres(*read)[0].astype("<f4").tobytes()
        query(home, "INSERT INTO prediction VALUES (?, ?, ?)", segment_id, of.bundle_id, genres)


def predictions(home: Path) -> dict[tuple[int, str], Any]:
    rows = query(home, "SELECT segment_id, bundle_id, genres FROM prediction")
    return {(row[0], row[1]): np.frombuffer(row[2], "<f4") for row in rows}


def test_a_bundle_of_format_2_opens_and_judges(older: Bundle, shipped: Bundle) -> None:
    assert (older.bundle_id, older.trunk_id) == ("bundle-5fbd46ddd7bdf7d1", shipped.trunk_id)
    assert older.labels == GTZAN
    assert older.calibration is not None
    assert older.calibration.detector is None
    familiar = older.calibration.familiarity
    assert familiar is not None
    quiet = np.zeros((1, 200), np.float32)
    sound = sound_of(older, np.full((1, 50), 0.02, np.float32), quiet, [30.0])
    assert (familiar.distance(quiet)[0] > 1) == (sound.unknown is not None)
    assert sum(p for path, p in sound.nodes.items() if "/" not in path) == pytest.approx(1)
    assert {"electronic", "folk", "soul"} <= set(sound.nodes), "which its tags alone tell"


@pytest.mark.databases("sqlite", "postgresql")
def test_its_home_gets_new_predictions_without_its_audio(
    ingested: Library, older: Bundle, shipped: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = ingested.clone(tmp_path / "home")
    own = {name: [genre] if genre else [] for name, (_, _, _, genre) in SONGS.items()}
    with monkeypatch.context() as patch:
        patch.setattr(targets, "track_sounds", sounds.sounds(lambda _track_id: sounds.sound()))
        assert library.run("tag", "--write", "--overwrite").code == 0
    assert {name: read_tags(library.music / name).genres for name in SONGS} == {
        name: ["Rock"] for name in SONGS
    }
    heard, now = library.similar("Alpha Rising"), predictions(library.home)

    set_predictions(library.home, older)
    away = library.music.rename(tmp_path / "away")
    assert library.similar("Alpha Rising") == heard
    assert {bundle_id for _, bundle_id in predictions(library.home)} == {older.bundle_id}

    catalog = open_catalog(library.home / "catalog.sqlite")
    with catalog.transaction() as session:
        ids = np.array(sorted(row["id"] for row in query(library.home, "SELECT id FROM track")))
        computed = song_genres(session, shipped, ids)
    away.rename(library.music)
    assert counts(library.ingest()) == {"found": len(SONGS), "unchanged": len(SONGS)}
    then = predictions(library.home)
    assert then.keys() == now.keys()
    for key, genres in now.items():
        np.testing.assert_allclose(then[key], genres, atol=1e-6)
    with catalog.transaction() as session:
        np.testing.assert_allclose(song_genres(session, shipped, ids), computed, atol=1e-6)
    catalog.close()
    assert computed.sum(axis=1) == pytest.approx(1, abs=1e-5)

    assert library.run("tag", "--undo").code == 0
    assert {name: read_tags(library.music / name).genres for name in SONGS} == own
