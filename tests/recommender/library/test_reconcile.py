"""What becomes of a catalogue when its files are renamed, moved, retagged, touched, copied, deleted.

Through the command line; `analysed` counts the files whose audio was decoded.
"""

import os
import shutil
from pathlib import Path

import mutagen
import pytest

from db.models import MEASURES
from tests import synth
from tests.recommender import support
from tests.recommender.support import Library, counts, names, query, tracks, write_song

pytestmark = pytest.mark.databases("sqlite", "postgresql")

N = len(support.SONGS)


def test_first_ingest_says_what_every_row_is(ingested: Library) -> None:
    rows = tracks(ingested.home)
    assert {os.path.relpath(path, ingested.music) for path in rows} == set(support.SONGS)
    for name, (seconds, title, artist, genre) in support.SONGS.items():
        row = ingested.row(name)
        status = os.stat(ingested.music / name)
        assert (row["size"], row["mtime_ns"]) == (status.st_size, status.st_mtime_ns)
        assert (row["title"], row["artist"]) == (title or "kappa", artist)
        assert row["file_genres"] == (f'["{genre}"]' if genre else "[]")
        assert row["duration_s"] == pytest.approx(seconds, abs=0.1)
        assert row["analysed_hash"] == row["content_hash"] is not None
        state = ("missing", "plays", "label", "label_source", "warning", "error_kind", "error_message")
        assert [row[key] for key in state] == [0, 0, None, None, None, None, None]
    assert len({row["content_hash"] for row in rows.values()}) == N


def test_first_ingest_stores_segments_features_and_genres(ingested: Library) -> None:
    stored = support.analyses(ingested.home)
    for path, segments in stored.items():
        assert len(segments) == (2 if path.endswith("iota.flac") else 1)
        for _, _, embedding, tags, genres in segments:
            assert (len(embedding), len(tags), len(genres)) == (800, 200, 60)
    iota = stored[str(ingested.music / "folk/iota.flac")]
    assert [segment[:2] for segment in iota] == [(0, 30), (30, pytest.approx(36, abs=0.01))]
    status = ingested.run("status", "--json").json
    assert (status["tracks"], status["analysed"], status["segments"]) == (N, N, N + 1)
    assert (status["index"], status["missing"], status["failed"]) == ("current", 0, 0)
    assert status["roots"] == [{"path": str(ingested.music), "present": True}]


def test_second_ingest_finds_everything_unchanged(library: Library) -> None:
    before = [tuple(row) for row in tracks(library.home).values()]
    index = support.index_files(library.home)
    report = library.ingest()
    assert counts(report) == {"found": N, "unchanged": N}
    assert report["index_segments"] == N + 1
    assert [tuple(row) for row in tracks(library.home).values()] == before
    assert support.index_files(library.home) == index


def test_touched_file_is_not_analysed_again(library: Library) -> None:
    before = library.row("rock/alpha.mp3")
    os.utime(library.music / "rock/alpha.mp3", ns=(1, 1_700_000_000_123_456_789))
    assert counts(library.ingest()) == {"found": N, "retagged": 1, "unchanged": N - 1}
    after = library.row("rock/alpha.mp3")
    assert dict(after) == dict(before) | {"mtime_ns": 1_700_000_000_123_456_789}
    assert counts(library.ingest()) == {"found": N, "unchanged": N}


