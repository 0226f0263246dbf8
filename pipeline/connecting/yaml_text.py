"""Change YAML in place: what is not changed stays as it is, to the letter.

Two things of YAML make one mapping appear in several members: an anchor with its aliases, and a
merge key. A change of such a mapping would change the other members too, so it is refused.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field
from ruamel.yaml import YAML

from models.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*(?::[\w./-]+)*", re.ASCII)
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


class Node(Struct, eq=False):
    """A value in the text.

    Attributes
    ----------
    start, end
        Where its characters are, with its anchor and tag; the end of its last content.
    line
        Line of its start, from 1 on.
    kind
        ``map`` and ``list`` have children; ``alias`` names another node.
    is_flow
        Whether it is written with brackets, or is one plain or quoted scalar.
    anchor
        Its anchor, or the one that an alias names.
    children
        Keys and values in turn, or items.
    """

    start: int
    end: int
    line: int
    kind: Literal["scalar", "alias", "map", "list"]
    is_flow: bool = True
    anchor: str = ""
    value: str = ""
    children: list[Node] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is written for it."""
        return self.kind == "scalar" and self.start == self.end


def edited(text: str, before: Any, after: dict[str, Any]) -> str:
    r"""Give a text whose value is `after`, as near to a text as it can be.

    Parameters
    ----------
    before
        Value of the text.

    Raises
    ------
    ConfigError
        The change would reach another member as well, by an anchor and its alias.

    Examples
    --------
    >>> edited("a:   [1]  # mine\n", {"a": [1]}, {"a": [1, 2], "b": {"c": ["d"]}})
    'a:   [1, 2]  # mine\nb:\n  c:\n    - d\n'
    """
    events = iter(YAML(typ="safe", pure=True).parse(text))
    root = _root(events)
    editor = _Editor(text, root)
    if root is None or root.is_empty:
        editor.insert_lines(len(text), editor.members(after, 0))
    else:
        editor.change(root, before, after, "", 0)
    out, at = [], 0
    for start, end, new in sorted(editor.edits, key=lambda edit: edit[:2]):  # inner ones first
        out += [text[at:start], new]
        at = max(at, end)
    return "".join(out) + text[at:]


def _root(events: Iterator[Any]) -> Node | None:
    for event in events:
        name = type(event).__name__
        if name not in ("StreamStartEvent", "DocumentStartEvent"):
            return None if name.endswith("EndEvent") else _node(event, events)
    return None


def _node(event: Any, events: Iterator[Any]) -> Node:
    name, mark = type(event).__name__, event.start_mark
    node = Node(
        mark.index, event.end_mark.index, mark.line + 1, "scalar", anchor=event.anchor or ""
    )
    if name == "AliasEvent":
        node.kind = "alias"
    elif name == "ScalarEvent":
        node.value, node.is_flow = event.value, event.style not in ("|", ">")
    else:
        node.kind = "map" if name == "MappingStartEvent" else "list"
        node.is_flow = bool(event.flow_style)
        while not type(event := next(events)).__name__.endswith("EndEvent"):
            node.children.append(_node(event, events))
        if node.is_flow:
            node.end = event.end_mark.index
        elif node.children:  # its own end is that of the blank lines and comments after it
            node.end = max(node.end, node.children[-1].end)
    return node


