"""The master key of an installation, and its backups; run where its home is."""

# ruff: noqa: PLC0415 - what takes long to load is imported by the command that needs it

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.exits import CommandError
from app.cli.options import Home
from app.cli.screen import Screen

KeysFile = Annotated[
    Path,
    typer.Option(
        "--keys",
        dir_okay=False,
        help="File of the wrapped data keys: each backup replaces it. Keep it apart from the backups, and only the "
        "newest: what is erased then is erased in all of them.",
    ),
]


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the backup, empty or not there yet.")],
    keys: KeysFile,
    home: Home = None,
) -> None:
    """Copy databases and files into DIR while the service runs. The master key is not in it: keep that elsewhere."""
    from app import backup as backups
    from app.cli.serve import read_settings, require_home
    from app.errors import ServiceError

    settings = read_settings(home)
    require_home(settings)
    try:
        made = backups.backup(settings, folder, keys)
    except (ServiceError, OSError) as error:
        raise CommandError(_said(error)) from error
    Screen.of_process().say(f"{len(made.files)} files in {folder}, data keys in {keys}")


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="Folder of a backup.")],
    keys: KeysFile,
    home: Home = None,
) -> None:
    """Bring a backup back into an installation that holds nothing but its master key."""
    from app import backup as backups
    from app.blobs import open_blobs
    from app.cli.serve import installation, read_settings, require_home
    from app.errors import ServiceError
    from app.services.tenants import note_erased

    settings = read_settings(home)
    require_home(settings)
    try:
        made = backups.restore(settings, folder, keys)
        with installation(settings) as engine:
            erased = note_erased(engine, open_blobs(settings))
    except (ServiceError, OSError) as error:
        raise CommandError(_said(error)) from error
    Screen.of_process().say(f"restored the backup of {made.made_at}, of version {made.version}")
    if erased:
        Screen.of_process().say(f"{erased} data sets have no records any more: they were erased since")


def renew_master_key(home: Home = None) -> None:
    """Make a new master key, wrap with it all that the old one has wrapped, and destroy the old one."""
    from app.blobs import open_blobs
    from app.cli.serve import installation, read_settings
    from app.errors import ServiceError
    from app.wrapped import wrap_all

    settings = read_settings(home)
    try:
        with installation(settings) as engine:
            keys = open_blobs(settings).keys
            wrapped = keys.renew_master()
            while more := keys.rewrap_all() + wrap_all(engine, keys.master):
                wrapped += more
            keys.drop_old_masters()
    except ServiceError as error:
        raise CommandError(error.detail) from error
    Screen.of_process().say(f"{wrapped} keys and secrets are wrapped by a new master key in {keys.master.path}")
    Screen.of_process().note("keep a copy of it elsewhere, and make a new backup: those from before need the old one")


def _said(error: Exception) -> str:
    detail = getattr(error, "detail", None)
    return str(detail) if detail else f"{getattr(error, 'filename', '')}: {getattr(error, 'strerror', '')}".lower()
