"""Lets another process analyse what was uploaded, or show how songs look."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from classifier.features.waveform import Overview
from classifier.model.bundle import Bundle
from recommender import params
from recommender.retrieval.query import AnalysedFile, Span
from recommender.service.decoding.decoder import Decoder
from recommender.service.decoding.process import Limits
from recommender.service.decoding.worker_process import serve_files, unpacked, unpacked_overview

LIMITS: Final = Limits(params.HEAR_MEMORY, params.HEAR_CPU_S, params.HEAR_IDLE_S)
LONGEST_ANSWER: Final = 2**28


class Hearing(Decoder):
    """A process that analyses files.

    Parameters
    ----------
    seconds, limits, target
        See `Decoder`.
    """

    def __init__(
        self,
        seconds: float = params.HEAR_S,
        limits: Limits = LIMITS,
        target: Callable[..., None] = serve_files,
    ) -> None:
        super().__init__(seconds, limits, target, LONGEST_ANSWER)

    def hear(self, path: Path, bundle: Bundle, span: Span | None = None) -> tuple[AnalysedFile, str | None]:
        """Analyse a file, or a stretch of it; return what it is, and the hash of its content.

        Raises
        ------
        HTTPException
            As of `Decoder.ask`.
        """
        task = {"path": str(path), "span": None if span is None else [span.start_s, span.end_s]}
        read = partial(unpacked, n_tags=len(bundle.tag_names))
        return self.ask(str(bundle.path), task, read, version=bundle.bundle_id)

    def overview(self, path: Path, bundle: Bundle, length_s: float | None) -> Overview:
        """Return how a file looks; only of a process that runs `serve_overviews`.

        Raises
        ------
        HTTPException
            As of `Decoder.ask`.
        """
        task = {"path": str(path), "length_s": length_s}
        return self.ask(str(bundle.path), task, unpacked_overview, version=bundle.bundle_id)
