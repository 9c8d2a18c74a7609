"""Typed errors of the recommender package."""


class RecommenderError(Exception):
    """Something asked for cannot be done; its text is one plain line."""


class HomeLockedError(RecommenderError):
    """Another process is writing to the same home directory."""


class QueryError(RecommenderError):
    """A query names nothing that can be looked up."""


class AmbiguousQueryError(QueryError):
    """A query's words fit several tracks.

    Attributes
    ----------
    matches
        One line a track.
    """

    def __init__(self, words: str, matches: list[str]) -> None:
        super().__init__(f"{len(matches)} tracks match '{words}'; name one by its id or path")
        self.matches = matches


class LabelError(RecommenderError):
    """A label file or rule that cannot be used."""


class PlaysError(RecommenderError):
    """A file of play counts or listens that cannot be used."""


class TextFileError(RecommenderError):
    """A file of text that is in no encoding that is read, or is no text."""


class FilterError(RecommenderError):
    """A filter names what does not exist, or cannot be read."""


class ClusterError(RecommenderError):
    """A Dask cluster that cannot be reached, or has no worker that can be used."""


class ServiceError(RecommenderError):
    """The service cannot be started as asked."""


class TagError(RecommenderError):
    """The tags of a file cannot be read, or not be written; or a file of names cannot be used."""


class TransferError(RecommenderError):
    """A file of labels cannot be used."""


class ConnectionFailedError(RecommenderError):
    """A server or player that cannot be reached, refuses, or answers what it should not."""


class OneRefusedError(ConnectionFailedError):
    """What a server or player does not do with one song or list, while it may do it with the next."""
