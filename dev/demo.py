"""`make demo`: the whole product once, from an empty folder to a compensated saga.

Run as `python -m dev.demo`. Starts everything on free ports, runs three orders through the HTTP
API (one succeeds, one is undone, one waits until a person decides by a Temporal signal), prints
what happened to each, and stops everything.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, Final

import httpx2
from pydantic import JsonValue
from sqlalchemy.engine import Engine

from dev.commands import commands, printed
from dev.places import free_ports, home_folder, kept_ports, link_temporal
from dev.processes import wait_until
from dev.samples import TENANT, prepare, shelf
from dev.stack import Stack, stack
from dev.tools import ToolMissingError, temporal_binary

DECISION_LIMIT: Final = 30.0

MARKS: Final[Mapping[tuple[str, str], str]] = {
    ("step_ended", "COMPLETED"): "done",
    ("step_ended", "FAILED"): "REFUSED",
    ("step_ended", "SKIPPED"): "REFUSED, then skipped",
    ("step_ended", "UNKNOWN"): "OUTCOME UNKNOWN",
    ("undo_ended", "COMPENSATED"): "undone by",
    ("undo_ended", "COMPENSATION_FAILED"): "UNDO FAILED in",
}


@dataclass(frozen=True, slots=True)
class Order:
    """One order of the demo, and how it must end. `decision` is sent when the saga waits."""

    title: str
    id: str
    request: dict[str, JsonValue]
    status: str
    overrides: dict[str, JsonValue] = field(default_factory=dict)
    decision: dict[str, JsonValue] | None = None


DECLINED: Final[dict[str, JsonValue]] = {"item": "book", "coupon": "SPRING", "card": "declined"}

ORDERS: Final = (
    Order(
        "An order that succeeds", "demo-good", {"item": "book", "quantity": 2}, status="COMPLETED"
    ),
    Order(
        "An order whose payment is declined",
        "demo-declined",
        {**DECLINED, "quantity": 3},
        status="COMPENSATED",
    ),
    Order(
        "An order that waits for a person: declined, and paid in cash",
        "demo-decided",
        DECLINED,
        status="COMPLETED",
        overrides={"pay": {"on_failure": {"strategy": "MANUAL"}}},
        decision={"decision_id": "demo", "operator": "ann", "reason": "paid in cash"},
    ),
)


def main() -> int:
    """Run the demo; 0 when every order ended as it should."""
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
        ended = [_order(running, shop, binary, order) for order in ORDERS]
    print("\nEverything is stopped again. To keep it running: make up. Then, from this folder:\n")
    ports = kept_ports(home_folder() / "up" / "ports.json")
    print(printed(commands(ports, link_temporal(binary, home_folder()))))
    sound = all(ended)
    print(f"\nDemo {'done' if sound else 'FAILED'} in {monotonic() - begun:.0f} s.")
    return 0 if sound else 1


def _order(running: Stack, shop: Engine, binary: Path, order: Order) -> bool:
    """Run one order through the API and tell of it; whether it ended as it should."""
    print(f"\n== {order.title}\n   before: {shelf(shop)}")
    with httpx2.Client(
        base_url=f"{running.api_url}/api/saga", headers={"X-Tenant-Id": TENANT}, timeout=60
    ) as http:
        body = {
            "chain": "placeOrder",
            "execution_id": order.id,
            "request": order.request,
            "overrides": order.overrides,
        }
        answered = http.post("/execute", json=body)
        print(f"   POST /api/saga/execute -> {answered.status_code} {_status_of(answered.json())}")
        if order.decision is not None:
            _decide(running, binary, order)
            wait_until(lambda: _view(http, order)["ended_at"], DECISION_LIMIT, "the saga's end")
        view = _view(http, order)
        log = http.get(f"/executions/{order.id}/logs").json()
    if view["error"]:
        print(f"   failed step {view['failed_step']}: {view['error']['message']}")
    start = datetime.fromisoformat(view["started_at"])
    for line in log["lines"]:
        _print_line(line, start)
    for made in log["decisions"]:
        print(f"   {made['operator']} decided: {made['kind']}, {made['reason']}: {made['verdict']}")
    print(f"   the saga is {view['status']}")
    print(f"   after:  {shelf(shop)}")
    print(f"   Temporal Web UI: {view['links']['temporal_ui']}")
    return bool(view["status"] == order.status)


def _decide(running: Stack, binary: Path, order: Order) -> None:
    """Skip the payment, as a person would at a terminal."""
    signal = ["workflow", "signal", "--workflow-id", f"{TENANT}:{order.id}", "--name", "skip"]
    payload = json.dumps(order.decision)
    print(f"   temporal {' '.join(signal)} --input '{payload}'")
    command = [str(binary), *signal, "--input", payload, "--address", running.temporal.address]
    subprocess.run(command, check=True, capture_output=True, timeout=DECISION_LIMIT)


def _view(http: httpx2.Client, order: Order) -> dict[str, Any]:
    view: dict[str, Any] = http.get(f"/executions/{order.id}").json()
    return view


def _status_of(answer: Mapping[str, Any]) -> str:
    """The status in an answer, which a failed saga's has among its details."""
    return str(answer.get("status") or answer["details"]["status"])


def _print_line(line: Mapping[str, JsonValue], start: datetime) -> None:
    mark = MARKS.get((str(line["kind"]), str(line["status"])))
    if mark is None:
        return
    at = (datetime.fromisoformat(str(line["at"])) - start).total_seconds()
    undo = f" {line['component']}" if str(line["kind"]).startswith("undo") else ""
    print(f"   {at:7.3f} s  {line['step']!s:<14} {mark}{undo}")


if __name__ == "__main__":
    sys.exit(main())
