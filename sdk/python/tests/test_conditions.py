"""`when`: conditions as text and from Python values, in the plan and in a run."""

import os

import pytest

from sundae import PipelineError, command, each, metadata, metric, param, pipeline, step


@step
def load() -> list[int]:
    return [1]


@step
def evaluate(rows: list[int]) -> float:
    return 1.0


@step(outputs="done")
def deploy(score: float, force: bool = False) -> str:
    return "done"


def when(condition, *, threshold=0.5) -> str:
    """The condition of the last step in a plan; `condition` may be a function of what the steps return."""

    @pipeline
    def training(limit: float = 0.5, live: bool = True, kind: str = "a"):
        rows = load()
        score = evaluate(rows)
        made = condition(rows, score, limit, kind) if callable(condition) else condition
        deploy.with_options(when=made)(score)

    return training.compile()["steps"][-1]["when"]


@pytest.mark.parametrize(
    "text",
    [
        "param.live",
        "not param.live and (metric.evaluate.accuracy >= -0.9e-3 or metric.evaluate.'f1 score' != 1_000)",
        "metadata.load.output.rows > 100 and metadata.load.output.shape.0 == 2",
        "param.kind in ['a', \"b\", 3, null,] or param.force or param.limit not in [1]",
        "not not param.live",
        "'a' in param.kind",
    ],
)
def test_a_text_stands_in_the_plan_as_it_is(text):
    assert when(text) == text


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (
            lambda rows, score, limit, kind: metric(score, "accuracy") >= 0.9,
            "metric.evaluate.accuracy >= 0.9",
        ),
        (lambda rows, score, limit, kind: metric("load", "f1 score") != 1, "metric.load.'f1 score' != 1"),
        (lambda rows, score, limit, kind: metric(score, "a") > limit, "metric.evaluate.a > param.limit"),
        (lambda rows, score, limit, kind: limit < metric(score, "a"), "metric.evaluate.a > param.limit"),
        (
            lambda rows, score, limit, kind: metadata(rows, "shape", 0).is_in([None]),
            "metadata.load.output.shape.0 in [null]",
        ),
        (lambda rows, score, limit, kind: param("live"), "param.live"),
        (
            lambda rows, score, limit, kind: param("kind").is_in(["it's", kind]),
            'param.kind in ["it\'s", param.kind]',
        ),
        (
            lambda rows, score, limit, kind: (
                ~param("live") & (metric(score, "a") < 1) | (param("limit") <= True)
            ),
            "((not param.live) and (metric.evaluate.a < 1)) or (param.limit <= true)",
        ),
    ],
)
def test_a_condition_is_put_together_from_values(condition, text):
    assert when(condition) == text


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("", "a value is missing"),
        ("param.live and", "a value is missing behind `and`"),
        ("param.live == ", "a value is missing behind `==`"),
        ("(param.live", "`(` has no `)`"),
        ("[1, 2 == param.live", "`[` has no `]`"),
        ("param.live)", "`)` cannot stand there"),
        ("0 < param.limit < 1", "comparisons cannot be chained"),
        ("param.live && param.live", "`&` means nothing in a condition: write `and`"),
        ("param.limit = 1", "`=` means nothing in a condition: write `==`"),
        ("param.limit + 1 > 2", "`+` means nothing in a condition"),
        ("param.kind == 'a", "the text that begins with ' does not end"),
        ("params.live", "`params.live` means nothing in a condition; did you mean `param`?"),
        ("accuracy > 1", "`accuracy` means nothing in a condition; a text stands in quotes"),
        ("metric.evaluate > 1", "`metric.evaluate` must be written `metric.STEP.NAME`"),
        ("metadata.load.output", "must be written `metadata.STEP.OUTPUT.KEY`"),
        (
            "param.lvie",
            "`when` of step `deploy` names the param `lvie`, which is not there; did you mean `live`?",
        ),
        ("metric.evalaute.a > 1", "the step `evalaute`, which is not there; did you mean `evaluate`?"),
        ("metric.train_all.a > 1", "which is not there; there is `load`, `evaluate`, `deploy`"),
        ("metadata.load.rows.n > 1", "the output `rows`, which step `load` does not have; there is `output`"),
        ("metric.deploy.a > 1", "`when` of step `deploy` is about the step itself"),
        (3, "`when` of the step is a condition such as"),
        (
            lambda rows, score, limit, kind: 0 < metric(score, "a") < 1,
            "is not known while the pipeline is built",
        ),
        (
            lambda rows, score, limit, kind: metric(score, "a") > object(),
            "a condition compares numbers, texts",
        ),
        (lambda rows, score, limit, kind: metric(score, "a") > score, "`evaluate.output` is not known while"),
        (lambda rows, score, limit, kind: param("live") & True, "which is no condition"),
        (lambda rows, score, limit, kind: metadata(rows), "`metadata` takes an output of a step and the key"),
        (lambda rows, score, limit, kind: metric(3, "a"), "`metric` takes what a step call returns"),
    ],
)
def test_a_mistake_is_found_when_the_pipeline_is_built(condition, sentence):
    with pytest.raises(PipelineError) as caught:
        when(condition)
    assert sentence in str(caught.value)


def test_a_mistake_in_the_decorator_is_found_there():
    with pytest.raises(
        PipelineError, match=r"`when` of the step, `param\.a and`: a value is missing .*\(.*test_con"
    ):
        step(when="param.a and")(lambda: 1)


def test_a_step_with_items_has_no_metrics():
    @pipeline
    def mapping():
        scores = evaluate.map(each([[1], [2]]))
        load.with_options(when=metric(scores, "accuracy") > 1)()

    with pytest.raises(
        PipelineError, match="names a metric of `evaluate`, which is mapped and has none itself"
    ):
        mapping.compile()


def test_a_command_takes_a_condition():
    clean = command("rm -f x", name="clean", when="param.live")

    @pipeline
    def cleaning(live: bool = True):
        clean()

    assert cleaning.compile()["steps"][0]["when"] == "param.live"


RUN = """
from sundae import log_metric, metric, pipeline, step

@step
def evaluate(score: float) -> float:
    log_metric("accuracy", score)
    return score

@step
def deploy(score: float) -> str:
    return "deployed"

@pipeline
def training(score: float = 0.5, least: float = 0.7):
    found = evaluate(score)
    deploy.with_options(when=metric(found, "accuracy") >= least)(found)

if __name__ == "__main__":
    for run in (training(), training(0.8)):
        print({name: one.status for name, one in run.steps.items()}, run.steps["deploy"].reason)
"""


@pytest.mark.skipif("SUNDAE_BIN" not in os.environ, reason="the stand-in knows no conditions")
@pytest.mark.usefixtures("host")
def test_a_step_runs_under_its_condition(project):
    project.write("run.py", RUN)
    first, second = project.says("run.py").splitlines()
    assert first.startswith("{'evaluate': 'completed', 'deploy': 'skipped'} ")
    assert "metric.evaluate.accuracy >= param.least" in first
    assert second == "{'evaluate': 'completed', 'deploy': 'completed'} it has not run before"
