"""Lets another process analyse what was uploaded, or show how songs look."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from classifier.features.waveform import Overview
from classifier.model.bundle import Bundle
from db.file_range import FileRange
from recommender import params
from recommender.retrieval.query_file import AnalysedFile, Span
from recommender.service.decoding.decoder import Decoder
from recommender.service.decoding.process import Limits
from recommender.service.decoding.worker_process import (
    serve_files,
    unpacked,
    unpacked_hash,
    unpacked_overview,
)

LIMITS: Final = Limits(params.ANALYSIS_MEMORY, params.ANALYSIS_CPU_S, params.DECODER_IDLE_S)
LONGEST_ANSWER: Final = 2**28


class Analyser(Decoder):
    """A process that analyses files.

    Parameters
    ----------
    seconds, limits, target
        See `Decoder`.
    """

    def __init__(
        self,
        seconds: float = params.ANALYSIS_S,
        limits: Limits = LIMITS,
        target: Callable[..., None] = serve_files,
    ) -> None:
        super().__init__(seconds, limits, target, LONGEST_ANSWER)

    def content_hash(self, path: Path, bundle: Bundle) -> str | None:
        """Return the hash of a file's audio, None where none can be read; it is not analysed for that.

        Raises
        ------
        HTTPException
            As of `Decoder.ask`.
        """
        task = {"path": str(path), "only_hash": True}
        return self.ask(str(bundle.path), task, unpacked_hash, version=bundle.bundle_id)

    def analyse(self, path: Path, bundle: Bundle, span: Span | None = None) -> AnalysedFile:
        """Analyse a file, or an excerpt of it; return what it is.

        Raises
        ------
        HTTPException
            As of `Decoder.ask`.
        """
        task = {"path": str(path), "span": None if span is None else [span.start_s, span.end_s]}
        read = partial(unpacked, n_tags=len(bundle.tag_names))
        return self.ask(str(bundle.path), task, read, version=bundle.bundle_id)

    def overview(self, source: FileRange, bundle: Bundle, length_s: float | None) -> Overview:
        """Return how a file, or a part of one, looks; only of a process that runs `serve_overviews`.

        Raises
        ------
        HTTPException
            As of `Decoder.ask`.
        """
        task = {"path": source.path, "length_s": length_s, "within": [source.start_s, source.end_s]}
        return self.ask(str(bundle.path), task, unpacked_overview, version=bundle.bundle_id)
