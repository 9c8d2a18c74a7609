"""A radio, measured: does it repeat, keep artists apart, show everybody, drift as asked, and learn?

    python benchmarks/radio.py HOME [--songs 500] [--seeds 10]

From seeds spread evenly over the catalogue so many songs are asked for in all, ten at a time: songs and
versions that come twice, the fewest songs between two of one artist, and exposure (tracks never played,
Gini). Likeness to the seed, by tens of songs,
for several values of `far`. Then listeners who answer: one skips the genre that the radio played most, one
finishes what was rarely played and skips the rest; each is compared with one who finishes everything.
All is done in a copy of the home's catalogue.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import common
import numpy as np
from sqlalchemy.orm import Session

from db.listening.plays import PlayCount, set_plays
from db.listening.radios import note_outcome
from db.listening.tables import RadioSong
from db.rows import TrackRow
from recommender.evaluation.exposure import gini
from recommender.home import Home
from recommender.radio.station import make_radio, play_on
from recommender.retrieval.index.store import open_index
from recommender.retrieval.sound_filters import song_genres
from recommender.song_titles import song_named

AT_ONCE = 10
FAR = (0.0, 0.25, 0.5, 0.75, 1.0)


class Bench:
    """A copy of a home, and what radios of it play."""

    def __init__(self, path: Path) -> None:
        home = Home(path)
        self.catalog, self.bundle = home.existing_catalog(), home.bundle()
        self.index, _ = open_index(self.catalog, home.index_dir, self.bundle.trunk_id)
        self.ids = self.index.rows.track_ids
        with self.catalog.snapshot() as session:
            genres = song_genres(session, self.bundle, self.ids)
        self.genre = dict(zip(self.ids.tolist(), genres.argmax(axis=1).tolist(), strict=True))
        self.means = dict(
            zip(self.ids.tolist(), self.index.mean_vectors(np.arange(len(self.ids))), strict=True)
        )

    def play(
        self, seed: int, n: int, far: float = 0.3, outcome: Callable[[TrackRow], str] | None = None
    ) -> list[TrackRow]:
        """Return what a radio plays to a listener."""
        with self.catalog.change() as session:
            made = make_radio(session, self.index, self.bundle, "song", str(seed), far=far)
        played: list[TrackRow] = []
        while len(played) < n:
            tracks = play_on(
                self.catalog.snapshot,
                self.catalog.change,
                lambda session: session.merge(made),
                self.index,
                self.bundle,
                min(AT_ONCE, n - len(played)),
                partial(taken, outcome=outcome),
            )
            if not tracks:
                break
            played += tracks
        return played

    def likeness(self, seed: int, played: Sequence[TrackRow]) -> list[float]:
        """Return how much songs sound like the seed, by tens: cosines of mean vectors."""
        each = [float(self.means[seed] @ self.means[track.id]) for track in played]
        return [round(float(np.mean(each[i : i + AT_ONCE])), 3) for i in range(0, len(each), AT_ONCE)]


def taken(
    session: Session, songs: Sequence[tuple[RadioSong, TrackRow]], outcome: Callable[[TrackRow], str] | None
) -> list[TrackRow]:
    """Note what the listener made of songs, and return them."""
    for song, track in songs:
        if outcome is not None:
            note_outcome(session, song, outcome(track))
    return [track for _, track in songs]


def repeats(lists: Sequence[Sequence[TrackRow]]) -> dict[str, int]:
    """Return songs and versions that come twice in a radio, and the fewest songs between two of an artist."""
    songs = versions = 0
    least = 10**6
    for played in lists:
        named = [key for key in (song_named(t.artist, t.title) for t in played) if key is not None]
        songs += len(played) - len({track.id for track in played})
        versions += len(named) - len(set(named))
        last: dict[str, int] = {}
        for place, track in enumerate(played):
            if track.artist and track.artist in last:
                least = min(least, place - last[track.artist] - 1)
            last[track.artist] = place
    return {"songs_twice": songs, "versions_twice": versions, "fewest_songs_between_one_artist": least}


def learns(bench: Bench, seeds: Sequence[int], n: int) -> dict[str, Any]:
    """Return shares of the last third that listeners of certain habits hear, without and with the habit."""
    shares: dict[str, list[tuple[float, float]]] = {"skipped genre": [], "rarely played": []}
    for seed in seeds:
        plain = bench.play(seed, n, outcome=lambda _: "finished")
        most = Counter(bench.genre[track.id] for track in plain).most_common(1)[0][0]

        def of_genre(track: TrackRow, genre: int = most) -> bool:
            return bench.genre[track.id] == genre

        def is_rare(track: TrackRow) -> bool:
            return track.plays == 0

        skips = bench.play(seed, n, outcome=lambda t, f=of_genre: "skipped" if f(t) else "finished")
        likes = bench.play(seed, n, outcome=lambda t: "finished" if is_rare(t) else "skipped")
        for name, test, played in (("skipped genre", of_genre, skips), ("rarely played", is_rare, likes)):
            both = [float(np.mean([test(t) for t in some[2 * n // 3 :]])) for some in (plain, played)]
            shares[name].append((both[0], both[1]))
    return {name: np.round(np.mean(rows, axis=0), 3).tolist() for name, rows in shares.items()}


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("home", type=Path)
    parser.add_argument("--songs", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        shutil.copytree(args.home, Path(work) / "home")
        bench = Bench(Path(work) / "home")
        n = args.songs // args.seeds
        seeds = [int(bench.ids[i * len(bench.ids) // args.seeds]) for i in range(args.seeds)]
        lists = [bench.play(seed, n) for seed in seeds]
        counts = np.bincount(
            np.searchsorted(bench.ids, [t.id for played in lists for t in played]), minlength=len(bench.ids)
        )
        answer: dict[str, Any] = {
            "machine": common.machine(),
            "tracks": len(bench.ids),
            "songs": n * len(seeds),
        }
        answer |= repeats(lists)
        answer |= {"never_played": int((counts == 0).sum()), "most": int(counts.max()), "gini": gini(counts)}
        answer["likeness_to_the_seed_by_tens"] = {
            str(far): np.round(
                np.mean([bench.likeness(seed, bench.play(seed, n, far)) for seed in seeds], axis=0), 3
            ).tolist()
            for far in FAR
        }
        random = np.random.default_rng(0)
        with bench.catalog.change() as session:
            set_plays(session, {int(i): PlayCount(int(random.pareto(0.6))) for i in bench.ids}, add=False)
        answer["learns"] = learns(bench, seeds, n)
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
