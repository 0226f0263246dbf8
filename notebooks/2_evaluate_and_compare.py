# %% [markdown]
# # 2. Evaluate, and compare with what one would pick instead
#
# The product and the baselines judge the same events in the same order, without labels; labels are
# joined when all is judged. `docs/evaluation.md` says what each figure means. On the command line
# this is `habitus evaluate --baselines all --html evaluation.html`.
#
# Labelled logs are taken from `LOGS` where they are there; else a small made-up fleet with planted
# attacks stands in, which is too small for figures worth quoting.

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
    ablate=["value", "intent", "tool", "hour"],
    draws=50,
    settings=example.settings,
)
f"{result['events']} events, configuration {result['config_version']}"

# %% [markdown]
# ## Side by side
# AUROC says how well attacked sessions sort above benign ones over all thresholds; detection at 1 %
# and 5 % what a team sees that alarms so many benign sessions. Compare detection: nobody works at
# every threshold at once.

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
# ## Within the budget
# What a team gets that looks at the day's highest entries, and what the alerts raised were worth.
# `possible` is the recall of a perfect order: on days with more attacks than are looked at it is
# below 1.

# %%
pd.DataFrame([result["budget"]["top"], *result["budget"]["sizes"]]).drop_duplicates("per_day")

# %%
pd.Series(result["budget"]["raised"], name="alerts raised").to_frame()

# %% [markdown]
# ## Does p keep its promise?
# On the dashed line, benign sessions alarm exactly as often as p says. Above it there are more
# alarms than promised, and roles that lie apart are roles that one threshold treats unequally.

# %%
drawn = charts(result)
drawn.get("reliability", "no session has a p-value yet: too few sessions")

# %% [markdown]
# ## Recall against false alerts

# %%
drawn["recall"]

# %% [markdown]
# ## Where scores lie, by role

# %%
drawn["scores"]

# %% [markdown]
# ## By type of attack and of benign news

# %%
pd.json_normalize(result["types"])

# %% [markdown]
# ## What features are worth
# Judged again without each of some features: what changes against the whole, in attacks found by
# alerts, false alerts, bits of the attacks' highest events, and how well events are ordered. A few
# attacks lost are noise where about as many are gained.

# %%
whole = result["ablations"]["whole"]
changes = {row["feature"]: row["change"] for row in result["ablations"]["features"]}
pd.DataFrame({"with all features": whole, **changes}).T.style.format("{:.3f}", na_rep="-")

# %%
drawn.get("ablations", "nothing changes without any of these")

# %%
SCRATCH.cleanup()
