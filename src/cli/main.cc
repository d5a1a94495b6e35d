#include <cstdio>
#include <string>
#include <vector>

#include "cli/command.h"
#include "process/signals.h"
#include "process/standard_streams.h"

int main(int argc, char** argv) {
  const berth::process::StandardStreams standard_streams;
  berth::process::SurviveBrokenPipes();
  const int code = berth::cli::Main(std::vector<std::string>(argv, argv + argc),
                                    berth::process::CurrentVariables());
  if (std::fflush(stdout) == 0) return code;
  std::perror("berth: cannot write to standard output");
  return code != 0 ? code : berth::cli::kFailure;
}
