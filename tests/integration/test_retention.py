"""What condensing must not lose: a small draw of what tests/bench/retention.py measures at length."""
import sys

import pytest

from suite import ROOT, SOAK

sys.path.insert(0, str(ROOT / "tests/bench"))
import heldout  # noqa: E402
import heldout_talks  # noqa: E402
import retention  # noqa: E402


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


EVERYTHING = (100, 100, 100)
FACTS = {"no query, constraint": EVERYTHING, "no query, decision": EVERYTHING,
         "no query, error": EVERYTHING, "named": EVERYTHING, "kept or retrievable": EVERYTHING,
         "no query": (68, 80, 91), "paraphrased": (68, 80, 91)}
TURNS = {"evidence turns": (75, 84, 91), "evidence turns, asked last": (75, 84, 91)}


def test_facts_of_an_agents_session_are_kept_or_can_be_retrieved(condenser):
    table = retention.Table()
    retention.agents(condenser, table, 12 if SOAK else 2, each=1 if SOAK else 5)
    check(table, FACTS)


def test_facts_of_sessions_in_other_trades_and_languages_are_kept(condenser):
    table = retention.Table()
    retention.agents(condenser, table, 70 if SOAK else 7, each=2 if SOAK else 9, source=heldout)
    check(table, FACTS)


def test_an_errors_place_is_kept_behind_lines_too_short_to_be_cut_off(condenser):
    """"    }" and "}" before "error[E0308]: …": what the place continues is the last of the three."""
    messages, facts = heldout.agent_session(50)
    budget = condenser.ask(messages, 1 << 40)["before"] // 10
    said = retention.texts(condenser.ask(messages, budget)["messages"])
    errors = [fact.value for fact in facts if fact.kind == "error"]
    assert errors and [value for value in errors if value not in said] == []


def test_a_budget_is_used_whatever_is_asked(condenser):
    messages, facts = heldout.agent_session(2)
    budget = condenser.ask(messages, 1 << 40)["before"] // 4
    for fact in facts:
        assert condenser.ask(messages, budget, query=fact.named())["after"] >= 0.95 * budget


@pytest.mark.parametrize("source", [retention.sessions, heldout_talks])
def test_turns_that_answer_a_question_about_a_long_talk_are_kept(condenser, source):
    table = retention.Table()
    retention.dialogues(condenser, table, 10 if SOAK else 3, each=1 if SOAK else 4, source=source)
    check(table, TURNS)
