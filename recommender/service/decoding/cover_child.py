"""The process that looks for covers: it parses the tags of files, and decodes pictures."""

import base64
import hashlib
import io
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from PIL import Image

from recommender import params
from recommender.file_tags.cover_art import embedded_picture, picture_beside
from recommender.process_limits import confine
from recommender.service.decoding.process import OPEN_FILES, Limits, answer_all

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
QUALITY: Final = 88
NO_PICTURE: Final = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def serve_covers(connection: Connection, _argument: str, limits: Limits) -> None:
    """Look for covers until the other end closes the connection, or has been silent for long."""
    Image.MAX_IMAGE_PIXELS = params.MOST_PIXELS
    Image.init()
    confine(limits.memory, OPEN_FILES)
    with suppress(EOFError, ConnectionError):
        answer_all(connection, limits, _answer)


def _answer(task: dict[str, Any]) -> dict[str, Any]:
    path, root, size = str(task["path"]), str(task["root"]), int(task["size"])
    for data in (embedded_picture(Path(path)), picture_beside(path, root)):
        found = None if data is None else shown(data, size)
        if found is not None and data is not None:
            source = hashlib.blake2b(data, digest_size=12).hexdigest()
            return {
                "kind": found[0],
                "picture": base64.b64encode(found[1]).decode("ascii"),
                "source": source,
            }
    return {"kind": None}


def shown(data: bytes, size: int) -> tuple[str, bytes] | None:
    """Return a picture's media type and bytes; None if it is none, or has too many pixels.

    Parameters
    ----------
    size
        The longer side is brought to this if it is larger; with 0 the picture is left as it is, unless
        its bytes are too many.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > params.MOST_PIXELS:
                return None
            large = len(data) > params.LARGEST_COVER
            if not large and (not size or max(image.size) <= size):
                kind = Image.MIME.get(image.format or "", "")
                image.verify()
                return kind, data
            side = size or params.LARGEST_SIDE
            image.draft("RGB", (side, side))
            smaller = image.convert("RGBA" if "transparency" in image.info or image.mode == "RGBA" else "RGB")
    except NO_PICTURE:
        return None
    smaller.thumbnail((side, side))
    written, form = io.BytesIO(), "PNG" if smaller.mode == "RGBA" else "JPEG"
    smaller.save(written, form, quality=QUALITY)
    return Image.MIME[form], written.getvalue()
