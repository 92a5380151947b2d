from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from os import PathLike
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload

__version__: str

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")
_Isolation = Literal["fork", "process", "none"]
_Trigger = Literal["on-success", "on-failure", "always"]
_FailurePolicy = Literal["finish-branches", "fail-fast"]
_Duration = str | float | timedelta
_Resources = Mapping[str, float | str]
_Hooks = Mapping[Literal["run_started", "step_failed", "run_ended"], str]

class Step(Generic[_P, _R]):
    name: str
    function: Callable[_P, _R]
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    def map(self, *args: _P.args, **kwargs: _P.kwargs) -> list[_R]: ...
    def with_options(
        self,
        *,
        name: str = ...,
        cache: bool = ...,
        env: Mapping[str, str] = ...,
        outputs: str | Iterable[str] = ...,
        code: str | PathLike[str] | Iterable[str | PathLike[str]] = ...,
        after: Any = ...,
        isolation: _Isolation | None = ...,
        resources: _Resources | None = ...,
        retry: int | Mapping[str, Any] | None = ...,
        timeout: _Duration | None = ...,
        trigger: _Trigger | None = ...,
        when: str | Condition | None = ...,
    ) -> Step[_P, _R]: ...

@overload
def step(function: Callable[_P, _R], /) -> Step[_P, _R]: ...
@overload
def step(
    *,
    name: str = ...,
    cache: bool = ...,
    env: Mapping[str, str] = ...,
    outputs: str | Iterable[str] = ...,
    code: str | PathLike[str] | Iterable[str | PathLike[str]] = ...,
    after: Any = ...,
    isolation: _Isolation | None = ...,
    resources: _Resources | None = ...,
    retry: int | Mapping[str, Any] | None = ...,
    timeout: _Duration | None = ...,
    trigger: _Trigger | None = ...,
    when: str | Condition | None = ...,
) -> Callable[[Callable[_P, _R]], Step[_P, _R]]: ...

class Pipeline(Generic[_P]):
    name: str
    function: Callable[_P, Any]
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _RunOrOutputs: ...
    def run(self, *args: _P.args, **kwargs: _P.kwargs) -> Run: ...
    def compile(self, *args: _P.args, **kwargs: _P.kwargs) -> dict[str, Any]: ...
    def with_options(
        self,
        *,
        name: str = ...,
        cache: bool = ...,
        stack: str | None = ...,
        isolation: _Isolation | None = ...,
        timeout: _Duration | None = ...,
        failure_policy: _FailurePolicy | None = ...,
        hooks: _Hooks | None = ...,
    ) -> Pipeline[_P]: ...

@overload
def pipeline(function: Callable[_P, Any], /) -> Pipeline[_P]: ...
@overload
def pipeline(
    *,
    name: str = ...,
    cache: bool = ...,
    stack: str | None = ...,
    isolation: _Isolation | None = ...,
    timeout: _Duration | None = ...,
    failure_policy: _FailurePolicy | None = ...,
    hooks: _Hooks | None = ...,
) -> Callable[[Callable[_P, Any]], Pipeline[_P]]: ...
def command(
    run: str | Iterable[str],
    *,
    name: str,
    outputs: str | Iterable[str] = ...,
    code: str | PathLike[str] | Iterable[str | PathLike[str]] = ...,
    env: Mapping[str, str] | None = ...,
    cache: bool | None = ...,
    after: Any = ...,
    resources: _Resources | None = ...,
    retry: int | Mapping[str, Any] | None = ...,
    timeout: _Duration | None = ...,
    trigger: _Trigger | None = ...,
    when: str | Condition | None = ...,
) -> Callable[..., Any]: ...

class Condition:
    text: str
    def __and__(self, other: Condition) -> Condition: ...
    def __or__(self, other: Condition) -> Condition: ...
    def __invert__(self) -> Condition: ...

class _Fact(Condition):
    def is_in(self, values: Iterable[Any]) -> Condition: ...
    def __eq__(self, other: object) -> Condition: ...  # type: ignore[override]
    def __ne__(self, other: object) -> Condition: ...  # type: ignore[override]
    def __lt__(self, other: Any) -> Condition: ...
    def __le__(self, other: Any) -> Condition: ...
    def __gt__(self, other: Any) -> Condition: ...
    def __ge__(self, other: Any) -> Condition: ...

# To a type checker it is the value that each call gets.
def each(values: Iterable[_T] | Condition) -> _T: ...

# To a type checker it is whatever the step takes.
def data(path: str | PathLike[str], name: str | None = None) -> Any: ...
def metric(of: Any, name: str) -> _Fact: ...
def metadata(of: Any, *keys: str | int) -> _Fact: ...
def param(name: str) -> _Fact: ...

class Artifact:
    reference: str
    name: str
    kind: str
    digest: str
    size: int
    metadata: dict[str, Any]
    @overload
    def load(self) -> Any: ...
    @overload
    def load(self, as_type: type[_T]) -> _T: ...
    def save_to(self, path: str | PathLike[str]) -> None: ...

class Item:
    name: str
    status: str
    reason: str | None
    duration_ms: int | None
    params: dict[str, Any]
    metrics: dict[str, float]

class StepRun:
    name: str
    status: str
    reason: str | None
    exit_code: int | None
    duration_ms: int | None
    metrics: dict[str, float]
    notes: list[str]
    log_tail: str | None
    outputs: dict[str, Artifact]
    @property
    def items(self) -> list[Item]: ...

class Run:
    id: str
    name: str
    pipeline: str
    stack: str
    status: str
    duration_ms: int | None
    params: dict[str, Any]
    steps: dict[str, StepRun]
    def output(self, reference: str) -> Any: ...
    def artifact(self, reference: str) -> Artifact: ...

class _RunOrOutputs(Run):
    # A pipeline that is called in another one returns what its function returns: outputs of steps.
    def __iter__(self) -> Iterator[Any]: ...
    def __getattr__(self, name: str) -> Any: ...

class Context:
    run_id: str
    run_name: str
    pipeline: str
    step: str
    attempt: int
    params: dict[str, Any]
    inputs: dict[str, str]
    outputs: dict[str, str]

def context() -> Context: ...
def log_metric(name: str, value: float) -> None: ...
def note(text: str) -> None: ...
def progress(fraction: float, label: str | None = None) -> None: ...

class Materializer:
    media_type: str
    def save(self, value: Any, path: str) -> dict[str, Any] | None: ...
    def load(self, path: str, metadata: dict[str, Any]) -> Any: ...

def register_materializer(kind: type, materializer: Materializer | type[Materializer]) -> None: ...

class SundaeError(Exception):
    exit_code: int

class PipelineError(SundaeError): ...

class HostError(SundaeError):
    has_been_said: bool

class RunFailed(SundaeError):
    run: Run

class RunCancelled(KeyboardInterrupt):
    exit_code: int

def run_file() -> None: ...
def run_step() -> None: ...
def serve_steps() -> None: ...
