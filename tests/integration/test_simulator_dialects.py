"""One script drives the simulator in every dialect: the same answer, in each provider's words."""
import base64
import hashlib
import json
import struct

import pytest

from spellings import (ARGUMENTS, CITY, PIXEL, SIGNATURE, Anthropic, Bedrock, Gemini, Ollama, OpenAI,
                       Responses, aws_headers, sse)
from suite import Stream, request

DIALECTS = [OpenAI, Responses, Anthropic, Gemini, Bedrock, Ollama]


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
    calls = ask.both("think=2,tools=1", tools=["weather"])
    assert calls["calls"] == [("weather", ARGUMENTS)] and calls["signature"] == got["signature"]


def test_redacted_thinking(ask):
    got = ask.both("think=1,redacted")
    assert got["text"] == "echo: hello world"
    assert got["redacted"] or ask.dialect.name not in ("anthropic", "bedrock")


def test_a_file_is_told_back(ask):
    assert ask.both(image=PIXEL)["text"] == "echo: hello world [image/png 68]"
    part = next(p for m in ask.understood()["messages"] for p in m["parts"] if p["type"] == "file")
    assert part["base64_sha256"] == hashlib.sha256(PIXEL.encode()).hexdigest()


def test_structured_output(ask):
    assert json.loads(ask.both(schema=CITY)["text"]) == ARGUMENTS
    assert ask.understood()["format"]["schema"] == CITY


def test_stop_sequences(ask):
    if "sequence" not in ask.dialect.finishes:
        return
    got = ask.both(stop=["wor", "nope"])
    assert got["text"] == "echo: hello " and got["finish"] == ask.dialect.finishes["sequence"]
    assert ask.understood()["stop"] == ["wor", "nope"]


@pytest.mark.parametrize("finish", ["length", "filter"])
def test_finish_reasons(ask, finish):
    assert ask.both(f"finish={finish}")["finish"] == ask.dialect.finishes[finish]


def test_cached_and_reasoning_tokens(ask):
    read, cached, written = ask.both("cached=2,reasoning=9")["usage"]
    assert (read, written) == (5, 14) and cached in (2, "unknown")


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


def post(simulator, path, body, headers=None):
    answer = request(f"{simulator.url}{path}", "POST",
                     body if isinstance(body, bytes) else json.dumps(body).encode(), headers)
    assert answer.status == 200, answer.body
    return answer


def test_completions_of_texts(simulator):
    body = {"model": "sim:", "prompt": ["a", "hello world"], "stop": "wor"}
    answer = post(simulator, "/v1/completions", body).json
    assert answer["choices"][0]["text"] == "echo: hello " and answer["usage"]["total_tokens"] == 6
    s = Stream(simulator.port, {**body, "stream": True}, path="/v1/completions")
    s.read_all()
    events = [data for _, data in sse(s)]
    assert "".join(c["text"] for e in events[:-1] for c in json.loads(e)["choices"]) \
        == "echo: hello "
    assert events[-1] == "[DONE]"


def test_what_is_no_chat(simulator):
    embedded = post(simulator, "/v1/embeddings", {"model": "m", "input": ["abcd", "efgh"],
                                                  "dimensions": 16}).json
    assert [len(d["embedding"]) for d in embedded["data"]] == [16, 16]
    assert embedded["usage"]["prompt_tokens"] == 2
    packed = post(simulator, "/v1/embeddings", {"model": "m", "input": [1, 2, 3],
                                                "encoding_format": "base64"}).json
    assert struct.unpack("<8f", base64.b64decode(packed["data"][0]["embedding"]))[1] == 0.125
    assert post(simulator, "/v1/images/generations", {"prompt": "x"}).json["data"][0]["b64_json"]
    spoken = post(simulator, "/v1/audio/speech", {"model": "m", "input": "hello"})
    assert spoken.headers["content-type"] == "audio/mpeg" and spoken.body.startswith(b"ID3")
    form = b"\r\n".join([b"--xyz", b'Content-Disposition: form-data; name="model"', b"", b"sim",
                         b"--xyz", b'Content-Disposition: form-data; name="file"; filename="a.wav"',
                         b"Content-Type: audio/wav", b"", b"\0RIFF\xff", b"--xyz--", b""])
    heard = post(simulator, "/v1/audio/transcriptions", form,
                 {"Content-Type": "multipart/form-data; boundary=xyz"})
    assert heard.json["text"] == "heard 6 bytes"
    assert post(simulator, "/v1/moderations", {"input": "x"}).json["results"][0]["flagged"] is False
    ranked = post(simulator, "/v1/rerank", {"model": "m", "query": "q", "documents": ["a", "b"]})
    assert [r["index"] for r in ranked.json["results"]] == [1, 0]
    assert request(f"{simulator.url}/v1/audio/speech", "POST",
                   b'{"model":"sim:status=503"}').status == 503


