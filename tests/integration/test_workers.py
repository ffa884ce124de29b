"""Local inference servers that health-worker runs: the simulator, as troublesome as it is told."""
import contextlib
import json
import os
import pathlib
import signal
import threading
import time

import pytest

from suite import BUILD, PROGRAMS, SLOW, SOAK, free_port, request, wait_until

CYCLES = 100 if SOAK else 3


def worker(name="llama", script="", **more):
    """A row of `workers:`; `script` are keys of simulator --worker."""
    return {"name": name, "port": free_port(), "stop_timeout": "5s",
            "command": [str(PROGRAMS["simulator"]), "--port", "{port}", "--worker", script or "load=0s"],
            "restart": {"max": 1000, "backoff": "20ms", "max_backoff": "40ms"}, **more}


class Fleet:
    """health-worker alone, or the whole suite, with workers of these rows."""

    def __init__(self, suite, rows):
        self.suite = suite
        self.url = f"http://127.0.0.1:{suite.health_port}"
        self.rows = {row["name"]: row for row in rows}

    @property
    def daemon(self):
        return self.suite["health-worker"]

    def all(self):
        return {w["name"]: w for w in request(f"{self.url}/status").json["workers"]}

    def __getitem__(self, name):
        return self.all()[name]

    def wait(self, state, name="llama", timeout=20):
        states = (state,) if isinstance(state, str) else state
        return wait_until(lambda: (w := self.all().get(name)) and w["state"] in states and w,
                          f"{name} to be {state}", timeout)

    def wait_restarts(self, n, name="llama", serving=True):
        """At least `n`."""
        return wait_until(lambda: (w := self[name])["restarts"] >= n
                          and (not serving or w["use"] == "ready") and w,
                          f"{n} restarts of {name}", 20 + n)

    def ask(self, verb, name="llama"):
        return request(f"{self.url}/workers/{name}/{verb}", "POST", b"")

    def metrics(self):
        return self.suite.metrics("health-worker")

    def value(self, metric, **labels):
        return self.metrics().value(metric, **labels)

    def said(self, text, name="llama"):
        return [e for e in self.daemon.entries()
                if text in e["message"] and e.get("worker") == name]


@pytest.fixture
def start_fleet(start_suite):
    """start_fleet(row, …, config={…}): health-worker alone, looking five times a second."""
    def start(*rows, services=("health-worker",), config=None, env=None):
        config = {"workers": list(rows), **(config or {})}
        config["health"] = {"interval": "200ms", **config.get("health", {})}
        return Fleet(start_suite(services=services, config=config, env=env), rows)
    return start


@pytest.fixture
def start_served(start_fleet):
    """start_served(row, …): the suite, with a model for each worker of its name."""
    def start(*rows, config=None):
        models = [{"name": r["name"], "targets": [{"provider": r["name"], "model": "sim"}]}
                  for r in rows]
        fleet = start_fleet(*rows, services=("context-service", "health-worker", "llm-proxy"),
                            config={"models": models, **(config or {})})
        heard = {r["name"] for r in rows}
        wait_until(lambda: {w["name"] for w in fleet.suite.ctl_json("workers", "list")} == heard,
                   "the proxy to hear of the workers")
        return fleet
    return start


def processes(tag):
    """Every process with this in its environment or command, zombies left out."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            if tag.encode() in text:
                found.append(int(entry.name))
    return found


def children(pid):
    """Of a process, by state: a zombie is one, too."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found[int(entry.parent.name)] = fields[0]
    return found


def no_trace(fleet, name="llama"):
    """Nothing is left of a worker that does not run."""
    port = f"PORT={fleet.rows[name]['port']}"
    wait_until(lambda: not processes(port), f"the end of all processes of {name}")
    assert "Z" not in children(fleet.daemon.pid).values()


def fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


# ---- the ordinary life ----

def test_a_worker_becomes_a_provider_and_leaves_when_it_is_stopped(start_served):
    fleet = start_served(worker())
    suite = fleet.suite
    fleet.wait("idle")
    wait_until(lambda: suite.chat(model="llama").status == 200, "an answer of the worker")
    row, = suite.ctl_json("workers", "list")
    assert (row["use"], row["provider"], row["model"], row["device"]) == \
        ("ready", "llama", "llama", "cpu")
    assert "llama" in suite.ctl("workers", "list").stdout
    assert suite.ctl("workers", "stop", "llama").stdout == "asked\n"
    fleet.wait("stopped")
    no_trace(fleet)
    wait_until(lambda: suite.chat(model="llama").code == "no_healthy_provider",
               "no more requests to it")
    suite.ctl("workers", "start", "llama")
    fleet.wait("idle")
    wait_until(lambda: suite.chat(model="llama").status == 200, "an answer of the worker")
    assert suite.ctl("workers", "stop", "nobody", check=False).returncode == 1
    assert suite.ctl("workers", "stop", check=False).returncode == 2


