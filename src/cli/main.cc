#include <string>
#include <vector>

#include "cli/command.h"

int main(int argc, char** argv) {
  return berth::cli::Main(std::vector<std::string>(argv, argv + argc),
                          berth::process::CurrentVariables());
}
