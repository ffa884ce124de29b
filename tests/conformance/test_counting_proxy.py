"""The proxy decides by exact counts where something depends on them, and no loop waits for them."""
import contextlib
import json
import random
import time

import pytest

from suite import connect, request, wait_until

HELLO = 8  # tokens of one user's "hello" in a chat with gpt-4o, as OpenAI bills it


@pytest.fixture
def suite(start_suite, simulator, token_data):
    target = [{"provider": "sim", "model": "gpt-4o"}]
    return start_suite(upstream=simulator, config={
        "paths": {"data": str(token_data)},
        "proxy": {"drain_timeout": "1s"},
        "context": {"high_water": 1},
        "models": [{"name": "gpt", "targets": target},
                   {"name": "narrow", "targets": target, "context_window": 2000},
                   {"name": "unknown", "targets": [{"provider": "sim", "model": "sim"}]}]})


def prose(n):
    """About n tokens, of which no estimate could tell the number."""
    return "".join(f"line {i}: the quick brown fox, {i * 7919 % 1000} -> {{x: {i}}};\n"
                   for i in range(n // 22))


def exact(suite, body):
    answer = request(f"http://127.0.0.1:{suite.context_port}/v1/count", "POST",
                     json.dumps({**body, "model": "gpt-4o"}).encode())
    assert answer.json["exact"], answer.json
    return answer.json["tokens"]


def ask(suite, key, text, model="gpt", **fields):
    return suite.chat(text, model, headers={"Authorization": f"Bearer {key}"}, **fields)


@pytest.mark.parametrize("tokens", [200, 20_000])
def test_a_limit_takes_exactly_the_tokens_of_the_prompt(suite, tokens):
    """At once when it is small, on another thread when it is large."""
    limit = 50_000
    key = suite.create_key("limited", "--tpm", str(limit))["key"]
    text = prose(tokens)
    prompt = exact(suite, {"messages": [{"role": "user", "content": text}]})
    assert prompt != exact(suite, {"messages": [{"role": "user", "content": text + "s"}]})
    answer = ask(suite, key, text, max_tokens=1)
    assert answer.status == 200
    left = int(answer.headers["x-ratelimit-remaining-tokens"])
    assert 0 <= left - (limit - prompt) <= limit / 60 * 3  # what came back since
    assert int(answer.headers["x-ratelimit-limit-tokens"]) == limit


@pytest.mark.parametrize("tokens", [200, 20_000])
def test_count_tokens_is_answered_by_the_table(suite, tokens):
    messages = [{"role": "user", "content": prose(tokens)}]
    for model, is_exact in (("gpt", True), ("unknown", False)):
        answer = request(f"{suite.url}/v1/messages/count_tokens", "POST",
                         json.dumps({"model": model, "messages": messages}).encode(),
                         {"x-api-key": suite.key, "content-type": "application/json"})
        assert answer.status == 200
        found = answer.json["input_tokens"]
        assert (found == exact(suite, {"messages": messages})) is is_exact, answer.json
        assert found > tokens / 3


def test_a_budget_is_held_by_the_exact_count(suite, start_suite, simulator, token_data):
    """0.01 USD at 100 USD a million tokens: a prompt of 90 tokens fits, one of 110 does not, and
    an estimate that must be doubted by a third would refuse both."""
    suite = start_suite(upstream=simulator, config={
        "paths": {"data": str(token_data)},
        "models": [{"name": "gpt", "targets": [{"provider": "sim", "model": "gpt-4o"}]}],
        "prices": {"overrides": [
            {"provider": "sim", "model": "gpt-4o", "input": 100, "output": 0}]}})
    key = suite.create_key("poor", "--budget", "0.01")["key"]
    one = " a"
    assert exact(suite, {"messages": [{"role": "user", "content": one * 90}]}) == 90 + HELLO - 1
    assert ask(suite, key, one * 98, max_tokens=1).status == 402
    assert ask(suite, key, one * 88, max_tokens=1).status == 200


def test_the_window_is_checked_by_the_exact_count(suite):
    """2,000 tokens, of which 500 are kept for the answer: no question to context-service below."""
    def condensed():
        page = suite.metrics("context-service")
        return sum(value for (name, _), value in page.series.items()
                   if name == "context_condensations_total")
    text = " a" * (1500 - HELLO + 1)
    assert exact(suite, {"messages": [{"role": "user", "content": text}]}) == 1500
    before = condensed()
    assert ask(suite, suite.key, text, "narrow").status == 200
    assert condensed() == before
    assert ask(suite, suite.key, text + " a", "narrow").status == 400
    wait_until(lambda: condensed() == before + 1, "the question to be counted")


def test_clients_that_leave_while_their_prompt_is_counted_cost_nothing(suite):
    key = suite.create_key("limited", "--tpm", "100000000")["key"]
    body = json.dumps({"model": "gpt", "messages": [{"role": "user", "content": prose(100_000)}]})
    for path, name in (("/v1/chat/completions", "Authorization: Bearer "),
                       ("/v1/messages/count_tokens", "x-api-key: ")):
        for _ in range(10):
            with contextlib.closing(connect(suite.port)) as s:
                s.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n{name}{key}\r\n"
                          f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                          f"{body}".encode())
    assert ask(suite, key, "hello").status == 200
    wait_until(lambda: suite.ctl_json("keys", "show", "limited")["in_flight"] == 0,
               "all to be over")


def test_a_large_request_may_end_at_any_moment(suite):
    """While it is read, counted, looked up or translated beside the loop, or waits for that: its
    client leaves, or its deadline passes; each once in the books, and nothing stays in use."""
    key = suite.create_key("limited", "--tpm", "1000000000")["key"]
    body = {"model": "gpt", "temperature": 0, "max_tokens": 1,
            "messages": [{"role": "user", "content": prose(100_000)}]}
    data = json.dumps(body).encode()
    rows, draw = 0, random.Random(5)
    for path, name in (("/v1/chat/completions", "Authorization: Bearer "),
                       ("/v1/messages", "x-api-key: "),
                       ("/v1/messages/count_tokens", "x-api-key: ")):
        head = (f"POST {path} HTTP/1.1\r\nHost: x\r\n{name}{key}\r\nContent-Length: {len(data)}\r\n"
                "Content-Type: application/json\r\n")
        for i in range(20):
            deadline = f"x-llm-deadline-ms: {1 + i // 2}\r\n" if i % 2 else ""
            with contextlib.ExitStack() as stack:
                crowd = [stack.enter_context(contextlib.closing(connect(suite.port)))
                         for _ in range(3)]
                for s in crowd:
                    s.sendall(f"{head}{deadline}\r\n".encode() + data)
                for s in crowd:
                    if deadline:
                        assert s.recv(12) in (b"HTTP/1.1 504", b"HTTP/1.1 200")
                    else:
                        time.sleep(draw.random() / 200)
        rows += 0 if path.endswith("count_tokens") else 60
    wait_until(lambda: suite.ctl_json("keys", "show", "limited")["in_flight"] == 0,
               "all to be over")
    found = suite.wait_ledger(rows)
    assert len(found) == rows
    assert {row["status"] for row in found} <= {"success", "cancelled", "refused", "error"}
    assert ask(suite, key, "hello").status == 200


def test_a_proxy_that_stops_while_prompts_are_counted_stops(suite):
    key = suite.create_key("limited", "--tpm", "100000000")["key"]
    body = json.dumps({"model": "gpt", "messages": [{"role": "user", "content": prose(100_000)}]})
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            s = stack.enter_context(contextlib.closing(connect(suite.port)))
            s.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                      f"{key}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        suite.proxy.stop()
