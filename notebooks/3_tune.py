# %% [markdown]
# # 3. Tune: sweep, re-score, compare, promote
#
# Parameters are changed one at a time over labelled data. Then history is judged again under the
# candidate and compared agent by agent, because a figure over all agents hides whose queue grows.
# The result is a file that `habitus config promote` takes.

# %%
import tempfile
from pathlib import Path

import altair as alt

from lab.examples import made_up
from lab.exploration import Explored
from lab.tuning import by_agent, candidate, sweep, with_parameters
from pipeline.configuration.config_file import differences, write_config
from pipeline.configuration.derived import model_config_of

SCRATCH = tempfile.TemporaryDirectory(prefix="habitus-")
FOLDER = Path(SCRATCH.name)
example = made_up(FOLDER, agents=8, days=18, quiet_days=10)
example.about

# %%
model_config_of(example.settings)

# %% [markdown]
# ## Sweep
# `alerts_per_day` is the setting of an operator: false cases a day over the whole fleet.
# `held_days` are the days on which a new value from a rare session must be used before its agent
# knows it. Few days admit a patient attacker; many let a change of work stay new for long.

# %%
GRID = {"alerts_per_day": [1, 15], "held_days": [1, 7]}
tried = sweep(
    example.files,
    GRID,
    fmt=example.fmt,
    truth=example.truth,
    history_days=example.history_days,
    settings=example.settings,
)
tried.style.format(precision=3, na_rep="-")

# %% [markdown]
# ## Recall at budget against false cases
# Up and to the left is better. A point straight above another has more recall at the same cost.

# %%
label = tried.assign(trial=tried.parameter + tried.value.map(lambda v: "" if v != v else f" {v:g}"))
points = alt.Chart(label).encode(
    x=alt.X("false_per_day:Q", title="false cases a day, whole fleet"),
    y=alt.Y("recall:Q", title="attacks with an alert", axis=alt.Axis(format="%")),
)
(
    points.mark_circle(size=110).encode(
        color=alt.Color("parameter:N", title=None),
        tooltip=["trial", "version", "recall", "false_per_day", "precision", "auroc"],
    )
    + points.mark_text(align="left", dx=8, fontSize=11).encode(text="trial")
).properties(width=520, height=300)

# %% [markdown]
# ## Before and after, per agent
# The same recording under both configurations. `gained` are events alerted only after the change,
# `lost` only before. Nothing that was judged in production changes: this is a replay.

# %%
CANDIDATE = {"alerts_per_day": 15, "held_days": 7}
after_settings = with_parameters(example.settings, **CANDIDATE)
before = Explored(example.files, fmt=example.fmt, settings=example.settings)
after = Explored(example.files, fmt=example.fmt, settings=after_settings)
change = by_agent(before.events, after.events)
change.style.format(precision=1)

# %%
alt.Chart(
    change.melt("agent_id", ["alerts_before", "alerts_after"], "when", "alerts")
).mark_bar().encode(
    y=alt.Y("agent_id:N", sort=change.agent_id.tolist(), title=None),
    yOffset=alt.YOffset("when:N", sort=["alerts_before", "alerts_after"]),
    x=alt.X("alerts:Q", title="alerted events"),
    color=alt.Color("when:N", title=None, sort=["alerts_before", "alerts_after"]),
).properties(width=460)

# %% [markdown]
# ## Write the candidate
# The register records its reason. Another person reads the difference and approves it:
#
#     habitus config diff tuned.toml
#     habitus config promote tuned.toml --by "Ines Example"
#
# `habitus run` uses it from its next start. Earlier scores keep the version under which they were
# given. `habitus config show` lists every promotion.

# %%
tuned = candidate(example.settings, **CANDIDATE)
file = FOLDER / "tuned.toml"
write_config(file, tuned, reason="wider budget for the trial month; new values wait for a week")
print(file.read_text())
differences(model_config_of(example.settings), tuned), tuned.version

# %%
SCRATCH.cleanup()
