"""What the rule source costs: idle polls, refreshes, start, memory; with many chains beside few.

For developers and CI; run as `python -m benchmarks.rules`, on a private MariaDB (`--sqlite`: on
files). Large and small are measured in turns in one process, and the medians of the pairs' ratios
have bounds, so that the machine counts little. The last line is JSON; the exit code is 1 when a
ratio is over its bound.
"""

import gc
import json
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

import structlog
from sqlalchemy import Engine, event, insert, update

from dev.databases import mariadb
from migrations.run import upgrade
from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.repository import PUBLISHED, ChainRepository
from rules.source.service import RuleSource
from rules.source.tables import flow_chain
from rules.source.versions import Note, record_chain

IDLE_BOUND: Final = 2.0
REFRESH_BOUND: Final = 3.0
PAIRS: Final = 101
WARM: Final = 20
IDLE_MINUTE: Final = 6
"""Polls a minute at the shortest interval that is allowed."""
COMPILED: Final = 1_000
"""Chains, one of each tenant; a source keeps 2,000 plans unless told otherwise."""
APPLICATION: Final = "bench"
COMPONENTS: Final = {f"step{i}": ComponentPolicy(id=f"step{i}", read_only=True) for i in range(50)}
FIRST: Final = "chain0"


@dataclass(frozen=True, slots=True)
class Case:
    """A database with so many chains, and a source that serves them."""

    name: str
    engine: Engine
    source: RuleSource
    chains: int