def test_every_metric_of_a_worker_tells_what_happened(start_fleet):
    fleet = start_fleet(worker(script="load=300ms,allocate=32MiB"), worker("other", device="gpu7"))
    idle = fleet.wait("idle")
    fleet.wait("idle", "other")
    wait_until(lambda: fleet["llama"]["memory_bytes"] > 32 << 20, "its memory to be measured")
    m = fleet.metrics()
    assert m.value("workers", state="idle", backend="local", device="cpu") == 1
    assert m.value("workers", state="idle", backend="local", device="gpu7") == 1
    assert m.value("workers") == 2
    assert m.value("workers_failed_health_checks") == 0
    assert m.value("model_load_time_seconds_count", model="llama") == 1
    assert 0.25 < m.value("model_load_time_seconds_sum", model="llama") < 5 * SLOW
    assert m.value("model_memory_bytes", model="llama") > 32 << 20
    for name in ("worker_restarts_total", "worker_restart_failures_total",
                 "worker_circuit_breaker_activations_total"):
        assert m.has(name, worker="llama") and m.value(name) == 0
    for reason in ("memory", "budget", "disk", "vram", "gpu", "port"):
        assert m.has("worker_spawn_resource_failures_total", reason=reason)
    assert m.has("worker_removed_total", reason="unconfigured")
    assert fleet.ask("restart").status == 202
    again = fleet.wait_restarts(1)
    assert again["pid"] not in (0, idle["pid"])
    m = fleet.metrics()
    assert m.value("worker_restarts_total", worker="llama") == 1
    assert m.value("workers_graceful_shutdown_total") == 1
    assert m.value("workers_force_killed_total") == 0
    assert m.value("worker_shutdown_duration_seconds_count") == 1


def test_what_cannot_be_asked_is_refused(start_fleet):
    fleet = start_fleet(worker())
    assert fleet.ask("stop", "nobody").status == 404
    assert fleet.ask("praise").status == 404
    assert request(f"{fleet.url}/workers/llama").status == 404
    assert request(f"{fleet.url}/workers/llama/stop").status == 405
    page = request(f"{fleet.url}/workers/llama/stop", "POST", b"", {"Origin": "http://evil"})
    assert page.status == 403
    assert fleet.wait("idle")


def test_a_worker_sees_no_secret_of_ours_and_says_its_lines_to_the_log(start_fleet):
    env = {"OPENAI_API_KEY": "sk-canary", "SOME_TOKEN": "canary", "CUDA_TOKEN": "canary",
           "CUDA_CACHE_PATH": "/kept", "NOTIFY_SOCKET": "/nowhere"}
    fleet = start_fleet(worker(script="chatter=3", device="gpu1"), env=env)
    pid = fleet.wait("idle")["pid"]
    seen = pathlib.Path(f"/proc/{pid}/environ").read_text()
    assert "canary" not in seen and "NOTIFY_SOCKET" not in seen
    assert "CUDA_CACHE_PATH=/kept" in seen
    assert "CUDA_VISIBLE_DEVICES=1" in seen and "LLM_WORKER=llama" in seen
    wait_until(lambda: len(fleet.said("of what it has to say")) == 3, "its three lines")


def test_a_flood_of_output_is_cut(start_fleet):
    fleet = start_fleet(worker(script="chatter=20000"))
    fleet.wait("idle")
    fleet.ask("stop")
    fleet.wait("stopped")
    wait_until(lambda: fleet.said("lines left out"), "the confession")
    assert len(fleet.said("of what it has to say")) < 5000
    script = "head -c 100000 /dev/zero | tr '\\0' x; echo; echo end; exec sleep 1000"
    row = {**worker("long"), "command": ["sh", "-c", script]}
    other = start_fleet(row)
    line, = wait_until(lambda: other.said("xxx", "long"), "its line")
    assert len(line["message"]) <= 4096
    wait_until(lambda: other.said("end", "long"), "the line after it")


# ---- trouble ----

