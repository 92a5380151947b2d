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
        (True, int, True),
        (1, bool, False),
        (1, Literal[True], False),
        (Animal(), Dog, False),  # Of a value, unlike of a hint, its class is known for certain.
        (object(), str, False),
        (Dog(), Barks, True),
        ([1, 2], list[int], True),
        ([1, 2], Sequence[int], True),
        (Color.RED, Color, True),
        ("red", Color, False),
        (3, T, True),
        (3, hints.Unknown("pd.DataFrame"), True),
    ],
)
def test_value_fits(value, wanted, expected):
    assert hints.value_fits(value, wanted) is expected
    assert hints.constant_fits(value, wanted) is expected


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        ([1, "a"], list[int], False),
        ([1, "a"], list[int | str], True),
        ([[1], ["a"]], list[list[int]], False),
        ([1, "a"], list[int] | None, False),
        ((1, "a"), tuple[int, str], True),
        ((1, 2, 3), tuple[int, str], False),
        ((1, 2, 3), tuple[int, ...], True),
        ({"a": 1}, dict[str, int], True),
        ({"a": "b"}, dict[str, int], False),
        ({"a"}, set[int], False),
        ([], list[int], True),
    ],
)
def test_a_constant_fits_with_all_that_it_holds(value, wanted, expected):
    assert hints.value_fits(value, wanted)
    assert hints.constant_fits(value, wanted) is expected


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


here = "here"


def test_hints_written_as_text_are_evaluated():
    def function(a: "list[int]", b: "'str'", c: "here", d: "1 +", e: "Dog.missing"): ...  # noqa: F722

    found = hints.resolved(function)
    assert found == {"a": list[int], "b": str, "c": hints.ANYTHING, "d": hints.ANYTHING, "e": hints.ANYTHING}


def test_names_only_for_type_checkers_allow_anything_and_leave_the_rest_of_a_hint():
    def function(
        a: "pd.DataFrame", b: "pd.DataFrame | None", c: "list[pd.DataFrame | None]", d: "np.array[int] | str"
    ) -> "tuple[Annotated[pd.DataFrame, 'train'], Annotated[np.ndarray, 'test']]": ...

    found = hints.resolved(function)
    assert hints.label(found["a"]) == "pd.DataFrame"
    for hint in (found["a"], found["b"], hints.element(found["c"]), found["d"]):
        assert hints.fits(int, hint)
        assert hints.fits(hint, int)
        assert hints.value_fits(3, hint)
    assert not hints.fits(int, found["c"])
    assert [part.__metadata__ for part in found["return"].__args__] == [("train",), ("test",)]


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
