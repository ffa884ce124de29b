"""Budgets: what may be spent is set aside before anything is dispatched, and never one nano more."""
import json
import time
from decimal import Decimal

import pytest

from suite import SLOW, Stream, Suite, request, wait_until

PRICE = {"provider": "*", "model": "sim", "input": 0.0, "output": 1.0}  # USD per million tokens


def start(start_suite, simulator, *, prices=None, models=None, **config):
    provider = Suite.provider(simulator, max_parallel=4096, retry={"max": 0},
                              queue={"max": 4096, "timeout": "10s"},
                              breaker={"failures": 1000})
    return start_suite(simulator, services=["llm-proxy"], config={
        "providers": [provider], "proxy": {"threads": 4},
        "prices": {"overrides": prices or [PRICE]},
        **({"models": models} if models else {}), **config})


def key_of(suite, name, *options):
    return {"Authorization": f"Bearer {suite.create_key(name, *options)['key']}"}


def ask_together(suite, n, headers, **fields):
    """n requests under way at once; their answers."""
    body = {"model": "small", "messages": [{"role": "user", "content": "x"}], **fields}
    streams = [Stream(suite.port, body, suite.headers(**headers)) for _ in range(n)]
    for stream in streams:
        stream.read_all()
        stream.socket.close()
    return streams


def spent(suite):
    """The books' own sum, in nano-dollars."""
    return suite.ledger("SELECT coalesce(sum(cost_nano), 0) AS n FROM requests")[0]["n"]


def shown(suite, name):
    found = suite.ctl_json("keys", "show", name)
    return {k: Decimal(v) for k, v in found.items() if k.endswith("_usd") and v is not None}


def test_a_thousand_at_once_never_overspend(start_suite, simulator):
    """$0.10 each, and it costs that much, against $5."""
    suite = start(start_suite, simulator)
    key = key_of(suite, "five", "--budget", "5")
    simulator.script("delay=300ms,size=400000")  # 100,000 tokens
    streams = ask_together(suite, 1000, key, max_tokens=100000)
    accepted = [s for s in streams if s.status == 200]
    refused = [json.loads(s.body)["error"] for s in streams if s.status != 200]
    assert {s.status for s in streams} == {200, 402}
    assert {e["code"] for e in refused} == {"budget_exceeded"}
    assert len(accepted) == 50
    suite.wait_ledger(1000)
    assert spent(suite) == 5_000_000_000
    assert len(simulator.records()) == 50
    show = shown(suite, "five")
    assert (show["spent_usd"], show["reserved_usd"]) == (5, 0)
    assert suite.chat(headers=key).status == 402
    metrics = suite.metrics()
    key_id = suite.ctl_json("keys", "show", "five")["id"]
    assert metrics.value("api_key_budget_remaining_usd", key_id=key_id) == 0
    assert metrics.value("api_key_rate_limit_hits_total", key_id=key_id, limit="budget") == 951
    assert abs(metrics.value("api_key_cost_total", key_id=key_id) - 5) < 1e-6
    told = [e for e in suite.proxy.entries() if e.get("MESSAGE_ID", e.get("message_id"))
            and "budget of this API key" in e["message"]]
    assert len(told) == 1  # not a thousand times


def test_what_is_set_aside_is_less_when_it_costs_less(start_suite, simulator):
    """Ten at a time fit; what they did not use is there for the next ones."""
    suite = start(start_suite, simulator)
    key = key_of(suite, "one", "--budget", "1")
    simulator.script("delay=300ms,size=40000")  # 10,000 tokens: $0.01
    for left in (10, 9, 8):
        streams = ask_together(suite, 30, key, max_tokens=100000)
        assert sum(s.status == 200 for s in streams) == left
        assert {s.status for s in streams} == {200, 402}
    suite.wait_ledger(90)
    assert spent(suite) == 270_000_000
    assert shown(suite, "one")["spent_usd"] == Decimal("0.27")


