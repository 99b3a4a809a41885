// The network's threads, one pool for the process, and what else may use them.
#pragma once

#include <executorch/runtime/core/function_ref.h>
#include <nanobind/nanobind.h>

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
  bool run(runtime::FunctionRef<void(size_t)> work, size_t range);
  bool _unsafe_reset_threadpool(uint32_t thread_count);
};
ThreadPool* get_threadpool();
}  // namespace executorch::extension::threadpool

// Whoever loads or runs a program, or works on the pool, is inside. The end of the process destroys
// the pool, which waits for ever for work that is under way, and a thread that wants the GIL back
// after Python has ended aborts the process: so Python ends when nobody is inside, and who comes
// then stays outside.
class Inside {
 public:
  // Without the GIL; give it back before leaving, that is, declare this one first.
  void enter() {
    std::lock_guard<std::mutex> lock(door_);
    lock_ = std::shared_lock<std::shared_mutex>(room_);
  }

  static void close() {
    nanobind::gil_scoped_release released;
    door_.lock();
    room_.lock();
  }

 private:
  static inline std::mutex door_;
  static inline std::shared_mutex room_;
  std::shared_lock<std::shared_mutex> lock_;
};

// While one lives, a network has the pool.
class NetworkRun {
 public:
  NetworkRun() { ++under_way_; }
  ~NetworkRun() { --under_way_; }
  NetworkRun(const NetworkRun&) = delete;
  NetworkRun& operator=(const NetworkRun&) = delete;

  static bool under_way() { return under_way_ > 0; }

 private:
  static inline std::atomic<int> under_way_{0};
};

// Work is cut into so many parts whatever the number of threads: sums over them then round alike.
constexpr std::size_t kParts = 16;

// Calls work(part, begin, end) for each part of `n` things: on the network's threads where no
// network runs, else here, for beside a run they would wait for its operators, and it for them.
template <typename Work>
void in_parts(std::size_t n, const Work& work) {
  const auto one = [&](std::size_t part) {
    work(part, part * n / kParts, (part + 1) * n / kParts);
  };
  auto* pool = executorch::extension::threadpool::get_threadpool();
  if (pool->get_thread_count() > 1 && !NetworkRun::under_way()) {
    pool->run(one, kParts);
  } else {
    for (std::size_t part = 0; part < kParts; ++part) one(part);
  }
}
