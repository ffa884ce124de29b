"""After a scripted afternoon every counter stands exactly where the script says, and the books say
the same. Requests and attempts are counted apart."""
import collections
import shutil
import subprocess

import pytest

from suite import Suite, request, wait_until

TEXT = "one two"  # 7 bytes: 2 tokens; its echo 13 bytes: 4 tokens
IN, OUT = 2, 4


def start(start_suite, a, b):
    suite = start_suite(services=["llm-proxy"], config={
        "providers": [Suite.provider(a, "a", retry={"max": 1, "backoff": "1ms"},
                                     breaker={"failures": 3, "open": "1h"}),
                      Suite.provider(b, "b", backend="cloud", retry={"max": 0})],
        "models": [{"name": "both", "aliases": ["nick"],
                    "targets": [{"provider": "a", "model": "x"}, {"provider": "b", "model": "y"}]},
                   {"name": "alone", "targets": [{"provider": "a", "model": "x"}]}],
        "prices": {"overrides": [{"provider": "a", "model": "x", "input": 1.0, "output": 2.0}]}})
    suite.cost = (IN * 1000 + OUT * 2000) / 1e9  # of one answered request at a
    return suite


def stream(suite, **more):
    s = suite.stream(TEXT, **more)
    s.read_all()
    return s


def afternoon(suite, a, b):
    """What happens, in this order; the assertions below count it."""
    for _ in range(5):
        assert suite.chat(TEXT, model="both").status == 200
    for _ in range(4):
        assert stream(suite, model="nick").has_ended_well
    a.script("status=500")
    for _ in range(2):  # not three in a row
        assert suite.chat(TEXT, model="both").headers["x-llm-provider"] == "b"
    a.script("", "status=503", "", "status=503", "", "status=400", "")
    assert suite.chat(TEXT, model="alone").status == 200
    for _ in range(2):  # tried again at a
        assert suite.chat(TEXT, model="alone").headers["x-llm-attempts"] == "2"
    assert suite.chat(TEXT, model="alone").status == 400  # the caller's fault
    a.script("rst=600")
    cut = suite.stream(TEXT, model="both", stream_options={"include_usage": True})
    cut.read_all()
    assert not cut.has_ended_well
    a.script("")
    assert suite.chat(TEXT, model="alone").status == 200
    a.script("silence")
    number = len(a.records())
    gone = suite.stream(TEXT, model="alone")
    a.wait_records(number + 1)
    gone.close()
    wait_until(lambda: suite.metrics().value("llm_requests_total", status="cancelled") == 1,
               "the cancellation")
    for _ in range(2):
        assert suite.chat(TEXT, model="nobody's").status == 404
    assert request(f"{suite.url}/v1/chat/completions", "POST", b"{}").status == 401
    a.script("status=500")
    assert suite.chat(TEXT, model="alone").status == 502  # two failures …
    b.script("status=500")
    assert suite.chat(TEXT, model="both").status == 502  # … and the third opens the breaker
    assert suite.chat(TEXT, model="alone").status == 503  # nobody is asked


# model, provider, backend, status: requests
REQUESTS = {
    ("both", "a", "local", "success"): 9,
    ("both", "b", "cloud", "success"): 2,
    ("alone", "a", "local", "success"): 4,
    ("alone", "a", "local", "error"): 2,  # 400, and 500 twice
    ("both", "a", "local", "truncated"): 1,
    ("alone", "a", "local", "cancelled"): 1,
    ("both", "b", "cloud", "error"): 1,
    ("alone", "none", "none", "refused"): 1,
    ("other", "none", "none", "refused"): 3,  # 404, 404, 401
}
# provider, model, outcome: attempts
ATTEMPTS = {
    ("a", "both", "ok"): 9, ("a", "alone", "ok"): 4,
    ("a", "both", "http_5xx"): 3, ("a", "alone", "http_5xx"): 4,
    ("a", "alone", "http_4xx"): 1, ("a", "both", "truncated"): 1, ("a", "alone", "cancelled"): 1,
    ("b", "both", "ok"): 2, ("b", "both", "http_5xx"): 1,
}


