from collections.abc import Mapping
import os
from typing import Any

import numpy.typing


class NotNativeError(ValueError):
    """
    The core leaves this input to json or NumPy, which make their own result or error of it.
    """

def csv_decode(data: str | bytes | bytearray | memoryview, dtype: numpy.typing.DTypeLike = None) -> numpy.typing.NDArray[Any]:
    """
    The array in a CSV text of numbers.

    Without `dtype` what numpy.genfromtxt(StringIO(text), dtype=None, delimiter=",") is, as
    sagemaker-inference decodes: int64 where all columns are integers, float64 where all are not. With
    dtype float64 what sagemaker-containers makes of the rows. NotNativeError for all else: columns of
    different types, missing values, text, quotes, another dtype.
    """

def csv_encode(array_like: numpy.typing.ArrayLike) -> str:
    """
    What numpy.savetxt(stream, array_like, delimiter=",", fmt="%s") writes.

    NotNativeError for arrays that are not of plain numbers or have no or more than two dimensions.
    """

def json_decode(data: str | bytes | bytearray | memoryview, dtype: numpy.typing.DTypeLike = None) -> numpy.typing.NDArray[Any]:
    """
    numpy.array(json.loads(data), dtype) for a text of numbers and booleans.

    NotNativeError for all else: strings, null, objects, ragged arrays, integers beyond 64 bits, what is
    no JSON, another dtype than float64.
    """

def json_encode(array: numpy.typing.NDArray[Any]) -> str:
    """
    json.dumps(array.tolist()).

    NotNativeError for what is no numpy.ndarray (of a list json.dumps() writes the elements as they are,
    not as those of one array) or not of plain numbers.
    """

def jsonlines_decode(data: str | bytes | bytearray | memoryview, dtype: numpy.typing.DTypeLike = None) -> numpy.typing.NDArray[Any]:
    """
    numpy.array() of what json.loads() makes of each line that is not blank.

    NotNativeError as json_decode().
    """

def jsonlines_encode(array: numpy.typing.NDArray[Any]) -> str:
    """
    The rows, each as json.dumps() writes it and a line of its own.

    NotNativeError as json_encode().
    """

def npy_decode(data: bytes | bytearray | memoryview, allow_pickle: bool = False) -> numpy.typing.NDArray[Any]:
    """
    What numpy.load(BytesIO(data)) gives.

    ValueError for pickled objects, whose loading would run code of whoever sent them; with
    `allow_pickle` they are, like other types than plain numbers and broken files, a NotNativeError,
    and for numpy.load().
    """

def npy_encode(array_like: numpy.typing.ArrayLike) -> bytes:
    """
    What numpy.save() writes. NotNativeError for arrays that are not of plain numbers.
    """

def npz_decode(data: bytes | bytearray | memoryview) -> dict[str, numpy.typing.NDArray[Any] | str]:
    """
    The arrays of an .npz file by their names; a text (such as the "format" of scipy.sparse's
    matrices) as str.

    At most 64 arrays of 256 MiB in all. NotNativeError for other archives, and where one of its arrays is
    not of plain numbers.
    """

def recordio_decode(data: bytes | bytearray | memoryview) -> tuple[Any, numpy.typing.NDArray[Any] | None]:
    """
    (features, labels) of all records of a recordio-protobuf text.

    Features are an array with a row for each record, or a scipy.sparse.csr_matrix where the records are
    sparse; labels an array of one number for each, or None. float32, float64 or int32. NotNativeError
    for records that do not fit together and for what is no recordio-protobuf.
    """

def recordio_encode(array: Any, labels: numpy.typing.NDArray[Any] | None = None) -> bytes:
    """
    What sagemaker_containers' array_to_recordio_protobuf(array, labels) writes.

    `array`: a numpy.ndarray of one (one record) or two dimensions, or a sparse matrix of scipy's, of
    float32, float64 or int64 (written as int32). NotNativeError for other types and shapes and for
    larger integers.
    """

def serving_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    """
    What `variables` tell `serve`, as docs/serving.md has it: model_dir, code_dir, program,
    submit_directory and application (or None), port, workers (or None), timeout and startup_timeout in
    seconds, default_accept, max_payload in bytes, queue_length, log_level.

    ValueError names the variable, what was expected and what was found.
    """

def to_arguments(mapping_as_json: str | bytes) -> list[str]:
    """
    The arguments of a script for these hyperparameters, a JSON object: sorted, `--name value`
    or `-n value`, values as str() has them.
    """

def training_environment(base_dir: str | os.PathLike[str], variables: Mapping[str, str], *, cpus: int | None = None, gpus: int | None = None, neurons: int | None = None, smddprun_installed: bool = False, smddpmprun_installed: bool = False, hyperparameters: str | bytes | None = None, input_data_config: str | bytes | None = None, resource_config: str | bytes | None = None) -> dict[str, Any]:
    """
    What the files under base_dir/input/config and `variables` say of a training job.

    Every property of sagemaker_training's Environment by its name; "sagemaker_s3_output"; "variables":
    all that the script gets beyond those of the process; "arguments": those of the script. The machine is
    not asked: without `cpus` it is all that there are, without `gpus` and `neurons` none. The JSON texts
    `hyperparameters`, `input_data_config` and `resource_config` take the place of the files of these names.

    ValueError names the file, the place in it, what was expected and what was found; OSError where a file
    cannot be read.
    """

def version() -> str:
    """That of the binary, too."""
