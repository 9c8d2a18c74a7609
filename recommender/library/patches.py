"""A file to what a network reads of it, kept in the cache of features."""

from pathlib import Path

from classifier.datasets.dataset import content_key, patches_key, patches_of
from classifier.datasets.feature_cache import Arrays, FeatureCache
from classifier.features.frontend import FrontEnd, mel_filters
from classifier.system_errors import said
from recommender.library.workers.boundary import Failure, attempt


def store_patches(path: str, front_end: FrontEnd, cache: FeatureCache) -> Failure | None:
    """Compute what a network reads of a file, and put it into the cache; runs in a worker."""

    def made() -> tuple[str, Arrays]:
        content = content_key(Path(path))
        return patches_key(content, front_end), patches_of(Path(path), front_end, mel_filters(front_end))

    result = attempt(made)
    if isinstance(result, Failure):
        return result
    try:
        cache.put(*result)
    except OSError as error:
        return Failure("unreadable", f"its features cannot be made: {said(error).lower()}")
    return None
