"""What became of earlier requests decides where later ones go: rests, parked credentials, breakers
and health-worker's word; sessions that stay; windows that are larger; retries within a budget."""
import collections
import concurrent.futures
import json
import time

import pytest

import reckoning
from raw_upstream import RawUpstream
from reckoning import Told
from suite import SLOW, SOAK, Suite, request, wait_until

LATE = 0.2 * SLOW
OK = json.dumps({"choices": [{"index": 0, "finish_reason": "stop", "message": {
    "role": "assistant", "content": "well"}}]}).encode()


def model(name, letters, **more):
    """At these providers, in this order."""
    return {"name": name, "targets": [{"provider": letter, "model": "x"} for letter in letters],
            **more}


def start(start_suite, ups, models, provider=None, **options):
    """Providers called a, b, c …"""
    options.setdefault("services", ["llm-proxy"])
    return start_suite(config={
        "providers": [Suite.provider(up, name, **{"retry": {"max": 0}, **(provider or {})})
                      for name, up in zip("abc", ups)],
        "models": models}, **options)


def reasons(suite, model, headers=None):
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    told = request(f"{suite.url}/v1/route", "POST", json.dumps(body).encode(),
                   suite.headers(**(headers or {}))).json
    return told["provider"], "\n".join(told["reasons"])


RESTS = [("2", 2), ("1.5", 1.5), ("date", 2), ("ms", 1.2), ("reset", 1.3), ("google", 1.4)]


