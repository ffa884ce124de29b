"""Two friends write to each other over months; questions, each with the turns that answer it.

A scene is an exchange with open places; a question belongs to turns of its scene, or to all turns
of a person in which places of one sort were filled (what several turns answer together). How the
turns become messages varies: the name in front, with or without the date.
"""
import random

SEED = "held-out-1"

FILL = {
    "craft": "weaving,wood carving,bookbinding,calligraphy,glassblowing,felting,basketry,origami".split(","),
    "town": "Lisbon,Tromsø,Kyoto,Oaxaca,Ghent,Halifax,Tbilisi,Cusco,Bergen,Perth,Naples,Hanoi".split(","),
    "pet": "a tortoise,two ferrets,a grey parrot,a beagle,a three-legged cat,a gecko,a pony".split(","),
    "petname": "Biscuit,Olive,Pepper,Nimbus,Tofu,Maple,Clover,Ziggy".split(","),
    "dish": "ramen,pierogi,jollof rice,mushroom risotto,peach cobbler,shakshuka,tamales,laksa".split(","),
    "tune": "the cello,the accordion,the banjo,the trumpet,the harp,the ukulele".split(","),
    "book": "Middlemarch,Solaris,The Leopard,Piranesi,Persuasion,The Waves,Stoner,Kindred".split(","),
    "kin": "grandfather,aunt Rosa,cousin Petra,stepbrother,godmother,sister Ines,uncle Karl".split(","),
    "sport": "rowing,fencing,bouldering,badminton,archery,curling,water polo".split(","),
    "firm": "a bakery,the city archive,a solar start-up,the harbour office,a law firm,a school".split(","),
    "pain": "a sprained ankle,a broken wrist,migraine,back trouble,a torn ligament".split(","),
    "tree": "lemon tree,fig,dwarf apple,bonsai maple,olive".split(","),
    "day": "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday".split(","),
    "month": "January,February,March,April,May,June,July,August,September,October".split(","),
    "thing": "lamp,typewriter,armchair,radio,bicycle,wall clock,sewing machine,record player".split(","),
    "cause": "the food bank,the animal shelter,the library,the river clean-up,the hospice".split(","),
    "band": "the Paper Kites,Tinariwen,a brass quartet,Portishead,a gospel choir,Sigur Rós".split(","),
    "course": "marine biology,sign language,bookkeeping,photography,first aid,Portuguese".split(","),
    "fear": "flying,deep water,heights,speaking in public,spiders".split(","),
    "colour": "teal,mustard,crimson,lilac,charcoal,mint".split(","),
    "film": "Amélie,Spirited Away,Stalker,Paddington,Metropolis,Casablanca".split(","),
    "gift": "a telescope,a scarf,an old map,a chess set,a teapot,concert tickets".split(","),
    "game": "Catan,Go,bridge,Scrabble,mahjong,Carcassonne".split(","),
    "num": "three,four,five,six,seven,eight,nine,eleven,twelve,fourteen".split(","),
}

