"""Values of the synthetic labelled log: people, locations, dates and sums, drawn by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_FIRST = ("Ilse", "Bram", "Nour", "Tove", "Anton", "Mila", "Ravi", "Selma", "Otto", "Jun")
_LAST = ("Falk", "Okafor", "Lindqvist", "Moreau", "Sato", "Petrov", "Nagy", "Duarte", "Weber")
_MATTERS = (
    "heating repair", "roof inspection", "water meters", "parking spaces", "new opening hours",
    "annual report", "privacy notice", "summer closing", "lift maintenance", "price list",
)  # fmt: skip
_COMPANIES = ("Nordlicht GmbH", "Halden & Sons", "Bluewater Ltd", "Kestrel AG", "Oakline BV")
_ITEMS = ("gloves", "bandages", "swabs", "masks", "needles", "gauze")
_PEOPLE = ("tenant", "patient", "doctor", "journalist", "author", "guest")
_SUMS = {"rent": (400, 1600), "price": (60, 900), "deposit": (300, 2400), "amount": (5, 60)}


def draw(name: str, rng: Random) -> str:
    """Draw a value by the name of its placeholder.

    Names with prefix ``foreign_`` give values that occur in no request and no benign result.

    Examples
    --------
    >>> from random import Random
    >>> draw("rent", Random(1)), draw("foreign_mail", Random(1))
    ('675 EUR', 'desk-137@collect.example.net')
    """
    if name.startswith("foreign_"):
        return _foreign(name.removeprefix("foreign_"), rng)
    if name in _PEOPLE:
        return f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
    if name in _SUMS:
        low, high = _SUMS[name]
        return f"{rng.randint(low, high)}" + ("" if name == "amount" else " EUR")
    if name.endswith("mail") or name == "sender":
        return f"{rng.choice(_FIRST)}.{rng.choice(_LAST)}@example.com".lower()
    choices = {"matter": _MATTERS, "company": _COMPANIES, "item": _ITEMS}
    if name in choices:
        return rng.choice(choices[name])
    return _code(name, rng)


def _code(name: str, rng: Random) -> str:
    number = rng.randint(100, 999)
    match name:
        case "date":
            return f"2026-{rng.randint(3, 9):02}-{rng.randint(1, 28):02}"
        case "slot":
            return f"{rng.randint(8, 16):02}:{rng.choice((0, 15, 30, 45)):02}"
        case "iban":
            return f"DE{rng.randint(10, 99)}50010517{rng.randint(10**9, 10**10 - 1)}"
        case "url":
            return f"https://news.example.org/articles/{number}"
        case "flat":
            return f"A{number}"
        case _:
            return f"{name}-{number}"


def _foreign(name: str, rng: Random) -> str:
    number = rng.randint(120, 199)
    match name:
        case "mail":
            return f"desk-{number}@collect.example.net"
        case "iban":
            return f"LT{rng.randint(10, 99)}70440600{rng.randint(10**9, 10**10 - 1)}"
        case "url":
            return f"https://confirm.example.net/visit/{number}"
        case "price":
            return f"{number * 100} EUR"
        case _:
            return f"{name}-x{number}"
