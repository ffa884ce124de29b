"""The files that a configuration names: --check-config tries them, and secrets that all may read are told of."""
import pathlib
import subprocess

import pytest
import yaml

from suite import PROGRAMS, Suite, wait_until
from test_http_tls import make_certificate

DAEMONS = ["llm-proxy", "context-service", "health-worker"]


def check(config, folder, daemon="llm-proxy"):
    """The exit status, and what is said with the place of the configuration taken off."""
    path = folder / "tried.yaml"
    path.write_text(config)
    done = subprocess.run([PROGRAMS[daemon], "--config", path, "--check-config"], capture_output=True, text=True,
                          check=False, timeout=20)
    assert not done.stdout
    return done.returncode, done.stderr.replace(f"{path}:", "").strip()


def secret(folder, text="s3cret\n", mode=0o600):
    path = folder / "secret"
    path.write_text(text)
    path.chmod(mode)
    return path


KEY = """providers:
  - name: p
    base_url: http://127.0.0.1:1/v1
    {}
"""
SECRETS = {
    "api_key": (KEY.format("api_key: {{file: {}}}"), "4:21"),
    "download": ("health:\n  downloads:\n    - url: https://example.com/\n      token: {{file: {}}}\n", "4:21"),
    "summarize": ("context:\n  summarize:\n    url: http://127.0.0.1:1/v1\n    model: m\n"
                  "    api_key: {{file: {}}}\n", "5:21"),
}


@pytest.mark.parametrize("daemon", DAEMONS)
@pytest.mark.parametrize("which", SECRETS)
def test_a_secret_that_cannot_be_had_is_named_with_its_line(tmp_path, which, daemon):
    config, place = SECRETS[which]
    path = tmp_path / "secret"
    config = config.format(path)
    assert check(config, tmp_path, daemon) == (1, f"{place}: file {path}: No such file or directory")
    secret(tmp_path, "")
    assert check(config, tmp_path, daemon) == (1, f"{place}: file {path}: it is empty")
    secret(tmp_path)
    assert check(config, tmp_path, daemon) == (0, "")


def test_secrets_elsewhere_are_the_services_to_see(tmp_path):
    for where in ("{env: NO_SUCH_VARIABLE}", "{credential: nobody-has-it}"):
        assert check(KEY.format(f"api_key: {where}"), tmp_path) == (0, "")


def test_certificates_keys_and_authorities_are_tried(tmp_path):
    certificate, key = make_certificate(tmp_path, "one")
    other = make_certificate(tmp_path, "two")[1]
    pathlib.Path(key).chmod(0o600)
    pathlib.Path(other).chmod(0o600)

    def tls(c, k):
        return check(f"proxy:\n  tls:\n    certificate: {c}\n    key: {k}\n", tmp_path)
    assert tls(certificate, key) == (0, "")
    assert tls(tmp_path / "none", key) == (1, f"3:18: file {tmp_path}/none: No such file or directory")
    assert tls(key, key) == (1, "3:18: the certificate cannot be read")
    assert tls(certificate, other) == (1, "4:10: the key does not belong to the certificate")
    assert check(KEY.format(f"ca_file: {tmp_path}"), tmp_path) == (1, f"4:14: file {tmp_path}: Is a directory")


def test_prices_are_read_as_the_start_would(tmp_path):
    path = tmp_path / "prices.yaml"
    config = f"prices:\n  file: {path}\n"
    assert check(config, tmp_path) == (1, f"2:9: file {path}: No such file or directory")
    path.write_text("prices: [{provider: p, model: m, input: cheap}]\n")
    status, said = check(config, tmp_path)
    assert status == 1 and said.startswith(f"{path}:1:41: ")
    path.write_text("prices: []\n")
    assert check(config, tmp_path) == (0, "")


@pytest.mark.parametrize("daemon", ["llm-proxy", "health-worker"])
def test_a_pair_of_bus_keys_belongs_together(tmp_path, daemon):
    pairs = [subprocess.run([PROGRAMS["llmctl"], "bus", "keygen", tmp_path / name], check=True, capture_output=True,
                            text=True).stdout for name in ("one", "two")]
    of_one = yaml.safe_load(pairs[0].splitlines()[0])
    assert check(yaml.safe_dump(of_one), tmp_path, daemon) == (0, "")
    of_one["bus"]["curve"]["secret_file"] = str(tmp_path / "two")
    status, said = check(yaml.safe_dump(of_one), tmp_path, daemon)
    assert status == 1 and f"the key in file {tmp_path}/two is not the one" in said


def test_a_secret_that_all_may_read_is_told_of_and_used(start_suite, simulator, tmp_path):
    path = secret(tmp_path, mode=0o644)
    provider = Suite.provider(simulator, api_key={"file": str(path)})
    suite = start_suite(simulator, services=["llm-proxy"], config={"providers": [provider]})
    wanted = f"every user of this machine can read the secret in {path}: chmod o-rwx it"

    def told():
        return [e for e in suite.proxy.entries() if wanted in e["message"] and e["level"] == "warning"]
    assert len(told()) == 1 and f"{suite.config_path}:" in told()[0]["message"]
    assert suite.chat().status == 200
    status, said = check(KEY.format(f"api_key: {{file: {path}}}"), tmp_path)
    assert (status, said) == (0, f"4:21: {wanted}")
    path.chmod(0o640)
    suite.ctl("config", "reload")
    assert len(told()) == 1
    path.chmod(0o604)
    suite.ctl("config", "reload")
    wait_until(lambda: len(told()) == 2, "another word of it")
