import asyncio
import functools
from typing import Annotated

import pytest

from sundae import PipelineError, hints, step
from sundae.signature import Signature


def outputs(function, names=None) -> list[tuple]:
    return [(output.name, output.hint) for output in Signature(function, "step `it`", names).outputs]


def test_outputs_by_their_hints():
    def one() -> int: ...
    def none() -> None: ...
    def named() -> Annotated[int, "size"]: ...
    def unnamed() -> tuple[int, str]: ...
    def mixed() -> tuple[int, Annotated[str, "text"]]: ...
    def any_length() -> tuple[int, ...]: ...
    def one_tuple() -> Annotated[tuple[int, str], "pair"]: ...

    assert outputs(one) == [("output", int)]
    assert outputs(none) == []
    assert outputs(named) == [("size", int)]
    assert outputs(unnamed) == [("output_0", int), ("output_1", str)]
    assert outputs(mixed) == [("output_0", int), ("text", str)]
    assert outputs(any_length) == [("output", tuple[int, ...])]
    assert outputs(one_tuple) == [("pair", tuple[int, str])]


def test_outputs_by_names():
    def typed() -> tuple[int, str]: ...
    def untyped(): ...

    assert outputs(typed, ["a", "b"]) == [("a", int), ("b", str)]
    assert [name for name, _ in outputs(untyped, ["a", "b"])] == ["a", "b"]
    assert outputs(typed, "pair") == [("pair", tuple[int, str])]
    assert outputs(untyped, []) == []
    with pytest.raises(PipelineError, match=r"names 3 outputs, but its hint has 2"):
        outputs(typed, ["a", "b", "c"])
    with pytest.raises(PipelineError, match="two outputs of the same name"):
        outputs(untyped, ["a", "a"])


def test_calls_are_bound_as_python_does():
    def function(a, /, b, c=3, *, d): ...

    signature = Signature(function, "step `function`")
    assert signature.bind((1, 2), {"d": 4}) == {"a": 1, "b": 2, "d": 4}
    for args, kwargs, complaint in [
        ((1,), {"d": 4}, "needs a value for `b`"),
        ((1, 2, 3, 4), {"d": 4}, "takes 3 positional arguments, 4 were given"),
        ((1, 2), {"b": 2, "d": 4}, "was given `b` twice"),
        ((1, 2), {"dd": 4}, "has no argument `dd`; did you mean `d`"),
    ]:
        with pytest.raises(PipelineError, match=complaint):
            signature.bind(args, kwargs)


def test_what_cannot_be_a_step_is_refused_with_a_sentence():
    async def later(): ...

    def several():
        yield 1

    def star(*numbers): ...

    async def later_each():
        yield 1

    for function, complaint in [
        (later_each, "is async: a step must be an ordinary function"),
        (later, "is async: a step must be an ordinary function"),
        (several, "is a generator: a step must return its value"),
        (star, "name every argument of a step"),
        (lambda: 1, "a lambda cannot be a step"),
        (3, "a step must be a function, not int"),
        (asyncio.Lock, "a step must be a function"),
    ]:
        with pytest.raises(PipelineError, match=complaint):
            step(function)


def test_an_async_function_that_a_decorator_runs_is_an_ordinary_one():
    def run_now(function):
        @functools.wraps(function)
        def wrapper(*args):
            return asyncio.run(function(*args))

        return wrapper

    @step
    @run_now
    async def twice(number: int) -> int:
        return number * 2

    assert twice(2) == 4


def test_names_that_the_host_would_refuse():
    def different(x, X): ...

    assert list(Signature(different, "step `different`").arguments) == ["x", "X"]
    with pytest.raises(PipelineError, match="`a` and `A` would be the same environment variable"):
        outputs(different, ["a", "A"])
    with pytest.raises(PipelineError, match="at most 128 characters"):
        outputs(different, ["a" * 129])


def test_none_as_a_default_is_allowed_by_any_hint():
    def function(a: int = None, b: "list[int]" = None, c=None): ...  # noqa: RUF013

    assert [argument.hint for argument in Signature(function, "it").arguments.values()] == [
        int | None,
        list[int] | None,
        hints.ANYTHING,
    ]


def test_the_sentence_ends_with_the_users_line():
    with pytest.raises(PipelineError, match=r"\(.*test_signature\.py:\d+\)$"):
        step(lambda: 1)


def test_a_decorated_function_keeps_its_signature():
    def shouting(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs).upper()

        return wrapper

    @step
    @shouting
    def greet(name: str) -> str:
        return f"hello {name}"

    assert greet("you") == "HELLO YOU"
    assert greet.name == "greet"
    assert list(greet.signature.arguments) == ["name"]