def answer_429(form):
    """A provider that answers 429 the first time, in one of the forms that say until when."""
    asked = []

    def answer(connection, _):
        asked.append(time.monotonic())
        head, body = [], b"{}"
        if form == "date":  # whole seconds: between one and two of them are left
            head = ["Retry-After: " + time.strftime("%a, %d %b %Y %H:%M:%S GMT",
                                                    time.gmtime(time.time() + 2))]
        elif form == "ms":
            head = ["Retry-After-Ms: 1200", "Retry-After: 30"]
        elif form == "reset":
            head = ["x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 1s300ms",
                    "x-ratelimit-remaining-tokens: 9", "x-ratelimit-reset-tokens: 6m0s"]
        elif form == "google":
            body = json.dumps({"error": {"code": 429, "details": [{
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": "1.4s"}]}}).encode()
        else:
            head = [f"Retry-After: {form}"]
        status, body = ("429 Too Many Requests", body) if len(asked) == 1 else ("200 OK", OK)
        lines = [f"HTTP/1.1 {status}", "Content-Type: application/json",
                 f"Content-Length: {len(body)}", *(head if len(asked) == 1 else [])]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return RawUpstream(answer), asked


@pytest.mark.parametrize("form, seconds", RESTS)
def test_u09_a_target_rests_as_long_as_it_asks(start_suite, simulator, form, seconds):
    upstream, asked = answer_429(form)
    suite = start(start_suite, [upstream, simulator], [model("both", "ab"), model("alone", "a")])
    before = suite.metrics()
    assert suite.chat(model="both").headers["x-llm-provider"] == "b"
    assert "has reached a limit of the provider, for" in reasons(suite, "alone")[1]
    refused = suite.chat(model="alone")
    assert (refused.status, refused.code) == (429, "rate_limit_exceeded")
    assert 1 <= int(refused.headers["retry-after"]) <= seconds + 1
    told = [Told("both", "success", ("a", "http_429"), ("b", "ok")), Told("alone", "refused")]
    while len(asked) == 1:
        assert time.monotonic() - asked[0] < seconds + 1 + LATE
        told.append(Told("both", "success", ("b", "ok")))
        assert suite.chat(model="both").status == 200
        if len(asked) == 2:
            told[-1] = Told("both", "success", ("a", "ok"))
    lasted = asked[1] - asked[0]
    assert seconds - 1.01 - LATE <= lasted <= seconds + LATE  # a date has no fraction
    assert form == "date" or lasted >= seconds - 0.01
    reckoning.check(before, suite.metrics(), told)
    upstream.close()


@pytest.mark.parametrize("text, rests", [
    ("1000000000", 60), ("-5", None), ("soon", None), ("1e999", None), ("", None)])
def test_u09_an_absurd_wait_is_cut_and_rubbish_is_none(start_suite, simulator, text, rests):
    suite = start(start_suite, [simulator], [model("m", "a")])
    simulator.script(f"status=429,header=Retry-After%3A {text}", "")
    refused = suite.chat(model="m")
    assert (refused.status, refused.code) == (429, "rate_limit_exceeded")
    if rests is None:
        assert suite.chat(model="m").status == 200
    else:
        assert int(refused.headers["retry-after"]) == rests
        assert suite.chat(model="m").status == 429 and len(simulator.records()) == 1


def test_u09_when_all_rest_the_shortest_wait_is_told(start_suite, simulator, start_simulator):
    b = start_simulator()
    suite = start(start_suite, [simulator, b], [model("m", "ab")])
    simulator.script("status=429,retry-after=40")
    b.script("status=429,retry-after=9")
    for _ in range(5):
        refused = suite.chat(model="m")
        assert refused.status == 429 and int(refused.headers["retry-after"]) in (8, 9)
    assert len(simulator.records()) == len(b.records()) == 1


def test_an_overloaded_provider_rests_too_and_is_no_limit(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")])
    simulator.script("status=503,retry-after=20")
    assert suite.chat(model="m").status == 502
    refused = suite.chat(model="m")
    assert (refused.status, refused.code) == (503, "no_healthy_provider")
    assert int(refused.headers["retry-after"]) in (19, 20)
    assert "asked to be left alone" in reasons(suite, "m")[1]


def storm(suite, n, name):
    return collections.Counter(suite.chat(model=name).status for _ in range(n))


def failing(share):
    """A provider that answers 500 to this share of requests, evenly."""
    upstream = RawUpstream(lambda connection, _: connection.sendall(
        b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
        if len(upstream.requests) * share % 1 == 0 else
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (len(OK), OK)))
    return upstream


@pytest.mark.parametrize("share", [1, 0.5])
def test_u10_a_burst_of_500s_is_seen_by_few(start_suite, simulator, share):
    """Five failures in a row eject a target: so many callers see an error without a fallback, none
    with one; and what is repeated is a fifth of the requests at most."""
    n = 5000 if SOAK else 300
    upstream = failing(share)
    suite = start(start_suite, [upstream, simulator], [model("m", "a"), model("with", "ab")],
                  {"retry": {"max": 2, "backoff": "1ms", "max_backoff": "2ms"},
                   "breaker": {"open": "1h"}})
    seen = storm(suite, n, "m")
    metrics = suite.metrics()
    repeats = metrics.value("llm_retries_total")
    tried = metrics.value("llm_attempts_total", provider="a")
    assert 3 <= repeats <= max(3, 0.2 * (tried - repeats))
    if share == 1:
        assert seen[502] <= 5 and seen[503] == n - seen[502] and tried == 5
        assert metrics.value("circuit_breaker_transitions_total", provider="a", to="open") == 1
    else:
        assert seen[200] + seen[502] == n
    assert storm(suite, n, "with") == {200: n}
    upstream.close()


def test_u10_no_more_repeats_at_a_time_than_its_share(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")],
                  {"retry": {"max": 2, "backoff": "1h", "max_backoff": "1h"},
                   "breaker": {"failures": 1000}})
    simulator.script("status=500")
    streams = [suite.stream(model="m") for _ in range(10)]
    for stream in streams:
        stream.socket.settimeout(1)
    answered = 0
    for stream in streams:
        try:
            stream.read_all()
            answered += 1
        except TimeoutError:
            stream.close()
    assert answered == 7  # three wait for their turn
    told = suite.admin("/admin/providers").json
    provider = (told if isinstance(told, list) else told["providers"])[0]
    assert provider["retries_refused"] == 7


@pytest.mark.parametrize("status, error", [(401, ""), (402, ""), (429, "quota")])
def test_a_refused_credential_is_parked_and_tried_again(start_suite, simulator, start_simulator,
                                                        status, error):
    b = start_simulator()
    suite = start(start_suite, [simulator, b], [model("m", "ab")], {"breaker": {"park": "1s"}})
    simulator.script(f"error={error}" if error else f"status={status}")
    begun = time.monotonic()
    while time.monotonic() < begun + 0.8:
        assert suite.chat(model="m").headers["x-llm-provider"] == "b"
    assert len(simulator.records()) == 1
    assert "refused our credential" in reasons(suite, "m")[1]
    wait_until(lambda: suite.chat(model="m").status == 200 and len(simulator.records()) == 2,
               "one probe", 3)
    assert suite.chat(model="m").headers["x-llm-provider"] == "b"  # parked again
    simulator.script("")
    wait_until(lambda: suite.chat(model="m").headers["x-llm-provider"] == "a", "a's return", 3)


def test_a_reload_forgives_a_parked_credential(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")], {"breaker": {"park": "1h"}})
    simulator.script("status=401", "")
    assert suite.chat(model="m").status == 502
    assert suite.chat(model="m").code == "no_healthy_provider"
    assert suite.admin("/admin/config/reload", "POST", b"").status == 200
    assert suite.chat(model="m").status == 200


def test_one_models_failures_leave_the_provider_to_the_others(start_suite, simulator):
    suite = start_suite(services=["llm-proxy"], config={
        "providers": [Suite.provider(simulator, "a", retry={"max": 0},
                                     breaker={"failures": 3, "open": "1h"})],
        "models": [{"name": "ill", "targets": [{"provider": "a", "model": "sim:status=500"}]},
                   {"name": "well", "targets": [{"provider": "a", "model": "sim"}]}]})
    for _ in range(3):
        assert suite.chat(model="ill").status == 502
    assert suite.chat(model="ill").code == "no_healthy_provider"
    assert suite.chat(model="well").status == 200
    assert "its breaker is open" in reasons(suite, "ill")[1]
    suite.shows("circuit_breaker_state", 2, provider="a")  # the worst of its


def test_callers_faults_never_open_a_breaker(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")], {"breaker": {"failures": 1}})
    for status in (400, 404, 413, 422, 405, 409, 451):
        simulator.script(f"status={status}")
        for _ in range(3):
            assert suite.chat(model="m").status == (status if status in (400, 404, 413, 422)
                                                    else 502)
    simulator.script("")
    assert suite.chat(model="m").status == 200
    suite.shows("circuit_breaker_transitions_total", 0)


def test_probes_and_tries_are_one_verdict(start_suite, simulator, start_simulator):
    """Probes that fail keep requests away though no try failed, and tries that fail open the breaker
    though probes succeed."""
    b = start_simulator()
    suite = start(start_suite, [simulator, b], [model("m", "ab")],
                  {"probe": {"interval": "100ms", "timeout": "1s"},
                   "breaker": {"failures": 3, "open": "1h"}},
                  services=["context-service", "health-worker", "llm-proxy"])
    assert suite.chat(model="m").headers["x-llm-provider"] == "a"
    port = simulator.port
    simulator.stop()
    wait_until(lambda: "is down, says health-worker" in reasons(suite, "m")[1], "the verdict")
    suite.shows("circuit_breaker_state", 0, provider="a")
    before = suite.metrics().value("llm_attempts_total", provider="a")
    assert suite.chat(model="m").headers["x-llm-provider"] == "b"
    suite.shows("llm_attempts_total", before, provider="a")
    simulator.child = None
    simulator.start(port)
    wait_until(lambda: suite.chat(model="m").headers["x-llm-provider"] == "a", "its return", 20)
    simulator.script("status=500")
    for _ in range(3):
        assert suite.chat(model="m").headers["x-llm-provider"] == "b"
    assert "its breaker is open" in reasons(suite, "m")[1]
    assert suite.chat(model="m").headers["x-llm-provider"] == "b"


def session_target(suite, name, model="m"):
    answer = suite.chat(model=model, headers={"x-llm-session": name})
    assert answer.status == 200
    return answer.headers["x-llm-provider"]


@pytest.mark.parametrize("strategy", ["weighted", "latency", "least_busy"])
def test_a_session_stays_and_comes_back(start_suite, simulator, start_simulator, strategy):
    ups = [simulator, start_simulator(), start_simulator()]
    suite = start(start_suite, ups, [model("m", "abc", strategy=strategy)],
                  {"breaker": {"failures": 1, "open": "1s", "half_open": 1}})
    home = {f"s{i}": session_target(suite, f"s{i}") for i in range(30)}
    assert set(home.values()) == {"a", "b", "c"}
    for _ in range(3):
        for name, target in home.items():
            assert session_target(suite, name) == target
    provider, why = reasons(suite, "m", {"x-llm-session": "s0"})
    assert provider == home["s0"] and "where its session is at home" in why
    simulator.script("status=500")
    moved = {name: session_target(suite, name) for name in home}
    assert all(moved[name] == target for name, target in home.items() if target != "a")
    assert {moved[name] for name, target in home.items() if target == "a"} == {"b", "c"}
    simulator.script("")
    wait_until(lambda: all(session_target(suite, n) == t for n, t in home.items()), "all at home")


def test_sessions_of_two_keys_are_two_sessions(start_suite, simulator, start_simulator):
    suite = start(start_suite, [simulator, start_simulator(), start_simulator()],
                  [model("m", "abc", strategy="weighted")])
    ours = [session_target(suite, f"s{i}") for i in range(20)]
    suite.key = suite.create_key("another")["key"]
    assert [session_target(suite, f"s{i}") for i in range(20)] != ours


CONTEXT = "error=context"


def windows(start_suite, ups, **sizes):
    return start_suite(services=["llm-proxy"], config={
        "providers": [Suite.provider(up, name, retry={"max": 2}) for name, up in zip("abc", ups)],
        "context": {"mode": "off"},
        "models": [{"name": "first", "context_window": 1000, "fallback": ["second", "third"],
                    "targets": [{"provider": "a", "model": "x"}, {"provider": "b", "model": "x"}]},
                   {"name": "second", "context_window": sizes.get("second", 1000),
                    "targets": [{"provider": "b", "model": "y"}]},
                   {"name": "third", "context_window": sizes.get("third", 100000),
                    "targets": [{"provider": "c", "model": "x"}]}]})


def test_what_is_too_long_goes_to_a_larger_window(start_suite, simulator, start_simulator):
    ups = [simulator, start_simulator(), start_simulator()]
    suite = windows(start_suite, ups)
    simulator.script(CONTEXT)
    before = suite.metrics()
    answer = suite.chat(model="first")
    assert (answer.headers["x-llm-provider"], answer.headers["x-llm-model"]) == ("c", "third")
    assert ups[1].records() == []  # neither the same window at b nor an entry no larger
    suite.shows("circuit_breaker_transitions_total", 0)
    reckoning.check(before, suite.metrics(),
                    [Told("first", "success", ("a", "http_4xx"), ("c", "ok"))])


def test_without_a_larger_window_the_provider_is_believed(start_suite, simulator, start_simulator):
    suite = windows(start_suite, [simulator, start_simulator(), start_simulator()], third=1000)
    simulator.script(CONTEXT)
    answer = suite.chat(model="first")
    assert answer.status == 400 and answer.code == "context_length_exceeded"
    assert len(simulator.records()) == 1


def test_refused_content_goes_nowhere_else(start_suite, start_simulator, simulator):
    refusal = json.dumps({"error": {"code": 403, "message": "x/y requires moderation on OpenRouter."
                                    " Your input was flagged."}}).encode()
    upstream = RawUpstream(lambda c, _: c.sendall(
        b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (len(refusal), refusal)))
    suite = windows(start_suite, [upstream, start_simulator(), simulator])
    for _ in range(3):
        answer = suite.chat(model="first")
        assert answer.status == 403 and b"flagged" in answer.body
    assert len(upstream.requests) == 3 and simulator.records() == []
    upstream.close()


def test_targets_with_a_free_place_go_first_where_they_are_equals(start_suite, simulator,
                                                                  start_simulator):
    b = start_simulator()
    suite = start(start_suite, [simulator, b], [model("m", "ab", strategy="weighted"),
                                                model("at-a", "a")], {"max_parallel": 1})
    simulator.script("silence")
    occupant = suite.stream(model="at-a")
    simulator.wait_records(1)
    for _ in range(20):
        assert suite.chat(model="m").headers["x-llm-provider"] == "b"
    assert "a/x has no free place" in reasons(suite, "m")[1]
    occupant.close()


def test_a_provider_that_may_be_quoted_is_quoted_but_for_credentials(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")],
                  {"pass_errors": True, "breaker": {"failures": 100, "park": "1ms"}})
    for status, is_quoted in ((500, True), (503, True), (429, True), (403, False), (401, False)):
        simulator.script(f"status={status}")
        answer = suite.chat(model="m")
        assert (f"scripted status {status}" in answer.json["error"]["message"]) == is_quoted


def test_a_breaker_that_opens_is_told_once(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")],
                  {"breaker": {"failures": 2, "open": "1h"}})
    simulator.script("status=500")
    for _ in range(5):
        suite.chat(model="m")
    told = [e for e in suite.proxy.entries() if "breaker is open" in e["message"]]
    assert [(e["level"], e["provider"], e["message"]) for e in told] == [
        ("warning", "a", "a/x fails to answer: its breaker is open")]
    assert told[0]["message_id"] == "c61e562d51f945be976c69f6eb3be9c2"


def test_tokens_a_second_are_those_of_the_last_minute(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")])
    for _ in range(30):
        assert suite.chat("one two", model="m").status == 200
    wait_until(lambda: suite.metrics().value("llm_tokens_per_second", model="m", provider="a") ==
               pytest.approx(30 * 4 / 60), "the gauge", 12)


def test_the_cheapest_is_that_of_this_request(start_suite, simulator, start_simulator):
    """a is dear to read, b to write: a long prompt goes to b, a long answer to a."""
    suite = start_suite(services=["llm-proxy"], config={
        "providers": [Suite.provider(up, name) for name, up in
                      (("a", simulator), ("b", start_simulator()), ("c", start_simulator()))],
        "models": [model("m", "cab", strategy="cost")],  # c has no price: the last choice
        "prices": {"overrides": [{"provider": "a", "model": "x", "input": 10, "output": 1},
                                 {"provider": "b", "model": "x", "input": 1, "output": 10}]}})
    long = suite.chat("words " * 400, model="m", max_tokens=10)
    short = suite.chat("words", model="m", max_tokens=1000)
    assert (long.headers["x-llm-provider"], short.headers["x-llm-provider"]) == ("b", "a")


def test_the_faster_is_asked_more(start_suite, simulator, start_simulator):
    b = start_simulator()
    suite = start(start_suite, [simulator, b], [model("m", "ab", strategy="latency")])
    simulator.script("delay=150ms")
    for _ in range(20):
        assert suite.chat(model="m").status == 200
    assert len(simulator.records()) <= 2 and len(b.records()) >= 18


def test_u10_many_callers_at_once_see_no_error_with_a_fallback(start_suite, simulator):
    n, clients = (5000, 16) if SOAK else (400, 8)
    upstream = failing(0.5)
    suite = start(start_suite, [upstream, simulator], [model("m", "ab")],
                  {"retry": {"max": 2}, "breaker": {"open": "1s"}})
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        seen = collections.Counter(pool.map(lambda _: suite.chat(model="m").status, range(n)))
    assert seen == {200: n}
    upstream.close()
