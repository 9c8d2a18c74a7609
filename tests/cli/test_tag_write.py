"""``tag --write`` and ``tag --undo``: into the files and back, as a user sees it."""

import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mutagen
import pytest

from recommender.commands.tag_files import NAMED, Reasons
from recommender.file_tags.read import read_tags
from recommender.tagging import targets, write
from tests import databases, synth
from tests.recommender import sounds, support
from tests.recommender.support import SONGS, Library, counts, query, tracks

N = len(SONGS)
PLAIN = "kappa.flac"
"""The one song without a genre of its own."""
ALL_FIELDS = ("--also", "sub-genres,moods", "--also", "voices,eras")


@pytest.fixture
def library(ingested: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A copy of the small library, all of it clearly rock; commands run in this process."""
    monkeypatch.setattr(targets, "track_sounds", sounds.sounds(lambda _track_id: sounds.sound()))
    yield ingested.clone(tmp_path)


def contents(library: Library) -> dict[str, bytes]:
    files = (path for path in library.music.rglob("*") if path.is_file())
    return {str(path.relative_to(library.music)): path.read_bytes() for path in files}


def genres(library: Library) -> dict[str, list[str]]:
    return {name: read_tags(library.music / name).genres for name in SONGS}


OWN = {name: [genre] if genre else [] for name, (_, _, _, genre) in SONGS.items()}
FULL = ["Rock", "Indie Rock"]


def set_genre(path: Path, genre: str) -> None:
    """Edit as a person's tagger does, outside."""
    synth.tag(path, {"genre": genre})


def tag(library: Library, *arguments: str | Path, code: int = 0) -> Any:
    ran = library.run("tag", *arguments, "--json")
    assert ran.code == code, ran.err
    return ran.json


def numbers(answer: Any) -> dict[str, int]:
    names = ("written", "unchanged", "kept", "unknown", "skipped")
    return {name: answer[name] for name in names if answer[name]}


@pytest.mark.databases("sqlite", "postgresql")
def test_there_and_back(library: Library) -> None:
    before = contents(library)
    answer = tag(library, "--write", "--overwrite", *ALL_FIELDS)
    assert (answer["action"], answer["dry_run"], answer["found"]) == ("write", False, N)
    assert numbers(answer) == {"written": N}
    assert genres(library) == dict.fromkeys(SONGS, FULL)
    beta = mutagen.File(library.music / "rock/beta.flac").tags
    assert (beta["MOOD"], beta["VOICE"], beta["ERA"]) == (["Happy", "Mellow"], ["Female Vocals"], ["80s"])
    assert json.loads(beta["DEEPCUTS"][0])["genre"] == {"Rock": 0.9, "Indie Rock": 0.6}
    for name, row in tracks(library.home).items():
        assert json.loads(row["file_genres"]) == FULL, name
    assert counts(library.ingest()) == {"found": N, "unchanged": N}

    assert numbers(tag(library, "--write", "--overwrite", *ALL_FIELDS)) == {"unchanged": N}
    assert counts(library.ingest()) == {"found": N, "unchanged": N}

    answer = tag(library, "--undo")
    assert (answer["action"], numbers(answer)) == ("undo", {"written": N})
    assert genres(library) == OWN
    restored = contents(library)
    assert {name for name in before if before[name] != restored[name]} <= {PLAIN}
    assert list(mutagen.File(library.music / PLAIN).tags) == []
    assert counts(library.ingest()) == {"found": N, "unchanged": N}
    assert tag(library, "--undo")["found"] == 0


def test_tempo_and_key_there_and_back(library: Library) -> None:
    before = contents(library)
    query(library.home, "UPDATE track SET tempo_bpm = 119.6, tempo_confidence = 0.8, key = 'F# minor'")
    query(library.home, "UPDATE track SET key_confidence = 0.6")
    synth.tag(library.music / "rock/alpha.mp3", {"bpm": "61"})
    library.ingest()
    answer = tag(library, "--write", "--append", "--also", "tempo,key")
    assert numbers(answer) == {"written": N}
    told = {file["path"].rpartition("/")[2]: file["kept"] for file in answer["files"]}
    assert told["alpha.mp3"] == [
        {"field": "tempo", "reason": "set by hand"}
    ]  # of one tempo nothing is made two
    songs = ("rock/alpha.mp3", "rock/beta.flac", "jazz/zeta.m4a")
    mp3, flac, m4a = (mutagen.File(library.music / name) for name in songs)
    assert (mp3.tags["TBPM"].text, mp3.tags["TKEY"].text) == (["61"], ["F#m"])
    assert (flac.tags["BPM"], flac.tags["INITIALKEY"]) == (["120"], ["F#m"])
    assert (m4a.tags["tmpo"], m4a.tags["----:com.apple.iTunes:initialkey"]) == ([120], [b"F#m"])
    assert json.loads(flac.tags["DEEPCUTS"][0])["tempo"] == {"120": 0.8}
    again = tag(library, "--write", "--append", "--also", "tempo,key")
    assert numbers(again) == {
        "unchanged": N - 1,
        "kept": 1,
    }
    assert counts(library.ingest()) == {"found": N, "unchanged": N}
    assert numbers(tag(library, "--undo")) == {"written": N}
    restored = contents(library)
    assert {name for name in before if before[name] != restored[name]} <= {PLAIN, "rock/alpha.mp3"}


def test_an_unsure_tempo_is_not_written(library: Library) -> None:
    query(library.home, "UPDATE track SET tempo_confidence = 0.49, key_confidence = 0.5, key = 'C major'")
    tag(library, "--write", "--also", "tempo,key")
    tags = mutagen.File(library.music / "rock/beta.flac").tags
    assert ("BPM" in tags, tags["INITIALKEY"]) == (False, ["C"])


def test_another_home_learns_no_labels_of_what_was_written(library: Library, tmp_path: Path) -> None:
    """The files say themselves what is not a person's: the other catalogue has no record of it."""
    tag(library, "--write", "--overwrite")
    set_genre(library.music / PLAIN, "Zydeco")
    other = Library(library.music, tmp_path / "other")
    other.ingest(library.music, "--labels", "tags")
    rows = {name: other.row(name) for name in SONGS}
    assert {name: row["label"] for name, row in rows.items()} == dict.fromkeys(SONGS) | {PLAIN: "Zydeco"}
    own = {name: json.loads(row["own_genres"]) for name, row in rows.items()}
    assert own == {name: [] if name == PLAIN else ["Rock"] for name in SONGS}
    tag(library, "--undo")
    other.ingest(library.music, "--labels", "tags")
    assert {name: other.row(name)["label"] for name in SONGS} == {
        name: genres[0] if genres else "Zydeco" for name, genres in OWN.items()
    }


def test_what_persons_set_is_left_alone(library: Library) -> None:
    before = contents(library)
    answer = tag(library, "--write")
    assert numbers(answer) == {"written": 1, "kept": N - 1}
    assert genres(library) == OWN | {PLAIN: ["Rock"]}
    now = contents(library)
    assert [name for name in before if before[name] != now[name]] == [PLAIN]
    (kept,) = {(k["field"], k["reason"]) for file in answer["files"] for k in file["kept"]}
    assert kept == ("genre", "set by hand")


@pytest.mark.databases("sqlite", "postgresql")
def test_what_was_written_is_no_label(library: Library) -> None:
    tag(library, "--write", "--append", "--also", "sub-genres")
    library.ingest(library.music, "--labels", "tags")
    labels = {name: library.row(name)["label"] for name in SONGS}
    assert labels == {name: genre[0] if genre else None for name, genre in OWN.items()}
    set_genre(library.music / PLAIN, "Polka")
    library.ingest(library.music, "--labels", "tags")
    assert library.row(PLAIN)["label"] == "Polka"


def test_edited_by_hand_between_two_runs(library: Library) -> None:
    tag(library, "--write", "--overwrite", "--also", "moods")
    edited = [library.music / name for name in ("rock/alpha.mp3", "jazz/zeta.m4a", PLAIN)]
    for path in edited:
        set_genre(path, "Polka")
    library.ingest()
    by_hand = [path.read_bytes() for path in edited]
    answer = tag(library, "--write", "--also", "sub-genres,moods")
    assert numbers(answer) == {"written": N - 3, "kept": 3}
    assert [path.read_bytes() for path in edited] == by_hand
    assert genres(library) == {name: ["Polka"] if library.music / name in edited else FULL for name in SONGS}
    answer = tag(library, "--undo")
    kept = {file["path"] for file in answer["files"] if file["kept"]}
    assert kept == set(map(str, edited[1:])), "the genre of the first was never written: it was Rock already"
    assert genres(library) == OWN | {str(p.relative_to(library.music)): ["Polka"] for p in edited}


def test_append(library: Library) -> None:
    tag(library, "--write", "--append", "--also", "sub-genres")
    assert genres(library)["rock/alpha.mp3"] == ["Rock", "Indie Rock"]
    assert genres(library)["folk/iota.flac"] == ["Folk", *FULL]
    assert numbers(tag(library, "--write", "--append", "--also", "sub-genres")) == {"unchanged": N}


def test_a_dry_run_shows_old_and_new_and_changes_nothing(library: Library) -> None:
    before, rows = contents(library), [tuple(row) for row in tracks(library.home).values()]
    for arguments in (("--dry-run", "--overwrite"), ("--overwrite",)):
        ran = library.run("tag", *arguments)
        assert ran.code == 0
        lines = ran.out.splitlines()
        assert f"{library.music / 'folk/iota.flac'}: genre: Folk → Rock" in lines
        assert f"{library.music / PLAIN}: genre: – → Rock" in lines
        (sure,) = [line for line in lines if line.startswith(f"{library.music / 'rock/alpha.mp3'}: ")]
        assert re.fullmatch(r"confidence: – → Rock \d+ %", sure.split(": ", 1)[1])
        assert lines[-1] == f"{N} files: {N} would be written"
        assert "Nothing was changed" in ran.err
    answer = tag(library, "--dry-run", library.music / "folk")
    assert (answer["dry_run"], answer["found"], numbers(answer)) == (True, 3, {"kept": 3})
    assert contents(library) == before
    assert [tuple(row) for row in tracks(library.home).values()] == rows
    undone = library.run("tag", "--undo", "--dry-run")
    assert (undone.code, undone.out) == (0, "0 files: 0 would be restored\n")


def test_names_and_confidence(library: Library, tmp_path: Path) -> None:
    names = tmp_path / "names.csv"
    names.write_text("label,name\nrock,Guitar Music; Loud\nindie,\n")
    tag(library, "--write", "--overwrite", "--also", "sub-genres", "--map", names)
    assert genres(library)[PLAIN] == ["Guitar Music", "Loud"]
    answer = tag(library, "--dry-run", "--min-confidence", "0.95")
    assert numbers(answer) == {"unknown": N}
    assert {f["unknown"] for f in answer["files"]} == {"no genre is probable enough to be written"}
    assert numbers(tag(library, "--dry-run", "--min-confidence", "0.9")) == {"written": N}
    names.write_text("label,name\nrock,Rock,Pop\n")
    ran = library.run("tag", "--write", "--map", names)
    assert (ran.code, ran.out) == (1, "")
    assert "line 2" in ran.err
    assert ran.err.count("\n") == 1


def test_labels_of_a_map_that_there_are_not_are_named(library: Library, tmp_path: Path) -> None:
    query(library.home, "UPDATE track SET label = 'Own/Sea Shanty' WHERE artist = 'Frida'")
    known = ["rock", "ROCK/Indie", "indie", "chill", "female vocalist", "own", "own/sea shanty", "Sea Shanty"]
    names = tmp_path / "names.json"
    names.write_text(json.dumps(dict.fromkeys(known, "x")))
    ran = library.run("tag", "--dry-run", "--map", names)
    assert (ran.code, "Note:" in ran.err) == (0, False)
    names.write_text(json.dumps(dict.fromkeys([*known, "rcok", "rock/idnie"], "x")))
    ran = library.run("tag", "--write", "--json", "--map", names)
    assert ran.code == 0
    assert [line for line in ran.err.splitlines() if line.startswith("Note:")] == [
        "Note: no label is called what --map names: 'rcok', 'rock/idnie'"
    ]
    names.write_text(json.dumps({f"no\n{n}": "x" for n in range(7)}))
    noted = [line for line in library.run("tag", "--map", names).err.splitlines() if "Note:" in line]
    assert len(noted) == 1 and noted[0].endswith(" and 2 more")


def test_the_unknown_is_not_written(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = sounds.sound(unknown="it is speech")
    monkeypatch.setattr(targets, "track_sounds", sounds.sounds(lambda _track_id: unknown))
    before = contents(library)
    answer = tag(library, "--write", "--overwrite")
    assert numbers(answer) == {"unknown": N}
    assert {file["unknown"] for file in answer["files"]} == {"it is speech"}
    assert contents(library) == before


def test_files_that_cannot_be_used_are_named_and_the_rest_is_done(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    (library.music / "rock/alpha.mp3").chmod(0o444)
    os.remove(library.music / "jazz/delta.wav")
    set_genre(library.music / "jazz/zeta.m4a", "Polka")
    theta = tracks(library.home)[str(library.music / "folk/deep/theta.mp3")]["id"]
    known = sounds.sounds(lambda track_id: None if track_id == theta else sounds.sound())
    monkeypatch.setattr(targets, "track_sounds", known)
    ran = library.run("tag", "--write", "--overwrite")
    assert ran.code == 3
    reasons = {
        "rock/alpha.mp3": "it is read-only",
        "jazz/delta.wav": "it is gone",
        "jazz/zeta.m4a": "it has changed since it was analysed: run ingest",
        "folk/deep/theta.mp3": "it is not analysed with the active bundle: run ingest",
    }
    assert set(ran.err.splitlines()) == {f"Skipped: {library.music / n}: {r}" for n, r in reasons.items()}
    assert ran.out.splitlines()[-1] == f"{N} files: {N - 4} written, 4 skipped"
    answer = tag(library, "--write", "--overwrite", code=3)
    assert {file["skipped"] for file in answer["files"]} == set(reasons.values())
    (library.music / "rock/beta.flac").chmod(0o444)
    os.remove(library.music / "rock/gamma.ogg")
    answer = tag(library, "--undo", code=3)
    assert numbers(answer) == {"written": N - 6, "skipped": 2}


def test_hard_links_are_said(library: Library) -> None:
    os.link(library.music / PLAIN, library.music.parent / "other.flac")
    ran = library.run("tag", "--write")
    assert "has 2 names (hard links); the others keep the old tags" in ran.err
    assert read_tags(library.music.parent / "other.flac").genres == []


def test_a_folder_is_ingested_first_and_changed_alone(library: Library) -> None:
    support.write_song(library.music / "jazz/new.flac", 55)
    answer = tag(library, "--write", library.music / "jazz", "--overwrite", "--jobs", "1")
    assert numbers(answer) == {"written": 4}
    assert genres(library)["rock/beta.flac"] == OWN["rock/beta.flac"]
    tag(library, "--write", "--overwrite")
    assert numbers(tag(library, "--undo", library.music / "jazz")) == {"written": 4}
    assert genres(library)["folk/iota.flac"] == ["Rock"]


def test_a_file_that_moved_is_taken_back_where_it_is(library: Library) -> None:
    tag(library, "--write", "--overwrite")
    (library.music / "folk/iota.flac").rename(library.music / "moved.flac")
    assert numbers(tag(library, "--undo", "--dry-run", code=3)) == {"written": N - 1, "skipped": 1}
    library.ingest()
    assert numbers(tag(library, "--undo")) == {"written": N}
    assert read_tags(library.music / "moved.flac").genres == ["Folk"]


def test_another_recording_at_the_same_path_is_a_new_file(library: Library) -> None:
    """It has no genre, but nobody took ours away."""
    tag(library, "--write", "--overwrite")
    support.write_song(library.music / PLAIN, 77)
    library.ingest()
    answer = tag(library, "--write")
    assert numbers(answer) == {"written": 1, "unchanged": N - 1}
    assert genres(library)[PLAIN] == ["Rock"]


def test_ctrl_c_finishes_the_file_at_hand(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(step: str) -> None:
        if step == "copied":
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(write, "reached", press)
    before = contents(library)
    ran = library.run("tag", "--write", "--overwrite")
    assert ran.code == 130
    assert "Stopped after the file at hand" in ran.err
    now = contents(library)
    assert len([name for name in now if before[name] != now[name]]) == 1
    assert genres(library)["folk/deep/eta.flac"] == ["Rock"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_killed_in_the_middle_the_next_run_goes_on(library: Library, tmp_path: Path) -> None:
    before = contents(library)
    child = os.fork()
    if child == 0:
        done: list[str] = []

        def die(step: str) -> None:
            done.append(step)
            if done.count("renamed") == 4:
                os.kill(os.getpid(), signal.SIGKILL)

        write.reached = die
        try:
            library.run("tag", "--write", "--overwrite")
        finally:
            os._exit(1)
    _, ended = os.waitpid(child, 0)
    assert os.WIFSIGNALED(ended)
    now = contents(library)
    assert len([name for name in now if before[name] != now[name]]) == 4
    copy = library.clone(tmp_path / "copy")
    assert counts(library.ingest()) == {"found": N, "unchanged": N - 1, "retagged": 1}
    assert numbers(tag(library, "--write", "--overwrite")) == {"written": N - 4, "unchanged": 4}
    assert numbers(tag(library, "--undo")) == {"written": N}
    assert genres(library) == OWN

    move_records(copy)
    assert numbers(tag(copy, "--undo")) == {"written": 4}
    assert genres(copy) == OWN


def move_records(copy: Library) -> None:
    """Let a clone's unfinished record speak of its own file, as that of the library does."""
    for row in databases.query(copy.home, "SELECT id, target FROM tag_write WHERE state = 'begun'"):
        name = os.fsdecode(bytes(row["target"])).split("/music/")[1]
        target = os.fsencode(copy.music / name)
        databases.query(copy.home, "UPDATE tag_write SET target = ? WHERE id = ?", target, row["id"])


def test_only_one_writes_and_all_may_look(library: Library) -> None:
    with databases.home_at(library.home).writer_lock():
        for arguments in (("--write",), ("--undo",)):
            ran = library.run("tag", *arguments)
            assert (ran.code, ran.out) == (1, "")
            assert "another deepcuts is writing" in ran.err
        assert library.run("tag", "--dry-run").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--write", "--dry-run"),
        ("--write", "--undo"),
        ("--overwrite", "--append", "--write"),
        ("--undo", "--overwrite"),
        ("--undo", "--also", "moods"),
        ("--write", "-o", "library.csv"),
        ("--write", "--also", "mode"),
        ("--write", "--min-confidence", "2"),
    ],
    ids=" ".join,
)
def test_options_that_contradict_one_another(library: Library, arguments: tuple[str, ...]) -> None:
    before = contents(library)
    ran = library.run("tag", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert contents(library) == before


def test_on_a_terminal_it_shows_what_would_be_written(ingested: Library) -> None:
    """Elsewhere it is the listing that it always was."""
    before = contents(ingested)
    master, slave = pty.openpty()
    command = [*support.CLI, "--home", str(ingested.home), "tag"]
    done = subprocess.run(
        command, stdout=slave, stderr=subprocess.DEVNULL, env=support.environment(ingested.home), check=True
    )
    os.close(slave)
    shown = b""
    while not shown.endswith(b"unsure or not music\r\n"):
        shown += os.read(master, 65536)
    os.close(master)
    assert done.returncode == 0
    assert f"{N} files: 0 would be written" in shown.decode()
    assert contents(ingested) == before
    piped = support.deepcuts(ingested.home, "tag")
    assert piped.out.startswith("track_id,path,")


def test_nothing_is_left_in_the_folders(library: Library) -> None:
    tag(library, "--write", "--overwrite")
    tag(library, "--undo")
    assert list(library.music.rglob(".*")) == []


def test_each_reason_is_told_once_and_paths_below_the_folder_are_short(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All files but one have a genre of their own; from the library's folder, their paths begin there."""
    ran = library.run("tag", library.music, "--dry-run")
    assert ran.out.count("genre is kept (set by hand)") == 1
    assert f" and {N - 1 - NAMED} more\n" in ran.out
    assert f"{library.music / PLAIN}: genre: – → Rock" in ran.out
    monkeypatch.chdir(library.music)
    ran = library.run("tag", library.music, "--dry-run", "--overwrite")
    changed = [line.split(": ")[0] for line in ran.out.splitlines() if "→" in line]
    assert sorted(changed) == sorted(SONGS)


def test_a_reason_that_many_files_have_is_told_once() -> None:
    """A library that may not be written to is one line, not one a song; few are told one by one."""
    skipped = Reasons()
    for number in range(67):
        skipped.add("it is read-only", f"/music/{number}.mp3")
    skipped.add("it is gone", "/music/x.mp3")
    assert list(skipped.skipped()) == [
        "Skipped 67 files: it is read-only: /music/0.mp3, /music/1.mp3, /music/2.mp3 "
        "and 64 more (--json lists them)",
        "Skipped: /music/x.mp3: it is gone",
    ]
