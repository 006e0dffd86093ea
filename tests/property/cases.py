"""All cases on the short chains: what goes wrong where, under which strategy, and what is decided.

A case is made of a shape, of settings for its steps (all others are done at once, and undone), and
of at most one act of an operator, at each moment at which it can make a difference. Its text says
all of it, and `key` finds it again.
"""

import random
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations, pairwise, product
from typing import Final, Literal, NamedTuple

from rules.plan import (
    ComponentPolicy,
    FailurePolicy,
    FailureStrategy,
    Plan,
    PlanNode,
    RetryPolicy,
    WhenNode,
)
from tests.property.model import Act, Action, Case, Saga, Script, Span, judge
from tests.property.shapes import HEADS, MOST_STEPS, STEPS, inner, named, shapes, steps_of, text_of

# Apart by fractions that do not add up: no two things happen at the same moment.
TAKES: Final = (1.0, 2.171875, 4.390625, 8.578125)
TIMEOUT: Final = 16.703125
INTERVAL: Final = 0.640625
DEADLINE: Final = 1000.0
ORDERS: Final = ((0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2))

Undoable = Literal["undone", "always", "plain", "read-only"]
UndoPolicy = Literal["stop", "continue"]
KINDS: Final[tuple[Undoable, ...]] = ("undone", "always", "plain", "read-only")
UNDO_POLICIES: Final[tuple[UndoPolicy, ...]] = ("stop", "continue")
FAULTS: Final[tuple[Act, ...]] = ("refuse", "error")

COMPENSATE: Final = FailurePolicy()
ROUND: Final = FailurePolicy(strategy=FailureStrategy.RETRY, rounds=1)
ROUNDS_THEN_ASK: Final = FailurePolicy(
    strategy=FailureStrategy.RETRY, rounds=2, afterwards="MANUAL", deadline=DEADLINE
)
MANUAL: Final = FailurePolicy(strategy=FailureStrategy.MANUAL, deadline=DEADLINE)
MANUAL_SKIP: Final = MANUAL.model_copy(update={"default": "skip"})
IGNORE: Final = FailurePolicy(strategy=FailureStrategy.IGNORE)


class Setting(NamedTuple):
    """What one step does and what is asked of it."""

    acts: tuple[Act, ...] = ("ok",)
    policy: FailurePolicy = COMPENSATE
    attempts: int = 1
    undos: tuple[Act, ...] = ("ok",)
    undoable: Undoable = "undone"


ANSWERS: Final[tuple[Act, ...]] = ("ok", "no")
TROUBLES: Final = (
    *(Setting(acts) for acts in (("refuse",), ("error",), ("hang",))),
    *(
        Setting(acts, attempts=2)
        for acts in (("refuse",), ("refuse", "ok"), ("error", "refuse"), ("refuse", "error"))
    ),
    *(
        Setting(acts, ROUND)
        for acts in (
            ("refuse",),
            ("error",),
            ("hang",),
            ("refuse", "ok"),
            ("error", "ok"),
            ("error", "refuse"),
        )
    ),
    *(
        Setting(acts, ROUNDS_THEN_ASK)
        for acts in (("refuse",), ("refuse", "refuse", "ok"), ("error", "refuse", "refuse", "ok"))
    ),
    *(
        Setting(acts, MANUAL)
        for acts in (("refuse",), ("error",), ("hang",), ("refuse", "ok"), ("error", "refuse"))
    ),
    *(Setting(acts, MANUAL_SKIP) for acts in (("refuse",), ("error",), ("hang",))),
    Setting(("refuse",), MANUAL_SKIP, undoable="always"),
    *(Setting(acts, IGNORE) for acts in (("refuse",), ("error",), ("hang",))),
)
# Two of these at once.
FEWER: Final = (
    Setting(("refuse",)),
    Setting(("error",)),
    Setting(("refuse", "ok"), ROUND),
    Setting(("error",), MANUAL),
    Setting(("refuse", "ok"), MANUAL),
    Setting(("refuse",), MANUAL_SKIP),
    Setting(("error",), IGNORE),
)
BAD_UNDOS: Final[tuple[tuple[Act, ...], ...]] = (("error",), ("error", "ok"), ("refuse", "ok"))


class Frame(NamedTuple):
    """A case before it is built: what its heads answer, which step takes how long, its settings."""

    root: PlanNode
    answer: Mapping[str, Act]
    order: Sequence[int]
    settings: Mapping[str, Setting]
    undo_policy: UndoPolicy


