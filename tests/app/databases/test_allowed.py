"""Connections go where the installation says and nowhere else, whatever a name stands for."""

from __future__ import annotations

import pytest

from app.databases.allowed import entries, expect_origin, pinned
from app.databases.errors import HostNotAllowedError
from app.databases.model import DatabaseKind, Server


def server(host: str, port: int = 5432) -> Server:
    return Server(kind=DatabaseKind.POSTGRESQL, host=host, port=port, database="clinic")


def resolving(*addresses: str):
    return lambda *_args, **_more: [(0, 0, 0, "", (address, 0)) for address in addresses]


@pytest.mark.parametrize(
    ("allowed", "host", "port", "addresses"),
    [
        ("", "db.example", 5432, ["93.184.215.14"]),
        ("other.example", "db.example", 5432, ["93.184.215.14"]),
        ("db.example", "db.example", 5433, ["93.184.215.14"]),
        ("db.example", "db.example.evil.example", 5432, ["93.184.215.14"]),
        ("db.example", "db.example", 5432, ["10.0.0.7"]),
        ("db.example", "db.example", 5432, ["127.0.0.1"]),
        ("db.example", "db.example", 5432, ["169.254.169.254"]),
        ("db.example", "db.example", 5432, ["93.184.215.14", "10.0.0.7"]),
        ("db.example", "db.example", 5432, []),
        ("db.example, 10.1.0.0/16", "db.example", 5432, ["10.2.0.1"]),
        ("10.1.0.0/16:5433", "10.1.0.1", 5432, ["10.1.0.1"]),
        ("db.example", "::ffff:127.0.0.1", 5432, ["::ffff:127.0.0.1"]),
        ("*", "db.example", 5432, ["93.184.215.14"]),
    ],
)
def test_what_is_not_listed_is_refused(allowed: str, host: str, port: int, addresses: list[str]) -> None:
    with pytest.raises(HostNotAllowedError):
        pinned(entries(allowed), server(host, port), resolving(*addresses))


@pytest.mark.parametrize(
    ("allowed", "host", "port", "address"),
    [
        ("db.example", "DB.example.", 5432, "93.184.215.14"),
        ("db.example:6000", "db.example", 6000, "93.184.215.14"),
        ("db.example, 10.1.0.0/16", "db.example", 5432, "10.1.2.3"),
        ("10.1.0.0/16", "10.1.2.3", 5432, "10.1.2.3"),
        ("[fd00::5]:6000", "fd00::5", 6000, "fd00::5"),
        ("fd00::/8", "fd00::5", 5432, "fd00::5"),
    ],
)
def test_what_is_listed_is_connected_to_at_the_address_that_was_looked_at(
    allowed: str, host: str, port: int, address: str
) -> None:
    assert pinned(entries(allowed), server(host, port), resolving(address)).address == address


def test_buckets_and_stores_are_listed_word_for_word() -> None:
    expect_origin(entries("s3://ours, https://store.example:9000"), "https://store.example:9000")
    for other in ("s3://theirs", "https://store.example", "http://store.example:9000"):
        with pytest.raises(HostNotAllowedError):
            expect_origin(entries("s3://ours, https://store.example:9000"), other)