# Speaker and text by turn; "a" opens. Then questions: text, the turns that answer it.
SCENES = [
    ([("a", "Guess what, I signed up for {craft} last {day}! My hands were shaking the whole first hour."),
      ("b", "No way! What gave you the idea?"),
      ("a", "My {kin} did it every winter by the stove. It felt like sitting next to them again."),
      ("b", "That is lovely. Bring something along when we meet.")],
     [("When did {a} sign up for {craft}?", [0]), ("Who inspired {a} to take up {craft}?", [2])]),
    ([("a", "We came back from {town} yesterday, and I still have sand in my shoes."),
      ("b", "Lucky you! What did you like best?"),
      ("a", "Getting lost in the old market. And we met a man who repairs {thing}s on the street, in the rain!"),
      ("b", "Sounds like one of your stories. Did you take pictures?"),
      ("a", "About {num} hundred, I'm afraid.")],
     [("When did {a} come back from {town}?", [0]), ("What did {a} like best about the trip to {town}?", [2])]),
    ([("b", "How are things at home?"),
      ("a", "Louder than before: since {day} we have {pet}. The kids named it {petname} before I could say a word."),
      ("b", "{petname}! I need to see that."),
      ("a", "It sleeps in my {thing} box and thinks that it owns the flat.")],
     [("What pet does {a} have?", [1]), ("Where does {petname} sleep?", [3])]),
    ([("a", "I made {dish} for {num} people on {day}, can you believe it?"),
      ("b", "From scratch? You couldn't boil an egg when we met."),
      ("a", "From my {kin}'s notebook. The secret is to let it rest overnight."),
      ("b", "I'm inviting myself next time.")],
     [("For how many people did {a} make {dish}?", [0]), ("Where did {a} get the recipe for {dish}?", [2])]),
    ([("b", "Do you still play in the evenings?"),
      ("a", "Not the old one any more. I've gone over to {tune}, my neighbours are very patient people."),
      ("b", "Ha! How long have you been at it?"),
      ("a", "Since {month}, and I can do {num} songs if nobody listens too closely.")],
     [("What instrument does {a} play now?", [1]), ("Since when has {a} been learning {tune}?", [3])]),
    ([("a", "I couldn't put down {book}, finished it at four in the morning."),
      ("b", "Is it the one that your {kin} kept talking about?"),
      ("a", "Yes, and they were right. The ending made me cry on the tram."),
      ("b", "Adding it to my pile.")],
     [("Which book did {a} read until four in the morning?", [0]), ("What made {a} cry on the tram?", [2])]),
    ([("b", "You look tired, if I may say so."),
      ("a", "It's been a hard week. My {kin} passed away on {day}."),
      ("b", "Oh no, I'm so sorry. Were you close?"),
      ("a", "Very. They taught me {sport} when I was {num}, it's most of what I remember of being small."),
      ("b", "Then that's what will stay.")],
     [("Who of {a}'s family passed away?", [1]), ("Who taught {a} {sport}?", [3, 1])]),
    ([("a", "Big news: I start at {firm} in {month}!"),
      ("b", "Congratulations!! What will you do there?"),
      ("a", "Look after the books and whoever walks in. It's less money, but I can go by bicycle."),
      ("b", "That is worth a lot.")],
     [("When does {a} start at {firm}?", [0]), ("What will {a} do at {firm}?", [2])]),
    ([("b", "Are you coming to the race?"),
      ("a", "I can't, I've got {pain} since {day}. The doctor says {num} weeks."),
      ("b", "Ouch. How did it happen?"),
      ("a", "Carrying a {thing} down the stairs for a neighbour. No good deed and so on.")],
     [("Why can't {a} come to the race?", [1]), ("How did {a} get {pain}?", [3])]),
    ([("a", "The {tree} on my balcony has its first fruit!"),
      ("b", "After how long?"),
      ("a", "{num} years. My {kin} gave it to me when I moved in."),
      ("b", "Patience rewarded.")],
     [("Who gave {a} the {tree}?", [2]), ("What happened to {a}'s {tree}?", [0])]),
    ([("a", "I found a {thing} from the fifties at the flea market on {day}."),
      ("b", "Does it work?"),
      ("a", "It does now. I spent {num} evenings with a screwdriver and a video from {town}."),
      ("b", "You should do that for a living.")],
     [("What did {a} find at the flea market?", [0]), ("How long did it take {a} to repair the {thing}?", [2])]),
    ([("a", "Spent {day} helping out at {cause}. I'm exhausted and happy."),
      ("b", "What did you have to do?"),
      ("a", "Sorting, mostly, and listening. An old lady told me how she crossed the border in a laundry van."),
      ("b", "Imagine having that in your life.")],
     [("Where did {a} volunteer?", [0]), ("What did the old lady at {cause} tell {a}?", [2])]),
    ([("a", "We saw {band} live on {day}!!"),
      ("b", "I'm green with envy. Who went with you?"),
      ("a", "My {kin}, who slept through the second half. I danced enough for both."),
      ("b", "Ha ha, of course you did.")],
     [("Which concert did {a} go to?", [0]), ("With whom did {a} see {band}?", [2])]),
    ([("a", "I'm taking an evening course in {course}, starting next {day}."),
      ("b", "What for? For work?"),
      ("a", "No, because I want to be able to talk with the son of my neighbours, in a way."),
      ("b", "You never cease to surprise me.")],
     [("What course does {a} take?", [0]), ("Why does {a} take the course in {course}?", [2])]),
    ([("b", "Will you take the plane?"),
      ("a", "You know that I'm afraid of {fear}, but this time I want to try."),
      ("b", "What helps?"),
      ("a", "Counting backwards, and {petname} the plush bear, don't laugh.")],
     [("What is {a} afraid of?", [1]), ("What helps {a} against the fear of {fear}?", [3])]),
    ([("a", "We painted the kitchen {colour} over the weekend."),
      ("b", "Bold! Whose idea was that?"),
      ("a", "Mine, after the second glass. My {kin} says it looks like a submarine."),
      ("b", "I want to see the submarine.")],
     [("What colour is {a}'s kitchen?", [0]), ("What does {a}'s {kin} say about the kitchen?", [2])]),
    ([("b", "What are you watching these days?"),
      ("a", "{film}, again. It's my comfort after long shifts."),
      ("b", "How many times now?"),
      ("a", "{num}, I think. I know the dialogues by heart.")],
     [("Which film does {a} watch for comfort?", [1]), ("How many times has {a} seen {film}?", [3, 1])]),
    ([("a", "Thank you for {gift}! It came on {day}, all in one piece."),
      ("b", "I was worried that it would break. Do you like it?"),
      ("a", "Like it? It has the place of honour beside the {thing}."),
      ("b", "Then my birthday duty is done.")],
     [("What did {b} give {a} for the birthday?", [0]), ("Where did {a} put {gift}?", [2, 0])]),
    ([("a", "Our {game} evening has grown to {num} people."),
      ("b", "Do you still meet at yours?"),
      ("a", "No, in the back room of the pub, each {day}. They keep the stove going for us."),
      ("b", "I'd come if it weren't so far.")],
     [("Where does {a} meet for {game}?", [2]), ("How many people come to {a}'s {game} evening?", [0])]),
    ([("b", "Any plans for the summer?"),
      ("a", "Cycling to {town} with my {kin}, if the knees allow."),
      ("b", "How far is that?"),
      ("a", "{num} hundred kilometres, in as many days as it takes.")],
     [("Where does {a} plan to cycle?", [1]), ("How far does {a} want to cycle?", [3, 1])]),
    ([("a", "I lost my wallet on {day}, on the bus, with everything in it."),
      ("b", "Oh no. Did it turn up?"),
      ("a", "A boy brought it to my door, he wanted nothing but to see {petname}."),
      ("b", "There's hope for the world.")],
     [("When did {a} lose the wallet?", [0]), ("Who found {a}'s wallet?", [2])]),
    ([("a", "I quit smoking, {num} weeks now."),
      ("b", "I am proud of you! What do you do with your hands?"),
      ("a", "{craft}, believe it or not. Everybody gets a present this year."),
      ("b", "I'd like mine in {colour}.")],
     [("How long ago did {a} quit smoking?", [0]), ("What does {a} do instead of smoking?", [2, 0])]),
    ([("b", "And the exam?"),
      ("a", "Passed! Better than I feared: second of {num}."),
      ("b", "I knew it! How will you celebrate?"),
      ("a", "With {dish} at the place by the canal, {day} night. Join us?")],
     [("How did {a} do in the exam?", [1]), ("How does {a} celebrate the exam?", [3])]),
    ([("a", "My {kin} is moving to {town} in {month}, and I don't know how to feel about it."),
      ("b", "Because of work?"),
      ("a", "Because of love, which is worse, since one can't argue with it."),
      ("b", "You'll visit, and I'll come along.")],
     [("Who is moving to {town}?", [0]), ("Why is {a}'s {kin} moving?", [2, 0])]),
    ([("a", "We had no power from {day} to yesterday, the storm took the line down."),
      ("b", "How did you manage?"),
      ("a", "Candles, and {game} with the whole house on the stairs. It was the best week in a while."),
      ("b", "Now I almost want a storm too.")],
     [("Why did {a} have no power?", [0]), ("What did {a} do without power?", [2])]),
    ([("b", "You went running? You?"),
      ("a", "I did! I've joined a {sport} club, and they make us run first."),
      ("b", "Which one?"),
      ("a", "The one behind {firm}, every {day} at six in the morning.")],
     [("What club did {a} join?", [1]), ("When does {a}'s club train?", [3])]),
]

