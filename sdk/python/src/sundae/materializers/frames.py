"""pandas frames and series: Parquet where pyarrow is installed, else CSV where nothing is lost by it."""

from . import Materializer, Unsuitable


class Parquet(Materializer):
    """Parquet keeps types and index. Columns of arbitrary Python objects are left to pickle."""

    media_type = "application/vnd.apache.parquet"

    def save(self, value, path):
        frame, facts = _as_frame(value)
        try:
            import pyarrow
        except ImportError:
            raise Unsuitable from None
        if not all(type(name) is str for name in frame.columns) or not all(map(_is_plain, _columns(frame))):
            raise Unsuitable
        try:
            frame.to_parquet(path, engine="pyarrow")
        except (pyarrow.ArrowException, TypeError, ValueError):  # Types that Arrow lacks; equal names.
            raise Unsuitable from None
        return facts

    def load(self, path, metadata):
        import pandas

        return _as_it_was(pandas.read_parquet(path, engine="pyarrow"), metadata)

    def recognises(self, path: str) -> bool:
        with open(path, "rb") as file:
            return file.read(4) == b"PAR1"


class Csv(Materializer):
    """CSV with the types of the columns as metadata, if it reads back as exactly the same frame."""

    media_type = "text/csv"

    def save(self, value, path):
        import csv

        frame, facts = _as_frame(value)
        columns = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
        facts["dates"] = [name for name, dtype in columns.items() if dtype.startswith("datetime64")]
        facts["dtypes"] = {name: dtype for name, dtype in columns.items() if name not in facts["dates"]}
        frame.to_csv(path, index=False, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
        if not _is_same(value, path, facts, self):
            raise Unsuitable
        return facts

    def load(self, path, metadata):
        import pandas

        options = {"dtype": metadata.get("dtypes"), "parse_dates": metadata.get("dates", False)}
        if int(pandas.__version__.split(".")[0]) < 3:  # Since then, numbers are read exactly by default.
            options["float_precision"] = "round_trip"
        frame = pandas.read_csv(path, **options)
        return _as_it_was(frame, metadata)


def _as_frame(value):
    """The value as a frame, and what `_as_it_was` must know to undo that."""
    import pandas

    if type(value) is pandas.Series:
        name = value.name
        if name is not None and not isinstance(name, str):
            raise Unsuitable
        return value.to_frame("values"), {"rows": len(value), "series": {"name": name}}
    if type(value) is not pandas.DataFrame:  # A subclass would come back as its base.
        raise Unsuitable
    return value, {"rows": len(value), "columns": value.shape[1]}


def _as_it_was(frame, metadata: dict):
    series = metadata.get("series")
    return frame if series is None else frame["values"].rename(series["name"])


def _columns(frame):
    return (frame.iloc[:, place] for place in range(frame.shape[1]))


def _is_plain(column) -> bool:
    """Whether the column holds values of one simple type; Parquet would change nested ones on the way."""
    from pandas.api.types import infer_dtype

    return column.dtype != object or infer_dtype(column, skipna=True) in ("string", "bytes", "empty", "date")


def _is_same(value, path: str, facts: dict, materializer) -> bool:
    from pandas import testing

    compare = testing.assert_frame_equal if value.ndim == 2 else testing.assert_series_equal
    try:
        compare(materializer.load(path, facts), value, check_exact=True, check_freq=False)
    except (AssertionError, TypeError, ValueError):
        return False
    return True
