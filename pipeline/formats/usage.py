"""The tokens that a model took, in the members in which a source counts them."""

from __future__ import annotations

from typing import Any

from pipeline.formats.members import inner, number

Names = tuple[str, ...]
IN_AND_OUT: tuple[Names, ...] = (("input_tokens",), ("output_tokens",))
_TOTAL: Names = ("total", "total_tokens", "total_token_count")
_MOST_TOKENS = 1 << 53


def tokens_of(usage: Any, kinds: tuple[Names, ...] = IN_AND_OUT) -> int:
    """Give the sum of the tokens of each kind; 0 where nothing is said of them.

    Parameters
    ----------
    kinds
        Names of the members of each kind; the first one with a number counts.

    Examples
    --------
    >>> tokens_of({"input_tokens": 800, "output_tokens": "12"})
    812
    >>> tokens_of({"in": 5, "prompt": 5, "out": 2}, (("prompt", "in"), ("out",)))
    7
    """
    given, found = inner(usage), 0.0
    for names in kinds:
        for name in names:
            count = number(given[name]) if name in given else None
            if count is not None:
                found += count
                break
    return int(min(found, _MOST_TOKENS))


def total_of(usage: Any) -> int:
    """Give the total that a turn says, else the sum of its tokens in and out.

    >>> total_of({"input": 12, "output": 5, "total": 17}), total_of({"input_tokens": 8})
    (17, 8)
    """
    return tokens_of(usage, (_TOTAL,)) or tokens_of(usage)
