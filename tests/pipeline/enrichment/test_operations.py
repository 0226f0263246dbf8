"""What a tool does, from its name; the table is data and can be replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.errors import ConfigError
from pipeline.enrichment.operations import load, words

if TYPE_CHECKING:
    from pathlib import Path

INFER = load()


@pytest.mark.parametrize(
    ("tool", "operation"),
    [
        ("s3:GetObject", "read"),
        ("get_refund_history", "read"),
        ("erp.invoice.list", "read"),
        ("send_money", "pay"),
        ("refund_order", "pay"),
        ("payments/createTransfer", "pay"),
        ("transfer_to_human_agents", "send"),
        ("send_email", "send"),
        ("slack.postMessage", "send"),
        ("delete_file", "delete"),
        ("iam:DeleteUser", "delete"),
        ("iam:CreateUser", "admin"),
        ("iam:ListUsers", "read"),
        ("update_user_password", "admin"),
        ("ec2:RunInstances", "execute"),
        ("bash", "execute"),
        ("crm.ticket.update", "write"),
        ("create_calendar_event", "write"),
        ("frobnicate", "unknown"),
        ("", "unknown"),
        ("日本", "unknown"),
        (":::", "unknown"),
    ],
)
def test_shipped_table_classifies_tools(tool: str, operation: str) -> None:
    assert INFER(tool) == operation


def test_names_are_split_at_every_common_seam() -> None:
    expected = ["get", "user", "id"]
    for name in ("get_user_id", "getUserId", "get-user.id", "get:user/ID", "GET user ID"):
        assert words(name) == expected


def test_another_table_replaces_the_shipped_one(tmp_path: Path) -> None:
    table = tmp_path / "operations.toml"
    table.write_text('[[rule]]\noperation = "pay"\nany = ["frobnicate"]\n')
    assert load(table)("frobnicate") == "pay"
    assert load(table)("send_money") == "unknown"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[rule]]\noperation = "fly"\nany = ["a"]', "rule 1: unknown operation 'fly'"),
        ('[[rule]]\noperation = "pay"\nsome = ["a"]', "rule 1: unknown key 'some'"),
        ('[[rule]]\noperation = "pay"\nany = "a"', "rule 1: expected a list, got str"),
        ('[[rule]]\noperation = "pay"\nany = [1]', "rule 1: expected words in quotes"),
        ("[[rule", "cannot be read"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    table = tmp_path / "operations.toml"
    table.write_text(text)
    with pytest.raises(ConfigError, match=said):
        load(table)
