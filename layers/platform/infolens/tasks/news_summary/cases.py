"""Behavioural cases of news_summary: texts as careless callers send them, each with the summary that it should get."""

from __future__ import annotations

from infolens.contracts.task import Case

_FACT = "The harbour authority of Corsol will buy nine loading cranes for four million crowns, it said on Monday."
_TALK = "It rained for most of the morning. Nobody could say how it would all end. There was coffee afterwards."


def _case(text: str, summary: str) -> Case:
    return Case("awkward", {"text": text, "summary": summary, "source": "", "upload_id": ""})


CASES = (
    _case(_FACT, _FACT),  # one sentence: there is nothing to leave out
    _case(f"Cranes for Corsol\n{_FACT}", _FACT),  # a headline is no sentence of a summary
    _case(f"{_FACT}\n{_FACT}\n{_FACT}", _FACT),  # the same thing three times is said once
    _case(_FACT.casefold().replace(".", "").replace(",", ""), _FACT),  # no marks, no capitals
    _case(_FACT.upper(), _FACT),
    _case(f"{_FACT}{_TALK}".replace(". ", "."), _FACT),  # no space behind full stops
    _case(f"CORSOL (AP) - {_FACT}", _FACT),  # place and agency are no news
    _case("\n".join([_FACT, *_TALK.split(". ")]), _FACT),  # a line for each sentence
)
