#include "contract/serving_environment.h"

#include <gtest/gtest.h>

namespace berth::contract {
namespace {

Result<ServingEnvironment> Read(const std::map<std::string, std::string>& variables) {
  return ReadServingEnvironment(Layout::Under("/opt/ml"), variables);
}

TEST(ServingEnvironment, HasTheContractsDefaults) {
  const auto environment = Read({});
  ASSERT_TRUE(environment.has_value());
  EXPECT_EQ(environment->program, "inference.py");
  EXPECT_EQ(environment->port, 8080);
  EXPECT_EQ(environment->timeout, std::chrono::seconds(60));
  EXPECT_EQ(environment->startup_timeout, std::chrono::seconds(600));
  EXPECT_EQ(environment->default_accept, "application/json");
  EXPECT_EQ(environment->execution_payload_mb, 6);
  EXPECT_FALSE(environment->workers.has_value());
}

TEST(ServingEnvironment, ReadsEachVariable) {
  const auto environment = Read({{"SAGEMAKER_BIND_TO_PORT", "9000"},
                                 {"SAGEMAKER_MODEL_SERVER_WORKERS", "3"},
                                 {"SAGEMAKER_MODEL_SERVER_TIMEOUT", "7"},
                                 {"SAGEMAKER_MAX_PAYLOAD_IN_MB", "2"},
                                 {"SAGEMAKER_SERVING_MODULE", "my.app:create"},
                                 {"SAGEMAKER_PROGRAM", ""},
                                 {"BERTH_LOG_FORMAT", "json"},
                                 {"BERTH_READY_FD", "7"},
                                 {"BERTH_ALLOW_PICKLED_ARRAYS", "True"}});
  ASSERT_TRUE(environment.has_value()) << environment.error().message();
  EXPECT_EQ(environment->port, 9000);
  EXPECT_EQ(environment->workers, 3);
  EXPECT_EQ(environment->timeout, std::chrono::seconds(7));
  EXPECT_EQ(environment->max_payload, uint64_t{2} << 20);
  EXPECT_EQ(environment->execution_payload_mb, 2);
  EXPECT_EQ(environment->application, "my.app:create");
  EXPECT_EQ(environment->program, "inference.py");
  EXPECT_TRUE(environment->json_log);
  EXPECT_EQ(environment->ready_fd, 7);
  EXPECT_TRUE(environment->allow_pickle);
}

TEST(ServingEnvironment, SecondsWinOverTheOlderName) {
  const auto environment = Read(
      {{"SAGEMAKER_MODEL_SERVER_TIMEOUT", "7"}, {"SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS", "9"}});
  ASSERT_TRUE(environment.has_value());
  EXPECT_EQ(environment->timeout, std::chrono::seconds(9));
}

TEST(ServingEnvironment, ErrorsNameTheVariable) {
  const auto message = [](const std::map<std::string, std::string>& variables) {
    const auto environment = Read(variables);
    return environment ? "no error" : environment.error().message();
  };
  EXPECT_EQ(message({{"SAGEMAKER_BIND_TO_PORT", "http"}}),
            "cannot use the variable SAGEMAKER_BIND_TO_PORT: expected a whole number from 0 to "
            "65535, found \"http\"");
  EXPECT_EQ(message({{"SAGEMAKER_MODEL_SERVER_WORKERS", "0"}}),
            "cannot use the variable SAGEMAKER_MODEL_SERVER_WORKERS: expected a whole number from "
            "1 to 1024, found \"0\"");
  EXPECT_EQ(message({{"SAGEMAKER_SERVING_MODULE", "app"}}),
            "cannot use the variable SAGEMAKER_SERVING_MODULE: expected \"module:application\", "
            "found \"app\"");
  EXPECT_EQ(message({{"BERTH_LOG_FORMAT", "xml"}}),
            "cannot use the variable BERTH_LOG_FORMAT: expected text or json, found \"xml\"");
  EXPECT_EQ(message({{"BERTH_FORK_WORKERS", "maybe"}}),
            "cannot use the variable BERTH_FORK_WORKERS: expected true or false, found \"maybe\"");
  for (const char* program : {"/opt/program/inference.py", "a/../../inference.py", "./"}) {
    EXPECT_TRUE(
        message({{"SAGEMAKER_PROGRAM", program}})
            .starts_with("cannot use the variable SAGEMAKER_PROGRAM: expected the handler's "
                         "file, relative to the code directory, found \""))
        << program;
  }
  EXPECT_EQ(message({{"SAGEMAKER_BATCH_STRATEGY", "foo"}}),
            "cannot use the variable SAGEMAKER_BATCH_STRATEGY: expected MULTI_RECORD or "
            "SINGLE_RECORD, found \"foo\"");
  for (const char* accept : {"x", "*/*", "a/b\r\nX: y"}) {
    EXPECT_TRUE(message({{"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", accept}})
                    .starts_with("cannot use the variable SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: "
                                 "expected a type like application/json, found "))
        << accept;
  }
}

TEST(ServingEnvironment, AProgramMayBeginWithADot) {
  const auto environment = Read({{"SAGEMAKER_PROGRAM", "./sub/handler.py"}});
  ASSERT_TRUE(environment.has_value());
  EXPECT_EQ(environment->program, "sub/handler.py");
}

}  // namespace
}  // namespace berth::contract
