"""A player that asks a service over OpenSubsonic."""

from typing import Any

from tests.recommender.service.conftest import Service
from tests.recommender.service.subsonic.shapes import checked, error_of


class Player:
    """Asks a service as a player does."""

    def __init__(self, service: Service, **login: str) -> None:
        self.service, self.login = service, login

    def ask(self, endpoint: str, **parameters: Any) -> Any:
        """Return what a good answer holds, its shape checked."""
        return checked(endpoint, self.body(endpoint, **parameters))

    def fail(self, endpoint: str, **parameters: Any) -> int:
        """Return the code of a failure."""
        return error_of(self.body(endpoint, **parameters))[0]

    def body(self, endpoint: str, status: int = 200, **parameters: Any) -> Any:
        answer = self.get(endpoint, f="json", **parameters)
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "application/json"
        return answer.json()

    def get(self, endpoint: str, **parameters: Any) -> Any:
        return self.service.client.get(f"/rest/{endpoint}", params={**self.login, **parameters})

    def songs(self) -> dict[str, str]:
        """Return the ids of all songs by title."""
        found = self.ask("search3", query="", songCount=500, artistCount=0, albumCount=0)
        return {song["title"]: song["id"] for song in found["song"]}

    def album_of(self, title: str) -> Any:
        return self.ask("getAlbum", id=self.ask("getSong", id=self.songs()[title])["albumId"])
