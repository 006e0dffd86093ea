"""Binding by declaration: from a component's signature to what it needs and how it is called.

For the registry (at start) and the runner (per attempt). Types are pydantic's; nothing here runs a
component or knows Temporal.
"""

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

from pydantic import JsonValue, PydanticUserError, TypeAdapter, ValidationError

from activities.bound import Bound, is_text, read_text
from activities.component import (
    Bind,
    Context,
    ContextWrites,
    Ctx,
    Delivered,
    Output,
    Provided,
    Step,
    Undo,
)
from activities.errors import BadInput, BadOutput, ComponentInvalid, Unreadable
from activities.step import NOWHERE
from activities.sub_runs import ChainCalls, Launcher
from rules.plan import Needs, OutputNeed
from rules.wire import StepRequest, delivery_key, output_key

Handed = type[Step] | type[Undo] | type[Context] | type[Delivered] | type[BaseException]  # type: ignore[type-arg]
Source = Output | Ctx | Bind | Provided | Handed | None
Provide = Callable[[Callable[[], object]], object]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name, where its value comes from (None: the request), how to read it.

    `plain`: it is text, which is not read as JSON. BaseException stands for what was raised.
    """

    name: str
    source: Source
    adapter: TypeAdapter[object] | None = None
    optional: bool = False
    plain: bool = False
    undo_output: TypeAdapter[object] | None = None
    undo_input: TypeAdapter[object] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A bound call: keyword arguments, and the step through which the component writes.

    `raised` names parameters that are to take what was raised.
    """

    arguments: Mapping[str, object]
    step: Step
    raised: tuple[str, ...] = ()

    def after(self, error: BaseException) -> Mapping[str, object]:
        """The arguments, once something was raised."""
        return {**self.arguments, **dict.fromkeys(self.raised, error)}


@dataclass(frozen=True, slots=True)
class Binding:
    """How one component's function is called and what it returns."""

    component: str
    parameters: tuple[Parameter, ...]
    returns: TypeAdapter[object]
    needs: Needs

    def bind(
        self, request: StepRequest, attempt: int, provide: Provide, step: Step | None = None
    ) -> Call:
        """The call for one attempt of `request`. Raises BadInput naming component and field.

        `step` is the attempt's, where several functions share it.
        """
        step = step or step_of(request, attempt, self.needs)
        arguments = {
            parameter.name: self._value(parameter, request, step, provide)
            for parameter in self.parameters
            if parameter.source is not BaseException
        }
        raised = tuple(p.name for p in self.parameters if p.source is BaseException)
        return Call(arguments, step, raised)

    def dump(self, value: object) -> JsonValue:
        """`value` as JSON data by the declared return type. Raises BadOutput."""
        try:
            checked = self.returns.validate_python(value)
            return cast(JsonValue, self.returns.dump_python(checked, mode="json"))
        except (ValidationError, ValueError, TypeError) as error:
            raise BadOutput(self.component, first_problem(error)) from error

    def _value(
        self,
        parameter: Parameter,
        request: StepRequest,
        step: Step,
        provide: Provide,
    ) -> object:
        source = parameter.source
        if source is None:
            return self._read(parameter, request.request)
        if isinstance(source, Output):
            key = output_key(source.component, source.tag)
            if key not in request.outputs and parameter.optional:
                return None
            return self._read(parameter, request.outputs.get(key))
        if isinstance(source, Ctx):
            return self._read(parameter, request.context.get(source.key))
        if isinstance(source, Provided):
            return provide(source.provide)
        if isinstance(source, Bind):
            return self._bound(parameter, source, step)
        if source is Step:
            return step
        if source is Context:
            return Context(request.context, step.context.operations)
        if source is Delivered:
            key = delivery_key(request.component)
            items = request.context.get(key)
            return Delivered(key, items if isinstance(items, list) else [], step.context)
        return self._undo(parameter, request, step.attempt)

    def _bound(self, parameter: Parameter, source: Bind, step: Step) -> object:
        assert parameter.adapter is not None
        try:
            value = step.bound.get(source.key)
            if isinstance(value, str):
                return read_text(value, parameter.adapter, plain=parameter.plain)
        except (Unreadable, ValidationError) as error:
            raise BadInput(self.component, parameter.name, first_problem(error)) from error
        return self._read(parameter, value)

    def _read(self, parameter: Parameter, value: JsonValue) -> object:
        assert parameter.adapter is not None
        try:
            return parameter.adapter.validate_python(value)
        except ValidationError as error:
            raise BadInput(self.component, parameter.name, first_problem(error)) from error

    def _undo(
        self, parameter: Parameter, request: StepRequest, attempt: int
    ) -> Undo[object, object]:
        told = request.undo
        if told is None:
            raise BadInput(
                self.component, parameter.name, "a compensation cannot run as a forward step"
            )
        output: object = None
        if told.output is not None and parameter.undo_output is not None:
            output = self._read_with(parameter, parameter.undo_output, told.output)
        given: object = None
        if parameter.undo_input is not None:
            given = self._read_with(parameter, parameter.undo_input, told.input)
        return Undo(
            tenant=request.saga.tenant,
            execution_id=request.saga.execution_id,
            component=told.component,
            path=request.path,
            tag=request.tag,
            outcome=told.outcome,
            output=output,
            input=given,
            error=told.error,
            attempt=attempt,
            key=request.key,
            forward_key=request.forward_key,
        )

    def _read_with(
        self, parameter: Parameter, adapter: TypeAdapter[object], value: JsonValue
    ) -> object:
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            raise BadInput(self.component, parameter.name, first_problem(error)) from error


