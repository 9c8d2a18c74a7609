"""What ``deepcuts`` and ``deepcuts --help`` print: how to start; the commands by what they are wanted for."""

from collections.abc import Iterator
from typing import Final

SECTIONS: Final = {
    "Listen": {
        "similar": "songs that sound like a song, or like several",
        "discover": "deep cuts: never played, like what is played most",
        "mixes": "lists by sound and by plays; --save as playlists",
        "find": 'songs by words: "mellow jazz -vocals"',
        "radio": "songs without end, like a song, artist, genre or taste",
        "less": "want less like a song; radio, mixes, discover obey",
        "path": "a walk from one song to another in small steps",
        "playlist": "lists as files; playlists that keep themselves up to date",
        "shortlist": "keep songs for a purpose, with notes; hand them on",
        "map": "draw the catalogue: what sounds alike lies close",
        "serve": "a page to listen with, and a server for players",
    },
    "Library": {
        "ingest": "analyse new and changed files of folders",
        "watch": "ingest whatever appears or changes, until stopped",
        "status": "counts, the model in use, what is missing or failed",
        "failures": "files that could not be analysed, and why",
        "duplicates": "the same recording in several files; versions",
        "plays": "import and list play counts",
        "relocate": "a folder of music has moved; nothing is analysed anew",
        "check": "examine the home; --repair mends it",
    },
    "Servers and players": {
        "connect": "Navidrome, Jellyfin, Plex, an MPD, a folder of M3U files",
        "connections": "what is connected",
        "sync": "plays, stars and ratings in; what is which song",
        "push": "playlists out, and lists of what sounds like a song",
        "queue": "keep the queue of an MPD filled with what sounds alike",
        "disconnect": "forget a connection",
    },
    "Genres": {
        "classify": "genres, moods and tags of files",
        "tag": "tags of all tracks as a table, or into the files",
        "explain": "the seconds and frequencies that gave a genre",
        "train": "learn genres of your own from labelled songs",
        "model": "bring, list and choose published models",
        "export": "your labels and what the sound tells, to a file",
        "import": "set your labels from a file",
    },
    "Measure": {
        "evaluate": "how good classifiers and the recommender are",
        "tune": "try settings of a classifier, each validated",
        "plot": "draw pictures of audio",
    },
}
"""The commands and what they do, under what people want; `tests.cli.test_basics` sees that all are there."""

START: Final = """\
deepcuts finds music by its sound.

Analyse your music:     deepcuts ingest ~/Music
Songs like a song:      deepcuts similar "artist title"    (or any audio file)
What you never played:  deepcuts discover
Listen in a browser:    deepcuts serve

All commands:           deepcuts --help
"""


def help_lines() -> Iterator[str]:
    """Yield the commands under their sections, each on one line of at most 80 columns."""
    width = max(len(name) for commands in SECTIONS.values() for name in commands)
    for section, commands in SECTIONS.items():
        yield f"{section}:"
        for name, summary in commands.items():
            yield f"  {name:<{width}}  {summary}"
        yield ""


def version() -> str:
    """Return the installed version of deepcuts."""
    from importlib.metadata import version as installed

    return installed("deepcuts")
