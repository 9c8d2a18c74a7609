"""``discover``, ``find``, ``path`` and ``playlist`` on a real small library; playlists read back."""

import csv
import json
import math
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import cli
from classifier.model.bundle import Bundle
from recommender.params import LEAST_FIT
from tests import databases
from tests.recommender import support
from tests.recommender.hearing import takes_all_for_music
from tests.recommender.support import CLI, Library, Ran, environment, query, tracks

PLAYS = {"Alpha Rising": 50, "Delta Blues": 7, "Theta": 7, "Iota": 1}
N_UNPLAYED = len(support.SONGS) - len(PLAYS)


@pytest.fixture(scope="module")
def library(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The small library with plays and labels of its user."""
    made = ingested.clone(tmp_path_factory.mktemp("lists"))
    for day, (title, plays) in enumerate(PLAYS.items(), start=1):
        played = f"2024-03-0{day} 12:00:00.000000"
        sql = "UPDATE track SET plays = ?, last_played = ? WHERE title = ?"
        query(made.home, sql, plays, played, title)
    for folder, label in (("rock", "Rock/Krakow Polka"), ("jazz", "smoky bar")):
        sql = "UPDATE track SET label = ? WHERE substr(rel_path, 1, 5) = ?"
        query(made.home, sql, label, f"{folder}/".encode())
    return made


def answer(library: Library, *arguments: str | int | Path) -> Any:
    ran = library.run(*arguments, "--json")
    assert (ran.code, ran.err) == (0, "")
    return ran.json


def of_title(library: Library, title: str) -> Any:
    return next(row for row in tracks(library.home).values() if row["title"] == title)


# Deep cuts.


def test_deep_cuts_are_never_played_and_say_because_of_what(library: Library) -> None:
    found = answer(library, "discover", "-n", 3)
    assert set(found) == {"seeds", "trunk_id", "results", "shortfall"}
    by_plays = ["Alpha Rising", "Theta", "Delta Blues", "Iota"]  # Theta was played after Delta Blues
    assert [(seed["title"], seed["plays"]) for seed in found["seeds"]] == [(t, PLAYS[t]) for t in by_plays]
    assert [result["rank"] for result in found["results"]] == [1, 2, 3]
    for result in found["results"]:
        seed = found["seeds"][result["query"]]
        assert result["because"] == {name: seed[name] for name in ("track_id", "title", "artist", "plays")}
        assert result["plays"] == 0
        taste = 0.8 + 0.2 * math.log(1 + seed["plays"]) / math.log(51)
        parts = result["score_parts"]
        whole = sum(parts.values()) - parts["taste"]
        assert parts["taste"] == pytest.approx((taste - 1) * max(0, whole), abs=1e-5)
        assert result["similarity"] == pytest.approx(np.clip(sum(parts.values()), 0, 1), abs=1e-5)
    assert len({result["query"] for result in found["results"]}) == 3
    assert found["shortfall"] is None


def test_fewer_seeds_and_songs_of_a_time(library: Library) -> None:
    assert [s["title"] for s in answer(library, "discover", "--seeds", 1)["seeds"]] == ["Alpha Rising"]
    late = answer(library, "discover", "--since", "2024-03-03", "-n", 2)
    assert [seed["title"] for seed in late["seeds"]] == ["Theta", "Iota"]
    rare = answer(library, "discover", "--seeds", 1, "--max-plays", 7, "-n", 50)
    plays = sorted(result["plays"] for result in rare["results"])
    assert plays == [0] * N_UNPLAYED + [1, 7, 7]
    assert rare["shortfall"] == "the catalogue holds only 9 other tracks that pass the filters"


def test_the_table_of_deep_cuts_names_the_seeds(library: Library) -> None:
    ran = library.run("discover", "-n", 50)
    assert ran.code == 0
    assert "because you play" in ran.out
    for result in answer(library, "discover", "-n", 50)["results"]:
        (line,) = [line for line in ran.out.splitlines() if f" {result['title']} " in line]
        assert f"{result['because']['title']}, {result['because']['plays']}×" in line
    reason = f"the catalogue holds only {N_UNPLAYED} other tracks never played"
    assert ran.err == f"Fewer than asked for: {reason}.\n"


def test_without_plays_discover_says_where_they_come_from(library: Library, tmp_path: Path) -> None:
    bare = library.clone(tmp_path)
    query(bare.home, "UPDATE track SET plays = 0")
    ran = bare.run("discover")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "deepcuts: no song has been played yet; bring your plays in with: deepcuts plays import FILE\n"
    )


# By words.


def test_songs_by_tags_as_stored(library: Library, shipped: Bundle, tmp_path: Path) -> None:
    """The strengths are of the tags in the catalogue's rows, means by duration."""
    assert answer(library, "find", "guitar")["results"] == []  # to the shipped model this is no music
    library = library.clone(tmp_path)
    takes_all_for_music(library.home)
    sql = "SELECT track_id, end_s - start_s AS s, tags FROM segment JOIN feature ON segment.id = segment_id"
    sums: dict[int, Any] = {}
    for row in query(library.home, sql):
        total, seconds = sums.get(row["track_id"], (0, 0))
        tags = np.frombuffer(row["tags"], "<f4").astype(float)
        sums[row["track_id"]] = (total + row["s"] * tags, seconds + row["s"])
    means = {i: total / seconds for i, (total, seconds) in sums.items()}
    columns = [shipped.tag_names.index(name) for name in ("guitar", "female vocalists")]
    usual = np.mean([means[i][columns] for i in means], axis=0)
    usual = np.maximum(usual, 1e-3)
    found = answer(library, "find", "Guitar -female vocalists", "-n", 50, "--per-artist", 0)
    assert found["terms"] == [
        {"name": "guitar", "wanted": True},
        {"name": "female vocalists", "wanted": False},
    ]
    fits = {i: values[columns] / (values[columns] + usual) for i, values in means.items()}
    fitting = {i for i, strong in fits.items() if math.sqrt(strong[0] * (1 - strong[1])) >= LEAST_FIT}
    assert 0 < len(fitting) < len(means)
    assert {result["track_id"] for result in found["results"]} == fitting
    for result in found["results"]:
        strong = means[result["track_id"]][columns] / (means[result["track_id"]][columns] + usual)
        names = ("guitar", "female vocalists")
        assert [result["strengths"][name] for name in names] == pytest.approx(strong.tolist(), abs=2e-4)
        assert result["score"] == pytest.approx(math.sqrt(strong[0] * (1 - strong[1])), abs=1e-4)
    scores = [result["score"] for result in found["results"]]
    assert scores == sorted(scores, reverse=True)
    assert found["shortfall"] == f"only {len(fitting)} fit the words, the filters and the limits"


@pytest.mark.parametrize(
    ("words", "name", "folder"),
    [
        ("smoky bar", "smoky bar", "jazz"),
        ("Krakow polka", "Rock/Krakow Polka", "rock"),
        ("rock/krakow-polka", "Rock/Krakow Polka", "rock"),
        ("rock", "rock", "rock"),
    ],
)
def test_labels_of_the_user_are_words_as_well(library: Library, words: str, name: str, folder: str) -> None:
    found = answer(library, "find", *words.split(), "-n", 3, "--per-artist", 0)
    assert [term["name"] for term in found["terms"]] == [name]
    assert {Path(result["path"]).parent.name for result in found["results"]} == {folder}


def test_the_table_of_songs_by_words(library: Library) -> None:
    ran = library.run("find", "smoky bar, -electronic", "-n", 2)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == "Songs that are smoky bar, not electronic"
    for result in answer(library, "find", "smoky bar, -electronic", "-n", 2)["results"]:
        (line,) = [line for line in ran.out.splitlines() if result["title"] in line]
        assert f"{result['score']:.2f}" in line


@pytest.mark.parametrize(
    ("words", "said"), [("mellow -progressive rock", "mellow, not progressive rock"), ("hip-hop", "Hip-Hop")]
)
def test_names_stand_within_a_sentence_as_words_do(library: Library, words: str, said: str) -> None:
    ran = library.run("find", words, "-n", 2)
    assert ran.out.splitlines()[0] == f"Songs that are {said}"


def test_what_is_not_wanted_may_be_an_option(library: Library) -> None:
    """Each is a name of its own: neither `indie` nor `pop`, rather than not `indie pop`."""
    one = answer(library, "find", "rock", "--not", "indie", "--not", "pop")
    assert one["terms"] == [
        {"name": "rock", "wanted": True},
        {"name": "indie", "wanted": False},
        {"name": "pop", "wanted": False},
    ]
    assert one == answer(library, "find", "rock -indie, -pop")
    both = answer(library, "find", "rock", "--not", "female vocalists")
    assert both == answer(library, "find", "rock -female vocalists")


def test_words_that_are_filters_are_shown_and_words_of_nothing_told_once(library: Library) -> None:
    ran = library.run("find", "smoky bar", "20-250", "bpm", "in", "A", "minor", "zither", "zither", "-n", 2)
    assert ran.code == 0
    assert ran.out.splitlines()[0] == "Songs that are smoky bar, 20-250 bpm, A minor"
    told = [line for line in ran.err.splitlines() if line.startswith("Not searched for: ")]
    assert len(told) == 1
    assert told[0].count("'zither'") == 1
    plain = answer(library, "find", "smoky bar", "--tempo", "20-250", "--key", "Am", "-n", 2)
    same = answer(library, "find", "smoky bar 20-250 bpm in A minor", "-n", 2)
    assert same["results"] == plain["results"]
    assert (same["filters"], same["not_searched"]) == (["20-250 bpm", "A minor"], [])
    nothing = library.run("find", "zither", "--json")
    assert (nothing.code, nothing.out) == (1, "")
    assert nothing.err.startswith("deepcuts: 'zither' is no tag, genre or label")


# Walks.


def test_a_walk_between_two_songs(library: Library) -> None:
    iota = of_title(library, "Iota")["id"]
    found = answer(library, "path", "alpha rising", iota, "-n", 4)
    titles = [result["title"] for result in found["results"]]
    assert (titles[0], titles[-1], len(set(titles))) == ("Alpha Rising", "Iota", 4)
    assert [result["rank"] for result in found["results"]] == [1, 2, 3, 4]
    assert found["results"][0]["step"] is None
    assert all(0 <= result["step"] <= 1 for result in found["results"][1:])
    back = answer(library, "path", iota, library.music / "rock/alpha.mp3", "-n", 4)["results"]
    assert [r["title"] for r in back] == titles[::-1]
    ran = library.run("path", "alpha rising", iota, "-n", 1000)
    assert ran.code == 0
    n = len(support.SONGS)
    assert ran.err == f"Fewer than asked for: only {n} songs are on the way, both ends included.\n"
    assert all(row["title"] in ran.out for row in tracks(library.home).values())


# Playlists.


def read_m3u8(path: Path) -> list[str]:
    lines = path.read_text().splitlines()
    assert lines[0] == "#EXTM3U"
    return [os.path.normpath(path.parent / line) for line in lines[1:] if not line.startswith("#")]


def read_csv(path: Path) -> list[str]:
    with path.open(newline="") as file:
        return [os.path.normpath(path.parent / row["path"]) for row in csv.DictReader(file)]


def read_json(path: Path) -> list[str]:
    return [os.path.normpath(path.parent / song["path"]) for song in json.loads(path.read_text())]


READERS: dict[str, Callable[[Path], list[str]]] = {
    ".m3u8": read_m3u8,
    ".m3u": read_m3u8,
    ".csv": read_csv,
    ".json": read_json,
}
LISTS = (("similar", "theta"), ("discover",), ("find", "rock"), ("path", "theta", "iota"))


@pytest.mark.parametrize("command", LISTS, ids=lambda command: command[0])
@pytest.mark.parametrize("suffix", [".m3u8", ".csv", ".json"])
def test_every_list_writes_itself(
    library: Library, tmp_path: Path, command: tuple[str, ...], suffix: str
) -> None:
    (tmp_path / "lists").mkdir()
    target = tmp_path / "lists" / f"mix{suffix}"
    found = answer(library, *command, "-n", 5, "-o", target)
    assert found["results"]
    assert READERS[suffix](target) == [result["path"] for result in found["results"]]
    assert library.music.as_posix() not in target.read_text()  # the paths are relative
    shown = library.run(*command, "-n", 3, "-o", target)
    assert shown.err.splitlines()[-1] == f"3 songs written to {target}"
    assert "written to" not in library.run(*command, "-n", 3, "-o", target, "--json").err


def fed(home: Path, content: bytes, *arguments: str | Path) -> Ran:
    """Run `playlist` with something on its standard input, in this process."""
    ran = CliRunner().invoke(cli.app, ["--home", str(home), "playlist", *map(str, arguments)], input=content)
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return Ran(ran.exit_code, ran.stdout, ran.stderr)


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("command", LISTS, ids=lambda command: command[0])
def test_a_list_is_piped_into_a_playlist(
    library: Library, tmp_path: Path, command: tuple[str, ...], suffix: str
) -> None:
    ran = library.run(*command, "-n", 4, "--json")
    paths = [result["path"] for result in ran.json["results"]]
    target = tmp_path / f"mix{suffix}"
    made = fed(library.home, ran.out.encode(), target)
    assert (made.code, made.out, made.err) == (0, f"{len(paths)} songs are in {target}\n", "")
    assert READERS[suffix](target) == paths
    made = fed(library.home, ran.out.encode(), target, "--absolute", "--json")
    assert made.json == {"path": str(target), "songs": len(paths)}
    assert READERS[suffix](target) == paths
    assert paths[0] in target.read_text().replace("\\u00e9", "é")


def test_processes_of_their_own_joined_by_a_pipe(library: Library, tmp_path: Path) -> None:
    listing = subprocess.run(
        [*CLI, "--home", str(library.home), "find", "rock", "-n", "3", "--json"],
        capture_output=True,
        env=environment(library.home),
        check=True,
    )
    made = subprocess.run(
        [*CLI, "playlist", str(tmp_path / "mix.m3u8")],
        input=listing.stdout,
        capture_output=True,
        env=environment(),
        check=True,
    )
    assert made.stderr == b""
    assert read_m3u8(tmp_path / "mix.m3u8") == [r["path"] for r in json.loads(listing.stdout)["results"]]


def test_a_reader_that_has_had_enough_is_no_error_to_tell_of(library: Library) -> None:
    command = [*CLI, "--home", str(library.home), "find", "rock", "-n", "50", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(library.home)
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_relative_paths_of_a_list_are_from_its_own_folder(library: Library, tmp_path: Path) -> None:
    """Even where the working folder is another one."""
    (tmp_path / "deep/er").mkdir(parents=True)
    first = tmp_path / "deep/er/mix.json"
    paths = [r["path"] for r in answer(library, "find", "rock", "-n", 3, "-o", first)["results"]]
    ran = library.run("playlist", tmp_path / "mix.m3u8", "--from", first)
    assert ran.code == 0
    assert read_m3u8(tmp_path / "mix.m3u8") == paths


def test_duplicates_become_a_playlist_each_file_once(library: Library, tmp_path: Path) -> None:
    groups = [
        {"kind": "identical", "tracks": [{"path": "/m/a.mp3", "title": "A"}, {"path": "/m/b.mp3"}]},
        {"kind": "other version", "tracks": [{"path": "/m/a.mp3", "title": "A"}, {"path": "/m/c.mp3"}]},
    ]
    content = json.dumps({"trunk_id": "t", "not_analysed": 0, "groups": groups}).encode()
    assert fed(library.home, content, tmp_path / "x.m3u8").out.startswith("3 songs are in ")
    assert read_m3u8(tmp_path / "x.m3u8") == ["/m/a.mp3", "/m/b.mp3", "/m/c.mp3"]
    none = library.run("duplicates", "--json", "--kind", "identical")
    assert none.json["groups"] == []
    assert fed(library.home, none.out.encode(), tmp_path / "none.m3u8").out.startswith("0 songs are in ")


WRONG = [
    b"",
    b"   ",
    b"3",
    b"null",
    b"{}",
    b'"results"',
    b"{not json",
    b"\xff\xfe[]",
    b"[" * 100_000,
    b"[3]",
    b"[{}]",
    b'{"results": {}}',
    b'{"results": [{"path": 3}]}',
    b'{"results": [{"path": ""}]}',
    b'{"results": [{"path": "/a.mp3", "duration_s": "x"}]}',
    b'[{"path": "/a.mp3", "duration_s": NaN}]',
    b'[{"path": "/a.mp3", "duration_s": 1e999}]',
    b'[{"path": "/a.mp3", "duration_s": ' + b"9" * 400 + b"}]",
    b'[{"path": "/a.mp3", "duration_s": true}]',
    b'[{"path": "/a.mp3", "title": 3}]',
    b'[{"path": "/a.mp3", "artist": ["x"]}]',
    b'[{"path": "/a\\u0000.mp3"}]',
    b'[{"path": "/a\\ud800.mp3"}]',
    b'{"groups": [3]}',
    b'{"groups": [{"tracks": [3]}]}',
    b'{"groups": [{}]}',
]


@pytest.mark.parametrize("content", WRONG, ids=lambda content: content[:50].decode("latin-1"))
def test_what_is_no_list_of_songs_is_one_line(tmp_path: Path, content: bytes) -> None:
    message = (
        "deepcuts: this is no list of songs; "
        "use what similar, discover, find, path or duplicates print with --json\n"
    )
    ran = fed(tmp_path, content, tmp_path / "x.m3u8")
    assert (ran.code, ran.out, ran.err) == (1, "", message)
    (tmp_path / "list.json").write_bytes(content)
    ran = support.deepcuts(None, "playlist", tmp_path / "x.m3u8", "--from", tmp_path / "list.json")
    assert (ran.code, ran.err) == (1, message)
    assert not (tmp_path / "x.m3u8").exists()


def test_one_song_is_and_a_name_that_is_not_utf8_keeps_its_bytes(tmp_path: Path) -> None:
    content = json.dumps([{"path": os.fsdecode(b"/m/\xff.mp3"), "duration_s": None, "title": None}]).encode()
    ran = fed(tmp_path, content, tmp_path / "x.m3u8", "--absolute")
    assert (ran.code, ran.out) == (0, f"1 song is in {tmp_path / 'x.m3u8'}\n")
    assert b"\n/m/\xff.mp3\n" in (tmp_path / "x.m3u8").read_bytes()


# What a stranger types.


HUGE = "9" * 30
ODD = [
    (
        ("discover", "--since", "2024-05-01"),
        1,
        "no song has been played since 2024-05-01; bring your plays in",
    ),
    (("discover", "--since", "tomorrow"), 1, "--since tomorrow is no day; write YYYY-MM-DD"),
    (("discover", "--since", "2024-02-30"), 1, "--since 2024-02-30 is no day; write YYYY-MM-DD"),
    (("discover", "--seeds", "0"), 2, "--seeds"),
    (("discover", "--year", "1999-1990"), 1, "--year 1999-1990 ends before it begins"),
    (("discover", "--genre", "yodel"), 1, "no genre is called 'yodel'; there are: "),
    (("discover", "-o", "mix.txt"), 1, "mix.txt must end in .m3u8, .m3u, .csv, .json"),
    (("discover", "-o", "/nowhere/mix.m3u8"), 1, "/nowhere/mix.m3u8 cannot be written: "),
    (("find",), 2, "WORDS"),
    (("find", ""), 1, "nothing to find; name tags or genres"),
    (("find", "--", "-"), 1, "nothing to find; name tags or genres"),
    (("find", "jaz"), 1, "'jaz' is no tag, genre or label; did you mean jazz?"),
    (("find", "jazz", "--year", "99999"), 1, "--year 99999 cannot be read; write 1994, 1990-1999"),
    (("find", "jazz", "--year", "19941999"), 1, "--year 19941999 cannot be read"),
    (("find", "jazz", "--duration", "5:00-2:00"), 1, "--duration 5:00-2:00 ends before it begins"),
    (("find", "jazz", "--duration", "long"), 1, "--duration long cannot be read; write 2:00-5:00"),
    (("find", "jazz", "--max-plays", "-1"), 2, "--max-plays"),
    (("find", "jazz", "-n", "0"), 2, "-n"),
    (("path", "1", "1"), 1, "both ends are the same song; name two different ones"),
    (("path", "1", HUGE), 1, f"no track has the id {HUGE}"),
    (("path", "1", "2", "-n", "1"), 2, "-n"),
    (("path", "", "2"), 1, "the query is empty; name a file, a track id, or words of artist and title"),
    (("path", "1", "/"), 1, "/ is a folder; name a song"),
    (("path", "1", "2", "--tag", "loud"), 1, "no tag is called 'loud'; there are: "),
    *(
        ((*words, "nan"), 2, f"Invalid value for '{words[-1]}': nan is no number.")
        for words in (
            *(("similar", "1", "--discover"), ("similar", "1", "--diversity")),
            *(("radio", "1", "--far"), ("radio", "1", "--discover"), ("tag", "--min-confidence")),
        )
    ),
    (("similar", "x" * 100_000), 1, "is no file, no track id, and no words of any artist and title here"),
    (("playlist", "/"), 2, "is a directory"),
    (("ingest", "/dev/null"), 2, "'/dev/null' is a pipe or a device, no folder."),
    (("watch", "/dev/null"), 2, "'/dev/null' is a pipe or a device, no folder."),
    (("tag", "/dev/null"), 2, "'/dev/null' is a pipe or a device, no folder."),
    (("relocate", "/music", "/dev/null"), 2, "'/dev/null' is a pipe or a device, no folder."),
    (("model", "calibrate", "--not-music", "/dev/null"), 2, "'/dev/null' is a pipe or a device, no folder."),
    (("serve", "--follow", "/dev/null"), 2, "'/dev/null' is a pipe or a device, no folder."),
    (("similar", "1", "--pictures", "/dev/null"), 2, "'/dev/null' is a pipe or a device, no folder."),
    (("playlist", "x.m3u8", "--from", "/nowhere.json"), 2, "does not exist"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), ODD, ids=lambda value: str(value)[:40])
def test_odd_uses_get_a_line_and_the_right_code(
    library: Library, arguments: tuple[str, ...], code: int, message: str
) -> None:
    ran = library.run(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    if code == 1:
        assert ran.err.startswith("deepcuts: ")
        assert ran.err.count("\n") == 1


def test_a_walk_stays_within_the_catalogue(library: Library, tmp_path: Path) -> None:
    outside = support.write_song(tmp_path / "outside.flac", seed=77)
    ran = library.run("path", outside, "theta")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"deepcuts: {outside} is not in the catalogue; a walk goes between songs that are\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("discover", "-n", HUGE),
        ("discover", "--seeds", HUGE),
        ("discover", "--max-plays", HUGE),
        ("find", "rock", "-n", HUGE),
        ("path", "1", "2", "-n", HUGE),
        ("similar", "1", "-n", HUGE, "--max-plays", HUGE),
    ],
    ids=" ".join,
)
def test_numbers_beyond_all_reason_mean_all_there_is(library: Library, arguments: tuple[str, ...]) -> None:
    ran = library.run(*arguments, "--json")
    assert ran.code == 0
    assert ran.json["results"]


def test_filters_that_leave_nothing_say_so(library: Library) -> None:
    for command in (("discover",), ("find", "rock"), ("similar", "1")):
        ran = library.run(*command, "--year", "1800", "--json")
        assert (ran.code, ran.json["results"]) == (0, [])
        assert ran.json["shortfall"]
    ran = library.run("path", 1, 2, "--year", "1800", "--json")
    assert (ran.code, [result["track_id"] for result in ran.json["results"]]) == (0, [1, 2])


@pytest.mark.parametrize("command", [("discover",), ("find", "jazz"), ("path", "1", "2")], ids=" ".join)
def test_without_a_catalogue_there_is_a_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    ran = support.deepcuts(tmp_path / "none", *command)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"deepcuts: the catalogue {databases.place(tmp_path / 'none')} is empty")
    assert ran.err.count("\n") == 1


def test_an_empty_catalogue(library: Library, tmp_path: Path) -> None:
    empty = library.clone(tmp_path)
    query(empty.home, "UPDATE track SET missing = true")
    shutil.rmtree(empty.home / "index")
    found = empty.run("find", "mellow jazz", "--json")
    assert (found.code, found.json["results"]) == (0, [])
    assert empty.run("discover").code == 1
    assert "its file is missing" in empty.run("path", 1, 2).err
