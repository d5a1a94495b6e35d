#include <string>
#include <vector>

#include "cli/command.h"
#include "process/signals.h"

int main(int argc, char** argv) {
  berth::process::SurviveBrokenPipes();
  return berth::cli::Main(std::vector<std::string>(argv, argv + argc),
                          berth::process::CurrentVariables());
}
