"""The schema, its migrations, and what is refused when a catalogue is opened."""

import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Engine, Integer, MetaData, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from db.errors import CatalogError
from db.models import Base, Root, Setting, Track
from db.schema.upgrade import HEAD_REVISION, alembic_config, schema_revision
from db.session import Catalog, open_catalog
from tests.db.conftest import NewCatalog, Reopen


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
    changed.tables["track"].append_column(Column("unheard_of", Integer))

    assert [kind for kind, *_ in differences(catalog, changed)] == ["add_column"]


def facts(engine: Engine) -> dict[str, object]:
    """Return columns, keys and indices of every table, as the database has them."""
    inspector = inspect(engine)
    found: dict[str, object] = {}
    for table in sorted(Base.metadata.tables):
        found[table] = (
            # FLOAT and DOUBLE are one thing to SQLite; a migration adds columns at the end.
            sorted(
                (c["name"], str(c["type"]).replace("DOUBLE", "FLOAT"), c["nullable"])
                for c in inspector.get_columns(table)
            ),
            inspector.get_pk_constraint(table)["constrained_columns"],
            [
                (k["constrained_columns"], k["referred_table"], k["referred_columns"], k["options"])
                for k in inspector.get_foreign_keys(table)
            ],
            sorted((c["name"], c["column_names"]) for c in inspector.get_unique_constraints(table)),
            sorted((i["name"], i["column_names"], i["unique"]) for i in inspector.get_indexes(table)),
        )
    return found


def test_migrations_make_the_keys_and_indices_of_the_models(new_catalog: NewCatalog) -> None:
    migrated, models = new_catalog().engine, new_catalog().engine
    Base.metadata.drop_all(models)
    Base.metadata.create_all(models)

    found = facts(migrated)
    assert found == facts(models)
    assert found["track"][1:4] == (
        ["id"],
        [(["root_id"], "root", ["id"], {"ondelete": "CASCADE"})],
        [("uq_track_root_id_rel_path", ["root_id", "rel_path"])],
    )


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
        assert inspect(connection).get_table_names() == ["alembic_version"]


def test_a_table_that_has_its_new_name_is_not_renamed_again(catalog: Catalog) -> None:
    with catalog.engine.connect() as connection, connection.begin() as begun:
        operations = Operations(MigrationContext.configure(connection))
        for _ in range(2):
            operations.rename_table("setting", "renamed")
            assert {"setting", "renamed"} & set(inspect(connection).get_table_names()) == {"renamed"}
        begun.rollback()


def test_settings_are_in_force_on_every_connection(catalog: Catalog, backend: str) -> None:
    expected = {
        "sqlite": {
            "PRAGMA journal_mode": "wal",
            "PRAGMA foreign_keys": 1,
            "PRAGMA busy_timeout": 30_000,
            "PRAGMA synchronous": 1,
        },
        "postgresql": {
            "SHOW transaction_isolation": "repeatable read",
            "SHOW client_encoding": "UTF8",
            "SHOW application_name": "deepcuts",
        },
    }[backend]
    with catalog.engine.connect() as one, catalog.engine.connect() as other:
        for connection in (one, other):
            assert {asked: connection.execute(text(asked)).scalar() for asked in expected} == expected


def test_foreign_keys_are_enforced(catalog: Catalog) -> None:
    with pytest.raises(IntegrityError), catalog.transaction() as session:
        session.add(Track(root_id=99, rel_path="x.mp3", size=1, mtime_ns=1))


def test_two_rows_at_one_path_are_refused(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        root = Root(path="/music")
        session.add(Track(root=root, rel_path="x.mp3", size=1, mtime_ns=1))
    with pytest.raises(IntegrityError), catalog.transaction() as session:
        session.add(Track(root_id=root.id, rel_path="x.mp3", size=2, mtime_ns=2))


def test_opening_again_keeps_what_is_there(catalog: Catalog, reopen: Reopen) -> None:
    with catalog.transaction() as session:
        session.add(Setting(name="fact", value="kept"))
    with reopen(catalog).transaction() as session:
        assert session.get(Setting, "fact").value == "kept"


def test_the_folder_of_a_new_catalogue_is_made(tmp_path: Path) -> None:
    open_catalog(tmp_path / "far" / "below" / "catalog.sqlite").close()
    assert (tmp_path / "far/below/catalog.sqlite").is_file()


@pytest.mark.parametrize("revision", [f"{int(HEAD_REVISION) + 1:04}", "9999"])
def test_newer_schema_is_refused(catalog: Catalog, reopen: Reopen, revision: str) -> None:
    with catalog.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :new"), {"new": revision})

    with pytest.raises(CatalogError, match=f"schema {revision}, newer than {HEAD_REVISION}") as caught:
        reopen(catalog)

    assert "\n" not in str(caught.value)
    assert schema_revision(catalog.engine) == revision


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


def test_a_change_reads_what_others_have_written(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        session.add(Setting(name="count", value="0"))
    failed: list[Exception] = []

    def count() -> None:
        for _ in range(10):
            try:
                with catalog.change() as session:
                    setting = session.get(Setting, "count")
                    setting.value = str(int(setting.value) + 1)
            except CatalogError as error:
                failed.append(error)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with catalog.transaction() as session:
        assert int(session.get(Setting, "count").value) == 40 - len(failed)
    assert catalog.on_server or failed == []
    assert {getattr(error.__cause__.orig, "sqlstate", "") for error in failed} <= {"40001"}


def test_a_change_is_undone_by_an_exception(catalog: Catalog) -> None:
    with pytest.raises(RuntimeError, match="halfway"), catalog.change() as session:
        session.add(Setting(name="a", value="new"))
        session.flush()
        raise RuntimeError("halfway")
    with catalog.change() as session:
        assert session.get(Setting, "a") is None


def test_a_catalogue_that_may_only_be_read_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    path.touch()
    with pytest.raises(CatalogError, match=r"catalog\.sqlite.* may only be read; SQLite needs to write"):
        Catalog(create_engine(f"sqlite:///file:{path}?mode=ro&uri=true"))
