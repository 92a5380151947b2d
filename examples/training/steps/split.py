"""split.py DATA SHARE SEED TRAIN TEST: puts that share of the rows aside, chosen at random, the same for a seed."""

import random
import sys

data, share, seed, train, test = sys.argv[1:]
with open(data) as file:
    header, *rows = file
random.Random(int(seed)).shuffle(rows)
border = round(len(rows) * float(share))
for path, part in ((test, rows[:border]), (train, rows[border:])):
    with open(path, "w") as file:
        file.writelines([header, *part])
