# %% [markdown]
# # 4. A detector of your own
#
# A detector judges every event beside the product, and may add a reason to reportable events. It
# changes no p-value, alert or trust. To change them, show here that it raises detection at the
# budget. Then it becomes part of the model, with a calibration of its own. The first half of this
# notebook writes one by hand, the second fits two models on history.

# %%
import tempfile
from pathlib import Path

import msgspec
import pandas as pd

from lab.detector_evaluation import Recorder, ranked_by
from lab.evaluation.figures import figures
from lab.evaluation.run import measured
from lab.examples import made_up
from lab.exploration import Explored
from lab.fitting import History, tool_shares
from models.detectors.detector import Detector
from models.detectors.fitted.isolation_forest import fit_opinion
from models.detectors.fitted.peer_groups import group_agents
from models.detectors.registry import register
from models.result import Reason
from pipeline.files.fitted_models import load_fitted, save_fitted

SCRATCH = tempfile.TemporaryDirectory(prefix="habitus-")
FOLDER = Path(SCRATCH.name)
example = made_up(FOLDER, agents=10, days=18, quiet_days=10)
example.about

# %% [markdown]
# ## By hand
# Who asked an agent to use which tool? A person who never had this agent use a tool deserves a
# line, all the more when the agent has a long history.
#
# `judge` must change nothing. `learn` is called afterwards, and only for what the product learned,
# so an attack that is not learned does not teach this detector. `dump` and `load` let it continue
# after a restart.


# %%
class NewPair(Detector):
    """Finds a tool that an agent has never used for this person."""

    name = "new_pair"
    version = "1"

    def __init__(self) -> None:
        self.known: dict[str, set[str]] = {}

    def judge(self, act):
        human = act.event.human
        if human is None:
            return None
        pairs = self.known.get(act.event.agent.id, set())
        if f"{human.id}|{act.event.tool}" in pairs or not pairs:
            return None
        bits = min(12.0, len(pairs) ** 0.5)
        why = f"{human.id} never had this agent use {act.event.tool} ({len(pairs)} pairs known)."
        return Reason(f"opinion:{self.name}", bits, act.event.tool, [], why)

    def learn(self, act):
        human = act.event.human
        if human is not None:
            pair = f"{human.id}|{act.event.tool}"
            self.known.setdefault(act.event.agent.id, set()).add(pair)

    def dump(self) -> bytes:
        return msgspec.json.encode({name: sorted(of) for name, of in sorted(self.known.items())})

    def load(self, raw: bytes) -> None:
        read = msgspec.json.decode(raw, type=dict[str, list[str]])
        self.known = {name: set(of) for name, of in read.items()}


# %% [markdown]
# ### Register and measure it
# `Recorder` remembers the detector's results. So its own order of sessions can be measured alone,
# and added to the product's.

# %%
recorder = Recorder(NewPair())
register("new_pair", lambda: recorder)
settings = example.settings.model_copy(update={"detectors": ("new_pair",)})
run = measured(
    example.files,
    fmt=example.fmt,
    truth=example.truth,
    history_days=example.history_days,
    settings=settings,
)
judged = [s for s in run.sessions if s.phase == "eval"]
orders = {
    "Habitus": judged,
    "new_pair alone": [s for s in ranked_by(run, recorder) if s.phase == "eval"],
    "both": [s for s in ranked_by(run, recorder, weight=1.0) if s.phase == "eval"],
}
pd.DataFrame(
    {
        name: {"AUROC": f["auroc"], "AP": f["ap"]}
        | {f"at {k}": v for k, v in f["detection"].items()}
        for name, sessions in orders.items()
        for f in [figures(sessions)]
    }
).T.round(3)

# %% [markdown]
# ### In the stream
# An installed class is added to the stream by name: `HABITUS_DETECTORS=module:Class`, several with
# commas. The store keeps its state.

# %%
register("new_pair", NewPair)  # a fresh one: the other has seen the stream already
seen = Explored(example.files, fmt=example.fmt, settings=settings).events
said = seen.explode("reasons").dropna(subset="reasons")
said = said[said.reasons.map(lambda reason: reason["feature"]) == "opinion:new_pair"]
said.assign(why=said.reasons.map(lambda reason: reason["why"]))[["time", "agent_id", "why"]].head()

# %% [markdown]
# ## Fitted on history: peer groups
# Where no roles are declared, agents that use the same tools can serve as peers. The number of
# groups is the one with the best separation. Here roles are known, so the groups can be checked.

# %%
shares = tool_shares(example.files, fmt=example.fmt)
groups = group_agents(shares)
roles = seen.groupby("agent_id").role.last()
print(f"silhouette {groups.silhouette:.2f}: below some 0.2 the groups are not worth using")
pd.crosstab(roles.rename("role"), pd.Series(groups.of, name="group"))

# %% [markdown]
# ## Fitted on history: an isolation forest
# skops writes the forest, with the names of its columns in a header. A file cannot run code, and
# a forest that was fitted on other columns is refused.

# %%
history = History(example.files, fmt=example.fmt, settings=example.settings)
opinion = fit_opinion(history.matrix)
models = FOLDER / "models"
save_fitted(groups, models)
save_fitted(opinion, models)
loaded, (second,) = load_fitted(models)
second.name, second.version, loaded.name, f"{history.matrix.shape} of {second.columns[:4]}, …"

# %% [markdown]
# With `HABITUS_OFFLINE_MODELS=FOLDER` both are in the stream. Should the forest do more than add a
# reason? Measure it first.

# %%
forest = Recorder(second)
register("forest", lambda: forest)
run = measured(
    example.files,
    fmt=example.fmt,
    truth=example.truth,
    history_days=example.history_days,
    settings=example.settings.model_copy(update={"detectors": ("forest",)}),
)
orders = {
    "Habitus": run.sessions,
    "forest alone": ranked_by(run, forest),
    "both": ranked_by(run, forest, weight=1.0),
}
pd.DataFrame(
    {
        name: {"AUROC": f["auroc"], "AP": f["ap"]}
        | {f"at {k}": v for k, v in f["detection"].items()}
        for name, sessions in orders.items()
        for f in [figures([s for s in sessions if s.phase == "eval"])]
    }
).T.round(3)

# %%
SCRATCH.cleanup()
