"""train.py DATA MODEL: mean and deviation of each measure, for each species (Gaussian naive Bayes)."""

import csv
import json
import statistics
import sys

data, model = sys.argv[1:]
species = {}
with open(data) as file:
    for row in csv.DictReader(file):
        species.setdefault(row.pop("species"), []).append({name: float(value) for name, value in row.items()})

learnt = {
    name: {
        measure: [
            statistics.mean(row[measure] for row in rows),
            statistics.stdev(row[measure] for row in rows),
        ]
        for measure in rows[0]
    }
    for name, rows in sorted(species.items())
}
with open(model, "w") as file:
    json.dump(learnt, file, indent=1)
