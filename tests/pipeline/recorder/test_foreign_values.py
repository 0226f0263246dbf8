"""Any value that a tool takes, gives or raises leaves the tool as it is, and loses no event."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.pipeline.recorder.conftest import Recorded


class Loud:
    """A value whose methods all fail."""

    def __str__(self) -> str:
        raise RuntimeError("not for you")

    __repr__ = __iter__ = __len__ = __bool__ = __eq__ = __hash__ = __str__  # type: ignore[assignment]


class LoudText(str):
    __slots__ = ()
    __str__ = __repr__ = __len__ = __getitem__ = encode = Loud.__str__  # type: ignore[assignment]


class LoudNumber(int):
    __str__ = __repr__ = Loud.__str__


class Disguised:
    @property
    def __class__(self) -> Any:
        raise RuntimeError("not for you")

    @__class__.setter
    def __class__(self, kind: Any) -> None: ...


class _Unnamed(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("not for you")


class Unnamed(metaclass=_Unnamed):
    pass


class Model:
    def model_dump(self, mode: str) -> Any:
        raise ValueError(mode)


class Failed(Exception):
    __str__ = Loud.__str__


def cyclic() -> dict[str, Any]:
    found: dict[str, Any] = {"n": 1}
    found["self"] = found
    return found


def deep(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


VALUES: dict[str, tuple[Any, Any]] = {
    "huge number": (10**5000, "<int>"),
    "negative huge number": (-(10**5000), "<int>"),
    "huge number inside": ({"a": [1, 10**5000]}, {"a": [1, "<int>"]}),
    "number of 70 bits": (2**70, 2**70),
    "huge fraction": (Fraction(10**5000, 3), "<Fraction>"),
    "huge key": ({10**5000: 1}, {"<int>": 1}),
    "methods that raise": (Loud(), "<Loud>"),
    "methods that raise, inside": ([Loud(), "b"], ["<Loud>", "b"]),
    "text whose methods raise": (LoudText("abc"), "abc"),
    "number whose methods raise": (LoudNumber(4), 4),
    "class that raises": (Disguised(), "<Disguised>"),
    "type without a name": (Unnamed(), "<Unnamed>"),
    "model that cannot be dumped": (Model(), "<Model>"),
    "exception": (Failed("a"), "<Failed>"),
    "not a number": (float("nan"), None),
    "infinity inside": ([float("inf")], [None]),
    "bytes": (b"\xff\xfe", "//4="),
    "half of a pair": ("\ud800", "?"),
    "half of a pair inside": ({"\udc00": ["\ud800", "b"]}, {"?": ["?", "b"]}),
    "cycle": (cyclic(), {"n": 1, "self": "<dict>"}),
    "keys of other types": ({(1,): 2, None: 3}, {"(1,)": 2, "None": 3}),
}  # fmt: skip


@pytest.fixture(params=sorted(VALUES))
def value(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    return VALUES[request.param]


def test_argument_is_recorded(recorded: Recorded, value: tuple[Any, Any]) -> None:
    given, shown = value

    @recorded.recorder.tool
    def take(one: Any) -> str:
        assert one is given
        return "taken"

    assert take(given) == "taken"
    (event,) = recorded.events()
    assert (event["arguments"], event["outcome"]) == ({"one": shown}, "ok")
    assert recorded.recorder.losses == {}


@pytest.mark.parametrize("way", ["function", "generator"])
def test_result_passes_and_loses_no_event(
    recorded: Recorded, value: tuple[Any, Any], way: str
) -> None:
    given, _ = value

    def give() -> Any:
        return given

    def give_some() -> Iterator[Any]:
        yield given

    tool: Callable[[], Any] = recorded.recorder.tool(give if way == "function" else give_some)
    with recorded.recorder.session("go on"):
        assert (tool() if way == "function" else next(iter(list(tool())))) is given
    (event,) = recorded.events()
    assert event["outcome"] == "ok"
    assert recorded.recorder.losses == {}


def test_exception_passes_and_loses_no_event(recorded: Recorded, value: tuple[Any, Any]) -> None:
    given, _ = value
    raised = ValueError(given)

    @recorded.recorder.tool
    def fail() -> None:
        raise raised

    with recorded.recorder.session("go on"), pytest.raises(ValueError, check=lambda e: e is raised):
        fail()
    (event,) = recorded.events()
    assert event["outcome"] == "error"
    assert recorded.recorder.losses == {}


def test_deep_and_wide_values_are_bounded(recorded: Recorded) -> None:
    @recorded.recorder.tool
    def take(one: Any, two: Any) -> None: ...

    many: list[Any] = ["\ud800"]
    for _ in range(20):  # 10 to the 20th members, if each was followed
        many = [many] * 10
    take(deep(100_000), many)
    (event,) = recorded.events()
    assert len(str(event["arguments"])) < 200_000
    assert recorded.recorder.losses == {}
