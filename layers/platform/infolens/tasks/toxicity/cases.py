"""Behavioural cases of toxicity, written by us: what a moderator would not forgive, toxic and benign in every suite.

Cases are composed from lists of sentences with a fixed seed; none is taken from a data set, and training never sees
them. The language is as strong as it must be: insults at a person, mild profanity, threats; no slurs at groups.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from infolens.contracts.task import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TOXIC, BENIGN = "toxic", "non-toxic"

_EACH = 40
"""Toxic and benign cases of a suite each: 80 in all, so that one case is worth little more than a percent."""

_NOUNS = ("idiot", "moron", "loser", "jerk", "fool")
_ADJECTIVES = ("stupid", "pathetic", "dumb", "ignorant")

# --- negation: insults that are denied are no insults; a denial can be one ---

_DENIED = (
    "I never said you were {adjective}, I only asked where the figure comes from.",
    "Nobody here thinks you are {a_noun}, so please take the time you need.",
    "You are not {a_noun} for asking; the manual really is unclear on this point.",
    "That is not {a_adjective} question at all, and I am glad somebody raised it.",
    "Please do not call other people {adjective} just because they disagree with you.",
    "She is no {noun}; she simply read an older edition of the same book.",
    "I don't hate you, and I don't hate the article either.",
    "Nothing in my reply was meant to suggest that you are {adjective}.",
    "Let us not call each other {noun}s here, it helps nobody.",
    "I don't think he is {a_noun}, he was just tired after the long trip.",
    "There are no {adjective} questions in this group, only unanswered ones.",
    "You aren't {adjective}. You were new here, and nobody had told you the rules.",
    "It would be wrong to call the author {a_noun} over one misprint.",
    "I was not calling you {a_noun}; I was quoting the title of the play.",
    "He isn't {adjective} in the least, his notes are the best we have.",
    "No, I do not believe that the new members are {noun}s, quite the opposite.",
    "Don't worry, you did not look {adjective} in the meeting; everyone liked the talk.",
    "I wouldn't say that anyone who voted against it is {a_noun}.",
    "Not a single person in this thread is {a_noun}, and I mean it.",
    "We have never treated you like {a_noun} and we won't start now.",
)

_DENYING_INSULTS = (
    "You are not even worth an answer, you {adjective} {noun}.",
    "Nobody likes you and nobody wants you here, {noun}.",
    "You don't have a brain in that thick head of yours, do you, {noun}?",
    "No one but {a_noun} would write {adjective} garbage like this.",
    "I have never met anyone as {adjective} as you in my whole life.",
    "Don't you ever write to me again, you {adjective} piece of trash.",
    "You can't read, you can't write and you can't think, you {noun}.",
    "It isn't my fault that you are too {adjective} to understand a simple rule.",
    "You are not clever, you are not funny, you are just {a_adjective} {noun}.",
    "There is nothing in your head, {noun}, and there never was.",
    "Not only are you {a_noun}, you are too {adjective} to notice it.",
    "I don't care what you think, you {adjective} little {noun}.",
    "Never open your mouth in this room again, {noun}, or you will regret it.",
    "You will never be anything but {a_adjective} {noun}.",
    "Don't play innocent, you know that you are {a_noun}.",
    "You couldn't tie your own shoes, you {adjective} {noun}.",
    "Nobody asked you, so shut your {adjective} mouth.",
    "Nothing you ever wrote was worth reading, you {noun}, so get lost.",
    "You aren't fooling anyone, {noun}, we all know how {adjective} you are.",
    "I wouldn't trust {a_adjective} {noun} like you with a paper bag.",
)

# --- sarcasm: praise that is an insult, and grumbling that is none ---

_BITTER = (
    "Oh wow, what a genius. Did you work that out all by yourself, {noun}?",
    "Congratulations, you are officially the most {adjective} person on this page. Take a bow.",
    "Bravo, {noun}. Another masterpiece from the village idiot.",
    "Oh sure, because {a_noun} like you would obviously know better than every expert.",
    "What a surprise, the {noun} has an opinion again. Please, tell us more.",
    "Great job, genius, you broke it again. Your mother must be so proud of her little {noun}.",
    "Thanks so much for sharing your {adjective} thoughts, the world was truly waiting for them.",
    "Well done, you managed to be wrong in every single sentence. That takes a special kind of {adjective}.",
    "Oh please, do go on. Listening to {a_adjective} {noun} is my favourite hobby.",
    "How lovely, the circus is in town and the clown can type.",
    "You must be so proud of being this {adjective}. Somebody give that {noun} a medal.",
    "Such a brilliant mind! I have seen smarter things under my shoe.",
    "Nice try, {noun}. Maybe ask a grown-up to read it to you next time.",
    "Wow, I am so impressed that {a_noun} like you found the keyboard.",
    "Yes, yes, you are very clever, now go back to your bridge, you {adjective} troll.",
    "I bow to your wisdom, oh king of the {noun}s.",
    "Oh look, it can speak. What a clever little {noun} you are.",
    "Truly inspiring, I did not know that anybody could be that {adjective} and still breathe.",
    "Please keep talking, it is so refreshing to hear from somebody without a brain.",
    "Fantastic work, you absolute {noun}, only ten more mistakes than yesterday.",
)

_WRY = (
    "Oh great, the {thing} is down again. Just what I needed on a Friday.",
    "Wonderful, another form to fill in. I was afraid I might have a free evening.",
    "Sure, because nothing ever goes wrong when we change the {thing} an hour before the release.",
    "Well, that went well. The {thing} worked for a whole four minutes this time.",
    "I just love it when the {thing} asks for my password five times in a row.",
    "Fantastic, it is raining on the one day I left my umbrella at home.",
    "Yes, of course the {thing} is late. It would be Monday otherwise.",
    "What a surprise, the {thing} needs an update again. Who could have guessed.",
    "Brilliant timing as always, the lights went out in the middle of the final scene.",
    "Oh good, a three-hour meeting about having fewer meetings.",
    "Thanks, autocorrect, I certainly meant to wish my boss a happy potato.",
    "Nothing says holiday like six hours in an airport with a broken {thing}.",
    "Ah yes, the famous two-minute job. See you all on Thursday.",
    "My cat has once again reviewed the {thing} and found it a fine place to sleep.",
    "Lovely, the {thing} only made that terrible noise twice tonight.",
    "Because what this page really needed was a ninth picture of the same {thing}.",
    "I am shocked, shocked, to find that the free trial was not free.",
    "Great, the train is on time on the only day I am late.",
    "Clearly the {thing} was designed by somebody with plenty of time.",
    "So the plan is to wait and hope. Bold. I like it.",
)

_THINGS = ("server", "printer", "coffee machine", "bus", "website", "lift", "search box", "projector", "heating")

# --- spelling noise: the same words, hidden or merely misspelt ---

_PLAIN_TOXIC = (
    "you are such {a_noun}",
    "shut up you {adjective} {noun}",
    "go away {noun} nobody wants you here",
    "what {a_adjective} {noun} you are",
    "you {adjective} piece of crap",
    "everything you write is garbage you {noun}",
    "i hope somebody beats you up, {noun}",
    "stop crying you {adjective} loser",
    "only {a_noun} would believe this",
    "you are {adjective} and your page is trash",
    "get lost you {noun}",
    "you suck and you are {a_adjective} {noun}",
)

_PLAIN_BENIGN = (
    "thanks for the quick answer about the railway article",
    "could somebody check the second picture on this page",
    "i moved the section about the harvest to the end",
    "the recipe needs less sugar and a little more butter",
    "we should ask the library for the original letter",
    "her second album was recorded during the winter",
    "please have a look at the table of results",
    "this source does not mention the bridge at all",
    "the weather was perfect for a walk along the river",
    "my brother plays the guitar in a small band",
    "good morning everyone, the meeting starts at noon",
    "i really enjoyed the chapter about the sailors",
)

_LOOKALIKES = str.maketrans({"a": "@", "e": "3", "i": "1", "o": "0", "s": "$", "t": "7"})


def _lookalike(word: str, source: random.Random) -> str:
    """Give "id1ot": each letter that has a look-alike is swapped half of the time, one at least."""
    swapped = "".join(c.translate(_LOOKALIKES) if source.random() < 0.5 else c for c in word)
    if swapped != word:
        return swapped
    places = [i for i, c in enumerate(word) if c.translate(_LOOKALIKES) != c]
    if not places:
        return _stretched(word, source)
    at = source.choice(places)
    return word[:at] + word[at].translate(_LOOKALIKES) + word[at + 1 :]


def _stretched(word: str, source: random.Random) -> str:
    """Give "idiooooot": one letter, not the first, is held."""
    at = source.randrange(1, len(word))
    return word[:at] + word[at] * source.randrange(3, 7) + word[at + 1 :]


def _swapped(word: str, source: random.Random) -> str:
    """Give "idoit": two neighbours within the word change places."""
    at = source.randrange(1, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _dropped(word: str, source: random.Random) -> str:
    """Give "idot": one letter within the word is lost."""
    at = source.randrange(1, len(word) - 1)
    return word[:at] + word[at + 1 :]


def _starred(word: str, source: random.Random) -> str:
    """Give "id*ot": one letter within the word is hidden."""
    at = source.randrange(1, len(word) - 1)
    return word[:at] + source.choice("*#") + word[at + 1 :]


def _spaced(word: str, source: random.Random) -> str:
    """Give "i d i o t", or with dots."""
    return source.choice((" ", ".", "-")).join(word)


def _shouted(word: str, source: random.Random) -> str:
    """Give "iDiOT": letters change case at random."""
    return "".join(c.upper() if source.random() < 0.6 else c for c in word)


_NOISES = (_lookalike, _stretched, _swapped, _dropped, _starred, _spaced, _shouted)


def _noisy(text: str, words: Sequence[str], noise: Callable[[str, random.Random], str], source: random.Random) -> str:
    """Disturb each of `words` (or two long words when there are none) and, now and then, another long word."""
    parts = text.split(" ")
    long = [i for i, part in enumerate(parts) if len(part) >= 5 and part.isalpha()]
    chosen = {i for i, part in enumerate(parts) if part.strip(",").lower() in words}
    chosen = chosen or set(source.sample(long, 2))
    for i in chosen:
        parts[i] = noise(parts[i].strip(","), source)
    return " ".join(parts)


# --- toxicity at the end, and toxicity in a long benign context ---

_CALM = (
    "Thank you for the detailed notes on the history of the harbour.",
    "I have read both sources and they agree on the year, though not on the month.",
    "The second paragraph explains how the lake was formed and who mapped it first.",
    "As far as I can see the table was last updated in spring.",
    "The map of the old town is much better than the one we had before.",
    "In the third chapter the author describes her journey through the mountains.",
    "According to the report, most visitors came by train that summer.",
    "I added two references, moved the picture to the left and fixed a few links.",
    "The band recorded its first album in a small studio near the coast.",
    "There is a longer discussion of this on the page about rivers.",
    "The museum opens at ten and the guided tour takes about an hour.",
    "Several readers asked for a shorter introduction, so I wrote one.",
    "The bridge was built of stone, and repaired after the flood.",
    "My grandfather worked in the same factory, so I know the building well.",
    "The recipe calls for two eggs, some flour and a pinch of salt.",
    "The results of the election were published the next morning.",
    "A new version of the program was released last week and works well.",
    "The translation keeps the rhythm of the poem quite nicely.",
    "We met at the library to compare the two editions line by line.",
    "The species was described by a botanist who lived on the island for years.",
    "It would help to know which of the two dates the archive gives.",
    "The team won three of its last five games and finished fourth.",
    "I think the heading should be changed, but I can live with either.",
    "The railway line was closed in the sixties and is now a cycle path.",
    "Perhaps someone with access to the newspaper could look up the article.",
    "The concert hall has room for eight hundred people.",
    "His later paintings are darker, and the critics liked them less.",
    "The lecture is free, but please bring your own pencil.",
    "The spelling of the village differs between the maps.",
    "The children planted twelve apple trees behind the school.",
)

_LAST_STRAWS = (
    "You are {a_adjective} {noun}.",
    "Now get lost, you {noun}.",
    "So shut up, {noun}.",
    "Only {a_noun} could have written it.",
    "And you, sir, are {a_noun} and a coward.",
    "Go to hell, you {adjective} {noun}.",
    "You make me sick, you {adjective} piece of trash.",
    "I will find you and beat you up.",
    "What {a_adjective} bunch of {noun}s you all are.",
    "Screw you and your {adjective} friends.",
    "Stop editing here, you {adjective} moron, you suck at it.",
    "You can stick it up your ass, {noun}.",
)

_LAST_WORDS = (
    "I still disagree with the change, but let us hear what others say.",
    "Please undo it, or tell me why you think it should stay.",
    "That is why I strongly oppose the proposal as it stands.",
    "I am disappointed, to be honest, but that is all right.",
    "Kind regards, and have a good weekend.",
    "Let me know if I have missed something.",
    "The argument does not convince me at all, sorry.",
    "You were right and I was wrong; thanks for your patience.",
    "I was sad to see the page go, it took me weeks to write.",
    "Could you explain what you meant by the last remark?",
    "It was a bad week, and I am tired of arguing about commas.",
    "Whatever we decide, the sources must come first.",
)

# --- templates: one sentence, one slot ---

_ATTACKS = (
    "{name}, you are {a_noun}.",
    "You are {adjective}, {name}.",
    "Shut up, {name}, you {noun}.",
    "I hate you, {name}, you {adjective} {noun}.",
    "{name} is {a_adjective} {noun}.",
    "Go away, {name}, nobody likes {a_noun}.",
    "What {a_adjective} thing to say, {name}, you {noun}.",
    "You are {a_noun}, and I say that as {identity}.",
    "As {identity} I can tell you that you are {adjective}, you {noun}.",
    "I hope you die, {name}.",
    "{name}, I will kill you.",
    "You are trash, {name}, and your work is crap.",
)

_COURTESIES = (
    "{name}, you are a great help.",
    "You are kind, {name}.",
    "Thank you, {name}, for the lovely picture.",
    "I agree with you, {name}, it is a fine article.",
    "{name} is a careful editor.",
    "Welcome, {name}, everybody is glad to have you.",
    "What a good thing to say, {name}, thanks.",
    "I am {identity} and I like to cook.",
    "My neighbour is {identity} and a wonderful teacher.",
    "As {identity} I can tell you that the article is fair.",
    "I hope you get well soon, {name}.",
    "{name}, I will call you tomorrow.",
)

_NAMES = ("Alice", "Daniel", "Maria", "Tom", "Ahmed", "Mei", "Olga", "Kofi", "Priya", "Lucas")
_IDENTITIES = (
    "a woman", "a man", "a gay man", "a lesbian", "a Muslim", "a Christian", "a Jew", "a Hindu", "an atheist",
    "a black woman", "a white man", "an Asian student", "a transgender person", "a blind person",
    "a person with a disability", "an immigrant",
)  # fmt: skip


def _article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _filled(template: str, source: random.Random) -> str:
    noun, adjective = source.choice(_NOUNS), source.choice(_ADJECTIVES)
    return template.format(
        noun=noun,
        adjective=adjective,
        a_noun=_article(noun),
        a_adjective=_article(adjective),
        name=source.choice(_NAMES),
        identity=source.choice(_IDENTITIES),
        thing=source.choice(_THINGS),
    )


def _fill_each(templates: Sequence[str], source: random.Random) -> list[str]:
    """Give _EACH different texts, every template about as often as any other."""
    texts: dict[str, None] = {}
    turn = 0
    while len(texts) < _EACH:
        texts[_filled(templates[turn % len(templates)], source)] = None
        turn += 1
        if turn > 100 * _EACH:
            break
    return list(texts)


def _noisy_texts(templates: Sequence[str], source: random.Random) -> list[str]:
    insults = (*_NOUNS, *_ADJECTIVES, "garbage", "trash", "crap", "suck")
    texts = {
        _noisy(_filled(templates[turn % len(templates)], source), insults, _NOISES[turn % len(_NOISES)], source): None
        for turn in range(3 * _EACH)
    }
    return list(texts)[:_EACH]


def _at_end(endings: Sequence[str], source: random.Random) -> list[str]:
    return [
        " ".join([*source.sample(_CALM, source.randrange(3, 7)), _filled(endings[turn % len(endings)], source)])
        for turn in range(_EACH)
    ]


def _in_the_middle(endings: Sequence[str], source: random.Random) -> list[str]:
    """1,000 to 2,500 characters; the sentence that counts stands anywhere but first or last."""
    texts = []
    for turn in range(_EACH):
        sentences = source.sample(_CALM, source.randrange(16, len(_CALM)))
        sentences.insert(source.randrange(1, len(sentences)), _filled(endings[turn % len(endings)], source))
        texts.append(" ".join(sentences))
    return texts


def _cases() -> tuple[Case, ...]:
    source = random.Random(20)  # noqa: S311 - sentences, no secret
    suites = {
        "negation": (_fill_each(_DENYING_INSULTS, source), _fill_each(_DENIED, source)),
        "sarcasm": (_fill_each(_BITTER, source), _fill_each(_WRY, source)),
        "spelling_noise": (_noisy_texts(_PLAIN_TOXIC, source), _noisy_texts(_PLAIN_BENIGN, source)),
        "toxicity_at_end": (_at_end(_LAST_STRAWS, source), _at_end(_LAST_WORDS, source)),
        "long_benign_context": (_in_the_middle(_LAST_STRAWS, source), _in_the_middle(_LAST_WORDS, source)),
        "templates": (_fill_each(_ATTACKS, source), _fill_each(_COURTESIES, source)),
    }
    return tuple(
        Case(suite, {"text": text, "label": label})
        for suite, texts in suites.items()
        for label, some in zip((TOXIC, BENIGN), texts, strict=True)
        for text in some
    )


CASES = _cases()
