"""One script drives the simulator in every dialect: the same answer, in each provider's words."""
import base64
import hashlib
import json

import pytest

from suite import Stream, request

SIGNATURE = "c2lnbmF0dXJlIG9mIHRoZSBzaW11bGF0b3I="
PIXEL = base64.b64encode(b"\x89PNG" + bytes(64)).decode()
CITY = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"]}
ARGUMENTS = {"city": 'city "é"', "days": 7}


def sse(stream):
    """(event's name, data) of each event."""
    found = []
    for block in bytes(stream.body).decode().replace("\r\n", "\n").split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if line[:1] not in ("", ":"))
        if "data" in lines:
            found.append((lines.get("event"), lines["data"]))
    return found


class Anthropic:
    name = "anthropic"
    headers = {"anthropic-version": "2023-06-01", "x-api-key": "k"}
    finishes = {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use",
                "sequence": "stop_sequence", "filter": "refusal"}
    errors = {"invalid": (400, "invalid_request_error"), "auth": (401, "authentication_error"),
              "context": (400, "invalid_request_error"), "forbidden": (403, "permission_error"),
              "missing": (404, "not_found_error"), "too-large": (413, "request_too_large"),
              "rate": (429, "rate_limit_error"), "server": (500, "api_error"),
              "overloaded": (529, "overloaded_error"), "quota": (402, "billing_error"),
              "timeout": (504, "timeout_error")}

    @staticmethod
    def path(model, stream):
        return "/v1/messages"

    @staticmethod
    def body(model, stream, **more):
        content = [{"type": "text", "text": more.get("text", "hello world")}]
        if "image" in more:
            content.append({"type": "image", "source": {
                "type": "base64", "media_type": "image/png", "data": more["image"]}})
        messages = [{"role": "user", "content": content}]
        if "history" in more:
            messages += [
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": SIGNATURE},
                    {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Bonn"}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1",
                                              "content": "sunny"}]}]
        body = {"model": model, "stream": stream, "max_tokens": 100, "messages": messages,
                "system": "be brief", "temperature": 0.5}
        if "stop" in more:
            body["stop_sequences"] = more["stop"]
        if "tools" in more:
            body["tools"] = [{"name": n, "description": "d", "input_schema": CITY}
                             for n in more["tools"]]
        if "schema" in more:
            body["output_config"] = {"format": {"type": "json_schema", "schema": more["schema"]}}
        return body

    @staticmethod
    def whole(answer):
        got = {"text": "", "thinking": "", "signature": None, "redacted": None, "calls": []}
        for block in answer["content"]:
            if block["type"] == "text":
                got["text"] += block["text"]
            elif block["type"] == "thinking":
                got["thinking"] += block["thinking"]
                got["signature"] = block["signature"]
            elif block["type"] == "redacted_thinking":
                got["redacted"] = block["data"]
            else:
                got["calls"].append((block["name"], block["input"]))
        u = answer["usage"]
        got["finish"] = answer["stop_reason"]
        got["usage"] = (u["input_tokens"] + u["cache_read_input_tokens"],
                        u["cache_read_input_tokens"], u["output_tokens"])
        return got

    @classmethod
    def streamed(cls, stream):
        blocks, answer = [], None
        for name, data in sse(stream):
            event = json.loads(data)
            assert event["type"] == name
            if name == "message_start":
                answer = event["message"]
            elif name == "content_block_start":
                assert event["index"] == len(blocks)
                blocks.append(dict(event["content_block"], json=""))
            elif name == "content_block_delta":
                delta, block = event["delta"], blocks[event["index"]]
                key = {"text_delta": "text", "thinking_delta": "thinking",
                       "signature_delta": "signature", "input_json_delta": "json"}[delta["type"]]
                block[key] += delta["partial_json" if key == "json" else key]
            elif name == "content_block_stop" and blocks[event["index"]]["type"] == "tool_use":
                blocks[event["index"]]["input"] = json.loads(blocks[event["index"]]["json"])
            elif name == "message_delta":
                answer.update(event["delta"], usage=event["usage"])
        assert name == "message_stop"
        return cls.whole({**answer, "content": blocks})

    @staticmethod
    def error(answer):
        body = answer.json
        assert body["type"] == "error" and body["request_id"]
        return body["error"]["type"]

    @staticmethod
    def broken(stream):
        name, data = sse(stream)[-1]
        return name == "error" and json.loads(data)["error"]["type"]


DIALECTS = [Anthropic]


@pytest.fixture(params=DIALECTS, ids=lambda d: d.name)
def ask(request, simulator):
    return Asking(simulator, request.param)


class Asking:
    def __init__(self, simulator, dialect):
        self.simulator, self.dialect = simulator, dialect

    def whole(self, script="", **more):
        d, model = self.dialect, f"sim:{script}"
        answer = request(f"{self.simulator.url}{d.path(model, False)}", "POST",
                         json.dumps(d.body(model, False, **more)).encode(), d.headers)
        return answer

    def stream(self, script="", **more):
        d, model = self.dialect, f"sim:{script}"
        s = Stream(self.simulator.port, d.body(model, True, **more), d.headers, d.path(model, True))
        s.read_all()
        return s

    def both(self, script="", **more):
        """What a whole answer says, having checked that a stream says the same."""
        answer = self.whole(script, **more)
        assert answer.status == 200, answer.body
        whole = self.dialect.whole(answer.json)
        streamed = self.stream(script, **more)
        assert streamed.has_ended_well, streamed.received
        assert self.dialect.streamed(streamed) == whole
        return whole

    def understood(self):
        record = self.simulator.records()[-1]
        assert record["dialect"] == self.dialect.name
        return record["understood"]


