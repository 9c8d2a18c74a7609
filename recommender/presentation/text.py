"""Times, passages and names as people read them."""

from pathlib import PurePath
from typing import Any

from db.file_range import file_of


def clock(seconds: float | None) -> str:
    """Return seconds as ``m:ss``."""
    return "" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def passages_in_words(result: dict[str, Any]) -> str:
    """Return ``0:30-1:00 ≈ 2:07-2:37``: the query's passage and the one that matches it."""
    if result.get("query_start_s") is None:
        return ""
    names = ("query_start_s", "query_end_s", "match_start_s", "match_end_s")
    a, b, c, d = (clock(round(result[name])) for name in names)
    return f"{a}-{b} ≈ {c}-{d}"


def name_of(item: dict[str, Any]) -> str:
    """Return artist and title."""
    return f"{item['artist']} - {item['title']}" if item["artist"] else str(item["title"])


def title_of(item: dict[str, Any]) -> str:
    """Return a song's title, or else the name of its file."""
    return str(item["title"] or PurePath(file_of(item["path"])).stem)


def called(item: dict[str, Any]) -> str:
    """Return artist and title, or else the name of its file, as characters that all can write."""
    name = f"{item['artist']} - {title_of(item)}" if item["artist"] else title_of(item)
    return name.encode("utf-8", "replace").decode()


def label_of(item: dict[str, Any]) -> str:
    """Return what a song is: the user's label, else the model's verdict."""
    return str(item["label"] or item["verdict"] or "")
