"""Where a request of ours may go: to public addresses alone, so that nobody sends us to the insides of a network."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

Resolve = Callable[..., list[tuple[Any, ...]]]
MAPPED, NAT64, NAT64_LOCAL = "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"
SIX_TO_FOUR, TEREDO = "2002::/16", "2001::/32"
WITH_OTHERS_INSIDE = tuple(map(ipaddress.ip_network, (MAPPED, NAT64, NAT64_LOCAL, SIX_TO_FOUR, TEREDO)))
"""Networks of IPv6 whose addresses stand for addresses of IPv4."""


class AddressError(Exception):
    """A host that has no address, or one that no request may go to."""


def address_of(
    host: str,
    port: int,
    *,
    private: bool,
    listed: Callable[[str], bool] = lambda _address: False,
    resolve: Resolve = socket.getaddrinfo,
) -> str:
    """An IP address of the host, to connect to as it is: asked again, the name may have another one.

    Raises AddressError where it has none, or where one of them is neither public nor `listed` and `private` is False.
    """
    try:
        found = [str(each[4][0]) for each in resolve(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise AddressError("expected a host with an address, got one without")
    if not private and not all(is_public(address) or listed(address) for address in found):
        raise AddressError("expected a host with public addresses alone, got a private or special one")
    return found[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    local = isinstance(parsed, ipaddress.IPv6Address) and parsed.is_site_local
    special = local or parsed.is_multicast or parsed.is_reserved
    return parsed.is_global and not special and not any(parsed in network for network in WITH_OTHERS_INSIDE)
