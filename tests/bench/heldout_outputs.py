"""What the tools of heldout.py answer: sources, logs, tables, JSON, test runs, pages."""
import json

NOUNS = ("ledger parcel tariff sensor voucher roster glacier pallet dossier quay lantern orchard "
         "meadow beacon harbour pigment turbine cellar rivet spindle anchor canvas furnace gasket "
         "hatch ingot jigsaw kernel ladle mortar nozzle outlet pulley quarry rafter sluice trellis "
         "valve winch yoke").split()
VERBS = ("gather sift weigh stamp mend fetch braid carve drain engrave fasten graft hoist inspect "
         "join knead label merge nudge order polish quench resolve seal trim unwind vary wrap").split()
ADJECTIVES = "stale pending brittle narrow shared hidden early loose signed spare frozen raw".split()


def name(r, case="snake"):
    parts = [r.choice(VERBS), r.choice(ADJECTIVES), r.choice(NOUNS)]
    if case == "snake":
        return "_".join(parts)
    if case == "kebab":
        return "-".join(parts[1:])
    camel = "".join(p.capitalize() for p in parts)
    return camel if case == "Pascal" else camel[0].lower() + camel[1:]


def stamp(r, at):
    return f"2025-03-{1 + at // 86400 % 28:02}T{at // 3600 % 24:02}:{at // 60 % 60:02}:{at % 60:02}Z"


# ---- sources

def python_source(r, n):
    out = ["import dataclasses", "import logging", f"from .{r.choice(NOUNS)} import {name(r)}", ""]
    while len(out) < n:
        f, a, b = name(r), r.choice(NOUNS), r.choice(NOUNS)
        out += r.choice([
            [f"def {f}({a}, *, {b}=None):", f'    """{f.replace("_", " ").capitalize()}."""',
             f"    if not {a}:", "        return []", f"    found = [x for x in {a} if x.{b}]",
             f"    for x in found:", f"        x.{r.choice(VERBS)}({b})", "    return found", ""],
            ["@dataclasses.dataclass", f"class {name(r, 'Pascal')}:", f"    {a}: int = {r.randint(0, 9)}",
             f"    {b}: str = \"{r.choice(ADJECTIVES)}\"", "",
             f"    def {r.choice(VERBS)}(self, other):",
             f"        if self.{a} != other.{a}:",
             f'            raise ValueError("{a} and {b} do not match")',
             f"        return dataclasses.replace(self, {b}=other.{b})", ""],
            [f"    try:", f"        {a} = {f}({b})", "    except KeyError as error:",
             f'        logging.exception("no {a} for %s", error)', "        raise", ""],
        ])
    return out[:n]


def rust_source(r, n):
    out = [f"use crate::{r.choice(NOUNS)}::{name(r, 'Pascal')};", ""]
    while len(out) < n:
        f, a, t = name(r), r.choice(NOUNS), name(r, "Pascal")
        out += r.choice([
            [f"pub fn {f}({a}: &[{t}]) -> Result<usize, Error> {{",
             f"    let kept = {a}.iter().filter(|x| x.is_{r.choice(ADJECTIVES)}()).count();",
             f"    if kept == 0 {{", f"        return Err(Error::No{t});", "    }", "    Ok(kept)", "}", ""],
            [f"impl From<{t}> for {name(r, 'Pascal')} {{", f"    fn from({a}: {t}) -> Self {{",
             f"        Self {{ {r.choice(NOUNS)}: {a}.0, ..Default::default() }}", "    }", "}", ""],
        ])
    return out[:n]


