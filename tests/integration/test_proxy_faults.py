"""What a broken provider does to a client: nothing while another can answer, one error after."""
import json
import time

import pytest

from raw_upstream import SSE_HEAD, RawUpstream, delta, event, wait_for_close
from suite import SLOW, SOAK, Suite, wait_until

FIRST_BYTES = range(0, 201) if SOAK else range(0, 201, 8)
LATER_BYTES = range(201, 2400, 7 if SOAK else 61)
PROVIDER = {"breaker": {"failures": 1000}, "retry": {"max": 0},
            "timeouts": {"first_byte": "300ms", "idle": "300ms"}}
GOOD = "echo: hello there, world"
QUESTION = "hello there, world"


def start(start_suite, first, backup=None):
    """One proxy; the model's first target is `first`, its second `backup`."""
    names = ["sim", "backup"] if backup else ["sim"]
    return start_suite(services=["llm-proxy"], config={
        "providers": [Suite.provider(upstream, name, **PROVIDER)
                      for name, upstream in zip(names, [first, backup])],
        "models": [{"name": "small",
                    "targets": [{"provider": name, "model": name} for name in names]}]})


@pytest.fixture
def pair(start_suite, simulator, start_simulator):
    """A proxy in front of a provider that is told to fail, and one that answers."""
    backup = start_simulator()
    suite = start(start_suite, simulator, backup)
    suite.backup = backup
    return suite


@pytest.fixture
def raw_suite(start_suite):
    """raw_suite(answer, backup): a proxy in front of a RawUpstream."""
    upstreams = []

    def build(answer, backup=None):
        upstreams.append(RawUpstream(answer))
        suite = start(start_suite, upstreams[-1], backup)
        suite.upstream = upstreams[-1]
        return suite
    yield build
    for upstream in upstreams:
        upstream.close()


def ask(suite, is_stream):
    """The answer, read to its end, whichever way it came."""
    if is_stream:
        stream = suite.stream(QUESTION)
        stream.read_all()
        return stream
    return suite.chat(QUESTION)


def is_whole(answer, is_stream):
    if is_stream:
        return (answer.has_ended_well and answer.text() == GOOD
                and answer.events()[-1] == "[DONE]" and b'"error"' not in answer.body)
    return (answer.status == 200
            and answer.json["choices"][0]["message"]["content"] == GOOD)


def check_cut(stream, code):
    """A stream that cannot be taken for a whole one."""
    assert stream.status == 200 and stream.is_closed and not stream.has_ended_well
    events = stream.events()
    assert json.loads(events[-1])["error"]["code"] == code
    assert sum('"error"' in data for data in events) == 1
    assert "[DONE]" not in events and b'"finish_reason":"' not in stream.body


def settled(suite, n):
    """The rows of `n` requests, each with the outcomes of its attempts."""
    rows = suite.wait_ledger(n)
    assert len(rows) == n
    for row in rows:
        tries = suite.ledger(f"SELECT * FROM attempts WHERE id = {row['id']} ORDER BY attempt")
        row["outcomes"] = [(t["provider"], t["outcome"]) for t in tries]
        assert row["attempts"] == len(tries)
    return rows


@pytest.mark.parametrize("end", ["rst", "fin"])
@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
def test_a_reset_at_any_of_the_first_200_bytes_is_not_seen(pair, simulator, is_stream, end):
    for n in FIRST_BYTES:
        simulator.script(f"{end}={n}")
        answer = ask(pair, is_stream)
        assert is_whole(answer, is_stream), f"at {n}: {answer.body!r}"
        assert answer.headers["x-llm-provider"] == "backup"
        assert answer.headers["x-llm-attempts"] == "2"
    for row in settled(pair, len(FIRST_BYTES)):
        assert (row["status"], row["provider"]) == ("success", "backup")
        assert row["outcomes"] == [("sim", "truncated"), ("backup", "ok")]
        assert row["usage_source"] == "upstream"


@pytest.mark.parametrize("end", ["rst", "fin"])
def test_a_reset_after_a_part_of_the_answer_is_one_error_event(pair, simulator, end):
    seen = []  # as the cut moves on: another's answer, then an error, then it came too late
    for n in LATER_BYTES:
        simulator.script(f"{end}={n}")
        stream = ask(pair, True)
        if stream.has_ended_well:
            assert is_whole(stream, True), f"at {n}: {stream.body!r}"
            seen.append(stream.headers["x-llm-provider"])
        else:
            check_cut(stream, "upstream_truncated")
            seen.append("error")
    stages = [stage for i, stage in enumerate(seen) if i == 0 or seen[i - 1] != stage]
    assert stages in (["backup", "error", "sim"], ["error", "sim"])
    for row, how in zip(settled(pair, len(seen)), seen):
        if how == "error":
            assert (row["status"], row["error"]) == ("truncated", "upstream_truncated")
            assert row["outcomes"] == [("sim", "truncated")]
            assert row["usage_source"] == "local" and row["tokens_out"] > 0
        else:
            assert row["status"] == "success"
            assert row["outcomes"][-1] == (how, "ok")


