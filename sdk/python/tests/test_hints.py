import enum
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, NewType, Optional, Protocol, TypeVar, Union

import pytest

from sundae import hints

T = TypeVar("T")
Meters = NewType("Meters", float)


class Animal: ...


class Dog(Animal): ...


class Barks(Protocol):
    def bark(self): ...


class Color(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (int, int),
        (int, float),
        (bool, int),
        (Dog, Animal),
        (Animal, Dog),  # May well be one.
        (int, Any),
        (Any, str),
        (int, hints.ANYTHING),
        (int, T),
        (int, object),
        (int, int | None),
        (Optional[int], int),  # noqa: UP045
        (Union[int, str], str),  # noqa: UP007
        (list[int], list),
        (list, list[int]),
        (list[int], Sequence[int]),
        (list[int], list[float]),
        (tuple[int, ...], tuple[int, ...]),
        (Annotated[int, "size"], int),
        (Meters, float),
        (Literal["a"], str),
        (Dog, Barks),
        (int, "NotImportedHere"),
        (Callable[[int], int], Callable[[str], str]),
    ],
)
def test_fits(given, wanted):
    assert hints.fits(given, wanted)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (int, str),
        (float, int),
        (str, Animal),
        (int, str | None),
        (list[int], list[str]),
        (dict[str, int], dict[str, str]),
        (list[int], dict),
        (int, list[int]),
        (Literal["a"], int),
        (None, int),
        (Meters, str),
    ],
)
def test_does_not_fit(given, wanted):
    assert not hints.fits(given, wanted)


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        ("sgd", Literal["sgd", "forest"], True),
        ("svm", Literal["sgd", "forest"], False),
        (None, int | None, True),
        (None, int, False),
        (3, float, True),
        ([1, 2], list[int], True),
        (Color.RED, Color, True),
        ("red", Color, False),
    ],
)
def test_value_fits(value, wanted, expected):
    assert hints.value_fits(value, wanted) is expected


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (int, "int"),
        (None, "None"),
        (list[int], "list[int]"),
        (Optional[int], "Optional[int]"),  # noqa: UP045
        (Annotated[int, "size"], "int"),
        (hints.ANYTHING, "anything"),
    ],
)
def test_label(hint, expected):
    assert hints.label(hint) in (expected, expected.replace("Optional[int]", "int | None"))


def test_hints_written_as_text_are_evaluated_and_unknown_names_allow_anything():
    def function(a: "list[int]", b: "OnlyForTypeCheckers"): ...  # noqa: F821

    assert hints.resolved(function) == {"a": list[int], "b": hints.ANYTHING}


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (list[int], int),
        (tuple[str, ...], str),
        (Sequence[Dog], Dog),
        (list, hints.ANYTHING),
        (Any, hints.ANYTHING),
        (list[int] | None, hints.ANYTHING),
    ],
)
def test_element(hint, expected):
    assert hints.element(hint) is expected
