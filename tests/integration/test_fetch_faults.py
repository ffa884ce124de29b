"""Whatever an upstream does, a fetch ends with the right result, at the right time, and cleanly.

Every scenario runs through both clients: the plain one and libcurl's.
"""
import contextlib
import socket
import time

import pytest

from fetch_upstream import HELLO, Upstream, answering, fetch, run_probe
from raw_upstream import blackhole
from suite import SLOW

CHUNKED = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
           + b"".join(b"1d\r\ndata: {\"a piece\": \"%06d\"}\n\n\r\n" % i for i in range(12))
           + b"0\r\n\r\n")
CHUNKED_BODY = "".join("data: {\"a piece\": \"%06d\"}\n\n" % i for i in range(12))


@pytest.fixture(params=["plain", "curl"])
def client(request):
    """The command line's way to choose: nothing, or libcurl whatever the scheme."""
    return ["--client", "curl"] if request.param == "curl" else []


def fetch_timely(url, *args, result, after, since="started_ms"):
    """The fetch ends so `after` that many milliseconds, never before; at the third try at the
    latest within 100 ms, for the machine may be busy."""
    for _ in range(3):
        found = fetch(url, *args)
        late = found.done_ms - found.get(since, 0) - after
        assert found.result == result and late >= -10
        if late < 100:
            return found
    raise AssertionError(f"{late} ms late")


COMPLETE = {
    "length": (HELLO, "hello", 200),
    "empty": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200),
    "chunked": (CHUNKED, CHUNKED_BODY, 200),
    "extension and trailer": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              b"5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n", "hello", 200),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", 200),
    "no body": (b"HTTP/1.1 204 No Content\r\n\r\n", "", 204),
    "error": (b"HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}", "{}", 429),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + HELLO,
                "hello", 200),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: /secret\r\nContent-Length: 0\r\n\r\n", "", 302),
}


@pytest.mark.parametrize("name", COMPLETE)
def test_a_complete_answer_is_ok_and_the_connection_is_used_again(client, name):
    answer, body, status = COMPLETE[name]
    with Upstream(answering(answer)) as upstream:
        found = run_probe(upstream.url, "--count", 3, *client)
    assert [(f.result, f.status, f.body) for f in found] == [("ok", status, body)] * 3
    assert len(upstream.connections) == 1 and len(upstream.requests) == 3


@pytest.mark.parametrize("name", COMPLETE)
def test_an_answer_may_come_byte_by_byte(client, name):
    answer, body, status = COMPLETE[name]

    def script(connection):
        while connection.read_request() is not None:
            connection.drip(answer, 0)
    with Upstream(script) as upstream:
        found = fetch(upstream.url, *client)
    assert (found.result, found.status, found.body) == ("ok", status, body)


