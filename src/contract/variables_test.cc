#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/test_inputs.h"
#include "contract/training_environment.h"

namespace berth::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsSupersetOf;
using ::testing::Pair;

Variables VariablesOf(const Inputs& inputs) {
  return ToVariables(Environment(inputs));
}

TEST(VariablesTest, TheSmallestJobHasEveryVariable) {
  EXPECT_THAT(
      VariablesOf(TestInputs()),
      ElementsAre(
          Pair("CURRENT_HOST", "algo-1"), Pair("SAGEMAKER_JOB_NAME", ""),
          Pair("SAGEMAKER_REGION", ""), Pair("SM_CHANNELS", "[]"),
          Pair("SM_CURRENT_HOST", "algo-1"), Pair("SM_CURRENT_HOST_RANK", "0"),
          Pair("SM_CURRENT_INSTANCE_GROUP", "homogeneousCluster"),
          Pair("SM_CURRENT_INSTANCE_GROUP_HOSTS", "[]"), Pair("SM_CURRENT_INSTANCE_TYPE", "local"),
          Pair("SM_DISTRIBUTED_CONFIG", "{}"), Pair("SM_DISTRIBUTION_INSTANCE_GROUPS", "[]"),
          Pair("SM_ENTRY_SCRIPT", ""), Pair("SM_FRAMEWORK_MODULE", ""),
          Pair("SM_FRAMEWORK_PARAMS", "{}"), Pair("SM_HOSTS", R"(["algo-1"])"),
          Pair("SM_HOST_COUNT", "1"), Pair("SM_HPS", "{}"),
          Pair("SM_INPUT_CONFIG_DIR", "/opt/ml/input/config"), Pair("SM_INPUT_DATA_CONFIG", "{}"),
          Pair("SM_INPUT_DATA_DIR", "/opt/ml/input/data"), Pair("SM_INPUT_DIR", "/opt/ml/input"),
          Pair("SM_INSTANCE_GROUPS", "[]"), Pair("SM_INSTANCE_GROUPS_DICT", "{}"),
          Pair("SM_IS_HETERO", "false"), Pair("SM_LOG_LEVEL", "20"),
          Pair("SM_MASTER_ADDR", "algo-1"), Pair("SM_MASTER_PORT", "7777"),
          Pair("SM_MODEL_DIR", "/opt/ml/model"), Pair("SM_MODULE_DIR", "/opt/ml/code"),
          Pair("SM_MODULE_NAME", "None"), Pair("SM_NETWORK_INTERFACE_NAME", "eth0"),
          Pair("SM_NUM_CPUS", "4"), Pair("SM_NUM_GPUS", "0"), Pair("SM_NUM_NEURONS", "0"),
          Pair("SM_OUTPUT_DATA_DIR", "/opt/ml/output/data"),
          Pair("SM_OUTPUT_DIR", "/opt/ml/output"),
          Pair("SM_OUTPUT_FAILURE", "/opt/ml/output/failure"),
          Pair("SM_OUTPUT_INTERMEDIATE_DIR", "/opt/ml/output/intermediate"),
          Pair("SM_RESOURCE_CONFIG", R"({"current_host":"algo-1","hosts":["algo-1"]})"),
          Pair("SM_SOURCE_DIR", "/opt/ml/code"),
          Pair("SM_TRAINING_ENV",
               R"({"additional_framework_parameters":{},"channel_input_dirs":{},)"
               R"("current_host":"algo-1","current_instance_group":"homogeneousCluster",)"
               R"("current_instance_group_hosts":[],"current_instance_type":"local",)"
               R"("distribution_hosts":["algo-1"],"distribution_instance_groups":[],)"
               R"("framework_module":null,"hosts":["algo-1"],"hyperparameters":{},)"
               R"("input_config_dir":"/opt/ml/input/config","input_data_config":{},)"
               R"("input_dir":"/opt/ml/input","instance_groups":[],"instance_groups_dict":{},)"
               R"("is_hetero":false,"is_master":true,"is_modelparallel_enabled":null,)"
               R"("is_smddpmprun_installed":false,"is_smddprun_installed":false,"job_name":null,)"
               R"("log_level":20,"master_hostname":"algo-1","model_dir":"/opt/ml/model",)"
               R"("module_dir":"/opt/ml/code","module_name":"None",)"
               R"("network_interface_name":"eth0","num_cpus":4,"num_gpus":0,"num_neurons":0,)"
               R"("output_data_dir":"/opt/ml/output/data","output_dir":"/opt/ml/output",)"
               R"("output_intermediate_dir":"/opt/ml/output/intermediate",)"
               R"("resource_config":{"current_host":"algo-1","hosts":["algo-1"]},"topology":[],)"
               R"("user_entry_point":null})"),
          Pair("SM_USER_ARGS", "[]"), Pair("SM_USER_ENTRY_POINT", "")));
}

