"""`app.worker`, whose children only play: python -m tests.support.worker"""

from __future__ import annotations

import sys

from app.config import Settings
from app.worker import run

if __name__ == "__main__":
    sys.exit(run(Settings(), (sys.executable, "-m", "tests.support.child")))
