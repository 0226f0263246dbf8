"""Whom a request names, and what has always come with that name.

An account that a supplier's invoices were paid to for months is part of what the supplier is. Where
a call takes another one out of a result, it need not be a new supplier: it can be somebody else's
account. A name counts once its value came several times and hardly ever changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.codec.hashing import mix
from models.provenance.history.request_clusters import KEPT_LONGER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.provenance.history.request_clusters import Table

MOST_NAMES = 8  # of one request
MOST_WORDS = 4  # of one name
UNSAID, KEPT, BROKEN = 0, 1, 2
"""No name of the request says what to expect; it came as expected; it is another one."""
SURE = 3  # times that a value came again, from which on it is expected
STEADY = 8  # times for each change before; as often again makes one forgotten
_TIED = 14  # marks what came with a name
_COUNT = 6  # binary digits of each of the two counts
_MOST = (1 << _COUNT) - 1
_VALUE = 32
_MARK = (1 << _VALUE) - 1
_SENTENCE_ENDS = ".!?"
_ENDS = _SENTENCE_ENDS + ":,;)]}>"
_AROUND = _ENDS + "([{<\"'" + "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u2018\u201a"
_INSIDE = frozenset("-'&")
_TITLES = frozenset(("Dr.", "Mr.", "Mrs.", "Ms.", "Prof.", "St."))
_SAY_WHO = frozenset(("mail", "url", "path", "code"))
_MANY_DIGITS = 8


def names_of(text: str) -> list[str]:
    """Give the runs of capitalised words in a text, in lower case.

    The first word of a sentence is capitalised without being a name: a run that begins there is
    given with it and without it, and is none where it is alone. Neither is one of capitals alone,
    as PDF is.

    >>> names_of("Check the PDF of Quarry Cleaning. Ask Tomas Reyes, I'm told, or wait for Basel.")
    ['quarry cleaning', 'ask tomas reyes', 'tomas reyes', 'basel']
    """
    found: dict[str, None] = {}
    run: list[str] = []
    at_start = begins = True
    for token in text.replace("\u2019", "'").split():
        bare = _without_ending(token.strip(_AROUND))
        if _is_name(bare):
            if not run:
                begins = at_start
            run.append(bare)
        else:
            _end(run, found, begins=begins)
        if token in _TITLES:
            at_start = False
            continue
        if token[-1] in _ENDS:
            _end(run, found, begins=begins)
        at_start = token[-1] in _SENTENCE_ENDS
    _end(run, found, begins=begins)
    return list(found)[:MOST_NAMES]


def _without_ending(word: str) -> str:
    """Cut off what an apostrophe joins to a word.

    >>> [_without_ending(word) for word in ("Ines's", "I'm", "O'Brien's", "Owners'")]
    ['Ines', 'I', "O'Brien", 'Owners']
    """
    word = word.removesuffix("'s")
    head, _, rest = word.partition("'")
    return word if rest[:1].isupper() else head


def _is_name(bare: str) -> bool:
    return (
        len(bare) > 1
        and bare[0].isupper()
        and all(letter.isalpha() or letter in _INSIDE for letter in bare)
    )


def _end(run: list[str], found: dict[str, None], *, begins: bool) -> None:
    """Take over a run of words and empty it."""
    for first in range(begins + 1):
        words = run[first:][:MOST_WORDS] if len(run) > begins else []
        if not all(map(str.isupper, words)):
            found[" ".join(words).lower()] = None
    run.clear()


def says_who(text: str, kind: str) -> bool:
    """Tell whether an identifier stands for somebody or something, as an amount or a date does not.

    >>> [says_who(*one) for one in (("ac-7", "code"), ("12.50", "num"), ("9041 2233", "text"))]
    [True, False, True]
    """
    digits = sum("0" <= letter <= "9" for letter in text)
    return kind in _SAY_WHO or (kind in ("num", "text") and digits >= _MANY_DIGITS)


def standing(table: Table, tool_key: int, names: Iterable[int], value: int) -> int:
    """Tell whether a value is what its place always had with the names of a request.

    Parameters
    ----------
    table
        What came with names so far.
    tool_key, names, value
        Hashes: of the place, of the request's names, and of what the call has there.

    Returns
    -------
    int
        `UNSAID`, `KEPT` or `BROKEN`; one name that it always came with is enough.
    """
    found = UNSAID
    for name in names:
        packed = table.get(mix(tool_key, name, _TIED))
        if packed is None:
            continue
        again, changes, known = _parts(packed)
        if again < SURE or changes * STEADY > again:
            continue
        if known == value & _MARK:
            return KEPT
        found = BROKEN
    return found


def tie(table: Table, tool_key: int, name: int, value: int, day: int) -> None:
    """Note that a value came with a name at a place, in one session more.

    >>> from models.provenance.history.request_clusters import Table
    >>> table = Table()
    >>> for _ in range(4):
    ...     tie(table, 5, 6, 7, day=20_000)
    >>> standing(table, 5, [6], 7) == KEPT, standing(table, 5, [6], 8) == BROKEN
    (True, True)
    """
    key = mix(tool_key, name, _TIED)
    mark = value & _MARK
    again = changes = 0
    packed = table.get(key)
    if packed is not None:
        again, changes, known = _parts(packed)
        if known == mark:
            again = min(again + 1, _MOST)
            if again % STEADY == 0 or again == _MOST:
                changes = max(0, changes - 1)
        else:
            again, changes = 0, min(changes + 1, _MOST)
    kept_until = day + KEPT_LONGER if again else day
    tied = ((kept_until << _COUNT | again) << _COUNT | changes) << _VALUE | mark
    if tied != packed:
        table.put(key, tied)


def _parts(packed: int) -> tuple[int, int, int]:
    """Give how often the value came again, how often it had changed, and the value's mark."""
    changes = packed >> _VALUE & _MOST
    return packed >> _VALUE + _COUNT & _MOST, changes, packed & _MARK
