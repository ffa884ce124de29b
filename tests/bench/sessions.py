"""Conversations whose important parts are known, made from a seed.

agent_session: 40 turns and more of a user, an assistant and its tools, with facts of five kinds
hidden in them. dialogue: two people who talk for long, with questions and the turns that answer
them. The words are this repository's own, and so are the files that tools seem to read.
"""
import json
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEED = 20260101
KINDS = ("constraint", "decision", "error", "value", "duplicate")

PLACES = ("ingest", "billing", "search", "mailer", "gateway", "archive", "sandbox", "ledger",
          "catalog", "thumbnail", "webhook", "scheduler", "replica", "session", "export", "audit",
          "invoice", "telemetry", "staging", "checkout")
THINGS = ("bucket", "queue", "shard", "cluster", "worker", "certificate", "index", "volume",
          "topic", "pipeline", "tenant", "cache", "listener", "snapshot", "runner", "mirror")
TRAITS = ("retention window", "port number", "checksum", "owner code", "batch size", "build label",
          "lease timeout", "region code", "quota ceiling", "schema version", "ticket number",
          "access token prefix", "memory ceiling", "replication factor", "rollout window")
# The same said with other words, none of which the text has.
OTHER = {"retention window": "how long things are held before deletion",
         "port number": "which socket address it answers on", "checksum": "fingerprint of it",
         "owner code": "who is responsible", "batch size": "how many go together",
         "build label": "what the compiled release is called",
         "lease timeout": "when a hold lapses", "region code": "geography it lives at",
         "quota ceiling": "most one may consume", "schema version": "shape of its rows",
         "ticket number": "where work is tracked", "access token prefix": "start of its secret",
         "memory ceiling": "RAM allowed", "replication factor": "copies held",
         "rollout window": "time it goes live"}
TASKS = ("Please look into {f} and tell me what it does.", "Can you check {f} next?",
         "Continue with {f}.", "Have a look at {f} as well, I think it matters.",
         "What about {f}?", "Now read {f} and compare.")
REPLIES = ("I read {f}; it is as expected and nothing in it needs to change for now.",
           "{f} looks fine. I will move on to the next part.",
           "Done with {f}. The structure is similar to what we saw before.",
           "Here is what {f} does: it wires the parts together and validates input.")
CONSTRAINTS = ("One more thing: the {t} of the {p} {n} must stay {v}.",
               "Never change the {t} of the {p} {n}; it is {v} for a reason.",
               "Important: keep {v} as the {t} of the {p} {n}, whatever else happens.",
               "Do not touch the {p} {n}: its {t} has to remain {v}.",
               "Please use {v} as {t} for the {p} {n}.")
DECISIONS = ("I decided to set the {t} of the {p} {n} to {v}.",
             "Decision: {t} of the {p} {n} is {v}, because the alternative was slower.",
             "We will go with {v} as the {t} of the {p} {n}; I chose it over the default.",
             "Plan: the {p} {n} gets {v} as its {t}.")
ERRORS = ("error: {p} {n} rejected: {t} {v} is out of range",
          "ERROR [{p}] {n} failed, {t} was {v}",
          "RuntimeError: {p} {n} cannot start ({t}={v})",
          "fatal: {p} {n}: bad {t} {v}",
          "make: *** [{p}-{n}] {t} {v} Error 2: exit status 2")
VALUES = ("{p}_{n}.{tt} = {v}", "the {p} {n} reports {t} {v}", "{p}/{n}: {t}: {v}",
          "# {t} of the {p} {n} is {v}")


def _value(r):
    return r.choice((
        lambda: f"{r.choice('QXZKV')}{r.choice('QXZKV')}-{r.randrange(10000, 99999)}",
        lambda: f"{r.randrange(16 ** 9, 16 ** 10):x}",
        lambda: f"{r.randrange(20000, 64000)}",
        lambda: f"v{r.randrange(2, 60)}.{r.randrange(100)}.{r.randrange(100, 999)}",
        lambda: f"/srv/{r.choice(PLACES)}/{r.randrange(1000, 9999)}.{r.choice(('db', 'log', 'pem'))}",
    ))()


def _files():
    names = sorted(p for top in ("common", "services", "docs", "tests/unit", "tests/integration")
                   for p in (ROOT / top).rglob("*") if p.suffix in (".c", ".h", ".py", ".md"))
    return [(str(p.relative_to(ROOT)), p.read_text().split("\n")) for p in names]


FILES = None


def _filler(r, least, most):
    global FILES
    FILES = FILES or [f for f in _files() if len(f[1]) > 60]
    name, lines = r.choice(FILES)
    n = r.randrange(least, most)
    at = r.randrange(max(1, len(lines) - n))
    return name, lines[at:at + n]


