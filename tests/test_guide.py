"""The user guide: commands exist with their options, links and pictures resolve, pages are short."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import cli
from tests.recommender.support import REPO

GUIDE = REPO / "docs" / "guide"
PAGES = sorted(GUIDE.glob("*.md"))
BLOCKS = re.compile(r"^```(console|sh)[^\n]*\n(.*?)^```$", re.M | re.S)
INLINE = re.compile(r"`(deepcuts [^`\n]+)`")
LINKS = re.compile(r"\[[^\]]+\]\(([^)]+)\)")
PLACEHOLDERS = ("COMMAND",)
MOST_LINES, MOST_BYTES = 120, 150_000


def commands_in(text: str) -> list[str]:
    """Return the commands that a page shows: in sessions after "$ ", elsewhere each line."""
    found = INLINE.findall(BLOCKS.sub("", text))
    for kind, block in BLOCKS.findall(text):
        lines = block.replace("\\\n", " ").splitlines()
        found += [line[2:] for line in lines if line.startswith("$ ")] if kind == "console" else lines
    return found


def calls_in(command: str) -> list[list[str]]:
    """Return the words of each call of deepcuts in a line of shell, without its name."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|;&")
    lexer.whitespace_split, lexer.commenters = True, "#"
    calls: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("|;&"):
            calls.append([])
        else:
            calls[-1].append(word)
    return [call[call.index("deepcuts") + 1 :] for call in calls if "deepcuts" in call]


def wrong_with(words: list[str]) -> str | None:
    """Return what is wrong with a call; None where the command has all that it names."""
    command: Any = get_command(cli.app)
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word.startswith("-") and word != "-" and not re.fullmatch(r"-\d.*", word):
            name, _, given = word.partition("=")
            found = next((one for one in command.params if name in (*one.opts, *one.secondary_opts)), None)
            if found is None and name != "--help":
                return f"{command.name} has no {name}"
            if found is not None and not found.is_flag and not given:
                if not waiting:
                    return f"{name} is given nothing"
                value = waiting.pop(0)
                if not hasattr(found.type, "exists"):  # a file is the reader's own
                    found.type.convert(value, found, None)
        elif hasattr(command, "commands"):
            if word in PLACEHOLDERS:
                return None
            if word not in command.commands and hasattr(command, "otherwise"):
                command = command.commands[command.otherwise]
                continue
            if word not in command.commands:
                return f"{command.name} has no command {word}"
            command = command.commands[word]
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_every_command_exists_with_its_options(page: Path) -> None:
    shown = commands_in(page.read_text(encoding="utf-8"))
    calls = [(line, words) for line in shown for words in calls_in(line)]
    assert calls
    for line, words in calls:
        assert (line, wrong_with(words)) == (line, None)


def test_a_command_that_is_wrong_is_found() -> None:
    assert wrong_with(["dance"]) == "deepcuts has no command dance"
    assert wrong_with(["similar", "a", "--louder"]) == "similar has no --louder"
    assert wrong_with(["similar", "a", "-n"]) == "-n is given nothing"
    with pytest.raises(Exception, match="not a valid int"):
        wrong_with(["similar", "a", "-n", "many"])
    assert calls_in("A=1 deepcuts similar 'a b' --json | deepcuts playlist x.m3u8  # so") == [
        ["similar", "a b", "--json"],
        ["playlist", "x.m3u8"],
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_links_and_pictures_resolve(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for where in LINKS.findall(text):
        assert (GUIDE / where).is_file() or where.startswith("http"), where
    assert len(text.splitlines()) <= MOST_LINES and text.startswith("# ")


def test_every_page_is_in_the_contents_and_every_picture_in_a_page() -> None:
    contents = LINKS.findall((GUIDE / "README.md").read_text(encoding="utf-8"))
    pages = [name for name in contents if name.endswith(".md")]
    assert len(pages) == len(set(pages)) and {*pages, "README.md"} == {page.name for page in PAGES}
    used = {name for page in PAGES for name in LINKS.findall(page.read_text(encoding="utf-8"))}
    pictures = [file for file in GUIDE.iterdir() if file.suffix != ".md"]
    assert {file.name for file in pictures} <= used
    assert [file.name for file in pictures if file.stat().st_size > MOST_BYTES] == []
