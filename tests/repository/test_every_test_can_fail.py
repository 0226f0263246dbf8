"""Every test asserts something that the code can break."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.repository.asserting import helpers_of, suspects

TESTS = Path(__file__).resolve().parents[1]


def test_every_test_can_fail() -> None:
    trees = {
        path.relative_to(TESTS).as_posix(): ast.parse(path.read_text())
        for path in TESTS.rglob("*.py")
    }
    helpers = helpers_of(trees.values())
    found = [one for name, tree in sorted(trees.items()) for one in suspects(name, tree, helpers)]
    assert len(trees) > 100
    assert [f"{one.name} {one.why}" for one in found] == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("judge(1)", "asserts nothing"),
        ("for one in found(): assert one", "asserts only in loops that may be empty"),
        ("assert all(one for one in found())", "asserts only in loops that may be empty"),
        ("assert len(x) >= 0", "compares with >= 0, which every size and count is"),
        ("assert 0 <= x", "compares with >= 0, which every size and count is"),
        ("assert x or True", "ends with `or` and a constant"),
        ("assert 'this'", "is a constant"),
        ("assert x", None),
        ("assert 0 <= x <= 1", None),
        ("assert (x or b'') == b''", None),
        ("for one in (1, 2): assert one", None),
        ("found = [x]\n for one in found: assert one", None),
        ("found = []\n for one in found: assert one", "asserts only in loops that may be empty"),
        ("expect(page).to_have_count(1)", None),
        ("for one in range(3): assert one", None),
        ("assert x\n for one in x: assert one", None),
        ("with pytest.raises(ValueError): judge(1)", None),
        ("subprocess.run(['x'], check=True)", None),
        ("is_the_same(1)", None),
        ("through(1)", None),
    ],
)
def test_only_tests_that_cannot_fail_are_named(body: str, why: str | None) -> None:
    helpers = "def is_the_same(x):\n assert x\ndef through(x):\n is_the_same(x)\n"
    tree = ast.parse(f"{helpers}def test_it():\n {body}\n")
    found = [one.why for one in suspects("test_x.py", tree, helpers_of([tree]))]
    assert found == ([] if why is None else [why])
