"""The retrieval tool in streams and in every API: the caller sees one answer, and nothing of it."""
import json
import re
import signal
import threading

import pytest

from scripted_model import OURS, Model, own_id, spell
from spellings import Anthropic, OpenAI, Responses, sse
from suite import Simulator, Stream, Suite, request, wait_until

CALLERS = {"chat": OpenAI, "messages": Anthropic, "responses": Responses}
PAIRS = [(api, dialect) for api in CALLERS for dialect in ("openai", "anthropic")]
OWN_API = {"chat": "openai", "messages": "anthropic", "responses": "openai"}
OUTPUT = "text of a file. " * 180


def spoken_to(api, dialect):
    """In which API the provider is asked."""
    if dialect == "anthropic":
        return "messages"
    return "responses" if api == "responses" else "chat"


def conversation(api, n=8):
    """Eight steps of an agent: more than the model takes."""
    said = []
    for i in range(n):
        question = f"step {i} " + "words and more words " * 5
        arguments, output, done = {"n": i}, f"file {i}: {OUTPUT}", f"done {i}"
        if api == "messages":
            said += [{"role": "user", "content": question},
                     {"role": "assistant", "content": [
                         {"type": "tool_use", "id": f"t{i}", "name": "read", "input": arguments}]},
                     {"role": "user", "content": [
                         {"type": "tool_result", "tool_use_id": f"t{i}", "content": output}]},
                     {"role": "assistant", "content": done}]
        elif api == "chat":
            said += [{"role": "user", "content": question},
                     {"role": "assistant", "content": None, "tool_calls": [
                         {"id": f"t{i}", "type": "function", "function": {
                             "name": "read", "arguments": json.dumps(arguments)}}]},
                     {"role": "tool", "tool_call_id": f"t{i}", "content": output},
                     {"role": "assistant", "content": done}]
        else:
            said += [{"role": "user", "content": question},
                     {"type": "function_call", "call_id": f"t{i}", "name": "read",
                      "arguments": json.dumps(arguments)},
                     {"type": "function_call_output", "call_id": f"t{i}", "output": output},
                     {"type": "message", "role": "assistant", "content": done}]
    return [*said, {"role": "user", "content": "go on"}]


def tool(api, name="read"):
    if api == "messages":
        return {"name": name, "input_schema": {"type": "object"}}
    if api == "chat":
        return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    return {"type": "function", "name": name, "parameters": {"type": "object"}}


def body_of(api, model, **fields):
    body = {"model": model, "tools": [tool(api)], **fields}
    body["input" if api == "responses" else "messages"] = conversation(api)
    if api != "responses":
        body["max_tokens"] = 200
    if api == "chat" and body.get("stream"):
        body["stream_options"] = {"include_usage": True}
    return body


def key_in(body):
    said = json.dumps(body["input" if "input" in body else "messages"])
    return re.findall(r"key=([0-9a-f]{16})", said)[0]


def names_in(body):
    return [t.get("name") or t["function"]["name"] for t in body.get("tools", [])]


def configure(model, deadline="5s", **providers):
    """Providers by name: their dialects; a model of each dialect has all of them."""
    return {
        "providers": [{"name": name, "dialect": dialect, "base_url": f"{model.url}/v1",
                       "backend": "local", "retry": {"max": 1, "backoff": "10ms"},
                       "probe": {"interval": "1h"}, "breaker": {"failures": 1000}}
                      for name, dialect in providers.items()],
        "models": [{"name": dialect, "context_window": 3000, "targets": [
            {"provider": name, "model": "m"} for name, d in providers.items() if d == dialect]}
            for dialect in sorted(set(providers.values()))],
        "prices": {"overrides": [{"provider": name, "model": "m", "input": 1000.0, "output": 0.0}
                                 for name in providers]},
        "context": {"mode": "mask", "deadline": deadline, "retrieval_tool": True}}


@pytest.fixture(scope="module")
def one_model():
    one = Model()
    yield one
    one.server.shutdown()


@pytest.fixture
def model(one_model):
    one_model.reset()
    return one_model


@pytest.fixture(scope="module")
def gateway(one_model):
    suite = Suite(one_model, configure(one_model, openai="openai", anthropic="anthropic")).start()
    yield suite
    suite.stop()


@pytest.fixture
def start(start_suite, model):
    return lambda deadline="5s", **providers: start_suite(
        model, config=configure(model, deadline, **(providers or {"openai": "openai"})))


