"""Faults of a provider with their figures, by their names in the fault table: U-01 to U-17. What a
fetch makes of them byte by byte is in test_fetch_faults.py and test_fetch_tls.py, what the caller
gets in test_proxy_faults.py and test_failover.py; test_fault_table.py has the
whole map."""
import gzip
import json
import os
import socket
import statistics
import struct
import threading
import time

import pytest

from raw_upstream import SSE_HEAD, RawUpstream, blackhole, delta
from suite import SLOW, SOAK, Suite, free_port

LATE = 0.1 * SLOW
TICK = os.sysconf("SC_CLK_TCK")
OK = json.dumps({"choices": [{"index": 0, "finish_reason": "stop", "message": {
    "role": "assistant", "content": "well"}}]}).encode()


class Where:
    """An address where there is no upstream of ours."""

    def __init__(self, port, host="127.0.0.1"):
        self.url = f"http://{host}:{port}"


def whole(body=OK, *headers, status="200 OK", kind="application/json"):
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}",
             *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def start(start_suite, upstream, backup=None, proxy=None, **provider):
    """Provider `a` is the faulty one; model `m` is at a and, if there is one, at b; `alone` is at
    a, `well` at b."""
    provider = {"retry": {"max": 0}, "breaker": {"failures": 1000}, **provider}
    ups = {"a": upstream, **({"b": backup} if backup else {})}
    return start_suite(services=["llm-proxy"], config={
        "proxy": proxy or {},
        "providers": [Suite.provider(up, name, **provider) for name, up in ups.items()],
        "models": [
            {"name": "m", "targets": [{"provider": name, "model": "x"} for name in ups]},
            {"name": "alone", "targets": [{"provider": "a", "model": "x"}]},
            *([{"name": "well", "targets": [{"provider": "b", "model": "x"}]}] if backup else [])]})


@pytest.fixture
def serve():
    """serve(answer): a RawUpstream that is closed with the test."""
    started = []

    def begin(answer):
        started.append(RawUpstream(answer))
        return started[-1]
    yield begin
    for upstream in started:
        upstream.close()


def timed(function):
    begun = time.monotonic()
    result = function()
    return result, time.monotonic() - begun


