"""The names of sagemaker-inference 1.10, over Berth; docs/python.md says what differs."""
