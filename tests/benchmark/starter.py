"""The starter project's training pipeline, beside a script that does the same without any tool."""

import os
import subprocess
from pathlib import Path

from measure import Contestant, Target, race, row
from world import CHECKOUT, SUNDAE, anew, environment_with_ours, home_in

PLAIN = """
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

data = load_breast_cancer(as_frame=True).frame
batch = data.sample(frac=0.05, random_state=42)
known = data.drop(batch.index)
test = known.groupby("target").sample(frac=0.2, random_state=42)
train = known.drop(test.index)
features, target = train.drop(columns="target"), train["target"]
forest = RandomForestClassifier(n_estimators=50, random_state=42).fit(features, target)
sgd = make_pipeline(StandardScaler(), SGDClassifier(random_state=42)).fit(features, target)
features, target = test.drop(columns="target"), test["target"]
print(max(model.score(features, target) for model in (forest, sgd)))
"""


def measure(folder: Path, arguments) -> None:
    needed = CHECKOUT / "host/templates/starter/requirements.txt"
    python = str(environment_with_ours("starter", "-r", str(needed)) / "python")
    folder.mkdir(parents=True)
    env = {"SUNDAE_BIN": str(SUNDAE)}
    words = ["init", "starter", "--template", "starter", "--template-with-defaults"]
    made_by = {**os.environ, "SUNDAE_HOME": str(folder / "home")}
    subprocess.run([SUNDAE, *words], cwd=folder, env=made_by, check=True, capture_output=True)
    source = folder / "starter"
    (source / "plain.py").write_text(PLAIN)
    rounds = max(3, arguments.rounds // 4)
    words = [python, "run.py", "--training-pipeline"]
    ours = Contestant("sundae", words, source, env, anew(source, True))
    peer = Contestant("plain script", [python, "plain.py"], source)
    race([ours, peer], rounds)
    print(row("the starter's training pipeline", ours, peer, Target(times=1.3)), flush=True)
    ours = Contestant("sundae", words, source, {**env, **home_in(source)})
    race([ours], rounds)
    print(row("the same, cached", ours, None, Target(milliseconds=300)), flush=True)