@pytest.mark.parametrize("end", ["rst", "fin"])
def test_a_whole_answer_cut_anywhere_is_replaced(pair, simulator, end):
    for n in LATER_BYTES:
        simulator.script(f"{end}={n}")
        answer = ask(pair, False)
        assert is_whole(answer, False), f"at {n}: {answer.body!r}"


ODD = [
    # what the provider does, what the attempt is called, what the client is told without another
    ("garbage", "invalid", 502, "upstream_invalid"),
    ("html", "invalid", 502, "upstream_invalid"),
    ("empty", "invalid", 502, "upstream_invalid"),
    ("bad-json", "invalid", 502, "upstream_invalid"),
    ("silence", "timeout", 504, "upstream_timeout"),
    ("delay=60s", "timeout", 504, "upstream_timeout"),
    ("status=302,location=http://127.0.0.1:1/", "invalid", 502, "upstream_invalid"),
    ("status=201", "invalid", 502, "upstream_invalid"),
    ("status=429", "http_429", 429, "rate_limit_exceeded"),
    ("status=500", "http_5xx", 502, "upstream_error"),
    ("status=503", "http_5xx", 502, "upstream_error"),
    ("status=401", "http_4xx", 502, "upstream_error"),  # the last: it parks the credential
]


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
def test_what_no_answer_is_goes_to_the_next_target(pair, simulator, is_stream):
    for script, *_ in ODD:
        simulator.script(script)
        answer = ask(pair, is_stream)
        assert is_whole(answer, is_stream), f"{script}: {answer.body!r}"
    for row, (script, outcome, *_) in zip(settled(pair, len(ODD)), ODD):
        assert row["outcomes"] == [("sim", outcome), ("backup", "ok")], script
        assert (row["status"], row["provider"]) == ("success", "backup")


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
def test_what_no_answer_is_becomes_a_typed_error_when_nothing_is_left(start_suite, simulator,
                                                                      is_stream):
    suite = start(start_suite, simulator)
    for script, _, status, code in ODD:
        simulator.script(script)
        answer = ask(suite, is_stream)
        assert answer.status == status and json.loads(answer.body)["error"]["code"] == code, script
        assert b"simulated" not in answer.body and b"http" not in answer.body  # our words only
    for row, (script, outcome, status, code) in zip(settled(suite, len(ODD)), ODD):
        assert row["outcomes"] == [("sim", outcome)], script
        assert (row["status"], row["error"], row["http_status"]) == ("error", code, status)
        assert (row["tokens_in"], row["tokens_out"], row["cost_nano"]) == (0, 0, 0)


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_provider_that_blames_the_request_is_passed_on(pair, simulator, status):
    simulator.script(f"status={status}")
    answer = ask(pair, False)
    assert answer.status == status and answer.json["error"]["message"] == f"scripted status {status}"
    row = settled(pair, 1)[0]
    assert (row["status"], row["outcomes"]) == ("error", [("sim", "http_4xx")])
    pair.shows("circuit_breaker_state", 0, provider="sim")


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
def test_a_dead_port_goes_to_the_next_target(pair, simulator, is_stream):
    simulator.stop()
    answer = ask(pair, is_stream)
    assert is_whole(answer, is_stream)
    assert settled(pair, 1)[0]["outcomes"] == [("sim", "connect"), ("backup", "ok")]


def test_a_stall_in_mid_stream_ends_at_the_idle_timeout(pair, simulator):
    simulator.script("stall=3,chunks=10")
    begun = time.monotonic()
    stream = ask(pair, True)
    assert 0.25 < time.monotonic() - begun < 0.3 + 0.5 * SLOW
    check_cut(stream, "upstream_timeout")
    row = settled(pair, 1)[0]
    assert (row["status"], row["error"]) == ("truncated", "upstream_timeout")
    assert row["outcomes"] == [("sim", "timeout")] and row["tokens_out"] > 0


def test_a_stall_in_a_whole_answer_goes_to_the_next_target(pair, simulator):
    simulator.script("chunks=10,interval=1s")
    assert is_whole(ask(pair, False), False)
    assert settled(pair, 1)[0]["outcomes"] == [("sim", "timeout"), ("backup", "ok")]


def test_a_stream_of_another_type_is_refused_at_its_head(pair, simulator):
    simulator.script("type=text/plain,chunks=10000,interval=10ms")
    begun = time.monotonic()
    assert is_whole(ask(pair, True), True)
    assert time.monotonic() - begun < 1 * SLOW
    assert settled(pair, 1)[0]["outcomes"] == [("sim", "invalid"), ("backup", "ok")]