def test_crashes_are_restarted_and_leave_nothing_behind(start_fleet):
    fleet = start_fleet(worker(script="crash=300ms,forks=4"))
    fleet.wait_restarts(1, serving=False)
    open_fds = fds(fleet.daemon.pid)
    fleet.wait_restarts(CYCLES, serving=False)
    wait_until(lambda: fds(fleet.daemon.pid) <= open_fds + 2, "no more descriptors than before")
    assert fleet.said("failed: killed by signal 6 (Aborted)")
    fleet.ask("stop")
    fleet.wait("stopped")
    no_trace(fleet)


@pytest.mark.parametrize("script, reason", [
    ("exit=150ms,forks=3", "ended with status 3"), ("crash=150ms", "killed by signal 6")])
def test_an_end_is_told_with_its_reason_and_message_id(start_fleet, script, reason):
    fleet = start_fleet(worker(script=script))
    for _ in range(CYCLES):
        pid = fleet.wait(("idle", "loading"))["pid"]
        wait_until(lambda: fleet["llama"]["pid"] not in (0, pid), "the next")
    entry = fleet.said(f"failed: {reason}")[0]
    assert (entry["level"], entry["message_id"]) == ("error", "2ec5aa747b4041ff9a4544fb3437c33a")
    fleet.ask("stop")
    fleet.wait("stopped")
    no_trace(fleet)


def test_one_that_hangs_is_killed_after_three_checks(start_fleet, tmp_path):
    fleet = start_fleet(worker(script=f"hang={1500 * SLOW}ms,forks=2,once={tmp_path}/once"))
    fleet.wait("idle")
    wait_until(lambda: fleet.value("workers_failed_health_checks") == 1, "a failed check")
    fleet.wait_restarts(1)
    assert fleet.said("failed: 3 health checks failed in a row")
    m = fleet.metrics()
    assert m.value("workers_force_killed_total") == 1
    assert m.value("workers_failed_health_checks") == 0


def test_one_that_is_deaf_to_sigterm_is_killed(start_fleet):
    fleet = start_fleet(worker(script="deaf,forks=2", stop_timeout="300ms"))
    for cycle in range(CYCLES):
        fleet.wait("idle")
        fleet.ask("stop")
        fleet.wait("stopped")
        no_trace(fleet)
        assert fleet.value("workers_force_killed_total") == cycle + 1
        fleet.ask("start")
    m = fleet.metrics()
    assert m.value("workers_graceful_shutdown_total") == 0
    assert m.value("worker_shutdown_duration_seconds_count") == CYCLES
    assert m.value("worker_restarts_total") == 0


def test_after_too_many_restarts_it_is_given_up_until_the_window_is_over(start_fleet):
    restart = {"max": 2, "window": "4s", "backoff": "20ms", "max_backoff": "20ms"}
    fleet = start_fleet({**worker(restart=restart), "command": ["false"]})
    failed = fleet.wait("failed")
    assert (failed["use"], failed["restarts"]) == ("away", 2)
    assert failed["reason"] == "ended with status 1"
    assert fleet.value("worker_circuit_breaker_activations_total", worker="llama") == 1
    assert fleet.value("worker_restart_failures_total", worker="llama") == 2
    entry, = fleet.said("is given up after 2 restarts within 4 s")
    assert entry["message_id"] == "781f1682ea0d4eb58d93f2be3cba6a3d"
    wait_until(lambda: fleet.value("worker_circuit_breaker_activations_total") == 2,
               "one more try once the window is over")
    assert fleet["llama"]["restarts"] == 3


def test_a_program_that_is_not_there_is_a_failure_with_a_reason(start_fleet):
    restart = {"max": 0}
    fleet = start_fleet({**worker(restart=restart), "command": ["/nowhere/llama-server"]})
    assert fleet.wait("failed")["reason"] == \
        "cannot run /nowhere/llama-server: No such file or directory"


def test_one_that_never_gets_well_is_given_the_time_it_was_given(start_fleet):
    fleet = start_fleet(worker(script="load=1h", load_timeout="1s"))
    wait_until(lambda: fleet.said("failed: was not well within load_timeout"), "its failure")
    assert fleet.value("workers_force_killed_total") >= 1


def test_a_limit_on_memory_holds_without_control_groups_too(start_fleet, tmp_path):
    """The worker goes, the daemon stays."""
    script = f"allocate=200MiB,load=200ms,once={tmp_path}/once"
    fleet = start_fleet(worker(script=script, limits={"memory": "100MiB"}))
    wait_until(lambda: fleet.said("failed: out of memory (OOM)"), "the end of the worker")
    fleet.wait_restarts(1)


