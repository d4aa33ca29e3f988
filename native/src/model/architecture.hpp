// An architecture is a short file in model/architectures/: which metadata it reads and which optional pieces its blocks have.
#pragma once

#include <string>
#include <vector>

#include "gguf/gguf-file.hpp"
#include "model/hparams.hpp"

namespace forja {

struct architecture {
    const char * name;              // general.architecture
    bool         qk_norm;           // RMS norms on each head of q and k, before the rotation
    bool         post_norms;        // norms after attention and after the feed-forward network, before the residual
    bool         llama_permuted_qk; // the file's q and k rows are permuted against Hugging Face's, for ggml's rotation

    /// Reads what is particular to the architecture; the common keys are already in hp. max_seq_len in tokens.
    void (*read)(const gguf_file & file, int max_seq_len, hparams & hp);
};

/// The supported architectures, in the order they are named to a person.
const std::vector<const architecture *> & architectures();

/// Looks up general.architecture.
/// @throws error architecture_unsupported, with the list of those supported
const architecture & find_architecture(const gguf_file & file);

/// Reads and checks the metadata of a supported model.
/// @param max_seq_len tokens that will be used; decides between short and long rotary factors
/// @throws error: architecture_unsupported, gguf_bad_metadata, model_unsupported (mixture of experts and the like)
hparams read_hparams(const gguf_file & file, int max_seq_len);

} // namespace forja
