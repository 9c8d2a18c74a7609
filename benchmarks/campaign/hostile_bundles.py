"""Bundles that nobody should use, and some that are odd and good: made of one that is good, hashes right.

Each maker changes a copy of a good bundle. Where it is the content that lies, the hashes and the ids
that the description has are those of the lie: what refuses it must be what looks at the content.
"""

import io
import json
import os
import random
import socket
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.campaign.forge import described, forge
from benchmarks.campaign.hostile_graphs import graphs
from benchmarks.campaign.hostile_values import values
from classifier.model import bundle

REFUSED, TAKEN, EITHER = "refused", "taken", "refused or taken"
DAMAGED: Final = 6
"""Of each file, so many times a bit is turned over, with the hashes of the whole and with its own."""


@dataclass(frozen=True)
class Hostile:
    """A bundle to make: what is odd about it, how, and what must become of it."""

    name: str
    make: Callable[[Path], object]
    wanted: str = REFUSED


def hostile(canary: Path, rng: random.Random) -> list[Hostile]:
    """Return all bundles; `canary` is a file outside of them that nothing may reach."""
    parts = (
        _damaged(rng),
        _files(canary),
        _names(canary),
        _jsons(),
        _keys(rng),
        _archives(canary),
    )
    made = [one for part in parts for one in part]
    made += [Hostile(name, make) for name, make in values()]
    for name, content in graphs(canary):
        made.append(Hostile(f"graph: {name}", lambda f, c=content: forge(f, **{bundle.TRUNK_ONNX: c})))
    return made


def _damaged(rng: random.Random) -> Iterator[Hostile]:
    for name in (*bundle.FILES, bundle.CALIBRATION, bundle.DESCRIPTION):
        size = (bundle.SHIPPED / name).stat().st_size
        for number in range(DAMAGED):
            place, bit, own = rng.randrange(size), 1 << rng.randrange(8), number % 2
            what = f"{name}: a bit at {place}{', its hash right' if own else ''}"
            wanted = EITHER if own or name == bundle.DESCRIPTION else REFUSED
            yield Hostile(what, lambda f, a=(name, place, bit, own): _turn(f, *a), wanted)
        for share in (0.0, rng.random(), 0.999):
            yield Hostile(f"{name}: cut at {share:.3f}", lambda f, n=name, s=share: _cut(f / n, s))
        yield Hostile(f"{name}: missing", lambda f, n=name: (f / n).unlink())


def _turn(folder: Path, name: str, place: int, bit: int, own_hash: int) -> None:
    content = bytearray((folder / name).read_bytes())
    content[place % len(content)] ^= bit
    if own_hash and name != bundle.DESCRIPTION:
        forge(folder, **{name: bytes(content)})
    else:
        (folder / name).write_bytes(content)


def _cut(path: Path, share: float) -> None:
    os.truncate(path, int(path.stat().st_size * share))


def _files(canary: Path) -> Iterator[Hostile]:
    """Yield bundles whose files are other things than files."""
    for name in (bundle.DESCRIPTION, *bundle.FILES, bundle.CALIBRATION):
        yield Hostile(f"{name}: a link to a copy", lambda f, n=name: _link(f, n))
        yield Hostile(
            f"{name}: a link to nothing", lambda f, n=name: _replace(f / n, "symlink_to", "/nowhere")
        )
        yield Hostile(f"{name}: a link to a file", lambda f, n=name: _replace(f / n, "symlink_to", canary))
        yield Hostile(
            f"{name}: an endless file", lambda f, n=name: _replace(f / n, "symlink_to", "/dev/zero")
        )
        yield Hostile(f"{name}: a link to itself", lambda f, n=name: _replace(f / n, "symlink_to", n))
        yield Hostile(f"{name}: a pipe", lambda f, n=name: _replace(f / n, None, os.mkfifo))
        yield Hostile(f"{name}: a folder", lambda f, n=name: _replace(f / n, "mkdir"))
        yield Hostile(f"{name}: 2 GB", lambda f, n=name: os.truncate(f / n, 2 * 10**9))
        yield Hostile(f"{name}: linked hard", lambda f, n=name: _link_hard(f / n), TAKEN)
    yield Hostile("a socket", lambda f: _replace(f / bundle.HEAD, None, _socket))
    yield Hostile("nothing but folders", lambda f: [(p.unlink(), p.mkdir()) for p in list(f.iterdir())])
    yield Hostile("other files beside them", lambda f: _more(f, canary), TAKEN)


def _link(folder: Path, name: str) -> None:
    (folder.parent / "copy").write_bytes((folder / name).read_bytes())
    _replace(folder / name, "symlink_to", folder.parent / "copy")


def _replace(path: Path, how: str | None, *arguments: Any) -> None:
    path.unlink()
    if how is None:
        arguments[0](path)
    else:
        getattr(path, how)(*arguments)


