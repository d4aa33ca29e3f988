// What ggml's CUDA backend says it can run, written down for machines that have none.
#pragma once

#include "ggml.h"

namespace forja::test {

/// The answer of ggml_backend_cuda_device_supports_op (ggml/src/ggml-cuda/ggml-cuda.cu, llama.cpp v0.4.0) for the operations that
/// a training step uses; false for all others. Where a kernel assumes more than is asked there (SCALE and SOFT_MAX take their input
/// for contiguous), this asks for it.
bool cuda_supports(const ggml_tensor * op);

} // namespace forja::test
