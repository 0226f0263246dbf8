"""Where agents of these tests act from, with which credential, and how long a day is."""

from __future__ import annotations

from models.event import Credential, Network, Origin

HOME = Origin("direct", 64500, "SE", "list@1")
ABROAD = Origin("direct", 64501, "BR", "list@1")
TOR = Origin("tor", 64502, "DE", "tor@7")
NEAR, FAR = Network(source_ip="192.0.2.7"), Network(source_ip="198.51.100.9")
KEY = Credential(id="digest-1")
MINUTES_OF_DAY = 24 * 60
