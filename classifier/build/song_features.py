"""Save what the shipped trunk hears in folders of audio, for `classifier.build.train_shipped`.

Run as ``python -m classifier.build.song_features OUT.npz FOLDER ...``. Of each file, in order of paths:
``name`` (its path from the folder), ``kind`` (the folder that it lies in, or, right below FOLDER, its name
up to the
second hyphen), ``embedding`` (the mean over its segments); of each patch ``patch`` (float16) and
``patch_song``.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np

from classifier.errors import AudioError
from classifier.model import bundle
from classifier.model.inference import Trunk
from classifier.model.predictions import song_mean

SUFFIXES: Final = (".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav")


def kind_of(path: Path, folder: Path) -> str:
    """Return what a file is called as one of several alike."""
    if path.parent != folder:
        return path.parent.name
    return "-".join(path.stem.split("-")[:2])


def save_features(out: Path, folders: list[Path]) -> int:
    """Save the features of every file that can be analysed, and return how many there are."""
    trunk = Trunk(bundle.load(bundle.SHIPPED), threads=1)
    found = sorted((p, folder) for folder in folders for p in folder.rglob("*") if p.suffix in SUFFIXES)
    names, kinds, embeddings, patches, sizes = [], [], [], [], []
    for path, folder in found:
        try:
            analysis = trunk.analyse_file(path)
        except AudioError:
            continue
        _, of_segments, seconds = analysis.features()
        of_patches = [s.patches for s in analysis.segments if s.patches is not None]
        names.append(path.relative_to(folder).as_posix())
        kinds.append(kind_of(path, folder))
        embeddings.append(song_mean(of_segments, seconds))
        patches += of_patches
        sizes.append(sum(map(len, of_patches)))
    np.savez(
        out,
        name=np.array(names),
        kind=np.array(kinds),
        embedding=np.stack(embeddings),
        patch=np.concatenate(patches),
        patch_song=np.repeat(np.arange(len(sizes)), sizes),
        trunk_id=np.array(trunk.bundle.trunk_id),
    )
    return len(names)


def main() -> None:
    """Run this step from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    args = parser.parse_args()
    save_features(args.out, args.folders)


if __name__ == "__main__":
    main()
