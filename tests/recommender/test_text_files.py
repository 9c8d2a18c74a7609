"""Tables in any encoding that says what it is, and files that hold more than may be read."""

import json
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from db.session import Catalog
from recommender import params
from recommender.errors import LabelError, PlaysError, RecommenderError, TagError, TransferError
from recommender.labels.import_labels import import_labels
from recommender.labels.rules import Label, read_labels
from recommender.plays.import_plays import import_plays
from recommender.plays.recognise import read_plays, recognise
from recommender.plays.values import Listen, PathLine, Rejected
from recommender.tagging.canon import read_canon

Reader = Callable[[Path, Catalog], object]

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-be with a mark")
ENDINGS = ("\n", "\r\n")


def encoded(text: str, encoding: str) -> bytes:
    if encoding == "utf-16-be with a mark":
        return b"\xfe\xff" + text.encode("utf-16-be")
    return text.encode(encoding)


def labels(path: Path, _catalog: Catalog) -> object:
    return read_labels(path)


def canon(path: Path, _catalog: Catalog) -> object:
    return read_canon(path)


def transfer(path: Path, catalog: Catalog) -> object:
    return [(item.line, item.path) for item in import_labels(catalog, path).unmatched]


def plays(path: Path, _catalog: Catalog) -> object:
    return list(read_plays(path))


@pytest.mark.parametrize("read", [labels, canon, transfer, plays])
def test_a_pipe_is_not_waited_for(read: Reader, catalog: Catalog, tmp_path: Path) -> None:
    """Nobody writes into it: to open it as a file would wait for somebody who does."""
    os.mkfifo(tmp_path / "table.csv")
    with pytest.raises(RecommenderError, match=r"table\.csv cannot be read: it is no file, but a pipe"):
        read(tmp_path / "table.csv", catalog)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_read_as_its_mark_says(
    tmp_path: Path, catalog: Catalog, encoding: str, ending: str, delimiter: str
) -> None:
    path, song = tmp_path / "table.csv", str(tmp_path / "Café.mp3")

    def table(*rows: str) -> Path:
        text = ending.join((*rows, "")).replace(",", delimiter)
        path.write_bytes(encoded(text, encoding))
        return path

    assert read_labels(table("path,label,artist", "Café.mp3,Dreampöp,Ann")) == {
        song: Label("Dreampöp", "csv", "Ann")
    }
    assert read_canon(table("label,name", "metal,Métal ☃")) == {"metal": ("Métal ☃",)}
    assert transfer(table("path,label", "Café.mp3,Pöp"), catalog) == [(2, "Café.mp3")]
    assert plays(table("path,plays", "Café.mp3,7"), catalog) == [
        PathLine(2, "Café.mp3", str(tmp_path), 7, None)
    ]
    (listen,) = plays(table("artist,track", "Café,☃"), catalog)  # type: ignore[misc]
    assert (listen.artist, listen.title) == ("Café", "☃")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_is_read_as_its_mark_says(tmp_path: Path, catalog: Catalog, encoding: str) -> None:
    path = tmp_path / "x.jsonl"

    def document(*lines: object) -> Path:
        text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
        path.write_bytes(encoded(text, encoding))
        return path

    assert read_canon(document({"metal": "Métal ☃"})) == {"metal": ("Métal ☃",)}
    assert transfer(document({"path": "é.mp3", "label": "x"}), catalog) == [(1, "é.mp3")]
    listen = {"track_metadata": {"artist_name": "é", "track_name": "b"}, "listened_at": 1_500_000_000}
    for lines in ((listen, listen), ([listen, listen],)):
        found = plays(document(*lines), catalog)
        assert [(line.artist, line.title) for line in found] == [("é", "b")] * 2  # type: ignore[attr-defined]


READERS: dict[str, tuple[Reader, str, type[RecommenderError]]] = {
    "labels": (labels, "path,label", LabelError),
    "names": (canon, "label,name", TagError),
    "transfer": (transfer, "path,label", TransferError),
    "plays": (plays, "path,plays", PlaysError),
}


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_text_is_refused_with_its_line(tmp_path: Path, catalog: Catalog, name: str) -> None:
    read, header, error = READERS[name]
    path = tmp_path / "table.csv"

    def refused(content: bytes) -> str:
        path.write_bytes(content)
        with pytest.raises(error) as caught:
            read(path, catalog)
        said = str(caught.value)
        assert str(path) in said
        assert "\n" not in said
        return said

    rows = f"{header}\na.mp3,1\n"
    assert "line 1: it has NUL characters" in refused(rows.encode("utf-16-le"))
    assert "line 3: it has NUL characters" in refused(rows.encode() + b"\0,2\n")
    assert "no whole text in UTF-16; save it as UTF-8" in refused(rows.encode("utf-16")[:-1])
    assert "no whole text in UTF-16" in refused(b"\xff\xfe\x00\xd8" + rows.encode("utf-16-le"))
    long = f"line 3: it is longer than the {params.LONGEST_LINE:,} characters that are read"
    assert long in refused(rows.encode() + b"x" * (params.LONGEST_LINE + 1))


def test_another_encoding_is_refused_with_its_line_but_in_paths(tmp_path: Path, catalog: Catalog) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"path,label\na.mp3,x\ncaf\xe9.mp3,y\n")
    assert read_labels(path)[f"{tmp_path}/caf\udce9.mp3"] == Label("y", "csv", None)
    assert transfer(path, catalog)[1] == (3, "caf\udce9.mp3")  # type: ignore[index]
    said = "it is not UTF-8; save the file as UTF-8"
    path.write_bytes(b"path,label\na.mp3,x\nb.mp3,caf\xe9\n")
    with pytest.raises(LabelError, match=f"line 3: {said}"):
        read_labels(path)
    with pytest.raises(TransferError, match="line 3: its label is not UTF-8"):
        transfer(path, catalog)
    path.write_bytes(b"label,name\nmetal,m\xe9tal\n")
    with pytest.raises(TagError, match=f"line 2: {said}"):
        read_canon(path)
    path.write_bytes(b"artist,track\nCaf\xe9,b\nd,e\n")
    assert plays(path, catalog) == [
        Rejected(2, "Caf? - b", said),
        Listen(3, "d", "e", "", None),
    ]


