"""Lists that go out: in place, one a name, none over another's work, and finished where they were begun."""

import pytest

from db.session import Catalog
from recommender.connections.pushing import PushedList, SongList, push
from recommender.connections.taking import take_in
from recommender.connections.values import plain_name
from recommender.errors import ConnectionFailedError
from tests.recommender.connections.fakes import SONGS, FakeRemote, fill, song


@pytest.fixture
def ids(catalog: Catalog) -> dict[str, int]:
    """The four songs, each known to the server."""
    found = fill(catalog)
    take_in(catalog, "nas", map(song, SONGS))
    return found


def pushed(catalog: Catalog, remote: FakeRemote, *lists: SongList, replace: bool = False) -> list[PushedList]:
    return push(catalog, "nas", remote, lists, replace=replace).playlists


def test_two_lists_of_one_name_are_both_left_and_said(catalog: Catalog, ids: dict[str, int]) -> None:
    remote = FakeRemote()
    names = ("Evening", "evening", "A/B", "A_B", "Other")
    lists = [SongList(name, (ids[one],)) for name, one in zip(names, (*SONGS, "a"), strict=True)]
    for _ in range(2):
        found = pushed(catalog, remote, *lists)
        assert [one.outcome for one in found[:4]] == ["refused"] * 4
        assert "2 playlists here" in found[0].reason
    assert remote.lists == {"l0": ("Other", ["ra"])}


def test_what_the_server_refuses_is_said_and_the_others_are_written(
    catalog: Catalog, ids: dict[str, int]
) -> None:
    remote = FakeRemote(refuses=("Two",))
    lists = [SongList(name, (ids["a"],)) for name in ("One", "Two", "Three")]
    assert [(one.outcome, one.reason) for one in pushed(catalog, remote, *lists)] == [
        ("made", ""),
        ("refused", "not this one"),
        ("made", ""),
    ]


def test_a_list_that_was_cut_off_in_the_middle_is_finished(catalog: Catalog, ids: dict[str, int]) -> None:
    remote = FakeRemote()
    pushed(catalog, remote, SongList("Evening", (ids["a"], ids["b"])))
    remote.dies_in = "Evening"
    wanted = SongList("Evening", (ids["c"], ids["d"]))
    with pytest.raises(ConnectionFailedError):
        pushed(catalog, remote, wanted)
    remote.dies_in = ""
    assert [one.outcome for one in pushed(catalog, remote, wanted)] == ["updated"]
    assert remote.lists == {"l0": ("Evening", ["rc", "rd"])}
    remote.lists["l0"][1].append("ra")  # somebody's change is still left alone
    assert [one.outcome for one in pushed(catalog, remote, wanted)] == ["refused"]


def test_a_list_that_is_gone_there_is_made_anew(catalog: Catalog, ids: dict[str, int]) -> None:
    remote, wanted = FakeRemote(), SongList("Evening", (ids["a"],))
    pushed(catalog, remote, wanted)
    remote.lists.clear()
    assert [one.outcome for one in pushed(catalog, remote, wanted)] == ["made"]
    assert [one.outcome for one in pushed(catalog, remote, wanted)] == ["unchanged"]


def test_anothers_list_of_the_name_is_left_and_ours_made_beside_it(
    catalog: Catalog, ids: dict[str, int]
) -> None:
    remote = FakeRemote({"theirs": ("Evening", ["rd"])}, {"theirs": False})
    wanted = SongList("Evening", (ids["a"],))
    for outcome in ("made", "unchanged"):
        assert [one.outcome for one in pushed(catalog, remote, wanted, replace=True)] == [outcome]
    assert remote.lists["theirs"] == ("Evening", ["rd"])


@pytest.mark.parametrize(("name", "longest"), [("A very long name of a list", 12), (" Évening  mix ", 100)])
def test_a_name_that_the_server_keeps_otherwise_is_found_again(
    catalog: Catalog, ids: dict[str, int], name: str, longest: int
) -> None:
    remote = FakeRemote(longest=longest)
    for outcome in ("made", "unchanged"):
        assert [one.outcome for one in pushed(catalog, remote, SongList(name, (ids["a"],)))] == [outcome]
    assert [one.outcome for one in pushed(catalog, remote, SongList(name, (ids["b"],)))] == ["updated"]
    assert len(remote.lists) == 1


def test_names_are_such_as_files_have() -> None:
    assert plain_name("AC/DC\nlive") == "AC_DC_live"
    assert plain_name("..") == "_.."
    assert plain_name(" ") == "_"
    long = plain_name("🎵" * 200)
    assert long == "🎵" * 50
    assert len(f"{long}.m3u8".encode()) <= 255
