"""What the processes say while they have never read any rules, since there is no database."""

from dataclasses import dataclass
from typing import Any

import httpx2
from temporalio.client import Client

from tests.api.fleet.fleet import Fleet
from tests.api.sites import BOOK


@dataclass(frozen=True, slots=True)
class FirstWords:
    """Answers of each API, and what was started by hand, which no worker could begin."""

    starts: list[httpx2.Response]
    ready: list[httpx2.Response]
    statuses: list[Any]
    degraded: list[float]
    by_hand: str


async def first_words(fleet: Fleet, temporal: Client) -> FirstWords:
    """Ask everybody, as soon as everybody answers."""
    await fleet.answering()
    by_hand = await fleet.by_hand(temporal, "1", "buy", BOOK)
    await fleet.all_say("chainsaga_rule_degraded{", 1)
    return FirstWords(
        starts=[await api.execute("buy", BOOK) for api in fleet.apis],
        ready=[await api.get("/ready") for api in fleet.apis],
        statuses=await fleet.statuses(),
        degraded=await fleet.numbers("chainsaga_rule_degraded{"),
        by_hand=by_hand,
    )
