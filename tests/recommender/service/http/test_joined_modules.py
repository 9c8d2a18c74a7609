"""Joined modules: each once, after what it needs, with the same exports; other styles are refused."""

import re

import pytest

from recommender.service.http.joined_modules import ModuleStyleError, joined, needed
from recommender.service.http.static_page import MODULES, PARTS, TOGETHER
from tests.recommender.service.conftest import Service

SMALL = {
    "main.js": 'import { one } from "./low.js";\nimport * as both from "./mid.js";\n\nboth.two(one);\n',
    "low.js": "export const one = 1;\n",
    "mid.js": 'import { one as first } from "./low.js";\nexport async function two() { return first; }\n',
    "more.js": 'import { two } from "./mid.js";\nimport { own } from "./own.js";\nexport class Three {}\n'
    "export function four() { return two(own); }\n",
    "own.js": "export const own = 5;\nconst hidden = 6;\n",
}


def made_in(text: str) -> list[str]:
    """Return the modules that a joined file makes, in its order."""
    return re.findall(r'^modules\["(\w+\.js)"\] \?\?= \(', text, re.MULTILINE)


def test_the_first_file_holds_what_it_imports_each_once_and_in_order() -> None:
    text = joined("main.js", SMALL)
    assert made_in(text) == ["low.js", "mid.js", "main.js"]
    assert 'const { one: first } = modules["low.js"];' in text
    assert 'const both = modules["mid.js"];' in text
    assert "\nasync function two() { return first; }\n\nreturn { two };" in text
    assert "import" not in text and text.startswith("export const modules = {};")


def test_another_file_holds_the_rest_and_exports_what_its_module_does() -> None:
    text = joined("more.js", SMALL)
    assert text.startswith('import { modules } from "./main.js";\n')
    assert made_in(text) == ["own.js", "more.js"]
    assert text.endswith('\nexport const { Three, four } = modules["more.js"];\n')
    assert "return { own };" in text and "hidden }" not in text
    assert joined("low.js", SMALL).splitlines()[1:] == ['export const { one } = modules["low.js"];']


@pytest.mark.parametrize(
    "line",
    [
        'import low from "./low.js";',
        'import "./low.js";',
        'import { one }\n  from "./low.js";',
        "import { one } from './low.js';",
        'import { one } from "./folder/low.js";',
        "export default 3;",
        "export let three = 3;",
        "export { one };",
        "export const { three } = {};",
        'export { one } from "./low.js";',
    ],
)
def test_other_styles_are_refused(line: str) -> None:
    with pytest.raises(ModuleStyleError, match=r"^main\.js: (import|export)"):
        joined("main.js", {**SMALL, "main.js": f"{line}\n"})


def test_modules_that_import_each_other_are_refused() -> None:
    circle = {**SMALL, "low.js": 'import { two } from "./mid.js";\n'}
    with pytest.raises(ModuleStyleError, match=r"low\.js mid\.js low\.js"):
        needed("main.js", circle)


def test_an_import_that_is_called_stays_as_it_is() -> None:
    late = {"main.js": 'export function later() {\n  import("./other.js");\n}\n'}
    assert '\n  import("./other.js");\n' in joined("main.js", late)


def test_each_module_of_the_page_can_be_joined_and_keeps_its_lines() -> None:
    first = joined("main.js", MODULES)
    assert len(made_in(first)) == len(set(made_in(first))) > 15
    for name, source in MODULES.items():
        text = joined(name, MODULES)
        assert not set(made_in(text)) & set(made_in(first)) or name == "main.js"
        there = set((first + text).splitlines())
        plain = [line for line in source.splitlines() if not line.startswith(("import ", "export "))]
        assert there >= set(plain), name


def test_joined_files_are_sent_with_a_tag(service: Service) -> None:
    for name, media_type in (
        ("main.js", "javascript"),
        ("track.js", "javascript"),
        ("before.js", "javascript"),
        ("page.css", "css"),
    ):
        answer = service.client.get(f"/static/joined/{name}")
        assert answer.status_code == 200 and media_type in answer.headers["content-type"]
        assert answer.headers["cache-control"] == "no-cache"
        assert len(answer.content) > 1000
        for part in TOGETHER.get(name, ()):
            assert PARTS[part].content in answer.content
        tag = answer.headers["etag"]
        again = service.client.get(f"/static/joined/{name}", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
    for name in ("style.css", "index.html", "none.js", "main.js/", "%2e%2e%2fmain.js", ""):
        assert service.client.get(f"/static/joined/{name}").status_code == 404, name