def open_stream(suite, api, dialect=None, headers=None, **fields):
    body = body_of(api, dialect or OWN_API[api], stream=True, **fields)
    return Stream(suite.port, body, {**(headers or suite.headers()), "x-llm-session": api},
                  CALLERS[api].path("", True))


def streamed(*args, **fields):
    stream = open_stream(*args, **fields)
    stream.read_all()
    return stream


def ask(suite, api, dialect=None, **fields):
    return request(suite.url + CALLERS[api].path("", False), "POST",
                   json.dumps(body_of(api, dialect or OWN_API[api], **fields)).encode(),
                   {**suite.headers(), "x-llm-session": api})


def says(model, api, dialect, *answers):
    """One answer after another, each as it is spelled from the body it answers; the last again."""
    def answer(body):
        said = answers[min(len(model.asked), len(answers)) - 1]
        return said(body) if callable(said) else spell(spoken_to(api, dialect), **said)
    model.answer = answer


def wants(api, dialect, text=None, also=(), thought=None):
    return lambda body: spell(spoken_to(api, dialect), text,
                              [(OURS, {"key": key_in(body)}), *also], thought)


def check_one(api, stream):
    """Each thing that begins or ends an answer came once."""
    assert stream.status == 200 and stream.has_ended_well, stream.received
    raw = bytes(stream.body).decode()
    assert OURS not in raw
    once = {"chat": ['"role":"assistant"', "data: [DONE]", '"usage"'],
            "messages": ["event: message_start", "event: message_delta", "event: message_stop"],
            "responses": ["event: response.created", "event: response.completed"]}[api]
    assert [raw.count(part) for part in once] == [1] * len(once), raw
    if api == "chat":
        chunks = [json.loads(data) for _, data in sse(stream)[:-1]]
        assert len({(c["id"], c["object"], c["model"]) for c in chunks}) == 1
        assert sum(c["finish_reason"] is not None for e in chunks for c in e["choices"]) == 1
    return CALLERS[api].streamed(stream)


def row_of(suite, answer):
    """… and its attempts."""
    found = []

    def settled():
        found[:] = suite.ledger("SELECT * FROM requests WHERE status <> 'pending' AND request_id = "
                                f"'{answer.headers['x-request-id']}'")
        return found
    wait_until(settled, "a row")
    return found[0], suite.ledger(
        f"SELECT * FROM attempts WHERE id = {found[0]['id']} ORDER BY attempt")


def check_books(suite, answer, rounds):
    row, attempts = row_of(suite, answer)
    assert (row["status"], row["attempts"]) == ("success", rounds)
    assert (row["tokens_in"], row["tokens_out"]) == (100 * rounds, 10 * rounds)
    assert [a["outcome"] for a in attempts] == ["ok"] * rounds
    assert row["cost_nano"] == sum(a["cost_nano"] for a in attempts) > 0


@pytest.mark.parametrize("api, dialect", PAIRS)
def test_a_stream_goes_on_with_what_was_left_out(gateway, model, api, dialect):
    says(model, api, dialect, wants(api, dialect, "a moment"), {"text": "found it"})
    stream = streamed(gateway, api, dialect)
    got = check_one(api, stream)
    assert (got["text"], got["calls"], got["usage"]) == ("a moment\n\nfound it", [], (200, 0, 20))
    assert got["finish"] == CALLERS[api].finishes["stop"]
    first, second = model.asked
    assert names_in(first) == names_in(second) == ["read", OURS]
    assert json.dumps(second).count(OUTPUT[:16]) > json.dumps(first).count(OUTPUT[:16])
    check_books(gateway, stream, 2)
    assert gateway.metrics().value("llm_retries_total") == 0  # a round is none


@pytest.mark.parametrize("api, dialect", [("responses", "openai"), ("responses", "anthropic")])
def test_whole_answers_of_the_responses_api_do_too(gateway, model, api, dialect):
    says(model, api, dialect, wants(api, dialect, "a moment", thought="hm"), {"text": "found it"})
    answer = ask(gateway, api, dialect)
    assert answer.status == 200, answer.body
    assert OURS not in answer.body.decode() and names_in(answer.json) == ["read"]
    got = Responses.whole(answer.json)
    assert (got["text"], got["usage"]) == ("found it", (200, 0, 20))
    if dialect == "openai":
        n = len(model.asked[0]["input"])
        assert model.asked[1]["input"][:n] == model.asked[0]["input"]
        assert [i.get("type") for i in model.asked[1]["input"][n:]] == [
            "reasoning", "message", "function_call", "function_call_output"]
        assert OUTPUT[:16] in model.asked[1]["input"][-1]["output"]
    check_books(gateway, answer, 2)


