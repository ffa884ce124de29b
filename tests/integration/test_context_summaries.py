"""Mode summarize: what a model writes of old messages, what is believed of it, and what happens
when nothing comes of it."""
import json
import signal
import threading
import time

import pytest

from suite import SLOW, wait_until
from test_context_service import assistant, post, user

SUMMARY = "The user wants port 8001 kept"


def says(text):
    """A script by which the model answers with this, in an API's shape and without a comma."""
    return "body=" + json.dumps({"choices": [{"message": {"content": text}}]})


def talk(n):
    found = [{"role": "system", "content": "Be brief."}]
    for i in range(n):
        found += [user(f"please do step {i} with care and use port {8000 + i}"),
                  assistant(f"I took option {i} because file{i}.c says so. " * 6)]
    return found + [user("and now?")]


@pytest.fixture
def service(start_suite, simulator):
    return start_suite(services=["context-service"], config={"context": {
        "mode": "summarize",
        "summarize": {"url": f"{simulator.url}/v1/", "model": "writer", "timeout": "1s"}}})


def condense(service, n=60, session="s", **fields):
    answer = post(service, "/v1/condense", {"messages": talk(n), "budget_tokens": 1500,
                                            "session": session, **fields})
    assert answer.status == 200, answer.body
    return answer.json


def condensed(service):
    return service.metrics("context-service").value(
        "context_condensations_total", mode="summarize", outcome="condensed")


def summaries(service):
    page = service.metrics("context-service")
    return {outcome: page.value("context_summaries_total", outcome=outcome)
            for outcome in ("used", "rejected", "failed")}


def test_a_summary_stands_for_what_was_folded_and_grows_out_of_the_one_before(service, simulator):
    simulator.script(says(json.dumps({"goal": [SUMMARY]})))
    first = condense(service)
    assert SUMMARY in first["messages"][1]["content"] and "fold" in first["stages"]
    asked = simulator.records()
    body = json.loads(asked[0]["body"])
    assert len(asked) == 1 and body["model"] == "writer" and body["max_tokens"] > 0
    assert "port 8001" in body["messages"][1]["content"]
    assert dict(asked[0]["headers"])["x-llm-context"] == "off"

    assert condense(service)["messages"] == first["messages"]
    assert len(simulator.records()) == 1  # what is frozen needs no model
    second = condense(service, n=100)
    assert second["epoch"] == 2 and SUMMARY in second["messages"][1]["content"]
    source = json.loads(simulator.records()[1]["body"])["messages"][1]["content"]
    assert SUMMARY in source and "port 8090" in source and "port 8020" not in source
    assert condensed(service) == 3
    assert summaries(service) == {"used": 2, "rejected": 0, "failed": 0}


def test_a_line_with_a_value_that_nobody_said_is_left_out(service, simulator):
    simulator.script(says(json.dumps({"goal": ["use port 9999"]})))
    found = json.dumps(condense(service)["messages"])
    assert "9999" not in found and len(simulator.records()) == 1
    assert summaries(service) == {"used": 0, "rejected": 1, "failed": 0}


@pytest.mark.parametrize("script", [
    "status=500", "delay=3s", "silence", "empty", "bad-json", "garbage", "html", "rst=40",
    says(""), says("Here is your summary!"), says("[1]"), says("{}"),
    "size=100000", "size=2000000",
    'body={"choices":[{"message":{"content":null}}]}', 'body={"choices":[]}'])
def test_whatever_goes_wrong_it_is_extracted_and_counted(service, simulator, script):
    plain = condense(service, session="plain", mode="extract")
    simulator.script(script)
    begun = time.monotonic()
    found = condense(service)
    assert time.monotonic() - begun < 2.5 * SLOW
    assert (found["stages"], found["epoch"]) == (plain["stages"], 1)
    assert found["tokens_after"] <= 1500 and len(simulator.records()) == 1
    assert [m["content"] for m in found["messages"][2:]] == [
        m["content"] for m in plain["messages"][2:]]
    assert condensed(service) == 1
    counted = summaries(service)
    assert counted["used"] == 0 and counted["rejected"] + counted["failed"] == 1


def test_one_that_cannot_be_reached_costs_nothing_but_its_try(start_suite):
    service = start_suite(services=["context-service"], config={"context": {
        "mode": "summarize", "summarize": {"url": "http://127.0.0.1:1/v1", "model": "m"}}})
    assert "fold" in condense(service)["stages"] and condensed(service) == 1


def test_a_deadline_that_leaves_no_time_for_a_model_is_kept(service, simulator):
    simulator.script("silence")
    answer = post(service, "/v1/condense", {"messages": talk(60), "budget_tokens": 1500},
                  {"x-llm-deadline-ms": "800"})
    assert answer.status == 200 and "fold" in answer.json["stages"]


def test_sigterm_lets_what_waits_for_a_model_finish(service, simulator):
    simulator.script("silence")
    found = []
    asker = threading.Thread(target=lambda: found.append(condense(service)))
    asker.start()
    simulator.wait_records(1)
    service["context-service"].signal(signal.SIGTERM)
    asker.join()
    assert found[0]["epoch"] == 1


def test_asked_through_the_proxy_its_cost_is_in_the_books(start_suite, simulator):
    suite = start_suite(simulator, config={
        "models": [{"name": "small", "context_window": 2000,
                    "targets": [{"provider": "sim", "model": "sim"}]},
                   {"name": "writer", "targets": [{
                       "provider": "sim",
                       "model": "sim:" + says(json.dumps({"goal": [SUMMARY]}))}]}],
        "context": {"mode": "summarize", "deadline": "2s"}})
    key = suite.create_key("summaries")
    (suite.folder / "summaries.key").write_text(key["key"])
    suite.config["context"]["summarize"] = {
        "url": f"{suite.url}/v1", "model": "writer", "timeout": "5s",
        "api_key": {"file": str(suite.folder / "summaries.key")}}
    suite.write_config()
    for name in ("context-service", "llm-proxy"):
        suite[name].signal(signal.SIGHUP)
        wait_until(lambda: suite.metrics(name).value("config_generation") == 2, "the reload")
    answer = suite.chat(messages=talk(60), max_tokens=200)
    assert answer.status == 200 and "->" in answer.headers["x-llm-context"]
    sent = [json.loads(r["body"]) for r in simulator.wait_records(2)]
    assert SUMMARY in sent[1]["messages"][1]["content"]
    rows = {row["model"]: row for row in suite.wait_ledger(2)}
    assert rows["writer"]["key_id"] == key["id"] and rows["writer"]["status"] == "success"
    assert rows["small"]["attempts"] == 1
