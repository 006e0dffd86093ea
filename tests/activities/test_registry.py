"""Discovery: packages with submodules, entry points, and what stops a process at its start."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from activities.component import Undo, component
from activities.errors import ComponentDuplicate, ComponentInvalid, ComponentMissing
from activities.registry import Registry, discover
from rules.compiler import ChainText, compile_chain

Package = Callable[[str, Mapping[str, str]], None]

PAY = """
from activities.component import component

@component("pay")
def pay() -> None: ...
"""
NOTIFY = PAY.replace("pay", "notify")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """Writes a package that can be imported until the test ends."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def write(name: str, files: Mapping[str, str]) -> None:
        for file, text in files.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_package_is_read_with_all_its_submodules(package: Package) -> None:
    package(
        "shop_a",
        {
            "__init__.py": "",
            "pay.py": PAY,
            "deep/__init__.py": PAY.replace("pay", "refund"),
            "deep/deeper/__init__.py": "",
            "deep/deeper/notify.py": NOTIFY,
        },
    )
    assert list(discover(["shop_a"])) == ["refund", "notify", "pay"]


def test_a_single_module_is_a_package_too(package: Package) -> None:
    package("shop_b", {"__init__.py": "", "pay.py": PAY, "other.py": NOTIFY})
    assert list(discover(["shop_b.pay"])) == ["pay"]


def test_several_packages_make_one_registry(package: Package) -> None:
    package("shop_c", {"__init__.py": PAY})
    package("shop_d", {"__init__.py": NOTIFY})
    registry = discover(["shop_c", "shop_d", "shop_c"])
    assert list(registry) == ["pay", "notify"]
    assert len(registry) == 2
    assert list(registry.policies) == ["pay", "notify"]


def test_a_function_that_is_imported_elsewhere_counts_once(package: Package) -> None:
    package(
        "shop_e",
        {
            "__init__.py": "from shop_e.pay import pay",
            "pay.py": PAY,
            "z.py": "from .pay import pay",
        },
    )
    registry = discover(["shop_e"])
    assert list(registry) == ["pay"]
    assert registry["pay"].source == "shop_e.pay.pay"


def test_a_main_module_is_not_run(package: Package) -> None:
    package("shop_f", {"__init__.py": PAY, "__main__.py": "raise SystemExit(1)"})
    assert list(discover(["shop_f"])) == ["pay"]


def test_one_id_in_two_functions_stops_the_process(package: Package) -> None:
    package("shop_g", {"__init__.py": "", "a.py": PAY, "b.py": PAY})
    with pytest.raises(ComponentDuplicate) as caught:
        discover(["shop_g"])
    assert str(caught.value) == (
        "component id 'pay' is declared twice: in shop_g.a.pay and in shop_g.b.pay"
    )
    assert caught.value.component == "pay"


@pytest.mark.parametrize(
    ("files", "asked", "problem"),
    [
        ({}, "shop_nowhere", "No module named 'shop_nowhere'"),
        ({"__init__.py": "import shop_needs_this"}, "shop_h", "No module named 'shop_needs_this'"),
        (
            {"__init__.py": "", "sub.py": "from shop_h import absent"},
            "shop_h",
            "cannot import name 'absent' from 'shop_h'",
        ),
        (
            {"__init__.py": "", "sub/__init__.py": "import shop_needs_this"},
            "shop_h",
            "No module named 'shop_needs_this'",
        ),
    ],
)
def test_a_package_that_cannot_be_loaded_says_what_to_mend(
    package: Package, files: Mapping[str, str], asked: str, problem: str
) -> None:
    package("shop_h", files)
    with pytest.raises(ComponentMissing) as caught:
        discover([asked])
    message = str(caught.value)
    assert message.startswith(f"cannot load components from '{asked}': {problem}")
    assert message.endswith("; mend the setting CHAINSAGA_COMPONENTS or install the package")
    assert caught.value.package == asked


@pytest.mark.parametrize("value", ["shop_i", "shop_i:anything", "shop_i [extra]"])
def test_entry_points_of_installed_distributions_are_loaded(
    package: Package, tmp_path: Path, value: str
) -> None:
    package("shop_i", {"__init__.py": "", "pay.py": PAY})
    package(
        "shop_i-1.0.dist-info",
        {
            "METADATA": "Metadata-Version: 2.1\nName: shop-i\nVersion: 1.0\n",
            "entry_points.txt": f"[chainsaga.components]\nshop = {value}\n[other]\nx = nowhere\n",
        },
    )
    assert list(discover([])) == ["pay"]


def test_an_entry_point_and_a_setting_may_name_the_same_package(package: Package) -> None:
    package("shop_j", {"__init__.py": PAY})
    package(
        "shop_j-1.0.dist-info",
        {
            "METADATA": "Metadata-Version: 2.1\nName: shop-j\nVersion: 1.0\n",
            "entry_points.txt": "[chainsaga.components]\nshop = shop_j\n",
        },
    )
    assert list(discover(["shop_j"])) == ["pay"]


