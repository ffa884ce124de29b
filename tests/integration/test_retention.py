"""What condensing must not lose: a small draw of what tests/bench/retention.py measures at length."""
import os
import sys

import pytest

from suite import ROOT

sys.path.insert(0, str(ROOT / "tests/bench"))
import retention  # noqa: E402

SOAK = bool(os.environ.get("SOAK"))


@pytest.fixture
def condenser():
    it = retention.Condenser()
    yield it
    assert it.close() == 0


def check(table, floors):
    assert not table.wrong and table.least_used >= 0.95
    for row, least in floors.items():
        for share, percent in zip(retention.SHARES, least):
            assert table.percent(row, share) >= percent, (row, share, table.percent(row, share))


def test_facts_of_an_agents_session_are_kept_or_can_be_retrieved(condenser):
    table = retention.Table()
    retention.agents(condenser, table, 12 if SOAK else 2, each=1 if SOAK else 5)
    everything = (100, 100, 100)
    check(table, {"no query, constraint": everything, "no query, decision": everything,
                  "no query, error": everything, "named": everything,
                  "kept or retrievable": everything,
                  "no query": (68, 80, 91), "paraphrased": (68, 80, 91)})


def test_turns_that_answer_a_question_about_a_long_talk_are_kept(condenser):
    table = retention.Table()
    retention.dialogues(condenser, table, 10 if SOAK else 3, each=1 if SOAK else 2)
    check(table, {"evidence turns": (75, 84, 91), "evidence turns, asked last": (75, 84, 91)})
