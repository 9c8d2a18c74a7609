"""Open the catalogue: engine, pragmas, schema version, transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from db.errors import CatalogError

HEAD_REVISION: Final = "0001"
"""The newest migration; a test checks it against the scripts."""

BUSY_TIMEOUT_MS: Final = 30_000


class Catalog:
    """A catalogue whose schema is up to date.

    Parameters
    ----------
    url
        SQLAlchemy's URL of the database.

    Raises
    ------
    CatalogError
        If it is not a catalogue, or was written by a newer version.
    """

    def __init__(self, url: str | URL) -> None:
        self.engine = create_engine(url)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _set_pragmas)
        try:
            _upgrade(self.engine)
        except DatabaseError as error:
            name = make_url(url).database
            raise CatalogError(f"{name} is not a catalogue that can be read: {error.orig}") from error

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session whose changes are all committed, or none of them."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_catalog(path: Path) -> Catalog:
    """Open the SQLite catalogue at a path, making it if absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return Catalog(URL.create("sqlite", database=str(path)))


def _set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def schema_revision(engine: Engine) -> str | None:
    """Return the catalogue's migration, or None for an empty database."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(engine: Engine) -> None:
    """Bring the schema up to date; Alembic is imported only when there is something to do."""
    revision = schema_revision(engine)
    if revision == HEAD_REVISION:
        return
    if revision is not None and revision > HEAD_REVISION:
        raise CatalogError(
            f"the catalogue has schema {revision}, newer than {HEAD_REVISION}: use a newer deepcuts"
        )
    from alembic import command

    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def alembic_config() -> Any:
    """Return Alembic's configuration for the migrations of this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
