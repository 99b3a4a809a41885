// The network's threads, one pool for the process, and what else may use them.
#pragma once

#include <executorch/runtime/core/function_ref.h>
#include <nanobind/nanobind.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <shared_mutex>

// The wheel's library exports these, but the wheel ships no header that declares them.
namespace executorch::extension::threadpool {
class ThreadPool {
 public:
  size_t get_thread_count() const;
  void run(runtime::FunctionRef<void(size_t)> work, size_t range);
  bool _unsafe_reset_threadpool(uint32_t thread_count);
};
ThreadPool* get_threadpool();
}  // namespace executorch::extension::threadpool

// Whoever loads or runs a program, or works on the pool, is inside. The end of the process destroys
// the pool, which waits for ever for work that is under way, and a thread that wants the GIL back
// after Python has ended aborts the process: so Python ends when nobody is inside, and who comes
// then stays outside.
class NativeCallGuard {
 public:
  // Without the GIL; give it back before leaving, that is, declare this one first.
  void enter() {
    std::lock_guard<std::mutex> lock(entry_mutex_);
    lock_ = std::shared_lock<std::shared_mutex>(active_calls_);
  }

  static void close() {
    nanobind::gil_scoped_release released;
    entry_mutex_.lock();
    active_calls_.lock();
  }

 private:
  static inline std::mutex entry_mutex_;
  static inline std::shared_mutex active_calls_;
  std::shared_lock<std::shared_mutex> lock_;
};

// Who has the pool: networks, or one piece of work after a network, or nobody.
class Pool {
 public:
  // While one lives, a network has the pool; it first waits for the piece of work under way.
  class NetworkRun {
   public:
    NetworkRun() {
      ++networks_;
      std::lock_guard<std::mutex> wait(work_);
    }
    ~NetworkRun() { --networks_; }
    NetworkRun(const NetworkRun&) = delete;
    NetworkRun& operator=(const NetworkRun&) = delete;
  };

  // Calls one(0) to one(parts - 1) on the pool's threads; false, without a wait, if it is taken.
  static bool run(std::size_t parts, executorch::runtime::FunctionRef<void(std::size_t)> one) {
    if (networks_ > 0 || getpid() != owner_) return false;  // a forked child has no such threads
    std::unique_lock<std::mutex> lock(work_, std::try_to_lock);
    if (!lock || networks_ > 0) return false;
    auto* pool = executorch::extension::threadpool::get_threadpool();
    if (pool->get_thread_count() == 1) return false;
    pool->run(one, parts);
    return true;
  }

 private:
  static inline const pid_t owner_ = getpid();
  static inline std::atomic<int> networks_{0};
  static inline std::mutex work_;
};

// Work is cut into so many parts whatever the number of threads: sums over them then round alike.
constexpr std::size_t kParts = 16;

// Calls work(part, begin, end) for each part of `n` things: on the network's threads where nothing
// else runs there, else here, for beside a run they would wait for its operators, and it for them.
template <typename Work>
void in_parts(std::size_t n, const Work& work) {
  const auto one = [&](std::size_t part) {
    work(part, part * n / kParts, (part + 1) * n / kParts);
  };
  if (!Pool::run(kParts, one)) {
    for (std::size_t part = 0; part < kParts; ++part) one(part);
  }
}