@pytest.mark.parametrize("api", CALLERS)
def test_the_usage_of_a_whole_answer_is_that_of_all_rounds(gateway, model, api):
    dialect = OWN_API[api]
    says(model, api, dialect, wants(api, dialect), wants(api, dialect), {"text": "at last"})
    got = CALLERS[api].whole(ask(gateway, api).json)
    assert (got["text"], got["usage"]) == ("at last", (300, 0, 30))


@pytest.mark.parametrize("api", CALLERS)
def test_two_rounds_that_say_nothing_leave_no_trace(gateway, model, api):
    dialect = OWN_API[api]
    says(model, api, dialect, wants(api, dialect), wants(api, dialect), {"text": "at last"})
    stream = streamed(gateway, api)
    got = check_one(api, stream)
    assert (got["text"], got["usage"]) == ("at last", (300, 0, 30))
    check_books(gateway, stream, 3)


@pytest.mark.parametrize("api, dialect", [("chat", "anthropic"), ("messages", "anthropic"),
                                          ("responses", "openai")])
def test_thoughts_are_shown_and_go_back_with_their_proof(gateway, model, api, dialect):
    says(model, api, dialect, wants(api, dialect, thought="let me see"),
         {"text": "found it", "thought": "so that is it"})
    stream = streamed(gateway, api, dialect, **({"store": False} if api == "responses" else {}))
    got = check_one(api, stream)
    assert "let me see" in got["thinking"] and "so that is it" in got["thinking"]
    again = json.dumps(model.asked[1])
    assert "let me see" in again and '"proof"' in again
    if api == "responses":
        items = [i for i in json.loads(sse(stream)[-1][1])["response"]["output"]
                 if i["type"] == "reasoning"]
        assert [(i["id"], i["encrypted_content"]) for i in items] == [
            (own_id("let me see"), "proof"), (own_id("so that is it"), "proof")]


@pytest.mark.parametrize("api", CALLERS)
def test_a_model_that_never_has_enough_is_stopped(gateway, model, api):
    dialect = OWN_API[api]
    says(model, api, dialect, wants(api, dialect, "more"))
    stream = streamed(gateway, api)
    got = check_one(api, stream)
    assert (got["text"], got["calls"]) == ("\n\n".join(["more"] * 5), [])
    assert got["finish"] == CALLERS[api].finishes["stop"] and got["usage"] == (500, 0, 50)
    check_books(gateway, stream, 5)


@pytest.mark.parametrize("api, dialect", PAIRS)
def test_the_caller_s_own_tools_come_first(gateway, model, api, dialect):
    says(model, api, dialect, wants(api, dialect, "so", also=[("read", {"n": 1}), ("read", {})]))
    got = check_one(api, streamed(gateway, api, dialect))
    assert (got["text"], got["calls"]) == ("so", [("read", {"n": 1}), ("read", {})])
    assert got["finish"] == CALLERS[api].finishes["tools"] and len(model.asked) == 1


@pytest.mark.parametrize("api", CALLERS)
def test_a_round_may_end_in_a_call_of_the_caller_s_tool(gateway, model, api):
    dialect = OWN_API[api]
    says(model, api, dialect, wants(api, dialect, "so"), {"calls": [("read", {"n": 1})]})
    stream = streamed(gateway, api)
    got = check_one(api, stream)
    assert (got["text"], got["calls"]) == ("so", [("read", {"n": 1})])
    assert got["finish"] == CALLERS[api].finishes["tools"]
    check_books(gateway, stream, 2)


@pytest.mark.parametrize("api", CALLERS)
def test_text_flows_before_the_call_is_known(gateway, model, api):
    dialect = OWN_API[api]
    seen = threading.Event()

    def pause(data):
        assert OURS not in data or '"tools"' in data or seen.wait(20)
    model.pause = pause
    says(model, api, dialect, wants(api, dialect, "a moment"), {"text": "found it"})
    stream = open_stream(gateway, api)
    stream.read_until("mome")
    seen.set()
    stream.read_all()
    assert check_one(api, stream)["text"] == "a moment\n\nfound it"


