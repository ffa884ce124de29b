"""Bedrock's Converse behind either API: signed, in AWS's own framing, on the wire."""
import json

import pytest

from suite import Stream, request, wait_until

TOOL = {"name": "weather", "input_schema": {"type": "object", "properties": {
    "city": {"type": "string"}}, "required": ["city"]}}
FUNCTION = {"type": "function", "function": {"name": "weather", "parameters": TOOL["input_schema"]}}
KEY = "AKIDEXAMPLE:wJalrXUtnFEMI"


@pytest.fixture
def bedrock(start_suite, start_simulator):
    """bedrock(script): a suite before a simulator that verifies signatures."""
    def start(script="delay=0ms", key=KEY, services=("llm-proxy",)):
        upstream = start_simulator("--aws-key", KEY, "--script", script)
        suite = start_suite(services=list(services), env={"AWS": key}, config={
            "providers": [{"name": "aws", "dialect": "bedrock", "base_url": upstream.url,
                           "region": "eu-central-1", "api_key": {"env": "AWS"}, "backend": "local",
                           "retry": {"max": 0}}],
            "models": [{"name": "claude", "targets": [
                {"provider": "aws", "model": "eu.anthropic.claude-sonnet-5-v1:0"}]}]})
        suite.upstream = upstream
        return suite
    return start


def messages(suite, stream=False, **fields):
    body = {"model": "claude", "max_tokens": 100, "stream": stream,
            "messages": [{"role": "user", "content": "hello world"}], **fields}
    if stream:
        got = Stream(suite.port, body, {"x-api-key": suite.key}, path="/v1/messages")
        got.read_all()
        return got
    return request(f"{suite.url}/v1/messages", "POST", json.dumps(body).encode(),
                   {"x-api-key": suite.key, "content-type": "application/json"})


def test_a_chat_is_signed_answered_and_booked(bedrock):
    suite = bedrock("cached=2")
    answer = suite.chat("hello world", model="claude")
    assert answer.status == 200, answer.body
    assert "hello world" in answer.json["choices"][0]["message"]["content"]
    assert answer.json["usage"]["prompt_tokens_details"]["cached_tokens"] == 2
    record = suite.upstream.records()[-1]
    assert record["path"] == "/model/eu.anthropic.claude-sonnet-5-v1%3A0/converse"
    row = suite.wait_ledger(1)[0]
    assert (row["provider"], row["status"], row["usage_source"]) == ("aws", "success", "upstream")
    assert row["tokens_in"] == answer.json["usage"]["prompt_tokens"]


def test_a_stream_of_aws_frames_is_a_stream_of_events(bedrock):
    suite = bedrock("chunks=5")
    chat = suite.stream("hello world", model="claude", stream_options={"include_usage": True})
    chat.read_all()
    assert chat.has_ended_well and chat.text() == "w1 w2 w3 w4 w5" and chat.events()[-1] == "[DONE]"
    assert json.loads(chat.events()[-2])["usage"]["completion_tokens"] > 0
    got = messages(suite, stream=True)
    assert got.has_ended_well and b"event: message_stop" in got.body
    assert suite.upstream.records()[-1]["path"].endswith("/converse-stream")


def test_calls_and_thoughts_reach_either_api(bedrock):
    suite = bedrock("tools=2,think=3")
    blocks = messages(suite, tools=[TOOL]).json["content"]
    assert [b["type"] for b in blocks if b["type"] != "text"] == ["thinking", "tool_use", "tool_use"]
    assert blocks[0]["signature"] and all("city" in b["input"] for b in blocks if "input" in b)
    chat = suite.chat(model="claude", tools=[FUNCTION]).json["choices"][0]
    assert chat["finish_reason"] == "tool_calls" and len(chat["message"]["tool_calls"]) == 2
    again = messages(suite, tools=[TOOL], messages=[
        {"role": "user", "content": "hi"}, {"role": "assistant", "content": blocks},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": b["id"], "content": "x"}
                                     for b in blocks if b["type"] == "tool_use"]}])
    assert again.status == 200, again.body
    sent = json.loads(suite.upstream.records()[-1]["body"])["messages"]
    assert sent[1]["content"][0]["reasoningContent"]["reasoningText"]["signature"] == blocks[0]["signature"]
    assert [list(c) for c in sent[2]["content"]] == [["toolResult"], ["toolResult"]]


def test_a_wrong_secret_is_the_gateways_trouble_not_the_callers(bedrock):
    answer = bedrock(key="AKIDEXAMPLE:wrong").chat(model="claude")
    assert answer.status >= 500 and "wrong" not in answer.body.decode()


@pytest.mark.parametrize("script, status", [("error=invalid", 400), ("error=rate", 502),
                                            ("error=server", 502)])
def test_errors_come_in_the_callers_shape(bedrock, script, status):
    suite = bedrock(script)
    answer = messages(suite)
    assert (answer.status, answer.json["type"]) == (status, "error") or answer.status == 429
    assert suite.chat(model="claude").json["error"]["message"]


@pytest.mark.parametrize("script", ["chunks=40,fin=3000", "chunks=4,error-after=2,error=overloaded",
                                    "no-finish"])
def test_a_stream_cut_short_is_no_answer(bedrock, script):
    suite = bedrock(script)
    got = messages(suite, stream=True)
    assert not got.has_ended_well and b"message_stop" not in got.body
    assert b"event: error" in got.body
    chat = suite.stream(model="claude")
    chat.read_all()
    assert not chat.has_ended_well and "[DONE]" not in chat.events()


def test_a_probe_shows_no_key_and_is_content_with_any_answer(bedrock):
    suite = bedrock(services=["llm-proxy", "health-worker"])

    def is_healthy():
        status = request(f"http://127.0.0.1:{suite.health_port}/status/aws").json
        return status["state"] == "healthy"
    wait_until(is_healthy, "a probe that was answered")
    probes = [r for r in request(f"{suite.upstream.url}/sim/record").json if r["method"] == "GET"]
    assert probes and not {"AKIDEXAMPLE", "authorization"} & set(json.dumps(probes).split('"'))
    assert "wJalrXUtnFEMI" not in json.dumps(probes)
