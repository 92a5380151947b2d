from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from sundae import log_metric, step

if TYPE_CHECKING:
    import pandas as pd


@step
def split_data(
    dataset: pd.DataFrame, test_share: float, batch_share: float, random_state: int = 42
) -> tuple[
    Annotated[pd.DataFrame, "train"],
    Annotated[pd.DataFrame, "test"],
    Annotated[pd.DataFrame, "batch"],
]:
    """Holds back a batch whose target nobody shall know, and splits the rest evenly by target."""
    batch = dataset.sample(frac=batch_share, random_state=random_state)
    known = dataset.drop(batch.index)
    test = known.groupby("target").sample(frac=test_share, random_state=random_state)
    train = known.drop(test.index)

    for name, rows in (("train", train), ("test", test), ("batch", batch)):
        log_metric(name, len(rows))
    return (
        train.reset_index(drop=True),
        test.reset_index(drop=True),
        batch.drop(columns="target").reset_index(drop=True),
    )
