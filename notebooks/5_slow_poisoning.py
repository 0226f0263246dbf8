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
# ## Four gates
# - **off**: every event is learned, and no alert holds anything.
# - **as shipped**.
# - **wide**: one event in twenty may be held.
# - **forgiving**: as shipped, but a held event without an alert is learned on its second day. A
#   patient attacker waits for that.

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
# ## What was learned, and the cost
# `learned` is the share of the attack's events that entered the baseline. `everyday held` is the
# share of ordinary work that was held. That is the price: a baseline that learns little becomes
# stale.

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
# ## How surprising the attack is, day by day
# Where uses are learned, every use makes the next one less surprising.

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
# ## The baseline at the end
# The attacked agent's own view of the resource: its share of the agent's acts, and the bits that
# one more use would cost. `peer_bits` is the same of the peers alone. The attacker has not taught
# them, because an agent has one vote for a value, however often it uses it.

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
# ## What prevents poisoning
# - **The gate.** An event that is too surprising teaches nothing. How much is learned depends on
#   how much is new in the fleet: where first uses are frequent, a first use is not rare.
# - **Days, not events.** A held value is learned after `held_days` different days, and not while an
#   anomaly of the agent is undecided. An analyst who sees it ends the attack.
# - **The daily cap.** At most `daily_cap` counts are learned per agent, value and day. A thousand
#   uses teach no more than a few.
# - **Peers.** Each agent has one vote, and its own vote is left out when it is judged.
# - **Calibration.** A score below the gate enters the score windows as the quantile at the gate. An
#   attack can neither raise the threshold nor empty the window.
# - **Forgetting.** Counts halve in `half_life_days`. What was taught is forgotten once it ends.
#
# Take the configuration that suits your fleet through notebook 3 before you promote it.

# %%
SCRATCH.cleanup()
