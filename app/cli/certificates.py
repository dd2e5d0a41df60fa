"""`lookalike certificate` fetches the bundle of a release; `lookalike verify` checks one without a service."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.client import Client
from app.cli.exits import CommandError, Exit
from app.cli.screen import Screen

ENVELOPE = "application/vnd.dsse.envelope.v1+json"
Bundle = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder with certificate, key and files.")]
Trusted = Annotated[
    str | None, typer.Option("--key", metavar="ID|FILE", help="Id of the key that must have signed, or its PEM file.")
]


def fetch_bundle(client: Client, release: str, out: Path) -> Path:
    """The folder `out` with everything that it takes to check a release: certificate, key, data and report."""
    from app.certificate import ENVELOPE_FILE, KEY_FILE  # noqa: PLC0415 - it loads pydantic

    out.mkdir(parents=True, exist_ok=True)
    found = client.get(f"/v1/releases/{release}")
    envelope = client.download(f"/v1/releases/{release}/certificate", out / ENVELOPE_FILE, ENVELOPE)
    signed_by = client.get(f"/v1/releases/{release}/certificate")["signatures"][0]["keyid"]
    (out / KEY_FILE).write_text(client.get("/v1/certificate-keys")["keys"][signed_by], encoding="ascii", newline="\n")
    client.download(f"/v1/releases/{release}/data.csv", out / "data.csv", "text/csv", found["csv_sha256"])
    client.download(f"/v1/reports/{found['report_id']}.json", out / "report.json", "application/json")
    return envelope.parent


def verify(bundle: Bundle, key: Trusted = None) -> None:
    """Check the certificate of a release and its files, without a service: one changed bit and it fails.

    The certificate of a release that was withdrawn later still verifies: ask the service for its state.
    """
    from app.certificate import CertificateError, check_bundle  # noqa: PLC0415 - it loads pydantic

    screen = Screen.of_process()
    try:
        checked = check_bundle(bundle, None if key is None else _id_of(key))
    except CertificateError as error:
        raise CommandError(str(error)) from None
    said = checked.statement["predicate"]
    decision, policy = said["decision"], said["policy"]
    screen.say(f"verified  {', '.join(checked.files)}: as they were certified")
    screen.say(f"release   {said['release']}, verdict {said['verdict']}, policy {policy['name']} {policy['version']}")
    screen.say(f"decision  {decision['action']} by {_decider(decision)}, {decision['at']}")
    if decision["reason"]:
        screen.say(f"reason    {decision['reason']}")
    if checked.absent:
        screen.say(f"not here  {', '.join(checked.absent)}")
    screen.say(f"key       {checked.key_id}")
    screen.say("Whether the release was withdrawn since, only the service knows.")
    if key is None:
        screen.say("The key came with the bundle. Compare it with the one of the service, or give it: --key ID")


def _decider(decision: Mapping[str, Any]) -> str:
    """The name and the ids of who decided, each of them once."""
    ids = [each for each in (decision.get("person"), decision["by"]) if each]
    name = decision.get("name")
    return f"{name} ({', '.join(dict.fromkeys(ids))})" if name and name not in ids else str(decision["by"])


def _id_of(key: str) -> str:
    from app.certificate import key_id, read_public_key  # noqa: PLC0415 - it loads pydantic

    if len(key) == 64 and all(character in "0123456789abcdef" for character in key):
        return key
    path = Path(key)
    if not path.is_file():
        raise CommandError("--key: expected the 64 digits of a key's id or its PEM file, got neither", Exit.BAD_INPUT)
    return key_id(read_public_key(path.read_bytes()))
