"""What the container has, as berth counted it (SM_NUM_*) or as this machine's programs say."""

from __future__ import annotations

import os


def _told(name):
    value = os.environ.get(name, "")
    return int(value) if value.isdigit() else None


def num_cpus():
    """CPUs that this process may use."""
    told = _told("SM_NUM_CPUS")
    return len(os.sched_getaffinity(0)) if told is None else told


def num_gpus():
    """GPUs."""
    told = _told("SM_NUM_GPUS")
    if told is not None:
        return told
    output = _output("nvidia-smi", "--list-gpus")
    return sum(line.startswith("GPU ") for line in output.split("\n"))


def num_neurons(instance_type):
    """Neuron cores. neuron-ls does not know those of a trn2.48xlarge."""
    told = _told("SM_NUM_NEURONS")
    if told is not None:
        return told
    if "trn2.48xlarge" in instance_type:
        return 64
    output = _output("neuron-ls", "-j")
    if not output:
        return 0
    import json

    return sum(device.get("nc_count", 0) for device in json.loads(output))


def _output(*command):
    """What a program prints; nothing where it is missing or fails."""
    import subprocess

    try:
        return subprocess.check_output(command).decode("utf-8")
    except (OSError, subprocess.CalledProcessError):
        return ""
