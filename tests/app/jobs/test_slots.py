"""Slots: one living worker each, free again when it is dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from app.config import Settings
from app.jobs.slots import NoFreeSlotError, take_slot, try_slot
from tests.support.jobs import ROOT, wait_for

HOLDER = """
import sys, time
from app.config import Settings
from app.jobs.slots import take_slot
slot = take_slot(Settings())
print(slot.number, flush=True)
time.sleep(600)
"""


def test_workers_never_share_a_slot_and_the_first_free_one_is_taken(settings: Settings) -> None:
    few = settings.model_copy(update={"slots": 3})
    held = [take_slot(few) for _ in range(3)]
    assert [slot.number for slot in held] == [0, 1, 2]
    assert all(slot.held() for slot in held)
    with pytest.raises(NoFreeSlotError, match="at most 3 workers"):
        take_slot(few)
    held[1].release()
    again = take_slot(few)
    assert again.number == 1
    for slot in (held[0], again, held[2]):
        slot.release()


def test_the_slot_of_a_killed_worker_is_free(settings: Settings) -> None:
    environment = {**os.environ, **settings.environment()}
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"0\n"
        assert try_slot(settings, 0) is None
        holder.send_signal(signal.SIGSTOP)  # asleep is not dead
        assert try_slot(settings, 0) is None
    finally:
        holder.kill()
        holder.communicate()
    wait_for("the slot is free", lambda: try_slot(settings, 0), seconds=10).release()
