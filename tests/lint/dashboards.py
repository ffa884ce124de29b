#!/usr/bin/env python3
"""The dashboards are what their source renders, and keep the rules that Grafana's own linter has.

    dashboards.py ROOT            are they, and do they?
    dashboards.py --write ROOT    render them
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# Of node exporter and Prometheus itself, which docs/METRICS.md has not.
FOREIGN = {"up"}
COUNTER = re.compile(r"\b\w+_total\b")
NAME = re.compile(r"\b([a-z][a-z0-9_]*)\{")


def render(root, folder):
    subprocess.run(["jsonnet", "-m", folder, root / "monitoring/grafana/dashboards.jsonnet"], check=True,
                   stdout=subprocess.DEVNULL)
    return {path.name: path.read_text() for path in pathlib.Path(folder).glob("*.json")}


def families(root):
    """Metric to type, as docs/METRICS.md has it."""
    found = re.findall(r"^\| `(\w+)` \| (\w+)", (root / "docs/METRICS.md").read_text(), re.M)
    return dict(found)


def wrong_names(expression, known):
    for name in NAME.findall(expression):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        if name not in known and known.get(base) != "histogram" and name not in FOREIGN:
            yield f"no metric is called {name}"
    for name in COUNTER.findall(expression):
        if known.get(name) == "counter" and not re.search(rf"(rate|increase)\({name}\b", expression) \
                and not re.search(rf"sum by \(\w+\) \({name}\b", expression):
            yield f"{name} is a counter and read as it is"
    if re.search(r"\brate\([^\[]*\[(?!\$__rate_interval)", expression):
        yield "a rate is over $__rate_interval"


def faults_of_panel(panel, known):
    if not panel.get("title") or not panel.get("description", "").endswith("."):
        yield "needs a title and a description"
    if not panel["fieldConfig"]["defaults"].get("unit"):
        yield "needs a unit"
    if not panel["targets"]:
        yield "needs a query"
    if panel["datasource"] != {"type": "prometheus", "uid": "$datasource"}:
        yield "asks another datasource"
    for target in panel["targets"]:
        if "$instance" not in target["expr"] and not target["expr"].startswith("up{job="):
            yield "does not keep to $instance"
        yield from wrong_names(target["expr"], known)


def overlap(a, b):
    a, b = a["gridPos"], b["gridPos"]
    return a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and \
        a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


def faults(name, dashboard, known):
    if dashboard["editable"] or dashboard["templating"]["list"][0]["type"] != "datasource":
        yield f"{name}: is not editable, and its first variable is the datasource"
    panels = dashboard["panels"]
    if len({p["id"] for p in panels}) != len(panels) or len({p["title"] for p in panels}) != len(panels):
        yield f"{name}: two panels of one id or title"
    for i, panel in enumerate(panels):
        for fault in faults_of_panel(panel, known):
            yield f"{name}: {panel.get('title')}: {fault}"
        for other in panels[:i]:
            if overlap(panel, other):
                yield f"{name}: {panel['title']} lies on {other['title']}"


def main(write, root):
    root = pathlib.Path(root)
    committed = root / "monitoring/grafana/dashboards"
    if not shutil.which("jsonnet"):
        print("needs jsonnet")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        rendered = render(root, folder)
    if write:
        for path in committed.glob("*.json"):
            path.unlink()
        for name, text in rendered.items():
            (committed / name).write_text(text)
    have = {path.name: path.read_text() for path in committed.glob("*.json")}
    wrong = [f"{name} is not what dashboards.jsonnet renders: tests/lint/dashboards.py --write {root}"
             for name in sorted(have.keys() | rendered.keys()) if have.get(name) != rendered.get(name)]
    dashboards = {name: json.loads(text) for name, text in rendered.items()}
    if len({d["uid"] for d in dashboards.values()}) != len(dashboards):
        wrong.append("two dashboards of one uid")
    for name, dashboard in dashboards.items():
        wrong += faults(name, dashboard, families(root))
    print("\n".join(wrong) or f"dashboards: ok, {sum(len(d['panels']) for d in dashboards.values())} panels")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] == "--write", sys.argv[-1]))
