"""The web process stays small: it never loads what only a worker needs."""

from __future__ import annotations

import subprocess
import sys


def test_the_web_process_loads_no_heavy_library() -> None:
    code = """
import sys
import app.main
app.main.create_app(app.main.Settings())
print(*sorted({"torch", "sklearn", "sdmetrics", "scipy", "pandas", "matplotlib"} & set(sys.modules)))
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == ""
