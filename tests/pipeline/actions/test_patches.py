"""Patches: the files that a patch adds, changes and deletes."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from pipeline.actions.patches import MAX_CHARACTERS, MAX_FILES, changes_of

ENVELOPE = """*** Begin Patch
*** Add File: docs/new page.md
+# Title
*** Update File: src/app.py
*** Move to: src/main.py
@@ def f():
-    return 1
+    return 2
*** Delete File: old.py
*** End Patch
"""
DIFF = """diff --git a/src/a.py b/src/a.py
index 1..2 100644
--- a/src/a.py
+++ b/src/a.py
@@ -1,3 +1,3 @@
 x
--- not a header
+++ not a header, either
diff --git a/old.py b/old.py
--- a/old.py
+++ /dev/null
diff --git a/new.py b/new.py
--- /dev/null
+++ b/new.py
"""


def pairs(text: str) -> list[tuple[str, str]]:
    return [(change.path, change.kind) for change in changes_of(text)]


def test_files_of_an_envelope() -> None:
    assert pairs(ENVELOPE) == [
        ("docs/new page.md", "add"),
        ("src/app.py", "update"),
        ("old.py", "delete"),
        ("src/main.py", "add"),
    ]


def test_files_of_a_unified_diff() -> None:
    found = pairs(DIFF)
    assert ("src/a.py", "update") in found
    assert ("old.py", "delete") in found
    assert ("new.py", "add") in found


def test_renaming_deletes_one_file_and_adds_another() -> None:
    assert pairs("rename from a.py\nrename to b.py\n") == [("a.py", "delete"), ("b.py", "add")]


def test_other_text_has_no_files() -> None:
    assert pairs("--- a heading\n\nUpdate File: x\n+++ b\n") == []


def test_number_of_files_is_bounded() -> None:
    text = "".join(f"*** Add File: {n}.py\n" for n in range(MAX_FILES * 2))
    assert len(changes_of(text)) == MAX_FILES


def test_hostile_patch_takes_a_bounded_time() -> None:
    for piece in (
        "*** Add File: " + " " * 900,
        "rename to  ",
        "--- a\n",
        "+++ ",
        "\n",
        "*** Move to: ",
    ):
        start = time.process_time()
        assert len(changes_of(piece * (MAX_CHARACTERS // len(piece)))) <= MAX_FILES
        assert time.process_time() - start < 1


@given(
    st.text() | st.lists(st.sampled_from(ENVELOPE.splitlines() + DIFF.splitlines())).map("\n".join)
)
def test_any_text_is_read(text: str) -> None:
    found = changes_of(text)
    assert len(found) <= MAX_FILES
    assert "" not in [change.path for change in found]
