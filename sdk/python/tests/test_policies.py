"""Options about time, failure and the machine, and what becomes of them in a plan."""

import json
import os
from datetime import timedelta

import pytest

from sundae import PipelineError, command, pipeline, step


def one() -> int:
    return 1


def made(**options) -> dict:
    """The keys of a step with these options."""
    counted = step(one, **{"name": "one", **options})
    return pipeline(calling(counted)).compile()["steps"][0]


def calling(counted):
    def training():
        counted()

    return training


def test_what_is_said_of_a_step_stands_in_the_plan():
    retry = {
        "attempts": 5,
        "delay": "10s",
        "backoff": 1.5,
        "max_delay": timedelta(minutes=5),
        "exit_codes": (75,),
    }
    entry = made(
        resources={"cpus": 2, "memory": "4GiB", "license": 1}, retry=retry, timeout="1m 30s", trigger="always"
    )
    assert entry["resources"] == {"cpus": 2, "memory": "4GiB", "license": 1}
    assert entry["retry"] == {
        "attempts": 5,
        "delay": "10s",
        "backoff": 1.5,
        "max-delay": 300.0,
        "exit-codes": [75],
    }
    assert (entry["timeout"], entry["trigger"]) == ("1m 30s", "always")
    assert "cache" not in entry
    json.dumps(entry)


def test_what_is_not_said_does_not_stand_in_the_plan():
    assert not {"resources", "retry", "timeout", "trigger", "cache"} & set(made(timeout=None, cache=True))


def test_a_step_that_cleans_up_may_be_cached_if_it_says_so():
    assert made(trigger="always", cache=True)["cache"] is True
    assert made(trigger="on-success", cache=False)["cache"] is False
    assert made(cache=0)["cache"] is False


def test_a_command_takes_the_same_options():
    notify = command("curl {param.url}", name="notify", trigger="on-failure", retry=3, timeout=20)

    def training():
        notify(url="x")

    entry = pipeline(training).compile()["steps"][0]
    assert (entry["trigger"], entry["retry"], entry["timeout"]) == ("on-failure", 3, 20)
    with pytest.raises(PipelineError, match="there is no option `isolation`"):
        command("true", name="notify", isolation="none")


def test_what_is_said_of_a_pipeline_stands_at_the_top():
    def training():
        step(one)()

    hooks = {"run_started": "echo on", "run_ended": "echo off"}
    plan = pipeline(training, timeout=timedelta(hours=2), failure_policy="fail-fast", hooks=hooks).compile()
    assert (plan["timeout"], plan["failure-policy"]) == (7200.0, "fail-fast")
    assert plan["hooks"] == {"run-started": "echo on", "run-ended": "echo off"}


def test_secrets_in_the_environment_go_through_as_they_are():
    assert made(env={"TOKEN": "Bearer {secret.api}"})["env"]["TOKEN"] == "Bearer {secret.api}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"resources": 2}, "`resources` of .* is a dict such as"),
        (
            {"resources": {"cpus": "two"}},
            "`cpus` in `resources` of .* is a number, at least 0, or a size .* not 'two'",
        ),
        ({"resources": {"memory": "much"}}, '`memory` in .* or a size such as "4GiB", not'),
        ({"resources": {"gpus": -1}}, "`gpus` in `resources` of the step is a number, at least 0, .* not -1"),
        ({"retry": 0}, "how many attempts there are in all, at least 1, not 0"),
        ({"retry": True}, "how many attempts .* not True"),
        ({"retry": {"tries": 3}}, "one of `attempts`, `delay`, .* not 'tries'"),
        ({"retry": {"delay": "1s"}}, "has no `attempts`"),
        ({"retry": {"attempts": 2, "backoff": 0.5}}, "`backoff` in .* at least 1, not 0.5"),
        ({"retry": {"attempts": 2, "exit_codes": 75}}, "a list of exit codes"),
        ({"retry": {"attempts": 2, "delay": "soon"}}, "`delay` in .* is a duration such as"),
        ({"timeout": "10 parsecs"}, "a duration such as .* not '10 parsecs'"),
        ({"timeout": -1}, "a duration such as .* not -1"),
        ({"timeout": float("inf")}, "a duration such as .* not inf"),
        ({"timeout": 0}, "must be longer than nothing"),
        ({"trigger": "sometimes"}, "one of `on-success`, `on-failure`, `always`, not 'sometimes'"),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_written(options, said):
    with pytest.raises(PipelineError, match=said) as refused:
        step(one, **options)
    assert "test_policies.py:" in str(refused.value)
    with pytest.raises(PipelineError, match=said):
        command("true", name="c", **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"failure_policy": "give-up"}, "one of `finish-branches`, `fail-fast`, not 'give-up'"),
        ({"hooks": {"run-ended": "x"}}, "one of `run_started`, `step_failed`, `run_ended`, not 'run-ended'"),
        ({"hooks": {"run_ended": ["x"]}}, "a shell command as text"),
        ({"retry": 3}, "there is no option `retry`"),
    ],
)
def test_what_cannot_be_of_a_pipeline_is_refused(options, said):
    with pytest.raises(PipelineError, match=said):
        pipeline(one, **options)


RETRIED = """
from sundae import context, log_metric, pipeline, step

@step(retry={"attempts": 3, "delay": 0}, timeout="1m", resources={"cpus": 1, "memory": "1MiB"})
def shaky() -> int:
    log_metric("attempt", context().attempt)
    assert context().attempt == 2
    return 1

@step(trigger="always")
def tidy() -> None:
    log_metric("tidied", 1)

@pipeline(failure_policy="fail-fast", timeout="5m", hooks={"run_ended": "echo $SUNDAE_HOOK_STATUS > ended"})
def training():
    shaky()
    tidy()

if __name__ == "__main__":
    run = training()
    print(int(run.steps["shaky"].metrics["attempt"]), run.steps["tidy"].status)
"""


@pytest.mark.skipif("SUNDAE_BIN" not in os.environ, reason="SUNDAE_BIN does not name a `sundae` program")
def test_the_program_does_what_is_said(project, host):
    project.write("run.py", RETRIED)
    assert project.says("run.py") == "2 completed"
    assert (project.root / "ended").read_text() == "completed\n"
    assert project.says("run.py") == "2 completed"  # What cleans up runs every time.
