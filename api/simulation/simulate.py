"""Simulates a case: loads its rules, changes and runs them as it says, and answers.

For the command. What `parse` tells is about what is to be run and what that includes, or about
every chain where nothing is to be run.
"""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from activities.errors import ComponentInvalid
from api.errors import CaseInvalid
from api.simulation.answers import Answer, not_parsed, not_run, parsed, ran
from api.simulation.book import RuleBook, Served, duplicates
from api.simulation.cases import Asked, Case, Chain, Node, Operation
from api.simulation.running import run_chain
from api.simulation.scripts import not_run as why_not_run
from api.simulation.world import World
from rules.errors import ChainInvalid, ChainUnknown

_ANY: Final = {
    f"any {kind} component": Node(type=kind, fallback=True)
    for kind in ("common", "boolean", "switch", "for", "iterator")
}
"""What `node("…")` may stand for in a case that names no components and runs nothing."""


def simulate(case: Case) -> Answer:
    """The answer to one case. Raises CaseInvalid."""
    answer: Answer = {"id": case.id}
    if twice := duplicates(case.chains):
        return answer | not_parsed(twice)
    runs = case.run is not None or case.run_el is not None or case.run_route is not None
    book = RuleBook(case.config, World())
    _change(book, case, chains=dict(case.chains), nodes=case.nodes)
    if case.ops:
        _compile(book, case)
        return answer | {"ops": [_operate(book, case, one) for one in case.ops]}
    if runs:
        return answer | _run(book, case, case, lazy=case.config.lazy)
    if not case.nodes:
        _change(book, case, nodes=_ANY)
    return answer | _check(book)


def _change(
    book: RuleBook,
    case: Case,
    *,
    chains: Mapping[str, Chain] | None = None,
    nodes: Mapping[str, Node] | None = None,
) -> None:
    try:
        book.change(chains=chains, nodes=nodes)
    except ComponentInvalid as invalid:
        raise CaseInvalid(f"nodes: {invalid}", case.id) from None


def _compile(book: RuleBook, case: Case) -> None:
    """What is good now serves when it is good no longer; unless nothing is compiled before use."""
    if not case.config.lazy:
        book.compile_all()


def _check(book: RuleBook) -> Answer:
    """Whether all chains compile; the first one that does not is told of."""
    for id in book.texts:
        problem = book.problem(id)
        if problem is not None:
            return not_parsed(problem.diagnostics)
    found = [one for id in book.texts for one in book.serving(id).compiled.found]
    return parsed(found)


def _run(book: RuleBook, case: Case, asked: Asked, *, lazy: bool) -> Answer:
    """Run what is asked for. `lazy`: what does not compile is only seen when it is run."""
    if asked.run_route is not None:
        raise CaseInvalid("run_route: chains are not chosen by their routes yet", case.id)
    given = asked.model_fields_set
    request = asked.request if "request" in given else case.request
    context = asked.ctx if "ctx" in given else case.ctx
    try:
        served = _served(book, asked)
    except ChainUnknown as unknown:
        return not_run("ChainUnknown", str(unknown))
    except ChainInvalid as invalid:
        if lazy:
            return not_run("ChainInvalid", "the chain does not compile", invalid.diagnostics)
        return not_parsed(invalid.diagnostics)
    answer = ran(run_chain(served, request, context, book.world), served.compiled.found)
    return answer | _notes(book, served, answer)


def _served(book: RuleBook, asked: Asked) -> Served:
    if asked.run_el is not None:
        return book.anonymous(asked.run_el)
    assert asked.run is not None
    return book.serving(asked.run)


def _notes(book: RuleBook, served: Served, answer: Answer) -> Answer:
    """Tell of scripts that are not run here."""
    notes: list[JsonValue] = [
        {"severity": "warning", "category": "script", "message": f"'{id}': {why}"}
        for id in served.compiled.plan.components
        if id in book.nodes and (why := why_not_run(book.nodes[id])) is not None
    ]
    found = answer.get("diagnostics")
    return {"diagnostics": [*(found if isinstance(found, list) else ()), *notes]} if notes else {}


def _operate(book: RuleBook, case: Case, one: Operation) -> Answer:
    """Carry out one operation; what it breaks is told, and quarantined."""
    answer: Answer = {"op": one.op}
    if one.op == "run":
        return answer | _run(book, case, one, lazy=True)
    if one.id is None and one.op != "reload_xml":
        raise CaseInvalid(f"ops: {one.op} needs the 'id' of what it changes", case.id)
    id = one.id or ""
    changed: Mapping[str, Chain] = {}
    match one.op:
        case "set_chain":
            changed = {id: one.chain}
            _change(book, case, chains=changed)
        case "add_node":
            _change(book, case, nodes={id: one.node or Node(type="common")})
        case "remove_chain":
            book.remove_chain(id)
        case "unload_script":
            book.remove_node(id)
        case "reload_xml":
            if twice := duplicates(one.chains):
                return answer | not_parsed(twice)
            changed = dict(one.chains)
            _change(book, case, chains=changed, nodes=one.nodes)
    _compile(book, case)
    problems = (book.problem(id) for id in changed if id in book.texts) if not case.config.lazy else ()
    broken = next((problem for problem in problems if problem is not None), None)
    return answer | (parsed() if broken is None else not_parsed(broken.diagnostics))
