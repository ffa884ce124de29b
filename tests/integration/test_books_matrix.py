"""Every API x stream x outcome x usage: one row for the request, one for each attempt, the right
tokens, the right cost. The table is generated; amounts are compared with Python's Decimal."""
import itertools
import json
import time
from decimal import ROUND_HALF_UP, Decimal

import pytest

from raw_upstream import SSE_HEAD, RawUpstream, delta, event
from suite import SLOW, Stream, Suite, wait_until

TEXT = "tell me of the books"  # 20 bytes: 5 tokens
SIZE = 403  # of the answer: 101 tokens
IN, OUT, CACHED, REASONING = 5, 101, 3, 40

PRICES = {  # USD per million tokens: numbers that do not come out even
    "good": {"input": "1.2345678", "output": "7.654321987", "cache_read": "0.123456789",
             "reasoning": "9.87654321"},
    "spare": {"input": "0.777777777", "output": "3.333333333"},
}

APIS = {
    "chat.completions": ("/v1/chat/completions",
                         {"messages": [{"role": "user", "content": TEXT}]}),
    "completions": ("/v1/completions", {"prompt": TEXT}),
    "responses": ("/v1/responses", {"input": TEXT}),
    "messages": ("/v1/messages", {"max_tokens": 1000,
                                  "messages": [{"role": "user", "content": TEXT}]}),
}
DIALECTS = {"openai": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "ollama": ""}
USAGES = {"present": f"cached={CACHED},reasoning={REASONING}", "absent": "no-usage",
          "zero": "zero-usage", "twice": "double-usage"}


def provider(simulator, name, dialect):
    return Suite.provider(simulator, f"{dialect}-{name}", dialect=dialect,
                          base_url=simulator.url + DIALECTS[dialect],
                          retry={"max": 0}, breaker={"failures": 1000},
                          timeouts={"first_byte": "2s", "idle": "2s"})


def start(start_suite, good, spare):
    providers, models = [], []
    for dialect in DIALECTS:
        providers += [provider(good, "good", dialect), provider(spare, "spare", dialect)]
        models += [{"name": dialect, "max_output": 2000,
                    "targets": [{"provider": f"{dialect}-good", "model": "good"}],
                    "fallback": [f"{dialect}-spare"]},
                   {"name": f"{dialect}-spare", "max_output": 2000,
                    "targets": [{"provider": f"{dialect}-spare", "model": "spare"}]},
                   {"name": f"{dialect}-alone", "max_output": 2000,
                    "targets": [{"provider": f"{dialect}-good", "model": "good"}]}]
    return start_suite(services=["llm-proxy"], config={
        "providers": providers, "models": models,
        "prices": {"overrides": [{"provider": "*", "model": model,
                                  **{k: float(v) for k, v in prices.items()}}
                                 for model, prices in PRICES.items()]}})


def cost(model, tokens_in, tokens_out, cached=0, reasoning=0):
    """Nano-dollars, rounded once, half up."""
    p = {k: Decimal(v) for k, v in PRICES[model].items()}
    usd_per_million = ((tokens_in - cached) * p["input"]
                       + cached * p.get("cache_read", p["input"])
                       + (tokens_out - reasoning) * p["output"]
                       + reasoning * p.get("reasoning", p["output"]))
    return int((usd_per_million * 1000).quantize(Decimal(1), ROUND_HALF_UP))


class Cell:
    """One request, asked and looked up in the books."""

    def __init__(self, suite, api, model, is_stream=None, headers=None, **more):
        self.suite, self.api = suite, api
        path, body = {**APIS, **OTHERS}[api][:2]
        if is_stream is not None:
            more["stream"] = is_stream
        self.stream = Stream(suite.port, {"model": model, **body, **more},
                             suite.headers(**(headers or {})), path=path)

    def finish(self):
        self.stream.read_all()
        self.stream.close()
        return self

    def rows(self):
        """(the request's row, its attempts), once it is settled."""
        request_id = self.stream.headers["x-request-id"]

        def settled():
            found = self.suite.ledger(f"SELECT * FROM requests WHERE request_id = '{request_id}'")
            return found and all(r["status"] != "pending" for r in found) and found
        rows = wait_until(settled, "the row")
        attempts = self.suite.ledger("SELECT * FROM attempts WHERE request_id = "
                                     f"'{request_id}' ORDER BY attempt")
        assert len(rows) == 1 and rows[0]["attempts"] == len(attempts)
        assert rows[0]["api"] == self.api and rows[0]["key_id"]
        return rows[0], attempts


