"""Sessions of context-service: what is frozen stays, over turns, threads, restarts and damage."""
import collections
import concurrent.futures
import json
import signal

import pytest

from suite import FIGURES
from test_context_service import assistant, get, post, tool_round, user


@pytest.fixture
def service(start_suite):
    return start_suite(services=["context-service"], config={
        "providers": [{"name": "sim", "dialect": "openai", "base_url": "http://127.0.0.1:1/v1"}],
        "models": [{"name": "small", "targets": [{"provider": "sim", "model": "sim"}]}]})


def turn(n, lines=60):
    """A question, a tool call with its output, an answer."""
    output = "".join(f"line {i} of file {n} holds value-{n}-{i}\n" for i in range(lines))
    return [user(f"question {n}"), *tool_round(f"call_{n}", output), assistant(f"answer {n}")]


class Conversation:
    """An agent's conversation as its client keeps it: whole, and growing."""

    def __init__(self, service, session="s", budget=8000, **fields):
        self.service, self.budget = service, budget
        self.fields = {"session": session, **fields}
        self.messages = [{"role": "system", "content": "Be brief."}]
        self.n = 0

    def ask(self, messages=None):
        body = {"model": "small", "mode": "mask", "budget_tokens": self.budget,
                "messages": messages or [*self.messages, user(f"question {self.n}")], **self.fields}
        answer = post(self.service, "/v1/condense", body)
        assert answer.status == 200, answer.body
        return answer.json

    def next(self):
        """One more turn of the conversation, and what the model gets then."""
        self.messages += turn(self.n)
        self.n += 1
        return self.ask()

    def until_epoch(self, number=1):
        """Goes on until that epoch; the answer that began it."""
        while True:
            found = self.next()
            if found["epoch"] == number:
                return found
            assert found["epoch"] < number and self.n < 500


def counter(service, name, **labels):
    return service.metrics("context-service").value(name, **labels)


def retrieve(service, session, key, **fields):
    return post(service, "/v1/retrieve", {"session": session, "key": key, **fields})


def test_between_epochs_each_turn_begins_with_the_bytes_of_the_one_before(service):
    talk = Conversation(service)
    before, sizes, changes = None, [], 0
    for _ in range(60):
        found = talk.next()
        sizes.append(found["tokens_after"])
        assert found["tokens_after"] <= talk.budget
        spelled = [json.dumps(m) for m in found["messages"]]
        if before and before["epoch"] == found["epoch"] > 0:
            kept = [json.dumps(m) for m in before["messages"]]
            # all but the question that the turn before ended with, which was asked again
            assert spelled[:len(kept) - 1] == kept[:-1]
            assert found["stages"] == ["frozen"]
        elif before:
            changes += before["epoch"] != found["epoch"]
        before = found
    assert changes == before["epoch"] >= 2
    assert min(sizes[20:]) < 0.6 * talk.budget < max(sizes)
    assert counter(service, "context_epochs_total") == before["epoch"]
    assert counter(service, "context_sessions") == 1
    stable = counter(service, "context_condensations_total", stage="frozen", outcome="condensed")
    again = before["epoch"] - 1
    assert stable > 30
    assert counter(service, "context_prefix_stable_ratio") == pytest.approx(
        stable / (stable + again))


def test_a_restart_and_every_thread_give_the_same_bytes(service):
    talk = Conversation(service)
    talk.until_epoch()
    talk.next()
    first = post(service, "/v1/condense", body := {
        "model": "small", "mode": "mask", "budget_tokens": talk.budget, "session": "s",
        "messages": [*talk.messages, user("now?")]}).body
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda n: post(service, "/v1/condense", {**body, "n": n}).body,
                               range(64)))
    assert set(bodies) == {first}

    process = service["context-service"]
    process.kill(signal.SIGKILL)
    process.start_and_wait_ready()
    assert post(service, "/v1/condense", body).body == first
    found = talk.next()
    assert (found["epoch"], found["stages"]) == (1, ["frozen"])


