"""Typed errors of the db package."""


class CatalogError(Exception):
    """The catalogue cannot be opened, or does not hold what is asked of it; one plain line."""


class CatalogBusyError(CatalogError):
    """Another process keeps the catalogue from being written, or read, for now."""


class CatalogGoneError(CatalogError):
    """The file is not the one that was opened: it was moved, replaced or deleted."""


class LockLostError(CatalogError):
    """The server no longer keeps other writers away from this one."""


class NoCatalogError(CatalogError):
    """The database is there, but there is no catalogue in it yet."""
