"""Lowers the operators that follow an expression: one function each.

For `rules.lower.rows`. Each changes the draft that it gets, or puts another one around it.
"""

from typing import Final, cast

from rules.checks.terms import Applied, Constant, identity, text
from rules.lower.drafts import (
    CatchDraft,
    Draft,
    IfDraft,
    LoopDraft,
    RetryDraft,
    StepDraft,
    SwitchDraft,
    ThenDraft,
    WhenDraft,
)
from rules.lower.lowering import Lowering
from rules.lower.scope import Scope
from rules.plan import NodeRetry, Target

_MOST_RETRIES: Final = 2**31 - 1
_MILLISECONDS: Final = {"maxWaitSeconds": 1000, "maxWaitMilliseconds": 1}


def _number(applied: Applied) -> float:
    return cast("float", cast("Constant", applied.args[0].subject).value)


def _truth(applied: Applied) -> bool | None:
    """What says no is as if it were not there."""
    return True if cast("Constant", applied.args[0].subject).value else None


def lower_elif(lowering: Lowering, draft: Draft, applied: Applied, scope: Scope) -> Draft:
    """ELIF: one more arm."""
    test, then = lowering.items(applied, scope)
    cast("IfDraft", draft).arms.append((test, then))
    return draft


def lower_else(lowering: Lowering, draft: Draft, applied: Applied, scope: Scope) -> Draft:
    """ELSE: the false branch of the last arm."""
    cast("IfDraft", draft).otherwise = lowering.node(applied.args[0], scope)
    return draft


def lower_to(lowering: Lowering, draft: Draft, applied: Applied, scope: Scope) -> Draft:
    """TO: targets, each with what its head may call it."""
    targets = cast("SwitchDraft", draft).targets
    for arg in applied.args:
        name, tag = identity(arg)
        targets.append(Target(node=lowering.node(arg, scope), id=name, tag=tag))
    return draft


def lower_default(lowering: Lowering, draft: Draft, applied: Applied, scope: Scope) -> Draft:
    """DEFAULT."""
    cast("SwitchDraft", draft).default = lowering.node(applied.args[0], scope)
    return draft


def lower_do(lowering: Lowering, draft: Draft, applied: Applied, scope: Scope) -> Draft:
    """DO: the body of a loop, the handler of a CATCH."""
    node = lowering.node(applied.args[0], scope)
    if isinstance(draft, CatchDraft):
        draft.handler = node
    else:
        cast("LoopDraft", draft).body = node
    return draft


def lower_break(lowering: Lowering, draft: Draft, applied: Applied, scope: Scope) -> Draft:
    """BREAK."""
    cast("LoopDraft", draft).until = lowering.node(applied.args[0], scope)
    return draft


def lower_parallel(_lowering: Lowering, draft: Draft, applied: Applied, _scope: Scope) -> Draft:
    """parallel; the last one wins."""
    cast("LoopDraft", draft).parallel = _truth(applied)
    return draft


def lower_any(_lowering: Lowering, draft: Draft, applied: Applied, _scope: Scope) -> Draft:
    """any; takes the place of must and percentage. With `false`, all branches are awaited."""
    when = cast("WhenDraft", draft)
    when.any, when.must, when.percentage = _truth(applied), None, None
    return draft


def lower_must(_lowering: Lowering, draft: Draft, applied: Applied, _scope: Scope) -> Draft:
    """must; takes the place of any and percentage."""
    names = set()
    for arg in applied.args:
        subject = arg.subject
        names.add(str(subject.value) if isinstance(subject, Constant) else identity(arg)[0])
    when = cast("WhenDraft", draft)
    when.any, when.must, when.percentage = None, frozenset(names), None
    when.branches = applied.branches
    return draft


def lower_percentage(_lowering: Lowering, draft: Draft, applied: Applied, _scope: Scope) -> Draft:
    """percentage; takes the place of any and must."""
    when = cast("WhenDraft", draft)
    when.any, when.must, when.percentage = None, None, float(_number(applied))
    return draft


def lower_ignore_error(_lowering: Lowering, draft: Draft, applied: Applied, _scope: Scope) -> Draft:
    """ignoreError; the last one wins."""
    cast("WhenDraft", draft).ignore_error = _truth(applied)
    return draft


def lower_id(_lowering: Lowering, draft: Draft, applied: Applied, _scope: Scope) -> Draft:
    """id; the last one wins."""
    draft.id = text(applied)
    return draft


def lower_tag(_lowering: Lowering, draft: Draft, applied: Applied, _scope: Scope) -> Draft:
    """tag; the last one wins. Behind a `.retry` it is not the component's."""
    if not (isinstance(draft, StepDraft) and draft.retry is not None):
        draft.tag = text(applied)
    return draft


def lower_retry(lowering: Lowering, draft: Draft, applied: Applied, _scope: Scope) -> Draft:
    """retry: attempts of a bare component as long as one number and one set of types say it all.

    Everything else is a block that runs again.
    """
    times = max(0, int(_number(applied)))
    types = tuple(text(applied, index) for index in range(1, len(applied.args)))
    if isinstance(draft, StepDraft):
        own = draft.retry
        if own is None or not own.times:
            draft.retry = NodeRetry(times=times, types=types)
            return draft
        if own.types == types:
            product = (own.times + 1) * (times + 1) - 1
            draft.retry = NodeRetry(times=min(product, _MOST_RETRIES), types=types)
            return draft
    return RetryDraft(lowering.build(draft), times, types)


def lower_max_wait(lowering: Lowering, draft: Draft, applied: Applied, _scope: Scope) -> Draft:
    """maxWaitSeconds, maxWaitMilliseconds: of a WHEN, else of a block of its own.

    The FINALLY of a THEN is not part of that block: it runs when the time is over.
    """
    if isinstance(draft, ThenDraft) and draft.last:
        timed = WhenDraft((ThenDraft(draft.items).build(),), wraps=True, last=draft.last)
        timed.id, timed.tag = draft.id, draft.tag
        draft = timed
    elif not isinstance(draft, WhenDraft):
        draft = WhenDraft((lowering.build(draft),), wraps=True)
    draft.max_wait = int(_number(applied)) * _MILLISECONDS[applied.row.name]
    draft.names = applied.branches
    return draft


def lower_thread_pool(_lowering: Lowering, draft: Draft, _applied: Applied, _scope: Scope) -> Draft:
    """threadPool: nothing."""
    return draft
