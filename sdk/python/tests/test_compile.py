"""From pipelines to plans."""

import enum
import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest

import sundae
from sundae import PipelineError, pipeline, step


@step
def load(size: int = 3) -> list[int]:
    return list(range(size))


@step
def split(
    numbers: list[int], share: float
) -> tuple[Annotated[list[int], "train"], Annotated[list[int], "test"]]:
    return numbers, numbers


@step
def train(numbers: list[int], kind: Literal["sgd", "forest"] = "sgd", seed: int | None = None) -> str:
    return kind


@step
def best(models: list[str]) -> str:
    return models[0]


@step
def show(text: str) -> None:
    print(text)


@step
def untyped(value, option=object()):  # noqa: B008
    return value


class Level(enum.Enum):
    HIGH = 3


@step
def defaults(
    value,
    bare=(1, 2),
    hinted: tuple[int, ...] = (1, 2),
    bare_path=Path("a"),
    path: Path | None = Path("a"),
    bare_level=Level.HIGH,
    level: Level = Level.HIGH,
    huge: int = 2**64,
    implicit: int = None,  # noqa: RUF013
):
    return value


@step
def with_path(path: Path = Path("conftest.py")):
    return path


@step
def cases(x: int, X: int):
    return x


def plan_of(function, *args, **kwargs) -> dict:
    return pipeline(function).compile(*args, **kwargs)


def steps_of(function, *args, **kwargs) -> dict[str, dict]:
    return {entry["name"]: entry for entry in plan_of(function, *args, **kwargs)["steps"]}


def test_the_whole_plan():
    def training(size: int = 10, share: float = 0.5):
        numbers, _ = split(load(size), share)
        train(numbers, seed=7)

    plan = plan_of(training, share=0.8)
    here = Path(__file__)
    run = ["python3", "-c", "import sundae; sundae.run_step()"]
    common = {"env": {"PYTHONHASHSEED": "0"}}
    for entry in plan["steps"]:
        assert entry["fingerprint"][here.name].startswith("code:")
        assert entry["fingerprint"].pop("python")
        assert entry["run"][0].startswith("python")
        entry["run"][0] = "python3"
        entry.pop("warm", None)
        entry.pop("fingerprint")
    assert plan == {
        "name": "training",
        "root": str(here.parent),
        "params": {"size": 10, "share": 0.8},
        "steps": [
            {
                "name": "load",
                "run": [*run, "test_compile:load"],
                "outputs": ["output"],
                "params": {"size": "{param.size}"},
                **common,
            },
            {
                "name": "split",
                "run": [*run, "test_compile:split"],
                "inputs": {"numbers": "load.output"},
                "outputs": ["train", "test"],
                "params": {"share": "{param.share}"},
                **common,
            },
            {
                "name": "train",
                "run": [*run, "test_compile:train"],
                "inputs": {"numbers": "split.train"},
                "outputs": ["output"],
                "params": {"kind": "sgd", "seed": 7},
                **common,
            },
        ],
    }
    json.dumps(plan, allow_nan=False)


def test_a_step_called_again_gets_a_number():
    def training():
        for kind in ("sgd", "forest"):
            train(load(), kind)
        train.with_options(name="load")(load())

    assert list(steps_of(training)) == ["load", "train", "load_2", "train_2", "load_3", "load_4"]


def test_a_list_of_outputs_becomes_numbered_inputs():
    def training():
        best([train(load(), kind) for kind in ("sgd", "forest")])

    assert steps_of(training)["best"]["inputs"] == {"models-0": "train.output", "models-1": "train_2.output"}


def test_a_parameter_that_is_computed_with_becomes_a_constant():
    def training(size: int = 10, with_forest: bool = True):
        numbers = load(size * 2)
        train(numbers, "forest" if with_forest else "sgd")

    steps = steps_of(training)
    assert steps["load"]["params"] == {"size": 20}
    assert steps["train"]["params"]["kind"] == "forest"
    assert steps_of(training, with_forest=False)["train"]["params"]["kind"] == "sgd"


def test_options():
    @pipeline(name="nightly")
    def training():
        first = load.with_options(cache=False, env={"MODE": "fast"}, code=["data.csv"])()
        show.with_options(after=[first], code=Path("notes.txt"))("done")

    plan = training.compile()
    load_step, show_step = plan["steps"]
    assert plan["name"] == "nightly"
    assert load_step["cache"] is False
    assert load_step["env"] == {"PYTHONHASHSEED": "0", "MODE": "fast"}
    assert "data.csv" in load_step["code"]
    assert "notes.txt" in show_step["code"]
    assert show_step["after"] == ["load"]
    assert "outputs" not in show_step


