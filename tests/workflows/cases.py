"""What a case of the tables of operators is, and the words in which they are written.

In the texts `a` to `k` are scripted steps with
their letter as tag; `x`, `y` and `z` are boolean heads, `s` chooses, `n` counts, `i` iterates.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from rules.execution import Cause, EntryStatus, Status
from rules.plan import FailurePolicy
from tests.workflows.dramas import PLAIN, Scene

HEADS = {"x": "test", "y": "test", "z": "test", "s": "chooses", "n": "counts", "i": "iterates"}
OUTCOMES = {"!": EntryStatus.FAILED, "?": EntryStatus.UNKNOWN, "-": EntryStatus.SKIPPED}

DONE, FAILED = Status.COMPLETED, Status.FAILED
UNDONE, CANCELLED = Status.COMPENSATED, Status.CANCELLED

TOLD = "told"
LOST = "a branch that parks may have lost when the run goes on, and never starts its next step"


@dataclass(frozen=True, slots=True)
class Case:
    """One saga.

    `ran` are the tags of its steps with their outcomes: `b!` failed, `b?` is unknown, `b-` was
    skipped by a person; in the order of starting, which is checked where nothing runs side by side.
    `undos` are the tags of what is undone, in order; `b/c` in any order. `refused` are tags whose
    every act is `refuse`. `attempts` are those of some tags. After the scenes, and once the steps
    in `after` have ended, the mark `told` is told. `in_one_run` says why it may end otherwise when
    it continues as new.
    """

    chain: str
    ran: str
    undos: str = ""
    status: Status = DONE
    refused: str = ""
    acts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    includes: Mapping[str, str] = field(default_factory=dict)
    scenes: tuple[Scene, ...] = ()
    after: str = ""
    cause: Cause | None = None
    code: str | None = None
    attempts: Mapping[str, int] = field(default_factory=dict)
    context: Mapping[str, JsonValue] = field(default_factory=dict)
    policy: FailurePolicy = PLAIN
    options: Mapping[str, Any] = field(default_factory=dict)
    changed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    in_one_run: str = ""

    @property
    def script(self) -> dict[str, list[str]]:
        acts = {tag: ["refuse"] for tag in self.refused.split()}
        return acts | {key: list(found) for key, found in self.acts.items()}

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.chain, *self.includes.values())

    @property
    def outcomes(self) -> list[tuple[str, EntryStatus]]:
        """The steps in the order of `ran`, each with how it ended going forward."""
        return [
            (word.rstrip("!?-"), OUTCOMES.get(word[-1], EntryStatus.COMPLETED))
            for word in self.ran.split()
        ]

    @property
    def ordered(self) -> bool:
        """Whether nothing in it runs side by side."""
        words = {word for text in self.texts for word in words_of(text)}
        return not words & {"WHEN", "PAR", "parallel", "maxWaitMilliseconds", "maxWaitSeconds"}


def words_of(text: str) -> list[str]:
    """The words of a text, without its strings."""
    return re.findall(r"\w+", re.sub(r'"[^"]*"', "", text))


def whole(text: str) -> str:
    """The text with a definition in front for each letter in it."""
    letters = dict.fromkeys(word for word in words_of(text) if re.fullmatch("[a-z]", word))
    defined = [f'{name} = {HEADS.get(name, "work")}.tag("{name}");' for name in letters]
    return " ".join([*defined, text])


def cancelled(
    chain: str,
    ran: str,
    undos: str,
    acts: Mapping[str, Sequence[str]] | None = None,
    **more: Any,
) -> Case:
    """A cancel while the step `b` runs, which ends after the cancel has been taken in."""
    acts = {"b": ["until told"], **(acts or {})}
    scenes = (Scene(Status.RUNNING, (), "cancel"),)
    return Case(chain, ran, undos, CANCELLED, acts=acts, scenes=scenes, cause=Cause.CANCEL, **more)


def asked(kind: str, *waiting: str) -> tuple[Scene, ...]:
    """A person decides while these steps wait."""
    return (Scene(Status.WAITING_DECISION, waiting, kind),)


def slug(id: str) -> str:
    """An id as part of a workflow's id or a file's name."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", id)
