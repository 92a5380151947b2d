"""`@step`, `@pipeline` and `command`: what a user writes down."""

from . import policies, tracing
from .errors import PipelineError
from .signature import REQUIRED, Output, Signature, check_function, check_name, unwrapped


class Step:
    """A function that can be a step of a pipeline. Made by `@step`.

    Called while a pipeline is built, it becomes a step of that pipeline; called anywhere else (in a unit
    test, in another step) it is the function that it was.
    """

    def __init__(self, function, **options):
        check_function(function, "step")
        self.function = function
        self.options = options
        self._signature = None
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__
        self.__module__ = function.__module__

    @property
    def name(self) -> str:
        return self.options.get("name") or unwrapped(self.function).__name__

    @property
    def signature(self) -> Signature:
        if self._signature is None:
            self._signature = Signature(self.function, f"step `{self.name}`", self.options.get("outputs"))
        return self._signature

    @property
    def outputs(self) -> list[Output]:
        return self.signature.outputs

    def __call__(self, *args, **kwargs):
        tracer = tracing.active()
        return tracer.record(self, args, kwargs) if tracer else self.function(*args, **kwargs)

    def map(self, *args, **kwargs):
        """Calls the step once for each value of the arguments that are marked with `each`.

            models = train.map(c=each([0.1, 1, 10]), data=data)
            best(models)  # Takes a list.

        Several marked arguments are taken in step. Called outside of a pipeline, it returns the list.
        """
        from . import mapping

        bound = self.bind(args, kwargs)
        tracer = tracing.active()
        return tracer.record_map(self, bound) if tracer else mapping.called(self, bound)

    def __repr__(self):
        return f"<step {self.name}>"

    def with_options(self, **options) -> "Step":
        """The same step with other options; takes what `@step` takes."""
        _check_options(options, STEP_OPTIONS)
        return Step(self.function, **{**self.options, **options})

    def bind(self, args: tuple, kwargs: dict) -> dict:
        return self.signature.bind(args, kwargs)

    def defaults(self) -> dict:
        """The defaults that can stand in a plan; what JSON would change is left to the function itself."""
        from .params import comes_back

        return {
            argument.name: argument.default
            for argument in self.signature.arguments.values()
            if argument.default is not REQUIRED and comes_back(argument.default, argument.hint)
        }

    def hint_of(self, argument: str):
        return self.signature.arguments[argument].hint


class Command:
    """A step that is a command in any language. Made by `command`."""

    def __init__(self, run, **options):
        self.run = run
        self.options = options

    @property
    def name(self) -> str:
        return self.options["name"]

    @property
    def outputs(self) -> list[Output]:
        from .hints import ANYTHING

        return [Output(check_name(name, "an output"), ANYTHING) for name in self.options.get("outputs", ())]

    def __call__(self, **kwargs):
        tracer = tracing.active()
        if tracer is None:
            raise PipelineError(f"the command `{self.name}` can only be called in a pipeline")
        return tracer.record(self, (), kwargs)

    def map(self, **kwargs):
        """The command once for each value of the arguments that are marked with `each`."""
        tracer = tracing.active()
        if tracer is None:
            raise PipelineError(f"the command `{self.name}` can only be called in a pipeline")
        return tracer.record_map(self, self.bind((), kwargs))

    def __repr__(self):
        return f"<command {self.name}>"

    def bind(self, args: tuple, kwargs: dict) -> dict:
        for name in kwargs:
            check_name(name, f"an argument of `{self.name}`")
        return kwargs

    def defaults(self) -> dict:
        return {}

    def hint_of(self, argument: str):
        from .hints import ANYTHING

        return ANYTHING


class Pipeline:
    """A function whose step calls make a pipeline. Made by `@pipeline`; calling it runs it."""

    def __init__(self, function, **options):
        check_function(function, "pipeline")
        self.function = function
        self.options = options
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__
        self.__module__ = function.__module__

    @property
    def name(self) -> str:
        return self.options.get("name") or unwrapped(self.function).__name__

    def __call__(self, *args, **kwargs):
        """Runs the pipeline; inside another pipeline its steps become steps of that one."""
        if tracing.active():
            return self.function(*args, **kwargs)
        return self.run(*args, **kwargs)

    def __repr__(self):
        return f"<pipeline {self.name}>"

    def with_options(self, **options) -> "Pipeline":
        """The same pipeline with other options; takes what `@pipeline` takes."""
        _check_options(options, PIPELINE_OPTIONS)
        return Pipeline(self.function, **{**self.options, **options})

    def compile(self, *args, **kwargs) -> dict:
        """The plan that `sundae run` takes, as a value: the JSON form of a pipeline file."""
        from .plan import compiled

        return compiled(self, args, kwargs)

    def run(self, *args, **kwargs):
        """Compiles the pipeline and hands it to the `sundae` program; returns the `Run` when it has ended.

        Raises RunFailed when a step has failed, RunCancelled after Ctrl-C, HostError when `sundae` could not
        run it at all.
        """
        if module_is_loading is not None:
            raise module_is_loading
        if _is_inside_step():
            raise PipelineError(f"the pipeline `{self.name}` cannot be started inside a step")
        from .host import run_plan

        plan = self.compile(*args, **kwargs)
        return run_plan(plan, stack=self.options.get("stack"), cache=self.options.get("cache", True))


