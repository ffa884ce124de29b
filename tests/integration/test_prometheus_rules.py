"""The rules that the tree ships: promtool's word on them, their unit tests, their runbook."""
import collections
import re
import subprocess

import pytest
import yaml

import suite as programs

RULES = programs.ROOT / "monitoring/prometheus"
RUNBOOK = programs.ROOT / "docs/OPERATIONS.md"
ASPECTS = ("fires and resolves", "is silent just under its threshold", "is silent when idle")
# Of Prometheus itself.
FOREIGN = {"up"}
WORDS = {"by", "without", "on", "and", "or", "unless", "bool", "ignoring", "group_left",
         "group_right", "offset"}


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def rules_of(path):
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def every_rule():
    return [rule for path in sorted(RULES.glob("*.rules.yml")) for rule in rules_of(path)]


def alerts():
    return [rule for rule in every_rule() if "alert" in rule]


def names_in(expression):
    """The metrics that an expression reads."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", expression)
    bare = re.sub(r"#.*", "", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"[a-z_]+\s*\(", "(", bare)
    return set(re.findall(r"(?<![\w.:])[a-zA-Z_:][\w:]*", bare)) - WORDS


def families(must_move):
    """Kind of every family in the daemons' tables; with must_move, of those the code touches."""
    found = {"llm_proxy_build_info": "GAUGE", "context_service_build_info": "GAUGE",
             "health_worker_build_info": "GAUGE"}
    tables = [programs.ROOT / "common/io/common_metrics.def",
              *(programs.ROOT / "services").glob("*/*_metrics.def")]
    for table in tables:
        code = "".join(f.read_text() for f in table.parent.glob("*.c"))
        for kind, name in re.findall(r"^METRIC\((\w+), (\w+),", table.read_text(), re.M):
            if "common" in table.name or not must_move or f"METRIC_{name}" in code:
                found[name] = kind
    return found


def series(must_move):
    names = set(FOREIGN)
    for name, kind in families(must_move).items():
        suffixes = ("_bucket", "_sum", "_count") if kind == "HISTOGRAM" else ("",)
        names |= {name + suffix for suffix in suffixes}
    return names


def recorded():
    return {rule["record"] for rule in every_rule() if "record" in rule}


def test_promtool_finds_nothing_to_say_about_the_rules():
    promtool("check", "rules", "--lint=all", "--lint-fatal", *sorted(RULES.glob("*.rules.yml")))


def test_the_configuration_names_every_file_of_rules():
    promtool("check", "config", RULES / "prometheus.yml")
    named = yaml.safe_load((RULES / "prometheus.yml").read_text())["rule_files"]
    assert sorted(named) == sorted(p.name for p in RULES.glob("*.rules.yml"))


@pytest.mark.parametrize("path", sorted((RULES / "tests").glob("*.yml")), ids=lambda p: p.stem)
def test_the_unit_tests_of_the_rules_pass(path):
    promtool("test", "rules", path)


def test_every_alert_is_tested_in_every_respect():
    tests = {t["name"]: t for path in (RULES / "tests").glob("*.yml")
             for t in yaml.safe_load(path.read_text())["tests"] if "alert_rule_test" in t}
    wanted = {f"{a['alert']} ({a['labels']['severity']}) {aspect}"
              for a in alerts() for aspect in ASPECTS}
    assert wanted == set(tests)
    for alert in alerts():
        severity = alert["labels"]["severity"]
        fires, under, idle = (tests[f"{alert['alert']} ({severity}) {aspect}"]["alert_rule_test"]
                              for aspect in ASPECTS)
        shown = [[a for a in check["exp_alerts"] if a["exp_labels"]["severity"] == severity]
                 for check in fires]
        assert shown[0] and not shown[-1], f"{alert['alert']}: first it fires, then it is over"
        for check in under + idle:
            assert check["alertname"] == alert["alert"]
            assert not [a for a in check["exp_alerts"] if a["exp_labels"]["severity"] == severity]


def test_every_name_of_the_forerunners_has_its_value_tested():
    names = {rule["record"] for rule in rules_of(RULES / "compat.rules.yml")}
    (test,) = yaml.safe_load((RULES / "tests/compat.yml").read_text())["tests"]
    assert all(check["exp_samples"] for check in test["promql_expr_test"])
    assert names == {check["expr"].partition("{")[0] for check in test["promql_expr_test"]}


def test_every_alert_says_how_bad_it_is_what_it_is_and_where_to_read_on():
    headings = {h.lower() for h in re.findall(r"^### (\w+)$", RUNBOOK.read_text(), re.M)}
    for alert in alerts():
        name = alert["alert"]
        assert alert["labels"]["severity"] in ("critical", "warning", "info"), name
        assert {"summary", "description", "runbook_url"} == set(alert["annotations"]), name
        page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        assert page == "docs/OPERATIONS.md" and anchor == name.lower(), name
        assert anchor in headings, f"{name} has no section in the runbook"
    assert headings == {a["alert"].lower() for a in alerts()}


def test_the_commands_of_the_runbook_exist():
    source = "".join(f.read_text() for f in (programs.ROOT / "services/llmctl").glob("*.c"))
    for command in re.findall(r"llmctl ([a-z]+(?: [a-z]+)?)", RUNBOOK.read_text()):
        first = command.split()[0]
        is_group = command == first and f'"{first} ' in source
        assert is_group or f'"{command}"' in source or f'"{first}", ' in source, command


def test_an_alert_reads_only_what_a_daemon_counts():
    known = series(must_move=True)
    by_record = collections.defaultdict(set)
    for rule in every_rule():
        if "record" in rule:
            by_record[rule["record"]] |= names_in(rule["expr"])
    for alert in alerts():
        wanted = names_in(alert["expr"])
        wanted = set().union(*(by_record.get(name, {name}) if name not in FOREIGN else {name}
                               for name in wanted))
        assert wanted and wanted <= known, f"{alert['alert']}: {wanted - known}"


def test_a_rule_reads_only_what_is_in_a_daemons_table_or_recorded():
    known = series(must_move=False) | recorded()
    for rule in every_rule():
        names = names_in(rule["expr"])
        assert names <= known, f"{rule.get('alert') or rule.get('record')}: {names - known}"
