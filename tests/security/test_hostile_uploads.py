"""An upload that takes long to read is bounded, ends with its sender, and keeps no other tenant waiting."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.intake.errors import IntakeTimeoutError
from app.intake.model import IntakeLimits
from app.intake.readers import Readers
from app.intake.run import ingest_in_child
from tests.support.jobs import wait_for
from tests.support.web import Web

ROWS = "".join(f"{i},x{i % 3},{i * 1.5}\n" for i in range(60))
SMALL = f"a,b,c\n{ROWS}".encode()
LARGE = b"a,b,c\n" + b"".join(b"%d,text %d,%d.5\n" % (i, i % 97, i) for i in range(90_000))


def hostile() -> dict[str, str]:
    """Tables that patterns with repetitions in repetitions would not get through."""
    blank, most = " " * 30_000, range(12)
    return {
        "blanks": "a,b,c\n" + ROWS + "".join(f"1,{blank}x,2\n" for _ in most),
        "blank numbers": "a,b,c\n" + ROWS + "".join(f"1,2,{blank}x\n" for _ in most),
        "tabs": "a,b,c\n" + ROWS + "".join("1," + "\t" * 30_000 + "x,2\n" for _ in most),
        "digits": "a,b,c\n" + ROWS + "".join("1," + "1 " * 15_000 + ",2\n" for _ in most),
        "dates": "a,b,c\n" + "".join(f"{i},{'2020-01-01 ' * 300},{'0' * 3000}\n" for i in range(60)),
        "addresses": "a,b,c\n" + "".join(f"{i},{'-' * 3000},{'a@' * 1500}\n" for i in range(60)),
    }


@pytest.mark.parametrize("name", hostile())
def test_no_text_takes_more_processor_time_than_its_size_explains(readers: Readers, tmp_path: Path, name: str) -> None:
    """The kernel ends the child after the seconds of the limit; these files are read in a fraction of one."""
    (tmp_path / "file.csv").write_text(hostile()[name])
    limits = IntakeLimits(max_cpu_seconds=20)
    assert (
        ingest_in_child(readers, tmp_path / "file.csv", tmp_path / "out.parquet", filename="f.csv", limits=limits).rows
        >= 60
    )


def test_reading_ends_when_its_processor_time_is_over(readers: Readers, tmp_path: Path) -> None:
    """Objects of JSON are read one by one: so many take ten seconds, of which one may be had."""
    objects = b",".join(b'{"a": %d, "b": "text %d"}' % (i, i % 97) for i in range(2_000_000))
    (tmp_path / "file.json").write_bytes(b"[" + objects + b"]")
    with pytest.raises(IntakeTimeoutError, match="processor time"):
        ingest_in_child(
            readers,
            tmp_path / "file.json",
            tmp_path / "out.parquet",
            filename="f.json",
            limits=IntakeLimits(max_cpu_seconds=1),
        )


def send_and_leave(web: Web, body: bytes) -> socket.socket:
    """A connection over which a whole upload was sent, and nobody waits for the answer."""
    target = urlsplit(web.url)
    connection = socket.create_connection((target.hostname, target.port))
    head = (
        f"POST /v1/datasets?name=left HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {web.stranger.token}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def test_an_upload_whose_sender_has_gone_is_read_no_further(web: Web) -> None:
    sent = [send_and_leave(web, LARGE) for _ in range(6)]
    wait_for("they are read", lambda: list(web.settings.scratch.glob("upload-*/.intake-*")))
    for connection in sent:
        connection.close()
    with web.client() as client:
        assert client.post("/v1/datasets", content=SMALL).status_code == 201
    wait_for("nothing is left of them", web.scratch_is_empty)
    with web.client(web.stranger) as client:
        assert [each["name"] for each in client.get("/v1/datasets").json()["items"]] == []
        assert client.post("/v1/datasets", content=SMALL).status_code == 201
