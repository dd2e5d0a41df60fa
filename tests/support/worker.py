"""`app.worker`, whose children only play: python -m tests.support.worker"""

from __future__ import annotations

import sys

from app.worker import main

if __name__ == "__main__":
    sys.exit(main((sys.executable, "-m", "tests.support.child")))
