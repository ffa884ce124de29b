"""Builds and runs the tiers of tests, prints one line for each and the sum at the end."""
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
LOGS = ROOT / "build/logs"

CLANG = {"CC": "clang"}
BUILDS = {
    "quick": ({}, ["--buildtype=debug"]),
    "asan": (CLANG, ["-Db_sanitize=address,undefined", "-Db_lundef=false"]),
    "tsan": (CLANG, ["-Db_sanitize=thread", "-Db_lundef=false"]),
    "release": ({}, ["--buildtype=release", "-Db_lto=true"]),
    "fuzz": (CLANG, ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dfuzzers=true"]),
}
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": f"halt_on_error=1:second_deadlock_stack=1:suppressions={ROOT}/tests/tsan.supp",
}
# What ThreadSanitizer is asked about, beside the unit tests: scenarios in which all threads of the
# daemons take part.
THREADED = ("tests/integration/test_prometheus.py",
            "tests/integration/test_cache.py::test_a_thousand_who_ask_the_same_at_once_ask_once[stream]")
THREADED_SDKS = tuple(f"tests/conformance/test_{name}.py"
                      for name in ("openai_sdk", "sdk_matrix", "counting_proxy"))
# A sanitizer's times say nothing.
MEASURED = ("tests/conformance/test_counting_beside.py",
            "tests/integration/test_cache.py::test_a_hit_takes_a_hundred_microseconds",
            "tests/integration/test_stream_faults.py::test_e06_a_chunk_is_passed_on_at_once")

MAX_ASKED_AGAIN = 3
PARTS = 8

# What a running suite is made of.
PROGRAMS = ("services/llm-proxy/llm-proxy", "services/context-service/context-service",
            "services/health-worker/health-worker", "services/llmctl/llmctl",
            "tests/simulator/simulator", "tests/nvml/libnvidia-ml.so.1", "tests/bench/load",
            "tests/integration/libloop_turns.so")

# A tier that takes longer hangs. Of a soak on two cores that have other work as well.
HOURS = 1
SOAK_HOURS = {"unit": 2, "threads": 2, "integration": 5, "conformance": 4, "figures": 2,
              "unit, counts": 3}
FUZZ_SECONDS = 60  # of each parser


class Tally:
    def __init__(self):
        self.passed = self.failed = 0
        self.notes = []  # of failures
        self.tests = []  # that failed, as pytest takes them
        self.reasons = collections.Counter()  # of skips

    @property
    def skipped(self):
        return sum(self.reasons.values())

    def fail(self, note):
        self.failed += 1
        self.notes.append(note)
        return self

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.notes += other.notes
        self.tests += other.tests
        self.reasons += other.reasons

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


class Limit:
    """When the tier that runs must be at its end."""
    ends_at = float("inf")


