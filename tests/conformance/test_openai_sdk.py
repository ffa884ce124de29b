"""Programs written with the official OpenAI SDK work unchanged, and get its typed errors."""
import json
import pathlib
import subprocess

import pytest

from suite import free_port

HERE = pathlib.Path(__file__).resolve().parent


def sdk(scenario, url, key="none", model="small"):
    done = subprocess.run(["node", "openai_sdk.mjs", scenario, f"{url}/v1", key, model], cwd=HERE,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_chat(seen):
    assert seen["text"] == "echo: hello world" and seen["finish"] == "stop"
    assert seen["usage"]["prompt_tokens"] == 3 and seen["usage"]["completion_tokens"] == 5


def test_the_simulator_alone_satisfies_the_sdk(simulator):
    check_chat(sdk("chat", simulator.url))
    check_chat(sdk("stream", simulator.url))
    assert sdk("models", simulator.url)["ids"] == ["sim"]


def test_a_chat(suite):
    seen = sdk("chat", suite.url, suite.key)
    check_chat(seen)
    assert seen["request_id"]


def test_a_stream_with_usage(suite):
    seen = sdk("stream", suite.url, suite.key)
    check_chat(seen)
    assert seen["chunks"] >= 4


def test_the_stream_helper(suite):
    seen = sdk("runner", suite.url, suite.key)
    assert (seen["text"], seen["finish"]) == ("echo: hello world", "stop")


def test_the_models(suite):
    assert sdk("models", suite.url, suite.key)["ids"] == ["small"]


@pytest.mark.parametrize("scenario", ["chat", "stream"])
def test_a_bad_key_is_an_authentication_error(suite, scenario):
    seen = sdk(scenario, suite.url, "sk-nobody")
    assert (seen["error"], seen["status"]) == ("AuthenticationError", 401)
    assert seen["code"] == "invalid_api_key" and seen["request_id"]


@pytest.mark.parametrize("scenario", ["chat", "stream"])
def test_an_unknown_model_is_a_not_found_error(suite, scenario):
    seen = sdk(scenario, suite.url, suite.key, "nonesuch")
    assert (seen["error"], seen["status"]) == ("NotFoundError", 404)
    assert seen["code"] == "model_not_found"


@pytest.mark.parametrize("scenario", ["chat", "stream"])
def test_a_dead_upstream_is_an_api_error(start_suite, scenario):
    class Dead:
        url = f"http://127.0.0.1:{free_port()}"
    suite = start_suite(Dead)
    seen = sdk(scenario, suite.url, suite.key)
    assert seen["is_api_error"] and seen["status"] in (502, 503)
    assert seen["error"] == "InternalServerError" and seen["code"]


def test_a_stream_that_is_cut_is_an_error_not_a_short_answer(start_suite, simulator):
    suite = start_suite(simulator)
    simulator.script("chunks=20,rst=2000")
    seen = sdk("stream", suite.url, suite.key)
    assert seen["is_api_error"] and "finish" not in seen


def test_aborting_reaches_the_upstream_at_once(suite, simulator):
    simulator.script("chunks=1000,interval=10ms")
    seen = sdk("abort", suite.url, suite.key)
    number = simulator.records()[-1]["number"]
    record = simulator.wait_closed(number)
    assert record["closed"] in ("fin", "rst")
    assert record["closed_us"] - seen["left_us"] < 1_000_000
    row = suite.wait_ledger(1)[0]
    assert row["status"] == "cancelled" and row["tokens_out"] > 0
