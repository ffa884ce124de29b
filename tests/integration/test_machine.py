"""health-worker on a machine with GPUs, whose driver is a fake that does as a file tells it."""
import contextlib
import json
import pathlib
import re

import pytest
import zmq

from suite import BUILD, SLOW, connect, now_us, request, wait_until

FAKE = BUILD / "tests/nvml"
LIBRARY = "libnvidia-ml.so.1"
FAMILIES = {  # and what GPU 0 of the fake says
    "gpu_info": 1, "gpu_utilization_percent": 37, "gpu_memory_used_bytes": 1 << 30,
    "gpu_memory_total_bytes": 80 << 30, "gpu_temperature_celsius": 41, "gpu_power_watts": 250.5,
    "gpu_energy_joules_total": 5000.5}


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "driver"
    path.write_text("")
    return path


@pytest.fixture
def start_worker(start_suite, script):
    """start_worker(gpu=…, driver=False): health-worker alone, looking five times a second."""
    def start(driver=True, **health):
        env = {"FAKE_NVML": str(script)}
        if driver:
            env["LD_LIBRARY_PATH"] = str(FAKE)
        return start_suite(services=["health-worker"], env=env,
                           config={"health": {"interval": "200ms", **health}})
    return start


class Heartbeats:
    """A SUB on health.sock."""

    def __init__(self, suite):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.SUB)
        self.socket.linger = 0
        self.socket.subscribe(b"")
        self.socket.connect(f"ipc://{suite.folder}/run/health.sock")

    def gaps_ms(self, n):
        """Between the next n + 1 snapshots, by the sender's clock and in order."""
        times, last = [], None
        while len(times) <= n:
            assert self.socket.poll(int(5000 * SLOW)), "no heartbeat for 5 s"
            snapshot = json.loads(self.socket.recv_multipart()[1])
            assert last is None or snapshot["sequence"] == last + 1
            last = snapshot["sequence"]
            times.append(snapshot["at_ms"])
        return [b - a for a, b in zip(times, times[1:])]

    def close(self):
        self.context.destroy(0)


def gpu_series(suite):
    return {name: value for (name, labels), value in suite.metrics("health-worker").series.items()
            if name.startswith("gpu_")}


def status(suite):
    return request(f"http://127.0.0.1:{suite.health_port}/status").json


def said(suite, text):
    return [e for e in suite["health-worker"].entries() if text in e["message"]]


def wait_gpus(suite, n):
    wait_until(lambda: len(status(suite)["gpus"]) == n, f"{n} GPUs")


def test_two_gpus_are_shown_with_the_driver_s_values(start_worker, script):
    script.write_text("gpus 2\n")
    suite = start_worker()
    wait_gpus(suite, 2)
    metrics = suite.metrics("health-worker")
    for family, value in FAMILIES.items():
        assert metrics.value(family, gpu_id="0", uuid="GPU-fake-0", vendor="nvidia") == value
        assert metrics.has(family, gpu_id="1", uuid="GPU-fake-1", vendor="nvidia")
    assert metrics.types["gpu_energy_joules_total"] == "counter"
    assert metrics.value("gpu_memory_used_bytes", gpu_id="1") == 2 << 30
    first, second = status(suite)["gpus"]
    assert (first["name"], first["processes"], first["throttled"]) == ("Fake H100", 3,
                                                                       ["power", "heat"])
    assert (second["name"], second["throttled"], second["mig"]) == ("Fake H200", [], False)
    assert len(said(suite, f"GPUs watched through {LIBRARY}: 2")) == 1


def test_instances_of_mig_are_gpus_of_their_own(start_worker, script):
    script.write_text("mig 1\n")
    suite = start_worker()
    wait_gpus(suite, 3)
    metrics = suite.metrics("health-worker")
    assert not metrics.has("gpu_utilization_percent")
    assert metrics.value("gpu_memory_total_bytes") == 20 << 30
    assert metrics.value("gpu_memory_total_bytes", gpu_id="0:2", uuid="MIG-fake-0-2") == 10 << 30
    assert metrics.value("gpu_power_watts", gpu_id="0") == 250.5
    assert [g["mig"] for g in status(suite)["gpus"]] == [True, False, False]


def test_a_reading_that_is_not_supported_is_absent_and_comes_back(start_worker, script):
    suite = start_worker()
    wait_gpus(suite, 1)
    assert set(gpu_series(suite)) == set(FAMILIES)
    script.write_text("nvmlDeviceGetPowerUsage 3\nnvmlDeviceGetTotalEnergyConsumption 3\n")
    wait_until(lambda: set(FAMILIES) - set(gpu_series(suite))
               == {"gpu_power_watts", "gpu_energy_joules_total"}, "power and energy to be absent")
    assert status(suite)["gpus"][0]["power_watts"] is None
    script.write_text("")
    wait_until(lambda: gpu_series(suite) == FAMILIES, "all of them again")


def test_a_lost_gpu_leaves_and_comes_back(start_worker, script):
    script.write_text("gpus 2\n")
    suite = start_worker()
    wait_gpus(suite, 2)
    script.write_text("gpus 2\nnvmlDeviceGetTemperature@0 15\n")
    wait_gpus(suite, 1)
    assert not suite.metrics("health-worker").has("gpu_info", gpu_id="0")
    script.write_text("gpus 2\n")
    wait_gpus(suite, 2)


