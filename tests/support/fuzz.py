"""Requests that the description of the API allows, one by one and in sequences that follow what answers say.

None may get a 5xx, or an answer that the description does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.states import ReleaseState, Role
from tests.support.people import add_person
from tests.support.rows import add_release
from tests.support.web import Web

ALL = list(HealthCheck)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
UPLOADS = ("/v1/datasets", "/v1/synthesize")
PATIENCE_SECONDS = 60.0
"""How long a busy machine may take for an answer; what hangs takes longer."""
AT_ONCE = 4
"""Sequences that Hypothesis compares with one another."""
STEPS = 8
"""The longest sequence."""


def things(web: Web, folder: Path) -> Mapping[str, str]:
    """The ids of things that there are, by the name of the parameter: a request with one gets further."""
    release = add_release(web, folder, ReleaseState.IN_REVIEW)
    return {
        "dataset_id": release.dataset_id,
        "job_id": release.job_id,
        "model_id": release.model_id,
        "report_id": release.report_id,
        "release_id": release.id,
        "person_id": add_person(web, Role.ANALYST).id,
    }


def try_operations(web: Web, ours: Mapping[str, str], *, examples: int, uploads: int) -> int:
    """Try every operation with so many requests; gives the number of operations.

    Uploads have a number of their own: every one that reaches intake starts a process.
    """
    document = _document(web)
    operations = [found.ok() for found in document.get_all_operations()]
    for operation in sorted(operations, key=lambda operation: operation.method.upper() == "DELETE"):
        most = uploads if _is_upload(operation.method, operation.path) else examples

        @given(case=operation.as_strategy(), real=st.booleans())
        @settings(max_examples=most, deadline=None, derandomize=True, database=None, suppress_health_check=ALL)
        def try_out(case: schemathesis.Case, real: bool) -> None:
            if real:
                _with_things(case, ours)
            case.call_and_validate(headers=_headers(web), checks=CHECKS, timeout=PATIENCE_SECONDS)

        try_out()
    return len(operations)


def try_sequences(web: Web, ours: Mapping[str, str], *, examples: int) -> set[tuple[str, str, str]]:
    """Try so many sequences in which a request takes over what an earlier answer said.

    Gives what was called where, and the kind of status it got.
    """
    called: set[tuple[str, str, str]] = set()
    begun: list[object] = []
    wrong: list[BaseException] = []
    document = _document(web).exclude(path=list(UPLOADS), method="POST")

    class Sequences(document.as_state_machine()):
        def setup(self) -> None:
            super().setup()
            begun.append(self)

        def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, object]:
            return {"headers": _headers(web), "timeout": PATIENCE_SECONDS}

        def before_call(self, case: schemathesis.Case) -> None:
            _make_useful(case, ours, web)

        def validate_response(self, response, case, additional_checks=(), **_more) -> None:
            called.add((case.method.upper(), case.path, f"{response.status_code // 100}xx"))
            try:
                case.validate_response(response, checks=CHECKS)
            except BaseException as error:
                wrong.append(error)
                raise

    few = settings(
        max_examples=AT_ONCE,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=ALL,
    )
    while len(begun) < examples:
        # where the same beginning goes on in another way, as earlier sequences have changed what there is, Hypothesis
        # takes that for a fault of the test: the next few begin anew
        with suppress(FlakyStrategyDefinition):
            seed(len(begun))(Sequences).run(settings=few)
        if wrong:
            raise wrong[0]
    return called


def _make_useful(case: schemathesis.Case, ours: Mapping[str, str], web: Web) -> None:
    """Have a request of a sequence name things that there are, and end nothing that the others need."""
    if case._override is None or not case._override.path_parameters:
        _with_things(case, ours)
    if case.path.endswith("/events"):
        case.path_parameters["job_id"] = ours["job_id"]  # no worker ends one that was just sent, nor its stream
    if web.admin.key_id in case.path_parameters.values():
        case.path_parameters["key_id"] = "key_of_nobody"  # else all that follows has no valid key


def _document(web: Web) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{web.url}/v1/openapi.json")


def _headers(web: Web) -> dict[str, str]:
    return {"Authorization": f"Bearer {web.admin.token}"}


def _is_upload(method: str, path: str) -> bool:
    return method.upper() == "POST" and path in UPLOADS


def _with_things(case: schemathesis.Case, ours: Mapping[str, str]) -> None:
    case.path_parameters.update({name: ours[name] for name in case.path_parameters if name in ours})
    if isinstance(case.body, dict) and "dataset_id" in case.body:
        case.body["dataset_id"] = ours["dataset_id"]
