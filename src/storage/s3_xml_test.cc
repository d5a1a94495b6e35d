#include "storage/s3_xml.h"

#include <gtest/gtest.h>

namespace berth::storage {
namespace {

TEST(S3Xml, ReadsAPageOfAListing) {
  const auto page = ParseListPage(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
      "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>a&amp;b=</NextContinuationToken>"
      "<Contents><Key>a+b%2F%C3%BC</Key><ETag>&quot;0123&quot;</ETag><Size>5</Size>"
      "<LastModified>2026-01-31T12:00:01.000Z</LastModified>"
      "<Owner><ID>x</ID></Owner></Contents>"
      "<Contents><Key>z</Key><Size>18446744073709551615</Size></Contents>"
      "<CommonPrefixes><Prefix>p%2B/</Prefix></CommonPrefixes></ListBucketResult>");
  ASSERT_TRUE(page) << page.error().message();
  ASSERT_EQ(page->objects.size(), 2u);
  EXPECT_EQ(page->objects[0].key, "a b/ü");
  EXPECT_EQ(page->objects[0].etag, "0123");
  EXPECT_EQ(page->objects[0].size, 5u);
  EXPECT_EQ(page->objects[0].modified, 1769860801);
  EXPECT_EQ(page->objects[1].size, 18446744073709551615u);
  EXPECT_EQ(page->prefixes, std::vector<std::string>{"p+/"});
  EXPECT_EQ(page->continuation, "a&b=");
}

TEST(S3Xml, ReadsTimesOfListingsAndOfHeaders) {
  EXPECT_EQ(SecondsOf("2026-01-31T12:00:01.000Z"), 1769860801);
  EXPECT_EQ(SecondsOf("Sat, 31 Jan 2026 12:00:01 GMT"), 1769860801);
  EXPECT_EQ(SecondsOf("yesterday"), 0);
  EXPECT_EQ(SecondsOf(""), 0);
}

TEST(S3Xml, ReadsKeysOfServersThatDoNotEncodeThem) {
  const auto page = ParseListPage(
      "<ListBucketResult><IsTruncated>false</IsTruncated>"
      "<Contents><Key>a+b%2F&lt;&amp;&gt;</Key><Size>0</Size></Contents></ListBucketResult>");
  ASSERT_TRUE(page) << page.error().message();
  EXPECT_EQ(page->objects[0].key, "a+b%2F<&>");
  EXPECT_FALSE(page->continuation);
}

TEST(S3Xml, AListingThatCannotBeUnderstoodIsAnError) {
  EXPECT_FALSE(ParseListPage(""));
  EXPECT_FALSE(ParseListPage("<html>"));
  EXPECT_FALSE(ParseListPage("<L><Contents><Key>x</Key><Size>many</Size></Contents></L>"));
  EXPECT_FALSE(ParseListPage("<L><IsTruncated>true</IsTruncated></L>"));
}

TEST(S3Xml, ReadsErrorsAndForgivesOtherDocuments) {
  const auto error = ParseErrorDocument(
      "<Error><Code>AuthorizationHeaderMalformed</Code><Message>it&apos;s wrong</Message>"
      "<Region>eu-west-1</Region><RequestId>R1</RequestId></Error>");
  EXPECT_EQ(error.code, "AuthorizationHeaderMalformed");
  EXPECT_EQ(error.message, "it's wrong");
  EXPECT_EQ(error.region, "eu-west-1");
  EXPECT_EQ(error.request_id, "R1");
  EXPECT_EQ(ParseErrorDocument("").code, "");
  EXPECT_EQ(ParseErrorDocument("502 Bad Gateway").code, "");
  EXPECT_EQ(ParseErrorDocument("<html><body>no<br></body>").code, "");
}

TEST(S3Xml, WritesTheListOfParts) {
  EXPECT_EQ(CompleteDocument({{"\"e1\"", "c1=="}, {"<&", ""}}),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            "<Part><ChecksumCRC32>c1==</ChecksumCRC32><ETag>\"e1\"</ETag>"
            "<PartNumber>1</PartNumber></Part>"
            "<Part><ETag>&lt;&amp;</ETag><PartNumber>2</PartNumber></Part>"
            "</CompleteMultipartUpload>");
  EXPECT_EQ(ParseUploadId("<R><UploadId>u</UploadId></R>").value(), "u");
  EXPECT_FALSE(ParseUploadId("<R/>"));
}

}  // namespace
}  // namespace berth::storage
