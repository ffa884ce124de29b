"""Local workers that fail again and again: with SOAK=1 a hundred cycles of each fault and more, each
counted exactly, and nothing is left behind."""

import pytest

from suite import PROGRAMS, SLOW, SOAK, wait_until
from test_workers import children, fds, no_trace, start_fleet, worker  # noqa: F401

WORKERS, CYCLES = (10, 10) if SOAK else (3, 1)
NAMES = [f"w{i}" for i in range(WORKERS)]


def rows(script, **more):
    """Cold until they are asked for, and given up after so many restarts."""
    restart = {"max": CYCLES, "window": "1h", "backoff": "20ms", "max_backoff": "40ms"}
    return [worker(name, script, **{"idle_stop": "1h", "restart": restart, **more})
            for name in NAMES]


def start_all(fleet):
    """How many descriptors there were before."""
    before = fds(fleet.daemon.pid)
    for name in NAMES:
        assert fleet[name]["state"] == "stopped"
        assert fleet.ask("start", name).status == 202
    return before


def runs_of(fleet, name):
    """Why each run of it failed, and whether it had served."""
    runs, has_served, failed = [], False, f"worker {name} failed: "
    for message in (entry["message"] for entry in fleet.said("", name)):
        has_served |= message == f"worker {name} is idle"
        if message.startswith(failed):
            runs.append((message.removeprefix(failed), has_served))
            has_served = False
    return runs


def nothing_is_left(fleet, descriptors):
    for name in NAMES:
        no_trace(fleet, name)
    wait_until(lambda: not children(fleet.daemon.pid), "the end of all keepers")
    wait_until(lambda: fds(fleet.daemon.pid) <= descriptors, "no more descriptors than before")


def counts_are_those_of_the_log(fleet, reason):
    """A worker of its own model each, so that its loads can be told."""
    for name in NAMES:
        row, runs = fleet[name], runs_of(fleet, name)
        assert (row["state"], row["use"], row["restarts"], row["pid"]) == \
            ("failed", "away", CYCLES, 0)
        assert [why.startswith(reason) for why, _ in runs] == [True] * (CYCLES + 1), runs
        assert fleet.value("worker_restarts_total", worker=name) == CYCLES
        assert fleet.value("worker_restart_failures_total", worker=name) == \
            sum(not served for _, served in runs[1:])
        assert fleet.value("model_load_time_seconds_count", model=name) == \
            sum(served for _, served in runs)
        assert fleet.value("worker_circuit_breaker_activations_total", worker=name) == 1
        assert len(fleet.said("is started again in", name)) == CYCLES
        assert len(fleet.said(f"is given up after {CYCLES} restarts", name)) == 1
    assert fleet.value("workers", state="failed") == WORKERS == fleet.value("workers")
    assert fleet.value("workers_failed_health_checks") == 0
    assert fleet.value("workers_graceful_shutdown_total") == 0


@pytest.mark.parametrize("fault", ["hangs", "uses up its memory"])
def test_a_fault_again_and_again_is_counted_each_time_and_leaves_nothing(start_fleet, fault):  # noqa: F811
    if fault == "hangs":
        fleet = start_fleet(*rows(f"hang={1000 * SLOW}ms,forks=2"))
        reason, killed = "3 health checks failed in a row", WORKERS * (CYCLES + 1)
    else:
        fleet = start_fleet(*rows("load=300ms,allocate=60MiB,forks=2",
                                  limits={"memory": "30MiB"}))
        reason, killed = "out of memory (OOM): it used up its limit of 31457280 bytes", 0
    before = start_all(fleet)
    for name in NAMES:
        fleet.wait("failed", name, 60 + 10 * CYCLES)
    counts_are_those_of_the_log(fleet, reason)
    assert fleet.value("workers_force_killed_total") == killed
    assert fleet.value("worker_shutdown_duration_seconds_count") == killed
    nothing_is_left(fleet, before)


# Every third run is well until it crashes, the others end at once; the last one stays.
TURNS = """n=$(cat "$1" 2>/dev/null || echo 0)
echo $((n + 1)) >"$1"
[ $((n % 3)) = 0 ] || exit 1
if [ "$n" -lt {end} ]; then trouble=crash={crash}s,forks=2; else trouble=forks=2; fi
exec {simulator} --port "$2" --worker "$trouble"
"""


def test_the_breaker_opens_and_closes_again_and_again(start_fleet, tmp_path):  # noqa: F811
    """Three failures in a row open it; the run that it then lets try is well for longer than the
    window, which closes it, so that another three are needed."""
    window = 2 * min(SLOW, 2)
    restart = {"max": 2, "window": f"{window}s", "backoff": "20ms", "max_backoff": "20ms"}
    script = tmp_path / "turns.sh"
    script.write_text(TURNS.format(end=3 * CYCLES, crash=2 * window,
                                   simulator=PROGRAMS["simulator"]))
    fleet = start_fleet(*(
        {**row, "command": ["sh", str(script), str(tmp_path / row["name"]), "{port}"]}
        for row in rows("", restart=restart, idle_stop="0s")))

    def is_through(name):
        return fleet[name]["restarts"] == 3 * CYCLES and fleet[name]["state"] == "idle"
    for name in NAMES:
        wait_until(lambda: is_through(name), f"the last run of {name}", 30 + 5 * window * CYCLES)
    assert fleet.value("workers", state="idle") == WORKERS
    for name in NAMES:
        assert runs_of(fleet, name) == [("killed by signal 6 (Aborted)", True),
                                        ("ended with status 1", False),
                                        ("ended with status 1", False)] * CYCLES
        assert fleet.value("worker_circuit_breaker_activations_total", worker=name) == CYCLES
        assert fleet.value("worker_restarts_total", worker=name) == 3 * CYCLES
        assert fleet.value("worker_restart_failures_total", worker=name) == 2 * CYCLES
        assert fleet.value("model_load_time_seconds_count", model=name) == CYCLES + 1
        assert len(fleet.said(f"is given up after 2 restarts within {window} s", name)) == CYCLES
        assert fleet.ask("stop", name).status == 202
    for name in NAMES:
        fleet.wait("stopped", name)
        no_trace(fleet, name)
    wait_until(lambda: not children(fleet.daemon.pid), "the end of all keepers")
    assert fleet.value("workers_graceful_shutdown_total") == WORKERS
    assert fleet.value("workers_force_killed_total") == 0
