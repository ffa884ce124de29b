"""context-service on the bus: pairing, deadlines, overload, garbage, neighbours that die."""
import contextlib
import json
import os
import random
import signal
import socket
import stat
import threading
import time

import pytest

from bus_client import CONDENSE, COUNT, ERROR, REPLY, RETRIEVE, ContextClient, header
from suite import SLOW, connect, wait_until
from test_context_service import long_session, user


@pytest.fixture
def service(start_suite):
    return start_suite(services=["context-service"])


@pytest.fixture
def client(service):
    one = ContextClient(service)
    yield one
    one.close()


def spelled(messages):
    return json.dumps(messages).encode()


def counter(service, name, **labels):
    return service.metrics("context-service").value(name, **labels)


def test_count_and_condense_are_answered_with_the_question_s_number(client):
    session = spelled(long_session(10))
    counted = client.ask(COUNT, session)
    assert counted.kind == REPLY and counted.raw is None
    assert counted.fields["exact"] is False and counted.fields["method"] == "estimate"
    whole = counted.fields["tokens_before"]

    condensed = client.ask(CONDENSE, session, budget_tokens=whole // 8)
    assert condensed.fields["outcome"] == "condensed"
    assert condensed.fields["stages"] == "mask,drop"
    assert condensed.fields["tokens_before"] == whole
    assert condensed.messages[-1] == user("and now?")
    recount = client.ask(COUNT, condensed.raw)
    assert recount.fields["tokens_after"] == condensed.fields["tokens_after"] <= whole // 8


def test_what_fits_and_what_cannot_are_answers_without_messages(client):
    fits = client.ask(CONDENSE, spelled([user("x")]), budget_tokens=100)
    assert (fits.kind, fits.fields["outcome"], fits.raw) == (REPLY, "unchanged", None)
    cannot = client.ask(CONDENSE, spelled([user("many words " * 99)]), budget_tokens=20)
    assert (cannot.kind, cannot.fields["outcome"], cannot.raw) == (REPLY, "too_large", None)
    assert cannot.fields["tokens_after"] > 20


def test_what_is_wrong_is_an_error_with_its_code(client):
    ok = spelled([user("x")])
    for reply, code in [
            (client.ask(COUNT, b"[{]"), "invalid_json"),
            (client.ask(COUNT, b"{}"), "invalid_request"),
            (client.ask(CONDENSE, ok, mode="off"), "invalid_request"),
            (client.ask(CONDENSE, ok, dialect="klingon"), "invalid_request"),
            (client.ask(COUNT, ok, model=5), "invalid_request"),
            (client.ask(RETRIEVE, b"{}"), "not_found")]:
        assert reply.kind == ERROR and reply.fields["outcome"] == "error"
        assert reply.fields["message"].startswith(code)


def test_ten_thousand_answers_are_paired(service):
    sizes, wrong = {}, []

    def take(client, expected):
        reply = client.receive()
        if reply is None:
            wrong.append(f"{len(expected)} without an answer")
            expected.clear()
            return
        text = expected.pop(reply.correlation_id)
        if sizes.setdefault(text, reply.fields["tokens_after"]) != reply.fields["tokens_after"]:
            wrong.append(reply.fields)

    def load(n):
        client = ContextClient(service)
        expected = {}
        for i in range(2500):
            text = spelled([user("x" * (4 * ((n * 31 + i) % 97)))])
            expected[client.send(COUNT, text)] = text
            if len(expected) >= 50:
                take(client, expected)
        while expected:
            take(client, expected)
        client.close()

    threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong and len(sizes) == 97


def test_a_request_whose_deadline_has_passed_is_dropped(service, client):
    client.send(COUNT, spelled([user("x")]), deadline_us=1)
    answered = client.ask(COUNT, spelled([user("y")]))
    assert answered.kind == REPLY
    wait_until(lambda: counter(service, "context_late_total") == 1, "the other to be dropped")


def test_overload_is_said_at_once_and_nothing_is_lost_uncounted(service, client):
    session = spelled(long_session(60))
    asked = {client.send(CONDENSE, session.replace(b"question 0", b"question %d of them" % n, 1),
                         budget_tokens=3000, deadline_us=60_000_000)
             for n in range(1500)}  # each its own: what was asked before is answered at once
    kinds = {REPLY: 0, ERROR: 0}
    while sum(kinds.values()) < 1500 - counter(service, "bus_dropped_total", reason="full"):
        reply = client.receive(2.0 * SLOW)
        if reply is None:
            continue
        asked.remove(reply.correlation_id)
        kinds[reply.kind] += 1
        if reply.kind == ERROR:
            assert reply.fields["message"] == "overloaded"
    assert kinds[REPLY] >= 256 and kinds[ERROR] > 0
    assert counter(service, "context_refused_total") >= kinds[ERROR]
    assert len(asked) == counter(service, "bus_dropped_total", reason="full")
    assert client.ask(COUNT, b"[]").kind == REPLY


def test_garbage_is_dropped_and_counted(service, client):
    chance = random.Random(7)
    sent = [(b"",), (b"x", b"y", b"z"), (header(COUNT), b"{}"), (header(COUNT),) * 9,
            (header(COUNT, version=2), b"{}", b"[]"), (header(COUNT, magic=0), b"{}", b"[]"),
            (header(999), b"{}", b"[]"), (header(16), b"{}", b"[]")]
    sent += [tuple(chance.randbytes(chance.randrange(40)) for _ in range(chance.randrange(1, 9)))
             for _ in range(500)]
    for frames in sent:
        client.send_frames(*frames)
    assert client.ask(COUNT, spelled([user("still there?")])).kind == REPLY
    assert counter(service, "bus_dropped_total", reason="invalid") == len(sent)


def test_raw_connections_that_speak_no_protocol_harm_nobody(service, client):
    chance = random.Random(11)
    descriptors = f"/proc/{service['context-service'].pid}/fd"
    assert client.ask(COUNT, b"[]").kind == REPLY
    before = len(os.listdir(descriptors))
    for n in range(2000):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(f"{service.folder}/run/context.sock")
            if n % 3:
                s.send(b"\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL" + chance.randbytes(n % 300))
            else:
                s.send(chance.randbytes(1 + n % 300))
    assert client.ask(COUNT, b"[]").kind == REPLY
    # libzmq 4.3.4 aborts a process that ends while a stranger of protocol 2 is still greeting it:
    # a client behind the last of them is answered, then all are accepted and can be waited for.
    late = ContextClient(service)
    assert late.ask(COUNT, b"[]").kind == REPLY
    late.close()
    wait_until(lambda: len(os.listdir(descriptors)) <= before, "the strangers to be gone")


def test_the_socket_is_the_group_s_and_a_dead_one_s_is_replaced(service, client):
    path = f"{service.folder}/run/context.sock"
    process = service["context-service"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    assert client.ask(COUNT, b"[]").kind == REPLY

    process.kill(signal.SIGKILL)
    assert os.path.exists(path)
    process.start_and_wait_ready()
    begun = time.monotonic()
    assert client.ask(COUNT, b"[]").kind == REPLY
    assert time.monotonic() - begun < 1.0 * SLOW


def test_a_stopped_service_answers_when_it_goes_on(service, client):
    process = service["context-service"]
    assert client.ask(COUNT, b"[]").kind == REPLY
    with process.hung():
        client.send(COUNT, b"[]", deadline_us=50_000)
        assert client.receive(0.3) is None
    asked = client.send(COUNT, b"[]")
    wait_until(lambda: client.receive().correlation_id == asked, "an answer")


def test_sigterm_with_a_peer_that_takes_no_answers_ends_in_time(service, client):
    for _ in range(300):
        client.send(CONDENSE, spelled(long_session(20)), budget_tokens=2000)
    begun = time.monotonic()
    service["context-service"].stop()
    assert time.monotonic() - begun < 6.0 * SLOW


def test_http_clients_cannot_take_the_descriptors_that_the_bus_needs(service):
    service["context-service"].stop()
    poor = service["context-service"]
    poor.args = ["prlimit", "--nofile=256:256", *poor.args]
    poor.start_and_wait_ready()
    with contextlib.ExitStack() as crowd:
        for _ in range(400):
            crowd.enter_context(connect(service.context_port))
        for peer in [ContextClient(service) for _ in range(30)]:
            assert peer.ask(COUNT, b"[]").kind == REPLY
            peer.close()
    wait_until(lambda: counter(service, "http_connections") < 5, "the crowd to be gone")