def test_an_edited_history_starts_afresh_and_another_end_does_not(service):
    talk = Conversation(service)
    began = talk.until_epoch()
    other_end = talk.ask([*talk.messages, user("something else entirely")])
    assert (other_end["epoch"], other_end["stages"]) == (1, ["frozen"])
    assert other_end["messages"][:-1] == began["messages"][:-1]

    edited = [dict(m) for m in talk.messages]
    edited[1]["content"] = "an edited first question"
    fresh = talk.ask([*edited, user("question")])
    assert fresh["epoch"] == 2 and fresh["stages"] != ["frozen"]
    assert "question 0" not in json.dumps(fresh["messages"])
    # what was frozen before is still there for who goes on with it
    assert talk.ask()["epoch"] == 1


def test_what_was_left_out_can_be_had_back_by_its_session_only(service):
    talk = Conversation(service, session="mine", tenant="key_1")
    talk.until_epoch()
    began = talk.until_epoch(2)
    assert began["omitted"]
    for block in began["omitted"]:
        answer = retrieve(service, "mine", block["key"], tenant="key_1")
        assert answer.status == 200 and answer.json["key"] == block["key"]
        assert "value-" in answer.json["content"]
    key = began["omitted"][0]["key"]
    for session, tenant in [("mine", "key_2"), ("other", "key_1"), ("mine", ""), ("", "key_1")]:
        answer = retrieve(service, session, key, tenant=tenant)
        assert (answer.status, answer.code) == (404, "not_found")
    assert counter(service, "context_processing_time_seconds_count", op="retrieve") == len(
        began["omitted"]) + 4


def test_a_session_can_be_looked_at_and_forgotten(service):
    talk = Conversation(service, session="a b", tenant="key_1")
    began = talk.until_epoch()
    seen = get(service, "/v1/sessions/a%20b?tenant=key_1").json
    assert seen["session"] == "a b" and seen["epoch"] == 1
    assert seen["omitted"] == len(began["omitted"]) and seen["bytes"] > 1000
    assert seen["tokens_after"] < seen["tokens_before"] and seen["messages"] > 0
    assert get(service, "/v1/sessions/a%20b").status == 404

    gone = post(service, "/v1/sessions/a%20b?tenant=key_1", b"", method="DELETE")
    assert gone.status == 200 and gone.json["deleted"] is True
    assert get(service, "/v1/sessions/a%20b?tenant=key_1").status == 404
    assert retrieve(service, "a b", began["omitted"][0]["key"], tenant="key_1").status == 404
    assert counter(service, "context_sessions") == 0
    assert talk.ask()["epoch"] == 1


def test_a_damaged_file_is_set_aside_and_condensing_goes_on(service):
    talk = Conversation(service)
    talk.until_epoch()
    process = service["context-service"]
    process.stop()
    path = service.folder / "state/context.db"
    path.write_bytes(b"not a database" * 1000)
    process.start_and_wait_ready()
    found = talk.next()
    assert found["epoch"] == 1 and found["tokens_after"] <= talk.budget
    assert "setting it aside" in process.log()
    assert path.with_name("context.db.damaged").exists()


def test_what_was_learnt_is_set_aside_when_it_is_damaged_and_learnt_anew(service):
    process = service["context-service"]
    process.stop()
    path = service.folder / "state/estimators.db"
    path.write_bytes(b"not a database" * 1000)
    process.start_and_wait_ready()
    assert "setting it aside" in process.log() and "is not kept" not in process.log()
    assert path.with_name("estimators.db.damaged").exists()


def test_without_its_file_it_condenses_each_turn_for_itself(service):
    process = service["context-service"]
    process.stop()
    path = service.folder / "state/context.db"
    for left in path.parent.glob("context.db*"):
        left.unlink()
    path.mkdir()
    process.start_and_wait_ready()
    talk = Conversation(service)
    for _ in range(20):
        found = talk.next()
        assert found["epoch"] == 0 and found["tokens_after"] <= talk.budget
    assert found["stages"] == ["mask"] and "cannot be opened" in process.log()
    answer = retrieve(service, "s", found["omitted"][0]["key"])
    assert (answer.status, answer.code) == (503, "overloaded")


