"""The response cache: what is given again and what never is, to whom, for how long, and at what cost."""
import contextlib
import http.client
import json
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from load import together
from loop_turns import LoopTurns, quantile
from suite import FIGURES, SLOW, SOAK, Stream, Suite, load, wait_until

PRICE = {"provider": "sim", "model": "sim", "input": 1.0, "output": 2.0}
TEXT = "one two"  # 7 bytes: 2 tokens; its echo 13 bytes: 4 tokens
COST = (2 * 1000 + 4 * 2000) / 1e9


def start(start_suite, simulator, env=None, **config):
    provider = Suite.provider(simulator, retry={"max": 0}, breaker={"failures": 1000})
    return start_suite(simulator, services=["llm-proxy"], env=env, config={
        "providers": [provider], "prices": {"overrides": [PRICE]}, **config})


def ask(suite, text=TEXT, headers=None, **fields):
    """What temperature 0 allows to be given again."""
    answer = suite.chat(text, headers=headers, **{"temperature": 0, **fields})
    assert answer.status == 200, answer.body
    return answer


def stream(suite, text=TEXT, headers=None, **fields):
    s = suite.stream(text, headers=headers, **{"temperature": 0, **fields})
    s.read_all()
    return s


def source(answer):
    return answer.headers["x-llm-cache"]


def asked(simulator):
    return len(simulator.records())


# ---- hits and misses ----

def test_the_same_question_is_asked_once(start_suite, simulator):
    suite = start(start_suite, simulator)
    first, second = ask(suite), ask(suite)
    assert source(first) == "miss" and source(second) == "l1"
    assert first.body == second.body  # ids of the answer included
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert second.headers["x-llm-model"] == "small" and "x-llm-provider" not in second.headers
    assert asked(simulator) == 1


def test_how_it_is_spelled_makes_no_difference_what_it_says_does(start_suite, simulator):
    suite = start(start_suite, simulator)

    def send(text):
        s = Stream(suite.port, text.encode(), suite.headers())
        s.read_all()
        assert s.status == 200
        return source(s)
    one = '{"model":"small","temperature":0,"messages":[{"role":"user","content":"h\\u0065y"}]}'
    other = ' {"messages": [{"content":"hey","role":"user"}],\n"temperature":0.0, "model":"small"}'
    assert [send(one), send(other)] == ["miss", "l1"]
    for change in ('"hey "', '"Hey"', '"hey","name":"x"'):
        assert send(other.replace('"hey"', change)) == "miss"
    assert send(other.replace('"temperature"', '"top_k":1,"temperature"')) == "miss"
    assert send(other.replace('"model":"small"', '"model":"small","stream":false')) == "l1"


def test_an_alias_finds_the_answer_and_a_new_target_does_not(start_suite, simulator):
    suite = start(start_suite, simulator)
    suite.config["models"][0]["aliases"] = ["nick"]
    suite.write_config()
    assert suite.ctl("config", "reload").returncode == 0
    assert source(ask(suite)) == "miss" and source(ask(suite, model="nick")) == "l1"
    suite.config["models"][0]["targets"][0]["model"] = "another"
    suite.write_config()
    assert suite.ctl("config", "reload").returncode == 0
    assert source(ask(suite)) == "miss"
    assert asked(simulator) == 2


def test_only_what_may_be_given_again_is(start_suite, simulator):
    suite = start(start_suite, simulator)
    for fields in ({"temperature": 0.7}, {"temperature": None}, {"n": 2}, {"store": True}):
        for _ in range(2):
            assert source(ask(suite, **fields)) == "bypass"
    assert asked(simulator) == 8
    ttl = {"x-llm-cache-ttl": "1h"}
    assert [source(ask(suite, headers=ttl, temperature=0.7)) for _ in range(2)] == ["miss", "l1"]