# ---- no orphans ----

def test_nothing_outlives_health_worker_however_it_ends(start_fleet):
    for _ in range(CYCLES):
        fleet = start_fleet(worker(script="forks=4,deaf"))
        fleet.wait("idle")
        fleet.daemon.kill()
        no_trace(fleet)


def test_nothing_outlives_its_keeper(start_fleet):
    fleet = start_fleet(worker(script="forks=4"))
    for cycle in range(1, CYCLES + 1):
        fleet.wait_restarts(cycle - 1)
        old = processes(f"PORT={fleet.rows['llama']['port']}")
        keeper, = children(fleet.daemon.pid)
        os.kill(keeper, signal.SIGKILL)
        fleet.wait_restarts(cycle)
        wait_until(lambda: not set(old) & set(processes("LLM_WORKER=llama")), "the end of the old")
    assert fleet.said("failed: its keeper was killed")


def test_what_outlived_both_is_killed_at_the_next_start_and_what_only_has_its_number_is_not(
        start_fleet):
    fleet = start_fleet(worker(script="forks=4"))
    fleet.wait("idle")
    old = processes(f"PORT={fleet.rows['llama']['port']}")
    assert len(old) == 5
    keeper, = children(fleet.daemon.pid)
    os.kill(keeper, signal.SIGSTOP)  # it cannot do its duty …
    fleet.daemon.kill()
    os.kill(keeper, signal.SIGKILL)
    survivors = processes(f"PORT={fleet.rows['llama']['port']}")
    state = fleet.suite.folder / "state/workers.state"
    tag = state.read_text().split()[-1]
    assert tag.startswith("LLM_WORKER_TAG=") and len(survivors) >= 4
    fleet.daemon.start_and_wait_ready()
    wait_until(lambda: not set(old) & set(processes(tag)), "the end of the survivors")
    fleet.wait("idle")
    assert fleet.said("which had outlived us")


def test_who_is_stopped_by_hand_stays_so_over_a_restart_of_health_worker(start_fleet):
    fleet = start_fleet(worker("other"), worker())
    fleet.wait("idle")
    fleet.ask("stop")
    fleet.wait("stopped")
    fleet.daemon.stop()
    fleet.daemon.start_and_wait_ready()
    fleet.wait("idle", "other")
    assert fleet["llama"]["state"] == "stopped"


# ---- room ----

def test_without_room_it_is_not_started_and_the_reason_is_counted(start_fleet):
    rows = [worker("memory", limits={"memory": "1000TiB"}),
            worker("disk", limits={"disk": "1000TiB"}),
            worker("budget", limits={"memory": "2MiB"}), worker("fits")]
    fleet = start_fleet(*rows, config={"health": {"worker_memory": "1MiB"}})
    fleet.wait("idle", "fits")
    for name in ("memory", "disk", "budget"):
        row = fleet.wait("backoff", name)
        assert row["reason"] == f"there is no room for it: {name}"
        assert fleet.value("worker_spawn_resource_failures_total", reason=name) >= 1
        assert fleet.value("worker_circuit_breaker_activations_total", worker=name) == 0


def test_a_port_that_somebody_has_is_no_room(start_fleet, simulator):
    fleet = start_fleet({**worker(), "port": simulator.port})
    assert fleet.wait("backoff")["reason"] == "there is no room for it: port"


def test_there_must_be_room_on_its_gpu_which_must_be_there(start_fleet, tmp_path):
    """The driver's figures are waited for; of GPU 0 there are 79 GiB free."""
    script = tmp_path / "driver"
    script.write_text("gpus 1\n")
    env = {"FAKE_NVML": str(script), "LD_LIBRARY_PATH": str(BUILD / "tests/nvml")}
    fleet = start_fleet(worker("fits", device="gpu0", limits={"vram": "70GiB"}),
                        worker("large", device="gpu0", limits={"vram": "80GiB"}),
                        worker("else", device="gpu1"), env=env)
    fleet.wait("idle", "fits")
    for name, reason in ("large", "vram"), ("else", "gpu"):
        assert fleet.wait("backoff", name)["reason"] == f"there is no room for it: {reason}"
        assert fleet.value("worker_spawn_resource_failures_total", reason=reason) >= 1


