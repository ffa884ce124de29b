#!/usr/bin/env python3
"""The architecture, as a test: which folder may include which.

An include names its layer ("base/buf.h", "io/fetch.h", "proto/health.h") or, without a slash, a
file of its own folder. Anything else is an error.
"""
import pathlib
import re
import sys

MAY_INCLUDE = {
    "common/base": {"base"},
    "common/io": {"base", "io"},
    "common/tokens": {"base", "tokens"},
    "common/counting": {"base", "io", "tokens", "counting"},
    "common/settings": {"base", "io", "settings"},
    "proto": {"base", "proto"},
    "common/nodes": {"base", "io", "proto", "settings", "nodes"},
    "services": {"base", "counting", "nodes", "io", "proto", "settings", "tokens"},
    "tests": {"base", "counting", "nodes", "io", "proto", "settings", "tokens", "llm-proxy", "context-service",
              "health-worker"},
}

def main(root):
    errors = []
    for top, allowed in MAY_INCLUDE.items():
        for path in sorted((root / top).rglob("*.[ch]")):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
                if not match:
                    continue
                name = match.group(1)
                layer = name.split("/")[0] if "/" in name else None
                local = layer is None and (top == "tests" or (path.parent / name).exists())
                if not local and layer not in allowed:
                    errors.append(f"{path.relative_to(root)}:{number}: {top} may not include {name}")
    print("\n".join(errors) or "layers: ok")
    return 1 if errors else 0

if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
