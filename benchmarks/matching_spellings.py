"""Precision and recall of matching songs whose names are spelt in 30 other ways than `matching` damages them.

The tracks have names as people and bands have, among them parts, movements and versions of one song, whose
lengths differ by less than a second, and a title of another artist's on each album.

python -m benchmarks.matching_spellings [--seed N] [--show WAY]
"""

import argparse
import json
import random
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from recommender.connections.agreement import LocalSong
from recommender.connections.matching import SongMatcher
from recommender.connections.values import RemoteSong

TRACKS: Final = 1_500
FIRST: Final = (
    "John Paul Maria Anna Nina Miles Bill Ella Otis Björn José Zoë Søren Łukasz Renée Françoise Jürgen "
    "Sinéad Tom Joni Nick Ray Al David Patti Kate Fela Caetano Astrud Édith"
)
LAST: Final = (
    "Coltrane Simone Davis Evans Fitzgerald Redding Waits Mitchell Drake Charles Green Bowie Smith Bush Kuti "
    "Veloso Gilberto Piaf Guðmundsdóttir González Müller O'Connor Sørensen Dvořák Sigur"
)
BANDS: Final = (
    "Beatles Stones Kinks Doors Clash Cure Smiths Byrds Roots Strokes Pixies Cars Police Verve Shins Кино"
)
WORDS: Final = (
    "love night river moon heart fire rain blue road dance dream sun home summer light shadow dark sea girl "
    "boy time world heaven city street train water ocean little sweet crazy lonely wild broken golden silver "
    "morning midnight tomorrow yesterday forever never always"
)
VERSIONS: Final = (
    "(Live)",
    "(2009 Remaster)",
    "(Acoustic)",
    "(Demo)",
    "[Mono]",
    "- Live at Leeds",
    "(Radio Edit)",
)
LETTERS: Final = {"ø": "oe", "ö": "oe", "ü": "ue", "ä": "ae", "Ł": "L", "ł": "l", "ð": "d", "æ": "ae"}
NUMERALS: Final = {"1": "I", "2": "II", "I": "1", "II": "2", "III": "3"}

Way = Callable[[RemoteSong, random.Random], RemoteSong]


def title_of(chance: random.Random) -> str:
    """Return a title: words, or a part, a movement, a number, an article."""
    words = " ".join(chance.sample(WORDS.split(), chance.randint(1, 4))).title()
    kind = chance.random()
    if kind < 0.08:
        return f"{words}, Pt. {chance.choice('12')}"
    if kind < 0.11:
        return f"{words} Part {chance.choice(['I', 'II', 'III'])}"
    if kind < 0.14:
        return f"Don't {words}"
    if kind < 0.17:
        return f"{words} & {chance.choice(WORDS.split()).title()}"
    if kind < 0.2:
        return f"The {words}"
    if kind < 0.22:
        return f"99 {words}"
    if kind < 0.25:
        number, movement = chance.randint(1, 9), chance.choice(["I. Allegro", "II. Andante", "III. Presto"])
        return f"Symphony No. {number} in C Minor, Op. {chance.randint(1, 99)}: {movement}"
    return words


def artist_of(chance: random.Random) -> str:
    """Return a band, a person, or two."""
    first, last, band = (chance.choice(names.split()) for names in (FIRST, LAST, BANDS))
    kind = chance.random()
    if kind < 0.3:
        return f"The {band}"
    return f"{first} {last}" + (f" & {chance.choice(FIRST.split())} {band}" if kind < 0.4 else "")


def library(chance: random.Random) -> list[LocalSong]:
    """Return albums of ten; versions and second parts of songs, nearly as long, and others' titles."""
    songs: list[LocalSong] = []
    while len(songs) < TRACKS:
        artist, album = artist_of(chance), title_of(chance)
        for place in range(10):
            title, length = title_of(chance), chance.uniform(90, 420)
            before = songs[-1] if place else None
            if place == 7 and before is not None:
                title = f"{before.title} {chance.choice(VERSIONS)}"
                length = (before.duration_s or 0.0) + chance.choice([0.3, -0.7, 5, -20, 30])
            if place == 8:
                title = chance.choice(songs).title
            if place == 9 and before is not None:
                songs[-1] = replace(before, title=f"{before.title}, Pt. 1")
                title, length = f"{before.title}, Pt. 2", (before.duration_s or 0.0) + chance.choice([0.4, 8])
            number = len(songs) + 1
            path = f"{artist}/{album}/{place + 1:02} {title}.flac"
            songs.append(LocalSong(number, path, title, artist, album, round(length, 2), f"{number:040}"))
    return songs


def bare(text: str) -> str:
    """Return a text in letters of English."""
    plain = "".join(LETTERS.get(letter, letter) for letter in text)
    return "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))


def swapped(song: RemoteSong, chance: random.Random) -> RemoteSong:
    """Let the first two letters of a word change places."""
    words = song.title.split()
    place = chance.randrange(len(words))
    word = words[place]
    words[place] = word[1:2] + word[:1].lower() + word[2:]
    return replace(song, title=" ".join(words))


def without_a_word(song: RemoteSong, chance: random.Random) -> RemoteSong:
    """Leave a word out, where there are three."""
    words = song.title.split()
    if len(words) > 2:
        del words[chance.randrange(len(words))]
    return replace(song, title=" ".join(words))


def shorter(song: RemoteSong, chance: random.Random) -> RemoteSong:
    """Leave a letter of the artist out."""
    place = chance.randrange(1, len(song.artist))
    return replace(song, artist=song.artist[:place] + song.artist[place + 1 :])


def at(song: RemoteSong, path: str) -> RemoteSong:
    """Return a song of which nothing is known but its path."""
    return replace(song, path=path, title="", artist="", album="")


