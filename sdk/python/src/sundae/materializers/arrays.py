"""NumPy arrays and scalars, as `.npy`."""

from . import Materializer, Unsuitable


class Npy(Materializer):
    """NumPy's own format, which many languages read. Arrays of Python objects are left to pickle."""

    media_type = "application/x-npy"

    def save(self, value, path):
        import numpy

        if type(value) not in (numpy.ndarray, numpy.memmap) and not isinstance(value, numpy.generic):
            raise Unsuitable
        if value.dtype.hasobject:
            raise Unsuitable
        with open(path, "wb") as file:  # Given a name, NumPy would append `.npy` to it.
            numpy.save(file, value, allow_pickle=False)
        return {
            "dtype": str(value.dtype),
            "shape": list(value.shape),
            "is_scalar": isinstance(value, numpy.generic),
        }

    def load(self, path, metadata):
        import numpy

        array = numpy.load(path, allow_pickle=False)
        return array[()] if metadata.get("is_scalar") else array