def bind_signature(
    component: str,
    function: Callable[..., object],
    *,
    answers: bool = True,
    after_error: bool = False,
) -> Binding:
    """Read a function's signature. Raises ComponentInvalid when a parameter has no source.

    `answers`: what it returns is an output. `after_error`: it runs after an error, and may have a
    parameter of type Exception for it.
    """
    where = f"{function.__module__}.{function.__qualname__}"
    try:
        hints = get_type_hints(function, include_extras=True)
    except (AttributeError, NameError, SyntaxError, TypeError) as error:
        raise ComponentInvalid(component, where, f"cannot read its annotations: {error}") from error
    parameters = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ComponentInvalid(
                component, where, f"'*{name}' cannot be bound; name each parameter"
            )
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise ComponentInvalid(
                component, where, f"'{name}' cannot be bound by name; drop the '/' after it"
            )
        if name not in hints:
            raise ComponentInvalid(component, where, f"parameter '{name}' has no type")
        try:
            if after_error and hints[name] in (Exception, BaseException):
                parameters.append(Parameter(name, BaseException))
            else:
                parameters.append(_parameter(component, where, name, hints[name]))
        except PydanticUserError as error:
            raise ComponentInvalid(
                component, where, f"parameter '{name}' has a type that cannot be read from JSON"
            ) from error
    try:
        returns = _adapter(hints.get("return", JsonValue) if answers else object)
    except PydanticUserError as error:
        raise ComponentInvalid(
            component, where, "it returns a type that cannot be written as JSON"
        ) from error
    return Binding(component, tuple(parameters), returns, _needs(component, parameters))


def _adapter(hint: Any) -> TypeAdapter[object]:  # noqa: ANN401 - a type form
    """The adapter of a type: most functions name the same few, and each takes long to build."""
    # Other forms may be equal and yet not the same, as unions in another order are.
    if hint is JsonValue or isinstance(hint, type):
        return _known_adapter(hint)
    return TypeAdapter(hint)


@lru_cache(maxsize=256)
def _known_adapter(hint: Any) -> TypeAdapter[object]:  # noqa: ANN401 - a type form
    return TypeAdapter(hint)


