"""Users, passwords and keys of connections: in a file that is its owner's alone, or in the environment."""

import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from classifier.errors import in_words
from classifier.files import make_folder, replace_file
from recommender.errors import ConnectionFailedError

FILE: Final = "connections.json"
FIELDS: Final = ("user", "password", "api_key")
VARIABLE: Final = "DEEPCUTS_{name}_{field}"


@dataclass(frozen=True)
class Credentials:
    """What lets somebody in; `plain` allows the password itself to be sent where nothing encrypts it."""

    user: str = ""
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    plain: bool = False


def variable_of(name: str, field_name: str) -> str:
    """Return the variable of the environment that a connection's user, password or key may be in."""
    return VARIABLE.format(name=re.sub(r"\W", "_", name).upper(), field=field_name.upper())


def from_environment(name: str) -> dict[str, str]:
    """Return what the environment says of a connection: user, password, api_key."""
    found = {one: os.environ.get(variable_of(name, one), "") for one in FIELDS}
    return {one: value for one, value in found.items() if value}


def credentials_of(home: Path, name: str) -> Credentials:
    """Return what lets somebody in at a connection; the environment goes before the file."""
    kept = _read(home).get(name, {})
    told = {field: str(kept.get(field, "")) for field in FIELDS} | from_environment(name)
    return Credentials(**told, plain=bool(kept.get("plain")))


def keep_credentials(home: Path, name: str, credentials: Credentials | None) -> None:
    """Keep what lets somebody in, but for what the environment says anyway; None forgets it."""
    kept = _read(home)
    known = kept.pop(name, None)
    if credentials is not None:
        told = from_environment(name)
        kept[name] = {key: value for key, value in asdict(credentials).items() if value and key not in told}
    elif known is None:
        return
    try:
        make_folder(home)
        replace_file(home / FILE, json.dumps(kept, indent=2).encode(), private=True)
    except OSError as error:
        raise ConnectionFailedError(f"{home / FILE} cannot be written: {in_words(error)}") from error


def _read(home: Path) -> dict[str, dict[str, object]]:
    try:
        found = json.loads((home / FILE).read_bytes())
        known = set(Credentials.__dataclass_fields__)
        return {
            str(name): {key: one for key, one in kept.items() if key in known} for name, kept in found.items()
        }
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConnectionFailedError(f"{home / FILE} cannot be read: {in_words(error)}") from error
    except (ValueError, AttributeError) as error:
        raise ConnectionFailedError(
            f"{home / FILE} is damaged; delete it, and connect again with: deepcuts connect"
        ) from error