TEST(VariablesTest, HyperparametersAndChannelsHaveTheirOwn) {
  Inputs inputs = WithHyperparameters(
      R"({"lr": "1e-7", "text": "a b", "none": "null", "list": "[1, {\"b\": \"é\"}]", "straße": "1",
          "batch-size": "[1, 2]", "a": "1", "A": "2"})");
  inputs.input_data_config.bytes = std::string(R"({"train": {}, "Eval-1": {"ContentType": "x"}})");
  EXPECT_THAT(
      VariablesOf(inputs),
      IsSupersetOf({Pair("SM_HP_LR", "1e-07"), Pair("SM_HP_TEXT", "a b"), Pair("SM_HP_NONE", ""),
                    Pair("SM_HP_LIST", R"([1,{"b":"\u00e9"}])"), Pair("SM_HP_STRASSE", "1"),
                    Pair("SM_HP_BATCH-SIZE", "[1,2]"), Pair("SM_HP_BATCH_SIZE", "[1, 2]"),
                    Pair("SM_HP_A", "2"), Pair("SM_CHANNELS", R"(["Eval-1","train"])"),
                    Pair("SM_CHANNEL_TRAIN", "/opt/ml/input/data/train"),
                    Pair("SM_CHANNEL_EVAL-1", "/opt/ml/input/data/Eval-1")}));
}

TEST(VariablesTest, TheClassicValueWinsOverTheAddedOne) {
  const Variables variables = VariablesOf(WithHyperparameters(R"({"a_b": "[1, 2]", "a-b": "3"})"));
  EXPECT_EQ(variables.at("SM_HP_A_B"), "[1,2]");
  EXPECT_EQ(variables.at("SM_HP_A-B"), "3");
}

TEST(VariablesTest, EscapedBytesBecomeBytesAgain) {
  Inputs inputs = WithHyperparameters(R"({"caf\udce9": "\udcff"})");
  inputs.variables = {{"SAGEMAKER_PROGRAM", "t\xE9.py"}};
  const Variables variables = VariablesOf(inputs);
  EXPECT_EQ(variables.at("SM_HP_CAF\xE9"), "\xFF");
  EXPECT_EQ(variables.at("SM_HPS"), R"({"caf\udce9":"\udcff"})");
  EXPECT_EQ(variables.at("SM_USER_ENTRY_POINT"), "t\xE9.py");
  EXPECT_THAT(variables.at("SM_TRAINING_ENV"),
              ::testing::HasSubstr(R"("user_entry_point":"t\udce9.py")"));
}

TEST(VariablesTest, ANameWithAnEqualsSignHasNoVariable) {
  const Variables variables = VariablesOf(WithHyperparameters(R"({"a=b": "1"})"));
  EXPECT_FALSE(variables.contains("SM_HP_A=B"));
  EXPECT_EQ(variables.at("SM_HPS"), R"({"a=b":1})");
  EXPECT_EQ(variables.at("SM_USER_ARGS"), R"(["--a=b","1"])");
}

TEST(VariablesTest, TopologyIsThereOnlyWhereThePlatformGivesOne) {
  EXPECT_FALSE(VariablesOf(TestInputs()).contains("SM_TOPOLOGY"));
  EXPECT_EQ(VariablesOf(WithResources(
                            R"({"hosts":["a"],"current_host":"a","topology":[{"hostName":"a"}]})"))
                .at("SM_TOPOLOGY"),
            R"([{"hostName":"a"}])");
}

TEST(VariablesTest, RankAndCountAreOfTheSortedHosts) {
  const Variables variables =
      VariablesOf(WithResources(R"({"hosts":["algo-2","algo-1"],"current_host":"algo-2"})"));
  EXPECT_EQ(variables.at("SM_HOSTS"), R"(["algo-2","algo-1"])");
  EXPECT_EQ(variables.at("SM_HOST_COUNT"), "2");
  EXPECT_EQ(variables.at("SM_CURRENT_HOST_RANK"), "1");
}

TEST(VariablesTest, ADistributionSaysHowManyProcessesAHostRuns) {
  Inputs inputs = WithHyperparameters(
      R"({"sagemaker_torch_distributed_enabled": "true",
          "sagemaker_mpi_num_of_processes_per_host": "4"})");
  EXPECT_EQ(VariablesOf(inputs).at("SM_DISTRIBUTED_CONFIG"), R"({"process_count_per_node": 4})");
}

TEST(VariablesTest, ModelParallelismIsWhatPythonMakesOfTheVariable) {
  Inputs inputs = TestInputs();
  inputs.variables = {{"SM_HP_MP_PARAMETERS", "{}"}};
  EXPECT_THAT(VariablesOf(inputs).at("SM_TRAINING_ENV"),
              ::testing::HasSubstr(R"("is_modelparallel_enabled":false)"));
  inputs.variables = {{"SM_HP_MP_PARAMETERS", R"({"partitions":2})"}};
  EXPECT_THAT(VariablesOf(inputs).at("SM_TRAINING_ENV"),
              ::testing::HasSubstr(R"("is_modelparallel_enabled":true)"));
}

}  // namespace
}  // namespace berth::contract