def series(metrics, name, *labels):
    """What a family says by these labels, without its zeros."""
    found = collections.Counter()
    for (have, pairs), value in metrics.series.items():
        if have == name:
            found[tuple(dict(pairs)[label] for label in labels)] += value
    return {k: v for k, v in found.items() if v}


@pytest.fixture
def evening(start_suite, simulator, start_simulator):
    b = start_simulator()
    suite = start(start_suite, simulator, b)
    afternoon(suite, simulator, b)
    n = sum(REQUESTS.values()) - 1  # the one without a key is in no books
    suite.rows = suite.wait_ledger(n)
    assert len(suite.rows) == n
    wait_until(lambda: suite.metrics().value("ledger_spool_records") == 0, "an empty spool")
    suite.after = suite.metrics()
    return suite


def test_the_counters_stand_where_the_script_left_them(evening):
    m = evening.after
    assert series(m, "llm_requests_total", "model", "provider", "backend", "status") == REQUESTS
    assert series(m, "llm_attempts_total", "provider", "model", "outcome") == ATTEMPTS
    assert series(m, "llm_retries_total", "provider", "reason") == {("a", "http_5xx"): 3}
    assert series(m, "llm_fallbacks_total", "from", "to") == {("a", "b"): 3}
    assert series(m, "llm_streaming_requests_total", "model", "status") == {
        ("both", "success"): 4, ("both", "truncated"): 1, ("alone", "cancelled"): 1}
    assert series(m, "circuit_breaker_state", "provider") == {("a",): 2}
    assert series(m, "circuit_breaker_transitions_total", "provider", "to") == {("a", "open"): 1}
    assert series(m, "http_requests_total", "method", "path", "status") == {
        ("POST", "/v1/chat/completions", "200"): 9 + 2 + 4 + 1,
        **{("POST", "/v1/chat/completions", status): n for status, n in
           (("400", 1), ("401", 1), ("404", 2), ("499", 1), ("502", 2), ("503", 1))},
        **{k: v for k, v in series(m, "http_requests_total", "method", "path", "status").items()
           if k[1] != "/v1/chat/completions"}}
    for histogram, n in (("llm_request_duration_seconds", sum(REQUESTS.values())),
                         ("llm_upstream_duration_seconds", sum(ATTEMPTS.values())),
                         ("worker_pool_task_duration_seconds", sum(ATTEMPTS.values())),
                         ("llm_streaming_duration_seconds", 6),
                         ("llm_time_to_first_token_seconds", 9 + 2 + 4 + 1),
                         ("llm_overhead_seconds", sum(REQUESTS.values()) - 4)):
        assert m.value(f"{histogram}_count") == n, histogram


def test_tokens_and_money_add_up(evening):
    m, rows = evening.after, evening.rows
    answered = 9 + 4
    told = series(m, "llm_tokens_total", "provider", "type", "source")
    cut = next(row for row in rows if row["status"] == "truncated")
    gone = next(row for row in rows if row["status"] == "cancelled")
    assert cut["usage_source"] == gone["usage_source"] == "local"
    assert gone["tokens_out"] == 0 < gone["tokens_in"] and cut["tokens_out"] > 0
    assert told == {("a", "input", "upstream"): answered * IN,
                    ("a", "output", "upstream"): answered * OUT,
                    ("b", "input", "upstream"): 2 * IN, ("b", "output", "upstream"): 2 * OUT,
                    ("a", "input", "local"): cut["tokens_in"] + gone["tokens_in"],
                    ("a", "output", "local"): cut["tokens_out"]}
    cost = answered * evening.cost + (cut["cost_nano"] + gone["cost_nano"]) / 1e9
    assert series(m, "llm_cost_total", "provider", "model") == {
        ("a", "both"): pytest.approx(9 * evening.cost + cut["cost_nano"] / 1e9),
        ("a", "alone"): pytest.approx(4 * evening.cost + gone["cost_nano"] / 1e9)}
    key = rows[0]["key_id"]
    assert m.value("api_key_cost_total", key_id=key) == pytest.approx(cost)
    assert series(m, "llm_unpriced_requests_total", "model") == {("both",): 2}  # b's price is unknown
    assert series(m, "api_key_requests_total", "key_id", "status") == {
        (key, "success"): 15, (key, "error"): 3, (key, "truncated"): 1, (key, "cancelled"): 1,
        (key, "refused"): 3, ("none", "refused"): 1}


