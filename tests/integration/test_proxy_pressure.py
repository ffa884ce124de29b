"""A client that does not read: the provider is paused, and little is held in between."""
import socket
import time

import pytest

from suite import BUILD, SLOW, SOAK, Stream, Suite, wait_until

HAS_SANITIZER = "asan" in BUILD.name or "tsan" in BUILD.name
STREAMS = 100 if SOAK else 20
BYTES = 16 << 20
HELD_KB = 64  # of one stream's bytes
OVERHEAD_KB = 32  # its connections, request and parsers


def start(start_suite, simulator, **proxy):
    return start_suite(simulator, services=["llm-proxy"], config={
        "proxy": proxy, "providers": [Suite.provider(simulator, max_parallel=1000)]})


def lazy_stream(suite):
    """A stream whose client takes in next to nothing by itself."""
    return Stream(suite.port, {"model": "small", "stream": True, "messages": [
        {"role": "user", "content": "x"}]}, suite.headers(), receive_buffer=8192)


def plateau(read):
    """What `read()` says once it no longer changes."""
    last = [None, 0.0]

    def is_steady():
        value = read()
        if value != last[0]:
            last[:] = value, time.monotonic()
        return time.monotonic() - last[1] > 0.5
    wait_until(is_steady, "a plateau", 30)
    return last[0]


def sent(simulator):
    return sum(r["sent"] for r in simulator.records(brief=True) if "sent" in r)


def test_streams_nobody_reads_hold_64_kib_each(start_suite, simulator):
    suite = start(start_suite, simulator)
    simulator.script("chunks=100")
    for _ in range(50):
        suite.stream().read_all()
    before = suite.proxy.memory_kb("Anonymous")
    simulator.script(f"size={BYTES},chunks=16000")
    streams = [lazy_stream(suite) for _ in range(STREAMS)]
    simulator.wait_records(STREAMS)
    reached = plateau(lambda: sent(simulator))
    grown = suite.proxy.memory_kb("Anonymous") - before
    print(f"{STREAMS} streams: {reached / STREAMS / 1024:.0f} KiB sent by the provider and "
          f"{grown / STREAMS:.0f} KiB held by the proxy for each")
    assert reached < STREAMS * BYTES / 2  # the rest waits at the provider
    if not HAS_SANITIZER:
        assert grown / STREAMS <= HELD_KB + OVERHEAD_KB
    assert suite.chat().status == 200  # others are served meanwhile
    streams[0].socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    streams[0].read_all()
    assert streams[0].has_ended_well and len(streams[0].text()) == BYTES
    for stream in streams[1:]:
        stream.close()
    rows = suite.wait_ledger(50 + STREAMS + 1)
    statuses = [row["status"] for row in rows]
    assert statuses.count("cancelled") == STREAMS - 1


def test_a_client_that_never_reads_is_given_up(start_suite, simulator):
    suite = start(start_suite, simulator, body_timeout="1s")
    simulator.script(f"size={BYTES},chunks=16000")
    stream = lazy_stream(suite)
    number = simulator.wait_records(1)[0]["number"]
    begun = time.monotonic()
    simulator.wait_closed(number, 20)
    assert 0.9 < time.monotonic() - begun < 3 * SLOW
    row = suite.wait_ledger(1)[0]
    assert row["status"] == "cancelled" and row["tokens_out"] > 0
    stream.close()


def test_a_slow_client_gets_everything(start_suite, simulator):
    suite = start(start_suite, simulator)
    simulator.script("size=2MiB,chunks=1000")
    stream = lazy_stream(suite)
    while not stream.has_ended_well:
        assert stream._more()
        time.sleep(0.0005)
    assert len(stream.text()) == 2 << 20 and stream.events()[-1] == "[DONE]"
    assert suite.wait_ledger(1)[0]["status"] == "success"


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_leaves_a_paused_stream_frees_the_provider(start_suite, simulator, leave):
    suite = start(start_suite, simulator)
    simulator.script(f"size={BYTES},chunks=16000")
    for number in range(1, 6):
        stream = lazy_stream(suite)
        simulator.wait_records(number)
        plateau(lambda: sent(simulator))
        left_at = getattr(stream, leave)()
        record = simulator.wait_closed(number)
        assert record["closed_us"] - left_at < 100_000 * SLOW
    assert [row["status"] for row in suite.wait_ledger(5)] == ["cancelled"] * 5
