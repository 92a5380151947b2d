"""Trains two models of different kinds and keeps the better one."""

from sundae import pipeline

from pipelines.feature_engineering import feature_engineering
from steps.select_best import select_best
from steps.train_model import train_model


@pipeline
def training(random_state: int = 42):
    train, test, _ = feature_engineering()
    best_model(train, test, random_state)


def best_model(train, test, random_state):
    """The part that the inference pipeline shares: an ordinary function that calls steps."""
    forest = train_model.with_options(name="train_forest")(train, "forest", random_state)
    sgd = train_model.with_options(name="train_sgd")(train, "sgd", random_state)
    return select_best([forest, sgd], ["forest", "sgd"], test).model