@cache
def frames(shape: PlanNode) -> Sequence[Frame]:
    """Every case of a shape in which no operator acts."""
    root = named(shape)
    steps = steps_of(root)
    heads = [path for path, head in steps.items() if head]
    orders = ORDERS if _sides(root) else ORDERS[:1]
    answers: list[Mapping[str, Act]] = [
        dict(zip(heads, answer, strict=True)) for answer in product(ANSWERS, repeat=len(heads))
    ]
    every = list(_settings(steps))
    return [
        Frame(root, answer, order, settings, undo_policy)
        for answer in answers
        for reached in [_reached(root, "0", answer)]
        for settings, undo_policy in every
        if settings.keys() <= reached
        for order in orders
    ]


def every_case(shape: PlanNode) -> Iterator[Case]:
    """Every case of a shape."""
    for frame in frames(shape):
        case = built(frame)
        yield case
        yield from acted(case)


def sample(seed: int, size: int) -> Iterator[Case]:
    """So many cases of all sizes, the same for the same seed; an operator acts in most of them."""
    chance = random.Random(seed)
    found = 0
    while found < size:
        steps = chance.choices((1, 2, 3, 4), weights=(1, 8, 36, 55))[0]
        case = built(chance.choice(frames(chance.choice(shapes(steps)))))
        if chance.random() < 0.7 and (acts := list(acted(case))):
            kind = chance.choice(sorted({_kind(act) for act in acts}))
            case = chance.choice([act for act in acts if _kind(act) == kind])
        if is_clear(case, judge(case)):
            found += 1
            yield case


def _kind(case: Case) -> str:
    assert case.action is not None
    return f"{case.action.kind} {case.action.in_flight}"


def with_key(wanted: str) -> Case:
    """The case of a key. Raises LookupError."""
    for steps in range(1, MOST_STEPS + 1):
        for shape in shapes(steps):
            if wanted.startswith(f"{text_of(named(shape))} "):
                for frame in frames(shape):
                    for case in (built(frame), *acted(built(frame))):
                        if key(case) == wanted:
                            return case
    raise LookupError(wanted)


def _settings(heads: Mapping[str, bool]) -> Iterator[tuple[dict[str, Setting], UndoPolicy]]:
    """What is set for which steps: nothing, a trouble, two, a trouble and another kind of undo."""
    yield {}, "stop"
    for path in heads:
        for trouble in TROUBLES:
            if _suits(trouble, head=heads[path]):
                yield {path: trouble}, "stop"
    for first, second in combinations(heads, 2):
        for one, two in product(FEWER, FEWER):
            if _suits(one, head=heads[first]) and _suits(two, head=heads[second]):
                yield {first: one, second: two}, "stop"
    for path, fault in product(heads, FAULTS):
        for kind in KINDS:
            yield {path: Setting((fault,), undoable=kind)}, "stop"
            for other in heads:
                if other != path:
                    yield {path: Setting((fault,)), other: Setting(undoable=kind)}, "stop"
    for path, policy in product(heads, UNDO_POLICIES):
        others = [other for other in heads if other != path]
        for number in (1, 2):
            for blocked, undos in product(combinations(others, number), BAD_UNDOS):
                bad = {other: Setting(undos=undos) for other in blocked}
                yield {path: Setting(("refuse",)), **bad}, policy
        for undos in BAD_UNDOS:
            yield {path: Setting(("error",), undos=undos)}, policy


def _suits(setting: Setting, *, head: bool) -> bool:
    """A head cannot go without an answer: it is not ignored, and skipped by a person alone."""
    without = setting.policy.strategy is FailureStrategy.IGNORE or setting.policy.default == "skip"
    return not (head and without)


def _sides(node: PlanNode) -> bool:
    return isinstance(node, WhenNode) or any(_sides(part) for part in inner(node) if part)


def _reached(node: PlanNode, path: str, answer: Mapping[str, Act]) -> set[str]:
    """The steps that can run with these answers of the heads."""
    found = {path} if not inner(node) else set()
    for index, part in enumerate(inner(node)):
        taken = node.op != "if" or index == 0 or (answer[f"{path}.0"] == "ok") is (index == 1)
        if part is not None and taken:
            found |= _reached(part, f"{path}.{index}", answer)
    return found


def built(frame: Frame) -> Case:
    """The case itself."""
    root, answer, order, settings, undo_policy = frame
    scripts, components = {}, {"undo": UNDO}
    for number, (path, head) in enumerate(steps_of(root).items()):
        # A head is read-only, unless something is said of its undo.
        setting = settings.get(path, Setting(undoable="read-only" if head else "undone"))
        acts = tuple(answer[path] if head and act == "ok" else act for act in setting.acts)
        scripts[path] = Script(acts, setting.undos, TAKES[order[number]])
        id = _component(root, path)
        components[id] = _policy(id, setting)
    plan = Plan(
        chain="short", version=1, sha="short", root=root, components=components, nodes=len(scripts)
    )
    return Case(plan, scripts, undo_policy)


