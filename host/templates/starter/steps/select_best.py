from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from sundae import log_metric, note, step

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import ClassifierMixin


@step
def select_best(
    models: list[ClassifierMixin], names: list[str], test: pd.DataFrame
) -> tuple[Annotated[ClassifierMixin, "model"], Annotated[float, "accuracy"]]:
    """The model with the highest accuracy on the test data; the first one if they are equally good."""
    features, target = test.drop(columns="target"), test["target"]
    accuracies = [float(model.score(features, target)) for model in models]
    best = accuracies.index(max(accuracies))

    for name, accuracy in zip(names, accuracies):
        log_metric(f"accuracy_{name}", accuracy)
    log_metric("accuracy", accuracies[best])
    results = ", ".join(f"{name} {accuracy:.4f}" for name, accuracy in zip(names, accuracies))
    note(f"kept {names[best]}; {results}")
    return models[best], accuracies[best]
