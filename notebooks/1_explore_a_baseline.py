# %% [markdown]
# # 1. What is normal for an agent
#
# Habitus judges an event against the history of the agent, of its role and of the fleet. This
# notebook shows that history in pictures: hours, tools, sequences of tools, how often something is
# new, amounts of a session, and how rare the bits of a day are.
#
# An agent remembers its values by hashes alone. The words below come from the recording.
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
    cases=("case_id", "nunique"),
    alerts=("alert", "sum"),
    trust=("trust", "last"),
)

# %% [markdown]
# ## One agent
# The busiest agent, unless you name another. A value that waits comes from a rare session: the
# agent knows it after it was used on three days.

# %%
AGENT = events.agent_id.value_counts().index[0]
portrait = explored.agent(AGENT)
portrait.numbers().to_frame()

# %% [markdown]
# ### Hours
# Share of the events in each two hours, for the agent and for its role. The model knows only which
# of them the agent has used. The first event in another two hours is new, and never raises a case
# alone.

# %%
hours = portrait.hours()
long = hours.melt(["days", "hours", "known"], ["share", "peers"], "who", "p").replace(
    {"share": "agent"}
)
alt.Chart(long).mark_rect().encode(
    x=alt.X("hours:O", title="hours of the day, UTC"),
    y=alt.Y("days:N", title=None, sort=["workday", "weekend"]),
    color=alt.Color("p:Q", title="share", scale=alt.Scale(type="sqrt", scheme="blues")),
    row=alt.Row("who:N", title=None),
    tooltip=["who", "days", "hours", "known", alt.Tooltip("p:Q", format=".2%")],
).properties(width=560, height=60)

# %% [markdown]
# ### Tools
# Bars are shares of the agent's calls, ticks are those of the others of its role. A red bar would
# be a tool that the agent does not know yet.

# %%
tools = portrait.values("tool").head(25)
bars = (
    alt.Chart(tools)
    .mark_bar()
    .encode(
        x=alt.X("share:Q", title="share of the calls", axis=alt.Axis(format="%")),
        y=alt.Y("tool:N", sort=None, title=None),
        color=alt.Color(
            "known:N", scale=alt.Scale(domain=[True, False], range=["#4c78a8", "#c43c39"])
        ),
        tooltip=["tool", "known", "new_to", alt.Tooltip("bits:Q", format=".1f")],
    )
)
ticks = (
    alt.Chart(tools)
    .mark_tick(color="#1c2430", thickness=2)
    .encode(x="peers:Q", y=alt.Y("tool:N", sort=None))
)
(bars + ticks).properties(width=460)

# %% [markdown]
# ### How often something is new
# Bits are $-\log_2$ of how often a session of this agent brings a value that is new to the agent,
# to its role or to the whole fleet: 10 bits are one session in a thousand. A feature whose values
# are new all day earns next to nothing. The first four bits of a feature do not count.

# %%
novelty = portrait.novelty()
alt.Chart(novelty).mark_circle(size=70).encode(
    x=alt.X("bits:Q", title="bits of a new value"),
    y=alt.Y("feature:N", title=None),
    color=alt.Color("new_to:N", title="new to the", sort=["agent", "role", "fleet"]),
    tooltip=["feature", "new_to", "sessions", alt.Tooltip("bits:Q", format=".1f")],
).properties(width=460)

# %% [markdown]
# ### Sequences of tools
# Share of a tool among those that followed the tool before it. Red pairs are new to the agent: a
# familiar tool after an unfamiliar one is an order of tools that it does not know.

# %%
steps = portrait.transitions()
alt.Chart(steps).mark_rect().encode(
    x=alt.X("tool:N", title="then"),
    y=alt.Y("previous_tool:N", title="first"),
    color=alt.condition(
        "datum.known",
        alt.Color("share:Q", scale=alt.Scale(scheme="greens", domain=[0, 1])),
        alt.value("#c43c39"),
    ),
    tooltip=["previous_tool", "tool", "events", "known", alt.Tooltip("share:Q", format=".1%")],
).properties(width=420, height=360)

# %% [markdown]
# ### Amounts of a session
# What the largest session of a day has: the middle of the days that have any, and two standard
# deviations above it. An amount is judged while its session continues. Any of it at all is rare
# where few days have some.

# %%
amounts = portrait.amounts()
base = alt.Chart(amounts).encode(y=alt.Y("counter:N", title=None, sort=None))
(
    base.mark_rule(strokeWidth=6, color="#9ecae9").encode(
        x=alt.X("typical:Q", scale=alt.Scale(type="symlog"), title="largest session of a day"),
        x2="upper:Q",
    )
    + base.mark_tick(color="#c43c39", thickness=3).encode(
        x="typical:Q",
        tooltip=["what", alt.Tooltip("days:Q", format=".0%"), "typical", "upper"],
    )
).properties(width=460)

# %% [markdown]
# ### How rare the bits of a day are
# Each past day counts once for each series, by its highest bits. The line says on one day in how
# many honest work of this agent comes as far, as a power of two. That rarity, and no longer the
# bits, is compared between detectors.

# %%
rarity = portrait.rarity("size")
alt.Chart(rarity).mark_line(color="#4c78a8").encode(
    x=alt.X("bits:Q", title="bits of bytes and records"),
    y=alt.Y("rarity:Q", title="rarity, bits"),
).properties(width=520, height=220)

# %%
portrait.maxima().groupby("series").agg(days=("days", "max"), bits=("bits", "max"))

# %% [markdown]
# ### The agent over time
# The rank of every event is $\log_2$ of its return period in days: 0 is once a day over the whole
# fleet. Red events raised a case or made one grow.

# %%
shown = portrait.events[["time", "rank", "alert", "tool", "anomaly"]]
alt.Chart(shown.sample(min(len(shown), 4_000), random_state=7)).mark_circle(size=14).encode(
    x=alt.X("time:T", title=None),
    y=alt.Y("rank:Q", title="rank"),
    color=alt.Color("alert:N", scale=alt.Scale(domain=[False, True], range=["#9db5d0", "#c43c39"])),
    tooltip=["time:T", "tool", "anomaly", alt.Tooltip("rank:Q", format=".1f")],
).properties(width=620, height=240)

# %%
SCRATCH.cleanup()
