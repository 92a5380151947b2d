"""What steps and pipelines say about time, failure and the machine: options of ours, keys of a pipeline file.

Everything is checked as far as it can be without knowing the machine: a mistake is found where it stands.
"""

from .errors import PipelineError

STEP_OPTIONS = ("resources", "retry", "timeout", "trigger", "when")
PIPELINE_OPTIONS = ("timeout", "failure_policy", "hooks")

_TRIGGERS = ("on-success", "on-failure", "always")
_FAILURE_POLICIES = ("finish-branches", "fail-fast")
_HOOKS = ("run_started", "step_failed", "run_ended")

_DURATION = r"(\d+(\.\d+)?|\.\d+)\s*({})"
_UNITS = "h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?|ms|msecs?|millis|milliseconds?"
_SIZE = r"\d+(\.\d+)?\s*([kmgtpe]i?)?b?"


def keys(options: dict, title: str) -> dict:
    """The keys of a pipeline file for those of these options that are set."""
    return {
        _kebab(name): rendered(options[name], f"`{name}` of {title}")
        for name, rendered in _RENDERED.items()
        if options.get(name) is not None
    }


def _resources(value, what: str) -> dict:
    if not isinstance(value, dict):
        raise PipelineError(f'{what} is a dict such as {{"cpus": 2, "memory": "4GiB"}}, not {value!r}')
    for name, amount in value.items():
        if not isinstance(name, str) or not name:
            raise PipelineError(f"{what} names resources by texts, not {name!r}")
        if not (_is_number(amount) and amount >= 0) and not _matches(_SIZE, amount):
            raise PipelineError(
                f'`{name}` in {what} is a number, at least 0, or a size such as "4GiB", not {amount!r}'
            )
    return dict(value)


def _retry(value, what: str):
    if isinstance(value, dict):
        for name in value:
            _one_of(name, tuple(_RETRY), f"an option in {what}")
        if "attempts" not in value:
            raise PipelineError(f"{what} has no `attempts`: how many there are in all")
        return {_kebab(name): _RETRY[name](entry, f"`{name}` in {what}") for name, entry in value.items()}
    return _attempts(value, what)


def _attempts(value, what: str) -> int:
    if not _is_whole(value) or not 1 <= value < 2**32:
        raise PipelineError(f"{what} is how many attempts there are in all, at least 1, not {value!r}")
    return value


def _backoff(value, what: str):
    if not _is_number(value) or value < 1:
        raise PipelineError(f"{what} is a number, at least 1, not {value!r}")
    return value


def _exit_codes(value, what: str) -> list:
    codes = list(value) if isinstance(value, (list, tuple, set, frozenset, range)) else []
    if not codes or not all(_is_whole(code) and 0 < code < 256 for code in codes):
        raise PipelineError(f"{what} is a list of exit codes, from 1 to 255, not {value!r}")
    return codes


def _duration(value, what: str):
    if hasattr(value, "total_seconds"):  # A timedelta; asking for its type would mean to import it.
        value = value.total_seconds()
    if isinstance(value, str):
        part = _DURATION.format(_UNITS)
        if _matches(rf"\d+(\.\d+)?|{part}(\s*,?\s*{part})*", value):
            return value
    elif _is_number(value) and value >= 0:
        return value
    raise PipelineError(
        f'{what} is a duration such as "90s", "1m 30s" or "2h", or a number of seconds, not {value!r}'
    )


def _timeout(value, what: str):
    rendered = _duration(value, what)
    if not isinstance(rendered, str) and rendered <= 0:
        raise PipelineError(f"{what} must be longer than nothing, not {value!r}")
    return rendered


def _trigger(value, what: str) -> str:
    return _one_of(value, _TRIGGERS, what)


def _when(value, what: str) -> str:
    from .conditions import written

    return written(value, what)


def _failure_policy(value, what: str) -> str:
    return _one_of(value, _FAILURE_POLICIES, what)


def _hooks(value, what: str) -> dict:
    if not isinstance(value, dict):
        raise PipelineError(f'{what} is a dict such as {{"run_ended": "echo done"}}, not {value!r}')
    for name, line in value.items():
        _one_of(name, _HOOKS, f"a hook in {what}")
        if not isinstance(line, str) or not line.strip():
            raise PipelineError(f"`{name}` in {what} is a shell command as text, not {line!r}")
    return {_kebab(name): line for name, line in value.items()}


_RETRY = {
    "attempts": _attempts,
    "delay": _duration,
    "backoff": _backoff,
    "max_delay": _duration,
    "exit_codes": _exit_codes,
}

_RENDERED = {
    "resources": _resources,
    "retry": _retry,
    "timeout": _timeout,
    "trigger": _trigger,
    "when": _when,
    "failure_policy": _failure_policy,
    "hooks": _hooks,
}


def _one_of(value, known: tuple, what: str):
    if value not in known:
        choice = ", ".join(f"`{one}`" for one in known)
        raise PipelineError(f"{what} is one of {choice}, not {value!r}")
    return value


def _is_whole(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value) -> bool:
    # Less itself it is 0, unless it is nan or infinite, which JSON does not have.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value - value == 0


def _matches(pattern: str, value) -> bool:
    import re

    return isinstance(value, str) and re.fullmatch(pattern, value.strip(), re.IGNORECASE) is not None


def _kebab(name: str) -> str:
    return name.replace("_", "-")
