"""Fresh installations on SQLite, as migrations and the job engine make them, at the price of copying two files."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.config import Settings
from app.home import private_file, private_folder


def installed(settings: Settings, installation: Path) -> Settings:
    """These settings, whose folder has copies of this installation's databases from now on."""
    assert settings.is_sqlite
    private_folder(settings.home)
    for database in installation.glob("*.db"):
        shutil.copyfile(database, private_file(settings.home / database.name))
    return settings
