"""A stand-in for the `sundae` program, for tests where the real one is not built.

It obeys the step contract and the few facts of the command line that the SDK relies on, and nothing else:
steps run one after the other, artifacts lie in `$SUNDAE_HOME/store`, and a step is cached by its command,
code, params, fingerprint, environment, and the digests and metadata of its inputs. With
SUNDAE_BIN set, the same tests run against the real one.
"""

import argparse
import glob
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import uuid

HOME = os.environ["SUNDAE_HOME"]
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(in|out|param)\.([A-Za-z0-9_-]+)\}")


def main():
    parser = argparse.ArgumentParser()
    nouns = parser.add_subparsers(dest="noun", required=True)
    run = nouns.add_parser("run")
    run.add_argument("file")
    run.add_argument("--stack", default="default")
    run.add_argument("--no-cache", action="store_true")
    run.add_argument("--output", choices=["json"])
    get = nouns.add_parser("artifact").add_subparsers(required=True).add_parser("get")
    get.add_argument("reference")
    get.add_argument("--to", required=True)
    options = parser.parse_args()
    return run_plan(options) if options.noun == "run" else get_artifact(options)


def run_plan(options):
    with open(options.file) as file:
        plan = json.load(file)
    run_id = str(uuid.uuid4())
    run = {"id": run_id, "name": f"{plan['name']}-1", "pipeline": plan["name"], "stack": options.stack}
    run |= {"status": "completed", "params": plan.get("params", {}), "steps": []}
    done = {}
    for step in plan["steps"]:
        needed = [reference.split(".")[0] for reference in step.get("inputs", {}).values()] + step.get(
            "after", []
        )
        if any(done[name]["status"] in ("failed", "skipped") for name in needed):
            record = {"name": step["name"], "status": "skipped", "outputs": {}}
        else:
            record = attempt(plan, step, run, done, options.no_cache)
        done[step["name"]] = record
        run["steps"].append(record)
        if record["status"] == "failed":
            run["status"] = "failed"
    os.makedirs(f"{HOME}/runs", exist_ok=True)
    with open(f"{HOME}/runs/{run_id}.json", "w") as file:
        json.dump(run, file)
    print(json.dumps(run))
    return 0 if run["status"] == "completed" else 3


def attempt(plan, step, run, done, no_cache):
    inputs = {}
    for name, reference in step.get("inputs", {}).items():
        producer, output = reference.split(".")
        inputs[name] = done[producer]["outputs"][output]
    params = {name: resolved(value, plan["params"]) for name, value in step.get("params", {}).items()}
    cached = f"{HOME}/cache/{key(plan, step, params, inputs)}"
    if step.get("cache", True) and not no_cache and os.path.exists(cached):
        with open(cached) as file:
            return json.load(file) | {"status": "cached"}
    with tempfile.TemporaryDirectory() as folder:
        record = execute(plan, step, run, params, inputs, folder)
    if record["status"] == "completed":
        os.makedirs(f"{HOME}/cache", exist_ok=True)
        with open(cached, "w") as file:
            json.dump(record, file)
    return record


def execute(plan, step, run, params, inputs, folder):
    paths = {"in": {name: f"{HOME}/store/{entry['digest']}" for name, entry in inputs.items()}}
    paths["out"] = {name: f"{folder}/{name}" for name in step.get("outputs", [])}
    texts = paths | {
        "param": {name: v if isinstance(v, str) else json.dumps(v) for name, v in params.items()}
    }
    environment = os.environ | {name: filled(value, texts) for name, value in step.get("env", {}).items()}
    for group, values in texts.items():
        for name, value in values.items():
            environment[f"SUNDAE_{group.upper()}_{re.sub('[^A-Z0-9]', '_', name.upper())}"] = value
    messages, context = f"{folder}/.messages", f"{folder}/.context"
    environment |= {"SUNDAE_RUN": run["name"], "SUNDAE_STEP": step["name"], "SUNDAE_ATTEMPT": "1"}
    environment |= {"SUNDAE_CONTEXT": context, "SUNDAE_MESSAGES": messages}
    facts = {
        "schema": 1,
        "run": {"id": run["id"], "name": run["name"]},
        "pipeline": plan["name"],
        "step": step["name"],
    }
    facts |= {
        "attempt": 1,
        "params": params,
        "outputs": {name: {"path": path} for name, path in paths["out"].items()},
    }
    facts["inputs"] = {name: entry | {"path": paths["in"][name]} for name, entry in inputs.items()}
    with open(context, "w") as file:
        json.dump(facts, file, sort_keys=True)
    open(messages, "w").close()

    words = step["run"]
    quoted = {
        group: {name: shlex.quote(text) for name, text in named.items()} for group, named in texts.items()
    }
    command = (
        ["sh", "-c", filled(words, quoted)]
        if isinstance(words, str)
        else [filled(word, texts) for word in words]
    )
    code = subprocess.run(command, cwd=plan["root"], env=environment, stdout=sys.stderr).returncode
    record = {
        "name": step["name"],
        "status": "completed",
        "exit_code": code,
        "outputs": {},
        "metrics": {},
        "notes": [],
    }
    metadata = {}
    with open(messages) as file:
        for message in map(json.loads, file):
            if "metric" in message:
                record["metrics"][message["metric"]] = message["value"]
            elif "note" in message:
                record["notes"].append(message["note"])
            elif "output" in message:
                metadata[message["output"]] = message["metadata"]
    if code or not all(os.path.exists(path) for path in paths["out"].values()):
        return record | {"status": "failed"}
    for name, path in paths["out"].items():
        record["outputs"][name] = publish(path) | {"metadata": metadata.get(name, {})}
    return record


def publish(path):
    files = sorted(file for file in glob.glob(f"{path}/**", recursive=True) if os.path.isfile(file)) or [path]
    hasher = hashlib.blake2b()
    for file in files:
        with open(file, "rb") as content:
            hasher.update(os.path.relpath(file, path).encode() + content.read())
    stored = f"{HOME}/store/{hasher.hexdigest()[:32]}"
    os.makedirs(os.path.dirname(stored), exist_ok=True)
    if not os.path.exists(stored):
        shutil.move(path, stored)
    kind = "folder" if os.path.isdir(stored) else "file"
    size = sum(os.path.getsize(file) for file in files if os.path.isfile(file))
    return {"kind": kind, "digest": os.path.basename(stored), "size": size}


def key(plan, step, params, inputs):
    code = {}
    for name in step.get("code", []):
        with open(os.path.join(plan["root"], name), "rb") as file:
            code[name] = hashlib.sha256(file.read()).hexdigest()
    digests = {name: [entry["digest"], entry["metadata"]] for name, entry in inputs.items()}
    rest = [step.get(part) for part in ("run", "outputs", "env", "fingerprint")]
    facts = json.dumps([rest, params, code, digests], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()


def filled(text, values):
    return PLACEHOLDER.sub(lambda hit: values[hit[1]][hit[2]] if hit[1] else hit[0][0], text)


def resolved(value, params):
    hit = PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    return params[hit[2]] if hit else value


def get_artifact(options):
    run_id, _, reference = options.reference.partition("/")
    step, _, output = reference.partition(".")
    with open(f"{HOME}/runs/{run_id}.json") as file:
        run = json.load(file)
    digest = next(one for one in run["steps"] if one["name"] == step)["outputs"][output]["digest"]
    stored = f"{HOME}/store/{digest}"
    (shutil.copytree if os.path.isdir(stored) else shutil.copy)(stored, options.to)
    return 0


if __name__ == "__main__":
    sys.exit(main())
