# %% [markdown]
# # 5. What an attacker can do slowly, and what stops it
#
# A baseline that learns everything can be taught anything. The attack `slow.frog` reads a foreign
# resource once a day, then twice, four times, up to forty times over four weeks. Each day is almost
# like the one before. Here the same recording is judged under four configurations. Every number
# below is computed, so the page shows what the present model does.

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
# ## Four lengths of waiting
# A new value from a session as rare as one agent-day in a hundred waits. Its agent knows it once it
# was used on `held_days` different days.
# - **at once**: the first use teaches it.
# - **as shipped**: three days.
# - **two weeks**: fourteen days.
# - **never**: a year, longer than the recording.

# %%
CONFIGURATIONS = {
    "at once": {"held_days": 1},
    "as shipped": {},
    "two weeks": {"held_days": 14},
    "never": {"held_days": 366},
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
# ## What was learned, and the cost
# `learned` is the share of the attack's events that held nothing back. `everyday held` is the share
# of ordinary events whose new values had to wait. That is the price: a baseline that learns little
# becomes stale. Where the rows are alike, the first use was not rare enough to wait.

# %%
pd.DataFrame(
    {
        "learned": frog.groupby("run").learned.mean(),
        "alerts": frog.groupby("run").alert.sum(),
        "cases": frog.groupby("run").case_id.nunique(),
        "rank at first": frog.sort_values("time").groupby("run")["rank"].first(),
        "highest rank": frog.groupby("run")["rank"].max(),
        "everyday held": everyday.groupby("run").held.mean(),
        "everyday cases": everyday.groupby("run").case_id.nunique(),
    }
).loc[list(CONFIGURATIONS)].round(4)

# %% [markdown]
# ## How rare the attack is, day by day
# The highest rank of the attack's events of a day. Once the agent knows the resource, only amounts
# can still tell.

# %%
ORDER = list(CONFIGURATIONS)
lines = alt.Chart(
    frog.groupby(["run", "day"], as_index=False).agg(
        rank=("rank", "max"), learned=("learned", "sum")
    )
).encode(
    x=alt.X("day:T", title=None),
    color=alt.Color("run:N", title=None, sort=ORDER),
)
lines.mark_line(point=True).encode(
    y=alt.Y("rank:Q", title="highest rank of the attack's events")
).properties(width=560, height=230)

# %%
lines.mark_bar().encode(
    y=alt.Y("learned:Q", title="learned"), row=alt.Row("run:N", title=None, sort=ORDER)
).properties(width=560, height=70)

# %% [markdown]
# ## The baseline at the end
# The attacked agent's own view of the resource: whether it knows it, to whom it is new otherwise,
# and the bits that one more use would cost. `peers` is its share among the uses of the others of
# the role.

# %%
target = frog.groupby("agent_id").resource.agg(lambda values: values.mode()[0])
rows = []
for name, run in runs.items():
    for agent, resource in target.items():
        table = run.agent(agent).values("resource")
        rows.append(
            {"run": name, "agent": agent} | table[table.resource == resource].iloc[0].to_dict()
        )
pd.DataFrame(rows)[["agent", "run", "share", "peers", "known", "new_to", "bits"]].round(3)

# %% [markdown]
# ## What prevents poisoning
# - **Waiting.** A new value from a rare session is not known at once. How much waits depends on how
#   much is new in the fleet: where first uses are frequent, a first use is not rare.
# - **Days, not events.** A value is known after `held_days` different days. An analyst who sees the
#   case before ends the attack.
# - **Once is all.** An agent knows a value or does not. A thousand uses teach no more than one, and
#   of an amount the largest session of a day counts once for that day.
# - **Peers.** What waited counts for its agent alone: for the others of the role it stays new.
# - **Clipped days.** Once a fleet has a history, a day rarer than one in 128 counts for other
#   agents only as far. An attack does not raise their bar.
# - **Forgetting.** A value without use for 180 days is forgotten, and counts halve in 60 days.
#
# Take the configuration that suits your fleet through notebook 3 before you promote it.

# %%
SCRATCH.cleanup()
