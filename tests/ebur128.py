"""FFmpeg's loudness meter, for comparison."""

import itertools
from pathlib import Path

import av


def ffmpegs_lufs(path: Path) -> float:
    """Return the integrated loudness of a file by FFmpeg's ebur128 filter."""
    last = "nan"
    with av.open(str(path)) as container:
        graph = av.filter.Graph()
        source = graph.add_abuffer(template=container.streams.audio[0])
        meter, sink = graph.add("ebur128", "framelog=quiet:metadata=1"), graph.add("abuffersink")
        source.link_to(meter)
        meter.link_to(sink)
        graph.configure()
        for frame in itertools.chain(container.decode(audio=0), [None]):
            source.push(frame)
            while True:
                try:
                    last = sink.pull().metadata.get("lavfi.r128.I", last)
                except (av.BlockingIOError, av.EOFError):
                    break
    return float(last)
