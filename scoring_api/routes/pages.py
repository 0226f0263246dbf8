"""The console and the description of the API: a handful of files, served from memory."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from scoring_api.problems import ProblemError

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parents[1] / "console"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FILES = {
    path.name: (path.read_bytes(), _TYPES[path.suffix])
    for path in sorted(_FOLDER.iterdir())
    if path.suffix in _TYPES
}


def _file(name: str) -> Response:
    found = _FILES.get(name)
    if found is None:
        raise ProblemError(404, "no such page")
    return Response(found[0], media_type=found[1], headers={"Cache-Control": "no-cache"})


@router.get("/")
async def first_page() -> Response:
    """Lead to the console."""
    return RedirectResponse("/console/")


@router.get("/console")
async def console_without_slash() -> Response:
    """Lead to the console."""
    return RedirectResponse("/console/")


@router.get("/console/")
async def console() -> Response:
    """Give the console; it holds no data, and asks the API like anybody else."""
    return _file("index.html")


@router.get("/console/{name}")
async def console_file(name: str) -> Response:
    """Give a file of the console."""
    return _file(name)


@router.get("/docs")
async def docs() -> Response:
    """Describe the API, without anything from elsewhere."""
    return _file("docs.html")
