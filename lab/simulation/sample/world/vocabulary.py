"""Vocabulary of the synthetic world: names, attributes, numbers and short lists."""

from __future__ import annotations


def _listed(words: dict[str, str]) -> dict[str, tuple[str, ...]]:
    return {kind: tuple(text.split(", ")) for kind, text in words.items()}


ENTITIES = _listed(
    {
        "vendor": (
            "Alder Paper, Birch Tools, Cobalt Print, Dune Logistics, Elm Catering, "
            "Fjord Energy, Grove Cleaning, Harbor Lines, Iris Design, Juniper Legal, "
            "Kestrel Security, Lumen Lighting, Maple Furniture, Nimbus Hosting, Orchard Foods, "
            "Pine Packaging, Quarry Stone, Reef Charter, Sable Media, Thistle Garden"
        ),
        "customer": (
            "Aster Clinic, Beacon School, Cedar Hotel, Delta Bakery, Ember Studio, "
            "Falcon Cycles, Garnet Opera, Hazel Pharmacy, Indigo Yoga, Jade Museum, "
            "Kite Rentals, Linden Library, Mosaic Tiles, Nutmeg Cafe, Onyx Optics, "
            "Poplar Dental, Quill Books, Robin Nursery, Summit Gym, Tulip Florist, "
            "Umber Pottery, Violet Salon, Walnut Piano, Yarrow Farm"
        ),
        "employee": (
            "Ada Lindt, Carla Nunn, Hanna Voss, Ivo Brandt, Jonas Weil, Lea Santos, "
            "Maren Holt, Mila Ferro, Nora Quist, Olga Finn, Pia Okoro, Rui Tanaka, Sven Adler, "
            "Tomas Reyes, Edda Moor, Felix Arndt, Gita Rowe, Yara Lund"
        ),
        "dataset": (
            "daily orders, customer core, web sessions, stock levels, price history, "
            "supplier terms, parcel events, returns, newsletter, store visits, budget lines, "
            "sensor feed, loyalty points, product texts"
        ),
        "city": (
            "Lisbon, Oslo, Vienna, Ghent, Turin, Krakow, Lyon, Aarhus, Porto, Basel, Tallinn, "
            "Bilbao"
        ),
    }
)
"""Names by kind; a session uses at most one of each kind."""

ATTRIBUTES: dict[str, tuple[str, str]] = {
    "account": ("vendor", "AC-{code:07d}"),
    "vendor_mail": ("vendor", "billing@{slug}.example.com"),
    "site": ("vendor", "https://{slug}.example.com/invoices"),
    "customer_mail": ("customer", "hello@{slug}.example.com"),
    "employee_mail": ("employee", "{dots}@example.com"),
    "table": ("dataset", "core.{under}"),
    "owner_mail": ("dataset", "{slug}-owner@example.com"),
    "hotel": ("city", "Hotel {name} Park"),
}
"""Values that belong to an entity and never change: slot -> (kind, pattern)."""

SERIALS: dict[str, tuple[str, int, int]] = {
    "invoice": ("INV-{}", 10_000, 99_999),
    "po": ("PO-{}", 10_000, 99_999),
    "msg": ("m-{}", 1_000, 9_999),
    "case": ("CASE-{}", 10_000, 99_999),
    "order": ("ORD-{}", 10_000, 99_999),
    "parcel": ("PX{}", 100_000, 999_999),
    "payment": ("PAY-{}", 10_000, 99_999),
    "entry": ("LE-{}", 10_000, 99_999),
    "report": ("rep-{}", 100, 999),
    "article": ("KB-{}", 100, 180),
    "run": ("run-{}", 1_000, 9_999),
    "file": ("out-{}", 1_000, 9_999),
    "ticket": ("DT-{}", 1_000, 9_999),
    "trip": ("TRIP-{}", 1_000, 9_999),
    "flight": ("QX{}", 100, 999),
    "train": ("EC {}", 10, 99),
    "booking": ("BK{}", 10_000, 99_999),
    "amount": ("{}.50", 40, 4_000),
}
"""Values that are new each time: slot -> (pattern, lowest, highest)."""

CHOICES = _listed(
    {
        "topic": (
            "a late parcel, damaged goods, an invoice copy, a lost password, the warranty, "
            "a wrong size, a gift card, the loyalty programme"
        ),
        "segment": ("north, south, east, west, business"),
        "column": ("order_id, amount, created_at, status, region, currency"),
        "~note": ("done as asked, please confirm, short summary, follow-up, for information"),
    }
)
"""Values out of a short list; `~note` is the agent's own wording."""
