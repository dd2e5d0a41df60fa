"""Whose upload is read next: nobody who sends many keeps others waiting."""

from __future__ import annotations

import anyio
import pytest

from app.errors import TooBusyError
from app.turns import Turns


class Reads:
    """Uploads that are read until a test lets them end."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.running: list[str] = []
        self.ends: dict[str, anyio.Event] = {}

    async def read(self, name: str) -> None:
        self.ends[name] = anyio.Event()
        async with self.turns.turn(name[0]):
            self.running.append(name)
            await self.ends[name].wait()
            self.running.remove(name)

    async def settle(self) -> None:
        await anyio.wait_all_tasks_blocked()


def test_one_tenant_never_has_all_places_and_the_next_one_comes_at_once() -> None:
    async def main() -> None:
        reads = Reads(Turns(3, room=20))
        async with anyio.create_task_group() as tasks:
            for name in ("a1", "a2", "a3", "a4"):
                tasks.start_soon(reads.read, name)
            await reads.settle()
            assert reads.running == ["a1", "a2"]
            tasks.start_soon(reads.read, "b1")
            await reads.settle()
            assert reads.running == ["a1", "a2", "b1"]
            tasks.start_soon(reads.read, "c1")
            await reads.settle()
            reads.ends["a1"].set()
            await reads.settle()
            assert reads.running == ["a2", "b1", "c1"], "who has no place comes before who has one and asked first"
            for name in ("b1", "c1", "a2"):
                reads.ends[name].set()
                await reads.settle()
            assert reads.running == ["a3", "a4"]
            for name in ("a3", "a4"):
                reads.ends[name].set()

    anyio.run(main)


def test_a_full_room_keeps_nobody_from_a_place_that_is_free() -> None:
    async def main() -> None:
        reads = Reads(Turns(2, room=1))
        async with anyio.create_task_group() as tasks:
            for name in ("a1", "a2"):
                tasks.start_soon(reads.read, name)
            await reads.settle()
            reads.turns.refuse_if_full("b")
            tasks.start_soon(reads.read, "b1")
            await reads.settle()
            assert reads.running == ["a1", "b1"]
            with pytest.raises(TooBusyError):
                reads.turns.refuse_if_full("b")
            tasks.cancel_scope.cancel()

    anyio.run(main)


def test_who_finds_no_room_is_told_when_to_come_again_and_others_still_find_some() -> None:
    async def main() -> None:
        reads = Reads(Turns(1, room=4))
        async with anyio.create_task_group() as tasks:
            for name in ("a1", "a2", "a3"):
                tasks.start_soon(reads.read, name)
            await reads.settle()
            with pytest.raises(TooBusyError) as refused:
                await reads.read("a4")
            assert int(refused.value.headers["Retry-After"]) > 0
            reads.turns.refuse_if_full("b")
            tasks.cancel_scope.cancel()

    anyio.run(main)


def test_who_goes_while_waiting_or_reading_leaves_the_place_to_others() -> None:
    async def main() -> None:
        reads = Reads(Turns(1, room=4))
        async with anyio.create_task_group() as tasks:
            for name in ("a1", "b1", "c1"):
                scope = anyio.CancelScope()
                tasks.start_soon(_within, scope, reads.read, name)
                await reads.settle()
                if name == "b1":
                    scope.cancel()
                if name == "a1":
                    first = scope
            first.cancel()
            await reads.settle()
            assert reads.running[-1] == "c1"
            reads.ends["c1"].set()

    anyio.run(main)


async def _within(scope: anyio.CancelScope, work, name: str) -> None:
    with scope:
        await work(name)
