"""SIGTERM under load: what has begun is finished, what comes later is refused, nothing is cut."""
import json
import signal
import socket
import threading
import time

import pytest

from load import Load
from suite import SLOW, SOAK, Suite, connect, request, wait_until

ROUNDS = 20 if SOAK else 3


def start(start_suite, simulator, drain="10s", **provider):
    return start_suite(simulator, services=["llm-proxy"], config={
        "proxy": {"drain_timeout": drain},
        "providers": [Suite.provider(simulator, max_parallel=1000, breaker={"failures": 1000},
                                     **provider)]})


def terminate(suite):
    suite.proxy.signal(signal.SIGTERM)
    return time.monotonic()


def wait_exit(suite, timeout=30):
    assert suite.proxy.child.wait(timeout) == 0
    return time.monotonic()


def test_streams_that_are_open_are_finished(start_suite, simulator):
    suite = start(start_suite, simulator)
    simulator.script("chunks=30,interval=50ms")
    streams = [suite.stream(stream=bool(i % 2)) for i in range(40)]
    for stream in streams[1::2]:
        stream.read_until("w2")
    simulator.wait_records(40)
    begun = terminate(suite)
    readers = [threading.Thread(target=stream.read_all) for stream in streams]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    seconds = wait_exit(suite) - begun
    assert seconds < 3 * SLOW  # as long as they took, not the whole timeout
    for stream in streams:
        assert stream.has_ended_well and b"w30" in stream.body
    for stream in streams[1::2]:
        assert stream.events()[-1] == "[DONE]"
    assert [row["status"] for row in suite.wait_ledger(40)] == ["success"] * 40


def test_no_request_of_a_busy_hour_is_lost(start_suite, simulator):
    """A client is answered in full, or not let in at all: refused, or reset before anything of
    its request was read, when it came between the last look at the door and its closing."""
    suite = start(start_suite, simulator)
    simulator.script("chunks=3,interval=1ms")
    answered = resets = 0
    for _ in range(ROUNDS):
        with Load(suite, clients=8) as load:
            load.wait_for(100)
            begun = terminate(suite)
            assert wait_exit(suite) - begun < 2 * SLOW
        resets += sum(isinstance(ask.error, ConnectionResetError) for ask in load.failed)
        wrong = [ask for ask in load.failed if ask.status or not isinstance(
            ask.error, (ConnectionRefusedError, ConnectionResetError))]
        assert wrong == []
        answered += len(load.asks) - len(load.failed)
        assert len(suite.wait_ledger(answered)) == answered
        suite.proxy.start_and_wait_ready()
    print(f"{ROUNDS} stops, {answered} requests answered, {resets} reset at the door")
    assert resets <= 1 + ROUNDS // 5


def test_connections_that_wait_for_nothing_do_not_hold_it_up(start_suite, simulator):
    suite = start(start_suite, simulator, drain="30s")
    idle = [connect(suite.port) for _ in range(10)]
    kept = connect(suite.port)  # has been served once
    kept.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"200" in kept.recv(4096)
    begun_head = connect(suite.port)  # half a head: never to be finished
    begun_head.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n")
    time.sleep(0.05)
    begun_head.close()
    begun = terminate(suite)
    assert wait_exit(suite) - begun < 1 * SLOW
    for s in [*idle, kept]:
        assert s.recv(100) == b""


def test_it_says_that_it_drains_and_lets_nobody_in(start_suite, simulator):
    suite = start(start_suite, simulator)
    simulator.script("chunks=30,interval=50ms")
    kept = connect(suite.port)
    kept.sendall(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 200 " in kept.recv(4096)
    stream = suite.stream()
    stream.read_until("w2")
    terminate(suite)

    def is_refused():
        try:
            connect(suite.port).close()
        except ConnectionRefusedError:
            return True
        return False
    wait_until(is_refused, "a closed door")
    ready = request(f"http://127.0.0.1:{suite.admin_port}/ready")
    assert ready.status == 503 and ready.json["reasons"] == ["draining"]
    assert request(f"http://127.0.0.1:{suite.admin_port}/health").status == 200
    suite.proxy.signal(signal.SIGTERM)  # a second one changes nothing
    assert kept.recv(100) == b""
    stream.read_all()
    assert stream.has_ended_well and stream.text().endswith("w30")
    wait_exit(suite)


@pytest.mark.parametrize("phase, script, provider", [
    ("mid-stream", "chunks=1000,interval=20ms", {}),
    ("thinking", "silence", {}),
    ("whole", "silence", {}),
    ("back-off", "status=503", {"retry": {"max": 3, "backoff": "1h", "max_backoff": "1h", "budget": 1}}),
])
def test_after_the_timeout_one_error_says_why(start_suite, simulator, phase, script, provider):
    suite = start(start_suite, simulator, drain="500ms", **provider)
    simulator.script(script)
    streams = [suite.stream(stream=phase != "whole") for _ in range(10)]
    simulator.wait_records(10)
    if phase == "mid-stream":
        for stream in streams:
            stream.read_until("w2")
    begun = terminate(suite)
    for stream in streams:
        stream.read_all()
    seconds = wait_exit(suite) - begun
    assert 0.5 <= seconds < 0.5 + 0.5 * SLOW
    for stream in streams:
        if phase == "mid-stream":
            assert stream.status == 200 and stream.is_closed and not stream.has_ended_well
            error = json.loads(stream.events()[-1])["error"]
            assert sum('"error"' in data for data in stream.events()) == 1
            assert "[DONE]" not in stream.events()
        else:
            assert stream.status == 503 and int(stream.headers["retry-after"]) >= 1
            error = json.loads(stream.body)["error"]
        assert error["code"] == "draining"
    rows = suite.wait_ledger(10)
    assert len(rows) == 10
    for row in rows:
        assert row["status"] == ("truncated" if phase == "mid-stream" else "error")
        assert row["error"] == "draining"
        tries = suite.ledger(f"SELECT outcome FROM attempts WHERE id = {row['id']}")
        assert [t["outcome"] for t in tries] == ["http_5xx" if phase == "back-off"
                                                 else "cancelled"]
    for record in simulator.records():
        assert record["closed"] or phase == "back-off"


def test_those_who_wait_in_line_are_served_or_told(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"], config={
        "proxy": {"drain_timeout": "1s"},
        "providers": [Suite.provider(simulator, max_parallel=1)]})
    simulator.script("delay=300ms", "silence")
    streams = [suite.stream() for _ in range(4)]
    wait_until(lambda: suite.metrics().value("worker_pool_queue_depth") == 3, "the line")
    terminate(suite)
    for stream in streams:
        stream.read_all()
    wait_exit(suite)
    assert sum(stream.has_ended_well and stream.status == 200 for stream in streams) == 1
    told = [stream for stream in streams if stream.status == 503]
    assert len(told) == 3
    assert all(json.loads(s.body)["error"]["code"] == "draining" for s in told)


def test_a_client_that_does_not_read_does_not_hold_it_up(start_suite, simulator):
    suite = start(start_suite, simulator, drain="500ms")
    simulator.script("size=20MiB,chunks=2000")
    stream = suite.stream()
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    simulator.wait_records(1)
    time.sleep(0.1)
    begun = terminate(suite)
    assert 0.5 <= wait_exit(suite) - begun < 0.5 + 0.5 * SLOW
