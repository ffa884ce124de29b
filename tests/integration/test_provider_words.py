"""What a provider of each dialect says of its failure is understood: a prompt that is too long finds
a larger window, a refused key is parked, a limit and an overload are what they are."""
import pytest

from suite import Suite

AWS = "AKIDEXAMPLE:wJalrXUtnFEMI"
DIALECTS = {"openai": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "ollama": "", "bedrock": ""}


def start(start_suite, first, backup, dialect):
    """`small` is at the provider that fails, and falls back to a larger window elsewhere."""
    more = {"region": "eu-central-1", "api_key": {"env": "AWS"}} if dialect == "bedrock" else {}
    return start_suite(services=["llm-proxy"], env={"AWS": AWS}, config={
        "context": {"mode": "off"},
        "providers": [
            {**Suite.provider(first, "a", retry={"max": 0}, breaker={"failures": 2, "open": "1h"}),
             "dialect": dialect, "base_url": first.url + DIALECTS[dialect], **more},
            Suite.provider(backup, "b")],
        "models": [{"name": "small", "context_window": 1000, "fallback": ["large"],
                    "targets": [{"provider": "a", "model": "x"}]},
                   {"name": "large", "context_window": 9000,
                    "targets": [{"provider": "b", "model": "x"}]},
                   {"name": "alone", "targets": [{"provider": "a", "model": "x"}]}]})


@pytest.fixture(params=DIALECTS)
def spoken(request, start_suite, start_simulator):
    """A suite before a provider of each dialect, called `a`, and one that answers, called `b`."""
    args = ("--aws-key", AWS) if request.param == "bedrock" else ()
    first, backup = start_simulator(*args), start_simulator()
    suite = start(start_suite, first, backup, request.param)
    suite.first, suite.dialect = first, request.param
    return suite


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_too_long_for_one_window_goes_to_a_larger(spoken, is_stream):
    spoken.first.script("error=context")
    for _ in range(4):  # and no breaker minds
        if is_stream:
            answer = spoken.stream(model="small")
            answer.read_all()
            assert answer.text() == "echo: hello"
        else:
            answer = spoken.chat(model="small")
        assert answer.status == 200 and answer.headers["x-llm-model"] == "large"
    assert len(spoken.first.records()) == 4
    alone = spoken.chat(model="alone")
    assert alone.status in (400, 500), alone.body


def test_a_refused_key_is_parked_at_once(spoken):
    spoken.first.script("error=auth")
    for _ in range(3):
        assert spoken.chat(model="small").headers["x-llm-provider"] == "b"
    assert len(spoken.first.records()) == 1
    assert spoken.chat(model="alone").code == "no_healthy_provider"


def test_a_limit_is_a_limit_and_an_overload_none_of_ours(spoken):
    spoken.first.script("error=rate")
    assert (spoken.chat(model="alone").status, spoken.chat(model="small").status) == (429, 200)
    spoken.first.script("error=overloaded")
    assert spoken.chat(model="small").headers["x-llm-provider"] == "b"
    metrics = spoken.metrics()
    assert metrics.value("llm_attempts_total", provider="a", outcome="http_429") >= 1


def test_a_wrong_request_is_the_callers(spoken):
    spoken.first.script("error=invalid")
    for _ in range(3):
        answer = spoken.chat(model="small")
        assert answer.status == 400, answer.body
    assert len(spoken.first.records()) == 3
