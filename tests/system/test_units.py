"""The units as files: no root, nothing started."""
import pathlib
import re
import shutil
import subprocess

import pytest

import machine

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
MAX_EXPOSURE = 20  # tenths


@pytest.mark.parametrize("name", [*machine.SERVICES, "llm-proxy-audit"])
def test_a_service_is_exposed_no_more_than_2(name):
    unit = machine.BUILD / "deploy" / f"{name}.service"
    done = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=true",
                           f"--threshold={MAX_EXPOSURE}", unit], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Overall exposure level for \S+: \d", done.stdout), done.stdout


def test_every_event_of_the_log_is_explained():
    header = (machine.ROOT / "common/io/log_events.h").read_text()
    events = re.findall(r'^#define LOG_EVENT_\w+ +"([0-9a-f]{32})"$', header, re.M)
    catalog = (machine.ROOT / "deploy/catalog/llm-gateway.catalog").read_text()
    assert len(events) == header.count("#define LOG_EVENT_")
    assert sorted(re.findall(r"^-- ([0-9a-f]{32})$", catalog, re.M)) == sorted(events)
    for entry in re.split(r"^-- ", catalog, flags=re.M)[1:]:
        assert re.match(r"[0-9a-f]{32}\nSubject: .+\nDefined-By: .+\n\n\S", entry), entry


def test_the_sockets_are_bound_where_the_daemons_expect_them():
    """The sample configuration leaves the addresses at their defaults."""
    units = {path.stem: path.read_text()
             for path in pathlib.Path(machine.ROOT / "deploy/systemd").glob("*.socket")}
    addresses = {name: re.findall(r"^ListenStream=(.+)$", text, re.M)
                 for name, text in units.items()}
    assert addresses == {"llm-proxy": ["127.0.0.1:8080"], "context-service": ["127.0.0.1:8081"],
                         "health-worker": ["127.0.0.1:8082"]}
