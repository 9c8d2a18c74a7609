"""docs/COMMANDS.md: it has every command, with all that a command can be told, and nothing that it cannot."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

import cli
from recommender.commands.filter_options import FILTER_OPTIONS
from tests.recommender.support import REPO

PAGE = (REPO / "docs" / "COMMANDS.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (`.*?) \| (.*) \|$", re.M)
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*(?![\w-])")
SPAN = re.compile(r"`((?:[^`\\]|\\.)+)`")
EVERYWHERE = {"--json", "--help"}
"""Of which paragraphs beside the table tell."""
FILTERS = {"--" + name.replace("_", "-") for name in FILTER_OPTIONS}


def leaves(command: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each command that does something, with its words."""
    command = command or get_command(cli.app)
    below = getattr(command, "commands", {})
    if not below:
        yield words, command
    for name, one in below.items():
        yield from leaves(one, (*words, name))


def rows_of(words: tuple[str, ...]) -> list[str]:
    """Return the rows of the page that are about a command, or about its group where none is its own."""
    rows = [(SPAN.findall(row[1]), row[0]) for row in ROW.finditer(PAGE)]
    named = [text for names, text in rows if any(name.split()[: len(words)] == list(words) for name in names)]
    return named or [text for names, text in rows if any(name.split()[0] == words[0] for name in names)]


@pytest.mark.parametrize(
    ("words", "command"), list(leaves()), ids=lambda one: " ".join(one) if type(one) is tuple else ""
)
def test_the_page_has_every_command_with_all_that_it_can_be_told(
    words: tuple[str, ...], command: Any
) -> None:
    text = " ".join(rows_of(words))
    assert text, "no row"
    told = {option for span in SPAN.findall(text) for option in OPTION.findall(span)}
    if "filters of `similar`" in text:
        told |= FILTERS
    for parameter in command.params:
        names = {*parameter.opts, *parameter.secondary_opts}
        if all(name.startswith("-") for name in names) and not names & EVERYWHERE:
            assert names & told, (words, names)


def test_the_page_names_no_option_that_no_command_has() -> None:
    known = {
        name
        for _, command in [*leaves(), ((), get_command(cli.app))]
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    assert {option for span in SPAN.findall(PAGE) for option in OPTION.findall(span)} <= known | EVERYWHERE
