"""What can be set for the steps of a chain: troubles, strategies, undos, and all that is tried."""

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Final, Literal, NamedTuple, TypeAlias

from rules.plan import FailurePolicy, FailureStrategy, StepNode
from tests.property.chains import KINDS, Places
from tests.property.model_case import Act

DEADLINE: Final = 1000.0

Undoable = Literal["undone", "always", "plain", "read-only"]
UndoPolicy = Literal["stop", "continue"]
UNDOABLES: Final[tuple[Undoable, ...]] = ("undone", "always", "plain", "read-only")
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
    """What one step does and what is asked of it. `only`: in one pass, see `Script`."""

    acts: tuple[Act, ...] = ("ok",)
    policy: FailurePolicy = COMPENSATE
    attempts: int = 1
    undos: tuple[Act, ...] = ("ok",)
    undoable: Undoable = "undone"
    only: int | None = None


Settings: TypeAlias = tuple[Mapping[str, Setting], UndoPolicy]

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
# What a `.retry` makes another thing of.
RETRIED: Final = (
    Setting(("refuse", "ok")),
    Setting(("error", "ok")),
    Setting(("refuse", "error")),
    Setting(("error", "refuse")),
    Setting(("refuse", "refuse", "ok"), attempts=2),
)
BAD_UNDOS: Final[tuple[tuple[Act, ...], ...]] = (("error",), ("error", "ok"), ("refuse", "ok"))


def all_settings(places: Places) -> Iterator[Settings]:
    """What is set for which steps: nothing, a trouble, two, a trouble and another kind of undo."""
    yield {}, "stop"
    for path, node in places.items():
        for trouble in (*TROUBLES, *(RETRIED if node.retry else ())):
            yield from _in_passes({path: trouble}, path)
    for first, second in combinations(places, 2):
        for one, two in product(FEWER, FEWER):
            yield {first: one, second: two}, "stop"
    for path, fault in product(places, FAULTS):
        for kind in UNDOABLES:
            yield {path: Setting((fault,), undoable=kind)}, "stop"
            for other in places:
                if other != path:
                    yield {path: Setting((fault,)), other: Setting(undoable=kind)}, "stop"
    for path, policy in product(places, UNDO_POLICIES):
        others = [other for other in places if other != path]
        for number in (1, 2):
            for blocked, undos in product(combinations(others, number), BAD_UNDOS):
                bad = {other: Setting(undos=undos) for other in blocked}
                yield {path: Setting(("refuse",)), **bad}, policy
        for undos in BAD_UNDOS:
            yield {path: Setting(("error",), undos=undos)}, policy


def some_settings(places: Places) -> Iterator[Settings]:
    """Less: every outcome of every step, and one step with each strategy or a bad undo."""
    for acts in product((None, *FAULTS), repeat=len(places)):
        given = {path: Setting((act,)) for path, act in zip(places, acts, strict=True) if act}
        yield given, "stop"
    for path, node in places.items():
        for trouble in (*FEWER, Setting(("hang",)), *(RETRIED if node.retry else ())):
            yield from _in_passes({path: trouble}, path)
        for policy in UNDO_POLICIES:
            bad = {other: Setting(undos=("error", "ok")) for other in places if other != path}
            yield {path: Setting(("error",), undos=("error", "ok"))}, policy
            yield {path: Setting(("refuse",)), **bad}, policy


def _in_passes(given: Mapping[str, Setting], path: str) -> Iterator[Settings]:
    """In all passes that a step stands in, and in one alone."""
    yield given, "stop"
    if "#" in path or "~" in path:
        for only in (0, 1):
            yield {path: given[path]._replace(only=only)}, "stop"


def suits(setting: Setting, node: StepNode) -> bool:
    """Whether it can be set for a step.

    A head cannot go without an answer: it is not ignored, and skipped by a person alone. What
    hangs has one attempt.
    """
    policy, head = setting.policy, KINDS[node.component] != "common"
    without = policy.strategy is FailureStrategy.IGNORE or policy.default == "skip"
    return not (head and without) and not (node.retry and "hang" in setting.acts)


def fit(settings: Settings, places: Places) -> bool:
    """Whether all of it can be set."""
    return all(suits(setting, places[path]) for path, setting in settings[0].items())