def brace_source(r, n):
    """Go, Java and TypeScript in turn."""
    out, kind = [], r.choice("gjt")
    while len(out) < n:
        f, a, t = name(r, "camel"), r.choice(NOUNS), name(r, "Pascal")
        out += {"g": [f"func (s *{t}) {f}(ctx context.Context, {a} string) error {{",
                      f"\trow, err := s.db.{t}(ctx, {a})", "\tif err != nil {",
                      f'\t\treturn fmt.Errorf("{a}: %w", err)', "\t}",
                      f"\treturn s.{f}Locked(row)", "}", ""],
                "j": [f"    public List<{t}> {f}(final {t} {a}) throws IOException {{",
                      f"        if ({a} == null) {{",
                      f'            throw new IllegalArgumentException("{a} must not be null");',
                      "        }", f"        return this.{r.choice(NOUNS)}.{f}({a});", "    }", ""],
                "t": [f"export async function {f}({a}: {t}[]): Promise<void> {{",
                      f"  const {r.choice(NOUNS)} = await Promise.all({a}.map((x) => x.{f}()));",
                      f"  if (!{a}.length) throw new Error('{a} is empty');", "}", ""]}[kind]
    return out[:n]


def numbered(lines, first=1):
    return [f"{first + i:6}\t{line}" for i, line in enumerate(lines)]


def grep(r, n):
    return [f"src/{r.choice(NOUNS)}/{name(r)}.{r.choice(('py', 'rs', 'go', 'ts'))}:{r.randint(3, 900)}:"
            f"    {name(r)}({r.choice(NOUNS)}, {r.choice(NOUNS)})" for _ in range(n)]


def listing(r, n):
    return [f"-rw-r--r-- 1 build build {r.randint(90, 99999):6} Mar {r.randint(1, 28):2} "
            f"{r.randint(0, 23):02}:{r.randint(0, 59):02} {name(r)}.{r.choice(('c', 'md', 'yml', 'sql'))}"
            for _ in range(n)]


def diff(r, n):
    out = []
    while len(out) < n:
        path = f"lib/{r.choice(NOUNS)}/{name(r)}.py"
        out += [f"diff --git a/{path} b/{path}", f"--- a/{path}", f"+++ b/{path}",
                f"@@ -{r.randint(1, 400)},7 +{r.randint(1, 400)},9 @@ def {name(r)}(self):"]
        for line in python_source(r, r.randint(12, 24))[4:]:
            out.append(r.choice(("+", "-", " ", " ", " ")) + line)
    return out[:n]


# ---- runs

def test_run(r, n):
    kind = r.randrange(4)
    if kind == 0:
        return ["============ test session starts ============", f"collected {n} items", ""] + [
            f"tests/test_{r.choice(NOUNS)}.py::test_{name(r)} PASSED  [{100 * i // n:3}%]"
            for i in range(n - 3)]
    if kind == 1:
        return [f"running {n} tests"] + [f"test {r.choice(NOUNS)}::{name(r)} ... ok" for _ in range(n - 1)]
    if kind == 2:
        return [line for _ in range(n // 2) for f in [name(r, "Pascal")] for line in (
            f"=== RUN   Test{f}", f"--- PASS: Test{f} (0.{r.randint(0, 9)}{r.randint(0, 9)}s)")]
    return [f"  ✓ {name(r).replace('_', ' ')} ({r.randint(1, 90)} ms)" for _ in range(n)]


def build_log(r, n):
    return [r.choice([
        f"[{i}/{n}] Compiling {name(r, 'kebab')} v{r.randint(0, 3)}.{r.randint(0, 30)}.{r.randint(0, 9)}",
        f"[INFO] Installing {name(r, 'kebab')}-{r.randint(1, 9)}.{r.randint(0, 30)}.jar",
        f"[{i}/{n}] CC obj/{name(r)}.o",
        f"warning: unused variable: `{r.choice(NOUNS)}`"]) for i in range(n)]


def log(r, n):
    at, out, loud = r.randint(0, 10**6), [], r.random() < 0.4
    flood = f"upstream {r.choice(NOUNS)} timed out, retrying"
    for _ in range(n):
        at += r.randint(0, 40)
        level = r.choices(("INFO", "DEBUG", "WARN"), (8, 4, 1))[0]
        what = r.choice([
            f"{name(r, 'camel')} finished in {r.randint(1, 900)}ms",
            f"GET /v2/{r.choice(NOUNS)}/{r.randint(1, 99999)} 200 {r.randint(1, 300)}ms",
            f"accepted connection from 10.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(1, 254)}",
            f"{r.choice(NOUNS)} queue depth {r.randint(0, 400)}",
            f"cache {r.choice(('hit', 'miss'))} for {r.choice(NOUNS)}:{r.randint(1, 9999)}"])
        if loud and r.random() < 0.15:
            level, what = "ERROR", flood
        out.append(f"{stamp(r, at)} {level:5} {r.choice(NOUNS)}-{r.randint(0, 9)} {what}")
    return out


