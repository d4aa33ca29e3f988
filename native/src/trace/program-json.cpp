#include "trace/program-json.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

namespace forja::trace {
using nlohmann::json;

namespace {

json shape_json(const shape & s) {
    json out = json::array();
    for (const extent & e : s) {
        out.push_back({e.n, e.per_token});
    }
    return out;
}

shape shape_from(const json & j) {
    shape out;
    for (size_t d = 0; d < out.size(); d++) {
        out[d] = {j.at(d).at(0), j.at(d).at(1)};
    }
    return out;
}

json rope_json(const rope_settings & r) {
    return {r.n_rot, r.mode, r.n_ctx_orig, r.freq_base, r.freq_scale, r.ext_factor, r.attn_factor, r.beta_fast, r.beta_slow, r.sections};
}

rope_settings rope_from(const json & j) {
    return {j.at(0), j.at(1), j.at(2), j.at(3), j.at(4), j.at(5), j.at(6), j.at(7), j.at(8), j.at(9).get<std::array<int, 4>>()};
}

json step_json(const step & s) {
    return {{"kind", (int) s.kind}, {"in", s.in}, {"out", s.out}, {"shape", shape_json(s.shape)}, {"weight", s.weight}, {"bias", s.bias},
            {"role", s.role}, {"eps", s.eps}, {"factor", s.factor}, {"bias_value", s.bias_value}, {"least", s.least}, {"most", s.most},
            {"act", (int) s.act}, {"function", (int) s.function}, {"constants", s.constants}, {"rotation", rope_json(s.rotation)},
            {"how", {s.how.scale, s.how.softcap, s.how.n_swa}}, {"sizes", s.sizes}, {"strides", {s.stride1, s.stride2, s.offset}},
            {"by_position", s.by_position}, {"router", s.router}, {"has_silu", s.has_silu}, {"is_grouped", s.is_grouped}};
}

step step_from(const json & j) {
    step s;
    s.kind       = (step_kind) j.at("kind").get<int>();
    s.in         = j.at("in").get<std::vector<int>>();
    s.out        = j.at("out").get<std::vector<int>>();
    s.shape      = shape_from(j.at("shape"));
    s.weight     = j.at("weight");
    s.bias       = j.at("bias");
    s.role       = j.at("role");
    s.eps        = j.at("eps");
    s.factor     = j.at("factor");
    s.bias_value = j.at("bias_value");
    // JSON has no infinity: a bound that is none is written as null.
    s.least       = j.at("least").is_null() ? -INFINITY : j.at("least").get<float>();
    s.most        = j.at("most").is_null() ? INFINITY : j.at("most").get<float>();
    s.act         = (activation) j.at("act").get<int>();
    s.function    = (unary_function) j.at("function").get<int>();
    s.constants   = j.at("constants").get<std::array<float, 4>>();
    s.rotation    = rope_from(j.at("rotation"));
    s.how         = {j.at("how").at(0), j.at("how").at(1), j.at("how").at(2)};
    s.sizes       = j.at("sizes").get<std::vector<int64_t>>();
    s.stride1     = j.at("strides").at(0);
    s.stride2     = j.at("strides").at(1);
    s.offset      = j.at("strides").at(2);
    s.by_position = j.at("by_position");
    s.router      = j.at("router");
    s.has_silu    = j.at("has_silu");
    s.is_grouped  = j.at("is_grouped");
    return s;
}

json part_json(const part & p) {
    json steps = json::array();
    for (const step & s : p.steps) {
        steps.push_back(step_json(s));
    }
    return {{"steps", steps}, {"n_values", p.n_values}, {"output", p.output}};
}

part part_from(const json & j) {
    part p;
    for (const json & s : j.at("steps")) {
        p.steps.push_back(step_from(s));
    }
    p.n_values = j.at("n_values");
    p.output   = j.at("output");
    return p;
}

} // namespace

json to_json(const program & p) {
    json blocks = json::array();
    for (const part & b : p.blocks) {
        blocks.push_back(part_json(b));
    }
    return {{"prologue", part_json(p.prologue)}, {"blocks", blocks}, {"epilogue", part_json(p.epilogue)}, {"embedding", p.embedding},
            {"embedding_scale", p.embedding_scale}, {"head", p.head}, {"head_bias", p.head_bias}, {"final_softcap", p.final_softcap},
            {"n_embd", p.n_embd}, {"n_vocab", p.n_vocab}, {"n_head", p.n_head}};
}

program program_from_json(const json & j) {
    program p;
    p.prologue = part_from(j.at("prologue"));
    for (const json & b : j.at("blocks")) {
        p.blocks.push_back(part_from(b));
    }
    p.epilogue        = part_from(j.at("epilogue"));
    p.embedding       = j.at("embedding");
    p.embedding_scale = j.at("embedding_scale");
    p.head            = j.at("head");
    p.head_bias       = j.at("head_bias");
    p.final_softcap   = j.at("final_softcap");
    p.n_embd          = j.at("n_embd");
    p.n_vocab         = j.at("n_vocab");
    p.n_head          = j.at("n_head");
    return p;
}

} // namespace forja::trace
