"""The dashboards are what Grafana calls a dashboard, by its own types."""
import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent
DASHBOARDS = sorted((HERE.parents[1] / "monitoring/grafana/dashboards").glob("*.json"))


def check(*files):
    return subprocess.run(["node", HERE / "dashboard_schema.mjs", *files], capture_output=True, text=True)


def test_every_dashboard_and_nothing_else_is_of_grafanas_type(tmp_path):
    done = check(*DASHBOARDS)
    assert done.returncode == 0 and len(DASHBOARDS) >= 12, done.stdout + done.stderr

    broken = json.loads(DASHBOARDS[0].read_text())
    broken["panels"][0]["gridPos"]["w"] = "wide"
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(broken))
    done = check(wrong)
    assert done.returncode == 1 and "/panels/0" in done.stdout, done.stdout + done.stderr