class Fact:
    def __init__(self, r, kind, used):
        while True:
            self.place, self.thing, self.trait = (r.choice(PLACES), r.choice(THINGS),
                                                  r.choice(TRAITS))
            if (self.place, self.thing) not in used:
                used.add((self.place, self.thing))
                break
        self.kind, self.value = kind, _value(r)

    def say(self, r, forms):
        return r.choice(forms).format(p=self.place, n=self.thing, t=self.trait, v=self.value,
                                      tt=self.trait.replace(" ", "_"))

    def named(self):
        return f"What is the {self.trait} of the {self.place} {self.thing}?"

    def paraphrased(self):
        return f"Remind me: {OTHER[self.trait]}?"


def _call(r, n, name, dialect):
    args = {"path": name}
    if dialect == "anthropic":
        return {"role": "assistant", "content": [
            {"type": "text", "text": f"Reading {name}."},
            {"type": "tool_use", "id": f"toolu_{n}", "name": "read_file", "input": args}]}
    return {"role": "assistant", "content": f"Reading {name}.", "tool_calls": [
        {"id": f"call_{n}", "type": "function",
         "function": {"name": "read_file", "arguments": json.dumps(args)}}]}


def _result(n, text, dialect):
    if dialect == "anthropic":
        return {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": f"toolu_{n}", "content": text}]}
    return {"role": "tool", "tool_call_id": f"call_{n}", "content": text}


def agent_session(seed, turns=40, dialect="openai", lines=(40, 150)):
    """(messages, facts): the last message asks nothing in particular."""
    r = random.Random(SEED * 1000 + seed)
    used = set()
    facts = [Fact(r, kind, used) for kind, n in zip(KINDS, (4, 3, 3, 4, 3)) for _ in range(n)]
    at = {}
    for f in facts:
        at.setdefault(r.randrange(1, turns - 6), []).append(f)
    messages = [] if dialect == "anthropic" else [
        {"role": "system", "content": "You are a careful engineer who works with tools."}]
    repeats, n = [], 0
    for turn in range(turns):
        name, text = _filler(r, *lines)
        here = at.get(turn, [])
        ask = r.choice(TASKS).format(f=name)
        answer = r.choice(REPLIES).format(f=name)
        for f in here:
            if f.kind == "constraint":
                ask += " " + f.say(r, CONSTRAINTS)
            if f.kind == "decision":
                answer += " " + f.say(r, DECISIONS)
            if f.kind in ("value", "duplicate"):
                text.insert(r.randrange(len(text) // 4, len(text)), f.say(r, VALUES))
            if f.kind == "error":
                text.insert(r.randrange(len(text) // 4, len(text)), f.say(r, ERRORS))
        messages += [{"role": "user", "content": ask}, _call(r, n, name, dialect),
                     _result(n, "\n".join(text), dialect),
                     {"role": "assistant", "content": answer}]
        n += 1
        if any(f.kind == "duplicate" for f in here):
            repeats.append((turn + r.randrange(1, 5), name, "\n".join(text)))
        for due, name, old in [x for x in repeats if x[0] == turn]:
            messages += [{"role": "user", "content": f"Read {name} again, please."},
                         _call(r, n, name, dialect), _result(n, old, dialect),
                         {"role": "assistant", "content": "It has not changed."}]
            n += 1
    messages.append({"role": "user", "content": "Good. Go on with what is left to do."})
    return messages, facts


PEOPLE = ("Mara", "Jonas", "Priya", "Teo", "Lena", "Omar", "Inga", "Ravi", "Noor", "Felix")
# What is talked about: how it is told, how it is asked, details that only this turn has.
TOPICS = (
    ("pottery", "glazed a {c} bowl", "made something of clay", ("kiln", "studio", "wheel")),
    ("running", "ran {n} kilometres along the {c} canal", "went for a long run",
     ("shoes", "training", "coach")),
    ("violin", "played the slow movement for {f}", "performed on the violin",
     ("strings", "teacher", "bow")),
    ("gardening", "planted {n} rows of {c} tomatoes", "worked in the garden",
     ("shed", "seeds", "compost")),
    ("wedding", "booked the {c} farmhouse for the wedding", "arranged the wedding",
     ("cake", "guests", "dress")),
    ("baking", "baked {n} loaves of {c} bread", "was baking", ("oven", "dough", "starter")),
    ("dog", "adopted a {c} whippet from the shelter", "took in a pet", ("leash", "vet", "paws")),
    ("writing", "rewrote chapter {n} on the ferry", "was working on the novel",
     ("editor", "draft", "plot")),
    ("climbing", "climbed the {c} route with {f}", "was at the climbing wall",
     ("rope", "grip", "harness")),
    ("choir", "sang in the {c} granary", "gave a concert", ("alto", "score", "rehearsal")),
    ("photography", "developed {n} rolls from the harbour", "was in the darkroom",
     ("camera", "lens", "film")),
    ("cycling", "replaced the {c} chain and both brakes", "repaired the bicycle",
     ("wheel", "saddle", "pump")),
    ("chess", "lost to {f} in round {n}", "competed in the chess tournament",
     ("board", "opening", "clock")),
    ("bees", "moved {n} hives to the {c} orchard", "looked after the bees",
     ("honey", "queen", "smoker")),
    ("museum", "was offered the {c} post at the museum", "had a job interview",
     ("curator", "salary", "contract")),
    ("painting", "hung {n} canvases in the town hall", "had an exhibition",
     ("brush", "gallery", "frame")),
)
SMALL = ("That sounds lovely, tell me more about it sometime.", "Ha, I can imagine that very well.",
         "I have been tired all week, to be honest.", "The weather here has been awful again.",
         "How are things at home these days?", "You always find something new to do.",
         "I should really call more often.", "We must meet for coffee soon.",
         "Work has been busy, but I manage.", "I am glad you said that.",
         "Same here, the days just fly by.", "Let me know how it goes, will you?")
MORE = ("It took longer than I thought, but I am proud of it.", "Honestly it was the best day "
        "of the month.", "I was nervous the whole time.", "My hands still hurt from it.",
        "Everyone was so kind about it.", "I would do it again tomorrow.")
COLOURS = ("blue", "yellow", "old", "grey", "green", "little", "red", "crooked")
FRIENDS = ("my cousin", "a neighbour", "Ana", "old Mr Brandt", "the twins", "my colleague", "Yusuf")
WHEN = ("last Tuesday", "in March", "two weeks ago", "on Sunday", "yesterday", "this morning",
        "over the summer")


def _exchange(r, who, other, topic):
    """Turns about one thing, one of which is worth asking for: (turns, question, evidence)."""
    name, told, asked, beside = topic
    friend, when = r.choice(FRIENDS), r.choice(WHEN)
    told = told.format(c=r.choice(COLOURS), n=r.randrange(3, 40), f=friend)
    form = r.randrange(4)
    if form == 0:  # the turn says it all
        turns = [(who, f"{when.capitalize()} I {told}. {r.choice(MORE)}")]
        return turns, f"What did {who} say about the {name}? What happened {when}?", 0
    if form == 1:  # asked with other words, and what is near tells
        turns = [(other, f"How is the {name} going? Still struggling with the {r.choice(beside)}?"),
                 (who, f"Not any more! I {told} {when}. {r.choice(MORE)}")]
        return turns, f"When was it that {who} {asked}?", 1
    if form == 2:  # the answer has none of the question's words
        turns = [(other, f"Who came along when you {told}, {who}?"),
                 (who, f"Only {friend}, {when}. {r.choice(MORE)}")]
        return turns, f"With whom {'did' if r.random() < .5 else 'has'} {who} {told}?", 1
    turns = [(who, f"I {told}, and the {r.choice(beside)} was the hardest part."),
             (other, f"{r.choice(SMALL)} The {r.choice(beside)}, too?"),
             (who, f"Yes, {friend} helped me with that {when}.")]
    return turns, f"Who helped {who} with the {name} and the {beside[0]}?", 2


def dialogue(seed, turns=500, questions=60):
    """(messages, [(question, [text of the turn that answers])])"""
    r = random.Random(SEED * 2000 + seed)
    a, b = r.sample(PEOPLE, 2)
    said, asked = [], []
    while len(said) < turns:
        who, other = r.sample((a, b), 2)
        chance = r.random()
        if chance < 0.55:
            topic = r.choice(TOPICS)
            new, question, at = _exchange(r, who, other, topic)
            asked.append((question, len(said) + at))
            said += new
        elif chance < 0.75:
            topic = r.choice(TOPICS)
            said.append((who, f"The {topic[0]} keeps me busy, {r.choice(topic[3])} and all. "
                              f"{r.choice(SMALL)}"))
        else:
            said.append((who, r.choice(SMALL)))
    texts = [f"{who}: {text}" for who, text in said]
    messages = [{"role": "user" if who == a else "assistant", "content": text}
                for (who, _), text in zip(said, texts)]
    r.shuffle(asked)
    return messages, [(q, [texts[at]]) for q, at in asked[:questions]]