def test_a_hung_driver_delays_no_heartbeat_and_its_gpus_vanish(start_worker, script):
    suite = start_worker()
    wait_gpus(suite, 1)
    heartbeats = Heartbeats(suite)
    script.write_text("nvmlDeviceGetPowerUsage hang\n")
    try:
        gaps = heartbeats.gaps_ms(4)
    finally:
        heartbeats.close()
    assert max(gaps) <= 1000 + 100 * SLOW, gaps
    wait_until(lambda: gpu_series(suite) == {} and status(suite)["gpus"] == [],
               "the hung driver's GPUs to vanish")
    assert len(said(suite, "does not answer")) == 1
    script.write_text("")
    wait_gpus(suite, 1)
    assert gpu_series(suite) == FAMILIES


def test_it_ends_in_time_while_the_driver_hangs(start_worker, script):
    suite = start_worker()
    wait_gpus(suite, 1)
    script.write_text("nvmlDeviceGetCount_v2 hang\n")
    wait_gpus(suite, 0)
    begun = now_us()
    suite["health-worker"].stop()
    assert now_us() - begun < 1_000_000 * SLOW


def test_a_driver_that_hangs_at_its_start_does_not_delay_ours(start_worker, script):
    script.write_text("nvmlInit_v2 hang\n")
    suite = start_worker()
    assert suite.ready_seconds["health-worker"] < 2 * SLOW
    wait_until(lambda: said(suite, "does not answer"), "the silence to be told")
    assert gpu_series(suite) == {}


def test_a_driver_that_is_not_loaded_is_told_once_and_asked_again(start_worker, script):
    script.write_text("nvmlInit_v2 9\n")
    suite = start_worker()
    wait_until(lambda: said(suite, "Driver Not Loaded (9)"), "the driver's words")
    assert gpu_series(suite) == {}
    script.write_text("")
    wait_gpus(suite, 1)
    assert len(said(suite, "Driver Not Loaded")) == 1


def test_a_library_that_lacks_a_function_is_told_and_left(start_worker, tmp_path):
    (tmp_path / LIBRARY).symlink_to(FAKE / "libnvidia-ml-broken.so")
    suite = start_worker(driver=False)
    worker = suite["health-worker"]
    worker.stop()
    worker.env["LD_LIBRARY_PATH"] = str(tmp_path)
    worker.start_and_wait_ready()
    assert len(said(suite, "it lacks nvmlInit_v2")) == 1
    assert status(suite)["gpus"] == [] and gpu_series(suite) == {}


@pytest.mark.skipif(pathlib.Path("/sys/class/drm").exists(), reason="this machine has GPUs")
def test_without_a_gpu_there_are_no_series_one_entry_and_no_thread(start_worker):
    suite = start_worker(driver=False)
    assert len(said(suite, "no GPUs here")) == 1
    assert status(suite)["gpus"] == [] and gpu_series(suite) == {}
    quiet = start_worker(gpu="off")
    assert not said(quiet, "GPU") and threads(quiet) == threads(suite)


def threads(suite):
    text = pathlib.Path(f"/proc/{suite['health-worker'].pid}/status").read_text()
    return int(re.search(r"Threads:\s+(\d+)", text).group(1))


def test_off_asks_nobody_and_a_reload_changes_it(start_worker):
    suite = start_worker(gpu="off")
    worker = suite["health-worker"]
    assert status(suite)["gpus"] == []
    before = threads(suite)
    for gpu, n in (("auto", 1), ("off", 0), ("auto", 1)):
        suite.config["health"]["gpu"] = gpu
        suite.write_config()
        worker.child.send_signal(1)
        wait_gpus(suite, n)
        wait_until(lambda: threads(suite) == before + n, "the thread to come or go")
        assert bool(gpu_series(suite)) == bool(n)


def test_the_host_is_shown(start_worker):
    suite = start_worker(gpu="off")
    metrics, host = suite.metrics("health-worker"), status(suite)["host"]
    total = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1))
    state = str(suite.folder / "state")
    assert metrics.value("host_memory_total_bytes") == host["memory_total_bytes"] == total * 1024
    assert 0 < metrics.value("host_memory_available_bytes") < total * 1024
    assert metrics.value("host_disk_total_bytes", path=state) == host["disk_total_bytes"] > 0
    assert metrics.has("host_disk_available_bytes", path=state)
    assert host["disk_path"] == state
    for resource, percent in host["pressure_percent"].items():
        assert (percent is not None) == pathlib.Path(f"/proc/pressure/{resource}").exists()


def test_http_clients_cannot_take_the_descriptors_that_the_bus_needs(start_worker):
    suite = start_worker()
    worker = suite["health-worker"]
    worker.stop()
    worker.args = ["prlimit", "--nofile=256:256", *worker.args]
    worker.start_and_wait_ready()
    with contextlib.ExitStack() as crowd:
        for _ in range(400):
            crowd.enter_context(connect(suite.health_port))
        listeners = [Heartbeats(suite) for _ in range(30)]
        for one in listeners:
            assert one.gaps_ms(1)
            one.close()
