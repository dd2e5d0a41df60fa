"""All pages, in the order in which their addresses are tried."""

from __future__ import annotations

from app.pages import (
    account,
    assets,
    audit_log,
    compare,
    datasets,
    home,
    installation,
    job_form,
    jobs,
    keys,
    models,
    operating,
    people,
    releases,
    schema_editor,
    sign_in,
    sign_in_openid,
    uploading,
    uses,
)

ROUTERS = tuple(
    module.router
    for module in (
        sign_in,
        sign_in_openid,
        home,
        uploading,  # before the pages of one data set: `new` is no id
        schema_editor,
        datasets,
        job_form,
        uses,
        jobs,
        models,
        releases,
        compare,
        account,
        keys,
        people,
        audit_log,
        operating,
        installation,
        assets,
    )
)
"""Those of all pages."""
