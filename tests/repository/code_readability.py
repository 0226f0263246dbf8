"""Find the prose and the names in Python source: docstrings, comments, messages, identifiers."""

from __future__ import annotations

import ast
import re
from functools import cache
from inspect import cleandoc

from tests.repository.readability import DIALECT, python_comments

# An underline of a numpy section, and the sections whose text is indented.
_UNDERLINE = re.compile(r"-{3,}$")
_RULE_OF_TABLE = re.compile(r"=+(?: +=+)+")
_INDENTED = {"Parameters", "Returns", "Yields", "Raises", "Attributes"}
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
# A test name begins with its subject: not with a conjunction, a preposition or a pronoun.
_OPENINGS = {
    "after", "also", "and", "as", "at", "before", "behind", "beyond", "but", "by", "during",
    "else", "everything", "from", "how", "if", "in", "into", "it", "its", "neither", "nor", "of",
    "on", "once", "or", "over", "so", "that", "there", "they", "those", "though", "under", "until",
    "what", "whatever", "when", "where", "whether", "whichever", "while", "who", "whoever", "with",
    "within", "without",
}  # fmt: skip
# Words within a test name that turn the sentence round or keep its noun back.
_RIDDLES = (
    "anybody", "are_no", "are_said", "go_on", "goes_on", "however", "is_no", "is_none_of",
    "is_not_there", "is_said", "let_go", "neither", "nobody", "nor", "of_its_own", "of_their_own",
    "of_what", "of_which", "of_whom", "said_so", "take_in", "taken_in", "that_is_none",
    "that_is_there", "whatever", "whichever", "whoever",
)  # fmt: skip


def docstrings(source: str) -> str:
    """Give the prose of all docstrings: no doctests, headings, terms or code.

    >>> docstrings("def f(a):\\n  'Do it.'\\ndef g(): 'Read it.'").splitlines()
    ['Do it.', '', 'Read it.']
    """
    parts = [_prose(text) for text in _docstrings(ast.parse(source))]
    return "\n\n".join(part for part in parts if part)


def messages(source: str) -> str:
    """Give the texts of at least three words in the code, such as errors and help texts.

    >>> messages('a = f"{b} must be positive"; c = "one"')
    'X must be positive'
    """
    tree = ast.parse(source)
    skipped = {id(node) for node in _docstring_nodes(tree)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in ast.walk(node)} - {id(node)}
        if id(node) not in skipped and (text := _text(node)).count(" ") > 1:
            found.append(" ".join(text.split()))
    return "\n\n".join(found)


def prose(source: str) -> str:
    """Give everything in a Python file that is written for people."""
    return "\n\n".join((docstrings(source), python_comments(source), messages(source)))


def identifiers(source: str) -> set[str]:
    """Give the names that a Python file defines.

    >>> sorted(identifiers("def f(a): b = a; c.d = b"))
    ['a', 'b', 'd', 'f']
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    return found


def pet_words(name: str) -> list[str]:
    """Give the words of an identifier that the project no longer uses.

    >>> pet_words("is_told"), pet_words("OddOne"), pet_words("toldest")
    (['told'], ['odd'], [])
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")
    return [word for word in words if word in _single_words()]


def faults_of_test_name(name: str) -> list[str]:
    """Say what keeps the name of a test from being a sentence in plain order.

    >>> faults_of_test_name("test_t4_nor_is_an_alert_told_of_which_nobody_knows")
    ['begins with nor', 'has nobody', 'has nor', 'has of_which', 'told']
    >>> faults_of_test_name("test_t4_second_alert_is_published")
    []
    """
    # The number of an invariant, such as `t4_`, is not part of the sentence.
    sentence = re.sub(r"^test_(?:[a-z]\d+_)?", "", name)
    opening = sentence.split("_")[0]
    faults = [f"begins with {opening}"] if opening in _OPENINGS else []
    faults += [f"has {words}" for words in _RIDDLES if f"_{words}_" in f"_{sentence}_"]
    return faults + pet_words(name)


@cache
def _single_words() -> frozenset[str]:
    lines = DIALECT.read_text().splitlines()
    phrases = (line.partition(" = ")[0].strip() for line in lines if not line.startswith("#"))
    return frozenset(phrase for phrase in phrases if phrase and " " not in phrase)


def _docstring_nodes(tree: ast.AST) -> list[ast.Constant]:
    return [
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, _Documented)
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
        and isinstance(node.body[0].value.value, str)
    ]


def _docstrings(tree: ast.AST) -> list[str]:
    """Give docstrings, and texts below an assignment, which document it."""
    texts = [node.value for node in _docstring_nodes(tree)]
    texts += [
        node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and node.value.value not in texts
    ]
    return [cleandoc(text) for text in texts]


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values
        )
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _prose(text: str) -> str:
    """Keep the sentences of a docstring, without tables; each parameter is a paragraph."""
    kept: list[str] = []
    section, in_table = "", False
    lines = text.splitlines()
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        in_table = bool(line.strip()) and (in_table or bool(_RULE_OF_TABLE.fullmatch(line)))
        if in_table or _UNDERLINE.fullmatch(line):
            continue
        if _UNDERLINE.fullmatch(below):
            section = line
            kept.append("")
        elif section == "Examples" or line.lstrip().startswith((">>>", "... ", "|")):
            kept.append("")
        elif section in _INDENTED:
            kept.append(line.strip() if line.startswith("    ") else "")
        else:
            kept.append("" if line.startswith("    ") else line.strip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
