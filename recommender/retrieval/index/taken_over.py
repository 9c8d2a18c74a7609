"""The index of another home, made this one's own by a copy whose files are compared with their hashes."""

import shutil
from pathlib import Path

from recommender.retrieval.index.files import (
    Sidecar,
    are_hashed_so,
    generation,
    publish,
    read_sidecar,
)


def take_over(source: Path, folder: Path, trunk_id: str, token: str | None) -> bool:
    """Copy the index of another folder where it is nearer to the catalogue; return whether it was.

    The files are read from one end to the other and never mapped there: the other home may be on storage
    where a file that was removed is gone for those who still read it.

    Parameters
    ----------
    trunk_id, token
        Of the bundle in use, and of the catalogue's vectors now.

    Raises
    ------
    OSError
        If it cannot be read or written, or was replaced meanwhile: then it is there in a moment.
    """
    there, here = read_sidecar(source), read_sidecar(folder)
    if there is None or there.trunk_id != trunk_id or not _is_nearer(there, here, token):
        return False
    with generation(folder) as part:
        for name in there.files or {}:
            shutil.copyfile(source / there.folder / Path(name).name, part / Path(name).name)
        if not are_hashed_so(part, there):
            return False
        publish(part, there, folder)
    return True


def _is_nearer(there: Sidecar, here: Sidecar | None, token: str | None) -> bool:
    """Whether another index is of the catalogue as it is now, or of more of it, and this one is not."""
    if here is None or here.trunk_id != there.trunk_id:
        return True
    if here.vectors_token == token:
        return False
    return there.vectors_token == token or there.tracks > here.tracks
