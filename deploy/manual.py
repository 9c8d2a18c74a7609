"""The manual page and the shells' completions, made of the command line itself: they say what it does.

``python deploy/manual.py DIR`` writes them below a folder as they lie below ``/usr``; building the package
does the same.
"""

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

REPO = Path(__file__).resolve().parent.parent

EXIT_CODES: Final = {
    "0": "done",
    "1": "error, told in one line on standard error",
    "2": "usage; an ambiguous query, too",
    "3": "finished, but some files failed",
    "130": "interrupted",
}
VARIABLES: Final = {
    "DEEPCUTS_HOME": "the directory of the catalogue, as --home",
    "DEEPCUTS_DATABASE": "the catalogue on a PostgreSQL server, as --database",
    "DEEPCUTS_USER": "the user whom serve lets in, as its --user",
    "DEEPCUTS_PASSWORD": "that user's password, where no file of it is given",
    "DEEPCUTS_NAME_USER": "the user of the connection NAME, in capitals; goes before what connect kept",
    "DEEPCUTS_NAME_PASSWORD, DEEPCUTS_NAME_API_KEY": "its password or key",
    "DEEPCUTS_TRACEBACK": "print the traceback of what nothing expected",
}
FILES: Final = {
    "~/.local/share/deepcuts": "the home where none is named: catalogue, index, bundles, deepcuts.log",
}
EXAMPLES: Final = {
    "Analyse a library, again whenever it changed": "deepcuts ingest ~/Music",
    "Songs that sound like a file, catalogued or not": "deepcuts similar ~/Downloads/new.mp3",
    "What was never played, like what is played most": "deepcuts discover -o deep-cuts.m3u8",
    "A page to listen with": "deepcuts serve",
}
COMPLETIONS: Final = {
    "share/bash-completion/completions/deepcuts": """\
# bash completion of deepcuts
_deepcuts() {
    local IFS=$'\\n'
    COMPREPLY=($(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" \\
        _DEEPCUTS_COMPLETE=complete_bash "$1" 2>/dev/null))
}
complete -o default -F _deepcuts deepcuts
""",
    "share/zsh/site-functions/_deepcuts": """\
#compdef deepcuts
eval "$(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" \\
    _DEEPCUTS_COMPLETE=complete_zsh "$words[1]" 2>/dev/null)"
""",
    "share/fish/vendor_completions.d/deepcuts.fish": """\
# fish completion of deepcuts
complete --command deepcuts --no-files \\
    --condition "env _DEEPCUTS_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=is-args \\
_TYPER_COMPLETE_ARGS=(commandline -cp) deepcuts" \\
    --arguments "(env _DEEPCUTS_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args \\
_TYPER_COMPLETE_ARGS=(commandline -cp) deepcuts)"
""",
}
"""What a shell runs at a press of Tab asks the program, which so completes what it has."""


def shell_files(version: str) -> dict[str, str]:
    """Return the manual page and the completions by their paths below a prefix such as ``/usr``."""
    return {"share/man/man1/deepcuts.1": "\n".join(_page(version)) + "\n", **COMPLETIONS}


def _page(version: str) -> Iterator[str]:
    """Yield the lines of the manual page, for man(7)."""
    program, context = _program()
    yield f'.TH DEEPCUTS 1 "" "deepcuts {_escaped(version)}" "User Commands"'
    yield ".nh"  # a name that is cut in two is none that can be typed
    yield ".SH NAME"
    yield r"deepcuts \- find music by its sound"
    yield ".SH SYNOPSIS"
    yield r".B deepcuts"
    yield r"[\fIOPTION\fR]... \fICOMMAND\fR [\fIARGUMENT\fR]..."
    yield ".SH DESCRIPTION"
    yield from _paragraphs(
        "deepcuts hears a library of music and lists songs that sound like a song, a passage or a file; "
        "it tells genres, moods, tempo and key, writes tags, and serves a page and players.\n\n"
        "deepcuts COMMAND --help says the same as this page."
    )
    yield ".SH OPTIONS"
    yield from _parameters(program, context)
    yield ".SH COMMANDS"
    for words, command, below in _commands(program, context):
        yield from _command(words, command, below)
    for title, entries in (("EXIT STATUS", EXIT_CODES), ("ENVIRONMENT", VARIABLES), ("FILES", FILES)):
        yield f".SH {title}"
        for term, text in entries.items():
            yield from _entry(term, text)
    yield ".SH EXAMPLES"
    for text, line in EXAMPLES.items():
        yield from (".TP", _escaped(text) + ":", f".B {_escaped(line)}")


def _program() -> tuple[Any, Any]:
    """Return the program as Typer's parser has it, and the context in which it is described."""
    import typer

    import cli

    program = typer.main.get_command(cli.app)
    return program, typer.Context(program, info_name="deepcuts", max_content_width=1000)


def _commands(group: Any, context: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the commands of a group, those of groups below it too: the words, the command, its context."""
    from recommender.commands.help_page import SECTIONS

    order = [name for names in SECTIONS.values() for name in names] if context.parent is None else []
    for name in order or sorted(group.commands):
        command = group.commands[name]
        below = type(context)(command, info_name=name, parent=context, max_content_width=1000)
        if hasattr(command, "commands"):
            yield from _commands(command, below)
        else:
            yield below.command_path.removeprefix("deepcuts "), command, below


def _command(words: str, command: Any, context: Any) -> Iterator[str]:
    """Yield the lines about one command."""
    yield f".SS {_escaped(words)}"
    usage = " ".join(command.get_usage(context).split()).removeprefix("Usage: ")
    yield from (f".B {_escaped(usage)}", ".PP")
    yield from _paragraphs(command.help or "")
    yield from _parameters(command, context)


def _parameters(command: Any, context: Any) -> Iterator[str]:
    """Yield the lines about the arguments and options of a command, as its help has them."""
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None:
            yield from _entry(*record)


def _entry(term: str, text: str) -> Iterator[str]:
    """Yield a word and, below it, what it means."""
    yield from (".TP", f".B {_escaped(term)}")
    yield from _wrapped(text) if text else (r"\&",)


def _paragraphs(text: str) -> Iterator[str]:
    """Yield paragraphs of plain text, between which the text has an empty line."""
    for number, paragraph in enumerate(filter(None, map(str.strip, text.split("\n\n")))):
        yield from (".PP",) if number else ()
        yield from _wrapped(paragraph)


def _wrapped(text: str) -> Iterator[str]:
    """Yield text as lines of roff, each within a terminal's width as it is typed."""
    lines = textwrap.wrap(" ".join(text.split()), 72, break_long_words=False, break_on_hyphens=False)
    yield from map(_escaped, lines)


def _escaped(text: str) -> str:
    """Return text as roff has it: nothing of it is a request, every dash is one that can be copied."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("`", r"\(ga")
    return r"\&" + escaped if escaped.startswith(".") else escaped


def main(folder: Path) -> None:
    """Write the files below a folder."""
    sys.path.insert(0, str(REPO))
    from recommender.commands.help_page import version

    for name, text in shell_files(version()).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