def zipped(path: Path, *contents: bytes, name: str = "listens/2024/{}.jsonl", how: int = 8) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for number, content in enumerate(contents):
            archive.writestr(name.format(number), content)
    return path


LISTEN = json.dumps({"track_metadata": {"artist_name": "a", "track_name": "b"}, "listened_at": 0}).encode()


def refused_plays(path: Path) -> str:
    with pytest.raises(PlaysError) as caught:
        for _ in read_plays(path):
            pass
    return str(caught.value).replace(str(path), "FILE")


def test_an_archive_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "LARGEST_UNPACKED_PLAYS", 5 << 20)
    part = (LISTEN + b"\n" + b" " * 1000 + b"\n") * 1000
    good = zipped(tmp_path / "good.zip", *[part] * 4)
    assert sum(isinstance(line, Listen) for line in read_plays(good)) == 4000
    said = "FILE unpacks to more than the 5 MB that are read"
    assert refused_plays(zipped(tmp_path / "parts.zip", *[part] * 5)) == said
    bomb = zipped(tmp_path / "bomb.zip", (b" " * 99_999 + b"\n") * 1000)
    assert bomb.stat().st_size < 200_000
    tracemalloc.start()
    assert refused_plays(bomb) == said
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


def test_an_archive_that_lies_about_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "LARGEST_UNPACKED_PLAYS", 1 << 20)
    path = zipped(tmp_path / "x.zip", (b" " * 1023 + b"\n") * 2048)
    data = path.read_bytes()
    real = (2 << 20).to_bytes(4, "little")
    assert data.count(real) == 2
    path.write_bytes(data.replace(real, (1 << 19).to_bytes(4, "little")))
    with pytest.raises(PlaysError):
        list(read_plays(path))


def test_what_else_an_archive_may_not_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = refused_plays(zipped(tmp_path / "line.zip", b"\n" + b"[" * (3 << 20)))
    assert line == (
        f"FILE: listens/2024/0.jsonl, line 2: it is longer than the {params.LONGEST_LINE:,} "
        "characters that are read"
    )
    packed = refused_plays(zipped(tmp_path / "packed.zip", LISTEN, how=zipfile.ZIP_LZMA))
    assert packed == "FILE is packed in a way that is not read; pack it anew, with Deflate"
    path = zipped(tmp_path / "locked.zip", LISTEN)
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    path.write_bytes(data)
    assert refused_plays(path) == "FILE is encrypted"
    monkeypatch.setattr(params, "MOST_MEMBERS", 3)
    many = refused_plays(zipped(tmp_path / "many.zip", *[LISTEN] * 4))
    assert many == "FILE holds more than the 3 files of listens that are read"
    monkeypatch.setattr(params, "LARGEST_DIRECTORY", 150)
    listed = refused_plays(zipped(tmp_path / "listed.zip", *[b""] * 4, name="{}"))
    assert listed == "FILE lists more files than are read of an archive"


def test_more_lines_than_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalog: Catalog) -> None:
    monkeypatch.setattr(params, "MOST_LISTENS", 100)
    path = tmp_path / "x.csv"
    for content in (b"path,plays\n" + b"a,1\n" * 101, b"[" + b"1," * 100 + b"1]", (LISTEN + b"\n") * 101):
        path.write_bytes(content)
        assert refused_plays(path) == "FILE has more than the 100 lines that are read"
        with pytest.raises(PlaysError):
            import_plays(catalog, path, add=False)
    path.write_bytes(b"path,plays\n" + b"a,1\n" * 100)
    assert len(list(read_plays(path))) == 100
    monkeypatch.setattr(params, "MOST_LINES", 100)
    assert refused_plays(path) == "FILE has more than the 100 lines that are read"
    path.write_bytes(b"path,label\n" + b"a,1\n" * 100)
    with pytest.raises(LabelError, match="more than the 100 lines"):
        read_labels(path)


def test_json_that_is_too_large_or_too_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b'{"payload": {"listens": [' + LISTEN + b"]}, " + b'"a":' * 100_000)
    assert "lies too deep" in refused_plays(path) or "cannot be read" in refused_plays(path)
    deep = b'{"#text": ' * 900 + b'"x"' + b"}" * 900
    path.write_bytes(b'[{"artist": ' + deep + b', "name": "t"}, {"x": ' + deep + b"}]")
    first, second = read_plays(path)
    assert isinstance(first, Rejected)
    assert first.reason == "it has no artist"
    assert isinstance(second, Rejected)
    assert second.reason == "it is no listen"
    monkeypatch.setattr(params, "LARGEST_JSON", 1 << 20)
    path.write_bytes(b"[" + LISTEN + b" " * (1 << 20) + b"]")
    assert refused_plays(path) == "FILE is one document of JSON of more than the 1 MB that are read"


def test_a_document_in_one_line_longer_than_a_line_may_be(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    listens = json.dumps({"payload": {"listens": [json.loads(LISTEN)] * 20_000}})
    assert len(listens) > params.LONGEST_LINE
    path.write_text(listens)
    assert recognise(path) == "json"
    assert sum(1 for _ in read_plays(path)) == 20_000
