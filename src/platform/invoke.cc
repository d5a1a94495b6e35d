#include "platform/invoke.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <optional>
#include <vector>

#include "core/descriptor.h"
#include "core/log.h"
#include "core/text.h"
#include "platform/answer_reader.h"

namespace berth::platform {
namespace {

constexpr size_t kPiece = size_t{256} << 10;

/// What is sent, and how much of it there is: nothing where only its end will tell.
struct Body {
  Descriptor opened{};
  int fd = 0;
  std::optional<uint64_t> size{};
  std::string name{};
};

Result<Body> Open(const std::string& file) {
  Body body{.name = file == "-" ? "standard input" : Quoted(file)};
  if (file != "-") {
    body.opened = Descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!body.opened) return FailErrno("cannot open " + body.name);
    body.fd = body.opened.get();
  }
  struct stat about{};
  if (::fstat(body.fd, &about) != 0) return FailErrno("cannot read " + body.name);
  if (S_ISDIR(about.st_mode)) return Fail(body.name + " is a folder: name a file");
  if (!S_ISREG(about.st_mode)) return body;
  // A redirected file may have been read in part.
  const off_t place = ::lseek(body.fd, 0, SEEK_CUR);
  body.size = static_cast<uint64_t>(std::max<off_t>(about.st_size - std::max<off_t>(place, 0), 0));
  return body;
}

/// In a header, anything else would become another header.
Result<void> CheckHeader(std::string_view option, const std::string& value) {
  const bool fits = std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; });
  if (fits) return {};
  return Fail(
      fmt::format("{} {}: must be printable ASCII, such as \"text/csv\"", option, Quoted(value)));
}

Result<Descriptor> Connect(uint16_t port) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return FailErrno("cannot make a socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // To this machine: settled at once, whatever the server does.
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != ECONNREFUSED) return FailErrno(fmt::format("cannot connect to port {}", port));
    return Fail(
        fmt::format("nothing listens on port {0}: start `berth local serve --port {0}`", port),
        ECONNREFUSED);
  }
  BERTH_TRY(SetNonBlocking(socket.get(), true));
  return socket;
}

std::string Head(const InvokeOptions& options, const Body& body) {
  std::string head = fmt::format(
      "POST /invocations HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n"
      "User-Agent: berth\r\nContent-Type: {}\r\n",
      options.port,
      options.content_type.empty() ? ContentTypeOf(options.file)
                                   : std::string_view(options.content_type));
  if (!options.accept.empty()) head += "Accept: " + options.accept + "\r\n";
  if (body.size) return head + fmt::format("Content-Length: {}\r\n\r\n", *body.size);
  return head + "Transfer-Encoding: chunked\r\n\r\n";
}

/// One request and its answer, both ways at once: a server may answer before it has read all.
class Exchange {
 public:
  Exchange(const InvokeOptions& options, const Body& body, int socket)
      : options_(options),
        body_(body),
        socket_(socket),
        answer_([&](std::string_view bytes) {
          auto written = WriteAll(options.out_fd, bytes.data(), bytes.size());
          if (!written) return Result<void>(Fail(written.error().Within("cannot pass it on")));
          return written;
        }),
        out_(Head(options, body)),
        left_(body.size.value_or(0)) {}