def test_the_echo(ask):
    got = ask.both()
    assert got["text"] == "echo: hello world" and got["calls"] == []
    assert got["finish"] == ask.dialect.finishes["stop"]
    assert got["usage"][0] == 5 and got["usage"][2] == 5  # 8 + 11 bytes in, 17 out
    assert ask.both("chunks=3")["text"] == "w1 w2 w3"


def test_parallel_calls(ask):
    got = ask.both("tools=3", tools=["weather", "clock"])
    assert got["calls"] == [("weather", ARGUMENTS), ("clock", ARGUMENTS), ("weather", ARGUMENTS)]
    assert got["finish"] == ask.dialect.finishes["tools"] and got["text"] == ""


def test_thinking_with_its_signature(ask):
    got = ask.both("think=3")
    assert got["thinking"] == "t1 t2 t3" and got["text"] == "echo: hello world"
    assert got["signature"] == SIGNATURE or ask.dialect.name in ("openai", "ollama")


def test_a_file_is_told_back(ask):
    assert ask.both(image=PIXEL)["text"] == "echo: hello world [image/png 68]"
    part = next(p for m in ask.understood()["messages"] for p in m["parts"] if p["type"] == "file")
    assert part["base64_sha256"] == hashlib.sha256(PIXEL.encode()).hexdigest()


def test_structured_output(ask):
    assert json.loads(ask.both(schema=CITY)["text"]) == ARGUMENTS
    assert ask.understood()["format"]["schema"] == CITY


def test_stop_sequences(ask):
    got = ask.both(stop=["wor", "nope"])
    assert got["text"] == "echo: hello " and got["finish"] == ask.dialect.finishes["sequence"]
    assert ask.understood()["stop"] == ["wor", "nope"]


@pytest.mark.parametrize("finish", ["length", "filter"])
def test_finish_reasons(ask, finish):
    assert ask.both(f"finish={finish}")["finish"] == ask.dialect.finishes[finish]


def test_cached_and_reasoning_tokens(ask):
    assert ask.both("cached=2,reasoning=9")["usage"] == (5, 2, 14)


def test_the_conversation_is_understood(ask):
    ask.whole(history=True, tools=["weather"])
    u = ask.understood()
    assert u["model"] == "sim:" and u["stream"] is False and u["unknown"] == []
    system, user, assistant, result = u["messages"]
    assert system == {"role": "system", "parts": [{"type": "text", "text": "be brief"}]}
    assert user == {"role": "user", "parts": [{"type": "text", "text": "hello world"}]}
    call = next(p for p in assistant["parts"] if p["type"] == "call")
    assert (call["name"], call["arguments"]) == ("weather", {"city": "Bonn"})
    assert result["parts"][0]["type"] == "result"
    assert result["parts"][0]["parts"] == [{"type": "text", "text": "sunny"}]
    assert [(t["name"], t["description"], t["schema"]) for t in u["tools"]] == \
        [("weather", "d", CITY)]
    assert u["params"]["temperature"] == 0.5


@pytest.mark.parametrize("kind", ["invalid", "context", "auth", "quota", "forbidden", "missing",
                                  "too-large", "rate", "server", "overloaded", "timeout"])
def test_typed_errors(ask, kind):
    answer = ask.whole(f"error={kind},retry-after=7")
    assert (answer.status, ask.dialect.error(answer)) == ask.dialect.errors[kind]
    stream = ask.stream(f"error={kind}")
    assert stream.status == answer.status


def test_a_status_is_an_error_in_the_dialects_shape(ask):
    assert ask.whole("status=503").status == 503
    assert ask.dialect.error(ask.whole("status=429")) == ask.dialect.errors["rate"][1]


def test_an_error_in_the_middle_of_a_stream(ask):
    stream = ask.stream("chunks=5,error-after=2,error=overloaded")
    assert stream.has_ended_well and b"w2" in stream.body and b"w3" not in stream.body
    assert ask.dialect.broken(stream) == ask.dialect.errors["overloaded"][1]


@pytest.mark.parametrize("n", [0, 17, 400])
def test_cuts_and_stalls(ask, n):
    stream = ask.stream(f"chunks=20,rst={n}")
    assert len(stream.received) == n
    assert ask.whole("html").body.startswith(b"<!doctype")
    with pytest.raises(ValueError):
        json.loads(ask.whole("bad-json").body)


def test_an_answer_without_its_end(ask):
    stream = ask.stream("chunks=2,no-finish,no-done")
    assert stream.has_ended_well
    for word in ("end_turn", "STOP", "messageStop", '"done":true', "[DONE]", "message_stop"):
        assert word.encode() not in stream.body
