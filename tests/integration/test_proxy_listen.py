"""Addresses: one process has each, and all its threads serve it."""
import subprocess
import tempfile

from suite import PROGRAMS, Suite


def test_every_thread_serves_a_unix_socket(start_suite, simulator):
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/api.sock"
        suite = start_suite(simulator, services=["llm-proxy"],
                            config={"proxy": {"listen": [f"unix:{path}"], "threads": 3,
                                              "metrics_on_api": "off"}})
        for _ in range(2):
            for _ in range(12):
                answer = subprocess.run(["curl", "-sf", "--unix-socket", path, "http://x/ready"],
                                        capture_output=True, text=True, timeout=30, check=True).stdout
                assert '"ready"' in answer
            suite.proxy.kill()
            suite.proxy.start_and_wait_ready()  # the file of the one that was killed is replaced


def test_two_processes_never_share_an_address(start_suite, simulator):
    first = start_suite(simulator, services=["llm-proxy"])
    second = Suite(simulator, services=["llm-proxy"],
                   config={"proxy": {"listen": [f"127.0.0.1:{first.port}"]}})
    try:
        done = subprocess.run([PROGRAMS["llm-proxy"], "--config", second.config_path],
                              capture_output=True, text=True, timeout=60)
    finally:
        second.stop()
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{first.port}: cannot be bound" in done.stderr
    assert all(first.chat().status == 200 for _ in range(8))
