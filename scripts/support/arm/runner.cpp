// Runs a program for scripts/bench/arm_instructions: RUNNER PROGRAM.pte [OUTPUT]
//
// One thread, one run on a picture of noise; writes the logits as float32 to OUTPUT, and a line
// "MICROSECONDS NAME" for every operator. The plugin counts between marks: one at the start and one
// at the end of the run, and one at each reading of the clock, which XNNPACK reads between
// operators. The clock is replaced by one that advances 1 us at each reading, so an operator takes
// as many microseconds as there are marks to the next one.
#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>
#include <time.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <vector>

#include "operator_times.h"

namespace executorch::extension::threadpool {
class ThreadPool {
 public:
  bool _unsafe_reset_threadpool(uint32_t);
};
ThreadPool* get_threadpool();
}  // namespace executorch::extension::threadpool

using executorch::aten::ScalarType;
using executorch::aten::SizesType;
using executorch::runtime::Error;
using executorch::runtime::EValue;

extern "C" int clock_gettime(clockid_t, struct timespec* time) noexcept {
  static long microseconds = 0;
  asm volatile("hint #0x51" ::: "memory");
  microseconds++;
  *time = {microseconds / 1000000, microseconds % 1000000 * 1000};
  return 0;
}

static void mark_run() { asm volatile("hint #0x50" ::: "memory"); }

static executorch::extension::TensorPtr tensor(
    const executorch::runtime::TensorInfo& info, std::vector<uint8_t>& memory) {
  const std::vector<SizesType> sizes(info.sizes().begin(), info.sizes().end());
  const std::vector<executorch::aten::DimOrderType> order(
      info.dim_order().begin(), info.dim_order().end());
  std::vector<executorch::aten::StridesType> strides(sizes.size());
  size_t count = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[order[i]] = count;
    count *= sizes[order[i]];
  }
  const bool half = info.scalar_type() == ScalarType::Half;
  memory.resize(count * (half ? 2 : 4) + 64);  // XNNPACK may read past the end
  return executorch::extension::make_tensor_ptr(
      sizes, memory.data(), order, strides, info.scalar_type());
}

static int run(const char* path, const char* output_path) {
  executorch::extension::threadpool::get_threadpool()->_unsafe_reset_threadpool(1);
  auto* times = new OperatorTimes;
  executorch::extension::Module module(
      path, executorch::extension::Module::LoadMode::File,
      std::unique_ptr<executorch::runtime::EventTracer>(times));
  if (module.load_method("forward") != Error::Ok) return 1;
  const auto meta = module.method_meta("forward");
  std::vector<uint8_t> pixels, logits;
  const auto input = tensor(*meta->input_tensor_meta(0), pixels);
  const bool half = input->scalar_type() == ScalarType::Half;
  uint32_t random = 1;
  for (ssize_t i = 0; i < input->numel(); i++) {
    random = random * 1664525u + 1013904223u;
    const float value = random >> 24;
    if (half) reinterpret_cast<__fp16*>(pixels.data())[i] = value;
    else reinterpret_cast<float*>(pixels.data())[i] = value;
  }
  const auto output_info = *meta->output_tensor_meta(0);
  const auto output = tensor(output_info, logits);
  if (!output_info.is_memory_planned() && module.set_output(*output) != Error::Ok) return 1;
  mark_run();
  const auto result = module.execute("forward", std::vector<EValue>{EValue(*input)});
  mark_run();
  if (!result.ok()) return 1;
  if (output_info.is_memory_planned()) {
    const auto computed = result->at(0).toTensor();
    const auto* first = static_cast<const uint8_t*>(computed.const_data_ptr());
    std::copy(first, first + computed.nbytes(), logits.begin());
  }
  for (const auto& [name, nanoseconds] : times->times) {
    std::printf("%.0f %s\n", nanoseconds / 1000, name.c_str());
  }
  if (output_path != nullptr) {
    std::ofstream file(output_path, std::ios::binary);
    for (ssize_t i = 0; i < output->numel(); i++) {
      const float value = half ? reinterpret_cast<__fp16*>(logits.data())[i]
                               : reinterpret_cast<float*>(logits.data())[i];
      file.write(reinterpret_cast<const char*>(&value), sizeof value);
    }
  }
  return 0;
}

int main(int argc, char** argv) {
  const int failed = argc < 2 ? 1 : run(argv[1], argc > 2 ? argv[2] : nullptr);
  if (failed) std::fprintf(stderr, "the program could not be run\n");
  return failed;
}
