import os
import re
import select
import signal
import socket
from pathlib import Path

import httpx2

from tests.app.cli.commands import environment, lookalike, started
from tests.support.jobs import wait_for

KEY = r"(lk_[0-9a-f]+_[\w-]+)"
ADDRESS = r"runs at (http://\S+)"


def jobs_status(url: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.get(f"{url}/v1/jobs", headers=headers, trust_env=False, timeout=60).status_code


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_first_start_prints_a_key_once_and_sigterm_stops_everything(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with started(["up", "--port", "0", "--home", home], environment()) as service:
        key = service.wait_for(KEY)[1]
        url = service.wait_for(ADDRESS)[1]
        assert jobs_status(url, key) == 200
        assert jobs_status(url, key[:-1] + ("A" if key[-1] != "A" else "B")) == 401
        children = service.children()
        assert len(children) == 2
        assert service.stop(signal.SIGTERM) == 0
    assert not any(alive(pid) for pid in children)
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert key.split("_", 2)[2].encode() not in kept
    with started(["up", "--port", "0", "--home", home], environment()) as service:
        url = service.wait_for(ADDRESS)[1]
        assert jobs_status(url, key) == 200
        assert not any(re.search(KEY, line) for line in service.lines)
        assert service.stop(signal.SIGINT) == 0


def test_what_dies_is_started_again_and_nothing_is_refused_meanwhile(tmp_path: Path) -> None:
    with started(["up", "--port", "0", "--home", tmp_path / "home"], environment()) as service:
        key = service.wait_for(KEY)[1]
        url = service.wait_for(ADDRESS)[1]
        before = service.children()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        for name in ("api", "worker"):
            service.wait_for(f"the {name} ended with exit code -9: starting it in 1 s")
        assert jobs_status(url, key) == 200  # waits in the socket until the API is there again
        wait_for("both are there again", lambda: len(service.children()) == 2)
        after = service.children()
        assert not set(before) & set(after)
        assert service.stop(signal.SIGTERM) == 0
    assert not any(alive(pid) for pid in after)


def test_an_up_that_is_killed_while_it_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with started(["up", "--port", "0", "--home", home], environment()) as service:
        children = wait_for("the children are started", lambda: len(service.children()) == 2 and service.children())
        opened = [os.pidfd_open(pid) for pid in children]
        service.process.kill()
        for child in opened:
            ended, _, _ = select.select([child], [], [], 60)
            os.close(child)
            assert ended
    with started(["up", "--port", "0", "--home", home], environment()) as service:
        service.wait_for(ADDRESS)
        assert service.stop(signal.SIGTERM) == 0


def test_children_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    with started(["up", "--port", "0", "--home", tmp_path / "home"], environment()) as service:
        service.wait_for(ADDRESS)
        children = [os.pidfd_open(pid) for pid in service.children()]
        service.process.kill()
        for child in children:  # a pidfd becomes readable when its process ends
            ended, _, _ = select.select([child], [], [], 30)
            os.close(child)
            assert ended


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = lookalike("up", "--port", str(port), "--home", tmp_path / "home")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"lookalike: cannot listen on 127.0.0.1:{port}: address already in use\n"
    assert not (tmp_path / "home").exists()
