"""All cases on the short chains: what goes wrong where, under which strategy, and what is decided.

A case is made of a shape, of the answers of its heads, of settings for its steps (all others are
done at once, and undone), and of at most one act of an operator, at a moment at which it can make
a difference. `key` finds it again.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import count, islice, pairwise
from typing import Final, Literal, NamedTuple, cast

from rules.plan import ComponentPolicy, RetryPolicy
from tests.property.chains import KINDS, Answers, answers, compiled, places
from tests.property.model import Saga, judge
from tests.property.model_case import Action, Answer, Case, Script, Span, place_of, turn_of
from tests.property.settings import Setting, UndoPolicy, all_settings, fit, some_settings
from tests.property.shapes import MOST_NODES, Shape, of_nodes, random_shape, text_of

# Apart by fractions that do not add up: no two things happen at the same moment.
TAKES: Final = (1.0, 2.171875, 4.390625, 8.578125)
TIMEOUT: Final = 16.703125
INTERVAL: Final = 0.640625
ORDERS: Final = ((0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2))

MOST_STEPS: Final = 4
MOST_OPERATORS: Final = 4
FEW_NODES: Final = 3
DRAWN_ACTS: Final = 20
DRAWN: Final = "drawn"
MOST_DRAWS: Final = 50
CORE: Final = ("THEN({0}, {1})", "THEN({0}, {1}, {2})", "WHEN({0}, {1})", "WHEN({0}, {1}, {2})")

Much = Literal["all", "some"]
SETTINGS: Final = {"all": all_settings, "some": some_settings}


class Frame(NamedTuple):
    """A case before it is built: what its heads answer, which step takes how long, its settings."""

    shape: Shape
    answer: Answers
    order: Sequence[int]
    settings: Mapping[str, Setting]
    undo_policy: UndoPolicy
    key: str


def is_core(shape: Shape) -> bool:
    """Whether it has only THEN, WHEN, IF and CATCH, of which larger chains are tried in full."""
    form = shape.form.text
    own = shape.is_step or form in CORE or form.startswith(("IF", "CATCH"))
    return own and all(map(is_core, shape.parts))


@cache
def nodes_of(shape: Shape) -> int:
    """How many nodes a shape has."""
    return shape.form.nodes + sum(map(nodes_of, shape.parts))


def tried(shape: Shape) -> Iterator[Case]:
    """Every case of a shape that is tried: the fewer nodes it has, the more.

    An operator acts in every case of the core, in less of what can be set for other shapes, and in
    a few cases of those with four nodes.
    """
    small = nodes_of(shape) <= FEW_NODES
    for case, ending in every_case(shape, "all" if small or is_core(shape) else "some"):
        yield case
        if is_core(shape):
            yield from acted(case, ending)
    if small and not is_core(shape):
        for case, ending in every_case(shape, "some"):
            yield from acted(case, ending)
    elif not is_core(shape):
        yield from drawn_acts(shape)


def frames(shape: Shape, much: Much) -> Iterator[Frame]:
    """Every case of a shape in which no operator acts, also those that tell nothing new."""
    where, number = places(shape), count()
    every = [settings for settings in SETTINGS[much](where) if fit(settings, where)]
    for answer in answers(shape):
        for settings, undo_policy in every:
            for order in _orders(shape):
                key = f"{text_of(shape)} {much} {next(number)}"
                yield Frame(shape, answer, order, settings, undo_policy, key)


def _orders(shape: Shape) -> Sequence[Sequence[int]]:
    """Which step takes how long matters where things go on side by side, or have a limit."""
    races = ("WHEN", "parallel", "maxWait")
    return ORDERS if any(word in text_of(shape) for word in races) else ORDERS[:1]


def every_case(shape: Shape, much: Much) -> Iterator[tuple[Case, Saga]]:
    """Every case of a shape without an operator's act, with what it must come to."""
    known = set()
    for frame in frames(shape, much):
        case = built(frame)
        ending = judge(case)
        if not is_clear(case, ending) or not _meets(frame, ending):
            continue
        told = [(path, case.script(path).answer(path)) for path in ending.entries]
        said = (tuple(told), frame.undo_policy, tuple(frame.settings.items()), tuple(frame.order))
        if said not in known:
            known.add(said)
            yield case, ending


def _meets(frame: Frame, ending: Saga) -> bool:
    """Whether every setting comes into play."""
    begun = {(place_of(path), turn_of(path)) for path in ending.entries}
    return all(
        any(place == at and setting.only in (None, turn) for at, turn in begun)
        for place, setting in frame.settings.items()
    )


def acted(case: Case, ending: Saga) -> Iterator[Case]:
    """The case with every act of an operator, at every moment between two things that happen."""
    number = count()
    for at in moments(ending):
        now = [s for s in ending.spans if s.begin <= at < s.end]
        for action in _actions(case, ending, at, now):
            yield case._replace(action=action, key=f"{case.key}.{next(number)}")


def moments(ending: Saga) -> list[float]:
    """One moment in each stretch of time in which nothing begins or ends."""
    last = max((span.begin for span in ending.spans), default=0.0) + 1
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
        if "wait" in doing and path:
            for output in _outputs(case, path, ending):
                yield Action(at, "skip", path, output)


