"""YAML is changed in place: each other line stays to the letter, and each other member too."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError
from pipeline.cli import app
from pipeline.connecting import CONNECTORS, syntaxes
from pipeline.connecting.connector import FileConnector, Target

if TYPE_CHECKING:
    from pathlib import Path

NEAR = Target("http://127.0.0.1:8765")
LONG = "x" * 300
STYLES = {
    "two spaces, list indented": "# proxy\nmodel_list:\n  - model_name: a # one\n"
    "    litellm_params:\n      model: 'openai/a'   # two spaces more\n\n"
    "litellm_settings:\n  callbacks:\n    - \"prometheus\"\n\n  # mine\n",
    "two spaces, list not indented": "model_list:\n- model_name: a\n"
    "  litellm_params: {model: openai/a}\nlitellm_settings:\n  drop_params:   true\n"
    "  callbacks:\n  - prometheus # first\n# end\n",
    "four spaces": "model_list:\n- model_name: 'a'\n  litellm_params:\n"
    "      model: \"openai/a\"\nlitellm_settings:\n    drop_params: yes\n",
    "four spaces, list not indented": "litellm_settings:\n    callbacks:\n    -   otel\n"
    "    num_retries: 0x10\n",
    "long lines": f"a: {LONG} {LONG}\nb: \"{LONG} {LONG}\"\nc: [{LONG}, {LONG}, {LONG}]\n",
    "block texts": "a: |\n  one\n\n  two\n\nb: >-\n    three\n    four\n"
    "litellm_settings:\n  c: |+\n    five\n\n",
    "carriage returns": "model_list:\r\n- model_name: a   # one\r\nlitellm_settings:\r\n"
    "  callbacks:\r\n  - prometheus\r\n\r\n# end\r\n",
    "document marks": "%YAML 1.1\n---\nlitellm_settings:\n  drop_params: true\n...\n",
    "no last line break": "litellm_settings:\n  drop_params: true",
    "empty members": "litellm_settings:   # none\ncallback_settings:\n\nmodel_list: []\n",
    "anchors that the change does not reach": "x: &x {a: 1}\ny: *x\nlitellm_settings:\n"
    "  <<: *x\n  cache: &c {b: 2}\nz: *c\n",
}  # fmt: skip


def connected(text: str) -> str:
    connector = CONNECTORS["litellm"]
    assert isinstance(connector, FileConnector)
    after = connector.connected(syntaxes.read(text, "yaml", "config.yaml"), NEAR)
    return syntaxes.edited(text, after, "yaml")


@pytest.mark.parametrize("style", sorted(STYLES))
def test_the_difference_is_added_lines_alone(style: str) -> None:
    text = STYLES[style]
    made = connected(text)
    lines = list(difflib.ndiff(text.splitlines(keepends=True), made.splitlines(keepends=True)))
    if text.endswith("\n"):
        assert {line[0] for line in lines} == {" ", "+"}
    else:
        assert made.startswith(text + "\n")
    assert made.count("\r\n") == (made.count("\n") if "\r" in text else 0)
    found = yaml.safe_load(made)  # as the proxy reads it
    before = yaml.safe_load(text)
    assert found["litellm_settings"].pop("callbacks")[-1] == "habitus"
    assert found["callback_settings"].pop("habitus")["endpoint"] == NEAR.url("/v1/litellm")
    known = before.get("litellm_settings") or {}
    known.pop("callbacks", None)
    assert found.pop("litellm_settings") == known
    assert found.pop("callback_settings") == {}
    assert found == {key: value for key, value in before.items()
                     if key not in ("litellm_settings", "callback_settings")}  # fmt: skip


def test_added_lines_have_the_indentation_of_the_file() -> None:
    two = connected(STYLES["two spaces, list not indented"])
    assert "  - prometheus # first\n  - habitus\ncallback_settings:\n  habitus:\n    call" in two
    four = connected(STYLES["four spaces"])
    assert "    callbacks:\n    - habitus\ncallback_settings:\n    habitus:\n        call" in four


@pytest.mark.parametrize(
    ("before", "after"),
    [("callbacks: prometheus   # one", "callbacks: [prometheus, habitus]   # one"),
     ("callbacks: ['a', \"b\"]", "callbacks: ['a', \"b\", habitus]"),
     ("callbacks: []", "callbacks: [habitus]"),
     ("callbacks: [\n    a, # one\n    b\n  ]", "callbacks: [\n    a, # one\n    b,\n    habitus\n"
      "  ]")],
)  # fmt: skip
def test_list_on_one_line_stays_there(before: str, after: str) -> None:
    made = connected(f"litellm_settings:\n  {before}\n  drop_params: true\n")
    assert made.startswith(f"litellm_settings:\n  {after}\n  drop_params: true\ncallback_settings:")


SHARED = {
    "alias": ("s: &s\n  a: 1\nlitellm_settings: *s\nother: *s\n",
              r"line 3: litellm_settings is the alias \*s of line 1"),
    "anchor": ("litellm_settings: &s\n  a: 1\nother: *s\n",
               "line 1: litellm_settings has the anchor &s, which an alias elsewhere refers to"),
    "merged elsewhere": ("callback_settings: &s\n  a: {}\nother:\n  <<: *s\n",
                         "line 1: callback_settings has the anchor &s"),
    "list": ("c: &c [a]\nlitellm_settings:\n  callbacks: *c\n",
             r"line 3: litellm_settings.callbacks is the alias \*c of line 1"),
    "text": ("litellm_settings:\n  callbacks: &c a\nc: *c\n",
             "line 2: litellm_settings.callbacks has the anchor &c"),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(SHARED))
def test_mapping_with_an_alias_is_refused_and_nothing_is_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    text, why = SHARED[kind]
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=why):
        connected(text)
    with pytest.raises(SystemExit) as ended:
        app(["connect", "litellm", "--yes", "--wait", "0", "--file", str(path)])
    assert ended.value.code == 2
    assert str(path) in capsys.readouterr().err.replace("\n", "")
    assert path.read_text() == text
    assert [one.name for one in tmp_path.iterdir()] == ["config.yaml"]


def test_written_file_is_read_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.connecting.settings_file import SettingsFile

    path, real = tmp_path / "config.yaml", SettingsFile.replace

    def replace(self: SettingsFile, expected: str, text: str, *, keep: bool) -> None:
        real(self, expected, text, keep=keep)
        path.write_text("model_list: []\n")  # another program, at the same moment

    monkeypatch.setattr(SettingsFile, "replace", replace)
    with pytest.raises(SystemExit) as ended:
        app(["connect", "litellm", "--yes", "--wait", "0", "--file", str(path)])
    said = " ".join(capsys.readouterr().err.split())
    assert ended.value.code == 1
    assert "read back it does not report to http://127.0.0.1:8765" in said
    assert "written: " not in said


KEYS = st.text(st.sampled_from("ab: #-'\"?é"), min_size=1, max_size=5)
WORDS = st.text(st.sampled_from("ab: #-'\"?é\n"), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


@given(
    before=OBJECTS, after=OBJECTS, is_flow=st.sampled_from([None, False, True]),
    indent=st.sampled_from([2, 4]),
)  # fmt: skip
def test_yaml_can_become_any_other_yaml(
    before: dict[str, Any], after: dict[str, Any], is_flow: Any, indent: int
) -> None:
    text = yaml.safe_dump(
        before, default_flow_style=is_flow, indent=indent, allow_unicode=True, sort_keys=False
    )
    assert syntaxes.edited(text, before, "yaml") == text
    made = syntaxes.edited(text, after | {"z": before}, "yaml")
    assert syntaxes.read(made, "yaml", "") == after | {"z": before}
