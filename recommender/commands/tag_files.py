"""``tag``, where it is about the tags in the files: what would be written, writing it, and taking it back."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from recommender.commands.output import EXIT_SOME_FAILED, printable, progress_bar, say, show, show_json

if TYPE_CHECKING:
    from classifier.model.bundle import Bundle
    from db.session import Catalog
    from recommender.home import Home
    from recommender.tagging.plan import Wishes
    from recommender.tagging.run import Outcome

INTERRUPTED = 130
NOTHING = "–"
STRANGERS = 5
"""So many labels that there are not are named."""

Line = tuple[Callable[[str], None], str]
"""A text, and what prints it."""


@dataclass
class Tally:
    """What became of the files of a run, in counts; and what there is to say of any of them."""

    found: int = 0
    written: int = 0
    unchanged: int = 0
    kept: int = 0
    unknown: int = 0
    skipped: int = 0
    files: list[dict[str, Any]] = field(default_factory=list)

    def count(self, outcome: "Outcome") -> str:
        """Add an outcome, and return as what it counts."""
        self.found += 1
        kind = (
            "skipped" if outcome.skipped
            else "written" if outcome.changes
            else "unknown" if outcome.unknown
            else "kept" if outcome.kept
            else "unchanged"
        )  # fmt: skip
        setattr(self, kind, getattr(self, kind) + 1)
        return kind


def read_wishes(
    home: "Home",
    also: Iterable[str],
    overwrite: bool,
    append: bool,
    min_confidence: float | None,
    names: Path | None,
) -> "Wishes":
    """Return what options say of what is to be written."""
    from classifier.model.bundle import SHIPPED
    from recommender import params
    from recommender.tagging.canon import Canon, read_canon
    from recommender.tagging.plan import ALSO, Wishes

    chosen = frozenset(word.strip() for words in also for word in words.split(",") if word.strip())
    if not chosen <= set(ALSO):
        wrong = ", ".join(sorted(chosen - set(ALSO)))
        raise typer.BadParameter(f"'{wrong}' is none of {', '.join(ALSO)}", param_hint="--also")
    canon = Canon(read_canon(names) if names else None, usual=home.bundle().path == SHIPPED)
    least = params.WRITTEN_CONFIDENCE if min_confidence is None else min_confidence
    return Wishes(chosen, overwrite, append, least, canon)


def write_tags(
    home: "Home", folder: str | None, wishes: "Wishes", *, write: bool, keep_mtime: bool, as_json: bool
) -> None:
    """Write tags, or show what would be written."""
    from recommender.tagging.run import tag_files, tracks_to_tag

    def outcomes(catalog: "Catalog") -> tuple[int, Iterator["Outcome"]]:
        ids = tracks_to_tag(catalog, folder)
        bundle = home.bundle()
        _say_strangers(catalog, bundle, wishes)
        return len(ids), tag_files(catalog, bundle, ids, wishes, write=write, keep_mtime=keep_mtime)

    _run(home, "write", outcomes, write=write, as_json=as_json)


def _say_strangers(catalog: "Catalog", bundle: "Bundle", wishes: "Wishes") -> None:
    """Name what of --map is no label, as a label that is misspelt is; it may be another bundle's, too."""
    from recommender.retrieval.filters import known_genres

    with catalog.transaction() as session:
        known = known_genres(session, bundle)
    for names in bundle.taxonomy.facet_names().values():
        known.update(names)
    found = [f"'{printable(label)}'" for label in wishes.canon.strangers(known)]
    if found:
        more = f" and {len(found) - STRANGERS} more" if len(found) > STRANGERS else ""
        say(f"Note: no label is called what --map names: {', '.join(found[:STRANGERS])}{more}")