def run(command, log, env=None):
    """Its exit status; what it said is in `log`. At the limit it has a minute to end and report."""
    with open(log, "w") as out, subprocess.Popen(
            [str(c) for c in command], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, env={**os.environ, **SANITIZERS, **(env or {})}) as child:
        for end, how in ((Limit.ends_at, signal.SIGINT), (Limit.ends_at + 60, signal.SIGKILL)):
            try:
                return child.wait(max(0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.send_signal(how)
        return child.wait()


def tail(log, lines=30):
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def build(name, targets=()):
    """A build directory, made once and then kept up to date."""
    env, options = BUILDS[name]
    folder = ROOT / "build" / name
    log = LOGS / f"build-{name}.log"
    begun = time.monotonic()
    if not (folder / "build.ninja").exists():
        if run(["meson", "setup", "--wipe", folder, "-Dwerror=true", *options]
               if (folder / "meson-private").exists()
               else ["meson", "setup", folder, "-Dwerror=true", *options], log, env):
            sys.exit(f"build {name}: meson setup failed, see {log}\n{tail(log)}")
    if run(["ninja", "-C", folder, *targets], log):
        sys.exit(f"build {name}: failed, see {log}\n{tail(log)}")
    print(f"{'build ' + name:<14} ok ({time.monotonic() - begun:.0f} s)", flush=True)
    return folder


def meson_tests(name, folder, suite):
    """One meson suite; a cmocka program counts its functions, another program counts as one."""
    tally, log = Tally(), LOGS / f"{name}.log"
    begun = time.time()
    run(["meson", "test", "-C", folder, "--no-rebuild", "--suite", suite, "--logbase", name,
         "--print-errorlogs", "--timeout-multiplier", "300" if is_soak() else "10"], log)
    results = folder / "meson-logs" / f"{name}.json"
    if not results.exists() or results.stat().st_mtime < begun - 1:
        return tally.fail(f"meson test did not run:\n{tail(log)}")
    for line in results.read_text().splitlines():
        count_program(json.loads(line), tally)
    return tally


def count_program(test, tally):
    output = test.get("stdout", "") + test.get("stderr", "")
    if test["result"] == "SKIP":
        tally.reasons[output.strip()[-200:]] += 1
    elif test["result"] in ("OK", "EXPECTEDFAIL"):
        tally.passed += max(1, output.count("[       OK ]"))
    else:
        tally.passed += output.count("[       OK ]")
        tally.fail(f"FAILED {test['name']} ({test['result']}):\n{output[-3000:]}")


def pytest(name, targets, build_dir):
    """`targets`: folders, files or tests. A soak's log has what each measured and how long it took."""
    tally, log = Tally(), LOGS / f"{name}.log"
    report = LOGS / f"{name}.xml"
    report.unlink(missing_ok=True)
    options = ["-rP", "--durations=50"] if is_soak() else []
    status = run(["/usr/bin/python3", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                  f"--junitxml={report}", *options, *targets], log, {"BUILD_DIR": str(build_dir)})
    if report.exists():
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            count_case(case, tally)
    if not report.exists() or status not in (0, 1):
        tally.fail(f"pytest ended with {status}:\n{tail(log)}")
    return tally


def count_case(case, tally):
    title = f"{case.get('classname')}.{case.get('name')}"
    failure = case.find("failure")
    if failure is None:
        failure = case.find("error")
    skipped = case.find("skipped")
    if failure is not None:
        tally.tests.append(f"{case.get('classname').replace('.', '/')}.py::{case.get('name')}")
        tally.fail(f"FAILED {title}:\n{(failure.text or failure.get('message'))[-3000:]}")
    elif skipped is not None:
        tally.reasons[skipped.get("message")] += 1
    else:
        tally.passed += 1


def no_sdk(log):
    """A registry that cannot be reached is the machine's lack; anything else is a failure."""
    tally = Tally()
    if re.search("npm (ERR!|error) errno (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|"
                 "SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY)",
                 log.read_text(errors="replace")):
        tally.reasons[f"the npm registry cannot be reached, see {log}"] = 1
        return tally
    return tally.fail(f"npm ci failed:\n{tail(log)}")


def conformance(name, build_dir, targets):
    """The official SDKs, installed from the committed lockfile."""
    log = LOGS / "npm.log"
    folder = ROOT / "tests/conformance"
    lock, done = folder / "package-lock.json", folder / "node_modules/.installed"
    if not done.exists() or done.read_text() != lock.read_text():
        if run(["npm", "ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"],
               log):
            return no_sdk(log)
        done.write_text(lock.read_text())
    return pytest(name, targets, build_dir)


def integration(build_dir):
    """Most of a scenario is waiting, so two go on side by side, in parts, so that both end at about
    the same time."""
    files = sorted(str(f.relative_to(ROOT)) for f in ROOT.glob("tests/integration/test_*.py"))
    parts = [files[i::PARTS] for i in range(PARTS)]
    with concurrent.futures.ThreadPoolExecutor(2) as side_by_side:
        tallies = side_by_side.map(
            lambda i: pytest(f"integration-{i + 1}", parts[i], build_dir), range(PARTS))
    tally = Tally()
    for part in tallies:
        tally.add(part)
    return alone(tally, build_dir) if 0 < tally.failed <= MAX_ASKED_AGAIN else tally


def alone(tally, build_dir):
    """What failed while another part took its share of the machine is asked again without it."""
    if len(tally.tests) != tally.failed:
        return tally
    again = pytest("integration-alone", tally.tests, build_dir)
    print(f"asked again alone: {again}: " + ", ".join(tally.tests), flush=True)
    tally.failed, tally.notes = 0, []
    tally.add(again)
    return tally


def threaded(folder):
    tally = meson_tests("threads-unit", folder, "unit")
    tally.add(conformance("threads-conformance", folder, THREADED_SDKS))
    for scenario in THREADED:
        name = pathlib.Path(scenario.split("::")[0]).stem
        tally.add(pytest(f"threads-{name}", [scenario], folder))
    return tally


def figures():
    """Of a soak: all files with times that are asserted there only."""
    files = sorted(str(f.relative_to(ROOT)) for f in ROOT.glob("tests/*/test_*.py")
                   if "FIGURES" in f.read_text())
    return files if is_soak() else MEASURED


def fuzz(folder):
    """Each parser for a minute, two side by side, beginning with its corpus. What breaks one stays in
    the logs."""
    parsers = sorted(f.stem for f in ROOT.glob("tests/fuzz/fuzz_*.c"))
    log = {parser: LOGS / f"{parser}.log" for parser in parsers}

    def feed(parser):
        found = LOGS / f"{parser}.found"
        found.mkdir(exist_ok=True)
        return run([folder / "tests/fuzz" / parser, f"-max_total_time={FUZZ_SECONDS}",
                    "-timeout=60", "-rss_limit_mb=4096", f"-artifact_prefix={LOGS}/{parser}-",
                    found, ROOT / "tests/fuzz/corpus" / parser.removeprefix("fuzz_")], log[parser])
    tally = Tally()
    with concurrent.futures.ThreadPoolExecutor(2) as side_by_side:
        for parser, status in zip(parsers, side_by_side.map(feed, parsers)):
            if status:
                tally.fail(f"FAILED {parser}:\n{tail(log[parser])}")
            else:
                tally.passed += 1
    return tally


def is_soak():
    return os.environ.get("SOAK") == "1"


def tiers(mode):
    """Name and function, in order; builds come first so that nothing compiles beside a test."""
    if mode == "quick":
        quick = build("quick")
        return [("lint", lambda: meson_tests("lint", quick, "lint")),
                ("unit", lambda: meson_tests("unit", quick, "unit")),
                ("fuzz corpus", lambda: meson_tests("fuzz", quick, "fuzz"))]
    if mode == "stack":
        quick = build("quick", PROGRAMS)
        return [("stack", lambda: pytest("stack", ["tests/stack"], quick))]
    asan, tsan = build("asan"), build("tsan")
    release = build("release", () if is_soak() else PROGRAMS)
    sdks = ["tests/conformance", f"--ignore={MEASURED[0]}"]
    found = [("lint", lambda: meson_tests("lint", asan, "lint")),
             ("unit", lambda: meson_tests("unit", asan, "unit")),
             ("fuzz corpus", lambda: meson_tests("fuzz", asan, "fuzz")),
             ("threads", lambda: threaded(tsan)),
             ("integration", lambda: integration(asan)),
             ("conformance", lambda: conformance("conformance", asan, sdks)),
             ("figures", lambda: conformance("figures", release, figures())),
             ("system", lambda: pytest("system", ["tests/system"], release))]
    if is_soak():
        fuzzers = build("fuzz", [f"tests/fuzz/{f.stem}" for f in ROOT.glob("tests/fuzz/fuzz_*.c")])
        found += [("unit, counts", lambda: meson_tests("unit-counts", release, "unit")),
                  ("fuzz", lambda: fuzz(fuzzers))]
    return found


def main(mode):
    LOGS.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    if mode == "soak":
        os.environ["SOAK"] = "1"
    total = Tally()
    for name, tier in tiers(mode):
        begun = time.monotonic()
        hours = is_soak() and SOAK_HOURS.get(name) or HOURS
        Limit.ends_at = begun + 3600 * hours
        tally = tier()
        if time.monotonic() >= Limit.ends_at:
            tally.fail(f"{name} was not at its end after {hours} h, see {LOGS}")
        total.add(tally)
        print(f"{name:<14} {tally} ({time.monotonic() - begun:.0f} s)", flush=True)
        for reason, n in tally.reasons.items():
            print(f"    {n} skipped: {reason}", flush=True)
        for note in tally.notes:
            print("    " + note.replace("\n", "\n    "), flush=True)
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
