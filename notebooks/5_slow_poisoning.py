# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 5. What an attacker can do slowly, and what stops it
#
# A baseline that learns everything can be taught anything. The boiling frog reads a foreign resource
# once a day, then twice, four times, up to forty times over four weeks: each day looks much like
# the one before. Here the same recording is judged with the learning gate and without it.

# %%
import tempfile
from pathlib import Path

import altair as alt
import pandas as pd

from pipeline.examples import made_up
from pipeline.exploring import Explored, planted
from pipeline.tuning import with_parameters

SCRATCH = tempfile.TemporaryDirectory(prefix="habitus-")
example = made_up(
    Path(SCRATCH.name),
    agents=8,
    days=44,
    quiet_days=14,
    attacks=("slow.frog",),
    novelties=(),
    attacked=0.3,
    activity=0.35,
)
truth = planted(example.truth)
example.about, truth.type.value_counts().to_dict()

# %% [markdown]
# ## With the gate, and without
# Off means: nothing is so unusual that it is held back, and no alert holds anything back.

# %%
OFF = {"gate": 1e-12, "alerts_per_day": 1e-9}
runs = {
    "gate on": Explored(example.files, fmt=example.fmt, settings=example.settings),
    "gate off": Explored(
        example.files, fmt=example.fmt, settings=with_parameters(example.settings, **OFF)
    ),
}
frog = pd.concat(
    run.events.merge(truth, on="event_id").assign(run=name) for name, run in runs.items()
)
frog["day"] = pd.to_datetime(frog.day)
frog.groupby("run").agg(
    events=("event_id", "size"), held=("held", "sum"), learned=("learned", "sum"),
    alerts=("alert", "sum"), bits_first=("s_sum", "first"), bits_last=("s_sum", "last"),
)

# %% [markdown]
# ## How unusual the attack looks, day by day
# Without the gate, every use makes the next one cheaper. With it, what was held teaches nothing.

# %%
lines = alt.Chart(frog).encode(
    x=alt.X("day:T", title=None),
    color=alt.Color("run:N", title=None, scale=alt.Scale(range=["#c43c39", "#4c78a8"])),
)
(
    lines.mark_line(point=True).encode(y=alt.Y("mean(s_sum):Q", title="bits of the attack's events"))
    .properties(width=560, height=230)
)

# %%
(
    lines.mark_bar(opacity=0.7)
    .encode(y=alt.Y("sum(learned):Q", title="of the attack's events, learned"), row="run:N")
    .properties(width=560, height=100)
)

# %% [markdown]
# ## What the baseline believes at the end
# The attacked agent's own view of the resource: its share of what it does, and what one more use
# would cost in bits.

# %%
target = frog.groupby("agent_id").resource.agg(lambda values: values.mode()[0])
rows = []
for name, run in runs.items():
    for agent, resource in target.items():
        table = run.agent(agent).values("resource")
        rows.append({"run": name, "agent": agent} | table[table.resource == resource].iloc[0].to_dict())
pd.DataFrame(rows)[["agent", "resource", "run", "share", "bits", "peer_bits"]].round(3)

# %% [markdown]
# ## What else stands in the way
# - **Daily cap.** At most so many counts are learned per agent, value and day: a flood teaches no
#   more than a trickle.
# - **Days, not events.** What is held without an alert is learned once it was seen on several
#   different days, and not while anything about the agent is undecided.
# - **Peers.** An agent has one vote for a value, however often it uses it, and its own vote is left
#   out when it is judged.
# - **Calibration.** What lies below the gate enters the score windows as the quantile at the gate:
#   an attack can neither raise the bar nor empty the window.
#
# How much the cap alone is worth, without the gate:

# %%
caps = []
for cap in (1, 20, 400):
    run = Explored(
        example.files,
        fmt=example.fmt,
        settings=with_parameters(example.settings, **OFF, daily_cap=cap),
    )
    bits = run.events.merge(truth, on="event_id").sort_values("time").s_sum
    caps.append({"daily_cap": cap, "first event": bits.iloc[0], "last 50": bits.tail(50).mean()})
pd.DataFrame(caps).round(2)

# %%
SCRATCH.cleanup()