def test_it_is_told_by_http_before_it_gets_a_signal(start_fleet):
    fleet = start_fleet(worker(script="deaf", drain="/leave/now", stop_timeout="2s"))
    fleet.wait("idle")
    fleet.ask("stop")

    def told():
        found = request(f"http://127.0.0.1:{fleet.rows['llama']['port']}/sim/record?since=0").json
        return [r for r in found if (r["method"], r["path"]) == ("POST", "/leave/now")]
    wait_until(told, "the request")
    fleet.wait("stopped")


def test_an_idle_one_leaves_for_another_under_a_budget(start_served):
    limits = {"memory": "64MiB"}
    fleet = start_served(worker("a", idle_stop="1h", limits=limits),
                         worker("b", idle_stop="1h", limits=limits),
                         config={"health": {"worker_memory": "100MiB"}})
    for name, other in ("a", "b"), ("b", "a"), ("a", "b"):
        assert fleet.suite.chat(model=name).status == 200
        assert fleet[name]["use"] == "ready" and fleet[other]["state"] == "stopped"
    assert fleet.value("workers_graceful_shutdown_total") == 2


# ---- on demand ----

def test_a_request_starts_a_cold_worker_and_waits_for_it(start_served):
    fleet = start_served(worker(script="load=500ms", idle_stop="500ms"))
    assert fleet["llama"]["state"] == "stopped"
    for _ in range(2):
        assert fleet.suite.chat(model="llama").status == 200
        assert fleet.metrics().has("provider_state", provider="llama")
        fleet.wait("stopped")
        no_trace(fleet)
    assert fleet.value("worker_restarts_total") == 0
    assert not fleet.metrics().has("provider_state", provider="llama")  # neither good nor bad
    assert not [e for e in fleet.daemon.entries() if "provider llama is down" in e["message"]]


