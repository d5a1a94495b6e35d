#include "codec/npy.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cerrno>

#include "codec/arrays_for_test.h"
#include "codec/npz.h"

namespace berth::codec {
namespace {

using namespace std::string_literals;

std::string File(std::string dict, std::string_view data, char version = 1) {
  dict += '\n';
  std::string file = "\x93NUMPY";
  file += version;
  file += '\0';
  const auto size = static_cast<uint32_t>(dict.size());
  file.append(reinterpret_cast<const char*>(&size), version == 1 ? 2 : 4);
  return file + dict + std::string(data);
}

std::string Dict(std::string_view descr, std::string_view shape = "(2,)") {
  return "{'descr': " + std::string(descr) +
         ", 'fortran_order': False, 'shape': " + std::string(shape) + ", }";
}

int ErrorOf(const std::string& file) {
  const auto read = DecodeNpy(file);
  return read ? 0 : read.error().system_error();
}

TEST(NpyTest, HeadersAreThoseOfNumPy) {
  TensorInfo info{.dtype = DType::kFloat32, .dimensions = 2};
  info.shape = {3, 4};
  const std::string header = EncodeNpyHeader(info);
  EXPECT_EQ(header.size(), 128U);
  EXPECT_TRUE(header.starts_with(
      "\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }  "s));
  EXPECT_EQ(header.back(), '\n');
  const auto read = DecodeNpyHeader(header);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->info, info);
  EXPECT_EQ(read->offset, 128U);
}

TEST(NpyTest, AllVersionsAndSpellingsAreRead) {
  const std::string data(16, '\1');
  for (const char version : {1, 2, 3}) EXPECT_EQ(ErrorOf(File(Dict("'<i8'"), data, version)), 0);
  EXPECT_EQ(ErrorOf(File("{\"shape\":(2,),\"fortran_order\":True,\"descr\":\"=u2\"}", data)), 0);
  EXPECT_EQ(ErrorOf(File(Dict("'|b1'", "()"), data)), 0);
  EXPECT_EQ(ErrorOf(File(Dict("'i1'", "(2, 3, )"), data)), 0);
}

TEST(NpyTest, PickledObjectsAreRefused) {
  EXPECT_EQ(ErrorOf(File(Dict("'|O'"), "\x80\x03")), EPERM);
}

TEST(NpyTest, EverythingElseIsLeftToNumPy) {
  const std::string data(64, '\1');
  for (const std::string_view descr :
       {"'>i4'", "'|S3'", "'<U1'", "'<f16'", "[('a', '<i4')]", "''", "1", "'<c8'"}) {
    EXPECT_EQ(ErrorOf(File(Dict(descr), data)), ENOTSUP) << descr;
  }
  for (const std::string_view shape :
       {"(3)", "(-1,)", "[2]", "2", "(2L,)", "(02,)", "(,)", "(2,,)", "(1,1,1,1,1,1,1,1,1)",
        "(99999999999999999999,)", "(9223372036854775807, 9223372036854775807)", "(65,)"}) {
    EXPECT_EQ(ErrorOf(File(Dict("'|i1'", shape), data)), ENOTSUP) << shape;
  }
  for (const std::string_view dict :
       {"", "{}", "{'descr': '<i4'}",
        "{'descr': '<i4', 'descr': '<i4', 'fortran_order': False, 'shape': ()}",
        "{'descr': '<i4', 'fortran_order': 0, 'shape': ()}",
        "{'descr': '<i4' 'fortran_order': False}"}) {
    EXPECT_EQ(ErrorOf(File(std::string(dict), data)), ENOTSUP) << dict;
  }
  const std::string whole = File(Dict("'<i8'"), std::string(16, '\0'));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(ErrorOf(whole.substr(0, size)), ENOTSUP) << size;
  }
  EXPECT_EQ(ErrorOf(File(Dict("'<i8'"), data, 4)), ENOTSUP);
  EXPECT_EQ(ErrorOf(File(Dict("'<i8'") + std::string(10'000, ' '), data)), ENOTSUP);
}

/// A zip archive of one stored member.
struct Zip {
  std::string name = "format.npy";
  std::string contents = File(Dict("'|S3'", "()"), "csr");
  uint32_t crc = static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(contents.data()), contents.size()));
  uint32_t size = static_cast<uint32_t>(contents.size());
  uint16_t method = 0;
  uint16_t flags = 0;
  uint16_t count = 1;

  std::string Bytes() const {
    std::string zip;
    const auto add = [&zip](auto value) {
      zip.append(reinterpret_cast<const char*>(&value), sizeof value);
    };
    const auto length = static_cast<uint32_t>(contents.size());
    const auto name_length = static_cast<uint16_t>(name.size());
    const auto common = [&] {
      add(uint16_t{20});
      add(flags);
      add(method);
      add(uint32_t{0});
      add(crc);
      add(length);
      add(size);
      add(name_length);
      add(uint16_t{0});
    };
    add(uint32_t{0x04034b50});
    common();
    zip += name + contents;
    const auto directory = static_cast<uint32_t>(zip.size());
    add(uint32_t{0x02014b50});
    add(uint16_t{20});
    common();
    zip.append(14, '\0');  // no comment; the local header is at 0
    zip += name;
    const auto end = static_cast<uint32_t>(zip.size());
    add(uint32_t{0x06054b50});
    add(uint32_t{0});
    add(count);
    add(count);
    add(end - directory);
    add(directory);
    add(uint16_t{0});
    return zip;
  }
  int Error(const NpzLimits& limits = {}) const {
    const auto read = DecodeNpz(Bytes(), limits);
    return read ? 0 : read.error().system_error();
  }
};

TEST(NpzTest, MembersAreRead) {
  Zip zip;
  const std::string bytes = zip.Bytes();
  const auto members = DecodeNpz(bytes);
  ASSERT_TRUE(members) << members.error().message();
  ASSERT_EQ(members->size(), 1U);
  EXPECT_EQ(members->at(0).name, "format");
  EXPECT_EQ(DecodeNpyText(members->at(0).npy()), "csr");
  EXPECT_EQ(SparseMatrixOf(*members).error().system_error(), ENOTSUP);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeNpz(bytes.substr(0, size))) << size;
  }
}

TEST(NpzTest, BrokenArchivesAreLeftToNumPyAndLargeOnesRefused) {
  Zip zip;
  EXPECT_EQ(zip.Error({.members = 0}), E2BIG);
  EXPECT_EQ(zip.Error({.bytes = 10}), E2BIG);
  zip.name = "format.txt";
  EXPECT_EQ(zip.Error(), ENOTSUP);
  zip = {.crc = 1};
  EXPECT_EQ(zip.Error(), ENOTSUP);
  zip = {.flags = 1};
  EXPECT_EQ(zip.Error(), ENOTSUP);
  zip = {.count = 2};
  EXPECT_EQ(zip.Error(), ENOTSUP);
  zip = {.size = 3};
  EXPECT_EQ(zip.Error(), ENOTSUP);
  zip = {.method = 8};
  EXPECT_EQ(zip.Error(), ENOTSUP);
  zip = {.size = 1 << 27, .method = 8};  // more than deflate can make of it
  EXPECT_EQ(zip.Error(), ENOTSUP);
}

}  // namespace
}  // namespace berth::codec