def test_counts_and_lists(simulator):
    key = Anthropic.headers
    body = {"model": "m", "messages": [{"role": "user", "content": "hello world"}]}
    assert post(simulator, "/v1/messages/count_tokens", body, key).json == {"input_tokens": 3}
    contents = [{"parts": [{"text": "hello world"}]}]
    for body in ({"contents": contents}, {"generateContentRequest": {"contents": contents}}):
        assert post(simulator, "/v1beta/models/m:countTokens", body).json == {"totalTokens": 3}
    lists = {"/v1/models": "data", "/v1beta/models": "models", "/api/tags": "models",
             "/api/ps": "models", "/foundation-models": "modelSummaries"}
    for path, name in lists.items():
        assert len(request(f"{simulator.url}{path}").json[name]) == 1
    assert request(f"{simulator.url}/v1/models", headers=key).json["data"][0]["type"] == "model"
    assert len(post(simulator, "/api/embed", {"model": "m", "input": ["a", "b"]})
               .json["embeddings"]) == 2


@pytest.mark.parametrize("quirk, has", [
    ("azure", b"prompt_filter_results"), ("groq", b"x_groq"), ("openrouter", b'"reasoning":"t1')])
def test_quirks_of_openais_relatives(simulator, quirk, has):
    s = Stream(simulator.port, OpenAI.body(f"sim:quirk={quirk},think=1,comments", True))
    s.read_all()
    assert has in s.body and b": working" in s.body and b"[DONE]" in s.body


def test_signatures_of_aws_are_verified(simulator, start_simulator):
    strict = start_simulator("--aws-key", "AKID:secret")
    path = Bedrock.path("us.anthropic.claude-v1:0", False)
    body = json.dumps(Bedrock.body("m", False)).encode()

    def status(sim, headers):
        return request(f"{sim.url}{path}", "POST", body, headers).status
    good = aws_headers(path, body)
    for sim in (simulator, strict):
        assert status(sim, good) == 200
        assert status(sim, {}) == 403
        assert status(sim, {**good, "Authorization": good["Authorization"][:-3]}) == 403
        assert status(sim, {**good, "x-amz-date": "20260103T030405Z"}) == 403
    assert status(strict, aws_headers(path, body, secret="other")) == 403
    assert status(strict, {**good, "x-amz-date": "20260102T040405Z"}) == 403
    assert strict.records()[0]["understood"]["model"] == "us.anthropic.claude-v1:0"


def test_gemini_without_sse_streams_one_array(simulator):
    s = Stream(simulator.port, Gemini.body("sim:chunks=3", True), Gemini.headers,
               Gemini.path("sim:chunks=3", True).replace("?alt=sse", ""))
    s.read_all()
    texts = [p["text"] for a in json.loads(bytes(s.body))
             for p in a["candidates"][0]["content"]["parts"]]
    assert s.headers["content-type"] == "application/json" and "".join(texts) == "w1 w2 w3"


def test_what_a_provider_would_refuse_is_refused(simulator):
    def status(dialect, **more):
        body = {**dialect.body("sim", False), **more}
        return request(f"{simulator.url}{dialect.path('sim', False)}", "POST",
                       json.dumps(body).encode(), dialect.headers).status
    assert status(Anthropic, frequency_penalty=1) == 400
    assert status(Anthropic, messages=[{"role": "system", "content": "x"}]) == 400
    assert status(Gemini, max_tokens=1) == 400
    assert status(Gemini, generationConfig={"responseMimeType": "application/json",
                                            "responseSchema": {"$ref": "#"}}) == 400
    assert status(Bedrock, messages=[{"role": "assistant", "content": [{"text": "x"}]}]) == 400
    assert status(Bedrock, system=[{"text": " "}]) == 400
    assert status(Ollama, messages=[{"role": "developer", "content": "x"}]) == 400


def test_ollama_loads_and_generates(simulator):
    def ask(path, **body):
        return request(f"{simulator.url}{path}", "POST",
                       json.dumps({"model": "m", "stream": False, **body}).encode()).json
    assert ask("/api/chat", messages=[])["done_reason"] == "load"
    assert ask("/api/generate", prompt="", keep_alive=0)["done_reason"] == "unload"
    assert ask("/api/generate", prompt="hi")["response"] == "echo: hi"


def test_an_answer_without_its_end(ask):
    stream = ask.stream("chunks=2,no-finish,no-done")
    assert stream.has_ended_well
    for word in ("response.completed", "end_turn", "STOP", "messageStop", '"done":true', "[DONE]", "message_stop"):
        assert word.encode() not in stream.body
