#include "contract/layout.h"

#include "contract/python_text.h"

namespace berth::contract {

Layout Layout::Under(std::string_view base) {
  Layout layout;
  layout.base = base;
  layout.code = PythonJoin(base, "code");
  layout.model = PythonJoin(base, "model");
  layout.input = PythonJoin(base, "input");
  layout.input_config = PythonJoin(layout.input, "config");
  layout.input_data = PythonJoin(layout.input, "data");
  layout.checkpoints = PythonJoin(base, "checkpoints");
  layout.output = PythonJoin(base, "output");
  layout.output_data = PythonJoin(layout.output, "data");
  layout.output_intermediate = PythonJoin(layout.output, "intermediate");
  layout.failure = PythonJoin(layout.output, "failure");
  layout.success = PythonJoin(layout.output, "success");
  layout.hyperparameters_file = PythonJoin(layout.input_config, "hyperparameters.json");
  layout.input_data_config_file = PythonJoin(layout.input_config, "inputdataconfig.json");
  layout.resource_config_file = PythonJoin(layout.input_config, "resourceconfig.json");
  return layout;
}

}  // namespace berth::contract
