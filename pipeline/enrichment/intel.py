"""Lists of addresses and networks: VPN, Tor exits, proxies, hosting, network owner and country.

A folder holds one file per list. Its kind is in the file name (or in ``"kind"`` of a JSON file):

    vpn                      vpn_ipv4.json, vpn_asn.txt
    tor, exit-addresses      torbulkexitlist, tor_exits_1d.ipset
    proxy, anonymous         firehol_anonymous.netset
    hosting, datacenter      hosting_asn.json
    country                  asn-country-ipv4.csv
    asn                      asn-ipv4.csv

The form of each line is detected: addresses and prefixes, ``AS9009 # name``, Tor's ``ExitAddress``
blocks, ``start,end,COUNTRY`` and ``start,end,ASN,name``. ``#`` begins a comment. Any file may be
compressed with gzip. Other lines are counted and skipped.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec
from msgspec import Struct, field

from models.errors import ConfigError
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterable

AddressClass = Literal["tor", "proxy", "vpn", "hosting"]
ADDRESS_CLASSES: tuple[AddressClass, ...] = get_args(AddressClass)
"""Kinds of list that give the class of an address, in the order in which they are consulted."""

Kind = AddressClass | Literal["country", "asn"]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Net = ipaddress.IPv4Network | ipaddress.IPv6Network

META = ".meta.json"

# The first match decides: "vpn_asn" is a VPN list, "asn-country" a country list.
_KINDS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"vpn"), "vpn"),
    (re.compile(r"(^|[-_.])tor([-_.]|bulkexit|$)|exit-addresses"), "tor"),
    (re.compile(r"proxy|proxies|anonymous"), "proxy"),
    (re.compile(r"hosting|data-?center"), "hosting"),
    (re.compile(r"country"), "country"),
    (re.compile(r"asn"), "asn"),
)
_SUFFIXES = {".txt", ".json", ".csv", ".ipset", ".netset", ""}
_ASN = re.compile(r"(?:AS)?(\d{1,10})", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Range(Struct, frozen=True):
    """Addresses from `first` to `last` (integers of one family), and their value."""

    first: int
    last: int
    value: str | int


class IntelList(Struct):
    """One loaded list.

    Attributes
    ----------
    name, kind, version, licence
        Identity of the list; `version` is a commit or, without one, a digest of the content.
    modified_us
        Time of the file's last change, microseconds since 1970.
    networks, asns
        Entries of a list of networks.
    v4, v6
        Entries of a list of ranges, in order.
    bad_lines
        Number of lines that could not be parsed.
    """

    name: str
    kind: Kind
    version: str
    licence: str
    modified_us: int
    networks: list[Net] = field(default_factory=list)
    asns: set[int] = field(default_factory=set)
    v4: list[Range] = field(default_factory=list)
    v6: list[Range] = field(default_factory=list)
    bad_lines: int = 0

    @property
    def entries(self) -> int:
        """Number of entries."""
        return len(self.networks) + len(self.asns) + len(self.v4) + len(self.v6)

    @property
    def evidence(self) -> str:
        """Name and version, as evidence of a classification."""
        return f"{self.name}@{self.version}"


class Status(Struct, frozen=True):
    """One row of `habitus intel status`."""

    name: str
    kind: str
    entries: int
    version: str
    licence: str
    age_days: int
    bad_lines: int


def load(folder: Path | None) -> list[IntelList]:
    """Load all lists of a folder, in order of their names; none without a folder.

    Raises
    ------
    ConfigError
        The folder or a file cannot be read, or the kind of a file is unknown.
    """
    if folder is None:
        return []
    try:
        paths = sorted(path for path in folder.iterdir() if _is_list(path))
    except OSError as error:
        raise ConfigError(f"folder of IP lists {folder}: {error.strerror}") from error
    return [load_list(path) for path in paths]


def intel_status(folder: Path | None, now_us: int) -> list[Status]:
    """Describe all lists of a folder, with their age at `now_us`."""
    return [
        Status(
            name=one.name,
            kind=one.kind,
            entries=one.entries,
            version=one.version,
            licence=one.licence,
            age_days=max(0, now_us - one.modified_us) // DAY_US,
            bad_lines=one.bad_lines,
        )
        for one in load(folder)
    ]


def load_list(path: Path) -> IntelList:
    """Load one file; an optional sidecar ``NAME.meta.json`` holds version and licence.

    Raises
    ------
    ConfigError
        The file cannot be read, or its kind is unknown.
    """
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        meta = _sidecar(path)
        modified_us = path.stat().st_mtime_ns // 1000
    except (OSError, EOFError, msgspec.DecodeError) as error:
        raise ConfigError(f"IP list {path} cannot be read: {error}") from error
    name = path.name.removesuffix(".gz")
    table = _table(path, content) if name.endswith(".json") else {}
    stated = {**table, **meta}
    one = IntelList(
        name=Path(name).stem,
        kind=_kind(path, str(stated.get("kind") or "")),
        version=_version(stated, content),
        licence=str(stated.get("licence") or stated.get("license") or "not stated"),
        modified_us=modified_us,
    )
    if table:
        _fill(one, (str(entry) for entry in table.get("prefixes", [])))
        _fill(one, (f"AS{_asn_of(entry)}" for entry in table.get("asns", [])))
    else:
        _fill(one, content.decode(errors="replace").splitlines())
    one.v4.sort(key=_first)
    one.v6.sort(key=_first)
    return one


def _is_list(path: Path) -> bool:
    plain = Path(path.name.removesuffix(".gz"))
    hidden = path.name.startswith((".", "README", "LICENSE"))
    return path.is_file() and plain.suffix in _SUFFIXES and not hidden and META not in path.name


def _sidecar(path: Path) -> dict[str, Any]:
    meta = path.with_name(path.name + META)
    return msgspec.json.decode(meta.read_bytes(), type=dict[str, Any]) if meta.is_file() else {}


def _table(path: Path, content: bytes) -> dict[str, Any]:
    try:
        table = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise ConfigError(f"IP list {path} is not JSON: {error}") from error
    lists = {"prefixes", "asns"}
    if isinstance(table, list):
        return {"prefixes": table}
    if not isinstance(table, dict) or not lists & table.keys():
        raise ConfigError(f"IP list {path} has neither 'prefixes' nor 'asns'")
    if not all(isinstance(table.get(key, []), list) for key in lists):
        raise ConfigError(f"IP list {path}: 'prefixes' and 'asns' must be lists")
    return table


def _kind(path: Path, stated: str) -> Kind:
    for pattern, kind in _KINDS:
        if stated == kind or (not stated and pattern.search(path.name.lower())):
            return kind
    raise ConfigError(
        f"unknown kind of list {path}; its name must contain one of: "
        + ", ".join(kind for _, kind in _KINDS)
    )


def _version(stated: dict[str, Any], content: bytes) -> str:
    given = str(stated.get("commit") or stated.get("version") or "").split()
    if not given:
        return hashlib.sha256(content).hexdigest()[:12]
    return given[0][:7] if _HEX.fullmatch(given[0]) else given[0][:40]


def _asn_of(entry: Any) -> Any:
    return entry.get("asn") if isinstance(entry, dict) else entry


def _first(one: Range) -> int:
    return one.first


def _fill(one: IntelList, lines: Iterable[str]) -> None:
    for line in lines:
        text = line.partition("#")[0].strip()
        if not text or text.startswith(("ExitNode", "Published", "LastStatus")):
            continue
        try:
            _add(one, text)
        except ValueError:
            one.bad_lines += 1


def _add(one: IntelList, text: str) -> None:
    if one.kind in ("country", "asn"):
        _add_range(one, text)
    elif text.startswith("ExitAddress "):
        one.networks.append(ipaddress.ip_network(text.split()[1]))
    elif text[:2].upper() == "AS":
        one.asns.add(_number(text))
    else:
        one.networks.append(ipaddress.ip_network(text, strict=False))


def _add_range(one: IntelList, text: str) -> None:
    first, last, value, *_ = next(csv.reader([text]))
    start, end = _address(first), _address(last)
    if start.version != end.version or int(end) < int(start):
        raise ValueError(text)
    known = _number(value) if one.kind == "asn" else value.strip().upper()
    if one.kind == "country" and not re.fullmatch(r"[A-Z]{2}", str(known)):
        raise ValueError(text)
    ranges = one.v4 if start.version == 4 else one.v6
    ranges.append(Range(int(start), int(end), known))


def _address(text: str) -> Address:
    return ipaddress.ip_address(int(text) if text.isdigit() else text.strip())


def _number(text: str) -> int:
    match = _ASN.fullmatch(text.split()[0]) if text.split() else None
    if match is None:
        raise ValueError(text)
    return int(match[1])
