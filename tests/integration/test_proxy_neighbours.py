"""Neighbours that die, hang and come back: only those who need them notice, and not for long."""
import json
import time

import pytest

from load import Load
from suite import FIGURES, SLOW, SOAK, wait_until

ROUNDS = 20 if SOAK else 2
DEADLINE = 0.2
PATIENCE = 0.1 if FIGURES else 0.5 * SLOW  # with a machine that does other things as well
LONG = [{"role": "user", "content": f"message {i}: " + "words of an old conversation " * 40}
        for i in range(20)] + [{"role": "user", "content": "and now?"}]


def start(start_suite, simulator, on_failure="forward"):
    return start_suite(simulator, config={
        "proxy": {"threads": 1},
        "models": [{"name": "small", "targets": [{"provider": "sim", "model": "sim"}]},
                   {"name": "tiny", "context_window": 2000,
                    "targets": [{"provider": "sim", "model": "sim"}]}],
        "context": {"deadline": f"{int(DEADLINE * 1000)}ms", "on_failure": on_failure,
                    "mode": "lossless"}})


def ask_long(suite):
    """(answer, seconds, condensed?) of a conversation that is over the model's window."""
    begun = time.monotonic()
    answer = suite.chat(model="tiny", messages=LONG, headers={"x-llm-context": "mask"})
    seconds = time.monotonic() - begun
    return answer, seconds, "->" in answer.headers.get("x-llm-context", "")


def seconds_until(condition, what, timeout=5.0):
    begun = time.monotonic()
    wait_until(condition, what, timeout)
    return time.monotonic() - begun


def test_a_killed_context_service_is_missed_by_nobody_else(start_suite, simulator):
    suite = start(start_suite, simulator)
    wait_until(lambda: ask_long(suite)[2], "a condensed conversation")
    back = []
    with Load(suite) as load:
        for _ in range(ROUNDS):
            suite["context-service"].kill()
            load.wait_for(50)
            answer, seconds, is_condensed = ask_long(suite)
            assert answer.status == 200 and not is_condensed and seconds < DEADLINE + PATIENCE
            suite["context-service"].start_and_wait_ready()
            back.append(seconds_until(lambda: ask_long(suite)[2], "a condensed conversation"))
    assert load.failed == [] and len(load.asks) >= 50 * ROUNDS
    print(f"condensed again at most {max(back):.3f} s after READY; {len(load.asks)} requests")
    assert max(back) <= 1.0 * SLOW


def test_a_killed_health_worker_is_missed_by_nobody(start_suite, simulator):
    suite = start(start_suite, simulator)

    def heard():
        return suite.metrics().value("bus_messages_total", socket="health", direction="in")
    wait_until(heard, "a first word from health-worker")
    back = []
    with Load(suite) as load:
        for _ in range(ROUNDS):
            suite["health-worker"].kill()
            load.wait_for(50)
            before = heard()
            suite["health-worker"].start_and_wait_ready()
            back.append(seconds_until(lambda: heard() > before, "a word from health-worker"))
    assert load.failed == [] and len(load.asks) >= 50 * ROUNDS
    print(f"heard again at most {max(back):.3f} s after READY; {len(load.asks)} requests")
    assert max(back) <= 1.0 * SLOW
    status = json.loads(suite.admin("/cluster/status").body)
    assert status["health_worker"]["snapshot"]["providers"]

    def tells_outcomes():
        assert suite.chat().status == 200  # those of the load went to a neighbour that was away
        return suite.metrics().value("bus_messages_total", socket="outcomes", direction="out") > 0
    wait_until(tells_outcomes, "outcomes sent")


@pytest.mark.parametrize("on_failure", ["forward", "refuse"])
def test_a_hung_context_service_costs_its_deadline_five_times(start_suite, simulator, on_failure):
    suite = start(start_suite, simulator, on_failure)
    wait_until(lambda: ask_long(suite)[2], "a condensed conversation")
    with suite["context-service"].hung():
        for _ in range(5):
            answer, seconds, is_condensed = ask_long(suite)
            assert not is_condensed and DEADLINE - 0.01 <= seconds <= DEADLINE + PATIENCE
            if on_failure == "forward":
                assert answer.status == 200
                assert len(json.loads(simulator.records()[-1]["body"])["messages"]) == len(LONG)
            else:
                assert (answer.status, answer.code) == (503, "overloaded")
                assert int(answer.headers["retry-after"]) >= 1
        begun, costs = time.monotonic(), []
        while time.monotonic() < begun + 0.7:  # the breaker is open for a second
            before = suite.chat()
            _, seconds, _ = ask_long(suite)
            costs.append(seconds)
            assert before.status == 200
        costs.sort()
        print(f"{len(costs)} requests after five failures: p50 {costs[len(costs) // 2] * 1e3:.2f} "
              f"ms, p90 {costs[len(costs) * 9 // 10] * 1e3:.2f} ms, all round trips included")
        assert costs[len(costs) // 2] < (0.005 if FIGURES else DEADLINE)  # they did not wait for it
    back = seconds_until(lambda: ask_long(suite)[2], "a condensed conversation")
    assert back <= 1 + PATIENCE


def test_a_hung_context_service_is_missed_by_nobody_else(start_suite, simulator):
    suite = start(start_suite, simulator)
    with Load(suite) as load:
        load.wait_for(100)
        with suite["context-service"].hung():
            end = time.monotonic() + (5 if SOAK else 1.5)
            while time.monotonic() < end:
                assert ask_long(suite)[0].status == 200
    assert load.failed == []
    slowest = sorted(ask.ended - ask.begun for ask in load.asks)
    print(f"{len(slowest)} requests: p99 {slowest[len(slowest) * 99 // 100] * 1e3:.1f} ms")
    assert slowest[len(slowest) * (99 if FIGURES else 90) // 100] < DEADLINE


def test_the_proxy_serves_without_its_neighbours(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"])
    with Load(suite) as load:
        load.wait_for(100)
    assert load.failed == []
    assert not suite.metrics().has("health_view_age_seconds")  # absent before the first word
    wait_until(lambda: suite.metrics().value("bus_dropped_total", socket="outcomes",
                                             reason="full") > 0, "outcomes nobody took")
