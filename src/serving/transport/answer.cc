#include "serving/transport/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace berth::serving::transport {
namespace {

constexpr size_t kMaxHeaders = 256;

// The part of the area that the worker names; an Error where it is not all inside.
Result<std::span<const char>> Part(std::span<const char> area, uint64_t area_offset,
                                   uint64_t offset, uint64_t length, std::string_view what) {
  if (length == 0) return std::span<const char>();
  if (offset < area_offset || offset - area_offset > area.size() ||
      length > area.size() - (offset - area_offset)) {
    return Fail(fmt::format("the worker's {} of {} bytes at {} is outside of its slot", what,
                            length, offset));
  }
  return area.subspan(offset - area_offset, length);
}

Result<void> ReadHeaders(std::span<const char> blob, Answer& answer) {
  // Copied first: what is checked must be what is used.
  const std::string text(blob.begin(), blob.end());
  if (text.empty()) return {};
  if (text.back() != '\0') return Fail("the worker's headers do not end");
  size_t at = 0;
  while (at < text.size()) {
    const size_t name_end = text.find('\0', at);
    const size_t value_end = text.find('\0', name_end + 1);
    if (value_end == std::string::npos) return Fail("the worker's last header has no value");
    if (answer.headers.size() == kMaxHeaders) return Fail("the worker gave too many headers");
    answer.headers.emplace_back(text.substr(at, name_end - at),
                                text.substr(name_end + 1, value_end - name_end - 1));
    at = value_end + 1;
  }
  return {};
}

Result<void> ReadTensor(const ResponseDescriptor& descriptor, Answer& answer) {
  codec::TensorInfo& tensor = answer.tensor;
  if (descriptor.dimensions > kMaxDimensions) return Fail("the worker's array has no such shape");
  tensor.dtype = static_cast<codec::DType>(descriptor.dtype);
  tensor.dimensions = descriptor.dimensions;
  tensor.fortran = descriptor.fortran != 0;
  std::copy_n(descriptor.shape, descriptor.dimensions, tensor.shape.begin());
  BERTH_ASSIGN(const uint64_t bytes, codec::BytesOf(tensor));
  if (codec::SizeOf(tensor.dtype) == 0 || bytes != descriptor.body_length) {
    return Fail(fmt::format("the worker's array of {} bytes should have {}", descriptor.body_length,
                            bytes));
  }
  answer.encoding = static_cast<Encoding>(descriptor.encoding);
  if (answer.encoding < Encoding::kJson || answer.encoding > Encoding::kNpy) {
    return Fail("the worker asks for an encoding that there is not");
  }
  return {};
}

}  // namespace

Result<Answer> CheckAnswer(const ResponseDescriptor& descriptor, std::span<const char> area,
                           uint64_t area_offset) {
  Answer answer;
  answer.kind = static_cast<ResponseKind>(descriptor.kind);
  answer.begun = descriptor.begun;
  answer.decoded = descriptor.decoded;
  answer.predicted = descriptor.predicted;
  answer.ended = descriptor.ended;
  answer.kept = (descriptor.flags & kKept) != 0;
  if (descriptor.freed_count > kMaxFreed) return Fail("the worker frees more slots than it may");
  answer.freed.assign(descriptor.freed, descriptor.freed + descriptor.freed_count);
  if (answer.kind == ResponseKind::kDropped) return answer;

  if (answer.kind != ResponseKind::kBytes && answer.kind != ResponseKind::kTensor &&
      answer.kind != ResponseKind::kFile) {
    return Fail("the worker ended a request without an answer");
  }
  if (descriptor.status < 200 || descriptor.status > 599) {
    return Fail(fmt::format("the worker's status {} is none", descriptor.status));
  }
  answer.status = descriptor.status;
  BERTH_ASSIGN(const auto headers, Part(area, area_offset, descriptor.headers_offset,
                                        descriptor.headers_length, "header"));
  BERTH_TRY(ReadHeaders(headers, answer));
  if (answer.kind == ResponseKind::kFile) {
    answer.file_bytes = descriptor.body_length;
    return answer;
  }
  BERTH_ASSIGN(answer.body,
               Part(area, area_offset, descriptor.body_offset, descriptor.body_length, "answer"));
  if (answer.kind == ResponseKind::kTensor) BERTH_TRY(ReadTensor(descriptor, answer));
  return answer;
}

Result<Answer> ReadAnswer(const SlotLease& slot) {
  ResponseDescriptor descriptor;
  std::memcpy(&descriptor, &slot.response(), sizeof descriptor);
  return CheckAnswer(descriptor, slot.response_area(), slot.response_offset());
}

}  // namespace berth::serving::transport
