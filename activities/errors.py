"""The one exceptions tree of `activities`; for component authors, the runner and the API.

    ActivityError
      ComponentInvalid     a component is declared wrongly; stops the process at start
      ComponentDuplicate   two functions claim one component id
      ComponentMissing     a setting names a package that cannot be loaded
      Refused              a component says: this did not happen, and it will not (author's API)
      BadInput             what a step was given has the wrong shape
      Unreadable           what a chain gives by `.data` or `.bind` is not what a component asks for
      BadOutput            what a component returned has the wrong shape
        OutputTooLarge     what a component returned would not fit Temporal's history
      ChainCallInvalid     a component runs a chain where or as it cannot be run
      ChainFailed          a chain that a component ran did not complete (`activities.sub_runs`)
      ScriptFailed         a script raised something, or was stopped
        ScriptInvalid      its text does not compile; nothing was run
      EngineDown           an engine of scripts does not start; nothing was run
      EngineGone           its process has ended (`activities.scripts.process`)
      EngineLate           its process has not answered in time
      Unconfined           its process cannot be shut off (`activities.scripts.inside.confinement`)
      Refusal              a script says what `Refused` says (`activities.scripts.inside.bindings`)
      StepError            an attempt failed, with its outcome (`activities.runner`)
      ClusterError         the cluster is not prepared for sagas (`activities.cluster`)
      MirrorError          the mirror cannot answer a question (`activities.mirror.views`)
        BadCursor          a cursor that no page of the mirror has given
      WebhookError         the webhook did not take an alert (`activities.maintenance.webhook`)
        WebhookDown        it does not answer, or cannot now
        WebhookRefused     it answers, and does not want this alert

Knows neither Temporal nor HTTP. Loads no pydantic: processes that run scripts are to be small.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue


class ActivityError(Exception):
    """Something about components or their steps is wrong."""


class ComponentInvalid(ActivityError):
    """A component is declared wrongly."""

    def __init__(self, component: str, where: str, problem: str) -> None:
        self.component = component
        self.where = where
        super().__init__(f"component '{component}' ({where}): {problem}")


class ComponentDuplicate(ActivityError):
    """Two functions claim one component id."""

    def __init__(self, component: str, first: str, second: str) -> None:
        self.component = component
        super().__init__(
            f"component id '{component}' is declared twice: in {first} and in {second}"
        )


class ComponentMissing(ActivityError):
    """A package of components cannot be loaded."""

    def __init__(self, package: str, problem: str) -> None:
        self.package = package
        super().__init__(
            f"cannot load components from '{package}': {problem}; "
            "mend the setting CHAINSAGA_COMPONENTS or install the package"
        )


class Refused(ActivityError):
    """Raised by a component: the effect did not happen, and the component knows it.

    A step whose every attempt was refused is FAILED and needs no undo; any other exception leaves
    the outcome UNKNOWN (design section 5). `code` is for programs, `details` for readers.
    `final=True` says that another attempt is pointless, whatever the retry policy allows.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "REFUSED",
        details: Mapping[str, JsonValue] | None = None,
        final: bool = False,
    ) -> None:
        self.message = message
        self.code = code
        self.details = dict(details or {})
        self.final = final
        super().__init__(message)


class BadInput(ActivityError):
    """What a step was given does not fit what its component declares."""

    code = "BAD_INPUT"

    def __init__(self, component: str, field: str, problem: str) -> None:
        self.component = component
        self.field = field
        super().__init__(f"component '{component}', parameter '{field}': {problem}")


class Unreadable(ActivityError):
    """What a chain gives by `.data` or `.bind` cannot be read as a running component asks.

    Unlike `BadInput` it comes from inside the function, so the effect may have happened.
    """

    code = "UNREADABLE"


class BadOutput(ActivityError):
    """What a component returned does not fit what it declares, or is no JSON."""

    code = "BAD_OUTPUT"

    def __init__(self, component: str, problem: str) -> None:
        self.component = component
        super().__init__(
            f"component '{component}' returned something else than it declares: {problem}"
        )


class OutputTooLarge(BadOutput):
    """The output would not fit Temporal's history (design section 5, sizes)."""

    code = "OUTPUT_TOO_LARGE"


class ChainCallInvalid(ActivityError):
    """A component runs a chain where or as it cannot be run; another attempt would not help."""

    code = "CHAIN_CALL_INVALID"


class ScriptFailed(ActivityError):
    """A script raised something, or was stopped.

    `named` is the type of what it raised, in its language, and `kinds` are what that is, too;
    `details` have the language, and the line if it is known.
    """

    def __init__(
        self,
        script: str,
        language: str,
        message: str,
        *,
        code: str = "SCRIPT_FAILED",
        named: str = "ScriptFailed",
        line: int | None = None,
        kinds: tuple[str, ...] = (),
    ) -> None:
        self.code = code
        self.named = named
        self.kinds = kinds
        self.details: dict[str, JsonValue] = {"language": language}
        if line is not None:
            self.details["line"] = line
        where = f"script '{script}'" if line is None else f"script '{script}', line {line}"
        super().__init__(f"{where}: {message}")


class ScriptInvalid(ScriptFailed):
    """The text of a script does not compile; nothing was run."""


class EngineDown(ActivityError):
    """An engine of scripts does not start, or may not run here; nothing was run."""

    code = "ENGINE_DOWN"
