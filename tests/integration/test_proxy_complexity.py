"""Strategy complexity on the real binaries: the prompt decides who answers, and everybody says so."""
import json

import pytest

import suite as programs

PROMPTS = {
    "low": "What is the capital of France?",
    "medium": "Explain how a heat pump works.",
    "high": "Prove that sqrt(2) is irrational.",
}
ENTRY = {"low": "small", "medium": "middle", "high": "smart"}
PROVIDER = {"low": "one", "medium": "two", "high": "three"}


@pytest.fixture
def graded(start_suite, simulator, start_simulator):
    """The entry `auto` in front of three providers; the hard one's entry falls back to `middle`."""
    upstreams = dict(zip(PROVIDER.values(), (simulator, start_simulator(), start_simulator())))
    models = [{"name": ENTRY[level], "targets": [{"provider": PROVIDER[level], "model": f"m-{level}"}]}
              for level in PROMPTS]
    models[2]["fallback"] = ["middle"]
    models.append({"name": "auto", "strategy": "complexity", "complexity": ENTRY})
    suite = start_suite(config={
        "providers": [programs.Suite.provider(sim, name) for name, sim in upstreams.items()],
        "models": models,
        "prices": {"overrides": [{"provider": "three", "model": "m-high", "input": 10, "output": 20}]}})
    suite.upstreams = upstreams
    return suite


def route(suite, text, model="auto", headers=None, **fields):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
    return programs.request(f"{suite.url}/v1/route", "POST", json.dumps(body).encode(),
                            suite.headers() if headers is None else headers)


def wait_settled(suite, n):
    """The rows of `n` requests once they are over and logged, which is the last that happens."""
    programs.wait_until(lambda: suite.proxy.log().count("/v1/chat/completions ") == n,
                        f"{n} requests in the log")
    query = "SELECT * FROM requests WHERE settled_at IS NOT NULL ORDER BY started_at"
    return programs.wait_until(lambda: len(rows := suite.ledger(query)) == n and rows,
                               f"{n} settled rows")


def test_three_prompts_go_to_three_providers_and_all_records_say_so(graded):
    for number, (level, text) in enumerate(PROMPTS.items(), 1):
        told = route(graded, text).json
        answer = graded.chat(text, model="auto")

        assert answer.status == 200, answer.body
        assert answer.headers["x-llm-complexity"] == level
        assert answer.headers["x-llm-provider"] == PROVIDER[level]
        assert answer.headers["x-llm-model"] == ENTRY[level]
        sent = graded.upstreams[PROVIDER[level]].records()
        assert len(sent) == 1
        assert json.loads(sent[0]["body"])["model"] == f"m-{level}"

        assert told["complexity"]["level"] == level
        assert told["provider"] == PROVIDER[level]
        assert told["model"] == ENTRY[level]
        assert told["target_model"] == f"m-{level}"
        assert (told["asked"], told["strategy"]) == ("auto", "complexity")
        assert any(f"delegates {level} prompts to '{ENTRY[level]}'" in r for r in told["reasons"])

        row = wait_settled(graded, number)[-1]
        assert (row["model"], row["provider"], row["complexity"]) == ("auto", PROVIDER[level], level)

    metrics = graded.metrics()
    for level in PROMPTS:
        assert metrics.value("llm_requests_total", model="auto", provider=PROVIDER[level],
                             complexity=level, status="success") == 1
        assert metrics.value("model_router_selections_total", model=ENTRY[level],
                             provider=PROVIDER[level], complexity=level) == 1
    logged = [e["complexity"] for e in graded.proxy.entries() if "complexity" in e]
    assert logged == list(PROMPTS)


def test_an_entry_of_another_strategy_is_not_scored(graded):
    answer = graded.chat(PROMPTS["high"], model="small")

    assert answer.status == 200
    assert "x-llm-complexity" not in answer.headers
    assert wait_settled(graded, 1)[0]["complexity"] is None
    graded.shows("llm_requests_total", 1, model="small", complexity="none")
    assert route(graded, PROMPTS["high"], model="small").json["complexity"] is None


def test_a_delegate_keeps_its_own_fallbacks(graded):
    graded.upstreams["three"].script("status=500")

    answer = graded.chat(PROMPTS["high"], model="auto")

    assert answer.status == 200
    assert answer.headers["x-llm-complexity"] == "high"
    assert answer.headers["x-llm-provider"] == "two"


def test_the_decision_is_told_without_dispatch_and_only_to_a_key(graded):
    told = route(graded, PROMPTS["high"], max_tokens=1000).json

    assert told["backend"] == "local"
    assert 0.65 <= told["complexity"]["score"] <= 1
    assert sum(told["complexity"]["parts"].values()) == pytest.approx(told["complexity"]["score"])
    assert told["tokens"] > 5
    cost = told["tokens"] * 10e-6 + 1000 * 20e-6
    assert told["estimated_cost_usd"] == pytest.approx(cost)
    assert route(graded, PROMPTS["low"]).json["estimated_cost_usd"] is None

    assert route(graded, "x", headers={}).code == "invalid_api_key"
    assert route(graded, "x", model="absent").code == "model_not_found"
    assert route(graded, "x", max_tokens="many").code == "invalid_request"
    graded.key = graded.create_key("narrow", "--models", "small")["key"]
    assert route(graded, "x").code == "model_not_allowed"
    assert not any(sim.records() for sim in graded.upstreams.values())
    assert graded.ledger() == []


def test_an_operator_asks_why(graded, tmp_path):
    (tmp_path / "prompt").write_text(PROMPTS["medium"])

    told = graded.ctl_json("route", "explain", "--model", "auto", str(tmp_path / "prompt"))
    shown = graded.ctl("route", "explain", "--model", "auto", "--prompt", PROMPTS["high"]).stdout

    assert told["provider"] == "two"
    assert "three/m-high is the choice of 'smart' by strategy priority" in shown
    assert graded.ctl("route", "explain", "--prompt", "x", check=False).returncode == 2
    assert graded.ctl("route", "explain", "--model", "absent", check=False).returncode == 1


def test_thresholds_are_configured(start_suite, simulator):
    suite = start_suite(simulator, config={"models": [
        {"name": "small", "targets": [{"provider": "sim", "model": "sim"}]},
        {"name": "auto", "strategy": "complexity",
         "complexity": {"low": "small", "medium": "small", "high": "small", "medium_at": 0,
                        "high_at": 0}}]})

    assert suite.chat("hello", model="auto").headers["x-llm-complexity"] == "high"
