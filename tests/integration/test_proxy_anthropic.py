"""The Messages API before any provider, and Anthropic's dialect behind any API, on the wire."""
import json

import pytest

from raw_upstream import SSE_HEAD, RawUpstream, event
from suite import Stream, request

TOOL = {"name": "weather", "description": "of a city",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}},
                         "required": ["city"]}}
FUNCTION = {"type": "function", "function": {
    "name": TOOL["name"], "description": TOOL["description"], "parameters": TOOL["input_schema"]}}
PIXEL = "iVBORw0KGgo="


def start(start_suite, simulator, **more):
    """Models `claude` and `gpt`, each by its own dialect; what is after the colon is the script."""
    def model(name, provider, script):
        return {"name": name, "targets": [{"provider": provider, "model": f"sim:{script}"}], **more}

    scripts = {"": "delay=0ms", "-tools": "tools=2", "-think": "think=3", "-cut": "no-done",
               "-error": "error=overloaded", "-late": "chunks=4,error-after=2,error=overloaded",
               "-bad": "error=invalid", "-cached": "cached=2", "-long": "finish=length",
               "-slow": "chunks=50,interval=50ms", "-fin": "chunks=40,fin=3000"}
    models = [model(f"{name}{suffix}", provider, script) for suffix, script in scripts.items()
              for name, provider in (("claude", "anthropic"), ("gpt", "openai"))]
    return start_suite(services=["llm-proxy"], config={
        "providers": [
            {"name": "anthropic", "dialect": "anthropic", "base_url": f"{simulator.url}/v1",
             "backend": "local", "retry": {"max": 0}},
            {"name": "openai", "dialect": "openai", "base_url": f"{simulator.url}/v1",
             "backend": "local", "retry": {"max": 0}}],
        "models": models})


def messages(suite, model, content="hello world", headers=None, **fields):
    body = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": content}],
            **fields}
    return request(f"{suite.url}/v1/messages", "POST", json.dumps(body).encode(),
                   {"x-api-key": suite.key, "anthropic-version": "2023-06-01",
                    "content-type": "application/json", **(headers or {})})


def messages_stream(suite, model, content="hello world", **fields):
    body = {"model": model, "max_tokens": 100, "stream": True,
            "messages": [{"role": "user", "content": content}], **fields}
    return Stream(suite.port, body, {"x-api-key": suite.key}, path="/v1/messages")


class Message:
    """A stream put together as Anthropic's own clients do it, refusing what they would trip over."""

    def __init__(self, stream):
        self.blocks, self.usage, self.stop_reason, self.error = [], None, None, None
        self.kinds, open_block = [], None
        for block in bytes(stream.body).decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.split("\n")
                         if line and not line.startswith(":"))
            if not lines:
                continue
            data = json.loads(lines["data"])
            assert lines["event"] == data["type"]
            self.kinds.append(data["type"])
            open_block = self.take(data, open_block)
        assert self.kinds.count("message_start") <= 1
        assert self.error or self.kinds[-1] == "message_stop"

    def take(self, data, open_block):
        kind = data["type"]
        if kind == "message_start":
            assert data["message"]["content"] == [] and data["message"]["role"] == "assistant"
            self.usage, self.model = data["message"]["usage"], data["message"]["model"]
            self.start_usage = dict(self.usage)
        elif kind == "content_block_start":
            assert open_block is None and data["index"] == len(self.blocks)
            self.blocks.append({**data["content_block"], "json": ""})
            return data["index"]
        elif kind == "content_block_delta":
            assert open_block == data["index"]
            self.add(self.blocks[open_block], data["delta"])
        elif kind == "content_block_stop":
            assert open_block == data["index"]
            self.finish(self.blocks[open_block])
            return None
        elif kind == "message_delta":
            assert open_block is None
            self.stop_reason = data["delta"]["stop_reason"]
            self.usage.update(data["usage"])
        elif kind == "error":
            self.error = data["error"]
        return open_block

    @staticmethod
    def add(block, delta):
        field = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature",
                 "input_json_delta": "json"}[delta["type"]]
        block[field] += delta.get("partial_json", delta.get(field))

    @staticmethod
    def finish(block):
        text = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = json.loads(text)

    def text(self):
        return "".join(b["text"] for b in self.blocks if b["type"] == "text")


def read(stream):
    stream.read_all()
    return Message(stream)


