"""The web process that the tests attack is that of the tests of the API."""

from __future__ import annotations

from tests.app.conftest import web, web_on_both

__all__ = ["web", "web_on_both"]
