"""Same dialect in and out: what the provider gets is what the caller wrote, but for declared edits."""
import json

import pytest

from raw_upstream import SSE_HEAD, RawUpstream, event
from suite import Stream, Suite, request

# Odd on purpose: spaces, escapes, number spellings, key order, unknown fields.
ODD_BODY = (r'{ "temperature":1.0E-0 , "x_unknown":{"deep":[1,2.50,-0,{"k":null}]},'
            r'"messages":[ {"role":"user","content":"caf\u00e9 \/ \"q\" \ud83d\ude00 é"} ],'
            '\t"model" : "MODEL" ,"seed":9007199254740993,"logit_bias":{"1":-1e2}}')


def start(start_suite, upstream, **more):
    return start_suite(upstream, services=["llm-proxy"], config={
        "models": [{"name": "same", "aliases": ["nick"],
                    "targets": [{"provider": "sim", "model": "same"}]},
                   {"name": "renamed", "targets": [{"provider": "sim",
                                                    "model": 'the "real" one/é'}]}], **more})


def post(suite, text, **headers):
    return request(f"{suite.url}/v1/chat/completions", "POST", text.encode(),
                   suite.headers(**headers))


def received(simulator):
    return simulator.records()[-1]["body"]


def test_a_body_that_needs_no_edit_is_the_same_to_the_byte(start_suite, simulator):
    suite = start(start_suite, simulator)
    body = ODD_BODY.replace("MODEL", "same")
    assert post(suite, body).status == 200
    assert received(simulator) == body


def test_only_the_models_name_is_replaced(start_suite, simulator):
    suite = start(start_suite, simulator)
    for name in ("renamed", r"rena\u006ded"):
        assert post(suite, ODD_BODY.replace("MODEL", name)).status == 200
        assert received(simulator) == ODD_BODY.replace("MODEL", r'the \"real\" one/é')
    assert post(suite, ODD_BODY.replace("MODEL", "nick")).headers["x-llm-model"] == "same"
    assert received(simulator) == ODD_BODY.replace("MODEL", "same")


@pytest.mark.parametrize("options, sent", [
    ("", '"stream_options":{"include_usage":true},'),
    (',"stream_options":null', ',"stream_options":{"include_usage":true}'),
    (',"stream_options": { "x" : 1 }', None),
    (',"stream_options":{"include_usage":false, "x":1}',
     ',"stream_options":{"include_usage":true, "x":1}'),
    (',"stream_options":{"include_usage":true}', ',"stream_options":{"include_usage":true}'),
])
def test_a_stream_is_asked_for_its_usage_and_nothing_else_changes(start_suite, simulator, options,
                                                                  sent):
    suite = start(start_suite, simulator)
    body = ODD_BODY.replace("MODEL", "same")[:-1] + ',"stream":true' + options + "}"
    stream = Stream(suite.port, body.encode(), suite.headers())
    stream.read_all()
    assert stream.has_ended_well
    got = received(simulator)
    assert json.loads(got)["stream_options"]["include_usage"] is True
    if sent is not None:
        assert got.replace(sent, "") == body.replace(options, "")
    else:
        assert json.loads(got)["stream_options"]["x"] == 1
        assert got.startswith(body.partition("stream_options")[0])
    row = suite.wait_ledger(1)[0]
    assert row["usage_source"] == "upstream"


def test_the_usage_chunk_is_for_those_who_asked(start_suite, simulator):
    suite = start(start_suite, simulator)
    plain = suite.stream("one two", model="same")
    plain.read_all()
    assert plain.text() == "echo: one two" and b"usage" not in plain.received
    asked = suite.stream("one two", model="same", stream_options={"include_usage": True})
    asked.read_all()
    usage = json.loads(asked.events()[-2])
    assert usage["choices"] == [] and usage["usage"]["completion_tokens"] == 4
    rows = suite.wait_ledger(2)
    assert [(row["tokens_in"], row["tokens_out"]) for row in rows] == [(2, 4), (2, 4)]


