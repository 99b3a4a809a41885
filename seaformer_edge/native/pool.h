// ExecuTorch's thread pool, of which a process has one, and who may use it when.
#pragma once

#include <executorch/runtime/core/function_ref.h>
#include <nanobind/nanobind.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <shared_mutex>

// Exported by the library in ExecuTorch's wheel, which has no header that declares them.
namespace executorch::extension::threadpool {
class ThreadPool {
 public:
  size_t get_thread_count() const;
  void run(runtime::FunctionRef<void(size_t)> work, size_t range);
  bool _unsafe_reset_threadpool(uint32_t thread_count);
};
ThreadPool* get_threadpool();
}  // namespace executorch::extension::threadpool

// ThreadSanitizer does not see how the pool's threads synchronise, because ExecuTorch's library is not
// instrumented: it is told that a job begins after the call of run and ends before its return.
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
inline void acquire_for_sanitizer(void* token) { __tsan_acquire(token); }
inline void release_for_sanitizer(void* token) { __tsan_release(token); }
#else
inline void acquire_for_sanitizer(void*) {}
inline void release_for_sanitizer(void*) {}
#endif

// Guards a native call: at exit, Python waits for running calls and blocks new ones.
// Without it, the end of the process could destroy the thread pool, which waits forever for
// unfinished work, or abort because a thread takes the GIL after Python has ended.
class NativeCallGuard {
 public:
  // Call this without the GIL. Declare the guard before nb::gil_scoped_release, so that the GIL is
  // taken again before the guard is released. After close() this blocks forever.
  void enter() {
    std::lock_guard<std::mutex> lock(entry_mutex_);
    lock_ = std::shared_lock<std::shared_mutex>(active_calls_);
  }

  // Waits for running calls and blocks new ones for the rest of the process.
  static void close() {
    nanobind::gil_scoped_release released;
    entry_mutex_.lock();
    active_calls_.lock();
  }

 private:
  static inline std::mutex entry_mutex_;  // serialises entry; locked for good by close()
  static inline std::shared_mutex active_calls_;  // shared: a call is running; exclusive: closed
  std::shared_lock<std::shared_mutex> lock_;
};

// Shares ExecuTorch's thread pool between network runs and one other job at a time.
class Pool {
 public:
  // RAII: reserves the pool for a network run. The constructor waits for a running job to finish.
  class NetworkRun {
   public:
    NetworkRun() {
      ++network_runs_;
      std::lock_guard<std::mutex> wait(job_mutex_);
    }
    ~NetworkRun() { --network_runs_; }
    NetworkRun(const NetworkRun&) = delete;
    NetworkRun& operator=(const NetworkRun&) = delete;
  };

  // Calls job(0) to job(parts - 1) on the pool's threads. Returns false at once, without calling
  // it, if the pool is in use or has one thread.
  static bool try_run(
      std::size_t parts, executorch::runtime::FunctionRef<void(std::size_t)> job) {
    // A forked child does not have the parent's threads.
    if (network_runs_ > 0 || getpid() != owner_pid_) return false;
    std::unique_lock<std::mutex> lock(job_mutex_, std::try_to_lock);
    if (!lock || network_runs_ > 0) return false;
    auto* pool = executorch::extension::threadpool::get_threadpool();
    if (pool->get_thread_count() == 1) return false;
    job_ = &job;
    release_for_sanitizer(&job_);
    pool->run(
        [](std::size_t part) {
          acquire_for_sanitizer(&job_);
          (*job_)(part);
          release_for_sanitizer(&job_);
        },
        parts);
    acquire_for_sanitizer(&job_);
    return true;
  }

 private:
  static inline const pid_t owner_pid_ = getpid();
  static inline std::atomic<int> network_runs_{0};
  static inline std::mutex job_mutex_;  // held while a job uses the pool
  static inline const executorch::runtime::FunctionRef<void(std::size_t)>* job_ = nullptr;
};

// Fixed, so that sums over the parts are identical for any number of threads.
constexpr std::size_t kPartCount = 16;

// Splits n items into kPartCount parts and calls work(part, begin, end) for each. Runs on the
// pool's threads if they are free, else on the calling thread: sharing the pool with a network
// run would make both wait for each other's work.
template <typename Work>
void for_each_part(std::size_t n, const Work& work) {
  const auto job = [&](std::size_t part) {
    work(part, part * n / kPartCount, (part + 1) * n / kPartCount);
  };
  if (!Pool::try_run(kPartCount, job)) {
    for (std::size_t part = 0; part < kPartCount; ++part) job(part);
  }
}
