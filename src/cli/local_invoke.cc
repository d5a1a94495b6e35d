// `berth local invoke`: a request to an endpoint on this machine.
#include "cli/local.h"
#include "platform/invoke.h"

namespace berth::cli {
namespace {

constexpr char kFooter[] =
    R"(Sends FILE, or with "-" what stdin holds, to /invocations of `berth local serve`, and prints the
answer's body as it is.

Without --content-type the suffix tells: .json application/json, .jsonl application/jsonlines,
.csv text/csv, .txt text/plain, .npy application/x-npy, .npz application/x-npz, any other
application/octet-stream; stdin is application/json.

Exit codes: 0 answered; 1 no answer, or an error (status 400 and above), told on stderr; 2 nothing
was sent.

Examples:
  berth local invoke request.json
  berth local invoke --accept text/csv --port 9000 images.npy > answer.csv
  echo '[[1, 2, 3]]' | berth local invoke -)";

}  // namespace

void AddLocalInvoke(CLI::App& parent, const Context&, Action& action) {
  CLI::App* command = parent.add_subcommand("invoke", "Ask a model that is served here");
  command->footer(kFooter);
  auto options = std::make_shared<platform::InvokeOptions>();
  auto seconds = std::make_shared<int>(static_cast<int>(options->silence.count()));
  command->add_option("FILE", options->file, "What is sent; - for stdin")
      ->required()
      ->type_name("FILE");
  command->add_option("--port", options->port, "Of the endpoint (default: 8080)")
      ->check(CLI::Range(1, 65'535))
      ->type_name("PORT");
  command->add_option("--content-type", options->content_type, "Of what is sent")
      ->type_name("TYPE");
  command->add_option("--accept", options->accept, "The content type of the answer")
      ->type_name("TYPE");
  command->add_option("--timeout", *seconds, "The longest silence of the server (default: 90)")
      ->check(CLI::Range(1, 86'400))
      ->type_name("SECONDS");
  command->callback([&action, options, seconds] {
    action = [options, seconds] {
      options->silence = std::chrono::seconds(*seconds);
      return platform::Invoke(*options);
    };
  });
}

}  // namespace berth::cli