def test_retagged_files_of_every_format_get_new_titles_alone(library: Library) -> None:
    sounds = support.analyses(library.home)
    before = tracks(library.home)
    for extension in (".wma", ".wv", ".aiff", ".aac"):
        path = write_song(library.music / f"more{extension}", 70 + len(extension) + ord(extension[-1]))
        assert path.exists()
    assert counts(library.ingest())["analysed"] == 4
    sounds = support.analyses(library.home)
    before = tracks(library.home)
    taggable = [path for path in before if not path.endswith(".aac")]
    for path in taggable:
        synth.tag(Path(path), {"title": f"New {os.path.basename(path)}", "genre": "Nouveau"})

    report = library.ingest()

    assert counts(report) == {"found": N + 4, "retagged": N + 3, "unchanged": 1}
    after = tracks(library.home)
    for path in taggable:
        changed = {key for key in after[path].keys() if after[path][key] != before[path][key]}  # noqa: SIM118
        assert after[path]["title"] == f"New {os.path.basename(path)}"
        assert after[path]["file_genres"] == '["Nouveau"]'
        assert changed <= {"title", "file_genres", "search_text", "size", "mtime_ns"}
    assert support.analyses(library.home) == sounds
    assert library.similar("new beta.flac")["query"]["title"] == "New beta.flac"


def test_a_large_picture_in_the_tags_is_a_tag_change(library: Library) -> None:
    picture = mutagen.flac.Picture()
    picture.data, picture.type, picture.mime = os.urandom(300_000), 3, "image/jpeg"
    file = mutagen.File(library.music / "rock/beta.flac")
    file.add_picture(picture)
    file.save()
    mp4 = mutagen.File(library.music / "jazz/zeta.m4a")
    mp4["covr"] = [mutagen.mp4.MP4Cover(os.urandom(300_000))]
    mp4.save()
    tags = mutagen.id3.ID3(library.music / "rock/alpha.mp3")
    tags.add(mutagen.id3.APIC(encoding=3, mime="image/jpeg", type=3, desc="", data=os.urandom(300_000)))
    tags.save()
    assert counts(library.ingest()) == {"found": N, "retagged": 3, "unchanged": N - 3}


def test_rename_and_move_keep_id_plays_and_label(library: Library) -> None:
    query(library.home, "UPDATE track SET plays = 10 + id, label = 'mine', label_source = 'csv'")
    before = names(library.home)
    sounds = support.analyses(library.home)
    renames = {
        "rock/alpha.mp3": "rock/alpha renamed.mp3",
        "rock/beta.flac": "new/deeper/beta.flac",
        "jazz/zeta.m4a": "zeta moved and renamed.m4a",
    }
    for old, new in renames.items():
        (library.music / new).parent.mkdir(parents=True, exist_ok=True)
        os.rename(library.music / old, library.music / new)

    report = library.ingest()

    assert counts(report) == {"found": N, "moved": 3, "unchanged": N - 3}
    assert len(tracks(library.home)) == N
    for old, new in renames.items():
        row = library.row(new)
        assert dict(row) == dict(before[os.path.basename(old)]) | {"rel_path": new.encode()}
        new_sound = support.analyses(library.home)[str(library.music / new)]
        assert new_sound == sounds[str(library.music / old)]
    assert counts(library.ingest()) == {"found": N, "unchanged": N}
    assert library.similar(str(library.music / "new/deeper/beta.flac"))["query"]["track_id"]


def test_renamed_folder_moves_all_its_tracks(library: Library) -> None:
    before = {row["id"] for row in tracks(library.home).values()}
    os.rename(library.music / "jazz", library.music / "Jazz & Co")
    assert counts(library.ingest()) == {"found": N, "moved": 3, "unchanged": N - 3}
    assert {row["id"] for row in tracks(library.home).values()} == before


def test_renamed_and_retagged_at_once_is_moved_with_its_new_title(library: Library) -> None:
    before = library.row("rock/beta.flac")
    new = library.music / "other.flac"
    os.rename(library.music / "rock/beta.flac", new)
    synth.tag(new, {"title": "Other"})
    assert counts(library.ingest()) == {"found": N, "moved": 1, "unchanged": N - 1}
    row = library.row("other.flac")
    assert (row["id"], row["title"], row["artist"]) == (before["id"], "Other", "Ann Arbor")


def test_untitled_track_is_named_after_its_new_file(library: Library) -> None:
    os.rename(library.music / "kappa.flac", library.music / "Lambda.flac")
    library.ingest()
    assert library.row("Lambda.flac")["title"] == "Lambda"
    assert library.similar("lambda", "-n", 1)["query"]["title"] == "Lambda"


