"""What inference servers say of themselves, in their own words, becomes one vocabulary, and moves
the proxy's choice of the least busy."""
import json

import pytest

from page_upstream import PageUpstream
from suite import request, wait_until

PS = {"models": [{"name": "llama3.2:3b", "size_vram": 5137025024, "context_length": 4096}]}
TAGS = {"models": [{"name": "llama3.2:3b"}, {"name": "qwen3:8b"}]}
CHAT = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}


def listing(owner, **more):
    return {"object": "list", "data": [{"id": "m", "object": "model", "owned_by": owner, **more}]}


def vllm(running, waiting, cache, cache_name="kv_cache_usage_perc"):
    labels = '{engine="0",model_name="m"}'
    return (f"# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{labels} {running}\n"
            f"vllm:num_requests_waiting{labels} {waiting}\nvllm:{cache_name}{labels} {cache}\n")


@pytest.fixture
def serve():
    """serve(pages): an inference server with these pages."""
    started = []

    def start(pages):
        started.append(PageUpstream(pages))
        return started[-1]
    yield start
    for one in started:
        one.close()


def local(name, upstream, path="/v1", **more):
    return {"name": name, "base_url": upstream.url + path, "backend": "local",
            "probe": {"interval": "200ms"}, **more}


def watch(start_suite, *providers):
    return start_suite(services=["health-worker"], config={"providers": list(providers)})


def engine(suite, name):
    answer = request(f"http://127.0.0.1:{suite.health_port}/status/{name}")
    return answer.json.get("engine", {})


def wait_engine(suite, name, **wanted):
    def right():
        found = engine(suite, name)
        return all(found.get(k) == v for k, v in wanted.items()) and found
    return wait_until(right, f"{wanted} of {name}")


def test_each_server_s_own_words_become_the_same_numbers(start_suite, serve):
    servers = {
        "ollama": serve({"/api/tags": TAGS, "/api/ps": PS}),
        "llama": serve({
            "/v1/models": listing("llamacpp", meta={"n_ctx_train": 131072}),
            "/slots": [{"id": 0, "n_ctx": 4096, "is_processing": True},
                       {"id": 1, "n_ctx": 4096, "is_processing": False}],
            "/metrics": "llamacpp:requests_processing 1\nllamacpp:requests_deferred 3\n"}),
        "vllm": serve({"/v1/models": listing("vllm", max_model_len=8192),
                       "/metrics": vllm(4, 2, 0.5)}),
        "vllm-old": serve({"/v1/models": listing("someone"),
                           "/metrics": vllm(1, 0, 0.25, "gpu_cache_usage_perc")}),
        "sglang": serve({"/v1/models": listing("sglang", max_model_len=32768),
                         "/metrics": 'sglang:num_running_reqs{tp_rank="0"} 6\n'
                                     'sglang:num_queue_reqs{tp_rank="0"} 5\n'
                                     'sglang:token_usage{tp_rank="0"} 0.75\n'}),
        "plain": serve({"/v1/models": listing("someone")}),
    }
    suite = watch(start_suite, *(local(name, server) for name, server in servers.items()
                                 if name != "ollama"),
                  local("ollama", servers["ollama"], "", dialect="ollama"))
    wait_engine(suite, "ollama", kind="ollama", models_loaded=1, models=["llama3.2:3b"],
                context_length=4096)
    wait_engine(suite, "llama", kind="llama_server", requests_running=1, requests_waiting=3,
                context_length=4096, models_loaded=1, models=["m"])
    wait_engine(suite, "vllm", kind="vllm", requests_running=4, requests_waiting=2,
                kv_cache_usage_ratio=0.5, context_length=8192, models=["m"])
    wait_engine(suite, "vllm-old", kind="vllm", requests_running=1, kv_cache_usage_ratio=0.25)
    wait_engine(suite, "sglang", kind="sglang", requests_running=6, requests_waiting=5,
                kv_cache_usage_ratio=0.75, context_length=32768)
    metrics = suite.metrics("health-worker")
    assert metrics.value("provider_requests_running", provider="vllm") == 4
    assert metrics.value("provider_requests_waiting", provider="sglang") == 5
    assert metrics.value("provider_kv_cache_usage_ratio", provider="vllm-old") == 0.25
    assert metrics.value("models_loaded", provider="ollama") == 1
    assert metrics.value("provider_models", provider="ollama") == 2
    assert not metrics.has("provider_kv_cache_usage_ratio", provider="ollama")
    assert not metrics.has("models_loaded", provider="plain") and not engine(suite, "plain")
    wait_until(lambda: servers["plain"].count("/v1/models") >= 5, "five probes")
    assert 1 <= servers["plain"].count("/metrics") < 5  # told nothing, not asked again


def test_what_is_no_longer_said_is_absent(start_suite, serve):
    server = serve({"/v1/models": listing("vllm"), "/metrics": vllm(4, 2, 0.5)})
    suite = watch(start_suite, local("vllm", server))
    wait_engine(suite, "vllm", requests_running=4)
    server.pages["/metrics"] = "<html>busy</html>"
    wait_until(lambda: "requests_running" not in engine(suite, "vllm"), "no number")
    assert not suite.metrics("health-worker").has("provider_requests_running", provider="vllm")
    server.pages["/metrics"] = vllm(1, 0, 0.1)
    wait_engine(suite, "vllm", requests_running=1)
    server.pages["/v1/models"] = lambda handler: handler.give("no", 503)
    wait_until(lambda: not engine(suite, "vllm"), "no engine while it does not answer")
    assert not suite.metrics("health-worker").has("models_loaded", provider="vllm")


def test_a_provider_in_the_cloud_is_not_asked_for_its_metrics(start_suite, serve):
    server = serve({"/v1/models": listing("someone"), "/metrics": vllm(4, 2, 0.5)})
    suite = watch(start_suite, local("cloud", server) | {"backend": "cloud"})
    wait_until(lambda: server.count("/v1/models") >= 3, "three probes")
    assert server.count("/metrics") == 0 and not engine(suite, "cloud")


def test_the_least_busy_is_also_by_what_others_send(start_suite, serve):
    pages = {"/v1/models": listing("vllm"), "/v1/chat/completions": CHAT}
    full, idle = serve({**pages, "/metrics": vllm(3, 1, 0.5)}), serve({**pages, "/metrics": vllm(0, 0, 0.1)})
    suite = start_suite(config={
        "providers": [local("full", full), local("idle", idle)],
        "models": [{"name": "small", "strategy": "least_busy", "targets": [
            {"provider": "full", "model": "m"}, {"provider": "idle", "model": "m"}]}]})

    def elsewhere():
        return {p["name"]: p["elsewhere"] for p in suite.admin("/admin/providers").json}
    wait_until(lambda: elsewhere() == {"full": 4, "idle": 0}, "the proxy to know")
    for _ in range(6):
        assert suite.chat().headers["x-llm-provider"] == "idle"
    full.pages["/metrics"], idle.pages["/metrics"] = vllm(0, 0, 0.1), vllm(9, 0, 0.9)
    wait_until(lambda: elsewhere() == {"full": 0, "idle": 9}, "the proxy to know")
    for _ in range(6):
        assert suite.chat().headers["x-llm-provider"] == "full"
    wait_until(lambda: elsewhere() == {"full": 0, "idle": 9}, "a reading with none of ours")
    body = json.dumps({"model": "small", "messages": [{"role": "user", "content": "x"}]}).encode()
    why = request(f"{suite.url}/v1/route", "POST", body, suite.headers()).json
    assert "9 of others" in json.dumps(why["reasons"]), why
