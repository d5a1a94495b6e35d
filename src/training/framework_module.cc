#include "training/framework_module.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/text.h"

namespace berth::training {
namespace {

// A client error is known by the names of its classes and of their package: there are two toolkits
// that define it, and neither may be needed here; others have a ClientError, too (boto3), which is
// none. Told before it is printed: the framework may have closed its streams. The module is
// imported with the script's own sys.path: that of `python -c`, less the working directory.
constexpr char kRunner[] = R"(import importlib, sys
module, function, report = sys.argv[1:4]
del sys.argv[1:]
sys.path[:] = [p for p in sys.path if p]
def tell(text):
    with open(report, "w", encoding="utf-8", errors="backslashreplace") as f:
        f.write(text)
try:
    getattr(importlib.import_module(module), function)()
except Exception as e:
    import traceback
    toolkits = "sagemaker_training", "sagemaker_containers"
    client = any(
        c.__name__ == "ClientError" and c.__module__.partition(".")[0] in toolkits
        for c in type(e).__mro__
    )
    where = traceback.format_exc()
    if client:
        tell(str(e))
    else:
        exception = "".join(traceback.format_exception_only(type(e), e))
        if where.endswith(exception):
            where = where[:-len(exception)]
        tell("framework error: " + exception + where)
    try:
        traceback.print_exc()
    except Exception:
        pass
    code = 1 if client else getattr(e, "errno", 1)
    try:
        code = int(code)
    except (TypeError, ValueError):
        code = 1
    sys.exit(code if 0 < code < 256 else 1)
)";

bool IsIdentifier(std::string_view text) {
  return !text.empty() && !std::isdigit(static_cast<unsigned char>(text.front())) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           const auto u = static_cast<unsigned char>(c);
           return u >= 0x80 || c == '_' || std::isalnum(u);
         });
}

}  // namespace

Result<FrameworkModule> ParseFrameworkModule(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon != std::string::npos) {
    const std::string module = text.substr(0, colon);
    const std::string function = text.substr(colon + 1);
    const std::vector<std::string> parts = Split(module, '.');
    if (std::all_of(parts.begin(), parts.end(), IsIdentifier) && IsIdentifier(function)) {
      return FrameworkModule{module, function};
    }
  }
  return Fail(fmt::format(
      "SAGEMAKER_TRAINING_MODULE is \"{}\": expected \"package.module:function\"", text));
}

std::vector<std::string> FrameworkCommand(const std::string& python, const FrameworkModule& module,
                                          const std::filesystem::path& report) {
  return {python, "-c", kRunner, module.module, module.function, report.string()};
}

}  // namespace berth::training
