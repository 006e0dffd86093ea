"""The desk where decisions are judged, one after the other, as they came.

For the saga. Signal handlers only append to the inbox; a malformed decision is recorded as
rejected, never lost. The same decision id twice is one decision. Of rejected decisions the last
ones are kept, and how many went before them. (Design section 5.)
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final

from pydantic import JsonValue, ValidationError

from rules.decisions import (
    ID_LIMIT,
    REASON_LIMIT,
    STEP_LIMIT,
    Decision,
    DecisionKind,
    DecisionRecord,
    Unread,
    Verdict,
    Waiting,
)
from rules.measuring import json_size
from rules.sizes import short
from rules.wire import Frost, SagaState
from workflows.gate import Gate
from workflows.runtime import Runtime
from workflows.sizes import Sizes

UNDO_MARK: Final = "!"
REJECTED_LIMIT: Final = 200
"""How many rejected decisions a saga remembers; each may be some kilobytes in its state."""

FORGOTTEN: Final = "forgotten"
"""The kind of the one record that stands for rejected decisions that are not kept any more."""

ANSWERS: Final[Mapping[str, tuple[type, str, str]]] = {
    "boolean": (bool, "is a condition", "true or false"),
    "switch": (str, "chooses a target", "a target's id or tag"),
    "for": (int, "counts passes", "a whole number"),
    "iterator": (list, "gives the objects of a loop", "a list"),
}
"""What a head's output must be when a person gives it, and the words for it."""
WHY_LIMIT: Final = 1000
PAYLOAD_LIMIT: Final = 1024 * 1024
"""More than any decision may hold; what is larger is not kept until it is judged."""
RECORDS_LIMIT: Final = 128 * 1024
"""Bytes of the records that are kept; rejected ones go first, the oldest before the others."""


class Rejected(Exception):
    """A decision that cannot be carried out; the words go into its record."""