def test_an_answer_comes_back_to_the_byte(start_suite):
    odd = ('{ "choices" : [ {"index":0,"message":{"role":"assistant","content":"caf\\u00e9 \\/"},'
           '"finish_reason":"stop","x":1.50} ],\n"usage":{"prompt_tokens":1,'
           '"completion_tokens":2}, "vendor":{"n":9007199254740993}}').encode()
    events = ['{ "choices":[{"index":0, "delta":{"content":"a\\u00e9"},"finish_reason":null}]}',
              '{"choices":[{"delta":{"content":"b"},\ndata: "finish_reason":"stop"}] }']

    def answer(connection, request):
        if b'"stream"' in request:
            connection.sendall(SSE_HEAD + b"".join(event(e) for e in events) + event("[DONE]")
                               + b"0\r\n\r\n")
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                               b"X-Secret-Header: theirs\r\nSet-Cookie: a=b\r\n"
                               b"Content-Length: %d\r\n\r\n%s" % (len(odd), odd))
    upstream = RawUpstream(answer)
    suite = start(start_suite, upstream)
    whole = suite.chat(model="same")
    assert whole.body == odd
    assert "x-secret-header" not in whole.headers and "set-cookie" not in whole.headers
    stream = suite.stream(model="same")
    stream.read_all()
    assert stream.body.decode() == "".join(f"data: {e}\n\n" for e in [*events, "[DONE]"])
    upstream.close()


def test_the_callers_key_stops_here_and_the_providers_goes_out(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"], env={"SIM_KEY": "provider-secret"},
                        config={"providers": [Suite.provider(simulator,
                                                             api_key={"env": "SIM_KEY"})]})
    for header in ({"Authorization": f"Bearer {suite.key}"}, {"x-api-key": suite.key}):
        sent = {**header, "Content-Type": "application/json", "Cookie": "c=1", "X-Mine": "y",
                "X-Forwarded-For": "1.2.3.4"}
        assert request(f"{suite.url}/v1/chat/completions", "POST",
                       b'{"model":"small","messages":[{"role":"user","content":"x"}]}',
                       sent).status == 200
        record = simulator.records()[-1]
        headers = {k.lower(): v for k, v in record["headers"]}
        assert headers["authorization"] == "Bearer provider-secret"
        assert set(headers) <= {"host", "content-type", "content-length", "accept", "user-agent",
                                "authorization"}
        assert suite.key not in json.dumps(record)


def test_what_the_headers_say_of_an_answer(start_suite, simulator):
    suite = start(start_suite, simulator, prices={"overrides": [
        {"provider": "sim", "model": "same", "input": 2.0, "output": 8.0}]})
    answer = suite.chat("one two", model="nick")
    expected = {"x-llm-model": "same", "x-llm-provider": "sim", "x-llm-backend": "local",
                "x-llm-attempts": "1", "x-llm-cache": "bypass", "x-llm-context": "none",
                "x-llm-cost-usd": "0.000036000", "content-type": "application/json"}
    assert {k: answer.headers.get(k) for k in expected} == expected  # 2 in, 4 out
    stream = suite.stream("one two", model="nick")
    stream.read_all()
    del expected["x-llm-cost-usd"], expected["content-type"]
    assert {k: stream.headers.get(k) for k in expected} == expected
    assert "x-llm-cost-usd" not in stream.headers
    assert stream.headers["content-type"].startswith("text/event-stream")
    rows = suite.wait_ledger(2)
    assert [row["request_id"] for row in rows] == [answer.headers["x-request-id"],
                                                   stream.headers["x-request-id"]]
    assert [row["cost_nano"] for row in rows] == [36_000, 36_000]
    refused = suite.chat(model="nobody's")
    assert (refused.status, refused.code) == (404, "model_not_found")
    assert refused.headers["x-request-id"] and "x-llm-provider" not in refused.headers


def test_connections_to_the_provider_are_used_again(start_suite, simulator):
    suite = start(start_suite, simulator, proxy={"threads": 1})
    for i in range(20):
        if i % 2:
            assert suite.chat(model="same").status == 200
        else:
            stream = suite.stream(model="same")
            stream.read_all()
    assert simulator.stats()["connections_accepted"] <= 10  # the control routes' among them