module_is_loading = None
"""What a pipeline raises instead of running, while a step's process loads the script that defines it."""

STEP_OPTIONS = ("name", "cache", "env", "outputs", "code", "after", "isolation", *policies.STEP_OPTIONS)
PIPELINE_OPTIONS = ("name", "cache", "stack", "isolation", *policies.PIPELINE_OPTIONS)
ISOLATIONS = ("fork", "process", "none")


def step(function=None, /, **options):
    """Makes a function a step.

    - `name`: how the step is called in the pipeline; default: the function's name.
    - `cache`: False runs it every time.
    - `env`: environment variables of its process; values may hold `{param.NAME}` and `{secret.NAME}`.
    - `outputs`: names of the outputs, for functions whose hints do not say them.
    - `code`: further files (data, configuration) whose content is part of the step, relative to the project.
    - `after`: outputs or step calls that must be done before, without handing anything over.
    - `isolation`: "fork" (the default) runs it in a copy of a process that has imported the libraries
      already, "process" in an interpreter of its own, "none" in one process for all such steps of a run.
    - `resources`: what it needs while it runs: `{"cpus": 2, "memory": "4GiB", "gpus": 1}`.
    - `retry`: how many attempts there are in all, or a dict of `attempts`, `delay`, `backoff`, `max_delay`
      and `exit_codes`.
    - `timeout`: how long an attempt may take: `"10m"`, seconds, or a timedelta.
    - `trigger`: "on-success" (the default), "on-failure" or "always".
    - `when`: the condition under which it runs: `"metric.evaluate.accuracy >= 0.9"`, or in a pipeline
      `metric(score, "accuracy") >= 0.9`.
    """
    _check_options(options, STEP_OPTIONS)
    return Step(function, **options) if function is not None else lambda it: Step(it, **options)


def pipeline(function=None, /, **options):
    """Makes a function a pipeline.

    - `name`: default: the function's name.
    - `cache`: False runs every step anew, as `sundae run --no-cache` does.
    - `stack`: the stack to run on; default: the active one.
    - `isolation`: that of all steps which do not say themselves.
    - `timeout`: how long a run may take.
    - `failure_policy`: "finish-branches" (the default) or "fail-fast".
    - `hooks`: shell commands: a dict of `run_started`, `step_failed` and `run_ended`.
    """
    _check_options(options, PIPELINE_OPTIONS)
    return Pipeline(function, **options) if function is not None else lambda it: Pipeline(it, **options)


def command(run, *, name, outputs=(), code=(), env=None, cache=None, after=(), **options):
    """A step that is a command in any language.

    `run` is what the pipeline file calls `run`: text for the shell, or a list of arguments, with the
    placeholders `{in.NAME}`, `{out.NAME}` and `{param.NAME}`. Called in a pipeline it takes keyword
    arguments: outputs of steps become its inputs, constants its params. `resources`, `retry`, `timeout`,
    `trigger` and `when` are what they are for `@step`.

        count = command("wc -w < {in.text} > {out.words}", name="count", outputs=["words"])
    """
    check_name(name, "a step")
    outputs = [outputs] if isinstance(outputs, str) else list(outputs)
    _check_options(options, policies.STEP_OPTIONS)
    options |= {"outputs": outputs, "code": code, "env": env, "cache": cache, "after": after}
    return Command(run, name=name, **options)


def _check_options(options: dict, known: tuple) -> None:
    for name in options:
        if name not in known:
            choice = ", ".join(f"`{one}`" for one in known)
            raise PipelineError(f"there is no option `{name}`: choose from {choice}")
    # Refuses what cannot be where it is written, not only when the pipeline is built.
    policies.keys(options, "the pipeline" if known is PIPELINE_OPTIONS else "the step")
    isolation = options.get("isolation")
    if isolation is not None and isolation not in ISOLATIONS:
        raise PipelineError(f'`isolation` is "fork", "process" or "none", not {isolation!r}')


def _is_inside_step() -> bool:
    import os

    return "SUNDAE_CONTEXT" in os.environ
