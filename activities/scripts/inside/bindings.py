"""What a Python script is given under LiteFlow's names: `defaultContext`, `_meta` and its `cmp`.

The same as `bindings.js`; `docs/scripts.md` tells authors. Standard library only.
"""

import copy
from typing import Any, Final

from activities.errors import ActivityError
from activities.scripts.inside.frames import Answer, Question

REFUSED: Final = "REFUSED"

# Any: JSON, which a script takes as it comes.


class Refusal(ActivityError):
    """The script says that it did nothing, and will not."""

    def __init__(self, message: str, code: str = REFUSED) -> None:
        self.message = str(message)
        self.code = str(code)
        super().__init__(message)


class DefaultContext:
    """The shared data as of the step's start, with the script's own writes on top."""

    def __init__(self, values: dict[str, Any], operations: list[dict[str, Any]]) -> None:
        self._values = values
        self._operations = operations

    def getData(self, key: str) -> Any:  # noqa: ANN401, N802
        """The value of a key; None without one."""
        return self._values.get(key)

    def hasData(self, key: str) -> bool:  # noqa: N802
        """Whether there is one."""
        return key in self._values

    def setData(self, key: str, value: Any) -> None:  # noqa: ANN401, N802
        """Put a value under a key."""
        self._write("set", key, value)
        self._values[key] = copy.deepcopy(value)

    def removeData(self, key: str) -> None:  # noqa: N802
        """Remove a key."""
        self._write("delete", key, None)
        self._values.pop(key, None)

    def add(self, key: str, amount: float) -> None:
        """Add to a number; safe beside other steps."""
        self._write("add", key, amount)
        self._values[key] = self._values.get(key, 0) + amount

    def append(self, key: str, value: Any) -> None:  # noqa: ANN401
        """Append to a list; safe beside other steps."""
        self._write("append", key, value)
        self._values[key] = [*self._values.get(key, ()), copy.deepcopy(value)]

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:  # noqa: ANN401
        self.setData(key, value)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def _write(self, op: str, key: str, value: Any) -> None:  # noqa: ANN401
        if not isinstance(key, str):
            raise TypeError(f"keys of the context are texts, not {key!r:.60}")
        self._operations.append({"op": op, "key": key, "value": copy.deepcopy(value)})


class Meta(dict[str, Any]):
    """`_meta`, whose parts are reached by `_meta["tag"]`, `_meta.get("tag")` and `_meta.tag`."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"_meta has no '{name}'; it has {', '.join(self)}") from None


class Component:
    """`_meta.cmp`: what LiteFlow's component can be asked, as far as it means something here."""

    def __init__(self, question: Question, bindings: "Bindings") -> None:
        self._asked = question
        self._meta = question["meta"]
        self._bindings = bindings

    def setIsEnd(self, end: bool = True) -> None:  # noqa: FBT001, FBT002, N802
        """End the whole flow well once this step has completed."""
        self._bindings.end = bool(end)

    def refuse(self, message: str, code: str = REFUSED) -> None:
        """Fail as one who did nothing: the step needs no undo. Raises Refusal."""
        raise Refusal(message, code)

    def getNodeId(self) -> str:  # noqa: N802
        """The component's id."""
        return str(self._meta["nodeId"])

    def getName(self) -> str | None:  # noqa: N802
        """Its name."""
        return self._asked["name"]  # type: ignore[no-any-return]

    def getTag(self) -> str | None:  # noqa: N802
        """Its tag in the chain."""
        return self._meta["tag"]  # type: ignore[no-any-return]

    def getChainId(self) -> str:  # noqa: N802
        """The chain that was started."""
        return str(self._asked["chain"])

    def getCurrChainId(self) -> str:  # noqa: N802
        """The chain in whose text the step stands."""
        return str(self._meta["currChainId"])

    def getRequestData(self) -> Any:  # noqa: ANN401, N802
        """The request of the saga."""
        return self._meta["requestData"]

    def getCmpData(self, _type: object = None) -> Any:  # noqa: ANN401, N802
        """What the chain gives by `.data`."""
        return self._meta["cmpData"]

    def getBindData(self, key: str, _type: object = None) -> Any:  # noqa: ANN401, N802
        """What the chain gives by `.bind`."""
        return self._asked["bind"].get(key)

    def getTargetList(self) -> list[str]:  # noqa: N802
        """For the head of a SWITCH: the ids to choose from."""
        return list(self._asked["targets"])

    def getLoopIndex(self) -> int | None:  # noqa: N802
        """The pass of the innermost loop, from 0."""
        return self.getPreNLoopIndex(0)

    def getPreLoopIndex(self) -> int | None:  # noqa: N802
        """That of the loop around it."""
        return self.getPreNLoopIndex(1)

    def getPreNLoopIndex(self, levels: int) -> int | None:  # noqa: N802
        """That of the loop so many levels further out."""
        return _from_inside(self._asked["indexes"], levels)  # type: ignore[no-any-return]

    def getCurrLoopObj(self) -> Any:  # noqa: ANN401, N802
        """The object of the innermost ITERATOR."""
        return self.getPreNLoopObj(0)

    def getPreLoopObj(self) -> Any:  # noqa: ANN401, N802
        """That of the ITERATOR around it."""
        return self.getPreNLoopObj(1)

    def getPreNLoopObj(self, levels: int) -> Any:  # noqa: ANN401, N802
        """That of the ITERATOR so many further out."""
        return _from_inside(self._asked["objects"], levels)

    def sendPrivateDeliveryData(self, component: str, value: Any) -> None:  # noqa: ANN401, N802
        """Hand a value to the steps of another component."""
        key = self._asked["delivered"] + component
        self._bindings.operations.append({"op": "append", "key": key, "value": value})

    def getPrivateDeliveryData(self) -> Any:  # noqa: ANN401, N802
        """The first value that others handed to this one, and that is left; None without."""
        if not self._asked["deliveries"]:
            return None
        key = self._asked["delivered"] + self.getNodeId()
        self._bindings.operations.append({"op": "take", "key": key, "value": None})
        return self._asked["deliveries"].pop(0)


class Bindings:
    """What one run is given, and what it leaves."""

    def __init__(self, question: Question) -> None:
        self.operations: list[dict[str, Any]] = []
        self.end = False
        self.context = DefaultContext(question["context"], self.operations)
        self.meta = Meta(question["meta"], cmp=Component(question, self))

    def told(self) -> Answer:
        """The writes and the wish to end."""
        return {"operations": self.operations, "end": self.end}


def _from_inside(values: list[Any], levels: int) -> Any:  # noqa: ANN401
    return values[-1 - levels] if 0 <= levels < len(values) else None
