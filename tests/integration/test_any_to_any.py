"""Every API in front of a provider of every dialect, on the wire: what is asked reaches the provider
whole, what it says reaches the caller whole, wherever the stream is cut."""
import hashlib
import json
import re

import pytest

import suite as programs
from spellings import ARGUMENTS, CITY, PIXEL, SIGNATURE, Anthropic, OpenAI, Responses
from suite import Stream, request

APIS = {"chat": OpenAI, "responses": Responses, "messages": Anthropic}
DIALECTS = {"openai": ("/v1", "gpt-5"), "anthropic": ("/v1", "claude-sonnet-4-5"),
            "gemini": ("/v1beta", "gemini-3-pro"), "bedrock": ("", "anthropic.claude-sonnet-4-5"),
            "ollama": ("", "qwen3")}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    sim = programs.Simulator(tmp_path_factory.mktemp("upstream"), "simulator", "--aws-key",
                             "AKID:secret").start()
    yield sim
    sim.stop()


@pytest.fixture(scope="module")
def gateway(upstream):
    providers = [{"name": d, "dialect": d, "base_url": upstream.url + base, "backend": "cloud",
                  "api_key": {"env": "TEST_KEY"}, "retry": {"max": 0}, "probe": {"interval": "1h"},
                  "breaker": {"failures": 1000}, "timeouts": {"idle": "60s"},
                  **({"region": "eu-central-1"} if d == "bedrock" else {})}
                 for d, (base, _) in DIALECTS.items()]
    models = [{"name": d, "targets": [{"provider": d, "model": model}]}
              for d, (_, model) in DIALECTS.items()]
    suite = programs.Suite(services=["llm-proxy"], env={"TEST_KEY": "AKID:secret"},
                           config={"providers": providers, "models": models}).start()
    yield suite
    suite.stop()


class Pair:
    def __init__(self, gateway, upstream, api, dialect):
        self.gateway, self.upstream = gateway, upstream
        self.name, self.api, self.dialect = api, APIS[api], dialect

    def body(self, stream, **more):
        body = self.api.body(self.dialect, stream, **more)
        if self.dialect in ("anthropic", "bedrock") and self.name == "responses":
            body["max_output_tokens"] = 100
        return body

    def whole(self, script="", **more):
        self.upstream.script(script)
        return request(self.gateway.url + self.api.path("", False), "POST",
                       json.dumps(self.body(False, **more)).encode(), self.gateway.headers())

    def stream(self, script="", **more):
        self.upstream.script(script)
        s = Stream(self.gateway.port, self.body(True, **more), self.gateway.headers(),
                   self.api.path("", True))
        s.read_all()
        return s

    def both(self, script="", **more):
        """What a whole answer says; a stream must say the same."""
        answer = self.whole(script, **more)
        assert answer.status == 200, answer.body
        whole = self.api.whole(answer.json)
        stream = self.stream(script, **more)
        assert stream.has_ended_well, stream.received
        assert self.api.streamed(stream) == whole
        return whole

    def understood(self):
        return self.upstream.records()[-1]["understood"]


@pytest.fixture(params=DIALECTS)
def dialect(request):
    return request.param


@pytest.fixture(params=APIS)
def pair(request, dialect, gateway, upstream):
    return Pair(gateway, upstream, request.param, dialect)


# ---- what is said

def test_text(pair):
    got = pair.both()
    assert (got["text"], got["calls"]) == ("echo: hello world", [])
    assert got["finish"] == pair.api.finishes["stop"] and got["usage"] == (5, 0, 5)


def test_parallel_calls(pair):
    got = pair.both("tools=3", tools=["weather", "clock"])
    assert got["calls"] == [("weather", ARGUMENTS), ("clock", ARGUMENTS), ("weather", ARGUMENTS)]
    assert got["finish"] == pair.api.finishes["tools"]


def test_thinking(pair):
    got = pair.both("think=3")
    assert (got["thinking"], got["text"]) == ("t1 t2 t3", "echo: hello world")
    if pair.dialect in ("anthropic", "bedrock") and pair.name != "chat":
        assert got["signature"].endswith(SIGNATURE)  # Responses say whose it is