def test_a_call_that_was_cut_short_is_none(gateway, model):
    says(model, "chat", "openai", lambda body: {
        **wants("chat", "openai", "so")(body), "finish": "length"})
    for got in (check_one("chat", streamed(gateway, "chat")),
                OpenAI.whole(ask(gateway, "chat").json)):
        assert (got["text"], got["calls"], got["finish"]) == ("so", [], "length")
    assert len(model.asked) == 2


def test_it_is_offered_in_streams_only_where_nothing_is_lost(gateway, model):
    def offered(**fields):
        at = len(model.asked)
        stream = streamed(gateway, "chat", **fields)
        assert stream.status == 200 and stream.has_ended_well
        return OURS in names_in(model.asked[at])
    assert offered()
    assert not offered(web_search_options={})  # its citations have no place in another API
    assert not offered(tool_choice="required") and not offered(n=2)


def test_context_service_dead_between_two_rounds_is_told_to_the_model(start, model):
    suite = start(deadline="1s")

    def answer(body):
        if len(model.asked) == 3:
            return spell("chat", "so be it")
        if len(model.asked) == 2:
            suite["context-service"].kill()
        return spell("chat", "more", [(OURS, {"key": key_in(body)})])
    model.answer = answer
    assert check_one("chat", streamed(suite, "chat"))["text"] == "more\n\nmore\n\nso be it"
    results = [m["content"] for m in model.asked[2]["messages"] if m["role"] == "tool"][-2:]
    assert OUTPUT[:16] in results[0] and results[1] == "It cannot be had at the moment."


# ---- providers of every other API ----

OTHERS = {"gemini": "/v1beta", "bedrock": "", "ollama": ""}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    sim = Simulator(tmp_path_factory.mktemp("upstream")).start()
    yield sim
    sim.stop()


@pytest.fixture(scope="module")
def others(upstream):
    """Providers whose model calls whatever tool it is offered."""
    config = configure(upstream, **{d: d for d in OTHERS})
    for provider in config["providers"]:
        provider.update(base_url=upstream.url + OTHERS[provider["name"]],
                        api_key={"env": "TEST_KEY"}, region="eu-central-1")
        if provider["name"] != "bedrock":
            del provider["region"]
    suite = Suite(upstream, config, env={"TEST_KEY": "AKID:secret"}).start()
    yield suite
    suite.stop()


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize("api", CALLERS)
def test_any_provider_is_served_likewise(others, upstream, api, dialect):
    upstream.script("tools=1,think=2")
    stream = streamed(others, api, dialect, tools=[])
    got = check_one(api, stream)
    assert (got["text"], got["calls"]) == ("", []) and got["thinking"]
    row, attempts = row_of(others, stream)
    assert [a["outcome"] for a in attempts] == ["ok"] * 5
    assert row["tokens_in"] == sum(a["tokens_in"] for a in attempts) == got["usage"][0]
    assert row["tokens_out"] == sum(a["tokens_out"] for a in attempts) == got["usage"][2]


# ---- trouble ----

def broken_off(stream):
    stream.read_all()
    assert not stream.has_ended_well
    return json.loads(sse(stream)[-1][1])["error"]["code"]


def check_retried(suite, model):
    says(model, "chat", "openai", wants("chat", "openai", "a moment"),
         lambda body: {"status": 500, "error": {"message": "oh"}}, {"text": "found it"})
    stream = streamed(suite, "chat")
    assert check_one("chat", stream)["text"] == "a moment\n\nfound it"
    row, attempts = row_of(suite, stream)
    assert (row["status"], row["attempts"], row["tokens_in"]) == ("success", 3, 200)
    assert [a["outcome"] for a in attempts] == ["ok", "http_5xx", "ok"]


def test_a_round_that_fails_before_it_says_anything_is_tried_again(gateway, model):
    check_retried(gateway, model)


def test_a_round_that_fails_is_tried_elsewhere(start, model):
    suite = start(one="openai", two="openai")
    check_retried(suite, model)
    suite.shows("llm_fallbacks_total", 1)


def test_large_conversations_are_put_into_words_beside_the_loop(gateway, model):
    says(model, "chat", "openai", wants("chat", "openai", "a moment"), {"text": "found it"})
    body = {**body_of("chat", "openai", stream=True), "messages": conversation("chat", 60)}
    assert len(json.dumps(body)) > 160 << 10
    stream = Stream(gateway.port, body, {**gateway.headers(), "x-llm-session": "large"})
    stream.read_all()
    assert check_one("chat", stream)["text"] == "a moment\n\nfound it"


