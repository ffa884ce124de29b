"""A tokenizer that nobody published is learnt from what is billed; cl100k stands for it."""
import http.server
import json
import os
import pathlib
import random
import statistics
import subprocess
import threading
import types

import pytest

from suite import request, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["BUILD_DIR"])
LANGUAGES = (
    "Der Zug nach München fährt heute erst um halb neun, weil ein Baum auf den Gleisen liegt. ",
    "Le conseil a décidé hier que la bibliothèque restera ouverte jusqu'à minuit cet hiver. ",
    "Вчера вечером мы долго говорили о том, как изменится город через десять лет. ",
    "昨日の会議では、来月の予定と新しい製品の価格について話し合いました。",
    "今天早上的天气很好，我们决定步行去公园，然后在湖边吃午饭。",
    "어제 저녁에 친구들과 함께 새로 생긴 식당에서 맛있는 음식을 먹었습니다. ",
    "الكتاب الذي قرأته الأسبوع الماضي كان طويلا لكنه ممتع للغاية. ",
    "Η συνάντηση θα γίνει την Πέμπτη το πρωί στο μικρό γραφείο. ",
)


def sources():
    prose = "\n".join(p.read_text() for p in sorted(ROOT.glob("docs/*.md")))
    code = "\n".join(p.read_text() for p in sorted(ROOT.glob("common/io/*.c")))
    tests = "\n".join(p.read_text() for p in sorted(ROOT.glob("tests/integration/test_p*.py")))
    return prose, code, tests


def piece(rng, texts):
    """A passage of one kind."""
    kind = rng.random()
    size = int(rng.choice((80, 300, 1000, 3000)) * rng.uniform(0.5, 1.5))
    if kind < 0.75:
        text = rng.choice(texts)
        at = rng.randrange(len(text) - size)
        return text[at:at + size]
    if kind < 0.9:
        return rng.choice(LANGUAGES) * (size // 150 + 1)
    return json.dumps([{"id": rng.randrange(10**6), "value": rng.random(),
                        "name": rng.choice(("alpha", "beta", "gamma"))}
                       for _ in range(size // 60 + 1)])


def conversation(rng, texts):
    return {"messages": [{"role": rng.choice(("user", "assistant")), "content": piece(rng, texts)}
                         for _ in range(rng.randint(1, 8))]}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fifty_requests_are_enough_to_know_a_tokenizer(token_data, seed):
    rng, texts = random.Random(seed), sources()
    lines = "\n".join(json.dumps(conversation(rng, texts)) for _ in range(850))
    out = subprocess.run([BUILD / "tests/conformance/fit_probe", token_data / "tokens"],
                         input=(lines + "\n").encode(), capture_output=True, check=True).stdout
    rows = [tuple(map(float, line.split())) for line in out.splitlines()]
    assert len(rows) == 850 and all(margin == 0.35 for _, _, margin in rows[:30])
    errors = [abs(truth / guess - 1) for truth, guess, _ in rows[50:]]
    covered = statistics.mean(abs(truth / guess - 1) <= margin for truth, guess, margin in rows[50:])
    print(f"median {statistics.median(errors):.4f}, p95 {sorted(errors)[int(len(errors) * .95)]:.4f}, "
          f"covered {covered:.4f}, last margin {rows[-1][2]:.4f}")
    assert statistics.median(errors) <= 0.02
    assert sorted(errors)[int(len(errors) * 0.95)] <= 0.05
    assert covered >= 0.95


class Billing(http.server.BaseHTTPRequestHandler):
    """A provider whose tokenizer is cl100k."""
    protocol_version = "HTTP/1.1"
    bills = {}

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        tokens = self.bills[body["messages"][0]["content"]]
        answer = json.dumps({
            "id": "x", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": "ok"}}],
            "usage": {"prompt_tokens": tokens, "completion_tokens": 1,
                      "total_tokens": tokens + 1}}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def billing():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Billing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield types.SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def count(suite, model, body):
    return request(f"http://127.0.0.1:{suite.context_port}/v1/count", "POST",
                   json.dumps({**body, "model": model}).encode()).json


def test_what_a_provider_bills_teaches_the_suite(start_suite, billing, token_data):
    """From the books' usage over the bus to the counts of both, over a restart."""
    suite = start_suite(upstream=billing, config={
        "paths": {"data": str(token_data)},
        "proxy": {"threads": 1},
        "models": [{"name": "unknown", "targets": [{"provider": "sim", "model": "claude-x"}]}]})
    rng, texts = random.Random(4), sources()
    probes = [{"messages": [{"role": "user", "content": piece(rng, texts)}]} for _ in range(20)]
    assert {count(suite, "unknown", p)["method"] for p in probes} == {"estimate"}
    page = suite.metrics("context-service")
    assert not page.has("context_count_error_ratio", model="unknown")

    for n in range(60):
        text = f"{n} {piece(rng, texts)}"
        Billing.bills[text] = count(suite, "gpt-4", {"messages": [
            {"role": "user", "content": text}]})["tokens"]
        assert suite.chat(text, "unknown").status == 200
    wait_until(lambda: count(suite, "unknown", probes[0])["method"] == "estimate, learnt",
               "enough to be learnt")
    wait_until(lambda: 0 < suite.metrics("context-service").value(
        "context_count_error_ratio", model="unknown") < 0.2, "the error to be told")

    def check():
        errors = []
        for probe in probes:
            told, truth = count(suite, "unknown", probe), count(suite, "gpt-4", probe)["tokens"]
            assert told["exact"] is False and told["margin"] > 0
            errors.append(abs(truth / told["tokens"] - 1))
        assert statistics.median(errors) <= 0.03, errors
    check()

    key = suite.create_key("limited", "--tpm", "60000")["key"]  # one comes back in a millisecond
    text = texts[0][1000:9000]
    truth = Billing.bills[text] = count(suite, "gpt-4", {"messages": [
        {"role": "user", "content": text}]})["tokens"]
    answer = suite.chat(text, "unknown", headers={"Authorization": f"Bearer {key}"}, max_tokens=1)
    taken = 60000 - int(answer.headers["x-ratelimit-remaining-tokens"])
    assert answer.status == 200 and abs(taken / truth - 1) < 0.15
    for probe in probes:
        told = request(f"{suite.url}/v1/messages/count_tokens", "POST",
                       json.dumps({**probe, "model": "unknown"}).encode(), suite.headers())
        assert abs(told.json["input_tokens"] / count(suite, "unknown", probe)["tokens"] - 1) < 0.005

    suite["context-service"].stop()
    suite["context-service"].start_and_wait_ready()
    assert count(suite, "unknown", probes[0])["method"] == "estimate, learnt"
    check()


def test_without_tables_nothing_is_learnt(start_suite, billing):
    suite = start_suite(upstream=billing)
    Billing.bills["hello"] = 1
    for _ in range(40):
        assert suite.chat("hello").status == 200
    assert count(suite, "small", {"messages": [
        {"role": "user", "content": "hello"}]})["method"] == "estimate"
    assert not suite.metrics("context-service").has("context_count_error_ratio", model="small")
