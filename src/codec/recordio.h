// SageMaker's recordio-protobuf: a record per row, framed by 0xCED7230A and the length, padded to
// four bytes; in it a Record message (sagemaker_containers/record_pb2) whose map `features` has a
// tensor "values", dense or sparse, and whose map `label` may have one with one number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/tensor.h"

namespace berth::codec {

/// Appends the records that sagemaker_containers' array_to_recordio_protobuf(array, labels)
/// writes, byte for byte. `array` has one dimension (one record) or two; the types are float32,
/// float64 and int64, which is written as int32. ENOTSUP for what the original refuses: other
/// types and shapes, integers beyond 32 bits; also labels whose number is not that of the rows.
/// `out` is then as it was.
[[nodiscard]] Result<void> EncodeRecordIo(const TensorView& array,
                                          const std::optional<TensorView>& labels,
                                          std::string& out);

/// Compressed rows: of row r are data[indptr[r]] up to data[indptr[r + 1]], in the columns that
/// `indices` says.
struct CsrView {
  int64_t rows = 0;
  int64_t columns = 0;
  TensorView data;     // float32, float64 or int64
  TensorView indices;  // int32 or int64
  TensorView indptr;   // int32 or int64
};

/// The same for a sparse matrix. EINVAL for a matrix whose arrays do not fit together.
[[nodiscard]] Result<void> EncodeRecordIo(const CsrView& matrix,
                                          const std::optional<TensorView>& labels,
                                          std::string& out);

/// What records hold, in the types of their messages: float32, float64, int32.
struct RecordIoBatch {
  int64_t rows = 0;
  int64_t columns = 0;
  DType dtype = DType::kNone;
  /// Dense: rows x columns elements. Sparse: the elements that are there, by row.
  std::string values;
  bool sparse = false;
  std::vector<int64_t> indices;  // sparse: of each element its column, below `columns`
  std::vector<int64_t> indptr;   // sparse: rows + 1 of them
  /// One number per row, or none at all.
  DType label_dtype = DType::kNone;
  std::string labels;
};

/// All records of `bytes`: of one type, all dense and of one length or all sparse and of one
/// width, all or none with one label. Anything else, and what is no recordio, is ENOTSUP.
[[nodiscard]] Result<RecordIoBatch> DecodeRecordIo(std::string_view bytes);

}  // namespace berth::codec
