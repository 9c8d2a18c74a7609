"""``tag``, where it is about the tags in the files: what would be written, writing it, and taking it back."""

import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from recommender.commands.output import EXIT_SOME_FAILED, counted, printable, say, show, show_json
from recommender.commands.progress import progress_bar

if TYPE_CHECKING:
    from classifier.model.bundle import Bundle
    from db.session import Catalog
    from recommender.home import Home
    from recommender.tagging.file_plan import TagOptions
    from recommender.tagging.tagger import TagOutcome

INTERRUPTED = 130
NOTHING = "–"
NAMED = 3
"""So many of the files of which nothing changes are named for each reason; --json lists all."""
STRANGERS = 5
"""So many labels that there are not are named."""

Line = tuple[Callable[[str], None], str]
"""A text, and what prints it."""


@dataclass
class TagTotals:
    """What became of the files of a run, in counts; and what there is to say of any of them."""

    found: int = 0
    written: int = 0
    unchanged: int = 0
    kept: int = 0
    unknown: int = 0
    skipped: int = 0
    files: list[dict[str, Any]] = field(default_factory=list)

    def count(self, outcome: "TagOutcome") -> str:
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


def write_tags(
    home: "Home", folder: str | None, options: "TagOptions", *, write: bool, keep_mtime: bool, as_json: bool
) -> None:
    """Write tags, or show what would be written."""
    from classifier.model.bundle import SHIPPED
    from classifier.model.onnx_trunk import is_brought
    from recommender.tagging.tagger import tag_files

    def outcomes(catalog: "Catalog") -> tuple[int, Iterator["TagOutcome"]]:
        bundle = home.bundle()
        _say_strangers(catalog, bundle, options)
        canon = replace(options.canon, usual=bundle.path == SHIPPED or is_brought(bundle))
        wanted = replace(options, canon=canon)
        return tag_files(catalog, bundle, folder, wanted, write=write, keep_mtime=keep_mtime)

    _run(home, "write", outcomes, write=write, as_json=as_json)


def _say_strangers(catalog: "Catalog", bundle: "Bundle", options: "TagOptions") -> None:
    """Name what of --map is no label, as a label that is misspelt is; it may be another bundle's, too."""
    from recommender.retrieval.sound_filters import known_genres

    if not options.canon.given:
        return
    with catalog.transaction() as session:
        known = known_genres(session, bundle)
    for names in bundle.taxonomy.facet_names().values():
        known.update(names)
    found = [f"'{printable(label)}'" for label in options.canon.strangers(known)]
    if found:
        more = f" and {len(found) - STRANGERS} more" if len(found) > STRANGERS else ""
        say(f"Note: no label is called what --map names: {', '.join(found[:STRANGERS])}{more}")


def undo_tags(home: "Home", folder: str | None, *, write: bool, keep_mtime: bool, as_json: bool) -> None:
    """Take back what was written, or show what would be taken back."""
    from recommender.tagging.tagger import undo_files

    outcomes = partial(undo_files, folder=folder, write=write, keep_mtime=keep_mtime)
    _run(home, "undo", outcomes, write=write, as_json=as_json)


def _run(
    home: "Home",
    action: str,
    outcomes: "Callable[[Catalog], tuple[int, Iterator[TagOutcome]]]",
    *,
    write: bool,
    as_json: bool,
) -> None:
    counts, later, left_alone, skipped = TagTotals(), list[Line](), Reasons(), Reasons()
    lock: AbstractContextManager[None] = home.writer_lock() if write else nullcontext()
    with lock, _until_interrupted() as interrupted:
        total, found = outcomes(home.existing_catalog())
        with progress_bar("Tagging", quiet=as_json or not write, unit="files") as progress:
            for outcome in found:
                kind = counts.count(outcome)
                if as_json:
                    _keep(counts, outcome, kind)
                elif kind in ("kept", "unknown"):
                    left_alone.add("; ".join(_why_not(outcome)), outcome.path)
                    later += _note(outcome)
                elif outcome.skipped:
                    skipped.add(outcome.skipped, outcome.path)
                elif write:
                    later += _lines(outcome, kind, write)  # a bar on the screen takes them to itself
                else:
                    _print(_lines(outcome, kind, write))
                progress(counts.found, total)
                if interrupted():
                    break
    _print([*later, *((say, line) for line in skipped.skipped())])
    if not (write or as_json):
        _print((show, line) for line in left_alone.lines())
    _end(counts, action, write=write, as_json=as_json, stopped=interrupted() and counts.found < total)


