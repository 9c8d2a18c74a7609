"""Conditional and range requests (RFC 9110, sections 13 and 14)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NamedTuple

from fastapi import HTTPException, Request

RANGE = re.compile(r"(\d{0,19})-(\d{0,19})", re.ASCII)
ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


class ByteRange(NamedTuple):
    """From one byte up to, not including, another."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


def parse_ranges(header: str | None, size: int, at_most: int) -> list[ByteRange] | None:
    """Return the ranges of bytes that a `Range` header asks for.

    Parameters
    ----------
    header
        Its value; None where there is none.
    size
        Bytes of the file.
    at_most
        More ranges than this are not answered, nor ranges that are together longer than the file.

    Returns
    -------
    list or None
        In the order asked for; empty where none lies in the file. None for the whole file: where nothing
        else, or nothing that can be understood, is asked for.
    """
    unit, equals, specs = (header or "").partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    found = []
    for spec in specs.split(","):
        if not spec.strip():
            continue  # a list may have empty elements
        match = RANGE.fullmatch(spec.strip())
        if match is None or not any(match.groups()):
            return None
        first, last = match.groups()
        if first and last and int(last) < int(first):
            return None
        start = int(first) if first else max(0, size - int(last))
        end = min(size, int(last) + 1) if first and last else size
        found.append(ByteRange(start, end))
    if not found or len(found) > at_most:
        return None
    inside = [one for one in found if one.start < one.end]
    return inside if len(inside) < 2 or sum(map(len, inside)) <= size else None


def outside(size: int, said: str, headers: dict[str, str]) -> HTTPException:
    """Return the error of ranges none of which is in a file of so many bytes."""
    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    return HTTPException(status, said, {**headers, "Content-Range": f"bytes */{size}"})


def precondition(request: Request, etag: str, modified: datetime) -> HTTPStatus:
    """Return 200, or 304 or 412 where a request's conditions say so, in the order of RFC 9110 13.2.2."""
    headers = request.headers
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if match is not None:
        if not _names(match, etag, weakly=False):
            return HTTPStatus.PRECONDITION_FAILED
    elif (since := _date(headers.get("if-unmodified-since"))) is not None and modified > since:
        return HTTPStatus.PRECONDITION_FAILED
    if none_match is not None:
        return HTTPStatus.NOT_MODIFIED if _names(none_match, etag, weakly=True) else HTTPStatus.OK
    since = _date(headers.get("if-modified-since"))
    return HTTPStatus.NOT_MODIFIED if since is not None and modified <= since else HTTPStatus.OK


def is_same_as_before(request: Request, etag: str, modified: str) -> bool:
    """Whether ranges may be answered: the file is still the one that `If-Range` names."""
    before = request.headers.get("if-range")
    return before is None or before.strip() in (etag, modified)


def has_tag(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names this: the client has it already."""
    header = request.headers.get("if-none-match")
    return header is not None and _names(header, etag, weakly=True)


def _names(header: str, etag: str, *, weakly: bool) -> bool:
    if header.strip() == "*":
        return True
    tags = ENTITY_TAG.findall(header)
    return etag in ([tag.removeprefix("W/") for tag in tags] if weakly else tags)


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text) if text else None
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
