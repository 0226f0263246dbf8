"""Bind the entities that a request names to the values used with them.

Example: invoices of a supplier are paid to one account for months. A call that takes another
account from a result can pay somebody else. A binding counts after several repeats of its value
with few changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.codec.hashing import mix
from models.provenance.history.bounded_table import REPEAT_BONUS_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.provenance.history.bounded_table import Table

MAX_ENTITIES = 8  # per request
MAX_NAME_WORDS = 4  # per name
UNBOUND, MATCHED, VIOLATED = 0, 1, 2
"""No entity of the request has a binding; the value is the bound one; it is another one."""
MIN_REPEATS = 3  # repeats of a value from which on it is expected
REPEATS_PER_CHANGE = 8  # repeats that outweigh one change; each further 8 remove a change
_BINDING_KEY = 14  # domain of the hashes of bindings
_COUNT = 6  # bits of each of the two counts
_MAX = (1 << _COUNT) - 1
_VALUE = 32
_MARK = (1 << _VALUE) - 1
_SENTENCE_ENDS = ".!?"
_ENDS = _SENTENCE_ENDS + ":,;)]}>"
_AROUND = _ENDS + "([{<\"'" + "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u2018\u201a"
_INSIDE = frozenset("-'&")
_TITLES = frozenset(("Dr.", "Mr.", "Mrs.", "Ms.", "Prof.", "St."))
_ENTITY_KINDS = frozenset(("mail", "url", "path", "code"))
_MANY_DIGITS = 8


def entity_names(text: str) -> list[str]:
    """Give the runs of capitalised words in a text, in lower case.

    The first word of a sentence is capitalised even if it is no name. A run that begins there is
    given with it and without it; alone it is no name. A run of capitals only, such as PDF, is no
    name either.

    >>> entity_names("Check the PDF of Quarry Cleaning. Ask Tomas Reyes, please, or go to Basel.")
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
    return list(found)[:MAX_ENTITIES]


def _without_ending(word: str) -> str:
    """Remove an apostrophe and the ending after it.

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
    """Add the names of a run of words, and clear the run."""
    for first in range(begins + 1):
        words = run[first:][:MAX_NAME_WORDS] if len(run) > begins else []
        if not all(map(str.isupper, words)):
            found[" ".join(words).lower()] = None
    run.clear()


def identifies_entity(text: str, kind: str) -> bool:
    """Give whether an identifier denotes a person or thing, unlike an amount or a date.

    >>> identifies_entity("ac-7", "code"), identifies_entity("9041 2233", "text")
    (True, True)
    >>> identifies_entity("12.50", "num")
    False
    """
    digits = sum("0" <= letter <= "9" for letter in text)
    return kind in _ENTITY_KINDS or (kind in ("num", "text") and digits >= _MANY_DIGITS)


def check_binding(table: Table, tool_key: int, entities: Iterable[int], value: int) -> int:
    """Compare a value with the bindings of the entities of a request.

    Parameters
    ----------
    table
        The bindings of the role.
    tool_key, entities, value
        Hashes of the argument, of the request's entities, and of the value of the call.

    Returns
    -------
    int
        `UNBOUND`, `MATCHED` or `VIOLATED`. One entity with this value gives `MATCHED`.
    """
    found = UNBOUND
    for entity in entities:
        packed = table.get(mix(tool_key, entity, _BINDING_KEY))
        if packed is None:
            continue
        repeats, changes, known = _parts(packed)
        if repeats < MIN_REPEATS or changes * REPEATS_PER_CHANGE > repeats:
            continue
        if known == value & _MARK:
            return MATCHED
        found = VIOLATED
    return found


def learn_binding(table: Table, tool_key: int, entity: int, value: int, day: int) -> None:
    """Count one more session that used a value with an entity at an argument.

    >>> from models.provenance.history.bounded_table import Table
    >>> table = Table()
    >>> for _ in range(4):
    ...     learn_binding(table, 5, 6, 7, day=20_000)
    >>> check_binding(table, 5, [6], 7) == MATCHED, check_binding(table, 5, [6], 8) == VIOLATED
    (True, True)
    """
    key = mix(tool_key, entity, _BINDING_KEY)
    mark = value & _MARK
    repeats = changes = 0
    packed = table.get(key)
    if packed is not None:
        repeats, changes, known = _parts(packed)
        if known == mark:
            repeats = min(repeats + 1, _MAX)
            if repeats % REPEATS_PER_CHANGE == 0 or repeats == _MAX:
                changes = max(0, changes - 1)
        else:
            repeats, changes = 0, min(changes + 1, _MAX)
    last_use = day + REPEAT_BONUS_DAYS if repeats else day
    packed_binding = ((last_use << _COUNT | repeats) << _COUNT | changes) << _VALUE | mark
    if packed_binding != packed:
        table.put(key, packed_binding)


def _parts(packed: int) -> tuple[int, int, int]:
    """Give the repeats of the value, the number of changes before, and 32 bits of the value."""
    changes = packed >> _VALUE & _MAX
    return packed >> _VALUE + _COUNT & _MAX, changes, packed & _MARK
