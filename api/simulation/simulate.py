"""Simulates a case: loads its rules, changes and runs them as it says, and answers.

For the command. What `parse` tells is about what is to be run and what that includes, or about
every chain where nothing is to be run.
"""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from activities.errors import ComponentInvalid
from api.errors import CaseInvalid
from api.simulation.answers import Answer, not_parsed, not_run, parsed, ran, routed
from api.simulation.book import NAMESPACE, RuleBook, Served, duplicates
from api.simulation.cases import Asked, Case, Chain, Node, Operation
from api.simulation.running import Given, run_chain, run_routes
from api.simulation.scripts import not_run as why_not_run
from api.simulation.world import World
from rules.errors import ChainInvalid, ChainUnknown, RoutesUnknown

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
    """Whether all chains and routes compile; the first one that does not is told of."""
    for id, text in book.texts.items():
        try:
            if text.routed:
                book.route(id)
        except ChainInvalid as invalid:
            return not_parsed(invalid.diagnostics)
        problem = book.problem(id)
        if problem is not None and not book.template(id):
            return not_parsed(problem.diagnostics)
    served = (book.serving(id) for id in book.texts if book.problem(id) is None)
    return parsed([one for good in served for one in good.compiled.found])


def _run(book: RuleBook, case: Case, asked: Asked, *, lazy: bool) -> Answer:
    """Run what is asked for. `lazy`: what does not compile is only seen when it is run."""
    own = asked.model_fields_set
    given = Given(
        asked.request if "request" in own else case.request,
        asked.ctx if "ctx" in own else case.ctx,
    )
    try:
        if asked.run_route is not None:
            return _run_routes(book, asked.run_route.namespace or NAMESPACE, given)
        served = _served(book, asked)
    except (ChainUnknown, RoutesUnknown) as unknown:
        return not_run(type(unknown).__name__, str(unknown))
    except ChainInvalid as invalid:
        # To load a template is no error.
        if lazy or (asked.run is not None and book.template(asked.run)):
            return not_run("ChainInvalid", "the chain does not compile", invalid.diagnostics)
        return not_parsed(invalid.diagnostics)
    answer = ran(run_chain(served, given, book), served.compiled.found)
    return answer | _notes(book, served, answer)


def _run_routes(book: RuleBook, namespace: str, given: Given) -> Answer:
    """Run the chains whose routes match. Raises RoutesUnknown, and ChainInvalid for one of them."""
    chains = book.routed(namespace)
    routes = {id: book.route(id) for id in chains}
    runs = run_routes(routes, {id: book.serving(id) for id in chains}, given, book)
    if not runs:
        words = f"no route in the namespace '{namespace}' matches: {', '.join(chains)}"
        return not_run("NoRouteMatches", words)
    return routed(runs)


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
    problems = (
        (book.problem(id) for id in changed if id in book.texts) if not case.config.lazy else ()
    )
    broken = next((problem for problem in problems if problem is not None), None)
    return answer | (parsed() if broken is None else not_parsed(broken.diagnostics))
