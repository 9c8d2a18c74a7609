"""Import play counts: from lists of paths, and from histories of listens."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from db.listening.plays import KnownSong, PlayCount, known_songs, set_plays
from db.session import Catalog
from recommender.plays.match import SongFinder
from recommender.plays.recognise import Kind, read_plays, recognise
from recommender.plays.values import MAX_PLAYS, Listen, NowPlaying, PathLine, Rejected
from recommender.song_paths import Found, PathFinder
from recommender.text_files import in_words


@dataclass
class PlaysReport:
    """What an import did.

    Attributes
    ----------
    kind
        What the file was recognised as.
    lines
        Lines, or listens, in it: ``matched`` + those of ``unmatched`` + ``now_playing``.
    matched
        Of them, those that count for tracks.
    now_playing
        Of them, entries that were being played when the export was made.
    tracks, changed, lowered
        Tracks that are spoken of; whose count or date is another now; whose count is lower now.
    unmatched
        What counts for no track, by line.
    """

    kind: Kind
    lines: int = 0
    matched: int = 0
    now_playing: int = 0
    tracks: int = 0
    changed: int = 0
    lowered: int = 0
    unmatched: list[Rejected] = field(default_factory=list)


@dataclass
class Listens:
    """The listens of one spelling of a song."""

    first: Listen
    lines: int = 0
    times: int = 0
    last_played: datetime | None = None

    def count(self, listen: Listen) -> None:
        """Add a listen."""
        self.lines += 1
        self.times += listen.times
        self.last_played = newest(self.last_played, listen.played_at)

    def add(self, other: "Listens") -> None:
        """Add the listens of another spelling."""
        self.lines += other.lines
        self.times += other.times
        self.last_played = newest(self.last_played, other.last_played)


SongNames = tuple[str, str, str]


@dataclass
class PlaysFile:
    """What a file of plays holds."""

    paths: list[PathLine] = field(default_factory=list)
    songs: dict[SongNames, Listens] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    now_playing: int = 0


def newest(*dates: datetime | None) -> datetime | None:
    """Return the newest of the dates that are known."""
    return max((date for date in dates if date is not None), default=None)


def import_plays(catalog: Catalog, path: Path, add: bool) -> PlaysReport:
    """Set the play counts that a file tells, or add them, in one transaction.

    Parameters
    ----------
    catalog
        Whose tracks they are; also those whose file is gone.
    path
        A CSV of paths, or an export of ListenBrainz or Last.fm.
    add
        Add to the counts; otherwise they become what the file says, however often it is imported.
        Tracks that the file does not speak of are left alone.

    Raises
    ------
    PlaysError
        If the file cannot be used; nothing is changed then.
    """
    report = PlaysReport(recognise(path))
    contents = _read(path)
    with catalog.transaction() as session:
        songs = known_songs(session)
        by_path, refused_paths = _from_paths(contents.paths, songs)
        by_song, refused_songs = _from_songs(contents.songs.values(), songs)
        counts = by_path | by_song
        changes = set_plays(session, counts, add)
    report.changed, report.lowered, report.tracks = changes.changed, changes.lowered, len(counts)
    report.unmatched = sorted(
        [*contents.rejected, *refused_paths, *refused_songs], key=lambda r: (r.part, r.line)
    )
    readable = len(contents.paths) + sum(tally.lines for tally in contents.songs.values())
    refused = sum(r.lines for r in [*refused_paths, *refused_songs])
    report.matched, report.now_playing = readable - refused, contents.now_playing
    report.lines = readable + sum(r.lines for r in contents.rejected) + contents.now_playing
    return report


def _read(path: Path) -> PlaysFile:
    contents = PlaysFile()
    for line in read_plays(path):
        if isinstance(line, PathLine):
            contents.paths.append(line)
        elif isinstance(line, Listen):
            song = (line.artist, line.title, line.album)
            contents.songs.setdefault(song, Listens(line)).count(line)
        elif isinstance(line, NowPlaying):
            contents.now_playing += 1
        else:
            contents.rejected.append(line)
    return contents


def _from_paths(
    lines: Iterable[PathLine], songs: list[KnownSong]
) -> tuple[dict[int, PlayCount], list[Rejected]]:
    """Return the counts by track id; lines that disagree about a track count for nothing."""
    finder = PathFinder(songs)
    refused: list[Rejected] = []
    of_track: dict[int, list[PathLine]] = defaultdict(list)
    for line in lines:
        found = finder.find(line.text, line.folder)
        for track_id in found.track_ids:
            of_track[track_id].append(line)
        if found.reason:
            refused.append(Rejected(line.line, line.text, found.reason))
    counts = {}
    for track_id, same in of_track.items():
        said = {PlayCount(line.plays, line.last_played) for line in same}
        if len(said) == 1:
            counts[track_id] = said.pop()
            continue
        reason = f"lines {in_words([line.line for line in same])} disagree about this track"
        refused += [Rejected(line.line, line.text, reason) for line in same]
    return counts, refused


def _from_songs(
    tallies: Iterable[Listens], songs: list[KnownSong]
) -> tuple[dict[int, PlayCount], list[Rejected]]:
    """Return the counts by track id, summed over the spellings of a song."""
    finder = SongFinder(songs)
    refused: list[Rejected] = []
    sums: dict[int, tuple[Found, Listens]] = {}  # what is found again is the same object
    for tally in tallies:
        first = tally.first
        found = finder.find(first.artist, first.title, first.album)
        if found.track_ids:
            sums.setdefault(id(found), (found, Listens(first)))[1].add(tally)
        if found.reason:
            text = f"{first.artist} - {first.title}" + (f" ({first.album})" if first.album else "")
            refused.append(Rejected(first.line, text, found.reason, first.part, tally.lines))
    plays: Counter[int] = Counter()
    dates: dict[int, datetime | None] = {}
    for found, tally in sums.values():
        for track_id in found.track_ids:
            plays[track_id] = min(plays[track_id] + tally.times, MAX_PLAYS)
            dates[track_id] = newest(dates.get(track_id), tally.last_played)
    return {track_id: PlayCount(plays[track_id], dates[track_id]) for track_id in plays}, refused