def events(r, n):
    return ["LAST SEEN   TYPE      REASON      OBJECT                     MESSAGE"] + [
        f"{r.randint(1, 59)}m         Normal    {r.choice(('Pulled', 'Created', 'Started', 'Scheduled'))}"
        f"     pod/{name(r, 'kebab')}-{r.randrange(16**5):05x}   Container {r.choice(NOUNS)} is up"
        for _ in range(n)]


# ---- tables and documents

def psql(r, n):
    heads = [r.choice(NOUNS) for _ in range(5)]
    rows = [[str(r.randint(1, 99999)), name(r, "kebab"), f"{r.random() * 900:.2f}",
             r.choice(("open", "closed", "held")), f"2025-0{r.randint(1, 9)}-{r.randint(10, 28)}"]
            for _ in range(n)]
    return [" | ".join(f"{h:22}" for h in heads), "-+-".join("-" * 22 for _ in heads)] + [
        " | ".join(f"{c:22}" for c in row) for row in rows] + [f"({n} rows)"]


def csv(r, n):
    return ["id,region,article,units,revenue_eur,booked_at"] + [
        f"{r.randint(10**6, 10**7)},{r.choice(('north', 'south', 'west'))},{name(r, 'kebab')},"
        f"{r.randint(1, 400)},{r.random() * 9000:.2f},2025-0{r.randint(1, 9)}-{r.randint(10, 28)}"
        for _ in range(n)]


def describe(r, n):
    """What a data frame says of itself."""
    return [f"{name(r):34} {r.choice(('float64', 'int64', 'object'))}  non-null {r.randint(9000, 99999)}  "
            f"mean {r.random() * 100:.4f}  std {r.random() * 10:.4f}" for _ in range(n)]


def records(r, n):
    return [{"id": f"{r.randrange(16**8):08x}", "name": name(r, "kebab"), "state": r.choice(("up", "idle")),
             "labels": {"zone": f"eu-{r.randint(1, 3)}{r.choice('abc')}", "tier": r.choice(ADJECTIVES)},
             "replicas": r.randint(1, 9), "updatedAt": stamp(r, r.randint(0, 10**7))} for _ in range(n)]


def settings(r, n):
    return [f"{r.choice(NOUNS)}.{name(r)} = {r.choice((r.randint(1, 900), 'true', 'false', r.choice(NOUNS)))}"
            for _ in range(n)]


PAGE = {
    "en": ["The {a} {n} was introduced together with the {m} so that operators can {v} it in place.",
           "Most installations never need to {v} the {n}, since the {m} does so on its own.",
           "Earlier editions described the {n} as {a}; this is no longer accurate.",
           "Figure {i} shows how a {m} is split before the {n} gets to see it.",
           "If you {v} more than one {n} at a time, their order is not defined.",
           "Readers in a hurry may skip this section and return when the {m} becomes {a}.",
           "A survey among {i} users found the {n} more useful than the {m}."],
    "de": ["Das Modul {n} wurde zusammen mit {m} eingeführt und lässt sich im Betrieb anpassen.",
           "In den meisten Umgebungen ist {n} bereits eingerichtet; {m} übernimmt den Rest.",
           "Abbildung {i} zeigt den Ablauf zwischen {n} und {m}."],
    "zh": ["模块 {n} 与 {m} 一同引入,运维人员可以在线调整。", "大多数环境不需要手动配置 {n},由 {m} 自动完成。",
           "图 {i} 展示了 {n} 与 {m} 之间的流程。"],
    "ja": ["モジュール {n} は {m} とともに導入され、運用中に調整できます。", "図 {i} は {n} と {m} の流れを示します。",
           "多くの環境では {n} の設定は不要で、{m} が自動的に処理します。"],
    "ru": ["Модуль {n} появился вместе с {m} и настраивается на ходу.",
           "В большинстве установок {n} уже настроен, остальное делает {m}.",
           "На рисунке {i} показан обмен между {n} и {m}."],
}


