"""The campaign of damaged files, in short; and that its own checks see what they are there for."""

import random
from pathlib import Path

import pytest

from benchmarks.campaign import commands, fuzz, fuzz_seeds
from benchmarks.campaign.fuzz_damage import KINDS, damage
from benchmarks.campaign.fuzz_files import State, states, worse
from recommender.file_tags import formats, genre_fields
from tests.recommender import tag_files

COUNT = 40


def test_damaged_files(tmp_path: Path) -> None:
    tally = fuzz.run(tmp_path, seed=7, count=COUNT)
    assert (tally.tried, tally.failed) == (COUNT, [])


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return [path.read_bytes() for path in fuzz_seeds.make(tmp_path_factory.mktemp("seeds"))]


def test_a_seed_makes_the_same_files(contents: list[bytes]) -> None:
    made = [
        [damage(contents[i], ".x", chance, contents) for i in range(len(contents))]
        for chance in (random.Random("1/0"), random.Random("1/0"), random.Random("2/0"))
    ]
    assert made[0] == made[1] != made[2]
    assert sum(data != whole for (data, _), whole in zip(made[0], contents, strict=True)) > len(contents) / 2


def test_each_way_to_damage_a_file_changes_it(contents: list[bytes]) -> None:
    some = contents[::4]
    for kind, _ in KINDS:
        changed = [kind(data, random.Random(i), contents) != data for i, data in enumerate(some)]
        assert sum(changed) > len(some) / 2, kind.__name__


def test_what_a_command_loses_is_seen(tmp_path: Path) -> None:
    path = tag_files.make(tmp_path, "tagged.flac")
    before = states([path])[path.name]
    assert before.tags is not None
    assert worse("--undo", before, before, tags_too=True) is None
    formats.save(path, genre_fields.with_field(before.tags, "genre", ["Other"]))
    retagged = states([path])[path.name]
    assert worse("--write", before, retagged, tags_too=False) is None
    assert worse("--undo", before, retagged, tags_too=True) == "--undo left other tags"
    assert worse("--write", before, State("", None, None), tags_too=False) == "--write changed its audio"


@pytest.mark.parametrize(
    "reason",
    [
        "",
        " ",
        "None",
        "it is None",
        "KeyError: 1",
        "two\nlines",
        "cannot be read: b'x'",
        "<class 'x'>",
        "[Errno 2] no",
    ],
)
def test_reasons_that_are_none_are_seen(reason: str) -> None:
    assert commands.not_plain(reason) is not None


def test_a_plain_reason_is_one() -> None:
    assert commands.not_plain("it claims 1,024 channels; at most 64 are read") is None
    assert commands.not_plain("cannot be read: no such file or directory") is None


def test_how_a_command_ended_is_judged() -> None:
    def trouble(code: int | None, err: str = "", seconds: float = 1.0, peak_mb: float = 1.0) -> str | None:
        return commands.Ran(code, b"", err, seconds, peak_mb).trouble(10.0, 100.0)

    assert trouble(0) is trouble(3) is None
    assert trouble(1) is not None
    assert trouble(-11) is not None
    assert trouble(None) is not None
    assert trouble(0, "Traceback (most recent call last)") is not None
    assert trouble(3, "Exception ignored in: x") is not None
    assert trouble(0, seconds=11.0) is not None
    assert trouble(0, peak_mb=101.0) is not None
