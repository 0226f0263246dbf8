"""What commands write, where it follows from the line alone: nothing is executed.

``echo cm0gYQ== | base64 -d | sh`` is such a line. The output of any other program is not known.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from pipeline.actions.streams.escapes import without_escapes
from pipeline.actions.streams.invocation import MAX_WORD, MAX_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.actions.streams.invocation import Invocation, Pipe

MAX_DEPTH = 16
"""Most commands in a row whose output is followed."""
MAX_OUTPUT = 64 << 10
_FORMAT = re.compile(r"%[-+ #0]*\d*(?:\.\d+)?([%a-zA-Z])")


def text_of(pipe: Pipe, depth: int = 0) -> str | None:
    r"""Give what the writers of a pipe write; None where nothing of it is known.

    >>> from pipeline.actions.shell_syntax import parse
    >>> parsed = parse("printf 'rm %s\n' a b | rev | rev | sh")
    >>> text_of(parsed.commands[-1].stdin)
    'rm a\nrm b\n'
    """
    if not pipe.is_read:
        if depth > MAX_DEPTH:
            return None
        pipe.is_read = True
        known = [text for one in pipe.writers if (text := _output_of(one, depth)) is not None]
        whole = "".join(known)
        pipe.cut = len(whole) > MAX_OUTPUT or any(one.cut for one in pipe.writers)
        pipe.text = whole[:MAX_OUTPUT] if known else None
    return pipe.text


def input_of(one: Invocation, depth: int = 0) -> str | None:
    """Give the text on standard input of a command, where it is known."""
    if one.text is not None:
        return one.text
    return text_of(one.stdin, depth) if one.stdin is not None else None


def words_of(one: Invocation, depth: int = 0) -> list[str]:
    r"""Give the words of a command, with the outputs that are known in their place.

    >>> from pipeline.actions.shell_syntax import parse
    >>> words_of(parse("$(echo rm -f) \"$(printf 'a b')\"").commands[0])
    ['rm', '-f', 'a b']
    """
    words, room = list(one.words), MAX_WORDS
    for output in reversed(one.outputs):
        if output.file or output.marker not in words[output.word]:
            continue
        text = text_of(output.pipe, depth + 1)
        if text is None:
            continue
        text, word = text.rstrip("\n"), words[output.word]
        room -= len(text)
        if room < 0 or len(word) + len(text) > MAX_WORD + len(output.marker):
            one.cut = True
            continue
        one.cut = one.cut or output.pipe.cut
        if output.split and word == output.marker:
            words[output.word : output.word + 1] = text.split()
        else:
            before, _, after = word.rpartition(output.marker)
            words[output.word] = f"{before}{text}{after}"
    return words


def is_empty(one: Invocation) -> bool:
    """Check for a command that writes nothing but line breaks, as ``:`` and ``echo``."""
    words = words_of(one)
    write = _WRITERS.get(words[0].rpartition("/")[2]) if words else _nothing
    is_given = any(path != "/dev/null" for path in one.reads)
    text = write(words[1:], "" if one.reads else None) if write and not is_given else None
    return text is not None and not text.strip()


def _output_of(one: Invocation, depth: int) -> str | None:
    words = words_of(one, depth)
    write = _WRITERS.get(words[0].rpartition("/")[2]) if words else None
    if write is None or one.reads:
        return None
    return write(words[1:], input_of(one, depth + 1))


def _echo(words: list[str], _: str | None) -> str:
    options = ""
    while words and re.fullmatch(r"-[neE]+", words[0]):
        options += words.pop(0)
    text = " ".join(words)
    return (without_escapes(text) if "e" in options else text) + ("" if "n" in options else "\n")


def _printf(words: list[str], _: str | None) -> str:
    if words and words[0] == "--":
        words = words[1:]
    values, parts, size = list(words[1:]), list[str](), 0

    def put(found: re.Match[str]) -> str:
        if found[1] == "%":
            return "%"
        value = values.pop(0) if values else ""
        return without_escapes(value) if found[1] == "b" else value

    form = without_escapes(words[0]) if words else ""
    while size < MAX_OUTPUT:
        before = len(values)
        parts.append(_FORMAT.sub(put, form))
        size += len(parts[-1]) + 1
        if not values or len(values) == before:
            break
    return "".join(parts)


def _same(words: list[str], given: str | None) -> str | None:
    """Give the input of ``cat`` without a file, or of ``tee``."""
    files = {word for word in words if not word.startswith("-")}
    return given if not files else "" if files == {"/dev/null"} else None


def _nothing(_: list[str], __: str | None) -> str:
    return ""


def _tee(_: list[str], given: str | None) -> str | None:
    return given


def _translated(words: list[str], given: str | None) -> str | None:
    """Give what ``tr`` makes of its input, for sets of characters and ranges."""
    if given is None or not words or any("[" in word for word in words):
        return None
    if words[0] == "-d":
        return given.translate(dict.fromkeys(map(ord, _set(words[-1]))))
    sets = [_set(word) for word in words]
    if len(sets) != _SETS or not sets[1] or len(sets[0]) > MAX_OUTPUT:
        return None
    replaced = sets[1] + sets[1][-1] * (len(sets[0]) - len(sets[1]))
    return given.translate(dict(zip(map(ord, sets[0]), replaced, strict=False)))


def _set(word: str) -> str:
    """Give the characters of a set such as ``a-cx``.

    >>> _set("a-cx")
    'abcx'
    """
    return _RANGE.sub(_of_range, without_escapes(word[:_LONGEST_SET]))


def _of_range(found: re.Match[str]) -> str:
    return "".join(map(chr, range(ord(found[1]), min(ord(found[2]), ord(found[1]) + 255) + 1)))


def _openssl(words: list[str], given: str | None) -> str | None:
    """Give what ``openssl base64 -d`` writes; ``enc`` without a cipher is the same."""
    if words[:1] != ["base64"] and (words[:1] != ["enc"] or _PLAIN.isdisjoint(words)):
        return None
    return _WRITERS["base64"](words[1:], given)


def _reversed(words: list[str], given: str | None) -> str | None:
    if given is None or words:
        return None
    return "".join(line[::-1] + "\n" for line in given.splitlines())


def _decoded(decode: Callable[[str], bytes], sign: re.Pattern[str]) -> Writer:
    """Give the writer of a program that decodes with an option."""

    def write(words: list[str], given: str | None) -> str | None:
        if given is None or not any(map(sign.match, words)):
            return None
        try:
            return decode("".join(given.split())).decode("utf-8", "replace")
        except (ValueError, binascii.Error):
            return None

    return write


if TYPE_CHECKING:
    Writer = Callable[[list[str], str | None], str | None]

_RANGE = re.compile(r"(.)-(.)", re.DOTALL)
_SETS = 2
_LONGEST_SET = 1_000
_PLAIN = frozenset({"-a", "-base64"})
_DECODE = re.compile(r"-[id]*[dD]|--d")
_WRITERS: dict[str, Writer] = {
    "echo": _echo,
    "printf": _printf,
    "cat": _same,
    "tee": _tee,
    ":": _nothing,
    "true": _nothing,
    "rev": _reversed,
    "tr": _translated,
    "openssl": _openssl,
    "base64": _decoded(lambda text: base64.b64decode(text + "=" * (-len(text) % 4)), _DECODE),
    "base32": _decoded(base64.b32decode, _DECODE),
    "xxd": _decoded(bytes.fromhex, re.compile(r"-p?r")),
}
