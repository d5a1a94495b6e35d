// CSV, JSON and JSON Lines.
#include <string>

#include "arrays.h"
#include "bindings.h"
#include "codec/csv_decode.h"
#include "codec/csv_encode.h"
#include "codec/json_decode.h"
#include "codec/json_encode.h"
#include "errors.h"
#include "text.h"

namespace berth::python {

namespace nb = nanobind;

namespace {

using Decoder = Result<codec::TensorInfo> (*)(std::string_view, const codec::Allocate&);

nb::object Decode(Decoder decoder, nb::handle data) {
  NumPy();  // before the GIL is let go
  const Input input(data);
  ArrayOutput output;
  const codec::Allocate allocate = output.allocate();
  Unwrap([&] {
    const WithoutGil unlocked(input.text().size());
    return decoder(input.text(), allocate);
  }());
  return output.Take();
}

/// As float64, where that was asked for: of integers and booleans NumPy makes the same of the array
/// as of the numbers one by one.
nb::object Converted(nb::object array, const WantedType& wanted) {
  if (!wanted.float64) return array;
  return array.attr("astype")("float64", nb::arg("copy") = false);
}

nb::object DecodeCsv(nb::handle data, nb::handle dtype) {
  return Decode(WantedType(dtype).float64 ? codec::DecodeCsvAsFloats : codec::DecodeCsv, data);
}

nb::object DecodeJson(nb::handle data, nb::handle dtype) {
  return Converted(Decode(codec::DecodeJson, data), WantedType(dtype));
}

nb::object DecodeJsonLines(nb::handle data, nb::handle dtype) {
  return Converted(Decode(codec::DecodeJsonLines, data), WantedType(dtype));
}

template <typename Encode>
nb::str Encoded(const ArrayInput& input, Encode encode) {
  std::string text;
  Unwrap([&] {
    const WithoutGil unlocked(input.bytes());
    return encode(input.view(), text);
  }());
  return AsciiStr(text);
}

nb::str EncodeCsv(nb::handle array_like) {
  const nb::object array = NumPy().attr("asarray")(array_like);
  const NumPyText style = NumPyStyle();
  return Encoded(ArrayInput(array), [style](const codec::TensorView& view, std::string& text) {
    return codec::EncodeCsv(view, style, text);
  });
}

/// json.dumps() of a list is not that of the array it would become ([1, 2.0]): only arrays.
void CheckArray(nb::handle object) {
  if (!IsArray(object)) throw NotNativeError("no numpy.ndarray: json.dumps() writes it");
}

nb::str EncodeJson(nb::handle array) {
  CheckArray(array);
  return Encoded(ArrayInput(array), codec::EncodeJson);
}

nb::str EncodeJsonLines(nb::handle array) {
  CheckArray(array);
  return Encoded(ArrayInput(array), codec::EncodeJsonLines);
}

}  // namespace

void AddTextCodecs(nb::module_& module) {
  module.def("csv_decode", &DecodeCsv, nb::arg("data").none(), nb::arg("dtype") = nb::none(),
             nb::sig("def csv_decode(data: str | bytes | bytearray | memoryview, "
                     "dtype: numpy.typing.DTypeLike = None) -> numpy.typing.NDArray[typing.Any]"),
             R"(The array in a CSV text of numbers.

Without `dtype` what numpy.genfromtxt(StringIO(text), dtype=None, delimiter=",") is, as
sagemaker-inference decodes: int64 where all columns are integers, float64 where all are not. With
dtype float64 what sagemaker-containers makes of the rows. NotNativeError for all else: columns of
different types, missing values, text, quotes, another dtype.)");
  module.def("csv_encode", &EncodeCsv, nb::arg("array_like").none(),
             nb::sig("def csv_encode(array_like: numpy.typing.ArrayLike) -> str"),
             R"(What numpy.savetxt(stream, array_like, delimiter=",", fmt="%s") writes.

NotNativeError for arrays that are not of plain numbers or have no or more than two dimensions.)");
  module.def("json_decode", &DecodeJson, nb::arg("data").none(), nb::arg("dtype") = nb::none(),
             nb::sig("def json_decode(data: str | bytes | bytearray | memoryview, "
                     "dtype: numpy.typing.DTypeLike = None) -> numpy.typing.NDArray[typing.Any]"),
             R"(numpy.array(json.loads(data), dtype) for a text of numbers and booleans.

NotNativeError for all else: strings, null, objects, ragged arrays, integers beyond 64 bits, what is
no JSON, another dtype than float64.)");
  module.def("json_encode", &EncodeJson, nb::arg("array").none(),
             nb::sig("def json_encode(array: numpy.typing.NDArray[typing.Any]) -> str"),
             R"(json.dumps(array.tolist()).

NotNativeError for what is no numpy.ndarray (of a list json.dumps() writes the elements as they are,
not as those of one array) or not of plain numbers.)");
  module.def("jsonlines_decode", &DecodeJsonLines, nb::arg("data").none(),
             nb::arg("dtype") = nb::none(),
             nb::sig("def jsonlines_decode(data: str | bytes | bytearray | memoryview, "
                     "dtype: numpy.typing.DTypeLike = None) -> numpy.typing.NDArray[typing.Any]"),
             R"(numpy.array() of what json.loads() makes of each line that is not blank.

NotNativeError as json_decode().)");
  module.def("jsonlines_encode", &EncodeJsonLines, nb::arg("array").none(),
             nb::sig("def jsonlines_encode(array: numpy.typing.NDArray[typing.Any]) -> str"),
             R"(The rows, each as json.dumps() writes it and a line of its own.

NotNativeError as json_encode().)");
}

}  // namespace berth::python