def page(r, n, language="en"):
    out = []
    while len(out) < n:
        if r.random() < 0.15:
            out += ["", "## " + name(r).replace("_", " ").capitalize(), ""]
        out.append(" ".join(r.choice(PAGE[language]).format(
            a=r.choice(ADJECTIVES), n=r.choice(NOUNS), m=r.choice(NOUNS), v=r.choice(VERBS),
            i=r.randint(2, 90)) for _ in range(r.randint(2, 5))))
    return out[:n]


OUTPUTS = {
    "python": [python_source, python_source, grep, test_run, diff, listing],
    "rust": [rust_source, rust_source, grep, build_log, test_run, diff],
    "web": [brace_source, brace_source, grep, test_run, build_log, settings],
    "incident": [log, log, events, settings, psql, listing],
    "data": [csv, describe, psql, python_source, page],
    "support": [psql, page, settings, log],
    "research": [page, page, page, csv],
}

# ---- planted values: the line, a question in its words, one in others

VALUES = {
    "ident": [("{s}: assigned shard key is {v}", "What is the shard key of the {s}?", "Where do its rows go?"),
              ("  {s} checksum {v} verified", "What is the checksum of the {s}?", "Is the file intact?"),
              ("{s}.build_id={v}", "What is the build id of the {s}?", "Which artefact is live?")],
    "number": [("{s} peak memory {v} during the run", "What was the peak memory of the {s}?", "How big did it get?"),
               ("{s}: median latency {v}", "What is the median latency of the {s}?", "Is it quick?"),
               ("# measured for the {s}: {v} per request", "What was measured per request for the {s}?",
                "How expensive is one call?")],
    "path": [("{s} spool directory -> {v}", "Where is the spool directory of the {s}?", "Where do files wait?"),
             ("{s} reads its profile from {v}", "From where does the {s} read its profile?", "Where is it set up?")],
    "host": [("{s} replica listening on {v}", "Where is the {s} replica listening?", "Who else serves it?")],
    "date": [("{s} certificate expires {v}", "When does the {s} certificate expire?", "When must we renew?")],
    "money": [("{s} monthly charge {v}", "What is the monthly charge of the {s}?", "What does it cost us?")],
}

# ---- errors, as tools report them: lines, a question in their words, one in others

