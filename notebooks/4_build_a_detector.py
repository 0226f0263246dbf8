# %% [markdown]
# # 4. A detector of your own
#
# A detector judges like the built-in ones: its score becomes bits by its rank among past scores.
# The bits have a rate, a return period, a case and a share in trust. This notebook plants an attack
# that the product does not find, and builds detectors that find it: one by hand, one with river.
# Then it fits two models on history.

# %%
import tempfile
from math import log1p, sqrt
from pathlib import Path

import msgspec
import pandas as pd
from river.anomaly import HalfSpaceTrees

from lab.detector_evaluation import Recorder, found, ranked_by
from lab.evaluation.figures import figures
from lab.evaluation.run import measured
from lab.examples import made_up
from lab.exploration import Explored
from lab.fitting import History, tool_shares
from lab.leaks import LEAK, with_leaks
from models.detectors.detector import Detector
from models.detectors.fitted.isolation_forest import fit_forest
from models.detectors.fitted.peer_groups import group_agents
from models.detectors.registry import register
from models.detectors.river_detector import RiverDetector
from pipeline.files.fitted_models import load_fitted, save_fitted

SCRATCH = tempfile.TemporaryDirectory(prefix="habitus-")
FOLDER = Path(SCRATCH.name)
fleet = made_up(FOLDER, agents=24, days=20, quiet_days=12, activity=0.3)
example = with_leaks(fleet, FOLDER, leaks=10)
example.about

# %% [markdown]
# ## What the product does not find
# Some searches send as much as a mail does. A search reads, so it sends nothing. But agent, tool,
# resource and session are ordinary, and so is what the whole session sends. The product compares
# sessions with sessions, so it finds nothing unusual.
#
# The table below has the share of attacks that raise a case of their own, and the false cases a
# day. Of ten leaks the product finds none. The detectors below find more than half of them, and
# raise no more false cases. A test holds this (`tests/lab/test_leaks.py`).

# %%
judge = {
    "fmt": example.fmt,
    "truth": example.truth,
    "history_days": example.history_days,
}
runs = {"Habitus": measured(example.files, settings=example.settings, **judge)}
pd.DataFrame({name: found(run, LEAK) for name, run in runs.items()}).T.round(2)

# %% [markdown]
# ## By hand
# What does a call send, compared with other calls of the same tool? `score_one` must change
# nothing. `learn_one` is called afterwards, and only for what the product learned, so an attack
# that is held back does not teach this detector. `dump` and `load` let it continue after a restart.
# An event is a dict: `models.features.event_dict` names its keys.


# %%
class SentByTool(Detector):
    """Finds calls that send more than other calls of their tool."""

    name = "sent_by_tool"
    title = "A call that sends more than its tool does"
    anomaly = "volume.exfil"

    def __init__(self) -> None:
        self.sizes: dict[str, tuple[int, float, float]] = {}

    def score_one(self, x):
        calls, mean, squares = self.sizes.get(x["tool"], (0, 0.0, 0.0))
        if calls < 50:
            return None
        return (log1p(x.get("bytes_out", 0.0)) - mean) / sqrt(squares / calls + 0.1)

    def learn_one(self, x):
        calls, mean, squares = self.sizes.get(x["tool"], (0, 0.0, 0.0))
        off = log1p(x.get("bytes_out", 0.0)) - mean
        after = mean + off / (calls + 1)
        squares += off * (off - (after - mean))
        self.sizes[x["tool"]] = (calls + 1, after, squares)

    def explain_one(self, x):
        return f"{x['tool']} sent {x.get('bytes_out', 0.0):,.0f} bytes."

    def dump(self) -> bytes:
        return msgspec.json.encode(dict(sorted(self.sizes.items())))

    def load(self, raw: bytes) -> None:
        self.sizes = msgspec.json.decode(raw, type=dict[str, tuple[int, float, float]])


# %% [markdown]
# ### Register and measure it
# `Recorder` remembers the detector's scores. So its own order of sessions can be measured as well.

# %%
recorder = Recorder(SentByTool())
register("sent_by_tool", lambda: recorder)
settings = example.settings.model_copy(update={"detectors": ("sent_by_tool",)})
runs["with sent_by_tool"] = measured(example.files, settings=settings, **judge)
pd.DataFrame({name: found(run, LEAK) for name, run in runs.items()}).T.round(2)

# %%
orders = {
    "Habitus": runs["Habitus"].sessions,
    "with sent_by_tool": runs["with sent_by_tool"].sessions,
    "sent_by_tool alone": ranked_by(runs["with sent_by_tool"], recorder),
}
pd.DataFrame(
    {
        name: {"AUROC": f["auroc"], "AP": f["ap"]}
        for name, sessions in orders.items()
        for f in [figures([s for s in sessions if s.phase == "eval"])]
    }
).T.round(3)

# %% [markdown]
# ## With river
# Any anomaly estimator of river works the same way. Half-space trees find unusual corners of a
# space of numbers between 0 and 1. One number does here: what a call sends although it reads.

# %%
trees = HalfSpaceTrees(n_trees=15, height=6, window_size=500, seed=7)
register(
    "trees",
    lambda: RiverDetector(
        "trees",
        trees.clone(),
        lambda x: {"sent": log1p(x.get("bytes_out", 0.0)) / 20.0 * (x["operation"] == "read")},
        anomaly="volume.exfil",
        title="A call that reads and sends",
    ),
)
settings = example.settings.model_copy(update={"detectors": ("trees",)})
runs["with river's trees"] = measured(example.files, settings=settings, **judge)
pd.DataFrame({name: found(run, LEAK) for name, run in runs.items()}).T.round(2)

# %% [markdown]
# ### In the stream
# An installed class is added to the stream by name: `HABITUS_DETECTORS=module:Class`, several with
# commas. The store keeps its state. Its reasons are in the cases that it raises.

# %%
register("sent_by_tool", SentByTool)  # a fresh one: the other has seen the stream already
settings = example.settings.model_copy(update={"detectors": ("sent_by_tool",)})
seen = Explored(example.files, fmt=example.fmt, settings=settings).events
said = seen[seen.alert & (seen.reason == "sent_by_tool")]
why = said.reasons.map(lambda reasons: reasons[0]["why"])
said.assign(why=why)[["time", "agent_id", "why"]].head()

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
# a forest that was fitted on other columns is refused. The scores of its history come with it, so
# the first event in the stream is ranked among them.

# %%
history = History(example.files, fmt=example.fmt, settings=example.settings)
fitted = fit_forest(history.matrix, trees=16)
models = FOLDER / "models"
save_fitted(groups, models)
save_fitted(fitted, models)
loaded, (forest,) = load_fitted(models)
forest.name, forest.version, loaded.name, f"{history.matrix.shape} of {forest.columns[:4]}, …"

# %% [markdown]
# With `HABITUS_OFFLINE_MODELS=FOLDER` both are in the stream. Measure first whether the forest
# earns its place.

# %%
register("forest", lambda: forest)
settings = example.settings.model_copy(update={"detectors": ("forest",)})
runs["with the forest"] = measured(example.files, settings=settings, **judge)
pd.DataFrame({name: found(run, LEAK) for name, run in runs.items()}).T.round(2)

# %%
SCRATCH.cleanup()
