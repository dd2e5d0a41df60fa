"""The rows of the database: one mapped class per table. Every row belongs to a tenant, but for workers,
operators' keys and the installation.
"""

from app.orm.audit_log import AuditEventRow, AuditHeadRow
from app.orm.base import Base, Json, UtcDateTime, new_id, now
from app.orm.data import DatasetRow, ModelRow, RecordSketchRow, SharedPeopleRow, TenantKeyRow
from app.orm.jobs import JobEventRow, JobRow, ReleaseRow, ReportRow
from app.orm.people import ApiKeyRow, OperatorKeyRow, PersonRow, TenantRow, WebSessionRow
from app.orm.service import (
    ALL_QUEUES,
    RUNNING_JOBS,
    ConnectionRow,
    IdempotencyRow,
    InstallationRow,
    StageTotalRow,
    TableCheckRow,
    TenantLimitRow,
    WebhookRow,
    WorkerRow,
)

__all__ = [
    "ALL_QUEUES",
    "RUNNING_JOBS",
    "ApiKeyRow",
    "AuditEventRow",
    "AuditHeadRow",
    "Base",
    "ConnectionRow",
    "DatasetRow",
    "IdempotencyRow",
    "InstallationRow",
    "JobEventRow",
    "JobRow",
    "Json",
    "ModelRow",
    "OperatorKeyRow",
    "PersonRow",
    "RecordSketchRow",
    "ReleaseRow",
    "ReportRow",
    "SharedPeopleRow",
    "StageTotalRow",
    "TableCheckRow",
    "TenantKeyRow",
    "TenantLimitRow",
    "TenantRow",
    "UtcDateTime",
    "WebSessionRow",
    "WebhookRow",
    "WorkerRow",
    "new_id",
    "now",
]
