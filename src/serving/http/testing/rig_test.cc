#include "serving/http/testing/rig.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <charconv>
#include <future>

namespace berth::serving::http {
namespace {

Response Text(std::string body) {
  Response response;
  response.headers.emplace_back("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

}  // namespace

/// All but the counts belongs to the loop's thread.
class Rig::TestService final : public Service {
 public:
  class TestExchange;

  explicit TestService(size_t big) : big_(big) {}

  std::variant<Response, std::unique_ptr<Exchange>> Begin(const RequestHead& head) override;
  void Label(const RequestHead&, Response& response) override { response.request_id = "labelled"; }
  void Ended(std::string_view, std::string_view target, unsigned status,
             std::string_view request_id, std::string_view why, uint64_t bytes_in,
             uint64_t bytes_out, std::chrono::nanoseconds) override {
    const std::scoped_lock lock(mutex);
    ended.push_back({std::string(target), status, bytes_in, bytes_out, std::string(request_id),
                     std::string(why)});
    changed.notify_all();
  }

  std::vector<TestExchange*> held;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<EndedRequest> ended;
  size_t held_count = 0;
  size_t alive = 0;

 private:
  size_t big_;
};

class Rig::TestService::TestExchange final : public Exchange {
 public:
  TestExchange(TestService& service, std::string_view path, size_t big)
      : service_(service), path_(path), big_(big) {
    Count(1);
  }
  TestExchange(const TestExchange&) = delete;
  TestExchange& operator=(const TestExchange&) = delete;
  ~TestExchange() override {
    const size_t erased = std::erase(service_.held, this);
    const std::scoped_lock lock(service_.mutex);
    service_.held_count -= erased;
    --service_.alive;
    service_.changed.notify_all();
  }

  bool waiting() const override { return false; }

  std::span<char> Place(uint64_t length) override {
    EXPECT_GT(length, kInlineBody);
    if (path_ == "/own") return {};
    placed_ = std::make_unique_for_overwrite<char[]>(length);
    return {placed_.get(), length};
  }

  void Run(std::span<const char> body, Done done) override {
    std::string text(body.begin(), body.end());
    EXPECT_TRUE(!placed_ || body.data() == placed_.get());
    if (path_ == "/hold") {
      text_ = std::move(text);
      done_ = std::move(done);
      service_.held.push_back(this);
      const std::scoped_lock lock(service_.mutex);
      ++service_.held_count;
      service_.changed.notify_all();
      return;
    }
    Response response = Text({});
    if (path_ == "/big") text = std::string(big_, 'x');
    if (path_ == "/nonsense") response.status = 42;
    if (path_ == "/pinned") {
      Count(1);
      const std::shared_ptr<std::string> owner(new std::string(text),
                                               [&service = service_](std::string* bytes) {
                                                 delete bytes;
                                                 const std::scoped_lock lock(service.mutex);
                                                 --service.alive;
                                                 service.changed.notify_all();
                                               });
      response.body = PinnedBytes{.bytes = *owner, .owner = owner};
    } else if (path_ == "/file") {
      Descriptor file(::memfd_create("rig", MFD_CLOEXEC));
      EXPECT_TRUE(WriteAll(file.get(), text.data(), text.size()));
      response.body = FileBytes{.file = std::move(file), .size = text.size()};
    } else {
      response.body = std::move(text);
    }
    done(std::move(response));
  }

  void Release() { done_(Text(text_)); }

 private:
  void Count(size_t more) {
    const std::scoped_lock lock(service_.mutex);
    service_.alive += more;
  }

  TestService& service_;
  std::string path_;
  size_t big_;
  std::unique_ptr<char[]> placed_;
  std::string text_;
  Done done_;
};

std::variant<Response, std::unique_ptr<Exchange>> Rig::TestService::Begin(const RequestHead& head) {
  if (head.path == "/fixed") return Text("fixed");
  if (head.path == "/peer") return Text(std::string(head.peer));
  if (head.path == "/refused") return ErrorResponse(503, "Service Unavailable", "full");
  for (const std::string_view path :
       {"/echo", "/hold", "/own", "/pinned", "/file", "/big", "/nonsense"}) {
    if (head.path == path) return std::make_unique<TestExchange>(*this, path, big_);
  }
  return ErrorResponse(404, "Not Found", "nothing is there");
}

struct Rig::Loop {
  explicit Loop(size_t big) : service(big) {}

  TestService service;
  boost::asio::io_context context{1};
  std::unique_ptr<Server> server;
};

Rig::Rig(Limits limits, size_t big) : loop_(std::make_unique<Loop>(big)) {
  auto server = Server::Listen(loop_->context, 0, limits, loop_->service);
  if (!server) throw std::runtime_error(server.error().message());
  loop_->server = std::move(*server);
  port_ = loop_->server->port();
  thread_ = std::thread([this] {
    const auto work = boost::asio::make_work_guard(loop_->context);
    loop_->context.run();
  });
}

Rig::~Rig() {
  InLoop([this] { loop_->server.reset(); });
  loop_->context.stop();
  thread_.join();
  EXPECT_EQ(loop_->service.alive, 0u);
}

void Rig::InLoop(std::function<void()> what) {
  std::promise<void> done;
  boost::asio::post(loop_->context, [&] {
    what();
    done.set_value();
  });
  done.get_future().wait();
}

template <typename Condition>
void Rig::Await(const char* what, const Condition& condition) {
  std::unique_lock lock(loop_->service.mutex);
  EXPECT_TRUE(loop_->service.changed.wait_for(lock, kTestPatience, condition)) << what;
}

void Rig::Drain() {
  InLoop([this] { loop_->server->Drain(); });
}

void Rig::Release() {
  InLoop([this] {
    auto& service = loop_->service;
    {
      const std::scoped_lock lock(service.mutex);
      service.held_count = 0;
    }
    for (auto* exchange : std::exchange(service.held, {})) exchange->Release();
  });
}

void Rig::AwaitHeld(size_t count) {
  Await("held", [&] { return loop_->service.held_count == count; });
}

void Rig::AwaitNothingAlive() {
  Await("nothing alive", [&] { return loop_->service.alive == 0; });
}

std::vector<EndedRequest> Rig::AwaitEnded(size_t count) {
  Await("ended", [&] { return loop_->service.ended.size() >= count; });
  const std::scoped_lock lock(loop_->service.mutex);
  return loop_->service.ended;
}

void Rig::AwaitConnections(size_t count) {
  // No event tells it: the loop is asked between whatever else it does.
  const auto end = std::chrono::steady_clock::now() + kTestPatience;
  size_t connections = 0;
  do {
    InLoop([&] { connections = loop_->server->connections(); });
  } while (connections != count && std::chrono::steady_clock::now() < end);
  EXPECT_EQ(connections, count);
}

Client::Client() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval patience{.tv_sec = kTestPatience.count(), .tv_usec = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

Client::Client(uint16_t port) : Client() {
  Connect(port);
}

void Client::Connect(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}

bool Client::TrySend(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void Client::Send(std::string_view bytes) {
  EXPECT_TRUE(TrySend(bytes));
}

Answer Client::Read(bool head_only) {
  Answer answer;
  size_t needed = 0;
  while (true) {
    if (needed == 0) {
      const size_t end = buffer_.find("\r\n\r\n");
      if (end != std::string::npos) {
        answer.head = buffer_.substr(0, end + 4);
        buffer_.erase(0, end + 4);
        std::from_chars(answer.head.data() + 9, answer.head.data() + 12, answer.status);
        const size_t length = answer.head.find("Content-Length: ");
        if (head_only || length == std::string::npos) return answer;
        std::from_chars(answer.head.data() + length + 16, answer.head.data() + answer.head.size(),
                        needed);
        if (needed == 0) return answer;
      }
    }
    if (needed > 0 && buffer_.size() >= needed) {
      answer.body = buffer_.substr(0, needed);
      buffer_.erase(0, needed);
      return answer;
    }
    char bytes[65536];
    const ssize_t received = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (received <= 0) {
      ADD_FAILURE() << "no answer: " << (received == 0 ? "closed" : std::strerror(errno));
      return {};
    }
    buffer_.append(bytes, static_cast<size_t>(received));
  }
}

std::optional<std::string> Client::ReadToEnd() {
  char bytes[65536];
  while (true) {
    const ssize_t received = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (received == 0) return std::exchange(buffer_, {});
    if (received < 0) {
      EXPECT_EQ(errno, ECONNRESET);
      return std::nullopt;
    }
    buffer_.append(bytes, static_cast<size_t>(received));
  }
}

void Client::SendNoMore() {
  ::shutdown(socket_.get(), SHUT_WR);
}

void Client::Reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  Close();
}

}  // namespace berth::serving::http