# --- the same dialect


ODD = (r'{ "max_tokens":100 , "temperature":5.0E-1,"metadata":{ "user_id":"\u0075\/1" },'
       r'"messages":[ {"role":"user","content":[{"type":"text" ,"text":"caf\u00e9 \/ é"}]} ],'
       '\t"model" : "MODEL" ,"top_k":5}')


def test_a_message_to_anthropic_is_the_same_to_the_byte_but_for_the_model(start_suite, simulator):
    suite = start(start_suite, simulator)
    answer = request(f"{suite.url}/v1/messages", "POST", ODD.replace("MODEL", "claude").encode(),
                     {"x-api-key": suite.key, "content-type": "application/json"})
    assert answer.status == 200
    record = simulator.records()[-1]
    assert record["body"] == ODD.replace("MODEL", "sim:delay=0ms")
    assert record["path"] == "/v1/messages"
    assert answer.json["type"] == "message" and answer.json["id"] != ""
    row = suite.wait_ledger(1)[0]
    assert (row["api"], row["provider"], row["status"]) == ("messages", "anthropic", "success")
    assert row["usage_source"] == "upstream" and row["tokens_out"] > 0


def test_an_answer_of_anthropic_comes_back_to_the_byte(start_suite):
    odd = ('{ "type":"message","id":"msg_1" ,"content":[{"type":"text","text":"caf\\u00e9"}],"x":1.50,'
           '"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2 }}').encode()
    reply = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
             % len(odd)) + odd
    suite = start(start_suite, RawUpstream(lambda connection, _: connection.sendall(reply)))
    assert messages(suite, "claude").body == odd


def test_a_stream_of_anthropic_goes_through_event_by_event(start_suite, simulator):
    suite = start(start_suite, simulator)
    direct = Stream(simulator.port, {"model": "sim:think=3,tools=1", "max_tokens": 100, "stream": True,
                                     "tools": [TOOL], "messages": [{"role": "user", "content": "hi"}]},
                    {"x-api-key": "k", "anthropic-version": "2023-06-01"}, path="/v1/messages")
    direct.read_all()
    suite_stream = messages_stream(suite, "claude-think", "hi", tools=[TOOL])
    suite_stream.read_all()
    assert suite_stream.headers["content-type"].startswith("text/event-stream")
    assert [line for line in bytes(suite_stream.body).decode().split("\n") if line[:6] == "event:"]
    assert Message(suite_stream).kinds[-1] == Message(direct).kinds[-1] == "message_stop"


# --- translated


@pytest.mark.parametrize("model", ["gpt", "claude"])
def test_a_message_is_answered_by_either_provider(start_suite, simulator, model):
    suite = start(start_suite, simulator)
    answer = messages(suite, model, system="be brief", stop_sequences=["END"], temperature=0.5)
    got = answer.json
    assert answer.status == 200, got
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    assert got["type"] == "message" and got["role"] == "assistant"
    assert [b["type"] for b in got["content"]] == ["text"] and "hello world" in got["content"][0]["text"]
    assert got["stop_reason"] == "end_turn"
    assert got["usage"]["input_tokens"] > 0 and got["usage"]["output_tokens"] > 0
    stream = read(messages_stream(suite, model))
    assert "hello world" in stream.text() and stream.stop_reason == "end_turn"
    assert stream.usage["output_tokens"] > 0 and stream.usage["input_tokens"] > 0
    assert stream.start_usage["input_tokens"] > 0


@pytest.mark.parametrize("model", ["gpt", "claude"])
def test_parallel_calls_reach_either_side_whole(start_suite, simulator, model):
    suite = start(start_suite, simulator)
    whole = messages(suite, f"{model}-tools", tools=[TOOL]).json
    stream = read(messages_stream(suite, f"{model}-tools", tools=[TOOL]))
    for blocks, reason in ((whole["content"], whole["stop_reason"]),
                           (stream.blocks, stream.stop_reason)):
        calls = [b for b in blocks if b["type"] == "tool_use"]
        assert len(calls) == 2 and len({c["id"] for c in calls}) == 2 and reason == "tool_use"
        assert all(c["name"] == "weather" and "city" in c["input"] for c in calls)
    chat = suite.chat(model=f"{model}-tools", tools=[FUNCTION]).json["choices"][0]
    assert chat["finish_reason"] == "tool_calls"
    assert [json.loads(c["function"]["arguments"]) for c in chat["message"]["tool_calls"]] == [
        c["input"] for c in whole["content"] if c["type"] == "tool_use"]


