"""What never leaves: keys and words of people in logs, metrics, errors and books; and what no
stranger can make: series."""
import json
import random
import string

from suite import SOAK, Suite, request, wait_until

STRANGERS = 10_000 if SOAK else 300
PROMPT, PROVIDER_KEY = "CANARY-prompt-7f3a", "CANARY-provider-key-91bc"


def word(random_source):
    return "".join(random_source.choices(string.ascii_letters + string.digits + "-_.", k=12))


def strange_requests(suite, source):
    """One of each kind; the answers' statuses."""
    body = json.dumps({"model": word(source),
                       "messages": [{"role": "user", "content": "x"}]}).encode()
    key = {"Authorization": f"Bearer llm-{word(source)}"}
    chat = f"{suite.url}/v1/chat/completions"
    return [request(chat, "POST", body, suite.headers()).status,
            request(chat, "POST", body, key).status,
            request(f"{suite.url}/{word(source)}/{word(source)}").status,
            request(f"{suite.url}/v1/models/{word(source)}", headers=suite.headers()).status,
            request(f"{suite.url}/v1/models?{word(source)}={word(source)}", headers=key).status,
            request(f"{suite.url}/v1/models", word(source).upper().strip("-_.") or "X").status,
            request(f"http://127.0.0.1:{suite.admin_port}/{word(source)}").status]


def test_strangers_make_no_series(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"])
    source = random.Random(7)

    def ask():  # of wrong keys only some are told: there are too many
        statuses = strange_requests(suite, source)[:5]
        assert statuses[0:1] + statuses[2:4] == [404] * 3
        assert {statuses[1], statuses[4]} <= {401, 429}

    def series():
        return set(suite.metrics().series)
    for _ in range(30):  # on every thread
        ask()
    wait_until(lambda: suite.metrics().value("http_connections") <= 1, "a quiet proxy")
    before = series()
    for _ in range(STRANGERS // 7):
        ask()
    assert series() == before
    assert suite.metrics().value("llm_requests_total", model="other") > STRANGERS // 7


def scripts():
    """Answers and failures of every kind, each tried streaming and not."""
    return ["", "status=500", "status=400", "status=429", "garbage", "html", "empty", "bad-json",
            "rst=0", "rst=400", "stall=2,chunks=5", "no-finish", "silence",
            f"status=400,body=%7B%22error%22%3A{{%22message%22%3A%22{PROMPT}%22}}%7D"]


def provoke(suite, simulator, bodies):
    text = f"{PROMPT} tell me"
    for script in scripts():
        simulator.script(script)
        answer = suite.chat(text)
        if answer.status not in (200, 400):  # these are the provider's words, as they should be
            bodies.append(answer.body)
        stream = suite.stream(text)
        stream.read_all()
        if stream.status != 400:
            bodies += [e.encode() for e in stream.events() if '"error"' in e]
    simulator.script("silence")
    stream = suite.stream(text)
    simulator.wait_records(1)
    stream.reset()


def provoke_refusals(suite, bodies):
    chat = f"{suite.url}/v1/chat/completions"
    good = {"model": "small", "messages": [{"role": "user", "content": PROMPT}]}
    for body in (json.dumps({**good, "model": "nobody's"}),
                 json.dumps({**good, "stream": PROMPT}), json.dumps({**good, "max_tokens": PROMPT}),
                 json.dumps({**good, "messages": PROMPT}), json.dumps(good)[:-1],
                 f'{{"model":"small",{PROMPT}}}', f'{{"{PROMPT}":1,"{PROMPT}":2}}'):
        bodies.append(request(chat, "POST", body.encode(), suite.headers()).body)
    for key in (suite.key + "x", suite.key[:-1], PROMPT):
        bodies.append(request(chat, "POST", json.dumps(good).encode(),
                              {"Authorization": f"Bearer {key}"}).body)
        bodies.append(request(f"{suite.url}/v1/models", headers={"x-api-key": key}).body)
    bodies.append(request(f"{suite.url}/v1/{PROMPT}?key={suite.key}", headers=suite.headers()).body)
    long = {"model": "tiny", "messages": [{"role": "user", "content": f"{PROMPT} " * 3000}] * 3}
    bodies.append(request(chat, "POST", json.dumps(long).encode(), suite.headers()).body)
    bodies.append(suite.admin("/admin/config").body)
    bodies.append(suite.admin("/admin/keys").body)
    bodies.append(suite.admin("/cluster/status").body)


def find_in_files(folder, words):
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "suite.yaml":
            data = path.read_bytes()
            found += [(path.name, word) for word in words if word.encode() in data]
    return found


def test_no_canary_is_found_anywhere(start_suite, simulator):
    suite = start_suite(simulator, env={"SIM_KEY": PROVIDER_KEY}, config={
        "logging": {"format": "json", "level": "debug"},
        "providers": [Suite.provider(simulator, api_key={"env": "SIM_KEY"},
                                     retry={"max": 0}, breaker={"failures": 1000},
                                     timeouts={"first_byte": "300ms", "idle": "300ms"})],
        "models": [{"name": "small", "targets": [{"provider": "sim", "model": "sim"}]},
                   {"name": "tiny", "context_window": 1000,
                    "targets": [{"provider": "sim", "model": "sim"}]}],
        "health": {"interval": "1h"}})
    words = [PROMPT, PROVIDER_KEY, suite.key]
    bodies = []
    provoke(suite, simulator, bodies)
    provoke_refusals(suite, bodies)
    assert any(PROVIDER_KEY in json.dumps(r) for r in simulator.records())  # it was in use
    assert len(suite.wait_ledger(2 * len(scripts()))) > 2 * len(scripts())
    for name in suite.processes:
        port = {"llm-proxy": suite.admin_port, "context-service": suite.context_port,
                "health-worker": suite.health_port}[name]
        bodies.append(request(f"http://127.0.0.1:{port}/metrics").body)
        assert len(suite[name].entries()) > 0
    for body in bodies:
        assert not [word for word in words if word.encode() in body], body[:2000]
    assert find_in_files(suite.folder, words) == []
    suite.stop()