def test_the_model_may_say_otherwise(start_suite, simulator):
    targets = [{"provider": "sim", "model": "sim"}]
    suite = start(start_suite, simulator, models=[
        {"name": "small", "targets": targets, "cache": {"when": "always", "tool_calls": True}},
        {"name": "live", "targets": targets, "cache": {"when": "never"}}])
    assert [source(ask(suite, temperature=1)) for _ in range(2)] == ["miss", "l1"]
    assert [source(ask(suite, model="live")) for _ in range(2)] == ["bypass", "bypass"]
    simulator.script("tools=1")
    tools = {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}
    assert [source(ask(suite, "call", **tools)) for _ in range(2)] == ["miss", "l1"]


def test_a_caller_may_decline(start_suite, simulator):
    suite = start(start_suite, simulator)
    for headers in ({"x-llm-no-cache": "1"}, {"Cache-Control": "no-store"}):
        assert [source(ask(suite, headers=headers)) for _ in range(2)] == ["bypass", "bypass"]
    assert source(ask(suite)) == "miss"  # nothing was kept
    simulator.script("stamp")
    fresh = ask(suite, headers={"Cache-Control": "no-cache"})
    assert source(fresh) == "bypass"
    assert ask(suite).body == fresh.body  # it replaced what was kept


def test_an_answer_ends_when_its_time_is_over(start_suite, simulator):
    suite = start(start_suite, simulator)
    ttl = {"x-llm-cache-ttl": "1"}
    assert [source(ask(suite, headers=ttl)) for _ in range(2)] == ["miss", "l1"]
    wait_until(lambda: source(ask(suite, headers={"x-llm-cache-ttl": "0"})) == "miss",
               "the end of the answer", 5)
    assert asked(simulator) == 2


APIS = {
    "chat/completions": {"messages": [{"role": "user", "content": TEXT}]},
    "completions": {"prompt": TEXT},
    "responses": {"input": TEXT},
    "messages": {"messages": [{"role": "user", "content": TEXT}], "max_tokens": 50},
    "embeddings": {"input": TEXT},
}


@pytest.mark.parametrize("api,is_stream", [(api, is_stream) for api in APIS for is_stream in (
    (False, True) if api != "embeddings" else (False,))])
def test_every_api_is_answered_again(start_suite, simulator, api, is_stream):
    suite = start(start_suite, simulator)
    body = {"model": "small", **APIS[api]}
    if is_stream:
        body["stream"] = True

    def send(**headers):
        s = Stream(suite.port, body, suite.headers(**headers), path=f"/v1/{api}")
        s.read_all()
        assert s.status == 200 and s.has_ended_well, s.received
        return s
    assert source(send()) == "bypass"
    first, second = send(**{"x-llm-cache-ttl": "60"}), send(**{"x-llm-cache-ttl": "60"})
    assert (source(first), source(second)) == ("miss", "l1")
    assert first.body == second.body and asked(simulator) == 2
    rows = suite.wait_ledger(3)
    assert [r["cache"] for r in rows] == ["bypass", "miss", "l1"]
    assert len({r["api"] for r in rows}) == 1 and rows[2]["cost_nano"] == 0


def test_what_is_too_large_is_not_kept(start_suite, simulator):
    suite = start(start_suite, simulator)
    large = "word " * 250000
    assert [source(ask(suite, large)) for _ in range(2)] == ["bypass", "bypass"]
    simulator.script(f"size={(1 << 20) + 1000}")
    assert [source(ask(suite)) for _ in range(2)] == ["miss", "miss"]
    assert [source(stream(suite)) for _ in range(2)] == ["miss", "miss"]
    suite.shows("tiered_cache_entries", 0)


# ---- what is never kept ----

@pytest.mark.parametrize("script", ["status=500", "status=400", "bad-json", "empty", "rst=20"])
def test_errors_are_never_kept(start_suite, simulator, script):
    suite = start(start_suite, simulator)
    simulator.script(script)
    for _ in range(2):
        assert suite.chat(TEXT, temperature=0).status != 200
    simulator.script("")
    assert source(ask(suite)) == "miss"
    suite.shows("tiered_cache_entries", 1, layer="L1")


