#!/usr/bin/python3
"""What condensing keeps: prints a table. retention.py [SESSIONS [TABLE]]

Shares of planted facts, of turns that answer a question, and of omitted blocks whose key is the
hash of their bytes; the worst use of the target. First of the sessions that the algorithm was made
with, then of those held out (heldout.py). BUILD_DIR says where the programs are.
"""
import hashlib
import json
import os
import pathlib
import subprocess
import sys

import heldout
import heldout_talks
import sessions

BUILD = pathlib.Path(os.environ.get("BUILD_DIR", sessions.ROOT / "build")).resolve()
SHARES = (10, 25, 50)


class Condenser:
    """A running condense_lines."""

    def __init__(self, table=None):
        self.process = subprocess.Popen([BUILD / "tests/bench/condense_lines"]
                                        + ([table] if table else []),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, messages, budget, **fields):
        line = json.dumps({"messages": messages, "budget": budget, **fields}) + "\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def texts(messages):
    """All that a model would read of them."""
    found = []

    def walk(v):
        if isinstance(v, str):
            found.append(v)
        elif isinstance(v, list):
            for x in v:
                walk(x)
        elif isinstance(v, dict):
            for x in v.values():
                walk(x)
    walk(messages)
    return "\n".join(found)


def originals(omitted):
    """The omitted blocks, and what is spelled in those that are messages."""
    for o in omitted:
        yield o["bytes"]
        if o["bytes"][:1] in "[{":
            try:
                yield texts(json.loads(o["bytes"]))
            except ValueError:
                pass  # a tool's output that only begins like one


class Table:
    def __init__(self):
        self.kept, self.all, self.least_used, self.wrong = {}, {}, 1.0, []

    def note(self, row, share, kept):
        self.all[row, share] = self.all.get((row, share), 0) + 1
        self.kept[row, share] = self.kept.get((row, share), 0) + bool(kept)

    def check(self, answer, budget):
        if answer["outcome"] != "condensed" or answer["after"] > budget:
            self.wrong.append((answer["outcome"], answer["after"], budget))
        self.least_used = min(self.least_used, answer["after"] / budget)
        for o in answer["omitted"]:
            if not hashlib.sha256(o["bytes"].encode()).hexdigest().startswith(o["key"]):
                self.wrong.append(("key", o["key"]))

    def percent(self, row, share):
        return 100 * self.kept[row, share] / self.all[row, share]

    def rows(self):
        return list(dict.fromkeys(row for row, _ in self.all))

    def print(self):
        print(f"{'':32}" + "".join(f"{s:>7} %" for s in SHARES))
        for row in self.rows():
            print(f"{row:32}" + "".join(f"{self.percent(row, s):9.1f}" for s in SHARES))
        print(f"least share of the target used: {100 * self.least_used:.1f} %")
        for wrong in self.wrong[:10]:
            print("WRONG", *wrong)


def agents(condenser, table, n, each=4, source=sessions, **options):
    for seed in range(n):
        dialect = ("openai", "anthropic")[seed % 2]
        messages, facts = source.agent_session(seed, dialect=dialect, **options)
        whole = condenser.ask(messages, 1 << 40)["before"]
        for share in SHARES:
            budget = whole * share // 100
            plain = condenser.ask(messages, budget, dialect=dialect)
            table.check(plain, budget)
            said = texts(plain["messages"])
            omitted = "\n".join(originals(plain["omitted"]))
            for f in facts:
                table.note("no query", share, f.value in said)
                table.note(f"no query, {f.kind}", share, f.value in said)
                table.note("kept or retrievable", share, f.value in said or f.value in omitted)
            for i, f in enumerate(facts):
                if i % each:
                    continue
                for row, query in (("named", f.named()), ("paraphrased", f.paraphrased())):
                    a = condenser.ask(messages, budget, dialect=dialect, query=query)
                    table.check(a, budget)
                    said = texts(a["messages"])
                    if row == "named":
                        table.note(row, share, f.value in said)
                    else:
                        for g in facts:
                            table.note(row, share, g.value in said)


def dialogues(condenser, table, n, each=3, source=sessions):
    for seed in range(n):
        messages, asked = source.dialogue(seed)
        whole = condenser.ask(messages, 1 << 40)["before"]
        for share in SHARES:
            budget = whole * share // 100
            for question, evidence in asked[::each]:
                last = messages + [{"role": "user", "content": question}]
                for row, a in (
                        ("evidence turns", condenser.ask(messages, budget, query=question)),
                        ("evidence turns, asked last", condenser.ask(last, budget, keep_last=1))):
                    table.check(a, budget)
                    said = texts(a["messages"])
                    for turn in evidence:
                        table.note(row, share, turn in said)


def measure(n, counts, facts, talks):
    """One table; wrong answers in it make the program fail."""
    condenser, table = Condenser(counts), Table()
    agents(condenser, table, n, each=1 if n >= 12 else 4, source=facts)
    dialogues(condenser, table, max(1, n * 5 // 6), each=1 if n >= 12 else 3, source=talks)
    print(f"{facts.__name__}: seed {facts.SEED}, {n} sessions")
    table.print()
    return condenser.close() or bool(table.wrong)


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    counts = sys.argv[2] if len(sys.argv) > 2 else None
    failed = measure(n, counts, sessions, sessions)
    return measure(3 * n, counts, heldout, heldout_talks) or failed


if __name__ == "__main__":
    sys.exit(main())
