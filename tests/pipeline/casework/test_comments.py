"""Comments on a case: counted in the case, bounded, and no new version."""

from __future__ import annotations

import pytest

from pipeline.casework import comments
from pipeline.casework.refusal import Refusal
from tests.pipeline.casework.desks import an_event


def test_comments_are_counted_in_the_case_and_change_no_version(desk):
    before = desk.case
    for text in ("who owns this?", "asked the owner"):
        comments.comment(desk.person, before["case_id"], text)
    seen = comments.with_comments(before, desk.store.audit)
    assert [one["text"] for one in seen["discussion"]] == ["who owns this?", "asked the owner"]
    assert {one["by"] for one in seen["discussion"]} == {"ops"}
    assert seen["comments"] == 2
    assert desk.beat() == []
    assert desk.case == before | {"comments": 2}
    desk.judge(an_event("e-3", minute=5))
    assert desk.case["comments"] == 2
    desk.decide("benign")
    (message,) = desk.beat()
    assert message["comments"] == 2


def test_a_case_has_a_bounded_number_of_comments(desk, monkeypatch):
    monkeypatch.setattr(comments, "MAX_COMMENTS", 2)
    name = desk.case["case_id"]
    comments.comment(desk.person, name, "one")
    comments.comment(desk.person, name, "two")
    with pytest.raises(Refusal, match="has 2 comments, the most"):
        comments.comment(desk.person, name, "three")


def test_a_comment_at_the_same_moment_is_not_lost(desk, monkeypatch):
    name, log = desk.case["case_id"], desk.store.audit
    comments.comment(desk.person, name, "first")
    late = iter([None, log.latest("comment", name)])
    monkeypatch.setattr(log, "latest", lambda *_: next(late))
    comments.comment(desk.person, name, "second")
    assert [one.reason for one in log.of("comment", name)] == ["first", "second"]
