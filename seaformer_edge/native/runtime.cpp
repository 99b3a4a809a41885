// Program: one .pte, loaded and ready to run. See runtime/native.py for the Python side.
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
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "operator_times.h"
#include "pool.h"

namespace {

namespace nb = nanobind;
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

using Image = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Logits = nb::ndarray<nb::numpy, float, nb::c_contig>;

constexpr const char* kMethod = "forward";

// A workspace for each program. XNNPACK's own choice is one for all programs of a process, whose
// runs then wait for each other.
constexpr int kWorkspacePerModel = 1;

// What ExecuTorch logged as an error on this thread since the call began: the reason that its
// error code alone does not tell. Kept from stderr, where it would stand beside our exception.
thread_local std::string logged;

void keep_error_message(
    et_timestamp_t, et_pal_log_level_t level, const char*, const char*, size_t,
    const char* message, size_t length) {
  if (level == kFatal) {
    std::fprintf(stderr, "executorch: %.*s\n", static_cast<int>(length), message);
  } else if (level == kError && logged.empty()) {
    logged.assign(message, length);
    // It may quote bytes of a damaged file, and a Python exception takes only UTF-8.
    std::replace_if(
        logged.begin(), logged.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  }
}

void check(Error error, const std::string& path) {
  if (error == Error::Ok) return;
  const char* name = executorch::runtime::to_string(error);
  char code[16];
  std::snprintf(code, sizeof code, "0x%02x", static_cast<unsigned>(error));
  std::string text = path + ": ExecuTorch " + name + " (" + code + ")";
  if (!logged.empty()) text += ": " + logged;
  throw std::runtime_error(text);
}

template <typename T>
T value(Result<T> result, const std::string& path) {
  check(result.error(), path);
  return std::move(result.get());
}

// Shape and memory order of an input or output: sizes and dim_order as the program states them.
struct Layout {
  std::vector<int32_t> sizes;
  std::vector<uint8_t> dim_order;
  bool is_planned = false;  // the program owns the memory; else the caller brings it

  Layout() = default;
  explicit Layout(const TensorInfo& info)
      : sizes(info.sizes().begin(), info.sizes().end()),
        dim_order(info.dim_order().begin(), info.dim_order().end()),
        is_planned(info.is_memory_planned()) {}

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
  // Loads the file and prepares it to run. A thread_count of 0 is ExecuTorch's own choice, or
  // where a program is open already what that one has.
  // With `times_operators` every run keeps how long each of its operators took.
  Program(std::string path, uint32_t thread_count, bool times_operators)
      : path_(std::move(path)),
        operator_times_(times_operators ? new OperatorTimes : nullptr),
        module_(path_, Module::LoadMode::File,
                std::unique_ptr<executorch::runtime::EventTracer>(operator_times_)) {
    NativeCallGuard inside;
    nb::gil_scoped_release released;
    inside.enter();
    std::lock_guard<std::mutex> lock(pool_mutex_);
    set_thread_count(thread_count);
    logged.clear();
    BackendOptions<1> xnnpack;
    LoadBackendOptionsMap options;
    check(xnnpack.set_option("workspace_sharing_mode", kWorkspacePerModel), path_);
    check(options.set_options("XnnpackBackend", xnnpack.view()), path_);
    check(module_.load(options, executorch::runtime::Program::Verification::InternalConsistency),
          path_);
    check(module_.load_method(kMethod), path_);
    const auto meta = value(module_.method_meta(kMethod), path_);
    if (meta.num_inputs() != 1 || meta.num_outputs() != 1) {
      throw std::runtime_error(path_ + ": not a program of one input and one output");
    }
    const auto input = value(meta.input_tensor_meta(0), path_);
    const auto output = value(meta.output_tensor_meta(0), path_);
    if (input.scalar_type() != ScalarType::Float || output.scalar_type() != ScalarType::Float) {
      throw std::runtime_error(path_ + ": not a program from float32 to float32");
    }
    input_ = Layout(input);
    output_ = Layout(output);
    ++open_programs_;
  }

  ~Program() {
    std::lock_guard<std::mutex> lock(pool_mutex_);
    module_.unload_method(kMethod);
    --open_programs_;
  }

  const Layout& input() const { return input_; }
  const Layout& output() const { return output_; }

  // (name, nanoseconds) of the last run's operators in their order; empty if they are not timed.
  std::vector<std::pair<std::string, double>> operator_times() {
    nb::gil_scoped_release released;
    std::lock_guard<std::mutex> lock(run_mutex_);
    if (operator_times_ == nullptr) return {};
    return operator_times_->times;
  }

  // The image is read in place; the result is a new array in the output's memory order.
  Logits run(const Image& image) {
    if (image.size() != input_.numel()) throw std::invalid_argument("image of a wrong size");
    std::unique_ptr<float[]> logits(new float[output_.numel()]);  // make_unique would zero it
    NativeCallGuard inside;
    {
      nb::gil_scoped_release released;
      inside.enter();
      std::lock_guard<std::mutex> lock(run_mutex_);
      const Pool::NetworkRun under_way;
      logged.clear();
      execute(tensor(input_, const_cast<float*>(image.data())), logits.get());
    }
    const auto shape = output_.memory_shape();
    float* data = logits.release();
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<float*>(p); });
    return Logits(data, shape.size(), shape.data(), owner);
  }

