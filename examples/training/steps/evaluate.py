"""Counts how often the model is right. Knows its files by the context, and tells what it finds as messages."""

import csv
import json
import os
from statistics import NormalDist

with open(os.environ["SUNDAE_CONTEXT"]) as file:
    context = json.load(file)
with open(context["inputs"]["model"]["path"]) as file:
    model = json.load(file)


def likelihood(row: dict, species: str) -> float:
    product = 1.0
    for measure, (mean, deviation) in model[species].items():
        product *= NormalDist(mean, deviation).pdf(float(row[measure]))
    return product


mistakes, count = [], 0
with open(context["inputs"]["data"]["path"]) as file:
    for count, row in enumerate(csv.DictReader(file), 1):
        guess = max(model, key=lambda species: likelihood(row, species))
        if guess != row["species"]:
            mistakes.append({**row, "guess": guess})

with open(context["outputs"]["mistakes"]["path"], "w") as file:
    json.dump(mistakes, file, indent=1)
with open(os.environ["SUNDAE_MESSAGES"], "a") as file:
    print(json.dumps({"metric": "accuracy", "value": 1 - len(mistakes) / count}), file=file)
    print(json.dumps({"note": f"{len(mistakes)} of {count} irises were mistaken for others"}), file=file)
    about = {"media_type": "application/json"}
    print(json.dumps({"output": "mistakes", "metadata": about}), file=file)
