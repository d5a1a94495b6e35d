"""The code that a worker of `serve` runs around the user's functions.

Standard library only, Python 3.8 and later; NumPy where the image has it. The server's side is
src/serving/worker and src/serving/transport.
"""
