#include "errors.h"

#include <nanobind/nanobind.h>

#include <cerrno>
#include <new>

namespace berth::python {

void Throw(const Error& error) {
  if (PyErr_Occurred() != nullptr) throw nanobind::python_error();
  const std::string& message = error.message();
  switch (error.system_error()) {
    case ENOTSUP:
      throw NotNativeError(message);
    case ENOSPC:
    case ENOMEM:
      throw std::bad_alloc();
    // Numbers that say what is wrong with a value, not what the system refused.
    case 0:
    case EINVAL:
    case EOVERFLOW:
    case E2BIG:
    case EPERM:
      throw nanobind::value_error(message.c_str());
    default: {
      // Made here: of an OSError made later Python 3.8 would not see that it is a
      // FileNotFoundError.
      const nanobind::object exception =
          nanobind::borrow(PyExc_OSError)(error.system_error(), message.c_str());
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
      throw nanobind::python_error();
    }
  }
}

}  // namespace berth::python
