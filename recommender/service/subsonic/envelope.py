"""OpenSubsonic's envelope, in JSON and in XML, and its errors."""

import re
from importlib.metadata import version
from typing import Any, Final
from xml.etree import ElementTree

from fastapi.responses import Response

from recommender.params import APP_NAME
from recommender.service.http.problems import JsonResponse

Answer = dict[str, Any]

VERSION: Final = "1.16.1"
"""Of the Subsonic protocol."""
NAMESPACE: Final = "http://subsonic.org/restapi"
TEXT: Final = "value"
"""What an object calls this is the text of its XML element; all other plain values are attributes."""

GENERIC, MISSING, CLIENT_TOO_OLD, SERVER_TOO_OLD = 0, 10, 20, 30
WRONG_LOGIN, NO_TOKENS, NO_PASSWORDS, CONFLICT, WRONG_KEY = 40, 41, 42, 43, 44
NOT_ALLOWED, NOT_FOUND = 50, 70

NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class SubsonicError(Exception):
    """An error that a player is told of.

    Parameters
    ----------
    code
        One of those that OpenSubsonic defines.
    message
        One plain line.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def answered(content: Answer, form: str, status: int = 200) -> Response:
    """Return an answer in its envelope, in ``json`` or in ``xml``."""
    return _enveloped({"status": "ok"}, content, form, status)


def failed(error: SubsonicError, form: str, status: int = 200) -> Response:
    """Return an error in its envelope."""
    said = {"error": {"code": error.code, "message": str(error)}}
    return _enveloped({"status": "failed"}, said, form, status)


def _enveloped(head: Answer, content: Answer, form: str, status: int) -> Response:
    whole = {
        **head,
        "version": VERSION,
        "type": APP_NAME,
        "serverVersion": version(APP_NAME),
        "openSubsonic": True,
        **content,
    }
    if form == "json":
        return JsonResponse({"subsonic-response": whole}, status)
    element = _element("subsonic-response", {"xmlns": NAMESPACE, **whole})
    written = ElementTree.tostring(element, encoding="UTF-8", xml_declaration=True)
    return Response(written, status, media_type="text/xml")


def _element(name: str, content: Answer) -> ElementTree.Element:
    """Return an object as an element: plain values as attributes, objects and lists as elements in it."""
    made = ElementTree.Element(name)
    for key, value in content.items():
        if isinstance(value, dict):
            made.append(_element(key, value))
        elif isinstance(value, list):
            made.extend(_element(key, one if isinstance(one, dict) else {TEXT: one}) for one in value)
        elif key == TEXT:
            made.text = _text(value)
        else:
            made.set(key, _text(value))
    return made


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return NOT_IN_XML.sub("\ufffd", str(value))
