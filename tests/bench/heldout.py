"""Sessions to check condensing with that nobody looked at while it was written.

An agent's work in seven trades and five languages: answers of tools as text or blocks, calls in
parallel, thinking, long JSON. Facts of five kinds are planted: what the user demands, what the
assistant decides, what fails, values within long answers, and remarks in passing. Everything
follows from SEED. The dialogues are in heldout_talks.py.
"""
import json
import random

import heldout_outputs as outputs
import heldout_words as words

SEED = "held-out-1"
STYLES = ("python", "rust", "web", "incident", "data", "support", "research")
LANGUAGES = ("en", "de", "zh", "ja", "ru")


class Fact:
    def __init__(self, kind, value, named, paraphrased):
        self.kind, self.value = kind, value
        self._named, self._paraphrased = named, paraphrased

    def named(self):
        return self._named

    def paraphrased(self):
        return self._paraphrased


def value(r, kind):
    n, w = r.randint(1000, 99999), r.choice(outputs.NOUNS)
    return {
        "ident": lambda: r.choice((f"{w}_{r.choice(outputs.NOUNS)}_v{n}", f"{w[:4].upper()}-{n}",
                                   f"{r.randrange(16**10):010x}", f"{w}{n}")),
        "number": lambda: r.choice((f"{n} ms", f"{n / 100:.2f} MB", f"{n / 1000:.3f} %", f"{n} rows")),
        "path": lambda: r.choice((f"/srv/{w}/{n}/", f"data/{w}-{n}.parquet", f"~/{w}/{r.choice(outputs.NOUNS)}{n}.toml")),
        "host": lambda: r.choice((f"{w}-{n}.internal", f"10.{n % 250}.{r.randint(1, 250)}.{r.randint(1, 250)}:{n}")),
        "date": lambda: f"{r.randint(1, 28)} {r.choice(('March', 'June', 'October'))} 20{n % 60 + 30}, {n % 24:02}:{r.randint(10, 59)}",
        "word": lambda: "".join(r.choice("bdfgklmnprstvz") + r.choice("aeiou") for _ in range(3)).capitalize(),
        "version": lambda: f"{w} {n % 20}.{n % 97}.{r.randint(0, 999)}",
        "branch": lambda: f"release/{w}-{n}",
        "email": lambda: f"{w}.{r.choice(outputs.NOUNS)}{n}@example.org",
        "money": lambda: f"€ {n % 90 + 1},{r.randint(100, 999)}.{r.randint(10, 99)}",
    }[kind]()