def _link_hard(path: Path) -> None:
    kept = path.with_name("kept " + path.name)
    path.rename(kept)
    os.link(kept, path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made, suppress(OSError):
        made.bind(os.path.relpath(path))
    if not os.path.lexists(path):
        os.mkfifo(path)


def _more(folder: Path, canary: Path) -> None:
    (folder / "link").symlink_to(canary)
    (folder / "folder" / "deep").mkdir(parents=True)
    (folder / "run.py").write_text("import os")
    os.mkfifo(folder / "pipe")


def _names(canary: Path) -> Iterator[Hostile]:
    relative = f"../{canary.name}"
    for name in (
        str(canary),
        relative,
        "folder/x",
        "",
        ".",
        "..",
        bundle.DESCRIPTION,
        "a\0b",
        "x" * 5000,
        "\udcff",
    ):
        yield Hostile(
            f"a file called {name[:20]!r}",
            lambda f, n=name: forge(f, lambda d: d["files"].update({n: "0" * 64})),
        )
    for name in (bundle.HEAD, bundle.CALIBRATION):
        yield Hostile(f"{name} is not listed", lambda f, n=name: forge(f, lambda d: d["files"].pop(n)))
    yield Hostile("a hash that is none", lambda f: forge(f, lambda d: d["files"].update({bundle.HEAD: 7})))
    for name in ("../../x", "bundle-../../../x", "/tmp/x", "active", ".part-x", "bundle-" + "0" * 16):
        yield Hostile(f"bundle_id {name}", lambda f, n=name: _write(f, {**described(f), "bundle_id": n}))


def _write(folder: Path, told: object) -> None:
    (folder / bundle.DESCRIPTION).write_text(json.dumps(told), encoding="utf-8")


def _jsons() -> Iterator[Hostile]:
    deep = 100_000
    texts = {
        "100,000 lists in each other": b"[" * deep + b"]" * deep,
        "100,000 objects in each other": b'{"a":' * deep + b"1" + b"}" * deep,
        "17 MB": b'{"format": 2, "x": "' + b"x" * 17 * 10**6 + b'"}',
        "empty": b"",
        "null": b"null",
        "a list": b"[]",
        "UTF-16": '{"format": 2}'.encode("utf-16"),
        "no text": bytes(range(256)),
        "a number of 10,000 digits": b'{"format": ' + b"9" * 10_000 + b"}",
        "millions of lists": b'{"format": 2, "x": [' + b"[]," * 5 * 10**6 + b"[]]}",
    }
    for name, content in texts.items():
        yield Hostile(f"JSON: {name}", lambda f, c=content: (f / bundle.DESCRIPTION).write_bytes(c))
    for name, value in {"NaN": float("nan"), "Infinity": float("inf"), "10^400": 10**400}.items():
        yield Hostile(
            f"JSON: {name}", lambda f, v=value: forge(f, lambda d: d["calibration"].update(temperature=v))
        )
    nested: list[Any] = []
    for _ in range(40):
        nested = [nested]
    yield Hostile(
        "JSON: 40 lists in each other", lambda f: forge(f, lambda d: d["training"].update(x=nested))
    )


def _tell(folder: Path, change: Callable[[dict[str, Any]], object], key: str) -> None:
    """Change a part of a description; all ids are right afterwards, unless it is an id that lies."""
    told = described(folder)
    change(told)
    if key in ("bundle_id", "trunk_id"):
        _write(folder, told)
    else:
        forge(folder, change)


def _keys(rng: random.Random) -> Iterator[Hostile]:
    """Yield descriptions without a part, or with another kind of it."""
    others = (None, 7, "text", [1], {"a": 1}, True, [], {}, -1, "x" * 10_000)
    for key in described(bundle.SHIPPED):
        wanted = EITHER if key in ("taxonomy", "calibration", "architecture") else REFUSED
        yield Hostile(f"{key}: missing", lambda f, k=key: _tell(f, lambda d: d.pop(k), k), wanted)
        for other in rng.sample(others, 3):
            perhaps = EITHER if key in ("training", "taxonomy", "calibration", "architecture") else REFUSED
            what = f"{key}: {str(other)[:20]}"
            yield Hostile(what, lambda f, k=key, o=other: _tell(f, lambda d: d.update({k: o}), k), perhaps)


def _archives(canary: Path) -> Iterator[Hostile]:
    head = np.lib.format
    zeros = bytes(10**7)

    def with_member(
        content: bytes, kind: int = zipfile.ZIP_STORED, name: str = "kernel.npy", times: int = 1
    ) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", kind) as archive:
            with archive.open(name, "w", force_zip64=True) as file:
                for _ in range(times):
                    file.write(content)
            archive.writestr("bias.npy", _npy(np.zeros(10, np.float32)))
        return stream.getvalue()

    claimed = io.BytesIO()
    head.write_array_header_1_0(claimed, {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)})
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number}.npy", b"")
    weird = claimed.getvalue().replace(b"'shape': (1", b"'shape': __import__('os').system('touch x'), (1")
    contents = {
        "1 GB unpacked": with_member(zeros, zipfile.ZIP_DEFLATED, times=100),
        "a kernel of 4 TB": with_member(claimed.getvalue()),
        "20,000 members": many.getvalue(),
        "pickles": with_member(_npy(np.array([{"a": 1}], object))),
        "LZMA": with_member(_npy(np.zeros((200, 10), np.float32)), zipfile.ZIP_LZMA),
        "bzip2 of 1 GB": with_member(zeros, zipfile.ZIP_BZIP2, times=100),
        "a path": with_member(b"x", name=str(canary)),
        "a header with code": with_member(weird),
        "doubles": with_member(_npy(np.zeros((200, 10)))),
        "whole numbers": with_member(_npy(np.zeros((200, 10), np.int32))),
        "no arrays": _empty_zip(),
        "no archive": b"PK\3\4" + zeros[:1000],
    }
    for name, content in contents.items():
        yield Hostile(f"head.npz: {name}", lambda f, c=content: forge(f, **{bundle.HEAD: c}))


def _npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _empty_zip() -> bytes:
    stream = io.BytesIO()
    zipfile.ZipFile(stream, "w").close()
    return stream.getvalue()
