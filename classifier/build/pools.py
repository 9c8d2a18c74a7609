"""The sounds that the shipped detector learns from, as small as they can be kept: mean embeddings.

Run as ``python -m classifier.build.pools OUT.npz NAME=FEATURES.npz ...``, a name each for `MUSIC`, `VOICED`
and `OTHERS`, the features as `classifier.build.song_features` saved them. ``pools.npz`` beside this file is
what came of it; docs/MODEL_CARD.md says what the recordings were and how they were made. Beside whole songs
there are excerpts of music of one to three patches, since the other sounds are often that short.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifier import params
from classifier.arrays import Array, Ints

POOLS: Final = Path(__file__).parent / "pools.npz"
MUSIC: Final = ("game", "more games")
VOICED: Final = "song"
OTHERS: Final = ("esc5", "development", "textures", "debian", "talk", "short")
EXCERPTS: Final = 4
LONGEST_EXCERPT: Final = 3


@dataclass(frozen=True)
class Features:
    """What `classifier.build.song_features` saved: of songs names, kinds and mean embeddings; patches."""

    names: Sequence[str]
    kinds: Sequence[str]
    embeddings: Array
    patches: Array
    patch_songs: Ints

    def pool(self) -> "Pool":
        """Return the songs, and means of a few consecutive patches of each."""
        random = np.random.default_rng(params.SEED)
        found, owners = [], []
        for song in range(len(self.names)):
            of_song = self.patches[self.patch_songs == song]
            for _ in range(EXCERPTS):
                length = int(random.integers(1, LONGEST_EXCERPT + 1))
                start = int(random.integers(0, max(1, len(of_song) - length + 1)))
                found.append(of_song[start : start + length].mean(axis=0))
                owners.append(song)
        return Pool(self.kinds, self.embeddings, np.stack(found), np.array(owners))


@dataclass(frozen=True)
class Pool:
    """A set of sounds.

    Attributes
    ----------
    kinds
        Of each sound.
    means
        (sounds, dimensions) mean embeddings.
    excerpts, owners
        Mean embeddings of excerpts, and which sound each is of; none of sounds that are not music.
    """

    kinds: Sequence[str]
    means: Array
    excerpts: Array
    owners: Ints


def read_features(path: Path) -> Features:
    """Return the features of a file; of one as Emotify's, the artist is a song's kind."""
    with np.load(path, allow_pickle=False) as data:
        patches = data["patch"].astype(np.float32)
        if "patch_song" in data:
            names, kinds = data["name"], data["kind"]
            return Features(names.tolist(), kinds.tolist(), data["embedding"], patches, data["patch_song"])
        weights = data["segment_s"][:, None]
        owner, n = data["segment_track"], len(data["track"])
        total, seconds = np.zeros((n, patches.shape[1])), np.zeros((n, 1))
        np.add.at(total, owner, weights * data["embedding"])
        np.add.at(seconds, owner, weights)
        means = np.asarray(total / seconds, np.float32)
        songs = owner[data["patch_segment"]]
        return Features(data["track"].tolist(), data["artist"].tolist(), means, patches, songs)


def write_pools(out: Path, features: Mapping[str, Path]) -> None:
    """Write what is learned of each of `MUSIC`, `VOICED` and `OTHERS`, as float16."""
    arrays: dict[str, Any] = {}
    for name in (*MUSIC, VOICED, *OTHERS):
        pool = read_features(features[name]).pool()
        arrays[f"{name}/kinds"] = np.array(pool.kinds)
        arrays[f"{name}/means"] = pool.means.astype(np.float16)
        if name not in OTHERS:
            arrays[f"{name}/excerpts"] = pool.excerpts.astype(np.float16)
    np.savez_compressed(out, **arrays)


def read_pools(path: Path = POOLS) -> dict[str, Pool]:
    """Return the pools of a file by name."""
    pools = {}
    with np.load(path, allow_pickle=False) as arrays:
        for name in (*MUSIC, VOICED, *OTHERS):
            means = arrays[f"{name}/means"].astype(np.float32)
            is_music = name not in OTHERS
            excerpts = arrays[f"{name}/excerpts"].astype(np.float32) if is_music else means[:0]
            owners = np.repeat(np.arange(len(means)), EXCERPTS)[: len(excerpts)]
            pools[name] = Pool(arrays[f"{name}/kinds"].tolist(), means, excerpts, owners)
    return pools


def main() -> None:
    """Run this step from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("features", nargs="+", metavar="NAME=FEATURES.npz")
    args = parser.parse_args()
    named = dict(feature.split("=", 1) for feature in args.features)
    write_pools(args.out, {name: Path(path) for name, path in named.items()})


if __name__ == "__main__":
    main()