def chat_deltas(stream):
    stream.read_all()
    for data in stream.events()[:-1]:
        for choice in json.loads(data)["choices"]:
            yield choice


def test_a_chat_gets_its_calls_streamed_by_anthropic(start_suite, simulator):
    suite = start(start_suite, simulator)
    stream = suite.stream(model="claude-tools", tools=[FUNCTION])
    arguments, finish = {}, None
    for choice in chat_deltas(stream):
        for call in choice["delta"].get("tool_calls", []):
            arguments[call["index"]] = arguments.get(call["index"], "") + call["function"]["arguments"]
        finish = choice["finish_reason"] or finish
    assert stream.has_ended_well and stream.events()[-1] == "[DONE]"
    assert sorted(arguments) == [0, 1] and finish == "tool_calls"
    assert all("city" in json.loads(text) for text in arguments.values())


def test_thoughts_keep_their_proof_there_and_back(start_suite, simulator):
    suite = start(start_suite, simulator)
    message = suite.chat(model="claude-think", reasoning_effort="low").json["choices"][0]["message"]
    blocks = message["thinking_blocks"]
    assert blocks[0]["thinking"] == message["reasoning_content"] and blocks[0]["signature"]
    request(f"{suite.url}/v1/chat/completions", "POST", json.dumps({
        "model": "claude", "messages": [{"role": "user", "content": "hi"}, message,
                                        {"role": "user", "content": "so?"}]}).encode(),
            suite.headers())
    sent = json.loads(simulator.records()[-1]["body"])
    assert sent["messages"][1]["content"][0] == blocks[0]
    streamed = read(messages_stream(suite, "claude-think"))
    assert streamed.blocks[0]["type"] == "thinking" and streamed.blocks[0]["signature"]


def test_a_conversation_moves_from_another_provider_to_anthropic(start_suite, simulator):
    suite = start(start_suite, simulator)
    blocks = messages(suite, "gpt-think").json["content"]
    assert blocks[0]["type"] == "thinking" and blocks[0]["signature"] == ""
    history = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": blocks},
               {"role": "user", "content": "so?"}]
    assert messages(suite, "claude", messages=history).status == 200
    sent = json.loads(simulator.records()[-1]["body"])["messages"]
    assert sent == [history[0], {"role": "assistant", "content": blocks[1:]}, history[2]]


