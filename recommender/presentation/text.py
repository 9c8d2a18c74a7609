"""Times, passages and names as people read them."""

from typing import Any


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
