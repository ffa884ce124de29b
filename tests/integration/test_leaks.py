"""After everything has gone wrong at once, nothing is held: no slot, no place, no reservation."""
import random
import threading
from decimal import Decimal

from suite import SLOW, SOAK, Stream, Suite, wait_until

CLIENTS, TURNS = 16, 200 if SOAK else 25

FAULTS = ["", "status=500", "status=429,retry-after=0", "status=503", "rst=0", "rst=200", "fin=100",
          "garbage", "html", "empty", "bad-json", "silence", "stall=2,chunks=5", "no-finish",
          "no-done", "no-usage", "double-usage", "delay=50ms", "chunks=50,interval=5ms",
          "error=overloaded", "error-after=3,chunks=9", "status=400", "size=4000"]


def start(start_suite, a, b):
    provider = {"max_parallel": 6, "queue": {"max": 4, "timeout": "200ms"},
                "retry": {"max": 2, "backoff": "1ms", "max_backoff": "10ms"},
                "breaker": {"failures": 20, "open": "100ms"},
                "timeouts": {"first_byte": "300ms", "idle": "300ms", "total": "2s"}}
    return start_suite(services=["llm-proxy"], config={
        "proxy": {"threads": 4},
        "providers": [Suite.provider(a, "a", **provider), Suite.provider(b, "b", **provider)],
        "models": [{"name": "small", "targets": [{"provider": "a", "model": "sim"},
                                                 {"provider": "b", "model": "sim"}],
                    "fallback": ["other"]},
                   {"name": "other", "targets": [{"provider": "b", "model": "dear"}]}],
        "prices": {"overrides": [{"provider": "*", "model": "sim", "input": 1.0, "output": 1.0},
                                 {"provider": "*", "model": "dear", "input": 2.0,
                                  "output": 5.0}]}})


def one_request(suite, rng, headers):
    body = {"model": "small", "stream": rng.random() < 0.5, "max_tokens": rng.choice([2000, 9000]),
            "messages": [{"role": "user", "content": "x" * rng.randrange(1, 2000)}]}
    more = {"x-llm-deadline-ms": "150"} if rng.random() < 0.1 else {}
    stream = Stream(suite.port, body, suite.headers(**headers, **more), timeout=20 * SLOW)
    how = rng.random()
    if how < 0.1:
        stream.reset()
    elif how < 0.2:
        stream.close()
    elif how < 0.3:
        stream._more()
        stream.reset()
    else:
        stream.read_all()
        stream.close()


def cause_trouble(suite, simulators):
    keys = [{"Authorization": f"Bearer {suite.create_key(f'k{i}', *options)['key']}"}
            for i, options in enumerate((
                ["--team", "t", "--parallel", "5", "--budget", "0.05"],
                ["--team", "t", "--rpm", "600", "--budget-daily", "100"],
                ["--tpm", "100000", "--budget-monthly", "0.5"]))]
    suite.ctl("teams", "update", "t", "--parallel", "9", "--budget", "0.2")
    is_over = threading.Event()

    def trouble():
        rng = random.Random(5)
        while not is_over.wait(0.05):
            for simulator in simulators:
                simulator.script(*rng.choices(FAULTS, k=30))
        for simulator in simulators:
            simulator.script("")

    def client(number):
        rng = random.Random(number)
        for _ in range(TURNS):
            one_request(suite, rng, rng.choice(keys))
    threads = [threading.Thread(target=client, args=[i]) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    maker = threading.Thread(target=trouble)
    maker.start()
    for thread in threads:
        thread.join()
    is_over.set()
    maker.join()


def test_after_faults_of_every_kind_nothing_is_held(start_suite, start_simulator):
    simulators = [start_simulator(), start_simulator()]
    suite = start(start_suite, *simulators)
    cause_trouble(suite, simulators)

    def held():
        metrics = suite.metrics()
        found = {name: metrics.value(name) for name in (
            "worker_pool_active_workers", "worker_pool_queue_depth")}
        found["in flight"] = metrics.value("http_requests_in_flight") - 1  # this scrape's own
        for what in suite.ctl_json("keys", "list") + suite.ctl_json("teams", "list"):
            found[what["name"]] = what["in_flight"] + Decimal(what["reserved_usd"])
        return {name: value for name, value in found.items() if value > 0}
    wait_until(lambda: not held(), "nothing is held", 2)
    rows = suite.wait_ledger(CLIENTS * TURNS // 2)
    seen = {row["status"] for row in rows}
    assert seen == {"success", "error", "cancelled", "truncated", "refused"}
    print({status: sum(r["status"] == status for r in rows) for status in seen},
          {code: sum(r["error"] == code for r in rows) for code in {r["error"] for r in rows}})
    # what the keys have spent is what the books say, to the nano-dollar
    for key in suite.ctl_json("keys", "list"):
        spent = suite.ledger("SELECT coalesce(sum(cost_nano), 0) AS n FROM requests"
                             f" WHERE key_id = '{key['id']}'")[0]["n"]
        assert Decimal(key["spent_usd"]) * 10 ** 9 == spent, key["name"]
    budgets = {"k0": "0.05", "k2": "0.5"}
    for name, limit in budgets.items():
        assert Decimal(suite.ctl_json("keys", "show", name)["spent_usd"]) <= Decimal(limit)
    assert Decimal(suite.ctl_json("teams", "show", "t")["spent_usd"]) <= Decimal("0.2")
