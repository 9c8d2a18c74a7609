"""What a scan leaves out: names that are never music, ``.nomedia``, ``.deepcutsignore`` and ``--exclude``.

Patterns follow gitignore's rules: the last one that fits decides, one in a folder further down counts more,
``!`` takes a pattern back, and nothing below a folder that is left out is looked at.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import translate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE: Final = ".deepcutsignore"
NO_MEDIA: Final = ".nomedia"
"""In a folder it says that nothing there, or below it, is for players: Android's convention."""
MOST_BYTES: Final = 2**20
NEVER: Final = (
    *("#recycle", "#snapshot", "@eadir", "@recycle", "@recently-snapshot"),  # of network storage
    *("$recycle.bin", "recycler", "system volume information", "found.[0-9][0-9][0-9]"),  # of Windows
    *("lost+found", ".*"),  # of Linux; .Trash-1000, .git, .AppleDouble ...
)
"""Folders and files, in lower case, that hold what was thrown away or what a system keeps for itself."""
_NEVER: Final = re.compile("|".join(map(translate, NEVER)), re.DOTALL)


@dataclass(frozen=True)
class IgnoreRules:
    """The patterns that hold in a folder.

    Attributes
    ----------
    patterns
        For each file of patterns, the folder that they are relative to; the last counts most.
    always
        Those of the command line, which count more than any file's.
    """

    patterns: "tuple[tuple[str, GitIgnoreSpec], ...]" = ()
    always: "tuple[tuple[str, GitIgnoreSpec], ...]" = ()

    def within(self, folder: str, names: Iterable[str]) -> "IgnoreRules":
        """Return the rules for what is in a folder, given the names in it.

        Raises
        ------
        OSError
            If its file of patterns cannot be read.
        """
        if IGNORE_FILE not in names:
            return self
        with open(os.path.join(folder, IGNORE_FILE), "rb") as file:
            lines = os.fsdecode(file.read(MOST_BYTES).removeprefix(b"\xef\xbb\xbf")).splitlines()
        spec = compiled(lines)
        return self if spec is None else replace(self, patterns=(*self.patterns, (folder, spec)))

    def leave_out(self, path: str, *, is_folder: bool) -> bool:
        """Whether a file or folder is to be left out, those above it not being so."""
        if _NEVER.match(os.path.basename(path).lower()):
            return True
        for base, spec in (*reversed(self.always), *reversed(self.patterns)):
            found = spec.check_file(os.path.relpath(path, base) + "/" * is_folder).include
            if found is not None:
                return found
        return False


def excluding(folder: str, patterns: Sequence[str]) -> IgnoreRules:
    """Return rules with patterns of the command line, which are relative to a folder.

    Raises
    ------
    ValueError
        If one of them is no pattern.
    """
    for pattern in patterns:
        if compiled([pattern]) is None:
            raise ValueError(f"{pattern!r} is no pattern: write it as in a .gitignore file")
    spec = compiled(patterns)
    return IgnoreRules(always=() if spec is None else ((folder, spec),))


def compiled(lines: Sequence[str]) -> "GitIgnoreSpec | None":
    """Return patterns that can be asked; a line that is none is passed over, as git does; None if all are."""
    if not lines:
        return None
    from pathspec import GitIgnoreSpec

    kept = []
    for line in lines:
        try:
            kept += [p for p in GitIgnoreSpec.from_lines([line]).patterns if p.include is not None]
        except ValueError:
            continue
    return GitIgnoreSpec(kept) if kept else None
