// OperatorTimes: records how long each XNNPACK operator took in the last run.
#pragma once

#include <executorch/runtime/core/event_tracer.h>
#include <executorch/runtime/platform/platform.h>

#include <string>
#include <utility>
#include <vector>

class OperatorTimes final : public executorch::runtime::EventTracer {
 public:
  // (name, nanoseconds) in the order of execution; XNNPACK's resolution is 1 microsecond.
  std::vector<std::pair<std::string, double>> times;

  void create_event_block(const char*) override { times.clear(); }  // at the start of a run

  void log_profiling_delegate(
      const char* name, executorch::runtime::DelegateDebugIntId,
      et_timestamp_t start, et_timestamp_t end, const void*, size_t) override {
    const auto per_tick = et_pal_ticks_to_ns_multiplier();
    const double ticks = static_cast<double>(end - start);
    times.emplace_back(
        name == nullptr ? "" : name, ticks * per_tick.numerator / per_tick.denominator);
  }

  // The other events are ignored; the base class declares them pure virtual.
  using Entry = executorch::runtime::EventTracerEntry;
  using Id = executorch::runtime::DelegateDebugIntId;
  using Tensor = executorch::aten::Tensor;
  using Status = executorch::runtime::Result<bool>;

  Entry start_profiling(
      const char*, executorch::runtime::ChainID, executorch::runtime::DebugHandle) override {
    return {};
  }
  Entry start_profiling_delegate(const char*, Id) override { return {}; }
  void end_profiling_delegate(Entry, const void*, size_t) override {}
  void end_profiling(Entry) override {}
  void track_allocation(executorch::runtime::AllocatorID, size_t) override {}
  executorch::runtime::AllocatorID track_allocator(const char*) override { return 0; }
  Status log_evalue(
      const executorch::runtime::EValue&, executorch::runtime::LoggedEValueType) override {
    return false;
  }
  Status log_intermediate_output_delegate(const char*, Id, const Tensor&) override { return false; }
  Status log_intermediate_output_delegate(
      const char*, Id, const executorch::runtime::ArrayRef<Tensor>) override {
    return false;
  }
  Status log_intermediate_output_delegate(const char*, Id, const int&) override { return false; }
  Status log_intermediate_output_delegate(const char*, Id, const bool&) override { return false; }
  Status log_intermediate_output_delegate(const char*, Id, const double&) override { return false; }
  void set_delegation_intermediate_output_filter(
      executorch::runtime::EventTracerFilterBase*) override {}
};
