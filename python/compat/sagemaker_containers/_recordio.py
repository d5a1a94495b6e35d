"""Records of recordio-protobuf, written to files."""

from berth_compat.recordio import padding  # noqa: F401
from berth_compat.recordio import read as _read_recordio  # noqa: F401
from berth_compat.recordio import write as _write_recordio  # noqa: F401
from berth_compat.recordio import write_dense as _write_numpy_to_dense_tensor  # noqa: F401
from berth_compat.recordio import write_sparse as _write_spmatrix_to_sparse_tensor  # noqa: F401
