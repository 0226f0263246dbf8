# %% [markdown]
# # 5. What an attacker can do slowly, and what stops it
#
# A baseline that learns everything can be taught anything. The boiling frog reads a foreign
# resource once a day, then twice, four times, up to forty times over four weeks: each day looks
# much like the one before. Here the same recording is judged under four configurations, and every
# number below is computed, so that the page says what the present model does and not what it
# should.

# %%
import tempfile
from pathlib import Path

import altair as alt
import pandas as pd

from lab.examples import made_up
from lab.exploration import Explored, planted
from lab.tuning import with_parameters

SCRATCH = tempfile.TemporaryDirectory(prefix="habitus-")
example = made_up(
    Path(SCRATCH.name),
    agents=6,
    days=44,
    quiet_days=14,
    attacks=("slow.frog",),
    novelties=(),
    attacked=0.34,
    activity=0.5,
)
truth = planted(example.truth)
example.about, truth.type.value_counts().to_dict()

# %% [markdown]
# ## Four gates
# - **off**: nothing is so unusual that it is held back from learning, and no alert holds anything.
# - **as shipped**.
# - **wide**: one event in twenty may be held.
# - **forgiving**: as shipped, but what is held without an alert is learned on its second day. That
#   is what a patient attacker waits for.

# %%
CONFIGURATIONS = {
    "off": {"gate": 1e-12, "alerts_per_day": 1e-9},
    "as shipped": {},
    "wide": {"gate": 0.05},
    "forgiving": {"held_days": 1},
}
runs = {
    name: Explored(
        example.files, fmt=example.fmt, settings=with_parameters(example.settings, **parameters)
    )
    for name, parameters in CONFIGURATIONS.items()
}
judged = pd.concat(run.events.assign(run=name) for name, run in runs.items())
judged["attack"] = judged.event_id.isin(truth.event_id)
judged["day"] = pd.to_datetime(judged.day)
frog, everyday = judged[judged.attack], judged[~judged.attack]

# %% [markdown]
# ## What got in, and what it cost
# `learned` is the share of the attack's events that entered the baseline; `everyday held` what was
# kept back from ordinary work, which is the price: a baseline that learns little goes stale.

# %%
pd.DataFrame(
    {
        "learned": frog.groupby("run").learned.mean(),
        "alerted": frog.groupby("run").alert.mean(),
        "bits at first": frog.sort_values("time").groupby("run").s_sum.first(),
        "bits at last": frog.sort_values("time").groupby("run").s_sum.last(),
        "everyday held": everyday.groupby("run").held.mean(),
        "everyday alerts": everyday.groupby("run").alert.sum(),
    }
).loc[list(CONFIGURATIONS)].round(4)

# %% [markdown]
# ## How unusual the attack looks, day by day
# Where uses are learned, every use makes the next one cheaper.

# %%
ORDER = list(CONFIGURATIONS)
lines = alt.Chart(
    frog.groupby(["run", "day"], as_index=False).agg(
        bits=("s_sum", "mean"), learned=("learned", "sum")
    )
).encode(
    x=alt.X("day:T", title=None),
    color=alt.Color("run:N", title=None, sort=ORDER),
)
lines.mark_line(point=True).encode(
    y=alt.Y("bits:Q", title="bits of the attack's events")
).properties(width=560, height=230)

# %%
lines.mark_bar().encode(
    y=alt.Y("learned:Q", title="learned"), row=alt.Row("run:N", title=None, sort=ORDER)
).properties(width=560, height=70)

# %% [markdown]
# ## What the baseline believes at the end
# The attacked agent's own view of the resource: its share of what the agent does, and what one more
# use would cost in bits. `peer_bits` is what the peers alone say: the attacker has not taught them,
# because an agent has one vote for a value, however often it uses it.

# %%
target = frog.groupby("agent_id").resource.agg(lambda values: values.mode()[0])
rows = []
for name, run in runs.items():
    for agent, resource in target.items():
        table = run.agent(agent).values("resource")
        rows.append(
            {"run": name, "agent": agent} | table[table.resource == resource].iloc[0].to_dict()
        )
pd.DataFrame(rows)[["agent", "run", "share", "bits", "peer_bits"]].round(3)

# %% [markdown]
# ## What stands in the way
# - **The gate.** What is too unusual teaches nothing. How much is let through depends on how much
#   is new in a fleet anyway: where first uses are everyday, a first use is not rare.
# - **Days, not events.** A held value is learned after `held_days` different days, and not while
#   anything about the agent is undecided: an analyst who sees it ends the attack.
# - **The daily cap.** At most `daily_cap` counts are learned per agent, value and day: a flood
#   teaches no more than a trickle.
# - **Peers.** One vote an agent, and its own vote is left out when it is judged.
# - **Calibration.** What lies below the gate enters the score windows as the quantile at the gate:
#   an attack can neither raise the bar nor empty the window.
# - **Forgetting.** Counts halve in `half_life_days`; what was taught is forgotten once it stops.
#
# Take the configuration that suits your fleet through notebook 3 before you promote it.

# %%
SCRATCH.cleanup()
