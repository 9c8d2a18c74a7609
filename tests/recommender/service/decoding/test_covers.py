"""Covers are looked for by a process of its own, within bounds: the service parses no file and no picture."""

import io
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import mutagen
import numpy as np
import pytest
from mutagen import id3
from PIL import Image

from recommender import params
from recommender.service.decoding.cover_child import serve_covers, shown
from recommender.service.decoding.covers import LONGEST_ANSWER, Covers
from recommender.service.decoding.decoder import Decoder
from recommender.service.decoding.process import Limits
from tests.recommender.service.conftest import Service, at_once
from tests.recommender.service.decoding import processes

LIMITS = Limits(2**28, 1, 60.0)
assert processes.TOO_MUCH > LONGEST_ANSWER


def png(width: int, height: int, noise: bool = False) -> bytes:
    written = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    (Image.fromarray(pixels) if noise else Image.new("RGB", (width, height), (10, 180, 10))).save(
        written, "PNG"
    )
    return written.getvalue()


@pytest.fixture
def give(own: Service) -> Iterator[Callable[[Decoder | None], Covers]]:
    """What lets a service find its covers by another process."""
    app: Any = own.client.app
    given: list[Covers] = []

    def given_to(decoder: Decoder | None = None) -> Covers:
        app.state.covers = Covers(decoder)
        given.append(app.state.covers)
        return given[-1]

    yield given_to
    for covers in given:
        covers.decoder.close()


Give = Callable[..., Covers]


@pytest.mark.parametrize(
    "target", [processes.spins, processes.hangs, processes.lies, processes.says_too_much, processes.crashes]
)
def test_whatever_the_process_does_a_picture_is_drawn_and_it_is_not_tried_again(
    own: Service, give: Give, target: Any
) -> None:
    seconds = 0.5 if target is processes.hangs else 20.0
    covers = give(Decoder(seconds, LIMITS, target, LONGEST_ANSWER))
    for _ in range(2):
        answer = own.client.get("/rest/getCoverArt?id=1&size=64")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert Image.open(io.BytesIO(answer.content)).size == (64, 64)
        assert covers.decoder._child is None  # it was ended, and none was started for the second


def test_a_file_that_has_changed_is_looked_into_again(own: Service, give: Give) -> None:
    covers = give(Decoder(20.0, LIMITS, processes.crashes, LONGEST_ANSWER))
    song = own.library.music / "rock/alpha.mp3"
    path = f"/rest/getCoverArt?id={own.id_of('rock/alpha.mp3')}"
    assert own.client.get(path).headers["content-type"] == "image/png"
    give()._failed.update(covers._failed)
    file = mutagen.File(song)
    file.tags.add(id3.APIC(encoding=3, mime="image/jpeg", type=3, desc="c", data=jpeg(80, 80)))
    file.save()
    os.utime(song, (1, 1))
    answer = own.client.get(path)
    assert answer.headers["content-type"] == "image/jpeg"


def jpeg(width: int, height: int) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height), (200, 10, 10)).save(written, "JPEG")
    return written.getvalue()


def test_no_memory_for_a_picture_is_the_pictures_failure(own: Service, give: Give) -> None:
    """40 megapixels are 160 MB; the process here has 64 MB for them."""
    (own.library.music / "rock/cover.png").write_bytes(png(6300, 6300))
    covers = give(Decoder(20.0, Limits(2**26, 10, 60.0), serve_covers, LONGEST_ANSWER))
    song = own.id_of("rock/alpha.mp3")
    answer = own.client.get(f"/rest/getCoverArt?id={song}&size=64")
    drawn = own.client.get(f"/rest/getCoverArt?id={own.id_of('jazz/zeta.m4a')}&size=64")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert drawn.status_code == 200
    assert len(covers._failed) == 1


def test_a_picture_of_many_bytes_is_made_smaller() -> None:
    data = png(2200, 2200, noise=True)
    assert len(data) > params.LARGEST_COVER
    kind, small = shown(data, 0) or ("", b"")
    assert kind == "image/jpeg" and len(small) < params.LARGEST_COVER
    assert max(Image.open(io.BytesIO(small)).size) == params.LARGEST_SIDE
    few = png(300, 200)
    assert shown(few, 0) == ("image/png", few) == shown(few, 300)
    kind, smaller = shown(few, 150) or ("", b"")
    assert Image.open(io.BytesIO(smaller)).size == (150, 100)


def test_others_are_answered_while_a_cover_is_looked_for(own: Service, give: Give) -> None:
    """However many ask: they take no thread, no turn and no connection of those who ask something else."""
    covers = give(Decoder(60.0, LIMITS, processes.hangs, LONGEST_ANSWER))

    def ask(number: int) -> None:
        own.client.get(f"/rest/getCoverArt?id={number % 10 + 1}")

    with at_once(ask, range(120)) as threads:
        time.sleep(0.5)
        assert own.client.get("/rest/ping?f=json").status_code == 200
        assert own.client.get("/api/tracks").status_code == 200
        assert sum(thread.is_alive() for thread in threads) > 100
        covers.decoder.close()


def test_nothing_is_parsed_in_the_service(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_given: Any, **_more: Any) -> Any:
        raise AssertionError("parsed in the service")

    monkeypatch.setattr(mutagen, "File", fails)
    monkeypatch.setattr(Image, "open", fails)
    (own.library.music / "rock/cover.png").write_bytes(data := png(30, 20))
    assert own.client.get(f"/rest/getCoverArt?id={own.id_of('rock/alpha.mp3')}").content == data
