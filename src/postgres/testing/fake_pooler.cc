#include "postgres/testing/fake_pooler.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "util/bytes.h"
#include "util/file.h"

namespace pgcairn::postgres::testing {
namespace {

Result<sockaddr_un> SocketAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{Code::kFailed, "path too long", ""};
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Result<UniqueFd> ConnectTo(const std::string& path) {
  ASSIGN_OR_RETURN(sockaddr_un address, SocketAddress(path));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() ||
      ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return ErrnoError(errno, "connecting to", path);
  }
  return fd;
}

// Changes the process id in the first BackendKeyData ('K') message of what the server sends.
class KeyChanger {
 public:
  // Returns what may be sent on so far.
  Bytes Pass(ByteView received) {
    Append(pending_, received);
    if (done_) return std::exchange(pending_, {});
    Bytes ready;
    while (!done_ && pending_.size() >= 5) {
      size_t length = 1 + (size_t{pending_[1]} << 24 | size_t{pending_[2]} << 16 |
                           size_t{pending_[3]} << 8 | size_t{pending_[4]});
      if (pending_.size() < length) return ready;
      if (pending_[0] == 'K') {
        pending_[5] ^= 0x40;
        done_ = true;
      }
      Append(ready, ByteView(pending_).first(length));
      pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(length));
    }
    if (done_) Append(ready, std::exchange(pending_, {}));
    return ready;
  }

 private:
  Bytes pending_;
  bool done_ = false;
};

void Relay(UniqueFd client, UniqueFd server, const std::atomic<bool>& stopping) {
  KeyChanger changer;
  uint8_t buffer[8192];
  while (!stopping) {
    pollfd fds[2] = {{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}};
    if (::poll(fds, 2, /*timeout_ms=*/20) <= 0) continue;
    for (int from = 0; from < 2; ++from) {
      if (fds[from].revents == 0) continue;
      ssize_t got = ::read(fds[from].fd, buffer, sizeof buffer);
      if (got <= 0) return;
      ByteView received(buffer, static_cast<size_t>(got));
      Bytes out = from == 0 ? ToBytes(received) : changer.Pass(received);
      if (!WriteAll(fds[1 - from].fd, out, "a relayed connection").ok()) return;
    }
  }
}

}  // namespace

struct FakePooler::State {
  std::string directory;
  int port = 0;
  std::string server_socket;
  UniqueFd listener;
  std::atomic<bool> stopping{false};
  std::thread acceptor;

  void Accept() {
    std::vector<std::thread> relays;
    while (!stopping) {
      pollfd waiting = {listener.get(), POLLIN, 0};
      if (::poll(&waiting, 1, /*timeout_ms=*/20) <= 0) continue;
      UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      auto server = ConnectTo(server_socket);
      if (!client.valid() || !server.ok()) continue;
      relays.emplace_back([this, c = std::move(client), s = std::move(server).value()]() mutable {
        Relay(std::move(c), std::move(s), stopping);
      });
    }
    for (std::thread& relay : relays) relay.join();
  }
};

FakePooler::FakePooler(std::unique_ptr<State> state) : state_(std::move(state)) {}

FakePooler::~FakePooler() {
  state_->stopping = true;
  state_->acceptor.join();
}

Result<std::unique_ptr<FakePooler>> FakePooler::Start(const std::string& directory, int port,
                                                      const std::string& server_socket) {
  auto state = std::make_unique<State>();
  state->directory = directory;
  state->port = port;
  state->server_socket = server_socket;
  std::string path = fmt::format("{}/.s.PGSQL.{}", directory, port);
  ASSIGN_OR_RETURN(sockaddr_un address, SocketAddress(path));
  state->listener = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!state->listener.valid() ||
      ::bind(state->listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(state->listener.get(), 8) != 0) {
    return ErrnoError(errno, "listening on", path);
  }
  state->acceptor = std::thread([raw = state.get()] { raw->Accept(); });
  return std::unique_ptr<FakePooler>(new FakePooler(std::move(state)));
}

std::string FakePooler::ConnectionString() const {
  return fmt::format("host={} port={} user=postgres dbname=postgres", state_->directory,
                     state_->port);
}

}  // namespace pgcairn::postgres::testing