def test_outputs_named_by_option_are_told_to_the_process():
    def training():
        untyped.with_options(outputs=["a", "b"])(1)

    step = steps_of(training)["untyped"]
    assert step["outputs"] == ["a", "b"]
    assert step["run"][-2:] == ["--outputs", "a,b"]
    assert step["params"] == {"value": 1}  # A default without a JSON form is left to the function.


def test_constants_in_their_json_form():
    def training():
        untyped({"path": Path("a/b"), "pair": (1, 2), "level": Level.HIGH, "set": {2, 1}})

    params = steps_of(training)["untyped"]["params"]
    assert params == {"value": {"path": "a/b", "pair": [1, 2], "level": 3, "set": [1, 2]}}


def test_defaults_that_json_would_change_are_left_to_the_function():
    def training():
        defaults(1)

    assert steps_of(training)["defaults"]["params"] == {
        "value": 1,
        "hinted": [1, 2],
        "path": "a",
        "level": 3,
        "implicit": None,
    }


def test_what_lies_at_a_path_is_part_of_the_step(tmp_path):
    (tmp_path / "data.csv").write_text("")
    here = Path(__file__)

    def training():
        untyped(tmp_path / "data.csv")
        untyped([Path(here.name), Path("not_there")])
        untyped.with_options(name="text")(here.name)
        with_path()

    steps = steps_of(training)
    assert str(tmp_path / "data.csv") in steps["untyped"]["code"]
    assert steps["untyped_2"]["code"] == [here.name]
    assert "code" not in steps["text"]
    assert "conftest.py" in steps["with_path"]["code"]


def test_an_implicit_none_may_be_handed_over():
    def training():
        defaults(1, implicit=None)

    assert steps_of(training)["defaults"]["params"]["implicit"] is None


def test_arguments_by_place_alone():
    @pipeline
    def training(size: int, /, share: float = 0.5):
        split(load(size), share)

    assert training.compile(4)["params"] == {"size": 4, "share": 0.5}


def test_a_command_of_another_language():
    count = sundae.command("wc -l < {in.text} > {out.n}", name="count", outputs="n", code=["count.awk"])

    def counting():
        load(count(text=load(), limit=3).n)

    steps = steps_of(counting)
    assert steps["load_2"]["inputs"] == {"size": "count.n"}
    assert steps["count"] == {
        "name": "count",
        "run": "wc -l < {in.text} > {out.n}",
        "inputs": {"text": "load.output"},
        "outputs": ["n"],
        "params": {"limit": 3},
        "code": ["count.awk"],
    }


def test_a_pipeline_in_a_pipeline_becomes_part_of_it():
    @pipeline
    def data(size: int = 4):
        return split(load(size), 0.5)

    def training():
        train(data(5).train)

    steps = steps_of(training)
    assert list(steps) == ["load", "split", "train"]
    assert steps["load"]["params"] == {"size": 5}


def outputs_in_a_condition():
    if load():
        pass


def outputs_counted():
    for _ in load():
        pass


def output_compared():
    if load() == [0]:
        pass


def output_exceeded():
    return load() > 3


def output_computed_with():
    return 2 * load()


def output_misnamed():
    split(load(), 0.5).tests  # noqa: B018


def output_read():
    load().mean()


def wrong_type():
    show(load())


def wrong_element_type():
    best([load()])


def wrong_constant():
    load("many")


def wrong_literal():
    train(load(), "svm")


def wrong_element():
    best(["a", 3])


def wrong_bool():
    plan_of(with_flag, flag=2)


def with_flag(flag: bool):
    untyped(flag)


def named_of_wrong_type():
    def inner(size: int = 3):
        show(size)

    plan_of(inner)


def of_another_pipeline():
    kept = []
    plan_of(lambda_free(kept))
    show(kept[0])


def lambda_free(kept):
    def inner():
        kept.append(train(load()))

    return inner


def a_list_of_several():
    best([split(load(), 0.5)])


def same_variable():
    cases(1, 2)


def a_placeholder():
    untyped("{param.size}")


def half_a_pair():
    untyped("\ud800")


def huge_number():
    untyped(2**64)


def no_json_form():
    untyped(object())


def infinite():
    untyped(float("inf"))


def several_outputs():
    train(split(load(), 0.5))