ERRORS = {
    "python": [
        (["Traceback (most recent call last):", '  File "/app/jobs/{a}.py", line 88, in {b}',
          "    row = index[{a}]", "KeyError: '{v}'"],
         "Which key raised the KeyError?", "What was missing?"),
        (["    def test_{b}():", ">       assert weigh({a}) == expected", "E       AssertionError: {v} != 'sealed'",
          "", "tests/test_{a}.py:41: AssertionError"],
         "What was in the AssertionError that should be sealed?", "Why is the suite red?"),
        (["FAILED tests/test_{a}.py::test_{b}_{v} - TypeError: unhashable type: 'list'"],
         "Which test failed with unhashable type list?", "Which case is broken?"),
        (["ModuleNotFoundError: No module named '{v}'"], "Which module was not found?", "What do I install?"),
        (["mypy: src/{a}.py:19: error: Incompatible return value type (got \"{v}\", expected \"int\")"],
         "Which incompatible return value type did mypy report?", "What do the types say?"),
        (["subprocess.CalledProcessError: Command '['{b}', '{v}']' returned non-zero exit status 3."],
         "Which command returned non-zero exit status 3?", "What could not be run?")],
    "rust": [
        (["thread '{a}' panicked at src/{a}/{b}.rs:212:17:",
          "called `Result::unwrap()` on an `Err` value: Missing(\"{v}\")",
          "note: run with `RUST_BACKTRACE=1`"],
         "What was Missing when the thread panicked?", "What brought the worker down?"),
        (["error[E0308]: mismatched types", "  --> src/{a}/{v}.rs:57:9", "   |", "57 |     {b}",
          "   |     ^^^^^ expected `u64`, found `Option<u64>`"],
         "In which file are the mismatched types of E0308?", "Why does it not compile?"),
        (["test {a}::{v} ... FAILED"], "Which test {a} failed?", "Which case is broken?"),
        (["/usr/bin/ld: obj/{a}.o: undefined reference to `{v}'", "collect2: error: ld returned 1 exit status"],
         "To what is there an undefined reference?", "Why does it not link?"),
        (["==4411==ERROR: AddressSanitizer: heap-use-after-free on address {v}",
          "READ of size 8 at 0x602 thread T0"],
         "On which address was the heap-use-after-free?", "Which memory was gone?")],
    "web": [
        (["--- FAIL: Test{a} (0.02s)", "    {a}_test.go:77: got {v}, want 3"],
         "What did the failing Test {a} get instead of 3?", "What is broken in that suite?"),
        (["Exception in thread \"main\" java.lang.IllegalStateException: {v} already closed",
          "\tat com.acme.{a}.Store.open(Store.java:91)", "\tat com.acme.{a}.Main.main(Main.java:14)"],
         "What is already closed according to the IllegalStateException?", "Why did the program stop?"),
        (["  ✗ {b} (12 ms)", "    TypeError: Cannot read properties of undefined (reading '{v}')",
          "      at Object.<anonymous> (src/{a}.test.ts:33:19)"],
         "Which property of undefined cannot be read?", "Why does the page stay blank?"),
        (["npm ERR! code ERESOLVE", "npm ERR! could not resolve {v}"],
         "What could npm not resolve?", "Why can't we install?"),
        (["panic: runtime error: index out of range [{n}] with length 3", "", "goroutine 18 [running]:",
          "main.{v}(0xc0000, 0x3)", "\t/app/{a}/{b}.go:88 +0x1d"],
         "Which main function panicked with index out of range?", "Where did it blow up?"),
        (["src/{a}.ts(44,7): error TS2322: Type '{v}' is not assignable to type 'number'."],
         "Which type is not assignable to number?", "What does the compiler dislike?"),
        (["Caused by: com.acme.{a}.TimeoutException: no answer for {v} within 5000 ms", "\t... 14 more"],
         "For what was there no answer within 5000 ms?", "What was too slow?")],
    "incident": [
        (["2025-03-09T04:11:52Z ERROR {a}-3 could not acquire lease {v}: held by another node"],
         "Which lease could not be acquired?", "Why is nobody the leader?"),
        (["5m          Warning   BackOff     pod/{a}-{v}   Back-off restarting failed container"],
         "For which pod is there a back-off restarting the failed container?", "What keeps crashing?"),
        (["psql: error: connection to server at \"{v}\" failed: Connection refused"],
         "Connection to which server refused psql?", "What is unreachable?"),
        (["{a}[{n}]: segfault at 0 ip {v} sp 00007ffd error 4 in lib{b}.so"],
         "At which ip was the segfault?", "Where in memory did it crash?"),
        (["OSError: [Errno 28] No space left on device: '/var/spool/{v}'"],
         "Where was no space left on device?", "What is full?"),
        (["HTTP/1.1 503 Service Unavailable", "x-request-id: {v}", "", "no healthy upstream"],
         "What is the x-request-id of the 503 Service Unavailable?", "Which call did we lose?"),
        (["bash: {v}: command not found"], "Which command was not found?", "What is not installed?"),
        (["Mar 09 04:12:07 {a} kernel: Out of memory: Killed process {n} ({v})"],
         "Which process was killed out of memory?", "What did the machine sacrifice?"),
        (['{{"level":"error","ts":1741493522,"msg":"handshake rejected","peer":"{v}"}}'],
         "Which peer's handshake was rejected?", "Who was turned away?"),
        (["rsync: connection unexpectedly closed ({v} bytes received so far)"],
         "How much was received when the connection unexpectedly closed?", "How far did the copy get?"),
        (["mount.nfs: access denied by server while mounting {v}"],
         "Where was access denied while mounting?", "Which share is closed to us?")],
    "data": [
        (["ValueError: could not convert string to float: '{v}'"],
         "Which string could not be converted to float?", "Which cell is dirty?"),
        (["ERROR:  duplicate key value violates unique constraint \"{a}_pkey\"",
          "DETAIL:  Key (code)=({v}) already exists."],
         "Which key already exists in the unique constraint?", "Why was the row refused?"),
        (["ERROR 1054 (42S22): Unknown column '{v}' in 'field list'"], "Which column is unknown?",
         "What is not in the table?"),
        (["pandas.errors.ParserError: Error tokenizing data. C error: Expected 9 fields in line {v}, saw 12"],
         "In which line were 9 fields expected?", "Which row is malformed?"),
        (["Segmentation fault (core dumped) {v}"], "What is the core of the segmentation fault?",
         "What did the crash leave behind?")],
    "support": [
        (['{{"status": "declined", "code": "card_velocity", "reference": "{v}"}}'],
         "What is the reference of the declined payment with card_velocity?", "Why did paying not work?"),
        (["HTTP 409 Conflict: subscription {v} is already cancelled"],
         "Which subscription is already cancelled by the 409 Conflict?", "What could we not end?"),
        (["Lookup failed: no customer with number {v}"], "For which number is there no customer?",
         "Who could not be found?"),
        (["Fatal: mailbox {v} is over quota, message rejected"],
         "Which mailbox is over quota?", "Why do letters come back?")],
    "research": [
        (["curl: (6) Could not resolve host: {v}"], "Which host could curl not resolve?",
         "Which page could we not open?"),
        (["Error: fetching {v} failed with status 403 Forbidden"],
         "Fetching what failed with 403 Forbidden?", "Which source is closed to us?"),
        (["Request to {v} timed out after 30 s"], "Which request timed out after 30 s?", "Who was silent?"),
        (["SSL certificate problem: certificate of {v} has expired"], "Whose certificate has expired?",
         "Whom can't we trust?")],
    "de": [(["Fehler: Zugriff auf {v} verweigert"], "Auf was wurde der Zugriff verweigert?",
            "Was durfte er nicht öffnen?"),
           (["FEHLGESCHLAGEN: Prüfung {v} nach 3 Versuchen abgebrochen"],
            "Welche Prüfung wurde nach 3 Versuchen abgebrochen?", "Was ging schief?")],
    "zh": [(["错误: 无法打开文件 {v}"], "无法打开哪个文件?", "什么东西坏了?"),
           (["任务 {v} 执行失败,已回滚"], "哪个任务执行失败已回滚?", "出了什么事?")],
    "ja": [(["エラー: {v} に接続できません"], "どこに接続できませんか?", "何が壊れましたか?"),
           (["処理 {v} が失敗しました(終了コード 4)"], "失敗した処理はどれですか?", "何が起きましたか?")],
    "ru": [(["Ошибка: не удалось открыть {v}"], "Что не удалось открыть?", "Что сломалось?"),
           (["Сбой при проверке {v}: превышено время ожидания"], "При проверке чего был сбой?", "Что не так?")],
}


def embed(r, lines, planted):
    """The planted lines somewhere in the inner half, in one piece."""
    at = r.randint(len(lines) // 4, max(len(lines) // 4, 3 * len(lines) // 4))
    return lines[:at] + planted + lines[at:]


def as_json(r, line, indent):
    """A long answer of an interface with a note in one of its records."""
    many = records(r, r.randint(14, 34))
    many[r.randint(len(many) // 4, 3 * len(many) // 4)]["note"] = line
    return json.dumps({"items": many, "next": None}, indent=indent, ensure_ascii=False)
