"""How often voices, instruments and eras are right, where a data set says so in any way.

    python benchmarks/facets.py TAGGRAMS.npz EMOTIFY.npz GAME_MUSIC.npz

TAGGRAMS and EMOTIFY are what `classifier.build.train_shipped` reads, GAME_MUSIC what
`classifier.build.song_features` saved of ``get_music.sh``. None of them has labels of voices, instruments
or eras; of some songs they are certain all the same: rap and GTZAN's pop are sung, orchestral game music is
not, a band files itself under "Female Fronted Metal", tracks of a guitar alone are called so, disco is of
the seventies or eighties, and Magnatune published from 2003 on. Of each facet the most probable name
counts.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import common
import numpy as np
import numpy.typing as npt

from classifier.build.pools import read_features
from classifier.build.train_shipped import last_layer
from classifier.model import bundle
from classifier.model.bundle import Bundle
from recommender.params import TAG_PRESENT

Array = npt.NDArray[np.float32]
VOICES = ("female vocalist", "female vocalists", "male vocalists")
WOMEN = VOICES[:2]
THRESHOLDS = (0.2, 0.4)
ORCHESTRA, WOMAN, GUITAR = "wesnoth-1.16-music", "marsshooter-data/", "_guitar"


def gtzan(path: Path) -> dict[str, Array]:
    """Return the mean tags of GTZAN's tracks, (tracks, tags), by genre."""
    with np.load(path, allow_pickle=False) as data:
        taggram, track, genre = data["taggram"], data["track"], data["genre"]
    names, first, owner = np.unique(track, return_index=True, return_inverse=True)
    means = np.stack([taggram[owner == i].mean(axis=0) for i in range(len(names))])
    return {str(label): means[genre[first] == label] for label in np.unique(genre)}


def emotify(path: Path) -> Array:
    """Return the mean tags of Emotify's tracks, (tracks, tags)."""
    with np.load(path, allow_pickle=False) as data:
        owner, tags = data["segment_track"], data["tags"]
    return np.stack([tags[owner == i].mean(axis=0) for i in range(owner.max() + 1)])


def game_music(path: Path, shipped: Bundle) -> dict[str, Array]:
    """Return the tags of game music, (tracks, tags), by its path from the folder of the packages."""
    features = read_features(path)
    tags = 1 / (1 + np.exp(-last_layer(shipped.path).log_odds(features.embeddings)))
    return dict(zip(features.names, tags, strict=True))


def share(shipped: Bundle, tags: Array, facet: str, right: Sequence[str], *, present: bool = False) -> str:
    """Return of how many songs the most probable name of a facet is right.

    With `present`, of how many the right name is likely enough to be listed.
    """
    found = 0
    for song in tags:
        names: Mapping[str, float] = dict(shipped.taxonomy.facets(song)[facet])
        best = max(names, key=lambda name: names[name])
        found += max(names[name] for name in right) >= TAG_PRESENT if present else best in right
    return f"{found} of {len(tags)} = {found / len(tags):.2f}"


def written(of_gtzan: dict[str, Array], of_emotify: Array, shipped: Bundle) -> dict[str, str]:
    """Return of the voices and eras that `tag` would write, at several thresholds, how many are right."""
    certain = (
        ("voice", of_gtzan["hiphop"], VOICES),
        ("voice", of_gtzan["pop"], VOICES),
        ("voice", of_gtzan["classical"], ("instrumental",)),
        ("era", of_gtzan["disco"], ("70s", "80s")),
        ("era", of_emotify, ("00s",)),
    )
    found = {}
    for least in (TAG_PRESENT, *THRESHOLDS):
        names, songs, total = [], 0, 0
        for facet, tags, right in certain:
            for song in tags:
                probable = [name for name, p in shipped.taxonomy.facets(song)[facet] if p >= least]
                names += [name in right for name in probable]
                songs, total = songs + bool(probable), total + 1
        found[f"{least:g}"] = f"{sum(names)} of {len(names)} right, of {songs} of {total} songs"
    return found


def table(of_gtzan: dict[str, Array], of_emotify: Array, of_games: dict[str, Array], shipped: Bundle) -> Any:
    """Return the share that is right of what is certain."""
    orchestra, women, guitars = (
        np.stack([tags for name, tags in of_games.items() if fits(name)])
        for fits in (
            lambda name: name.startswith(ORCHESTRA),
            lambda name: name.startswith(WOMAN),
            lambda name: GUITAR in name,
        )
    )
    return {
        "voice: rap is sung or spoken": share(shipped, of_gtzan["hiphop"], "voice", VOICES),
        "voice: GTZAN's pop is sung": share(shipped, of_gtzan["pop"], "voice", VOICES),
        "voice: GTZAN's classical music is instrumental": share(
            shipped, of_gtzan["classical"], "voice", ["instrumental"]
        ),
        "voice: orchestral game music is instrumental": share(shipped, orchestra, "voice", ["instrumental"]),
        "voice: a band with a singer is sung by a woman": share(shipped, women, "voice", WOMEN),
        "instrument: a guitar alone is one": share(shipped, guitars, "instrument", ["guitar"], present=True),
        "era: disco is of the 70s or 80s": share(shipped, of_gtzan["disco"], "era", ["70s", "80s"]),
        "era: Magnatune is of the 00s": share(shipped, of_emotify, "era", ["00s"]),
    }


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    for name in ("taggrams", "emotify", "game_music"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    shipped = bundle.load(bundle.SHIPPED)
    found = gtzan(args.taggrams), emotify(args.emotify), game_music(args.game_music, shipped)
    answer = table(*found, shipped) | {"voices and eras, by threshold": written(*found[:2], shipped)}
    common.report(answer, args.output)


if __name__ == "__main__":
    main()
