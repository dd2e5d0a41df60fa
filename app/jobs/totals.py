"""How often each stage has ended in order, and how long that took altogether: what `GET /metrics` tells."""

from __future__ import annotations

from sqlalchemy import Engine, text

from app.db import transaction


def note(engine: Engine, stage: str, seconds: float) -> None:
    """Add an attempt at the stage that has just ended in order."""
    with transaction(engine) as session:
        session.execute(
            text(
                "INSERT INTO stage_totals (stage, ended, seconds) VALUES (:stage, 1, :seconds) ON CONFLICT (stage) "
                "DO UPDATE SET ended = stage_totals.ended + 1, seconds = stage_totals.seconds + :seconds"
            ),
            {"stage": stage, "seconds": seconds},
        )
