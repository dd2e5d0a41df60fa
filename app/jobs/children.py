"""The child process of one stage, seen from the worker: started, listened to, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress

from app.config import Settings
from app.scratch import discard_attempt
from app.task import Task, Word, hear

COMMAND = (sys.executable, "-m", "app.child")
LONGEST_LINE = 1024 * 1024
THREADS = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that spin while they wait for one another make a training ten times slower where another process runs."""


async def run_child(
    command: tuple[str, ...], settings: Settings, task: Task, listen: Callable[[Word], Awaitable[None]]
) -> int:
    """The exit status of the stage's process: negative where a signal ended it.

    Every word it says is passed to `listen`, in order. Where this call is cancelled, or `listen` raises, the process
    and all that it started are killed before the exception goes on.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        str(os.getpid()),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,  # libraries print records in their warnings
        env={**THREADS, **os.environ, **settings.environment()},
        start_new_session=True,
        limit=LONGEST_LINE,
    )
    try:
        await _hand_over(process, task)
        await _listen(process, listen)
        return await process.wait()
    finally:
        await _end(process)
        discard_attempt(settings, task)


async def _hand_over(process: Process, task: Task) -> None:
    """Write the task to the child. One that has died before it could read it is found out by its exit status."""
    if process.stdin is None:
        raise RuntimeError("expected a child with an open standard input")
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(f"{task.to_json()}\n".encode())
        await process.stdin.drain()
        process.stdin.close()


async def _listen(process: Process, listen: Callable[[Word], Awaitable[None]]) -> None:
    if process.stdout is None:
        raise RuntimeError("expected a child with an open standard output")
    while line := await process.stdout.readline():
        word = hear(line.decode(errors="replace"))
        if word is not None:
            await listen(word)


async def _end(process: Process) -> None:
    """Kill the child's process group, unless the child has ended: its number may be another's by now."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    waiting = asyncio.ensure_future(process.wait())
    while not waiting.done():
        with suppress(asyncio.CancelledError):  # a worker that stops cancels more than once; this takes no time
            await asyncio.shield(waiting)
