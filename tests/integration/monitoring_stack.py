"""Debian's Prometheus, Alertmanager and node exporter around a running suite, and who they tell.

The files are those that the tree ships; only addresses and durations are other ones.
"""
import http.server
import json
import os
import re
import socketserver
import threading
import urllib.parse

import yaml

import suite as programs

MONITORING = programs.ROOT / "monitoring"
PROMETHEUS = MONITORING / "prometheus/prometheus.yml"
ALERTMANAGER = MONITORING / "alertmanager/alertmanager.yml"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SHORTEST = 3  # seconds: of two scrapes there is always one in it


def shorter(duration, factor):
    number, unit = re.fullmatch(r"(\d+)([smhd])", duration).groups()
    return f"{max(SHORTEST * 1000, int(number) * UNITS[unit] * 1000 // factor)}ms"


def scaled(rules, factor):
    """The same rules with every range and every `for` divided by `factor`."""
    if factor == 1:
        return rules
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"] = re.sub(r"\[(\w+)\]", lambda m: f"[{shorter(m.group(1), factor)}]",
                                  rule["expr"])
            if "for" in rule:
                rule["for"] = shorter(rule["for"], factor)
    return rules


class Prometheus(programs.Process):
    """On the shipped configuration, scraping and evaluating every second.

    `ports`: shipped port of a target to the one it has here; jobs of others are left out.
    """

    def __init__(self, suite, folder, factor=1, ports=None, jobs=None):
        self.port = programs.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        ports = {8090: suite.admin_port, 8081: suite.context_port, 8082: suite.health_port,
                 9090: self.port, **(ports or {})}
        config = self._shipped(ports, jobs)
        config["rule_files"] = [str(self._rules(folder, name, factor))
                                for name in config["rule_files"]]
        path = folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(config))
        super().__init__("prometheus", [
            "prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder}/prometheus",
            f"--web.listen-address=127.0.0.1:{self.port}"], folder)
        self.jobs = [job["job_name"] for job in config["scrape_configs"]]

    @staticmethod
    def _shipped(ports, jobs):
        def address(match):
            port = ports.get(int(match.group(1)))
            return f"127.0.0.1:{port}" if port else "ABSENT"
        text = re.sub(r"127\.0\.0\.1:(\d+)", address, PROMETHEUS.read_text())
        config = yaml.safe_load(text)
        config["global"].update(scrape_interval="1s", scrape_timeout="1s",
                                evaluation_interval="1s")
        config["scrape_configs"] = [
            job for job in config["scrape_configs"]
            if "ABSENT" not in json.dumps(job) and (jobs is None or job["job_name"] in jobs)]
        for job in config["scrape_configs"]:
            for discovery in job.get("http_sd_configs", []):
                discovery["refresh_interval"] = "1s"
        if "ABSENT" in json.dumps(config["alerting"]):
            del config["alerting"]
        return config

    @staticmethod
    def _rules(folder, name, factor):
        rules = scaled(yaml.safe_load((PROMETHEUS.parent / name).read_text()), factor)
        path = folder / name
        path.write_text(yaml.safe_dump(rules))
        return path

    def get(self, path):
        """The answer's data; None while Prometheus is still starting."""
        try:
            answer = programs.request(self.url + path)
        except OSError:
            return None
        return answer.json["data"] if answer.status == 200 else None

    def query(self, expression):
        """Label sets and values."""
        found = self.get(f"/api/v1/query?query={urllib.parse.quote(expression)}")
        return [(r["metric"], float(r["value"][1])) for r in found["result"]] if found else []

    def targets(self):
        """(job, instance) to what is wrong with it, "" if nothing."""
        found = self.get("/api/v1/targets?state=active")
        return {(t["labels"]["job"], t["labels"]["instance"]):
                "" if t["health"] == "up" else t["lastError"] or t["health"]
                for t in found["activeTargets"]} if found else {}

    def unwell_rules(self):
        """Rules without a good evaluation; None before they are loaded."""
        found = self.get("/api/v1/rules")
        return [(rule["name"], rule["health"], rule.get("lastError"))
                for group in found["groups"] for rule in group["rules"]
                if rule["health"] != "ok"] if found else None

    def wait_all_up(self, wanted_jobs=None):
        wanted = set(wanted_jobs or self.jobs)

        def all_up():
            found = self.targets()
            return {job for job, _ in found} >= wanted and not any(found.values())
        try:
            programs.wait_until(all_up, "all targets up", 30)
        except AssertionError as failure:
            raise AssertionError(f"{failure}: {self.targets()}") from None


