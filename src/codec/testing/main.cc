// berth_codec_tool: the codecs on the command line, for tests/conformance/test_codec.py and
// bench/codec.py. Built with the tests, part of no release.
//
// Requests on stdin until its end, one result each on stdout. Numbers are little endian.
//   request: u8 operation, u32 repeats, u8 arrays, that many of (u8 dtype, u8 dimensions, u8
//   fortran,
//            i64 shape[8], u64 length, the elements), u64 length, the text
//   result:  i32 errno (0: done), u64 nanoseconds of the fastest repeat, u8 arrays and they as
//            above, u64 length, the text (of an error its message)

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "codec/csv_decode.h"
#include "codec/csv_encode.h"
#include "codec/json_decode.h"
#include "codec/json_encode.h"
#include "codec/npy.h"
#include "codec/npz.h"
#include "codec/recordio.h"

namespace berth::codec {
namespace {

enum class Operation : uint8_t {
  kDecodeJson = 1,
  kDecodeJsonLines = 2,
  kDecodeCsv = 3,
  kDecodeCsvAsFloats = 4,
  kDecodeNpy = 5,
  kDecodeSparse = 6,
  kDecodeRecordIo = 7,
  kEncodeJson = 11,
  kEncodeJsonLines = 12,
  kEncodeCsv = 13,
  kEncodeNpy = 14,
  kEncodeRecordIo = 15,
  kEncodeSparseRecordIo = 16,
  kEncodeCsvSince23 = 17,
};

struct Array {
  TensorInfo info;
  std::string bytes;
  TensorView view() const { return {info, bytes.data()}; }
};

struct Request {
  Operation operation{};
  uint32_t repeats = 1;
  std::vector<Array> arrays;
  std::string text;
};

struct Answer {
  int error = 0;
  uint64_t nanoseconds = 0;
  std::deque<Array> arrays;
  std::string text;
};

[[noreturn]] void Die(const char* why) {
  std::fputs("berth_codec_tool: ", stderr);
  std::fputs(why, stderr);
  std::fputs("\n", stderr);
  std::exit(2);
}

bool ReadWhole(void* to, size_t size) {
  return std::fread(to, 1, size, stdin) == size;
}

template <typename T>
T Read() {
  T value{};
  if (!ReadWhole(&value, sizeof value)) Die("a request without its end");
  return value;
}

std::string ReadText() {
  std::string text(Read<uint64_t>(), '\0');
  if (!ReadWhole(text.data(), text.size())) Die("a request without its end");
  return text;
}

bool ReadRequest(Request& request) {
  if (!ReadWhole(&request.operation, 1)) return false;
  request.repeats = Read<uint32_t>();
  request.arrays.resize(Read<uint8_t>());
  for (Array& array : request.arrays) {
    array.info.dtype = static_cast<DType>(Read<uint8_t>());
    array.info.dimensions = Read<uint8_t>();
    array.info.fortran = Read<uint8_t>() != 0;
    array.info.shape = Read<std::array<int64_t, kMaxDimensions>>();
    array.bytes = ReadText();
  }
  request.text = ReadText();
  return true;
}

template <typename T>
void Write(const T& value) {
  std::fwrite(&value, sizeof value, 1, stdout);
}

void WriteText(std::string_view text) {
  Write(uint64_t{text.size()});
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void WriteAnswer(const Answer& answer) {
  Write(int32_t{answer.error});
  Write(answer.nanoseconds);
  Write(static_cast<uint8_t>(answer.arrays.size()));
  for (const Array& array : answer.arrays) {
    Write(array.info.dtype);
    Write(array.info.dimensions);
    Write(static_cast<uint8_t>(array.info.fortran));
    Write(array.info.shape);
    WriteText(array.bytes);
  }
  WriteText(answer.text);
  std::fflush(stdout);
}

Array CopyOf(const TensorView& view) {
  return {view.info, std::string(view.data, BytesOf(view.info).value_or(0))};
}

Array Column(DType dtype, const void* data, size_t count) {
  TensorInfo info{.dtype = dtype, .dimensions = 1};
  info.shape[0] = static_cast<int64_t>(count);
  return {info, std::string(static_cast<const char*>(data), count * SizeOf(dtype))};
}

using Decode = Result<TensorInfo> (*)(std::string_view, const Allocate&);

Result<void> Decoded(Decode decode, const Request& request, Answer& answer) {
  // The memory stays, as the slots of serving do.
  if (answer.arrays.empty()) answer.arrays.emplace_back();
  Array& array = answer.arrays.front();
  BERTH_TRY(decode(request.text, [&](const TensorInfo& info, uint64_t bytes) {
    array.info = info;
    if (array.bytes.size() != bytes) array.bytes.resize(bytes);
    return array.bytes.data();
  }));
  return {};
}

Result<void> Sparse(const Request& request, Answer& answer) {
  BERTH_ASSIGN(const auto members, DecodeNpz(request.text));
  BERTH_ASSIGN(const SparseMatrix matrix, SparseMatrixOf(members));
  answer.arrays.clear();
  answer.text = matrix.format;
  for (const TensorView& view : {matrix.shape, matrix.data, matrix.indices, matrix.indptr,
                                 matrix.row, matrix.column, matrix.offsets}) {
    if (view.info.dtype != DType::kNone) answer.arrays.push_back(CopyOf(view));
  }
  return {};
}

Result<void> Records(const Request& request, Answer& answer) {
  BERTH_ASSIGN(RecordIoBatch batch, DecodeRecordIo(request.text));
  answer.arrays.clear();
  TensorInfo info{.dtype = batch.dtype, .dimensions = 2};
  info.shape = {batch.rows, batch.columns};
  if (batch.sparse) {
    const std::array<int64_t, 2> shape = {batch.rows, batch.columns};
    answer.arrays.push_back(
        Column(batch.dtype, batch.values.data(), batch.values.size() / SizeOf(batch.dtype)));
    answer.arrays.push_back(Column(DType::kInt64, batch.indices.data(), batch.indices.size()));
    answer.arrays.push_back(Column(DType::kInt64, batch.indptr.data(), batch.indptr.size()));
    answer.arrays.push_back(Column(DType::kInt64, shape.data(), shape.size()));
  } else {
    answer.arrays.push_back({info, std::move(batch.values)});
  }
  if (batch.label_dtype != DType::kNone) {
    answer.arrays.push_back(Column(batch.label_dtype, batch.labels.data(),
                                   batch.labels.size() / SizeOf(batch.label_dtype)));
  }
  return {};
}

Result<void> Run(const Request& request, Answer& answer) {
  answer.text.clear();
  const auto& arrays = request.arrays;
  const auto labels = [&](size_t at) {
    return arrays.size() > at ? std::optional(arrays[at].view()) : std::nullopt;
  };
  switch (request.operation) {
    case Operation::kDecodeJson:
      return Decoded(DecodeJson, request, answer);
    case Operation::kDecodeJsonLines:
      return Decoded(DecodeJsonLines, request, answer);
    case Operation::kDecodeCsv:
      return Decoded(DecodeCsv, request, answer);
    case Operation::kDecodeCsvAsFloats:
      return Decoded(DecodeCsvAsFloats, request, answer);
    case Operation::kDecodeNpy: {
      BERTH_ASSIGN(const TensorView view, DecodeNpy(request.text));
      answer.arrays = {CopyOf(view)};
      return {};
    }
    case Operation::kDecodeSparse:
      return Sparse(request, answer);
    case Operation::kDecodeRecordIo:
      return Records(request, answer);
    case Operation::kEncodeJson:
      return EncodeJson(arrays.at(0).view(), answer.text);
    case Operation::kEncodeJsonLines:
      return EncodeJsonLines(arrays.at(0).view(), answer.text);
    case Operation::kEncodeCsv:
      return EncodeCsv(arrays.at(0).view(), NumPyText::kUntil22, answer.text);
    case Operation::kEncodeCsvSince23:
      return EncodeCsv(arrays.at(0).view(), NumPyText::kSince23, answer.text);
    case Operation::kEncodeNpy:
      answer.text = EncodeNpyHeader(arrays.at(0).info) + arrays.at(0).bytes;
      return {};
    case Operation::kEncodeRecordIo:
      return EncodeRecordIo(arrays.at(0).view(), labels(1), answer.text);
    case Operation::kEncodeSparseRecordIo: {
      // data, indices, indptr, shape, perhaps labels
      std::array<int64_t, 2> shape{};
      if (arrays.at(3).bytes.size() != sizeof shape) Die("a matrix has two lengths");
      std::memcpy(shape.data(), arrays[3].bytes.data(), sizeof shape);
      const CsrView matrix{shape[0], shape[1], arrays[0].view(), arrays[1].view(),
                           arrays[2].view()};
      return EncodeRecordIo(matrix, labels(4), answer.text);
    }
  }
  Die("no such operation");
}

Answer AnswerTo(const Request& request) {
  using Clock = std::chrono::steady_clock;
  Answer answer;
  answer.nanoseconds = UINT64_MAX;
  for (uint32_t i = 0; i < std::max(1U, request.repeats); ++i) {
    const auto begun = Clock::now();
    const Result<void> done = Run(request, answer);
    const auto took = std::chrono::nanoseconds(Clock::now() - begun).count();
    answer.nanoseconds = std::min(answer.nanoseconds, static_cast<uint64_t>(took));
    if (done) continue;
    answer.error = done.error().system_error();
    if (answer.error == 0) answer.error = EIO;
    answer.arrays.clear();
    answer.text = done.error().message();
    break;
  }
  return answer;
}

}  // namespace
}  // namespace berth::codec

int main() {
  berth::codec::Request request;
  while (berth::codec::ReadRequest(request)) {
    berth::codec::WriteAnswer(berth::codec::AnswerTo(request));
  }
  return 0;
}
