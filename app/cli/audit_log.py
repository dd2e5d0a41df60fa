"""The commands on the audit logs of an installation, run where its database and its files are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.exits import CommandError
from app.cli.options import Home
from app.cli.screen import Screen

audit_log = typer.Typer(help="Check and sign the audit logs of an installation.", no_args_is_help=True)


@audit_log.command("verify")
def verify(
    copies: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Folder of checkpoints that were kept elsewhere, checked besides."
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Exit with 0 where no event of any log was deleted, changed, moved or added, as far as checkpoints vouch."""
    from app import checkpoints  # noqa: PLC0415 - loads SQL
    from app.blobs import open_blobs  # noqa: PLC0415
    from app.cli.serve import installation, read_settings  # noqa: PLC0415
    from app.services import audit_log as service  # noqa: PLC0415

    settings, screen = read_settings(home), Screen.of_process()
    with installation(settings) as engine:
        found = checkpoints.read(open_blobs(settings), settings.home, copies)
        checked = service.verify(engine, found)
    for fault in checked.faults:
        where = f"{fault.tenant_id}, event {fault.number}: " if fault.tenant_id else ""
        screen.say(f"{where}{fault.what}")
    screen.note(
        f"{checked.logs} logs, {checked.events} events, {checked.checkpoints} checkpoints; "
        f"{checked.unvouched} events came after the newest checkpoint of their log"
    )
    if checked.faults:
        raise CommandError(f"{len(checked.faults)} faults in the audit logs")


@audit_log.command("checkpoint")
def checkpoint(
    copies: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            writable=True,
            help="Folder that gets a copy of the newest checkpoint of each log.",
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Sign the ends of all logs that have grown; keep copies where nobody who rules database and files changes them."""
    from app import checkpoints  # noqa: PLC0415
    from app.blobs import open_blobs  # noqa: PLC0415
    from app.cli.serve import installation, read_settings  # noqa: PLC0415

    settings = read_settings(home)
    with installation(settings) as engine:
        blobs = open_blobs(settings)
        grown = checkpoints.write(engine, blobs, settings.home)
    if copies is not None:
        for name, file in checkpoints.newest(blobs).items():
            (copies / name).write_bytes(file)
    Screen.of_process().say(f"{grown} logs signed")
