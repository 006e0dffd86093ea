"""Binding by declaration: from a component's signature to what it needs and how it is called.

For the registry (at start) and the runner (per attempt). Types are pydantic's; nothing here runs a
component or knows Temporal.
"""

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

from pydantic import JsonValue, PydanticUserError, TypeAdapter, ValidationError

from activities.component import Context, Ctx, Output, Provided, Step, Undo
from activities.errors import BadInput, BadOutput, ComponentInvalid
from rules.plan import Needs, OutputNeed
from rules.wire import StepRequest, output_key

Source = Output | Ctx | Provided | type[Step] | type[Undo] | type[Context] | None  # type: ignore[type-arg]
Provide = Callable[[Callable[[], object]], object]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name, where its value comes from (None: the request), how to read it."""

    name: str
    source: Source
    adapter: TypeAdapter[object] | None = None
    optional: bool = False
    undo_output: TypeAdapter[object] | None = None
    undo_input: TypeAdapter[object] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A bound call: keyword arguments, and the handles through which the component writes."""

    arguments: Mapping[str, object]
    step: Step
    contexts: list[Context] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Binding:
    """How one component's function is called and what it returns."""

    component: str
    parameters: tuple[Parameter, ...]
    returns: TypeAdapter[object]
    needs: Needs

    def bind(self, request: StepRequest, attempt: int, provide: Provide) -> Call:
        """The call for one attempt of `request`. Raises BadInput naming component and field."""
        step = _step(request, attempt)
        call = Call(arguments={}, step=step)
        arguments = cast(dict[str, object], call.arguments)
        for parameter in self.parameters:
            arguments[parameter.name] = self._value(parameter, request, call, attempt, provide)
        return call

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
        call: Call,
        attempt: int,
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
        if source is Step:
            return call.step
        if source is Context:
            context = Context(request.context)
            call.contexts.append(context)
            return context
        return self._undo(parameter, request, attempt)

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


def bind_signature(component: str, function: Callable[..., object]) -> Binding:
    """Read a function's signature. Raises ComponentInvalid when a parameter has no source."""
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
            parameters.append(_parameter(component, where, name, hints[name]))
        except PydanticUserError as error:
            raise ComponentInvalid(
                component, where, f"parameter '{name}' has a type that cannot be read from JSON"
            ) from error
    try:
        returns: TypeAdapter[object] = TypeAdapter(hints.get("return", JsonValue))
    except PydanticUserError as error:
        raise ComponentInvalid(
            component, where, "it returns a type that cannot be written as JSON"
        ) from error
    return Binding(component, tuple(parameters), returns, _needs(parameters))


def _parameter(component: str, where: str, name: str, hint: Any) -> Parameter:  # noqa: ANN401 - a type form
    if hint is Step or hint is Context:
        return Parameter(name, cast(Source, hint))
    if hint is Undo or get_origin(hint) is Undo:
        output, given = (*get_args(hint), None, None)[:2]
        return Parameter(
            name,
            Undo,
            undo_output=None if output is None else TypeAdapter(output),
            undo_input=None if given in (None, type(None)) else TypeAdapter(given),
        )
    if get_origin(hint) is Annotated:
        base, *marks = get_args(hint)
        for mark in marks:
            if isinstance(mark, Provided):
                return Parameter(name, mark)
            if isinstance(mark, Output | Ctx):
                return Parameter(name, mark, TypeAdapter(base), optional=_is_optional(base))
    if name != "request":
        raise ComponentInvalid(
            component,
            where,
            f"parameter '{name}' has no source: call it 'request', or annotate it with "
            'Output("component"), Ctx("key"), Provided(function), or the types Step, Context, Undo',
        )
    return Parameter(name, None, TypeAdapter(hint))


def _needs(parameters: list[Parameter]) -> Needs:
    outputs = [
        OutputNeed(name=p.source.component, tag=p.source.tag, optional=p.optional)
        for p in parameters
        if isinstance(p.source, Output)
    ]
    return Needs(
        request=any(p.source is None for p in parameters),
        outputs=tuple(outputs),
        context_keys=tuple(p.source.key for p in parameters if isinstance(p.source, Ctx)),
        whole_context=any(p.source is Context for p in parameters),
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


def _step(request: StepRequest, attempt: int) -> Step:
    saga = request.saga
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
