// What a script reported about its own failure.
#pragma once

#include <string>

namespace berth::ranks {

/// The traceback, else the message, in a file as torch.distributed.elastic's `record` writes it
/// (TORCHELASTIC_ERROR_FILE): {"message": {"message": …, "extraInfo": {"py_callstack": …}}}, or
/// {"message": "…"}. Of a long one the end. Empty where there is no such file, it is no regular
/// one, is larger than 1 MiB or holds anything else: the script failed before it could report.
std::string ReadErrorFile(const std::string& path);

}  // namespace berth::ranks
