"""The API of sagemaker-training on Berth: the work is the program `berth`'s.

docs/python.md says, name by name, what is covered and what differs.
"""

from __future__ import annotations

# What a line of output has that begins the report of an error.
_PYTHON_ERRORS_ = (
    "BaseException Exception ArithmeticError AssertionError AttributeError BlockingIOError"
    " BrokenPipeError BufferError ChildProcessError ConnectionAbortedError ConnectionError"
    " ConnectionRefusedError ConnectionResetError EOFError EnvironmentError FileExistsError"
    " FileNotFoundError FloatingPointError IOError ImportError IndentationError IndexError"
    " InterruptedError IsADirectoryError KeyError LookupError MemoryError ModuleNotFoundError"
    " NameError NotADirectoryError NotImplementedError OSError OverflowError PermissionError"
    " ProcessLookupError RecursionError ReferenceError RuntimeError SyntaxError SystemError"
    " TabError TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError"
    " UnicodeError UnicodeTranslateError ValueError ZeroDivisionError"
).split() + ["Invalid requirement", "ResourceExhaustedError", "OutOfRangeError"]
_PYTHON_ERRORS_.append("InvalidArgumentError")

_MPI_ERRORS_ = ["mpirun.real", "ORTE"]

# Kept for code that reads them. Berth asks the devices themselves.
SM_EFA_NCCL_INSTANCES = [
    "ml.g4dn.8xlarge",
    "ml.g4dn.12xlarge",
    "ml.g5.48xlarge",
    "ml.p3dn.24xlarge",
    "ml.p4d.24xlarge",
    "ml.p4de.24xlarge",
    "ml.p5.48xlarge",
    "ml.p5e.48xlarge",
    "ml.trn1.32xlarge",
    "ml.p6e-gb200.36xlarge",
]

SM_EFA_RDMA_INSTANCES = [
    "ml.p4d.24xlarge",
    "ml.p4de.24xlarge",
    "ml.p5.48xlarge",
    "ml.p5e.48xlarge",
    "ml.trn1.32xlarge",
    "ml.p6e-gb200.36xlarge",
]

# A traceback that goes through one of these is SageMaker Training Compiler's.
SM_TRAINING_COMPILER_PATHS = [
    "tensorflow/compiler/xla",
    "tensorflow/compiler/tf2xla",
    "tensorflow/python/compiler/xla",
    "torch_xla/",
]
