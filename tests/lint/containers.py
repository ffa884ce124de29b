#!/usr/bin/env python3
"""The compose file names what is there: containers.py ROOT"""
import pathlib
import re
import sys

import yaml

DAEMONS = {"llm-proxy", "context-service", "health-worker"}
OTHERS = {"prometheus", "alertmanager", "node-exporter", "grafana", "loki", "promtail"}


def faults_of_mount(folder, mount, volumes):
    source = mount.split(":")[0]
    if source.startswith("."):
        if not (folder / source).exists():
            yield f"{source} is not in the tree"
    elif not source.startswith("/") and source not in volumes:
        yield f"there is no volume {source}"


def faults(folder, compose):
    services = compose["services"]
    if set(services) != DAEMONS | OTHERS:
        yield f"services: {sorted(services)}"
    for name, service in services.items():
        if name in DAEMONS and service["command"] != [name]:
            yield f"{name}: runs {service['command']}"
        if name in OTHERS and not re.fullmatch(r"docker\.io/[a-z/-]+:v?\d+\.\d+\.\d+", service["image"]):
            yield f"{name}: {service['image']} is no pinned version"
        for mount in service["volumes"]:
            for fault in faults_of_mount(folder, mount, compose["volumes"]):
                yield f"{name}: {fault}"
        for word in service.get("command", []):
            for address in re.findall(r"listen-address=(\S+)", word):
                if not address.startswith("127.0.0.1"):
                    yield f"{name}: listens on {address}"
    logs = "/var/lib/docker/containers"  # of json-file
    if any(services[name]["logging"]["driver"] != "json-file" for name in DAEMONS):
        yield "promtail cannot find the log of each daemon"
    if f"{logs}:{logs}:ro" not in services["promtail"]["volumes"]:
        yield "promtail cannot read the containers' logs"
    build = services["llm-proxy"]["build"]
    if not (folder / build["context"] / build["dockerfile"]).exists():
        yield f"{build['dockerfile']} is not in the tree"


def main(root):
    folder = pathlib.Path(root) / "deploy/container"
    wrong = list(faults(folder, yaml.safe_load((folder / "compose.yml").read_text())))
    print("\n".join(wrong) or "containers: ok")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
