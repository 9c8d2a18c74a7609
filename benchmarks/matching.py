"""Precision and recall of matching a server's songs: 1,000 tracks whose names are damaged in ten ways.

python benchmarks/matching.py
"""

import argparse
import json
import random
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from recommender.connections.agreement import LocalSong
from recommender.connections.matching import SongMatcher
from recommender.connections.values import RemoteSong

TRACKS: Final = 1_000
SEED: Final = 20
WORDS: Final = [
    *[
        "river",
        "stone",
        "night",
        "glass",
        "fire",
        "winter",
        "open",
        "road",
        "silver",
        "moon",
        "house",
        "little",
        "dance",
        "paper",
        "sea",
        "ghost",
        "summer",
    ],
    *[
        "électrique",
        "señor",
        "über",
        "garden",
        "honey",
        "wild",
        "blue",
        "machine",
        "love",
        "heart",
        "king",
        "queen",
        "dust",
        "light",
        "shadow",
        "sugar",
    ],
]
Damage = Callable[[RemoteSong, random.Random], RemoteSong]


def phrase(chance: random.Random, least: int, most: int) -> str:
    """Return some words, the first letters large."""
    return " ".join(chance.choice(WORDS) for _ in range(chance.randint(least, most))).title()


def library(chance: random.Random) -> list[LocalSong]:
    """Return 1,000 tracks: albums of ten; the same titles by several artists, remasters and live versions."""
    songs: list[LocalSong] = []
    for number in range(TRACKS):
        album, place = divmod(number, 10)
        by = random.Random(album // 2)
        artist = ("The " if album % 6 < 2 else "") + phrase(by, 1, 2) + (" & Co" if album % 10 < 2 else "")
        title, length = phrase(chance, 1, 7), round(chance.uniform(90, 420), 2)
        if place == 8:  # the song before, in another version
            before = songs[-1]
            version = chance.choice(("(Live)", "(2009 Remaster)", "(Acoustic)"))
            title, length = f"{before.title} {version}", before.duration_s + chance.uniform(-20, 20)  # type: ignore[operator]
        if place == 9 and album:  # a song of another artist's of the same title
            title = songs[chance.randrange(len(songs) - 9)].title
        name = f"{place + 1:02} {title}".replace("/", "_")
        path = f"{artist}/Album {album}/{name}.flac"
        songs.append(LocalSong(number + 1, path, title, artist, f"Album {album}", length, f"{number:040}"))
    return songs


def moved(song: RemoteSong, chance: random.Random) -> RemoteSong:
    """Give it a path of another make."""
    return replace(song, path=f"mnt/{chance.randrange(10**6)}.mp3")


def typed_wrong(song: RemoteSong, chance: random.Random) -> RemoteSong:
    """Leave out a letter."""
    place = chance.randrange(len(song.title))
    return replace(song, title=song.title[:place] + song.title[place + 1 :])


def bare(text: str) -> str:
    """Return a text without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


DAMAGES: Final[dict[str, Damage]] = {
    "other folders and file names": lambda song, chance: song,
    "capitals": lambda song, chance: replace(song, title=song.title.upper(), artist=song.artist.lower()),
    "accents as marks, or none": lambda song, chance: replace(
        song, title=unicodedata.normalize("NFD", song.title), artist=bare(song.artist)
    ),
    "punctuation": lambda song, chance: replace(
        song, title=song.title.replace(" ", ", ", 1) + "!", artist=song.artist.replace("&", "and")
    ),
    "guests": lambda song, chance: replace(song, title=f"{song.title} (feat. Somebody Else)"),
    "article behind": lambda song, chance: replace(
        song, artist=f"{song.artist[4:]}, The" if song.artist.startswith("The ") else f"The {song.artist}"
    ),
    "remark of an issue": lambda song, chance: replace(song, title=f"{song.title} (Remastered 2015)"),
    "title cut off at 30": lambda song, chance: replace(song, title=song.title[:30].strip()),
    "no album, whole seconds": lambda song, chance: replace(
        song, album="", duration_s=float(int(song.duration_s or 0))
    ),
    "a letter is missing": typed_wrong,
}


def main() -> None:
    """Damage, match and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    chance = random.Random(SEED)
    songs = library(chance)
    matcher = SongMatcher(songs)
    rows = []
    for name, damage in DAMAGES.items():
        right = wrong = doubtful = 0
        for song in songs:
            whole = RemoteSong(
                str(song.track_id), song.path, song.title, song.artist, song.album, song.duration_s
            )
            found = matcher.find(damage(moved(whole, chance), chance))
            right += found.track_id == song.track_id
            wrong += found.track_id not in (None, song.track_id)
            doubtful += found.how == "doubtful"
        rows.append({"damage": name, "right": right, "wrong": wrong, "doubtful": doubtful})
    total = {key: sum(int(str(row[key])) for row in rows) for key in ("right", "wrong", "doubtful")}
    answer = {
        "tracks": len(songs),
        "rows": rows,
        "precision": round(total["right"] / max(1, total["right"] + total["wrong"]), 4),
        "recall": round(total["right"] / (len(songs) * len(rows)), 4),
        "recall_where_a_title_is_whole": round(
            sum(int(str(row["right"])) for row in rows[:-1]) / (len(songs) * (len(rows) - 1)), 4
        ),
    }
    if as_json:
        print(json.dumps(answer, indent=2))
        return
    for row in rows:
        print(
            f"{row['damage']:<30} right {row['right']:4}  wrong {row['wrong']:3} doubtful {row['doubtful']:4}"
        )
    print({key: value for key, value in answer.items() if key != "rows"})


if __name__ == "__main__":
    main()