class NodeExporter(programs.Process):
    def __init__(self, folder):
        self.port = programs.free_port()
        super().__init__("node-exporter", [
            "prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{self.port}"], folder)


class Alertmanager(programs.Process):
    """On the shipped configuration, whose receivers are all `told`, a Told."""

    def __init__(self, folder, told):
        self.port = programs.free_port()
        config = yaml.safe_load(ALERTMANAGER.read_text())
        shipped = config["global"]
        for name, secret in (("slack_api_url_file", f"{told.url}/slack"),
                             ("smtp_auth_password_file", "secret")):
            path = folder / name
            path.write_text(secret)
            os.chmod(path, 0o600)
            shipped[name] = str(path)
        # The mailbox of the test speaks neither TLS nor passwords.
        shipped.update(smtp_smarthost=f"127.0.0.1:{told.smtp_port}", smtp_require_tls=False)
        del shipped["smtp_auth_username"]
        config["route"].update(group_wait="100ms", group_interval="1s")
        for receiver in config["receivers"]:
            for webhook in receiver.get("webhook_configs", []):
                webhook["url"] = f"{told.url}/webhook"
        path = folder / "alertmanager.yml"
        path.write_text(yaml.safe_dump(config))
        super().__init__("alertmanager", [
            "prometheus-alertmanager", f"--config.file={path}",
            f"--storage.path={folder}/alertmanager", "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{self.port}"], folder)

    def post(self, *alerts):
        body = json.dumps([{"labels": labels, "annotations": {"description": "x"}}
                           for labels in alerts]).encode()
        answer = programs.request(f"http://127.0.0.1:{self.port}/api/v2/alerts", "POST", body,
                                  {"Content-Type": "application/json"})
        assert answer.status == 200, answer.body

    def alerts(self):
        """Labels and whether it is inhibited, of each."""
        found = programs.request(f"http://127.0.0.1:{self.port}/api/v2/alerts").json
        return [(a["labels"], bool(a["status"]["inhibitedBy"])) for a in found]

    def is_up(self):
        try:
            return programs.request(f"http://127.0.0.1:{self.port}/-/ready").status == 200
        except OSError:
            return False


class Told:
    """A webhook, a Slack and a mailbox: everything that Alertmanager tells anybody."""

    def __init__(self):
        self.events = []  # (labels, "firing" or "resolved") of the webhook, in order
        self.slack = []  # (channel, title)
        self.mails = []  # subjects
        self._web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._web_handler())
        self._smtp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._smtp_handler())
        for server in (self._web, self._smtp):
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        self.url = f"http://127.0.0.1:{self._web.server_address[1]}"
        self.smtp_port = self._smtp.server_address[1]

    def _web_handler(told):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/slack":
                    told.slack.append((body["channel"], body["attachments"][0]["title"]))
                else:
                    told.events += [(a["labels"], a["status"]) for a in body["alerts"]]
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass
        return Handler

    def _smtp_handler(told):
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(b"220 test\r\n")
                while line := self.rfile.readline():
                    verb = line[:4].upper()
                    if verb == b"DATA":
                        self.wfile.write(b"354 go on\r\n")
                        self.take_mail()
                    self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")

            def take_mail(self):
                for line in self.rfile:
                    if line.lower().startswith(b"subject:"):
                        told.mails.append(line.decode().partition(":")[2].strip())
                    if line == b".\r\n":
                        return
        return Handler

    def has(self, alertname, status, since=0, **labels):
        return any(have.get("alertname") == alertname and told == status
                   and labels.items() <= have.items() for have, told in self.events[since:])

    def wait(self, alertname, status, since=0, timeout=60, **labels):
        try:
            programs.wait_until(lambda: self.has(alertname, status, since, **labels),
                                f"{alertname} to be {status}", timeout)
        except AssertionError as failure:
            seen = sorted({(have["alertname"], told) for have, told in self.events[since:]})
            raise AssertionError(f"{failure}; told were {seen}") from None

    def close(self):
        for server in (self._web, self._smtp):
            server.shutdown()
            server.server_close()


class Stack:
    """All of them. `factor` makes the rules' durations so many times shorter."""

    def __init__(self, suite, folder, factor=1):
        self.suite = suite
        self.told = Told()
        self.node = NodeExporter(folder)
        self.alertmanager = Alertmanager(folder, self.told)
        self.prometheus = Prometheus(suite, folder, factor, {
            9100: self.node.port, 9093: self.alertmanager.port})
        for process in self.processes():
            process.spawn()

    def processes(self):
        return self.node, self.alertmanager, self.prometheus

    def stop(self):
        for process in self.processes():
            process.kill()
        self.told.close()
