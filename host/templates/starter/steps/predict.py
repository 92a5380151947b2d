from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from sundae import log_metric, step

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import ClassifierMixin

NAMES = {0: "malignant", 1: "benign"}


@step
def predict(model: ClassifierMixin, batch: pd.DataFrame) -> Annotated[pd.DataFrame, "predictions"]:
    """The batch with the model's `prediction` in front."""
    predictions = [NAMES[target] for target in model.predict(batch)]
    for name in NAMES.values():
        log_metric(name, predictions.count(name))

    result = batch.copy()
    result.insert(0, "prediction", predictions)
    return result
