// `berth local serve`: an endpoint on this machine.
#include "cli/local.h"
#include "core/log.h"
#include "platform/endpoint.h"

namespace berth::cli {
namespace {

constexpr char kFooter[] =
    R"(The server sees a private /opt/ml with the model, read-only, in /opt/ml/model, and its handler in
code/ of the model, or in --source. It is this program, run as `serve`: `berth serve --help` has
its variables, which --env sets. When it is ready, stdout gets "serving at http://127.0.0.1:PORT";
the log goes to stderr. The port is open to the network, as in a container. See docs/local.md.

Exit codes: those of `berth serve`, 0 after Ctrl-C or SIGTERM when every request was answered;
2 refused, nothing was run; 128+N killed by signal N.

Examples:
  berth local serve --model berth-jobs/digits/model.tar.gz
  berth local serve --model model --source src --entry-point predict.py --port 9000
  berth local serve --model model --env SAGEMAKER_MODEL_SERVER_WORKERS=1)";

}  // namespace

void AddLocalServe(CLI::App& parent, const Context& context, Action& action) {
  CLI::App* command = parent.add_subcommand("serve", "Serve a model on this machine");
  command->footer(kFooter);
  auto options = std::make_shared<platform::EndpointOptions>();
  command->add_option("--model", options->model, "A folder, or a .tar.gz of it")
      ->required()
      ->type_name("DIR");
  command
      ->add_option("--source", options->source,
                   "The handler's folder (default: code/ of the model)")
      ->type_name("DIR");
  command
      ->add_option("--entry-point", options->entry_point,
                   "The handler's file (default: inference.py)")
      ->type_name("FILE");
  command->add_option("--port", options->port, "0 lets the system choose (default: 8080)")
      ->check(CLI::Range(0, 65'535))
      ->type_name("PORT");
  AddRepeated(*command, "--env", options->environment, "KEY=VALUE",
              "A variable of the server; may be repeated");
  command->callback([&context, &action, options] {
    action = [&context, options] {
      auto directory = WorkingDirectory();
      if (!directory) {
        log::Error("local", "{}", directory.error().message());
        return platform::kEndpointRefused;
      }
      options->working_directory = *std::move(directory);
      options->variables = context.variables;
      return platform::ServeEndpoint(*options);
    };
  });
}

}  // namespace berth::cli
