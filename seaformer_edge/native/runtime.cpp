// Program: a loaded .pte program. runtime/native.py is the Python side.
#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor_ptr.h>
#include <executorch/runtime/backend/backend_options_map.h>
#include <executorch/runtime/backend/options.h>
#include <executorch/runtime/platform/platform.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bindings.h"
#include "half.h"
#include "operator_times.h"
#include "pool.h"

namespace {

namespace nb = nanobind;
using executorch::aten::Half;
using executorch::aten::ScalarType;
using executorch::extension::make_tensor_ptr;
using executorch::extension::Module;
using executorch::extension::TensorPtr;
using executorch::extension::threadpool::get_threadpool;
using executorch::runtime::BackendOptions;
using executorch::runtime::Error;
using executorch::runtime::EValue;
using executorch::runtime::LoadBackendOptionsMap;
using executorch::runtime::Result;
using executorch::runtime::TensorInfo;

template <typename T>
using Image = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
using Logits = nb::ndarray<nb::numpy, float, nb::c_contig>;

constexpr const char* kMethod = "forward";

// Each program gets its own workspace. By default XNNPACK shares one among all programs of a
// process, whose runs then wait for each other.
constexpr int kWorkspacePerModel = 1;

// The first error that ExecuTorch logged on this thread during the current call. It explains the
// error code, so it becomes part of our exception and is not written to stderr.
thread_local std::string logged_error;

void on_log_message(
    et_timestamp_t, et_pal_log_level_t level, const char*, const char*, size_t,
    const char* message, size_t length) {
  if (level == kFatal) {
    std::fprintf(stderr, "executorch: %.*s\n", static_cast<int>(length), message);
  } else if (level == kError && logged_error.empty()) {
    logged_error.assign(message, length);
    // The message may quote bytes of a damaged file, but a Python exception must be UTF-8.
    std::replace_if(
        logged_error.begin(), logged_error.end(),
        [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  }
}

void check(Error error, const std::string& path) {
  if (error == Error::Ok) return;
  const char* name = executorch::runtime::to_string(error);
  char code[16];
  std::snprintf(code, sizeof code, "0x%02x", static_cast<unsigned>(error));
  std::string text = path + ": ExecuTorch " + name + " (" + code + ")";
  if (!logged_error.empty()) text += ": " + logged_error;
  throw std::runtime_error(text);
}

template <typename T>
T unwrap(Result<T> result, const std::string& path) {
  check(result.error(), path);
  return std::move(result.get());
}

// Shape, memory order and type of an input or output, as stored in the program.
struct Layout {
  std::vector<int32_t> sizes;
  std::vector<uint8_t> dim_order;
  ScalarType type = ScalarType::Float;
  bool is_planned = false;  // the program allocates the memory; else the caller does

  Layout() = default;
  explicit Layout(const TensorInfo& info)
      : sizes(info.sizes().begin(), info.sizes().end()),
        dim_order(info.dim_order().begin(), info.dim_order().end()),
        type(info.scalar_type()),
        is_planned(info.is_memory_planned()) {}

  bool is_fp16() const { return type == ScalarType::Half; }

  size_t numel() const {
    size_t product = 1;
    for (int32_t size : sizes) product *= size;
    return product;
  }

  // The sizes from the outermost dimension in memory to the innermost.
  std::vector<size_t> memory_shape() const {
    std::vector<size_t> shape;
    for (uint8_t dim : dim_order) shape.push_back(sizes[dim]);
    return shape;
  }
};

class Program {
 public:
  // Loads the file and prepares it to run. A thread_count of 0 keeps the pool of the programs that
  // are open, or takes ExecuTorch's default if there are none.
  // With `time_operators` every run records how long each operator took.
  Program(std::string path, uint32_t thread_count, bool time_operators)
      : path_(std::move(path)),
        operator_times_(time_operators ? new OperatorTimes : nullptr),
        module_(path_, Module::LoadMode::File,
                std::unique_ptr<executorch::runtime::EventTracer>(operator_times_)) {
    NativeCallGuard guard;
    nb::gil_scoped_release released;
    guard.enter();
    std::lock_guard<std::mutex> lock(pool_mutex_);
    set_thread_count(thread_count);
    logged_error.clear();
    BackendOptions<1> xnnpack;
    LoadBackendOptionsMap options;
    check(xnnpack.set_option("workspace_sharing_mode", kWorkspacePerModel), path_);
    check(options.set_options("XnnpackBackend", xnnpack.view()), path_);
    check(module_.load(options, executorch::runtime::Program::Verification::InternalConsistency),
          path_);
    const auto meta = unwrap(module_.method_meta(kMethod), path_);
    if (meta.num_inputs() != 1 || meta.num_outputs() != 1) {
      throw std::runtime_error(path_ + ": must have one input and one output");
    }
    input_ = Layout(unwrap(meta.input_tensor_meta(0), path_));
    output_ = Layout(unwrap(meta.output_tensor_meta(0), path_));
    if (input_.type != output_.type || (input_.type != ScalarType::Float && !input_.is_fp16())) {
      throw std::runtime_error(path_ + ": its input and output must both be float32 or float16");
    }
    load_method();
    if (input_.is_fp16()) fp16_logits_.resize(output_.numel());
    ++open_programs_;
  }

  ~Program() {
    std::lock_guard<std::mutex> lock(pool_mutex_);
    module_.unload_method(kMethod);
    --open_programs_;
  }

  const Layout& input() const { return input_; }
  const Layout& output() const { return output_; }

  // (name, nanoseconds) of the last run's operators in order; empty without `time_operators`.
  std::vector<std::pair<std::string, double>> operator_times() {
    nb::gil_scoped_release released;
    std::lock_guard<std::mutex> lock(run_mutex_);
    if (operator_times_ == nullptr) return {};
    return operator_times_->times;
  }

  // The image is float, or Half of a program of that type; it is read in place. Returns a new array
  // in the output's memory order.
  template <typename T>
  Logits run(const Image<T>& image) {
    if (image.size() != input_.numel() || (std::is_same_v<T, Half> && !input_.is_fp16())) {
      throw std::invalid_argument("the image has the wrong size or type");
    }
    std::unique_ptr<float[]> logits(new float[output_.numel()]);  // make_unique would zero it
    NativeCallGuard guard;
    {
      nb::gil_scoped_release released;
      guard.enter();
      std::lock_guard<std::mutex> lock(run_mutex_);
      const Pool::NetworkRun reserved;
      logged_error.clear();
      if (input_.is_fp16()) {
        // A conversion in the graph would be an operator outside the XNNPACK delegate.
        if constexpr (std::is_same_v<T, Half>) {
          execute(const_cast<Half*>(image.data()), fp16_logits_.data());
        } else {
          fp16_image_.resize(image.size());
          std::copy_n(image.data(), image.size(), fp16_image_.data());
          execute(fp16_image_.data(), fp16_logits_.data());
        }
        std::copy_n(fp16_logits_.data(), fp16_logits_.size(), logits.get());
        refuse_overflow(logits.get());
      } else if constexpr (std::is_same_v<T, float>) {
        execute(const_cast<float*>(image.data()), logits.get());
      }
    }
    const auto shape = output_.memory_shape();
    float* data = logits.release();
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<float*>(p); });
    return Logits(data, shape.size(), shape.data(), owner);
  }

 private:
  void load_method() {
    const Error error = module_.load_method(kMethod);
    if (error != Error::Ok && input_.is_fp16()) {
      logged_error += "; if this processor cannot run fp16, take the model's fp32 program";
    }
    check(error, path_);
  }

  static TensorPtr tensor(const Layout& layout, void* data) {
    return make_tensor_ptr(layout.sizes, data, layout.dim_order, {}, layout.type);
  }

  // T is the type of the program's input and output.
  template <typename T>
  void execute(T* image, T* logits) {
    const TensorPtr input = tensor(input_, image);
    if (output_.is_planned) {
      const auto results = unwrap(module_.execute(kMethod, input), path_);
      std::copy_n(results.at(0).toTensor().const_data_ptr<T>(), output_.numel(), logits);
    } else {
      check(module_.set_output(tensor(output_, logits)), path_);
      check(module_.execute(kMethod, input).error(), path_);
    }
  }

  void refuse_overflow(const float* logits) const {
    const bool finite = std::all_of(logits, logits + output_.numel(),
                                    [](float value) { return std::isfinite(value); });
    if (!finite) {
      throw std::runtime_error(
          path_ + ": its fp16 arithmetic overflowed on this image; take the model's fp32 program");
    }
  }

  // A process has one pool, and each open program keeps a pointer to it. Changing the size replaces
  // the pool, so it is only done while no program is open.
  void set_thread_count(uint32_t thread_count) {
    auto* pool = get_threadpool();
    static const auto default_count = static_cast<uint32_t>(pool->get_thread_count());
    if (thread_count == 0 && open_programs_ == 0) thread_count = default_count;
    if (thread_count == 0 || pool->get_thread_count() == thread_count) return;
    if (open_programs_ > 0) {
      throw std::runtime_error(
          path_ + ": cannot run on " + std::to_string(thread_count) + " threads while a program on " +
          std::to_string(pool->get_thread_count()) + " threads is open: they share one pool");
    }
    pool->_unsafe_reset_threadpool(thread_count);
  }

  static inline std::mutex pool_mutex_;   // guards the pool's size and open_programs_
  static inline int open_programs_ = 0;

  std::string path_;
  OperatorTimes* operator_times_;  // owned by module_; null without `time_operators`
  Module module_;
  Layout input_;
  Layout output_;
  std::vector<Half> fp16_logits_;  // empty unless the program is fp16
  std::vector<Half> fp16_image_;   // empty until it must convert an image
  std::mutex run_mutex_;  // a program has one set of buffers: one run at a time
};

}  // namespace

void bind_runtime(nb::module_& m) {
  executorch::runtime::register_pal(
      executorch::runtime::PalImpl::create(on_log_message, __FILE__));
  nb::module_::import_("atexit").attr("register")(nb::cpp_function(&NativeCallGuard::close));
  nb::set_leak_warnings(false);  // a thread blocked by NativeCallGuard::close keeps its program

  m.attr("executorch_version") = EXECUTORCH_VERSION;
  m.def("thread_count", [] { return get_threadpool()->get_thread_count(); });

  nb::class_<Layout>(m, "Layout")
      .def_ro("sizes", &Layout::sizes)
      .def_ro("dim_order", &Layout::dim_order)
      .def_prop_ro("is_fp16", &Layout::is_fp16);

  nb::class_<Program>(m, "Program")
      .def(nb::init<std::string, uint32_t, bool>(), nb::arg("path"), nb::arg("thread_count"),
           nb::arg("time_operators") = false)
      .def_prop_ro("input", &Program::input)
      .def_prop_ro("output", &Program::output)
      .def("operator_times", &Program::operator_times)
      .def("run", &Program::run<float>, nb::arg("image").noconvert())
      .def("run", &Program::run<Half>, nb::arg("image").noconvert());
}
