"""A long conversation in the words of /v1/responses is made to fit, too."""
import json

import pytest

from suite import request
from test_proxy_epochs import configure, words

TURNS = 12


def items(n):
    """What one step of an agent leaves behind: a question, a thought, two calls at once, an answer."""
    output = "\n".join(f"{n}-{i} {words(6, 'w')}" for i in range(40))
    return [
        {"role": "user", "content": [{"type": "input_text", "text": f"step {n}"}]},
        *({"type": "function_call", "call_id": f"call_{n}_{k}", "name": "read",
           "arguments": json.dumps({"file": f"f{k}"})} for k in "ab"),
        *({"type": "function_call_output", "call_id": f"call_{n}_{k}", "output": f"{k} {output}"}
          for k in "ab"),
        {"type": "message", "role": "assistant",
         "content": [{"type": "output_text", "text": f"done {n}"}]}]


def ask(suite, conversation, **fields):
    body = {"model": "small", "instructions": "Be brief.", "input": conversation, **fields}
    return request(suite.url + "/v1/responses", "POST", json.dumps(body).encode(),
                   suite.headers(**{"x-llm-session": "r"}))


def whole():
    return [i for n in range(TURNS) for i in items(n)] + [{"role": "user", "content": "and now?"}]


@pytest.mark.parametrize("mode", ["mask", "extract"])
def test_items_are_condensed_and_calls_keep_their_outputs(start_suite, simulator, mode):
    suite = start_suite(config=configure(simulator, window=8000, mode=mode))
    answer = ask(suite, whole(), reasoning={"effort": "low"})
    assert answer.status == 200 and answer.json["object"] == "response"
    assert "->" in answer.headers["x-llm-context"]
    record = simulator.records()[-1]
    sent = json.loads(record["body"])
    assert record["path"].endswith("/v1/responses")
    assert sent["instructions"] == "Be brief." and sent["reasoning"] == {"effort": "low"}
    assert sent["input"][-1] == whole()[-1]
    assert len(json.dumps(sent["input"])) < len(json.dumps(whole())) / 2
    calls = [i["call_id"] for i in sent["input"] if i.get("type") == "function_call"]
    outputs = [i["call_id"] for i in sent["input"] if i.get("type") == "function_call_output"]
    assert calls == outputs

    again = ask(suite, [*whole(), *items(TURNS)[1:], {"role": "user", "content": "go on"}])
    assert again.status == 200
    later = json.loads(simulator.records()[-1]["body"])["input"]
    assert later[:len(sent["input"])] == sent["input"]  # what is frozen stays


def test_items_are_condensed_for_a_provider_of_another_api(start_suite, simulator):
    suite = start_suite(config=configure(simulator, window=8000, dialect="anthropic"))
    assert ask(suite, whole(), max_output_tokens=100).status == 200
    messages = json.loads(simulator.records()[-1]["body"])["messages"]
    assert "tool result omitted" in json.dumps(messages)
    assert messages[-1]["role"] == "user" and "and now?" in json.dumps(messages[-1])


def test_what_can_never_fit_is_refused_with_its_field(start_suite, simulator):
    suite = start_suite(config=configure(simulator, window=2000))
    answer = ask(suite, [{"role": "user", "content": words(4000, "u")}])
    assert (answer.status, answer.code) == (400, "context_length_exceeded")
    assert answer.json["error"]["param"] == "input"
