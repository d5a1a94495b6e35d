#include <string>
#include <vector>

#include "cli/command.h"
#include "process/signals.h"
#include "process/standard_streams.h"

int main(int argc, char** argv) {
  const berth::process::StandardStreams standard_streams;
  berth::process::SurviveBrokenPipes();
  return berth::cli::Main(std::vector<std::string>(argv, argv + argc),
                          berth::process::CurrentVariables());
}
