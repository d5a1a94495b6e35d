#include "platform/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/files.h"
#include "core/json.h"

namespace berth::platform {
namespace {

using std::chrono::milliseconds;

class Metrics : public testing::Test {
 protected:
  MetricsRecorder Open(std::vector<MetricDefinition> definitions) {
    auto recorder = MetricsRecorder::Open(definitions, path());
    EXPECT_TRUE(recorder) << recorder.error().message();
    return std::move(*recorder);
  }
  std::string path() { return (folder_->path() / "metrics.json").string(); }
  std::string File() { return ReadFile(path()).value_or("missing"); }

  Result<TemporaryDirectory> folder_ = TemporaryDirectory::Make("berth-metrics");
  Time now_{milliseconds(1700000000123)};
};

TEST_F(Metrics, RecordEveryMatchWithItsTime) {
  MetricsRecorder recorder = Open({{"loss", "loss=([-+0-9.e]+)"}, {"acc", "acc=(\\S+)"}});
  recorder.Feed("loss=0.5 acc=1e-3 loss=+0.25\n", now_);
  recorder.Feed("acc=nothing\nloss=-1", now_ + milliseconds(1));
  ASSERT_TRUE(recorder.Finish(now_ + milliseconds(2)));
  EXPECT_EQ(File(),
            "[\n"
            "  {\"MetricName\": \"loss\", \"Value\": 0.5, \"Timestamp\": 1700000000.123},\n"
            "  {\"MetricName\": \"loss\", \"Value\": 0.25, \"Timestamp\": 1700000000.123},\n"
            "  {\"MetricName\": \"acc\", \"Value\": 0.001, \"Timestamp\": 1700000000.123},\n"
            "  {\"MetricName\": \"loss\", \"Value\": -1.0, \"Timestamp\": 1700000000.125}\n"
            "]\n");
}

TEST_F(Metrics, AreAnEmptyListWithoutAMatch) {
  MetricsRecorder recorder = Open({});
  recorder.Feed("loss=1\n", now_);
  ASSERT_TRUE(recorder.Finish(now_));
  EXPECT_EQ(File(), "[]\n");
}

TEST_F(Metrics, AreFoundWhereverTheLogIsCut) {
  const std::string log = "a loss=1.5 b\nloss=2.5\rloss=3.5\r\n";
  for (size_t cut = 0; cut <= log.size(); ++cut) {
    MetricsRecorder recorder = Open({{"loss", "loss=([0-9.]+)"}});
    recorder.Feed(log.substr(0, cut), now_);
    recorder.Feed(log.substr(cut), now_);
    ASSERT_TRUE(recorder.Finish(now_));
    EXPECT_EQ(recorder.series()[0].count(), 3U) << cut;
    EXPECT_EQ(recorder.series()[0].last(), 3.5) << cut;
    std::filesystem::remove(path());
  }
}

TEST_F(Metrics, AreFoundBesideBytesThatAreNotUtf8) {
  MetricsRecorder recorder = Open({{"loss", "(?i)LOSS.=([0-9.]+)"}});
  recorder.Feed("\xff\xfe loss\xff=7\n", now_);
  EXPECT_EQ(recorder.series()[0].last(), 7);
}

TEST_F(Metrics, LeaveOutWhatIsNoFiniteNumber) {
  MetricsRecorder recorder = Open({{"loss", "loss=(\\S*)"}});
  recorder.Feed("loss=nan\nloss=inf\nloss=1e999\nloss=\nloss=1x\nloss=0x10\n", now_);
  EXPECT_EQ(recorder.series()[0].count(), 0U);
}

TEST_F(Metrics, TakeAnEmptyMatchWithoutStandingStill) {
  MetricsRecorder recorder = Open({{"m", "(x*)"}, {"n", "()|(1)"}});
  recorder.Feed("aaa\n", now_);
  EXPECT_EQ(recorder.series()[0].count(), 0U);
}

TEST_F(Metrics, OfOneNameAreOneSeries) {
  MetricsRecorder recorder = Open({{"loss", "loss=(\\d)"}, {"loss", "l:(\\d)"}});
  recorder.Feed("loss=1\nl:2\n", now_);
  ASSERT_EQ(recorder.series().size(), 1U);
  EXPECT_EQ(recorder.series()[0].count(), 2U);
}

TEST_F(Metrics, SearchOnlyTheBeginningOfAnEndlessLine) {
  MetricsRecorder recorder = Open({{"loss", "loss=([0-9]+)"}});
  recorder.Feed("loss=1 ", now_);
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < 32; ++i) recorder.Feed(block, now_);
  recorder.Feed(" loss=2\nloss=3\n", now_);
  EXPECT_EQ(recorder.series()[0].count(), 2U);
  EXPECT_EQ(recorder.series()[0].last(), 3);
}

TEST(Regex, MustCompileInBoundedMemory) {
  EXPECT_EQ(RegexFault("loss=([0-9.]+)"), "");
  EXPECT_NE(RegexFault("((((x{1000}){1000}){1000}){1000})"), "");
}

TEST(Series, KeepsBoundsAndShapeOfAnyNumberOfValues) {
  Series series("loss");
  constexpr int kCount = 1'000'000;
  for (int i = 0; i < kCount; ++i) series.Add(i, Time{});
  EXPECT_EQ(series.count(), static_cast<size_t>(kCount));
  EXPECT_EQ(series.first(), 0);
  EXPECT_EQ(series.last(), kCount - 1);
  EXPECT_EQ(series.min(), 0);
  EXPECT_EQ(series.max(), kCount - 1);
  const std::vector<double> points = series.Points();
  EXPECT_LE(points.size(), Series::kMaxPoints + 1);
  EXPECT_GE(points.size(), Series::kMaxPoints / 2);
  EXPECT_TRUE(std::is_sorted(points.begin(), points.end()));
}

}  // namespace
}  // namespace berth::platform
