"""GET /api/audit/recent: who changed what here, and who was refused; for administrators."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from dean_airflow.plugin.api.common import Limit, failures
from dean_airflow.plugin.api.models import Model
from dean_airflow.plugin.permissions import administers, stored_of
from dean_airflow.services.contract.base import UtcTime

router = APIRouter(tags=["audit"])


class AuditEntry(Model):
    """`times`: equal deeds within a second are one entry."""

    timestamp: UtcTime
    action: str
    user: str
    resource: str
    outcome: str
    times: int


class AuditEntries(Model):
    entries: list[AuditEntry]
    total: int


@router.get("/api/audit/recent", responses=failures(), dependencies=[Depends(administers)])
async def recent(request: Request, limit: Limit = 100) -> AuditEntries:
    """The newest entries of the audit, of this web server and of DEAN's own servers."""
    found, total = await stored_of(request)(lambda store: (store.audit.recent(limit), store.audit.count()))
    entries = [
        AuditEntry(
            timestamp=one.at,
            action=one.action,
            user=one.user,
            resource=one.resource,
            outcome=one.outcome,
            times=one.times,
        )
        for one in found
    ]
    return AuditEntries(entries=entries, total=total)
