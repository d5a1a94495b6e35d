// A C++ training job: fits y = a x + b to the CSV files of the channel "training" by gradient
// descent. Needs nothing of SageMaker but its variables and folders.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Point {
  double x;
  double y;
};

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr) {
    std::fprintf(stderr, "%s is not set: this program runs inside a training job\n", name);
    std::exit(2);
  }
  return value;
}

/// The value behind `name` in the arguments: hyperparameters arrive as "--name value".
double Hyperparameter(int argc, char** argv, std::string_view name, double otherwise) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (argv[i] == name) return std::atof(argv[i + 1]);
  }
  return otherwise;
}

std::vector<Point> ReadPoints(const std::filesystem::path& channel) {
  std::vector<Point> points;
  for (const auto& file : std::filesystem::directory_iterator(channel)) {
    std::ifstream lines(file.path());
    for (std::string line; std::getline(lines, line);) {
      Point point{};
      char comma = 0;
      if (std::istringstream(line) >> point.x >> comma >> point.y) points.push_back(point);
    }
  }
  return points;
}

}  // namespace

int main(int argc, char** argv) {
  const double rate = Hyperparameter(argc, argv, "--learning-rate", 0.05);
  const int epochs = static_cast<int>(Hyperparameter(argc, argv, "--epochs", 200));
  const std::string channel = Variable("SM_CHANNEL_TRAINING");
  const std::vector<Point> points = ReadPoints(channel);
  if (points.empty()) {
    std::fprintf(stderr, "no \"x,y\" lines in the files of %s\n", channel.c_str());
    return 1;
  }

  double a = 0, b = 0;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    double loss = 0, slope_a = 0, slope_b = 0;
    for (const Point& point : points) {
      const double error = a * point.x + b - point.y;
      loss += error * error;
      slope_a += 2 * error * point.x;
      slope_b += 2 * error;
    }
    const auto count = static_cast<double>(points.size());
    a -= rate * slope_a / count;
    b -= rate * slope_b / count;
    std::printf("epoch=%d loss=%.6f\n", epoch, loss / count);
    std::fflush(stdout);
  }

  std::ofstream model(std::filesystem::path(Variable("SM_MODEL_DIR")) / "model.txt");
  model << a << ' ' << b << '\n';
  return model.flush() ? 0 : 1;
}
