"""The failover script: what a provider can do wrong, what the caller gets, and how often who was
tried. Each fault once with another provider behind it, once alone; the counters move by exactly
what the table says, and no silent route is tried twice."""
import contextlib
import json

import pytest

import reckoning
from fetch_upstream import Upstream
from raw_upstream import blackhole
from reckoning import Told
from suite import Suite, free_port
from test_fetch_tls import Authority, server_context

QUESTION, ANSWER = "hello there, world", "echo: hello there, world"
LIMITS = {"timeouts": {"connect": "300ms", "first_byte": "400ms", "idle": "300ms"},
          "retry": {"max": 1, "backoff": "20ms"}}


class Fault:
    """`script`: the lines of the faulty provider, one a try; or `where`: what stands in its place.

    `alone` are the outcomes of its tries and what the caller gets when there is no other provider:
    200, (status, code), or the code of the one error in a stream that has begun. `seen` says that
    this happens with another provider, too: the fault came too late, or is none."""

    def __init__(self, name, alone, got, script=(), where=None, seen=False, streams=(True, False)):
        self.name, self.alone, self.got, self.script = name, alone, got, script
        self.where, self.seen, self.streams = where, seen, streams


ERROR, INVALID = (502, "upstream_error"), (502, "upstream_invalid")
TIMEOUT, TRUNCATED = (504, "upstream_timeout"), (502, "upstream_truncated")
FAULTS = [
    Fault("refused", ["connect"] * 2, ERROR, where="closed"),
    Fault("connect-timeout", ["connect"], TIMEOUT, where="blackhole"),
    Fault("silent", ["timeout"], TIMEOUT, ["silence"]),
    Fault("slow-first-byte", ["ok"], 200, ["delay=200ms"], seen=True),
    Fault("429-retry-after", ["http_429", "ok"], 200, ["status=429,retry-after=1", ""]),
    Fault("429", ["http_429", "ok"], 200, ["status=429", ""]),
    Fault("500-once", ["http_5xx", "ok"], 200, ["status=500", ""]),
    Fault("500-always", ["http_5xx"] * 2, ERROR, ["status=500"]),
    Fault("reset-before-first-byte", ["truncated", "ok"], 200, ["rst=0", ""]),
    Fault("reset-after-first-byte", ["truncated"], "upstream_truncated", ["rst=900,chunks=20"],
          seen=True, streams=[True]),
    Fault("stall-in-mid-stream", ["timeout"], "upstream_timeout", ["stall=3,chunks=9"], seen=True,
          streams=[True]),
    Fault("cut-in-mid-stream", ["truncated"], "upstream_truncated", ["fin=900,chunks=20"],
          seen=True, streams=[True]),
    Fault("garbage-json", ["invalid"], INVALID, ["bad-json"]),
    Fault("html-200", ["invalid"], INVALID, ["html"]),
    Fault("empty-200", ["invalid"], INVALID, ["empty"]),
    Fault("wrong-content-type", ["invalid"], INVALID, ["type=text/plain"], streams=[True]),
    Fault("expired-certificate", ["connect"] * 2, ERROR, where="expired"),
]
CASES = [pytest.param(fault, is_stream, id=f"{fault.name}-{'stream' if is_stream else 'whole'}")
         for fault in FAULTS for is_stream in fault.streams]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("ca"))
    authority.old = authority.certificate("old", "IP:127.0.0.1", end="20210101000000Z")
    return authority


class Site:
    """The provider `a` of one case."""

    def __init__(self, url, certificates=None, upstream=None):
        self.url, self.upstream = url, upstream
        self.more = {"ca_file": str(certificates)} if certificates else {}


@contextlib.contextmanager
def site_of(fault, simulator, authority):
    if fault.where == "closed":
        yield Site(f"http://127.0.0.1:{free_port()}")
    elif fault.where == "blackhole":
        with blackhole() as port:
            yield Site(f"http://127.0.0.1:{port}")
    elif fault.where == "expired":
        with Upstream(lambda c: c.read_request(), tls=server_context(authority.old)) as upstream:
            yield Site(f"https://127.0.0.1:{upstream.port}", authority.path, upstream)
    else:
        simulator.script(*fault.script)
        yield Site(simulator.url)


def start(start_suite, site, backup=None):
    """`m` is at a, then b; its fallback leads to a once more, and to nobody else."""
    providers = [Suite.provider(site, "a", **LIMITS, **site.more)]
    targets = [{"provider": "a", "model": "x"}]
    again = {"name": "again", "targets": targets}
    if backup:
        providers.append(Suite.provider(backup, "b", **LIMITS))
        targets = targets + [{"provider": "b", "model": "x"}]
    return start_suite(services=["llm-proxy"], config={
        "providers": providers,
        "models": [{"name": "m", "targets": targets, "fallback": ["again"]}, again]})


def ask(suite, is_stream):
    if not is_stream:
        return suite.chat(QUESTION, model="m")
    stream = suite.stream(QUESTION, model="m")
    stream.read_all()
    return stream


def check_answer(answer, is_stream, got, fault):
    if isinstance(got, tuple):
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == got
    elif isinstance(got, str):
        events = answer.events()
        assert answer.status == 200 and answer.is_closed and not answer.has_ended_well
        assert json.loads(events[-1])["error"]["code"] == got
        assert sum('"error"' in data for data in events) == 1 and "[DONE]" not in events
    elif is_stream:
        assert answer.has_ended_well and answer.events()[-1] == "[DONE]", fault.name
        assert answer.text() == ANSWER
    else:
        assert answer.status == 200
        assert answer.json["choices"][0]["message"]["content"] == ANSWER


def status_of(got):
    if got == 200:
        return "success"
    return "truncated" if isinstance(got, str) else "error"


def run(suite, fault, is_stream, tries, got):
    before = suite.metrics()
    answer = ask(suite, is_stream)
    check_answer(answer, is_stream, got, fault)
    row = suite.wait_ledger(1)[0]
    told = suite.ledger(f"SELECT * FROM attempts WHERE id = {row['id']} ORDER BY attempt")
    assert [(t["provider"], t["outcome"]) for t in told] == tries
    assert row["status"] == status_of(got)
    reckoning.check(before, suite.metrics(), [Told("m", status_of(got), *tries)])


@pytest.mark.parametrize("fault, is_stream", CASES)
def test_with_another_provider(start_suite, simulator, start_simulator, authority, fault,
                               is_stream):
    with site_of(fault, simulator, authority) as site:
        suite = start(start_suite, site, start_simulator())
        if fault.seen:
            run(suite, fault, is_stream, [("a", fault.alone[0])], fault.got)
        else:
            run(suite, fault, is_stream, [("a", fault.alone[0]), ("b", "ok")], 200)


@pytest.mark.parametrize("fault, is_stream", CASES)
def test_alone(start_suite, simulator, authority, fault, is_stream):
    """The fallback leads to the same route: it is no other."""
    with site_of(fault, simulator, authority) as site:
        suite = start(start_suite, site)
        run(suite, fault, is_stream, [("a", outcome) for outcome in fault.alone], fault.got)
        if site.upstream:  # U-11: not a byte of HTTP, so no key
            assert all(not c.received and not c.requests for c in site.upstream.connections)
            assert len(site.upstream.connections) == len(fault.alone)


def test_the_table_is_complete():
    assert len(FAULTS) >= 16 and len({fault.name for fault in FAULTS}) == len(FAULTS)
