"""What stands in for pydantic where nothing is validated, read or written: models without checks.

For `chainsaga check` alone, which makes plans only to look at them, and is to start faster than
pydantic does. Whoever imports this first, before anything loads `rules.plan`, has the models of
`rules.plan` made of it (`rules.models`), in this whole process. Knows no model.
"""

from typing import ClassVar, Final

_MISSING: Final = object()


class BaseModel:
    """A model that takes what it is given: neither checked, nor converted, nor copied."""

    _defaults: ClassVar[dict[str, object]] = {}

    def __init_subclass__(cls) -> None:
        own = {
            name: vars(cls)[name]
            for name in vars(cls).get("__annotations__", ())
            if vars(cls).get(name, _MISSING) is not _MISSING
        }
        cls._defaults = {**cls._defaults, **own}

    def __init__(self, **values: object) -> None:
        vars(self).update(self._defaults, **values)

    def __setattr__(self, name: str, value: object) -> None:
        raise TypeError(f"{type(self).__name__} is frozen")

    @classmethod
    def model_rebuild(cls) -> None:
        """Nothing: no schema is built."""


def ConfigDict(**settings: object) -> dict[str, object]:  # noqa: N802 - pydantic's name
    """Nothing that anyone reads."""
    return settings


def Field(default: object = _MISSING, **_rules: object) -> object:  # noqa: N802 - pydantic's name
    """The default, if there is one."""
    return default