class Desk:
    """Judges decisions about one execution.

    `compensate` stops the saga and has it undone; `cancel` too, if anything is left to stop.
    """

    def __init__(
        self,
        frost: Frost,
        state: SagaState,
        runtime: Runtime,
        gate: Gate,
        *,
        compensate: Callable[[Decision], None],
        cancel: Callable[[], object],
        sizes: Sizes,
    ) -> None:
        self._frost = frost
        self._state = state
        self._runtime = runtime
        self._gate = gate
        self._compensate = compensate
        self._cancel = cancel
        self._sizes = sizes
        self._came: asyncio.Future[None] | None = None

    def receive(self, kind: str, payload: JsonValue) -> None:
        """Take a signal in. Never fails."""
        try:
            size = json_size(payload)
        except ValueError:
            unread = Unread(kind=kind, unreadable="it is no JSON")
        else:
            unread = Unread(kind=kind, payload=payload)
            if size > PAYLOAD_LIMIT:
                words = f"it has {size} bytes, and {PAYLOAD_LIMIT} are allowed"
                unread = Unread(kind=kind, payload=_names(unread), unreadable=words)
        self._state.inbox.append(unread)
        if self._came is not None and not self._came.done():
            self._came.set_result(None)

    async def serve(self) -> None:
        """Judge what comes, until cancelled."""
        while True:
            self.judge_all()
            self._came = asyncio.Future()
            await self._came

    def why_not_cancel(self) -> str | None:
        """Why a cancel would do nothing now; None when it would stop the saga."""
        status, cause = self._state.status, self._state.cause
        if status.final:
            return f"the saga has ended: {status.value}"
        if status.undoing:
            return "already undoing"
        return None if cause is None else f"already stopping: {cause.value}"

    def note_cancel(self, reason: str | None, why: str | None) -> None:
        """Record a cancel, whose decision stands in its reason; `why` says why it does nothing."""
        self._note_cancel(_read(reason), why)

    def _note_cancel(self, payload: JsonValue, why: str | None) -> None:
        unread, free_id = Unread(kind="cancel", payload=payload), self._free_id("cancel")
        decision = _salvaged(unread, free_id)
        if self._knows(decision):
            if why is not None:
                return
            # It stopped the saga, so it is told, whatever else came under that id.
            decision = decision.model_copy(update={"decision_id": free_id})
        verdict = Verdict.ACCEPTED if why is None else Verdict.REJECTED
        self._record(unread, decision, verdict, why=why)

    def judge_all(self) -> None:
        """Judge what is in the inbox."""
        while self._state.inbox:
            self._judge(self._state.inbox.pop(0))
            self._gate.park_if_due()

    def _judge(self, unread: Unread) -> None:
        decision_id = self._free_id("signal")
        decision = _salvaged(unread, decision_id)
        if self._knows(decision):
            return
        if _is_cancel(unread):
            why = self.why_not_cancel()
            self._cancel()
            self._note_cancel(unread.payload, why)
            return
        try:
            decision = _parse(unread, decision_id)
            path = self._carry_out(DecisionKind(unread.kind), decision)
        except Rejected as error:
            self._record(unread, decision, Verdict.REJECTED, why=str(error))
        else:
            self._record(unread, decision, Verdict.ACCEPTED, path=path)

    def _knows(self, decision: Decision) -> bool:
        return any(known.decision_id == decision.decision_id for known in self._state.decisions)

    def _free_id(self, kind: str) -> str:
        """An id for a decision that came without one."""
        taken = {known.decision_id for known in self._state.decisions}
        numbers = count(len(taken) + 1)
        return next(id for number in numbers if (id := f"{kind}-{number}") not in taken)

    def _carry_out(self, kind: DecisionKind, decision: Decision) -> str | None:
        """Act on a decision; the path it acted on. Raises Rejected."""
        action = decision.action if kind is DecisionKind.MANUAL_DECISION else kind.value
        status = self._state.status
        if status.final:
            raise Rejected(f"the saga has ended: {status.value}")
        if action is None:
            raise Rejected("a manual_decision needs an action: retry, skip or compensate")
        if action == "compensate":
            if status.undoing:
                raise Rejected("already undoing")
            if not self._frost.options.saga:
                raise Rejected("this execution runs without saga: nothing would be undone")
            if self._state.cause is not None:
                raise Rejected(f"already stopping: {self._state.cause.value}")
            self._compensate(decision)
            return None
        waiting = self._addressed(decision)
        if action == "skip" and not status.undoing:
            self._check_output(waiting, decision)
        objection = self._sizes.take(decision, undoing=status.undoing)
        if objection is not None:
            raise Rejected(objection)
        # Its context is merged by now.
        waiting.answer = decision.model_copy(update={"action": action, "context": None})
        self._gate.decide(waiting.path, waiting.answer)
        return waiting.path

    def _addressed(self, decision: Decision) -> Waiting:
        """The one wait that a decision is about. Raises Rejected."""
        undoing = self._state.status.undoing
        open_waits = [
            waiting
            for waiting in self._state.waiting.values()
            if waiting.person
            and waiting.answer is None
            and waiting.path.endswith(UNDO_MARK) == undoing
            and self._gate.waits(waiting.path)
        ]
        step = decision.step
        if step is not None:
            names = (step, f"{step}{UNDO_MARK}")
            exact = [waiting for waiting in open_waits if waiting.path in names]
            open_waits = exact or [w for w in open_waits if w.component == step]
        if len(open_waits) == 1:
            return open_waits[0]
        if open_waits:
            listed = ", ".join(f"{w.path} ({w.component})" for w in open_waits)
            raise Rejected(f"several steps wait, name one as 'step': {listed}")
        raise Rejected(self._nothing_waits(step))

    def _nothing_waits(self, step: str | None) -> str:
        for record in reversed(self._state.decisions):
            about = step in (None, record.path, record.step)
            if record.verdict is Verdict.ACCEPTED and about:
                return f"already decided by {record.operator} at {record.at.isoformat()}"
        what = f"'{step}'" if step else "no step"
        return f"{what} {'does not wait' if step else 'waits'} for a decision"

    def _check_output(self, waiting: Waiting, decision: Decision) -> None:
        policy = self._frost.plan.components[waiting.component]
        answer = ANSWERS.get(policy.kind)
        if answer is not None and not isinstance(decision.output, answer[0]):
            raise Rejected(
                f"'{waiting.component}' {answer[1]}: skipping it needs an output, {answer[2]}"
            )
        wanted = any(
            need.name == waiting.component and not need.optional
            for other in self._frost.plan.components.values()
            for need in other.needs.outputs
        )
        if wanted and decision.output is None:
            raise Rejected(
                f"the output of '{waiting.component}' is needed later: "
                "skipping it needs an 'output' in its place"
            )

    def _record(
        self,
        unread: Unread,
        decision: Decision,
        verdict: Verdict,
        *,
        why: str | None = None,
        path: str | None = None,
    ) -> None:
        record = DecisionRecord(
            kind=unread.kind,
            decision_id=decision.decision_id,
            operator=decision.operator,
            reason=decision.reason,
            step=decision.step,
            action=decision.action,
            at=self._runtime.now(),
            verdict=verdict,
            why=None if why is None else short(why, WHY_LIMIT),
            path=path,
        )
        self._state.decisions.append(record)
        while self._too_many():
            self._forget()

    def _too_many(self) -> bool:
        """Whether a record must go: too many rejected ones, or too many bytes in all."""
        records = self._state.decisions
        rejected = [record for record in records if record.verdict is Verdict.REJECTED]
        if sum(record.kind != FORGOTTEN for record in rejected) > REJECTED_LIMIT:
            return True
        return sum(map(json_size, records)) > RECORDS_LIMIT

    def _forget(self) -> None:
        """Let the oldest record go, a rejected one if there is one; one at the head counts."""
        records = self._state.decisions
        noted = next((record for record in records if record.kind == FORGOTTEN), None)
        known = [record for record in records if record is not noted]
        rejected = [record for record in known if record.verdict is Verdict.REJECTED]
        gone = (rejected or known)[0]
        records.remove(gone)
        before = 0
        if noted is not None:
            before = int((noted.why or "0").split()[0])
            records.remove(noted)
        note = DecisionRecord(
            kind=FORGOTTEN,
            decision_id=f"chainsaga.{FORGOTTEN}",
            operator="chainsaga",
            at=gone.at,
            verdict=Verdict.REJECTED,
            why=f"{before + 1} older decisions are not kept",
        )
        records.insert(0, note)