def test_every_number_of_a_session_adds_up(service):
    talk = Conversation(service)
    answers = []
    while not answers or answers[-1]["epoch"] < 3:
        answers.append(talk.next())
    for _ in range(5):
        answers.append(talk.ask())  # the very same again, answered from memory
    by_stage = collections.Counter((a["stages"] or ["none"])[-1] for a in answers)
    frozen = by_stage["frozen"]
    assert frozen > 5

    seen = service.metrics("context-service")

    def value(name, **labels):
        return seen.value(f"context_{name}", **labels)
    for stage, n in by_stage.items():
        outcome = "unchanged" if stage == "none" else "condensed"
        assert value("condensations_total", mode="mask", stage=stage, outcome=outcome) == n
    assert value("condensations_total") == len(answers)
    assert value("tokens_counted_total", model="small") == sum(a["tokens_before"] for a in answers)
    assert value("tokens_saved_total", model="small") == sum(
        a["tokens_before"] - a["tokens_after"] for a in answers)
    assert value("processing_time_seconds_count", op="condense") == len(answers)
    assert (value("epochs_total"), value("sessions")) == (3, 1)
    again = [a for a in answers[-5:] if a == answers[-6]]
    assert len(again) == 5
    assert value("cache_hits_total", cache="condense") == 5
    assert value("cache_misses_total", cache="condense") == len(answers) - 5
    assert value("cache_size", cache="condense") == len(answers) - 5 - by_stage["none"]
    stable = frozen + 5 * (answers[-1]["stages"] != ["frozen"])
    assert value("prefix_stable_ratio") == pytest.approx(stable / (stable + 2))
    assert value("late_total") == value("refused_total") == 0


@pytest.mark.skipif(not FIGURES, reason="a figure: SOAK=1")
def test_the_same_again_costs_next_to_nothing(service):
    talk = Conversation(service, budget=60000, mode="extract")
    while True:
        talk.messages += turn(talk.n, 120)
        talk.n += 1
        if len(json.dumps(talk.messages)) > 450_000:
            break
    body = json.dumps({"model": "small", "mode": "extract", "budget_tokens": 60000,
                       "session": "s", "messages": [*talk.messages, user("now?")]}).encode()
    first = post(service, "/v1/condense", body)
    assert first.json["epoch"] == 1
    seconds = "context_processing_time_seconds"
    begun = service.metrics("context-service")
    for _ in range(200):
        assert post(service, "/v1/condense", body).body == first.body
    ended = service.metrics("context-service")
    spent = (ended.value(f"{seconds}_sum", op="condense")
             - begun.value(f"{seconds}_sum", op="condense")) / 200
    print(f"{len(body)} bytes again: {spent * 1e6:.0f} us")
    assert spent <= 0.0002


def test_llmctl_counts_condenses_and_has_back(service, tmp_path):
    talk = Conversation(service, session="s", tenant="key_1")
    talk.until_epoch()
    path = tmp_path / "talk.json"
    path.write_text(json.dumps({"model": "small", "messages": talk.messages}))
    counted = post(service, "/v1/count", json.loads(path.read_text())).json["tokens"]
    assert service.ctl("context", "count", str(path)).stdout.startswith(f"about {counted} tokens")
    assert service.ctl_json("context", "count", "--text", "hello")["tokens"] > 0

    options = ("--budget", "3000", "--mode", "mask", "--session", "other", "--tenant", "key_1")
    found = service.ctl_json("context", "condense", *options, str(path))
    assert found["epoch"] == 1 and found["tokens_after"] <= 3000
    shown = service.ctl("context", "condense", *options, str(path)).stdout
    assert shown.startswith(f"{found['tokens_before']} -> {found['tokens_after']} tokens, epoch 1")

    where = ("--session", "other", "--tenant", "key_1")
    block = service.ctl("context", "retrieve", *where, found["omitted"][0]["key"])
    assert "value-" in block.stdout
    missing = service.ctl("context", "retrieve", "--session", "s", found["omitted"][0]["key"],
                          check=False)
    assert missing.returncode == 1 and "no such block" in missing.stderr
    assert service.ctl("context", "condense", str(path), check=False).returncode == 2
