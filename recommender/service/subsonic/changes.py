"""Changes of the catalogue, begun again where on a server somebody else changed the same meanwhile."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.errors import CatalogError
from recommender.service.state import State

Answer = TypeVar("Answer")

CLASHES: Final = ("40001", "40P01")
"""What PostgreSQL calls it when of two who change the same at once one has to begin again."""
ATTEMPTS, CLASH_S = 20, 0.01


def changed(state: State, act: Callable[[Session], Answer]) -> Answer:
    """Do something that changes the catalogue, and return what it returns."""
    attempt = 0
    while True:
        try:
            with state.change() as session:
                return act(session)
        except CatalogError as error:
            attempt += 1
            if attempt == ATTEMPTS or not _is_clash(error):
                raise
            time.sleep(random.uniform(0, CLASH_S * attempt))


def _is_clash(error: CatalogError) -> bool:
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlstate", None) in CLASHES
