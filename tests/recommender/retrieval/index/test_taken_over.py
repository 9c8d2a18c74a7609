"""The index of another home: copied where it is nearer to the catalogue, and never half."""

from dataclasses import replace
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal

from db.session import Catalog
from db.sound.features import vectors_token
from recommender.retrieval.index import taken_over
from recommender.retrieval.index.files import Sidecar, read_sidecar
from recommender.retrieval.index.store import open_index
from recommender.retrieval.index.taken_over import take_over
from tests.db.rows import TRUNK
from tests.recommender.retrieval.index.index_truth import add_tracks


def token_of(catalog: Catalog) -> str | None:
    with catalog.transaction() as session:
        return vectors_token(session)


def described(folder: Path) -> Sidecar:
    found = read_sidecar(folder)
    assert found is not None
    return found


def test_it_is_the_same_index(catalog: Catalog, tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    made, _ = open_index(catalog, there, TRUNK)
    assert take_over(there, here, TRUNK, token_of(catalog))
    assert described(here) == described(there)
    copied, remark = open_index(catalog, here, TRUNK)
    assert remark is None, "it was built again"
    assert_array_equal(copied.vectors, made.vectors)
    assert not take_over(there, here, TRUNK, token_of(catalog)), "once is enough"


def test_the_nearer_one_is_kept(catalog: Catalog, tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    open_index(catalog, there, TRUNK)
    old = described(there)
    add_tracks(catalog, 3)
    open_index(catalog, here, TRUNK)
    new = described(here)
    assert new.tracks == old.tracks + 3
    assert not take_over(there, here, TRUNK, token_of(catalog)), "an older one took the place of a newer one"
    assert described(here) == new
    assert take_over(here, there, TRUNK, token_of(catalog))
    assert described(there) == new


def test_one_that_grows_is_taken_over_before_it_is_complete(catalog: Catalog, tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    open_index(catalog, here, TRUNK)
    add_tracks(catalog, 3)
    open_index(catalog, there, TRUNK)
    add_tracks(catalog, 2)
    assert take_over(there, here, TRUNK, token_of(catalog))
    assert described(here).tracks == described(there).tracks
    assert not take_over(there, here, TRUNK, token_of(catalog)), "and once"


def test_of_another_trunk_or_of_none_nothing_is_taken(catalog: Catalog, tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    open_index(catalog, there, TRUNK)
    assert not take_over(there, here, "another", token_of(catalog))
    assert not take_over(tmp_path / "not mounted", here, TRUNK, token_of(catalog))
    assert not here.exists()


def test_a_damaged_copy_is_not_published(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    open_index(catalog, there, TRUNK)

    def torn(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:-1])

    with monkeypatch.context() as patch:
        patch.setattr(taken_over.shutil, "copyfile", torn)
        assert not take_over(there, here, TRUNK, token_of(catalog))
    assert list(here.iterdir()) == []
    assert take_over(there, here, TRUNK, token_of(catalog))


def test_files_that_are_gone_meanwhile_are_an_error_and_leave_nothing(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    open_index(catalog, there, TRUNK)
    gone = replace(described(there), fingerprint="gone")
    monkeypatch.setattr(taken_over, "read_sidecar", lambda folder: gone if folder == there else None)
    with pytest.raises(OSError):
        take_over(there, here, TRUNK, token_of(catalog))
    assert list(here.iterdir()) == []
