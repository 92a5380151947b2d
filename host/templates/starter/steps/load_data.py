from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from sundae import step

if TYPE_CHECKING:
    import pandas as pd


@step
def load_data() -> Annotated[pd.DataFrame, "dataset"]:
    """The breast-cancer data that comes with scikit-learn; `target` is 0 for malignant, 1 for benign."""
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer(as_frame=True).frame
