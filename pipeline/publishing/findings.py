"""The findings of a case or an anomaly: one of each type, the one that leads it first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.result import Finding


def finding_object(finding: Finding) -> dict[str, Any]:
    """Give the published form of a finding."""
    reason = finding.reason
    return {
        "anomaly": finding.anomaly,
        "detector": finding.detector,
        "subject": reason.observed,
        "bits": round(reason.bits, 2),
        "why": reason.why,
    }


def with_findings(
    known: Sequence[Mapping[str, Any]], new: Sequence[Finding], lead: str
) -> list[dict[str, Any]]:
    """Add findings; of each type, the one with most bits stays.

    Parameters
    ----------
    lead
        Type that comes first.

    Examples
    --------
    >>> from models.result import Finding, Reason
    >>> leak = Reason("leak", 12.0, "api_key", [], "A key leaves.")
    >>> new = Reason("act", 5.0, "mail", [], "A new tool.")
    >>> found = with_findings([], [Finding("leak", "secret.leak", {}, leak)], "secret.leak")
    >>> found = with_findings(found, [Finding("act", "tool.new", {}, new)], "tool.new")
    >>> [one["anomaly"] for one in found]
    ['tool.new', 'secret.leak']
    """
    found = {one["anomaly"]: dict(one) for one in known}
    for one in map(finding_object, new):
        if one["bits"] > found.get(one["anomaly"], {}).get("bits", -1.0):
            found[one["anomaly"]] = one
    return led_by(list(found.values()), lead)


def led_by(found: list[dict[str, Any]], lead: str) -> list[dict[str, Any]]:
    """Put the finding of a type first; the others keep their order."""
    return sorted(found, key=lambda one: one["anomaly"] != lead)


def of_today(found: dict[str, Any]) -> dict[str, Any]:
    """Add the findings to a case or an anomaly of an earlier version.

    >>> reason = {"observed": "mail", "bits": 7.0, "why": "A new tool."}
    >>> of_today({"anomaly": "tool.new", "reasons": [reason]})["findings"][0]["subject"]
    'mail'
    """
    return found | {"findings": findings_of(found)}


def findings_of(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the findings of a case or an anomaly.

    Those of an earlier version of Habitus are the signals of a case, and an anomaly itself.

    >>> reason = {"why": "A key leaves."}
    >>> signal = {"anomaly": "secret.leak", "detector": "leak", "subject": "key", "bits": 12.0}
    >>> findings_of({"signals": [signal | {"reasons": [reason]}]})[0]["why"]
    'A key leaves.'
    """
    if "findings" in case:
        return list(case["findings"])
    found: dict[str, dict[str, Any]] = {}
    for signal in case.get("signals", [case]):
        reasons = signal["reasons"]
        first = reasons[0] if reasons else {}
        one = {
            "anomaly": signal["anomaly"],
            "detector": signal.get("detector", ""),
            "subject": signal.get("subject", first.get("observed", "")),
            "bits": first.get("bits", 0.0) if signal is case else signal["bits"],
        }
        found.setdefault(signal["anomaly"], one | {"why": reasons[0]["why"] if reasons else ""})
    return list(found.values())
