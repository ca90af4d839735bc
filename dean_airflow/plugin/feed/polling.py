"""GET /api/v1/feed: what came since, for who has no socket."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from dean_airflow.errors import DeanError
from dean_airflow.feed.frame import ANYBODY, to_json
from dean_airflow.feed.position import LONGEST
from dean_airflow.feed.source import NotThere, UnknownTopic
from dean_airflow.plugin.api.common import failures
from dean_airflow.plugin.feed.live import LiveFeed
from dean_airflow.plugin.feed.viewers import AirflowViewer
from dean_airflow.plugin.permissions import user_of

AT_ONCE = 20
"""Topics of one request."""


def polling_router(live: LiveFeed) -> APIRouter:
    router = APIRouter(prefix="/api/v1")

    @router.get("/feed", responses=failures(404))
    async def feed(
        request: Request,
        topic: Annotated[list[str], Query(min_length=1, max_length=AT_ONCE)],
        after: Annotated[list[str] | None, Query(max_length=AT_ONCE)] = None,
    ) -> Response:
        """`frames` that came after the positions, in order by topic, and the new `positions`.

        404 for what is not there, or not for this caller; 422 for a topic that is none.
        """
        positions = after or [""] * len(topic)
        if len(positions) != len(topic) or any(len(position) > LONGEST for position in positions):
            raise HTTPException(422, "There must be one `after` for each `topic`, or none at all.")
        viewer = AirflowViewer(user_of(request))
        told, now = [], {}
        try:
            hub = (await live.get()).hub
            for name, position in zip(topic, positions, strict=True):
                frames, now[name] = await hub.read(name, position or None, viewer.may)
                told += [frame.text for frame in frames if frame.dag == ANYBODY or await viewer.may(frame.dag)]
        except UnknownTopic as error:
            raise HTTPException(422, str(error)) from None
        except NotThere as error:
            raise HTTPException(404, str(error)) from None
        except DeanError as error:
            raise HTTPException(503, str(error)) from None
        body = f'{{"frames":[{",".join(told)}],"positions":{to_json(now)}}}'
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})

    return router
