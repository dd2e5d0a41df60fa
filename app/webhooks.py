"""Messages to tenants' own services when a job ends or a release moves (https://www.standardwebhooks.com).

The audit log is the list of what is to be sent: each webhook remembers up to which event it has sent, so that nothing
is lost. A message has the same id however often it is tried. It names a thing and its state and
holds nothing of a table.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import anyio
import httpx2
from sqlalchemy import Engine, Select, select
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

import app
from app.addresses import address_of
from app.config import Settings
from app.db import reading, transaction
from app.master_key import MasterKeys
from app.orm import AuditEventRow, AuditHeadRow, WebhookRow, now
from app.states import TERMINAL_JOB_STATES
from app.trail import Kind, moment, read_details
from app.wrapped import webhook_secret

PAUSES = tuple(timedelta(seconds=each) for each in (5, 30, 120, 600, 3600, 10_800, 21_600, 43_200))
"""Between the attempts at a message. After the last one it is given up, and the next is sent."""
LEASE = timedelta(minutes=2)
"""So long another worker leaves a webhook alone that one is sending to."""
SECONDS = 15.0
"""How long one attempt may take altogether, however slowly the answer comes."""
AT_ONCE = 100
GONE = 410
RELEASES = (Kind.RELEASE_CREATED, Kind.RELEASE_DECIDED, Kind.RELEASE_WITHDRAWN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message to one webhook."""

    webhook_id: str
    url: str
    secret: str
    """As it is kept, see `app.wrapped`."""
    number: int
    """Of the event that it tells of."""
    sent: int
    """Up to which event the webhook had sent before."""
    id: str
    body: str


Send = Callable[[Message, Settings], int | None]


def send_due(engine: Engine, settings: Settings, send: Send | None = None, *, most: int = AT_ONCE) -> int:
    """How many messages were tried: all that are due, but no more than `most`."""
    for count in range(most):
        message = _next(engine)
        if message is None:
            return count
        _note(engine, message, (send or post)(message, settings))
    return most


def post(message: Message, settings: Settings, trust: ssl.SSLContext | None = None) -> int | None:
    """The status that a webhook answered with, or None where it could not be asked or did not answer in time.

    `trust` says whose certificates are believed; where it is None, those that everybody's browser does.
    """
    url = httpx2.URL(message.url)
    host, port = url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)
    try:
        master = MasterKeys(settings.resolved_master_key_file)
        message = replace(message, secret=webhook_secret(master, message.webhook_id, message.secret))
        address = address_of(host, port, private=settings.webhook_private_addresses)
        return anyio.run(_post, message, url, address, trust)
    except Exception:  # noqa: BLE001 - whatever a strange service does, others get their messages
        return None


async def _post(message: Message, url: httpx2.URL, address: str, trust: ssl.SSLContext | None) -> int:
    """The status, from the address that was looked at, with the certificate of the name."""
    at = datetime.now(UTC)
    headers = {
        "Host": url.netloc.decode("ascii"),
        "Content-Type": "application/json",
        "User-Agent": f"lookalike/{app.__version__}",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(message.secret).sign(message.id, at, message.body),
    }
    pinned, named = url.copy_with(host=address), {"sni_hostname": url.raw_host.decode("ascii")}
    with anyio.fail_after(SECONDS):
        async with (
            httpx2.AsyncClient(
                trust_env=False, follow_redirects=False, timeout=SECONDS, verify=True if trust is None else trust
            ) as client,
            client.stream("POST", pinned, content=message.body, headers=headers, extensions=named) as answer,
        ):
            return int(answer.status_code)


def _due() -> Select[WebhookRow]:
    """The webhook that has waited longest of those with events to look at."""
    grown = select(WebhookRow).join(AuditHeadRow, AuditHeadRow.tenant_id == WebhookRow.tenant_id)
    due = grown.where(WebhookRow.sent < AuditHeadRow.number, WebhookRow.next_at <= now())
    return due.where(WebhookRow.disabled_at.is_(None)).order_by(WebhookRow.next_at).limit(1)


def _next(engine: Engine) -> Message | None:
    """A message that is due, whose webhook is left alone by others for a while; None where there is none."""
    while True:
        with reading(engine) as session:  # most often there is none, and nobody has to wait for that
            if session.scalar(_due()) is None:
                return None
        with transaction(engine) as session:
            row = session.scalar(_due().with_for_update(of=WebhookRow, skip_locked=True))
            if row is None:
                return None
            message = _message(session, row)
            if message is not None:
                row.next_at = now() + LEASE
                return message


def _message(session: Session, row: WebhookRow) -> Message | None:
    """The next message of a webhook; None where the events that were looked at are none to tell of."""
    event = AuditEventRow
    query = select(event).where(event.tenant_id == row.tenant_id, event.number > row.sent).order_by(event.number)
    for found in session.scalars(query.limit(AT_ONCE)):
        said = _said(found)
        if said is not None:
            return Message(
                webhook_id=row.id,
                url=row.url,
                secret=row.secret,
                number=found.number,
                sent=row.sent,
                id=f"msg_{found.sha256[:32]}",
                body=json.dumps(said, separators=(",", ":")),
            )
        row.sent = found.number
    return None


def _said(event: AuditEventRow) -> dict[str, object] | None:
    """What a message says of an event; None where nobody is told of it."""
    facts = (read_details(event) or {}).get("facts", {})
    state = "withdrawn" if event.kind == Kind.RELEASE_WITHDRAWN else facts.get("state")
    if event.kind == Kind.JOB_MOVED and state in TERMINAL_JOB_STATES:
        name = "job"
    elif event.kind in RELEASES:
        name = "release"
    else:
        return None
    data = {"id": event.subject, "state": state}
    if event.kind == Kind.RELEASE_CREATED:
        data |= {"job_id": facts.get("job"), "verdict": facts.get("verdict")}
    return {"type": f"{name}.{state}", "timestamp": moment(event.at), "data": data}


def _note(engine: Engine, message: Message, status: int | None) -> None:
    """Write down what became of a message, unless the webhook is gone or another worker has sent meanwhile."""
    with transaction(engine) as session:
        row = session.get(WebhookRow, message.webhook_id, with_for_update=True)
        if row is None or row.sent != message.sent:
            return
        row.last_status, row.next_at = status, now()
        if status is not None and 200 <= status < 300:
            row.sent, row.attempts = message.number, 0
        elif status == GONE:
            row.disabled_at = now()
        elif row.attempts >= len(PAUSES):
            row.sent, row.attempts, row.given_up = message.number, 0, row.given_up + 1
        else:
            row.next_at = now() + PAUSES[row.attempts]
            row.attempts += 1
