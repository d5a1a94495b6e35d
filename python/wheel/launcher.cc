// `train` and `serve` of an installed wheel: becomes the `berth` in its own folder, under its own
// name, by which `berth` knows what to do. Static, as that is.
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

int main(int, char** argv) {
  std::string own(PATH_MAX, '\0');
  const ssize_t length = readlink("/proc/self/exe", own.data(), own.size());
  own.resize(length > 0 ? static_cast<size_t>(length) : 0);
  const size_t name = own.rfind('/') + 1;
  const std::string berth = own.substr(0, name) + "berth";
  // The Python that this was installed for, as pip's own scripts have it.
  const std::string folder = own.substr(0, name);
  if (access((folder + "python3").c_str(), X_OK) == 0) {
    const char* const path = getenv("PATH");
    setenv("PATH",
           (folder.substr(0, name - 1) + (path != nullptr ? std::string(":") + path : "")).c_str(),
           1);
  }
  argv[0] = own.data() + name;
  execv(berth.c_str(), argv);
  std::fprintf(stderr, "%s: cannot start \"%s\": %s; install the package berth again\n", argv[0],
               berth.c_str(), std::strerror(errno));
  return 1;
}
