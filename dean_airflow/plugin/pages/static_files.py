"""GET /static/…: the pages' own files, behind the same access rule as everything else."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from dean_airflow.plugin.pages.assets import assets

router = APIRouter()

_KEPT = "private, max-age=31536000, immutable"
_CHECKED = "private, no-cache"


@router.get("/static/{path:path}", include_in_schema=False)
def static_file(path: str, request: Request) -> Response:
    """The file; for good where its address names this version (`v-…/`), to be asked for again where it does not."""
    known = assets()
    version, _, rest = path.partition("/")
    versioned = version.startswith("v-")
    # The address of another version (a page from before an upgrade) gets what there is, but not for good.
    kept = version == f"v-{known.version}"
    asset = known.get(rest if versioned else path)
    if asset is None:
        raise HTTPException(404, "There is no such file.")
    headers = {
        "Cache-Control": _KEPT if kept else _CHECKED,
        "ETag": f'"{asset.tag}"',
        "X-Content-Type-Options": "nosniff",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