def test_a_failure_gives_back_within_a_second(start_suite, simulator):
    suite = start(start_suite, simulator)
    key = key_of(suite, "one", "--budget", "1")
    for script in ("status=500", "rst=0", "garbage", "empty", "status=400", "html"):
        simulator.script(f"delay=200ms,{script}")
        assert {s.status for s in ask_together(suite, 20, key, max_tokens=100000)} <= {400, 402, 502}
        at = time.monotonic()
        wait_until(lambda: shown(suite, "one")["reserved_usd"] == 0, "the reservation", 1)
        print(f"{script}: given back after {time.monotonic() - at:.3f} s")
    simulator.script("")
    assert suite.chat(headers=key, max_tokens=100000).status == 200
    assert shown(suite, "one")["spent_usd"] < Decimal("0.01")


def test_a_client_that_leaves_gives_back_what_was_not_used(start_suite, simulator):
    suite = start(start_suite, simulator)
    key = key_of(suite, "one", "--budget", "1")
    simulator.script("silence")
    streams = [Stream(suite.port, {"model": "small", "max_tokens": 100000, "stream": i % 2 == 0,
                                   "messages": [{"role": "user", "content": "x"}]},
                      suite.headers(**key)) for i in range(10)]
    simulator.wait_records(10)
    assert shown(suite, "one")["reserved_usd"] == 1
    assert suite.chat(headers=key, max_tokens=1).status == 402
    for i, stream in enumerate(streams):
        stream.close() if i % 2 else stream.reset()
    wait_until(lambda: shown(suite, "one")["reserved_usd"] == 0, "the reservation", 1)
    assert suite.ctl_json("keys", "show", "one")["in_flight"] == 0


def test_a_stream_whose_budget_runs_out_is_cut(start_suite, simulator):
    """No max_tokens: 4,096 tokens are foreseen; then a thousand more at a time, while there is."""
    suite = start(start_suite, simulator)
    key = key_of(suite, "short", "--budget", "0.007")
    simulator.script("chunks=20000,interval=1ms")
    stream = suite.stream(headers=key)
    stream.read_all()
    events = stream.events()
    assert json.loads(events[-1])["error"]["code"] == "budget_exceeded"
    assert not stream.has_ended_well and "[DONE]" not in events
    assert all("finish_reason" not in e or json.loads(e)["choices"][0].get("finish_reason") is None
               for e in events[:-1])
    row = suite.wait_ledger(1)[0]
    assert (row["status"], row["error"], row["usage_source"]) == ("truncated", "budget_exceeded",
                                                                  "local")
    assert row["tokens_out"] > 4096 + 1024
    assert 5_000_000 < row["cost_nano"] <= 7_000_000 + 50_000 * SLOW
    simulator.wait_closed(1)
    assert shown(suite, "short")["reserved_usd"] == 0
    assert suite.chat(headers=key).status == 402


def test_a_stream_longer_than_foreseen_gets_all_that_is_left(start_suite, simulator):
    """Fifty tokens are set aside, and 250 more are there: too few for a thousand at a time."""
    suite = start(start_suite, simulator)
    key = key_of(suite, "short", "--budget", "0.0003")
    simulator.script("chunks=20000,interval=1ms")
    stream = suite.stream(headers=key, max_tokens=50)
    stream.read_all()
    assert json.loads(stream.events()[-1])["error"]["code"] == "budget_exceeded"
    row = suite.wait_ledger(1)[0]
    assert 299_000 <= row["cost_nano"] <= 300_000 + 50_000 * SLOW
    assert shown(suite, "short")["reserved_usd"] == 0


@pytest.mark.parametrize("path, body", [
    ("/v1/messages", {"max_tokens": 4000, "messages": [{"role": "user", "content": "x"}]}),
    ("/v1/responses", {"input": "x"}), ("/v1/completions", {"prompt": "x", "max_tokens": 4000})])
def test_a_cut_stream_says_so_in_every_api(start_suite, simulator, path, body):
    """Also where the provider writes more than it was allowed to."""
    suite = start(start_suite, simulator)
    key = key_of(suite, "short", "--budget", "0.006")
    simulator.script("chunks=20000,interval=1ms")
    stream = Stream(suite.port, {"model": "small", "stream": True, **body}, suite.headers(**key),
                    path=path)
    stream.read_all()
    last = json.loads(stream.events()[-1])
    assert "budget" in json.dumps(last.get("error", last)) and not stream.has_ended_well
    assert not any(mark in stream.body for mark in (b"[DONE]", b"message_stop", b"response.completed"))
    row = suite.wait_ledger(1)[0]
    assert (row["status"], row["error"]) == ("truncated", "budget_exceeded")
    assert 4_000_000 < row["cost_nano"] <= 6_000_000 + 50_000 * SLOW
    assert shown(suite, "short")["reserved_usd"] == 0


