"""The engines of this process: what runs scripts, language by language.

For the composition roots, which make them once, the rule source, which asks what is wrong with a
text, and the components that scripts are. An engine knows neither steps nor sagas: it takes a text
with what is bound to it, and gives an answer. (ADR 26)
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from activities.errors import EngineDown
from activities.scripts.inside.frames import Answer, Question
from activities.scripts.process import EngineProcess, Ticket
from rules.plan import Kind
from rules.scripts import JVM_LANGUAGES, script_sha

CHECK_SECONDS: Final = 10.0
MOST_CHECKED: Final = 10_000
MIB: Final = 1024 * 1024

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ScriptLimits:
    """What a script may take: seconds, MiB; and how many of a language may run side by side."""

    seconds: float = 5.0
    memory: int = 256
    processes: int = 2


class ScriptEngine(Protocol):
    """Runs the scripts of one language."""

    @property
    def language(self) -> str:
        """As `rules.scripts.language_of` gives it."""
        ...

    def problem(self, kind: Kind, text: str) -> str | None:
        """What is wrong with a text, with its line; None if nothing is. Blocks. Raises EngineDown.

        That a kind is not for the language is wrong, too.
        """
        ...

    async def run(self, question: Question, seconds: float) -> Answer:
        """Run a script, for so many seconds at most; what it does raises nothing.

        Raises EngineDown. Who is cancelled meanwhile has stopped it.
        """
        ...

    def close(self) -> None:
        """End what it has started."""
        ...


class ProcessEngine:
    """An engine whose scripts run in processes of their own, which are kept while they are well."""

    def __init__(self, language: str, limits: ScriptLimits) -> None:
        self._language = language
        self._limits = limits
        # A thread waits for a process; each has its own.
        self._runs = ThreadPoolExecutor(limits.processes, f"script-{language}")
        # Compiling rules must not wait for scripts that run.
        self._checks = ThreadPoolExecutor(1, f"check-{language}")
        self._own = threading.local()
        self._all: list[EngineProcess] = []

    @property
    def language(self) -> str:
        """The language."""
        return self._language

    def problem(self, kind: Kind, text: str) -> str | None:
        """Asks a process that does nothing else."""
        question = {"check": kind, "text": text}
        answer = self._checks.submit(self._ask, question, CHECK_SECONDS, Ticket()).result()
        if "error" in answer:
            return str(answer["error"]["message"])
        problem: str | None = answer["problem"]
        return problem

    async def run(self, question: Question, seconds: float) -> Answer:
        """Runs it as soon as a process is free."""
        seconds = min(seconds, self._limits.seconds)
        ticket = Ticket()
        asked = asyncio.get_running_loop().run_in_executor(
            self._runs, self._ask, {**question, "seconds": seconds}, seconds, ticket
        )
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            ticket.give_up()
            await asyncio.wait([asked])
            if not asked.cancelled():
                asked.exception()  # looked at: nobody else will
            raise

    def close(self) -> None:
        """Kills its processes."""
        for pool in (self._runs, self._checks):
            pool.shutdown(wait=False, cancel_futures=True)
        for process in self._all:
            process.kill()
        for pool in (self._runs, self._checks):
            pool.shutdown()
        for process in self._all:
            process.close()

    def _ask(self, question: Question, seconds: float, ticket: Ticket) -> Answer:
        process: EngineProcess | None = getattr(self._own, "process", None)
        if process is None:
            process = self._own.process = EngineProcess(self._language, self._limits.memory * MIB)
            self._all.append(process)
        return process.ask(question, seconds, ticket)


class Compiler(Protocol):
    """Compiles what runs on another worker."""

    def problem(self, language: str, text: str) -> str | None:
        """What is wrong with a text, with its line; None if nothing is. Blocks. Raises EngineDown
        where nobody answers.
        """
        ...


HERE: Final[Mapping[str, Callable[[str, ScriptLimits], ScriptEngine]]] = {
    "cel": ProcessEngine,
    "javascript": ProcessEngine,
    "python": ProcessEngine,
}
"""How the engines of this process are made; others would be added here."""


class ScriptEngines:
    """All engines of a deployment; fulfils `rules.scripts.Engines`.

    `jvm`: scripts of JVM languages run on a worker of their own, of which nothing is known here but
    that it is there, and that `compiler` asks it.
    """

    def __init__(
        self, limits: ScriptLimits, *, jvm: bool = False, compiler: Compiler | None = None
    ) -> None:
        self._compiler = compiler if jvm else None
        self._engines = {language: make(language, limits) for language, make in HERE.items()}
        self.languages: Final = frozenset((*HERE, *(JVM_LANGUAGES if jvm else ())))
        self._checked: OrderedDict[tuple[str, Kind], str | None] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, language: str) -> ScriptEngine | None:
        """The engine that runs a language in this process."""
        return self._engines.get(language)

    def problem(self, language: str, kind: Kind, text: str) -> str | None:
        """What is wrong with a text; it is asked once. None where nobody here can say.

        Of a text for another worker it says what was found when it was last prepared.
        """
        key = (script_sha(language, text), kind)
        with self._lock:
            if key in self._checked:
                self._checked.move_to_end(key)
                return self._checked[key]
        engine = self._engines.get(language)
        if engine is None:
            return None
        return self._ask(key, language, lambda: engine.problem(kind, text))

    def prepare(self, language: str, kind: Kind, text: str) -> None:
        """Have a text of another worker compiled there, so that `problem` can say. Blocks, for
        seconds at most; whether anybody has answered is told by `unchecked`.
        """
        compiler = self._compiler
        if compiler is not None and self.unchecked(language, kind, text):
            key = (script_sha(language, text), kind)
            self._ask(key, language, lambda: compiler.problem(language, text))

    def unchecked(self, language: str, kind: Kind, text: str) -> bool:
        """Whether a text is run by another worker, which nobody could ask about it so far."""
        if language in self._engines or language not in self.languages:
            return False
        with self._lock:
            return (script_sha(language, text), kind) not in self._checked

    def _ask(
        self, key: tuple[str, Kind], language: str, problem: Callable[[], str | None]
    ) -> str | None:
        try:
            found = problem()
        except EngineDown as error:
            _log.error("script_not_checked", language=language, why=str(error))
            return None
        with self._lock:
            self._checked[key] = found
            while len(self._checked) > MOST_CHECKED:
                self._checked.popitem(last=False)
        return found

    def close(self) -> None:
        """End what was started."""
        for engine in self._engines.values():
            engine.close()
