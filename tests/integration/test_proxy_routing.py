"""Which target answers: order, fallback, back-off, Retry-After, breaker, line, deadline."""
import json
import threading
import time

import pytest

from raw_upstream import SSE_HEAD, RawUpstream, delta, event
from suite import SLOW, Suite, wait_until

EARLY, LATE = 0.02, 0.15 * SLOW  # how far a timer may be off, in seconds


def model(name, *targets, **more):
    return {"name": name, "targets": [{"provider": t, "model": f"{name}-at-{t}"} for t in targets],
            **more}


def start(start_suite, upstreams, models, provider=None, **config):
    """Providers called a, b, c … in this order."""
    return start_suite(services=["llm-proxy"], config={
        "providers": [Suite.provider(upstream, name, **{"retry": {"max": 0}, **(provider or {})})
                      for name, upstream in zip("abc", upstreams)],
        "models": models, **config})


def outcomes(suite, n=1):
    suite.wait_ledger(n)
    tries = suite.ledger("SELECT provider, outcome FROM attempts ORDER BY id, attempt")
    return [(t["provider"], t["outcome"]) for t in tries]


def took(function):
    begun = time.monotonic()
    result = function()
    return result, time.monotonic() - begun


def test_targets_then_fallbacks_in_the_order_given(start_suite, simulator, start_simulator):
    ups = [simulator, start_simulator(), start_simulator()]
    suite = start(start_suite, ups, [model("first", "a", "b", fallback=["second"]),
                                     model("second", "c")])
    answer = suite.chat(model="first")
    assert (answer.headers["x-llm-provider"], answer.headers["x-llm-model"]) == ("a", "first")
    simulator.script("status=500")
    answer = suite.chat(model="first")
    assert (answer.headers["x-llm-provider"], answer.headers["x-llm-model"]) == ("b", "first")
    ups[1].script("status=503")
    answer = suite.chat(model="first")
    assert (answer.headers["x-llm-provider"], answer.headers["x-llm-model"]) == ("c", "second")
    assert answer.headers["x-llm-attempts"] == "3"
    assert json.loads(ups[2].records()[-1]["body"])["model"] == "second-at-c"
    ups[2].script("silence", "status=500")
    assert suite.chat(model="second", headers={"x-llm-deadline-ms": "200"}).status == 504
    answer = suite.chat(model="first")
    assert (answer.status, answer.code) == (502, "upstream_error")
    assert outcomes(suite, 5) == [("a", "ok"), ("a", "http_5xx"), ("b", "ok"),
                                  ("a", "http_5xx"), ("b", "http_5xx"), ("c", "ok"),
                                  ("c", "cancelled"),
                                  ("a", "http_5xx"), ("b", "http_5xx"), ("c", "http_5xx")]
    row = suite.ledger()[2]
    assert (row["model"], row["provider"], row["attempts"]) == ("first", "c", 3)


def test_the_same_target_is_tried_again_after_a_part_of_a_growing_wait(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")],
                  {"retry": {"max": 3, "backoff": "100ms", "max_backoff": "250ms"}})
    simulator.script("status=503", "status=500", "rst=1", "")
    answer = suite.chat(model="m")
    assert answer.status == 200 and answer.headers["x-llm-attempts"] == "4"
    assert outcomes(suite) == [("a", "http_5xx"), ("a", "http_5xx"), ("a", "truncated"),
                               ("a", "ok")]
    at = [r["arrived_us"] / 1e6 for r in simulator.records()]
    for wait, longest in zip([b - a for a, b in zip(at, at[1:])], [0.1, 0.2, 0.25]):
        assert wait <= longest + LATE
    suite.shows("llm_retries_total", 3, provider="a")
    suite.shows("llm_fallbacks_total", 0)


def test_no_more_often_than_retry_max(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")],
                  {"retry": {"max": 2, "backoff": "10ms", "max_backoff": "10ms"}})
    simulator.script("status=500")
    assert suite.chat(model="m").status == 502
    assert len(simulator.records()) == 3 and len(outcomes(suite)) == 3


def test_a_silent_target_is_not_tried_twice(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")],
                  {"retry": {"max": 3, "backoff": "10ms"}, "timeouts": {"first_byte": "200ms"}})
    simulator.script("silence")
    answer, seconds = took(lambda: suite.chat(model="m"))
    assert (answer.status, answer.code) == (504, "upstream_timeout")
    assert seconds < 0.2 + LATE and len(simulator.records()) == 1


