// The parts of berth._core, each registered by its own file.
#pragma once

#include <nanobind/nanobind.h>

namespace berth::python {

void AddTextCodecs(nanobind::module_& module);
void AddNumPyFormats(nanobind::module_& module);
void AddRecordIo(nanobind::module_& module);
void AddEnvironments(nanobind::module_& module);

}  // namespace berth::python
