"""load.py SOURCE DATASET: drops the rows that occur twice."""

import sys

source, dataset = sys.argv[1:]
with open(source) as file:
    lines = file.readlines()
with open(dataset, "w") as file:
    file.writelines(dict.fromkeys(lines))