def check_sums(row, attempts):
    """A request is what its attempts are."""
    for column in ("tokens_in", "tokens_out", "cost_nano"):
        assert row[column] == sum(a[column] for a in attempts), column


def tokens_of(row):
    return (row["tokens_in"], row["tokens_out"], row["tokens_cached"] or 0,
            row["tokens_reasoning"] or 0)


def told_apart(row):
    """Cached tokens and those of thinking, as far as the provider's API tells them."""
    dialect = row["provider"].split("-")[0]
    if dialect == "openai" and row["api"] == "completions":
        return 0, 0
    return {"openai": (CACHED, REASONING), "anthropic": (CACHED, REASONING), "gemini": (CACHED, REASONING),
            "ollama": (0, 0)}[dialect]


def check_billed(row, usage, model):
    """Tokens and cost of one answered attempt; what is counted here is charged as it is counted."""
    tokens = tokens_of(row)
    if usage == "zero" and row["provider"].startswith("ollama"):
        usage = "absent"  # it leaves a zero out, so a zero says nothing
    if usage == "present":
        assert tokens == (IN, OUT + REASONING, *told_apart(row))
    elif usage == "twice":
        assert tokens == (IN, OUT, 0, 0)
    elif usage == "zero":
        assert tokens == (0, 0, 0, 0)
    if usage == "absent":
        assert 3 <= tokens[0] <= 30 and tokens[1] > 50 and tokens[2:] == (0, 0), tokens
    assert row["usage_source"] == ("local" if usage == "absent" else "upstream")
    assert row["cost_nano"] == cost(model, *tokens)


@pytest.fixture
def good(start_simulator):
    return start_simulator()


@pytest.fixture
def spare(start_simulator):
    return start_simulator()


CELLS = list(itertools.product(APIS, DIALECTS))


@pytest.mark.parametrize("api, dialect", CELLS, ids=[f"{a}-{d}" for a, d in CELLS])
def test_answers_and_fallbacks(start_suite, good, spare, api, dialect):
    suite = start(start_suite, good, spare)
    n = 0
    for is_stream, usage in itertools.product((False, True), USAGES):
        if usage == "twice" and not is_stream:
            continue  # a repeated member is no JSON
        script = f"size={SIZE},chunks=5,{USAGES[usage]}"
        good.script(script)
        row, attempts = Cell(suite, api, dialect, is_stream).finish().rows()
        assert (row["status"], row["http_status"], row["provider"]) == (
            "success", 200, f"{dialect}-good"), (is_stream, usage, row)
        assert [a["outcome"] for a in attempts] == ["ok"] and row["stream"] == is_stream
        check_billed(row, usage, "good")
        check_sums(row, attempts)

        good.script("status=500")
        spare.script(script)
        row, attempts = Cell(suite, api, dialect, is_stream).finish().rows()
        assert (row["status"], row["model"], row["provider"]) == (
            "success", dialect, f"{dialect}-spare")
        assert [(a["outcome"], a["cost_nano"]) for a in attempts][0] == ("http_5xx", 0)
        assert [a["model"] for a in attempts] == ["good", "spare"]
        check_billed(row, usage, "spare")
        check_sums(row, attempts)
        n += 2
    assert len(suite.wait_ledger(n)) == n  # and no row more
    total = suite.ledger("SELECT sum(cost_nano) AS n FROM requests")[0]["n"]
    assert abs(suite.metrics().value("llm_cost_total") - total / 1e9) < 1e-9
    assert abs(suite.metrics().value("api_key_cost_total") - total / 1e9) < 1e-9
    suite.shows("api_key_requests_total", n, status="success")


