"""What can go wrong in the audit. Messages name what was expected and what came, never a cell of the data."""

from __future__ import annotations


class PrivacyError(Exception):
    """The root of every error that `privacy` raises on purpose."""


class AuditInputError(PrivacyError):
    """The tables handed to the audit do not fit one another."""


class PolicyError(PrivacyError):
    """The policy is unknown or is not well formed."""
