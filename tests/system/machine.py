"""A machine for one test: systemd as PID 1 of private namespaces, the suite installed and started.

Needs root and a mounted cgroup2 tree. The machine has its own network (loopback only), processes,
mounts and control groups, and is gone without a trace when it is stopped.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build")).resolve()
TARGET = "llm-gateway.target"
SERVICES = ("llm-proxy", "context-service", "health-worker")
CLONE_NEWNET = 0x40000000
TRIAL = """\
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
mount -t proc proc /mnt/root/proc
mount -t cgroup2 cgroup2 /mnt/root/sys
"""
LIBC = ctypes.CDLL(None, use_errno=True)


def why_not():
    """What this machine lacks, or None."""
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("unshare", "nsenter", "ip", "meson", "systemd-sysusers", "systemd-analyze"):
        if not shutil.which(tool):
            return f"needs {tool}"
    if not pathlib.Path("/lib/systemd/systemd").exists():
        return "needs systemd"
    if not cgroup_root():
        return "needs a mounted cgroup2 tree"
    tried = subprocess.run(["unshare", "-m", "-p", "-u", "-i", "-n", "-C", "--fork", "--propagation",
                            "private", "sh", "-ec", TRIAL], capture_output=True, text=True)
    if tried.returncode != 0:
        return f"needs namespaces and overlays: {tried.stderr.strip()}"
    for name in SERVICES:
        if not (BUILD / "services" / name / name).exists():
            return f"needs {name} in {BUILD}"
    return None


def cgroup_root():
    """This process's own place in the cgroup2 tree."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(","):
            mine = next(entry.split(":", 2)[2]
                        for entry in pathlib.Path("/proc/self/cgroup").read_text().splitlines()
                        if entry.startswith("0::"))
            return pathlib.Path(where + mine)
    return None


def wait_until(condition, what, timeout=30.0):
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {timeout} s for {what}"
        time.sleep(0.02)


class Machine:
    def __init__(self, config=None, units=None, is_bare=False):
        """`config`: the text of llm-proxy.yaml; `units`: path below /etc/systemd/system to text;
        bare: nothing of the suite is installed."""
        self.target, self.build = ("basic.target", "") if is_bare else (TARGET, BUILD)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="machine-"))
        if config:
            (self.folder / "llm-proxy.yaml").write_text(config)
        for name, text in (units or {}).items():
            path = self.folder / "units" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.cgroup = cgroup_root() / f"llm-gateway-test-{self.folder.name}"
        self.outer = self.pid = None

    def start(self):
        self.cgroup.mkdir()
        command = ["unshare", "-m", "-p", "-u", "-i", "-n", "-C", "--fork", "--kill-child",
                   "--propagation", "private", HERE / "boot.sh", self.folder, self.build,
                   self.target]
        with open(self.folder / "boot.log", "wb") as log:
            self.outer = subprocess.Popen(
                ["sh", "-c", 'echo $$ >"$0/cgroup.procs"; exec "$@"', self.cgroup, *command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True)
        self.pid = wait_until(self._inner_pid, f"PID 1: {self._boot_log()}")
        wait_until(lambda: self._is_alive() and self.run("systemctl", "is-active", self.target).ok,
                   self.target, 60)
        return self

    def _boot_log(self):
        return (self.folder / "boot.log").read_text(errors="replace")[-2000:]

    def _is_alive(self):
        assert self.outer.poll() is None, f"the machine died: {self._boot_log()}"
        return True

    def _inner_pid(self):
        self._is_alive()
        children = pathlib.Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children")
        with contextlib.suppress(OSError):
            found = children.read_text().split()
            if found and pathlib.Path(f"/proc/{found[0]}/comm").read_text() == "systemd\n":
                return int(found[0])
        return None

    def run(self, *command, check=False):
        """A command inside; has .ok, .out and .err."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-m", "-p", "-u", "-i", "-n", "-C", *command],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
        done.ok, done.out, done.err = done.returncode == 0, done.stdout, done.stderr
        assert done.ok or not check, f"{command}: {done.err or done.out}"
        return done

    def put(self, path):
        """A copy of the file inside; its path there."""
        inside = f"/root/{os.path.basename(path)}"
        shutil.copy(path, f"/proc/{self.pid}/root{inside}")
        return inside

    def show(self, unit, *properties):
        out = self.run("systemctl", "show", unit, "-p", ",".join(properties), check=True).out
        return dict(line.split("=", 1) for line in out.splitlines())

    def main_pid(self, unit):
        """As seen outside."""
        inner = self.show(unit, "MainPID")["MainPID"]
        for status in pathlib.Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
                same_space = os.stat(status.parent / "ns/pid").st_ino == \
                    os.stat(f"/proc/{self.pid}/ns/pid").st_ino
                if same_space and fields["NSpid"].split()[-1] == inner:
                    return int(status.parent.name)
        raise AssertionError(f"{unit} has no process")

    def journal(self, *options):
        self.run("journalctl", "--sync", check=True)
        out = self.run("journalctl", "-o", "json", *options, check=True).out
        return [json.loads(line) for line in out.splitlines()]

    @contextlib.contextmanager
    def network(self):
        """Sockets of this thread are the machine's."""
        with open("/proc/thread-self/ns/net") as here, open(f"/proc/{self.pid}/ns/net") as there:
            assert LIBC.setns(there.fileno(), CLONE_NEWNET) == 0
            try:
                yield
            finally:
                assert LIBC.setns(here.fileno(), CLONE_NEWNET) == 0

    def stop(self):
        if self.outer:
            self.outer.kill()
            self.outer.wait()
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            wait_until(lambda: self._remove_cgroup(folder), f"the end of {folder}")
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _remove_cgroup(folder):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
        return not os.path.exists(folder)