@pytest.mark.parametrize("script", ["fin=400,interval=1ms", "rst=400,interval=1ms", "no-finish"])
def test_a_stream_that_was_cut_is_never_kept(start_suite, simulator, script):
    suite = start(start_suite, simulator)
    simulator.script(script)
    assert not stream(suite, "a longer text that takes some pieces").has_ended_well
    simulator.script("")
    assert source(stream(suite, "a longer text that takes some pieces")) == "miss"


def test_answers_that_call_tools_are_not_kept(start_suite, simulator):
    suite = start(start_suite, simulator)
    simulator.script("tools=1")
    tools = {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}
    assert [source(ask(suite, **tools)) for _ in range(2)] == ["miss", "miss"]
    assert [source(stream(suite, **tools)) for _ in range(2)] == ["miss", "miss"]
    simulator.script("")  # the same tools, and an answer in words
    assert [source(ask(suite, **tools)) for _ in range(2)] == ["miss", "l1"]


# ---- streams ----

def test_a_stream_is_given_again_as_a_stream(start_suite, simulator):
    suite = start(start_suite, simulator)
    text = "word " * 200
    simulator.script("chunks=50")
    first, second = stream(suite, text), stream(suite, text)
    assert (source(first), source(second)) == ("miss", "l1")
    assert first.events() == second.events() and second.events()[-1] == "[DONE]"
    assert second.has_ended_well and second.text() == first.text()
    assert second.headers["content-type"] == first.headers["content-type"]
    assert source(ask(suite, text)) == "miss"  # a whole answer is another thing
    usage = stream(suite, text, stream_options={"include_usage": True})
    assert source(usage) == "miss"
    assert asked(simulator) == 3


def test_comments_of_the_waiting_are_not_recorded(start_suite, simulator):
    suite = start(start_suite, simulator, proxy={"keepalive_comment": "20ms"})
    simulator.script("first=200ms")
    first = stream(suite)
    assert b": keep-alive" in first.received
    second = stream(suite)
    assert source(second) == "l1" and b": keep-alive" not in second.received
    assert first.events() == second.events()


def test_a_large_stream_waits_for_a_slow_reader(start_suite, simulator):
    suite = start(start_suite, simulator)
    simulator.script("size=900000,chunks=100")
    first = stream(suite)
    before = suite.proxy.memory_kb()
    body = {"model": "small", "stream": True, "temperature": 0,
            "messages": [{"role": "user", "content": TEXT}]}
    slow = [Stream(suite.port, body, suite.headers(), receive_buffer=4096) for _ in range(60)]
    for s in slow:
        s.read_until("data: ")
    grown = suite.proxy.memory_kb() - before
    assert SLOW > 1 or grown < 60 * 200  # the answer is held once, not by each
    for s in slow[:5]:
        s.read_all()
        assert s.has_ended_well and s.events() == first.events() and source(s) == "l1"
    for s in slow[5:]:
        s.close()

    def ended(status):
        return suite.metrics().value("llm_requests_total", status=status)
    wait_until(lambda: ended("success") + ended("cancelled") == 61, "the end of all")
    assert ended("cancelled") > 0 and ended("success") >= 6
    assert asked(simulator) == 1


# ---- tenants ----

