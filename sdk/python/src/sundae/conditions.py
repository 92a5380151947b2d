"""`when`: the condition under which a step runs, as a text in the engine's words or put together from values.

The engine reads it again and knows more, such as the types of what is compared. Here it is read so that a
mistake is found where it stands.
"""

from .errors import PipelineError
from .handles import Handle
from .signature import nearest

_TOKEN = r"""
    (?P<space>\s+)
  | (?P<number>-?\d(?:[0-9A-Za-z_.]|(?<=[eE])[-+])*)
  | (?P<text>'[^']*'|"[^"]*")
  | (?P<word>[A-Za-z_][A-Za-z0-9_/-]*(?:\.(?:[A-Za-z0-9_/-]+|'[^']*'|"[^"]*"))*)
  | (?P<compare>===|!==|=>|=<|<>|==|!=|<=|>=|<|>)
  | (?P<sign>[()\[\],])
"""
_FOREIGN = {
    "===": "==",
    "!==": "!=",
    "=>": ">=",
    "=<": "<=",
    "<>": "!=",
    "&": "and",
    "|": "or",
    "!": "not",
    "=": "==",
}
_LITERALS = ("true", "false", "null")
_SHAPES = {"param": "param.NAME", "metric": "metric.STEP.NAME", "metadata": "metadata.STEP.OUTPUT.KEY"}
_LONGEST_NAME_OF = {"param": 2, "metric": 3}


class Condition:
    """What must be so for a step to run. Made by comparing `metric`, `metadata` and `param`."""

    def __init__(self, text: str):
        self.text = text

    def __and__(self, other):
        return _joined(self, "and", other)

    def __or__(self, other):
        return _joined(self, "or", other)

    def __invert__(self):
        return Condition(f"not {_bracketed(self)}")

    def __bool__(self):
        raise PipelineError(
            f"`{self.text}` is not known while the pipeline is built: hand it to a step as `when=`, "
            "and join conditions with `&`, `|` and `~`"
        )

    def __repr__(self):
        return f"<condition {self.text}>"


class Fact(Condition):
    """A name in a condition. Comparing it makes a condition; a param or metadata may be one by itself."""

    def is_in(self, values) -> Condition:
        return _compared(self, "in", values)

    def __eq__(self, other):
        return _compared(self, "==", other)

    def __ne__(self, other):
        return _compared(self, "!=", other)

    def __lt__(self, other):
        return _compared(self, "<", other)

    def __le__(self, other):
        return _compared(self, "<=", other)

    def __gt__(self, other):
        return _compared(self, ">", other)

    def __ge__(self, other):
        return _compared(self, ">=", other)

    __hash__ = None


def metric(of, name: str) -> Fact:
    """A metric that a step has logged; `of` is what its call has returned, or its name."""
    return Fact(f"metric.{_quoted(_step(of))}.{_quoted(name)}")


def metadata(of, *keys) -> Fact:
    """What a step has said of an output: `metadata(data, "rows")`; more keys lead further inside."""
    if not isinstance(of, Handle) or of.name is None or not keys:
        raise PipelineError("`metadata` takes an output of a step and the key of what its step says of it")
    path = [of.call.name, of.name, *map(str, keys)]
    return Fact(".".join(["metadata", *map(_quoted, path)]))


def param(name: str) -> Fact:
    """A param of the pipeline."""
    return Fact(f"param.{_quoted(name)}")


def written(value, what: str) -> str:
    """The text of a condition; refuses what cannot be read as one."""
    text = value.text if isinstance(value, Condition) else value
    if not isinstance(text, str):
        raise PipelineError(f'{what} is a condition such as "metric.evaluate.accuracy >= 0.9", not {value!r}')
    _Reader(text, what).names()
    return text


def check_names(text: str, step: str, params, outputs: dict[str, list[str]], mapped: set[str]) -> None:
    """Refuses a condition of a step that names a param, a step or an output which is not there.

    `mapped` are the steps with items, which have the metrics.
    """
    what = f"`when` of step `{step}`"
    for parts in _Reader(text, what).names():
        kind, first, *rest = parts
        if kind == "param":
            _check_is_one_of(first, params, f"{what} names the param `{first}`, which is not there")
            continue
        if first == step:
            raise PipelineError(f"{what} is about the step itself, which has not run by then")
        _check_is_one_of(first, outputs, f"{what} names the step `{first}`, which is not there")
        if kind == "metric" and first in mapped:
            raise PipelineError(
                f"{what} names a metric of `{first}`, which is mapped and has none itself: "
                "let a step that takes its outputs log one"
            )
        if kind == "metadata":
            sentence = f"{what} names the output `{rest[0]}`, which step `{first}` does not have"
            _check_is_one_of(rest[0], outputs[first], sentence)


def _check_is_one_of(name: str, known, sentence: str) -> None:
    if name not in known:
        there = ", ".join(f"`{one}`" for one in known) or "none"
        raise PipelineError(f"{sentence}{nearest(name, known) or f'; there is {there}'}")