def memory_peak(suite):
    """High-water mark of the proxy's memory, in KiB."""
    with open(f"/proc/{suite.proxy.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def cpu_seconds(suite):
    with open(f"/proc/{suite.proxy.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def test_u01_refused_costs_the_caller_next_to_nothing(start_suite, simulator):
    suite = start(start_suite, Where(free_port()), simulator)
    seconds = {"well": [], "m": [], "alone": []}
    for _ in range(200 if SOAK else 40):
        for model, status in (("well", 200), ("m", 200), ("alone", 502)):
            answer, took = timed(lambda: suite.chat(model=model))
            assert answer.status == status
            seconds[model].append(took)
    plain, fallback, refused = (statistics.median(of) for of in seconds.values())
    print(f"plain {plain * 1e3:.2f}, fallback {fallback * 1e3:.2f}, refusal {refused * 1e3:.2f} ms")
    assert fallback - plain <= 0.005 * SLOW and refused <= 0.05 * SLOW


def test_u02_a_blackhole_costs_its_connect_timeout(start_suite, simulator):
    with blackhole() as port:
        suite = start(start_suite, Where(port), simulator, timeouts={"connect": "300ms"})
        answer, seconds = timed(lambda: suite.chat(model="m"))
        assert answer.headers["x-llm-provider"] == "b" and 0.29 <= seconds <= 0.3 + LATE


def test_u03_silence_costs_the_time_to_a_first_byte(start_suite, simulator, start_simulator):
    simulator.script("silence")
    suite = start(start_suite, simulator, start_simulator(), timeouts={"first_byte": "300ms"})
    answer, seconds = timed(lambda: suite.chat(model="m"))
    assert answer.headers["x-llm-provider"] == "b" and 0.28 <= seconds <= 0.3 + LATE


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_u05_a_stream_cut_at_an_event_edge_is_told_once(start_suite, simulator, serve, how):
    """Before the first event another provider answers; then nobody else is asked. The first 200
    bytes one by one are in test_proxy_faults.py."""
    def answer(connection, _):
        connection.sendall(SSE_HEAD + b"".join(delta(f"w{i}") for i in range(edge)))
        if how == "rst":
            time.sleep(0.01)  # else it overtakes what was sent
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return True
    suite = start(start_suite, serve(answer), simulator)
    for edge in range(0, 100 if SOAK else 12):
        before = suite.metrics().value("llm_attempts_total", provider="b")
        stream = suite.stream("hi", model="m")
        stream.read_all()
        asked = suite.metrics().value("llm_attempts_total", provider="b") - before
        if edge == 0:
            assert stream.has_ended_well and stream.text() == "echo: hi" and asked == 1
            continue
        assert not stream.has_ended_well and "[DONE]" not in stream.events() and asked == 0
        assert b'finish_reason":"' not in stream.body
        assert json.loads(stream.events()[-1])["error"]["code"] == "upstream_truncated"


def broken_bodies():
    """Answers that are none: every kind of rubbish, and an answer that lacks its end."""
    yield from (b"", b" ", b"null", b"[]", b"{}", b"1", b'"text"', b"<html></html>", b"\0" * 50,
                b"\xef\xbb\xbf" + OK, OK + b"}", OK + b",", b"{" + OK, OK.replace(b":", b"=", 1),
                OK.replace(b'"', b"'"), OK.replace(b"well", b"we\x00ll"),
                OK.replace(b"well", b"\xff\xfe"), OK.replace(b"well", b"\xed\xa0\x80"),
                OK.replace(b"well", b"\\ud800"), OK.replace(b"well", b"\\x41"),
                OK.replace(b"well", b"we\nll"), OK.replace(b"[", b"[,", 1), b"[" * 200,
                b'{"a":' * 200, OK.replace(b'"index"', b'"message"'), gzip.compress(OK)[:-9])
    yield from (OK[:n] for n in range(1, len(OK), 1 if SOAK else 3))


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_u06_garbage_is_never_an_answer_and_never_echoed(start_suite, simulator, serve, is_stream):
    bodies = [body for body in broken_bodies() if not is_stream or b"\n" not in body]
    marked = iter(bodies)

    def answer(connection, _):
        body = next(marked)
        if is_stream:
            body = b"data: " + body + b"\n\n"
        connection.sendall(whole(body, kind="text/event-stream" if is_stream
                                 else "application/json"))
    suite = start(start_suite, serve(answer))
    for body in bodies:
        if is_stream:
            got = suite.stream(model="alone")
            got.read_all()
        else:
            got = suite.chat(model="alone")
        code = json.loads(got.body)["error"]["code"] if got.status != 200 else got.body
        assert (got.status, code) in ((502, "upstream_invalid"), (502, "upstream_truncated")), body
        assert len(body) < 10 or body not in got.body
    metrics = suite.metrics()
    failed = sum(metrics.value("llm_attempts_total", provider="a", outcome=outcome)
                 for outcome in ("invalid", "truncated"))
    assert failed == len(bodies)


def test_u06_the_breaker_counts_garbage(start_suite, serve):
    suite = start(start_suite, serve(lambda c, _: c.sendall(whole(b"<html>", kind="text/html"))),
                  breaker={"failures": 3, "open": "1h"})
    codes = [suite.chat(model="alone").code for _ in range(5)]
    assert codes == ["upstream_invalid"] * 3 + ["no_healthy_provider"] * 2


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("size", [b"FFFFFFFF", b"FFFFFFFFFFFFFFFF", b"10000000000000000", b"-1",
                                  b"0x10"])
def test_u07_a_chunk_without_measure_is_cut(start_suite, serve, size):
    sent = []

    def answer(connection, _):
        connection.sendall(CHUNKED + size + b"\r\n")
        while True:
            connection.sendall(b"x" * 65536)
            sent.append(65536)
    suite = start(start_suite, serve(answer))
    before = memory_peak(suite)
    answer, seconds = timed(lambda: suite.chat(model="alone"))
    assert (answer.status, answer.code) == (502, "upstream_invalid") and seconds < 5 * SLOW
    cap = 64 << 10
    assert sum(sent) / 1024 <= cap + 16384  # and what the sockets hold
    if SLOW == 1:
        assert memory_peak(suite) - before <= cap + 1024


def test_u08_a_drip_ends_at_its_total_and_costs_nothing(start_suite, serve):
    n = 100 if SOAK else 30

    def answer(connection, _):
        data = SSE_HEAD + b"".join(delta("w") for _ in range(50))
        connection.sendall(data[:len(SSE_HEAD) + 90])
        for i in range(len(SSE_HEAD) + 90, len(data)):
            connection.sendall(data[i:i + 1])
            time.sleep(1)
        return True
    suite = start(start_suite, serve(answer), max_parallel=n,
                  timeouts={"idle": "10s", "total": "4s"})
    begun = time.monotonic()
    streams = [suite.stream(model="alone") for _ in range(n)]
    for stream in streams:
        stream.read_until("w")
    spent = cpu_seconds(suite)
    time.sleep(2)  # the time that is measured
    spent = cpu_seconds(suite) - spent
    for stream in streams:
        stream.read_all()
        assert json.loads(stream.events()[-1])["error"]["code"] == "upstream_timeout"
    seconds = time.monotonic() - begun
    print(f"{n} drips: {spent / 2 * 100:.1f} % CPU; ended after {seconds:.2f} s")
    assert 3.9 <= seconds <= 4 + 5 * LATE and spent <= 0.02 + 2 / TICK * SLOW


@pytest.mark.parametrize("name", ["does-not-exist.invalid", "a" * 63 + ".invalid"])
def test_u12_a_name_that_does_not_resolve_is_one_providers_trouble(start_suite, simulator, name):
    suite = start(start_suite, Where(80, name), simulator,
                  timeouts={"connect": "2s"}, proxy={"threads": 1})

    def measure(n):
        return sorted(timed(lambda: suite.chat(model="well"))[1] for _ in range(n))
    measure(20)
    calm, stop = measure(100), threading.Event()

    def lose():
        while not stop.is_set():
            answer = suite.chat(model="alone")
            assert answer.code in ("upstream_error", "upstream_timeout")
            time.sleep(0.01)
    threads = [threading.Thread(target=lose) for _ in range(2)]
    for thread in threads:
        thread.start()
    disturbed = measure(100)
    stop.set()
    for thread in threads:
        thread.join()
    print(f"p50 {calm[50] * 1e3:.2f} -> {disturbed[50] * 1e3:.2f} ms, "
          f"p98 {calm[98] * 1e3:.2f} -> {disturbed[98] * 1e3:.2f} ms")
    assert disturbed[98] < 0.1 * SLOW  # of the order of a request, not of a look-up


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_u13_a_redirect_is_not_followed(start_suite, simulator, status):
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.1)
        simulator.script(f"status={status},location=http%3A//127.0.0.1%3A{trap.getsockname()[1]}/")
        suite = start(start_suite, simulator)
        answer = suite.chat(model="alone")
        assert (answer.status, answer.code) == (502, "upstream_invalid")
        assert "location" not in answer.headers
        with pytest.raises(TimeoutError):
            trap.accept()


@pytest.mark.parametrize("kind", ["one long line", "many lines", "cookies", "interim"])
def test_u15_a_head_without_end_is_cut(start_suite, serve, kind):
    piece = {"one long line": b"x" * 4096, "many lines": b"x-a: b\r\n" * 100,
             "cookies": b"Set-Cookie: " + b"c" * 1000 + b"\r\n",
             "interim": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"}[kind]
    begin = {"one long line": b"HTTP/1.1 200 OK\r\nx: ", "interim": b""}.get(
        kind, b"HTTP/1.1 200 OK\r\n")

    def answer(connection, _):
        connection.sendall(begin)
        for _ in range(10000):
            connection.sendall(piece)
    suite = start(start_suite, serve(answer))
    suite.chat(model="alone")
    before = memory_peak(suite)
    for _ in range(10):
        answered, seconds = timed(lambda: suite.chat(model="alone"))
        assert (answered.status, answered.code) == (502, "upstream_invalid") and seconds < 5 * SLOW
    if SLOW == 1:
        assert memory_peak(suite) - before <= 1024


def test_u16_nothing_compressed_is_asked_for_or_taken(start_suite, simulator, serve):
    bomb = gzip.compress(b"\0" * (50 << 20))
    upstream = serve(lambda c, request: c.sendall(whole(bomb, "Content-Encoding: gzip")))
    suite = start(start_suite, upstream)
    suite.chat(model="alone")
    before = memory_peak(suite)
    answer = suite.chat(model="alone")
    assert (answer.status, answer.code) == (502, "upstream_invalid")
    assert b"accept-encoding" not in upstream.requests[0].lower()
    if SLOW == 1:
        assert memory_peak(suite) - before <= 2048


def test_u17_a_connection_that_closes_as_it_is_used_is_seen_by_nobody(start_suite, serve):
    """The provider closes after each answer, at once or some moments later, by FIN or RST."""
    waits = [0, 0.0002, 0.001, 0.003]

    def answer(connection, _):
        n = len(upstream.requests)
        connection.sendall(whole())
        time.sleep(waits[n % len(waits)])
        if n % 3 == 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return True
    upstream = serve(answer)
    suite = start(start_suite, upstream)
    n = 10000 if SOAK else 400
    failed = []
    for i in range(n):
        answer = suite.chat(model="alone")
        if answer.status != 200:
            failed.append((i, answer.body))
    assert failed == []
    suite.shows("llm_attempts_total", n, provider="a", outcome="ok")
