"""Why each song is in a list: the options for it, the words, and the pictures."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import only_folders

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from classifier.model.bundle import Bundle
    from db.file_range import FileRange
    from recommender.reasons.sound import PassageSound
    from recommender.reasons.traits import MatchReasons
    from recommender.retrieval.index.segment_index import SegmentIndex
    from recommender.retrieval.query import Query
    from recommender.retrieval.similar import Match

Explain = Annotated[
    bool,
    typer.Option(
        "--explain",
        help="Say why each song is in the list: what both have, where they are alike, what makes the score.",
    ),
]
Pictures = Annotated[
    Path | None,
    typer.Option(
        "--pictures",
        metavar="DIR",
        file_okay=False,
        callback=only_folders,
        help="Draw each match into this folder: both passages' log-mels, and what makes them alike.",
    ),
]

LONGEST_NAME_BYTES = 180


class Why:
    """What is asked of the reasons of a list.

    Parameters
    ----------
    explain
        Whether results get ``reasons``.
    pictures
        The folder to draw matches into; None for no pictures. It is made at once.

    Raises
    ------
    RecommenderError
        If the folder cannot be made.
    """

    def __init__(self, explain: bool = False, pictures: Path | None = None) -> None:
        from classifier.errors import in_words
        from recommender.errors import RecommenderError

        self._explain, self._folder = explain, pictures
        self._failures: list[tuple[str, str]] = []
        if pictures is not None:
            try:
                pictures.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise RecommenderError(f"{pictures} cannot be made: {in_words(error)}") from error

    def add(
        self,
        results: list[dict[str, Any]],
        session: "Session",
        index: "SegmentIndex",
        bundle: "Bundle",
        queries: "Sequence[Query]",
        matches: "Sequence[Match]",
    ) -> None:
        """Add ``reasons`` and ``picture`` to the results of some matches, as they were asked for."""
        if not matches or not (self._explain or self._folder):
            return
        from recommender.presentation.reasons import reasons_json
        from recommender.reasons.why import match_reasons

        artist = None if self._folder is None else _Artist(bundle, index, self._folder)
        for result, match in zip(results, matches, strict=True):
            query = queries[match.query]
            why = match_reasons(session, index, bundle, query, match)
            if self._explain:
                result["reasons"] = reasons_json(why)
            if artist is not None:
                result["picture"] = artist.draw(result["rank"], query, match, why)
        if artist is not None:
            self._failures = artist.failures

    def finish(self) -> None:
        """Say what could not be drawn, and end the command with the exit code for that."""
        from recommender.commands.output import EXIT_SOME_FAILED, printable, say

        for path, reason in dict.fromkeys(self._failures):
            say(f"No picture: {printable(path)}: {printable(reason)}")
        if self._failures:
            raise typer.Exit(EXIT_SOME_FAILED)


def print_reasons(results: list[dict[str, Any]]) -> None:
    """Show why each result is in the list, and where the pictures are, as they were asked for."""
    from recommender.commands.output import printable, say, show
    from recommender.presentation.text import name_of

    for result in results:
        if "reasons" in result:
            show(f"{result['rank']:>3}  {printable(name_of(result))}")
            for line in result["reasons"]["words"]:
                show(f"     {printable(line)}")
    drawn = [result["picture"] for result in results if result.get("picture")]
    if drawn:
        say(f"Pictures in {printable(str(Path(drawn[0]).parent))}: {len(drawn)}")


def file_name(rank: int, name: str) -> str:
    """Return ``01 Artist - Title.png``, without what a file system may refuse."""
    clean = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "_", name.encode("utf-8", "replace").decode())
    cut = clean.encode()[:LONGEST_NAME_BYTES].decode(errors="ignore")
    return f"{rank:02d} {cut}".rstrip(" .") + ".png"


class _Artist:
    """Draws matches into a folder, and knows which files could not be analysed, and why."""

    def __init__(self, bundle: "Bundle", index: "SegmentIndex", folder: Path) -> None:
        from recommender.reasons.sound import PassageAnalyser

        self._analyser, self._index, self._folder = PassageAnalyser(bundle), index, folder
        self._passages: dict[tuple[FileRange, tuple[float, ...]], PassageSound] = {}
        self.failures: list[tuple[str, str]] = []

    def draw(self, rank: int, query: "Query", match: "Match", why: "MatchReasons") -> str | None:
        """Draw a match; return the file's path, or None where it cannot be drawn."""
        from recommender.commands.output import printable
        from recommender.presentation.text import name_of
        from recommender.reasons.plot import MatchPicture, draw_match

        if why.similarities is None:
            self.failures.append((match.track.path, "no passages are stored of it: run ingest"))
            return None
        mine = self._passage(query.source, why.similarities.query_s.tolist())
        its = self._passage(match.track.file_range, why.similarities.match_s.tolist())
        if mine is None or its is None:
            return None
        songs: list[dict[str, Any]] = [{"artist": s.artist, "title": s.title} for s in (query, match.track)]
        mine_name, its_name = (printable(name_of(song)) for song in songs)
        bands = self._analyser.band_shares(mine, its, self._index.reference.centre)
        path = self._folder / file_name(rank, its_name)
        draw_match(MatchPicture(mine_name, its_name, why, mine, its, self._analyser.edges_hz, bands), path)
        return str(path)

    def _passage(self, source: "FileRange", starts_s: list[float]) -> "PassageSound | None":
        """Return the sound of a passage, each analysed once; None where that fails."""
        from recommender.library.workers.boundary import Failure, attempt

        key = (source, tuple(starts_s))
        if key not in self._passages:
            within = (source.start_s, source.end_s)
            passage = attempt(lambda: self._analyser.passage(Path(source.path), starts_s, within))
            if isinstance(passage, Failure):
                self.failures.append((source.path, passage.message))
                return None
            self._passages[key] = passage
        return self._passages[key]
