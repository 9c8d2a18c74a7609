"""Bring a published model in: its files looked at, tried, and written as a bundle of the home.

They are copied first, so that what is looked at is what is used. Nothing is opened in this process before it
was opened in one of its own (`recommender.trial_process`).
"""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile, rmtree
from time import perf_counter
from typing import Any, Final

import numpy as np

from classifier import params
from classifier.brought.class_names import KnownWords
from classifier.brought.contents import BroughtHead, BroughtTrunk, contents_of
from classifier.brought.metadata import ModelMetadata, read_metadata
from classifier.brought.outputs import check_reads, head_output, trunk_outputs
from classifier.errors import BundleError, in_words
from classifier.features.segments import AudioSegment
from classifier.files import make_folder
from classifier.model import bundle as bundles
from classifier.model.bounded_files import blocks_of, file_hash, open_regular
from classifier.model.bundle import Bundle
from classifier.model.bundle_values import is_bundle_id
from classifier.model.onnx_trunk import HEAD_FILES, MOST_HEADS
from classifier.model.write import PART, BundleContents, write
from recommender.bundles import SHIPPED_NAME
from recommender.errors import RecommenderError
from recommender.home import Home
from recommender.models.listing import NAME, named_bundles
from recommender.trial_process import in_trial

_FOLDER: Final = re.compile(r"^(?:bundle \S+: )+")
TIMED_S: Final = 2.0
BATCH: Final = re.compile(r"-bs[0-9a-z]*")
"""What tells exports of one model apart that differ in how many patches they read at a time."""


@dataclass(frozen=True)
class AddedModel:
    """A model that was brought in.

    Attributes
    ----------
    name, bundle
        What it is called, and its bundle, in the home; not active.
    record
        Where it came from, and how it is fed; as the bundle keeps it.
    seconds_a_minute
        Of one processor, for a minute of music, decoding left out.
    bytes_a_minute
        That the catalogue keeps of a minute of music.
    notes
        Whole sentences on what the user should know.
    """

    name: str
    bundle: Bundle
    record: Mapping[str, Any]
    seconds_a_minute: float
    bytes_a_minute: int
    notes: tuple[str, ...]


def add_model(
    home: Home, file: Path, metadata: Path | None = None, heads: Sequence[Path] = (), name: str | None = None
) -> AddedModel:
    """Bring a model in, whole or not at all; the home's writer lock is held.

    Parameters
    ----------
    file
        Its ONNX file.
    metadata
        The JSON that describes it; None for the one of the same name beside it.
    heads
        ONNX files that read its embeddings, each with its JSON beside it.
    name
        What to call it; None for the name of the file.

    Raises
    ------
    BundleError
        If anything of it does not fit; the text names the file, and why.
    RecommenderError
        If it cannot be called so, or the home cannot be written.
    """
    called = name if name is not None else _plain(file.stem)
    _check_name(called)
    if len(heads) > MOST_HEADS:
        raise RecommenderError(f"{len(heads)} heads are too many; at most {MOST_HEADS} are read")
    try:
        make_folder(home.bundles_dir)
        staging = Path(tempfile.mkdtemp(prefix=PART, dir=home.bundles_dir))
    except OSError as error:
        raise RecommenderError(f"{home.bundles_dir} cannot be written: {in_words(error)}") from error
    try:
        trunk = _trunk(file, metadata, staging)
        read = [_head(head, trunk, staging / place) for head, place in zip(heads, HEAD_FILES, strict=False)]
        contents, bundle = _taken_in(home, called, trunk, read, staging)
    except OSError as error:
        raise RecommenderError(f"the model cannot be copied into {staging}: {in_words(error)}") from error
    finally:
        rmtree(staging, ignore_errors=True)
    notes = _notes(trunk, read)
    known = {folder: name for name, folder in named_bundles(home).items()}.get(bundle.bundle_id)
    if known != called:
        notes.append(f"this very model is here already, called {known or bundle.bundle_id}")
    record = {**contents.training["model"], "name": known or bundle.bundle_id}
    return AddedModel(record["name"], bundle, record, *_costs(bundle), tuple(notes))


