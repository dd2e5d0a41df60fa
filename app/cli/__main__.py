"""python -m app.cli: the command `lookalike`, wherever the environment's scripts lie."""

from __future__ import annotations

from app.cli.main import app

app(prog_name="lookalike")
