#include "storage/s3_xml.h"

#include <aws/common/allocator.h>
#include <aws/common/byte_buf.h>
#include <aws/common/xml_parser.h>
#include <fmt/format.h>

#include <charconv>
#include <ctime>
#include <functional>

#include "storage/names.h"

namespace berth::storage {
namespace {

std::string_view View(aws_byte_cursor cursor) {
  return {reinterpret_cast<const char*>(cursor.ptr), cursor.len};
}

aws_byte_cursor Cursor(std::string_view text) {
  return aws_byte_cursor_from_array(text.data(), text.size());
}

using Visitor = std::function<int(aws_xml_node*, std::string_view name)>;

int Visit(aws_xml_node* node, void* visitor) {
  return (*static_cast<Visitor*>(visitor))(node, View(aws_xml_node_get_name(node)));
}

int Children(aws_xml_node* node, Visitor visitor) {
  return aws_xml_node_traverse(node, Visit, &visitor);
}

// Of the root's children.
bool ParseRoot(std::string_view xml, const Visitor& visitor) {
  Visitor root = [&](aws_xml_node* node, std::string_view) { return Children(node, visitor); };
  const aws_xml_parser_options options{
      .doc = Cursor(xml), .max_depth = 20, .on_root_encountered = Visit, .user_data = &root};
  return aws_xml_parse(aws_default_allocator(), &options) == AWS_OP_SUCCESS;
}

int ReadText(aws_xml_node* node, std::string& text) {
  aws_byte_buf unescaped;
  aws_byte_buf_init(&unescaped, aws_default_allocator(), 64);
  const int result = aws_xml_node_as_body_unescaped(aws_default_allocator(), node, &unescaped);
  if (result == AWS_OP_SUCCESS) {
    text.assign(reinterpret_cast<const char*>(unescaped.buffer), unescaped.len);
  }
  aws_byte_buf_clean_up(&unescaped);
  return result;
}

// The parser goes no deeper into a node that is not asked for.
int ReadObject(aws_xml_node* node, ObjectInfo& object) {
  return Children(node, [&](aws_xml_node* child, std::string_view name) {
    if (name == "Key") return ReadText(child, object.key);
    if (name == "ETag") {
      const int result = ReadText(child, object.etag);
      std::erase(object.etag, '"');
      return result;
    }
    if (name == "LastModified") {
      std::string when;
      if (ReadText(child, when) != AWS_OP_SUCCESS) return AWS_OP_ERR;
      object.modified = SecondsOf(when);
      return AWS_OP_SUCCESS;
    }
    if (name != "Size") return AWS_OP_SUCCESS;
    std::string size;
    if (ReadText(child, size) != AWS_OP_SUCCESS) return AWS_OP_ERR;
    const auto parsed = std::from_chars(size.data(), size.data() + size.size(), object.size);
    return parsed.ec == std::errc() && parsed.ptr == size.data() + size.size()
               ? AWS_OP_SUCCESS
               : aws_raise_error(AWS_ERROR_INVALID_XML);
  });
}

}  // namespace

int64_t SecondsOf(const std::string& time) {
  for (const char* form : {"%Y-%m-%dT%H:%M:%S", "%a, %d %b %Y %H:%M:%S GMT"}) {
    std::tm parts{};
    if (::strptime(time.c_str(), form, &parts) != nullptr) return ::timegm(&parts);
  }
  return 0;
}

Result<ListPage> ParseListPage(std::string_view xml) {
  ListPage page;
  std::string encoding;
  std::string truncated;
  std::string next;
  const bool parsed = ParseRoot(xml, [&](aws_xml_node* node, std::string_view name) {
    if (name == "Contents") return ReadObject(node, page.objects.emplace_back());
    if (name == "CommonPrefixes") {
      return Children(node, [&](aws_xml_node* child, std::string_view inner) {
        return inner == "Prefix" ? ReadText(child, page.prefixes.emplace_back()) : AWS_OP_SUCCESS;
      });
    }
    if (name == "EncodingType") return ReadText(node, encoding);
    if (name == "IsTruncated") return ReadText(node, truncated);
    if (name == "NextContinuationToken") return ReadText(node, next);
    return AWS_OP_SUCCESS;
  });
  if (!parsed) return Fail("the listing is not the XML that S3 sends");
  if (encoding == "url") {
    for (ObjectInfo& object : page.objects) object.key = Decoded(object.key, true);
    for (std::string& prefix : page.prefixes) prefix = Decoded(prefix, true);
  }
  if (truncated == "true") {
    if (next.empty()) return Fail("the listing says that it goes on, and not where");
    page.continuation = std::move(next);
  }
  return page;
}

ErrorDocument ParseErrorDocument(std::string_view xml) {
  ErrorDocument document;
  ParseRoot(xml, [&](aws_xml_node* node, std::string_view name) {
    if (name == "Code") return ReadText(node, document.code);
    if (name == "Message") return ReadText(node, document.message);
    if (name == "Region") return ReadText(node, document.region);
    if (name == "RequestId") return ReadText(node, document.request_id);
    return AWS_OP_SUCCESS;
  });
  return document;
}

Result<std::string> ParseUploadId(std::string_view xml) {
  std::string id;
  const bool parsed = ParseRoot(xml, [&](aws_xml_node* node, std::string_view name) {
    return name == "UploadId" ? ReadText(node, id) : AWS_OP_SUCCESS;
  });
  if (!parsed || id.empty()) return Fail("the answer to CreateMultipartUpload has no UploadId");
  return id;
}

std::string CompleteDocument(const std::vector<UploadedPart>& parts) {
  std::string xml = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (size_t i = 0; i < parts.size(); ++i) {
    xml += "<Part>";
    if (!parts[i].crc32.empty()) {
      xml += fmt::format("<ChecksumCRC32>{}</ChecksumCRC32>", parts[i].crc32);
    }
    // An ETag is hexadecimal in quotes, which text of XML may hold as they are; a stranger's
    // server might put anything there.
    std::string etag;
    for (const char c : parts[i].etag) {
      if (c == '&') {
        etag += "&amp;";
      } else if (c == '<') {
        etag += "&lt;";
      } else {
        etag += c;
      }
    }
    xml += fmt::format("<ETag>{}</ETag><PartNumber>{}</PartNumber></Part>", etag, i + 1);
  }
  return xml + "</CompleteMultipartUpload>";
}

}  // namespace berth::storage