# Questions that several turns answer together: the sort of place, whose, the question.
TOGETHER = [
    ("craft", "What crafts has {a} tried?"), ("town", "Which places has {a} been to or wants to go to?"),
    ("dish", "What has {a} been cooking or eating?"), ("kin", "Which relatives does {a} mention?"),
    ("sport", "What sports does {a} do?"), ("course", "What is {a} learning?"),
    ("cause", "Where does {a} help others?"), ("game", "Which games does {a} play?"),
]

SMALL = [
    "Hey {o}! Long time no see, how have you been?", "Good to hear from you. All well on this side.",
    "I was thinking of you on the way here, there was a song in the shop that we used to like.",
    "The weather is doing what it wants again, I carry an umbrella and sunglasses.",
    "Work is work. There was cake, at least.", "Did you sleep? I didn't, the moon was far too bright.",
    "Sorry for the late answer, the phone was in the other coat.", "You always know what to say.",
    "It's the small things, isn't it? A good loaf, a short queue.", "Tell me more, I have time.",
    "I couldn't agree more.", "That made me laugh out loud in the waiting room.",
    "We should do this more often.", "I have to run, the soup is boiling over. Talk soon!",
    "Take care, {o}, and say hello at home.", "Sometimes I wonder how we got this old without growing up.",
    "My mother says hi. She asks each time whether you eat enough.", "One day at a time, as they say.",
    "I've been trying to spend less time with the news, and it's good for me.",
    "That's wonderful, I'm really glad for you!", "Wow, I didn't see that coming.",
    "Remember when we missed the last train and walked? I told that story again.",
]

