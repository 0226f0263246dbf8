"""Lists of addresses in every form they are published in."""

from __future__ import annotations

import gzip
import ipaddress
import json
import os
from typing import TYPE_CHECKING

import pytest

from models.errors import ConfigError
from models.units import DAY_US
from pipeline.enrichment.intel import Status, intel_status, load, load_list

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.enrichment.intel import IntelList


def written(folder: Path, name: str, content: str | bytes) -> IntelList:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_list(path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("vpn_ipv4.txt", "vpn"),
        ("vpn_asn.txt", "vpn"),
        ("torbulkexitlist", "tor"),
        ("tor_exits_1d.ipset", "tor"),
        ("exit-addresses", "tor"),
        ("firehol_anonymous.netset", "proxy"),
        ("socks_proxy_7d.ipset", "proxy"),
        ("hosting_asn.txt", "hosting"),
        ("datacenter.txt", "hosting"),
        ("asn-country-ipv4.csv", "country"),
        ("iptoasn-country-ipv4.csv", "country"),
        ("asn-ipv4.csv", "asn"),
        ("operator.txt", None),
    ],
)
def test_file_name_gives_the_kind(tmp_path: Path, name: str, kind: str | None) -> None:
    if kind is None:
        with pytest.raises(ConfigError, match="unknown kind of list"):
            written(tmp_path, name, "")
    else:
        assert written(tmp_path, name, "").kind == kind


def test_prefixes_and_addresses_one_a_line(tmp_path: Path) -> None:
    one = written(
        tmp_path, "vpn.txt", "# made up\n198.18.0.0/16\n198.18.1.1 # node\n\n2001:db8::/32\n"
    )
    assert [str(net) for net in one.networks] == [
        "198.18.0.0/16", "198.18.1.1/32", "2001:db8::/32",
    ]  # fmt: skip
    assert (one.entries, one.bad_lines, one.licence) == (3, 0, "not stated")


def test_networks_by_number(tmp_path: Path) -> None:
    assert written(tmp_path, "vpn_asn.txt", "AS64500 # Example VPN\nas64501\n").asns == {
        64500,
        64501,
    }


def test_exit_blocks_of_tor(tmp_path: Path) -> None:
    block = (
        "ExitNode 0011\nPublished 2026-10-01 00:00:00\nLastStatus 2026-10-01 01:00:00\n"
        "ExitAddress 198.18.7.7 2026-10-01 01:02:03\n"
    )
    one = written(tmp_path, "exit-addresses", block * 2)
    assert [str(net) for net in one.networks] == ["198.18.7.7/32"] * 2
    assert one.bad_lines == 0


def test_json_form_has_version_licence_and_kind(tmp_path: Path) -> None:
    table = {
        "source": "example", "commit": "167937a76d424a1a176eccda7d929e40cedd6b40 2026-08-22",
        "licence": "MIT", "kind": "vpn", "prefixes": ["198.18.0.0/16"],
        "asns": [{"asn": 64500, "name": "x"}, 64501],
    }  # fmt: skip
    one = written(tmp_path, "somebody.json", json.dumps(table))
    assert (one.kind, one.evidence, one.licence) == ("vpn", "somebody@167937a", "MIT")
    assert (len(one.networks), one.asns) == (1, {64500, 64501})


def test_ranges_of_country_and_asn(tmp_path: Path) -> None:
    country = written(
        tmp_path, "asn-country.csv", "192.0.2.0,192.0.2.255,nl\n2001:db8::,2001:db8::ff,BE\n"
    )
    assert [(one.value, one.last - one.first) for one in country.v4 + country.v6] == [
        ("NL", 255), ("BE", 255),
    ]  # fmt: skip
    numbers = written(tmp_path, "asn.csv", '3221225984,3221226239,64500,"Example, Inc."\n')
    (only,) = numbers.v4
    assert (only.first, only.value) == (int(ipaddress.ip_address("192.0.2.0")), 64500)


def test_compressed_lists_are_the_same(tmp_path: Path) -> None:
    one = written(tmp_path, "vpn.txt.gz", gzip.compress(b"198.18.0.0/16\n"))
    assert (one.name, one.entries) == ("vpn", 1)


def test_bad_lines_are_counted_and_the_rest_is_used(tmp_path: Path) -> None:
    bad = "198.18.0.0/16\n<html>\n999.1.1.1\n198.18.0.0/77\nASfoo\n\xff\n"
    one = written(tmp_path, "vpn.txt", bad.encode("latin-1"))
    assert (one.entries, one.bad_lines) == (1, 5)
    ranges = (
        "192.0.2.0,192.0.2.9,NL\n192.0.2.9,192.0.2.0,NL\n192.0.2.0,::1,NL\n"
        "x,y,z\n1,2\n1.1.1.1,1.1.1.2,Nederland\n"
    )
    one = written(tmp_path, "country.csv", ranges)
    assert (one.entries, one.bad_lines) == (1, 5)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("vpn.json", b"nonsense", "is not JSON"),
        ("vpn.json", b"{}", "neither 'prefixes' nor 'asns'"),
        ("vpn.json", b'{"prefixes":"198.18.0.0/16"}', "must be lists"),
        ("vpn.txt.gz", b"not gzip", "cannot be read"),
    ],
)
def test_an_unreadable_file_stops_the_start(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        written(tmp_path, name, content)


def test_missing_folder_is_reported_and_an_unset_one_is_accepted(tmp_path: Path) -> None:
    assert load(None) == []
    with pytest.raises(ConfigError, match="folder of IP lists"):
        load(tmp_path / "absent")


def test_the_status_shows_age_version_and_bad_lines(tmp_path: Path) -> None:
    written(tmp_path, "vpn.txt", "198.18.0.0/16\nbad\n")
    (tmp_path / "vpn.txt.meta.json").write_text('{"version":"abc1234","licence":"MIT"}')
    (tmp_path / "README.md").write_text("not a list")
    (tmp_path / "LICENSE").write_text("not a list")
    os.utime(tmp_path / "vpn.txt", (86_400, 86_400))
    (row,) = intel_status(tmp_path, 11 * DAY_US)
    assert row == Status("vpn", "vpn", 1, "abc1234", "MIT", age_days=10, bad_lines=1)


def test_equal_content_has_an_equal_version(tmp_path: Path) -> None:
    first = written(tmp_path, "vpn.txt", "198.18.0.0/16\n").version
    assert first == written(tmp_path, "vpn-2.txt", "198.18.0.0/16\n").version
    assert first != written(tmp_path, "vpn.txt", "198.18.0.0/15\n").version