def test_max_tokens_and_choices_and_caps_bound_what_is_set_aside(start_suite, simulator):
    models = [{"name": "small", "targets": [{"provider": "sim", "model": "sim"}]},
              {"name": "capped", "max_output": 1000, "targets": [{"provider": "sim", "model": "sim"}]}]
    suite = start(start_suite, simulator, models=models)
    key = key_of(suite, "cent", "--budget", "0.01")  # 10,000 tokens
    for model, fields, status in (
            ("small", {"max_tokens": 10000}, 200), ("small", {"max_tokens": 10001}, 402),
            ("small", {"max_completion_tokens": 10001}, 402), ("small", {}, 200),
            ("small", {"max_tokens": 5000, "n": 2}, 200), ("small", {"max_tokens": 5001, "n": 2}, 402),
            ("capped", {}, 200), ("capped", {"n": 10}, 200), ("capped", {"n": 11}, 402)):
        simulator.script("zero-usage")
        assert suite.chat(headers=key, model=model, **fields).status == status, (model, fields)


def test_every_answer_that_is_written_for_it_counts(start_suite, simulator):
    suite = start(start_suite, simulator)
    key = key_of(suite, "cent", "--budget", "0.01")  # 10,000 tokens
    simulator.script("zero-usage")
    for path, fields, status in (
            ("completions", {"prompt": "x", "max_tokens": 1000, "best_of": 10}, 200),
            ("completions", {"prompt": "x", "max_tokens": 1000, "best_of": 11}, 402),
            ("completions", {"prompt": ["x"] * 5, "max_tokens": 1000, "n": 2}, 200),
            ("completions", {"prompt": ["x"] * 6, "max_tokens": 1000, "n": 2}, 402),
            ("completions", {"prompt": [[1, 2]] * 11, "max_tokens": 1000}, 402),
            ("completions", {"prompt": [1, 2] * 11, "max_tokens": 1000}, 200),
            ("responses", {"input": "x", "max_output_tokens": 10000}, 200),
            ("responses", {"input": "x", "max_output_tokens": 10001}, 402),
            ("messages", {"max_tokens": 10001, "messages": [{"role": "user", "content": "x"}]},
             402)):
        answer = request(f"{suite.url}/v1/{path}", "POST",
                         json.dumps({"model": "small", **fields}).encode(), suite.headers(**key))
        assert (answer.status == 402) == (status == 402), (path, fields, answer.body)
    assert suite.chat(headers=key, max_tokens=10000).status == 200  # nothing is held


def test_the_dearest_target_counts_and_a_dearer_fallback_needs_more(start_suite, simulator):
    prices = [{"provider": "*", "model": "cheap", "input": 0.0, "output": 1.0},
              {"provider": "*", "model": "dear", "input": 0.0, "output": 100.0}]
    targets = {name: [{"provider": "sim", "model": name}] for name in ("cheap", "dear")}
    models = [{"name": "both", "targets": targets["cheap"] + targets["dear"]},
              {"name": "cheap", "targets": targets["cheap"], "fallback": ["dear"]},
              {"name": "dear", "targets": targets["dear"]}]
    suite = start(start_suite, simulator, prices=prices, models=models)
    key = key_of(suite, "cent", "--budget", "0.01")
    assert suite.chat(headers=key, model="both", max_tokens=1000).status == 402
    assert suite.chat(headers=key, model="cheap", max_tokens=1000).status == 200
    simulator.reset()
    simulator.script("status=500")
    answer = suite.chat(headers=key, model="cheap", max_tokens=1000)
    assert (answer.status, answer.code) == (402, "budget_exceeded")
    assert len(simulator.records()) == 1  # the dear one was not tried
    assert suite.chat(headers=key, model="cheap", max_tokens=50).status == 502
    assert len(simulator.records()) == 3
    assert shown(suite, "cent")["reserved_usd"] == 0


