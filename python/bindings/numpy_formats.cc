// NPY and NPZ.
#include <algorithm>
#include <cerrno>
#include <string>

#include "arrays.h"
#include "bindings.h"
#include "codec/npy.h"
#include "codec/npz.h"
#include "errors.h"
#include "text.h"

namespace berth::python {

namespace nb = nanobind;

namespace {

nb::object DecodeNpy(nb::handle data, bool allow_pickle) {
  const Input input(data);
  const Result<codec::TensorView> view = codec::DecodeNpy(input.text());
  if (!view && view.error().system_error() == EPERM && allow_pickle) {
    throw NotNativeError("pickled objects");
  }
  return ArrayOf(Unwrap(view));
}

nb::bytes EncodeNpy(nb::handle array_like) {
  const nb::object array = NumPy().attr("asarray")(array_like);
  const ArrayInput input(array);
  const std::string header = codec::EncodeNpyHeader(input.view().info);
  const size_t size = header.size() + input.bytes();
  auto file =
      nb::steal<nb::bytes>(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
  if (!file.is_valid()) throw nb::python_error();
  char* to = PyBytes_AS_STRING(file.ptr());
  const WithoutGil unlocked(size);
  to = std::copy_n(header.data(), header.size(), to);
  std::copy_n(input.view().data, input.bytes(), to);
  return file;
}

nb::object MemberOf(const codec::NpzMember& member) {
  const Result<codec::TensorView> view = codec::DecodeNpy(member.npy());
  if (view) return ArrayOf(*view);
  // "format" of a sparse matrix.
  const Result<std::string> text = codec::DecodeNpyText(member.npy());
  if (text) return AsciiStr(*text);
  Throw(view.error());
}

nb::dict DecodeNpz(nb::handle data) {
  const Input input(data);
  const auto members = Unwrap([&] {
    const WithoutGil unlocked(input.text().size());
    return codec::DecodeNpz(input.text());
  }());
  nb::dict arrays;
  for (const codec::NpzMember& member : members) arrays[StrOf(member.name)] = MemberOf(member);
  return arrays;
}

}  // namespace

void AddNumPyFormats(nb::module_& module) {
  module.def("npy_decode", &DecodeNpy, nb::arg("data").none(), nb::arg("allow_pickle") = false,
             nb::sig("def npy_decode(data: bytes | bytearray | memoryview, "
                     "allow_pickle: bool = False) -> numpy.typing.NDArray[typing.Any]"),
             R"(What numpy.load(BytesIO(data)) gives.

ValueError for pickled objects, whose loading would run code of whoever sent them; with
`allow_pickle` they are, like other types than plain numbers and broken files, a NotNativeError,
and for numpy.load().)");
  module.def(
      "npy_encode", &EncodeNpy, nb::arg("array_like").none(),
      nb::sig("def npy_encode(array_like: numpy.typing.ArrayLike) -> bytes"),
      R"(What numpy.save() writes. NotNativeError for arrays that are not of plain numbers.)");
  module.def(
      "npz_decode", &DecodeNpz, nb::arg("data").none(),
      nb::sig("def npz_decode(data: bytes | bytearray | memoryview) "
              "-> dict[str, numpy.typing.NDArray[typing.Any] | str]"),
      R"(The arrays of an .npz file by their names; a text (such as the "format" of scipy.sparse's
matrices) as str.

At most 64 arrays of 256 MiB in all. NotNativeError for other archives, and where one of its arrays is
not of plain numbers.)");
}

}  // namespace berth::python
