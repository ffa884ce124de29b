#!/usr/bin/env python3
"""deploy/package installs all that dpkg-buildpackage asks for: packages.py ROOT"""
import pathlib
import re
import subprocess
import sys

VIRTUAL = {"debhelper-compat": "debhelper"}


def asked_for(control):
    field = re.search(r"^Build-Depends:(.*\n(?: .*\n)*)", control, re.MULTILINE).group(1)
    names = {entry.split()[0] for entry in field.split(",")}
    return {VIRTUAL.get(name, name) for name in names} | {"build-essential"}


def main(root):
    deploy = pathlib.Path(root) / "deploy"
    listed = subprocess.run(
        ["bash", "-c", '. "$0"; echo $BUILD_PACKAGES $PACKAGE_PACKAGES', deploy / "packages.sh"],
        check=True, capture_output=True, text=True).stdout.split()
    missing = asked_for((deploy / "debian/control").read_text()) - set(listed)
    print(f"not in packages.sh: {sorted(missing)}" if missing else "packages: ok")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
