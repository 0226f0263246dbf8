# %% [markdown]
# # 2. Evaluate, and compare with the alternatives
#
# The product and the baselines judge the same events in the same order, without labels. Labels are
# joined after everything is judged. `docs/evaluation.md` defines each figure. The command
# `habitus evaluate --baselines all --html evaluation.html` does the same.
#
# Labelled logs are read from `LOGS` where that folder exists. Otherwise the notebook uses a small
# made-up fleet with planted attacks, whose figures are too small to quote.

# %%
import tempfile
from pathlib import Path

import pandas as pd

from lab.evaluation.report.plots import charts
from lab.evaluation.run import evaluate
from lab.examples import labelled

LOGS = Path("../../shared/datasets")
SCRATCH = tempfile.TemporaryDirectory(prefix="habitus-")
example = labelled(LOGS, Path(SCRATCH.name), "agentdojo")
example.about

# %%
result = evaluate(
    example.files,
    fmt=example.fmt,
    truth=example.truth,
    history_days=example.history_days,
    baselines=["first_seen", "zscore", "own_history", "isolation"],
    ablate=["content", "carried", "act", "hour"],
    draws=50,
    settings=example.settings,
)
f"{result['events']} events, configuration {result['config_version']}"

# %% [markdown]
# ## Side by side
# AUROC says how well attacked sessions sort above benign ones over all thresholds. Detection at 1 %
# and 5 % is the share of attacks found when that share of benign sessions raises an alert. Compare
# detection, because a team works at one threshold.

# %%
rows = {"Habitus": result["all"]} | {
    other["title"]: other["figures"] for other in result["baselines"].values() if "figures" in other
}
pd.DataFrame(
    {
        name: {
            "AUROC": of["auroc"],
            "average precision": of["ap"],
            "detection at 1 %": of["detection"]["0.01"],
            "detection at 5 %": of["detection"]["0.05"],
            "event AP": of["event_ap"],
        }
        for name, of in rows.items()
    }
).T.style.format("{:.3f}", na_rep="-").highlight_max(color="#d7e8d4")

# %% [markdown]
# ## By case
# A case is one line in the queue, however many of its events alert. `recall` counts an attack
# with an alert on one of its events, `recall_in_own_case` only one whose own event raised the
# case. Both are means over the types of attack. `read_down_to` reads the queue from the top by
# rank, until that many false cases a day. In labelled logs agents are attacked several times a
# day, so most attacks join a case of their agent.

# %%
by_case = {name: value for name, value in result["cases"].items() if name != "types"}
pd.json_normalize(by_case).T.rename(columns={0: "cases"})

# %%
pd.DataFrame(result["cases"]["types"]).T

# %% [markdown]
# ## Within the budget
# What a team finds that examines the day's highest entries, and how precise the alerts are.
# `possible` is the recall of a perfect order. It is below 1 on days with more attacks than entries.

# %%
pd.DataFrame([result["budget"]["top"], *result["budget"]["sizes"]]).drop_duplicates("per_day")

# %%
pd.Series(result["budget"]["raised"], name="alerts raised").to_frame()

# %% [markdown]
# ## Are p-values calibrated?
# The p-value of a session is the share of agent-days on which honest work comes as far. An agent
# has several sessions a day, and only the highest counts for its day. So the line of benign
# sessions lies below the dashed one. Above it there would be more alarms than p says. One
# threshold treats roles unequally where their lines are far apart.

# %%
drawn = charts(result)
drawn.get("reliability", "no session has a p-value yet: too few sessions")

# %% [markdown]
# ## Recall against false alerts

# %%
drawn["recall"]

# %% [markdown]
# ## Scores by role

# %%
drawn["scores"]

# %% [markdown]
# ## By type of attack and of benign novelty

# %%
pd.json_normalize(result["types"])

# %% [markdown]
# ## What families are worth
# The events are judged again without each of some families of detectors. The table has the
# differences: attacks found by alerts, false alerts, ranks of the attacks' highest events, and the
# order of events. A few lost attacks are noise where about as many are gained.

# %%
whole = result["ablations"]["whole"]
changes = {row["feature"]: row["change"] for row in result["ablations"]["features"]}
pd.DataFrame({"with all families": whole, **changes}).T.style.format("{:.3f}", na_rep="-")

# %%
drawn.get("ablations", "nothing changes without any of these")

# %%
SCRATCH.cleanup()
