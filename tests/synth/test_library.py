"""`import synth` is all that a notebook needs, and it loads nothing that is not used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import synth


def test_every_public_name_is_there():
    assert all(getattr(synth, name).__name__ == name for name in synth.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'learn'"):
        _ = synth.learn


def test_importing_the_library_does_not_load_torch():
    code = "import sys, synth; synth.TableSchema, synth.Range; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
