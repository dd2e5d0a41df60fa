"""A reader is a process of one request: it inherits nothing, is limited, and ends with whoever waits for it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from app.intake.answering import FILES
from app.intake.errors import IntakeCancelledError, IntakeFailedError, IntakeTimeoutError, TooMuchMemoryError
from app.intake.fork_server import NICENESS
from app.intake.model import IntakeLimits
from app.intake.readers import Readers
from tests.support.jobs import is_alive, wait_for

PROBE = "tests.support.reader_probe"
MARKER = "lookalike_marker_of_the_service"
LONG = 300


@pytest.fixture
def own_readers() -> Iterator[Readers]:
    """Readers whose server no other test has."""
    with Readers() as running:
        yield running


def ask(
    readers: Readers,
    folder: Path,
    *,
    seconds: float = 60,
    cancel: threading.Event | None = None,
    **said: Any,
) -> dict[str, Any]:
    request = {"limits": asdict(IntakeLimits(max_child_bytes=2**30, max_cpu_seconds=50)), **said}
    done: dict[str, Any] = readers.ask(PROBE, request, folder, seconds, cancel)["done"]
    return done


def begun(folder: Path) -> int:
    """The process id of a reader that sleeps, once it does."""

    def said() -> str:
        return (folder / "begun").read_text() if (folder / "begun").exists() else ""

    wait_for("the reader works", said)
    return int(said())


def test_nothing_of_one_request_is_there_at_the_next(readers: Readers, tmp_path: Path) -> None:
    first = ask(readers, tmp_path, mark="of one tenant")
    second = ask(readers, tmp_path, mark="of another one")
    assert (first["mark"], second["mark"]) == (None, None)
    assert first["pid"] != second["pid"]
    assert first["parent"] == second["parent"] != os.getpid()


def test_a_reader_has_no_file_of_the_service_or_of_another_reader(own_readers: Readers, tmp_path: Path) -> None:
    with (tmp_path / "open").open("wb") as file, socket.socket() as listening:
        os.set_inheritable(file.fileno(), True)
        listening.listen()
        other = threading.Thread(target=ask, args=(own_readers, tmp_path), kwargs={"seconds_of_sleep": 1})
        other.start()
        begun(tmp_path)
        found = ask(own_readers, tmp_path)["files"]
        other.join()
    sockets = [each for each in found if each.startswith("socket:")]
    assert len(sockets) == 1, "the one over which it answers"
    assert sorted({*found} - {*sockets}) == ["/dev/null"]


def test_a_reader_has_no_secret_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_METRICS_TOKEN", MARKER)
    with Readers() as readers:
        found = ask(readers, tmp_path)
    assert MARKER not in str(found["environment"]) + found["parent_says"]
    assert not [name for name in found["environment"] if name.startswith("LOOKALIKE_")]


def test_a_reader_works_in_its_folder_under_its_limits_behind_the_service(readers: Readers, tmp_path: Path) -> None:
    found = ask(readers, tmp_path)
    assert {found["folder"], found["temporary"], found["environment"]["HOME"]} == {str(tmp_path)}
    assert (found["memory"], found["core"]) == (2**30, 0)
    assert found["niceness"] == min(os.nice(0) + NICENESS, 19)


def test_the_server_has_one_thread_so_that_a_fork_copies_all(readers: Readers, tmp_path: Path) -> None:
    assert ask(readers, tmp_path)["threads_of_parent"] == 1


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("SIGKILL", TooMuchMemoryError),
        ("SIGABRT", TooMuchMemoryError),
        ("SIGXCPU", IntakeTimeoutError),
        ("SIGSEGV", IntakeFailedError),
    ],
)
def test_how_a_reader_has_ended_is_told(readers: Readers, tmp_path: Path, name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(readers, tmp_path, signal=name)
    assert ask(readers, tmp_path)["mark"] is None


def test_who_makes_a_reader_crash_meets_another_server(own_readers: Readers, tmp_path: Path) -> None:
    before = ask(own_readers, tmp_path)["parent"]
    assert ask(own_readers, tmp_path)["parent"] == before
    with pytest.raises(IntakeFailedError):
        ask(own_readers, tmp_path, signal="SIGSEGV")
    assert ask(own_readers, tmp_path)["parent"] != before
    wait_for("the server of before has ended", lambda: not is_alive(before))


def test_a_server_that_was_killed_is_started_anew(own_readers: Readers, tmp_path: Path) -> None:
    before = ask(own_readers, tmp_path)["parent"]
    os.kill(before, signal.SIGKILL)
    after = ask(own_readers, tmp_path)
    assert after["parent"] != before
    assert after["memory"] == 2**30


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSTOP"])
def test_a_reader_cannot_touch_its_server(own_readers: Readers, tmp_path: Path, name: str) -> None:
    """Not even one that a stranger's bytes have taken over: the kernel refuses it."""
    server = ask(own_readers, tmp_path)["parent"]
    assert ask(own_readers, tmp_path, to_parent=name)["refused"] == [True] * 3
    found = ask(own_readers, tmp_path)
    assert found["parent"] == server
    assert found["most_files"] == FILES
    assert "NoNewPrivs:\t1" in found["status"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_where_the_server_is_killed_or_stopped_the_next_request_and_those_begun_are_answered_by_another(
    own_readers: Readers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """As where the kernel cannot keep a reader from doing it."""
    found: list[dict[str, Any]] = []
    waiting = threading.Thread(
        target=lambda: found.append(ask(own_readers, tmp_path, seconds=LONG, seconds_of_sleep=LONG))
    )
    waiting.start()
    reader = begun(tmp_path)
    server = ask(own_readers, tmp_path)["parent"]
    monkeypatch.setattr("app.intake.readers.END_SECONDS", 1.0)
    os.kill(server, number)
    assert ask(own_readers, tmp_path)["parent"] != server
    waiting.join(LONG)
    assert [each["parent"] != server for each in found] == [True]
    wait_for("they have ended", lambda: not is_alive(reader) and not is_alive(server))


def test_a_server_that_cannot_be_started_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an installation that lacks a package."""
    monkeypatch.setattr("app.intake.readers.SERVER", "app.there_is_no_such_module")
    with Readers() as readers, pytest.raises(IntakeFailedError, match="cannot be started"):
        ask(readers, tmp_path)


def test_what_must_not_be_done_twice_fails_with_its_server(own_readers: Readers, tmp_path: Path) -> None:
    failed: list[Exception] = []
    request = {"limits": asdict(IntakeLimits()), "seconds_of_sleep": LONG}

    def asked() -> None:
        try:
            own_readers.ask(PROBE, request, tmp_path, LONG, None, repeatable=False)
        except IntakeFailedError as error:
            failed.append(error)

    waiting = threading.Thread(target=asked)
    waiting.start()
    reader = begun(tmp_path)
    os.kill(ask(own_readers, tmp_path)["parent"], signal.SIGKILL)
    waiting.join(LONG)
    assert [str(each) for each in failed] == ["the process that reads the table ended without a result (status None)"]
    wait_for("the reader has ended", lambda: not is_alive(reader))


def test_a_reader_ends_when_it_is_cancelled(own_readers: Readers, tmp_path: Path) -> None:
    cancel, over = threading.Event(), threading.Event()

    def asked() -> None:
        with pytest.raises(IntakeCancelledError):
            ask(own_readers, tmp_path, seconds=LONG, cancel=cancel, seconds_of_sleep=LONG)
        over.set()

    threading.Thread(target=asked).start()
    reader = begun(tmp_path)
    cancel.set()
    assert over.wait(60)
    assert not is_alive(reader), "whoever asked goes on once it has ended"


def test_readers_and_their_server_end_with_whoever_asked(tmp_path: Path) -> None:
    """However it ends: this one is killed."""
    code = (
        "import sys; from pathlib import Path; from dataclasses import asdict\n"
        "from app.intake.readers import Readers; from app.intake.model import IntakeLimits\n"
        f"request = {{'limits': asdict(IntakeLimits()), 'seconds_of_sleep': {LONG}}}\n"
        f"Readers().ask({PROBE!r}, request, Path(sys.argv[1]), {LONG}, None)"
    )
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": root}
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=environment) as asking:
        try:
            reader = begun(tmp_path)
            server = int(Path(f"/proc/{reader}/stat").read_text().rpartition(")")[2].split()[1])
        finally:
            asking.kill()
    wait_for("all have ended", lambda: not is_alive(reader) and not is_alive(server))


def test_closing_ends_the_server_and_nothing_starts_another(own_readers: Readers, tmp_path: Path) -> None:
    server = ask(own_readers, tmp_path)["parent"]
    own_readers.close()
    assert not is_alive(server)
    with pytest.raises(IntakeCancelledError):
        ask(own_readers, tmp_path)


def test_what_is_being_read_when_readers_are_closed_is_cancelled(own_readers: Readers, tmp_path: Path) -> None:
    over = threading.Event()

    def asked() -> None:
        with pytest.raises(IntakeCancelledError):
            ask(own_readers, tmp_path, seconds=LONG, seconds_of_sleep=LONG)
        over.set()

    threading.Thread(target=asked).start()
    begun(tmp_path)
    own_readers.close()
    assert over.wait(60)
