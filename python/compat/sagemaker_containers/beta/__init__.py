"""The part of the API that was never declared stable."""