def test_copies_are_rows_of_their_own(library: Library) -> None:
    original = library.row("rock/alpha.mp3")
    query(library.home, "UPDATE track SET plays = 5")
    shutil.copy(library.music / "rock/alpha.mp3", library.music / "copy.mp3")
    retagged = Path(shutil.copy(library.music / "rock/beta.flac", library.music / "retagged.flac"))
    synth.tag(retagged, {"title": "Beta again"})

    report = library.ingest()

    assert counts(report) == {"found": N + 2, "copied": 2, "unchanged": N}
    copy = library.row("copy.mp3")
    assert copy["id"] != original["id"]
    assert (copy["content_hash"], copy["title"]) == (original["content_hash"], original["title"])
    assert (copy["duration_s"], copy["plays"]) == (original["duration_s"], 0)
    measured = ", ".join((*MEASURES, "measures_version"))
    one, other = query(
        library.home, f"SELECT {measured} FROM track WHERE content_hash = '{copy['content_hash']}'"
    )
    assert one["loudness_lufs"] is not None and dict(one) == dict(other)
    pairs = f"SELECT {', '.join(MEASURES)} FROM segment WHERE track_id IN ({original['id']}, {copy['id']})"
    one, other = query(library.home, pairs)
    assert one["energy"] is not None and dict(one) == dict(other)
    assert library.row("rock/alpha.mp3")["plays"] == 5
    assert library.row("retagged.flac")["title"] == "Beta again"
    sounds = support.analyses(library.home)
    assert sounds[str(library.music / "copy.mp3")] == sounds[str(library.music / "rock/alpha.mp3")]
    assert report["index_segments"] == N + 1 + 2
    answer = library.similar(original["id"], "-n", N)
    assert copy["id"] not in {result["track_id"] for result in answer["results"]}
    others = library.similar(library.row("rock/gamma.ogg")["id"], "-n", N)
    assert len({result["title"].removesuffix(" again") for result in others["results"]}) == N - 1
    assert others["shortfall"]


def test_original_deleted_after_copying_leaves_the_copy(library: Library) -> None:
    shutil.copy(library.music / "rock/alpha.mp3", library.music / "copy.mp3")
    library.ingest()
    before = names(library.home)
    os.remove(library.music / "rock/alpha.mp3")
    assert counts(library.ingest()) == {"found": N, "unchanged": N, "missing": 1}
    after = names(library.home)
    assert dict(after["copy.mp3"]) == dict(before["copy.mp3"])
    assert after["alpha.mp3"]["missing"] == 1


def test_moved_over_another_file(library: Library) -> None:
    query(library.home, "UPDATE track SET plays = id")
    a, b = library.row("rock/alpha.mp3"), library.row("folk/deep/theta.mp3")
    os.replace(library.music / "rock/alpha.mp3", library.music / "folk/deep/theta.mp3")
    assert counts(library.ingest()) == {"found": N - 1, "moved": 1, "unchanged": N - 2}
    rows = {row["id"]: row for row in tracks(library.home).values()}
    assert len(rows) == N
    moved, replaced = rows[a["id"]], rows[b["id"]]
    assert dict(moved) == dict(a) | {"rel_path": b["rel_path"]}
    assert (replaced["missing"], replaced["plays"], replaced["title"]) == (1, b["plays"], "Theta")
    assert counts(library.ingest()) == {"found": N - 1, "unchanged": N - 1}
    assert b["id"] not in library.indexed()


