"""The radio that is meant on the command line: a new one, or one that goes on."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.session import Catalog


def tuned(
    catalog: "Catalog", index: Any, bundle: Any, kind: str, seed: str, *, far: float, discover: float
) -> Any:
    """Return a radio of the catalogue: a new one, or the one that is to go on."""
    from recommender.radio.station import make_radio
    from recommender.retrieval.query import resolve

    with catalog.change() as session:
        if kind == "radio":
            return radio_named(session, int(seed))
        if kind == "song":
            seed = str(resolve(session, seed, bundle, no_file).track_id)
        return make_radio(session, index, bundle, kind, seed, far=far, discover=discover)


def radio_named(session: "Session", radio_id: int) -> Any:
    """Return the radio of an id."""
    from db.listening.radios import get_radio
    from recommender.errors import QueryError

    found = get_radio(session, radio_id)
    if found is None:
        raise QueryError(f"no radio has the id {radio_id}")
    return found


def no_file(path: str, _span: object) -> Any:
    """Refuse a file that is not in the catalogue."""
    from recommender.errors import QueryError

    raise QueryError(f"{path} is not in the catalogue; a radio plays songs like one that is")
