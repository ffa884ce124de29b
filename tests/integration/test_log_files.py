"""logging.files: what the daemons say, in files that the shipped logrotate configuration turns."""
import grp
import json
import os
import pwd
import shutil
import signal
import subprocess

import pytest

import suite as programs

LOGROTATE = programs.ROOT / "deploy/logrotate/llm-proxy"


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def logged(start_suite, simulator):
    suite = start_suite(simulator, config={"logging": {"format": "json", "files": True}})
    suite.logs = suite.folder / "log"
    return suite


def test_every_entry_of_all_three_is_in_the_one_file_and_errors_in_the_other(logged):
    logged.chat()
    health = logged["health-worker"]
    logged.write_config("nothing: true\n")
    health.signal(signal.SIGHUP)
    programs.wait_until(lambda: lines(logged.logs / "error.log"), "the error")
    programs.wait_until(lambda: {e["ident"] for e in lines(logged.logs / "combined.log")}
                        == set(logged.processes), "entries of all three")

    (error,) = lines(logged.logs / "error.log")
    assert error["level"] == "error" and "unknown key" in error["message"]
    assert error in lines(logged.logs / "combined.log")
    # The log itself says the same.
    programs.wait_until(lambda: error in health.entries(), "the same in its own")
    assert os.stat(logged.logs / "combined.log").st_mode & 0o777 == 0o640


def test_a_reload_turns_the_files_on_and_off(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"])
    path = suite.folder / "log/combined.log"
    for is_on, size in ((True, 1), (False, 1)):
        suite.config["logging"] = {"format": "json", "files": is_on}
        suite.write_config()
        generation = suite.metrics().value("config_generation")
        suite.proxy.signal(signal.SIGHUP)
        programs.wait_until(lambda: suite.metrics().value("config_generation") > generation,
                            "the reload")
        if is_on:
            programs.wait_until(lambda: lines(path), "the file")
    before = len(lines(path))
    suite.chat()
    suite.wait_ledger(1)
    assert len(lines(path)) == before


def test_nothing_is_lost_while_logrotate_turns_the_files(logged, tmp_path):
    if not shutil.which("logrotate"):
        pytest.skip("no logrotate (Debian's package of that name)")
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    text = LOGROTATE.read_text().replace("/var/log/llm-proxy", str(logged.logs))
    text = text.replace("llm-proxy llm-proxy", f"{user} {group}")
    config = tmp_path / "logrotate.conf"
    config.write_text(text)
    config.chmod(0o644)
    for _ in range(3):
        for _ in range(20):
            logged.chat()
        programs.wait_until((logged.logs / "combined.log").read_text, "a file that is not empty")
        subprocess.run(["logrotate", "--force", "--state", tmp_path / "state", config], check=True)
    logged.chat()

    def settled():
        files = [logged.logs / "combined.log", *logged.logs.glob("combined.log.[0-9]")]
        packed = sum(subprocess.run(["zcat", f], capture_output=True, check=True).stdout.count(
            b'"outcome":"success"') for f in logged.logs.glob("combined.log.*.gz"))
        return packed + sum(e.get("outcome") == "success" for f in files for e in lines(f)) == 61
    programs.wait_until(settled, "61 requests in the files")
    assert len(list(logged.logs.glob("combined.log*"))) == 4