def test_changed_audio_alone_is_analysed_again(library: Library) -> None:
    query(library.home, "UPDATE track SET plays = 3")
    before, sounds = library.row("rock/beta.flac"), support.analyses(library.home)
    path = write_song(library.music / "rock/beta.flac", 500, 5.0, title="Beta, second take")
    assert counts(library.ingest()) == {"found": N, "analysed": 1, "unchanged": N - 1}
    after, sounds_now = library.row("rock/beta.flac"), support.analyses(library.home)
    assert (after["id"], after["plays"], after["title"]) == (before["id"], 3, "Beta, second take")
    assert after["content_hash"] != before["content_hash"]
    assert after["analysed_hash"] == after["content_hash"]
    assert after["duration_s"] == pytest.approx(5.0, abs=0.01)
    assert [s for s in sounds if sounds[s] != sounds_now[s]] == [str(path)]
    assert len(sounds_now[str(path)]) == 1


def test_deleted_and_put_back(library: Library, tmp_path: Path) -> None:
    query(library.home, "UPDATE track SET plays = 9")
    before = library.row("rock/beta.flac")
    shutil.move(library.music / "rock/beta.flac", tmp_path / "kept.flac")
    report = library.ingest()
    assert counts(report) == {"found": N - 1, "missing": 1, "unchanged": N - 1}
    assert report["index_segments"] == N
    assert dict(library.row("rock/beta.flac")) == dict(before) | {"missing": 1}
    assert before["id"] not in library.indexed()
    assert library.run("status", "--json").json["missing"] == 1
    assert counts(library.ingest()) == {"found": N - 1, "unchanged": N - 1}

    shutil.move(tmp_path / "kept.flac", library.music / "rock/beta.flac")
    report = library.ingest()

    assert counts(report) == {"found": N, "unchanged": N}
    assert report["index_segments"] == N + 1
    assert dict(library.row("rock/beta.flac")) == dict(before)
    assert before["id"] in library.indexed()


def test_deleted_and_put_back_elsewhere(library: Library, tmp_path: Path) -> None:
    before = library.row("rock/beta.flac")
    shutil.move(library.music / "rock/beta.flac", tmp_path / "kept.flac")
    library.ingest()
    shutil.move(tmp_path / "kept.flac", library.music / "back.flac")
    assert counts(library.ingest()) == {"found": N, "moved": 1, "unchanged": N - 1}
    assert dict(library.row("back.flac")) == dict(before) | {"rel_path": b"back.flac"}
    assert len(tracks(library.home)) == N


def test_emptied_root_marks_nothing(library: Library) -> None:
    before = {path: dict(row) for path, row in tracks(library.home).items()}
    os.rename(library.music, library.music.with_name("elsewhere"))
    library.music.mkdir()
    report = library.ingest()
    assert counts(report) == {}
    (note,) = report["notes"]
    assert str(library.music) in note
    assert f"{N} tracks are kept" in note
    assert {path: dict(row) for path, row in tracks(library.home).items()} == before
    os.rmdir(library.music)
    assert library.run("ingest", library.music).code == 2
    status = library.run("status", "--json").json
    assert status["roots"] == [{"path": str(library.music), "present": False}]
    assert status["missing"] == 0


def test_relocated_root_needs_no_analysis(library: Library) -> None:
    before = {row["id"]: row["rel_path"] for row in tracks(library.home).values()}
    new = library.music.with_name("moved music")
    os.rename(library.music, new)
    ran = library.run("relocate", library.music, new, "--json")
    assert (ran.code, ran.json) == (0, {"old": str(library.music), "new": str(new), "tracks": N})
    rows = tracks(library.home)
    assert {row["id"]: row["rel_path"] for row in rows.values()} == before
    assert all(path.startswith(f"{new}/") for path in rows)
    assert counts(library.ingest(new)) == {"found": N, "unchanged": N}
    assert library.similar(new / "rock/alpha.mp3")["query"]["path"] == str(new / "rock/alpha.mp3")


def test_relocate_says_what_is_wrong(library: Library) -> None:
    before = list(tracks(library.home))
    for old, new, code, message in (
        (library.music / "rock", library.music, 1, f"is not a library root; the roots are: {library.music}"),
        (library.music, library.music / "nowhere", 2, "does not exist"),
    ):
        ran = library.run("relocate", old, new)
        assert ran.code == code
        assert message in ran.err.replace("\n", " ")
        assert ran.out == ""
    assert list(tracks(library.home)) == before