def main() -> int:
    """Measure, report, and say by the exit code whether the bounds hold."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as folder, _urls(Path(folder)) as url:
        few = _case("few", url("few"), chains=10, tenants=1)
        many = _case("many", url("many"), chains=10_000, tenants=1_000)
        wide = _case("wide", url("wide"), chains=10_000, tenants=1)
        figures = _start(many)
        for case in (few, wide):
            case.source.refresh()
        for case in (few, many, wide):
            while case.source.try_some(100):
                pass
        figures |= _ratios(few, many, wide)
        figures["commit_to_live_ms"] = round(_commit_to_live(many) * 1000, 1)
        queries = {case.name: _queries_a_minute(case) for case in (few, many)}
        for case in (few, many, wide):
            case.engine.dispose()
    bounds = {
        "idle_ratio": IDLE_BOUND,
        "idle_ratio_wide": IDLE_BOUND,
        "refresh_ratio": REFRESH_BOUND,
        "refresh_ratio_wide": REFRESH_BOUND,
    }
    ok = all(figures[name] <= bound for name, bound in bounds.items())
    ok = ok and queries["few"] == queries["many"] == IDLE_MINUTE
    _print(figures, queries)
    print(json.dumps({**figures, "idle_queries_a_minute": queries, "bounds": bounds, "ok": ok}))
    return 0 if ok else 1


def _print(figures: dict[str, float], queries: dict[str, int]) -> None:
    print("many: 10,000 chains of 1,000 tenants; wide: of one tenant; few: 10 of one tenant")
    for name, value in figures.items():
        print(f"  {name:28} {value:10}")
    print(f"  {'idle queries a minute':28} {queries['few']:10} few, {queries['many']} many")


def _ratios(few: Case, many: Case, wide: Case) -> dict[str, float]:
    figures: dict[str, float] = {}
    # Idle polls last: then the server has done with the rows that were just loaded.
    for what, act in (("refresh", _refresh), ("idle", _idle)):
        for large in (many, wide):
            mine, theirs = _pairs(act, large, few)
            ratio = median(one / other for one, other in zip(mine, theirs, strict=True))
            end = "" if large is many else "_wide"
            figures[f"{what}_ratio{end}"] = round(ratio, 2)
            figures[f"{what}_{large.name}_ms"] = round(median(mine) * 1000, 2)
            figures[f"{what}_few_ms"] = round(median(theirs) * 1000, 2)
    return figures


def _pairs(
    act: Callable[[Case, int], float], large: Case, small: Case
) -> tuple[list[float], list[float]]:
    mine: list[float] = []
    theirs: list[float] = []
    gc.collect()
    for turn in range(WARM):
        act(large, PAIRS + turn)
        act(small, PAIRS + turn)
    for turn in range(PAIRS):
        mine.append(act(large, turn))
        theirs.append(act(small, turn))
    return mine, theirs


def _idle(case: Case, _turn: int) -> float:
    started = perf_counter()
    case.source.poll()
    taken = perf_counter() - started
    assert case.source.status.last is not None
    assert case.source.status.last.outcome == "idle"
    return taken


def _refresh(case: Case, turn: int) -> float:
    """A poll that finds one changed chain, which is compiled and live at its end."""
    text = _text(turn + 1)
    _edit(case, text)
    started = perf_counter()
    case.source.poll()
    taken = perf_counter() - started
    assert case.source.snapshot.chains("t0")[FIRST].text == text
    return taken


def _edit(case: Case, text: str) -> None:
    chain = flow_chain.c
    mine = (chain.tenant_id == "t0") & (chain.chain_name == FIRST)
    with case.engine.begin() as connection:
        connection.execute(update(flow_chain).where(mine).values(chain_code=text))


def _start(case: Case) -> dict[str, float]:
    """From nothing to the first compiled chain; what all take of memory, and what is compiled."""
    started = perf_counter()
    case.source.refresh()
    case.source.snapshot.compiled("t0", FIRST)
    ready = perf_counter() - started
    again = _source(case.engine)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    again.refresh()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    for tenant in range(COMPILED):
        again.snapshot.compiled(f"t{tenant}", FIRST)
    gc.collect()
    compiled, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    _keep_versions(case)
    started = perf_counter()
    once_more = _source(case.engine)
    once_more.refresh()
    once_more.snapshot.compiled("t0", FIRST)
    compared = perf_counter() - started
    return {
        "start_to_ready_s": round(ready, 2),
        "start_with_versions_s": round(compared, 2),
        "bytes_per_chain": round((after - before) / case.chains),
        "bytes_per_plan": round((compiled - after) / COMPILED),
    }


def _keep_versions(case: Case) -> None:
    """As if every chain had been written by API: a start compares rows with their versions."""
    rows = ChainRepository(case.engine, APPLICATION, "default").read_all()
    with case.engine.begin() as connection:
        for row in rows:
            record_chain(connection, APPLICATION, "default", row, Note("CREATE"))


def _commit_to_live(case: Case) -> float:
    """From the beginning of the poll after a commit until the new version serves."""
    taken: list[float] = []
    for turn in range(11):
        _edit(case, _text(1000 + turn))
        version = case.source.snapshot.compiled("t0", FIRST).plan.sha
        started = perf_counter()
        case.source.poll()
        assert case.source.snapshot.compiled("t0", FIRST).plan.sha != version
        taken.append(perf_counter() - started)
    return median(taken)


def _queries_a_minute(case: Case) -> int:
    """What polls ask in a minute in which nothing changes."""
    asked: list[str] = []

    def count(*given: object) -> None:
        asked.append(str(given[2]))

    # An edit by SQL is written down as a version when it is read; the next look sees that.
    case.source.poll()
    event.listen(case.engine, "before_cursor_execute", count)
    for _ in range(IDLE_MINUTE):
        case.source.poll()
    event.remove(case.engine, "before_cursor_execute", count)
    return len(asked)


def _case(name: str, url: str, *, chains: int, tenants: int) -> Case:
    upgrade(url)
    engine = create_engine_for(url, "benchmark")
    rows = [
        {
            "application_name": APPLICATION,
            "tenant_id": f"t{index % tenants}",
            "chain_name": f"chain{index // tenants}",
            "chain_code": _text(index),
            "status": PUBLISHED,
        }
        for index in range(chains)
    ]
    with engine.begin() as connection:
        for at in range(0, chains, 1000):
            connection.execute(insert(flow_chain), rows[at : at + 1000])
    return Case(name, engine, _source(engine), chains)


def _source(engine: Engine) -> RuleSource:
    return RuleSource(engine, APPLICATION, "default", COMPONENTS)


def _text(index: int) -> str:
    """A chain of ten steps, another one for each number."""
    steps = [f"step{(index * 7 + i * 3 + index // 50) % 50}" for i in range(8)]
    return f"THEN({', '.join(steps)}, WHEN(step{index % 50}, step{(index + 1) % 50}));"


@contextmanager
def _urls(home: Path) -> Iterator[Callable[[str], str]]:
    if "--sqlite" in sys.argv:
        yield lambda name: f"sqlite:///{home}/{name}.db"
        return
    with mariadb(home) as server:
        yield server.create


if __name__ == "__main__":
    sys.exit(main())
