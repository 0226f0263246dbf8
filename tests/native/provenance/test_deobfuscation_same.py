"""The compiled kernel decodes and traces rewritten values like the reference."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import StateError
from models.provenance.deobfuscation import decoded_forms
from models.provenance.taint import MAX_SOURCES
from tests.native.both import MINUTE, TAINTED, Both, needs_native

pytestmark = needs_native

SOURCE = TAINTED.index("source")
ACCOUNT, CODE = "DE89 3704-0044.0532", "ac-9041.7733"


def encoded(text: str) -> list[str]:
    raw = text.encode()
    twice = base64.b64encode(base64.urlsafe_b64encode(raw))
    percents = "".join(f"%{byte:02x}" for byte in raw)
    return [base64.b64encode(raw).decode(), twice.decode(), raw.hex(), f"0x{raw.hex()}", percents]


letters = st.text(alphabet="aZ19é٣ ü-_/@:?%=+,;'\n\x1c1\uff11", min_size=1, max_size=24)
rewritten = letters.flatmap(
    lambda text: st.tuples(
        st.just(text),
        st.sampled_from([text, text[::-1], f"[{text!r}]", text.upper(), *encoded(text)]),
        st.integers(0, len(text)),
    )
)


@given(rewritten, st.text(alphabet="AQgZ%=/+-_ 0x4a", max_size=24))
def test_any_text_is_decoded_alike(one, raw):
    plain, other, cut = one
    both = Both()
    session = both.open("Send it on")
    both.score(session, "web.get", {"url": [(plain, ["result:bank.list"])]})
    for found in ([other], [plain[:cut], plain[cut:]], [raw], [f"{other},{plain}", raw, other]):
        both.score(session, "web.post", {"body": [(value, []) for value in found]})
    both.close(session)
    both.dump()


@pytest.mark.parametrize(
    "written", [*encoded(ACCOUNT), ACCOUNT[::-1], f"[{CODE!r}]", encoded(f"a=1&to={CODE}")[0]]
)
def test_a_rewritten_account_has_the_same_source(written):
    both = Both()
    for number in range(30):
        session = both.open(f"Pay {number}", at_us=number * MINUTE)
        both.score(session, "bank.pay", {"payee": [(f"DE{number}", ["result:web.get"])]})
        both.close(session)
    session = both.open("Pay 7", at_us=40 * MINUTE)
    known = {"account": [(ACCOUNT, ["result:bank.list"]), (CODE, ["result:bank.list"])]}
    both.score(session, "bank.look", known)
    *_, tainted = both.score(session, "web.post", {"body": [(written, [])]})
    assert tainted[SOURCE] == "bank.list"
    assert tainted[TAINTED.index("rewritten")]
    both.close(session)
    both.whole()


def test_sources_are_bounded_and_stored_alike():
    both = Both()
    session = both.open("Pay")
    for number in range(MAX_SOURCES + 3):
        both.score(session, "bank.look", {"a": [(f"account-{number}", [f"result:t{number}"])]})
    stored = msgspec.msgpack.decode(both.bytes_of(session), strict=False)
    assert list(stored[24]) == [f"t{number}" for number in range(MAX_SOURCES)]
    for kernel in both.kernels:
        with pytest.raises(StateError):
            kernel.load_session(msgspec.msgpack.encode([*stored[:-1], {"t": 8}]))


def test_text_that_is_not_ascii_is_decoded():
    assert "mullerexamplecom" in decoded_forms("müller@example.com")