NAMES = ("Mirela", "Tobias", "Anouk", "Desmond", "Yara", "Fergus", "Linnea", "Kwame", "Paloma", "Idris")


def talk(r):
    """Turns as (session, date, name, text), and the questions as (text, numbers of turns)."""
    a, b = r.sample(NAMES, 2)
    turns, asked, filled = [], [], {}
    scenes = [i for i in range(len(SCENES)) for _ in range(r.choice((1, 2, 2)))]
    r.shuffle(scenes)
    day = r.randint(1, 200)
    session = 0
    while scenes:
        session += 1
        day += r.randint(2, 16)
        date = f"{r.randint(1, 12)}:{r.randint(10, 59)} pm on {day % 28 + 1} {FILL['month'][day // 28 % 10]}, 2023"
        def small(n):
            for _ in range(n):
                who = b if turns and turns[-1][2] == a else a
                turns.append((session, date, who, r.choice(SMALL).format(o=b if who == a else a)))
        small(r.randint(2, 4))
        for _ in range(min(len(scenes), r.randint(2, 3))):
            lines, questions = SCENES[scenes.pop()]
            opens = b if turns[-1][2] == a else a
            people = {"a": opens, "b": b if opens == a else a}
            if lines[0][0] == "b":
                people = {"b": people["a"], "a": people["b"]}
            slots = {k: r.choice(v) for k, v in FILL.items()} | people
            first = len(turns)
            for who, text in lines:
                for sort in FILL:
                    if "{" + sort + "}" in text:
                        filled.setdefault((sort, people[who]), []).append(len(turns))
                text = text.format(**slots)
                turns.append((session, date, people[who], text[0].upper() + text[1:]))
            asked += [(q.format(**slots), [first + i for i in at]) for q, at in questions]
            small(r.randint(1, 6))
    for sort, question in TOGETHER:
        for who in (a, b):
            at = filled.get((sort, who), [])
            if 2 <= len(at) <= 4:
                asked.append((question.format(a=who), at))
    r.shuffle(asked)
    return turns, asked


def dialogue(n):
    """Messages, and questions with the texts of the turns that answer them."""
    r = random.Random(f"{SEED}/talk/{n}")
    turns, asked = talk(r)
    first = turns[0][2]
    dated = n % 3
    messages, last = [], 0
    for session, date, who, text in turns:
        if dated == 1 and session != last:
            text = f"[{date}] {who}: {text}"
        elif dated == 2:
            text = f"{date} - {who}: {text}"
        else:
            text = f"{who}: {text}"
        last = session
        messages.append({"role": "user" if who == first else "assistant", "content": text})
    return messages, [(q, [turns[i][3] for i in at]) for q, at in asked]
