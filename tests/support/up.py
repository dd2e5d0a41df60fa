"""`lookalike up`, the stages of whose jobs only play: python -m tests.support.up"""

from __future__ import annotations

import sys
from functools import partial

from app import worker
from app.cli import service
from app.cli.main import app

if __name__ == "__main__":
    service.MODULE = "tests.support.up"
    worker.main = partial(worker.main, (sys.executable, "-m", "tests.support.child"))
    app(sys.argv[1:] or ["up"], prog_name="lookalike")