def test_move_between_two_roots_either_way(library: Library) -> None:
    """The first folder named loses a file to the second one, and the other way round."""
    other = library.music.with_name("other")
    write_song(other / "omega.flac", 60)
    write_song(other / "psi.flac", 61)
    library.ingest(other)
    query(library.home, "UPDATE track SET plays = id")
    before = names(library.home)
    shutil.move(library.music / "rock/alpha.mp3", other / "alpha.mp3")
    shutil.move(other / "omega.flac", library.music / "jazz/omega.flac")

    report = library.ingest(library.music, other)

    assert report["analysed"] == 0
    assert report["moved"] == 2
    after = names(library.home)
    assert len(tracks(library.home)) == N + 2
    for name, folder in (("alpha.mp3", other), ("omega.flac", library.music / "jazz")):
        assert str(folder / name) in tracks(library.home)
        kept = ("id", "plays", "title", "content_hash", "missing")
        assert [after[name][key] for key in kept] == [before[name][key] for key in kept]
    assert report["missing"] == 0, "a file that was found again in another folder is not missing"


def test_folder_below_a_root_is_part_of_it(library: Library) -> None:
    os.utime(library.music / "rock/alpha.mp3")
    os.remove(library.music / "jazz/delta.wav")
    assert counts(library.ingest(library.music / "rock")) == {"found": 3, "retagged": 1, "unchanged": 2}
    assert library.row("jazz/delta.wav")["missing"] == 0
    assert [r["path"] for r in library.run("status", "--json").json["roots"]] == [str(library.music)]
    assert counts(library.ingest(library.music / "jazz")) == {"found": 2, "missing": 1, "unchanged": 2}
    assert library.row("jazz/delta.wav")["missing"] == 1


def test_folder_above_a_root_becomes_the_root(library: Library) -> None:
    query(library.home, "UPDATE track SET plays = id")
    before = {row["id"]: row["plays"] for row in tracks(library.home).values()}
    above = library.music.parent / "above"
    above.mkdir()
    os.rename(library.music, above / "music")
    query(library.home, "UPDATE root SET path = ?", os.fsencode(above / "music"))
    write_song(above / "outside.flac", 62)
    assert counts(library.ingest(above)) == {"found": N + 1, "analysed": 1, "unchanged": N}
    assert [r["path"] for r in library.run("status", "--json").json["roots"]] == [str(above)]
    after = {row["id"]: row["plays"] for row in tracks(library.home).values()}
    assert before.items() <= after.items()
    assert (above / "music/rock/alpha.mp3").as_posix() in tracks(library.home)


def test_two_identical_new_files_are_analysed_once(library: Library) -> None:
    first = write_song(library.music / "twin one.flac", 63, title="One")
    synth.tag(Path(shutil.copy(first, library.music / "twin two.flac")), {"title": "Two"})
    assert counts(library.ingest()) == {"found": N + 2, "analysed": 1, "copied": 1, "unchanged": N}
    sounds = support.analyses(library.home)
    assert sounds[str(first)] == sounds[str(library.music / "twin two.flac")] != []
    assert [library.row(f"twin {n}.flac")["title"] for n in ("one", "two")] == ["One", "Two"]


def test_damaged_file_that_is_restored_is_found_again(library: Library) -> None:
    """What was excluded from the index because it failed returns with the same audio."""
    path = library.music / "rock/beta.flac"
    good, before = path.read_bytes(), library.row("rock/beta.flac")
    path.write_bytes(b"overwritten by mistake")
    report = library.ingest(code=3)
    assert [f["path"] for f in report["failed"]] == [str(path)]
    assert report["index_segments"] == N
    path.write_bytes(good)
    report = library.ingest()
    assert counts(report) == {"found": N, "retagged": 1, "unchanged": N - 1}
    assert report["index_segments"] == N + 1
    assert before["id"] in library.indexed()
    assert library.run("failures", "--json").json == []
