// berth._core: the core as one Python extension. What is bound is documented in the docstrings,
// which python/berth/_core.pyi repeats (tests/python/test_stub.py).
#include "bindings.h"
#include "errors.h"

NB_MODULE(_core, module) {
  namespace nb = nanobind;
  // At the end of an interpreter whose modules outlive us nanobind would write to the job's log.
  nb::set_leak_warnings(false);
  module.doc() = "Berth's codecs and its view of the SageMaker container contract, in C++.";
  module.def("version", [] { return BERTH_VERSION; }, "That of the binary, too.");
  nb::exception<berth::python::NotNativeError>(module, "NotNativeError", PyExc_ValueError).doc() =
      "The core leaves this input to json or NumPy, which make their own result or error of it.";
  berth::python::AddTextCodecs(module);
  berth::python::AddNumPyFormats(module);
  berth::python::AddRecordIo(module);
  berth::python::AddEnvironments(module);
}
