"""Where connections may go: to what the installation lists, and to nothing where it lists nothing."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import replace

from app.addresses import AddressError, Resolve, address_of
from app.databases.errors import HostNotAllowedError
from app.databases.model import PORTS, Server

_ENTRY = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<host>[^\[\]:]+)|(?P<bare>[0-9a-fA-F:./]+))(?::(?P<port>\d{1,5}))?")


def entries(listed: str) -> tuple[str, ...]:
    """The entries of the setting `connections_allowed`."""
    return tuple(entry.strip() for entry in listed.split(",") if entry.strip())


def expect_listed(allowed: Iterable[str], server: Server) -> None:
    """Raises HostNotAllowedError where neither the host nor, where it is an address, its network is listed."""
    if not any(_fits(entry, server.host, server) for entry in allowed):
        raise HostNotAllowedError(
            f"expected a host and a port that the installation lists for connections, got others ({server.host}, port "
            f"{server.port}); whoever runs it sets LOOKALIKE_CONNECTIONS_ALLOWED"
        )


def pinned(allowed: Iterable[str], server: Server, resolve: Resolve = socket.getaddrinfo) -> Server:
    """The server with the IP address to connect to: one that was looked at, whatever the name stands for later.

    Raises HostNotAllowedError where the host is not listed, has no address, or has one that is not public and not
    listed itself.
    """
    allowed = tuple(allowed)
    expect_listed(allowed, server)
    try:
        address = address_of(
            server.host,
            server.port,
            private=False,
            listed=lambda found: any(_fits(entry, found, server) for entry in allowed),
            resolve=resolve,
        )
    except AddressError:
        raise HostNotAllowedError(
            f"expected {server.host} to have addresses that are public or that the installation lists, got others"
        ) from None
    return replace(server, address=address)


def expect_origin(allowed: Iterable[str], origin: str) -> None:
    """Raises HostNotAllowedError where a bucket, or the origin of a store of files, is not listed word for word."""
    if origin not in allowed:
        raise HostNotAllowedError(
            f"expected a bucket and a store that the installation lists for connections, got {origin}; whoever runs it "
            "sets LOOKALIKE_CONNECTIONS_ALLOWED"
        )


def _fits(entry: str, host: str, server: Server) -> bool:
    """Whether an entry names the host, or a network that holds it, with the server's port."""
    found = _ENTRY.fullmatch(entry)
    if found is None or int(found["port"] or PORTS[server.kind]) != server.port:
        return False
    named = str(found["six"] or found["host"] or found["bare"])
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(named)
    except ValueError:  # one of the two is a name
        return named.lower().rstrip(".") == host.lower().rstrip(".")
