"""`make demo`: the whole product once, from an empty folder to a compensated saga.

Run as `python -m dev.demo`. Starts everything on free ports, runs two orders through the HTTP
API, prints what happened to each, and stops everything.
"""

import shutil
import sys
from collections.abc import Mapping
from datetime import datetime
from time import monotonic
from typing import Final

import httpx2
from pydantic import JsonValue
from sqlalchemy.engine import Engine

from dev.commands import commands, printed
from dev.places import free_ports, home_folder, kept_ports, link_temporal
from dev.samples import TENANT, prepare, shelf
from dev.stack import Stack, stack
from dev.tools import ToolMissingError, temporal_binary

MARKS: Final[Mapping[tuple[str, str], str]] = {
    ("step_ended", "COMPLETED"): "done",
    ("step_ended", "FAILED"): "REFUSED",
    ("step_ended", "UNKNOWN"): "OUTCOME UNKNOWN",
    ("undo_ended", "COMPENSATED"): "undone by",
    ("undo_ended", "COMPENSATION_FAILED"): "UNDO FAILED in",
}

ORDERS: Final[tuple[tuple[str, str, dict[str, JsonValue]], ...]] = (
    ("An order that succeeds", "demo-good", {"item": "book", "quantity": 2}),
    (
        "An order whose payment is declined",
        "demo-declined",
        {"item": "book", "quantity": 3, "coupon": "SPRING", "card": "declined"},
    ),
)


def main() -> int:
    """Run the demo; 0 when both orders ended as they should."""
    begun = monotonic()
    try:
        binary = temporal_binary()
    except ToolMissingError as error:
        print(error, file=sys.stderr)
        return 1
    home = home_folder() / "demo"
    shutil.rmtree(home, ignore_errors=True)
    shop = prepare(home)
    print("Starting Temporal, a worker and the API (SQLite, no Redis); a few seconds …", flush=True)
    with stack(home, binary, free_ports(), persistent=False) as running:
        print(f"Running: API {running.api_url}, Temporal Web UI {running.temporal.ui_url}")
        ended = [_order(running, shop, *order) for order in ORDERS]
    print("\nEverything is stopped again. To keep it running: make up. Then, from this folder:\n")
    ports = kept_ports(home_folder() / "up" / "ports.json")
    print(printed(commands(ports, link_temporal(binary, home_folder()))))
    sound = ended == ["COMPLETED", "COMPENSATED"]
    print(f"\nDemo {'done' if sound else 'FAILED'} in {monotonic() - begun:.0f} s.")
    return 0 if sound else 1


def _order(
    running: Stack, shop: Engine, title: str, execution_id: str, request: dict[str, JsonValue]
) -> str:
    """Run one order through the API and tell of it; gives its final status."""
    print(f"\n== {title}\n   before: {shelf(shop)}")
    with httpx2.Client(
        base_url=f"{running.api_url}/api/saga", headers={"X-Tenant-Id": TENANT}, timeout=60
    ) as http:
        body = {"chain": "placeOrder", "execution_id": execution_id, "request": request}
        answered = http.post("/execute", json=body)
        view = http.get(f"/executions/{execution_id}").json()
        lines = http.get(f"/executions/{execution_id}/logs").json()["lines"]
    print(f"   POST /api/saga/execute -> {answered.status_code} {view['status']}")
    if view["error"]:
        print(f"   failed step {view['failed_step']}: {view['error']['message']}")
    start = datetime.fromisoformat(view["started_at"])
    for line in lines:
        _print_line(line, start)
    print(f"   after:  {shelf(shop)}")
    print(f"   Temporal Web UI: {view['links']['temporal_ui']}")
    status: str = view["status"]
    return status


def _print_line(line: Mapping[str, JsonValue], start: datetime) -> None:
    mark = MARKS.get((str(line["kind"]), str(line["status"])))
    if mark is None:
        return
    at = (datetime.fromisoformat(str(line["at"])) - start).total_seconds()
    undo = f" {line['component']}" if str(line["kind"]).startswith("undo") else ""
    print(f"   {at:7.3f} s  {line['step']!s:<14} {mark}{undo}")


if __name__ == "__main__":
    sys.exit(main())
