#include "bindings.h"

void bind_labels(nanobind::module_&) {}