def _outputs(case: Case, path: str, ending: Saga) -> tuple[Answer, ...]:
    """What a person may give in the place of a head's answer, right or wrong."""
    match KINDS[ending.entries[path].component]:
        case "boolean":
            return (True, False, 1)
        case "for":
            return (1, 0, "1")
        case "iterator":
            return (("z",), 1)
        case "switch":
            return (case.script(path).answer(path), "nowhere", True)
    return ()


def drawn_acts(shape: Shape) -> Iterator[Case]:
    """Some cases of a shape in which an operator acts, the same each time."""
    chance = random.Random(text_of(shape))
    every = list(every_case(shape, "some"))
    for case, ending in chance.sample(every, min(len(every), DRAWN_ACTS)):
        if acts := list(acted(case, ending)):
            yield chance.choice(acts)


def sample(seed: int, size: int) -> Iterator[Case]:
    """So many cases of all sizes, the same for the same seed; an operator acts in most of them."""
    found = 0
    for number in count():
        case = drawn(f"{seed}/{number}")
        if case is not None:
            found += 1
            yield case
        if found == size:
            return


def one_of(shape: Shape, seed: int) -> Case | None:
    """One case of a shape; None where each has two things at one moment."""
    key = f"{text_of(shape)} {DRAWN} {seed}"
    chance = random.Random(key)
    cases = (drawn_of(shape, key, chance) for _ in range(MOST_DRAWS))
    return next((case for case in cases if case is not None), None)


def drawn(key: str) -> Case | None:
    """The case of a seed; None where two things would be at one moment."""
    chance = random.Random(key)
    steps = chance.choices((1, 2, 3, 4), weights=(4, 16, 36, 44))[0]
    return drawn_of(random_shape(chance, steps, MOST_OPERATORS), key, chance)


def drawn_of(shape: Shape, key: str, chance: random.Random) -> Case | None:
    """A random case of a shape."""
    if not answers(shape):
        return None
    answer, order, where = (
        chance.choice(answers(shape)),
        chance.choice(_orders(shape)),
        places(shape),
    )
    settings, undo_policy = chance.choice([s for s in all_settings(where) if fit(s, where)])
    case = built(Frame(shape, answer, order, settings, undo_policy, key))
    ending = judge(case)
    if not is_clear(case, ending):
        return None
    if chance.random() < 0.7 and (acts := list(acted(case, ending))):
        kind = chance.choice(sorted({_kind(act) for act in acts}))
        case = chance.choice([act for act in acts if _kind(act) == kind])
    return case._replace(key=key) if is_clear(case, judge(case)) else None


def _kind(case: Case) -> str:
    assert case.action is not None
    return f"{case.action.kind} {case.action.in_flight}"


def with_key(wanted: str) -> Case:
    """The case of a key. Raises LookupError."""
    if " " not in wanted and (case := drawn(wanted)) is not None:
        return case
    text, much, numbers = wanted.rsplit(" ", 2)
    for shape in (shape for nodes in range(1, MOST_NODES + 1) for shape in of_nodes(nodes)):
        if text_of(shape) == text and much == DRAWN:
            found = one_of(shape, int(numbers))
            assert found is not None
            return found
        if text_of(shape) == text:
            number = int(numbers.partition(".")[0])
            case = built(next(islice(frames(shape, cast("Much", much)), number, None)))
            for found in (case, *acted(case, judge(case))):
                if found.key == wanted:
                    return found
    raise LookupError(wanted)


def built(frame: Frame) -> Case:
    """The case itself."""
    plan, scripts = compiled(frame.shape), {}
    components = {"undo": UNDO}
    for number, (path, node) in enumerate(places(frame.shape).items()):
        head = KINDS[node.component] != "common"
        # A head is read-only, unless something is said of its undo.
        setting = frame.settings.get(path, Setting(undoable="read-only" if head else "undone"))
        takes = TAKES[frame.order[number]]
        given = frame.answer.get(path, (None,))
        scripts[path] = Script(setting.acts, setting.undos, takes, given, setting.only)
        components[node.component] = _policy(node.component, setting)
    plan = plan.model_copy(update={"components": components})
    return Case(plan, scripts, frame.undo_policy, text=text_of(frame.shape), key=frame.key)


@cache
def _policy(id: str, setting: Setting) -> ComponentPolicy:
    return ComponentPolicy(
        id=id,
        kind=KINDS[id],
        compensate="undo" if setting.undoable in ("undone", "always") else None,
        compensate_when="always" if setting.undoable == "always" else "unknown",
        read_only=setting.undoable == "read-only",
        retry=RetryPolicy(attempts=setting.attempts, interval=INTERVAL),
        on_failure=setting.policy,
        lost_attempts=0,
        timeout=TIMEOUT,
    )


UNDO: Final = ComponentPolicy(id="undo", retry=RetryPolicy(attempts=1))


def is_clear(case: Case, ending: Saga) -> bool:
    """Whether nothing hangs on which of two things of one moment comes first."""
    ends = [span.end for span in ending.spans if span.doing in ("run", "back-off")]
    ends += {span.end for span in ending.spans if span.doing == "limit"}
    cut = case.action.at if case.action is not None else None
    ties = [end for end in set(ends) if ends.count(end) > 1]
    tame = all(script.undos == ("ok",) for script in case.scripts.values())
    return not ending.unclear and (not ties or (ties == [cut] and tame))