def test_many_who_wait_for_a_cold_worker_are_all_served(start_served):
    fleet = start_served(worker(script="load=700ms", idle_stop="1h"))
    statuses = []

    def ask():
        statuses.append(fleet.suite.chat(model="llama").status)
    threads = [threading.Thread(target=ask) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert statuses == [200] * 20
    assert len(fleet.said("is loading")) == 1


def test_a_client_that_leaves_waits_no_longer_and_a_deadline_holds(start_served):
    fleet = start_served(worker(script="load=1h", idle_stop="1h"))
    suite = fleet.suite
    stream = suite.stream(model="llama")
    wait_until(lambda: suite.admin("/admin/providers").json[0]["waiting"] == 1, "one in line")
    stream.close()
    wait_until(lambda: suite.admin("/admin/providers").json[0]["waiting"] == 0, "nobody in line")
    answer = suite.chat(model="llama", headers={"x-llm-deadline-ms": "300"})
    assert (answer.status, answer.code) == (504, "deadline_exceeded")


def test_a_cold_worker_is_warmed_up_while_others_answer(start_served, simulator):
    row = worker(script="load=500ms", idle_stop="1h")
    both = {"name": "both", "targets": [{"provider": "llama", "model": "sim"},
                                        {"provider": "sim", "model": "sim"}]}
    fleet = start_served(row, config={"models": [both], "providers": [
        {"name": "sim", "base_url": f"{simulator.url}/v1", "backend": "local"}]})
    first = fleet.suite.chat(model="both")
    assert (first.status, first.headers["x-llm-provider"]) == (200, "sim")
    fleet.wait("idle")
    wait_until(lambda: fleet.suite.chat(model="both").headers["x-llm-provider"] == "llama",
               "the worker to answer")


def test_a_proxy_that_dies_leaves_no_request_at_a_worker(start_served):
    fleet = start_served(worker(idle_stop="500ms"), config={"models": [
        {"name": "slow", "targets": [{"provider": "llama", "model": "sim:interval=1h"}]}]})
    with contextlib.closing(fleet.suite.stream(model="slow")):
        fleet.wait("busy")
        fleet.suite.proxy.kill()
        fleet.wait("stopped")


def test_one_stopped_by_hand_is_not_started_by_a_request(start_served):
    fleet = start_served(worker(idle_stop="1h"))
    fleet.suite.ctl("workers", "stop", "llama")
    wait_until(lambda: fleet.suite.chat(model="llama").code == "no_healthy_provider", "a refusal")
    assert fleet["llama"]["state"] == "stopped"


# ---- draining, reloading ----

@pytest.mark.parametrize("verb, then", [("drain", "stopped"), ("restart", "idle")])
def test_requests_under_way_finish_first(start_served, verb, then):
    """A stream of five seconds, in whose middle the worker is to leave."""
    model = "sim:chunks=20,interval=250ms"
    fleet = start_served(worker(stop_timeout="60s"), config={"models": [
        {"name": "slow", "targets": [{"provider": "llama", "model": model}]}]})
    pid = fleet.wait("idle")["pid"]
    wait_until(lambda: fleet.suite.ctl_json("workers", "list")[0]["use"] == "ready", "it to serve")
    stream = fleet.suite.stream(model="slow")
    stream.read_until("w1")
    assert fleet.wait("busy")["in_flight"] == 1
    assert fleet.value("workers", state="busy", device="cpu") == 1
    fleet.suite.ctl("workers", verb, "llama")
    assert fleet.wait("stopping")["pid"] == pid
    if verb != "restart":
        assert fleet.suite.chat(model="slow").code == "no_healthy_provider"
    stream.read_all()
    assert stream.has_ended_well and stream.text().split()[-1] == "w20"
    assert fleet.wait(then)["pid"] != pid
    assert fleet.value("workers_graceful_shutdown_total") == 1


def test_a_reload_starts_what_is_new_stops_what_is_gone_and_restarts_what_changed(start_fleet):
    kept, gone, new = worker("kept"), worker("gone"), worker("new")
    changed, cured = worker("changed"), worker("cured")
    ill = {**cured, "command": ["false"], "restart": {"max": 0}}
    fleet = start_fleet(kept, gone, changed, ill)
    pids = {name: fleet.wait("idle", name)["pid"] for name in ("kept", "gone", "changed")}
    fleet.wait("failed", "cured")
    changed = {**changed, "command": changed["command"][:3] + ["--records", "7"]}
    fleet.suite.config["workers"] = [kept, changed, new, cured]
    fleet.suite.write_config()
    fleet.daemon.signal(signal.SIGHUP)
    fleet.wait("idle", "new")
    fleet.wait("idle", "cured")
    wait_until(lambda: "gone" not in fleet.all(), "one to be gone")
    wait_until(lambda: fleet["changed"]["pid"] not in (0, pids["changed"]), "one to be restarted")
    assert fleet["kept"]["pid"] == pids["kept"]
    assert fleet.value("worker_removed_total", reason="unconfigured") == 1


def test_a_provider_whose_worker_moves_to_another_is_watched_again(start_fleet):
    row, rows = worker(idle_stop="1h"), [
        {"name": name, "base_url": f"http://127.0.0.1:{free_port()}/v1", "backend": "local"}
        for name in ("a", "b")]
    fleet = start_fleet({**row, "provider": "a"}, config={"providers": rows})

    def watched():
        return {name for name in ("a", "b") if fleet.metrics().has("provider_state", provider=name)}
    wait_until(lambda: watched() == {"b"}, "the one without a worker to be watched")
    fleet.suite.config["workers"] = [{**row, "provider": "b"}]
    fleet.suite.write_config()
    fleet.daemon.signal(signal.SIGHUP)
    wait_until(lambda: watched() == {"a"}, "the other one to be watched")
    fleet.suite.config["workers"] = [{**row, "name": "successor", "provider": "b"}]
    fleet.suite.write_config()
    fleet.daemon.signal(signal.SIGHUP)
    wait_until(lambda: set(fleet.all()) == {"successor"}, "the first one to be gone")
    assert watched() == {"a"}


def test_operations_and_what_became_of_them_are_audited(start_served):
    fleet = start_served(worker())
    fleet.wait("idle")
    fleet.suite.ctl("workers", "stop", "llama")
    fleet.wait("stopped")

    def events():
        found = []
        for path in (fleet.suite.folder / "log/audit").glob("*.ndjson"):
            found += [json.loads(line) for line in path.read_text().splitlines()]
        return found

    def told(event, **data):
        return [e for e in events() if e["event"] == event
                and all(e["data"].get(k) == v for k, v in data.items())]
    wait_until(lambda: told("admin.action", path="/admin/workers/llama/stop"), "the order")
    wait_until(lambda: told("worker.stopped", worker="llama"), "its effect")


def test_stopping_health_worker_stops_its_workers_in_peace(start_fleet):
    fleet = start_fleet(worker(script="forks=2"), worker("other", script="load=1h"))
    fleet.wait("idle")
    fleet.wait("loading", "other")
    begun = time.monotonic()
    fleet.daemon.stop()
    assert time.monotonic() - begun < 5 * SLOW
    no_trace(fleet)
    no_trace(fleet, "other")
