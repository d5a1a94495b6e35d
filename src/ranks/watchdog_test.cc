#include "ranks/watchdog.h"

#include <gmock/gmock.h>

namespace berth::ranks {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Watchdog::Time kStart = Watchdog::Time(seconds(1000));

Watchdog::Time At(double s) {
  return kStart + std::chrono::duration_cast<milliseconds>(std::chrono::duration<double>(s));
}

/// Two ranks on two hosts, started at 0.
Watchdog Two(WatchdogSettings settings) {
  Watchdog dog(std::move(settings));
  dog.Started(0, "algo-1", At(0));
  dog.Started(3, "algo-2", At(0));
  return dog;
}

std::string Says(const Watchdog& dog, double time) {
  const auto stall = dog.Check(At(time));
  return stall ? stall->text : "";
}

WatchdogSettings Silence(int s) {
  WatchdogSettings settings;
  settings.silence = seconds(s);
  return settings;
}

WatchdogSettings Loss(std::optional<double> min, std::optional<double> max) {
  WatchdogSettings settings;
  settings.regex = "loss=(\\S+)";
  settings.min = min;
  settings.max = max;
  return settings;
}

TEST(Watchdog, SilenceOfTheOnlyRank) {
  Watchdog dog(Silence(60));
  EXPECT_EQ(dog.Next(), std::nullopt);
  dog.Started(3, "algo-2", At(0));
  EXPECT_EQ(dog.Next(), At(60));
  EXPECT_EQ(Says(dog, 60), "rank 3 on algo-2 has printed nothing since it started, for 60 s");
  dog.Feed(3, "epoch 1\nepoch", At(10));
  dog.Feed(3, " 2\r\n\n", At(11));
  EXPECT_EQ(Says(dog, 70), "");
  EXPECT_EQ(dog.Next(), At(71));
  EXPECT_EQ(Says(dog, 72),
            "rank 3 on algo-2 has printed nothing for 61 s (its last line: \"epoch 2\")");
}

TEST(Watchdog, SilenceOfAllNamesWhoFellSilentFirst) {
  Watchdog dog = Two(Silence(60));
  for (int i = 0; i < 10; ++i) {
    dog.Feed(3, "step\n", At(10 * i));
    dog.Feed(0, "step\n", At(10 * i + 1));
  }
  dog.Feed(0, "step 10\n", At(101));
  EXPECT_EQ(Says(dog, 160), "");
  EXPECT_EQ(Says(dog, 161),
            "no rank has printed anything for 60 s; rank 3 on algo-2 fell silent first, 71 s ago "
            "(its last line: \"step\")");
  EXPECT_EQ(dog.Check(At(161))->rank, 3);
}

// A job in which only rank 0 prints is healthy.
TEST(Watchdog, WhoSaysNothingByHabitIsNotNamed) {
  Watchdog dog = Two(Silence(60));
  dog.Feed(3, "starting\n", At(1));
  for (int i = 0; i < 50; ++i) {
    dog.Feed(0, "step\n", At(10 * i));
    EXPECT_EQ(Says(dog, 10 * i), "");
  }
  EXPECT_EQ(Says(dog, 600),
            "no rank has printed anything for 110 s; the last was rank 0 on algo-1 (its last line: "
            "\"step\")");
  EXPECT_EQ(dog.Check(At(600))->rank, 0);
}

TEST(Watchdog, SilenceFromTheStart) {
  EXPECT_EQ(Says(Two(Silence(5)), 5.5), "none of the 2 ranks has printed anything for 5.5 s");
}

TEST(Watchdog, ANewStartIsASignOfLifeAndAnEndedRankIsNotWatched) {
  Watchdog dog = Two(Silence(60));
  dog.Ended(0);
  dog.Ended(3);
  EXPECT_EQ(dog.Next(), std::nullopt);
  EXPECT_EQ(Says(dog, 600), "");
  dog.Feed(0, "late\n", At(600));
  dog.Started(0, "algo-1", At(700));
  EXPECT_EQ(Says(dog, 750), "");
  EXPECT_NE(Says(dog, 760), "");
}

TEST(Watchdog, TimeInWhichNobodyCouldBeHeardDoesNotCount) {
  Watchdog dog = Two(Silence(60));
  dog.Rest(At(100));
  EXPECT_EQ(Says(dog, 159), "");
  EXPECT_EQ(dog.Next(), At(160));
}

TEST(Watchdog, ValuesOutOfBounds) {
  const auto says = [](const std::string& line) {
    Watchdog dog = Two(Loss(0.5, 10));
    dog.Feed(3, line, At(1));
    return Says(dog, 1);
  };
  EXPECT_EQ(says("loss=0.5\nloss=10\nloss=+3\nloss=many\nloss 77\n"), "");
  EXPECT_EQ(says("step 7 loss=12 ok\n"),
            "rank 3 on algo-2 printed 12 for \"loss=(\\\\S+)\", which is above 10 (its line: "
            "\"step 7 loss=12 ok\")");
  EXPECT_EQ(says("loss=-1e3\n"),
            "rank 3 on algo-2 printed -1000 for \"loss=(\\\\S+)\", which is below 0.5 (its line: "
            "\"loss=-1e3\")");
  EXPECT_EQ(says("loss=1 then loss=nan\n"),
            "rank 3 on algo-2 printed nan for \"loss=(\\\\S+)\", which is not a number (its line: "
            "\"loss=1 then loss=nan\")");
  EXPECT_EQ(says("loss=inf\n").substr(0, 29), "rank 3 on algo-2 printed inf ");
}

TEST(Watchdog, AValueIsReadWhenItsLineIsWhole) {
  Watchdog dog = Two(Loss({}, 10));
  dog.Feed(0, "loss=1", At(1));
  dog.Feed(3, "loss=2\n", At(1));
  EXPECT_EQ(Says(dog, 1), "");
  dog.Feed(0, "1", At(1));
  EXPECT_EQ(Says(dog, 1), "");
  dog.Feed(0, "\r", At(1));  // of a progress bar
  EXPECT_EQ(dog.Check(At(1))->rank, 0);
}

TEST(Watchdog, OfALongLineTheBeginningCounts) {
  Watchdog dog = Two(Loss({}, 10));
  dog.Feed(0, std::string(5000, 'x'), At(1));
  dog.Feed(0, "loss=99\nloss=1\n", At(1));
  EXPECT_EQ(Says(dog, 1), "");
  dog.Feed(0, "loss=99 " + std::string(5000, 'x'), At(1));
  dog.Feed(0, "\n", At(1));
  EXPECT_NE(Says(dog, 1), "");
}

TEST(Watchdog, ValuesNotSeen) {
  WatchdogSettings settings = Loss({}, {});
  settings.value_silence = seconds(30);
  Watchdog dog = Two(settings);
  dog.Feed(0, "chatter\n", At(29));
  EXPECT_EQ(dog.Next(), At(30));
  EXPECT_EQ(Says(dog, 30),
            "no rank has printed a value for \"loss=(\\\\S+)\" for 30 s; there was none at all");
  dog.Feed(3, "loss=0.25\n", At(29));
  EXPECT_EQ(Says(dog, 58), "");
  EXPECT_EQ(Says(dog, 60),
            "no rank has printed a value for \"loss=(\\\\S+)\" for 31 s; the last was 0.25, by "
            "rank 3 on algo-2");
}

TEST(Watchdog, ARegexThatMatchesNothingAtAllEnds) {
  WatchdogSettings settings;
  settings.regex = "(x*)";
  Watchdog dog = Two(settings);
  dog.Feed(0, "abc\n", At(1));
  EXPECT_EQ(Says(dog, 1), "");
}

// --- settings ---------------------------------------------------------------------------------

std::string Fault(const process::Variables& variables, const json::Object& parameters = {}) {
  const auto settings = ReadWatchdogSettings(variables, parameters);
  return settings ? "" : settings.error().message();
}

TEST(WatchdogSettings, OfNothingWatchNothing) {
  const auto settings = ReadWatchdogSettings({{"BERTH_WATCHDOG_REGEX", ""}}, {});
  ASSERT_TRUE(settings);
  EXPECT_FALSE(settings->any());
}

TEST(WatchdogSettings, FromVariablesAndHyperparametersTheVariableFirst) {
  const auto settings = ReadWatchdogSettings({{"BERTH_WATCHDOG_SILENCE_SECONDS", "0.5"},
                                              {"BERTH_WATCHDOG_MAX", "1e3"},
                                              {"BERTH_MAX_RESTARTS", "2"}},
                                             {{"sagemaker_watchdog_silence_seconds", 600},
                                              {"sagemaker_watchdog_regex", "loss=(.*)"},
                                              {"sagemaker_watchdog_min", -1.5},
                                              {"sagemaker_watchdog_value_seconds", "90"},
                                              {"sagemaker_program", "train.py"}});
  ASSERT_TRUE(settings) << settings.error().message();
  EXPECT_EQ(settings->silence, milliseconds(500));
  EXPECT_EQ(settings->regex, "loss=(.*)");
  EXPECT_EQ(settings->min, -1.5);
  EXPECT_EQ(settings->max, 1000);
  EXPECT_EQ(settings->value_silence, seconds(90));
  EXPECT_TRUE(settings->any());
}

TEST(WatchdogSettings, FaultsNameTheSetting) {
  EXPECT_EQ(Fault({{"BERTH_WATCHDOG_SILENCE_SECONDS", "1 min"}}),
            "BERTH_WATCHDOG_SILENCE_SECONDS: \"1 min\" is not a number");
  EXPECT_EQ(Fault({{"BERTH_WATCHDOG_SILENCE_SECONDS", "0"}}),
            "BERTH_WATCHDOG_SILENCE_SECONDS: \"0\" is not a number of seconds above 0");
  EXPECT_EQ(Fault({}, {{"sagemaker_watchdog_silence_seconds", true}}),
            "sagemaker_watchdog_silence_seconds: \"true\" is not a number");
  EXPECT_EQ(Fault({{"BERTH_WATCHDOG_REGEX", "loss="}}),
            "BERTH_WATCHDOG_REGEX: \"loss=\" has no group, as in \"loss=([0-9.]+)\", that catches "
            "the number");
  EXPECT_EQ(Fault({{"BERTH_WATCHDOG_REGEX", "loss=("}}),
            "BERTH_WATCHDOG_REGEX: \"loss=(\" is not a regular expression that RE2 takes: missing "
            "): loss=(");
  EXPECT_EQ(Fault({}, {{"sagemaker_watchdog_max", "3"}}),
            "sagemaker_watchdog_max: \"3\" says nothing without sagemaker_watchdog_regex, which "
            "finds the value");
  EXPECT_EQ(Fault({{"BERTH_WATCHDOG_MIN", "2"}, {"BERTH_WATCHDOG_REGEX", "(.)"}},
                  {{"sagemaker_watchdog_max", "1"}}),
            "BERTH_WATCHDOG_MIN: \"2\" is above sagemaker_watchdog_max, \"1\"");
  EXPECT_EQ(Fault({{"BERTH_WATCHDOG_MIN", "nan"}, {"BERTH_WATCHDOG_REGEX", "(.)"}}),
            "BERTH_WATCHDOG_MIN: \"nan\" is not a number");
}

TEST(WatchdogSettings, AnUnknownOneIsAFault) {
  EXPECT_EQ(Fault({{"BERTH_WATCHDOG_SILENCE_SECOND", "3"}}),
            "BERTH_WATCHDOG_SILENCE_SECOND is no setting of the watchdog; did you mean "
            "BERTH_WATCHDOG_SILENCE_SECONDS?");
  EXPECT_EQ(Fault({}, {{"sagemaker_watchdog_metric_to_watch", "3"}}),
            "sagemaker_watchdog_metric_to_watch is no setting of the watchdog; there are "
            "sagemaker_watchdog_silence_seconds, sagemaker_watchdog_regex, sagemaker_watchdog_min, "
            "sagemaker_watchdog_max, sagemaker_watchdog_value_seconds");
}

TEST(MaxRestarts, IsANumberOrAFault) {
  EXPECT_EQ(ReadMaxRestarts({}, {}), 0);
  EXPECT_EQ(ReadMaxRestarts({}, {{"sagemaker_max_restarts", 3}}), 3);
  EXPECT_EQ(ReadMaxRestarts({{"BERTH_MAX_RESTARTS", "1"}}, {{"sagemaker_max_restarts", "3"}}), 1);
  for (const char* wrong : {"-1", "many", "1.5", "99999999999"}) {
    EXPECT_EQ(ReadMaxRestarts({{"BERTH_MAX_RESTARTS", wrong}}, {}).error().message(),
              "BERTH_MAX_RESTARTS: \"" + std::string(wrong) +
                  "\" is not a number of restarts (0, 1, 2 …)");
  }
}

}  // namespace
}  // namespace berth::ranks
