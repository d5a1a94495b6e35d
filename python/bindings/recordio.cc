// SageMaker's recordio-protobuf.
#include "codec/recordio.h"

#include <optional>
#include <string>

#include "arrays.h"
#include "bindings.h"
#include "errors.h"
#include "text.h"

namespace berth::python {

namespace nb = nanobind;

namespace {

std::optional<codec::TensorView> ViewOf(const std::optional<ArrayInput>& labels) {
  return labels ? std::optional(labels->view()) : std::nullopt;
}

nb::bytes Bytes(const std::string& records) {
  return nb::bytes(records.data(), records.size());
}

nb::bytes EncodeSparse(nb::handle matrix, const std::optional<ArrayInput>& labels) {
  const nb::object rows = matrix.attr("tocsr")();
  const ArrayInput data(rows.attr("data"));
  const ArrayInput indices(rows.attr("indices"));
  const ArrayInput indptr(rows.attr("indptr"));
  const nb::object shape = rows.attr("shape");
  const codec::CsrView view{.rows = nb::cast<int64_t>(shape[0]),
                            .columns = nb::cast<int64_t>(shape[1]),
                            .data = data.view(),
                            .indices = indices.view(),
                            .indptr = indptr.view()};
  std::string records;
  Unwrap([&] {
    const WithoutGil unlocked(data.bytes());
    return codec::EncodeRecordIo(view, ViewOf(labels), records);
  }());
  return Bytes(records);
}

nb::bytes Encode(nb::handle array, nb::handle labels) {
  std::optional<ArrayInput> label_input;
  if (!labels.is_none()) {
    if (!IsArray(labels)) throw NotNativeError("labels that are no numpy.ndarray");
    label_input.emplace(labels);
  }
  if (nb::hasattr(array, "tocsr")) return EncodeSparse(array, label_input);
  if (!IsArray(array)) throw NotNativeError("neither a numpy.ndarray nor a sparse matrix");
  const ArrayInput input(array);
  std::string records;
  Unwrap([&] {
    const WithoutGil unlocked(input.bytes());
    return codec::EncodeRecordIo(input.view(), ViewOf(label_input), records);
  }());
  return Bytes(records);
}

/// Elements that stand in a vector or a string, as an array.
nb::object Elements(codec::DType type, const void* data, std::initializer_list<int64_t> shape) {
  codec::TensorView view{.info = {.dtype = type}, .data = static_cast<const char*>(data)};
  for (const int64_t length : shape) view.info.shape[view.info.dimensions++] = length;
  return ArrayOf(view);
}

nb::object Features(const codec::RecordIoBatch& batch) {
  if (!batch.sparse) return Elements(batch.dtype, batch.values.data(), {batch.rows, batch.columns});
  const auto count = static_cast<int64_t>(batch.indices.size());
  const nb::object arrays =
      nb::make_tuple(Elements(batch.dtype, batch.values.data(), {count}),
                     Elements(codec::DType::kInt64, batch.indices.data(), {count}),
                     Elements(codec::DType::kInt64, batch.indptr.data(), {batch.rows + 1}));
  return nb::module_::import_("scipy.sparse")
      .attr("csr_matrix")(arrays, nb::arg("shape") = nb::make_tuple(batch.rows, batch.columns));
}

nb::tuple Decode(nb::handle data) {
  const Input input(data);
  const codec::RecordIoBatch batch = Unwrap([&] {
    const WithoutGil unlocked(input.text().size());
    return codec::DecodeRecordIo(input.text());
  }());
  nb::object labels = nb::none();
  if (batch.label_dtype != codec::DType::kNone) {
    labels = Elements(batch.label_dtype, batch.labels.data(), {batch.rows});
  }
  return nb::make_tuple(Features(batch), labels);
}

}  // namespace

void AddRecordIo(nb::module_& module) {
  module.def("recordio_decode", &Decode, nb::arg("data").none(),
             nb::sig("def recordio_decode(data: bytes | bytearray | memoryview) "
                     "-> tuple[typing.Any, numpy.typing.NDArray[typing.Any] | None]"),
             R"((features, labels) of all records of a recordio-protobuf text.

Features are an array with a row for each record, or a scipy.sparse.csr_matrix where the records are
sparse; labels an array of one number for each, or None. float32, float64 or int32. NotNativeError
for records that do not fit together and for what is no recordio-protobuf.)");
  module.def("recordio_encode", &Encode, nb::arg("array").none(), nb::arg("labels") = nb::none(),
             nb::sig("def recordio_encode(array: typing.Any, "
                     "labels: numpy.typing.NDArray[typing.Any] | None = None) -> bytes"),
             R"(What sagemaker_containers' array_to_recordio_protobuf(array, labels) writes.

`array`: a numpy.ndarray of one (one record) or two dimensions, or a sparse matrix of scipy's, of
float32, float64 or int64 (written as int32). NotNativeError for other types and shapes and for
larger integers.)");
}

}  // namespace berth::python
