// The state of recognise(): which node of the graph became which value. Internal to trace/.
#pragma once

#include <map>
#include <set>
#include <unordered_map>

#include "trace/capture.hpp"
#include "trace/program.hpp"

namespace forja::trace {

/// An operation that can't be trained; becomes error architecture_unsupported.
struct unsupported {
    std::string what;
};

/// A value that a step needs: of a node, in a shape.
struct need {
    int          node;
    trace::shape as;
    int64_t      slice_of = 0, slice_at = 0; // slice_of > 0: so many values of each token from slice_at on
};

/// A step before its operands have numbers.
struct planned {
    step              what;
    std::vector<need> needs;
};

class recogniser {
  public:
    recogniser(const capture & c, const gguf_file & file, int max_seq_len);

    /// Steps of the whole model in the order of their need, values numbered through: 0 is the embeddings.
    std::vector<step> steps;
    int               n_values = 1, output = 0;
    program           ends; // embedding, head and what lies around them; its parts are empty

    void run();

  private:
    // Reading the graph.
    const node & at(int i) const { return c_.first.nodes[i]; }
    int          src(int i, int k) const { return i < 0 ? -1 : at(i).src[k]; }
    bool         is(int i, ggml_op op) const { return i >= 0 && at(i).what == node::kind::computed && at(i).op == op; }
    bool         is_weight(int i) const { return i >= 0 && at(i).what == node::kind::weight; }
    bool         is_vector(int i) const { return is_weight(i) && at(i).n_elements() == at(i).ne[0]; }
    extent       extent_of(int i, int dim) const;
    trace::shape shape_of(int i) const;
    trace::shape matrix_shape(int i) const; // [ne0, all the rest]
    void         require_same_structure() const;

    // Layouts: nodes that move no value. strip() follows those that keep the order of values.
    bool    keeps_order(int i) const;
    int     strip(int i) const;
    bool    is_all_tokens(int i) const; // GET_ROWS of every token in order, as libllama picks outputs
    bool    is_slice(int i) const;
    planned slice(int i) const;
    int64_t floats_per_token(int i) const;
    void    find_splits();

    // Patterns, by the last node of each.
    planned match(int i);
    planned match_product(int i, int bias);
    planned match_sum(int i);
    planned match_multiplication(int i);
    planned match_norm(int i, int norm, int weight, int bias);
    planned match_rope(int i) const;
    planned match_attention(int i) const;
    planned match_gated(int i);
    planned match_unary(int i) const;
    planned match_rows(int i) const;
    planned match_experts(int i) const;
    bool    match_experts_sum(int i, planned & out);
    bool    is_choice(int i) const; // the first numbers of an ARGSORT from the largest down
    planned match_choice(int i) const;
    planned match_pick(int i) const;
    void    mark_routers();
    int     conv_of(int i) const; // the SSM_CONV that node i is, or the activation of; else -1
    planned match_conv(int i) const;
    bool    is_delta_output(int i) const; // the part of a delta net's result that is not its state
    planned match_delta_net(int i) const;
    bool    is_memory(int i) const; // what was in a cache before this batch
    int     attention_operand(int i, int64_t head_dim, int64_t n_heads, float * factor) const;
    int     window_of(int mask) const;
    bool    is_counting(int i) const; // an input 0, 1, 2 …
    bool    is_counting_thrice(int i) const; // three times that, then zeros: M-RoPE's positions of text
    void    match_ends();

    // Emitting.
    void emit(int i);
    int  as(int value, const trace::shape & s);
    int  value_of(const need & n);
    int  add_value(const trace::shape & s);

    struct piece {
        int64_t at, n;
        bool    operator<(const piece & o) const { return at < o.at; }
    };

    const capture &                          c_;
    const gguf_file &                        file_;
    const int                                max_seq_len_;
    std::unordered_map<int, int>             values_;      // node -> value
    std::vector<trace::shape>                shapes_;      // of values
    std::map<std::pair<int, std::string>, int> reshaped_;  // value and shape -> value
    std::unordered_map<int, int>             written_;     // memory node -> node of the rows written to it
    std::unordered_map<int, std::set<piece>> pieces_;      // node -> its slices, where they make up the whole
    std::map<std::pair<int, int64_t>, int>   piece_value_; // node and offset -> value
    std::set<std::string>                    fused_gate_up_;
    int                                      head_input_ = -1; // node
    int                                      embedded_   = -1; // node that is value 0
    float                                    logit_factor_ = 1;
};

/// Cuts the steps at the borders between the weights' blocks. @throws unsupported
void cut_blocks(const recogniser & r, program & into);

} // namespace forja::trace
