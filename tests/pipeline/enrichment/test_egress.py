"""Where an event came from: whose word counts, and what an address is."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError
from models.event import Egress, Network, Origin
from pipeline.enrichment.enricher import Enricher, Ranges
from pipeline.enrichment.intel import IntelList, Range, load

if TYPE_CHECKING:
    from pathlib import Path


def a_list(name: str, kind: Any, *, networks: tuple[str, ...] = (), asns: tuple[int, ...] = (),
           ranges: tuple[tuple[str, str, str | int], ...] = ()) -> IntelList:  # fmt: skip
    one = IntelList(name, kind, "v1", "MIT", 0)
    one.networks = [ipaddress.ip_network(text) for text in networks]
    one.asns = set(asns)
    one.v4 = [
        Range(int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last)), value)
        for first, last, value in ranges
    ]
    return one


LISTS = [
    a_list("tor", "tor", networks=("198.18.9.9/32",)),
    a_list("anonymous", "proxy", networks=("198.18.9.0/24",)),
    a_list("vpn_ipv4", "vpn", networks=("198.18.0.0/16", "198.18.44.0/24")),
    a_list("vpn_ipv6", "vpn", networks=("2001:db8:44::/48",)),
    a_list("vpn_asn", "vpn", asns=(64500,)),
    a_list("hosting_asn", "hosting", asns=(64501, 64500)),
    a_list("asn", "asn", ranges=(("192.0.2.0", "192.0.2.127", 64501),
                                 ("192.0.2.128", "192.0.2.255", 64500))),
    a_list("country", "country", ranges=(("192.0.2.0", "192.0.2.255", "NL"),)),
]  # fmt: skip
ENRICHER = Enricher(["203.0.113.0/28", "198.18.44.7", "2001:db8:c::/48", "10.9.0.0/16"], LISTS)


@pytest.mark.parametrize(
    ("address", "egress", "evidence"),
    [
        ("203.0.113.5", "corporate", "corporate_networks"),
        ("203.0.113.16", "direct", "on none of 6 lists"),
        ("198.18.44.7", "corporate", "corporate_networks"),
        ("198.18.44.8", "vpn", "vpn_ipv4@v1"),
        ("198.18.9.9", "tor", "tor@v1"),
        ("198.18.9.8", "proxy", "anonymous@v1"),
        ("192.0.2.1", "hosting", "hosting_asn@v1"),
        ("192.0.2.200", "vpn", "vpn_asn@v1"),
        ("198.51.100.1", "direct", "on none of 6 lists"),
        ("10.1.2.3", "internal", "private_address"),
        ("10.9.2.3", "corporate", "corporate_networks"),
        ("100.64.0.1", "internal", "private_address"),
        ("127.0.0.1", "internal", "private_address"),
        ("169.254.1.1", "internal", "private_address"),
        ("::1", "internal", "private_address"),
        ("fd00::1", "internal", "private_address"),
        ("fe80::1%eth0", "internal", "private_address"),
        ("2001:db8:44::1", "vpn", "vpn_ipv6@v1"),
        ("2001:db8:c::1", "corporate", "corporate_networks"),
        ("2001:db8::1", "direct", "on none of 6 lists"),
        ("::ffff:198.18.44.8", "vpn", "vpn_ipv4@v1"),
        ("::ffff:10.1.2.3", "internal", "private_address"),
        (" 198.18.44.8 ", "vpn", "vpn_ipv4@v1"),
        ("198.18.44.8:443", "unknown", None),
        ("ec2.amazonaws.com", "unknown", None),
        ("", "unknown", None),
        (None, "unknown", None),
    ],
)
def test_egress_is_classified(address: str | None, egress: str, evidence: str | None) -> None:
    origin = ENRICHER.origin(Network(source_ip=address))
    assert (origin.egress, origin.evidence) == (egress, evidence)


def test_values_of_the_event_are_kept() -> None:
    network = Network(source_ip="192.0.2.200", egress="corporate", country="BE")
    assert ENRICHER.origin(network) == Origin("corporate", 64500, "BE", "event")
    assert ENRICHER.origin(Network(egress="vpn")) == Origin("vpn", None, None, "event")


def test_value_unknown_counts_as_missing() -> None:
    assert ENRICHER.origin(Network(source_ip="198.18.9.9", egress="unknown")).egress == "tor"


def test_a_network_number_given_by_the_event_is_looked_up_too() -> None:
    assert ENRICHER.origin(Network(source_ip="198.51.100.1", asn=64500)).egress == "vpn"


def test_network_and_country_come_from_their_tables() -> None:
    origin = ENRICHER.origin(Network(source_ip="192.0.2.1"))
    assert (origin.asn, origin.country) == (64501, "NL")


def test_egress_is_not_direct_without_lists() -> None:
    bare = Enricher([], [])
    assert bare.origin(Network(source_ip="198.51.100.1")) == Origin()
    only_asn = Enricher([], [a_list("vpn_asn", "vpn", asns=(64500,))])
    assert only_asn.origin(Network(source_ip="198.51.100.1")).egress == "unknown"
    assert only_asn.origin(Network(source_ip="198.51.100.1", asn=64999)).egress == "direct"
    only_country = Enricher([], [a_list("country", "country", ranges=(("0.0.0.0", "255.255.255.255", "NL"),))])  # fmt: skip  # noqa: E501, S104  # a range of addresses
    assert only_country.origin(Network(source_ip="198.51.100.1")) == Origin("unknown", None, "NL")


def test_event_without_network_has_no_origin() -> None:
    assert ENRICHER.origin(None) == Origin()


def test_a_wrong_corporate_network_is_named() -> None:
    with pytest.raises(ConfigError, match=r"corporate network '203\.0\.113\.0/99'"):
        Enricher(["203.0.113.0/99"], [])


def test_memory_is_bounded() -> None:
    enricher = Enricher([], [])
    for n in range(70_000):
        enricher.origin(Network(source_ip=f"{n >> 8}.{n & 255}"))
    assert enricher._cached.cache_info().currsize <= 65_536


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_unknown(text: str) -> None:
    assert ENRICHER.origin(Network(source_ip=text)).egress in get_args(Egress)


@given(st.ip_addresses(v=4))
def test_prefixes_agree_with_the_standard_library(address: ipaddress.IPv4Address) -> None:
    networks = ["10.0.0.0/9", "128.0.0.0/2", "203.0.113.0/28"]
    only_vpn = Enricher([], [a_list("vpn", "vpn", networks=tuple(networks))])
    expected = any(address in ipaddress.ip_network(network) for network in networks)
    found = only_vpn.origin(Network(source_ip=str(address))).egress
    assert (found == "vpn") == (expected and found != "internal")


@given(st.lists(st.integers(0, 300), min_size=2, unique=True), st.integers(0, 310))
def test_ranges_agree_with_a_plain_search(edges: list[int], at: int) -> None:
    edges.sort()
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    table = Ranges([Range(first, last, n) for n, (first, last) in enumerate(pairs)], [])
    expected = next((n for n, (first, last) in enumerate(pairs) if first <= at <= last), None)
    assert table.find(ipaddress.ip_address(at)) == expected


@pytest.mark.shared
def test_the_recorded_lists_tell_vpn_from_direct(shared_dir: Path) -> None:
    enricher = Enricher([], load(shared_dir / "fixtures" / "ip-intel"))
    origin = enricher.origin(Network(source_ip="2.56.16.9"))
    assert (origin.egress, origin.evidence) == ("vpn", "vpn_ipv4@167937a")
    assert enricher.origin(Network(source_ip="2001:ac8::1")).evidence == "vpn_ipv6@167937a"
    assert enricher.origin(Network(source_ip="192.0.2.1")).egress == "direct"
    assert enricher.origin(Network(source_ip="192.0.2.1", asn=9009)).evidence == "vpn_asn@167937a"