def _plain(text: str) -> str:
    """Return a text as a name can be: what no name may have becomes a hyphen."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-_")[:60] or "model"


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name) or name == SHIPPED_NAME or is_bundle_id(name):
        raise RecommenderError(
            f"a model cannot be called '{name[:80]}': letters, digits, '.', '_' and '-' make a name, "
            "which is neither 'shipped' nor a bundle's id"
        )


def _trunk(file: Path, metadata: Path | None, staging: Path) -> BroughtTrunk:
    said = _metadata_of(file, metadata, "--metadata FILE.json")
    place = staging / bundles.TRUNK_ONNX
    copied = _copied(file, place)
    expected = said.reads[-2:] if len(said.reads) > 1 else (0, params.N_MELS)
    try:
        found = in_trial("ends", place, expected)
        frames = check_reads(found["reads"], said)
        outputs = trunk_outputs(found["gives"], said)
        return BroughtTrunk(file.name, copied, found["input"], said, frames, outputs, found["batch"])
    except BundleError as error:
        raise BundleError(f"{file.name}: {error}") from error


def _head(file: Path, trunk: BroughtTrunk, place: Path) -> BroughtHead:
    said = _metadata_of(file, None, "its JSON beside it")
    copied, size = _copied(file, place), trunk.outputs.embedding_size
    try:
        found = in_trial("ends", place, (size,))
        if found["batch"] is not None:
            raise BundleError(f"it reads exactly {found['batch']} at a time; of a head any number must do")
        if found["reads"] != [size]:
            raise BundleError(
                f"it reads embeddings of {found['reads'][0]:,} numbers; those of {trunk.file} have {size:,}"
            )
        return BroughtHead(file.name, copied, found["input"], said, head_output(found["gives"], said))
    except BundleError as error:
        raise BundleError(f"{file.name}: {error}") from error


def _metadata_of(file: Path, metadata: Path | None, how: str) -> ModelMetadata:
    """Read what is said of a model, in a file that was named or that is beside it."""
    path = metadata if metadata is not None else file.with_suffix(".json")
    if metadata is None and not path.exists():
        raise BundleError(
            f"{file.name}: nothing says what its outputs mean; there is no {path.name}: give {how}"
        )
    return read_metadata(path)


def _copied(file: Path, place: Path) -> str:
    """Copy a file of bounded size, and return the hash of what was copied."""
    with open_regular(file) as source, open(place, "xb") as target:
        for block in blocks_of(source, params.LARGEST_BUNDLE_FILE, file.name):
            target.write(block)
    return file_hash(place)


def _taken_in(
    home: Home, name: str, trunk: BroughtTrunk, heads: Sequence[BroughtHead], staging: Path
) -> tuple[BundleContents, Bundle]:
    """Return what a model's bundle says, and the bundle; what is wrong with it is said of its own file."""
    try:
        contents = contents_of(name, trunk, heads, KnownWords.of(bundles.load(bundles.SHIPPED)))
        return contents, _bundle(home, name, contents, staging)
    except BundleError as error:
        raise BundleError(f"{trunk.file}: {_FOLDER.sub('', str(error))}") from error


def _bundle(home: Home, name: str, contents: BundleContents, staging: Path) -> Bundle:
    """Write a model's bundle beside its files, try it, and put it among those of the home."""
    copyfile(bundles.SHIPPED / bundles.FRONT_END, staging / bundles.FRONT_END)
    made = write(staging / "made", staging, contents)
    other = named_bundles(home).get(name, made.bundle_id)
    if other != made.bundle_id:
        raise RecommenderError(
            f"there is another model called {name} ({other}): remove it, or give this one a --name"
        )
    return home.take_bundle(str(made.path))


def _costs(bundle: Bundle) -> tuple[float, int]:
    """Return the seconds of one processor and the bytes that a minute of music takes."""
    from classifier.model.inference import Trunk

    trunk = Trunk(bundle, threads=1)
    n_samples = round(params.SEGMENT_S * bundle.front_end.rate_hz)
    noise = np.random.default_rng(params.SEED).uniform(-0.5, 0.5, n_samples).astype(np.float32)
    segment, stage_s = AudioSegment(0.0, params.SEGMENT_S, noise), {"mel": 0.0, "network": 0.0}
    times: list[float] = []
    while not times or (sum(times) < TIMED_S and len(times) < 3):
        started = perf_counter()
        analysis = trunk.analyse_segment(segment, stage_s)
        times.append(perf_counter() - started)
    kept = 0 if analysis.patches is None else analysis.patches.nbytes
    numbers = bundle.embedding_size + len(bundle.tag_names) + len(bundle.labels)
    a_minute = 60.0 / params.SEGMENT_S
    return min(times) * a_minute, round((kept + numbers * np.dtype(np.float32).itemsize) * a_minute)


def _notes(trunk: BroughtTrunk, heads: Sequence[BroughtHead]) -> list[str]:
    notes = []
    link, stem = Path(trunk.metadata.link or "").stem, Path(trunk.file).stem
    known = {BATCH.sub("", text) for text in (link, stem) if text}
    for head in heads:
        made_for = head.metadata.made_for
        if made_for is not None and BATCH.sub("", made_for) not in known:
            notes.append(
                f"{head.file} was made for the embeddings of {made_for}, and is given those of {stem}: if "
                "these are other models, what it says means nothing"
            )
    return notes
