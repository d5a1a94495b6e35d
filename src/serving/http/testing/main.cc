// berth_http_tool: the HTTP server with a service that needs no worker, for tests/e2e/serve and for
// measuring. Part of no release.
//
//   berth_http_tool [--port N] [--body-limit N] [--connections N] [--head-ms N] [--idle-ms N]
//
// Prints "listening on PORT", then serves until SIGTERM, which drains:
//   /fixed   200 with 20 bytes, on the head alone
//   /echo    the body, with its Content-Type
//   /length  how many bytes the body has, as text
//   /slow    answers when the client sends a request to /release on another connection
//   /file    the body, through a file
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "serving/http/server.h"

namespace berth::serving::http {
namespace {

Response Text(std::string body) {
  Response response;
  response.headers.emplace_back("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

class ToolService;

class ToolExchange final : public Exchange {
 public:
  ToolExchange(ToolService& service, const RequestHead& head)
      : service_(service), path_(head.path), content_type_(head.Find("content-type")) {}
  ToolExchange(const ToolExchange&) = delete;
  ToolExchange& operator=(const ToolExchange&) = delete;
  ~ToolExchange() override;

  std::span<char> Place(uint64_t length) override {
    placed_ =
        std::make_shared<std::unique_ptr<char[]>>(std::make_unique_for_overwrite<char[]>(length));
    return {placed_->get(), length};
  }

  void Run(std::span<const char> body, Done done) override;
  bool waiting() const override { return true; }
  void Release() { done_(Text("released\n")); }

 private:
  ToolService& service_;
  std::string path_;
  std::string content_type_;
  std::shared_ptr<std::unique_ptr<char[]>> placed_;
  Done done_;
};

class ToolService final : public Service {
 public:
  std::variant<Response, std::unique_ptr<Exchange>> Begin(const RequestHead& head) override {
    if (head.path == "/fixed") return Text("twenty bytes of it.\n");
    if (head.path == "/echo" || head.path == "/length" || head.path == "/slow" ||
        head.path == "/file") {
      return std::make_unique<ToolExchange>(*this, head);
    }
    if (head.path == "/release") {
      for (ToolExchange* exchange : std::exchange(waiting, {})) exchange->Release();
      return Text("released\n");
    }
    if (head.path == "/waiting") return Text(std::to_string(waiting.size()) + "\n");
    return ErrorResponse(404, "Not Found", "there is no such path");
  }

  void Label(const RequestHead&, Response&) override {}
  void Ended(std::string_view, std::string_view, unsigned, std::string_view, std::string_view,
             uint64_t, uint64_t, std::chrono::nanoseconds) override {}

  std::vector<ToolExchange*> waiting;
};

ToolExchange::~ToolExchange() {
  std::erase(service_.waiting, this);
}

void ToolExchange::Run(std::span<const char> body, Done done) {
  Response response = Text({});
  if (!content_type_.empty()) response.headers = {{"Content-Type", content_type_}};
  if (path_ == "/slow") {
    done_ = std::move(done);
    service_.waiting.push_back(this);
    return;
  }
  if (path_ == "/length") {
    response = Text(std::to_string(body.size()) + "\n");
  } else if (path_ == "/file") {
    Descriptor file(::memfd_create("berth-http-tool", MFD_CLOEXEC));
    if (!file || !WriteAll(file.get(), body.data(), body.size())) std::abort();
    response.body = FileBytes{.file = std::move(file), .size = body.size()};
  } else if (placed_) {
    response.body = PinnedBytes{.bytes = body, .owner = placed_};
  } else {
    response.body = std::string(body.begin(), body.end());
  }
  done(std::move(response));
}

int Main(const std::vector<std::string_view>& arguments) {
  Limits limits;
  uint16_t port = 0;
  for (size_t i = 0; i + 1 < arguments.size(); i += 2) {
    uint64_t value = 0;
    const std::string_view text = arguments[i + 1];
    std::from_chars(text.data(), text.data() + text.size(), value);
    if (arguments[i] == "--port") port = static_cast<uint16_t>(value);
    if (arguments[i] == "--body-limit") limits.body = value;
    if (arguments[i] == "--connections") limits.connections = value;
    if (arguments[i] == "--head-ms") limits.head_time = std::chrono::milliseconds(value);
    if (arguments[i] == "--idle-ms") limits.idle = std::chrono::milliseconds(value);
  }
  boost::asio::io_context loop(1);
  ToolService service;
  auto server = Server::Listen(loop, port, limits, service);
  if (!server) {
    fmt::print(stderr, "{}\n", server.error().message());
    return 1;
  }
  fmt::print("listening on {}\n", (*server)->port());
  std::fflush(stdout);
  boost::asio::signal_set signals(loop, SIGTERM);
  signals.async_wait([&](boost::system::error_code error, int) {
    if (!error) (*server)->Drain();
  });
  // The loop ends when nothing is left to wait for: after a drain, with the last connection.
  loop.run();
  return 0;
}

}  // namespace
}  // namespace berth::serving::http

int main(int argc, char** argv) {
  return berth::serving::http::Main({argv + 1, argv + argc});
}
