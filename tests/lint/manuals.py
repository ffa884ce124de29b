#!/usr/bin/env python3
"""The manual pages in deploy/man say what the programs and docs/CONFIGURATION.md say today.

    manuals.py ROOT LLMCTL            do they?
    manuals.py --write ROOT LLMCTL    make them so
"""
import pathlib
import re
import subprocess
import sys

OPTIONS = [
    ("--config \\fIFILE\\fR", "The configuration; default /etc/llm-proxy/llm-proxy.yaml."),
    ("--check-config", "Check it and the files it names, and exit: 0, or 1 and one line that says what is wrong and where."),
    ("--print-config", "Print the values in effect, without secrets, and exit."),
    ("--version", "Print the version and exit."),
    ("--help", "Print the options and exit."),
]
DAEMONS = {
    "llm-proxy": ("gateway for large language models", """\
Answers the APIs of OpenAI and Anthropic on \\fBproxy.listen\\fR and sends each request to the model
that its configuration names for it, at whatever provider, translating where the APIs differ. Keys,
limits, budgets, the ledger, the response cache and the audit trail are its own. The operator's API
and the metrics are on \\fBproxy.admin_listen\\fR and on admin.sock below \\fBpaths.runtime\\fR."""),
    "context-service": ("counts tokens and makes conversations fit", """\
Tells on \\fBcontext.listen\\fR and on the bus how many tokens a conversation has, and condenses one
that is over its budget, in steps that lose as little as possible and keep what the provider has
cached. \\fBllm-proxy\\fR(8) asks it when a request is over its model's window, and goes on without
it when it is not there."""),
    "health-worker": ("watches providers, GPUs and local inference servers", """\
Probes the configured providers, reads the machine's GPUs, memory and disk, runs the inference
servers of \\fBworkers\\fR, and tells \\fBllm-proxy\\fR(8) on the bus what is well. Its status is on
\\fBhealth.listen\\fR."""),
}
SIGNALS = [
    ("SIGHUP", "Read the configuration again. A file that is wrong changes nothing, and the log says why."),
    ("SIGTERM, SIGINT", "Take nothing new, end what was begun within \\fBproxy.drain_timeout\\fR, exit."),
]
EXITS = [("0", "All is well."), ("1", "It cannot start; one line says why."), ("2", "Wrong usage.")]


def plain(text):
    """Markdown of one line to roff."""
    text = text.replace("\\", "\\\\").replace("-", "\\-")
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"^([.'])", r"\\&\1", text)


def head(name, section, what, kind):
    return [f'.TH {name} {section} "" "LLM gateway" "{kind}"', ".SH NAME",
            f"{plain(name)} \\- {what}"]


def items(pairs):
    for name, text in pairs:
        yield from (".TP", f".B {name}" if "\\f" not in name else name, text)


def see_also(*pages):
    return [".SH SEE ALSO", ",\n".join(f"\\fB{plain(p)}\\fR({s})" for p, s in pages),
            ".PP", "/usr/share/doc/llm\\-gateway/docs"]


def daemon(name):
    what, text = DAEMONS[name]
    others = [(n, 8) for n in DAEMONS if n != name]
    lines = head(name, 8, what, "System Administration")
    lines += [".SH SYNOPSIS", f".B {plain(name)}", "[\\fIoption\\fR]...", ".SH DESCRIPTION", text]
    lines += [".SH OPTIONS", *items((n.replace("-", "\\-"), t) for n, t in OPTIONS)]
    lines += [".SH SIGNALS", *items(SIGNALS), ".SH EXIT STATUS", *items(EXITS)]
    return lines + see_also(("llmctl", 1), ("llm-proxy.yaml", 5), *others)


def llmctl(program):
    listed = subprocess.run([program, "--list-commands"], check=True, capture_output=True, text=True)
    lines = head("llmctl", 1, "the operator's hand on the LLM gateway", "User Commands")
    lines += [".SH SYNOPSIS", ".B llmctl",
              "[\\fB\\-\\-json\\fR] [\\fB\\-\\-socket\\fR \\fIPATH\\fR | \\fB\\-\\-url\\fR \\fIURL\\fR "
              "\\fB\\-\\-token\\-file\\fR \\fIFILE\\fR] [\\fB\\-\\-config\\fR \\fIFILE\\fR] "
              "\\fICOMMAND\\fR ...",
              ".SH DESCRIPTION",
              "Talks to \\fBllm\\-proxy\\fR(8) over admin.sock, which members of the group llm\\-proxy "
              "may use, or over \\fB\\-\\-url\\fR with the admin token. Prints tables, or with "
              "\\fB\\-\\-json\\fR what was answered.", ".SH COMMANDS"]
    for line in listed.stdout.splitlines():
        name, usage, text = line.split("\t")
        lines += [".TP", f"\\fB{plain(name)}\\fR {plain(usage)}".strip(),
                  plain(text[0].upper() + text[1:]) + "."]
    lines += [".SH EXIT STATUS", *items([("0", "Done."), ("1", "Refused, or not reachable."),
                                         ("2", "Wrong usage.")])]
    return lines + see_also(("llm-proxy.yaml", 5), *((n, 8) for n in DAEMONS))


def configuration(text):
    lines = head("llm-proxy.yaml", 5, "configuration of the LLM gateway", "File Formats")
    lines[-1] = "llm\\-proxy.yaml \\- configuration of the LLM gateway"
    text = text.split("\n", 2)[2]
    lines.append(".SH DESCRIPTION")
    for line in text.splitlines():
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        if line.startswith("<!--") or not line.strip():
            lines.append(".PP" if lines[-1] != ".PP" else "")
        elif line.startswith("#"):
            lines.append(".SH " + plain(line.lstrip("# ")).upper())
        elif line.startswith("- "):
            lines += [".IP \\(bu 2", plain(line[2:])]
        elif not cells:
            lines.append(plain(line.strip()))
        elif set(cells[0]) <= set("- ") or cells[0] in ("key", "type"):
            continue
        else:
            lines += [".TP", plain(cells[0]), "; ".join(plain(c) for c in cells[1:] if c)]
    return [line for line in lines if line] + see_also(*((n, 8) for n in DAEMONS), ("llmctl", 1))


def main(write, root, program):
    root = pathlib.Path(root)
    pages = {f"{name}.8": daemon(name) for name in DAEMONS}
    pages["llmctl.1"] = llmctl(program)
    pages["llm-proxy.yaml.5"] = configuration((root / "docs/CONFIGURATION.md").read_text())
    stale = []
    for name, lines in pages.items():
        page, path = "\n".join(lines) + "\n", root / "deploy/man" / name
        if write:
            path.write_text(page)
        elif not path.exists() or path.read_text() != page:
            stale.append(name)
    if stale:
        print(f"deploy/man: {', '.join(stale)} out of date: tests/lint/manuals.py --write {root} {program}")
    else:
        print("manuals: ok")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] == "--write", *sys.argv[-2:]))
