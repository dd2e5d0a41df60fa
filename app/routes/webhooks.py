"""/v1/webhooks, for administrators of a tenant"""

from __future__ import annotations

from fastapi import APIRouter, Response

from app.routes.common import Administrator, BackendOf
from app.services import webhooks
from app.wire import NewWebhook, NewWebhookRequest, Webhooks

router = APIRouter(prefix="/v1", tags=["webhooks"])


@router.get("/webhooks")
def list_webhooks(backend: BackendOf, caller: Administrator) -> Webhooks:
    """The tenant's webhooks, and how their last message went."""
    return webhooks.listed(backend, caller)


@router.post("/webhooks", status_code=201)
def create_webhook(
    backend: BackendOf, caller: Administrator, body: NewWebhookRequest, response: Response
) -> NewWebhook:
    """Have an address told when a job ends and when a release moves. The secret is in this answer and nowhere else."""
    response.headers["Cache-Control"] = "no-store"
    return webhooks.create(backend, caller, body.url)


@router.delete("/webhooks/{webhook_id}", status_code=204)
def delete_webhook(backend: BackendOf, caller: Administrator, webhook_id: str) -> None:
    """Delete a webhook: nothing more is sent to it."""
    webhooks.delete(backend, caller, webhook_id)
