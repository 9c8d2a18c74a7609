"""How wide the columns of a table are, and where its cells are wrapped: never within a word or a number."""

import re
from collections.abc import Sequence
from itertools import chain

Grid = Sequence[Sequence[str]]
"""The headings, then the rows; all of one length."""

BETWEEN = 3
"""Columns of the terminal that a column takes besides its text; the table takes one more."""
LONGEST_WORD = 24
"""What is longer, as paths are, may be broken where there is no room."""
UNITS = "%|s|ms|min|h|bpm|Hz|kHz|dB|LUFS|kB|MB|GB|nats"
WORD = re.compile(rf"\S*\d (?:{UNITS})(?=[\s,;:)]|$)[,;:)]*|[±≈<>≤≥] ?\S+|\S+")
"""What stays on one line: a word, a number with its sign and unit, an interval."""


def wrapped(cell: str, width: int) -> str:
    """Return a cell with line breaks between words, so that each line has `width` columns at most.

    A word that is longer than that stays whole, on a line of its own.
    """
    from rich.cells import cell_len

    lines = [""]
    for word in WORD.findall(cell):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and cell_len(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines) if cell_len(cell) > width else cell


def column_widths(table: Grid, width: int, longest_word: int = LONGEST_WORD) -> list[int] | None:
    """Return how wide a table's columns are on a terminal `width` wide; None where words would be broken.

    What is too wide is taken from the widest columns.
    """
    from rich.cells import cell_len

    columns = list(zip(*table, strict=True))
    widths = [max(map(cell_len, cells)) for cells in columns]
    words = [
        max((cell_len(word) for word in chain.from_iterable(map(WORD.findall, cells))), default=0)
        for cells in columns
    ]
    least = [min(longest_word, longest) for longest in words]
    room = width - BETWEEN * len(columns) - 1
    if sum(least) > room:
        return None
    while sum(widths) > room:
        wide = max((i for i in range(len(widths)) if widths[i] > least[i]), key=widths.__getitem__)
        widths[wide] -= 1
    return widths


def columns_as_lines(table: Grid, width: int) -> list[list[tuple[str, ...]]]:
    """Return a table as others with a line for each of its columns, and as many rows beside it as fit."""
    headings, *rows = table
    parts: list[list[Sequence[str]]] = [[headings]]
    for row in rows:
        more = [*parts[-1], row]
        if len(parts[-1]) > 1 and column_widths(list(zip(*more, strict=True)), width) is None:
            parts.append([headings, row])
        else:
            parts[-1] = more
    return [list(zip(*part, strict=True)) for part in parts]
