"""Pipelines out of ordinary Python functions, run by the `sundae` host on any stack.

    from sundae import pipeline, step

    @step
    def load() -> list[int]:
        return [1, 2, 3]

    @step
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    @pipeline
    def training():
        total(load())

    if __name__ == "__main__":
        print(training().output("total"))

Every step is a process of its own, so importing this package must cost next to nothing: a name is
loaded when it is first used. The types of everything here stand in `__init__.pyi`.
"""

__version__ = "0.1.0"

_HOME = {
    "Artifact": "results",
    "Condition": "conditions",
    "Context": "running",
    "HostError": "errors",
    "Item": "results",
    "Materializer": "materializers",
    "Pipeline": "declaration",
    "PipelineError": "errors",
    "Run": "results",
    "RunCancelled": "errors",
    "RunFailed": "errors",
    "Step": "declaration",
    "StepRun": "results",
    "SundaeError": "errors",
    "command": "declaration",
    "context": "running",
    "data": "outside",
    "each": "mapping",
    "log_metric": "running",
    "metadata": "conditions",
    "metric": "conditions",
    "note": "running",
    "param": "conditions",
    "pipeline": "declaration",
    "progress": "running",
    "register_materializer": "materializers",
    "run_file": "from_file",
    "run_step": "attempt",
    "serve_steps": "warm",
    "step": "declaration",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module `sundae` has no attribute `{name}`")
    module = __import__(f"sundae.{_HOME[name]}", fromlist=[name])
    value = globals()[name] = getattr(module, name)
    return value


def __dir__():
    return sorted({*globals(), *_HOME})
