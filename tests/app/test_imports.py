"""Processes stay small: none loads what only another one needs."""

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


def test_measuring_fidelity_loads_no_torch_and_leaves_it_to_whoever_asks_for_it() -> None:
    code = """
import sys
import app.stages.assess
print("sdmetrics" in sys.modules, "torch" in sys.modules)
import torch
print(int(torch.ones(2).sum()))
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=200)
    assert answer.stdout.split() == ["True", "False", "2"]
