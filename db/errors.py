"""Typed errors of the db package."""


class CatalogError(Exception):
    """The catalogue cannot be opened, or does not hold what is asked of it; one plain line."""
