"""/v1/connections, and what is read and written through them"""

from __future__ import annotations

from threading import Event

from fastapi import APIRouter, Request, Response

from app.routes.common import Administrator, BackendOf, IdempotencyKey, Writer, respond
from app.services import connections
from app.uploads import in_turn
from app.wire import Dataset
from app.wire_connections import (
    Connection,
    Connections,
    Delivery,
    DeliveryRequest,
    NewConnectionRequest,
    TableRequest,
)

router = APIRouter(prefix="/v1", tags=["connections"])


@router.get("/connections")
def list_connections(backend: BackendOf, caller: Writer) -> Connections:
    """The databases and buckets of the tenant, without their secrets."""
    return connections.listed(backend, caller)


@router.post("/connections", status_code=201)
def create_connection(backend: BackendOf, caller: Administrator, body: NewConnectionRequest) -> Connection:
    """Register a database or a bucket at a place that the installation lists. No connection is made yet."""
    return connections.create(backend, caller, body)


@router.delete("/connections/{connection_id}", status_code=204)
def delete_connection(backend: BackendOf, caller: Administrator, connection_id: str) -> None:
    """Delete a connection and its secret."""
    connections.delete(backend, caller, connection_id)


@router.post("/connections/{connection_id}/datasets", status_code=201, response_model=Dataset)
async def read_table(
    request: Request,
    backend: BackendOf,
    caller: Writer,
    connection_id: str,
    body: TableRequest,
    key: IdempotencyKey = None,
) -> Response:
    """Read a table or a view of a database as a data set, in one read-only transaction."""
    backend.turns.refuse_if_full(caller.tenant_id)

    def work(gone: Event) -> Response:
        return respond(connections.read_dataset(backend, caller, connection_id, body, key, gone))

    return await in_turn(request, backend.turns, caller.tenant_id, work)


@router.post("/releases/{release_id}/deliveries", status_code=201)
async def deliver(
    request: Request, backend: BackendOf, caller: Writer, release_id: str, body: DeliveryRequest
) -> Delivery:
    """Write a released table into a new table of a database, or as a new file into a bucket."""
    backend.turns.refuse_if_full(caller.tenant_id)

    def work(_gone: Event) -> Delivery:
        return connections.deliver(backend, caller, release_id, body)

    return await in_turn(request, backend.turns, caller.tenant_id, work)
