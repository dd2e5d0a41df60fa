"""`app.child`, with stages that only play: python -m tests.support.child PARENT < task.json"""

from __future__ import annotations

import sys
from dataclasses import replace

from app import child
from app.pipeline import Stage, stage_named


def played(name: str) -> Stage:
    """The stage of this name, done by `tests.support.stages`."""
    return replace(stage_named(name), module="tests.support.stages")


if __name__ == "__main__":
    child.stage_named = played
    sys.exit(child.main())
