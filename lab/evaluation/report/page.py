"""One self-contained offline page of an evaluation: tables and charts."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from lab.evaluation.report.details import details
from lab.evaluation.report.plots import charts
from lab.evaluation.report.table import table
from pipeline.files.named_output import create

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

_WIDTH = 150
_TO_PAGE = "window.vegaEmbed = vegaEmbed;"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 84rem; padding: 0 1rem;
       color: #1c2430; background: #fff; }
pre { font: 13px/1.45 ui-monospace, monospace; overflow-x: auto; }
.charts { display: flex; flex-wrap: wrap; gap: 2rem; align-items: flex-start; }
figure { margin: 0; overflow-x: auto; }
"""


def save_page(result: Mapping[str, Any], file: str) -> Path:
    """Write the result of `evaluate` as one self-contained HTML file."""
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    with create(path) as out:
        out.write(page(result).encode())
    return path


def page(result: Mapping[str, Any]) -> str:
    """Give the page, which contains the charts' data and code."""
    import vl_convert

    drawn = {name: chart.to_dict() for name, chart in charts(result).items()}
    figures = "\n".join(f'<figure id="{escape(name)}"></figure>' for name in drawn)
    tables = "\n".join(f"<pre>{escape(_text(t))}</pre>" for t in (table(result), *details(result)))
    data = "".join(
        f"<tr><td>{escape(name)}</td><td><code>{digest}</code></td></tr>"
        for name, digest in result["data"].items()
    )
    # A value must not be able to end its script element.
    specs = json.dumps(drawn).replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Habitus: evaluation</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Evaluation</h1>
<p>Configuration <code>{escape(result["config_version"])}</code>,
{result["events"]} events{", cold" if result["cold"] else ""}.</p>
<div class="charts">
{figures}
</div>
{tables}
<h2>Data</h2>
<table>{data}</table>
<script>{vl_convert.javascript_bundle(_TO_PAGE)}</script>
<script>
const charts = {specs};
for (const [name, spec] of Object.entries(charts)) {{
  vegaEmbed("#" + name, spec, {{actions: false, mode: "vega-lite"}});
}}
</script>
</body>
</html>
"""


def _text(one: Table) -> str:
    console = Console(width=_WIDTH, color_system=None)
    with console.capture() as capture:
        console.print(one)
    return capture.get()
