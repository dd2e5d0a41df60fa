"""A request of ours goes to public addresses alone, whatever a name or a number hides."""

from __future__ import annotations

import pytest

from app.addresses import AddressError, address_of, is_public

SPECIAL = """127.0.0.1 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 0.0.0.0 100.64.0.1 224.0.0.1 255.255.255.255
198.18.0.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 ff02::1 fec0::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1
2002:7f00:1:: 2001:0:7f00:1:: localhost 127.1"""


@pytest.mark.parametrize("address", SPECIAL.split())
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(AddressError):
        address_of("hooks.example", 443, private=False, resolve=lambda *_, **__: [(0, 0, 0, "", (address, 443))])


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111"])
def test_what_is_public_is_given_back_to_connect_to(address: str) -> None:
    found = address_of("hooks.example", 443, private=False, resolve=lambda *_, **__: [(0, 0, 0, "", (address, 443))])
    assert found == address


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    both = [(0, 0, 0, "", (address, 443)) for address in ("8.8.8.8", "10.0.0.1")]
    with pytest.raises(AddressError):
        address_of("hooks.example", 443, private=False, resolve=lambda *_, **__: both)


def test_other_spellings_of_loopback_are_refused_after_they_were_resolved() -> None:
    for host in ("127.1", "0x7f000001", "2130706433", "localhost"):
        with pytest.raises(AddressError):
            address_of(host, 443, private=False)


def test_a_name_without_an_address_is_refused() -> None:
    def resolve(*_: object, **__: object) -> list:
        raise OSError

    for host, found in (("nowhere.example", resolve), ("a" * 70, None)):
        with pytest.raises(AddressError):
            address_of(host, 443, private=True, **({"resolve": found} if found else {}))
