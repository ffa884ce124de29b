"""The whole chain: suite, Prometheus, Alertmanager, node exporter, and whoever is told.

What takes longer (each alert, with the rules' durations) is `tests/run stack`.
"""
import json
import pathlib
import re

import pytest
import yaml

import suite as programs
from busy_suite import BusySuite
from monitoring_stack import Stack

GUIDES = yaml.safe_load((pathlib.Path(__file__).parent / "guide_expressions.yml").read_text())
THRESHOLD = re.compile(r"\s*(==|!=|>=?|<=?)\s*(bool\s+)?[\d.]+\s*$")
# What the busy suite has not: inference servers that tell how loaded they are, token tables.
UNLIT = re.compile("provider_requests_|provider_kv_cache|context_cache_hits|context_count_error")


@pytest.fixture
def busy(start_suite, tmp_path):
    busy = BusySuite(start_suite, tmp_path)
    yield busy
    busy.stop()


@pytest.fixture
def stack(busy, tmp_path):
    stack = Stack(busy.suite, tmp_path, factor=60)
    yield stack
    stack.stop()


def unanswered(prometheus):
    found = {}
    for row in GUIDES:
        expression = THRESHOLD.sub("", row["expr"])
        if not prometheus.query(expression):
            found[expression] = row["of"]
    return found


def panels():
    """(dashboard, title) to its expressions, as Grafana would ask them."""
    for path in sorted((programs.ROOT / "monitoring/grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                expression = re.sub(r"\$(instance|model|provider)", ".*", target["expr"])
                expression = re.sub(r"\$__\w+|30d|24h", "1m", expression)
                yield f"{path.stem}: {panel['title']}", expression


def dark_panels(prometheus):
    return [(where, expression) for where, expression in panels()
            if not UNLIT.search(expression) and not prometheus.query(expression)]


def test_targets_are_up_the_guides_expressions_answered_and_one_alert_comes_and_goes(busy, stack):
    for number in range(3):
        busy.round(number)
    busy.go_on()
    stack.prometheus.wait_all_up()
    try:
        programs.wait_until(lambda: not unanswered(stack.prometheus), "every expression's answer",
                            45)
    except AssertionError as failure:
        raise AssertionError(f"{failure}: {unanswered(stack.prometheus)}") from None

    try:
        programs.wait_until(lambda: not dark_panels(stack.prometheus), "every panel's data", 45)
    except AssertionError as failure:
        raise AssertionError(f"{failure}: {dark_panels(stack.prometheus)}") from None

    context = busy.suite["context-service"]
    context.kill()
    stack.told.wait("ContextServiceDown", "firing")
    context.start_and_wait_ready()
    stack.told.wait("ContextServiceDown", "resolved")