class _Reader:
    """Reads a condition as the engine does: `or` binds weakest, then `and`, `not`, comparisons."""

    def __init__(self, text: str, what: str):
        self.text = text
        self.what = what
        self.found: list[list[str]] = []
        self.tokens = list(self._tokens())
        self.place = 0

    def names(self) -> list[list[str]]:
        """The names in it, in their parts."""
        self.place, self.found = 0, []
        self._any()
        if self._next() is not None:
            raise self._error(f"`{self._next()[1]}` cannot stand there")
        return self.found

    def _tokens(self):
        import re

        pattern, place = re.compile(_TOKEN, re.VERBOSE), 0
        while place < len(self.text):
            hit = pattern.match(self.text, place)
            if hit is None or (hit.lastgroup == "compare" and hit[0] in _FOREIGN):
                sign = hit[0] if hit else self.text[place]
                if sign in "'\"":
                    raise self._error(f"the text that begins with {sign} does not end")
                cure = f": write `{_FOREIGN[sign]}`" if sign in _FOREIGN else ""
                raise self._error(f"`{sign}` means nothing in a condition{cure}")
            place = hit.end()
            if hit.lastgroup != "space":
                yield hit.lastgroup, hit[0]

    def _next(self):
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def _takes(self, *texts: str) -> bool:
        texts_there = tuple(text for _, text in self.tokens[self.place : self.place + len(texts)])
        self.place += len(texts) if texts_there == texts else 0
        return texts_there == texts

    def _any(self) -> None:
        self._all()
        while self._takes("or"):
            self._all()

    def _all(self) -> None:
        self._not()
        while self._takes("and"):
            self._not()

    def _not(self) -> None:
        while self._takes("not"):
            pass
        self._comparison()

    def _comparison(self) -> None:
        self._operand()
        if self._compares():
            self._operand()
            if self._compares():
                raise self._error("comparisons cannot be chained: write `a < b and b < c`")

    def _compares(self) -> bool:
        is_sign = self._next() is not None and self._next()[0] == "compare"
        self.place += is_sign
        return is_sign or self._takes("in") or self._takes("not", "in")

    def _operand(self) -> None:
        kind, text = self._next() or ("end", "")
        if kind in ("end", "compare") or text in ("and", "or", "not", "in", ")", "]", ","):
            behind = f" behind `{self.tokens[self.place - 1][1]}`" if self.place else ""
            raise self._error(f"a value is missing{behind}")
        self.place += 1
        if text == "(":
            self._any()
            self._close("(", ")")
        elif text == "[":
            while self._next() is not None and self._next()[1] != "]":
                self._operand()
                if not self._takes(","):
                    break
            self._close("[", "]")
        elif kind == "word" and text not in _LITERALS:
            self.found.append(self._parts(text))

    def _close(self, opened: str, closed: str) -> None:
        if not self._takes(closed):
            raise self._error(f"`{opened}` has no `{closed}`")

    def _parts(self, word: str) -> list[str]:
        import re

        parts = [part.strip("'\"") for part in re.findall(r"'[^']*'|\"[^\"]*\"|[^.'\"]+", word)]
        kind = parts[0]
        if kind not in _SHAPES:
            cure = nearest(kind, [*_SHAPES, *_LITERALS]) or "; a text stands in quotes"
            raise self._error(f"`{word}` means nothing in a condition{cure}")
        if len(parts) != _LONGEST_NAME_OF.get(kind, max(len(parts), 4)):
            raise self._error(f"`{word}` must be written `{_SHAPES[kind]}`")
        return parts

    def _error(self, problem: str) -> PipelineError:
        return PipelineError(f"{self.what}, `{self.text}`: {problem}")


def _joined(one: Condition, word: str, other) -> Condition:
    if not isinstance(other, Condition):
        raise PipelineError(
            f"`{one.text}` is joined with {other!r}, which is no condition; compare in brackets"
        )
    return Condition(f"{_bracketed(one)} {word} {_bracketed(other)}")


def _bracketed(condition: Condition) -> str:
    return condition.text if isinstance(condition, Fact) else f"({condition.text})"


def _compared(fact: Fact, sign: str, value) -> Condition:
    return Condition(f"{fact.text} {sign} {_value(value)}")


def _value(value) -> str:
    from .hints import python_scalar

    value = python_scalar(value)
    if isinstance(value, Fact):
        return value.text
    if name := getattr(value, "pipeline_param", None):
        return f"param.{name}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _in_quotes(value)
    if isinstance(value, (int, float)) and value - value == 0:
        return repr(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return f"[{', '.join(map(_value, value))}]"
    raise PipelineError(f"a condition compares numbers, texts, booleans, None and lists, not {value!r}")


def _step(of) -> str:
    name = getattr(getattr(of, "call", None), "name", of)
    if not isinstance(name, str):
        raise PipelineError(f"`metric` takes what a step call returns, or the name of a step, not {of!r}")
    return name


def _quoted(part: str) -> str:
    import re

    return part if re.fullmatch(r"[A-Za-z0-9_/-]+", part) else _in_quotes(part)


def _in_quotes(text: str) -> str:
    quote = next((quote for quote in "'\"" if quote not in text), None)
    if quote is None:
        raise PipelineError(f"a text in a condition cannot have both kinds of quotes: {text!r}")
    return f"{quote}{text}{quote}"
