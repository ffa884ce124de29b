"""Whole requests cost what the reference, npm gpt-tokenizer, says that OpenAI bills for them."""
import json
import pathlib
import random
import subprocess

import pytest

from suite import request

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20250102
WORDS = ("weather", "the", "city's", "Größe", "日本", "\n", "x=1;", "42", "naïve", "🙂", "TODO:", "  ",
         "camelCase", "user_id", "don't", "\"quoted\"", "a\\b", "\t")


@pytest.fixture
def service(start_suite, token_data):
    return start_suite(services=["context-service"], config={
        "paths": {"data": str(token_data)},
        "providers": [{"name": "sim", "dialect": "openai", "base_url": "http://127.0.0.1:1/v1"}],
        "models": [{"name": "house", "targets": [{"provider": "sim", "model": "gpt-4o"}]}]})


def reference(*arguments, lines=()):
    out = subprocess.run(["node", HERE / "chat_reference.mjs", *arguments], check=True,
                         input="\n".join(map(json.dumps, lines)).encode(), capture_output=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


def count(service, model, body):
    answer = request(f"http://127.0.0.1:{service.context_port}/v1/count", "POST",
                     json.dumps({"model": model, **body}).encode())
    assert answer.status == 200, answer.body
    return answer.json


def words(rng, most):
    return " ".join(rng.choices(WORDS, k=rng.randint(1, most)))


def schema(rng, depth):
    kinds = ["string", "integer", "number", "boolean", "null", "string", "array", "object"]
    kind = rng.choice(kinds if depth < 3 else kinds[:5])
    found = {"type": kind}
    if rng.random() < 0.5:
        found["description"] = words(rng, 8).strip() or "x"
    if kind == "string" and rng.random() < 0.3:
        found["enum"] = rng.sample(["celsius", "fahrenheit", "kelvin"], 2)
    if kind == "integer" and rng.random() < 0.2:
        found["enum"] = [1, 2, 3]
    if kind == "array" and rng.random() < 0.8:
        found["items"] = schema(rng, depth + 1)
    if kind == "object":
        found.update(properties(rng, depth + 1))
    return found


def properties(rng, depth):
    names = rng.sample(["city", "unit", "day", "guests", "notes", "userId"], rng.randint(1, 4))
    return {"type": "object", "properties": {name: schema(rng, depth) for name in names},
            "required": rng.sample(names, rng.randint(0, len(names)))}


def function(rng, n):
    found = {"name": f"{rng.choice(['get', 'book'])}_thing_{n}"}
    if rng.random() < 0.8:
        found["description"] = words(rng, 12).strip() or "x"
    if rng.random() < 0.8:
        found["parameters"] = properties(rng, 0)
    return found


def message(rng):
    role = rng.choice(["system", "user", "assistant", "user", "function"])
    found = {"role": role, "content": words(rng, 60)}
    if role == "function" or rng.random() < 0.1:
        found["name"] = rng.choice(["anna", "get_thing", "bob_2"])
    if role == "assistant" and rng.random() < 0.3:
        found["function_call"] = {"name": "get_thing", "arguments": "{ \"a\": 1 }"}
    return found


def chat(rng):
    found = {"messages": [message(rng) for _ in range(rng.randint(1, 6))]}
    if rng.random() < 0.6:
        found["functions"] = [function(rng, n) for n in range(rng.randint(1, 3))]
        if rng.random() < 0.5:
            found["function_call"] = rng.choice(
                ["auto", "none", {"name": found["functions"][0]["name"]}])
    return found


@pytest.mark.parametrize("model,encoding", [("gpt-4o", "o200k_base"), ("gpt-4", "cl100k_base")])
def test_chats_with_and_without_functions(service, model, encoding):
    rng = random.Random(SEED)
    chats = [chat(rng) for _ in range(150)]
    for body, expected in zip(chats, reference(encoding, lines=chats), strict=True):
        answer = count(service, model, body)
        assert answer["tokens"] == expected, body
        assert answer["exact"] is (model == "gpt-4" or "functions" not in body), answer


def test_what_was_billed(service):
    for case in reference()[0]:
        expected = case.pop("tokens")
        assert count(service, "gpt-4o", case)["tokens"] == expected, case


def test_a_configured_name_counts_as_the_model_behind_it(service):
    body = {"messages": [{"role": "user", "content": "hello"}]}
    assert count(service, "house", body) == count(service, "gpt-4o", body) == {
        "tokens": 8, "exact": True, "method": "o200k_base", "margin": 0}


PIXEL = ("iVBORw0KGgoAAAANSUhEUgAABAAAAAQACAYAAAB/HSuD")  # a PNG's header: 1024 x 1024


@pytest.mark.parametrize("model,url,detail,tokens,exact", [
    ("gpt-4o", "data:image/png;base64," + PIXEL, "high", 765, True),
    ("gpt-4o", "data:image/png;base64," + PIXEL, "low", 85, True),
    ("gpt-4o-mini", "data:image/png;base64," + PIXEL, "auto", 2833 + 4 * 5667, True),
    ("gpt-4o", "https://example.com/a.png", "auto", 765, False),
    ("gpt-4o", "data:image/png;base64,AAAA", "auto", 765, False)])
def test_pictures(service, model, url, detail, tokens, exact):
    text = {"type": "text", "text": "hello"}
    picture = {"type": "image_url", "image_url": {"url": url, "detail": detail}}
    plain = count(service, model, {"messages": [{"role": "user", "content": [text]}]})
    both = count(service, model, {"messages": [{"role": "user", "content": [text, picture]}]})
    assert plain["exact"] and both["tokens"] - plain["tokens"] == tokens
    assert both["exact"] is exact and (both["margin"] > 0.5) is not exact
    assert both["method"] == ("o200k_base" if exact else "o200k_base; estimated: pictures")


def test_what_cannot_be_known_is_said(service):
    hello = [{"role": "user", "content": "hello"}]
    tool = {"type": "function", "function": function(random.Random(1), 1)}
    call = {"role": "assistant", "content": None, "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
    for model, body, method in [
            ("gpt-4o", {"messages": hello, "tools": [tool]}, "o200k_base; estimated: tools"),
            ("gpt-4o", {"messages": hello + [call]}, "o200k_base; estimated: calls"),
            ("gpt-5", {"messages": hello}, "o200k_base; estimated: messages"),
            ("claude-sonnet-4", {"messages": hello}, "estimate"),
            ("gemini-2.5-pro", {"messages": hello}, "estimate"),
            ("unheard-of", {"messages": hello}, "estimate")]:
        answer = count(service, model, body)
        assert answer["exact"] is False and answer["method"] == method and answer["margin"] > 0
