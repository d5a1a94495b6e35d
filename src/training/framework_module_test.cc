#include "training/framework_module.h"

#include <gtest/gtest.h>

namespace berth::training {
namespace {

TEST(FrameworkModule, IsAModulePathAndAFunction) {
  const auto module = ParseFrameworkModule("my_framework.training:main");
  ASSERT_TRUE(module);
  EXPECT_EQ(module->module, "my_framework.training");
  EXPECT_EQ(module->function, "main");
}

TEST(FrameworkModule, AnythingElseIsRefusedWithItsText) {
  for (const char* text : {"", "module", ":main", "module:", "a..b:f", "a b:f", "a:f:g", "1a:f",
                           "a;import os:f", "a:f()"}) {
    const auto module = ParseFrameworkModule(text);
    ASSERT_FALSE(module) << text;
    EXPECT_EQ(module.error().message(), "SAGEMAKER_TRAINING_MODULE is \"" + std::string(text) +
                                            "\": expected \"package.module:function\"");
  }
}

}  // namespace
}  // namespace berth::training