def test_images_reach_the_other_side(start_suite, simulator):
    suite = start(start_suite, simulator)
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    assert messages(suite, "gpt", [image, {"type": "text", "text": "what?"}]).status == 200
    sent = json.loads(simulator.records()[-1]["body"])["messages"][0]["content"]
    assert sent[0]["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"
    assert suite.chat([sent[0], {"type": "text", "text": "what?"}], model="claude").status == 200
    assert json.loads(simulator.records()[-1]["body"])["messages"][0]["content"][0] == image


def test_what_the_cache_read_is_counted_once(start_suite, simulator):
    suite = start(start_suite, simulator)
    native = messages(suite, "claude-cached").json["usage"]
    chat = suite.chat("hello world", model="claude-cached").json["usage"]
    assert native["cache_read_input_tokens"] == 2
    assert chat["prompt_tokens"] == native["input_tokens"] + 2
    assert chat["prompt_tokens_details"]["cached_tokens"] == 2
    rows = suite.wait_ledger(2)
    assert [(row["tokens_in"], row["tokens_cached"]) for row in rows] == [
        (chat["prompt_tokens"], 2)] * 2


# --- errors, in the caller's shape


def is_error(answer, status, kind, word=""):
    got = answer.json
    return (answer.status, got["type"], got["error"]["type"]) == (status, "error", kind) and \
        word in got["error"]["message"]


def test_errors_of_ours_have_anthropics_shape(start_suite, simulator):
    suite = start(start_suite, simulator)
    assert is_error(messages(suite, "none"), 404, "not_found_error")
    assert is_error(messages(suite, "gpt", headers={"x-api-key": "sk-wrong"}), 401,
                    "authentication_error")
    assert is_error(messages(suite, "gpt", max_tokens=None), 400, "invalid_request_error",
                    "max_tokens")
    assert is_error(messages(suite, "gpt", mcp_servers=[]), 400, "invalid_request_error",
                    "mcp_servers")
    assert is_error(messages(suite, "gpt", top_k=3), 400, "invalid_request_error", "top_k")
    assert is_error(request(f"{suite.url}/v1/messages", "GET"), 405, "invalid_request_error")
    assert messages(suite, "gpt", top_k=3).json["request_id"].startswith("req_")


def test_a_chat_that_anthropic_cannot_answer_names_the_field(start_suite, simulator):
    suite = start(start_suite, simulator)
    for field, value in (("temperature", 1.5), ("n", 2), ("seed", 1), ("logprobs", True)):
        answer = suite.chat(model="claude", **{field: value})
        assert (answer.status, answer.json["error"]["param"]) == (400, field)


@pytest.mark.parametrize("model", ["claude", "gpt"])
def test_a_providers_refusal_is_told_in_the_callers_shape(start_suite, simulator, model):
    suite = start(start_suite, simulator)
    assert is_error(messages(suite, f"{model}-bad"), 400, "invalid_request_error")
    chat = suite.chat(model=f"{model}-bad")
    assert chat.status == 400 and chat.json["error"]["message"]


@pytest.mark.parametrize("model", ["claude", "gpt"])
def test_an_overloaded_provider_is_an_error_before_and_within_a_stream(start_suite, simulator, model):
    suite = start(start_suite, simulator)
    assert messages(suite, f"{model}-error").json["type"] == "error"
    stream = messages_stream(suite, f"{model}-late")
    got = read(stream)
    assert got.error["type"] == "api_error" and got.kinds[-1] == "error"
    assert not stream.has_ended_well and "message_stop" not in got.kinds


def test_what_a_failed_attempt_said_of_itself_is_not_in_the_answer_of_the_next(start_suite,
                                                                               simulator):
    usage = event('{"choices":[],"usage":{"prompt_tokens":777,"completion_tokens":7}}')
    broken = RawUpstream(lambda connection, _: connection.sendall(SSE_HEAD + usage) or True)
    suite = start_suite(services=["llm-proxy"], config={
        "providers": [{"name": name, "dialect": "openai", "base_url": f"{upstream.url}/v1",
                       "backend": "local", "retry": {"max": 0}}
                      for name, upstream in (("broken", broken), ("whole", simulator))],
        "models": [{"name": "two", "targets": [{"provider": "broken", "model": "first"},
                                               {"provider": "whole", "model": "sim:no-usage"}]}]})
    got = read(messages_stream(suite, "two"))
    assert got.model == "sim:no-usage" and got.usage["input_tokens"] != 777
    assert len(broken.requests) == 1 and got.stop_reason == "end_turn"


@pytest.mark.parametrize("model", ["claude-cut", "claude-fin", "gpt-fin"])
def test_a_stream_cut_short_is_no_answer(start_suite, simulator, model):
    suite = start(start_suite, simulator)
    stream = messages_stream(suite, model)
    got = read(stream)
    assert got.error and "message_stop" not in got.kinds and not stream.has_ended_well
    chat = suite.stream(model=model)
    chat.read_all()
    assert not chat.has_ended_well and "[DONE]" not in chat.events()
    assert "error" in json.loads(chat.events()[-1])
    assert {row["status"] for row in suite.wait_ledger(2)} == {"truncated"}


@pytest.mark.parametrize("model", ["claude-slow", "gpt-slow"])
def test_a_client_that_leaves_takes_the_provider_along(start_suite, simulator, model):
    suite = start(start_suite, simulator)
    stream = messages_stream(suite, model)
    stream.read_until("text_delta")
    left_at = stream.close()
    record = simulator.wait_closed(simulator.records()[-1]["number"])
    assert record["closed_us"] - left_at < 500_000
    row = suite.wait_ledger(1)[0]
    assert (row["status"], row["usage_source"]) == ("cancelled", "local")
    assert row["tokens_out"] >= 1


def test_a_stream_left_is_billed_for_what_anthropic_said_of_the_prompt_and_what_came(start_suite,
                                                                                     simulator):
    suite = start(start_suite, simulator)
    stream = messages_stream(suite, "claude-slow", "word " * 60)
    stream.read_until("text_delta", times=20)
    stream.close()
    row = suite.wait_ledger(1)[0]
    assert row["tokens_in"] == 75, "a token for every four bytes, says the simulator"
    assert 10 <= row["tokens_out"] <= 80, "not the one token that the stream began with"


# --- beside the messages


def count(suite, model, **fields):
    body = {"model": model, "messages": [{"role": "user", "content": "hello world"}], **fields}
    return request(f"{suite.url}/v1/messages/count_tokens", "POST", json.dumps(body).encode(),
                   {"x-api-key": suite.key, "content-type": "application/json"})


def test_tokens_are_counted_by_anthropic_or_else_estimated_here(start_suite, simulator):
    suite = start(start_suite, simulator)
    counted = count(suite, "claude", system="be brief", tools=[TOOL])
    assert counted.status == 200 and list(counted.json) == ["input_tokens"]
    record = simulator.records()[-1]
    assert record["path"] == "/v1/messages/count_tokens"
    assert json.loads(record["body"])["model"].startswith("sim:")
    row = suite.wait_ledger(1)[0]
    assert (row["api"], row["tokens_in"], row["tokens_out"]) == ("messages.count_tokens", 0, 0)
    here = count(suite, "gpt")
    assert here.status == 200 and 2 <= here.json["input_tokens"] <= 12
    assert len(simulator.records()) == 1
    assert is_error(count(suite, "none"), 404, "not_found_error")
    assert is_error(count(suite, "gpt", messages=[]), 400, "invalid_request_error", "messages")


def test_models_are_listed_in_the_shape_of_who_asks(start_suite, simulator):
    suite = start(start_suite, simulator)
    headers = {"x-api-key": suite.key, "anthropic-version": "2023-06-01"}
    page = request(f"{suite.url}/v1/models", headers=headers).json
    assert page["has_more"] is False and page["first_id"] == page["data"][0]["id"]
    one = request(f"{suite.url}/v1/models/claude", headers=headers).json
    assert one["type"] == "model" and one["display_name"] == "claude" and one in page["data"]
    assert request(f"{suite.url}/v1/models", headers=suite.headers()).json["object"] == "list"
    assert is_error(request(f"{suite.url}/v1/models/none", headers=headers), 404, "not_found_error")


def received_headers(simulator):
    return {name.lower(): value for name, value in simulator.records()[-1]["headers"]}


def test_version_and_betas_go_on_in_the_same_dialect_only(start_suite, simulator):
    suite = start(start_suite, simulator)

    def sent(model):
        messages(suite, model, headers={"anthropic-version": "2024-01-01", "anthropic-beta": "a,b",
                                        "x-other": "secret"})
        return received_headers(simulator)

    native = sent("claude")
    assert (native["anthropic-version"], native["anthropic-beta"]) == ("2024-01-01", "a,b")
    assert "x-other" not in native
    assert not [name for name in sent("gpt") if name.startswith("anthropic")]
    suite.chat(model="claude")
    headers = received_headers(simulator)
    assert headers["anthropic-version"] == "2023-06-01"


def test_a_conversation_too_long_is_condensed_in_its_own_shape(start_suite, simulator):
    suite = start_suite(config={
        "providers": [{"name": "anthropic", "dialect": "anthropic", "backend": "local",
                       "base_url": f"{simulator.url}/v1"}],
        "context": {"keep_last": 1},
        "models": [{"name": "tiny", "context_window": 1000,
                    "targets": [{"provider": "anthropic", "model": "sim:delay=0ms"}]}]})
    call = {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "rain and wind " * 600}
    answer = request(f"{suite.url}/v1/messages", "POST", json.dumps({
        "model": "tiny", "max_tokens": 50, "tools": [TOOL], "messages": [
            {"role": "user", "content": "weather?"}, {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]}, {"role": "assistant", "content": "Rain."},
            {"role": "user", "content": "and now?"}]}).encode(),
        {"x-api-key": suite.key, "content-type": "application/json"})
    assert answer.status == 200, answer.body
    assert answer.headers["x-llm-context"].endswith("tokens")
    sent = json.loads(simulator.records()[-1]["body"])["messages"]
    assert [m["role"] for m in sent] == ["user", "assistant", "user", "assistant", "user"]
    assert sent[2]["content"][0]["tool_use_id"] == "t1"
    assert sent[2]["content"][0]["content"].startswith("[tool result omitted")
