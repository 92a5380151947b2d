"""From pipelines to plans."""

import enum
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest

import sundae
from sundae import PipelineError, pipeline, step


@step
def load(size: int = 3) -> list[int]:
    return list(range(size))


@step
def split(numbers: list[int], share: float) -> tuple[Annotated[list[int], "train"], Annotated[list[int], "test"]]:
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


def plan_of(function, *args, **kwargs) -> dict:
    return pipeline(function).compile(*args, **kwargs)


def steps_of(function, *args, **kwargs) -> dict[str, dict]:
    return {entry["name"]: entry for entry in plan_of(function, *args, **kwargs)["steps"]}


def test_the_whole_plan():
    def training(size: int = 10, share: float = 0.5):
        a, b = split(load(size), share)
        train(a, seed=7)

    plan = plan_of(training, share=0.8)
    here = Path(__file__)
    run = ["python3", "-c", "import sundae; sundae.run_step()"]
    common = {"env": {"PYTHONHASHSEED": "0"}}
    for entry in plan["steps"]:
        assert here.name in [Path(file).name for file in entry.pop("code")]
        assert entry["fingerprint"].pop("python")
        assert entry["run"][0].startswith("python")
        entry["run"][0] = "python3"
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
        show.with_options(after=[first])("done")

    plan = training.compile()
    load_step, show_step = plan["steps"]
    assert plan["name"] == "nightly"
    assert load_step["cache"] is False
    assert load_step["env"] == {"PYTHONHASHSEED": "0", "MODE": "fast"}
    assert "data.csv" in load_step["code"]
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
    class Level(enum.Enum):
        HIGH = 3

    def training():
        untyped({"path": Path("a/b"), "pair": (1, 2), "level": Level.HIGH, "set": {2, 1}})

    params = steps_of(training)["untyped"]["params"]
    assert params == {"value": {"path": "a/b", "pair": [1, 2], "level": 3, "set": [1, 2]}}


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


def bad_after():
    load.with_options(after=[3])()


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (outputs_in_a_condition, "`load.output` is not known while the pipeline is built"),
        (outputs_counted, "`load.output` is not known while the pipeline is built"),
        (output_read, "`load.output` is not known while the pipeline is built"),
        (wrong_type, "step `show` takes `text` as str, but `load.output` is list[int]"),
        (wrong_element_type, "step `best` takes element 0 of `models` as str, but `load.output` is list[int]"),
        (wrong_constant, "step `load` takes `size` as int, but was given 'many', which is str"),
        (wrong_literal, "step `train` takes `kind` as Literal['sgd', 'forest'], but was given 'svm', which is str"),
        (no_json_form, "which has no JSON form: make it inside a step"),
        (infinite, "was given inf, which has no JSON form"),
        (several_outputs, "step `split` has the outputs `train`, `test`: hand one of them to `numbers`"),
        (no_output, "step `show` has no output to hand to `value`"),
        (a_mixed_list, "`value` of step `untyped` mixes outputs of steps and constants in a list"),
        (nothing, "the pipeline `nothing` calls no step"),
        (nested, "`inner` is defined inside a function"),
        (bad_name, "a step cannot be called `a b`"),
        (bad_option, "there is no option `retries`: choose from `name`, `cache`"),
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
