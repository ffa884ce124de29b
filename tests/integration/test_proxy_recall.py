"""The retrieval tool: a model has back what was left out, and its caller sees nothing of it."""
import json
import re

import pytest

from scripted_model import OURS, Model, call
from suite import request
from test_proxy_epochs import Session

TOOLS = [{"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}]


def keys_in(body):
    return re.findall(r"key=([0-9a-f]{16})", json.dumps(body["messages"]))


def tool_names(body):
    return [t.get("name") or t["function"]["name"] for t in body.get("tools", [])]


@pytest.fixture
def model():
    one = Model()
    yield one
    one.server.shutdown()


@pytest.fixture
def start(start_suite, model):
    def begin(dialect="openai", **context):
        return start_suite(model, config={
            "providers": [{"name": "sim", "dialect": dialect, "base_url": f"{model.url}/v1",
                           "backend": "local"}],
            "models": [{"name": "small", "context_window": 3000,
                        "targets": [{"provider": "sim", "model": "m"}]}],
            "prices": {"overrides": [{"provider": "sim", "model": "m", "input": 1000000.0,
                                      "output": 0.0}]},
            "context": {"mode": "mask", "deadline": "5s", "retrieval_tool": True, **context}})
    return begin


def long_session(suite, **headers):
    session = Session(suite, session="s", **headers)
    for _ in range(8):
        session.add(380)
    return session


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_a_model_gets_back_what_was_left_out(start, model, dialect):
    suite = start(dialect)

    def answer(body):
        key = keys_in(body)[0]
        if dialect == "openai":
            return {"content": None, "tool_calls": [call(OURS, key)]} if len(
                model.asked) == 1 else {"content": "found it"}
        if len(model.asked) == 1:
            return {"content": [{"type": "text", "text": "a moment"},
                                {"type": "tool_use", "id": "toolu_1", "name": OURS,
                                 "input": {"key": key}}], "stop": "tool_use"}
        return {"content": [{"type": "text", "text": "found it"}]}
    model.answer = answer
    session = long_session(suite)
    found = session.ask(max_tokens=200, tools=TOOLS)
    assert found.status == 200, found.body
    assert found.json["choices"][0]["message"]["content"] == "found it"
    assert OURS not in found.body.decode() and found.headers["x-llm-attempts"] == "2"

    first, second = model.asked
    assert tool_names(first) == tool_names(second) == ["read", OURS]
    n = len(first["messages"])
    assert second["messages"][:n] == first["messages"] and len(second["messages"]) == n + 2
    given = json.dumps(second["messages"][-1])
    assert "-0 w0 w1" in given and len(given) > 300

    row = suite.wait_ledger(1)[0]
    assert (row["status"], row["attempts"], row["tokens_in"]) == ("success", 2, 200)
    attempts = suite.ledger("SELECT outcome, cost_nano FROM attempts ORDER BY attempt")
    assert [a["outcome"] for a in attempts] == ["ok", "ok"]
    assert row["cost_nano"] == sum(a["cost_nano"] for a in attempts) == 2 * attempts[0]["cost_nano"]
    assert suite.metrics().value("llm_retries_total") == 0


def test_a_model_that_never_has_enough_is_stopped(start, model):
    suite = start()
    model.answer = lambda body: {"content": "more", "tool_calls": [
        call(OURS, keys_in(body)[0], len(model.asked))]}
    found = long_session(suite).ask(max_tokens=200)
    choice = found.json["choices"][0]
    assert (found.status, choice["finish_reason"]) == (200, "stop")
    assert choice["message"] == {"role": "assistant", "content": "more"}
    assert len(model.asked) == 5


def test_a_caller_s_own_tool_comes_first_and_alone(start, model):
    suite = start()
    model.answer = lambda body: {"content": None, "tool_calls": [
        call(OURS, keys_in(body)[0]), call("read"), call(OURS, "x", 2)]}
    found = long_session(suite).ask(max_tokens=200, tools=TOOLS)
    choice = found.json["choices"][0]
    assert [c["function"]["name"] for c in choice["message"]["tool_calls"]] == ["read"]
    assert choice["finish_reason"] == "tool_calls" and len(model.asked) == 1


def test_a_key_that_is_none_and_a_service_that_is_dead_are_told_to_the_model(start, model):
    suite = start(deadline="1s")
    told = []

    def answer(body):
        last = body["messages"][-1]
        if last["role"] != "tool":
            return {"content": None, "tool_calls": [call(OURS, "0123456789abcdef"), call(OURS)]}
        if not told:
            suite["context-service"].kill()
        told.append([m["content"] for m in body["messages"] if m["role"] == "tool"][-1])
        return {"content": "so be it"} if len(told) == 2 else {
            "content": None, "tool_calls": [call(OURS, keys_in(body)[0], 7)]}
    model.answer = answer
    found = long_session(suite).ask(max_tokens=200)
    assert found.json["choices"][0]["message"]["content"] == "so be it"
    assert told == ["There is no such block, or no longer.", "It cannot be had at the moment."]


def test_it_is_offered_only_where_it_can_be_resolved(start, model):
    suite = start()
    session = long_session(suite)
    offered = []

    def offers(**fields):
        at = len(model.asked)
        assert session.ask(max_tokens=200, **fields).status == 200
        offered.append(OURS in tool_names(model.asked[at]))
        return offered[-1]
    assert offers() and offers(tools=TOOLS, tool_choice="auto")
    assert not offers(tools=TOOLS, tool_choice="required") and not offers(tool_choice="none")
    offers(tools=[{"type": "function", "function": {"name": OURS}}])
    assert tool_names(model.asked[-1]) == [OURS]  # the caller's own
    session.headers["x-llm-retrieval-tool"] = "false"
    assert not offers()
    short = Session(suite)
    at = len(model.asked)
    assert short.ask(max_tokens=200).status == 200 and not tool_names(model.asked[at])


def test_messages_are_served_likewise_by_any_provider(start, model):
    suite = start()
    model.answer = lambda body: (
        {"content": None, "tool_calls": [call(OURS, keys_in(body)[0])]}
        if len(model.asked) == 1 else {"content": "found it"})
    messages = []
    for n in range(8):
        messages += [
            {"role": "user", "content": f"step {n} " + "words and more words " * 40},
            {"role": "assistant", "content": [{"type": "tool_use", "id": f"toolu_{n}",
                                               "name": "read", "input": {"n": n}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"toolu_{n}",
                                          "content": f"file {n}: " + "text of a file. " * 120}]},
            {"role": "assistant", "content": f"done {n}"}]
    messages.append({"role": "user", "content": "go on"})
    body = {"model": "small", "max_tokens": 200, "messages": messages, "tools": [
        {"name": "read", "input_schema": {"type": "object"}}]}
    found = request(f"{suite.url}/v1/messages", "POST", json.dumps(body).encode(),
                    suite.headers(**{"anthropic-version": "2023-06-01"}))
    assert found.status == 200, found.body
    assert found.json["content"] == [{"type": "text", "text": "found it"}]
    assert [m["role"] for m in model.asked[1]["messages"][-2:]] == ["assistant", "tool"]
    assert "text of a file" in model.asked[1]["messages"][-1]["content"]


def test_a_picture_is_left_out_and_not_given_back(start, model):
    suite = start()
    url = "data:image/png;base64," + "iVBORw0KGgoA" * 20

    def answer(body):
        key = re.search(r"image omitted; key=([0-9a-f]{16})", json.dumps(body["messages"]))[1]
        return ({"content": None, "tool_calls": [call(OURS, key)]} if len(model.asked) == 1
                else {"content": "as you say"})
    model.answer = answer
    session = Session(suite, session="s")
    session.messages += [
        {"role": "user", "content": [{"type": "text", "text": "see"},
                                     {"type": "image_url", "image_url": {"url": url}}]},
        {"role": "assistant", "content": "I see."}]
    for _ in range(7):
        session.add(300)
    found = session.ask(max_tokens=200)
    assert found.status == 200 and found.json["choices"][0]["message"]["content"] == "as you say"
    assert url not in json.dumps(model.asked)
    assert "picture" in model.asked[1]["messages"][-1]["content"]
