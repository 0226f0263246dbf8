"""Vocabulary of the simulated companies: the sample's, and that of further roles."""

from __future__ import annotations

from lab.simulation.sample.world import vocabulary

ENTITIES: dict[str, tuple[str, ...]] = vocabulary.ENTITIES | {
    kind: tuple(text.split(", "))
    for kind, text in {
        "repo": (
            "basket service, billing core, catalog web, courier app, event bridge, form kit, "
            "gate proxy, ledger batch, mail relay, price engine, stock sync, store front"
        ),
        "service": (
            "checkout api, customer search, daily feed, identity hub, image cache, order queue, "
            "parcel tracker, report builder, session store, voucher desk"
        ),
        "company": (
            "Amber Freight, Basalt Works, Copper Foods, Dahlia Health, Ember Rail, Flint Media, "
            "Granite Homes, Heron Marine, Ivory Labs, Jasper Textiles, Kelp Farming, Larch Timber"
        ),
        "candidate": (
            "Alma Berg, Bruno Cole, Cleo Dahl, Dario Eck, Elsa Frey, Finn Gale, Gina Holm, "
            "Hugo Iversen, Ines Jung, Jan Kerr, Kira Lorenz, Levi Moss"
        ),
        "library": (
            "quick parse, thin http, safe dates, tiny cache, open chart, fast csv, plain auth, "
            "soft retry, deep copy, wide table"
        ),
    }.items()
}
"""Names by kind; larger worlds combine their first and last words."""

ATTRIBUTES: dict[str, tuple[str, str]] = vocabulary.ATTRIBUTES | {
    "host": ("service", "{slug}-a.internal.example.com"),
    "image": ("service", "img-{slug}"),
    "contact_mail": ("company", "contact@{slug}.example.com"),
    "candidate_mail": ("candidate", "{dots}@mail.example.com"),
    "branch": ("repo", "topic/{slug}-next"),
    "model": ("dataset", "forecast-{under}"),
}
"""Values that belong to an entity: slot -> (kind, pattern)."""

SERIALS: dict[str, tuple[str, int, int]] = vocabulary.SERIALS | {
    "issue": ("ISS-{}", 1_000, 99_999),
    "review": ("RV-{}", 1_000, 99_999),
    "commit": ("c{}", 100_000, 9_999_999),
    "alert": ("AL-{}", 10_000, 999_999),
    "deal": ("DEAL-{}", 1_000, 9_999),
    "offer": ("OF-{}", 1_000, 9_999),
    "leave": ("LV-{}", 1_000, 9_999),
    "letter": ("LT-{}", 1_000, 9_999),
    "symbol": ("Handler{}", 10, 99),
}
"""Values that are new each time: slot -> (pattern, lowest, highest)."""

CHOICES: dict[str, tuple[str, ...]] = vocabulary.CHOICES
REGIONS = ("north", "south", "east", "west", "centre", "coast")

ITEMS = tuple(
    f"{first}-{last}"
    for last in ("core", "archive", "review", "intake", "shared", "ledger", "draft", "summary")
    for first in ("alpha", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor")
)
"""Parts of a resource; their names have no digits, so that each is a separate resource."""

FOREIGN = (
    ("payroll", "salaries"),
    ("board", "minutes"),
    ("legal", "settlements"),
    ("mergers", "targets"),
    ("health", "records"),
    ("treasury", "positions"),
)
"""Domains and collections that no role works with."""
