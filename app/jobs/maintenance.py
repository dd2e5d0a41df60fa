"""What every worker does now and then: find the jobs that nobody cares for any more, and see to them."""

from __future__ import annotations

from collections.abc import Collection

from dbos import DBOSClient, WorkflowStatus, WorkflowStatusString
from sqlalchemy import Engine

from app.config import Settings
from app.jobs import engine, ledger, slots
from app.states import Queue

MOST_HANDED_IN = 100
"""In one round: a worker that goes round for long does not beat meanwhile."""


def run(settings: Settings, database: Engine, client: DBOSClient, *, own: int, hung: Collection[int] = ()) -> None:
    """See to all jobs that nobody cares for; `own` is the number of the caller's slot, `hung` those of hung workers."""
    take_over(settings, client, own=own, hung=hung)
    hand_in(database, client)
    give_up(database, client)


def take_over(settings: Settings, client: DBOSClient, *, own: int, hung: Collection[int] = ()) -> None:
    """Put the jobs of dead and hung workers back into their queues. A worker is dead where its slot can be had.

    A hung one that wakes up finds that a later attempt was begun: it publishes nothing, and ends its child.
    """
    held_by = {
        status.executor_id
        for status in client.list_workflows(
            status=WorkflowStatusString.PENDING.value, load_input=False, load_output=False
        )
    }
    for number in range(settings.slots):
        if number == own or slots.name_of(number) not in held_by:
            continue
        if number in hung:
            _resume(client, slots.name_of(number))
            continue
        slot = slots.try_slot(settings, number)
        if slot is None:
            continue
        try:
            _resume(client, slots.name_of(number))
        finally:
            slot.release()


def _resume(client: DBOSClient, name: str) -> None:
    """Put the jobs of the worker of this name back into their queues."""
    pending = client.list_workflows(
        status=WorkflowStatusString.PENDING.value, executor_id=name, load_input=False, load_output=False
    )
    ours = {*engine.QUEUES.values(), engine.SHARDS}
    for queue in ours:
        waiting = [status.workflow_id for status in pending if _queue(status, ours) == queue]
        client.resume_workflows(waiting, queue_name=queue)


def _queue(status: WorkflowStatus, ours: Collection[str]) -> str:
    """Where the job waited before; a worker of that queue hands it on where its next stage belongs to another one."""
    name = status.queue_name
    return name if name is not None and name in ours else engine.QUEUES[Queue.CPU]


def hand_in(database: Engine, client: DBOSClient) -> None:
    """Enqueue the jobs that the web process wrote down and then died before it could hand them in, the oldest first."""
    queued = ledger.queued(database)
    if not queued:
        return
    known = client.list_workflows(workflow_ids=list(queued), load_input=False, load_output=False)
    missing = queued.keys() - {status.workflow_id for status in known}
    for job_id in sorted(missing)[:MOST_HANDED_IN]:
        engine.enqueue(client, job_id, *queued[job_id])


def give_up(database: Engine, client: DBOSClient) -> None:
    """Mark the jobs failed that the job engine has dropped: nobody would ever end them."""
    jobs = ledger.unended(database)
    if not jobs:
        return
    # a workflow ends after its job: one that has ended before has dropped it
    ended = client.list_workflows(
        workflow_ids=jobs, status=[state.value for state in engine.ENDED], load_input=False, load_output=False
    )
    for status in ended:
        ledger.abandon(database, status.workflow_id, f"the job engine ended the job as {status.status}")
