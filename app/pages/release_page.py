"""The page of a release: its verdict, what was tested, and the form of whoever may decide."""

from __future__ import annotations

from fastapi import Response

from app.context import Backend
from app.pages.common import Form, page
from app.pages.evidence import STATES, evidence
from app.services import releases
from app.sessions import WebSession
from app.states import ReleaseState, Scope


def release_page(
    backend: Backend,
    session: WebSession,
    release_id: str,
    *,
    said: str = "",
    status: int = 200,
    draft: Form | None = None,
) -> Response:
    """The page. `said` stands above everything else, and what was written before stands in the form again."""
    release = releases.get(backend, session.caller, release_id)
    names = releases.names(backend, session.caller, [release])
    found = evidence(backend, session.caller, release.report_id)
    may_decide = session.caller.may(Scope.REVIEW) and release.state == ReleaseState.IN_REVIEW.value
    return page(
        "release.html",
        status,
        session=session,
        release=release,
        dataset=names.get(release.dataset_id, "a data set that was deleted"),
        evidence=found,
        since=[] if found.missing else [reason for reason in release.reasons if reason not in found.recorded],
        state=STATES.get(release.state, release.state),
        may_decide=may_decide,
        why_not=releases.why_not_approved(backend, session.caller, release_id) if may_decide else "",
        may_withdraw=session.caller.may(Scope.REVIEW) and release.state == ReleaseState.RELEASED.value,
        may_read=session.caller.may(Scope.READ),
        is_waiting=release.state == ReleaseState.IN_REVIEW.value,
        said=said,
        reason="" if draft is None else draft.get("reason", ""),
    )


def missing_evidence(backend: Backend, session: WebSession, release_id: str) -> str:
    """Why the page shows no answers, so that nothing is approved on it; empty where it shows them."""
    release = releases.get(backend, session.caller, release_id)
    return evidence(backend, session.caller, release.report_id).missing
