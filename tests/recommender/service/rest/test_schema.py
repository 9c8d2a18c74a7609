"""The REST interface against its own description, with requests that schemathesis makes up."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import CheckContext, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from recommender.service.http.problems import add_problems
from recommender.service.rest import router as rest
from tests.recommender.service.conftest import PROGRAM, Service, running
from tests.recommender.support import Library

EXAMPLES = 4


def is_accepted(_context: CheckContext, response: Any, case: Any) -> None:
    """What fits the description is not refused for its form.

    It may be for its meaning: a passage that ends before it begins, a genre that there is not, bytes
    that are no audio. Only errors of form are listed one by one.
    """
    made = case.meta.generation.mode if case.meta is not None else None
    if made == GenerationMode.POSITIVE and response.status_code in (400, 422):
        assert not response.json().get("errors"), response.json()


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    is_accepted,
]


@pytest.fixture(scope="module")
def url(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on a library of its own, with plays and a playlist."""
    with running(ingested.clone(tmp_path_factory.mktemp("described")).home) as server:
        with httpx2.Client(base_url=server.url, headers=PROGRAM, timeout=60) as client:
            ids = [track["track_id"] for track in client.get("/api/tracks").json()["tracks"]]
            client.post("/api/playlists", json={"name": "first", "track_ids": ids})
            client.post(f"/api/tracks/{ids[0]}/plays")
        yield server.url


def operations() -> list[Any]:
    """Return all operations, of an application that is never asked anything."""
    described = FastAPI()
    described.include_router(rest.router)
    add_problems(described)
    found = schemathesis.openapi.from_dict(described.openapi()).get_all_operations()
    return [operation.ok() for operation in found]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda m: m.value)
@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.label)
def test_answers_are_as_described(url: str, operation: Any, mode: GenerationMode) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=url, headers=PROGRAM, checks=CHECKS, timeout=60)

    try:
        ask()
    except Unsatisfiable:  # an operation without parameters cannot be asked wrongly
        assert mode == GenerationMode.NEGATIVE


def test_every_operation_is_described(service: Service) -> None:
    paths = service.get("/openapi.json")["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    assert len(operations) >= 28
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert {"similar_to_track", "similar_to_file", "list_tracks", "create_playlist"} <= set(names)
    for operation in operations:
        assert operation["description"]
        assert operation["summary"] == operation["operationId"].replace("_", " ").capitalize()
        assert {"401", "403", "421", "422", "429", "500", "503", "507"} <= operation["responses"].keys()
        for status, answer in operation["responses"].items():
            kinds = set(answer.get("content", {}))
            assert status < "400" or kinds == {"application/problem+json"}, (operation, status)
    assert "HTTPValidationError" not in str(paths)