ENDING_WITH_THE_CONNECTION = {
    "until close": b"HTTP/1.1 200 OK\r\n\r\nhello",
    "http/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "close": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("name", ENDING_WITH_THE_CONNECTION)
def test_an_answer_may_end_with_its_connection(client, name):
    answer = ENDING_WITH_THE_CONNECTION[name]
    with Upstream(answering(answer, then=lambda c: None)) as upstream:
        found = run_probe(upstream.url, "--count", 3, *client)
    assert [(f.result, f.body) for f in found] == [("ok", "hello")] * 3
    assert len(upstream.connections) == 3


def test_head_has_no_body_whatever_its_length_says(client):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with Upstream(answering(answer)) as upstream:
        found = run_probe(upstream.url, "--method", "HEAD", "--count", 2, *client)
    assert [f.result for f in found] == ["ok"] * 2
    assert len(upstream.connections) == 1


def test_exactly_these_bytes_are_sent(client):
    with Upstream(answering(HELLO)) as upstream:
        run_probe(upstream.url + "/v1", "--path", "/chat?a=b", "--method", "POST", "--header",
                  "Authorization: Bearer x", "--header", "Host: evil", "--header",
                  "Transfer-Encoding: chunked", "--header", "X-Empty:", "--body", "{", "--body", "",
                  "--body", "}", *client)
    (head, body), = upstream.requests
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v1/chat?a=b HTTP/1.1"
    assert sorted(line.strip().lower() for line in lines[1:]) == sorted([
        f"host: 127.0.0.1:{upstream.port}", "authorization: bearer x", "x-empty:",
        "content-length: 2"])
    assert body == b"{}"


def test_what_could_start_a_second_request_is_not_sent(client):
    with Upstream(answering(HELLO)) as upstream:
        found = [fetch(upstream.url, *client, *bad) for bad in (
            ["--path", "/a b"], ["--path", "/a\r\nX: y"], ["--header", "X: a\nB: c"],
            ["--header", "X Y: a"], ["--method", "GET /"])]
    assert [f.result for f in found] == ["invalid"] * 5
    assert not upstream.connections


def test_a_large_body_in_pieces_arrives_whole(client):
    with Upstream(answering(HELLO)) as upstream:
        found = fetch(upstream.url, "--method", "POST", "--body", "<", "--body-bytes", 3_000_000,
                      "--body", ">", *client)
    (head, body), = upstream.requests
    assert found.result == "ok"
    assert b"expect" not in head.lower()
    assert len(body) == 3_000_002 and body[:4] == b"<abc" and body[-1:] == b">"


def test_an_answer_may_come_before_the_request_is_sent(client):
    def script(connection):
        connection.more()
        connection.send(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
        connection.sock.shutdown(socket.SHUT_WR)
        connection.wait_closed()
    with Upstream(script) as upstream:
        found = fetch(upstream.url, "--method", "POST", "--body-bytes", 30_000_000, *client)
    assert (found.result, found.status, found.body) == ("ok", 413, "{}")


# Connecting (U-01, U-02)

def test_refused_is_told_at_once(client):
    with Upstream(answering(HELLO)) as upstream:
        pass
    fetch_timely(upstream.url, *client, result="connect", after=0)


def test_a_blackhole_is_a_connect_timeout(client):
    with blackhole() as port:
        fetch_timely(f"http://127.0.0.1:{port}", "--connect", 300, *client,
                     result="connect_timeout", after=300)


def test_localhost_is_found_on_either_address_family(client):
    for host in ("127.0.0.1", "::1"):
        with Upstream(answering(HELLO), host=host) as upstream:
            found = fetch(f"http://localhost:{upstream.port}", *client)
        assert found.result == "ok", host


def test_an_ipv6_literal_is_an_address(client):
    with Upstream(answering(HELLO), host="::1") as upstream:
        found = fetch(f"http://[::1]:{upstream.port}", *client)
    assert found.result == "ok"
    assert b"Host: [::1]:%d\r\n" % upstream.port in upstream.requests[0][0] + b"\r\n"


def test_a_name_is_looked_up(client):
    name = socket.gethostname()
    try:
        address = socket.getaddrinfo(name, 80, socket.AF_INET)[0][4][0]
    except OSError:
        pytest.skip("this machine's own name has no address")
    with Upstream(answering(HELLO), host=address) as upstream:
        found = run_probe(f"http://{name}:{upstream.port}", "--count", 10, "--parallel", 5, *client)
    assert [f.result for f in found] == ["ok"] * 10


def test_a_name_without_an_address_and_a_malformed_one(client):
    assert fetch("http://nosuch.invalid", *client).result == "resolve"
    assert fetch("http://127.0.0.1:x", *client).result == "resolve"


# Waiting (U-03, U-04, U-08)

def test_no_first_byte(client):
    with Upstream(lambda c: c.wait_closed()) as upstream:
        found = fetch_timely(upstream.url, "--first-byte", 300, *client,
                             result="first_byte_timeout", after=300, since="connected_ms")
    assert found.connected_ms >= 0


def test_silence_in_the_middle(client):
    with Upstream(answering(CHUNKED[:200], then=lambda c: c.wait_closed())) as upstream:
        found = fetch_timely(upstream.url, "--first-byte", 5000, "--idle", 300, *client,
                             result="idle_timeout", after=300, since="head_ms")
    assert found.status == 200 and found.body and CHUNKED_BODY.startswith(found.body)


def test_a_drip_moves_the_idle_limit_but_not_the_total(client):
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        connection.drip(b"x" * 100, 0.1)
    with Upstream(script) as upstream:
        found = fetch_timely(upstream.url, "--idle", 700, "--total", 1500, *client,
                             result="total_timeout", after=1500)
    assert 2 <= found.bytes <= 16


# Cuts (U-05)

@pytest.mark.parametrize("kind", ["reset", "close"])
def test_a_cut_at_each_byte_is_never_a_success(client, kind):
    def script(connection):
        connection.read_request()
        connection.send(CHUNKED[:connection.number])
        time.sleep(0.001)  # a reset overtakes what has not been read
        getattr(connection, kind)()
    with Upstream(script) as upstream:
        # Only the very last byte may be missing: libcurl knows by then.
        found = run_probe(upstream.url, "--count", len(CHUNKED) - 1, *client)
    assert len(upstream.connections) == len(CHUNKED) - 1 > 200
    assert [i for i, f in enumerate(found) if f.result != "reset"] == []
    assert all(CHUNKED_BODY.startswith(f.body) for f in found)
    assert found[-1].body == CHUNKED_BODY


def test_less_body_than_promised_is_no_success(client):
    with Upstream(answering(HELLO[:-1], then=lambda c: None)) as upstream:
        found = fetch(upstream.url, *client)
    assert (found.result, found.status, found.body) == ("reset", 200, "hell")


# Garbage (U-06, U-07, U-15)

OK = b"HTTP/1.1 200 OK\r\n"
TE = OK + b"Transfer-Encoding: chunked\r\n\r\n"
INVALID = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "no head": b"<html><body>hello</body></html>\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "short status": b"HTTP/1.1 20\r\n\r\n",
    "long status": b"HTTP/1.1 2000 OK\r\n\r\n",
    "other version": b"HTTP/4.2 200 OK\r\n\r\n",
    "nul": OK + b"X: a\0b\r\n\r\n",
    "bare lf": OK + b"X: y\nContent-Length: 0\r\n\r\n",
    "bare cr": OK + b"X: y\rZ: z\r\n\r\n",
    "fold": OK + b"X: y\r\n z\r\nContent-Length: 0\r\n\r\n",
    "space before colon": OK + b"Content-Length : 5\r\n\r\nhello",
    "no colon": OK + b"nonsense\r\n\r\n",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "negative length": OK + b"Content-Length: -5\r\n\r\nhello",
    "length and chunked": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "stacked encodings": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "chunk size": TE + b"xyz\r\nhello\r\n0\r\n\r\n",
    "huge chunk": TE + b"fffffffffffffffff\r\n",
    "101 fields": OK + b"Set-Cookie: a=b\r\n" * 101 + b"Content-Length: 0\r\n\r\n",
    "64 KiB of fields": OK + b"".join(b"X-%d: %s\r\n" % (i, b"x" * 1000) for i in range(70)) + b"\r\n",
    "nine interim heads": b"HTTP/1.1 103 Hints\r\n\r\n" * 9 + HELLO,
}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_not_http_or_breaks_a_limit_is_invalid(client, name):
    with Upstream(answering(INVALID[name], then=lambda c: c.wait_closed())) as upstream:
        found = fetch(upstream.url, "--idle", 3000, "--first-byte", 3000, *client)
    assert found.result == "invalid"
    assert len(upstream.connections) == 1


def endless(start, piece):
    def script(connection):
        connection.read_request()
        connection.sock.sendall(start)
        while True:
            connection.sock.sendall(piece)
    return script


@pytest.mark.parametrize("piece", [b"x" * 1000, b"X: y\r\n", b"X: y" * 100])
def test_a_head_without_end_is_cut(client, piece):
    with Upstream(endless(OK, piece)) as upstream:
        found = fetch(upstream.url, *client)
    assert found.result == "invalid" and found.status == 0


def test_interim_heads_without_end_are_cut(client):
    with Upstream(endless(b"", b"HTTP/1.1 103 Hints\r\n\r\n")) as upstream:
        found = fetch(upstream.url, *client)
    assert found.result == "invalid" and found.status == 0


@pytest.mark.parametrize("start", [OK + b"\r\n", OK + b"Content-Length: 999999999999\r\n\r\n"])
def test_a_body_over_the_limit_is_cut_there(client, start):
    with Upstream(endless(start, b"x" * 1000)) as upstream:
        found = fetch(upstream.url, "--max-body", 100_000, *client)
    assert found.result == "too_large" and found.bytes <= 100_000


def test_a_body_of_exactly_the_limit_passes(client):
    with Upstream(answering(HELLO)) as upstream:
        assert fetch(upstream.url, "--max-body", 5, *client).result == "ok"
        assert fetch(upstream.url, "--max-body", 4, *client).result == "too_large"


def test_a_redirect_is_not_followed(client):
    with Upstream(answering(HELLO)) as trap:
        answer = (b"HTTP/1.1 307 Temporary\r\nLocation: http://127.0.0.1:%d/\r\n"
                  b"Content-Length: 0\r\n\r\n" % trap.port)
        with Upstream(answering(answer)) as upstream:
            found = fetch(upstream.url, *client)
        assert (found.result, found.status) == ("ok", 307)
        assert not trap.connections


# Pooled connections (U-17)

@pytest.mark.parametrize("kind", ["reset", "close"])
def test_a_stale_connection_costs_one_resend(client, kind):
    def script(connection):
        connection.read_request()
        connection.send(HELLO)
        if connection.read_request() is not None:
            getattr(connection, kind)()
    with Upstream(script) as upstream:
        found = run_probe(upstream.url, "--method", "POST", "--body", "{}", "--body", "x",
                          "--count", 5, *client)
    assert [(f.result, f.body) for f in found] == [("ok", "hello")] * 5
    assert len(upstream.requests) == 9 and {body for _, body in upstream.requests} == {b"{}x"}


def test_there_is_one_resend_and_no_more(client):
    def script(connection):
        connection.read_request()
        if connection.number == 0:
            connection.send(HELLO)
            connection.read_request()
    with Upstream(script) as upstream:
        found = run_probe(upstream.url, "--count", 2, *client)
    assert [f.result for f in found] == ["ok", "reset"]
    assert len(upstream.requests) == 3


def test_an_answer_that_has_begun_is_never_asked_for_again(client):
    def script(connection):
        connection.read_request()
        connection.send(HELLO)
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n")
    with Upstream(script) as upstream:
        found = run_probe(upstream.url, "--count", 2, *client)
    assert [f.result for f in found] == ["ok", "reset"]
    assert len(upstream.requests) == 2


def test_a_request_that_was_worked_on_is_not_sent_again():
    """Closing after a while is an answer of a kind, not a stale connection."""
    def script(connection):
        connection.read_request()
        connection.send(HELLO)
        connection.read_request()
        time.sleep(1.1)
    with Upstream(script) as upstream:
        found = run_probe(upstream.url, "--count", 2)
    assert [f.result for f in found] == ["ok", "reset"]
    assert len(upstream.requests) == 2


def test_an_upstream_that_closes_after_each_answer_costs_no_failure(client):
    """It keeps its connections alive by its own words, and closes them as the next request comes."""
    with Upstream(answering(HELLO, then=lambda c: None), backlog=1000) as upstream:
        summary = fetch(upstream.url, "--count", 2000, "--parallel", 4, "--quiet", 1, *client,
                        timeout=120)
    assert summary.ok == 2000


def test_bytes_after_an_answer_are_nobodys(client):
    with Upstream(answering(HELLO + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")) as upstream:
        found = run_probe(upstream.url, "--count", 3, *client)
    assert [f.body for f in found] == ["hello"] * 3
    assert len(upstream.connections) == 3


# Holding back and leaving

def test_nothing_is_delivered_during_a_pause_and_nothing_lost(client):
    body = b"0123456789" * 400_000
    progress = []

    def script(connection):
        connection.read_request()
        connection.send(OK + b"Content-Length: %d\r\n\r\n" % len(body))
        connection.sock.setblocking(False)
        left = memoryview(body)
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            with contextlib.suppress(BlockingIOError):
                left = left[connection.sock.send(left[:65536]):]
            time.sleep(0.0005)
        progress.append(len(body) - len(left))
        connection.sock.setblocking(True)
        connection.sock.sendall(left)
        connection.wait_closed()
    with Upstream(script) as upstream:
        upstream.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        found = fetch(upstream.url, "--pause-at", 1000, "--pause-for", 600 * SLOW, "--idle", 400, *client)
    assert found.result == "ok" and found.bytes == len(body) and not found.paused_wrongly
    assert found.done_ms >= 590 and found.body == body.decode()
    if SLOW == 1:
        assert progress[0] < len(body)


def test_the_idle_limit_holds_again_after_a_pause(client):
    with Upstream(answering(CHUNKED[:200], then=lambda c: c.wait_closed())) as upstream:
        fetch_timely(upstream.url, "--pause-at", 1, "--pause-for", 400, "--idle", 200, *client,
                     result="idle_timeout", after=600, since="head_ms")


def check_closed_at_once(upstream, found):
    """Both sides read the same clock. The median, and a bound that a busy machine keeps too."""
    assert {f.result for f in found} == {"cancelled"}
    delays = sorted(c.closed_at - f.done_us / 1e6 for c, f in zip(upstream.connections, found))
    assert len(delays) == len(found)
    assert delays[len(delays) // 2] < 0.005 * SLOW and delays[-1] < 1


@pytest.mark.parametrize("when", [["--cancel-on-head", 1], ["--cancel-at", 1]])
def test_cancelling_inside_a_callback_closes_the_connection_at_once(client, when):
    with Upstream(answering(CHUNKED[:200], then=lambda c: c.wait_closed())) as upstream:
        found = run_probe(upstream.url, "--count", 50, *when, *client)
    check_closed_at_once(upstream, found)


@pytest.mark.parametrize("answer", [b"", CHUNKED[:200]], ids=["waiting", "streaming"])
def test_cancelling_from_outside_closes_the_connection_at_once(client, answer):
    with Upstream(answering(answer, then=lambda c: c.wait_closed())) as upstream:
        found = run_probe(upstream.url, "--cancel-after", 50, "--count", 10, *client)
    check_closed_at_once(upstream, found)
    assert all(f.done_ms >= 40 for f in found)


def test_cancelling_while_connecting_or_looking_up(client):
    with blackhole() as port:
        found = fetch(f"http://127.0.0.1:{port}", "--cancel-after", 30, *client)
    assert found.result == "cancelled"
    for found in run_probe("http://nosuch.invalid", "--cancel-after", 1, "--count", 20, *client):
        assert found.result in ("cancelled", "resolve")


def test_a_pool_is_freed_with_fetches_under_way(client):
    with Upstream(answering(CHUNKED[:200], then=lambda c: c.wait_closed())) as upstream:
        run_probe(upstream.url, "--count", 50, "--parallel", 20, "--stop-after", 100, *client)
    run_probe("http://nosuch.invalid", "--count", 50, "--parallel", 20, "--stop-after", 1, *client)


def test_random_cancels_leak_nothing(client):
    """The program compares its descriptors; under a sanitizer, its memory too."""
    body = HELLO.replace(b"5", b"5000").replace(b"hello", b"hello" * 1000)

    def script(connection):
        while connection.read_request() is not None:
            connection.send(body[:1000])
            if connection.number % 3 == 0:
                time.sleep(0.001)
            connection.send(body[1000:])
    with Upstream(script, backlog=1000) as upstream:
        for seed in (1, 2):
            summary = fetch(upstream.url, "--count", 5000, "--parallel", 16, "--chaos", seed,
                            "--quiet", 1, *client, timeout=120)
            assert summary.of == 5000 and 0 < summary.ok < 4000
