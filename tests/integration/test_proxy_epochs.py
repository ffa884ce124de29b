"""A long conversation through the proxy: what its provider sees, and what its cache would save."""
import json
import os
import signal

import pytest

from suite import SOAK, Stream, request, wait_until

BASE = {"openai": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "bedrock": "", "ollama": ""}
SCALE = 2 if SOAK else 1  # of the conversation whose cost is reckoned; the simulator keeps 64 KiB
TURNS = 120
TOOLS = [{"type": "function", "function": {"name": "read", "parameters": {
    "type": "object", "properties": {"file": {"type": "string"}}}}}]


def words(n, tag):
    return " ".join(f"{tag}{i % 97}" for i in range(n))


class Session:
    """An agent's client: it keeps everything, and sends everything."""

    def __init__(self, suite, model="small", session=None, **headers):
        self.suite, self.model = suite, model
        self.headers = suite.headers(**({"x-llm-session": session} if session else {}), **headers)
        self.messages = [{"role": "system", "content": "You are careful."}]
        self.n = 0

    def add(self, size):
        n = self.n
        self.n += 1
        self.messages += [
            {"role": "user", "content": f"step {n}: {words(size // 8, 'u')}"},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": f"call_{n}", "type": "function",
                 "function": {"name": "read", "arguments": json.dumps({"file": f"f{n}"})}}]},
            {"role": "tool", "tool_call_id": f"call_{n}",
             "content": "\n".join(f"{n}-{i} {words(6, 'w')}" for i in range(size // 12))},
            {"role": "assistant", "content": f"done {n}"}]

    def ask(self, text="go on", stream=False, **fields):
        body = {"model": self.model, "stream": stream,
                "messages": [*self.messages, {"role": "user", "content": text}], **fields}
        if stream:
            return Stream(self.suite.port, body, self.headers)
        return request(f"{self.suite.url}/v1/chat/completions", "POST", json.dumps(body).encode(),
                       self.headers)


def configure(simulator, window=4000, dialect="openai", **context):
    return {
        "proxy": {"threads": 2},
        "providers": [{"name": "sim", "dialect": dialect, "backend": "local",
                       "base_url": simulator.url + BASE[dialect]}],
        "models": [{"name": "small", "context_window": window,
                    "targets": [{"provider": "sim", "model": "sim"}]}],
        "context": {"mode": "mask", "deadline": "5s", **context}}


def sent(simulator):
    """The messages of each request, each as it was spelled."""
    return [[json.dumps(m) for m in json.loads(r["body"])["messages"]]
            for r in simulator.records()]


class ProviderCache:
    """A provider reads from its cache what a prompt has in common with the one before."""
    READ = 0.1

    def __init__(self, write):
        self.write, self.before = write, ""
        self.tokens = self.cached = 0
        self.cost = 0.0

    def send(self, spelled):
        text = "".join(spelled)
        common = len(os.path.commonprefix([self.before, text])) // 4
        tokens = len(text) // 4
        self.before = text
        self.tokens += tokens
        self.cached += common
        self.cost += common * self.READ + (tokens - common) * self.write


@pytest.mark.parametrize("mode", ["mask", "extract"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "by its beginning"])
def test_a_long_session_costs_little_more_than_half(start_suite, simulator, named, mode):
    """context.md's model: 6k of system and tools, 1.9k a turn, 50k of budget, here a tenth of it (SOAK=1: a fifth)."""
    size = 190 * SCALE
    suite = start_suite(simulator, config={
        **configure(simulator, window=5600 * SCALE, mode=mode), "proxy": {"threads": 2, "max_body": "64MiB"}})
    session = Session(suite, session="long" if named else None)
    session.messages[0]["content"] = words(690 * SCALE, "s")
    plain, condensed = ProviderCache(1.25), ProviderCache(1.25)
    openai = ProviderCache(1.0)
    for turn in range(TURNS):
        session.add(size)
        answer = session.ask(max_tokens=600 * SCALE)
        assert answer.status == 200, answer.body
        plain.send([json.dumps(m) for m in session.messages])
        found = sent_last(simulator, turn + 1)
        assert sum(map(len, found)) // 4 < 5000 * SCALE * 1.3
        condensed.send(found)
        openai.send(found)
    share = condensed.cached / condensed.tokens
    cost = condensed.cost / plain.cost
    print(f"{condensed.tokens} tokens for {plain.tokens}, {share:.1%} cached, cost {cost:.2f}")
    assert share >= 0.9
    assert cost <= 0.6 and openai.cost <= 0.6 * plain.cost
    epochs = suite.metrics("context-service").value("context_epochs_total")
    assert 2 <= epochs <= 20


def sent_last(simulator, n):
    record = simulator.wait_records(1, since=n - 1)[-1]
    return [json.dumps(m) for m in json.loads(record["body"])["messages"]]


def test_what_the_provider_saw_is_what_it_sees_again_after_a_crash(start_suite, simulator):
    suite = start_suite(simulator, config=configure(simulator))
    session = Session(suite, session="s")
    was_condensed = []

    def ask():
        answer = session.ask(max_tokens=200)
        assert answer.status == 200
        was_condensed.append(answer.headers["x-llm-context"] != "none")
        return was_condensed[-1]

    for _ in range(25):
        session.add(190)
    for _ in range(20):
        session.add(190)
        ask()
        if session.n % 5 == 0:
            suite["context-service"].kill(signal.SIGKILL)
            suite["context-service"].start_and_wait_ready()
            assert any(was_condensed)
            wait_until(ask, "context-service to be asked again")
    seen = [p for p, is_condensed in zip(sent(simulator), was_condensed) if is_condensed]
    changes = sum(after[:len(before) - 1] != before[:-1] for before, after in zip(seen, seen[1:]))
    look = request(f"http://127.0.0.1:{suite.context_port}/v1/sessions/s?tenant="
                   f"{suite.ctl_json('keys', 'list')[0]['id']}")
    assert changes == look.json["epoch"] - 1 >= 1


def test_a_conversation_below_the_window_goes_on_when_the_service_is_dead(start_suite, simulator):
    suite = start_suite(simulator, config=configure(simulator, on_failure="refuse"))
    session = Session(suite)
    while session.ask(max_tokens=200).headers["x-llm-context"] == "none":
        session.add(40)
    suite["context-service"].kill()
    answer = session.ask(max_tokens=200)
    assert answer.status == 200 and answer.headers["x-llm-context"] == "none"
    for _ in range(12):
        session.add(190)
    answer = session.ask(max_tokens=200)
    assert (answer.status, answer.code) == (503, "overloaded")


def test_a_model_and_a_request_say_for_themselves_how_they_are_condensed(start_suite, simulator):
    config = configure(simulator)
    target = config["models"][0]["targets"]
    config["models"] += [
        {"name": "never", "context_window": 4000, "targets": target, "context": {"mode": "off"}},
        {"name": "early", "context_window": 4000, "targets": target,
         "context": {"high_water": 0.4, "low_water": 0.2, "keep_last": 1}}]
    suite = start_suite(simulator, config=config)
    states = {}
    for model in ["small", "never", "early"]:
        session = Session(suite, model=model)
        for _ in range(5):
            session.add(380)
        states[model] = session.ask(max_tokens=200).headers["x-llm-context"]
    assert states["small"] == states["never"] == "none"
    before, after = states["early"].removesuffix(" tokens").split("->")
    assert int(after) <= 0.21 * 3800 < int(before)
    session.headers["x-llm-context"] = "off"
    assert session.ask(max_tokens=200).headers["x-llm-context"] == "none"
    metrics = suite.metrics("context-service")
    assert metrics.value("context_condensations_total", mode="mask", outcome="condensed") == 1


@pytest.mark.parametrize("dialect", sorted(BASE))
@pytest.mark.parametrize("stream", [False, True, "error=context,error-after=0"],
                         ids=["whole", "stream", "in the stream"])
def test_what_a_provider_finds_too_long_is_condensed_and_asked_again(start_suite, simulator,
                                                                     dialect, stream):
    env = {"AWS": "AKIAEXAMPLE:secret"} if dialect == "bedrock" else None
    config = configure(simulator, window=0, dialect=dialect)
    if dialect == "bedrock":
        config["providers"][0]["api_key"] = {"env": "AWS"}
        config["providers"][0]["region"] = "us-east-1"
    suite = start_suite(simulator, config=config, env=env)
    session = Session(suite)
    for _ in range(8):
        session.add(380)
    simulator.script(stream if isinstance(stream, str) else "error=context", "")
    answer = session.ask(stream=bool(stream), max_tokens=100, tools=TOOLS)
    if stream:
        answer.read_all()
        assert answer.text().startswith("echo: go on") and answer.has_ended_well
    assert answer.status == 200, answer.body
    assert answer.headers["x-llm-attempts"] == "2"
    before, after = answer.headers["x-llm-context"].removesuffix(" tokens").split("->")
    assert int(after) < 0.7 * int(before)
    first, second = simulator.wait_records(2)
    assert len(second["body"]) < 0.7 * len(first["body"])
    row = suite.wait_ledger(1)[0]
    assert (row["status"], row["attempts"]) == ("success", 2)
    attempts = suite.ledger("SELECT outcome, tokens_in FROM attempts ORDER BY attempt")
    assert [a["outcome"] for a in attempts] == ["http_4xx", "ok"]
    assert attempts[0]["tokens_in"] == 0 < attempts[1]["tokens_in"]


def test_a_provider_that_finds_the_condensed_too_long_as_well_has_the_last_word(start_suite,
                                                                                simulator):
    suite = start_suite(simulator, config=configure(simulator, window=0))
    session = Session(suite)
    for _ in range(8):
        session.add(380)
    simulator.script("error=context")
    answer = session.ask()
    assert (answer.status, answer.code) == (400, "context_length_exceeded")
    assert len(simulator.records()) == 2
    session.headers["x-llm-context"] = "off"
    assert session.ask().status == 400 and len(simulator.records()) == 3
    suite["context-service"].kill()
    del session.headers["x-llm-context"]
    assert session.ask().status == 400 and len(simulator.records()) == 4
