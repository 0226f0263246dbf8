"""Finds tests that pass whatever the code does, by reading their source."""

from __future__ import annotations

import ast
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LITERALS = (ast.Tuple, ast.List, ast.Set, ast.Dict)
# Calls of libraries that raise where what was expected is not so.
CHECKING = {
    "call_and_validate", "check_call", "check_output", "check_schema", "fail", "raises",
    "raise_for_status", "validate", "validate_response", "warns",
}  # fmt: skip
# Methods of built-in types and files: a call of one says nothing about a helper of the same name.
COMMON = {
    name for kind in (dict, list, set, str, bytes, io.BytesIO, Path, os) for name in dir(kind)
}


class Suspect(NamedTuple):
    """A line of a test that cannot fail."""

    name: str
    why: str


def called(node: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Give each call inside a node, with the last part of the name that is called.

    Of a method that is common to many types the name is empty.
    """
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            match call.func:
                case ast.Name(name):
                    yield call, name
                case ast.Attribute(attr=name):
                    yield call, "" if name in COMMON else name


def checks(node: ast.AST, helpers: Iterable[str]) -> bool:
    """Say whether a node calls something that raises where an expectation does not hold."""
    return any(
        name in CHECKING
        or name in helpers
        or name.startswith(("assert_", "to_", "not_to_"))  # mocks, and the browser's `expect`
        or any(k.arg == "check" and _true(k.value) for k in call.keywords)
        for call, name in called(node)
    )


def helpers_of(trees: Iterable[ast.AST]) -> set[str]:
    """Give the names of all functions that assert, or that call one that does."""
    functions = [n for tree in trees for n in ast.walk(tree) if isinstance(n, FUNCTIONS)]
    calls = [(n.name, {name for _, name in called(n)}) for n in functions]
    found = {n.name for n in functions if checks(n, ()) or _holds(n, ast.Assert | ast.Raise)}
    while more := {name for name, called_ in calls if not called_.isdisjoint(found)} - found:
        found |= more
    return found


def suspects(name: str, tree: ast.AST, helpers: set[str]) -> Iterator[Suspect]:
    """Give what cannot fail in the source of a module."""
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS) and node.name.startswith("test"):
            if not (checks(node, helpers) or _holds(node, ast.Assert)):
                yield Suspect(f"{name}::{node.name}", "asserts nothing")
            elif not _reached(node.body, helpers, _filled(node)):
                yield Suspect(f"{name}::{node.name}", "asserts only in loops that may be empty")
        if isinstance(node, ast.Assert):
            yield from (Suspect(f"{name}:{node.lineno}", why) for why in _always(node.test))


def _holds(node: ast.AST, kind: Any) -> bool:
    return any(isinstance(inner, kind) for inner in ast.walk(node))


def _true(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _always(test: ast.expr) -> Iterator[str]:
    """Say why a condition always holds."""
    zero = "compares with >= 0, which every size and count is"
    for node in ast.walk(test):
        match node:
            case ast.Compare(ops=[ast.GtE()], comparators=[ast.Constant(value=0)]):
                yield zero
            case ast.Compare(left=ast.Constant(value=0), ops=[ast.LtE()]):
                yield zero
    match test:
        case ast.BoolOp(op=ast.Or(), values=values) if any(
            isinstance(v, ast.Constant) and v.value for v in values
        ):
            yield "ends with `or` and a constant"
        case ast.Constant(value=value) if value:
            yield "is a constant"


def _reached(body: list[ast.stmt], helpers: set[str], filled: set[str]) -> bool:
    """Say whether an assertion is reached although every collection is empty."""
    return any(_reaches(statement, helpers, filled) for statement in body)


def _reaches(statement: ast.stmt, helpers: set[str], filled: set[str]) -> bool:
    match statement:
        case ast.Assert(
            test=ast.Call(func=ast.Name(id="all"), args=[ast.GeneratorExp(generators=[first, *_])])
        ):
            return _never_empty(first.iter, filled)
        case ast.For() | ast.AsyncFor():
            return checks(statement.iter, helpers) or (
                _never_empty(statement.iter, filled) and _reached(statement.body, helpers, filled)
            )
        case ast.With() | ast.AsyncWith():
            return any(checks(item, helpers) for item in statement.items) or _reached(
                statement.body, helpers, filled
            )
        case ast.If() | ast.Try() | ast.While():  # a condition is no loop: trust it
            parts = [*statement.body, *statement.orelse, *getattr(statement, "finalbody", [])]
            parts += [one for handler in getattr(statement, "handlers", []) for one in handler.body]
            return _reached(parts, helpers, filled)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return _reached(statement.body, helpers, filled)
    return isinstance(statement, ast.Assert) or checks(statement, helpers)


def _filled(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Give the names that hold a literal with elements, or what hypothesis draws."""
    drawn = any(name == "given" for one in function.decorator_list for _, name in called(one))
    return {one.arg for one in (*function.args.args, *function.args.kwonlyargs) if drawn} | {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, LITERALS)
        and _elements(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _elements(node: ast.expr) -> list[Any]:
    return getattr(node, "elts", None) or getattr(node, "keys", [])


def _never_empty(node: ast.expr, filled: set[str]) -> bool:
    """Say whether a collection has elements by what is written: a literal, a range, a constant."""
    match node:
        case ast.Call(func=ast.Name(id="range")):
            return True
        case ast.Call(
            func=ast.Name(id="enumerate" | "zip" | "pairwise" | "sorted" | "reversed"),
            args=[first, *_],
        ):
            return _never_empty(first, filled)
        case ast.Call(func=ast.Attribute(value=inner, attr="items" | "values" | "keys")):
            return _never_empty(inner, filled)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.isupper() or name in filled
    return isinstance(node, LITERALS) and bool(_elements(node))