 private:
  static TensorPtr tensor(const Layout& layout, float* data) {
    return make_tensor_ptr(layout.sizes, data, layout.dim_order, {}, ScalarType::Float);
  }

  void execute(const EValue& image, float* logits) {
    if (output_.is_planned) {
      const auto results = value(module_.execute(kMethod, image), path_);
      const auto& planned = results.at(0).toTensor();
      std::copy_n(planned.const_data_ptr<float>(), output_.numel(), logits);
    } else {
      check(module_.set_output(tensor(output_, logits)), path_);
      check(module_.execute(kMethod, image).error(), path_);
    }
  }

  // The pool is one per process, and a loaded program keeps a pointer to it: replacing the pool
  // under an open program would leave that pointer dangling.
  void set_thread_count(uint32_t thread_count) {
    auto* pool = get_threadpool();
    static const auto own_choice = static_cast<uint32_t>(pool->get_thread_count());
    if (thread_count == 0 && open_programs_ == 0) thread_count = own_choice;
    if (thread_count == 0 || pool->get_thread_count() == thread_count) return;
    if (open_programs_ > 0) {
      throw std::runtime_error(
          path_ + ": cannot run on " + std::to_string(thread_count) + " threads while a program"
          " on " + std::to_string(pool->get_thread_count()) + " is open: they share one pool");
    }
    pool->_unsafe_reset_threadpool(thread_count);
  }

  static inline std::mutex pool_mutex_;   // guards the pool's size and open_programs_
  static inline int open_programs_ = 0;

  std::string path_;
  OperatorTimes* operator_times_;  // the module's own; null if operators are not timed
  Module module_;
  Layout input_;
  Layout output_;
  std::mutex run_mutex_;  // a program has one set of buffers, so one run at a time
};

}  // namespace

void bind_runtime(nb::module_& m) {
  executorch::runtime::register_pal(
      executorch::runtime::PalImpl::create(keep_error_message, __FILE__));
  nb::module_::import_("atexit").attr("register")(nb::cpp_function(&NativeCallGuard::close));
  nb::set_leak_warnings(false);  // a thread that stays outside keeps its program

  m.attr("executorch_version") = EXECUTORCH_VERSION;
  m.def("thread_count", [] { return get_threadpool()->get_thread_count(); });

  nb::class_<Layout>(m, "Layout")
      .def_ro("sizes", &Layout::sizes)
      .def_ro("dim_order", &Layout::dim_order);

  nb::class_<Program>(m, "Program")
      .def(nb::init<std::string, uint32_t, bool>(), nb::arg("path"), nb::arg("thread_count"),
           nb::arg("times_operators") = false)
      .def_prop_ro("input", &Program::input)
      .def_prop_ro("output", &Program::output)
      .def("operator_times", &Program::operator_times)
      .def("run", &Program::run, nb::arg("image").noconvert());
}
