"""What replaces the values of a column that is not learnt: fresh values of a kind, none of which is in the data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Replaced(StrEnum):
    """What the values of an identifier column are."""

    CODE = "code"
    """Numbers or codes of some shape, such as AB-123-C."""
    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    USERNAME = "username"
    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"
    IBAN = "iban"
    CARD = "card"
    NATIONAL_ID = "national_id"
    IP = "ip"
    URL = "url"
    PLATE = "plate"
    COORDINATES = "coordinates"
    MAC = "mac"
    """Addresses of network cards."""
    DEVICE = "device"
    """Numbers of telephones (IMEI) and of vehicles (VIN)."""
    TEXT = "text"
    """Free text, for which a marked placeholder stands."""


PERSONAL = frozenset(Replaced) - {Replaced.CODE, Replaced.TEXT}
"""Data that says by itself who somebody is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SurrogateForm:
    """What an identifier column holds, and hence what its fresh values look like."""

    of: Replaced
    refers_to: str | None = None
    """The column whose values this one repeats, as a manager's id repeats an employee's."""
