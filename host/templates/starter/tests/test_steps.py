"""Outside of a pipeline a step is the function that it was, and is tested as such."""

import unittest

import pandas as pd
from sklearn.dummy import DummyClassifier

from steps.predict import predict
from steps.select_best import select_best
from steps.split_data import split_data

DATASET = pd.DataFrame({"size": range(100), "target": [0, 1] * 50})


class Steps(unittest.TestCase):
    def test_no_row_is_lost_or_doubled(self):
        train, test, batch = split_data(DATASET, test_share=0.2, batch_share=0.1)
        sizes = sorted([*train["size"], *test["size"], *batch["size"]])
        self.assertEqual(sizes, list(range(100)))
        self.assertNotIn("target", batch)

    def test_the_better_model_is_kept(self):
        one = pd.DataFrame({"size": [1, 2, 3], "target": [1, 1, 0]})
        models = [
            DummyClassifier(strategy="constant", constant=target).fit(one[["size"]], one["target"])
            for target in (0, 1)
        ]
        best, accuracy = select_best(models, ["always 0", "always 1"], one)
        self.assertIs(best, models[1])
        self.assertAlmostEqual(accuracy, 2 / 3)

    def test_predictions_have_names(self):
        batch = pd.DataFrame({"size": [1, 2]})
        model = DummyClassifier(strategy="constant", constant=1).fit(batch, [0, 1])
        self.assertEqual(list(predict(model, batch)["prediction"]), ["benign", "benign"])
