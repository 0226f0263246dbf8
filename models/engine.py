"""Judge one event after the other: score, decide, then learn.

The engine owns what agents share (peers, content tables, open sessions). Profiles and trust
states come in with each event, so a store can keep any number of them.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

import msgspec

from models.assessment import Assessment, Finding, Held, Kind, Reason
from models.baseline import Found, places_of
from models.calibrate import Calibrated, calibrate, take_in
from models.content.detector import PLAIN_FACTOR, Content, ContentDetector, ContentTables
from models.content.learning import close, note
from models.content.rates import Rates
from models.content.session import Session
from models.content.tables import Documents, RoleTable
from models.event import Origin, microseconds
from models.explain import category_reason, content_reasons, quantity_reason
from models.features import HOUR_US, extract
from models.hashing import Hasher
from models.ledger import Item
from models.levels import advance
from models.peers import FLEET, GroupView, Peers
from models.quantity import QUANTITIES, quantities
from models.rules import RULES, Scene, note_credential, note_version
from models.sessions import OpenSessions
from models.trust import confidence, opinion
from models.trust_policy import DEFAULT_POLICY, SEVERITIES, TrustPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from models.config import ModelConfig
    from models.event import Event
    from models.profile import Profile
    from models.trust_state import TrustState

DAY_US = 86_400_000_000
_EVENTS_A_DAY = 50.0  # assumed of an agent whose days are not known yet
_MOST_ALPHA = 0.01
_USUAL_RATE = 0.05
_GRAVE = frozenset({"pay", "delete", "admin", "send"})
_SECRET = frozenset({"confidential", "restricted"})
_NO_ORIGIN = Origin()
_CONTENT, _SUM, _PEAK, _VOLUME = range(4)
_encode = msgspec.msgpack.Encoder().encode


class Subject:
    """One agent in one mode, as the engine works on it."""

    __slots__ = ("profile", "trust", "view")

    def __init__(self, profile: Profile, trust: TrustState) -> None:
        self.profile = profile
        self.trust = trust
        self.view: GroupView | None = None


class _Bits(msgspec.Struct):
    """The bits of one event, by detector."""

    categories: list[Found]
    quantities: list[tuple[str, float, float]]
    content: Content | None


class Engine:
    """The judge of one stream.

    Parameters
    ----------
    config, policy
        Parameters of the model and of trust.
    secret
        Key of the installation; hashes and tie-breaking depend on it.
    kinds
        The anomaly types, from the catalogue.
    explain_all
        Give reasons for every event, not only for those worth a look.
    vouched
        The operator vouches for what comes: learn it without the gate.
    """

    def __init__(
        self,
        config: ModelConfig,
        secret: bytes,
        kinds: Mapping[str, Kind],
        policy: TrustPolicy = DEFAULT_POLICY,
        *,
        explain_all: bool = False,
    ) -> None:
        self.config = config.validate()
        self.policy = policy
        self.kinds = kinds
        self.explain_all = explain_all
        self.vouched = False
        self.hasher = Hasher(secret)
        self.peers = Peers(config)
        self.content = ContentDetector(self.hasher, ContentTables())
        self.sessions = OpenSessions(config.idle_minutes * 60_000_000)
        self._places = places_of(self.hasher)
        self._by_name = {place.name: place for place in self._places}
        self._dirty_roles: set[str] = set()

    # ------------------------------------------------------------------ state

    def dump(self) -> list[tuple[str, bytes]]:
        """Write what agents share and has changed since the last call."""
        out = self.peers.dump()
        tables = self.content.tables
        if self._dirty_roles:
            out.append(("documents", _encode(tables.documents)))
            out.append(("rates:values", _encode(tables.values)))
            out.append(("rates:flows", _encode(tables.flows)))
            out += [
                ("role:" + name, _encode(tables.roles[name])) for name in sorted(self._dirty_roles)
            ]
            self._dirty_roles.clear()
        return out

    def load(self, shared: dict[str, bytes], sessions: Iterable[tuple[int, bytes]]) -> None:
        """Read what `dump` and the open sessions wrote."""
        self.peers.load(shared)
        tables = ContentTables()
        decode = msgspec.msgpack.decode
        if "documents" in shared:
            tables.documents = decode(shared["documents"], type=Documents)
            tables.values = decode(shared["rates:values"], type=Rates)
            tables.flows = decode(shared["rates:flows"], type=Rates)
        for name, blob in shared.items():
            if name.startswith("role:"):
                tables.roles[name[5:]] = decode(blob, type=RoleTable)
        self.content = ContentDetector(self.hasher, tables)
        self.sessions.load(sessions)

    def finish_recording(self) -> None:
        """Close every session and publish: what follows is another recording."""
        for session in self.sessions.all_finished():
            self._close(session)
        self.peers.publish()
        self.peers.head.watermark_us = self.peers.head.published_us = 0

    # ------------------------------------------------------------------ judging

    def judge(
        self, event: Event, origin: Origin, subject: Subject, *, registered: bool = True
    ) -> Assessment:
        """Judge one event and learn from it, in that order."""
        time_us = microseconds(event.time)
        self.peers.advance(time_us)
        for session in self.sessions.finished(self.peers.head.watermark_us):
            self._close(session)
        self._meet(event, subject, time_us, registered=registered)
        if event.kind != "action":
            return self._change(event, subject, time_us)
        session = self._session(event, subject.profile, time_us)
        profile, view = subject.profile, subject.view
        assert view is not None  # noqa: S101 - _meet has set it
        x = extract(event, origin, session.previous_tool or "START", time_us)
        bits = self._score(event, profile, session, x, time_us)
        statistics = self._statistics(profile, bits)
        u = self.hasher.uniform(event.id)
        state = profile.state()
        tested = statistics
        if state == "relearning":  # its habits are expected to change; content and rules stay on
            tested = [statistics[_CONTENT], None, None, statistics[_VOLUME]]
        result = calibrate(tested, profile, view, self.config, u, own=state == "active")
        findings = self._findings(event, origin, subject, x, time_us, registered=registered)
        out = self._assessment(event, profile, session, bits, result, findings, time_us)
        self._decide(out, event, subject, bits, result, findings, x)
        self._learn(out, event, subject, session, bits, statistics, result, x, time_us)
        self._move_trust(out, subject, time_us)
        return out

    def _meet(self, event: Event, subject: Subject, time_us: int, *, registered: bool) -> None:
        """Bring the profile to the event's time and note who it is."""
        facts, trust, agent = subject.profile.facts, subject.trust, event.agent
        role = agent.role or ""
        if subject.view is None or (role and facts.role != role):
            facts.role = role or facts.role
            group = f"{facts.role}/{facts.mode}" if facts.role else FLEET
            subject.view = GroupView(self.peers, group)
            subject.profile.baseline.attach(self.hasher, self._places, subject.view)
        day = self.peers.day_of(time_us)
        counts = subject.profile.baseline.counts
        if facts.events == 0:
            facts.first_us = trust.first_seen_us = time_us
            counts.day = day
            self.peers.seen_on(day)
        elif day > counts.day:
            counts.roll(day, self.config.half_life_days)
            rate = facts.per_day or float(facts.day_events)
            facts.per_day = 0.7 * rate + 0.3 * facts.day_events
            facts.day_events = 0
            self.peers.seen_on(day)
        if facts.vote_version != self.peers.head.version:  # its votes are published by now
            subject.profile.baseline.pending.clear()
            facts.vote_version = self.peers.head.version
        facts.events += 1
        facts.day_events += 1
        facts.last_us = max(facts.last_us, time_us)
        trust.events, trust.last_seen_us, trust.registered = facts.events, facts.last_us, registered
        if agent.role is not None:
            trust.role = agent.role
        if agent.owner is not None:
            trust.owner = agent.owner
        if agent.version is not None:
            trust.version = agent.version

    def _session(self, event: Event, profile: Profile, time_us: int) -> Session:
        name = event.session or event.trace_id or event.task or ""
        facts = profile.facts
        key = OpenSessions.key(self.hasher, facts.agent_id, facts.mode, name)
        session = self.sessions.by_key.get(key)
        if session is not None and self.sessions.overfull(session, time_us):
            self._close(self.sessions.take(key))
            session = None
        if session is None:
            facts.opened += 1
            session = Session(
                agent_id=facts.agent_id,
                mode=facts.mode,
                role=facts.role,
                purpose=event.purpose or "",
                opened_us=time_us,
                last_us=time_us,
                seen_us=self.peers.head.watermark_us,
                ordinal=facts.opened,
                learning=facts.opened <= facts.learn_until,
                vouched=self.vouched,
            )
            self.content.open(session)
            self.sessions.add(key, session)
        session.last_us = max(session.last_us, time_us)
        session.seen_us = self.peers.head.watermark_us
        self.sessions.touched.add(key)
        return session

    def _close(self, session: Session) -> None:
        if session.score >= 0 and (session.learning or session.vouched):
            self.peers.head.sessions.add(session.score)
        close(self.content, session)
        self._dirty_roles.add(session.role)

    def _score(
        self, event: Event, profile: Profile, session: Session, x: dict[str, str], time_us: int
    ) -> _Bits:
        baseline, facts = profile.baseline, profile.facts
        content: Content | None = None
        if session.purpose or event.argument_origins:
            content = self.content.score(session, event)
        hour = time_us // HOUR_US
        sums: list[tuple[str, float, float]] = []
        for index, amount in enumerate(quantities(event)):
            if amount is None:
                continue
            before = facts.sums[index] if facts.hour == hour else 0
            total = float(max(before, 0) + amount)
            name = QUANTITIES[index]
            sums.append((name, total, baseline.number_bits(name, total)))
        return _Bits(baseline.surprise(x), sums, content)

    def _statistics(self, profile: Profile, bits: _Bits) -> list[float | None]:
        usual = profile.facts.usual
        total = sum(found.bits for found in bits.categories)
        peak = max((f.bits - usual[f.place.index] for f in bits.categories), default=0.0)
        volume = max((b for _, _, b in bits.quantities), default=None)
        content = bits.content.score if bits.content is not None else None
        return [content, total, max(0.0, peak), volume]

    def _findings(
        self,
        event: Event,
        origin: Origin,
        subject: Subject,
        x: dict[str, str],
        time_us: int,
        *,
        registered: bool,
    ) -> list[Finding]:
        scene = Scene(
            event, origin, subject.profile, time_us, registered, x, self._by_name, self.config
        )
        found = [finding for rule in RULES.values() if (finding := rule(scene)) is not None]
        note_credential(scene)
        if not found or self.vouched or found[0].anomaly == "config.change":
            note_version(scene)
        return found

    def _assessment(
        self,
        event: Event,
        profile: Profile,
        session: Session,
        bits: _Bits,
        result: Calibrated,
        findings: list[Finding],
        time_us: int,
    ) -> Assessment:
        facts, content = profile.facts, bits.content
        each = [found.bits for found in bits.categories] + [b for _, _, b in bits.quantities]
        if content is not None:
            each.append(content.score)
        per_day = max(facts.per_day, _EVENTS_A_DAY if not facts.per_day else 1.0)
        alpha = self.config.alerts_per_day / (self.peers.active_agents() * per_day)
        out = Assessment(
            event.id, facts.agent_id, facts.mode, event.session or "", time_us,
            s_sum=sum(each), s_max=max(each, default=0.0), p=result.p, p_pool=result.pool,
            p_n=result.n, alpha=min(alpha, _MOST_ALPHA), snapshot=self.peers.head.version,
        )  # fmt: skip
        if content is not None:
            self._session_p(session, content.score)
            out.session_p = session.p
        out.rank = (content.score if content is not None else 0.0) + self._excess(
            result, content=content is not None
        )
        out.rank += max((finding.bits for finding in findings), default=0.0)
        return out

    def _session_p(self, session: Session, score: float) -> None:
        if score > session.score or session.p is None:
            session.score = max(session.score, score)
            pool = self.peers.head.sessions
            if pool.n >= self.config.session_minimum:
                name = f"{session.agent_id}\x1f{session.mode}\x1f{session.ordinal}"
                session.p = pool.p_value(session.score, self.hasher.uniform(name))

    def _excess(self, result: Calibrated, *, content: bool) -> float:
        """Bits by which the features beside content go beyond what happens by chance.

        Where content is scored as well, only what lies far beyond: the rest would pull its order
        down.
        """
        smallest = min((p for p in result.each[_SUM:] if p is not None), default=1.0)
        return max(0.0, -log2(3 * smallest) - (self.config.excess_bits if content else 0.0))

    # ------------------------------------------------------------------ deciding

    def _decide(
        self,
        out: Assessment,
        event: Event,
        subject: Subject,
        bits: _Bits,
        result: Calibrated,
        findings: list[Finding],
        x: dict[str, str],
    ) -> None:
        unusual = out.p is not None and out.p <= out.alpha and not self.vouched
        if self.explain_all or unusual or findings:
            out.reasons = self._reasons(event, subject, bits, result, findings, x)
        if findings:
            first = max(findings, key=lambda f: SEVERITIES.index(self._severity(f)))
            self._name(out, first.anomaly, self._severity(first), event, x)
            out.confidence = 1.0
            out.alert = out.severity != "low" and not self.vouched
        elif unusual and out.p is not None:
            anomaly = self._anomaly_of(out.reasons[0])
            self._name(out, anomaly, self._graver(self.kinds[anomaly].severity, event), event, x)
            out.confidence = confidence(out.p, out.alpha)
            out.alert = True

    def _severity(self, finding: Finding) -> str:
        return finding.severity or self.kinds[finding.anomaly].severity

    def _name(
        self, out: Assessment, anomaly: str, severity: str, event: Event, x: dict[str, str]
    ) -> None:
        kind = self.kinds[anomaly]
        out.anomaly, out.severity, out.facet, out.tags = anomaly, severity, kind.facet, kind.tags
        resource = x.get("resource", event.tool)
        day = out.time_us // DAY_US
        out.key = f"{out.agent_id}|{out.mode}|{anomaly}|{resource}|{day}"
        if anomaly in ("net.anonymiser", "identity.shadow", "cred.reuse", "cred.lifetime"):
            out.key = f"{out.agent_id}|{out.mode}|{anomaly}||{day}"

    def _graver(self, severity: str, event: Event) -> str:
        """Raise the severity of what cannot be taken back, or touches sensitive data."""
        resource = event.resource
        grave = event.operation in _GRAVE
        secret = resource is not None and resource.sensitivity in _SECRET
        if not grave and not secret:
            return severity
        return SEVERITIES[min(SEVERITIES.index(severity) + 1, SEVERITIES.index("high"))]

    def _anomaly_of(self, reason: Reason) -> str:
        if reason.feature == "provenance":
            return "resource.new"
        if reason.feature == "intent":
            return "goal.drift"
        if reason.feature in QUANTITIES:
            return "volume.exfil"
        if reason.feature == "tool" and reason.path and reason.path[2][1] > 0.01:
            return "tool.sequence"
        return self._by_name[reason.feature].feature.anomaly

    def _reasons(
        self,
        event: Event,
        subject: Subject,
        bits: _Bits,
        result: Calibrated,
        findings: list[Finding],
        x: dict[str, str],
    ) -> list[Reason]:
        """Give the reasons, the one that decided first."""
        profile, view = subject.profile, subject.view
        assert view is not None  # noqa: S101 - judge has set it
        baseline, usual = profile.baseline, profile.facts.usual
        groups: dict[int, list[Reason]] = {_CONTENT: [], _SUM: [], _VOLUME: []}
        content = bits.content
        if content is not None:
            whole = (content.carrier.bits if content.carrier else 0.0) + (content.intent or 0.0)
            factor = content.score / whole if whole else PLAIN_FACTOR
            reasons = content_reasons(content, factor, event)
            groups[_CONTENT] = sorted(reasons, key=lambda r: -r.bits)
        odd = sorted(bits.categories, key=lambda found: usual[found.place.index] - found.bits)
        groups[_SUM] = [category_reason(baseline, view, f.place, x, f.bits) for f in odd[:3]]
        high = sorted(bits.quantities, key=lambda item: -item[2])
        groups[_VOLUME] = [
            quantity_reason(baseline, view, name, total, b) for name, total, b in high[:2] if b > 0
        ]
        lead = _SUM if result.lead == _PEAK else result.lead
        if lead < 0:
            lead = _CONTENT if groups[_CONTENT] else _SUM
        first = groups.pop(lead)
        rest = sorted((r for reasons in groups.values() for r in reasons), key=lambda r: -r.bits)
        return [finding.reason for finding in findings] + (first + rest)[:5]

    # ------------------------------------------------------------------ learning

    def _learn(
        self,
        out: Assessment,
        event: Event,
        subject: Subject,
        session: Session,
        bits: _Bits,
        statistics: list[float | None],
        result: Calibrated,
        x: dict[str, str],
        time_us: int,
    ) -> None:
        profile, view = subject.profile, subject.view
        assert view is not None  # noqa: S101 - judge has set it
        gate = max(self.config.gate, out.alpha)
        state = profile.state()
        unusual = state == "active" and out.p is not None and out.p < gate
        held = not self.vouched and (out.alert or unusual)
        session.events += 1
        session.previous_tool = event.tool
        if bits.content is not None:
            note(session, bits.content)
        if state == "active":
            take_in(statistics, result, profile, view, gate)
        self._sum_up(event, profile, view, time_us, held=held)
        if held:
            out.held = Held(event.id, out.agent_id, out.mode, time_us, x)
            if not out.alert:
                self._wait(profile, view, subject.trust, x, time_us)
            return
        out.learned = True
        self._learn_found(profile, view, bits.categories, x)
        usual = profile.facts.usual
        for found in bits.categories:
            index = found.place.index
            usual[index] += _USUAL_RATE * (found.bits - usual[index])
        profile.drift.update(out.s_sum)
        if profile.drift.drift_detected:
            profile.facts.drifted_us = time_us

    def learn_categories(self, profile: Profile, view: GroupView, x: dict[str, str]) -> None:
        """Count an event's categories, and vote for them when the agent is known enough."""
        self._vote(profile, view, profile.baseline.learn_categories(x), x)

    def _learn_found(
        self, profile: Profile, view: GroupView, found: list[Found], x: dict[str, str]
    ) -> None:
        profile.baseline.count(found)
        self._vote(profile, view, found, x)

    def _vote(
        self, profile: Profile, view: GroupView, learned: list[Found], x: dict[str, str]
    ) -> None:
        facts, baseline = profile.facts, profile.baseline
        if facts.opened <= facts.learn_until:
            return
        facts.voted = True
        today, votes = baseline.counts.day, baseline.votes
        for place, _, value, _ in learned:
            key = place.base | value
            before = votes.get(key, -1)
            if before >= today:
                continue
            baseline.pending.setdefault(key, before)
            votes[key] = today
            self.peers.vote(view.name, place.index, value, x[place.name], before, today)

    def _wait(
        self,
        profile: Profile,
        view: GroupView,
        trust: TrustState,
        x: dict[str, str],
        time_us: int,
    ) -> None:
        """Learn what was held without an alert once it was seen on enough distinct days."""
        waiting, baseline = profile.facts.waiting, profile.baseline
        day = time_us // DAY_US
        ready = False
        for place in self._places:
            value = x.get(place.name)
            if value is None or baseline.count_of(place, value):
                continue
            key = place.node << 32 | (self.hasher.of(value) & 0xFFFF_FFFF)
            days = waiting.setdefault(key, [])
            if day not in days:
                days.append(day)
            ready = ready or len(days) >= self.config.held_days
            if ready:
                del waiting[key]
        if len(waiting) > self.config.held_limit:
            del waiting[min(waiting, key=lambda k: (max(waiting[k]), k))]
        if ready and not any(item.status != "dismissed" for item in trust.ledger.items.values()):
            self.learn_categories(profile, view, x)

    def _sum_up(
        self, event: Event, profile: Profile, view: GroupView, time_us: int, *, held: bool
    ) -> None:
        """Add to the open hour's sums; learn a window when it closes."""
        facts, hour = profile.facts, time_us // HOUR_US
        if hour > facts.hour:
            for name, total in zip(QUANTITIES, facts.sums, strict=True):
                if facts.hour >= 0 and total >= 0:
                    profile.baseline.learn_number(name, float(total))
                    if profile.state() == "active":
                        self.peers.quantity(view.name, name, float(total))
            facts.hour, facts.sums = hour, [-1, -1, -1]
        if held or hour < facts.hour:
            return
        for index, amount in enumerate(quantities(event)):
            if amount is not None:
                facts.sums[index] = max(0, facts.sums[index]) + amount

    # ------------------------------------------------------------------ trust

    def _move_trust(self, out: Assessment, subject: Subject, time_us: int) -> None:
        trust, facts = subject.trust, subject.profile.facts
        trust.state = subject.profile.state()  # type: ignore[assignment]
        moved = False
        if out.anomaly is not None and not self.vouched:
            item = Item(
                out.key, self.anomaly_id(out.key), time_us, out.severity, out.anomaly,  # type: ignore[arg-type]
                out.facet, out.confidence,  # type: ignore[arg-type]
            )  # fmt: skip
            before = opinion(trust.ledger, facts.last_us, self.policy)
            moved = trust.ledger.add(item, self.policy)
            after = opinion(trust.ledger, facts.last_us, self.policy)
            out.trust_before, out.trust_after = before.score, after.score
        if not out.alert and out.learned:
            trust.ledger.clean(time_us)
        hour = time_us // HOUR_US
        if moved or hour > facts.utc_hour:
            if hour > facts.utc_hour:
                trust.ledger.prune(time_us, self.policy)
            facts.utc_hour = max(facts.utc_hour, hour)
            now = opinion(trust.ledger, facts.last_us, self.policy)
            trust.standing = advance(trust.standing, now.lower, facts.last_us, self.policy)
            shown = (
                round(now.score), int(now.lower), trust.standing.level, trust.standing.gate,
                trust.state,
            )  # fmt: skip
            out.trust_changed = shown != facts.published
            facts.published = shown

    def anomaly_id(self, key: str) -> str:
        """Give the id of the anomaly under a correlation key; the same key, the same id."""
        return f"an-{self.hasher.once('anomaly' + key):016x}"

    def _change(self, event: Event, subject: Subject, time_us: int) -> Assessment:
        """Take in a deployment or a change of owner: announced, so not judged."""
        facts = subject.profile.facts
        if event.kind == "deployment":
            facts.announced = event.agent.version
            if event.agent.version is not None and event.agent.version not in facts.versions:
                facts.versions.append(event.agent.version)
            facts.learn_until = max(
                facts.learn_until, facts.opened + self.config.relearning_sessions
            )
            subject.profile.baseline.counts.scale(self.config.relearning_factor)
        subject.trust.state = subject.profile.state()  # type: ignore[assignment]
        return Assessment(event.id, facts.agent_id, facts.mode, event.session or "", time_us)
