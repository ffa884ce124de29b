"""The log on its way elsewhere: the shipped configurations, a real rsyslogd, the documented fields."""
import contextlib
import json
import pathlib
import re
import shutil
import socketserver
import subprocess
import threading

import pytest
import yaml

import suite as programs

SHIPPED = programs.ROOT / "monitoring/logs"
UNITS = {"llm-proxy", "context-service", "health-worker"}
AUDIT = "/var/log/llm-proxy/audit/*.ndjson"


class Sink(socketserver.ThreadingTCPServer):
    """A syslog server: the messages of the lines that came."""
    daemon_threads = True

    def __init__(self):
        self.messages = messages = []

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                for line in self.rfile:
                    messages.append(line.decode().split(" ", 7)[-1])
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=[0.05], daemon=True).start()

    def records(self):
        found = []
        for message in self.messages:
            with contextlib.suppress(ValueError):
                found.append(json.loads(message[message.index("{"):]))
        return found


@pytest.fixture
def sink():
    sink = Sink()
    yield sink
    sink.shutdown()
    sink.server_close()


@pytest.fixture
def rsyslogd(tmp_path):
    """rsyslogd(text): the command on the shipped file as changed, which stands alone."""
    if not shutil.which("rsyslogd"):
        pytest.skip("no rsyslogd (Debian's package rsyslog)")

    def command(text):
        path = tmp_path / "rsyslog.conf"
        path.write_text(f'global(workDirectory="{tmp_path}")\n{text}')
        return ["rsyslogd", "-f", str(path), "-i", str(tmp_path / "rsyslogd.pid")]
    return command


def test_rsyslogd_finds_nothing_to_say(rsyslogd):
    done = subprocess.run([*rsyslogd((SHIPPED / "rsyslog.conf").read_text()), "-N1"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_rsyslogd_takes_the_files_and_the_audit_trail_to_a_server(start_suite, simulator, rsyslogd,
                                                                  sink, tmp_path):
    suite = start_suite(simulator, services=["llm-proxy"],
                        config={"logging": {"format": "json", "files": True}})
    text = (SHIPPED / "rsyslog.conf").read_text()
    for shipped, here in (("/var/log/llm-proxy", str(suite.folder / "log")),
                          ("logs.example.com", "127.0.0.1"),
                          ('port="514"', f'port="{sink.server_address[1]}"')):
        assert shipped in text
        text = text.replace(shipped, here)
    process = programs.Process("rsyslogd", [*rsyslogd(text), "-n"], tmp_path)
    process.spawn()
    try:
        suite.chat()
        programs.wait_until(lambda: any(r.get("outcome") == "success" for r in sink.records()),
                            "the request's entry", 30)
        programs.wait_until(lambda: any(r.get("event") == "request.settled"
                                        for r in sink.records()), "the audit record", 30)
    finally:
        process.kill()


@pytest.mark.parametrize("name", ["promtail.yml", "config.alloy", "filebeat.yml"])
def test_a_shipper_reads_the_three_units_and_the_audit_trail(name):
    text = (SHIPPED / name).read_text()
    expression = re.search(r"\(llm-proxy\|[^)]*\)", text)
    units = (set(expression.group(0)[1:-1].split("|")) if expression
             else set(re.findall(r"_SYSTEMD_UNIT=([\w-]+)\.service", text)))
    assert units == UNITS == {p.name.partition(".")[0] for p in
                              (programs.ROOT / "deploy/systemd").glob("*.socket")}
    assert AUDIT in text
    if name.endswith("yml"):
        assert yaml.safe_load(text)
    else:
        assert text.count("{") == text.count("}") and text.count("[") == text.count("]")


def test_loki_gets_few_labels_and_the_same_from_both_its_shippers():
    promtail = yaml.safe_load((SHIPPED / "promtail.yml").read_text())
    journal, containers, audit = promtail["scrape_configs"]
    labels = {rule["target_label"] for rule in journal["relabel_configs"] if "target_label" in rule}
    assert set(next(s for s in containers["pipeline_stages"] if "labels" in s)["labels"]) < labels
    labels |= set(audit["pipeline_stages"][-1]["labels"])
    assert labels == {"job", "level", "instance", "event"}
    alloy = (SHIPPED / "config.alloy").read_text()
    assert set(re.findall(r'target_label\s*= "(\w+)"', alloy)) | {"event"} == labels


def test_elasticsearch_gets_an_index_a_day():
    text = yaml.safe_load((SHIPPED / "filebeat.yml").read_text())
    assert text["output.elasticsearch"]["index"] == "llm-gateway-%{+yyyy.MM.dd}"
    assert "index-" not in text["setup.template.pattern"] and not text["setup.ilm.enabled"]


def fields_in_code():
    found = set()
    for folder in ("services", "common"):
        for path in (programs.ROOT / folder).rglob("*.c"):
            found |= set(re.findall(r'"(LLM_[A-Z_]+[A-Z])"', path.read_text()))
    return found


def test_the_documented_fields_are_those_of_the_code():
    text = (programs.ROOT / "docs/OPERATIONS.md").read_text()
    section = text.partition("## Logs")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(LLM_[A-Z_]+)`", section)) == fields_in_code()


def test_every_event_of_the_catalogue_is_written_by_somebody_and_explained():
    header = (programs.ROOT / "common/io/log_events.h").read_text()
    events = dict(re.findall(r'#define (LOG_EVENT_\w+)\s+"([0-9a-f]{32})"', header))
    catalogue = (programs.ROOT / "deploy/catalog/llm-gateway.catalog").read_text()
    code = "".join(p.read_text() for p in (programs.ROOT / "services").rglob("*.c"))
    assert set(re.findall(r"^-- ([0-9a-f]{32})$", catalogue, re.M)) == set(events.values())
    for name in events:
        assert re.search(rf"\b{name}\b", code), f"{name} is never written"
    assert set(re.findall(r"\bLOG_EVENT_\w+", code)) == set(events)
    # Of what an explanation repeats, journald knows the name.
    assert set(re.findall(r"@(LLM_\w+)@", catalogue)) <= fields_in_code()


def test_journalctl_compiles_the_catalogue(tmp_path):
    if not shutil.which("journalctl"):
        pytest.skip("no journalctl (Debian's package systemd)")
    folder = tmp_path / "usr/lib/systemd/catalog"
    folder.mkdir(parents=True)
    (tmp_path / "var/lib/systemd/catalog").mkdir(parents=True)
    shutil.copy(programs.ROOT / "deploy/catalog/llm-gateway.catalog", folder)
    subprocess.run(["journalctl", f"--root={tmp_path}", "--update-catalog"], check=True)
    listed = subprocess.run(["journalctl", f"--root={tmp_path}", "--list-catalog"], check=True,
                            capture_output=True, text=True).stdout
    assert len(listed.splitlines()) == len(
        re.findall("^-- ", (folder / pathlib.Path("llm-gateway.catalog")).read_text(), re.M))
