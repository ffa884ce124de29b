"""Whom the shipped Alertmanager tells what: its configuration, and a real one on it."""
import collections
import itertools
import re
import subprocess

import pytest
import yaml

import suite as programs
from monitoring_stack import ALERTMANAGER, PROMETHEUS, Alertmanager, Told

EXTERNAL = yaml.safe_load(PROMETHEUS.read_text())["global"]["external_labels"]
CONFIG = yaml.safe_load(ALERTMANAGER.read_text())


def labels_of_alerts():
    """Labels with which each alert fires in the unit tests of the rules, as Alertmanager gets it."""
    found = collections.defaultdict(list)
    for path in (PROMETHEUS.parent / "tests").glob("*.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for check in test.get("alert_rule_test", []):
                for alert in check["exp_alerts"]:
                    labels = {"alertname": check["alertname"], **alert["exp_labels"], **EXTERNAL}
                    if labels not in found[check["alertname"]]:
                        found[check["alertname"]].append(labels)
    return [labels for each in found.values() for labels in each]


def matches(matchers, labels):
    for name, operator, value in (re.fullmatch(r'(\w+)(=~?)"(.*)"', m).groups() for m in matchers):
        is_met = (re.fullmatch(value, labels.get(name, "")) if operator == "=~"
                  else labels.get(name) == value)
        if not is_met:
            return False
    return True


def pairs_of(rule):
    """Alerts of the tree of which the first silences the second, if they are about one thing."""
    for source, target in itertools.product(labels_of_alerts(), repeat=2):
        is_same_alert = source["alertname"] == target["alertname"] or "alertname" not in rule["equal"]
        if (source is not target and is_same_alert and matches(rule["source_matchers"], source)
                and matches(rule["target_matchers"], target)):
            yield source, target


@pytest.fixture
def told():
    told = Told()
    yield told
    told.close()


@pytest.fixture
def alertmanager(tmp_path, told):
    process = Alertmanager(tmp_path, told)
    process.spawn()
    programs.wait_until(process.is_up, "Alertmanager", 30)
    yield process
    process.kill()


def test_amtool_finds_nothing_to_say():
    done = subprocess.run(["amtool", "check-config", ALERTMANAGER], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("severity, receivers", [
    ("critical", "webhook,critical"), ("warning", "webhook,warning"), ("info", "webhook,default"),
    ("", "webhook,default")])
def test_an_alert_is_routed_by_its_severity(severity, receivers):
    done = subprocess.run(["amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}",
                           f"--verify.receivers={receivers}", f"severity={severity}",
                           "alertname=Any"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_secret_stands_in_the_configuration():
    text = ALERTMANAGER.read_text()
    assert not re.search(r"(password|api_url|auth_secret|credentials|key):", text)
    assert set(re.findall(r"(\w+)_file:", text)) == {"slack_api_url", "smtp_auth_password"}


@pytest.mark.parametrize("rule", CONFIG["inhibit_rules"],
                         ids=lambda r: "".join(r["source_matchers"]))
def test_what_an_inhibition_compares_is_on_both_alerts(rule):
    pairs = list(pairs_of(rule))
    assert pairs, "no alert of the tree is silenced by this"
    targets = {name for m in rule["target_matchers"]
               for name in re.findall(r"[A-Z]\w+", m.partition('"')[2])}
    assert targets <= {target["alertname"] for _, target in pairs}
    for source, target in pairs:
        for name in rule["equal"]:
            assert (name in source) == (name in target), (name, source, target)


def test_what_follows_from_something_worse_is_not_told_again(alertmanager, told):
    for rule in CONFIG["inhibit_rules"]:
        source, target = next(pairs_of(rule))
        same = {name: source[name] for name in rule["equal"] if name in source}
        other_cluster = {**target, **same, "cluster": "other"}
        target = {**target, **same}
        alertmanager.post(source, target, other_cluster)

        def inhibited():
            return [labels for labels, is_inhibited in alertmanager.alerts() if is_inhibited]
        programs.wait_until(lambda: target in inhibited(), f"{target} to be silenced by {source}")
        assert other_cluster not in inhibited()


def test_critical_goes_to_slack_and_mail_warning_to_slack_the_rest_to_mail(alertmanager, told):
    for severity in ("critical", "warning", "info"):
        alertmanager.post({"alertname": f"A{severity}", "severity": severity, "cluster": "c"})
        told.wait(f"A{severity}", "firing")
    programs.wait_until(lambda: len(told.slack) == 2 and len(told.mails) == 2, "all to be told", 30)
    assert sorted(told.slack) == [("#alerts-critical", "FIRING Acritical"),
                                  ("#alerts-warning", "FIRING Awarning")]
    assert all(any(name in mail for mail in told.mails) for name in ("Acritical", "Ainfo"))
