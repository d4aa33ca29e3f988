// A LoRA adapter as plain numbers: what training produces, checkpoints hold and every export starts from.
//
// Letters: r rank, n_in and n_out the adapted matrix's inputs and outputs. y = W x + scale * B (A x).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace forja {

/// The factor of B·A: lora_alpha / r, or lora_alpha / sqrt(r) with use_rslora (Kalajdzievski 2023, eq. 5).
float lora_scale(double lora_alpha, int64_t rank, bool use_rslora);

struct adapter_tensors {
    /// The low-rank update of one matrix of the base model.
    struct pair {
        std::string        base_name; // the base's tensor: "blk.0.attn_q.weight"
        int64_t            n_in = 0, n_out = 0, rank = 0;
        std::vector<float> a; // ne = [n_in, r]:  a[j * n_in + i], j < r
        std::vector<float> b; // ne = [r, n_out]: b[o * r + j], o < n_out
    };

    std::string              architecture;    // general.architecture of the base
    std::string              base_model_name; // general.name of the base, for people; may be empty
    int64_t                  lora_rank    = 0;
    double                   lora_alpha   = 0;
    double                   lora_dropout = 0;
    bool                     use_rslora   = false;
    std::vector<std::string> target_modules; // of q, k, v, o, gate, up, down
    std::vector<pair>        pairs;          // in the order of the base's layers

    float        scale_of(const pair & p) const { return lora_scale(lora_alpha, p.rank, use_rslora); }
    const pair * find(const std::string & base_name) const; // nullptr when absent
    int64_t      n_params() const;                          // sum of r * (n_in + n_out)
};

} // namespace forja
