"""Constants that shape a score, with meaning and unit; those of content are in `models.provenance`.

The mathematics is in ``docs/model.md``. A change here moves scores: measure it on two fleets
and on labelled logs.
"""

from __future__ import annotations

NOVELTY_LEVELS = 3
"""Levels of novelty: new to the agent, to its role, to everybody."""

# Rates of novelty (`models.calibration.novelty_rates`).
FIRST_RATES = (1.0, 0.05, 0.02, 0.01)
"""Rate of sessions that reach each level of novelty, before any session is known."""
NOVELTY_EVENTS = 2.0
"""Weight of a more general rate of novelty, in events."""
WARM_SESSIONS = 10
"""First sessions of an agent, which teach values and no rates."""
FLOOR_BITS = 4.0
"""Bits of one feature in one session that are ordinary novelty."""
LASTING_BITS = 2.0
"""Bits for each doubling of the events that use a new value."""

# Amounts of a session (`models.detectors.amounts`).
FLEET_DAYS = 10.0
"""Weight of the fleet's amounts in the estimate of a role, in days."""
ROLE_DAYS = 3.0
"""Weight of the role's amounts in the estimate of an agent, in days."""
MIN_AMOUNT_DAYS = 20
"""Agent-days of the fleet from which on amounts have bits."""
PRIOR_SPREAD = 4.0
"""Variance of one assumed day, in squared doublings."""
MIN_SPREAD = 0.05
"""Smallest variance of an amount, in squared doublings."""
TAIL_WEIGHT = 4.5
"""Weight of the tail of an amount: half of nine, the degrees of freedom plus one."""
TAIL_SHAPE = 8.0
"""Degrees of freedom of the tail of an amount."""

# Slow change of what leaves (`models.detectors.slow_change`).
GROWTH = 0.5
"""Growth of what leaves that the test seeks, in doublings."""
SUSPECT = 4.0
"""Log-likelihood ratio, in nats, from which on nothing of it is learned."""
MIN_CALLS = 5
"""Calls of a day with a known size that make it a step of the test."""

# Values that spread (`models.detectors.spread`).
SPREAD_RATE = 0.01
"""Rate of new values that a second role uses within a day."""
SPREAD_STEP = 4.0
"""Each further role is so many times as rare."""
FEATURE_VALUES, KEY_VALUES = 20.0, 5.0
"""Weight of the more general rate, in values: declared -> feature, feature -> argument."""

# Rates of days (`models.calibration.rates`).
FLEET_EVENTS, ROLE_EVENTS, AGENT_EVENTS = 1.0, 10.0, 1.0
"""Weight of the prior in events: declared -> fleet, fleet -> role, role -> agent."""
MAX_PRIOR_DAYS = 1_000.0
"""Most agent-days that one event of a prior weighs."""
HALF_LIFE_DAYS = 60
"""Days in which counts halve."""
COMBINED_DAYS = 14
"""Days in which counts of the combination halve, as its scale changes while rates are learned."""
DECLARED = 0.5
"""How far the bits of a series are believed before it has a history."""
CONTENT_TESTS = 32.0
"""Sessions of an agent on one day, each a test of the content detector, before any are known."""
RARE_BITS = 7.0
"""Rarity in bits up to which a day counts for others: an attack does not raise their bar."""
BEYOND_CASE_BITS = 3.0
"""Bits beyond the rarity of a case up to which a day's combination counts for others."""
RARE_AFTER_DAYS = 200
"""Agent-days of the fleet from which on rarity is known well enough for that."""
TAIL_DAYS = 10.0
"""Agent-days beyond which the tail is extrapolated."""
TAIL_BITS, COMBINED_TAIL_BITS = 3.0, 6.0
"""Bits after which the tail of a series, and of the combination, falls half as fast."""

# Scores of registered detectors (`models.calibration.detector_window`).
MAX_SCORES, MAX_ROLE_SCORES = 16_000, 4_000
"""Most past scores of a detector that are kept, of the fleet and of a role."""
ROLE_SCORES = 500.0
"""Weight of the fleet's scores in the rank of a role, in scores."""

# The combination of a session (`models.alerting.combination`).
LITTLE_BITS = 1.0
"""Bits up to which a detector says little: every second event or session shows as many."""
LITTLE_CASES = 5.0
"""Budget in cases a day up to which that holds; of k times as many, a k-th of the bits."""
NOISE_BITS = 3.0
"""Rarity below which a family adds nothing: one agent-day in eight."""
OTHER_STORIES = 0.5
"""Weight of the rarities of other stories."""

# What is learned, and what joins a case.
NOTED_BITS = 6.643856189774724
"""Rarity from which on values of a session wait: ``log2(100)``, one agent-day in a hundred."""
NOTED_AFTER_DAYS = 20
"""Agent-days of the fleet from which on it is known what is rare."""
HELD_DAYS = 3
"""Days on which a waiting value must be used before its agent knows it."""
OPEN_DAYS = 7
"""Days after its last event in which further events join a case."""
QUIET_DAYS = 14
"""Days without an event after which a case closes by itself."""
GROWN_BITS = 3.321928094887362
"""Growth of the return period that is worth a message: ``log2(10)``."""
MAX_MESSAGES = 3
"""Most messages of a case on one day."""
RARE_DAYS_BITS = 8.511752653767381
"""Return period from which on a case is one step graver: ``log2(365)``, a year."""
ACTIVE_DAYS = 7
"""Past days with activity whose mean number of agents counts."""
STATE_DAYS = 7
"""Days of a special state: after the first event, and after an announced deployment."""

# Sizes of what is remembered.
KNOWN_DAYS = 180
"""Days without use after which a value is forgotten."""
MAX_KNOWN = 20_000
"""Most values that an agent knows."""
MAX_HELD = 500
"""Most values of an agent that wait."""
MAX_KNOWERS = 2
"""Agents that are remembered for each shared value: with two, there is another one for anybody."""
CASCADE_BITS = 4.0
"""Bits for each agent with a rare session under one trace."""
EXPIRED_BITS, IDENTITY_CHANGE_BITS, CERTAIN_BITS = 8.0, 8.0, 12.0
COUNTRY_BITS, NETWORK_BITS, VERSION_BITS, UNVERIFIED_BITS = 9.0, 5.0, 9.0, 10.0
MODE_BITS = 9.0
"""Bits that the rules declare; half of them are their rarity before they have a history."""
