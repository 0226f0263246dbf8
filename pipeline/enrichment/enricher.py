"""Classify source addresses: corporate, VPN, Tor or hosting, with network and country."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

from radix import Radix

from models.errors import ConfigError
from models.event import SAID_BY_EVENT, Origin
from pipeline.enrichment.intel import ADDRESS_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.event import Egress, Network
    from pipeline.enrichment.intel import Address, IntelList, Net, Range

# Not `is_private`, which also includes documentation and benchmark networks.
_INTERNAL = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
_REMEMBERED = 65_536
_UNKNOWN = Origin()


class Prefixes:
    """Longest-prefix match over IPv4 and IPv6 networks, each with its list as evidence."""

    def __init__(self) -> None:
        self._tree = Radix()

    def add(self, network: Net, evidence: str) -> None:
        """Add a network."""
        self._tree.add(str(network)).data["evidence"] = evidence

    def find(self, address: Address) -> str | None:
        """Give the evidence of the longest prefix that contains the address, or None."""
        node = self._tree.search_best(str(address))
        return None if node is None else str(node.data["evidence"])


class Ranges:
    """Values of address ranges; where ranges overlap, the later start decides."""

    def __init__(self, v4: Sequence[Range], v6: Sequence[Range]) -> None:
        self._ranges = {4: v4, 6: v6}
        self._starts = {version: [one.first for one in r] for version, r in self._ranges.items()}

    def find(self, address: Address) -> str | int | None:
        """Give the value of the range that contains the address, or None."""
        at = bisect_right(self._starts[address.version], int(address)) - 1
        if at < 0:
            return None
        found = self._ranges[address.version][at]
        return found.value if int(address) <= found.last else None


class Enricher:
    """Class, network and country of source addresses.

    The first match decides, in this order: the event itself, the operator's networks, private
    addresses, Tor, proxies, VPN networks, VPN operators (ASN), hosting. An address on no list is
    ``"direct"``; without such lists it is ``"unknown"``. A cloud agent always has class "hosting",
    and a corporate exit is often classified as a VPN, so only a *change* is informative.

    Parameters
    ----------
    corporate
        Addresses and prefixes of the operator's own egress.
    lists
        Result of `pipeline.enrichment.intel.load`.

    Raises
    ------
    ConfigError
        One of `corporate` is not a network.

    Examples
    --------
    >>> from models.event import Network
    >>> enricher = Enricher(["203.0.113.0/28"], [])
    >>> enricher.origin(Network(source_ip="203.0.113.5")).egress
    'corporate'
    >>> enricher.origin(Network(source_ip="::ffff:10.1.2.3")).egress
    'internal'
    >>> enricher.origin(Network(source_ip="192.0.2.1")).egress
    'unknown'
    """

    def __init__(self, corporate: Iterable[str], lists: Sequence[IntelList]) -> None:
        self._corporate = _tree((_network(text), "corporate_networks") for text in corporate)
        self._internal = _tree((_network(text), "private_address") for text in _INTERNAL)
        self._prefixes = {
            kind: _tree(
                (net, one.evidence) for one in lists if one.kind == kind for net in one.networks
            )
            for kind in ADDRESS_CLASSES
        }
        self._asns = {
            kind: {asn: one.evidence for one in lists if one.kind == kind for asn in one.asns}
            for kind in ADDRESS_CLASSES
        }
        self._known_asn = [Ranges(one.v4, one.v6) for one in lists if one.kind == "asn"]
        self._country = [Ranges(one.v4, one.v6) for one in lists if one.kind == "country"]
        self._has_prefixes = any(one.networks for one in lists)
        self._has_asns = any(one.asns for one in lists)
        self._lists = sum(1 for one in lists if one.kind in ADDRESS_CLASSES)
        self._cached = lru_cache(maxsize=_REMEMBERED)(self._look_up)

    def origin(self, network: Network | None) -> Origin:
        """Describe the network origin of an event.

        Parameters
        ----------
        network
            Network of the event. Its `egress`, `asn` and `country` are kept where present.

        Returns
        -------
        Origin
            Egress is ``"unknown"`` without an address, with an invalid one, or without lists.
        """
        if network is None:
            return _UNKNOWN
        return self._cached(network.source_ip, network.egress, network.asn, network.country)

    def located(
        self, source_ip: str | None, egress: Egress | None, asn: int | None, country: str | None
    ) -> Origin:
        """Give the same as `origin`, from the parts of a network."""
        return self._cached(source_ip, egress, asn, country)

    def _look_up(
        self, source_ip: str | None, egress: Egress | None, asn: int | None, country: str | None
    ) -> Origin:
        address = _address(source_ip)
        if address is not None:
            asn = asn if asn is not None else _number(_first(self._known_asn, address))
            country = country or _text(_first(self._country, address))
        if egress is not None and egress != "unknown":
            return Origin(egress, asn, country, SAID_BY_EVENT)
        found, evidence = self._classify(address, asn)
        return Origin(found, asn, country, evidence)

    def _classify(self, address: Address | None, asn: int | None) -> tuple[Egress, str | None]:
        if address is None:
            return "unknown", None
        if evidence := self._corporate.find(address):
            return "corporate", evidence
        if evidence := self._internal.find(address):
            return "internal", evidence
        for kind in ADDRESS_CLASSES:
            evidence = self._prefixes[kind].find(address)
            if evidence is None and asn is not None:
                evidence = self._asns[kind].get(asn)
            if evidence is not None:
                return kind, evidence
        # With ASN lists only, an address of unknown ASN cannot be classified as direct.
        if self._has_prefixes or (self._has_asns and asn is not None):
            return "direct", f"on none of {self._lists} lists"
        return "unknown", None


def _tree(entries: Iterable[tuple[Net, str]]) -> Prefixes:
    tree = Prefixes()
    for network, evidence in entries:
        tree.add(network, evidence)
    return tree


def _network(text: str) -> Net:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise ConfigError(
            f"corporate network {text!r} is not an address or prefix, expected e.g. 203.0.113.0/28"
        ) from None


def _address(text: str | None) -> Address | None:
    try:
        address = ipaddress.ip_address((text or "").strip().partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address


def _first(tables: Sequence[Ranges], address: Address) -> str | int | None:
    return next((found for t in tables if (found := t.find(address)) is not None), None)


def _number(value: str | int | None) -> int | None:
    return value if isinstance(value, int) else None


def _text(value: str | int | None) -> str | None:
    return value if isinstance(value, str) else None