@contextmanager
def _until_interrupted() -> Iterator[Callable[[], bool]]:
    """Hold Ctrl-C back, so that the file at hand is finished; give what tells whether it was pressed."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


def _keep(counts: TagTotals, outcome: "TagOutcome", kind: str) -> None:
    if kind == "unchanged":
        return
    described = asdict(outcome)
    described["kept"] = [{"field": name, "reason": reason} for name, reason in outcome.kept]
    counts.files.append(described)


def _lines(outcome: "TagOutcome", kind: str, write: bool) -> Iterator[Line]:
    from recommender.file_tags.genre_fields import SCORES

    path = _shown(outcome.path)
    parts = [f"{c.field}: {_values(c.old)} → {_values(c.new)}" for c in outcome.changes if c.field != SCORES]
    if outcome.changes and not parts:
        (scores,) = outcome.changes
        parts = [f"confidence: {_sure(scores.old)} → {_sure(scores.new)}"]
    parts += _why_not(outcome)
    if parts and (kind == "written" or not write):
        yield show, f"{path}: {'; '.join(parts)}"
    yield from _note(outcome)


def _sure(scores: list[str]) -> str:
    """Return confidences, which are JSON in a file, as people say them."""
    if not scores:
        return NOTHING
    try:
        found = [pair for names in json.loads(scores[0]).values() for pair in names.items()]
        return printable(", ".join(f"{name} {100 * share:.0f} %" for name, share in found))
    except (ValueError, AttributeError, TypeError):  # another program's, or cut off
        return "unreadable"


def _note(outcome: "TagOutcome") -> Iterator[Line]:
    if outcome.note:
        yield say, f"Note: {_shown(outcome.path)}: {outcome.note}"


def _why_not(outcome: "TagOutcome") -> list[str]:
    """Return what is left as it is, and why."""
    reasons = [f"{name} is kept ({reason})" for name, reason in outcome.kept]
    return reasons + ([f"no genre ({outcome.unknown})"] if outcome.unknown else [])


def _shown(path: str) -> str:
    """Return a path as it is shown: below the current folder, from there."""
    try:
        here = os.path.relpath(path)
    except (OSError, ValueError):  # that folder is gone, or on another drive
        return printable(path)
    return printable(path if here.startswith(os.pardir) else here)


class Reasons:
    """Files of which nothing changes, or that could not be used, by why; each reason is told once."""

    def __init__(self) -> None:
        self._paths: dict[str, list[str]] = {}

    def add(self, reason: str, path: str) -> None:
        """Count a file."""
        self._paths.setdefault(reason, []).append(path)

    def skipped(self) -> Iterator[str]:
        """Yield a line for each file that could not be used; one for all of a reason that many have."""
        for reason, paths in self._paths.items():
            if len(paths) <= NAMED:
                yield from (f"Skipped: {_shown(path)}: {printable(reason)}" for path in paths)
            else:
                named = ", ".join(map(_shown, paths[:NAMED]))
                more = f"{len(paths) - NAMED} more (--json lists them)"
                yield f"Skipped {len(paths)} files: {printable(reason)}: {named} and {more}"

    def lines(self) -> Iterator[str]:
        """Yield a line for each reason, the most frequent first, with the first files."""
        for reason, paths in sorted(self._paths.items(), key=lambda item: -len(item[1])):
            named = ", ".join(map(_shown, paths[:NAMED]))
            more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
            yield f"{reason}: {named}{more}"


def _print(lines: Iterable[Line]) -> None:
    for write, text in lines:
        write(text)


def _values(values: list[str]) -> str:
    return printable(", ".join(values)) or NOTHING


def _end(counts: TagTotals, action: str, *, write: bool, as_json: bool, stopped: bool) -> None:
    if as_json:
        show_json({"action": action, "dry_run": not write, "interrupted": stopped} | asdict(counts))
    else:
        did = {"write": ("written", "would be written"), "undo": ("restored", "would be restored")}[action]
        parts = [f"{counts.written} {did[0] if write else did[1]}"]
        for name, words in (
            ("unchanged", "as they should be already"),
            ("kept", "kept as they were set by hand"),
            ("unknown", "unsure or not music"),
            ("skipped", "skipped"),
        ):
            if getattr(counts, name):
                parts.append(f"{getattr(counts, name)} {words}")
        show(f"{counted(counts.found, 'file')}: {', '.join(parts)}")
        if not write and counts.written:
            say(
                "Nothing was changed; to do it: "
                + ("--write" if action == "write" else "leave out --dry-run")
            )
    if stopped:
        say("Stopped after the file at hand; run it again to go on.")
        raise typer.Exit(INTERRUPTED)
    if counts.skipped:
        raise typer.Exit(EXIT_SOME_FAILED)
