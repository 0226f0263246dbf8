# %% [markdown]
# # 1. What is normal for an agent
#
# Habitus judges an event against the history of the agent and of its peers. This notebook shows
# that baseline in pictures: hours, tools, sequences of tools, quantities an hour, and the window of
# past scores in which a new score is ranked.
#
# Point `FILES` at your own recording. The default is a small made-up fleet.

# %%
import tempfile
from pathlib import Path

import altair as alt

from lab.examples import made_up
from lab.exploration import Explored

SCRATCH = tempfile.TemporaryDirectory(prefix="habitus-")
example = made_up(Path(SCRATCH.name), agents=8, days=18, attacked=0.5)
FILES, FORMAT, SETTINGS = example.files, example.fmt, example.settings
example.about

# %%
explored = Explored(FILES, fmt=FORMAT, settings=SETTINGS)
events = explored.events
events.groupby("agent_id").agg(
    role=("role", "last"),
    events=("event_id", "size"),
    tools=("tool", "nunique"),
    alerts=("alert", "sum"),
    trust=("trust", "last"),
)

# %% [markdown]
# ## One agent
# The busiest agent, unless you name another.

# %%
AGENT = events.agent_id.value_counts().index[0]
portrait = explored.agent(AGENT)
f"{portrait.agent_id} ({portrait.mode}): {len(portrait.events)} events"

# %% [markdown]
# ### Hours
# Probability of an act in each hour, for the agent and for its peers. Dark hours are typical. The
# model keeps a small probability for hours that it has never seen.

# %%
hours = portrait.hours()
long = hours.melt(["days", "hour"], ["probability", "peers"], "who", "p").replace(
    {"probability": "agent"}
)
alt.Chart(long).mark_rect().encode(
    x=alt.X("hour:O", title="hour of the day, UTC"),
    y=alt.Y("days:N", title=None, sort=["workday", "weekend"]),
    color=alt.Color("p:Q", title="probability", scale=alt.Scale(type="sqrt", scheme="blues")),
    row=alt.Row("who:N", title=None),
    tooltip=["who", "days", "hour", alt.Tooltip("p:Q", format=".2%")],
).properties(width=560, height=60)

# %% [markdown]
# ### Tools, by bits
# Bits are $-\log_2 p$: 1 bit is a coin toss, 10 bits are one act in a thousand. A short bar is a
# frequent tool, a long bar would be a novelty. The tick is the value of the peers alone.

# %%
tools = portrait.values("tool").head(25)
bars = (
    alt.Chart(tools)
    .mark_bar(color="#4c78a8")
    .encode(
        x=alt.X("bits:Q", title="bits, for the agent"),
        y=alt.Y("tool:N", sort=None, title=None),
        tooltip=["tool", alt.Tooltip("share:Q", format=".1%"), alt.Tooltip("bits:Q", format=".1f")],
    )
)
ticks = (
    alt.Chart(tools)
    .mark_tick(color="#c43c39", thickness=2)
    .encode(x="peer_bits:Q", y=alt.Y("tool:N", sort=None))
)
(bars + ticks).properties(width=460)

# %% [markdown]
# ### Sequences of tools
# Probability of a tool after the tool before it. A familiar tool after an unfamiliar one is an
# unusual order. It costs bits although the agent uses both tools.

# %%
steps = portrait.transitions()
alt.Chart(steps).mark_rect().encode(
    x=alt.X("tool:N", title="then"),
    y=alt.Y("previous_tool:N", title="first"),
    color=alt.Color("probability:Q", scale=alt.Scale(scheme="greens", domain=[0, 1])),
    tooltip=["previous_tool", "tool", "events", alt.Tooltip("probability:Q", format=".1%")],
).properties(width=420, height=360)

# %% [markdown]
# ### Quantities an hour
# The median of an hour, and the bound that one hour in twenty exceeds. Sums are judged while the
# hour is open.

# %%
windows = portrait.windows()
base = alt.Chart(windows).encode(y=alt.Y("quantity:N", title=None))
(
    base.mark_rule(strokeWidth=6, color="#9ecae9").encode(
        x=alt.X("median:Q", scale=alt.Scale(type="symlog"), title="sum of an hour"), x2="upper:Q"
    )
    + base.mark_tick(color="#c43c39", thickness=3).encode(
        x="median:Q", tooltip=["windows", "median", "upper"]
    )
).properties(width=460, height=90)

# %% [markdown]
# ### The score window
# A new score is ranked in this window. The further right it lies, the smaller is its p-value.

# %%
scores = portrait.scores()
alt.Chart(scores[scores.statistic == "sum"]).mark_bar(color="#4c78a8").encode(
    x=alt.X("bits:Q", title="bits of an event, all categories together", bin=alt.Bin(maxbins=60)),
    y=alt.Y("sum(events):Q", title="past events"),
).properties(width=520, height=220)

# %% [markdown]
# ### The agent over time
# The bits of every event, and the alerts. Learning is visible as the fall at the start.

# %%
shown = portrait.events[["time", "s_sum", "alert", "tool", "anomaly"]]
alt.Chart(shown.sample(min(len(shown), 4_000), random_state=7)).mark_circle(size=14).encode(
    x=alt.X("time:T", title=None),
    y=alt.Y("s_sum:Q", title="bits"),
    color=alt.Color("alert:N", scale=alt.Scale(domain=[False, True], range=["#9db5d0", "#c43c39"])),
    tooltip=["time:T", "tool", "anomaly", alt.Tooltip("s_sum:Q", format=".1f")],
).properties(width=620, height=240)

# %%
SCRATCH.cleanup()
