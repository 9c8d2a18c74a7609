"""What the page is made of: sent as it is, with the right type, cached, and nothing else beside it."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from recommender.service.http.static_page import STATIC
from tests.recommender.service.conftest import Service

FILES = sorted(file for file in STATIC.iterdir() if file.is_file())
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_each_part_is_sent_with_its_type_and_a_tag(service: Service, file: Path) -> None:
    path = f"/static/{file.name}"
    answer = service.client.get(path)
    assert (answer.status_code, answer.content) == (200, file.read_bytes())
    assert answer.headers["content-type"] == TYPES[file.suffix]
    assert answer.headers["cache-control"] == "no-cache"
    tag = answer.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = service.client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert service.client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    head = service.client.head(path, headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content, head.headers["content-length"]) == (
        200,
        b"",
        str(len(file.read_bytes())),
    )


def test_tags_differ_as_contents_do(service: Service) -> None:
    tags = {service.client.get(f"/static/{file.name}").headers["etag"] for file in FILES}
    assert len(tags) == len({file.read_bytes() for file in FILES})


def test_the_page_is_at_the_root_and_leads_to_what_programs_need(service: Service) -> None:
    page = service.client.get("/").content
    assert page == (STATIC / "index.html").read_bytes()
    assert b'href="docs"' in page
    assert service.client.get("/docs").content == (STATIC / "docs.html").read_bytes()
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert service.client.get("/docs", headers=visit).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../page.py",
        "/static/%2e%2e/page.py",
        "/static/..%2fpage.py",
        "/static/%2e%2e%2fapp.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/index.html/",
        "/static/index.html%00.js",
        "/static/INDEX.HTML",
        "/static/.",
        "/static/",
        "/static",
    ],
)
def test_no_other_file_is_sent(service: Service, path: str) -> None:
    answer = service.client.get(path, follow_redirects=False)
    assert answer.status_code in (404, 307)
    assert b"import" not in answer.content and b"root:" not in answer.content


class Elements(HTMLParser):
    """Collects the elements of a page, with the text of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.code = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in ("script", "style"):
            self.code += data.strip()


@pytest.mark.parametrize("name", ["index.html", "docs.html"])
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(name: str) -> None:
    page = Elements()
    page.feed((STATIC / name).read_text(encoding="utf-8"))
    assert page.code == ""
    for tag, attributes in page.found:
        assert tag not in ("style", "base", "iframe", "object")
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        for where in ("src", "href"):
            place = attributes.get(where)
            assert place is None or place.startswith(("static/", "#", "./", "docs", "guide", "openapi.json"))
    for file in FILES:
        said = file.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert not re.search(r"https?:|//[a-z0-9-]+\.[a-z]", said), file.name


def test_text_is_only_ever_set_as_text() -> None:
    ways = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc"
        r"|eval\(|new Function"
    )
    for file in FILES:
        assert not re.search(ways, file.read_text(encoding="utf-8")), file.name


def test_each_module_names_only_parts_that_there_are() -> None:
    for file in FILES:
        for name in re.findall(
            r'(?:from |import |import\(|later\()"\./([^"]+)"', file.read_text(encoding="utf-8")
        ):
            assert (STATIC / name).is_file(), f"{file.name} wants {name}"


def test_the_page_asks_for_joined_parts_alone_and_knows_them_for_every_place() -> None:
    page = Elements()
    page.feed((STATIC / "index.html").read_text(encoding="utf-8"))
    asked = [attributes.get("src") or attributes.get("href") or "" for _, attributes in page.found]
    parts = sorted(one.removeprefix("static/") for one in asked if one.startswith("static/"))
    assert parts == ["icon.svg", "joined/before.js", "joined/main.js", "joined/page.css"]
    begins = (STATIC / "main.js").read_text(encoding="utf-8")
    places = dict(re.findall(r'(\w+): later\("\./(\w+)\.js"', begins))
    table = re.search(r"const PARTS = \{(.*?)\};", (STATIC / "ahead.js").read_text(encoding="utf-8"), re.S)
    assert table and dict(re.findall(r'(\w+): "(\w+)"', table[1])) == places
    assert len(places) > 10
