#include "usercode/is_archive.h"

namespace berth::usercode {

bool IsArchive(std::string_view name, std::string_view head) {
  if (name.ends_with(".tar.gz") || name.ends_with(".tgz") || name.ends_with(".tar")) return true;
  constexpr std::string_view kTarMagic = "ustar";
  constexpr size_t kTarMagicAt = kArchiveHead - kTarMagic.size();
  return head.starts_with("\x1f\x8b") ||
         (head.size() >= kArchiveHead && head.substr(kTarMagicAt, kTarMagic.size()) == kTarMagic);
}

}  // namespace berth::usercode
