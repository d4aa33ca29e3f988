// One line an architecture; each is described in the file of its name.
#pragma once

#include "model/architecture.hpp"

namespace forja {
extern const architecture arch_llama, arch_qwen2, arch_qwen3, arch_gemma3, arch_phi3;
}
