"""Tells which digit an image shows: what `serve` runs beside the model that train.py left.

A request is images of 64 pixels from 0 to 16, as JSON or CSV; the answer is JSON.
"""

from pathlib import Path

import joblib
import numpy as np


def model_fn(model_dir):
    return joblib.load(Path(model_dir) / "model.joblib")


def predict_fn(images, model):
    pixels = np.asarray(images, dtype=float).reshape(-1, 64) / 16.0
    return [
        {"digit": int(np.argmax(row)), "probability": round(float(np.max(row)), 4)}
        for row in model.predict_proba(pixels)
    ]