def test_retry_after_is_honoured(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")],
                  {"retry": {"max": 1, "backoff": "10ms", "max_backoff": "5s"}})
    simulator.script("status=429,retry-after=1", "")
    answer, seconds = took(lambda: suite.chat(model="m"))
    assert answer.status == 200 and 1.0 - EARLY <= seconds < 1.0 + LATE
    simulator.script("status=429,retry-after=30", "")
    answer, seconds = took(lambda: suite.chat(model="m"))
    assert seconds < LATE  # longer than max_backoff: not worth waiting
    assert (answer.status, answer.code) == (429, "rate_limit_exceeded")
    assert int(answer.headers["retry-after"]) in (29, 30)


def test_an_open_breaker_is_not_waited_for_and_closes_again(start_suite, simulator,
                                                            start_simulator):
    backup = start_simulator()
    only = {"name": "only", "targets": [{"provider": "a", "model": "m-at-a"}]}  # the same target
    suite = start(start_suite, [simulator, backup], [model("m", "a", "b"), only],
                  {"breaker": {"failures": 3, "open": "1s", "half_open": 1}})

    def state():
        return suite.metrics().value("circuit_breaker_state", provider="a")
    simulator.script("status=500")
    for _ in range(10):
        assert suite.chat(model="m").status == 200
    assert len(simulator.records()) == 3 and state() == 2
    refused = suite.chat(model="only")
    assert (refused.status, refused.code) == (503, "no_healthy_provider")
    assert int(refused.headers["retry-after"]) >= 1 and len(simulator.records()) == 3
    simulator.script("")
    wait_until(lambda: suite.chat(model="only").status == 200, "the half-open try", 3)
    metrics = suite.metrics()
    assert state() == 0
    assert [metrics.value("circuit_breaker_transitions_total", provider="a", to=to)
            for to in ("open", "half_open", "closed")] == [1, 1, 1]
    # A target that was passed over is no station on the way to another.
    assert metrics.value("llm_fallbacks_total", **{"from": "a", "to": "b"}) == 3


def test_a_passed_over_target_is_not_called_the_one_that_failed(start_suite, simulator,
                                                                start_simulator):
    """b has no place and no line: the request fails at a, and the books say so."""
    busy = start_simulator()
    suite = start_suite(services=["llm-proxy"], config={
        "providers": [Suite.provider(simulator, "a", retry={"max": 0}),
                      Suite.provider(busy, "b", max_parallel=1, queue={"max": 0})],
        "models": [model("m", "a", "b"), model("occupant", "b")]})
    busy.script("silence")
    simulator.script("status=500")
    occupant = suite.stream(model="occupant")
    busy.wait_records(1)
    answer = suite.chat(model="m")
    assert (answer.status, answer.code) == (503, "overloaded")
    assert answer.headers["x-llm-provider"] == "a"
    occupant.close()
    assert ("a", "http_5xx") in outcomes(suite, 2)
    row = next(row for row in suite.ledger() if row["model"] == "m")
    assert (row["provider"], row["attempts"], row["status"]) == ("a", 1, "error")
    suite.shows("llm_fallbacks_total", 0)


def test_the_line_is_served_in_order_and_has_an_end(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")],
                  {"max_parallel": 1, "queue": {"max": 3, "timeout": "10s"}},
                  proxy={"threads": 1})
    simulator.script("delay=300ms", "")
    threads = []

    def ask(i):
        assert suite.chat(f"number {i}", model="m").status == 200
    for i in range(4):
        threads.append(threading.Thread(target=ask, args=[i]))
        threads[-1].start()
        simulator.wait_records(1)
        wait_until(lambda: suite.metrics().value("worker_pool_queue_depth", pool="a") == i,
                   "its place in the line")
    refused = suite.chat(model="m")
    assert (refused.status, refused.code) == (503, "overloaded")
    for thread in threads:
        thread.join()
    at = simulator.records()
    assert [f"number {i}" in json.dumps(r["body"]) for i, r in enumerate(at)] == [True] * 4
    assert all(b["arrived_us"] >= a["finished_us"] for a, b in zip(at, at[1:]))


def test_the_line_has_a_timeout_and_another_target(start_suite, simulator, start_simulator):
    backup = start_simulator()
    suite = start_suite(services=["llm-proxy"], config={
        "providers": [Suite.provider(simulator, "a", max_parallel=1,
                                     queue={"max": 9, "timeout": "300ms"}),
                      Suite.provider(backup, "b")],
        "models": [model("m", "a"), model("both", "a", "b")]})
    simulator.script("silence")
    occupant = suite.stream(model="m")
    simulator.wait_records(1)
    answer, seconds = took(lambda: suite.chat(model="m"))
    assert (answer.status, answer.code) == (504, "queue_timeout")
    assert 0.3 - EARLY <= seconds < 0.3 + LATE
    answer, seconds = took(lambda: suite.chat(model="both"))
    assert answer.headers["x-llm-provider"] == "b" and 0.3 - EARLY <= seconds < 0.3 + LATE
    occupant.close()
    assert [row["status"] for row in suite.wait_ledger(3)] == ["cancelled", "refused", "success"]


