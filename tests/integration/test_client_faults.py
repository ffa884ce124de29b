"""Clients that leave, storm and mix, with their figures, by their names in the fault table: C-03 to
C-05. C-01 and C-02 are in test_proxy_cancel.py."""
import json
import os
import random
import threading
import time

from suite import SLOW, SOAK, Suite, connect, wait_until


def body(model, **more):
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}],
                       **more}).encode()


def raw_request(suite, data):
    return (f"POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {suite.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n").encode() + data


def test_c03_who_stops_sending_still_gets_what_is_there(suite):
    """An answer that needs no provider is delivered after a half-close; a provider is let go, for a
    client that shuts its side cannot be told from one that left (architecture rule 1)."""
    for _ in range(200 if SOAK else 20):
        with connect(suite.port) as s:
            s.sendall(b"GET /health HTTP/1.1\r\nHost: t\r\n\r\n")
            s.shutdown(1)
            got = b""
            while piece := s.recv(65536):
                got += piece
            assert got.startswith(b"HTTP/1.1 200 ")


def open_fds(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def test_c04_a_storm_of_resets_leaves_nothing_behind(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"], config={
        "providers": [Suite.provider(simulator, breaker={"failures": 1000})]})
    simulator.script("chunks=50,interval=5ms")
    data = raw_request(suite, body("small", stream=True))

    def storm(n):
        for i in range(n):
            with connect(suite.port) as s:
                if i % 5 != 4:  # some say nothing at all, some a part, some everything
                    s.sendall(data[:(len(data) * (i % 5 + 1)) // 4])
                s.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER: RST

    def is_quiet():
        m = suite.metrics()
        return (m.value("worker_pool_active_workers") == 0
                and m.value("http_requests_in_flight") == 1)
    storm(40_000 if SOAK else 2_000)  # until pools are full and the spool's pages are all touched
    wait_until(is_quiet, "the end of the first storm", 30)
    fds, memory = open_fds(suite.proxy), [suite.proxy.memory_kb()]
    for _ in range(5):  # a leak grows with each; what more at once than ever before need, with one
        storm(10_000 if SOAK else 1_000)
        wait_until(is_quiet, "the end of the storm", 30)
        wait_until(lambda: open_fds(suite.proxy) <= fds + 2, "the descriptors back", 30)
        memory.append(suite.proxy.memory_kb())
        has_grown = memory[-1] - memory[-2] > max(memory[-2] // 100, 1024)
        if not has_grown:
            break
    print(f"descriptors {fds} -> {open_fds(suite.proxy)}; memory {memory} KiB")
    assert not has_grown or SLOW > 1
    simulator.script("")
    assert suite.chat().status == 200


class Caller:
    """Asks with marks of its own, again and again, and looks for those of others in what it gets."""

    def __init__(self, suite, number, seconds):
        self.suite, self.seconds = suite, seconds
        self.mark = f"mark-{number:04d}-"
        self.draw = random.Random(number)
        self.done = self.left = self.failed = 0
        self.foreign = []
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            self._ask()

    def _ask(self):
        text = " ".join(f"{self.mark}{self.draw.randrange(10**6)}" for _ in range(20))
        model = self.draw.choice(["well", "flaky", "cut", "slow"])
        deadline = self.draw.choice([{}, {}, {"x-llm-deadline-ms": str(self.draw.randint(1, 80))}])
        try:
            stream = self.suite.stream(text, model=model, headers=deadline,
                                       stream=self.draw.random() < 0.7)
            if self.draw.random() < 0.3:
                pieces = self.draw.randint(1, 3)
                while pieces and not stream.has_ended_well and stream._more():
                    pieces -= 1
                self._look(stream)
                self.draw.choice([stream.close, stream.reset])()
                self.left += 1
                return
            stream.read_all()
        except OSError:
            self.failed += 1
            return
        self._look(stream)
        stream.close()
        self.done += 1

    def _look(self, stream):
        received = bytes(stream.received)
        if received.count(b"mark-") != received.count(self.mark.encode()):
            self.foreign.append(received)


def test_c05_each_byte_belongs_to_its_caller(start_suite, simulator, start_simulator):
    """Marked streams and answers, with aborts, deadlines, cuts, fallbacks and queues between them."""
    backup = start_simulator()
    suite = start_suite(services=["llm-proxy"], config={
        "providers": [Suite.provider(up, name, max_parallel=20, breaker={"failures": 1_000},
                                     retry={"max": 1, "backoff": "1ms"}, timeouts={"idle": "1s"})
                      for name, up in (("a", simulator), ("b", backup))],
        "models": [{"name": name, "targets": [{"provider": "a", "model": f"sim:{script}"},
                                              {"provider": "b", "model": "sim"}]}
                   for name, script in (("well", "interval=1ms"), ("flaky", "status=500"),
                                        ("cut", "rst=700,interval=1ms"), ("slow", "delay=40ms"))]})
    callers = [Caller(suite, i, 600 if SOAK else 4) for i in range(200 if SOAK else 40)]
    for caller in callers:
        caller.thread.start()
    for caller in callers:
        caller.thread.join()
    done, left = sum(c.done for c in callers), sum(c.left for c in callers)
    print(f"{done} answers, {left} left early, {sum(c.failed for c in callers)} lost")
    assert [found for c in callers for found in c.foreign] == []
    assert done > 100 and left > 30 and all(c.failed == 0 for c in callers)
    wait_until(lambda: suite.metrics().value("worker_pool_active_workers") == 0, "all free")
    rows = suite.wait_ledger(done + left, 30)
    assert len(rows) == done + left
