"""A caller of OpenAI's API in front of Gemini and Ollama: nothing is lost on the way, either way."""
import json

import pytest

from suite import request as send

BASE = {"gemini": "/v1beta", "ollama": ""}
TOOL = {"type": "function",
        "function": {"name": "get_weather", "description": "of a city",
                     "parameters": {"type": "object", "properties": {"city": {"type": "string"}},
                                    "required": ["city"]}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


@pytest.fixture(params=sorted(BASE))
def dialect(request):
    return request.param


@pytest.fixture
def behind(start_suite, simulator):
    """behind(dialect, …): a suite whose one provider speaks it, with the model `small`."""
    def start(name, model="sim", env=None, **more):
        provider = {"name": "sim", "dialect": name, "backend": "local",
                    "base_url": simulator.url + BASE[name], **more}
        return start_suite(simulator, services=["llm-proxy"], env=env, config={
            "providers": [provider],
            "models": [{"name": "small", "context_window": 8192,
                        "targets": [{"provider": "sim", "model": model}]}]})
    return start


def understood(simulator):
    return simulator.records()[-1]["understood"]


def chunks(stream):
    events = stream.events()
    assert events[-1] == "[DONE]"
    return [json.loads(e) for e in events[:-1]]


def deltas(stream, field):
    found = (c["choices"][0]["delta"].get(field) for c in chunks(stream) if c["choices"])
    return [f for f in found if f]


def finish_reasons(stream):
    return [c["choices"][0]["finish_reason"] for c in chunks(stream)
            if c["choices"] and c["choices"][0]["finish_reason"]]


def test_a_chat_and_its_books(behind, simulator, dialect):
    suite = behind(dialect)
    answer = suite.chat("one two three", temperature=0.5, max_tokens=50, stop=["x"], seed=7)
    assert answer.status == 200, answer.body
    choice = answer.json["choices"][0]
    assert choice["message"]["content"] == "echo: one two three"
    assert choice["finish_reason"] == "stop" and answer.json["object"] == "chat.completion"
    said = understood(simulator)
    assert said["messages"] == [{"role": "user",
                                 "parts": [{"type": "text", "text": "one two three"}]}]
    assert said["params"]["temperature"] == 0.5 and said["params"]["max_tokens"] == 50
    assert said["params"]["seed"] == 7 and not said["unknown"]
    row = suite.wait_ledger(1)[0]
    usage = answer.json["usage"]
    assert (row["tokens_in"], row["tokens_out"]) == (usage["prompt_tokens"],
                                                     usage["completion_tokens"])
    assert row["usage_source"] == "upstream" and row["tokens_out"] > 0


def test_a_stream_and_its_books(behind, dialect):
    suite = behind(dialect)
    stream = suite.stream("one two three four", stream_options={"include_usage": True})
    stream.read_all()
    assert stream.has_ended_well and stream.text() == "echo: one two three four"
    assert finish_reasons(stream) == ["stop"]
    assert len(deltas(stream, "content")) > 1 and deltas(stream, "role") == ["assistant"]
    usage = chunks(stream)[-1]["usage"]
    row = suite.wait_ledger(1)[0]
    assert (row["tokens_in"], row["tokens_out"]) == (usage["prompt_tokens"],
                                                     usage["completion_tokens"])
    assert row["usage_source"] == "upstream" and row["status"] == "success"


def test_parallel_calls_have_ids_of_their_own_and_their_results_find_back(behind, simulator,
                                                                          dialect):
    suite = behind(dialect, model="sim:tools=2")
    whole = suite.chat("weather?", tools=[TOOL]).json["choices"][0]
    assert whole["finish_reason"] == "tool_calls"
    stream = suite.stream("weather?", tools=[TOOL])
    stream.read_all()
    assert finish_reasons(stream) == ["tool_calls"]
    streamed = {}
    for (call,) in deltas(stream, "tool_calls"):
        have = streamed.setdefault(call["index"], {"id": "", "name": "", "arguments": ""})
        have["id"] += call.get("id", "")
        have["name"] += call["function"].get("name", "")
        have["arguments"] += call["function"]["arguments"]
    calls = whole["message"]["tool_calls"]
    assert len(calls) == len(streamed) == 2
    assert [c["function"]["name"] for c in calls] == [c["name"] for c in streamed.values()]
    assert len({c["id"] for c in [*calls, *streamed.values()]}) == 4
    for c in streamed.values():
        json.loads(c["arguments"])

    results = [{"role": "tool", "tool_call_id": c["id"], "content": f"result of {c['id']}"}
               for c in reversed(calls)]
    answer = suite.chat(messages=[{"role": "user", "content": "weather?"}, whole["message"],
                                  *results], tools=[TOOL])
    assert answer.status == 200, answer.body
    said = understood(simulator)
    parts = [p for m in said["messages"] for p in m["parts"]]
    sent = [p for p in parts if p["type"] == "call"]
    assert [(p["name"], p["arguments"]) for p in sent] == [
        (c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls]
    got = [p for p in parts if p["type"] == "result"]
    assert [p["name"] for p in got] == [c["function"]["name"] for c in reversed(calls)]
    assert [p["parts"][0]["text"] for p in got] == [r["content"] for r in results]
    assert said["tools"][0]["name"] == "get_weather"


def test_one_call_at_a_time_is_kept_even_where_the_model_cannot_be_told(behind, dialect):
    suite = behind(dialect, model="sim:tools=2")
    asked = {"tools": [TOOL], "parallel_tool_calls": False}
    whole = suite.chat("weather?", **asked).json["choices"][0]
    assert len(whole["message"]["tool_calls"]) == 1 and whole["finish_reason"] == "tool_calls"
    stream = suite.stream("weather?", **asked)
    stream.read_all()
    assert {call["index"] for (call,) in deltas(stream, "tool_calls")} == {0}
    assert finish_reasons(stream) == ["tool_calls"]


def test_an_image_arrives_as_it_was_sent(behind, simulator, dialect):
    suite = behind(dialect)
    answer = suite.chat([{"type": "text", "text": "what is it?"}, IMAGE])
    assert answer.status == 200, answer.body
    files = [p for p in understood(simulator)["messages"][0]["parts"] if p["type"] == "file"]
    assert len(files) == 1 and files[0]["bytes"] == 8


def test_thinking_comes_before_the_answer(behind, simulator, dialect):
    suite = behind(dialect, model="sim:think=8,reasoning=5")
    answer = suite.chat("why?", reasoning_effort="low")
    message = answer.json["choices"][0]["message"]
    assert message["reasoning_content"] and message["content"] == "echo: why?"
    if dialect == "gemini":
        assert answer.json["usage"]["completion_tokens_details"]["reasoning_tokens"] == 5
    stream = suite.stream("why?", reasoning_effort="low")
    stream.read_all()
    assert "".join(deltas(stream, "reasoning_content")) == message["reasoning_content"]
    assert stream.text() == "echo: why?"


def test_a_schema_goes_along(behind, simulator, dialect):
    suite = behind(dialect)
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
              "additionalProperties": False}
    suite.chat("answer", response_format={
        "type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}})
    assert understood(simulator)["format"]["schema"] == schema


@pytest.mark.parametrize("field", [
    {"logit_bias": {"5": 1}},
    {"service_tier": "scale"},
    {"verbosity": "low"},
])
def test_what_cannot_be_said_is_a_400_that_names_the_field(behind, simulator, dialect, field):
    suite = behind(dialect)
    answer = suite.chat("hello", **field)
    assert answer.status == 400 and answer.code == "invalid_request"
    assert answer.json["error"]["param"] == list(field)[-1]
    assert simulator.records() == []


def test_the_key_is_in_the_header_and_never_in_the_url(behind, simulator, dialect):
    suite = behind(dialect, env={"SIM_KEY": "provider-secret"}, api_key={"env": "SIM_KEY"})
    assert suite.chat().status == 200
    record = simulator.records()[-1]
    assert "provider-secret" not in record["target" if "target" in record else "path"]
    headers = json.dumps(record["headers"]).lower()
    if dialect == "gemini":
        assert "x-goog-api-key" in headers and "authorization" not in headers
    assert "provider-secret" in headers and suite.key.lower() not in headers


@pytest.mark.parametrize("script, status", [
    ("error=invalid", 400), ("error=missing", 404), ("error=server", 502),
    ("error=overloaded", 502),
])
def test_errors_keep_their_class(behind, simulator, dialect, script, status):
    suite = behind(dialect, model=f"sim:{script}", retry={"max": 0})
    assert suite.chat().status == status
    assert suite.stream().read_all() and simulator.records()


@pytest.mark.parametrize("script", ["no-finish", "chunks=6,fin=700"])
def test_a_stream_that_ends_early_is_no_success(behind, dialect, script):
    suite = behind(dialect, model=f"sim:{script}")
    stream = suite.stream("one two three four five six")
    stream.read_all()
    assert not stream.has_ended_well and b"[DONE]" not in stream.body
    assert b"upstream_truncated" in stream.body and b'"finish_reason":"' not in stream.body
    row = suite.wait_ledger(1)[0]
    assert row["status"] == "truncated" and row["usage_source"] == "local"


def test_an_error_in_the_stream_ends_it(behind, dialect):
    suite = behind(dialect, model="sim:chunks=6,error=server,error-after=3")
    stream = suite.stream("one two three four five six")
    stream.read_all()
    assert not stream.has_ended_well and b"[DONE]" not in stream.body
    assert b'"error"' in stream.body
    assert suite.wait_ledger(1)[0]["status"] in ("error", "truncated")


def test_a_caller_who_leaves_cancels_and_pays_for_what_it_got(behind, simulator, dialect):
    suite = behind(dialect, model="sim:chunks=100,interval=50ms")
    stream = suite.stream("hello")
    stream.read_until(b'"content"')
    left = stream.close()
    record = simulator.wait_closed(simulator.wait_records(1)[0]["number"])
    assert record["closed_us"] - left < 200_000
    row = suite.wait_ledger(1)[0]
    assert row["status"] == "cancelled" and row["tokens_out"] > 0


def test_ollama_is_told_its_window_and_not_to_cut(behind, simulator):
    suite = behind("ollama", keep_alive="forever")
    suite.chat("hello")
    body = json.loads(simulator.records()[-1]["body"])
    assert body["options"]["num_ctx"] == 8192 and body["keep_alive"] == -1
    assert body["truncate"] is False and body["shift"] is False


def test_geminis_signature_returns_with_the_call(behind, simulator):
    suite = behind("gemini", model="sim:think=8,tools=1")
    message = suite.chat("weather?", tools=[TOOL]).json["choices"][0]["message"]
    signature = message["tool_calls"][0]["extra_content"]["google"]["thought_signature"]
    call = message["tool_calls"][0]
    suite.chat(messages=[{"role": "user", "content": "weather?"}, message,
                         {"role": "tool", "tool_call_id": call["id"], "content": "rain"}],
               tools=[TOOL])
    body = json.loads(simulator.records()[-1]["body"])
    parts = [p for c in body["contents"] for p in c["parts"] if "functionCall" in p]
    assert [p["thoughtSignature"] for p in parts] == [signature]


def test_a_filtered_answer_says_so(behind):
    suite = behind("gemini", model="sim:finish=filter")
    assert suite.chat().json["choices"][0]["finish_reason"] == "content_filter"


def test_embeddings_come_in_the_order_of_the_texts(behind, simulator, dialect):
    suite = behind(dialect)

    def embed(**fields):
        return send(f"{suite.url}/v1/embeddings", "POST",
                       json.dumps({"model": "small", **fields}).encode(), suite.headers())
    answer = embed(input=["one", "two", "three"])
    assert answer.status == 200, answer.body
    assert [d["index"] for d in answer.json["data"]] == [0, 1, 2]
    assert all(isinstance(x, float) for d in answer.json["data"] for x in d["embedding"])
    assert answer.json["usage"]["prompt_tokens"] > 0
    row = suite.wait_ledger(1)[0]
    assert row["tokens_in"] == answer.json["usage"]["prompt_tokens"] and row["tokens_out"] == 0
    refused = embed(input=[[1, 2]])
    assert refused.status == 400 and refused.json["error"]["param"] == "input"


def test_geminis_signature_returns_with_the_text(behind, simulator):
    suite = behind("gemini", model="sim:think=8")
    message = suite.chat("why?", reasoning_effort="low").json["choices"][0]["message"]
    signature = message["extra_content"]["google"]["thought_signature"]
    stream = suite.stream("why?", reasoning_effort="low")
    stream.read_all()
    assert deltas(stream, "extra_content") == [{"google": {"thought_signature": signature}}]
    suite.chat(messages=[{"role": "user", "content": "why?"}, message,
                         {"role": "user", "content": "so?"}])
    body = json.loads(simulator.records()[-1]["body"])
    assert body["contents"][1] == {"role": "model", "parts": [
        {"text": "echo: why?", "thoughtSignature": signature}]}
