"""Extensions that a service may offer; it names those it has in the `capabilities` of its health."""

from __future__ import annotations

IDEMPOTENCY_KEY = "idempotency-key"
"""POST takes a header `Idempotency-Key`; the same key and body give the first answer again."""
SERVICE_TOKEN_HEADER = "service-token-header"
"""A service token may come in `X-DEAN-Service-Token`, which leaves `Authorization` to a proxy."""
DIVERSITY = "diversity"
SEARCH_INDEX = "search-index"
GENOME = "genome"
LINEAGE = "lineage"
EVOLUTION_STATUS = "evolution-status"
TRIAL_PAUSE = "trial-pause"

IDEMPOTENCY_HEADER = "Idempotency-Key"
SERVICE_TOKEN_NAME = "X-DEAN-Service-Token"
API_KEY_HEADER = "X-API-Key"
REQUEST_ID_HEADER = "X-Request-ID"
USER_HEADER = "X-User-ID"
ORIGINAL_IP_HEADER = "X-Original-IP"

API_PREFIX = "/api/v1"
"""Each service mounts its routes here too; the paths of the contract are those at the root."""
