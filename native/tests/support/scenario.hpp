// What tests of the trainer's mathematics start from: a tiny model on the CPU, rows of tokens, an adapter that does something.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "peft/saved-tuning.hpp"
#include "fixtures/tiny-model.hpp"
#include "model/model.hpp"
#include "ops/ops.hpp"
#include "peft/method.hpp"
#include "support/temporary-folder.hpp"

namespace forja::test {

/// The CPU with a number of threads; loads the backends.
std::shared_ptr<device> cpu(int threads = 1);

/// Opens a model file.
std::shared_ptr<model> open_model(const std::string & path, int max_seq_len = 256, int threads = 1);

/// Writes the fixture into the folder, once, and returns its path.
std::string fixture(const temporary_folder & folder, const fixtures::model_options & o);

/// Copies a real model's first n_layer blocks, embeddings and head to `path`, all matrices in F32.
void write_dequantised(const std::string & model_path, int n_layer, const std::string & path);

/// Tokens drawn from the whole vocabulary.
std::vector<int32_t> random_tokens(uint64_t seed, int n);

/// A row of payload words: n_prompt tokens that aren't learnt, n_answer that are.
std::vector<uint32_t> random_row(uint64_t seed, int n_prompt, int n_answer);

/// The rows back to back.
micro_batch batch_of(const std::vector<std::vector<uint32_t>> & rows);

/// Initial value i of an adapter tensor such as blk.0.attn_q.weight.lora_a: uniform in (-1/8, 1/8), as
/// reference/counter_random.py. B is not zero, so that every gradient is there from the start.
std::vector<float> adapter_values(const std::string & name, size_t n, uint64_t seed = 1);

/// Sets all A and B of a method to adapter_values(); what follows from them, and other parameters, are as a start has them.
void fill_adapter(method & m, uint64_t seed = 1);

/// Largest |a - b| over the root mean square of b; 1e30 when the sizes differ.
double deviation(const std::vector<float> & a, const std::vector<float> & b);

/// Length of a - b over the length of b.
double relative_distance(const std::vector<float> & a, const std::vector<float> & b);

} // namespace forja::test