def test_the_books_say_the_same(evening):
    rows = evening.rows
    books = collections.Counter((row["model"] or "other", row["provider"] or "none",
                                 row["backend"] or "none", row["status"]) for row in rows)
    books["other", "none", "none", "refused"] += 1  # the one without a key
    assert books == REQUESTS
    tries = evening.ledger("SELECT a.provider, r.model AS asked, a.outcome, a.tokens_in,"
                           " a.tokens_out, a.cost_nano, r.id FROM attempts a"
                           " JOIN requests r USING (id)")
    assert collections.Counter((t["provider"], t["asked"], t["outcome"]) for t in tries) == ATTEMPTS
    for row in rows:
        mine = [t for t in tries if t["id"] == row["id"]]
        assert row["attempts"] == len(mine)
        assert row["tokens_in"] == sum(t["tokens_in"] for t in mine)
        assert row["tokens_out"] == sum(t["tokens_out"] for t in mine)
        costs = [t["cost_nano"] for t in mine]
        assert row["cost_nano"] == (None if None in costs else sum(costs))
    unpriced = [row for row in rows if row["cost_nano"] is None]
    assert len(unpriced) == 2 and all(row["provider"] == "b" for row in unpriced)
    usage = {(u["model"], u["provider"]): u for u in
             evening.ctl_json("usage", "--by", "model,provider")}
    assert usage["alone", "a"]["requests"] == 7 and usage["both", "b"]["requests"] == 3
    assert sum(u["requests"] for u in usage.values()) == len(rows)
    entries = [e for e in evening.proxy.entries() if "attempts" in e]
    assert len(entries) == sum(REQUESTS.values())
    assert len({e["request_id"] for e in entries}) == len(entries)


def test_the_three_pages_pass_the_linter_and_repeat_nothing(suite):
    assert suite.chat().status == 200
    stream(suite)
    for service in suite.processes:
        metrics = suite.metrics(service)  # which refuses a series that is there twice
        assert metrics.has("process_start_time_seconds"), service
        for name in metrics.types:
            assert not name.endswith("_total") or metrics.types[name] == "counter", name
        port = {"llm-proxy": suite.admin_port, "context-service": suite.context_port,
                "health-worker": suite.health_port}[service]
        if not shutil.which("promtool"):
            pytest.skip("no promtool (Debian's package prometheus)")
        page = request(f"http://127.0.0.1:{port}/metrics").body
        checked = subprocess.run(["promtool", "check", "metrics"], input=page,
                                 capture_output=True)
        assert checked.returncode == 0 and not checked.stderr + checked.stdout, checked


def test_what_a_model_may_cost_and_its_failures_are_there_before_the_first(start_suite, simulator):
    suite = start_suite(services=["llm-proxy"], config={
        "providers": [Suite.provider(simulator, "a"), Suite.provider(simulator, "b")],
        "models": [{"name": "one", "targets": [{"provider": "a", "model": "x"}],
                    "fallback": ["two"]},
                   {"name": "two", "targets": [{"provider": "b", "model": "y"}]},
                   {"name": "auto", "strategy": "complexity",
                    "complexity": {"low": "two", "medium": "two", "high": "one"}}]})
    budgeted = suite.create_key("budgeted", "--budget", "5")["id"]
    metrics = suite.metrics()
    for model, provider in (("one", "a"), ("one", "b"), ("two", "b"), ("auto", "a"), ("auto", "b")):
        assert metrics.has("llm_cost_total", model=model, provider=provider)
    assert not metrics.has("llm_cost_total", model="two", provider="a")
    for status in ("success", "error"):
        assert metrics.has("llm_requests_total", model="auto", provider="b", complexity="low",
                           backend="local", status=status)
    assert metrics.has("llm_unpriced_requests_total", model="two")
    wait_until(lambda: suite.metrics().has("api_key_cost_total", key_id=budgeted), "the key's cost")
    assert suite.metrics().value("llm_requests_total") == 0