def _parameter(component: str, where: str, name: str, hint: Any) -> Parameter:  # noqa: ANN401 - a type form
    if hint in (Step, Context, Delivered):
        return Parameter(name, cast(Source, hint))
    if hint is Undo or get_origin(hint) is Undo:
        output, given = (*get_args(hint), None, None)[:2]
        return Parameter(
            name,
            Undo,
            undo_output=None if output is None else _adapter(output),
            undo_input=None if given in (None, type(None)) else _adapter(given),
        )
    if get_origin(hint) is Annotated:
        base, *marks = get_args(hint)
        for mark in marks:
            if isinstance(mark, Provided):
                return Parameter(name, mark)
            if isinstance(mark, Output | Ctx | Bind):
                return Parameter(
                    name,
                    mark,
                    _adapter(base),
                    optional=_is_optional(base),
                    plain=is_text(base),
                )
    if name != "request":
        raise ComponentInvalid(
            component,
            where,
            f"parameter '{name}' has no source: call it 'request', or annotate it with "
            'Output("component"), Ctx("key"), Bind("key"), Provided(function), or the types Step, '
            "Context, Delivered, Undo",
        )
    return Parameter(name, None, _adapter(hint))


def _needs(component: str, parameters: list[Parameter]) -> Needs:
    outputs = [
        OutputNeed(name=p.source.component, tag=p.source.tag, optional=p.optional)
        for p in parameters
        if isinstance(p.source, Output)
    ]
    keys = [p.source.key for p in parameters if isinstance(p.source, Ctx)]
    if any(p.source is Delivered for p in parameters):
        keys.append(delivery_key(component))
    return Needs(
        request=any(p.source is None for p in parameters),
        outputs=tuple(outputs),
        context_keys=tuple(keys),
        whole_context=any(p.source is Context or isinstance(p.source, Bind) for p in parameters),
        inputs={p.name: place for p in parameters if (place := _place(p.source)) is not None},
        undo_output=any(p.undo_output is not None for p in parameters),
        undo_input=any(p.undo_input is not None for p in parameters),
    )


def _place(source: Source) -> str | None:
    if source is None:
        return "request"
    if isinstance(source, Output):
        return f"output:{output_key(source.component, source.tag)}"
    return f"context:{source.key}" if isinstance(source, Ctx) else None


def step_of(
    request: StepRequest, attempt: int, needs: Needs, launcher: Launcher | None = None
) -> Step:
    """The step of one attempt, which was sent what `needs` says; `launcher` runs its chains."""
    saga = request.saga
    place = request.place or NOWHERE
    writes = ContextWrites()
    return Step(
        tenant=saga.tenant,
        execution_id=saga.execution_id,
        chain=saga.chain,
        component=request.component,
        path=request.path,
        tag=request.tag,
        data=request.data,
        attempt=attempt,
        timeout=request.timeout,
        key=request.key,
        context=writes,
        calls=ChainCalls(request, writes.operations, launcher),
        place=place,
        bound=Bound(
            values=place.bind,
            context=request.context,
            whole=needs.whole_context,
            sent=frozenset(needs.context_keys),
        ),
    )


def joined(needs: Needs, more: Needs) -> Needs:
    """What two functions of one component need together; `needs` is the component's own."""
    outputs: dict[tuple[str, str | None], OutputNeed] = {}
    for need in (*needs.outputs, *more.outputs):
        known = outputs.get((need.name, need.tag))
        if known is None or known.optional:
            outputs[need.name, need.tag] = need
    return needs.model_copy(
        update={
            "request": needs.request or more.request,
            "outputs": tuple(outputs.values()),
            "context_keys": tuple(dict.fromkeys((*needs.context_keys, *more.context_keys))),
            "whole_context": needs.whole_context or more.whole_context,
        }
    )


def _is_optional(hint: object) -> bool:
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def first_problem(error: Exception) -> str:
    """The first of a validation's findings, with its place, and how many more there are."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{place + ': ' if place else ''}{first['msg']}{more}"
