"""What a chain's text gives to a step by `.data` and `.bind`, and how a component reads it.

For `Step` and the binding. A text is read as the type that the component asks for; `${path}` is
looked up in the part of the context that was sent. Knows no requests. (EL reference section 6.)
"""

import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar, Union, cast, get_args, get_origin

from pydantic import JsonValue, TypeAdapter, ValidationError

from activities.errors import Unreadable

T = TypeVar("T")

CONTEXT_NAMES: Final = ("defaultContext", "dataMap")
"""What rules written for LiteFlow may call the context itself, one after the other."""


def read_text(text: str, adapter: TypeAdapter[T], *, plain: bool) -> T:
    """A text as the adapter's type: itself if `plain`, else JSON, else what reads as the type.

    Raises pydantic's ValidationError.
    """
    if not plain:
        try:
            return adapter.validate_json(text)
        except ValidationError:
            pass  # no JSON, or JSON of another shape: a date, the name of a choice
    return adapter.validate_python(text)


def is_text(shape: object) -> bool:
    """Whether a type is text, which is then never read as JSON."""
    if get_origin(shape) in (Union, types.UnionType):
        return all(part in (str, type(None)) for part in get_args(shape))
    return shape is str


def read_as(what: str, value: JsonValue, shape: type[T]) -> T:
    """A value as `shape`, a text as `read_text` says. Raises Unreadable naming `what`."""
    adapter = TypeAdapter(shape)
    try:
        if isinstance(value, str):
            return read_text(value, adapter, plain=is_text(shape))
        return adapter.validate_python(value)
    except ValidationError as error:
        raise Unreadable(f"{what}: {error.errors()[0]['msg']}") from error


@dataclass(frozen=True, slots=True)
class Bound:
    """The values that are bound to a step, and the part of the context that was sent to it.

    `whole` says that all of the context was sent, `sent` names the keys otherwise.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, JsonValue] = field(default_factory=dict)
    whole: bool = True
    sent: frozenset[str] = frozenset()

    def get(self, key: str) -> JsonValue:
        """What is bound to `key`: text, or for `${path}` a value; None if there is none.

        Raises Unreadable for a path into a part of the context that was not sent.
        """
        text = self.values.get(key)
        if text is None or not (text.startswith("${") and text.endswith("}")):
            return text
        path = text[2:-1].strip().split(".")
        for name in CONTEXT_NAMES:
            if len(path) > 1 and path[0] == name and name not in self.context:
                path = path[1:]
        if not self.whole and path[0] not in self.sent:
            raise Unreadable(
                f"'{key}' is bound to {text}, and '{path[0]}' was not sent; "
                f'declare a parameter Annotated[..., Bind("{key}")], or the context'
            )
        found: JsonValue = cast(JsonValue, dict(self.context))
        for part in path:
            found = found.get(part) if isinstance(found, dict) else None
        return found
