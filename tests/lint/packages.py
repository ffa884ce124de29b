#!/usr/bin/env python3
"""deploy/package installs all that dpkg-buildpackage asks for, and units run nothing that a small
machine may lack: packages.py ROOT"""
import pathlib
import re
import subprocess
import sys

VIRTUAL = {"debhelper-compat": "debhelper"}


def asked_for(control):
    field = re.search(r"^Build-Depends:(.*\n(?: .*\n)*)", control, re.MULTILINE).group(1)
    names = {entry.split()[0] for entry in field.split(",")}
    return {VIRTUAL.get(name, name) for name in names} | {"build-essential"}


def foreign_programs(folder):
    for unit in sorted(folder.glob("*.service.in")):
        for program in re.findall(r"^Exec\w+=(\S+)", unit.read_text(), re.MULTILINE):
            if program != "/bin/sh" and not program.startswith(("@bindir@", "@sbindir@")):
                yield f"{unit.name} runs {program}"


def main(root):
    deploy = pathlib.Path(root) / "deploy"
    listed = subprocess.run(
        ["bash", "-c", '. "$0"; echo $BUILD_PACKAGES $PACKAGE_PACKAGES', deploy / "packages.sh"],
        check=True, capture_output=True, text=True).stdout.split()
    missing = sorted(asked_for((deploy / "debian/control").read_text()) - set(listed))
    wrong = [f"{name} is not in packages.sh" for name in missing]
    wrong += foreign_programs(deploy / "systemd")
    print("\n".join(wrong) or "packages: ok")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
