"""What the interpreter costs: CPU of server and worker per saga, against a hand-written workflow.

Run as `python -m benchmarks.interpreter_tax`. Five no-op steps as a chain (mirror on) and as
`benchmarks.handwritten`, each with a worker process of its own on one Temporal dev server, in
interleaved rounds; the hand-written one runs twice in each round, and must agree with itself, or
the machine is too noisy to say. Exits 1 when over the bound, 2 when inconclusive.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from temporalio.client import Client
from temporalio.common import TypedSearchAttributes
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.registry import discover
from dev.processes import ChildProcess, running, wait_until
from dev.stack import ROOT, product_environment, product_process
from dev.temporal_server import DevServer, dev_server
from dev.tools import temporal_binary
from migrations.run import upgrade
from rules.compiler import ChainText, compile_chain
from rules.wire import ChainInput, Frost
from workflows.temporal import start_attributes

BOUND: Final = 1.25
AGREE: Final = (0.95, 1.05)
ROUNDS: Final = 24
WARM_UP: Final = 3
SAGAS: Final = 12
COMPONENTS: Final = "benchmarks.noop"

Run = Callable[[str], Awaitable[object]]


def main() -> int:
    """Measure and print; the last line is JSON."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as parts:
        home = Path(folder)
        server = parts.enter_context(dev_server(temporal_binary(), log=home / "temporal.log"))
        upgrade(f"sqlite:///{home}/chainsaga.db")
        chain_worker = parts.enter_context(
            product_process("worker", home, _environment(home, server, "chain"))
        )
        hand_worker = parts.enter_context(
            running(
                [sys.executable, "-m", "benchmarks.handwritten_worker"],
                name="hand-written worker",
                log=home / "hand.log",
                env=_environment(home, server, "hand"),
                cwd=ROOT,
            )
        )
        for child in (chain_worker, hand_worker):
            wait_until(partial(_is_ready, child), 60, "the worker", child=child)
        rounds = asyncio.run(_measure(server, chain_worker, hand_worker))
    return _report(rounds)


async def _measure(
    server: DevServer, chain_worker: ChildProcess, hand_worker: ChildProcess
) -> list[tuple[float, float, float]]:
    """CPU milliseconds per saga of (hand-written, chain, hand-written again), per round."""
    client = await Client.connect(server.address, data_converter=pydantic_data_converter)
    frost = _frost()
    attributes = TypedSearchAttributes(start_attributes("1", frost))

    async def chain(id: str) -> object:
        return await client.execute_workflow(
            "fiveSteps",
            ChainInput(frost=frost),
            id=f"1:{id}",
            task_queue="chain",
            search_attributes=attributes,
        )

    async def hand(id: str) -> object:
        return await client.execute_workflow("handwritten", id, id=id, task_queue="hand")

    rounds = []
    for number in range(-WARM_UP, ROUNDS):
        first = await _cpu(hand, f"a{number}", server.process, hand_worker)
        tax = await _cpu(chain, f"b{number}", server.process, chain_worker)
        second = await _cpu(hand, f"c{number}", server.process, hand_worker)
        if number >= 0:
            rounds.append((first, tax, second))
            print(f"round {number + 1:2}: {first:6.2f} {tax:6.2f} {second:6.2f} ms", flush=True)
    return rounds


async def _cpu(run: Run, name: str, *processes: ChildProcess) -> float:
    before = sum(_cpu_seconds(process.pid) for process in processes)
    for number in range(SAGAS):
        await run(f"{name}-{number}")
    # The mirror's last batch and visibility are written a moment after the last saga ends.
    await asyncio.sleep(0.15)
    return (sum(_cpu_seconds(process.pid) for process in processes) - before) / SAGAS * 1000


def _is_ready(worker: ChildProcess) -> bool:
    return "worker ready" in worker.log.read_text()


def _cpu_seconds(pid: int) -> float:
    """CPU time of a whole process, threads that ended included (Linux' clock of a process)."""
    return time.clock_gettime((~pid << 3) | 2)


def _report(rounds: Sequence[tuple[float, float, float]]) -> int:
    ratio = median(chain / ((first + second) / 2) for first, chain, second in rounds)
    itself = median(second / first for first, _, second in rounds)
    conclusive = AGREE[0] <= itself <= AGREE[1]
    within = ratio <= BOUND
    verdict = ("within" if within else "over") if conclusive else "inconclusive"
    print(
        f"chain / hand-written: {ratio:.3f} (at most {BOUND}); hand-written / itself: {itself:.3f}"
    )
    figures = {
        "benchmark": "interpreter_tax",
        "rounds": len(rounds),
        "sagas_per_round": SAGAS,
        "handwritten_cpu_ms": round(median(first for first, _, _ in rounds), 2),
        "chain_cpu_ms": round(median(chain for _, chain, _ in rounds), 2),
        "ratio": round(ratio, 3),
        "handwritten_against_itself": round(itself, 3),
        "bound": BOUND,
        "verdict": verdict,
    }
    print(json.dumps(figures))
    return {"within": 0, "over": 1, "inconclusive": 2}[verdict]


def _frost() -> Frost:
    text = "THEN(noop1, noop2, noop3, noop4, noop5)"
    policies = discover([COMPONENTS]).policies
    compiled = compile_chain(
        "fiveSteps", chains={"fiveSteps": ChainText("fiveSteps", text)}, components=policies
    )
    return Frost(plan=compiled.plan, request_sha="")


def _environment(home: Path, server: DevServer, queue: str) -> dict[str, str]:
    return product_environment(home, server.address, server.ui_url, 0) | {
        "CHAINSAGA_COMPONENTS": COMPONENTS,
        "CHAINSAGA_TASK_QUEUE": queue,
    }


if __name__ == "__main__":
    sys.exit(main())
