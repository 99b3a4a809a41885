#include "bindings.h"

void bind_runtime(nanobind::module_&) {}
