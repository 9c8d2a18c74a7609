"""Labels from folders, names, tags and CSV files."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from recommender.errors import LabelError
from recommender.labels.rules import Label, label_rule, read_labels, split_group


@dataclass
class File:
    path: str
    file_genres: list[str] = field(default_factory=list)


@pytest.mark.parametrize(
    ("path", "depth", "name", "group"),
    [
        ("/m/rock/a.mp3", 1, "rock", None),
        ("/m/rock/punk/a.mp3", 1, "rock", "rock/punk"),
        ("/m/rock/punk/a.mp3", 2, "rock/punk", None),
        ("/m/rock/punk/1977/a.mp3", 2, "rock/punk", "rock/punk/1977"),
        ("/m/rock/Band/Album 1/a.mp3", 1, "rock", "rock/Band"),
        ("/m/rock/Band/Album 2/cd 1/b.mp3", 1, "rock", "rock/Band"),
        ("/m/rock/a.mp3", 2, "rock", None),
        ("/m/ rock /a.mp3", 1, "rock", None),
        ("/m/rock / punk/a.mp3", 2, "rock/punk", None),
        ("/m/a.mp3", 1, None, None),
        ("/elsewhere/rock/a.mp3", 1, None, None),
    ],
)
def test_folders(path: str, depth: int, name: str | None, group: str | None) -> None:
    """The folder right below the label's, often an artist's, is a group; albums below that are not."""
    label = label_rule("folders", "/m", depth)(File(path))
    assert label == (None if name is None else Label(name, "folders", group))


@pytest.mark.parametrize(
    ("source", "group", "artist", "expected"),
    [
        ("csv", "Session 3", "Ann", "Session 3"),
        ("csv", None, "Ann", "Ann"),
        ("csv", None, "", None),
        ("folders", "rock/Band", "Ann", "Ann"),
        ("folders", "rock/Band", "", "rock/Band"),
        ("folders", None, "", None),
        ("names", None, "Ann", "Ann"),
        (None, None, "", None),
    ],
)
def test_a_csv_knows_better_than_the_artist_tag_and_a_folder_worse(
    source: str | None, group: str | None, artist: str, expected: str | None
) -> None:
    assert split_group(source, group, artist) == expected


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/m/blues.00001.wav", "blues"),
        ("/m/x/hip hop.mp3", "hip hop"),
        ("/m/jazz .2.mp3", "jazz"),
        ("/m/.hidden.mp3", None),
        ("/m. a/rock.mp3", "rock"),
    ],
)
def test_names(path: str, name: str | None) -> None:
    assert label_rule("names", "/m")(File(path)) == (None if name is None else Label(name, "names"))


def test_tags() -> None:
    rule = label_rule("tags", "/m")
    assert rule(File("/m/a.mp3", ["Rock", "Pop"])) == Label("Rock", "tags")
    assert rule(File("/m/a.mp3", [])) is None
    assert rule(File("/m/a.mp3", ["  "])) is None


def test_none_labels_nothing() -> None:
    assert label_rule("none", "/m") is None


@pytest.mark.parametrize("rule", ["genres", "Folders", "", "nowhere.csv", "/tmp"])
def test_unknown_rule_is_refused(rule: str) -> None:
    with pytest.raises(LabelError, match="is neither none, folders, names, tags nor a CSV file"):
        label_rule(rule, "/m")


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def test_csv_paths_are_relative_to_the_csv(tmp_path: Path) -> None:
    table = write(
        tmp_path / "lists/labels.csv",
        f"path,label\n../music/a.mp3,rock\n./b.mp3, jazz \n{tmp_path}/music/./c.mp3,folk\n",
    )
    assert read_labels(table) == {
        f"{tmp_path}/music/a.mp3": Label("rock", "csv"),
        f"{tmp_path}/lists/b.mp3": Label("jazz", "csv"),
        f"{tmp_path}/music/c.mp3": Label("folk", "csv"),
    }


def test_csv_named_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "lists/labels.csv", "path,label\na.mp3,rock\n")
    monkeypatch.chdir(tmp_path)
    rule = label_rule("lists/labels.csv", str(tmp_path))
    assert rule(File(f"{tmp_path}/lists/a.mp3")) == Label("rock", "csv")
    assert rule(File(f"{tmp_path}/a.mp3")) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv_columns_in_any_case_and_order_with_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    text = "Comment, Genre ,Year,PATH,Artist\r\nnice,Chanson,1950,é.mp3,Édith\r\n,Soul,,b.mp3,\r\n"
    assert read_labels(write(tmp_path / "x.csv", text, encoding)) == {
        f"{tmp_path}/é.mp3": Label("Chanson", "csv", "Édith"),
        f"{tmp_path}/b.mp3": Label("Soul", "csv", None),
    }


def test_label_goes_before_genre_and_group_before_artist(tmp_path: Path) -> None:
    text = "genre,path,artist,label,group\nG,a.mp3,A,L,R\n"
    assert read_labels(write(tmp_path / "x.csv", text)) == {f"{tmp_path}/a.mp3": Label("L", "csv", "R")}


def test_rows_without_path_or_label_are_left_out(tmp_path: Path) -> None:
    text = 'path,label,extra\n,rock,\na.mp3,,\nb.mp3\n\nc.mp3,pop,1,2,3\n"d,\n.mp3",pop,\n'
    assert read_labels(write(tmp_path / "x.csv", text)) == {
        f"{tmp_path}/c.mp3": Label("pop", "csv"),
        f"{tmp_path}/d,\n.mp3": Label("pop", "csv"),
    }


def test_csv_in_the_bytes_of_the_file_system(tmp_path: Path) -> None:
    table = tmp_path / "x.csv"
    table.write_bytes(b"path,label\ncaf\xe9.mp3,rock\n")
    (path,) = read_labels(table)
    assert path.encode("utf-8", "surrogateescape") == bytes(tmp_path) + b"/caf\xe9.mp3"


@pytest.mark.parametrize("text", ["", "path\na.mp3\n", "file,label\na.mp3,rock\n"])
def test_csv_without_its_columns_is_refused(tmp_path: Path, text: str) -> None:
    table = write(tmp_path / "x.csv", text)
    with pytest.raises(LabelError, match="needs the columns path and label") as caught:
        label_rule(str(table), str(tmp_path))
    assert str(table) in str(caught.value)


def test_csv_that_cannot_be_parsed_is_refused(tmp_path: Path) -> None:
    table = write(tmp_path / "x.csv", "path,label\n" + "a" * 200_000 + ",rock\n")
    with pytest.raises(LabelError, match="cannot be read as CSV"):
        read_labels(table)