class Session:
    """A neutral course of events, written down in either dialect."""

    def __init__(self, n, style, language, dialect):
        self.r = random.Random(f"{SEED}/{n}/{style}/{language}")
        self.style, self.language, self.dialect = style, language, dialect
        self.messages, self.facts, self.calls, self.used = [], [], 0, set()
        self.blocks = self.r.random() < 0.5
        self.thinks = dialect == "anthropic" and self.r.random() < 0.5

    # -- planting

    def fresh(self, kind):
        while True:
            v = value(self.r, kind)
            if v not in self.used:
                self.used.add(v)
                return v

    def draw(self, table, kind, n):
        rows = table[self.language] if self.r.random() < 0.8 else table["en"]
        rows = self.r.sample(rows, min(n, len(rows)))
        rows += self.r.sample(table["en"], n - len(rows))
        return [self.note(kind, v_kind, (text,), named, other)[0]
                for v_kind, text, named, other in rows]

    def note(self, kind, v_kind, lines, named, other, **slots):
        v = self.fresh(v_kind)
        self.facts.append(Fact(kind, v, named.format(**slots), other.format(**slots)))
        return [line.format(v=v, **slots) for line in lines]

    def error(self):
        pool = list(outputs.ERRORS[self.style])
        if self.language != "en":
            pool += outputs.ERRORS[self.language] * 2
        lines, named, other = self.r.choice(pool)
        a, b = outputs.name(self.r, "camel"), outputs.name(self.r)
        return self.note("error", "ident", lines, named, other, a=a, b=b, n=self.r.randint(100, 9999))

    def plain(self, kind="value"):
        v_kind = self.r.choice(list(outputs.VALUES))
        line, named, other = self.r.choice(outputs.VALUES[v_kind])
        s = f"{self.r.choice(outputs.ADJECTIVES)} {self.r.choice(outputs.NOUNS)} {self.r.choice(outputs.NOUNS)}"
        return self.note(kind, v_kind, (line,), named, other, s=s)

    # -- writing down

    def fill(self, text):
        things = words.THINGS[self.language]
        return text.format(a=self.r.choice(things), b=self.r.choice(things))

    def prose(self, table, low, high):
        n = self.r.randint(low, high)
        return [self.fill(self.r.choice(table[self.language])) for _ in range(n)]

    def small_talk(self, low, high):
        """Of the user: sentences with many words and numbers, and nothing to remember."""
        if self.language != "en":
            return self.prose(words.CHATTER, low, high)
        r = self.r
        return [(f"{r.choice(words.WHEN)} {r.choice(words.WHO)} {r.choice(words.DID)} the "
                 f"{r.choice(words.THINGS['en'])}, {r.choice(words.MANNER)}.").replace("{n}", str(r.randint(2, 40)))
                for _ in range(r.randint(low, high))]

    def musing(self, low, high):
        """Of the assistant: what it sees, which is not what it decides."""
        if self.language != "en":
            return self.prose(words.SAYS, low, high)
        return [self.fill(self.r.choice(words.SEEMS).replace("{n}", str(self.r.randint(2, 400))))
                for _ in range(self.r.randint(low, high))]

    def user(self, text):
        if self.dialect == "anthropic" and self.messages and self.messages[-1]["role"] == "user":
            self.messages[-1]["content"].append({"type": "text", "text": text})
        elif self.blocks:
            self.messages.append({"role": "user", "content": [{"type": "text", "text": text}]})
        else:
            self.messages.append({"role": "user", "content": text})

    def step(self, text, results):
        """The assistant says something and calls tools; each result is (name, arguments, text)."""
        ids = []
        for _ in results:
            self.calls += 1
            ids.append(("call_" if self.dialect == "openai" else "toolu_") + f"{self.calls:06}")
        if self.dialect == "openai":
            self.messages.append({"role": "assistant", "content": text or None, "tool_calls": [
                {"id": i, "type": "function", "function": {"name": n, "arguments": json.dumps(a)}}
                for i, (n, a, _) in zip(ids, results)]})
            for i, (_, _, t) in zip(ids, results):
                content = [{"type": "text", "text": t}] if self.blocks else t
                self.messages.append({"role": "tool", "tool_call_id": i, "content": content})
            return
        content = []
        if self.thinks and self.r.random() < 0.5:
            content.append({"type": "thinking", "thinking": " ".join(self.prose(words.SAYS, 1, 3)),
                            "signature": f"{self.r.randrange(16**40):040x}"})
        if text:
            content.append({"type": "text", "text": text})
        content += [{"type": "tool_use", "id": i, "name": n, "input": a} for i, (n, a, _) in zip(ids, results)]
        self.messages.append({"role": "assistant", "content": content})
        self.messages.append({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": i,
             "content": [{"type": "text", "text": t}] if self.blocks else t} for i, (_, _, t) in zip(ids, results)]})

    def say(self, text):
        self.messages.append({"role": "assistant", "content": text})

    def output(self, planted):
        """A tool's long answer around planted lines."""
        r, n = self.r, self.r.randint(24, 90)
        if len(planted) == 1 and r.random() < 0.15:
            return outputs.as_json(r, planted[0], r.choice((None, None, 2)))
        make = r.choice(outputs.OUTPUTS[self.style])
        if make is outputs.page:
            lines = outputs.page(r, n // 3, self.language)
        else:
            lines = make(r, n)
        lines = outputs.embed(r, lines, planted)
        if make in (outputs.python_source, outputs.rust_source, outputs.brace_source) and r.random() < 0.5:
            lines = outputs.numbered(lines, r.randint(1, 300))
        return "\n".join(lines)


TOOLS = {"python": "read_file run_tests search", "rust": "read cargo search", "web": "open shell find",
         "incident": "shell kubectl sql", "data": "run_cell query", "support": "crm kb_lookup",
         "research": "fetch web_search"}


def around(r, sentences, planted):
    """The planted sentence among others: last, first, in between or in its own paragraph."""
    at = r.randint(0, len(sentences))
    joiner = r.choice((" ", " ", "\n\n", "\n- "))
    return joiner.join(sentences[:at] + [planted] + sentences[at:])


def agent_session(n, style=None, language=None, dialect="openai"):
    style = style or STYLES[n % len(STYLES)]
    language = language or LANGUAGES[n // 2 % len(LANGUAGES)]
    s = Session(n, style, language, dialect)
    r = s.r
    steps = r.randint(40, 56)
    demands = s.draw(words.CONSTRAINTS, "constraint", 4)
    decisions = s.draw(words.DECISIONS, "decision", 4)
    remarks = s.draw(words.REMARKS, "remark", 1)
    twice = s.plain("repeated")
    planted = [s.error() for _ in range(4)] + [s.plain() for _ in range(4)] + [twice]
    at_step = dict(zip(r.sample(range(2, steps - 8), len(planted)), planted))
    first = next(i for i, lines in at_step.items() if lines is twice)
    repeat_at = r.choice([i for i in range(first + 1, steps) if i not in at_step])
    says = dict(zip(r.sample(range(3, steps - 8), len(decisions)), decisions))
    turns = sorted(r.sample(range(3, steps - 4), 9))
    asks = dict(zip(r.sample(turns[:-1], len(demands) - 1 + len(remarks)), demands[1:] + remarks))
    if dialect == "openai":
        s.messages.append({"role": "system", "content": "You are a careful assistant. Use the tools."})
    talks = r.choice((1, 1, 2, 6))  # how much is said beside what matters
    s.user(s.fill(words.TASKS[language]) + " " + around(r, s.small_talk(1, 2 * talks), demands[0]))
    for i in range(steps):
        if i in turns:
            if i not in says and r.random() < 0.5:
                s.say(" ".join(s.prose(words.SAYS, 1, 2) + s.musing(0, talks)))
            extra = s.small_talk(talks // 2, talks)
            s.user(around(r, extra, asks[i]) if i in asks else " ".join(extra + s.prose(words.ASKS, 1, 1)))
        text = " ".join(s.prose(words.SAYS, 0, 1) + s.musing(talks // 2, talks - 1))
        if i in says:
            text = around(r, s.prose(words.SAYS, 0, 1) + s.musing(0, talks), says[i])
        answer = s.output(at_step.get(i, []))
        if i == first:
            repeated = answer
        if i == repeat_at:
            answer = repeated
        results = [(r.choice(TOOLS[style].split()), {"target": outputs.name(r), "limit": r.randint(1, 500)}, answer)]
        if r.random() < 0.15:
            results.append((r.choice(TOOLS[style].split()), {"target": outputs.name(r)}, s.output([])[:900]))
        s.step(text, results)
    s.say(" ".join(s.prose(words.SAYS, 1, 2)))
    s.user(s.prose(words.ASKS, 1, 1)[0])
    return s.messages, s.facts