def test_no_tenant_gets_anothers_answer(start_suite, simulator):
    suite = start(start_suite, simulator)
    simulator.script("stamp")
    keys = [{"Authorization": f"Bearer {suite.create_key(name)['key']}"} for name in ("a", "b")]
    n = 10000 if SOAK else 300
    seen = [set(), set()]

    def tenant(i):
        for question in range(n // 2):
            answer = ask(suite, f"question {question}", headers=keys[i])
            seen[i].add(answer.body)
    together(2, tenant)
    assert len(seen[0]) == len(seen[1]) == n // 2 and not seen[0] & seen[1]
    assert asked(simulator) == min(n, 4096)
    hits = [source(ask(suite, "question 0", headers=key)) for key in keys]
    assert hits == ["l1", "l1"]


def test_keys_of_one_team_share_when_the_configuration_says_so(start_suite, simulator):
    suite = start(start_suite, simulator, cache={"scope": "team"})
    suite.ctl("teams", "create", "--name", "red")

    def key(name, *options):
        return {"Authorization": f"Bearer {suite.create_key(name, *options)['key']}"}
    a, b, c = key("a", "--team", "red"), key("b", "--team", "red"), key("red")
    assert [source(ask(suite, headers=k)) for k in (a, b, c)] == ["miss", "l1", "miss"]


def test_nobody_is_answered_before_key_and_limits(start_suite, simulator):
    target = [{"provider": "sim", "model": "sim"}]
    suite = start(start_suite, simulator, models=[{"name": "small", "targets": target},
                                                  {"name": "large", "targets": target}])
    ask(suite)
    stranger = suite.chat(TEXT, temperature=0, headers={"Authorization": "Bearer llm-no"})
    assert stranger.status == 401
    one = {"Authorization": f"Bearer {suite.create_key('one', '--rpm', '2')['key']}"}
    assert [source(ask(suite, headers=one)) for _ in range(2)] == ["miss", "l1"]
    assert suite.chat(TEXT, temperature=0, headers=one).status == 429
    other = {"Authorization": f"Bearer {suite.create_key('two', '--models', 'large')['key']}"}
    assert suite.chat(TEXT, temperature=0, headers=other).status == 403


def test_each_byte_belongs_to_its_tenant(start_suite, simulator):
    """Tenants who ask the same things over and over, in both forms, and sometimes leave."""
    suite = start(start_suite, simulator, proxy={"threads": 4})
    simulator.script("interval=1ms")
    n = 500 if SOAK else 60
    seen = []

    def tenant(i):
        key = {"Authorization": f"Bearer {suite.create_key(f'tenant {i}')['key']}"}
        for k in range(n):
            mark = f"question {k % 7}"
            s = suite.stream(f"{mark} " * 20, headers=key, temperature=0)
            if (i + k) % 5 == 0:
                s.read_until("data: ")
                s.close()
                continue
            s.read_all()
            assert s.has_ended_well and mark in s.text()
            others = {f"question {j}" for j in range(7)} - {mark}
            assert not any(other in s.text() for other in others)
            seen.append((i, json.loads(s.events()[0])["id"]))
    together(8, tenant)
    ids = {}
    for i, answer in seen:
        assert ids.setdefault(answer, i) == i, "the same answer for two tenants"
    m = suite.metrics()
    assert m.value("cache_hits_total") > n
    assert m.value("cache_misses_total") == asked(simulator)


# ---- the books ----

def test_a_hit_costs_nothing_and_is_in_the_books(start_suite, simulator):
    suite = start(start_suite, simulator)
    ask(suite)
    for _ in range(3):
        ask(suite)
    stream(suite)
    stream(suite)
    ask(suite, headers={"x-llm-no-cache": "1"})
    rows = suite.wait_ledger(7)
    assert len(rows) == 7
    by = {kind: [r for r in rows if r["cache"] == kind] for kind in ("miss", "l1", "bypass")}
    assert [len(by[kind]) for kind in ("miss", "l1", "bypass")] == [2, 4, 1]
    for row in by["l1"]:
        assert row["status"] == "success" and row["attempts"] == 0 and row["cost_nano"] == 0
        assert row["tokens_in"] == row["tokens_out"] == 0 and row["http_status"] == 200
    attempts = suite.ledger("SELECT * FROM attempts")
    assert {a["request_id"] for a in attempts} == {r["request_id"]
                                                   for r in by["miss"] + by["bypass"]}
    assert len(attempts) == 3
    m = suite.metrics()
    assert m.value("cache_hits_total") == 4 and m.value("cache_misses_total") == 2
    assert m.value("cache_cost_savings_total") == pytest.approx(4 * COST)
    assert m.value("llm_cost_total") == pytest.approx(3 * COST)
    assert m.value("llm_requests_total", status="success") == 7
    assert m.value("llm_attempts_total") == 3
    assert m.value("llm_unpriced_requests_total") == 0


def test_a_hit_leaves_budget_and_tokens_alone(start_suite, simulator):
    suite = start(start_suite, simulator)
    key = {"Authorization": "Bearer " + suite.create_key(
        "poor", "--budget", f"{10 * COST:.9f}", "--tpm", "200")["key"]}
    for i in range(100):
        answer = ask(suite, headers=key, max_tokens=4)
        assert source(answer) == ("l1" if i else "miss")
    assert float(answer.headers["x-llm-cost-usd"]) == 0
    spent = suite.ctl_json("keys", "show", "poor")["spent_usd"]
    assert float(spent) == pytest.approx(COST)
    answers = [suite.chat(TEXT, headers={**key, "x-llm-no-cache": "1"}, max_tokens=4).status
               for _ in range(10)]
    assert answers[0] == 200 and answers[-1] == 402
    assert suite.chat(TEXT, headers=key, temperature=0, max_tokens=4).status == 402  # budget first


def test_every_look_is_a_hit_or_a_miss_in_every_layer(start_suite, simulator):
    suite = start(start_suite, simulator)
    assert suite.metrics().has("tiered_cache_hits_total", layer="L2")

    def counts(layer):
        m = suite.metrics()
        return (m.value("tiered_cache_hits_total", layer=layer),
                m.value("tiered_cache_misses_total", layer=layer))
    for i in range(6):
        ask(suite, f"{i}")
    for i in range(4):
        ask(suite, f"{i}")
    assert counts("L1") == (4, 6) and counts("L2") == (0, 6)
    m = suite.metrics()
    assert m.value("tiered_cache_entries", layer="L1") == 6
    assert m.value("tiered_cache_size_bytes", layer="L1") > 6 * 300
    stats = suite.ctl_json("cache", "stats")
    assert (stats["hits"], stats["misses"], stats["waiting"]) == (4, 6, 0)
    assert [(layer["layer"], layer["hits"], layer["misses"]) for layer in stats["layers"]] == [
        ("l1", 4, 6), ("l2", 0, 6)]
    assert stats["savings_usd"] > 0
    table = suite.ctl("cache", "stats").stdout
    assert "LAYER" in table and "savings_usd" in table


def test_cleared_means_cleared(start_suite, simulator):
    suite = start(start_suite, simulator)
    ask(suite)
    wait_until(lambda: suite.metrics().value("tiered_cache_entries", layer="L2") == 1, "L2")
    assert suite.ctl_json("cache", "clear") == {"l1": 1, "l2": 1}
    assert source(ask(suite)) == "miss"
    assert suite.ctl("cache", "clear").stdout == "cleared\n"
    wait_until(lambda: suite.metrics().value("tiered_cache_entries", layer="L2") == 0, "L2")


# ---- the disk ----

def in_l2(suite, n):
    wait_until(lambda: suite.metrics().value("tiered_cache_entries", layer="L2") == n,
               f"{n} answers on disk")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_answers_survive_a_restart(start_suite, simulator, end):
    suite = start(start_suite, simulator)
    first, whole = stream(suite), ask(suite)
    in_l2(suite, 2)
    suite.proxy.kill(end)
    suite.proxy.start_and_wait_ready()
    in_l2(suite, 2)
    again = stream(suite)
    assert source(again) == "l2" and again.events() == first.events()
    assert source(stream(suite)) == "l1"  # it has moved up
    answer = ask(suite)
    assert source(answer) == "l2" and answer.body == whole.body
    assert asked(simulator) == 2
    m = suite.metrics()
    assert m.value("cache_hits_total") == 3 and m.value("cache_cost_savings_total") > 0
    assert {r["cache"] for r in suite.wait_ledger(5)} == {"miss", "l1", "l2"}


def test_kills_spoil_nothing(start_suite, simulator):
    suite = start(start_suite, simulator)
    texts = [f"question {i} " * (1 + i % 40) for i in range(100)]

    def words(answer):
        return answer.json["choices"][0]["message"]["content"]
    told = {text: words(ask(suite, text, headers={"x-llm-no-cache": "1"})) for text in texts[:50]}
    for _ in range(20 if SOAK else 4):
        def flood(i):
            with contextlib.suppress(OSError, http.client.HTTPException):
                for text in texts[i:] + texts[:i]:
                    ask(suite, text)
        threads = [threading.Thread(target=flood, args=[i]) for i in (0, 30, 60)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(list((suite.folder / "state").glob("cache.db-wal"))) > 0, "writes")
        time.sleep(0.05)
        suite.proxy.kill()
        for thread in threads:
            thread.join()
        suite.proxy.start_and_wait_ready()
    for text, wanted in told.items():
        assert words(ask(suite, text)) == wanted
    with contextlib.closing(sqlite3.connect(suite.folder / "state/cache.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert "damaged" not in suite.proxy.log()


def test_a_damaged_file_is_set_aside(start_suite, simulator):
    suite = start(start_suite, simulator)
    ask(suite)
    in_l2(suite, 1)
    suite.proxy.kill()
    path = suite.folder / "state/cache.db"
    path.write_bytes(b"no database" * 1000)
    (suite.folder / "state/cache.db-wal").unlink()
    suite.proxy.start_and_wait_ready()
    assert [source(ask(suite)) for _ in range(2)] == ["miss", "l1"]
    in_l2(suite, 1)
    assert (suite.folder / "state/cache.db.damaged").exists()
    assert "setting it aside" in suite.proxy.log()


def test_a_locked_file_keeps_nobody_waiting(start_suite, simulator):
    suite = start(start_suite, simulator)
    ask(suite)
    in_l2(suite, 1)
    path = suite.folder / "state/cache.db"
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        for i in range(10):
            assert [source(ask(suite, f"{i}")) for _ in range(2)] == ["miss", "l1"]
        assert time.monotonic() - begun < 5 * SLOW
        db.execute("ROLLBACK")
    ask(suite, "after")
    wait_until(lambda: suite.metrics().value("tiered_cache_entries", layer="L2") >= 2, "the disk")


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_a_slow_disk_keeps_nobody_waiting(start_suite, simulator):
    suite = start(start_suite, simulator)
    ask(suite)
    in_l2(suite, 1)
    suite.proxy.kill(signal.SIGTERM)
    suite.proxy.start_and_wait_ready()
    in_l2(suite, 1)
    tasks = pathlib.Path(f"/proc/{suite.proxy.pid}/task")
    thread = next(t.name for t in tasks.iterdir() if (t / "comm").read_text() == "cache\n")
    slow = subprocess.Popen(["strace", "-p", thread, "-o", "/dev/null", "-e", "trace=pread64",
                             "-e", "inject=pread64:delay_enter=700000"], stderr=subprocess.PIPE)
    assert b"attached" in slow.stderr.readline()
    begun = time.monotonic()
    assert source(ask(suite)) == "miss"
    assert time.monotonic() - begun < 0.5 * SLOW
    slow.terminate()
    slow.wait()
    suite.shows("tiered_cache_misses_total", 1, layer="L2")


def test_without_layers_there_is_no_cache(start_suite, simulator):
    suite = start(start_suite, simulator, cache={"l1": {"max": 0}, "l2": {"max": 0}})
    assert [source(ask(suite)) for _ in range(2)] == ["bypass", "bypass"]
    assert not (suite.folder / "state/cache.db").exists()
    suite.config["cache"]["l1"] = {"max": "1MiB"}
    suite.write_config()
    refused = suite.ctl("config", "reload", check=False)
    assert refused.returncode == 1 and "cache" in refused.stderr


def test_bytes_stay_within_their_bounds_under_a_flood(start_suite, simulator):
    mib = 1 << 20
    suite = start(start_suite, simulator, cache={"l1": {"max": "4MiB"}, "l2": {"max": "8MiB"}})
    simulator.script("size=30000")
    ask(suite, "warm")
    before = suite.proxy.memory_kb()

    def flood(i):
        for k in range(1000 if SOAK else 150):
            ask(suite, f"{i} {k}")
            m = suite.metrics() if k % 25 == 0 else None
            if m:
                assert m.value("tiered_cache_size_bytes", layer="L1") <= 4 * mib
    together(4, flood)
    wait_until(lambda: 0 < suite.metrics().value("tiered_cache_size_bytes", layer="L2") <= 8 * mib,
               "the disk within its bound")
    m = suite.metrics()
    assert m.value("tiered_cache_evictions_total", layer="L1") > 400
    assert m.value("tiered_cache_evictions_total", layer="L2") > 200
    files = sum(p.stat().st_size for p in (suite.folder / "state").glob("cache.db*"))
    assert files < 8 * mib * 1.25 + 17 * mib  # and what waits in the write-ahead log
    if SLOW == 1:
        assert suite.proxy.memory_kb() - before < 40 * 1024


# ---- one question at a time ----

def crowd(suite, n, work):
    """n who ask the same at one moment, each on a connection of its own."""
    ready = threading.Barrier(n)
    got = []

    def one(_):
        ready.wait()
        got.append(work())
    together(n, one)
    return got


@pytest.mark.parametrize("form", ["whole", "stream"])
def test_a_thousand_who_ask_the_same_at_once_ask_once(start_suite, simulator, form):
    n = 1000 if SOAK else 200
    suite = start(start_suite, simulator)
    simulator.script("delay=2s,stamp" if SLOW == 1 else "delay=10s,stamp")
    got = crowd(suite, n, lambda: (stream if form == "stream" else ask)(suite))
    assert asked(simulator) == 1
    sources = [source(a) for a in got]
    assert sources.count("miss") == 1 and sources.count("l1") == n - 1
    assert len({bytes(a.body) for a in got}) == 1
    m = suite.metrics()
    assert m.value("cache_hits_total") == n - 1 and m.value("cache_misses_total") == 1
    assert m.value("tiered_cache_hits_total", layer="L1") == n - 1
    cost = m.value("llm_cost_total")
    assert m.value("cache_cost_savings_total") == pytest.approx((n - 1) * cost)
    assert len(suite.wait_ledger(n)) == n


def test_when_the_first_one_fails_another_asks(start_suite, simulator):
    suite = start(start_suite, simulator)
    simulator.script("delay=500ms,status=500", "delay=300ms")
    answers = crowd(suite, 10, lambda: suite.chat(TEXT, temperature=0))
    assert sorted(a.status for a in answers) == [200] * 9 + [502]
    assert asked(simulator) == 2


def test_when_the_first_one_leaves_another_asks(start_suite, simulator):
    suite = start(start_suite, simulator)
    simulator.script("delay=10s", "")
    leader = suite.stream(TEXT, temperature=0)
    simulator.wait_records(1)
    waiting = [suite.stream(TEXT, temperature=0) for _ in range(5)]
    wait_until(lambda: suite.ctl_json("cache", "stats")["waiting"] == 5, "five who wait")
    waiting[0].close()  # not the leader: nothing else changes
    wait_until(lambda: suite.ctl_json("cache", "stats")["waiting"] == 4, "four who wait")
    leader.close()
    for s in waiting[1:]:
        s.read_all()
        assert s.status == 200 and s.has_ended_well
    assert asked(simulator) == 2
    assert simulator.wait_closed(1)
    suite.shows("llm_requests_total", 2, status="cancelled")


def test_what_is_not_kept_is_asked_by_each(start_suite, simulator):
    suite = start(start_suite, simulator)
    simulator.script("delay=500ms,tools=1")
    tools = {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}
    got = crowd(suite, 5, lambda: ask(suite, **tools))
    assert [source(a) for a in got] == ["miss"] * 5 and asked(simulator) == 5


def test_what_the_provider_refuses_is_refused_to_all_at_once(start_suite, simulator):
    suite = start(start_suite, simulator)
    simulator.script("delay=400ms,status=400")
    begun = time.monotonic()
    got = crowd(suite, 10, lambda: suite.chat(TEXT, temperature=0))
    assert [a.status for a in got] == [400] * 10
    assert time.monotonic() - begun < 2 * SLOW


def test_a_deadline_holds_while_waiting(start_suite, simulator):
    suite = start(start_suite, simulator)
    simulator.script("delay=5s")
    leader = suite.stream(TEXT, temperature=0)
    simulator.wait_records(1)
    late = suite.chat(TEXT, temperature=0, stream=True, headers={"x-llm-deadline-ms": "200"})
    assert late.status == 504 and late.code == "deadline_exceeded"
    leader.close()


def test_a_drain_lets_those_who_wait_have_their_answer(start_suite, simulator):
    suite = start(start_suite, simulator)
    simulator.script("delay=1s")
    streams = [suite.stream(TEXT, temperature=0) for _ in range(6)]
    wait_until(lambda: suite.ctl_json("cache", "stats")["waiting"] == 5, "five who wait")
    suite.proxy.signal(signal.SIGTERM)
    for s in streams:
        s.read_all()
        assert s.has_ended_well
    assert asked(simulator) == 1


# ---- how long it takes ----

def overhead(suite):
    """Requests by the bound of their time inside the proxy."""
    return {float(dict(pairs)["le"]): value for (name, pairs), value in suite.metrics().series.items()
            if name == "llm_overhead_seconds_bucket"}


def test_a_hit_takes_a_hundred_microseconds(start_suite, simulator, tmp_path):
    """p99 inside the proxy, of the best of some rounds, for the machine has other things to do: the
    processor time of a turn, in which a hit is read, found, answered and written down; and when it
    is left alone, the time from the first byte of the request to the last of the answer."""
    turns = LoopTurns(tmp_path)
    suite = start(start_suite, simulator, env=turns.env if SLOW == 1 else None)
    body = {"model": "small", "temperature": 0, "messages": [
        {"role": "user", "content": "a prompt of a kilobyte. " * 42}]}
    load(suite, "closed", body, 1)
    assert asked(simulator) == 1
    aim = 100e-6 if FIGURES else 250e-6  # waking an idle core is charged to who wakes it
    processor, wall = [], []
    for _ in range(10 if SLOW == 1 else 0):
        turns.since_last()
        before = overhead(suite)
        n = load(suite, "closed", body, 1)["requests"]
        processor.append(quantile(turns.since_last(), 0.99))
        after = wait_until(lambda: (now := overhead(suite))[float("inf")]
                           >= before[float("inf")] + n and now, "the last")
        wall.append(next(le for le in sorted(after) if after[le] - before[le] >= 0.99 * n))
        if processor[-1] <= aim and (wall[-1] <= aim or not FIGURES):
            break
    print(f"p99 of the hits of a second, round by round: of processor time {processor}, in all {wall}")
    assert asked(simulator) == 1
    if SLOW == 1:
        assert min(processor) <= aim and (min(wall) <= aim or not FIGURES)
