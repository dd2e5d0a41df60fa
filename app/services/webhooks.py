"""The webhooks of a tenant: made, listed, deleted. `app.webhooks` sends to them."""

from __future__ import annotations

import base64
import ipaddress
import re
import secrets

import httpx2
from sqlalchemy import func, select

from app.addresses import is_public
from app.config import Settings
from app.context import Backend, Caller
from app.db import reading, transaction
from app.errors import ConflictError, InvalidRequestError, NotFoundError
from app.orm import AuditHeadRow, WebhookRow, new_id, now
from app.services import quotas
from app.trail import Kind, record
from app.wire import NewWebhook, Webhook, Webhooks
from app.wrapped import wrap_all, wrap_webhook

MOST = 20
SECRET_BYTES = 32


def create(backend: Backend, caller: Caller, url: str) -> NewWebhook:
    """A webhook that is told of what happens from now on, with its secret, which is told this once.

    Raises InvalidRequestError where nothing may be sent to the address, ConflictError where there are MOST already.
    """
    host = _checked(backend.settings, url)
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
    webhook_id, master = new_id("webhook"), backend.blobs.keys.master
    with transaction(backend.engine) as session:
        quotas.hold(session, caller.tenant_id)
        head = session.get(AuditHeadRow, caller.tenant_id)
        mine = select(func.count()).select_from(WebhookRow).where(WebhookRow.tenant_id == caller.tenant_id)
        if (session.scalar(mine) or 0) >= MOST:
            raise ConflictError(f"expected at most {MOST} webhooks, got one more; delete one")
        row = WebhookRow(
            id=webhook_id,
            tenant_id=caller.tenant_id,
            url=url,
            secret=wrap_webhook(master, webhook_id, secret),
            sent=0 if head is None else head.number,
            next_at=now(),
        )
        session.add(row)
        session.flush()
        record(session, caller.tenant_id, caller.actor, Kind.WEBHOOK_CREATED, row.id, host=host)
    if not master.is_current(row.secret):  # it was renewed meanwhile
        wrap_all(backend.engine, master)
    return NewWebhook(**_view(row).model_dump(), secret=secret)


def listed(backend: Backend, caller: Caller) -> Webhooks:
    """All webhooks of the tenant, oldest first."""
    with reading(backend.engine) as session:
        mine = select(WebhookRow).where(WebhookRow.tenant_id == caller.tenant_id)
        return Webhooks(items=[_view(row) for row in session.scalars(mine.order_by(WebhookRow.id))])


def delete(backend: Backend, caller: Caller, webhook_id: str) -> None:
    """Delete a webhook. Raises NotFoundError where the tenant has none of this id."""
    with transaction(backend.engine) as session:
        row = session.get(WebhookRow, webhook_id, with_for_update=True) if webhook_id.isprintable() else None
        if row is None or row.tenant_id != caller.tenant_id:
            raise NotFoundError("expected the id of one of the tenant's webhooks, got another one")
        record(session, caller.tenant_id, caller.actor, Kind.WEBHOOK_DELETED, row.id)
        session.delete(row)


def _checked(settings: Settings, url: str) -> str:
    """The host of the address. Raises InvalidRequestError where nothing may be sent to it.

    What a name stands for is looked at whenever something is sent.
    """
    schemes = ("https", "http") if settings.webhook_plain_http else ("https",)
    try:
        parsed = httpx2.URL(url)
        host = parsed.raw_host.decode("ascii")
    except (httpx2.InvalidURL, UnicodeError):
        raise InvalidRequestError("url: expected an address, got something else") from None
    named = re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})", host) is not None or _is_address(host)
    if parsed.scheme not in schemes or not named or parsed.userinfo or parsed.fragment:
        raise InvalidRequestError(
            f"url: expected an {' or '.join(schemes)} address without user, password and fragment, got another one"
        )
    if not settings.webhook_private_addresses and _is_address(host) and not is_public(host):
        raise InvalidRequestError("url: expected a public address, got a private or special one")
    return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _view(row: WebhookRow) -> Webhook:
    return Webhook.model_validate({name: getattr(row, name) for name in Webhook.model_fields})
