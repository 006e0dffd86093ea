"""Components for the stack's test: a saga that needs no database of its own."""

from typing import Annotated

from pydantic import BaseModel

from activities.component import Output, Undo, component


class Seats(BaseModel):
    """How many were asked for."""

    seats: int = 1


@component("holdSeats", compensate="freeSeats")
async def hold_seats(request: Seats) -> list[str]:
    """Hold them."""
    return [f"seat {number}" for number in range(request.seats)]


@component("freeSeats")
async def free_seats(undo: Undo[list[str]]) -> None:
    """Let them go again."""


@component("printTickets")
def print_tickets(held: Annotated[list[str], Output("holdSeats")]) -> int:
    """Say how many there are."""
    return len(held)
