"""What a person sees: progress bars on standard error, results on standard output."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from app.cli.follow import Event
from app.report.units import one_line

LINE_SECONDS = 10.0
"""Where there is no terminal, a line of progress comes this often at most."""
FIGURES_SHOWN = 2
COUNTERS = frozenset({"step", "steps"})
"""Figures that the message says in words already."""

Told = Callable[[float, str], None]
"""Hears how much is done, 0 to 1, and what is being done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Screen:
    """Where progress and where results are written."""

    progress: Console
    result: Console

    @staticmethod
    def of_process() -> Screen:
        """The screen of this process."""
        return Screen(
            progress=Console(stderr=True, highlight=False),
            result=Console(highlight=False, soft_wrap=True),
        )

    def say(self, text: str) -> None:
        """One line of result, whatever stands in it; nothing in it is taken for markup."""
        self.result.print(one_line(text), markup=False)

    def note(self, text: str) -> None:
        """One line beside the result. No line is broken: commands in it can be copied."""
        self.progress.print(one_line(text), markup=False, soft_wrap=True)

    @contextmanager
    def upload(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """A bar that fills as bytes go out; gives the function that hears how many have gone."""
        if not self.progress.is_terminal:
            self.note(f"sending {name} ({size:,} bytes)")
            yield lambda _sent: None
            return
        with self._bar(DownloadColumn()) as bar:
            task = bar.add_task(f"sending {name}", total=size)

            def told(sent: int) -> None:
                bar.advance(task, sent)
                if bar.tasks[0].completed >= size:
                    bar.update(task, description="reading and checking the table")

            yield told

    @contextmanager
    def work(self, says: str) -> Iterator[Told]:
        """A bar from 0 to 1; gives the function that hears how much is done and what."""
        if not self.progress.is_terminal:
            self.note(says)
            yield self._lines()
            return
        with self._bar(TaskProgressColumn()) as bar:
            task = bar.add_task(says, total=1.0)
            yield lambda fraction, what: bar.update(task, completed=fraction, description=one_line(what or says))

    def _bar(self, column: DownloadColumn | TaskProgressColumn) -> Progress:
        # the bar comes first and has a fixed width, so that it stands still while the words change
        columns = (BarColumn(bar_width=30), column, TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
        return Progress(*columns, console=self.progress)

    def _lines(self) -> Told:
        said, at = "", 0.0

        def told(fraction: float, what: str) -> None:
            nonlocal said, at
            words = re.split("[:,]", what)[0]  # what follows changes all the time
            if words != said or time.monotonic() - at >= LINE_SECONDS:
                said, at = words, time.monotonic()
                self.note(f"{fraction:5.0%}  {what}")

        return told


def show_event(event: Event, told: Told, before: float) -> float:
    """Tell the screen about an event of a job; gives how much of the job is now done, which never becomes less."""
    fraction = max(before, event.fraction or 0.0)
    if event.kind == "stage":
        told(fraction, event.message or event.stage or "")
    elif event.kind == "progress":
        told(fraction, event.message + figures_text(event.figures))
    elif event.state == "queued":
        told(fraction, "waiting for a worker")
    return fraction


def figures_text(figures: Mapping[str, float]) -> str:
    """The first of some figures, as a person reads them beside a progress bar; empty where there are none."""
    measured = [(name, value) for name, value in figures.items() if name not in COUNTERS]
    shown = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in measured[:FIGURES_SHOWN]]
    return ", " + ", ".join(shown) if shown else ""