def test_without_entry_points_and_packages_there_is_nothing() -> None:
    assert dict(discover([])) == {}


@component("pay", compensate="refund")
def pay() -> None: ...


@component("refund")
def refund(undo: Undo) -> None: ...  # type: ignore[type-arg] # reads nothing of it


def test_a_compensation_may_stand_anywhere() -> None:
    assert Registry([refund, pay])["pay"].policy.compensate == "refund"
    assert Registry([pay, refund])["pay"].policy.compensate == "refund"


def test_an_unknown_compensation_stops_the_process() -> None:
    with pytest.raises(ComponentInvalid) as caught:
        Registry([pay])
    assert str(caught.value) == (
        f"component 'pay' ({__name__}.pay): its compensation 'refund' is no registered component"
    )


def declared(id: str, **more: Any) -> Callable[..., object]:
    def function() -> bool:
        return True

    return component(id, **more)(function)


ALL_FOUR = ("reserveCompensate", "compensateReserve", "undoReserve", "cancelReserve")
# Why, how `reserve` is declared, what else is registered -> its compensation, and whose it is.
INFERENCE: list[tuple[str, dict[str, Any], tuple[str, ...], str | None, bool]] = [
    ("the first name", {}, ALL_FOUR, "reserveCompensate", True),
    ("the second", {}, ALL_FOUR[1:], "compensateReserve", True),
    ("the third", {}, ALL_FOUR[2:], "undoReserve", True),
    ("the last", {}, ALL_FOUR[3:], "cancelReserve", True),
    ("whatever the order of registration", {}, ALL_FOUR[::-1], "reserveCompensate", True),
    ("nothing of that name", {}, ("releaseSeats",), None, False),
    ("another case", {}, ("undoreserve", "UndoReserve", "reservecompensate"), None, False),
    ("only the whole name", {}, ("undoReserveSeats", "reservesCompensate"), None, False),
    ("declared goes first", {"compensate": "free"}, ("free", *ALL_FOUR), "free", False),
    ("read-only", {"read_only": True}, ALL_FOUR, None, False),
    ("cannot be undone", {"irreversible": True}, ALL_FOUR, None, False),
    ("a condition", {"kind": "boolean"}, ALL_FOUR, None, False),
    (
        "a condition with an effect",
        {"kind": "boolean", "read_only": False},
        ALL_FOUR,
        "reserveCompensate",
        True,
    ),
]


@pytest.mark.parametrize(
    ("declaration", "others", "compensate", "inferred"),
    [case[1:] for case in INFERENCE],
    ids=[case[0] for case in INFERENCE],
)
def test_a_compensation_is_inferred_by_name(
    *,
    declaration: dict[str, Any],
    others: tuple[str, ...],
    compensate: str | None,
    inferred: bool,
) -> None:
    registry = Registry([*map(declared, others), declared("reserve", **declaration)])
    assert registry["reserve"].policy.compensate == compensate
    assert registry.policies["reserve"].compensate == compensate
    assert ("reserve" in registry.inferred, registry["reserve"].inferred) == (inferred, inferred)
    assert registry.inferred <= {"reserve"}


def test_a_condition_undoes_nothing() -> None:
    condition = declared("undoReserve", kind="boolean")
    registry = Registry([declared("reserve"), condition, declared("cancelReserve")])
    assert registry["reserve"].policy.compensate == "cancelReserve"


def test_what_is_inferred_is_compiled_like_what_is_declared() -> None:
    registry = Registry([declared("创建"), declared("undo创建")])
    chains = {"c": ChainText("c", "THEN(创建)")}
    plan = compile_chain("c", chains=chains, components=registry.policies).plan
    assert set(plan.components) == {"创建", "undo创建"}


@pytest.mark.parametrize("id", ["chainsaga.freeze", "chainsaga.", "chainsaga.pay"])
def test_our_own_names_are_reserved(id: str) -> None:
    @component(id)
    def mine() -> None: ...

    with pytest.raises(ComponentInvalid) as caught:
        Registry([mine])
    assert str(caught.value).endswith("): ids that begin with 'chainsaga.' are reserved")
    assert caught.value.component == id


def test_a_name_that_only_resembles_ours_is_free() -> None:
    @component("chainsagapay")
    def theirs() -> None: ...

    assert list(Registry([theirs])) == ["chainsagapay"]


def test_the_samples_are_a_registry() -> None:
    registry = discover(["activities.components"])
    undone = {
        id: policy.compensate for id, policy in registry.policies.items() if policy.compensate
    }
    assert undone.keys() == {"createOrder", "deductStock", "freezeCoupon", "pay", "notify"}
    assert all(registry[id].policy.needs.undo_output for id in undone.values())
    assert registry["isVip"].policy.kind == "boolean"
