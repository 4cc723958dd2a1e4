"""Makes seeded news-like rows in the project's own words, with planted dirt: for the demo, tests and first steps.

A row carries a few words of its section, some of which are rare, an invented name that belongs to the section, and
often a word of another section; so a model learns more from more rows, and none is right on every row.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from infolens.rows.csv_files import write_csv
from infolens.rows.planted_dirt import perhaps_dirty
from infolens.tasks.news_category.schema import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["refused_rows", "right_answer", "rows", "unlabelled", "write_csv"]

_WORDS = {
    "Business": (
        "quarterly profit, share price, merger, warehouse jobs, interest rate, start-up, supply chain, annual "
        "revenue, hedge fund, invoice software, retail chain, freight costs, pension fund, bankruptcy filing, stock "
        "exchange, venture capital, payroll, export orders, factory output, credit rating, board of directors, "
        "wholesale market, consumer spending, tax write-off, office lease, dividend, takeover bid, trade surplus, "
        "insurance premium, chief financial officer, franchise owners, inventory, audit, loan book, price war, cash "
        "flow, shareholders, manufacturing plant, commodity futures, balance sheet"
    ),
    "Politics": (
        "senate vote, campaign rally, governor, election bill, city council, ballot count, party leader, committee "
        "hearing, lobbyists, veto, primary debate, voter turnout, cabinet reshuffle, impeachment, congressional "
        "district, filibuster, poll numbers, executive order, attorney general, swing state, town hall questions, "
        "supreme court nominee, campaign donors, term limits, press secretary, budget standoff, redistricting map, "
        "mayoral race, whistleblower memo, bipartisan deal, caucus, absentee ballots, oversight panel, running mate, "
        "legislature, policy adviser, recount, constituents, statehouse, referendum"
    ),
    "Food & Drink": (
        "roasted garlic, sourdough loaf, recipe, olive oil, chocolate tart, weeknight dinner, espresso, slow cooker, "
        "tomato sauce, cocktail shaker, brunch menu, cast-iron pan, lemon glaze, cheese board, farmers market "
        "berries, pickled onions, noodle soup, craft beer, pastry chef, smoked paprika, grilled salmon, vinaigrette, "
        "pancake batter, wine cellar, toasted almonds, leftover turkey, cinnamon rolls, spice rub, sparkling cider, "
        "dumplings, braised cabbage, whipped cream, taco night, caramel, mashed potatoes, fermented tea, picnic "
        "sandwiches, icing sugar, stock pot, pizza oven"
    ),
    "Travel": (
        "boarding pass, beach resort, hotel lobby, hiking trail, passport stamps, cruise ship, airport lounge, "
        "national park, old town, road trip, backpackers, guided tour, ski lodge, window seat, luggage, coastal "
        "village, night train, scenic drive, hostel, jet lag, island ferry, carry-on bag, city break, mountain pass, "
        "snorkelling, travel visa, safari camp, vineyard tour, itinerary, delayed flight, camper van, harbour view, "
        "ancient ruins, desert sunrise, waterfall, bed and breakfast, souvenir stalls, frequent flyer, canal boat, "
        "lighthouse"
    ),
    "Parenting": (
        "toddler, bedtime story, school lunch, newborn, diaper bag, teenagers, homework, playground, day care, "
        "breastfeeding, stroller, screen time, first steps, birthday party, baby names, siblings, tantrum, potty "
        "training, parent-teacher night, stay-at-home dad, working mom, preschool, car seat, lullaby, allowance, "
        "sleepless nights, adoption papers, maternity leave, chore chart, kindergarten, lost tooth, twins, nursery "
        "paint, family rules, grandparents, summer camp forms, crib, finger painting, carpool, spelling test"
    ),
    "Style & beauty": (
        "runway show, lipstick, red carpet gown, sneaker drop, denim jacket, hair stylist, nail polish, fashion week, "
        "moisturizer, vintage dress, eyeliner, capsule wardrobe, perfume, handbag, leather boots, bridal veil, silk "
        "scarf, makeup artist, curly hair, statement earrings, fall collection, designer label, tailored suit, skin "
        "serum, swimsuit line, bangs, cashmere sweater, thrift finds, blush palette, hemline, accessories, face mask, "
        "street style, jewelry line, pencil skirt, beauty counter, shampoo, sequins, lookbook, high heels"
    ),
    "Wellness": (
        "meditation, sleep habits, yoga class, stress relief, heart health, therapy session, deep breathing, "
        "mindfulness, blood pressure, vitamin levels, gym routine, anxiety, healthy aging, immune system, morning "
        "stretch, burnout, mental health, gratitude journal, chronic pain, posture, hydration, clinical trial, "
        "cholesterol, calm mind, joint pain, support group, resting pulse, daily walk, insomnia, grief counselling, "
        "allergy season, flu shot, migraine, self-care, balance exercises, nutritionist, recovery day, sunlight, "
        "panic attack, gut bacteria"
    ),
    "World news": (
        "peace talks, border crossing, embassy, refugee camp, ceasefire, foreign minister, earthquake rescue, rebel "
        "forces, sanctions, aid convoy, military junta, capital city protests, peacekeepers, disputed islands, "
        "humanitarian crisis, coup attempt, nuclear inspectors, exiled leader, flooded province, trade bloc, prime "
        "minister, hostages, asylum seekers, air strikes, monsoon, war crimes court, state television, naval "
        "blockade, diplomats, drought relief, truce line, parliament siege, famine warning, cholera outbreak, "
        "separatists, landmines, general strike, tsunami alert, regional summit, envoy"
    ),
    "Sports": (
        "season opener, goalkeeper, penalty kick, quarterback, playoff run, home crowd, head coach, overtime win, "
        "free agent, relay team, world record, tennis final, locker room, batting average, three-pointer, transfer "
        "window, marathon, referee, rookie year, championship belt, hamstring injury, draft pick, gold medal, "
        "training camp, halftime, own goal, grand slam, pole position, shutout, bench players, rugby tour, slam dunk, "
        "qualifying round, touchdown, power play, league table, wild card, winning streak, stadium lights, free throw"
    ),
    "Entertainment": (
        "box office, album release, movie trailer, late-night host, season finale, pop star, casting news, film "
        "festival, concert tour, sitcom, streaming series, award show, guitar solo, comedy special, screenwriter, "
        "reality show, sequel, music video, director's cut, fan theory, celebrity couple, stage musical, animated "
        "feature, superhero role, soundtrack, podcast hosts, cameo, talk show, costume drama, chart-topping single, "
        "stand-up set, biopic, boy band, documentary crew, red-band teaser, opening night, voice actor, spin-off, "
        "drummer, critics"
    ),
}

_TOPICS = {label: tuple(words.split(", ")) for label, words in _WORDS.items()}

_NEIGHBOUR = {
    "Business": "Politics",
    "Politics": "World news",
    "Food & Drink": "Wellness",
    "Travel": "Food & Drink",
    "Parenting": "Wellness",
    "Style & beauty": "Entertainment",
    "Wellness": "Parenting",
    "World news": "Politics",
    "Sports": "Entertainment",
    "Entertainment": "Style & beauty",
}
"""The section from which stray words mostly come: real sections overlap with some more than with others."""

_SYLLABLES_TEXT = (
    "bra cor del fen gar hal jor kel lom mar nor pel quin ras sol tam ul ver wes yar zan bel cas dor eri fal gro "
    "hin ist jun kas lev mon nim oss pry rin sev tor und vel wyn xan yor zem"
)

_SYLLABLES = _SYLLABLES_TEXT.split(" ")

_TITLES = (
    "{a} and the {b}: what {name} learned",
    "How {name} is changing the {a}",
    "Why the {a} matters more than the {b} this week",
    "{name} on {a}, {b} and what comes next",
    "Inside the {a} that everyone is talking about",
    "Five questions about the {a}",
    "The {a} nobody expected",
    "After the {b}, {name} looks at {a}",
)

_SENTENCES = (
    "People close to {name} say the {a} came as a surprise.",
    "On {day}, the {a} was the first thing anyone mentioned.",
    "It began with the {a}, and by {day} it had become a story about the {b}.",
    "{name} would not say whether the {a} will last.",
    "There is a lot to like about the {a}, even for those who never cared about it.",
    "Some blame the {b}; others point to the {a}.",
    "The {a} took longer than planned, {name} admits.",
    "Readers wrote to us about the {a} all through {day}.",
    "Nobody in the room had seen a {a} like this before.",
    "A year ago few would have linked the {a} with the {b}.",
)

_FILLERS = (
    "More details are expected later.",
    "This story has been updated.",
    "We asked around, and the answers did not agree.",
    "Here is what we know so far.",
    "It is not over yet.",
    "Pictures follow below.",
)

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _names(label: str) -> tuple[str, ...]:
    """Invented names that belong to one section; the same for every seed, so that what is learned carries over."""
    source = random.Random(f"names of {label}")  # noqa: S311 - sample data, no secret
    return tuple(
        f"{''.join(source.sample(_SYLLABLES, 2)).capitalize()} {''.join(source.sample(_SYLLABLES, 2)).capitalize()}"
        for _ in range(60)
    )


_NAMES = {label: _names(label) for label in LABELS}


def _skewed(source: random.Random, pool: Sequence[str]) -> str:
    """Pick early items far more often than late ones: rare words are what more rows teach."""
    return pool[int(len(pool) * source.random() ** 1.6)]


def _word(source: random.Random, label: str, stray: float) -> str:
    if source.random() >= stray:
        return _skewed(source, _TOPICS[label])
    other = _NEIGHBOUR[label] if source.random() < 0.6 else source.choice(LABELS)
    return _skewed(source, _TOPICS[other])


def _article(source: random.Random) -> tuple[str, str, str]:
    """Make (title, body, label)."""
    label = source.choice(LABELS)
    stray = source.choice((0.0, 0.1, 0.35))  # some articles stay with their section, some wander
    name = _skewed(source, _NAMES[label if source.random() < 0.85 else source.choice(LABELS)])

    def fill(template: str) -> str:
        text = template.format(
            a=_word(source, label, stray), b=_word(source, label, 0.4), name=name, day=source.choice(_DAYS)
        )
        return text[0].upper() + text[1:]

    sentences = [fill(template) for template in source.sample(_SENTENCES, source.choice((1, 2, 3)))]
    if source.random() < 0.5:
        sentences.append(source.choice(_FILLERS))
    return fill(source.choice(_TITLES)), " ".join(sentences), label


def refused_rows() -> tuple[tuple[dict[str, str], str], ...]:
    """Rows that the schema must refuse, each with the field it must name."""
    body = "Nobody in the room had seen a quarterly profit like this before."
    return (
        ({"title": "The share price nobody expected", "body": body, "label": ""}, "label"),
        ({"title": "The share price nobody expected", "body": body, "label": "Gardening"}, "label"),
        ({"title": "The share price nobody expected", "body": body, "label": "10"}, "label"),
        ({"title": "Oh", "body": "", "label": "Business"}, "text"),
        ({"title": "", "body": "\x00 \ufeff \u200b", "label": "Sports"}, "text"),
        ({"title": "Too long", "body": "word " * 2_500, "label": "Travel"}, "text"),
    )


def _soiled(source: random.Random, row: dict[str, str]) -> dict[str, str]:
    """Dirty a row in a way that cleaning takes out again."""
    kind = source.randrange(4)
    if kind == 0:
        return row | {"title": row["title"].replace(" ", "&nbsp;", 1), "body": f"{row['body']} Q&amp;A follows."}
    if kind == 1:
        return row | {"title": f"\ufeff{row['title']}", "body": row["body"].replace(" ", "\x07 \u200b", 2)}
    if kind == 2:
        return row | {"body": row["body"].replace(". ", '.\n"So it goes,"\r\n', 1)}
    label = row["label"]
    return row | {"label": source.choice((label.upper(), f" {label.lower()} ", str(LABELS.index(label))))}


def rows(count: int, seed: int, *, dirt: float = 0.0) -> list[dict[str, str]]:
    """Make `count` labelled rows with columns title, body, label; equal arguments give equal rows.

    Args:
        count: rows in all.
        seed: start of the random numbers; other seeds give other rows of the same sections.
        dirt: share of rows that are planted dirt: a third repeats an earlier row, a third must be refused (see
            `refused_rows`), a third is dirty in a way that cleaning takes out.
    """
    source = random.Random(f"news_category rows {seed}")  # noqa: S311 - sample data, no secret
    refused = refused_rows()
    made: list[dict[str, str]] = []
    for _ in range(count):
        title, body, label = _article(source)
        row = {"title": title, "body": body, "label": label}
        made.append(perhaps_dirty(source, row, made, dirt=dirt, refused=refused, soiled=_soiled))
    return made


def unlabelled(count: int, seed: int) -> list[dict[str, str]]:
    """Make `count` rows with columns title and body, all long enough for the API (S0-30)."""
    source = random.Random(f"news_category unlabelled {seed}")  # noqa: S311 - sample data, no secret
    articles = [_article(source) for _ in range(count)]
    return [{"title": title, "body": body} for title, body, _ in articles]


def right_answer(row: Mapping[str, object]) -> dict[str, object]:
    """Give the answer of a predictor that is right, and sure, about a clean row."""
    label = str(row["label"])
    return {"label_id": LABELS.index(label), "label": label, "confidence": 1.0}
