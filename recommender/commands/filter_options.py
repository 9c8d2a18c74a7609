"""The filters of lists as options: stated once, and taken by every command that lists songs."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Final, Literal

import typer

Voice = Literal["sung", "instrumental"]

FILTER_OPTIONS: Final[dict[str, tuple[Any, Any]]] = {
    "genre": (
        Annotated[
            list[str] | None,
            typer.Option(
                "--genre", metavar="GENRE", help="Only this genre and what is below it; or any of several."
            ),
        ],
        None,
    ),
    "tag": (
        Annotated[
            list[str] | None,
            typer.Option("--tag", metavar="TAG", help="Only songs with this tag; all of several."),
        ],
        None,
    ),
    "mood": (
        Annotated[
            list[str] | None,
            typer.Option("--mood", metavar="MOOD", help="Only of this mood; of all of several."),
        ],
        None,
    ),
    "voice": (
        Annotated[Voice | None, typer.Option("--voice", help="Only what is sung, or what is instrumental.")],
        None,
    ),
    "year": (
        Annotated[
            str | None,
            typer.Option(
                "--year", metavar="Y|Y-Y|Y-|-Y", help="Only of these years, both included; or of the 90s."
            ),
        ],
        None,
    ),
    "duration": (
        Annotated[
            str | None,
            typer.Option(
                "--duration", metavar="M:SS-M:SS", help="Only this long; either end may be left out."
            ),
        ],
        None,
    ),
    "tempo": (
        Annotated[
            str | None,
            typer.Option(
                "--tempo", metavar="BPM|BPM-BPM", help="Only of this tempo, its half or its double."
            ),
        ],
        None,
    ),
    "key": (
        Annotated[
            list[str] | None,
            typer.Option(
                "--key", metavar="KEY", help="Only in this key (A minor, F#, Bbm, 8A); or any of several."
            ),
        ],
        None,
    ),
    "related_keys": (
        Annotated[
            bool,
            typer.Option("--related-keys", help="With --key: also its neighbours on the circle of fifths."),
        ],
        False,
    ),
    "energy": (
        Annotated[
            str | None,
            typer.Option("--energy", metavar="0..1-0..1", help="Only of this energy: 0.6- or -0.3."),
        ],
        None,
    ),
    "max_plays": (
        Annotated[int | None, typer.Option("--max-plays", min=0, help="Only played so often at most.")],
        None,
    ),
    "unplayed": (Annotated[bool, typer.Option("--unplayed", help="Only songs never played.")], False),
    "not_played_since": (
        Annotated[
            str | None,
            typer.Option(
                "--not-played-since", metavar="YYYY-MM-DD", help="Only songs not played since that day."
            ),
        ],
        None,
    ),
    "not_artist": (
        Annotated[
            list[str] | None,
            typer.Option("--not-artist", metavar="NAME", help="Nothing by this artist. Repeatable."),
        ],
        None,
    ),
    "not_album": (
        Annotated[
            list[str] | None,
            typer.Option("--not-album", metavar="NAME", help="Nothing of albums of this name. Repeatable."),
        ],
        None,
    ),
}
"""Name of each parameter, its type as Typer takes it, and its default."""


def takes_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that has all options of filters where it has the parameter `filters`."""
    signature = inspect.signature(command)
    named = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in FILTER_OPTIONS.items()
    }
    shown: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        its_own = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        shown += named.values() if parameter.name == "filters" else [its_own]

    @wraps(command)
    def run(**options: Any) -> None:
        from recommender.commands.list_arguments import filters_of

        asked = {name: options.pop(name) for name in named}
        command(**options, filters=filters_of(**asked))

    run.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in shown} | {"return": None}
    return run
