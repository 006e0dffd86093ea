"""The components of this deployment: discovery, duplicates, policies.

For the composition roots (worker, API), which load it once at start. Does not run components.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from types import ModuleType
from typing import Final

from pydantic import ValidationError

from activities.binding import Binding, bind_signature, first_problem, joined
from activities.declaration import DECLARATION, Declaration
from activities.errors import ComponentDuplicate, ComponentInvalid, ComponentMissing
from activities.hooks import Hook, bind_hooks
from rules.plan import ComponentPolicy, FailurePolicy, FailureStrategy, RetryPolicy
from rules.scripts import compensation_names
from rules.sizes import NAME_LIMIT

ENTRY_POINTS: Final = "chainsaga.components"
RESERVED: Final = "chainsaga."


@dataclass(frozen=True, slots=True)
class Component:
    """A registered component: its functions, how they are bound, and its policy for plans.

    `inferred` says that its compensation was found by name, not declared.
    """

    declaration: Declaration
    function: Callable[..., object]
    binding: Binding
    policy: ComponentPolicy
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    inferred: bool = False

    @property
    def source(self) -> str:
        """Where the function is defined, for messages."""
        return f"{self.function.__module__}.{self.function.__qualname__}"


class Registry(Mapping[str, Component]):
    """All components by id; refuses duplicates, reserved ids and unknown compensations, and a
    second fallback of a kind.

    Where a component declares no compensation, one is inferred by name: `compensation_names`.
    """

    def __init__(self, functions: Iterable[Callable[..., object]]) -> None:
        self._components: dict[str, Component] = {}
        for function in functions:
            self._add(_component(function))
        for component in tuple(self._components.values()):
            self._check_compensation(component)
            self._infer_compensation(component)
        self._check_fallbacks()

    def __getitem__(self, id: str) -> Component:
        return self._components[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._components)

    def __len__(self) -> int:
        return len(self._components)

    @property
    def policies(self) -> dict[str, ComponentPolicy]:
        """The policies by component id, as the compiler takes them."""
        return {id: component.policy for id, component in self._components.items()}

    @property
    def inferred(self) -> frozenset[str]:
        """The components whose compensation was inferred."""
        return frozenset(id for id, component in self._components.items() if component.inferred)

    def _add(self, component: Component) -> None:
        known = self._components.get(component.policy.id)
        if known is not None and known.function is not component.function:
            raise ComponentDuplicate(component.policy.id, known.source, component.source)
        self._components[component.policy.id] = component

    def _check_fallbacks(self) -> None:
        first: dict[str, Component] = {}
        for component in self._components.values():
            policy = component.policy
            if policy.fallback and first.setdefault(policy.kind, component) is not component:
                known = first[policy.kind]
                problem = (
                    f"there is a fallback for {policy.kind} components already: "
                    f"'{known.policy.id}' ({known.source})"
                )
                raise ComponentInvalid(policy.id, component.source, problem)

    def _check_compensation(self, component: Component) -> None:
        compensate = component.policy.compensate
        if compensate is not None and compensate not in self._components:
            raise ComponentInvalid(
                component.policy.id,
                component.source,
                f"its compensation '{compensate}' is no registered component",
            )

    def _infer_compensation(self, component: Component) -> None:
        policy = component.policy
        if policy.compensate is not None or policy.read_only or policy.irreversible:
            return
        for name in compensation_names(policy.id):
            # A condition undoes nothing.
            if name in self._components and self._components[name].policy.kind == "common":
                found = policy.model_copy(update={"compensate": name})
                self._components[policy.id] = replace(component, policy=found, inferred=True)
                return


def discover(packages: Iterable[str]) -> Registry:
    """Load packages (with their submodules) and every `chainsaga.components` entry point.

    Raises ComponentMissing, ComponentInvalid, ComponentDuplicate.
    """
    modules: dict[str, ModuleType] = {}
    for package in packages:
        for module in _modules(package):
            modules[module.__name__] = module
    for entry in entry_points(group=ENTRY_POINTS):
        for module in _modules(entry.module):
            modules[module.__name__] = module
    return Registry(function for module in modules.values() for function in declared_in(module))


def declared_in(module: ModuleType) -> Iterator[Callable[..., object]]:
    """The component functions that `module` defines or imports, in order of definition."""
    for value in vars(module).values():
        if inspect.isfunction(value) and hasattr(value, DECLARATION):
            yield value


def _modules(package: str) -> Iterator[ModuleType]:
    try:
        root = importlib.import_module(package)
        yield root
        for found in pkgutil.walk_packages(getattr(root, "__path__", ()), prefix=f"{package}."):
            if not found.name.endswith(".__main__"):
                yield importlib.import_module(found.name)
    except ImportError as error:
        raise ComponentMissing(package, str(error)) from error


def _component(function: Callable[..., object]) -> Component:
    declaration: Declaration = getattr(function, DECLARATION)
    where = f"{function.__module__}.{function.__qualname__}"
    if declaration.id.startswith(RESERVED):
        raise ComponentInvalid(
            declaration.id, where, f"ids that begin with '{RESERVED}' are reserved"
        )
    if len(declaration.id) > NAME_LIMIT:
        raise ComponentInvalid(
            declaration.id[:NAME_LIMIT], where, f"its id is longer than {NAME_LIMIT} characters"
        )
    binding = bind_signature(declaration.id, function)
    hooks = bind_hooks(declaration, binding, where)
    try:
        policy = _policy(declaration, binding, hooks)
    except ValidationError as error:
        raise ComponentInvalid(declaration.id, where, first_problem(error)) from error
    return Component(declaration, function, binding, policy, hooks)


def _policy(
    declaration: Declaration, binding: Binding, hooks: Mapping[str, Hook]
) -> ComponentPolicy:
    retry = declaration.retry
    needs = binding.needs
    for hook in hooks.values():
        needs = joined(needs, hook.binding.needs)
    if declaration.runs_chains:
        # Its chains share the context.
        needs = needs.model_copy(update={"whole_context": True})
    return ComponentPolicy(
        id=declaration.id,
        kind=declaration.kind,
        name=declaration.name,
        needs=needs,
        compensate=declaration.compensate,
        compensate_when=declaration.compensate_when,
        read_only=declaration.harmless,
        irreversible=declaration.irreversible,
        fallback=declaration.fallback,
        retry=None if retry is None else RetryPolicy.model_validate(retry.model_dump()),
        on_failure=_strategy(declaration),
        lost_attempts=declaration.may_be_lost,
        timeout=declaration.longest,
        heartbeat=declaration.heartbeat,
        runs_chains=declaration.runs_chains,
    )


def _strategy(declaration: Declaration) -> FailurePolicy:
    """A step that goes on after errors also does so when no attempt answers."""
    compensates = declaration.on_failure.strategy is FailureStrategy.COMPENSATE
    if declaration.continue_on_error is True and compensates and declaration.kind == "common":
        return FailurePolicy(strategy=FailureStrategy.IGNORE)
    return declaration.on_failure