@pytest.mark.parametrize("api, dialect", CELLS, ids=[f"{a}-{d}" for a, d in CELLS])
def test_what_went_wrong(start_suite, good, spare, api, dialect):
    suite = start(start_suite, good, spare)
    alone = f"{dialect}-alone"
    limited = {"Authorization":
               f"Bearer {suite.create_key('poor', '--budget', '0.000001')['key']}"}
    rows = []
    for is_stream in (False, True):
        good.script("status=500")
        row, attempts = Cell(suite, api, alone, is_stream).finish().rows()
        assert (row["status"], row["http_status"], row["cost_nano"]) == ("error", 502, 0)
        assert [a["outcome"] for a in attempts] == ["http_5xx"] and tokens_of(row)[:2] == (0, 0)
        rows.append(row)

        good.script("status=400")
        row, attempts = Cell(suite, api, alone, is_stream).finish().rows()
        assert (row["status"], row["http_status"], row["cost_nano"]) == ("error", 400, 0)
        assert [a["outcome"] for a in attempts] == ["http_4xx"]
        rows.append(row)

        row, attempts = Cell(suite, api, alone, is_stream, limited).finish().rows()
        assert (row["status"], row["http_status"], row["error"]) == ("refused", 402,
                                                                     "budget_exceeded")
        assert attempts == [] and row["cost_nano"] == 0 and tokens_of(row) == (0, 0, 0, 0)
        rows.append(row)

        # the answer is cut: what was delivered is billed, if anything was
        good.script(f"size={SIZE},chunks=10,stall=5,interval=5ms" if is_stream else "rst=20")
        row, attempts = Cell(suite, api, alone, is_stream).finish().rows()
        assert row["status"] == ("truncated" if is_stream else "error"), row
        check_cut(row, attempts, is_stream)
        rows.append(row)

        # the caller leaves
        good.script(f"size={SIZE},chunks=1000,interval=5ms" if is_stream else "silence")
        seen = len(good.records())
        cell = Cell(suite, api, alone, is_stream)
        good.wait_records(seen + 1)
        if is_stream:
            cell.stream.read_until("data: ")
        cell.stream.close()
        row = wait_until(lambda: suite.ledger("SELECT * FROM requests WHERE status = 'cancelled'"
                                              f" AND stream = {int(is_stream)}"), "the row")[0]
        attempts = suite.ledger(f"SELECT * FROM attempts WHERE id = {row['id']}")
        assert [a["outcome"] for a in attempts] == ["cancelled"]
        assert row["tokens_in"] > 0 and row["cost_nano"] == cost("good", *tokens_of(row))
        assert row["http_status"] == 499
        check_sums(row, attempts)
        rows.append(row)
    assert len(suite.wait_ledger(len(rows))) == len(rows)
    total = sum(row["cost_nano"] for row in rows)
    assert abs(suite.metrics().value("llm_cost_total") - total / 1e9) < 1e-9
    statuses = {s: sum(r["status"] == s for r in rows) for s in {r["status"] for r in rows}}
    for status, n in statuses.items():
        suite.shows("llm_requests_total", n, status=status)
    for name in ("test", "poor"):
        shown = suite.ctl_json("keys", "show", name)
        assert (shown["in_flight"], Decimal(shown["reserved_usd"])) == (0, 0)


def check_cut(row, attempts, is_stream):
    assert len(attempts) == 1
    if not is_stream:
        assert (row["cost_nano"], row["http_status"]) == (0, 502)
        return
    assert row["http_status"] == 200 and row["error"].startswith("upstream_")
    assert row["tokens_in"] > 0 and row["tokens_out"] > 0
    assert row["cost_nano"] == cost("good", *tokens_of(row))
    check_sums(row, attempts)


@pytest.mark.parametrize("delay, source", [(0.2, "upstream"), (3 * SLOW, "local")])
def test_usage_that_comes_after_the_answer_counts_when_it_comes_soon(start_suite, delay, source):
    usage = event('{"choices":[],"usage":{"prompt_tokens":70,"completion_tokens":900,'
                  '"total_tokens":970}}')

    def answer(connection, _):
        connection.sendall(SSE_HEAD + delta("one two") + delta("", '"stop"'))
        time.sleep(delay)
        connection.sendall(usage + event("[DONE]") + b"0\r\n\r\n")
    upstream = RawUpstream(answer)
    suite = start_suite(upstream, services=["llm-proxy"], config={
        "models": [{"name": "openai", "targets": [{"provider": "sim", "model": "good"}]}],
        "prices": {"overrides": [{"provider": "*", "model": "good", "input": 1.5, "output": 2.5}]}})
    row, attempts = Cell(suite, "chat.completions", "openai", True).finish().rows()
    upstream.close()
    assert (row["status"], row["usage_source"], len(attempts)) == ("success", source, 1)
    if source == "upstream":
        assert tokens_of(row)[:2] == (70, 900)
    assert row["cost_nano"] == row["tokens_in"] * 1500 + row["tokens_out"] * 2500


