"""Forms in which the names of one song are written: what stands for all of them, and what looks like it.

All of it is of texts. What is alike here is one song only where album and length say so, too.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from recommender.song_titles import OTHER_TAKE, Key, issue_key

ARTICLE: Final = re.compile(r"^(?:the|a|an)\s+|\s+the$")
NUMBER: Final = re.compile(r"^\W*(?:\d{1,2}[-.])?\d{1,3}(?:\s*[-._)]\s*|\s+)")
BY: Final = re.compile(r"\s+[-–—]\s+")
NOBODY: Final = re.compile(
    r"\W*(?:various(?: artists)?|v\W?a|unknown(?: artist)?|artist|no artist)\W*", re.IGNORECASE
)
"""What stands in the place of an artist's name where there is none."""
LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"}
)
"""Letters that are no other letter with an accent."""
SHORT: Final = {"pt": "part", "pts": "parts", "vol": "volume", "nr": "no", "ch": "chapter"}
COUNTED: Final = ("part", "parts", "volume", "no", "chapter", "act", "book", "side")
ROMAN: Final = {
    roman: str(number)
    for number, roman in enumerate(
        ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"), 1
    )
}
NUMERALS: Final = re.compile(
    r"one|two|three|four|five|six|seven|eight|nine|ten|first|second|third|last|and|or|not?"
)
"""Words that make another song of one in which they are others."""
LEAST_WORD: Final = 3
LEAST_TITLE: Final = 8
"""Letters of a word, and of a title, in which one may be wrong."""


def plain_key(artist: str, title: str) -> Key:
    """Return the issue key without articles, with 'and' for '&' and '+', 'part 2' for 'Pt. II'."""
    spelt = (re.sub(r"\s[&+]\s", " and ", text) for text in (artist, title))
    by, of = (text.translate(LETTERS) for text in issue_key(*spelt))
    return ARTICLE.sub("", by), ARTICLE.sub("", " ".join(_counted(of.split())) or of)


def _counted(words: Sequence[str]) -> Iterator[str]:
    before = ""
    for word in words:
        plain = SHORT.get(word, word)
        yield ROMAN.get(plain, plain) if before in COUNTED else plain
        before = plain


def artist_named(artist: str) -> str:
    """Return the name of an artist, "" for what only stands in its place."""
    return "" if NOBODY.fullmatch(artist) else artist


def repaired(text: str) -> str:
    """Return a text as it was before UTF-8 was read as the letters of old Windows; all others as they are."""
    if text.isascii():
        return text
    try:
        return b"".join(map(_byte_of, text)).decode()
    except UnicodeError:
        return text


def _byte_of(letter: str) -> bytes:
    try:
        return letter.encode("cp1252")
    except UnicodeEncodeError:
        return letter.encode("latin-1")


def readings(artist: str, title: str) -> list[tuple[str, str]]:
    """Return other artists and titles that tags may mean: a number before it, or the artist in the title."""
    found = []
    bare = NUMBER.sub("", title)
    if bare and bare != title:
        found.append((artist, bare))
    for whole in (title, bare):
        by, dash, of = _split(whole)
        if dash and (not artist or plain_key(by, "") == plain_key(artist, "")):
            found += [(by, of), (by, NUMBER.sub("", of) or of)]
    return [one for one in dict.fromkeys(found) if one != (artist, title)]


def _split(title: str) -> tuple[str, str, str]:
    found = BY.search(title)
    return (title, "", "") if found is None else (title[: found.start()], found[0], title[found.end() :])


def artists_alike(one: str, other: str) -> bool:
    """Return whether two names may be one artist: in another order, with guests, first names cut or a slip.

    Both are plain keys.
    """
    names, others = _words(one), _words(other)
    if not names or not others:
        return False
    short, long = sorted((names, others), key=len)
    return _within(short, long) or (len(names) == len(others) and _slips(names, others))


def _words(text: str) -> list[str]:
    return [word for word in text.split() if word not in ("and", "the")]


def _within(short: Sequence[str], long: Sequence[str]) -> bool:
    """Whether all words of one are among those of the other, single letters as their beginnings."""
    left = list(long)
    for word in sorted(short, key=len, reverse=True):
        same = next((one for one in left if one == word), None)
        if same is None:
            same = next((one for one in left if 1 in (len(one), len(word)) and one[0] == word[0]), None)
        if same is None:
            return False
        left.remove(same)
    return any(len(word) > 1 for word in short)


def titles_alike(one: str, other: str) -> bool:
    """Return whether two titles differ by a slip or two: a letter too few, too many, or out of its place.

    Both are plain keys. Numbers, and words that name a version, are never slips.
    """
    if one.replace(" ", "") == other.replace(" ", ""):
        return True
    words, others = one.split(), other.split()
    if min(len(one), len(other)) < LEAST_TITLE:
        return False
    if len(words) == len(others):
        return _slips(words, others)
    squeezed = one.replace(" ", ""), other.replace(" ", "")
    of_one_alone = (Counter(words) - Counter(others)) + (Counter(others) - Counter(words))
    return not any(map(_is_telling, of_one_alone)) and _is_slip(*squeezed)


def _slips(words: Sequence[str], others: Sequence[str]) -> bool:
    pairs = [(a, b) for a, b in zip(words, others, strict=True) if a != b]
    return len(pairs) <= 2 and all(
        min(len(a), len(b)) >= LEAST_WORD - 1
        and max(len(a), len(b)) >= LEAST_WORD
        and not _is_telling(a)
        and not _is_telling(b)
        and _is_slip(a, b)
        for a, b in pairs
    )


def _is_telling(word: str) -> bool:
    return (
        any(letter.isdigit() for letter in word)
        or word in ROMAN
        or NUMERALS.fullmatch(word) is not None
        or OTHER_TAKE.fullmatch(word) is not None
    )


def _is_slip(one: str, other: str) -> bool:
    """Whether a letter is missing in one, or two changed places; another letter is another word."""
    short, long = sorted((one, other), key=len)
    start = next((n for n, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(long) == len(short) + 1:
        return short[start:] == long[start + 1 :]
    swapped = short[start + 1 : start + 2] + short[start : start + 1]
    return len(short) == len(long) and swapped + short[start + 2 :] == long[start:]
