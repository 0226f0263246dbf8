"""The console and the API documentation, served from memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from pipeline.publishing.catalogue import catalogue, title_of
from pipeline.text.visible import confusables
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


def _module(value: Any) -> tuple[bytes, str]:
    """Format data as a JavaScript module, in ASCII only, so that every encoding keeps it."""
    return f"export default {json.dumps(value)};\n".encode("ascii"), _TYPES[".js"]


_FILES |= {
    "confusables.js": _module(confusables()),
    "kinds.js": _module({name: title_of(name) for name in sorted(catalogue())}),
}


def _file(name: str) -> Response:
    found = _FILES.get(name)
    if found is None:
        raise ProblemError(404, "no such page")
    return Response(found[0], media_type=found[1], headers={"Cache-Control": "no-cache"})


@router.get("/")
async def first_page() -> Response:
    """Redirect to the console."""
    return RedirectResponse("/console/")


@router.get("/console")
async def console_without_slash() -> Response:
    """Redirect to the console."""
    return RedirectResponse("/console/")


@router.get("/console/")
async def console() -> Response:
    """Give the console; it holds no data and uses the public API."""
    return _file("index.html")


@router.get("/console/{name}")
async def console_file(name: str) -> Response:
    """Give a file of the console."""
    return _file(name)


@router.get("/docs")
async def docs() -> Response:
    """Give the API documentation, without external resources."""
    return _file("docs.html")
