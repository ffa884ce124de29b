#!/usr/bin/env python3
"""Everything that docs/REQUIREMENTS.md names exists: requirements.py ROOT PROGRAM, which is llmctl."""
import collections
import json
import pathlib
import re
import subprocess
import sys

ROW = re.compile(r"^\| ([A-E]-[A-Z]\d\d) \| ([^|]+) \| ([^|]+) \|$", re.M)
NAMED = re.compile(r"`(metric|rule|alert|panel|file|test|cmd):([^`]+)`")
# How many there are of each kind.
ROWS = {"A-M": 14, "A-A": 6, "A-P": 11, "A-E": 14, "A-Q": 12, "A-O": 16, "A-T": 6, "B-M": 16, "B-A": 4,
        "B-P": 2, "B-E": 8, "B-Q": 8, "B-O": 8, "B-T": 9, "C-M": 16, "C-A": 3, "C-P": 6, "C-E": 3,
        "C-O": 16, "C-T": 2, "D-M": 16, "D-A": 9, "D-P": 4, "D-E": 6, "D-Q": 6, "D-L": 10, "D-O": 7,
        "D-T": 10, "E-M": 20, "E-A": 4, "E-P": 13, "E-E": 4, "E-O": 8, "E-T": 4}
REASON = re.compile(r"Different:|Not of this suite|Debian's|Of Prometheus")


class Tree:
    def __init__(self, root, program):
        self.root = root
        rules = "".join(p.read_text() for p in root.glob("monitoring/prometheus/*.rules.yml"))
        listed = subprocess.run([program, "--list-commands"], check=True, capture_output=True, text=True)
        self.named = {
            "metric": set(re.findall(r"^\| `(\w+)` \|", (root / "docs/METRICS.md").read_text(), re.M)),
            "rule": set(re.findall(r"record: (\S+)", rules)),
            "alert": set(re.findall(r"alert: (\w+)", rules)),
            "panel": {f"{path.stem}/{panel['title']}"
                      for path in root.glob("monitoring/grafana/dashboards/*.json")
                      for panel in json.loads(path.read_text())["panels"]},
            "cmd": {"llmctl " + line.split("\t")[0] for line in listed.stdout.splitlines()},
        }

    def has(self, kind, name):
        if kind == "file":
            return (self.root / name).is_file()
        if kind == "test":
            path, _, test = name.partition("::")
            file = self.root / path if (self.root / path).is_file() else (self.root / path).with_suffix(".c")
            return file.is_file() and (not test or re.search(rf"\b{test}\(", file.read_text()) is not None)
        return name in self.named[kind]


def main(root, program):
    root = pathlib.Path(root)
    tree, text = Tree(root, program), (root / "docs/REQUIREMENTS.md").read_text()
    rows = ROW.findall(text)
    wrong = []
    counts = collections.Counter(i[:3] for i, _, _ in rows)
    for group in ROWS.keys() | counts.keys():
        if counts[group] != ROWS.get(group):
            wrong.append(f"{group}: {counts[group]} rows of {ROWS.get(group)}")
    if len({i for i, _, _ in rows}) != len(rows):
        wrong.append("a row stands twice")
    for i, _, where in rows:
        named = NAMED.findall(where)
        if not named and not REASON.search(where):
            wrong.append(f"{i}: names nothing and gives no reason")
        wrong += [f"{i}: there is no {kind} {name}" for kind, name in named if not tree.has(kind, name)]
    print("\n".join(wrong) or f"requirements: ok, {len(rows)} rows")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
