"""scikit-learn estimators, with joblib."""

from . import Materializer


class Joblib(Materializer):
    """What scikit-learn recommends: a pickle that keeps arrays as they lie in memory."""

    media_type = "application/x-joblib"

    def save(self, value, path):
        import joblib
        import sklearn

        joblib.dump(value, path, protocol=5)
        return {"sklearn": sklearn.__version__}

    def load(self, path, metadata):
        import joblib

        return joblib.load(path)