  Result<void> Run() {
    while (!answer_.done()) {
      const bool reads_input = sending_ && out_.empty();
      std::array<pollfd, 2> waits{{{socket_, POLLIN, 0}, {reads_input ? body_.fd : -1, POLLIN, 0}}};
      if (sending_ && !out_.empty()) waits[0].events |= POLLOUT;
      // Whoever types the body may take his time; the server may not.
      const auto patience = std::chrono::milliseconds(options_.silence).count();
      const int ready =
          ::poll(waits.data(), waits.size(), reads_input ? -1 : static_cast<int>(patience));
      if (ready < 0 && errno != EINTR) return FailErrno("cannot wait for the server");
      if (ready == 0) {
        return Fail(fmt::format("the server on port {} gave no sign of life for {} s",
                                options_.port, options_.silence.count()));
      }
      if (ready < 0) continue;
      if ((waits[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        BERTH_TRY(Receive());
        if (closed_) return answer_.End();
      }
      if ((waits[0].revents & POLLOUT) != 0 && sending_) Send();
      if (waits[1].revents != 0) BERTH_TRY(ReadInput());
    }
    return {};
  }

  const AnswerReader& answer() const { return answer_; }

 private:
  Result<void> Receive() {
    const ssize_t n = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (n < 0 && errno != ECONNRESET) return FailErrno("cannot read the answer");
    closed_ = n <= 0;
    if (closed_) return {};
    BERTH_TRY(answer_.Feed({buffer_.data(), static_cast<size_t>(n)}));
    // It does not want the rest.
    if (answer_.status() >= 400) sending_ = false;
    return {};
  }

  void Send() {
    const ssize_t n = ::send(socket_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (n < 0) {
      // The server has closed its end: what it has said before that is still to be read.
      if (errno != EAGAIN && errno != EINTR) sending_ = false;
      return;
    }
    sent_ += static_cast<size_t>(n);
    if (sent_ < out_.size()) return;
    out_.clear();
    sent_ = 0;
    if (last_ || (body_.size && left_ == 0)) sending_ = false;
  }

  Result<void> ReadInput() {
    const size_t wanted = body_.size ? std::min<uint64_t>(left_, buffer_.size()) : buffer_.size();
    const ssize_t n = ::read(body_.fd, buffer_.data(), wanted);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
    if (n < 0) return FailErrno("cannot read " + body_.name);
    const std::string_view bytes(buffer_.data(), static_cast<size_t>(n));
    if (body_.size) {
      if (n == 0) return Fail(body_.name + " became shorter while it was sent");
      left_ -= bytes.size();
      out_ = bytes;
    } else {
      last_ = n == 0;
      out_ = last_ ? "0\r\n\r\n" : fmt::format("{:x}\r\n{}\r\n", n, bytes);
    }
    return {};
  }

  const InvokeOptions& options_;
  const Body& body_;
  const int socket_;
  AnswerReader answer_;
  std::vector<char> buffer_ = std::vector<char>(kPiece);
  std::string out_;  // being sent, from sent_ on
  size_t sent_ = 0;
  uint64_t left_;      // of a body whose size is known, not read yet
  bool last_ = false;  // out_ is the end of a chunked body
  bool sending_ = true;
  bool closed_ = false;
};

Result<int> Run(const InvokeOptions& options, const Body& body) {
  BERTH_ASSIGN(const Descriptor socket, Connect(options.port));
  Exchange exchange(options, body, socket.get());
  BERTH_TRY(exchange.Run());
  if (exchange.answer().status() < 400) return kInvokeAnswered;
  log::Error("local", "the server answered {}", exchange.answer().ErrorText());
  return kInvokeFailed;
}

int Say(const Error& error, int code) {
  log::Error("local", "{}", error.message());
  return code;
}

}  // namespace

std::string_view ContentTypeOf(std::string_view file) {
  if (file == "-") return "application/json";
  struct Known {
    std::string_view suffix;
    std::string_view type;
  };
  constexpr std::array<Known, 6> kKnown{{{".json", "application/json"},
                                         {".jsonl", "application/jsonlines"},
                                         {".csv", "text/csv"},
                                         {".txt", "text/plain"},
                                         {".npy", "application/x-npy"},
                                         {".npz", "application/x-npz"}}};
  std::string lower(file.substr(std::min(file.rfind('.'), file.size())));
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto* const known = std::ranges::find(kKnown, lower, &Known::suffix);
  return known == kKnown.end() ? "application/octet-stream" : known->type;
}

int Invoke(const InvokeOptions& options) {
  for (const auto& [option, value] :
       {std::pair("--content-type", options.content_type), std::pair("--accept", options.accept)}) {
    if (const auto fits = CheckHeader(option, value); !fits) {
      return Say(fits.error(), kInvokeRefused);
    }
  }
  const Result<Body> body = Open(options.file);
  if (!body) return Say(body.error(), kInvokeRefused);
  const Result<int> code = Run(options, *body);
  return code ? *code : Say(code.error(), kInvokeFailed);
}

}  // namespace berth::platform
