"""The schema, its migrations, and what is refused when a catalogue is opened."""

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Integer, MetaData, create_engine, text
from sqlalchemy.exc import IntegrityError

from db.errors import CatalogError
from db.models import Base, Root, Setting, Track
from db.session import HEAD_REVISION, Catalog, alembic_config, open_catalog, schema_revision


def differences(catalog: Catalog, metadata: MetaData) -> list[object]:
    with catalog.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))


def test_migrations_make_what_the_models_say(catalog: Catalog) -> None:
    assert differences(catalog, Base.metadata) == []


def test_comparison_would_see_a_column_without_migration(catalog: Catalog) -> None:
    changed = MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.sorted_tables:
        table.to_metadata(changed)
    changed.tables["track"].append_column(Column("added", Integer))

    assert [kind for kind, *_ in differences(catalog, changed)] == ["add_column"]


def facts(database: sqlite3.Connection) -> dict[str, object]:
    """Return columns, foreign keys and indices of every table, as SQLite has them."""
    found: dict[str, object] = {}
    for table in sorted(Base.metadata.tables):
        columns = database.execute(f"PRAGMA table_info({table})").fetchall()
        found[table] = (
            # FLOAT and DOUBLE are one thing to SQLite
            [
                (name, kind.replace("DOUBLE", "FLOAT"), not_null, key)
                for _, name, kind, not_null, _, key in columns
            ],
            sorted(row[2:] for row in database.execute(f"PRAGMA foreign_key_list({table})")),
            sorted(row[1:4] for row in database.execute(f"PRAGMA index_list({table})")),
        )
    return found


def test_migrations_make_the_keys_and_indices_of_the_models(catalog: Catalog, tmp_path: Path) -> None:
    models = create_engine(f"sqlite:///{tmp_path / 'models.sqlite'}")
    Base.metadata.create_all(models)
    models.dispose()
    found = []
    for name in ("catalog.sqlite", "models.sqlite"):
        database = sqlite3.connect(tmp_path / name)
        found.append(facts(database))
        database.close()

    assert found[0] == found[1]
    assert found[0]["track"][1] == [("root", "root_id", "id", "NO ACTION", "CASCADE", "NONE")]


def test_head_revision_is_the_newest_script() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD_REVISION]


def test_new_catalogue_is_at_the_head(catalog: Catalog) -> None:
    assert schema_revision(catalog.engine) == HEAD_REVISION


def test_downgrade_leaves_no_table(catalog: Catalog) -> None:
    config = alembic_config()
    with catalog.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    with catalog.engine.connect() as connection:
        tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        assert set(tables.scalars()) == {"alembic_version"}


def test_pragmas_are_in_force_on_every_connection(catalog: Catalog) -> None:
    with catalog.engine.connect() as one, catalog.engine.connect() as other:
        for connection in (one, other):
            asked = ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
            values = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in asked]
            assert values == ["wal", 1, 30_000, 1]


def test_foreign_keys_are_enforced(catalog: Catalog) -> None:
    with pytest.raises(IntegrityError), catalog.transaction() as session:
        session.add(Track(root_id=99, rel_path="x.mp3", size=1, mtime_ns=1))


def test_two_rows_at_one_path_are_refused(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        root = Root(path="/music")
        session.add(Track(root=root, rel_path="x.mp3", size=1, mtime_ns=1))
    with pytest.raises(IntegrityError), catalog.transaction() as session:
        session.add(Track(root_id=root.id, rel_path="x.mp3", size=2, mtime_ns=2))


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "below" / "catalog.sqlite"
    first = open_catalog(path)
    with first.transaction() as session:
        session.add(Setting(name="fact", value="kept"))
    first.close()
    again = open_catalog(path)
    with again.transaction() as session:
        assert session.get(Setting, "fact").value == "kept"
    again.close()


@pytest.mark.parametrize("revision", ["0002", "9999"])
def test_newer_schema_is_refused(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "catalog.sqlite"
    open_catalog(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [revision])
    connection.close()

    with pytest.raises(CatalogError, match=f"schema {revision}, newer than {HEAD_REVISION}") as caught:
        open_catalog(path)

    assert "\n" not in str(caught.value)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(revision,)]
    connection.close()


@pytest.mark.parametrize(
    "content",
    [b"this is a text, not a database\n" * 100, b"SQLite format 3\x00" + bytes(4000)],
    ids=["text", "header alone"],
)
def test_a_file_that_is_no_database_is_one_plain_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(content)

    with pytest.raises(CatalogError) as caught:
        open_catalog(path)

    message = str(caught.value)
    assert str(path) in message
    assert "not a catalogue" in message
    assert "\n" not in message
    assert path.read_bytes() == content


def test_a_folder_in_the_catalogues_place_is_one_plain_line(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").mkdir()
    with pytest.raises(CatalogError, match="not a catalogue"):
        open_catalog(tmp_path / "catalog.sqlite")


def test_an_exception_undoes_the_whole_transaction(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        session.add(Setting(name="a", value="before"))
    with pytest.raises(RuntimeError, match="halfway"), catalog.transaction() as session:
        session.merge(Setting(name="a", value="after"))
        session.add(Setting(name="b", value="new"))
        session.flush()
        raise RuntimeError("halfway")
    with catalog.transaction() as session:
        assert session.get(Setting, "a").value == "before"
        assert session.get(Setting, "b") is None


def test_a_reader_sees_what_was_committed_while_a_writer_writes(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        session.add(Setting(name="a", value="old"))
    with catalog.transaction() as writer:
        writer.merge(Setting(name="a", value="new"))
        writer.flush()
        with catalog.transaction() as reader:
            assert reader.get(Setting, "a").value == "old"
    with catalog.transaction() as reader:
        assert reader.get(Setting, "a").value == "new"