def no_output():
    untyped(show("x"))


def a_mixed_list():
    untyped([load(), 1])


def nothing():
    pass


def nested():
    @step
    def inner():
        pass

    inner()


def bad_name():
    load.with_options(name="a b")()


def bad_option():
    load.with_options(retries=3)()


def bad_env():
    load.with_options(env={"LEVEL": 3})()


def unsorted():
    untyped({1, "a"})


def bad_after():
    load.with_options(after=[3])()


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (outputs_in_a_condition, "`load.output` is not known while the pipeline is built"),
        (outputs_counted, "a step with several outputs says so by `-> tuple[A, B]`"),
        (output_compared, "`load.output` is not known while the pipeline is built"),
        (output_exceeded, "`load.output` is not known while the pipeline is built"),
        (output_computed_with, "`load.output` is not known while the pipeline is built"),
        (output_misnamed, "step `split` has no output `tests`: it has `train`, `test`"),
        (output_read, "`load.output` is not known while the pipeline is built"),
        (wrong_type, "step `show` takes `text` as str, but `load.output` is list[int]"),
        (
            wrong_element_type,
            "step `best` takes element 0 of `models` as str, but `load.output` is list[int]",
        ),
        (wrong_constant, "step `load` takes `size` as int, but was given 'many', which is str"),
        (
            wrong_literal,
            "step `train` takes `kind` as Literal['sgd', 'forest'], but was given 'svm', which is str",
        ),
        (wrong_element, "step `best` takes `models` as list[str], but was given ['a', 3], which is list"),
        (wrong_bool, "pipeline `with_flag` takes `flag` as bool, but was given 2, which is int"),
        (named_of_wrong_type, "step `show` takes `text` as str, but was given 3, which is int"),
        (of_another_pipeline, "`train.output` belongs to another pipeline"),
        (a_list_of_several, "step `split` has the outputs `train`, `test`: hand one of them to `models`"),
        (same_variable, "arguments of step `cases` `x` and `X` would be the same environment variable"),
        (a_placeholder, "was given '{param.size}', which a plan takes for a placeholder"),
        (half_a_pair, "which has no JSON form: make it inside a step"),
        (huge_number, "which has no JSON form: make it inside a step"),
        (no_json_form, "which has no JSON form: make it inside a step"),
        (infinite, "was given inf, which has no JSON form"),
        (several_outputs, "step `split` has the outputs `train`, `test`: hand one of them to `numbers`"),
        (no_output, "step `show` has no output to hand to `value`"),
        (a_mixed_list, "`value` of step `untyped` mixes outputs of steps and constants in a list"),
        (nothing, "the pipeline `nothing` calls no step"),
        (nested, "`inner` is defined inside a function"),
        (bad_name, "a step cannot be called `a b`"),
        (bad_option, "there is no option `retries`: choose from `name`, `cache`"),
        (bad_env, "`env` of <step load> takes texts, not 'LEVEL': 3"),
        (unsorted, "which has no JSON form"),
        (bad_after, "`after` takes what step calls return, not 3"),
    ],
)
def test_a_wrong_pipeline_is_refused_with_a_sentence(function, sentence):
    with pytest.raises(PipelineError) as refusal:
        plan_of(function)
    assert sentence in str(refusal.value)
    assert "test_compile.py:" in str(refusal.value)


def test_outside_of_a_pipeline_a_step_is_its_function():
    assert load(2) == [0, 1]
    sundae.log_metric("accuracy", 0.9)
    sundae.note("nobody listens")
    sundae.progress(0.5)
    with pytest.raises(sundae.SundaeError, match="no step running here"):
        sundae.context()


@pytest.mark.skipif(sys.platform != "linux", reason="steps are copied on Linux only")
def test_isolation_says_which_server_a_step_has():
    @pipeline
    def own():
        load()
        load.with_options(isolation="process")()
        load.with_options(isolation="none")()

    server = ["-c", "import sundae; sundae.serve_steps()"]
    fork, process, none = own.compile()["steps"]
    assert (fork["warm"][1:], none["warm"][1:]) == (server, [*server, "--isolation", "none"])
    assert "warm" not in process
    fork, process, none = own.with_options(isolation="process").compile()["steps"]
    assert ("warm" in fork, "warm" in process, "warm" in none) == (False, False, True)


def test_an_unknown_isolation_is_refused():
    with pytest.raises(PipelineError, match='`isolation` is "fork", "process" or "none", not \'thread\''):
        load.with_options(isolation="thread")
