"""Draw sessions of a coding agent, and write them as Claude Code writes its transcripts.

A developer works on a few projects, of which one begins and one ends. A session follows a request:
look, read, change, check, finish. Commands that are rarely used, failures, pages of documentation,
subagents and weeks without work occur as they do at a desk.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from pipeline.files.toml_file import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 1, 5, tzinfo=UTC)
A_DAY = 11
"""Sessions of a workday, on average; a fifth of that at weekends."""
HOLIDAY = (0.55, 0.6)
"""Share of the history without work."""
_RARE, _FAILS, _DENIED, _PAGE, _SUBAGENT = 0.03, 0.08, 0.01, 0.04, 0.03


class Project(Struct, rename={"begin": "from", "end": "to"}):
    """A project: when it is worked on, and how often."""

    name: str
    language: str
    begin: float
    end: float
    weight: int
    folders: list[str]


class Language(Struct):
    """Commands of a language."""

    suffix: str
    check: list[str]
    rare: list[str]


class Common(Struct):
    """What all projects share."""

    look: list[str]
    finish: list[str]
    rare: list[str]
    words: list[str]
    requests: list[str]
    pages: list[str]


class World(Struct):
    """Projects, languages and what they share."""

    project: list[Project]
    language: dict[str, Language]
    common: Common


class Session(Struct):
    """A drawn session: its calls, each a tool, its arguments and a result."""

    name: str
    project: str
    begin: datetime
    request: str
    calls: list[tuple[str, dict[str, Any], str, str]] = field(default_factory=list)


@cache
def world() -> World:
    """Read the shipped projects."""
    return msgspec.convert(read_toml(Path(__file__).parent / "projects.toml"), World)


def sessions(count: int, seed: int) -> Iterator[Session]:
    """Draw sessions in order of time.

    Parameters
    ----------
    count
        How many.
    seed
        The same seed gives the same sessions.
    """
    draw, days = random.Random(seed), max(1, round(count / (A_DAY * 5.4 / 7)))  # noqa: S311 - a simulation
    number = 0
    while number < count:
        share = number / count
        day = _day_of(share, days)
        yield _session(draw, number, share, day + timedelta(minutes=draw.triangular(0, 600, 200)))
        number += 1


def _day_of(share: float, days: int) -> datetime:
    begin, end = HOLIDAY
    worked = share if share < begin else share * (1 - end + begin) + (end - begin)
    day = START + timedelta(days=int(worked * days * 7 / 5))
    return day + timedelta(hours=8)


def _session(draw: random.Random, number: int, share: float, begin: datetime) -> Session:
    all_of, common = world(), world().common
    open_now = [one for one in all_of.project if one.begin <= share <= one.end]
    project = draw.choices(open_now, [one.weight for one in open_now])[0]
    language = all_of.language[project.language]
    word, folder = draw.choice(common.words), draw.choice(project.folders)
    names = {
        "word": word, "folder": folder, "project": project.name,
        "number": str(draw.randrange(100, 4_000)),
    }  # fmt: skip
    request = draw.choice(common.requests).format(**names)
    session = Session(f"s-{number:06}", project.name, begin, request)
    files = [f"/srv/{project.name}/{folder}/{draw.choice(common.words)}.{language.suffix}"
             for _ in range(draw.randrange(1, 5))]  # fmt: skip
    for _ in range(min(60, 1 + int(draw.lognormvariate(2.4, 0.6)))):
        session.calls.append(_call(draw, language, files, names))
    if draw.random() < 0.5:
        for command in common.finish[: draw.randrange(1, 5)]:
            session.calls.append(_bash(draw, command.format(**names)))
    return session


def _call(
    draw: random.Random, language: Language, files: list[str], names: dict[str, str]
) -> tuple[str, dict[str, Any], str, str]:
    common, file, dice = world().common, draw.choice(files), draw.random()
    if draw.random() < _RARE:
        return _bash(draw, draw.choice(language.rare + common.rare).format(**names))
    if draw.random() < _PAGE:
        page = {"url": draw.choice(common.pages).format(**names), "prompt": "What has changed?"}
        return "WebFetch", page, "The page says how it is used.", ""
    if draw.random() < _SUBAGENT:
        task = {"description": "Look around", "prompt": names["word"], "subagent_type": "Explore"}
        return "Task", task, "Found in two files.", ""
    if dice < 0.28:
        return "Read", {"file_path": file}, f"1 def {names['word']}():\n2     pass\n" * 9, ""
    if dice < 0.5:
        old = f"return {names['word']}"
        edit = {"file_path": file, "old_string": old, "new_string": f"{old} or None"}
        return "Edit", edit, "The file has been updated.", ""
    if dice < 0.62:
        return "Grep", {"pattern": names["word"], "path": names["folder"]}, f"{file}:7", ""
    if dice < 0.67:
        return "TodoWrite", {"todos": [{"content": names["word"], "status": "pending"}]}, "ok", ""
    if dice < 0.7:
        return "Write", {"file_path": file, "content": f"# {names['word']}\n" * 8}, "written", ""
    commands = common.look if dice < 0.8 else language.check
    return _bash(draw, draw.choice(commands))


def _bash(draw: random.Random, command: str) -> tuple[str, dict[str, Any], str, str]:
    call = {"command": command, "description": "Run it"}
    if draw.random() < _DENIED:
        return "Bash", call, "The user doesn't want to proceed with this tool use.", "denied"
    if draw.random() < _FAILS:
        return "Bash", call, "Exit code 1\n2 failed, 40 passed", "error"
    return "Bash", call, "42 passed in 3.1s", ""


def lines_of(session: Session) -> Iterator[str]:
    """Write a session as the lines of a transcript."""
    at, common = session.begin, {"sessionId": session.name, "version": "2.1.240"}
    contents: list[tuple[str, Any]] = [("user", session.request)]
    for place, (tool, arguments, result, failed) in enumerate(session.calls):
        call = f"toolu_{session.name}_{place:06}"
        use = {"type": "tool_use", "id": call, "name": tool, "input": arguments}
        done = {"type": "tool_result", "tool_use_id": call, "content": result}
        contents.append(("assistant", [use]))
        contents.append(("user", [done | ({"is_error": True} if failed else {})]))
    for kind, content in contents:
        line = {"type": kind, "message": {"role": kind, "content": content}}
        yield json.dumps(line | common | {"timestamp": at.isoformat(), "cwd": session.project})
        at += timedelta(seconds=7 + len(str(content)) % 31)


def write_transcripts(home: Path, count: int, seed: int) -> int:
    """Write sessions below a home folder; give how many calls they have."""
    calls = 0
    for session in sessions(count, seed):
        folder = home / ".claude" / "projects" / f"-home-dev-{session.project}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{session.name}.jsonl").write_text("\n".join(lines_of(session)) + "\n")
        calls += len(session.calls)
    return calls
