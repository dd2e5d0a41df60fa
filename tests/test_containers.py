"""The container files as far as they can be checked without an engine."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from app.cli.main import app
from app.config import Settings

ROOT = Path(__file__).parent.parent
OURS = ("migrate", "api", "worker")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text()


def test_every_service_runs_a_command_that_exists(compose: dict[str, Any]) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name in OURS:
        assert compose["services"][name]["command"] == [name]
        assert name in commands


def test_the_health_checks_are_commands_that_exist(compose: dict[str, Any], dockerfile: str) -> None:
    of_image = json.loads(re.findall(r"HEALTHCHECK .*CMD (\[.+\])$", dockerfile, re.MULTILINE)[-1])
    marked, *of_worker = compose["services"]["worker"]["healthcheck"]["test"]
    assert marked == "CMD"
    for program, name, *options in (of_image, of_worker):
        command = get_command(app).commands[name]  # type: ignore[attr-defined]
        assert program == "lookalike"
        assert set(options) <= {option for each in command.params for option in each.opts}


def test_every_variable_of_the_service_is_one_that_it_reads(compose: dict[str, Any], dockerfile: str) -> None:
    names = re.findall(r"\b(LOOKALIKE_\w+)=", dockerfile)
    for name in OURS:
        names += compose["services"][name]["environment"]
    assert Settings.unknown_variables(names) == []


def test_the_services_wait_for_what_they_need(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("api", "worker"):
        needs = services[name]["depends_on"]
        assert needs["migrate"]["condition"] == "service_completed_successfully"
        assert needs["bucket"]["condition"] == "service_completed_successfully"
        assert needs["postgres"]["condition"] == "service_healthy"
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)


def test_what_runs_on_is_restarted_and_watched(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert "restart" in service, name
        if service["restart"] == "unless-stopped" and name != "api":  # the image brings the API's own check
            assert service["healthcheck"]["test"], name
        if name in OURS:
            assert service["init"] is True


def test_the_worker_reserves_a_gpu(compose: dict[str, Any]) -> None:
    (device,) = compose["services"]["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]


def test_every_named_volume_is_declared_and_used(compose: dict[str, Any]) -> None:
    used = {v.partition(":")[0] for s in compose["services"].values() for v in s.get("volumes", [])}
    assert used == set(compose["volumes"])


def test_no_password_stands_in_the_files_and_none_has_a_default(compose: dict[str, Any]) -> None:
    secret = re.compile(r"PASSWORD|SECRET|ACCESS_KEY")
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if secret.search(name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.search(r"\$\{\w*(PASSWORD|KEY)\w*(:-|-|\})", text)
    required = set(re.findall(r"\$\{(\w+):\?", text))
    example = dict(
        line.split("=", 1)
        for line in (ROOT / "examples" / "compose.env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert example == dict.fromkeys(required, "")


def test_the_object_stores_configuration_is_json_once_filled_in(compose: dict[str, Any]) -> None:
    filled = re.sub(r"\$\{[^}]+\}", "x", compose["configs"]["s3"]["content"])
    (identity,) = json.loads(filled)["identities"]
    assert not any("Admin" in action for action in identity["actions"])


def test_the_image_runs_as_nobody_in_particular_and_holds_no_secret(dockerfile: str) -> None:
    users = re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE)
    assert users
    assert users[-1] != "root"
    assert "HEALTHCHECK" in dockerfile
    assert "constraints.txt" in dockerfile
    assert not re.search(r"^(ARG|ENV).*(PASSWORD|SECRET|KEY)", dockerfile, re.MULTILINE)


def test_what_the_image_copies_is_in_the_context(dockerfile: str) -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {part for line in re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE) for part in line.split()}
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)