def _is_cancel(unread: Unread) -> bool:
    """Whether it is a cancel that came as a signal.

    Temporal tells a run of its first cancel only; the API hands on further ones like this, so that
    they are recorded. Temporal gives a run its signals first, so one of them may be what stops it.
    """
    action = unread.payload.get("action") if isinstance(unread.payload, dict) else None
    return unread.kind == DecisionKind.MANUAL_DECISION and action == "cancel"


def _parse(unread: Unread, decision_id: str) -> Decision:
    if unread.unreadable is not None:
        raise Rejected(unread.unreadable)
    payload = {} if unread.payload is None else unread.payload
    if not isinstance(payload, dict):
        raise Rejected('a decision is an object such as {"decision_id": …, "operator": …}')
    try:
        return Decision.model_validate({"decision_id": decision_id, **payload})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])[:STEP_LIMIT]
        raise Rejected(f"malformed: {where}: {first['msg']}") from error


def _read(reason: str | None) -> JsonValue:
    """A cancel's reason: a decision as JSON from the API, else words of whoever cancelled."""
    if not reason:
        return None
    try:
        found: JsonValue = json.loads(reason)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"reason": reason}


def _salvaged(unread: Unread, decision_id: str) -> Decision:
    """What can be told of a malformed decision: its id and operator where they are readable."""
    return Decision.model_validate({"decision_id": decision_id, **_names(unread)})


def _names(unread: Unread) -> dict[str, JsonValue]:
    """Who decides what, and why, where that is readable."""
    payload = unread.payload if isinstance(unread.payload, dict) else {}
    known: dict[str, JsonValue] = {}
    for name, limit in (
        ("decision_id", ID_LIMIT),
        ("operator", ID_LIMIT),
        ("reason", REASON_LIMIT),
    ):
        value = payload.get(name)
        if isinstance(value, str) and value:
            known[name] = value[:limit]
    return known
