"""What the books cost: the same load on llm-proxy as it is, on one without budgets and ledger (the key,
its team and their limits as before), and on one that asks for no key either, in turns.
`tests/bench/run books`."""
import contextlib
import io
import json
import pathlib
import statistics
import sys
import tempfile

import suite as programs
from measure import GATEWAY_CORE, OTHER_CORE, Bench, Target, machine, pin
from suite import BUILD, Suite

ROUNDS = 15


def start(bench, name, **proxy):
    """llm-proxy alone, one thread."""
    config = {"providers": [Suite.provider(bench.upstream, max_parallel=4096,
                                           queue={"max": 4096, "timeout": "10s"})],
              "proxy": {"threads": 1, "max_connections": 16000, **proxy},
              "prices": {"overrides": [{"provider": "*", "model": "sim", "input": 1.0,
                                        "output": 4.0}]}}
    running = Suite(bench.upstream, config, services=["llm-proxy"]).start()
    pin(running.proxy.pid, GATEWAY_CORE)
    return running, Target(name, running.port, [running.proxy.pid])


LIMITS = ["--rpm", "1000000000", "--tpm", "1000000000000", "--parallel", "100000"]


def add_key(running, target, team_budget, key_budgets):
    running.ctl("teams", "create", "--name", "team", *team_budget)
    key = running.create_key("bench", "--team", "team", *LIMITS, *key_budgets)["key"]
    target.header = f"Authorization: Bearer {key}"


def start_all(bench):
    on, with_books = start(bench, "with books")
    add_key(on, with_books, ["--budget-monthly", "1000000"],
            ["--budget", "1000000", "--budget-daily", "1000000"])
    programs.PROGRAMS["llm-proxy"] = BUILD / "tests/bench/llm-proxy-no-books"
    off, without = start(bench, "without")
    add_key(off, without, [], [])
    open_to_all, no_key = start(bench, "without, no key", auth="off")
    return [on, off, open_to_all], [with_books, without, no_key]


def ratio(results, name, figure):
    """Round by round, so that a slow minute is one for both."""
    pairs = zip(results["with books"][figure], results[name][figure])
    return round(statistics.median(on / off for on, off in pairs), 3)


def main():
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        bench = Bench(pathlib.Path(name), True)
        bench.seconds = 2
        bench.start_upstream()
        suites, targets = start_all(bench)
        try:
            for number in range(ROUNDS):
                for target in targets if number % 2 else reversed(targets):
                    bench.closed(target, "1 KB", bench.small)
                print(f"round {number + 1}", file=sys.stderr)
        finally:
            with contextlib.redirect_stdout(io.StringIO()):
                for one in suites:
                    one.stop()
            bench.upstream.stop()
    found = {target: {figure: round(statistics.median(values), 1)
                      for figure, values in figures.items()}
             for target, figures in bench.results.items()}
    for name in "without", "without, no key":
        for figure, to in ("req/s 1 KB", "req/s with books, to this"), ("CPU us/req 1 KB",
                                                                        "CPU with books, to this"):
            found[name][to] = ratio(bench.results, name, figure)
    print(json.dumps({"machine": machine(), "rounds": ROUNDS, "results": found}))


if __name__ == "__main__":
    main()
