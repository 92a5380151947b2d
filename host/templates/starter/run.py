"""Runs the pipelines of this project on the active stack.

python run.py --training-pipeline
"""

import argparse
import sys

from pipelines.feature_engineering import feature_engineering
from pipelines.inference import inference
from pipelines.training import training


def main() -> int:
    parser = argparse.ArgumentParser(description="Run pipelines of this project on the active stack.")
    parser.add_argument("--feature-pipeline", action="store_true", help="load the data and split it")
    parser.add_argument(
        "--training-pipeline", action="store_true", help="train two models, keep the better one"
    )
    parser.add_argument("--inference-pipeline", action="store_true", help="predict with the better model")
    parser.add_argument("--no-cache", action="store_true", help="run every step, even if nothing has changed")
    parser.add_argument("--stack", metavar="NAME", help="run on this stack instead of the active one")
    options = parser.parse_args()
    run_options = {"cache": not options.no_cache, "stack": options.stack}

    chosen = [
        (options.feature_pipeline, feature_engineering, show_rows),
        (options.training_pipeline, training, show_accuracy),
        (options.inference_pipeline, inference, show_predictions),
    ]
    if not any(is_chosen for is_chosen, _, _ in chosen):
        parser.print_help()
        return 2
    for is_chosen, pipeline, show in chosen:
        if is_chosen:
            show(pipeline.with_options(**run_options)())
    return 0


def show_rows(run) -> None:
    rows = run.steps["split_data"].metrics
    print("rows: " + ", ".join(f"{rows[name]:.0f} {name}" for name in ("train", "test", "batch")))


def show_accuracy(run) -> None:
    best = run.steps["select_best"]
    print(f"accuracy: {best.metrics['accuracy']:.4f} ({best.notes[0]})")


def show_predictions(run) -> None:
    counts = run.steps["predict"].metrics
    print("predictions: " + ", ".join(f"{count:.0f} {name}" for name, count in sorted(counts.items())))


if __name__ == "__main__":
    sys.exit(main())
