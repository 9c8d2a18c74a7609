"""The user guide as the service has it: every page, with links that lead somewhere, and nothing else."""

import re
from html.parser import HTMLParser

import pytest

from recommender.service.http import guide
from tests.recommender.service.conftest import Service

NAMES = sorted(guide.PAGES - {guide.CONTENTS})


class Page(HTMLParser):
    """Collects what a page holds."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.wrong: list[str] = []
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and values.get("href"):
            self.links.append(str(values["href"]))
        if tag == "img":
            self.pictures.append(str(values["src"]))
            if not values.get("alt"):
                self.wrong.append(f"no text: {values['src']}")
        if tag in ("style", "iframe", "base", "form") or "style" in values:
            self.wrong.append(tag)
        self.wrong += [name for name in values if name.startswith("on")]


@pytest.mark.parametrize("path", ["/guide", *(f"/guide/{name}" for name in NAMES)])
def test_every_page_is_there_and_all_that_it_names(service: Service, path: str) -> None:
    answer = service.client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = Page(answer.content)
    assert page.wrong == [] and page.links
    for where in {*page.links, *page.pictures}:
        if not where.startswith(("http", "#")):
            found = service.client.get(str(answer.url.join(where)))
            assert found.status_code == 200, where
    again = service.client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_all_pages_are_linked_from_the_first_and_that_from_page_and_docs(service: Service) -> None:
    assert len(NAMES) == 11
    links = Page(service.client.get("/guide").content).links
    assert {f"guide/{name}" for name in NAMES} <= set(links)
    assert 'href="guide"' in service.client.get("/").text
    assert 'href="guide"' in service.client.get("/docs").text
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert service.client.get("/guide", headers=visit).status_code == 200


@pytest.mark.parametrize("name", ["README", "none", "..%2f..%2fREADME", "similar.md", "%2e%2e", "guide.html"])
def test_nothing_else_is_sent(service: Service, name: str) -> None:
    assert service.client.get(f"/guide/{name}").status_code in (404, 405)


def test_what_markdown_could_hide_is_only_text() -> None:
    made = guide._markdown("../").render(
        "<script>x</script> [a](javascript:x) [b](../SERVICE.md) [c](similar.md) [d](http://x/)\n\n"
        "```sh\n<b>&\n```\n"
    )
    assert "<script" not in made and "<b>" not in made
    assert re.findall(r'href="([^"]*)"', made) == ["similar"]
