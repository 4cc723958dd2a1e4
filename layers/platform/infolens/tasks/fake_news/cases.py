"""Behavioural cases of fake_news in our own words: sober reports, hoaxes, and the hoaxes under an agency's mark.

They are reported and no gate stands on them: a dozen texts each say how a model leans, not how good it is. What the
mark does is gated on held-out articles instead (`gates.py`, slices marker=...).
"""

from __future__ import annotations

from infolens.contracts.task import Case
from infolens.rows.agency_mark import with_agency_mark

_REPORTS = """\
Council delays vote on flood defences. The city council put off a vote on new flood defences until March after a
three-hour hearing on Tuesday. Council members said they wanted an independent estimate of the cost, which the
engineering department has put at 41 million dollars. Residents of two districts had asked for more time.

Ferry operator reports higher quarterly profit. The operator said net income rose 4 percent in the three months to
September, helped by lower fuel costs. Revenue was little changed at 212 million dollars. The company kept its
forecast for the year, and its shares closed 1.1 percent higher on Thursday.

Senate committee advances bill on drug prices. The committee voted 15 to 12 on Wednesday to send the bill to the
floor, where it needs the support of members of both parties. Two senators who voted against it said they would
offer amendments. A spokesman for the White House declined to comment.

Hospital trust names new chief executive. The trust, which runs four hospitals in the region, said on Monday that
its finance director would take over in January. She has worked there since 2009. Her predecessor announced his
retirement in June after seven years in the post.

Rail workers to strike for two days. The union said its members would walk out on Friday and Saturday after talks on
pay broke down. The operator said it expected to run about a third of its trains and advised passengers to check
times before they travel. A mediator has been asked to meet both sides next week.

Court hears appeal in water contamination case. Lawyers for 230 households told the appeals court on Thursday that
the utility had known of the leak for a year before it warned its customers. The utility's lawyer said the warning
had followed the state's rules. The judges are expected to decide by the end of the month.

Unemployment rate holds at 4.2 percent. Employers added 118,000 jobs last month, the labor department said on
Friday, slightly fewer than economists had expected. Average hourly pay rose 0.3 percent. Figures for the two
previous months were revised down by a total of 22,000.

Prime minister to meet opposition leaders. The prime minister will meet the leaders of three opposition parties on
Sunday to discuss the budget, her office said in a statement. The government lost its majority in a by-election last
month. Parliament must approve the budget by December 20.

Researchers report progress on malaria vaccine. The vaccine prevented about three quarters of infections in a trial
with 450 children, according to results published on Wednesday. The authors said a larger trial was needed before it
could be approved. Two researchers who were not involved called the results encouraging but early.

Two killed in highway collision. A truck and a car collided on the coastal highway early on Saturday, killing two
people and injuring one, the police said. The road was closed for five hours. Investigators were still looking for
the cause, and asked witnesses to come forward.
"""

_HOAXES = """\
SHOCKING: Mayor caught on tape selling our children's future! You are not going to believe what this crooked mayor
just did. While the so-called mainstream media looks the other way, he signed a secret deal with the globalists, and
guess who pays for it? That is right, you do. Share this before they take it down!

Doctors HATE this: one spice from your kitchen melts every tumor. Big Pharma has known the truth for decades and has
been hiding it from you because there is no money in it. Thousands of people have been cured, and not a single
newspaper will tell you. Wake up, folks!

BREAKING: Senator finally exposed as a fraud, and the liberals are in total meltdown (VIDEO). This is just
disgusting. She has been lying to your face for years, and now the whole world can see it. Watch her face when he
destroys her with one simple question!

Insiders confirm that the election was decided in a basement. A source who must stay nameless has seen the lists
with his own eyes, and what is on them will make your blood boil. They think we are stupid. They think we will just
forget about it. Well, we will not.

What they are spraying over your house will make you sick. Look up at the sky and ask yourself why nobody talks
about it. The elites are terrified that you find out. A brave pilot has now told everything, and of course he was
fired the very same day. Coincidence? We do not think so.

Hollywood star leaves the country because of HIM, and no one is going to miss her! She just could not stop whining.
Bye, honey, and do not let the door hit you on the way out. Patriots everywhere are laughing. What do you think?
Tell us in the comments below.

The real reason why they want to take away your guns is finally out. It was never about safety, people. Once they
have disarmed us all, the camps that they have already built will be filled, and you know exactly who will be first.
Forward this to everybody you love.

Pope admits that he never believed a word of it. In what has to be the most insane confession ever, he told a
stunned waiter that the whole thing was a hoax from the very beginning. The Vatican is in panic, and the media are
silent, as usual.

Look what this thug did to a wounded veteran, and how the police just stood there! I can not even. This is what our
once great country has come to, thanks to the clowns in Washington who hate everything we stand for. Enough is
enough!

Scientist who proved that the vaccine contains microchips found dead. He was about to reveal everything, and now we
are told that it was his heart. Sure. This is the eleventh one this year. Open your eyes before it is too late,
because nobody is coming to save you.
"""


def _texts(paragraphs: str) -> list[str]:
    return [" ".join(text.split()) for text in paragraphs.split("\n\n")]


CASES: tuple[Case, ...] = (
    *(Case("sober_reports", {"text": text, "label": "real"}) for text in _texts(_REPORTS)),
    *(Case("hoaxes", {"text": text, "label": "fake"}) for text in _texts(_HOAXES)),
    *(
        Case("hoaxes_under_an_agency_mark", {"text": with_agency_mark(text), "label": "fake"})
        for text in _texts(_HOAXES)
    ),
)
