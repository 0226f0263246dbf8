"""State in a layout that this version does not write is refused by both kernels."""

from __future__ import annotations

import msgspec
import pytest

from models.calibration import session_calibration as session_pools
from models.codec.compact_writer import Writer
from models.errors import StateError
from models.kernel import native_kernel
from models.provenance.backend import provenance_detector
from models.provenance.open_sessions import open_sessions
from models.telemetry import last_seen
from models.trust.state import TrustState, trust_bytes, trust_of
from models.units import DAY_US

KEY = b"0123456789abcdef"
NATIVE = native_kernel("auto")
KERNELS = [None] if NATIVE is None else [None, NATIVE]
decode, encode = msgspec.msgpack.decode, msgspec.msgpack.encode


@pytest.fixture(params=KERNELS, ids=["python", "native"][: len(KERNELS)])
def kernel(request):
    return request.param


def test_session_that_is_not_packed_is_refused(kernel):
    content = provenance_detector(KEY, kernel)
    session = content.open("billing-7", "unknown", "clerk", "Pay", 0, 0, 1, True, False)
    raw = content.dump_session(session)
    with pytest.raises(StateError, match="layout"):
        open_sessions(DAY_US, KEY, kernel).load([(7, raw)])


def test_session_with_fewer_parts_is_refused(kernel):
    content = provenance_detector(KEY, kernel)
    session = content.open("billing-7", "unknown", "clerk", "Pay", 0, 0, 1, True, False)
    out = Writer(b"\x01")
    out.value(decode(content.dump_session(session))[:-1])
    with pytest.raises(StateError, match=r"parts|array of"):
        open_sessions(DAY_US, KEY, kernel).load([(7, bytes(out.out))])


def test_bucket_of_agents_without_a_generation_is_refused():
    raw = encode([("billing-7", last_seen.Activity(1, 2))])
    with pytest.raises(ValueError, match=r"expected|Expected"):
        last_seen.LastSeen().load({"last_seen:07": raw})


@pytest.mark.parametrize("part", ["head", "day_rates", "pending", "known", "novelty", "reports"])
def test_shared_tables_of_another_layout_are_refused(an_engine, part):
    with pytest.raises(StateError, match=r"shared behaviour|contribution"):
        an_engine().load({part: encode("before")}, [])


def test_cases_of_another_layout_are_refused(an_engine):
    with pytest.raises(StateError, match="cases cannot be read"):
        an_engine().load({"cases": encode([1])}, [])


def test_pools_without_spare_sessions_are_refused(kernel):
    pools = (kernel or session_pools).SessionPools(100)
    raw = encode(decode(pools.dump())[:2])
    with pytest.raises(ValueError, match=r"expected|Expected"):
        pools.load(raw)


@pytest.mark.parametrize("fewer", [1, 2])
def test_role_with_fewer_tables_is_refused(kernel, fewer):
    content = provenance_detector(KEY, kernel)
    session = content.open("billing-7", "unknown", "clerk", "Pay", 0, 0, 1, True, False)
    content.close(session)
    stored = dict(content.dump(whole=True))
    (name,) = (name for name in stored if name.endswith("clerk"))
    parts = decode(stored[name])
    parts[5] = parts[5][:-fewer]
    with pytest.raises(StateError):
        provenance_detector(KEY, kernel).load(stored | {name: encode(parts)})


def test_trust_state_that_names_its_parts_is_refused():
    state = TrustState(agent_id="a", mode="delegated")
    parts = decode(trust_bytes(state))
    named = dict(zip(TrustState.__struct_fields__, parts, strict=True))
    for raw in (encode(named), encode([*parts[:4], True, *parts[5:]])):
        with pytest.raises(msgspec.ValidationError):
            trust_of(raw, "a", "delegated")