@cache
def _policy(id: str, setting: Setting) -> ComponentPolicy:
    return ComponentPolicy(
        id=id,
        kind="boolean" if id in HEADS else "common",
        compensate="undo" if setting.undoable in ("undone", "always") else None,
        compensate_when="always" if setting.undoable == "always" else "unknown",
        read_only=setting.undoable == "read-only",
        retry=RetryPolicy(attempts=setting.attempts, interval=INTERVAL),
        on_failure=setting.policy,
        lost_attempts=0,
        timeout=TIMEOUT,
    )


UNDO: Final = ComponentPolicy(id="undo", retry=RetryPolicy(attempts=1))


def _component(root: PlanNode, path: str) -> str:
    number = list(steps_of(root)).index(path)
    return (HEADS if steps_of(root)[path] else STEPS)[number]


def acted(case: Case) -> Iterator[Case]:
    """The case with every act of an operator, at every moment between two things that happen."""
    ending = judge(case)
    if not is_clear(case, ending):
        return
    for at in moments(ending):
        now = [s for s in ending.spans if s.begin <= at < s.end]
        for action in _actions(case, ending, at, now):
            yield case._replace(action=action)


def moments(ending: Saga) -> list[float]:
    """One moment in each stretch of time in which nothing begins or ends."""
    last = max(span.begin for span in ending.spans) + 1
    times = sorted({t for s in ending.spans for t in (s.begin, min(s.end, last))})
    return [(early + late) / 2 for early, late in pairwise(times)]


def _actions(case: Case, ending: Saga, at: float, now: Sequence[Span]) -> Iterator[Action]:
    doing = {span.doing for span in now}
    waiting = [span.path for span in now if span.doing in ("wait", "blocked")]
    yield Action(at, "compensate")
    yield Action(at, "cancel")
    if "run" in doing:
        yield Action(at, "compensate", in_flight="cancel")
    if not waiting:
        yield Action(at, "retry")
    if "undo" in doing:  # which of two undos is first would be chance
        return
    for path in (*waiting, *((None,) if waiting else ())):
        yield Action(at, "retry", path)
        yield Action(at, "skip", path)
        if "wait" in doing and path and _component(case.plan.root, path) in HEADS:
            yield Action(at, "skip", path, output=True)
            yield Action(at, "skip", path, output=False)


def is_clear(case: Case, ending: Saga) -> bool:
    """Whether nothing hangs on which of two things of one moment comes first."""
    ends = [span.end for span in ending.spans if span.doing in ("run", "back-off")]
    cut = case.action.at if case.action is not None else None
    ties = [end for end in set(ends) if ends.count(end) > 1]
    tame = all(script.undos == ("ok",) for script in case.scripts.values())
    return not ties or (ties == [cut] and tame)


def describe(case: Case) -> str:
    """The case in words, and the command that runs it alone."""
    lines = [text_of(case.plan.root)]
    for path in case.scripts:
        id = _component(case.plan.root, path)
        lines.append(f"  {id} ({path}): {_words(case.plan.components[id], case.scripts[path])}")
    lines.append(f"  undo_policy {case.undo_policy}")
    if (action := case.action) is not None:
        said = [f"{name}={value}" for name, value in action._asdict().items() if value is not None]
        lines.append(f"  the operator: {', '.join(said)}")
    return "\n".join(lines)


def _words(policy: ComponentPolicy, script: Script) -> str:
    failure, words = policy.on_failure, [f"{', '.join(script.acts)} in {script.takes:g} s"]
    words.append(failure.strategy.value)
    if failure.strategy is FailureStrategy.RETRY:
        words.append(f"{failure.rounds} rounds then {failure.afterwards}")
    if failure.strategy is FailureStrategy.MANUAL or failure.afterwards == "MANUAL":
        words.append(f"{failure.default} after {failure.deadline:g} s")
    if policy.retry is not None and policy.retry.attempts > 1:
        words.append(f"{policy.retry.attempts} attempts")
    undo = f"undo {', '.join(script.undos)}" if policy.compensate else "no undo"
    words += [undo, policy.compensate_when if policy.compensate else ""]
    return "; ".join(word for word in (*words, "read-only" if policy.read_only else "") if word)


def key(case: Case) -> str:
    """By what the case is found again: its chain and a digest of all that it says."""
    return f"{text_of(case.plan.root)} {zlib.crc32(describe(case).encode()):08x}"
