"""SIGHUP as a transaction, under load: the new configuration whole, or the old one and why."""
import json
import re
import signal
import threading
import time

from load import Load
from suite import SLOW, SOAK, Suite, wait_until

RELOADS = 1000 if SOAK else 60

BROKEN = {  # what is appended or replaced, and where the log says it is
    "an unknown key": (lambda text: text + "nonsense: 1\n", r":\d+:\d+: .*nonsense"),
    "no YAML": (lambda text: text + "logging: {level: [\n", r":\d+:\d+: "),
    "a value out of range": (lambda text: text.replace('"drain_timeout": "5s"',
                                                       '"drain_timeout": "-5s"'),
                             r":\d+:\d+: .*drain_timeout"),
    "a model without a provider": (lambda text: text.replace('"provider": "sim"',
                                                             '"provider": "gone"'),
                                   r":\d+:\d+: .*gone"),
    "a secret in clear": (lambda text: text.replace('"backend"',
                                                    '"api_key": "sk-oops", "backend"'),
                          r":\d+:\d+: .*api_key"),
    "a fixed key": (lambda text: text.replace('"threads": 2', '"threads": 3'),
                    r"proxy\.threads cannot change"),
}


def reload_and_wait(suite, is_good):
    """SIGHUP; returns when the proxy has said what it made of it."""
    words = "is in force" if is_good else "configuration rejected"
    seen = suite.reload_log.count(words)
    suite.proxy.signal(signal.SIGHUP)
    suite.reload_log.wait(words, seen + 1)


class Follow:
    """A log file that grows."""

    def __init__(self, process):
        self.file = open(process.log_path, encoding="utf-8", errors="replace")
        self.lines = []

    def read(self):
        for line in self.file:
            if "configuration" in line:
                self.lines.append(line)
        return self.lines

    def count(self, words):
        return sum(words in line for line in self.read())

    def wait(self, words, n):
        wait_until(lambda: self.count(words) >= n, f"{words!r} {n} times in the log")


def test_a_thousand_hangups_half_of_them_broken(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"])
    suite.reload_log = Follow(suite.proxy)
    good = suite.config_path.read_text()
    broken = list(BROKEN.values())
    assert all(change(good) != good for change, _ in broken)
    with Load(suite) as load:
        load.wait_for(20)
        for i in range(RELOADS // 2):
            change, complaint = broken[i % len(broken)]
            suite.write_config(change(good))
            reload_and_wait(suite, False)
            line = json.loads(suite.reload_log.lines[-1])
            assert re.search(complaint, line["message"]), line
            assert line["level"] == "error" and "sk-oops" not in line["message"]
            suite.shows("config_last_reload_successful", 0)
            suite.shows("config_generation", 1 + i)
            suite.write_config(good + f"# {i}\n")
            reload_and_wait(suite, True)
            suite.shows("config_last_reload_successful", 1)
            suite.shows("config_generation", 2 + i)
        load.wait_for(20)
    assert load.failed == []
    print(f"{RELOADS} reloads, {len(load.asks)} requests meanwhile")
    metrics = suite.metrics()
    stamp = metrics.value("config_last_reload_success_timestamp_seconds")
    assert abs(time.time() - stamp) < 10 * SLOW
    assert metrics.value("llm_requests_total", status="success") == len(load.asks)
    assert len(suite.wait_ledger(len(load.asks))) == len(load.asks)


def test_hangups_as_fast_as_they_can_be_sent(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"])
    good = suite.config_path.read_text()
    with Load(suite) as load:
        for i in range(RELOADS):
            suite.write_config(good + f"# {i}\n" if i % 2 else good + "nonsense: 1\n")
            suite.proxy.signal(signal.SIGHUP)
        load.wait_for(50)
    assert load.failed == []
    suite.write_config(good)
    suite.reload_log = Follow(suite.proxy)
    reload_and_wait(suite, True)
    suite.shows("config_last_reload_successful", 1)


def test_the_old_configuration_stays_in_force_to_the_letter(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"])
    suite.reload_log = Follow(suite.proxy)
    before = suite.admin("/admin/config").body
    good = suite.config_path.read_text()
    text = good.replace('"name": "small"', '"name": "renamed"')
    suite.write_config(text + "nonsense: 1\n")
    reload_and_wait(suite, False)
    assert suite.admin("/admin/config").body == before
    assert suite.chat(model="small").status == 200
    assert suite.chat(model="renamed").status == 404
    check = suite.ctl("config", "check", check=False)
    assert check.returncode != 0 and re.search(r":\d+:\d+: ", check.stdout + check.stderr)
    suite.write_config(text)
    reload_and_wait(suite, True)
    assert suite.chat(model="small").status == 404
    assert suite.chat(model="renamed").status == 200


def test_a_request_keeps_the_configuration_it_began_with(start_suite, simulator,
                                                         start_simulator):
    other = start_simulator()
    suite = start_suite(simulator, services=["llm-proxy"], config={
        "providers": [Suite.provider(simulator, timeouts={"idle": "20s"})]})
    suite.reload_log = Follow(suite.proxy)
    simulator.script("chunks=20,interval=50ms")
    streams = [suite.stream() for _ in range(5)]
    for stream in streams:
        stream.read_until("w2")
    suite.config["providers"] = [Suite.provider(other, "elsewhere", timeouts={"idle": "20s"})]
    suite.config["models"] = [{"name": "small", "targets": [{"provider": "elsewhere",
                                                             "model": "x"}]}]
    suite.write_config()
    reload_and_wait(suite, True)
    assert suite.chat().headers["x-llm-provider"] == "elsewhere"
    for stream in streams:
        stream.read_all()
        assert stream.has_ended_well and stream.text().endswith("w20")
        assert stream.headers["x-llm-provider"] == "sim"


def test_a_raised_ceiling_serves_those_who_wait(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"], config={
        "proxy": {"drain_timeout": "500ms"},
        "providers": [Suite.provider(simulator, max_parallel=1)]})
    suite.reload_log = Follow(suite.proxy)
    simulator.script("silence", "silence", "")
    occupant = suite.stream()
    simulator.wait_records(1)
    answers = []
    waiting = [threading.Thread(target=lambda: answers.append(suite.chat(timeout=20)))
               for _ in range(2)]
    for thread in waiting:
        thread.start()
    wait_until(lambda: suite.metrics().value("worker_pool_queue_depth") == 2, "the line")
    suite.config["providers"][0]["max_parallel"] = 10
    suite.write_config()
    reload_and_wait(suite, True)
    simulator.wait_records(3, timeout=3)
    occupant.close()
    wait_until(lambda: answers, "the second of the line")
    assert answers[0].status == 200
    suite.proxy.signal(signal.SIGTERM)  # the one that is left ends with the drain
    for thread in waiting:
        thread.join()


def test_limits_and_prices_of_a_reload_hold_from_then_on(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"])
    suite.reload_log = Follow(suite.proxy)
    assert "x-llm-cost-usd" not in suite.chat().headers
    suite.config["prices"] = {"overrides": [{"provider": "*", "model": "sim", "input": 1.0,
                                             "output": 1.0}]}
    suite.config["limits"] = {"default": {"rpm": 2}}
    suite.write_config()
    reload_and_wait(suite, True)
    answer = suite.chat()
    assert float(answer.headers["x-llm-cost-usd"]) > 0
    assert answer.headers["x-ratelimit-limit-requests"] == "2"
    assert [suite.chat().status for _ in range(2)] == [200, 429]
