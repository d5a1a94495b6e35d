#include "core/secrets.h"

#include <gtest/gtest.h>

namespace berth {
namespace {

TEST(Secrets, NamesOfKeysTokensAndPasswordsLookSecret) {
  for (const char* name :
       {"AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "apiToken", "api-key",
        "apikey", "--api_key", "SM_HP_API_KEY", "db.password", "HF_TOKEN", "token", "passwd",
        "GITHUB_PAT", "credentials", "wandb_api_key", "DB_PWD", "private_key", "SSH_KEY",
        "hf_token_value"}) {
    EXPECT_TRUE(LooksSecret(name)) << name;
  }
}

TEST(Secrets, NamesOfModelsDoNotLookSecret) {
  for (const char* name : {"monkey", "tokenizer", "max_tokens", "num_tokens", "key_dim", "keys",
                           "pad_token", "eos_token", "pad_token_id", "token_type", "lr", "path",
                           "keyword", "secretary", "PATH", "PWD", "OLDPWD", "SM_HPS", "key"}) {
    EXPECT_FALSE(LooksSecret(name)) << name;
  }
}

TEST(Secrets, ALearnedValueIsMaskedWhereverItOccurs) {
  Secrets secrets;
  secrets.Learn("api_key", "hunter2\"x");
  secrets.Learn("lr", "0.00001");
  secrets.Learn("pin_token", "123");  // too short to look for
  EXPECT_EQ(secrets.Mask("a hunter2\"x b {\"api_key\":\"hunter2\\\"x\"} 0.00001 123"),
            "a ****** b {\"api_key\":\"******\"} 0.00001 123");
}

TEST(Secrets, ThePasswordOfAnUrlIsMaskedWhateverItsName) {
  Secrets secrets;
  secrets.Learn("db_url", "postgres://me:pw1234@host:5432/db?x=a:b@c");
  secrets.Learn("other", "https://host/a:b@c");
  EXPECT_EQ(secrets.Mask("postgres://me:pw1234@host:5432/ https://host/a:b@c"),
            "postgres://me:******@host:5432/ https://host/a:b@c");
}

TEST(Secrets, TheLongerOfTwoNestedSecretsGoesWhole) {
  Secrets secrets;
  secrets.Learn("a_password", "secret");
  secrets.Learn("b_password", "secret-longer");
  EXPECT_EQ(secrets.Mask("secret-longer secret"), "****** ******");
}

TEST(Secrets, TheCommandMasksWhatFollowsASecretOption) {
  EXPECT_EQ(Secrets().MaskCommand({"python3", "train.py", "--api_key", "x y", "--password=x",
                                   "--max_tokens", "5", "a b"}),
            "python3 train.py --api_key ****** --password=****** --max_tokens 5 'a b'");
}

}  // namespace
}  // namespace berth
