"""Completions, responses and embeddings: as they are to providers that speak them, translated to
others; one row in the books each, with the provider's own counts."""
import json

import pytest

from raw_upstream import SSE_HEAD, RawUpstream
from suite import Stream, Suite, request

COMPLETIONS, RESPONSES, EMBEDDINGS = "/v1/completions", "/v1/responses", "/v1/embeddings"
TOOL = {"type": "function", "name": "weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}}}


def start(start_suite, simulator, script="", **config):
    """`native` speaks OpenAI's APIs, `foreign` Anthropic's."""
    model = f"sim:{script}" if script else "m"
    return start_suite(simulator, services=["llm-proxy"], config={
        "providers": [Suite.provider(simulator, "openai"),
                      Suite.provider(simulator, "anthropic", dialect="anthropic")],
        "models": [{"name": "native", "targets": [{"provider": "openai", "model": model}]},
                   {"name": "foreign", "targets": [{"provider": "anthropic", "model": model}]}],
        **config})


def post(suite, path, **body):
    return request(suite.url + path, "POST", json.dumps(body).encode(), suite.headers())


def stream(suite, path, **body):
    s = Stream(suite.port, {"stream": True, **body}, suite.headers(), path)
    s.read_all()
    return s


def only_row(suite, **expected):
    rows = suite.wait_ledger(1)
    assert len(rows) == 1
    assert {k: rows[0][k] for k in expected} == expected
    return rows[0]


def named_events(s):
    """(name, object) of each event."""
    found = []
    for block in s.body.decode().split("\n\n")[:-1]:
        lines = [line.split(": ", 1) for line in block.split("\n") if not line.startswith(":")]
        data = json.loads("".join(v for k, v in lines if k == "data"))
        found.append((next(v for k, v in lines if k == "event"), data))
    return found


# ---- completions

def test_a_completion_goes_as_it_is_to_a_provider_that_speaks_it(start_suite, simulator):
    suite = start(start_suite, simulator)
    body = '{ "prompt":["a", "b"], "model" : "native", "echo":true, "x":1.50 }'
    answer = request(suite.url + COMPLETIONS, "POST", body.encode(), suite.headers())
    assert answer.status == 200 and answer.json["object"] == "text_completion"
    record = simulator.records()[-1]
    assert record["path"].endswith("/v1/completions")
    assert record["body"] == body.replace("native", "m")
    usage = answer.json["usage"]
    only_row(suite, api="completions", status="success", usage_source="upstream",
             tokens_in=usage["prompt_tokens"], tokens_out=usage["completion_tokens"])


@pytest.mark.parametrize("model", ["native", "foreign"])
def test_a_stream_of_completions_ends_with_usage_and_its_mark(start_suite, simulator, model):
    suite = start(start_suite, simulator, "chunks=5")
    s = stream(suite, COMPLETIONS, model=model, prompt="one two",
               stream_options={"include_usage": True})
    events = s.events()
    assert events[-1] == "[DONE]" and s.has_ended_well
    chunks = [json.loads(e) for e in events[:-1]]
    assert all(c["object"] == "text_completion" for c in chunks)
    assert "".join(c["choices"][0]["text"] for c in chunks if c["choices"])
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "stop"
    assert chunks[-1]["choices"] == []
    usage = chunks[-1]["usage"]
    only_row(suite, status="success", usage_source="upstream", stream=1,
             tokens_in=usage["prompt_tokens"], tokens_out=usage["completion_tokens"])


def test_a_prompt_becomes_a_message_to_another_provider(start_suite, simulator):
    suite = start(start_suite, simulator)
    answer = post(suite, COMPLETIONS, model="foreign", prompt="one two", max_tokens=50)
    assert answer.status == 200, answer.body
    assert answer.json["choices"][0]["text"] and answer.json["choices"][0]["logprobs"] is None
    sent = json.loads(simulator.records()[-1]["body"])
    assert sent["messages"][0]["role"] == "user" and sent["max_tokens"] == 50
    for field, value in {"echo": True, "suffix": "x", "best_of": 2, "logprobs": 1}.items():
        refused = post(suite, COMPLETIONS, model="foreign", prompt="x", **{field: value})
        assert (refused.status, refused.json["error"]["param"]) == (400, field)


# ---- responses

@pytest.mark.parametrize("field, value", [("previous_response_id", "resp_1"),
                                          ("conversation", {"id": "conv_1"}),
                                          ("background", True)])
@pytest.mark.parametrize("model", ["native", "foreign"])
def test_what_needs_a_store_is_refused(start_suite, simulator, model, field, value):
    suite = start(start_suite, simulator)
    answer = post(suite, RESPONSES, model=model, input="x", **{field: value})
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.json["error"]["param"] == field and "stored" in answer.json["error"]["message"]
    assert simulator.records() == []


def test_a_response_goes_as_it_is_to_a_provider_that_speaks_it(start_suite, simulator):
    suite = start(start_suite, simulator)
    body = '{ "input":"one", "model" : "native", "tools":[{"type":"web_search"}], "x":1.50 }'
    answer = request(suite.url + RESPONSES, "POST", body.encode(), suite.headers())
    assert answer.status == 200 and answer.json["object"] == "response"
    record = simulator.records()[-1]
    assert record["path"].endswith("/v1/responses")
    assert record["body"] == body.replace("native", "m")
    usage = answer.json["usage"]
    only_row(suite, api="responses", status="success", usage_source="upstream",
             tokens_in=usage["input_tokens"], tokens_out=usage["output_tokens"])


def test_a_native_stream_of_events_is_the_providers_own(start_suite, simulator):
    suite = start(start_suite, simulator, "chunks=3")
    s = stream(suite, RESPONSES, model="native", input="one two")
    direct = Stream(simulator.port, {"stream": True, "model": "sim:chunks=3", "input": "one two"},
                    path=RESPONSES)
    direct.read_all()
    assert s.has_ended_well
    assert [name for name, _ in named_events(s)] == [name for name, _ in named_events(direct)]
    usage = named_events(s)[-1][1]["response"]["usage"]
    only_row(suite, api="responses", status="success", usage_source="upstream",
             tokens_in=usage["input_tokens"], tokens_out=usage["output_tokens"])


def follow(s):
    """A client that believes nothing: every event fits the one before; the last response."""
    texts, response = {}, None
    for i, (name, event) in enumerate(named_events(s)):
        assert event["type"] == name and event["sequence_number"] == i
        if name == "response.output_item.added":
            assert event["output_index"] == len(texts)
            texts[event["output_index"]] = ""
        elif name.endswith(".delta"):
            texts[event["output_index"]] += event["delta"]
        elif name.endswith((".text.done", "_text.done")):
            assert event["text"] == texts[event["output_index"]]
        elif name.endswith("arguments.done"):
            assert event["arguments"] == texts[event["output_index"]]
        response = event.get("response", response)
    return texts, response


def test_a_translated_stream_says_every_step(start_suite, simulator):
    suite = start(start_suite, simulator, "chunks=4,think=2,tools=2")
    s = stream(suite, RESPONSES, model="foreign", input="one two", tools=[TOOL],
               reasoning={"effort": "low"})
    assert s.has_ended_well, s.body
    names = [name for name, _ in named_events(s)]
    assert names[:2] == ["response.created", "response.in_progress"]
    assert names[-1] == "response.completed"
    texts, response = follow(s)
    kinds = [item["type"] for item in response["output"]]
    assert kinds[0] == "reasoning" and kinds.count("function_call") == 2, kinds
    for i, item in enumerate(response["output"]):
        if item["type"] == "function_call":
            assert item["arguments"] == texts[i] and json.loads(item["arguments"]) is not None
    usage = response["usage"]
    only_row(suite, api="responses", status="success", usage_source="upstream", stream=1,
             tokens_in=usage["input_tokens"], tokens_out=usage["output_tokens"])


def test_what_comes_back_from_a_tool_reaches_the_provider_with_its_signature(start_suite,
                                                                              simulator):
    suite = start(start_suite, simulator, "think=1,tools=1")
    first = post(suite, RESPONSES, model="foreign", input="one", tools=[TOOL],
                 reasoning={"effort": "low"})
    assert first.status == 200, first.body
    items = first.json["output"]
    proof = next(i["encrypted_content"] for i in items if i["type"] == "reasoning")
    call = next(i for i in items if i["type"] == "function_call")
    second = post(suite, RESPONSES, model="foreign", tools=[TOOL], reasoning={"effort": "low"},
                  input=[{"role": "user", "content": "one"}, *items,
                         {"type": "function_call_output", "call_id": call["call_id"],
                          "output": "42"}])
    assert second.status == 200, second.body
    sent = json.loads(simulator.records()[-1]["body"])
    blocks = sent["messages"][1]["content"]
    thinking = next(b for b in blocks if b["type"] == "thinking")
    assert "thinking:" + thinking["signature"] == proof
    assert next(b for b in blocks if b["type"] == "tool_use")["id"] == call["call_id"]
    assert sent["messages"][2]["content"][0]["tool_use_id"] == call["call_id"]


def test_a_response_that_ran_out_of_tokens_is_incomplete(start_suite, simulator):
    suite = start(start_suite, simulator, "finish=length")
    for model in ("native", "foreign"):
        answer = post(suite, RESPONSES, model=model, input="one")
        assert answer.json["status"] == "incomplete"
        assert answer.json["incomplete_details"] == {"reason": "max_output_tokens"}
        s = stream(suite, RESPONSES, model=model, input="one")
        assert named_events(s)[-1][0] == "response.incomplete" and s.has_ended_well


def test_what_another_provider_cannot_do_is_refused_by_name(start_suite, simulator):
    suite = start(start_suite, simulator)
    for field, value, param in [("tools", [{"type": "web_search"}], "tools[0].type"),
                                ("truncation", "auto", "truncation"),
                                ("input", [{"type": "item_reference", "id": "m"}], "input[0].type"),
                                ("prompt", {"id": "p"}, "prompt")]:
        answer = post(suite, RESPONSES, **{"model": "foreign", "input": "x", field: value})
        assert (answer.status, answer.json["error"]["param"]) == (400, param)
    assert simulator.records() == []


# ---- what goes wrong, in each API

@pytest.mark.parametrize("model", ["native", "foreign"])
@pytest.mark.parametrize("path, body", [(COMPLETIONS, {"prompt": "one two"}),
                                        (RESPONSES, {"input": "one two"})])
def test_a_cut_stream_ends_with_one_error_and_is_truncated_in_the_books(start_suite, simulator,
                                                                        path, body, model):
    suite = start(start_suite, simulator, "chunks=60,fin=2500")
    s = stream(suite, path, model=model, **body)
    assert not s.has_ended_well
    assert s.body.decode().count('"code":"upstream_truncated"') == 1
    assert s.body.decode().count('"error":{') == 1
    for mark in ("[DONE]", "response.completed", '"finish_reason":"stop"'):
        assert mark not in s.body.decode()
    if path == RESPONSES:
        assert "\nevent: error\n" in s.body.decode()
    row = only_row(suite, status="truncated", stream=1)
    assert row["tokens_in"] > 0 and row["tokens_out"] > 0


@pytest.mark.parametrize("model", ["native", "foreign"])
@pytest.mark.parametrize("path, body", [(COMPLETIONS, {"prompt": "one two"}),
                                        (RESPONSES, {"input": "one two"})])
def test_a_client_that_leaves_ends_the_providers_work_and_is_billed(start_suite, simulator, path,
                                                                    body, model):
    suite = start(start_suite, simulator, "chunks=50,size=200,interval=50ms")
    s = Stream(suite.port, {"stream": True, "model": model, **body}, suite.headers(), path)
    s.read_until('"delta"' if path == RESPONSES else '"text"')
    s.read_until("\n\n")
    left = s.close()
    closed = simulator.wait_closed(simulator.records()[-1]["number"])
    assert closed["closed_us"] - left < 200_000
    row = only_row(suite, status="cancelled", usage_source="local")
    assert row["tokens_in"] > 0


@pytest.mark.parametrize("model", ["native", "foreign"])
@pytest.mark.parametrize("path, body", [(COMPLETIONS, {"prompt": "one"}),
                                        (RESPONSES, {"input": "one"})])
def test_a_providers_refusal_of_the_request_comes_in_the_callers_words(start_suite, simulator,
                                                                       path, body, model):
    suite = start(start_suite, simulator, "status=400,error=invalid")
    answer = post(suite, path, model=model, **body)
    assert answer.status == 400 and answer.json["error"]["message"]
    only_row(suite, status="error", http_status=400)


@pytest.mark.parametrize("path, body", [(COMPLETIONS, {"prompt": "one"}),
                                        (RESPONSES, {"input": "one"}),
                                        (EMBEDDINGS, {"input": "one"})])
def test_another_target_is_tried_whatever_the_api(start_suite, simulator, path, body):
    suite = start_suite(simulator, services=["llm-proxy"], config={
        "models": [{"name": "m", "targets": [{"provider": "sim", "model": "sim:status=500"},
                                             {"provider": "sim", "model": "good"}]}]})
    answer = post(suite, path, model="m", **body)
    assert answer.status == 200 and answer.headers["x-llm-attempts"] == "2"
    only_row(suite, status="success", attempts=2)


def test_a_response_that_failed_in_its_stream_is_an_error(start_suite):
    def answer(connection, _):
        event = (b'event: response.failed\ndata: {"type":"response.failed","response":{"status":'
                 b'"failed","error":{"code":"server_error","message":"m"}}}\n\n')
        connection.sendall(SSE_HEAD + b"%x\r\n%s\r\n0\r\n\r\n" % (len(event), event))
        return True
    upstream = RawUpstream(answer)
    suite = start_suite(upstream, services=["llm-proxy"])
    s = Stream(suite.port, {"stream": True, "model": "small", "input": "x"}, suite.headers(),
               RESPONSES)
    s.read_all()
    assert s.status == 502 and json.loads(s.body)["error"]["code"] == "upstream_error"
    upstream.close()


# ---- embeddings

def test_embeddings_go_as_they_are_to_a_provider_that_speaks_them(start_suite, simulator):
    suite = start(start_suite, simulator)
    body = '{"input":["a b c d","e"], "encoding_format":"base64", "model":"native","dimensions":4}'
    answer = request(suite.url + EMBEDDINGS, "POST", body.encode(), suite.headers())
    assert answer.status == 200 and len(answer.json["data"]) == 2
    assert simulator.records()[-1]["body"] == body.replace("native", "m")
    only_row(suite, api="embeddings", status="success", usage_source="upstream", tokens_out=0,
             tokens_in=answer.json["usage"]["prompt_tokens"])
    assert answer.headers["x-llm-provider"] == "openai"


def test_a_provider_without_embeddings_is_said_to_have_none(start_suite, simulator):
    suite = start(start_suite, simulator)
    answer = post(suite, EMBEDDINGS, model="foreign", input="x")
    assert (answer.status, answer.json["error"]["param"]) == (400, "model")
    assert "has no embeddings" in answer.json["error"]["message"]
    assert simulator.records() == []


def test_embeddings_count_against_the_keys_limits(start_suite, simulator):
    suite = start(start_suite, simulator)
    key = suite.create_key("slow", "--rpm", "1")["key"]
    for wanted in (200, 429):
        answer = request(suite.url + EMBEDDINGS, "POST",
                         b'{"model":"native","input":"x"}', {"Authorization": f"Bearer {key}"})
        assert answer.status == wanted


# ---- relatives of the OpenAI API

def start_relative(start_suite, simulator, variant, url="/v1", **more):
    provider = {**Suite.provider(simulator, "rel", variant=variant, **more),
                "base_url": simulator.url + url}
    return start_suite(simulator, services=["llm-proxy"], env={"REL_KEY": "secret"}, config={
        "providers": [provider],
        "models": [{"name": "m", "targets": [{"provider": "rel", "model": "gpt 5"}]}]})


def test_a_relative_without_responses_is_asked_for_a_chat(start_suite, simulator):
    suite = start_relative(start_suite, simulator, "mistral")
    s = stream(suite, RESPONSES, model="m", input="one two", max_output_tokens=9)
    assert s.has_ended_well and named_events(s)[-1][0] == "response.completed"
    record = simulator.records()[-1]
    assert record["path"] == "/v1/chat/completions"
    sent = json.loads(record["body"])
    assert sent["max_tokens"] == 9 and "stream_options" not in sent
    follow(s)
    only_row(suite, api="responses", status="success")


def test_a_relative_without_embeddings_is_said_to_have_none(start_suite, simulator):
    suite = start_relative(start_suite, simulator, "deepseek")
    answer = post(suite, EMBEDDINGS, model="m", input="x")
    assert (answer.status, answer.json["error"]["param"]) == (400, "model")


def test_azure_has_its_own_paths_and_its_own_header(start_suite, simulator):
    suite = start_relative(start_suite, simulator, "azure", "/openai", api_version="2025-01-01",
                           api_key={"env": "REL_KEY"})
    assert suite.chat(model="m").status == 200
    assert post(suite, EMBEDDINGS, model="m", input="x").status == 200
    assert post(suite, RESPONSES, model="m", input="x").status == 200
    chat, embeddings, responses = simulator.records()
    assert chat["path"].replace("%20", " ") == "/openai/deployments/gpt 5/chat/completions"
    assert chat["query"].lstrip("?") == "api-version=2025-01-01"
    headers = dict(chat["headers"])
    assert headers["api-key"] == "secret" and "authorization" not in headers
    assert embeddings["path"].endswith("/embeddings")
    assert responses["path"].endswith("/chat/completions")  # of a later version of its API


def test_the_last_event_of_a_response_may_hold_pictures(start_suite):
    picture = "A" * (4 << 20)
    whole = json.dumps({"type": "response.completed", "response": {
        "output": [{"type": "image_generation_call", "result": picture}],
        "usage": {"input_tokens": 5, "output_tokens": 7}}})

    def answer(connection, _):
        event = f"event: response.completed\ndata: {whole}\n\n".encode()
        connection.sendall(SSE_HEAD + b"%x\r\n%s\r\n0\r\n\r\n" % (len(event), event))
    upstream = RawUpstream(answer)
    suite = start_suite(upstream, services=["llm-proxy"])
    s = stream(suite, RESPONSES, model="small", input="draw")
    assert s.has_ended_well and named_events(s)[-1][1] == json.loads(whole)
    only_row(suite, status="success", tokens_in=5, tokens_out=7)
    upstream.close()


def test_where_a_request_would_go_is_told_for_every_api(start_suite, simulator):
    suite = start(start_suite, simulator)
    for body in ({"messages": [{"role": "user", "content": "one"}]}, {"input": "one"},
                 {"prompt": "one"}):
        answer = post(suite, "/v1/route", model="native", **body)
        assert answer.status == 200, answer.body
        assert answer.json["provider"] == "openai" and answer.json["tokens"] > 0
    assert post(suite, "/v1/route", model="native").json["error"]["param"] == "messages"
    assert simulator.records() == []
