"""llmctl status: tables once, a page that is repainted on a terminal, lines elsewhere."""
import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from suite import PROGRAMS, SLOW, wait_until


class Terminal:
    """llmctl in a window of its own, and what the window shows."""

    def __init__(self, suite, *args, rows=24, columns=80):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.child = subprocess.Popen([PROGRAMS["llmctl"], "--config", suite.config_path, *args], stdin=slave,
                                      stdout=slave, stderr=slave, start_new_session=True, preexec_fn=self.control,
                                      env={**os.environ, "TERM": "xterm"})
        os.close(slave)
        os.set_blocking(self.master, False)
        self.seen = b""

    @staticmethod
    def control():
        fcntl.ioctl(1, termios.TIOCSCTTY, 0)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def pages(self):
        """Whole repaints so far, as lists of lines."""
        with contextlib.suppress(OSError):
            while piece := os.read(self.master, 65536):
                self.seen += piece
        found = re.findall(r"\x1b\[H(.*?)\x1b\[J", self.seen.decode(), re.S)
        return [page.replace("\x1b[K", "").replace("\r", "").split("\n") for page in found]

    def wait_page(self, condition, what):
        at = len(self.pages())
        return wait_until(lambda: next((p for p in self.pages()[at:] if condition(p)), None), what, 20)

    def press(self, keys):
        os.write(self.master, keys)

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        os.close(self.master)


@pytest.fixture
def start_terminal():
    started = []

    def start(*args, **options):
        started.append(Terminal(*args, **options))
        return started[-1]
    yield start
    for one in started:
        one.close()


def test_status_shows_services_providers_nodes_and_the_machine(suite):
    well = {"llm-proxy": "healthy", "context-service": "healthy", "health-worker": "healthy"}

    def all_well():
        found = suite.ctl_json("status")
        return {s["name"]: s["state"] for s in found["services"]} == well and found
    status = wait_until(all_well, "all to be well")
    node = status["nodes"][0]
    assert node["status"] == "healthy" and node["address"] is None and node["active_requests"] == 0
    assert 0 < node["host"]["memory_available_bytes"] < node["host"]["memory_total_bytes"]
    assert node["host"]["disk_path"] and node["gpus"] == status["gpus"] == [] and status["workers"] == []
    assert [p["name"] for p in status["providers"]] == ["sim"] and status["providers"][0]["node"] is None

    text = suite.ctl("status").stdout
    assert re.match(r"llm-proxy \S+ is serving, up 0:0\d:\d\d, 2 threads, configuration 1\n\n", text)
    assert re.search(r"^SERVICE +STATE\nllm-proxy +healthy\n", text, re.M)
    assert re.search(rf"^{re.escape(node['node_id'])} +\w+ +\d\.\d +0 +\d+\.\d [MG]iB", text, re.M)
    assert re.search(r"^sim +- +\w+ +closed +true +0 +0 ", text, re.M)
    assert "WORKER" not in text and "GPU" not in text
    assert re.search(r"^sim +openai +local +- ", suite.ctl("providers").stdout, re.M)


def test_a_service_that_hangs_or_dies_is_shown_as_offline_and_comes_back(suite):
    def state(name):
        return next(s["state"] for s in suite.ctl_json("status")["services"] if s["name"] == name)
    wait_until(lambda: state("context-service") == state("health-worker") == "healthy", "all to be well")
    with suite["context-service"].hung():
        suite["health-worker"].kill()
        wait_until(lambda: state("context-service") == "offline", "the one that hangs", 20)
        wait_until(lambda: state("health-worker") == "offline", "the one that died", 20)
        assert suite.chat(max_tokens=4).status == 200
    suite["health-worker"].start_and_wait_ready()
    wait_until(lambda: state("context-service") == state("health-worker") == "healthy", "both to be back", 20)


def test_watch_repaints_follows_the_window_and_leaves_the_terminal_as_it_was(suite, simulator, start_terminal):
    terminal = start_terminal(suite, "status", "--watch", columns=120)
    page = terminal.wait_page(lambda p: any(line.startswith("health-worker  ") for line in p), "a page")
    assert terminal.seen.startswith(b"\x1b[?1049h\x1b[?25l") and "is serving" in page[2]

    simulator.script("chunks=2000,interval=50ms")
    stream = suite.stream()
    terminal.wait_page(lambda p: any(re.match(r"sim .* true +1 +0 ", line) for line in p), "a request under way")
    stream.close()
    terminal.wait_page(lambda p: any(re.match(r"sim .* true +0 +0 ", line) for line in p), "it to be gone")

    terminal.resize(5, 30)
    page = terminal.wait_page(lambda p: len(p) == 5, "a small page")
    assert max(len(line) for line in page) <= 30
    terminal.resize(50, 120)
    terminal.wait_page(lambda p: len(p) > 5, "a large page")

    suite.proxy.stop()
    terminal.wait_page(lambda p: any("cannot reach llm-proxy" in line for line in p), "the bad news")
    suite.proxy.start_and_wait_ready()
    terminal.wait_page(lambda p: "is serving" in p[2], "the good news")

    terminal.press(b"\x03")
    assert terminal.child.wait(10 * SLOW) == 0
    terminal.pages()
    assert terminal.seen.endswith(b"\x1b[?25h\x1b[?1049l") and b"^C" not in terminal.seen.split(b"\x1b[J")[0]


def test_watch_without_a_terminal_writes_lines_until_nobody_reads(suite):
    wait_until(lambda: suite.ctl_json("status")["nodes"], "the node to be heard")
    with subprocess.Popen([PROGRAMS["llmctl"], "--config", suite.config_path, "status", "--watch"],
                          stdout=subprocess.PIPE, text=True) as child:
        for _ in range(2):
            assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  llm-proxy is serving; services healthy \d/3, "
                            r"providers available \d/1, nodes healthy \d/1; requests running 0, waiting 0; "
                            r"workers serving 0/0\n$", child.stdout.readline())
        child.stdout.close()
        assert child.wait(10 * SLOW) == 0
    with subprocess.Popen([PROGRAMS["llmctl"], "--config", suite.config_path, "--json", "status", "--watch"],
                          stdout=subprocess.PIPE, text=True) as child:
        assert json.loads(child.stdout.readline())["proxy"]["state"] == "serving"
        child.terminate()
        assert child.wait(10 * SLOW) == 0
