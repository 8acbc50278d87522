"""Requests made from the OpenAPI document: no bug answers, and no status that it does not name."""

import os
import zlib
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from litestar.testing import TestClient
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from serving_workspace import client_of, make_workspace

from twoloops.convergence.turns.workspace_turn import current, go_on
from twoloops.server.app import Options
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import loop

EXAMPLES = int(os.environ.get("TWOLOOPS_EXAMPLES", "12"))
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, dict[str, str]]]:
    workspace = make_workspace(tmp_path_factory.mktemp("asked"))
    with client_of(workspace.folder, Options(rate=0)) as client:
        admin = workspace.bearer("admin")
        texts = [{"text": f"oil leak {i}", "key": str(i)} for i in range(8)]
        address = "/api/v1/tasks/orders/observations/batch"
        assert client.post(address, json={"observations": texts}, headers=admin).is_success
        with Store.open(workspace.folder) as store:  # questions are open while it is asked
            two = loop(store, store.tasks.get("orders"))
            assert go_on(two, current(two))[0].stage == "label"
        yield client, admin


def operations(client: TestClient, admin: dict[str, str]) -> list[schemathesis.APIOperation]:
    raw = client.get("/api/schema/openapi.json", headers=admin).json()
    found = schemathesis.openapi.from_dict(raw).get_all_operations()
    return [one.ok() for one in found]


def made(operation: schemathesis.APIOperation) -> SearchStrategy[schemathesis.Case]:
    """Requests that fit the document, and some that do not."""
    fitting = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    try:
        other = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
        other.validate()
    except Exception:  # nothing can be wrong about a route that takes nothing
        return fitting
    return st.one_of(fitting, other)


def ask(client: TestClient, admin: dict[str, str], case: schemathesis.Case) -> None:
    if "task" in case.path_parameters and zlib.crc32(repr(case).encode()) % 4:
        case.path_parameters["task"] = "orders"  # made-up names alone would reach little
    sent = case.as_transport_kwargs(base_url=str(client.base_url))
    sent["headers"] = dict(sent["headers"]) | admin
    sent.pop("cookies", None)
    if isinstance(sent.get("data"), (bytes, str)):
        sent["content"] = sent.pop("data")
    answer = client.request(**sent, follow_redirects=False)
    case.validate_response(answer, checks=CHECKS)


def test_no_request_is_answered_by_a_bug(served: tuple[TestClient, dict[str, str]]) -> None:
    client, admin = served
    found = operations(client, admin)
    assert len(found) > 15
    problems = []
    for operation in found:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=made(operation))
        def one(case: schemathesis.Case) -> None:
            ask(client, admin, case)

        try:
            one()
        except FailureGroup as found_here:  # told together: one run shows all there is to mend
            problems += [f"{operation.label}: {one!r}" for one in found_here.exceptions]
        except Exception as problem:
            problems.append(f"{operation.label}: {problem!r}")
    assert not problems, "\n\n".join(problems)