def mistaken(text: str) -> str:
    """Return a text of UTF-8 that was read as of old Windows."""
    return text.encode().decode("cp1252", "replace")


WAYS: Final[dict[str, Way]] = {
    "letters of English": lambda song, _: replace(song, title=bare(song.title), artist=bare(song.artist)),
    "typographic signs": lambda song, _: replace(
        song, title=song.title.replace("'", "’").replace(" - ", " – "), artist=song.artist.replace("'", "’")
    ),
    "underscores": lambda song, _: replace(
        song, title=song.title.replace(" ", "_"), artist=song.artist.replace(" ", "_")
    ),
    "double spaces, dots": lambda song, _: replace(
        song, title=song.title.replace(" ", "  ") + "...", artist=f"{song.artist} "
    ),
    "two letters swapped": swapped,
    "a letter of the artist missing": shorter,
    "a word missing": without_a_word,
    "artist before the title": lambda song, _: replace(song, title=f"{song.artist} - {song.title}"),
    "artist in the title alone": lambda song, _: replace(
        song, title=f"{song.artist} - {song.title}", artist=""
    ),
    "number before the title": lambda song, chance: replace(
        song, title=f"{chance.randint(1, 12):02} - {song.title}"
    ),
    "J. Coltrane": lambda song, _: replace(
        song, artist=re.sub(r"^(?!The )(\w)\w+ (\S+)$", r"\1. \2", song.artist)
    ),
    "Coltrane, John": lambda song, _: replace(song, artist=re.sub(r"^(\S+) (\S+)$", r"\2, \1", song.artist)),
    "Part for Pt.": lambda song, _: replace(song, title=song.title.replace("Pt. ", "Part ")),
    "roman numerals": lambda song, _: replace(
        song, title=re.sub(r"(Part|Pt\.) (\w+)$", lambda m: f"{m[1]} {NUMERALS[m[2]]}", song.title)
    ),
    "disc in the album": lambda song, _: replace(song, album=f"{song.album} (Disc 1)"),
    "guests": lambda song, chance: replace(
        song, artist=song.artist + chance.choice([" feat. Someone", " ft. X", "; Guest", "/Guest Person"])
    ),
    "first artist alone": lambda song, _: replace(song, artist=song.artist.split(" & ")[0]),
    "mistaken encoding": lambda song, _: replace(
        song, title=mistaken(song.title), artist=mistaken(song.artist)
    ),
    "remark of an issue": lambda song, chance: replace(
        song,
        title=song.title
        + chance.choice([" - Remastered 2011", " (Remaster)", " (Album Version)", " [Explicit]"]),
    ),
    "made live": lambda song, _: replace(song, title=f"{song.title} (Live)"),
    "another length": lambda song, chance: replace(
        song, duration_s=(song.duration_s or 0.0) + chance.choice([-15, 20, 40])
    ),
    "no length": lambda song, _: replace(song, duration_s=None),
    "cut off at 30": lambda song, _: replace(
        song, title=song.title[:30].strip(), artist=song.artist[:30].strip()
    ),
    "Various Artists": lambda song, _: replace(song, artist="Various Artists"),
    "a compilation": lambda song, _: replace(song, artist="Various Artists", album="Greatest Hits"),
    "path alone, elsewhere": lambda song, _: at(song, f"/data/media/{song.path}"),
    "path of Windows": lambda song, _: at(song, "D:\\Music\\" + song.path.replace("/", "\\")),
    "path as an address": lambda song, _: at(song, "file:///data/" + quote(song.path)),
    "path without signs": lambda song, _: at(
        song, "/m/" + re.sub(r"[?:*\"<>|'.&,]", "_", song.path[:-5]) + ".flac"
    ),
    "path with dots behind": lambda song, _: at(song, "/m/" + song.path.replace("/", "./")),
}
"""What is wrong, or another song: "made live" and "another length" should find nothing."""
NONE: Final = ("made live", "another length")


def main() -> None:
    """Spell, match and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--show", help="a way of which to print what was matched wrongly")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    songs = library(random.Random(asked.seed))
    matcher = SongMatcher(songs)
    rows = []
    for name, way in WAYS.items():
        chance = random.Random(asked.seed + 1)
        row = {"way": name, "right": 0, "wrong": 0, "doubtful": 0}
        for song in songs:
            path = song.path if name.startswith("path") else f"mnt/{chance.randrange(10**6)}.mp3"
            whole = RemoteSong("r", path, song.title, song.artist, song.album, song.duration_s)
            found = matcher.find(spelt := way(whole, chance))
            row["right"] += found.track_id == song.track_id  # type: ignore[operator]
            row["wrong"] += found.track_id not in (None, song.track_id)  # type: ignore[operator]
            row["doubtful"] += found.how == "doubtful"  # type: ignore[operator]
            if name == asked.show and found.track_id not in (None, song.track_id):
                print(f"{spelt.named} ({spelt.duration_s} s) was taken for {songs[found.track_id - 1]}")
        rows.append(row)
    show(rows, as_json=asked.json)


def show(rows: list[dict[str, str | int]], *, as_json: bool) -> None:
    """Print what was found in each way, and in all that name the song."""
    true = [row for row in rows if row["way"] not in NONE]
    right, wrong = (sum(int(row[key]) for row in true) for key in ("right", "wrong"))
    total = {"precision": round(right / (right + wrong), 5), "recall": round(right / (TRACKS * len(true)), 4)}
    if as_json:
        print(json.dumps({"tracks": TRACKS, "rows": rows, **total}, indent=2))
        return
    for row in rows:
        print(f"{row['way']:<32} right {row['right']:4}  wrong {row['wrong']:3} doubtful {row['doubtful']:4}")
    print(total)


if __name__ == "__main__":
    main()
