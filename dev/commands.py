"""The commands that the demo and `make up` print, exactly as a reader can run them.

A test runs each of them against a running stack.
"""

from dataclasses import dataclass

from dev.stack import Ports
from dev.temporal_server import HOST


@dataclass(frozen=True, slots=True)
class Command:
    """One line for a shell, and what it shows."""

    shows: str
    line: str


def commands(ports: Ports, temporal: str) -> list[Command]:
    """What to try after `make up`, from the folder of the checkout, in this order."""
    api = f"http://{HOST}:{ports.api}/api/saga"
    cluster = f"--address {HOST}:{ports.temporal}"
    headers = "-H 'X-Tenant-Id: 1' -H 'Content-Type: application/json'"
    good = '{"chain": "placeOrder", "execution_id": "my-first", "request": {"item": "book"}}'
    declined = (
        '{"chain": "placeOrder", "execution_id": "my-declined", '
        '"request": {"item": "book", "coupon": "SPRING", "card": "declined"}}'
    )
    return [
        Command("an order that succeeds", f"curl -sS {headers} {api}/execute -d '{good}'"),
        Command(
            "an order whose card is declined: what was done is undone",
            f"curl -sS {headers} {api}/execute -d '{declined}'",
        ),
        Command(
            "what happened to it, step by step",
            f"curl -sS -H 'X-Tenant-Id: 1' {api}/executions/my-declined/logs",
        ),
        Command(
            "every saga that was compensated, in Temporal's own list",
            f"{temporal} workflow list {cluster} --query \"SagaStatus='COMPENSATED'\"",
        ),
        Command(
            "its history: every step and every undo",
            f"{temporal} workflow show {cluster} --workflow-id 1:my-declined",
        ),
        Command(
            "a saga started without the API",
            f"{temporal} workflow start {cluster} --type placeOrder --task-queue chainsaga "
            '--workflow-id 1:by-hand --input \'{"item": "book"}\'',
        ),
    ]


def printed(found: list[Command]) -> str:
    """The commands as text, each below what it shows."""
    return "\n".join(f"  # {command.shows}\n  {command.line}" for command in found)
