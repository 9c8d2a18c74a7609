"""Stars and ratings in the catalogue."""

from datetime import datetime

from db.listening.favourites import favourites, rate, rated, star, starred
from db.models import Favourite
from db.session import Catalog

OLD, NEW = datetime(2019, 5, 1, 12), datetime(2024, 2, 28, 23, 59, 58)


def test_stars_and_ratings_are_kept_apart(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        star(session, "7", OLD)
        rate(session, "7", 4)
        rate(session, "al-x", 5)
        star(session, "ar-y", NEW)
    with catalog.transaction() as session:
        assert [one.item for one in starred(session)] == ["ar-y", "7"]
        assert [(one.item, one.rating) for one in rated(session)] == [("al-x", 5), ("7", 4)]
        found = favourites(session, ["7", "al-x", "8"])
        assert {item: (one.starred, one.rating) for item, one in found.items()} == {
            "7": (OLD, 4),
            "al-x": (None, 5),
        }


def test_the_first_star_counts(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        star(session, "7", OLD)
        star(session, "7", NEW)
        assert favourites(session, ["7"])["7"].starred == OLD
        star(session, "7", None)
        star(session, "7", NEW)
        assert favourites(session, ["7"])["7"].starred == NEW


def test_what_is_neither_starred_nor_rated_has_no_row(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        star(session, "7", OLD)
        rate(session, "7", 1)
        star(session, "7", None)
        assert favourites(session, ["7"])["7"].rating == 1
        rate(session, "7", None)
        rate(session, "8", None)
        star(session, "9", None)
    with catalog.transaction() as session:
        assert session.query(Favourite).count() == 0


def test_many_at_once(catalog: Catalog) -> None:
    with catalog.transaction() as session:
        session.add_all(Favourite(item=str(number), rating=3) for number in range(1200))
    with catalog.transaction() as session:
        assert len(favourites(session, [str(number) for number in range(100, 1300)])) == 1100
