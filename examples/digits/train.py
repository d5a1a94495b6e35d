"""Trains a small neural network on scikit-learn's handwritten digits.

An ordinary script: it knows SageMaker only by the SM_* variables and the folders they name.
"""

import argparse
import json
import os
import shutil
import time
from pathlib import Path

import joblib
import numpy as np
from sklearn.metrics import confusion_matrix
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

CLASSES = np.arange(10)


def parse_arguments():
    base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=0.0003)
    parser.add_argument("--hidden-units", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--training", default=os.environ.get("SM_CHANNEL_TRAINING"))
    parser.add_argument("--test", default=os.environ.get("SM_CHANNEL_TEST"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--output-data-dir", default=os.environ.get("SM_OUTPUT_DATA_DIR"))
    parser.add_argument("--checkpoint-dir", default=os.path.join(base, "checkpoints"))
    parser.add_argument("--threads", type=int, default=int(os.environ.get("SM_NUM_CPUS", "1")))
    return parser.parse_args()


def load(channel):
    """All CSV files of a channel: the label, then 64 pixels from 0 to 16."""
    if channel is None:
        raise SystemExit("both channels are needed: training and test")
    files = sorted(Path(channel).glob("*.csv"))
    if not files:
        raise SystemExit(f"no .csv file in {channel}")
    rows = np.concatenate([np.loadtxt(file, delimiter=",", ndmin=2) for file in files])
    return rows[:, 1:] / 16.0, rows[:, 0].astype(int)


def resume(checkpoint_dir):
    """The state an interrupted job left, or none."""
    file = Path(checkpoint_dir) / "latest.joblib"
    if not file.exists():
        return None
    state = joblib.load(file)
    print(f"resuming after epoch {state['epoch']}", flush=True)
    return state


def save_checkpoint(checkpoint_dir, state):
    """In one step: an interruption leaves the last checkpoint or this one."""
    folder = Path(checkpoint_dir)
    if not folder.is_dir():
        return
    joblib.dump(state, folder / "latest.tmp")
    os.replace(folder / "latest.tmp", folder / "latest.joblib")


def save_model(model_dir, model):
    """The model, and the code that serves it, where `serve` looks for that."""
    joblib.dump(model, Path(model_dir) / "model.joblib")
    code = Path(model_dir) / "code"
    code.mkdir(exist_ok=True)
    shutil.copy(Path(__file__).with_name("inference.py"), code)


def train_epoch(model, images, labels, batch_size, rng):
    order = rng.permutation(len(labels))
    losses = []
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        model.partial_fit(images[batch], labels[batch], classes=CLASSES)
        losses.append(model.loss_)
    return float(np.mean(losses))


def train(args):
    images, labels = load(args.training)
    test_images, test_labels = load(args.test)
    print(f"{len(labels)} images to learn from, {len(test_labels)} to test with", flush=True)

    state = resume(args.checkpoint_dir) or {
        "epoch": 0,
        "history": [],
        "model": MLPClassifier(
            hidden_layer_sizes=(args.hidden_units,),
            learning_rate_init=args.learning_rate,
            random_state=args.seed,
        ),
    }
    model, history = state["model"], state["history"]
    for epoch in range(state["epoch"] + 1, args.epochs + 1):
        started = time.monotonic()
        rng = np.random.default_rng([args.seed, epoch])
        loss = train_epoch(model, images, labels, args.batch_size, rng)
        accuracy = model.score(test_images, test_labels)
        history.append({"epoch": epoch, "loss": loss, "accuracy": accuracy})
        seconds = time.monotonic() - started
        print(f"epoch={epoch} loss={loss:.4f} accuracy={accuracy:.4f} seconds={seconds:.3f}", flush=True)
        save_checkpoint(args.checkpoint_dir, {"epoch": epoch, "history": history, "model": model})

    save_model(args.model_dir, model)
    predictions = model.predict(test_images)
    report = {
        "history": history,
        "confusion_matrix": confusion_matrix(test_labels, predictions, labels=CLASSES).tolist(),
    }
    Path(args.output_data_dir, "metrics.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    arguments = parse_arguments()
    with threadpool_limits(limits=arguments.threads):
        train(arguments)
