"""Take in what a server knows of its songs: which tracks they are, how often played, starred and rated."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from db.connections import ConnectionSong, get_connection, keep_songs, known_songs_of
from db.listening.favourites import favourites, rate, star
from db.listening.plays import PlayCount, set_plays
from db.models import LARGEST, Track
from db.session import Catalog
from db.tracks import by_ids, present
from db.values import utc_now
from recommender.connections import params
from recommender.connections.agreement import LocalSong
from recommender.connections.matching import PREFERENCE, SongMatch, SongMatcher
from recommender.connections.values import Remote, RemoteSong, SongState
from recommender.errors import ConnectionFailedError
from recommender.file_tags.musicbrainz import recording_ids

Told = Callable[[int, int], None]

TRIED_AGAIN: Final = ("doubtful", "unmatched")
A_DAY: Final = timedelta(days=1)
UNKNOWN: Final = object()


@dataclass(frozen=True)
class Unsure:
    """A song of the server that is no track for sure, and why; the tracks that it might be."""

    remote_id: str
    song: str
    reason: str
    candidates: tuple[int, ...] = ()


@dataclass
class SyncReport:
    """What a sync found and changed.

    Attributes
    ----------
    songs, new, gone
        Songs there; those not known before; those known that are not there any more.
    matched
        How many are tracks, by what they were matched.
    doubtful, unmatched
        The others.
    plays, starred, rated
        Tracks whose count or date, star, or rating is another now; with `dry_run` what would be.
    """

    connection: str
    dry_run: bool
    songs: int = 0
    new: int = 0
    gone: int = 0
    matched: dict[str, int] = field(default_factory=dict)
    doubtful: list[Unsure] = field(default_factory=list)
    unmatched: list[Unsure] = field(default_factory=list)
    plays: int = 0
    starred: int = 0
    rated: int = 0


@dataclass(frozen=True)
class Heard:
    """A song as it is now, and what was known of it, None for a new one."""

    remote: RemoteSong
    match: SongMatch
    before: SongState | None
    was_track: int | None


def read_songs(remote: Remote, told: Told = lambda done, total: None, expected: int = 0) -> list[RemoteSong]:
    """Return all songs of a server, each once."""
    songs: dict[str, RemoteSong] = {}
    for song in remote.songs():
        songs[song.id] = song
        told(len(songs), max(expected, len(songs)))
        if len(songs) > params.MOST_SONGS:
            raise ConnectionFailedError(f"it lists more than {params.MOST_SONGS} songs, and no end of them")
    return list(songs.values())


def take_in(catalog: Catalog, name: str, songs: Iterable[RemoteSong], *, dry_run: bool = False) -> SyncReport:
    """Match the songs of a connection and take in what changed there, in one transaction.

    Only what is new there, or was not matched, is matched. What changed there since the last time is taken
    over; the first time, the greater count of plays, and stars and ratings where there are none here.

    Parameters
    ----------
    catalog
        Whose tracks they are; whoever calls holds the writer lock, unless it is a dry run.
    name
        Of the connection.
    songs
        All that are there now.
    dry_run
        Change nothing.
    """
    report = SyncReport(name, dry_run)
    with catalog.transaction() as session:
        if get_connection(session, name) is None:
            raise ConnectionFailedError(f"{name} was disconnected meanwhile")
        heard, gone = _matched(session, name, list(songs), report)
        if gone and not heard:
            raise ConnectionFailedError(
                f"{name} lists no song, where it had {len(gone)}: is its music mounted, and looked through? "
                f"If it has none any more: deepcuts disconnect {name}"
            )
        _check_not_itself(session, heard)
        report.gone = len(gone)
        _count(heard, report)
        _take_plays(session, heard, report, dry_run=dry_run)
        _take_marks(session, heard, report, dry_run=dry_run)
        if not dry_run:
            _keep(session, name, heard, gone)
    return report


def _matched(
    session: Session, name: str, songs: list[RemoteSong], report: SyncReport
) -> tuple[list[Heard], list[str]]:
    """Return the songs with their tracks, and the ids of those that are not there any more."""
    known = known_songs_of(session, name)
    tracks = present(session)
    here = {track.id for track in tracks}
    matcher = SongMatcher(
        map(_local, tracks), lambda: recording_ids({t.id: Path(t.file_range.path) for t in tracks})
    )
    heard = []
    for remote in songs:
        row = known.get(remote.id)
        report.new += row is None
        if row is None or _is_to_match(row, remote, here):
            match = matcher.find(remote)
        else:
            match = SongMatch(row.how, row.track_id)  # type: ignore[arg-type]
        before = None if row is None else SongState(row.plays, row.last_played, row.starred, row.rating)
        heard.append(Heard(remote, match, before, None if row is None else row.track_id))
    report.songs = len(songs)
    there = {remote.id for remote in songs}
    return heard, [remote_id for remote_id in known if remote_id not in there]


def _is_to_match(row: ConnectionSong, remote: RemoteSong, here: set[int]) -> bool:
    return row.how in TRIED_AGAIN or row.track_id not in here or row.described != remote.described


def _local(track: Track) -> LocalSong:
    return LocalSong(
        track.id,
        track.rel_path,
        track.title,
        track.artist,
        track.album,
        track.duration_s,
        track.content_hash,
        track.root.path,
    )


def _check_not_itself(session: Session, heard: list[Heard]) -> None:
    """Refuse a service that serves this very catalogue: each play would be taken in as another.

    It is told by the ids of all songs and when each was added: another catalogue may well have the same ids.
    """
    if not heard or not all(one.remote.id.isdecimal() for one in heard):
        return
    there = {int(one.remote.id): one.remote.added for one in heard}
    tracks = by_ids(session, [one for one in there if one <= LARGEST])
    here = {track_id: track.added for track_id, track in tracks.items()}
    if here.keys() == there.keys() and all(here[one] in (None, there[one]) for one in there):
        raise ConnectionFailedError(
            "this is a service of this very catalogue: what it knows is known here; disconnect it"
        )


def _count(heard: list[Heard], report: SyncReport) -> None:
    for one in heard:
        how = one.match.how
        if how in PREFERENCE:
            report.matched[how] = report.matched.get(how, 0) + 1
            continue
        unsure = Unsure(one.remote.id, one.remote.named, one.match.reason, one.match.candidates)
        (report.doubtful if how == "doubtful" else report.unmatched).append(unsure)


def _take_plays(session: Session, heard: list[Heard], report: SyncReport, *, dry_run: bool) -> None:
    """Add what was played since the last time; of songs that are new, at least what was played there."""
    since: dict[int, int] = defaultdict(int)
    first: dict[int, int] = defaultdict(int)
    dates: dict[int, list[datetime]] = defaultdict(list)
    tomorrow = utc_now() + A_DAY  # a clock that goes wrong there would make it the last for years
    for one in heard:
        track_id, state = one.match.track_id, one.remote.state
        if track_id is None:
            continue
        if state.last_played is not None and state.last_played < tomorrow:
            dates[track_id].append(state.last_played)
        if state.plays is None:
            continue
        if one.was_track == track_id and one.before is not None and one.before.plays is not None:
            since[track_id] += max(0, state.plays - one.before.plays)
        else:
            first[track_id] += state.plays
    tracks = by_ids(session, sorted({*since, *first, *dates}))
    counts = {}
    for track_id, track in tracks.items():
        plays = min(max(track.plays + since[track_id], first[track_id]), LARGEST)
        newest = max([*dates[track_id], *filter(None, [track.last_played])], default=None)
        if plays and (plays, newest) != (track.plays, track.last_played):
            counts[track_id] = PlayCount(plays, newest)
    report.plays = len(counts)
    if not dry_run:
        set_plays(session, counts, add=False)


def _take_marks(session: Session, heard: list[Heard], report: SyncReport, *, dry_run: bool) -> None:
    """Take over stars and ratings that are other ones there than the last time."""
    ids = {str(one.match.track_id) for one in heard if one.match.track_id is not None}
    known = favourites(session, ids)
    starred: dict[str, datetime | None] = {}
    rated: dict[str, int | None] = {}
    for one in heard:
        if one.match.track_id is None:
            continue
        item, state = str(one.match.track_id), one.remote.state
        before = one.before if one.was_track == one.match.track_id else None
        here = known.get(item)
        had_star, had_rating = (None, None) if here is None else (here.starred, here.rating)
        was_starred, was_rated = (
            (UNKNOWN, UNKNOWN) if before is None else (before.starred is not None, before.rating)
        )
        if _is_other(state.starred is not None, was_starred, had_star is not None):
            starred[item] = state.starred
        if _is_other(state.rating, was_rated, had_rating):
            rated[item] = state.rating
    report.starred, report.rated = len(starred), len(rated)
    if dry_run:
        return
    for item, when in starred.items():
        star(session, item, when)
    for item, rating in rated.items():
        rate(session, item, rating)


def _is_other(there: object, before: object, here: object) -> bool:
    """Whether what is there is to be taken over: it changed there, or is there and nothing is here.

    `before` is UNKNOWN where it was not looked at yet.
    """
    if there == here:
        return False
    return bool(there) and not here if before is UNKNOWN else there != before


def _keep(session: Session, name: str, heard: list[Heard], gone: list[str]) -> None:
    known = known_songs_of(session, name)
    new = []
    for one in heard:
        row = known.get(one.remote.id)
        if row is None:
            row = ConnectionSong(connection=name, remote_id=one.remote.id)
            new.append(row)
        state = one.remote.state
        row.track_id, row.how, row.described = one.match.track_id, one.match.how, one.remote.described
        row.plays, row.last_played = state.plays, state.last_played
        row.starred, row.rating = state.starred, state.rating
        row.artist_id = one.remote.artist_id or None
    keep_songs(session, name, new, gone)
    connection = get_connection(session, name)
    if connection is not None:
        connection.synced = utc_now()
