"""What was written into files, and the catalogues that did not know of it yet."""

from alembic import command
from sqlalchemy import select, text

from db.models import Root, TagWrite, Track
from db.schema.upgrade import HEAD_REVISION, alembic_config, schema_revision
from db.session import Catalog
from tests.db.conftest import Reopen


def test_an_older_catalogue_is_upgraded_and_keeps_its_tracks(catalog: Catalog, reopen: Reopen) -> None:
    with catalog.transaction() as session:
        session.add(Track(root=Root(path="/music"), rel_path="a.mp3", size=1, mtime_ns=1, title="A"))
    with catalog.engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    with catalog.engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0001"

    again = reopen(catalog)
    assert schema_revision(again.engine) == HEAD_REVISION
    with again.transaction() as session:
        assert [track.path for track in session.scalars(select(Track))] == ["/music/a.mp3"]
        assert session.scalars(select(TagWrite)).all() == []