@pytest.mark.parametrize("phase, script, provider", [
    ("before the first byte", "silence", {}),
    ("in mid-stream", "stall=3,chunks=9", {}),
])
def test_the_callers_deadline_ends_it_all(start_suite, simulator, phase, script, provider):
    suite = start(start_suite, [simulator], [model("m", "a")], provider)
    simulator.script(script)

    def ask():
        stream = suite.stream(model="m", headers={"x-llm-deadline-ms": "400"})
        stream.read_all()
        return stream
    stream, seconds = took(ask)
    assert 0.4 - EARLY <= seconds < 0.4 + LATE
    row = suite.wait_ledger(1)[0]
    assert row["error"] == "deadline_exceeded"
    if phase == "in mid-stream":
        assert stream.is_closed and not stream.has_ended_well and row["status"] == "truncated"
        assert json.loads(stream.events()[-1])["error"]["code"] == "deadline_exceeded"
    else:
        assert (stream.status, row["status"], row["http_status"]) == (504, "error", 504)
        assert json.loads(stream.body)["error"]["code"] == "deadline_exceeded"
    assert simulator.wait_closed(1)["closed"] in ("fin", "rst")


def test_nobody_backs_off_beyond_the_callers_deadline(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")],
                  {"retry": {"max": 3, "max_backoff": "10s"}})
    simulator.script("status=503,retry-after=5")
    answer, seconds = took(lambda: suite.chat(model="m", headers={"x-llm-deadline-ms": "4000"}))
    assert (answer.status, answer.code) == (502, "upstream_error") and seconds < LATE
    assert len(simulator.records()) == 1


def test_a_deadline_in_the_line(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")], {"max_parallel": 1})
    simulator.script("silence")
    occupant = suite.stream(model="m")
    simulator.wait_records(1)
    answer, seconds = took(lambda: suite.chat(model="m", headers={"x-llm-deadline-ms": "200"}))
    assert (answer.status, answer.code) == (504, "deadline_exceeded")
    assert 0.2 - EARLY <= seconds < 0.2 + LATE
    occupant.close()


def test_a_deadline_that_is_no_number_or_kept_changes_nothing(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")])
    for text in ("60000", "0", "-5", "soon", "1e3", "99999999999999999999"):
        assert suite.chat(model="m", headers={"x-llm-deadline-ms": text}).status == 200


def test_comments_keep_a_client_while_the_provider_thinks(start_suite, simulator):
    suite = start(start_suite, [simulator], [model("m", "a")],
                  proxy={"keepalive_comment": "1s"})
    simulator.script("delay=2500ms")
    stream = suite.stream("hello", model="m")
    stream.read_until(": keep-alive\n\n")
    assert stream.status == 200
    stream.read_all()
    assert stream.body.count(b": keep-alive\n\n") == 2
    assert stream.has_ended_well and stream.text() == "echo: hello"
    assert [row["status"] for row in suite.wait_ledger(1)] == ["success"]


def test_another_target_can_still_answer_after_a_comment(start_suite, simulator, start_simulator):
    backup = start_simulator()
    suite = start(start_suite, [simulator, backup], [model("m", "a", "b")],
                  proxy={"keepalive_comment": "1s"})
    simulator.script("delay=1500ms,status=500")
    stream = suite.stream("hello", model="m")
    stream.read_all()
    assert stream.has_ended_well and stream.text() == "echo: hello"
    assert stream.body.startswith(b": keep-alive\n\n")
    assert outcomes(suite) == [("a", "http_5xx"), ("b", "ok")]
    backup.script("status=500")
    stream = suite.stream("hello", model="m")
    stream.read_all()  # … and when none does, the error is in the stream
    assert stream.status == 200 and stream.is_closed and not stream.has_ended_well
    assert json.loads(stream.events()[-1])["error"]["code"] == "upstream_error"
    row = suite.wait_ledger(2)[1]
    assert (row["status"], row["http_status"]) == ("error", 200)


def test_comments_fill_the_pauses_within_an_answer(start_suite):
    goes_on = threading.Event()

    def answer(connection, _):
        connection.sendall(SSE_HEAD + delta("a"))
        goes_on.wait(10)
        connection.sendall(delta("b", '"stop"') + event("[DONE]") + b"0\r\n\r\n")
    upstream = RawUpstream(answer)
    suite = start(start_suite, [upstream], [model("m", "a")], proxy={"keepalive_comment": "1s"})
    stream = suite.stream(model="m")
    stream.read_until(": keep-alive\n\n")
    goes_on.set()
    stream.read_all()
    assert stream.has_ended_well and stream.text() == "ab"
    upstream.close()