def test_an_answer_that_was_cut_short_or_filtered_says_so(pair):
    assert pair.both("finish=length")["finish"] == pair.api.finishes["length"]
    filtered = pair.both("finish=filter")["finish"]
    if pair.dialect != "ollama":
        assert filtered == {"chat": "content_filter", "messages": "refusal",
                            "responses": "content_filter"}[pair.name]


def test_tokens_from_the_cache_and_of_thinking(pair):
    counted = pair.dialect != "ollama"  # it counts neither
    assert pair.both("cached=2,reasoning=9")["usage"] == ((5, 2, 14) if counted else (5, 0, 14))


# ---- what is asked

def test_a_conversation_reaches_the_provider_whole(pair):
    more = {} if pair.name == "responses" else {"stop": ["STOP!"]}
    answer = pair.whole("", history=True, image=PIXEL, tools=["weather"], **more)
    assert answer.status == 200, answer.body
    u = pair.understood()
    system, user, assistant, result = u["messages"]
    assert system["parts"] == [{"type": "text", "text": "be brief"}]
    assert user["parts"][0] == {"type": "text", "text": "hello world"}
    assert user["parts"][1]["base64_sha256"] == hashlib.sha256(PIXEL.encode()).hexdigest()
    call = next(p for p in assistant["parts"] if p["type"] == "call")
    assert (call["name"], call["arguments"]) == ("weather", {"city": "Bonn"})
    assert result["parts"][0]["parts"] == [{"type": "text", "text": "sunny"}]
    assert [(t["name"], t["description"], t["schema"]) for t in u["tools"]] == \
        [("weather", "d", CITY)]
    assert u["params"]["temperature"] == 0.5 and u["unknown"] == []
    assert u.get("stop", []) == more.get("stop", [])


def test_a_schema_reaches_the_provider(pair):
    answer = pair.both("", schema=CITY)
    assert json.loads(answer["text"]) == ARGUMENTS
    asked = pair.understood()["format"]["schema"]
    assert asked["properties"] == CITY["properties"] and asked["required"] == CITY["required"]


# ---- cut anywhere

def masked(stream):
    """Without what differs from one answer to the next: ids and times."""
    text = bytes(stream.body).decode()
    text = re.sub(r'((?:id|created|created_at|completed_at)"?: ?)("[^"]*"|\d+)', r"\1-", text)
    return re.sub(r'sim-\d+|req_\w+|(?:rs|msg|fc)_[\w-]+', "-", text)


def test_a_stream_split_at_every_width_is_the_same_stream(pair):
    script = "think=3,redacted,tools=2,chunks=3,cached=1"
    whole = pair.stream(script, tools=["weather", "clock"])
    assert whole.has_ended_well
    for width in (1, 2, 3, 7, 31):
        split = pair.stream(f"{script},split={width}", tools=["weather", "clock"])
        assert masked(split) == masked(whole)


def broken_by(pair, stream):
    """The in-band error's type or code, for a stream that must not look whole."""
    assert not stream.has_ended_well and stream.is_closed
    for word in ("[DONE]", "message_stop", "response.completed", '"finish_reason":"'):
        assert word.encode() not in stream.body
    last = bytes(stream.body).decode().rstrip().rpartition("data: ")[2]
    error = json.loads(last)["error"]
    return error["type"] if pair.name == "messages" else error["code"]


@pytest.mark.parametrize("script", ["chunks=5,error-after=2,error=overloaded",
                                    "chunks=5,no-finish,no-done", "chunks=100,rst=8000"])
def test_a_stream_that_breaks_ends_in_one_typed_error(pair, script):
    stream = pair.stream(script)
    assert b"w2" in stream.body
    assert broken_by(pair, stream) in (
        {"api_error", "overloaded_error"} if pair.name == "messages"
        else {"upstream_error", "upstream_truncated"})


@pytest.mark.parametrize("kind, status", [("invalid", 400), ("server", 502), ("overloaded", 503)])
def test_a_refusal_is_in_the_callers_shape(pair, kind, status):
    for answer in (pair.whole(f"error={kind}"), pair.stream(f"error={kind}")):
        assert answer.status == status or (kind == "overloaded" and answer.status in (502, 529))
        error = json.loads(bytes(answer.body))["error"]
        assert error["message"] and error["type"]