class _Editor:
    """Collects the edits that turn one value into another."""

    def __init__(self, text: str, root: Node | None) -> None:
        self._text = text
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._anchors: dict[str, int] = {}
        self._aliases: set[str] = set()
        self._unit, self._offset = 0, -1
        if root is not None:
            self._learn(root)
        self._unit = self._unit or 2
        self._offset = self._unit if self._offset < 0 else self._offset
        self.edits: list[tuple[int, int, str]] = []

    def _learn(self, node: Node) -> None:
        """Find anchors and aliases, and the indentation of the first mapping and list inside."""
        if node.kind == "alias":
            self._aliases.add(node.anchor)
        elif node.anchor:
            self._anchors[node.anchor] = node.line
        values = node.children[1::2] if node.kind == "map" else ()
        for child in values:
            if child.is_flow or not child.children or node.is_flow:
                continue
            inside = self._column(self._first(child)) - self._column(node.children[0].start)
            if child.kind == "map" and not self._unit and inside > 0:
                self._unit = inside
            elif child.kind == "list" and self._offset < 0 <= inside:
                self._offset = inside
        for child in node.children:
            self._learn(child)

    # ------------------------------------------------------------------ changes

    def change(self, node: Node, before: Any, after: Any, name: str, indent: int) -> None:
        """Turn the value of a node into another one; `indent` is that of its key."""
        if _same(before, after):
            return
        self._check(node, name)
        done = False
        if isinstance(after, dict) and node.kind == "map" and isinstance(before, dict):
            done = self._members(node, before, after, name)
        elif isinstance(after, list) and node.kind == "list" and isinstance(before, list):
            done = self._items(node, before, after)
        if not done:
            self._replace(node, after, indent)

    def _check(self, node: Node, name: str) -> None:
        if not node.anchor or (node.kind != "alias" and node.anchor not in self._aliases):
            return
        at = self._anchors.get(node.anchor, node.line)
        by = f"is the alias *{node.anchor} of line {at}" if node.kind == "alias" else (
            f"has the anchor &{node.anchor}, which an alias elsewhere refers to"
        )  # fmt: skip
        raise ConfigError(
            f"line {node.line}: {name or 'the document'} {by}, so a change would reach the other "
            f"members too; write it out without the {'alias' if node.kind == 'alias' else 'anchor'}"
            ", then try again; nothing was changed"
        )

    def _members(
        self, node: Node, before: dict[Any, Any], after: dict[str, Any], name: str
    ) -> bool:
        """Change members; return False where the mapping has to be written again."""
        pairs = list(zip(node.children[::2], node.children[1::2], strict=True))
        known = {key.value: (key, value) for key, value in pairs if key.kind == "scalar"}
        gone = [at for at, (key, _) in enumerate(pairs)
                if key.value in before and key.value not in after]  # fmt: skip
        if len(gone) == len(pairs) and (name or node.is_flow) and pairs:
            return False
        column = self._column(pairs[0][0].start) if pairs else 0
        for key, (_, value) in known.items():
            if key in before and key in after:
                inner = f"{name}.{key}" if name else key
                self.change(value, before[key], after[key], inner, column)
        for at in gone:
            self._check(pairs[at][1], pairs[at][0].value)
        spans = [(key.start, max(key.end, value.end)) for key, value in pairs]
        new = {key: value for key, value in after.items() if key not in known
               and not (key in before and _same(before[key], value))}  # fmt: skip
        flow = [f"{_flow(key)}: {_flow(value)}" for key, value in new.items()]
        return self._put(node, spans, gone, flow, self.members(new, column))

    def _items(self, node: Node, before: list[Any], after: list[Any]) -> bool:
        kept = [one for one in before if one in after]
        gone = [at for at, one in enumerate(before) if one not in after]
        if kept != after[: len(kept)] or (before and not kept) or len(before) != len(node.children):
            return False
        more = after[len(kept) :]
        spans = [(self._item_start(node, one), one.end) for one in node.children]
        column = self._column(spans[0][0]) if spans else 0
        lines = [" " * column + line for one in more for line in self._item(one)]
        return self._put(node, spans, gone, list(map(_flow, more)), lines)

    def _put(
        self, node: Node, spans: list[tuple[int, int]], gone: list[int], flow: list[str],
        lines: list[str],
    ) -> bool:  # fmt: skip
        """Remove parts of a collection, and add others at its end."""
        if node.is_flow:
            self._put_flow(node, spans, gone, flow)
            return True
        starts = [self._line_start(spans[at][0]) for at in gone]
        if any(self._text[start : spans[at][0]].strip()
               for start, at in zip(starts, gone, strict=True)):  # fmt: skip
            return False
        for start, at in zip(starts, gone, strict=True):
            self.edits.append((start, self._line_end(spans[at][1]), ""))
        if lines:
            self.insert_lines(self._line_end(node.end), lines)
        return True

    def _put_flow(
        self, node: Node, spans: list[tuple[int, int]], gone: list[int], flow: list[str]
    ) -> None:
        left = [at for at in range(len(spans)) if at not in gone]
        for at in gone:
            if at and (not left or at > left[0]):
                self.edits.append((spans[at - 1][1], spans[at][1], ""))
            elif at + 1 < len(spans):
                self.edits.append((spans[at][0], spans[at + 1][0], ""))
            else:
                self.edits.append((*spans[at], ""))
        if not flow:
            return
        if not left:
            self.edits.append((node.end - 1, node.end - 1, ", ".join(flow)))
            return
        start, end = spans[left[-1]]
        own = self._text[self._line_start(start) : start]
        between = f",{self._newline}{own}" if self._line_start(start) and not own.strip() else ", "
        self.edits.append((end, end, "".join(between + one for one in flow)))

    def _replace(self, node: Node, after: Any, indent: int) -> None:
        if node.is_empty and isinstance(after, dict | list) and after:
            lines = self.members(after, indent + self._unit) if isinstance(after, dict) else [
                " " * (indent + self._offset) + line for one in after for line in self._item(one)
            ]  # fmt: skip
            self.insert_lines(self._line_end(node.end), lines)
            return
        start, end, new = node.start, node.end, _flow(after)
        if not node.is_flow:  # from behind its key or dash on
            start = len(self._text[:start].rstrip())
            new = " " + new
            if end == self._line_start(end):
                new += self._newline
        elif node.is_empty:
            new = " " + new
        self.edits.append((start, end, new))

    # ------------------------------------------------------------------ lines

    def members(self, values: dict[str, Any], column: int) -> list[str]:
        """Give the lines of new members of a block."""
        out: list[str] = []
        for key, value in values.items():
            head = " " * column + _flow(key) + ":"
            if isinstance(value, dict) and value:
                out += [head, *self.members(value, column + self._unit)]
            elif isinstance(value, list) and value:
                inside = " " * (column + self._offset)
                out += [head, *(inside + line for one in value for line in self._item(one))]
            else:
                out.append(f"{head} {_flow(value)}")
        return out

    def _item(self, value: Any) -> list[str]:
        if not isinstance(value, dict) or not value:
            return [f"- {_flow(value)}"]
        first, *rest = self.members(value, 2)
        return ["- " + first[2:], *rest]

    def insert_lines(self, at: int, lines: list[str]) -> None:
        """Insert whole lines at the start of a line, or at the end of a text without a last one."""
        new = self._newline.join(lines)
        is_open = at > 0 and self._text[at - 1] != "\n"
        if lines:
            self.edits.append((at, at, self._newline + new if is_open else new + self._newline))

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        """Give the start of the next line, or of this one where content ends before it."""
        if at and self._text[at - 1] == "\n":
            return at
        found = self._text.find("\n", at)
        return len(self._text) if found < 0 else found + 1

    def _column(self, at: int) -> int:
        return at - self._line_start(at)

    def _first(self, node: Node) -> int:
        first = node.children[0]
        return first.start if node.kind == "map" else self._item_start(node, first)

    def _item_start(self, node: Node, item: Node) -> int:
        """Give where an item begins: its dash, in a block."""
        return item.start if node.is_flow else self._text.rfind("-", 0, item.start)


def _same(one: Any, other: Any) -> bool:
    """Compare values; 1, 1.0 and True are three."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one is other or (
            one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
        )
    if isinstance(one, list) and isinstance(other, list):
        return one is other or (len(one) == len(other) and all(map(_same, one, other)))
    return type(one) is type(other) and bool(one == other)


def _flow(value: Any) -> str:
    """Write a value on one line.

    >>> _flow({"a": ["b", "yes", "c d", 1, None]})
    '{a: [b, "yes", "c d", 1, null]}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