def test_a_line_over_the_ceiling_goes_to_the_next_target(pair, simulator):
    simulator.script("size=3MiB,chunks=1")
    assert is_whole(ask(pair, True), True)
    assert settled(pair, 1)[0]["outcomes"] == [("sim", "invalid"), ("backup", "ok")]


def test_a_stream_without_its_end_mark_is_whole_if_its_answer_is(pair, simulator):
    simulator.script("no-done")
    begun = time.monotonic()
    stream = ask(pair, True)
    assert is_whole(stream, True) and stream.headers["x-llm-provider"] == "sim"
    assert time.monotonic() - begun < 0.25 * SLOW
    row = settled(pair, 1)[0]
    assert (row["status"], row["usage_source"]) == ("success", "upstream")


@pytest.mark.parametrize("script", ["no-finish,no-done", "no-finish"])
def test_a_stream_that_never_says_why_it_ended_is_no_success(pair, simulator, script):
    simulator.script(script)
    check_cut(ask(pair, True), "upstream_truncated")
    assert settled(pair, 1)[0]["status"] == "truncated"


def test_a_finished_answer_is_settled_though_the_connection_stays_open(raw_suite):
    def answer(connection, _):
        connection.sendall(SSE_HEAD + delta("all") + delta("", '"stop"') + event(
            '{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":1}}'))
        wait_for_close(connection)
        return True
    suite = raw_suite(answer)
    begun = time.monotonic()
    stream = ask(suite, True)
    assert stream.has_ended_well and stream.text() == "all" and stream.events()[-1] == "[DONE]"
    assert time.monotonic() - begun < 0.25 * SLOW  # before the idle timeout
    row = settled(suite, 1)[0]
    assert (row["status"], row["tokens_in"], row["tokens_out"]) == ("success", 7, 1)
    wait_until(lambda: not suite.upstream.open, "the provider's connection closed")


def test_an_empty_event_stream_goes_to_the_next_target(raw_suite, simulator):
    for ending in (b"0\r\n\r\n", event("[DONE]") + b"0\r\n\r\n", event(": thinking") + b"0\r\n\r\n"):
        suite = raw_suite(lambda c, _, e=ending: c.sendall(SSE_HEAD + e), simulator)
        assert is_whole(ask(suite, True), True), ending


def test_an_error_event_of_the_provider_counts_as_its_failure(raw_suite, simulator):
    failure = event('{"error":{"message":"secret words of the provider","code":"x"}}')

    def answer(connection, request):
        begins = b"begin" in request
        connection.sendall(SSE_HEAD + (delta("word") if begins else b"") + failure + b"0\r\n\r\n")
    suite = raw_suite(answer, simulator)
    assert is_whole(ask(suite, True), True)
    stream = suite.stream("begin")
    stream.read_all()
    check_cut(stream, "upstream_error")
    assert b"secret words" not in stream.received
    rows = settled(suite, 2)
    assert rows[0]["outcomes"] == [("sim", "http_5xx"), ("backup", "ok")]
    assert (rows[1]["status"], rows[1]["error"]) == ("truncated", "upstream_error")


def test_nothing_of_one_provider_is_mixed_with_the_answer_of_another(raw_suite, simulator):
    """The role has gone to the client, though no word has: too late for another target."""
    def answer(connection, request):
        pieces = [SSE_HEAD]
        if b"filter" in request:
            pieces.append(event('{"choices":[],"prompt_filter_results":[]}'))
        else:
            pieces.append(event('{"choices":[{"index":0,"delta":{"role":"assistant",'
                                '"content":""},"finish_reason":null}]}'))
        if b"together" not in request:
            connection.sendall(b"".join(pieces))
            time.sleep(0.1)
            pieces = []
        connection.sendall(b"".join(pieces) + event("{broken"))
        return True
    suite = raw_suite(answer, simulator)
    for text in ("role", "filter", "role together", "filter together"):
        stream = suite.stream(text)
        stream.read_all()
        assert stream.is_closed and not stream.has_ended_well, text
        assert json.loads(stream.events()[-1])["error"]["code"] == "upstream_invalid", text
    assert all(row["outcomes"] == [("sim", "invalid")] and row["status"] == "error"
               for row in settled(suite, 4))


def test_an_answer_before_the_request_is_read_does_no_harm(raw_suite):
    """The provider is through while most of the request has not been sent."""
    def answer(connection, _):
        raise AssertionError("never complete")
    suite = raw_suite(answer)

    def serve(connection):
        connection.recv(1024)
        connection.sendall(SSE_HEAD + delta("early", '"stop"') + event("[DONE]"))
        time.sleep(0.3)
        while connection.recv(1 << 20):
            pass
    suite.upstream._serve = serve
    for _ in range(3):
        stream = suite.stream("x" * 30_000_000)
        stream.read_all()
        assert stream.text() == "early" and stream.has_ended_well
    assert all(row["status"] == "success" for row in settled(suite, 3))
