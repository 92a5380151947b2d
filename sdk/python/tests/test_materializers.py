"""Every value comes back as it was."""

import json
import os
import pathlib
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from sundae import Materializer, SundaeError, hints, materializers, register_materializer


@dataclass
class Split:
    rows: int
    names: list[str]


@dataclass
class Nested:
    split: Split


@dataclass
class Computed:
    rows: int
    twice: int = field(init=False, default=0)


@dataclass(frozen=True, slots=True)
class Frozen:
    rows: int
    shared: ClassVar[int] = 7


@dataclass
class Normalized:
    """Made again from what it holds, it would not be the same."""

    name: str

    def __post_init__(self):
        self.name += "!"


@dataclass
class WithMore:
    rows: int

    def __post_init__(self):
        self.more = [self.rows]


class Subclass(Split): ...


@dataclass
class Mapping(dict):
    rows: int

    def __init__(self, content=(), rows=0):
        super().__init__(content)
        self.rows = rows


class Thing:
    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return self.text == other.text

    __hash__ = None


class Shape:
    def __init__(self, sides):
        self.sides = sides


class Square(Shape): ...


class Shapes(Materializer):
    media_type = "text/plain"

    def save(self, value, path):
        pathlib.Path(path).write_text("#" * value.sides)
        return {"sides": value.sides}

    def load(self, path, metadata):
        return Shape(metadata.get("sides") or len(pathlib.Path(path).read_text()))


class Repeating(Materializer):
    def __init__(self, times):
        self.times = times

    def save(self, value, path):
        pathlib.Path(path).write_text(value.text * self.times)

    def load(self, path, metadata):
        text = pathlib.Path(path).read_text()
        return Thing(text[: len(text) // self.times])


def round_trip(value, tmp_path):
    """The value after saving and loading, and the metadata in between, as JSON gives it back."""
    path = str(tmp_path / "artifact")
    metadata = json.loads(json.dumps(materializers.save(value, path)))
    return materializers.load(path, metadata), metadata


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "json"),
        (True, "json"),
        (3, "json"),
        (0.1, "json"),
        ([1, {"a": [None, "é"]}], "json"),
        ((1, "a"), "json"),
        ({3, 1, 2}, "json"),
        (frozenset(["a"]), "json"),
        (float("inf"), "json"),
        ("naïve\r\ntext\n", "text"),
        ("\ud800", "pickle"),
        (b"\x00\xff", "bytes"),
        (Split(3, ["a"]), "dataclass"),
        (Nested(Split(1, [])), "pickle"),
        (Computed(1), "dataclass"),
        (Frozen(1), "dataclass"),
        (Normalized("A"), "dataclass"),
        (WithMore(1), "pickle"),
        (Subclass(1, []), "pickle"),
        (Mapping({"a": 1}, rows=2), "pickle"),
        ({"pair": (1, 2)}, "pickle"),
        ({1: "a"}, "pickle"),
        ({1, "a"}, "pickle"),
        (bytearray(b"x"), "pickle"),
        (Thing("x"), "pickle"),
    ],
)
def test_plain_values(value, name, tmp_path):
    back, metadata = round_trip(value, tmp_path)
    assert back == value
    assert type(back) is type(value)
    assert metadata["materializer"] == name


def test_a_list_that_holds_itself_is_no_json(tmp_path):
    value = []
    value.append(value)
    back, metadata = round_trip(value, tmp_path)
    assert back[0] is back
    assert metadata["materializer"] == "pickle"


def test_files_other_languages_can_read(tmp_path):
    path = tmp_path / "artifact"
    materializers.save({"é": [1.5, None]}, str(path))
    assert path.read_bytes() == '{"é": [1.5, null]}'.encode()
    materializers.save("é\n", str(path))
    assert path.read_bytes() == "é\n".encode()


def test_a_path_is_the_file_or_folder_itself(tmp_path):
    file = tmp_path / "report.html"
    file.write_text("<p>")
    back, metadata = round_trip(file, tmp_path)
    assert back.read_text() == "<p>"
    assert metadata["suffix"] == ".html"

    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file").write_text("x")
    (tmp_path / "artifact").unlink()
    back, _ = round_trip(folder, tmp_path)
    assert (back / "inner" / "file").read_text() == "x"

    with pytest.raises(FileNotFoundError, match="but there is nothing"):
        round_trip(tmp_path / "missing", tmp_path)
    with pytest.raises(FileExistsError, match="but has also written to"):
        round_trip(file, tmp_path)
    back, _ = round_trip(tmp_path / "artifact", tmp_path)  # Written where it shall be, nothing is copied.
    assert (back / "inner" / "file").read_text() == "x"


def test_ones_own_materializer(tmp_path, monkeypatch):
    monkeypatch.setattr(materializers, "_registered", {})
    register_materializer(Shape, Shapes)
    back, metadata = round_trip(Square(4), tmp_path)
    assert back.sides == 4
    assert metadata["materializer"] == "test_materializers:Shapes"
    assert metadata["media_type"] == "text/plain"
    # Another process loads it without having registered anything.
    monkeypatch.setattr(materializers, "_registered", {})
    assert materializers.load(str(tmp_path / "artifact"), metadata).sides == 4


def test_a_materializer_as_it_was_registered(tmp_path, monkeypatch):
    monkeypatch.setattr(materializers, "_registered", {})
    register_materializer(Thing, Repeating(3))
    back, _ = round_trip(Thing("ab"), tmp_path)
    assert (tmp_path / "artifact").read_text() == "ababab"
    assert back.text == "ab"


