"""From the raw data to what the models are trained with, judged by and used on."""

from sundae import pipeline

from steps.load_data import load_data
from steps.split_data import split_data


@pipeline
def feature_engineering(test_share: float = 0.2, batch_share: float = 0.05):
    return split_data(load_data(), test_share, batch_share)
