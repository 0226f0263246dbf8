"""Give the operation and the tables of SQL text, read by sqlglot."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipeline.actions.command_line import gravest

if TYPE_CHECKING:
    from models.event import Operation

MAX_CHARACTERS = 16 << 10
MAX_TABLES = 20
_MAX_NESTED = 60
_MAX_REPEATED = 2_000
# sqlglot logs statements that it does not know. A statement may hold personal data.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

# Class of a statement -> operation. A statement that reads is not in the table.
_OPERATIONS: dict[str, Operation] = {
    "Insert": "write", "Update": "write", "Merge": "write", "Copy": "write", "LoadData": "write",
    "Create": "write", "Alter": "write", "Comment": "write", "Cache": "write",
    "Delete": "delete", "Drop": "delete", "TruncateTable": "delete",
    "Grant": "admin", "Revoke": "admin", "Set": "read", "Use": "read", "Transaction": "read",
    "Commit": "read", "Rollback": "read", "Pragma": "read", "Describe": "read", "Show": "read",
    "Select": "read", "Union": "read", "Intersect": "read", "Except": "read", "Subquery": "read",
    "Values": "read", "With": "read", "Kill": "admin", "Analyze": "read", "Attach": "read",
    "Detach": "read", "Refresh": "write",
}  # fmt: skip
# First words of statements that sqlglot leaves as text.
_FIRST_WORDS: dict[str, Operation] = {
    "show": "read", "explain": "read", "describe": "read", "desc": "read", "list": "read",
    "call": "execute", "exec": "execute", "execute": "execute", "do": "execute", "begin": "read",
    "alter": "admin", "grant": "admin", "revoke": "admin", "reassign": "admin", "lock": "write",
    "vacuum": "write", "reindex": "write", "optimize": "write", "prepare": "execute",
    "replace": "write", "load": "write", "truncate": "delete", "drop": "delete",
    "purge": "delete", "backup": "read", "restore": "write",
    "refresh": "write", "set": "read", "reset": "read", "discard": "read", "listen": "read",
    "notify": "send", "import": "write", "unload": "send", "export": "send",
}  # fmt: skip
_WORD = re.compile(r"\s*([a-z]+)", re.IGNORECASE)
_META = re.compile(r"(?m)^[ \t]*[.\\].*$")
"""Commands of `psql` and `sqlite3` themselves, such as ``\\d`` and ``.tables``."""
_ESCAPE = re.compile(r"\\!|\.(?:shell|system|import|read)\b")
_PRINCIPAL = re.compile(r"\s*(?:create|drop|alter)\s+(?:user|role|login)\b", re.IGNORECASE)
_TO_FILE = re.compile(r"\binto\s+(?:outfile|dumpfile)\b", re.IGNORECASE)
_MYSQL = re.compile(r"\s*(?:replace|load\s+data)\b|.*\binto\s+outfile\b", re.IGNORECASE | re.DOTALL)
_EXPLAIN = re.compile(
    r"\s*explain\b\s*(?:\(([^)]{0,200}\banaly[sz]e\b)?[^)]{0,200}\)|(analy[sz]e)\b)?\s*(?:verbose\b)?",
    re.IGNORECASE,
)
_FAILURES = (RecursionError, ValueError, AttributeError, TypeError, IndexError, KeyError)
"""What the parser raises for some texts beside its own errors."""
_TO_PROGRAM = re.compile(r"\b(?:to|from)\s{1,20}program\b", re.IGNORECASE)


@lru_cache(maxsize=4_096)
def statements_of(text: str) -> tuple[Operation, tuple[str, ...]]:
    """Give the gravest operation of some statements, and their tables as ``schema.table``.

    Text that is not SQL, or that exceeds a limit, is `unknown` without tables.

    Examples
    --------
    >>> statements_of("WITH x AS (SELECT 1) SELECT * FROM sales.orders JOIN x ON true")
    ('read', ('sales.orders',))
    >>> statements_of("begin; DELETE FROM users; commit")
    ('delete', ('users',))
    >>> statements_of("ship it")
    ('unknown', ())
    """
    if exceeds(text):
        return "unknown", ()
    statement = _META.sub("", text).strip()
    if text.strip() and not statement:
        return ("execute" if _ESCAPE.search(text) else "read"), ()
    text = statement
    if not text:
        return "unknown", ()
    explained = _EXPLAIN.match(text)
    if explained is not None:
        operation, tables = _read(text[explained.end() :])
        return (operation if explained[1] or explained[2] else "read"), tables
    return _read(text)


def exceeds(text: str) -> bool:
    """Tell whether a text exceeds a limit, so that it is not read.

    >>> exceeds("select 1"), exceeds("select " + "(" * 1_000), exceeds("-" * 70_000)
    (False, True, True)
    """
    return len(text) > MAX_CHARACTERS or not _is_shallow(text)


def _read(text: str) -> tuple[Operation, tuple[str, ...]]:
    """Parse statements in the common dialect, else in the one whose quotes they have."""
    import sqlglot

    failures = (sqlglot.errors.SqlglotError, *_FAILURES)
    found: list[tuple[Operation, list[str]]] = []
    for dialect in _dialects(text):
        try:
            found = [_one(one) for one in sqlglot.parse(text, read=dialect) if one is not None]
        except failures:
            continue
        break
    operations: list[Operation] = [operation for operation, _ in found] or ["unknown"]
    if operations == ["unknown"]:
        operations = [_by_first_word(text)]
    if _TO_PROGRAM.search(text):
        operations.append("execute")
    if _PRINCIPAL.match(text):
        operations.append("admin")
    if _TO_FILE.search(text):
        operations = ["write"]
    tables = dict.fromkeys(table for _, names in found for table in names)
    return gravest(operations), tuple(tables)[:MAX_TABLES]


def _dialects(text: str) -> list[str | None]:
    """Give the dialects to try: backquotes and brackets are quotes in some only."""
    tried: list[str | None] = [None]
    if "`" in text or _MYSQL.match(text):
        tried.append("mysql")
    if "[" in text:
        tried.append("tsql")
    return tried


def _is_shallow(text: str) -> bool:
    """Check what a recursive parser pays for: brackets within brackets, chains of words."""
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    repeated = sum(text.lower().count(word) for word in ("not ", "case", "-", "~", "select"))
    return deepest <= _MAX_NESTED and repeated <= _MAX_REPEATED


def _by_first_word(text: str) -> Operation:
    found = _WORD.match(text)
    return _FIRST_WORDS.get(found[1].lower(), "unknown") if found else "unknown"


def _one(statement: Any) -> tuple[Operation, list[str]]:
    """Give operation and tables of one statement."""
    from sqlglot import exp

    kind = type(statement).__name__
    if kind == "Command":
        operation = _by_first_word(str(statement.this))
        return operation, []
    operation = _OPERATIONS.get(kind, "unknown")
    if operation == "unknown":
        return "unknown", []
    nodes = list(statement.find_all(exp.CTE, exp.Insert, exp.Update, exp.Delete, exp.Table))
    own = {str(one.alias).lower() for one in nodes if isinstance(one, exp.CTE)}
    inner = [operation, *(_OPERATIONS.get(type(one).__name__, "read") for one in nodes)]
    if kind == "Select" and statement.args.get("into") is not None:
        inner.append("write")
    tables = [
        name
        for one in nodes
        if isinstance(one, exp.Table) and (name := _table(one)) and name.lower() not in own
    ]
    return gravest(inner), tables


def _table(table: Any) -> str:
    parts = [str(part) for part in (table.catalog, table.db, table.name) if part]
    return ".".join(parts)[:256]
