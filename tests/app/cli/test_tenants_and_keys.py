"""Tenants and keys from the command line, where the database is."""

from __future__ import annotations

import re
from pathlib import Path

from app.services.quotas import Limit
from tests.app.cli.commands import lookalike


def test_keys_are_listed_rotated_and_revoked_and_a_tenant_is_deleted(tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    made = lookalike("key", "--tenant", "clinic", "--person", "Ada", *home)
    assert made.returncode == 0, made.stderr
    (line,) = lookalike("keys", "list", *home).stdout.splitlines()
    key_id = re.match(r"key_[0-9a-f]+", line)[0]
    assert all(word in line for word in ("clinic", "Ada", "read,write", "never used", "valid"))
    rotated = lookalike("keys", "rotate", key_id, *home)
    assert rotated.stdout.startswith("lk_")
    assert rotated.stdout != made.stdout
    lines = lookalike("keys", "list", *home).stdout.splitlines()
    assert len(lines) == 2
    assert [("expired" in each, "Ada" in each) for each in lines if each.startswith(key_id)] == [(True, True)]
    other = next(each.split()[0] for each in lines if not each.startswith(key_id))
    assert lookalike("keys", "revoke", other, *home).stdout == "revoked\n"
    assert lookalike("keys", "revoke", other, *home).returncode == 1
    for over in (other, "key_none"):
        refused = lookalike("keys", "rotate", over, *home)
        assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)

    tenant = lookalike("tenants", "list", *home).stdout.split()[0]
    assert lookalike("tenants", "delete", tenant, *home).returncode == 2
    assert lookalike("tenants", "delete", tenant, "--yes", *home).returncode == 0
    assert lookalike("tenants", "list", *home).stdout == ""
    assert lookalike("tenants", "delete", tenant, "--yes", *home).returncode == 1


def test_a_tenant_gets_limits_of_its_own(tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    lookalike("key", "--tenant", "clinic", *home)
    tenant = lookalike("tenants", "list", *home).stdout.split()[0]
    shown = lookalike("tenants", "limit", tenant, "tenant_datasets", "5", *home)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert "tenant_datasets  5  of this tenant" in lines
    assert "tenant_rows  1000000000  default" in lines
    for wrong in (("tenant_datasets",), ("tenant_datasets", "many"), ("slots", "5")):
        refused = lookalike("tenants", "limit", tenant, *wrong, *home)
        assert (refused.returncode, "Traceback" in refused.stderr) == (2, False)
    assert lookalike("tenants", "limit", tenant, "tenant_datasets", "default", *home).stdout.count("default") == len(
        Limit
    )