def undo_tags(home: "Home", folder: str | None, *, write: bool, keep_mtime: bool, as_json: bool) -> None:
    """Take back what was written, or show what would be taken back."""
    from recommender.tagging.run import tracks_to_undo, undo_files

    def outcomes(catalog: "Catalog") -> tuple[int, Iterator["Outcome"]]:
        ids = tracks_to_undo(catalog, folder)
        return len(ids), undo_files(catalog, ids, write=write, keep_mtime=keep_mtime)

    _run(home, "undo", outcomes, write=write, as_json=as_json)


def _run(
    home: "Home",
    action: str,
    outcomes: "Callable[[Catalog], tuple[int, Iterator[Outcome]]]",
    *,
    write: bool,
    as_json: bool,
) -> None:
    from recommender.tagging.recover import recover

    tally, later = Tally(), list[Line]()
    lock: AbstractContextManager[None] = home.writer_lock() if write else nullcontext()
    with lock, _until_interrupted() as interrupted:
        catalog = home.existing_catalog()
        if write:
            recover(catalog)
        total, found = outcomes(catalog)
        with progress_bar("Tagging", quiet=as_json or not write, unit="files") as progress:
            for outcome in found:
                kind = tally.count(outcome)
                if as_json:
                    _keep(tally, outcome, kind)
                elif write:
                    later += _lines(outcome, kind, write)  # a bar on the screen takes them to itself
                else:
                    _print(_lines(outcome, kind, write))
                progress(tally.found, total)
                if interrupted():
                    break
    _print(later)
    _end(tally, action, write=write, as_json=as_json, stopped=interrupted() and tally.found < total)


@contextmanager
def _until_interrupted() -> Iterator[Callable[[], bool]]:
    """Hold Ctrl-C back, so that the file at hand is finished; give what tells whether it was pressed."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


def _keep(tally: Tally, outcome: "Outcome", kind: str) -> None:
    if kind == "unchanged":
        return
    described = asdict(outcome)
    described["kept"] = [{"field": name, "reason": reason} for name, reason in outcome.kept]
    tally.files.append(described)


def _lines(outcome: "Outcome", kind: str, write: bool) -> Iterator[Line]:
    path = printable(outcome.path)
    if outcome.skipped:
        yield say, f"Skipped: {path}: {printable(outcome.skipped)}"
        return
    shown = [c for c in outcome.changes if c.field != "scores"] or outcome.changes
    parts = [f"{c.field}: {_values(c.old)} → {_values(c.new)}" for c in shown]
    if kind == "written" or not write:
        parts += [f"{name} is kept ({reason})" for name, reason in outcome.kept]
    if kind == "unknown" and not write:
        parts.append(f"unknown ({outcome.unknown})")
    if parts:
        yield show, f"{path}: {'; '.join(parts)}"
    if outcome.note:
        yield say, f"Note: {path}: {outcome.note}"


def _print(lines: Iterable[Line]) -> None:
    for write, text in lines:
        write(text)


def _values(values: list[str]) -> str:
    return printable(", ".join(values)) or NOTHING


def _end(tally: Tally, action: str, *, write: bool, as_json: bool, stopped: bool) -> None:
    if as_json:
        show_json({"action": action, "dry_run": not write, "interrupted": stopped} | asdict(tally))
    else:
        did = {"write": ("written", "would be written"), "undo": ("restored", "would be restored")}[action]
        parts = [f"{tally.written} {did[0] if write else did[1]}"]
        for name, words in (
            ("unchanged", "as they should be already"),
            ("kept", "kept as they were set by hand"),
            ("unknown", "unknown"),
            ("skipped", "skipped"),
        ):
            if getattr(tally, name):
                parts.append(f"{getattr(tally, name)} {words}")
        show(f"{tally.found} files: {', '.join(parts)}")
        if not write and tally.written:
            say(
                "Nothing was changed; to do it: "
                + ("--write" if action == "write" else "leave out --dry-run")
            )
    if stopped:
        say("Stopped after the file at hand; run it again to go on.")
        raise typer.Exit(INTERRUPTED)
    if tally.skipped:
        raise typer.Exit(EXIT_SOME_FAILED)