def test_days_and_months_and_teams_have_budgets_of_their_own(start_suite, simulator):
    suite = start(start_suite, simulator)
    suite.ctl("teams", "create", "--name", "blue", "--budget-monthly", "0.3", "--zone",
              "Europe/Berlin")
    a = key_of(suite, "a", "--team", "blue", "--budget-daily", "0.2")
    b = key_of(suite, "b", "--team", "blue", "--budget", "10")
    simulator.script("size=400000")  # $0.10

    def ask(key):
        answer = suite.chat(headers=key, max_tokens=100000)
        return answer.status if answer.status == 200 else answer.json["error"]["message"]
    assert [ask(a), ask(a)] == [200, 200]
    assert "daily budget of this API key cannot" in ask(a)
    assert ask(b) == 200
    assert "monthly budget of this API key's team" in ask(b)
    team = suite.ctl_json("teams", "show", "blue")
    assert Decimal(team["spent_monthly_usd"]) == Decimal("0.3") and team["zone"] == "Europe/Berlin"
    suite.ctl("teams", "update", "blue", "--budget-monthly", "none")
    assert ask(b) == 200
    suite.ctl("keys", "update", "a", "--budget-daily", "0.3")
    assert ask(a) == 200
    assert "daily budget" in ask(a)
    metrics = suite.metrics()
    assert metrics.value("api_key_rate_limit_hits_total", limit="team_budget") == 1
    assert metrics.value("api_key_rate_limit_hits_total", limit="budget") == 2


def test_what_was_spent_is_known_after_a_restart(start_suite, simulator):
    suite = start(start_suite, simulator)
    key = key_of(suite, "half", "--budget", "0.5", "--budget-daily", "0.5")
    simulator.script("size=400000")
    for _ in range(4):
        assert suite.chat(headers=key, max_tokens=100000).status == 200
    simulator.script("silence")
    stream = Stream(suite.port, {"model": "small", "max_tokens": 50000,
                                 "messages": [{"role": "user", "content": "x"}]},
                    suite.headers(**key))
    simulator.wait_records(5)
    suite.proxy.kill()
    stream.socket.close()
    suite.proxy.start_and_wait_ready()
    # who was under way when it died may have cost as much as was set aside
    assert shown(suite, "half")["spent_usd"] == Decimal("0.45")
    assert shown(suite, "half")["spent_daily_usd"] == Decimal("0.45")
    simulator.script("size=400000")
    assert suite.chat(headers=key, max_tokens=100000).status == 402
    assert suite.chat(headers=key, max_tokens=49999).status == 200


def test_a_model_without_a_price_is_free_or_refused(start_suite, simulator):
    prices = [{"provider": "*", "model": "priced", "input": 1.0, "output": 1.0}]
    models = [{"name": "free", "targets": [{"provider": "sim", "model": "free"}]},
              {"name": "priced", "targets": [{"provider": "sim", "model": "priced"}],
               "fallback": ["free"]}]
    suite = start(start_suite, simulator, prices=prices, models=models)
    allowed = key_of(suite, "allowed", "--budget", "0.000001")
    careful = key_of(suite, "careful", "--unpriced", "refuse")
    assert suite.chat(headers=allowed, model="free").status == 200
    assert suite.chat(headers=allowed, model="priced").status == 402
    refused = suite.chat(headers=careful, model="free")
    assert (refused.status, refused.code) == (403, "model_not_allowed")
    assert "price" in refused.json["error"]["message"]
    assert suite.chat(headers=careful, model="priced").status == 200
    simulator.reset()
    simulator.script("status=500")
    assert suite.chat(headers=careful, model="priced").status in (403, 502)
    assert len(simulator.records()) == 1  # its free fallback was not tried
    rows = suite.wait_ledger(5)
    free = [r for r in rows if r["model"] == "free" and r["status"] == "success"]
    assert [r["cost_nano"] for r in free] == [None]
    suite.config["limits"] = {"unpriced": "refuse"}
    suite.write_config()
    assert suite.admin("/admin/config/reload", "POST").status == 200
    wait_until(lambda: suite.chat(headers=allowed, model="free").status == 403, "the new rule")
    key_of(suite, "bold", "--unpriced", "allow")
