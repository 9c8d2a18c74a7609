"""What an ingest did, as it is told to people and machines."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class FailedFile:
    """A file that could not be analysed, and why."""

    path: str
    kind: str
    message: str


@dataclass
class IngestReport:
    """What an ingest did, in counts of files.

    Attributes
    ----------
    analysed
        Decoded and analysed, their hours of audio being `audio_s` seconds.
    unchanged, retagged, moved, copied
        Known already: nothing new, new tags or time stamp only, another path, a second copy.
    missing
        Newly marked as gone.
    failed, known_failures
        Failed now; failed before and not changed since.
    warned
        Analysed, but something was wrong with them.
    notes
        What else the user should know, one sentence each.
    stage_s
        Seconds of work in each stage, over all workers.
    """

    found: int = 0
    analysed: int = 0
    unchanged: int = 0
    retagged: int = 0
    moved: int = 0
    copied: int = 0
    missing: int = 0
    known_failures: int = 0
    failed: list[FailedFile] = field(default_factory=list)
    warned: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    audio_s: float = 0.0
    seconds: float = 0.0
    stage_s: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("identify", "decode", "mel", "network", "database"), 0.0)
    )
