"""The golden requests are what the simulator, the stricter reader, takes for whole and proper."""
import json
import pathlib
import subprocess
import sys

import pytest

from suite import request

HERE = pathlib.Path(__file__).resolve().parent
ROUTES = {
    "openai": ("/v1/chat/completions", {}),
    "anthropic": ("/v1/messages", {"anthropic-version": "2023-06-01", "x-api-key": "k"}),
    "gemini": ("/v1beta/models/gemini-2.5-flash:generateContent", {"x-goog-api-key": "k"}),
    "bedrock": ("/model/anthropic.claude-v1%3A0/converse", {"Authorization": "Bearer k"}),
    "ollama": ("/api/chat", {}),
}


@pytest.mark.parametrize("dialect", ROUTES)
def test_every_field_of_a_request_is_understood(simulator, dialect):
    path, headers = ROUTES[dialect]
    body = (HERE / f"golden/{dialect}/chat.request.json").read_bytes()
    answer = request(f"{simulator.url}{path}", "POST", body, headers)
    assert answer.status == 200, answer.body
    understood = simulator.records()[-1]["understood"]
    assert understood["unknown"] == []
    parts = [part for m in understood["messages"] for part in m["parts"]]
    kinds = {part["type"] for part in parts}
    assert {"text", "file", "call", "result"} <= kinds
    assert next(p for p in parts if p["type"] == "call")["arguments"] == {"zoom": 2}
    assert understood["tools"][0]["name"] == "look"
    assert understood["stop"][-1] == "END"


def test_bedrocks_binary_streams_are_those_of_their_readable_sources():
    done = subprocess.run([sys.executable, HERE / "golden_bedrock.py"], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout


def test_all_recordings_of_json_are_json():
    for path in sorted((HERE / "golden").rglob("*.json")):
        json.loads(path.read_text())
