"""SQL text: its operation and its tables."""

from __future__ import annotations

import logging
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.actions.sql import MAX_CHARACTERS, MAX_TABLES, statements_of

WORDS = (
    "select", "*", "from", "a.b", "where", "x", "=", "1", "(", ")", ",", ";", "delete", "update",
    "set", "insert", "into", "values", "drop", "table", "'", '"', "--", "/*", "with", "as", "case",
    "when", "$$",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "operation", "tables"),
    [
        ("SELECT * FROM public.users u JOIN sales.orders o ON o.id = u.id", "read",
         ("public.users", "sales.orders")),
        ("with x as (select 1 from q) delete from y using x", "delete", ("y", "q")),
        ("with d as (delete from a returning *) select * from d", "delete", ("a",)),
        ("INSERT INTO a.b SELECT * FROM c", "write", ("a.b", "c")),
        ("UPDATE a SET x = 1", "write", ("a",)),
        ("merge into a using b on a.x = b.x when matched then delete", "write", ("a", "b")),
        ("create table a as select * from b", "write", ("a", "b")),
        ("select * into a from b", "write", ("a", "b")),
        ("select 1; drop table s.t", "delete", ("s.t",)),
        ("truncate table audit.log", "delete", ("audit.log",)),
        ("grant all on a to eve", "admin", ("a",)),
        ("alter user eve with password 'x'", "admin", ()),
        ("create role r", "admin", ()),
        ("call refresh_all()", "execute", ()),
        ("exec sp_who", "execute", ()),
        ("copy a to program 'sh'", "execute", ("a",)),
        ("select * into outfile '/tmp/x' from t", "write", ()),
        ("explain delete from a", "read", ("a",)),
        ("explain analyze delete from a", "delete", ("a",)),
        ("show tables", "read", ()),
        ("PRAGMA table_info(a)", "read", ()),
        ("select `a` from `shop`.`orders`", "read", ("shop.orders",)),
        ("select top 5 * from [dbo].[users]", "read", ("dbo.users",)),
        ("\\d users", "read", ()),
        ("\\! id", "execute", ()),
        (".tables", "read", ()),
        ("ship the order", "unknown", ()),
        ("", "unknown", ()),
    ],
)  # fmt: skip
def test_operation_and_tables(text: str, operation: str, tables: tuple[str, ...]) -> None:
    assert statements_of(text) == (operation, tables)


def test_limits_of_length_depth_and_tables() -> None:
    assert statements_of("select 1 -- " + "x" * MAX_CHARACTERS) == ("unknown", ())
    assert statements_of("select " + "(" * 100 + "1" + ")" * 100) == ("unknown", ())
    many = ", ".join(f"t{n}" for n in range(MAX_TABLES * 2))
    text = f"select * from {many}"  # noqa: S608
    assert len(statements_of(text)[1]) == MAX_TABLES


def test_no_statement_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        statements_of("call secret_procedure('4111 1111 1111 1111')")
    assert not caplog.records


@pytest.mark.parametrize(
    "piece",
    ["not ", "- ", "case when ", "a=", "1+", "x in (", "[", "a.", "~", "\n", "\\ ", "copy to "],
)
def test_hostile_text_takes_a_bounded_time(piece: str) -> None:
    statements_of("select 1")
    start = time.process_time()
    statements_of("select " + piece * 5_000)
    statements_of("select " + piece * 500)
    assert time.process_time() - start < 2


@settings(deadline=None)
@given(st.text(max_size=200) | st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join))
def test_any_text_is_read(text: str) -> None:
    operation, tables = statements_of(text)
    assert operation in {"read", "write", "delete", "admin", "execute", "send", "unknown"}
    assert len(tables) <= MAX_TABLES
