"""Secrets are planted wherever secrets can be: callers' keys, providers' credentials, prompts, what
providers say when they fail. Then everything that leaves the process is searched for them."""
import base64
import hashlib
import json
import pathlib
import time
import urllib.parse

from suite import Stream, Suite, request, wait_until

PROMPT, PROVIDER, UPSTREAM = "CANARY-prompt-5d1e", "CANARY-credential-77c0", "CANARY-upstream-c4a9"
APIS = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": PROMPT}]},
    "/v1/completions": {"prompt": PROMPT}, "/v1/responses": {"input": PROMPT},
    "/v1/messages": {"max_tokens": 10, "messages": [{"role": "user", "content": PROMPT}]},
    "/v1/embeddings": {"input": PROMPT}, "/v1/moderations": {"input": PROMPT},
    "/v1/rerank": {"query": PROMPT, "documents": [PROMPT]},
    "/v1/images/generations": {"prompt": PROMPT},
    "/v1/audio/speech": {"input": PROMPT, "voice": "alloy"},
}


def start(start_suite, simulator, tmp_path):
    secret = tmp_path / "provider.key"
    secret.write_text(PROVIDER + "\n")
    secret.chmod(0o600)
    return start_suite(simulator, services=["llm-proxy", "context-service", "health-worker"],
                       config={
        "logging": {"format": "json", "level": "debug"},
        "providers": [Suite.provider(simulator, api_key={"file": str(secret)}, retry={"max": 0},
                                     breaker={"failures": 1000},
                                     timeouts={"first_byte": "200ms", "idle": "200ms"})],
        "prices": {"overrides": [{"provider": "*", "model": "sim", "input": 1.0, "output": 1.0}]},
        "health": {"interval": "1h"}})


def scripts():
    told = urllib.parse.quote(json.dumps({"error": {"message": f"{UPSTREAM} {PROVIDER} {PROMPT}"}}))
    return ["", "garbage", "rst=0", "rst=300", "stall=2,chunks=5", "silence", f"header={UPSTREAM}",
            *(f"status={n},body={told.replace(',', '%2C')}" for n in (401, 403, 429, 500, 503, 529))]


def ask(suite, path, body, headers, is_stream):
    """What came back, head and all."""
    stream = Stream(suite.port, {"model": "small", **body, **({"stream": True} if is_stream else {})},
                    headers, path=path, timeout=10)
    stream.read_all()
    stream.close()
    return bytes(stream.received)


def use_everything(suite, simulator, answers):
    for script in scripts():
        simulator.script(script)
        for path, body in APIS.items():
            for is_stream in (False, True):
                answer = ask(suite, path, body, suite.headers(), is_stream)
                if b" 200 OK" not in answer.split(b"\r\n")[0]:
                    answers.append(answer)  # others hold the prompt's echo, as they should
                elif b'"error":{' in answer.replace(b" ", b""):
                    answers.append(answer[answer.rfind(b"data: "):])
    simulator.script("")


def make_and_break_keys(suite, answers):
    made = [suite.create_key("one", "--budget", "0.000001", "--team", "t"),
            suite.create_key("two", "--rpm", "1")]
    made.append(suite.ctl_json("keys", "rotate", "one", "--grace", "1h"))
    for key in made:
        headers = suite.headers(Authorization=f"Bearer {key['key']}")
        for path, body in list(APIS.items())[:4]:
            answers.append(ask(suite, path, {**body, "max_tokens": 100000}, headers, False))
    suite.ctl("keys", "revoke", "two", "--cut")
    for path, body in APIS.items():
        for text in (made[1]["key"], made[0]["key"][:-1] + "~", PROMPT):
            answers.append(ask(suite, path, body, suite.headers(Authorization=f"Bearer {text}"),
                               False))
            time.sleep(0.02)
        answers.append(ask(suite, path, {"model": PROMPT, **body}, suite.headers(), False))
        answers.append(ask(suite, path, {**body, "stream": PROMPT}, suite.headers(), False))
    return [key["key"] for key in made]


def look_at_everything(suite, answers):
    for path in ("/metrics", "/cluster/status", "/admin/keys", "/admin/keys/one", "/admin/teams",
                 "/admin/usage", "/admin/providers", "/admin/models", "/admin/config",
                 "/admin/requests", "/admin/audit", "/admin/prices", "/admin/cache"):
        answers.append(suite.admin(path).body)
    answers.append(request(f"http://127.0.0.1:{suite.context_port}/metrics").body)
    answers.append(request(f"http://127.0.0.1:{suite.health_port}/metrics").body)
    answers.append(request(f"http://127.0.0.1:{suite.health_port}/status").body)
    for command in (["status"], ["keys", "list"], ["keys", "show", "one"], ["usage"],
                    ["config", "check"], ["prices", "list"]):
        done = suite.ctl(*command, check=False)
        answers.append((done.stdout + done.stderr).encode())


def of_processes(suite):
    """(where, bytes) of what /proc tells of the daemons."""
    for name, process in suite.processes.items():
        for what in ("cmdline", "environ", "comm", "status", "maps", "stat", "mounts", "limits"):
            yield f"{name}/{what}", pathlib.Path(f"/proc/{process.pid}/{what}").read_bytes()
        for fd in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                yield f"{name}/fd", str(fd.readlink()).encode()
            except OSError:
                pass


def of_files(suite):
    for path in suite.folder.rglob("*"):
        if path.is_file() and path.name != "suite.yaml":
            yield str(path.relative_to(suite.folder)), path.read_bytes()


def spellings(secret):
    """As it is, and in every form it might be written by accident, hashes without a key included."""
    raw = secret.encode()
    return [raw, base64.b64encode(raw).rstrip(b"=")[:-1], raw.hex().encode(),
            urllib.parse.quote(secret, safe="").encode(),
            *(getattr(hashlib, h)(raw).hexdigest().encode() for h in ("sha256", "md5", "sha1")),
            hashlib.sha256(raw).digest()]


def test_no_secret_leaves(start_suite, simulator, tmp_path):
    suite = start(start_suite, simulator, tmp_path)
    answers = []
    use_everything(suite, simulator, answers)
    keys = [suite.key, *make_and_break_keys(suite, answers)]
    look_at_everything(suite, answers)
    assert any(PROVIDER in json.dumps(r) for r in simulator.records())  # it was in use
    n = len(scripts()) * len(APIS) * 2
    assert len(suite.wait_ledger(n)) > n
    wait_until(lambda: len(suite.proxy.entries()) > n, "the log")
    found = []
    places = [*(("an answer", a) for a in answers), *of_processes(suite), *of_files(suite)]
    own_cache = "cache.db"  # it keeps answers, which is what it is for
    for secret in (*keys, PROVIDER, UPSTREAM, PROMPT, suite.admin_token()):
        for where, data in places:
            if where == "state/admin.token" and secret == suite.admin_token():
                continue
            if own_cache in where and secret == PROMPT:
                continue
            found += [(where, secret, s[:40]) for s in spellings(secret) if s in data]
    assert found == [], found[:5]
    print(f"{len(answers)} answers and {len(places)} places searched")