def test_a_materializer_that_another_process_could_not_find_is_refused():
    class Local(Materializer): ...

    with pytest.raises(SundaeError, match="is defined inside a function"):
        register_materializer(Thing, Local)
    with pytest.raises(SundaeError, match="is registered for a type, not for 3"):
        register_materializer(3, Shapes)


def test_a_materializer_that_is_gone(tmp_path):
    with pytest.raises(SundaeError, match="the materializer `gone:Gone` that saved this cannot be imported"):
        materializers.load(str(tmp_path), {"materializer": "gone:Gone"})


def test_what_a_command_has_written_is_read_by_the_hint(tmp_path, monkeypatch):
    monkeypatch.setattr(materializers, "_registered", {Shape: Shapes()})
    path = tmp_path / "artifact"

    def read(text: str, hint):
        path.write_text(text)
        return materializers.load(str(path), {}, hint)

    assert read("12\n", int) == 12
    assert read("12\n", str) == "12\n"
    assert read("12\n", bytes) == b"12\n"
    assert read("[1, 2]", tuple[int, ...]) == (1, 2)
    assert read('{"a": 1}', dict[str, int]) == {"a": 1}
    assert read("3", int | None) == 3
    assert read('{"rows": 1, "names": []}', Split) == Split(1, [])
    assert read("###", Shape).sides == 3
    assert read("x", pathlib.Path) == path
    assert read("x", os.PathLike) == path
    assert read("x", pathlib.Path | None) == path
    assert read("x", hints.ANYTHING) == path
    with pytest.raises(SundaeError, match=r"how to read a pd.DataFrame .* only for type checkers"):
        read("x", hints.Unknown("pd.DataFrame"))
    with pytest.raises(SundaeError, match="nothing says how to read a Thing"):
        read("x", Thing)


def test_a_path_hint_gets_the_file_of_any_value(tmp_path):
    path = str(tmp_path / "artifact")
    metadata = materializers.save({"a": 1}, path)
    assert materializers.load(path, metadata, pathlib.Path).read_text() == '{"a": 1}'


def test_numpy(tmp_path):
    numpy = pytest.importorskip("numpy")
    for value in [
        numpy.arange(6.0).reshape(2, 3),
        numpy.array(3),
        numpy.float32(0.5),
        numpy.array(["a", "bc"]),
        numpy.array(["2020-01-01"], dtype="datetime64[D]"),
    ]:
        back, metadata = round_trip(value, tmp_path)
        assert type(back) is type(value)
        assert back.dtype == value.dtype
        assert (back == value).all()
        assert metadata["materializer"] == "numpy"
    assert round_trip(numpy.array([None, {}]), tmp_path)[1]["materializer"] == "pickle"
    back, metadata = round_trip({"accuracy": numpy.float64(0.5)}, tmp_path)
    assert (back, metadata["materializer"]) == ({"accuracy": 0.5}, "json")
    numpy.save(tmp_path / "other.npy", numpy.ones(2))
    assert materializers.load(str(tmp_path / "other.npy"), {}, numpy.ndarray).tolist() == [1, 1]


@pytest.fixture(params=["parquet", "csv"])
def pandas(request, monkeypatch):
    """pandas, with and without pyarrow beside it."""
    pandas = pytest.importorskip("pandas")
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    else:
        monkeypatch.setitem(materializers._BY_TYPE, "pandas.DataFrame", ["csv"])
        monkeypatch.setitem(materializers._BY_TYPE, "pandas.Series", ["csv"])
    return pandas


def test_pandas(pandas, tmp_path):
    frame = pandas.DataFrame(
        {
            "whole": [1, 2, 3],
            "real": [0.1, 1 / 3, float("nan")],
            "text": ["a", "b", "c"],
            "flag": [True, False, True],
            "day": pandas.to_datetime(["2020-01-01", "2020-02-01", "2021-01-01"]),
        }
    )
    frames = [
        frame,
        frame.set_index("text"),
        frame.assign(kind=pandas.Categorical(["u", "v", "u"], ["v", "u"], ordered=True)),
        frame.assign(text=["NA", "", None]),
        frame.rename(columns={"whole": 1}),
        pandas.DataFrame({"mixed": [1, "a", None]}),
        pandas.DataFrame({"nested": [[1], [2, 3]]}),
        pandas.DataFrame(),
    ]
    for value in frames:
        back, _ = round_trip(value, tmp_path)
        pandas.testing.assert_frame_equal(back, value, check_freq=False)
    for value in [frame["real"], frame["text"].rename(None), frame["whole"].rename(3)]:
        back, _ = round_trip(value, tmp_path)
        pandas.testing.assert_series_equal(back, value)
    assert round_trip(frame, tmp_path)[1]["materializer"] in ("parquet", "csv")


def test_a_csv_of_a_command_is_a_frame(tmp_path):
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "artifact"
    path.write_text("a,b\n1,x\n")
    frame = materializers.load(str(path), {}, pandas.DataFrame)
    assert frame.to_dict("list") == {"a": [1], "b": ["x"]}


def test_scikit_learn(tmp_path):
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression()).fit([[0.0], [1.0]], [0, 1])
    back, metadata = round_trip(model, tmp_path)
    assert back.predict([[1.0]]).tolist() == [1]
    assert metadata["materializer"] == "joblib"
