"""Keys of operators from the command line, and what such a key shows of a running service."""

from __future__ import annotations

import json

from tests.app.cli.test_people_command import lookalike
from tests.support.web import Web


def test_a_key_is_made_listed_shows_the_installation_and_is_revoked(web: Web) -> None:
    home, there = ("--home", web.settings.home), ("--url", web.url)
    made = lookalike("operators", "add", "Grace Hopper", *home)
    assert (made.exit_code, "shown this once" in made.stderr) == (0, True)
    (key,) = made.stdout.split()
    (line,) = lookalike("operators", "list", *home).stdout.splitlines()
    assert all(word in line for word in ("operator_", "Grace Hopper", "valid"))
    assert key.split("_", 2)[2] not in line
    shown = lookalike("operators", "show", *there, "--key", key)
    assert json.loads(shown.stdout)["tenants"] == 2
    refused = lookalike("operators", "show", *there, "--key", web.admin.token)
    assert (refused.exit_code == 0, "an operator's key" in refused.stderr) == (False, True)
    assert lookalike("operators", "revoke", line.split()[0], *home).stdout == "revoked\n"
    assert "revoked" in lookalike("operators", "list", *home).stdout
    assert lookalike("operators", "show", *there, "--key", key).exit_code != 0
    assert lookalike("operators", "revoke", line.split()[0], *home).exit_code == 1
    assert lookalike("operators", "add", "Grace\u202e", *home).exit_code == 1
