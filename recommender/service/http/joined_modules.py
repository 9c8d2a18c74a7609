"""The page's modules, joined into few files: a browser asks for one where it would ask for twenty-five.

A joined file is a module with the same exports, which holds all that it imports, directly or not. Each module
is a function in it, whose imports are constants and whose exports are what it returns; else its text stays.
What the first file (`FIRST`) holds, the others have from it, so that there is each module once.

Understood is only how the page's modules are written, and all else is refused: one import a line, by names or
whole; ``export`` before a function, a constant or a class; no circle.
"""

import re
from collections.abc import Mapping
from typing import Final

FIRST: Final = "main.js"
IMPORT: Final = re.compile(r'^import (?:\{ ([\w, ]+) \}|\* as (\w+)) from "\./(\w+\.js)";$', re.MULTILINE)
EXPORT: Final = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)
OTHER: Final = re.compile(r"^\s*(?:import|export)\b(?!\().*$", re.MULTILINE)
"""What is neither, once those are replaced; an import that is called remains as it is."""


class ModuleStyleError(ValueError):
    """A module is not written as this understands it."""


def joined(name: str, sources: Mapping[str, str]) -> str:
    """Return the joined file of a module.

    Parameters
    ----------
    name
        Of the module.
    sources
        The text of each module, by its name; what is imported is looked up there.

    Raises
    ------
    ModuleStyleError
        If a module is not written as this understands it.
    """
    held = needed(FIRST, sources)
    if name == FIRST:
        return "\n".join(["export const modules = {};", *(_as_function(one, sources[one]) for one in held)])
    more = [_as_function(one, sources[one]) for one in needed(name, sources) if one not in held]
    exports = ", ".join(EXPORT.findall(sources[name]))
    given = f'export const {{ {exports} }} = modules["{name}"];\n'
    return "\n".join([f'import {{ modules }} from "./{FIRST}";', *more, given])


def needed(name: str, sources: Mapping[str, str]) -> list[str]:
    """Return a module and all that it imports, directly or not; each after what it imports itself."""
    found: list[str] = []

    def visit(one: str, way: tuple[str, ...]) -> None:
        if one in way:
            raise ModuleStyleError(f"modules import each other: {' '.join((*way, one))}")
        if one in found:
            return
        for *_, other in IMPORT.findall(sources[one]):
            visit(other, (*way, one))
        found.append(one)

    visit(name, ())
    return found


def _as_function(name: str, source: str) -> str:
    """Return what makes a module, unless another file has made it, and keeps its exports."""
    exports = ", ".join(EXPORT.findall(source))
    body = EXPORT.sub("", IMPORT.sub(_as_constants, source))
    other = OTHER.search(body)
    if other is not None:
        raise ModuleStyleError(f"{name}: {other[0].strip()}")
    return f'modules["{name}"] ??= (() => {{\n{body}\nreturn {{ {exports} }};\n}})();'


def _as_constants(statement: re.Match[str]) -> str:
    names, whole, file = statement.groups()
    return f'const {whole or "{ " + names.replace(" as ", ": ") + " }"} = modules["{file}"];'
