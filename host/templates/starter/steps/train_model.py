from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from sundae import step

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import ClassifierMixin


@step
def train_model(
    train: pd.DataFrame, kind: Literal["forest", "sgd"], random_state: int
) -> Annotated[ClassifierMixin, "model"]:
    """A random forest, or a linear model trained by stochastic gradient descent."""
    if kind == "forest":
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(n_estimators=50, random_state=random_state)
    else:
        from sklearn.linear_model import SGDClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        model = make_pipeline(StandardScaler(), SGDClassifier(random_state=random_state))
    return model.fit(train.drop(columns="target"), train["target"])
