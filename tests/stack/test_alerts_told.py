"""Every kind of trouble, brought about for real, is told to the webhook, and so is its end.

The rules are the shipped ones with their durations divided by FACTOR. The tests share one chain.
"""
import os
import subprocess
import threading
import time

import pytest

import suite as programs
from busy_suite import BusySuite
from monitoring_stack import Stack
from test_stack import unanswered

FACTOR = 30


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A small disk of its own for the books; None where nothing can be mounted."""
    path = tmp_path_factory.mktemp("disk")
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", path],
        stderr=subprocess.DEVNULL).returncode == 0
    yield path if mounted else None
    if mounted:
        subprocess.run(["umount", "--lazy", path], check=True)


@pytest.fixture(scope="module")
def chain(state, tmp_path_factory):
    started = []

    def start_suite(**options):
        started.append(programs.Suite(**options))
        return started[-1].start()
    folder = tmp_path_factory.mktemp("stack")
    busy = BusySuite(start_suite, folder, {"paths": {"state": str(state)}} if state else None)
    chain = Stack(busy.suite, folder, FACTOR)
    chain.busy = busy
    busy.go_on()
    yield chain
    chain.stop()
    busy.stop()
    started[0].stop()


@pytest.fixture(scope="module")
def burnt(chain):
    """Fifty dollars, spent at once; how many events there were before."""
    before = len(chain.told.events)
    for _ in range(20):
        assert chain.suite.chat("a prompt of quite some words", model="gold").status == 200
    return before


def in_threads(work, times, pause):
    threads = []
    for _ in range(times):
        threads.append(threading.Thread(target=work, daemon=True))
        threads[-1].start()
        time.sleep(pause)
    return threads


def told_and_over(chain, alertname, begin, end, **labels):
    """What `begin` causes is told, and that it is over after `end`."""
    before = len(chain.told.events)
    begin()
    try:
        chain.told.wait(alertname, "firing", before, 90, **labels)
    finally:
        end()
    chain.told.wait(alertname, "resolved", before, 90, **labels)


def test_all_targets_are_up_and_all_is_quiet(chain):
    chain.prometheus.wait_all_up()
    programs.wait_until(lambda: chain.prometheus.unwell_rules() == [], "every rule's evaluation", 60)
    programs.wait_until(lambda: not chain.prometheus.query('ALERTS{alertname=~".*Down"}'),
                        "all is well", 60)


def test_every_expression_of_the_guides_is_answered(chain):
    programs.wait_until(lambda: not unanswered(chain.prometheus), "every expression's answer", 60)


def test_a_cost_burn_is_told(chain, burnt):
    chain.told.wait("HighAPICosts", "firing", burnt, 60)
    chain.told.wait("HighCostBurn", "firing", burnt, 90)


@pytest.mark.parametrize("service, alertname, severity", [
    ("llm-proxy", "LLMProxyDown", "critical"),
    ("context-service", "ContextServiceDown", "warning"),
    ("health-worker", "HealthWorkerDown", "warning")])
def test_a_service_that_is_killed_is_told_and_so_is_its_return(chain, service, alertname, severity):
    process = chain.suite[service]
    told_and_over(chain, alertname, process.kill, process.start_and_wait_ready, severity=severity)


def test_a_provider_that_is_killed_is_told_and_so_is_its_return(chain):
    local = chain.busy.local
    port = local.port
    told_and_over(chain, "OllamaDown", local.kill, lambda: local.start(port), provider="ollama")


def test_an_error_burst_is_told_and_so_is_its_end(chain):
    over = threading.Event()

    def burst():
        while not over.wait(0.02):
            chain.suite.chat("an error", model="broken")
    told_and_over(chain, "HighErrorRate", lambda: in_threads(burst, 4, 0), over.set)


def test_a_slow_provider_is_told_and_so_is_its_end(chain):
    told_and_over(chain, "SlowResponses",
                  lambda: in_threads(lambda: chain.suite.chat("a wait", model="slow"), 60, 0.4),
                  lambda: None, model="slow")


def test_a_full_disk_is_told_and_so_is_the_room_made(chain, state):
    if not state:
        pytest.skip("no file system can be mounted here")
    filler = state / "filler"

    def fill():
        room = os.statvfs(state)
        with open(filler, "wb") as f:
            os.posix_fallocate(f.fileno(), 0, room.f_bavail * room.f_frsize - (12 << 20))
    told_and_over(chain, "LowDiskSpace", fill, filler.unlink, severity="critical")


def test_the_alerts_on_cost_are_over_once_the_hour_is(chain, burnt):
    chain.told.wait("HighCostBurn", "resolved", burnt, 180)
    chain.told.wait("HighAPICosts", "resolved", burnt, 60)
