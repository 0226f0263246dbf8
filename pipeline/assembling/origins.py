"""The origins of the values in the arguments of a call: `argument_origins`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from models.features.containers import identifiers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.assembling.state.corpus import Corpus

SHORT = 100
"""Longest text that is a value by itself, in characters."""
MAX_VALUES = 32
"""Most values of one argument."""
_DEEPEST = 6
_NUMBERS = (int, float)
_NESTED = (dict, list, tuple)


def origins_of(arguments: Mapping[str, Any], corpus: Corpus) -> dict[str, list[Any]]:
    """Give, for each argument, its values with their origins.

    >>> from pipeline.assembling.state.corpus import Corpus
    >>> corpus = Corpus(0)
    >>> corpus.add("result:web.fetch", "send it to DE0050")
    >>> origins_of({"iban": "DE0050", "amount": 40, "to": ["Ines"]}, corpus)
    {'iban': [['DE0050', ['result:web.fetch']]], 'amount': [['40', []]], 'to': [['Ines', []]]}
    """
    found: dict[str, list[Any]] = {}
    for key, value in arguments.items():
        values = dict.fromkeys(islice(_values(value, 0), MAX_VALUES))
        if values:
            found[key] = [[one, corpus.origins(one)] for one in values]
    return found


def _values(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        text = value.strip()
        if text and len(text) <= SHORT and "\n" not in text:
            yield text
        else:
            yield from (one[:SHORT] for one in identifiers(text))
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, _NUMBERS):
        yield str(value)
    elif depth < _DEEPEST:
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(value, _NESTED):
            for one in inner:
                yield from _values(one, depth + 1)
