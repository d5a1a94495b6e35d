"""The program `train` of a container whose own program is Python."""

from __future__ import annotations

from sagemaker_containers.beta.framework import trainer


def main():
    """Runs the job; exits as trainer.train() does."""
    trainer.train()


if __name__ == "__main__":
    main()
