"""Write playlists of the catalogue to a server or player: made there, or brought up to date in place."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy.orm import Session

from db.connections import ConnectionPlaylist, note_playlist, remote_ids, written_playlists
from db.listening.playlists import all_playlists, playlist_tracks
from db.session import Catalog
from db.tracks import present
from recommender.connections.matching import PREFERENCE
from recommender.connections.values import Remote, RemotePlaylist, hash_of, plain_name
from recommender.errors import ConnectionFailedError, OneRefusedError

Outcome = Literal["made", "updated", "unchanged", "refused"]
BEGUN: Final = ""
"""In the place of a hash of a list's songs, while it is being written."""
NAMED: Final[tuple[Callable[[RemotePlaylist, str, dict[str, ConnectionPlaylist]], bool], ...]] = (
    lambda one, name, written: one.name == name,
    lambda one, name, written: one.name == plain_name(name),
    lambda one, name, written: one.id in written and _kept(name, one.name, written[one.id].name),
)
"""Which list there is that of a name: the first way that finds any."""


@dataclass(frozen=True)
class SongList:
    """A list to write: its name, its tracks in order, and the track that it is of songs like, if it is."""

    name: str
    track_ids: tuple[int, ...]
    like: int | None = None


@dataclass(frozen=True)
class PushedList:
    """What became of a list.

    Attributes
    ----------
    songs, left_out
        How many songs it has there, and the ids of tracks that are not known there.
    reason
        Why it was refused.
    """

    name: str
    outcome: Outcome
    songs: int = 0
    left_out: tuple[int, ...] = ()
    reason: str = ""


@dataclass
class PushReport:
    """What was written to a connection; with `dry_run` what would be."""

    connection: str
    dry_run: bool
    playlists: list[PushedList] = field(default_factory=list)


def lists_named(catalog: Catalog, names: Sequence[str]) -> list[SongList]:
    """Return playlists of the catalogue by their names or ids; all of them where none is named.

    Raises
    ------
    ConnectionFailedError
        If there is none of a name, or several.
    """
    with catalog.snapshot() as session:
        known = [one.playlist for one in all_playlists(session)]
        chosen = known if not names else []
        for name in names:
            found = [one for one in known if one.name == name] or [
                one for one in known if str(one.id) == name
            ]
            if len(found) != 1:
                many = "several playlists are" if found else "no playlist is"
                listed = ", ".join(f"{one.id} {one.name}" for one in (found or known)[:20]) or "none yet"
                raise ConnectionFailedError(f"{many} called '{name}'; name one by its id: {listed}")
            chosen += found
        return [
            SongList(one.name, tuple(track.id for track in playlist_tracks(session, one))) for one in chosen
        ]


def push(
    catalog: Catalog,
    name: str,
    remote: Remote,
    lists: Sequence[SongList],
    *,
    dry_run: bool = False,
    replace: bool = False,
    by_path: bool = False,
) -> PushReport:
    """Write lists to a connection. Nothing is deleted there.

    A list of that name that was not written from here, or was changed there since, is left alone and said.
    So are lists here of one name, and what the server refuses; those after it are written all the same.

    Parameters
    ----------
    lists
        A list none of whose songs are known there is refused.
    dry_run
        Write nothing.
    replace
        Write even over a list that is somebody else's work.
    by_path
        Songs are known there by their paths; parts of files are not.
    """
    report = PushReport(name, dry_run)
    with catalog.snapshot() as session:
        ids = _paths(session) if by_path else remote_ids(session, name, PREFERENCE)
        written = written_playlists(session, name)
    there = remote.playlists()
    names = Counter(plain_name(one.name).casefold() for one in lists)
    for one in lists:
        wanted = [ids[track_id] for track_id in one.track_ids if track_id in ids]
        left_out = tuple(track_id for track_id in one.track_ids if track_id not in ids)
        try:
            _check_only(one.name, names)
            pushed, playlist_id = _decide(remote, one.name, wanted, there, written, replace=replace)
            if not dry_run:
                _write(catalog, name, remote, pushed, playlist_id, wanted)
                if one.like in ids:
                    remote.set_similar(ids[one.like], [song for song in wanted if song != ids[one.like]])
        except OneRefusedError as error:
            pushed = PushedList(one.name, "refused", reason=str(error))
        report.playlists.append(PushedList(one.name, pushed.outcome, len(wanted), left_out, pushed.reason))
    return report


def _check_only(name: str, names: Counter[str]) -> None:
    if (several := names[plain_name(name).casefold()]) > 1:
        raise OneRefusedError(f"{several} playlists here would be one of this name there: rename them")


def _write(
    catalog: Catalog,
    name: str,
    remote: Remote,
    pushed: PushedList,
    playlist_id: str | None,
    wanted: list[str],
) -> None:
    """Do what was decided about a list; that it is begun is noted, too, so that another time finishes it."""
    if pushed.outcome == "updated" and playlist_id is not None:
        _note(catalog, name, playlist_id, pushed.name, BEGUN)
    if pushed.outcome in ("made", "updated"):
        playlist_id = remote.write_playlist(playlist_id, pushed.name, wanted)
    if pushed.outcome != "refused" and playlist_id is not None:
        _note(catalog, name, playlist_id, pushed.name, hash_of(wanted))


def _note(catalog: Catalog, name: str, playlist_id: str, called: str, written: str) -> None:
    with catalog.transaction() as session:
        note_playlist(session, name, playlist_id, called, written)


def _paths(session: Session) -> dict[int, str]:
    """Return the paths of files that a line of a list can name."""
    return {
        track.id: track.path
        for track in present(session)
        if track.file_range.whole and not {"\n", "\r"} & set(track.path)
    }


def _decide(
    remote: Remote,
    name: str,
    wanted: list[str],
    there: list[RemotePlaylist],
    written: dict[str, ConnectionPlaylist],
    *,
    replace: bool,
) -> tuple[PushedList, str | None]:
    """Return what is to be done about a list, and the id of the one that is there."""
    if not wanted:
        return PushedList(
            name, "refused", reason="none of its songs is known there; see: deepcuts sync"
        ), None
    mine = [one for one in there if one.mine]
    named = next(filter(None, ([one for one in mine if same(one, name, written)] for same in NAMED)), [])
    if not named:
        return PushedList(name, "made"), None
    ours = [one for one in named if one.id in written]
    if len(ours or named) > 1:
        return PushedList(name, "refused", reason=f"there are {len(named)} playlists of this name"), None
    found = (ours or named)[0]
    songs = remote.playlist_songs(found.id)
    if songs == wanted:
        return PushedList(name, "unchanged"), found.id
    if found.id not in written and not replace:
        reason = "there is a playlist of this name that deepcuts did not write; --replace writes over it"
        return PushedList(name, "refused", reason=reason), None
    if found.id in written and written[found.id].written not in (BEGUN, hash_of(songs)) and not replace:
        reason = "it was changed there since it was written; --replace writes over it"
        return PushedList(name, "refused", reason=reason), None
    return PushedList(name, "updated"), found.id


def _kept(name: str, there: str, written: str) -> bool:
    """Return whether a server may have kept a name that was written as another form of it, or cut off."""
    plain, kept = (unicodedata.normalize("NFC", " ".join(text.split())).casefold() for text in (name, there))
    return written == name and len(kept) > 0 and plain.startswith(kept)
