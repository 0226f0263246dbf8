"""Patterns of agent ids: what they cover, and what they refuse to mean."""

from __future__ import annotations

import time

import pytest

from pipeline.credentials.agent_patterns import MAX_PATTERNS, AgentPattern, Binding

SHOP = "spiffe://example.com/ns/shop"


@pytest.mark.parametrize(
    ("pattern", "agent_id", "covered"),
    [
        ("support-4", "support-4", True),
        ("support-4", "support-44", False),
        ("support-4", "Support-4", False),
        ("support-*", "support-4", True),
        ("support-*", "support-", False),  # at least one character
        ("support-*", "support", False),
        ("support-*", "xsupport-4", False),
        ("support-*", "support-4/admin", False),
        ("support-*", "support-4\n", True),  # a character as any other, of the same id
        ("*-bot", "refund-bot", True),
        ("*-bot", "refund-bot-2", False),
        ("a*a", "aa", False),
        ("a*a", "a", False),
        ("a*a", "aba", True),
        ("*", "anything", True),
        ("*", "", False),
        ("*", "a/b", False),
        ("*", f"{SHOP}/refunds", False),
        ("**", f"{SHOP}/refunds", True),
        ("**", "a//..", True),
        (f"{SHOP}/*", f"{SHOP}/refunds", True),
        (f"{SHOP}/*", f"{SHOP}/sa/refunds", False),
        (f"{SHOP}/*", f"{SHOP}/", False),
        (f"{SHOP}/*", SHOP, False),
        (f"{SHOP}/*", f"{SHOP}/..", False),
        (f"{SHOP}/*", f"{SHOP}/.", False),
        (f"{SHOP}/*", "spiffe://example.com.evil.example/ns/shop/refunds", False),
        (f"{SHOP}/*", "https://example.com/ns/shop/refunds", False),
        (f"{SHOP}/*", "SPIFFE://example.com/ns/shop/refunds", False),
        (f"{SHOP}/**", f"{SHOP}/refunds", True),
        (f"{SHOP}/**", f"{SHOP}/sa/refunds", True),
        (f"{SHOP}/**", SHOP, False),
        (f"{SHOP}/**", f"{SHOP}/", False),
        (f"{SHOP}/**", f"{SHOP}/../bank/payments", False),
        (f"{SHOP}/**", f"{SHOP}//sa", False),
        (f"{SHOP}/**", "spiffe://example.com/ns/shopping/sa", False),
        ("spiffe://example.com/ns/*/sa/refunds", f"{SHOP}/sa/refunds", True),
        ("spiffe://example.com/ns/*/sa/refunds", "spiffe://example.com/ns/a/b/sa/refunds", False),
        ("a/*", "a://b", False),
        ("a/../b", "a/../b", True),  # without a wildcard an id is compared as it is
        ("x.y", "xay", False),
        ("x+", "xx", False),
        ("^a$", "a", False),
        ("(a|b)", "a", False),
        ("caf\u00e9-*", "cafe\u0301-1", False),  # other code points are another id
    ],
)
def test_a_pattern_covers_what_its_table_says(
    pattern: str, agent_id: str, covered: bool
) -> None:  # a case
    assert AgentPattern.parse(pattern).matches(agent_id) is covered


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("", "1 to 256 characters"),
        ("a" * 257, "1 to 256 characters"),
        ("support-?", "its one wildcard is *"),
        ("support-[0-9]", "its one wildcard is *"),
        ("{a,b}", "its one wildcard is *"),
        ("a\\*", "its one wildcard is *"),
        ("a b", "white space"),
        (" a", "white space"),
        ("a\n", "white space"),
        ("a\x00b", "white space"),
        ("a*b*c", "one * in a segment"),
        ("***", "one * in a segment"),
        ("a**", "one * in a segment"),
        ("**/a", "one * in a segment"),
        ("a/**/b", "one * in a segment"),
        ("a/**b", "one * in a segment"),
        ("a//*", "empty, . or .."),
        ("/*", "empty, . or .."),
        ("a/../*", "empty, . or .."),
        ("spiffe://*", "trust domain"),
        ("spiffe://**", "trust domain"),
        ("spiffe://*.example.com/a", "trust domain"),
        ("*://example.com/a", "empty, . or .."),
    ],
)
def test_ambiguous_pattern_is_refused(pattern: str, fault: str) -> None:
    with pytest.raises(ValueError, match="agent pattern") as error:
        AgentPattern.parse(pattern)
    assert fault in str(error.value)


def test_a_binding_takes_time_linear_in_the_id() -> None:
    binding = Binding.of([f"{'a' * 100}{number}*b" for number in range(MAX_PATTERNS)])
    started = time.process_time()
    for _ in range(100):
        assert not binding.permits("a" * 256)
    assert time.process_time() - started < 2
    with pytest.raises(ValueError, match="expected at most 256"):
        Binding.of(["a"] * (MAX_PATTERNS + 1))


def test_exact_id_is_not_a_pattern() -> None:
    own = Binding.of([], exact=["*"])
    assert own.permits("*")
    assert not own.permits("a")
