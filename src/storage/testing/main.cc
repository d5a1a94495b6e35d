// berth_storage_tool: the storage room on the command line, for the tests and benchmarks under
// tests/e2e/storage and bench. Built with the tests, part of no release.
//
//   get URI FILE · put FILE URI · cat URI · ls PREFIX · rm URI · head URI
//   range URI OFFSET SIZE ETAG          the bytes, of that version only
//   down PREFIX DIRECTORY · up DIRECTORY PREFIX
//   batch FILE       one "get URI FILE", "put FILE URI" … a line, one client; a line of result each
//   batch FILE N     N of them at once; each result begins with the milliseconds it took
//
// SIGTERM cancels. Settings beyond the environment's are BERTH_TEST_<NAME>=<number>.
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/descriptor.h"
#include "core/text.h"
#include "storage/s3_client.h"
#include "storage/transfer.h"

extern char** environ;

namespace berth::storage {
namespace {

const Cancellation* on_signal = nullptr;

void OnSignal(int) {
  on_signal->Cancel();
}

void Set(const char* name, auto& setting) {
  if (const char* value = std::getenv(name)) {
    setting = std::remove_cvref_t<decltype(setting)>(std::atoll(value));
  }
}

Result<Settings> SettingsFromProcess() {
  std::map<std::string, std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string text = *each;
    const size_t equals = text.find('=');
    if (equals != text.npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  BERTH_ASSIGN(Settings settings, Settings::FromEnvironment(variables));
  Set("BERTH_TEST_CONNECTIONS", settings.connections);
  Set("BERTH_TEST_MEMORY", settings.memory);
  Set("BERTH_TEST_PART_SIZE", settings.part_size);
  Set("BERTH_TEST_PART_SIZE", settings.piece_size);
  Set("BERTH_TEST_PART_SIZE", settings.stream_piece_size);
  Set("BERTH_TEST_STALL_S", settings.stall_limit);
  Set("BERTH_TEST_CONNECT_MS", settings.connect_timeout);
  Set("BERTH_TEST_ATTEMPTS", settings.attempts);
  if (std::getenv("BERTH_TEST_ATTEMPTS") != nullptr) settings.retry_least = {};
  Set("BERTH_TEST_BACKOFF_MS", settings.backoff);
  Set("BERTH_TEST_BACKOFF_LIMIT_MS", settings.backoff_limit);
  Set("BERTH_TEST_RETRY_LIMIT_MS", settings.retry_limit);
  Set("BERTH_TEST_CREDENTIALS_MS", settings.credentials_timeout);
  return settings;
}

Result<void> Cat(S3Client& client, const S3Uri& uri, const Control& control) {
  BERTH_ASSIGN(const auto reader, client.Read(uri, control));
  std::vector<char> buffer(100'000);
  for (;;) {
    BERTH_ASSIGN(const size_t n, reader->Read(buffer.data(), buffer.size()));
    if (n == 0) return {};
    BERTH_TRY(WriteAll(STDOUT_FILENO, buffer.data(), n));
  }
}

Result<std::string> Run(S3Client& client, const std::vector<std::string>& words,
                        const Cancellation& cancel) {
  const Control control{.cancel = &cancel, .moved = {}};
  const TransferOptions options{.cancel = &cancel, .progress = {}};
  if (words.size() < 2) return Fail("too few words");
  const std::string& verb = words[0];
  const std::string& last = words.back();
  const bool from_s3 = verb != "put" && verb != "up";
  BERTH_ASSIGN(const S3Uri uri, ParseS3Uri(from_s3 ? words[1] : last));
  if (verb == "get") {
    BERTH_ASSIGN(const ObjectInfo info, client.Get(uri, last, control));
    return fmt::format("{} {}", info.size, info.etag);
  }
  if (verb == "put") {
    BERTH_TRY(client.Put(words[1], uri, control));
    return "";
  }
  if (verb == "head") {
    BERTH_ASSIGN(const ObjectInfo info, client.Head(uri, control));
    return fmt::format("{} {}", info.size, info.etag);
  }
  if (verb == "rm") {
    BERTH_TRY(client.Delete(uri, control));
    return "";
  }
  if (verb == "cat") {
    BERTH_TRY(Cat(client, uri, control));
    return "";
  }
  if (verb == "range") {
    if (words.size() != 5) return Fail("range URI OFFSET SIZE ETAG");
    BERTH_ASSIGN(ObjectInfo info, client.Head(uri, control));
    info.key = uri.key;
    info.etag = last;
    std::string bytes(std::stoull(words[3]), '\0');
    BERTH_TRY(client.GetRange(uri.bucket, info, std::stoull(words[2]), bytes, control));
    BERTH_TRY(WriteAll(STDOUT_FILENO, bytes.data(), bytes.size()));
    return "";
  }
  if (verb == "ls") {
    std::string lines;
    BERTH_TRY(client.List(
        uri,
        [&](const ObjectInfo& info) -> Result<void> {
          lines += fmt::format("{}{}\t{}", lines.empty() ? "" : "\n", info.size, info.key);
          return {};
        },
        control));
    return lines;
  }
  if (verb == "down" || verb == "up") {
    BERTH_ASSIGN(const TransferReport report,
                 verb == "down" ? DownloadPrefix(client, uri, last, options)
                                : UploadDirectory(client, words[1], uri, options));
    return fmt::format("{} {}", report.files, report.bytes);
  }
  return Fail(fmt::format("no such verb: {}", verb));
}

int Batch(S3Client& client, const char* path, const Cancellation& cancel) {
  std::ifstream lines(path);
  for (std::string line; std::getline(lines, line);) {
    const auto done = Run(client, Split(line, ' '), cancel);
    std::cout << (done ? "ok " + *done : "failed " + done.error().message()) << '\n' << std::flush;
  }
  return 0;
}

int BatchAtOnce(S3Client& client, const char* path, int threads, const Cancellation& cancel) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  std::vector<std::string> results(lines.size());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t mine = next++; mine < lines.size(); mine = next++) {
      const auto began = std::chrono::steady_clock::now();
      const auto done = Run(client, Split(lines[mine], ' '), cancel);
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
          std::chrono::steady_clock::now() - began);
      results[mine] = fmt::format("{} {}", took.count(),
                                  done ? "ok " + *done : "failed " + done.error().message());
    }
  };
  std::vector<std::thread> workers;
  workers.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  for (const std::string& result : results) std::cout << result << '\n';
  return 0;
}

int Main(int argc, char** argv) {
  auto cancel = Cancellation::Make();
  if (!cancel) return 2;
  on_signal = &*cancel;
  struct sigaction action{};
  action.sa_handler = OnSignal;
  ::sigaction(SIGTERM, &action, nullptr);

  const auto settings = SettingsFromProcess();
  if (!settings) {
    std::cerr << settings.error().message() << "\n";
    return 1;
  }
  const auto client = S3Client::Open(*settings, &*cancel);
  if (!client) {
    std::cerr << client.error().message() << "\n";
    return 1;
  }
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 2 && words[0] == "batch") return Batch(**client, argv[2], *cancel);
  if (words.size() == 3 && words[0] == "batch") {
    return BatchAtOnce(**client, argv[2], std::atoi(argv[3]), *cancel);
  }
  const auto done = Run(**client, words, *cancel);
  if (!done) {
    std::cerr << done.error().message() << "\n";
    return 1;
  }
  if (!done->empty()) std::cout << *done << "\n";
  return 0;
}

}  // namespace
}  // namespace berth::storage

int main(int argc, char** argv) {
  return berth::storage::Main(argc, argv);
}
