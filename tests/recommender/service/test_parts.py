"""Tracks that a cue sheet cuts out of a file, over REST and OpenSubsonic: each alone."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC, Picture
from PIL import Image

from tests.recommender.albums import Album, made_up, write_album
from tests.recommender.service.conftest import Service, serving
from tests.recommender.service.subsonic.player import Player
from tests.recommender.support import Library

NUMBER = 2
HEADER = 44


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Album:
    return write_album(tmp_path_factory.mktemp("parts") / "music/album.flac", made_up(3), 44_100)


@pytest.fixture(scope="module")
def service(album: Album) -> Iterator[Service]:
    red = Picture()
    written = io.BytesIO()
    Image.new("RGB", (50, 50), (200, 10, 10)).save(written, "PNG")
    red.type, red.mime, red.data = 3, "image/png", written.getvalue()
    file = FLAC(album.file)
    file.add_picture(red)
    file.save()
    library = Library(album.file.parent, album.file.parent.parent / "home")
    library.ingest()
    with serving(library) as found:
        yield found


@pytest.fixture(scope="module")
def track_id(service: Service) -> int:
    return service.id_of(f"album.flac#{NUMBER:02d}")


def frames_of(content: bytes) -> Any:
    with av.open(io.BytesIO(content)) as file:  # FLAC that is made as it is sent tells no length
        assert file.streams.audio[0].rate == 44_100
        decoded = [frame.to_ndarray() for frame in file.decode(audio=0)]
    return np.concatenate(decoded, axis=1).reshape(-1, 2)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("/api/tracks/{}/audio", "audio/wav"),
        ("/rest/stream?id={}", "audio/flac"),
        ("/rest/download?id={}", "audio/flac"),
    ],
)
def test_the_track_alone_sample_by_sample(
    service: Service, album: Album, track_id: int, address: str, kind: str
) -> None:
    answer = service.client.get(address.format(track_id))
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert np.array_equal(frames_of(answer.content), album.tracks[NUMBER - 1])


@pytest.mark.parametrize("asked", [(0, 99), (44, 47), (200_002, 300_001), (500_000, 500_000)])
def test_ranges_of_it(service: Service, album: Album, track_id: int, asked: tuple[int, int]) -> None:
    content = album.tracks[NUMBER - 1].astype("<i2").tobytes()
    first, last = asked
    header = {"Range": f"bytes={first}-{last}"}
    answer = service.client.get(f"/api/tracks/{track_id}/audio", headers=header)
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{HEADER + len(content)}"
    begin = max(first, HEADER)
    assert answer.content[begin - first :] == content[begin - HEADER : last + 1 - HEADER]


def test_a_player_begins_within_it(service: Service, album: Album, track_id: int) -> None:
    answer = service.client.get(f"/rest/stream?id={track_id}&timeOffset=2")
    assert np.array_equal(frames_of(answer.content), album.tracks[NUMBER - 1][2 * 44_100 :])


def test_a_head_request_decodes_nothing(service: Service, album: Album, track_id: int) -> None:
    answer = service.client.head(f"/api/tracks/{track_id}/audio?download=true")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) == HEADER + 4 * len(album.tracks[NUMBER - 1])
    assert 'filename="Song 2.wav"' in answer.headers["content-disposition"]


def test_what_a_player_is_told(service: Service, album: Album, track_id: int) -> None:
    song = Player(service).ask("getSong", id=str(track_id))
    samples = len(album.tracks[NUMBER - 1])
    assert (song["title"], song["artist"], song["album"]) == ("Song 2", "The Band", "The Album")
    assert (song["track"], song["duration"]) == (NUMBER, round(samples / 44_100))
    assert (song["suffix"], song["contentType"]) == ("flac", "audio/flac")
    of_album = Player(service).ask("getAlbum", id=song["albumId"])
    assert [one["title"] for one in of_album["song"]] == ["Song 1", "Song 2", "Song 3"]


def test_rest_says_which_part_of_which_file(service: Service, album: Album, track_id: int) -> None:
    answer = service.get(f"/api/tracks/{track_id}")
    assert answer["range"] == {
        "file": str(album.file),
        "start_s": round(album.start_s(2), 3),
        "end_s": round(album.start_s(3), 3),
    }
    assert answer["path"] == f"{album.file}#02"


def test_its_pictures_are_its_own(service: Service, album: Album, track_id: int) -> None:
    answer = service.get(f"/api/tracks/{track_id}/waveform?points=20")
    seconds = len(album.tracks[NUMBER - 1]) / 44_100
    assert answer["duration_s"] == pytest.approx(seconds, abs=1e-3)
    mono = np.abs(album.tracks[NUMBER - 1].mean(axis=1)) / 32768
    columns = np.array_split(mono, round(seconds / 0.1))
    expected = np.array([column.max() for column in np.array_split(np.array([c.max() for c in columns]), 20)])
    assert np.corrcoef(answer["peaks"], expected)[0, 1] > 0.9
    assert service.client.get(f"/api/tracks/{track_id}/mel.png").status_code == 200
    heard = service.client.get(f"/api/tracks/{track_id}/listen").content
    samples, _ = soundfile.read(io.BytesIO(heard), dtype="float32")
    assert np.max(np.abs(samples - album.tracks[NUMBER - 1].mean(axis=1) / 32768)) < 1e-4


def test_its_cover_is_that_of_the_file(service: Service, track_id: int) -> None:
    with Image.open(io.BytesIO(Player(service).get("getCoverArt", id=str(track_id)).content)) as image:
        red, green, blue = image.convert("RGB").getpixel((25, 25))  # type: ignore[misc]
    assert red > 150
    assert max(green, blue) < 50


def test_a_playlist_as_a_file(service: Service, album: Album, track_id: int) -> None:
    made = service.client.post("/api/playlists", json={"name": "x", "track_ids": [track_id]}).json()
    lines = service.client.get(f"/api/playlists/{made['playlist_id']}.m3u8").text.splitlines()
    assert lines[2:] == [
        f"#EXTVLCOPT:start-time={album.start_s(2):.3f}",
        f"#EXTVLCOPT:stop-time={album.start_s(3):.3f}",
        str(album.file),
    ]


def test_a_file_that_changed_or_is_gone(
    service: Service, album: Album, track_id: int, tmp_path: Path
) -> None:
    kept = album.file.rename(tmp_path / "kept.flac")
    try:
        assert service.client.get(f"/api/tracks/{track_id}/audio").status_code == 404
        assert Player(service).fail("stream", id=str(track_id)) == 70
    finally:
        kept.rename(album.file)
