"""Users, passwords and keys: where they are kept, and that nobody else reads them."""

import json
import stat
from pathlib import Path

import pytest

from recommender.connections.credentials import FILE, Credentials, credentials_of, keep_credentials
from recommender.errors import ConnectionFailedError
from recommender.private import loose


def test_they_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    keep_credentials(home, "nas", Credentials("ann", "secret", plain=True))
    keep_credentials(home, "other", Credentials(api_key="key"))

    assert stat.S_IMODE((home / FILE).stat().st_mode) == 0o600
    assert credentials_of(home, "nas") == Credentials("ann", "secret", plain=True)
    assert credentials_of(home, "other") == Credentials(api_key="key")
    assert credentials_of(home, "nobody") == Credentials()
    assert "secret" not in repr(credentials_of(home, "nas"))

    keep_credentials(home, "nas", None)
    assert credentials_of(home, "nas") == Credentials()
    assert "secret" not in (home / FILE).read_text()


def test_the_environment_goes_before_and_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPCUTS_MY_NAS_PASSWORD", "from outside")
    keep_credentials(tmp_path, "my-nas", Credentials("ann", "from outside"))
    assert json.loads((tmp_path / FILE).read_text()) == {"my-nas": {"user": "ann"}}
    assert credentials_of(tmp_path, "my-nas") == Credentials("ann", "from outside")


def test_a_home_that_others_may_read_is_closed_with_them(tmp_path: Path) -> None:
    keep_credentials(tmp_path, "nas", Credentials("ann", "secret"))
    (tmp_path / FILE).chmod(0o644)
    assert tmp_path / FILE in loose(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"nas": 3}', '{"nas": [1]}'])
def test_a_damaged_file_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(ConnectionFailedError, match="damaged"):
        credentials_of(tmp_path, "nas")
