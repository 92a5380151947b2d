"""Predicts with the better model.

The training is a part of this pipeline, so the model is always the one that today's code and data give. While
neither changes its steps come from the cache, and nothing is trained again.
"""

from sundae import pipeline

from pipelines.feature_engineering import feature_engineering
from pipelines.training import best_model
from steps.predict import predict


@pipeline
def inference(random_state: int = 42):
    train, test, batch = feature_engineering()
    predict(best_model(train, test, random_state), batch)
