"""Secrets in the database that have to be known again, wrapped by the master key: who reads the database has none.

These are the secrets of webhooks and of connections, and the keys under which tenants' records are hashed. Webhooks and
keys from before that was so stand there plain, until a worker starts.
"""

from __future__ import annotations

from sqlalchemy import Engine, select

from app.db import reading, transaction
from app.master_key import MasterKeys, is_wrapped
from app.orm import ConnectionRow, TenantKeyRow, WebhookRow


def wrap_webhook(master: MasterKeys, webhook_id: str, secret: str) -> str:
    """The secret of a webhook as it is kept."""
    return master.wrap(secret.encode(), f"webhook {webhook_id}")


def webhook_secret(master: MasterKeys, webhook_id: str, kept: str) -> str:
    """The secret of a webhook. Raises MasterKeyError where the master key does not open it."""
    return master.unwrap(kept, f"webhook {webhook_id}").decode() if is_wrapped(kept) else kept


def wrap_connection(master: MasterKeys, connection_id: str, secret: str) -> str:
    """The password or secret key of a connection as it is kept."""
    return master.wrap(secret.encode(), f"connection {connection_id}")


def connection_secret(master: MasterKeys, connection_id: str, kept: str) -> str:
    """The password or secret key of a connection. Raises MasterKeyError where the master key does not open it."""
    return master.unwrap(kept, f"connection {connection_id}").decode()


def wrap_records_key(master: MasterKeys, tenant_id: str, key: bytes) -> bytes:
    """The key under which a tenant's records are hashed, as it is kept."""
    return master.wrap(key, f"records {tenant_id}").encode()


def records_key(master: MasterKeys, tenant_id: str, kept: bytes) -> bytes:
    """The key under which a tenant's records are hashed. Raises MasterKeyError where it is not opened."""
    token = kept.decode("ascii", "replace")
    return master.unwrap(token, f"records {tenant_id}") if is_wrapped(token) else kept


def wrap_all(engine: Engine, master: MasterKeys) -> int:
    """How many secrets were wrapped by the present master key, which stood there plain or wrapped by another one."""
    with reading(engine) as session:
        hooks = {row.id: row.secret for row in session.scalars(select(WebhookRow))}
        places = {row.id: row.secret for row in session.scalars(select(ConnectionRow))}
        keys = {row.tenant_id: row.records for row in session.scalars(select(TenantKeyRow))}
    old_hooks = [name for name, kept in hooks.items() if not master.is_current(kept)]
    old_places = [name for name, kept in places.items() if not master.is_current(kept)]
    old_keys = [name for name, kept in keys.items() if not master.is_current(kept.decode("ascii", "replace"))]
    if not old_hooks and not old_places and not old_keys:
        return 0
    with transaction(engine) as session:
        for hook in session.scalars(select(WebhookRow).where(WebhookRow.id.in_(old_hooks)).with_for_update()):
            hook.secret = wrap_webhook(master, hook.id, webhook_secret(master, hook.id, hook.secret))
        for place in session.scalars(select(ConnectionRow).where(ConnectionRow.id.in_(old_places)).with_for_update()):
            place.secret = wrap_connection(master, place.id, connection_secret(master, place.id, place.secret))
        own = select(TenantKeyRow).where(TenantKeyRow.tenant_id.in_(old_keys)).with_for_update()
        for row in session.scalars(own):
            key = records_key(master, row.tenant_id, row.records)
            row.records = wrap_records_key(master, row.tenant_id, key)
    return len(old_hooks) + len(old_places) + len(old_keys)