@pytest.mark.parametrize("status", [400, 500])
def test_a_stream_whose_next_round_cannot_be_had_ends_with_an_error(gateway, model, status):
    says(model, "chat", "openai", wants("chat", "openai", "a moment"),
         lambda body: {"status": status, "error": {"message": "oh"}})
    stream = open_stream(gateway, "chat")
    assert broken_off(stream) == "upstream_error"
    row, _ = row_of(gateway, stream)
    assert (row["status"], row["tokens_in"]) == ("truncated", 100) and row["ttft_us"] is not None


def test_a_round_that_breaks_off_ends_the_stream_with_an_error(gateway, model):
    def pause(data):
        if len(model.asked) == 2 and "found" in data:
            raise OSError
    model.pause = pause
    says(model, "chat", "openai", wants("chat", "openai", "a moment"), {"text": "it was found"})
    stream = open_stream(gateway, "chat")
    assert broken_off(stream) == "upstream_truncated"
    row, attempts = row_of(gateway, stream)
    assert row["status"] == "truncated"
    assert [a["outcome"] for a in attempts] == ["ok", "truncated"]


def test_rounds_that_no_budget_covers_end_with_that_word(gateway, model):
    says(model, "chat", "openai", wants("chat", "openai", "a moment"), {"text": "found it"})
    rich = gateway.create_key("rich", "--budget", "1000")["key"]
    stream = streamed(gateway, "chat", headers={"Authorization": f"Bearer {rich}"})
    row, _ = row_of(gateway, stream)
    assert row["status"] == "success"
    enough = row["reserved_nano"] / 1e9 + 0.05  # for one answer, and half of what one costs
    poor = gateway.create_key("poor", "--budget", f"{enough:.3f}")["key"]
    model.asked.clear()
    stream = open_stream(gateway, "chat", headers={"Authorization": f"Bearer {poor}"})
    assert broken_off(stream) == "budget_exceeded"
    row, attempts = row_of(gateway, stream)
    assert (row["status"], len(attempts), row["error"]) == ("truncated", 1, "budget_exceeded")


def check_all_free(suite):
    wait_until(lambda: not suite.ledger("SELECT id FROM requests WHERE status = 'pending'"),
               "settled")
    suite.shows("worker_pool_active_workers", 0)
    suite.shows("worker_pool_queue_depth", 0)
    wait_until(lambda: suite.metrics().value("http_requests_in_flight") == 1, "only this request")


@pytest.mark.parametrize("phase", ["call", "resolving", "next", "next-text"])
def test_a_client_that_leaves_releases_everything(start, model, phase):
    suite = start(deadline="20s")
    reached, closed = threading.Event(), threading.Event()

    def pause(data):
        n = len(model.asked)
        if (phase == "call" and n == 1 and "arguments" in data
                or phase == "next" and n == 2
                or phase == "next-text" and n == 2 and "nd it" in data):
            reached.set()
            closed.wait(20)
    model.pause = pause

    def first(body):
        if phase == "resolving":
            suite["context-service"].signal(signal.SIGSTOP)
            reached.set()
        return wants("chat", "openai", "a moment")(body)
    says(model, "chat", "openai", first, {"text": "now it was found it"})
    stream = open_stream(suite, "chat")
    stream.read_until("mome")
    if phase == "next-text":
        stream.read_until("now it")
    assert reached.wait(20)
    if phase == "resolving":
        wait_until(lambda: suite.metrics().value("worker_pool_active_workers") == 0, "the round")
    stream.close()
    wait_until(lambda: suite.ledger("SELECT id FROM requests WHERE status = 'cancelled'"), "a row")
    closed.set()
    row = suite.ledger()[0]
    assert (row["error"], row["attempts"]) == ("client_closed_request",
                                               2 if phase.startswith("next") else 1)
    outcomes = [a["outcome"] for a in suite.ledger("SELECT outcome FROM attempts ORDER BY attempt")]
    assert outcomes == {"call": ["cancelled"], "resolving": ["ok"]}.get(phase, ["ok", "cancelled"])
    if phase == "resolving":
        suite["context-service"].signal(signal.SIGCONT)
    check_all_free(suite)
