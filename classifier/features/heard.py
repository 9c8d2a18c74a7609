"""Which of a segment's patches count: those that are more than silence, for analysis and training alike."""

from classifier.features.frontend import FrontEnd
from classifier.features.segments import AudioSegment, Flags, heard_patches, patch_starts


def heard_by(segment: AudioSegment, front_end: FrontEnd) -> tuple[Flags, float]:
    """Return which patches that a front end makes of a segment are heard, and the level without the others.

    Returns
    -------
    tuple
        (patches,), none of them in a silent segment; and the root-mean-square level of what is heard.
    """
    n_frames, hop = 1 + len(segment.samples) // front_end.hop_length, front_end.hop_length
    filled = max(n_frames, front_end.patch_frames) if front_end.padding != "none" else n_frames
    starts = patch_starts(filled, front_end.patch_frames, front_end.min_rest_frames, front_end.patch_hop)
    heard, rms = heard_patches(segment, [start * hop for start in starts], front_end.patch_frames * hop)
    return heard & (not segment.silent), rms