@pytest.mark.parametrize("api", APIS)
def test_what_the_cache_gives_costs_nothing_and_has_a_row(start_suite, good, spare, api):
    suite = start(start_suite, good, spare)
    good.script(f"size={SIZE},chunks=5")
    free = {"Authorization": f"Bearer {suite.create_key('poor', '--budget', '0.05')['key']}"}
    n = 0
    for is_stream in (False, True):
        for hit in range(4):
            row, attempts = Cell(suite, api, "openai", is_stream, free, temperature=0).finish().rows()
            n += 1
            assert (row["status"], row["http_status"]) == ("success", 200)
            if row["cache"] == "miss":
                assert hit == 0 and len(attempts) == 1
                check_billed(row, "twice", "good")  # nothing was cached or thought there
            else:
                assert (row["cache"], attempts, row["cost_nano"]) == ("l1", [], 0), hit
    rows = suite.wait_ledger(n)
    assert len(rows) == n and sum(r["cache"] == "l1" for r in rows) >= 6
    shown = suite.ctl_json("keys", "show", "poor")
    assert (shown["in_flight"], Decimal(shown["reserved_usd"])) == (0, 0)
    assert Decimal(shown["spent_usd"]) * 10 ** 9 == sum(r["cost_nano"] for r in rows)
    saved = cost("good", IN, OUT) * sum(r["cache"] == "l1" for r in rows)
    assert abs(suite.metrics().value("cache_cost_savings_total") - saved / 1e9) < 1e-9


OTHERS = {  # api: path, body, (tokens in, tokens out); None: billed by something else
    "embeddings": ("/v1/embeddings", {"input": TEXT}, (5, 0)),
    "moderations": ("/v1/moderations", {"input": TEXT}, None),
    "rerank": ("/v1/rerank", {"query": "x", "documents": [TEXT]}, "told"),
    "images": ("/v1/images/generations", {"prompt": TEXT}, "told"),
    "audio": ("/v1/audio/speech", {"input": TEXT, "voice": "alloy"}, None),
}


@pytest.mark.parametrize("api", OTHERS)
def test_what_is_no_chat_has_its_rows_too(start_suite, good, spare, api):
    suite = start(start_suite, good, spare)
    told = OTHERS[api][2]
    poor = {"Authorization": f"Bearer {suite.create_key('poor', '--budget', '0.000001')['key']}"}

    def ask(headers=None):
        return Cell(suite, api, "openai-alone", headers=headers).finish().rows()
    row, attempts = ask()
    assert (row["status"], row["http_status"]) == ("success", 200), row
    assert [a["outcome"] for a in attempts] == ["ok"]
    if told is None:
        assert row["cost_nano"] is None
    else:
        tokens = tokens_of(row)
        assert told == "told" or tokens[:2] == told
        assert tokens[0] > 0 and row["cost_nano"] == cost("good", *tokens)
    row, attempts = ask(poor)
    assert (row["status"], row["error"], attempts) == ("refused", "budget_exceeded", [])
    assert len(suite.wait_ledger(2)) == 2
    shown = suite.ctl_json("keys", "show", "test")
    assert (shown["in_flight"], Decimal(shown["reserved_usd"])) == (0, 0)


@pytest.mark.parametrize("usage", [
    {"prompt_tokens": 2 ** 63 - 1, "completion_tokens": 2 ** 63 - 1, "total_tokens": 1},
    {"prompt_tokens": 5, "completion_tokens": -1}, {"prompt_tokens": "many"},
    {"prompt_tokens": 5, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 6}}])
def test_usage_that_cannot_be_is_not_believed(start_suite, usage):
    body = json.dumps({"id": "x", "object": "chat.completion", "usage": usage, "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "one two three"},
         "finish_reason": "stop"}]}).encode()

    def answer(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body) + body)
    upstream = RawUpstream(answer)
    suite = start_suite(upstream, services=["llm-proxy"], config={
        "models": [{"name": "openai", "targets": [{"provider": "sim", "model": "good"}]}],
        "prices": {"overrides": [{"provider": "*", "model": "good", "input": 1.5, "output": 2.5}]}})
    for _ in range(3):
        row, _ = Cell(suite, "chat.completions", "openai").finish().rows()
        assert (row["status"], row["usage_source"]) == ("success", "local"), row
        assert 3 <= row["tokens_in"] <= 30 and 2 <= row["tokens_out"] <= 5
        assert row["cost_nano"] == row["tokens_in"] * 1500 + row["tokens_out"] * 2500
    upstream.close()
