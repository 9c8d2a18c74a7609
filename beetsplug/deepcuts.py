"""beets' plugin: songs that sound like others, and what a song sounds like as fields of it.

In beets' configuration::

    plugins: deepcuts
    deepcuts:
        home: ''          # of deepcuts; empty for its own default, or DEEPCUTS_HOME
        auto: yes         # analyse what is imported
        genre: no         # on import, set genres where there are none and the sound is sure enough
        confidence: 0.8   # so sure, at least
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from beets.dbcore import types
from beets.plugins import BeetsPlugin
from beets.ui import Subcommand, UserError, print_

if TYPE_CHECKING:
    from beets.library import Item, Library

    from recommender.home import Home

TAGS = 5
LEAST_TAG = 0.1
SONGS = 10


class DeepcutsPlugin(BeetsPlugin):
    """``beet deepcuts similar|tag QUERY``, and the same on import."""

    item_types: ClassVar[dict[str, Any]] = {
        "deepcuts_confidence": types.Float(3),
        "deepcuts_bpm": types.FLOAT,
    }

    def __init__(self) -> None:
        super().__init__("deepcuts")
        self.config.add({"home": "", "auto": True, "genre": False, "confidence": 0.8})
        self._imported: list[Item] = []
        self.register_listener("item_imported", lambda lib, item: self._imported.append(item))
        self.register_listener("album_imported", lambda lib, album: self._imported.extend(album.items()))
        self.register_listener("import", self._after_import)

    def commands(self) -> list[Subcommand]:
        """Return the one command that there is."""
        command = Subcommand("deepcuts", help="songs that sound alike: similar QUERY, tag [QUERY]")
        command.parser.add_option("-n", "--number", type="int", default=SONGS, help="how many songs")
        command.parser.add_option(
            "-p", "--path", action="store_true", help="print paths, as players take them"
        )
        command.parser.add_option("-o", "--output", metavar="FILE", help="also write them as .m3u8")
        command.func = self._run
        return [command]

    def _run(self, lib: "Library", opts: Any, args: list[str]) -> None:
        acts = {"similar": self._similar, "tag": self._tag}
        if not args or args[0] not in acts:
            raise UserError("deepcuts: say what to do: similar QUERY, or tag [QUERY]")
        with _explained():
            acts[args[0]](lib, opts, args[1:])

    def _tag(self, lib: "Library", opts: Any, query: list[str]) -> None:
        """Analyse what a query finds, and set its fields."""
        found = self._set_fields(list(lib.items(query)), lib, genres=False)
        print_(f"{found} songs have fields of what they sound like")

    def _similar(self, lib: "Library", opts: Any, query: list[str]) -> None:
        """Print what sounds like all that a query finds; only what is in the library of beets."""
        asked = list(lib.items(query))
        if not query or not asked:
            raise UserError("deepcuts: the query finds no song")
        found = self._like(lib, asked, opts.number)
        for item in found:
            print_(os.fsdecode(item.path) if opts.path else format(item))
        if opts.output:
            from recommender.playlist import PlaylistEntry, write_playlist

            entries = [
                PlaylistEntry(os.fsdecode(item.path), item.title, item.artist, item.length) for item in found
            ]
            write_playlist(entries, Path(opts.output), "m3u8", Path(opts.output).absolute().parent)

    def _like(self, lib: "Library", asked: "list[Item]", n: int) -> "list[Item]":
        from db.tracks import at_path
        from recommender.commands.results import opened
        from recommender.retrieval.query import from_track
        from recommender.retrieval.request import ListRequest
        from recommender.retrieval.similar import similar

        home = self._home()
        try:
            catalog, bundle, index = opened(home)
            known = {os.fsdecode(item.path): item for item in lib.items()}
            with catalog.transaction() as session:
                tracks = [track for item in asked if (track := at_path(session, os.fsdecode(item.path)))]
                if not tracks:
                    raise UserError("deepcuts: not analysed yet; see: beet deepcuts tag")
                queries = [from_track(session, track, bundle) for track in tracks]
                more = ListRequest(n=n + len(asked) + SONGS)
                matches = similar(session, index, bundle, queries, more, []).matches
                paths = [match.track.path for match in matches]
        finally:
            home.close()
        ids = {item.id for item in asked}
        return [known[path] for path in paths if path in known and known[path].id not in ids][:n]

    def _after_import(self, lib: "Library", paths: Sequence[bytes]) -> None:
        """Analyse what was imported, and set its fields."""
        items, self._imported = self._imported, []
        if items and self.config["auto"].get(bool):
            with _explained():
                self._set_fields(items, lib, genres=self.config["genre"].get(bool))

    def _set_fields(self, items: "list[Item]", lib: "Library", *, genres: bool) -> int:
        """Ingest what is not, set the fields of items in beets' library, and return of how many."""
        home = self._home()
        try:
            sounds = _sounds(home, items, lib)
        finally:
            home.close()
        found = 0
        for item in items:
            fields = sounds.get(os.fsdecode(item.path))
            if fields is None:
                continue
            item.update(fields)
            sure = fields.get("deepcuts_confidence", 0.0) >= self.config["confidence"].as_number()
            if genres and sure and not item.get("genres"):
                item["genres"] = [fields["deepcuts_label"]]
            item.store()
            found += 1
        return found

    def _home(self) -> "Home":
        from recommender.home import Home, default_home

        named = self.config["home"].as_str()
        return Home(
            Path(named).expanduser() if named else default_home(), os.environ.get("DEEPCUTS_DATABASE")
        )


def _sounds(home: "Home", items: "Iterable[Item]", lib: "Library") -> dict[str, dict[str, Any]]:
    """Return the fields of what items sound like, by their paths; what is new is analysed first."""
    from db.tracks import at_path
    from recommender.commands.ingest import run_ingest
    from recommender.presentation.songs import tracks_json

    paths = [os.fsdecode(item.path) for item in items]
    folders = sorted({os.path.dirname(path) for path in paths})
    music = os.fsdecode(lib.directory)
    if all(folder == music or folder.startswith(music + os.sep) for folder in folders):
        with home.catalog().transaction() as session:
            known = all(at_path(session, path) for path in paths)
        folders = folders if known else [music]
    run_ingest(home, folders, "none", 1, None, (), quiet=True)
    bundle = home.bundle()
    with home.existing_catalog().transaction() as session:
        tracks = [track for path in paths if (track := at_path(session, path))]
        return {one["path"]: _fields(one) for one in tracks_json(session, tracks, bundle)}


def _fields(song: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a song as the JSON of deepcuts tells it; what is not known is no field."""
    tags = [tag["name"] for tag in song["tags"] if tag["probability"] >= LEAST_TAG][:TAGS]
    best = max(song["genres"], key=lambda one: one["probability"], default=None)
    fields = {
        "deepcuts_label": best and best["name"],
        "deepcuts_confidence": best and best["probability"],
        "deepcuts_tags": "; ".join(tags),
        "deepcuts_bpm": song["tempo_bpm"],
        "deepcuts_key": song["key"],
    }
    return {name: value for name, value in fields.items() if value not in (None, "")}


class _explained:  # noqa: N801 - used as a function
    """Turn what deepcuts cannot do into a line of beets'."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Say what is wrong."""
        from classifier.errors import ClassifierError
        from db.errors import CatalogError
        from recommender.errors import RecommenderError

        if isinstance(error, (ClassifierError, CatalogError, RecommenderError)):
            raise UserError(f"deepcuts: {error}") from error
