#include "platform/sent_descriptor.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace berth::platform {
namespace {

/// A message of one number with room for one descriptor.
struct Message {
  uint32_t number = 0;
  iovec part{&number, sizeof number};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};

  Message() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
};

}  // namespace

Result<void> SendDescriptor(int socket, uint32_t number, const Descriptor& descriptor) {
  Message message;
  message.number = number;
  cmsghdr* const rights = CMSG_FIRSTHDR(&message.header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  const int sent = descriptor.get();
  std::memcpy(CMSG_DATA(rights), &sent, sizeof sent);
  if (::sendmsg(socket, &message.header, MSG_NOSIGNAL) < 0) {
    return FailErrno("cannot send a descriptor to another process");
  }
  return {};
}

std::optional<SentDescriptor> ReceiveDescriptor(int socket) {
  Message message;
  ssize_t n = 0;
  do {
    n = ::recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  const cmsghdr* const rights = n > 0 ? CMSG_FIRSTHDR(&message.header) : nullptr;
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) return std::nullopt;
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(rights), sizeof descriptor);
  return SentDescriptor{message.number, Descriptor(descriptor)};
}

}  // namespace berth::platform
