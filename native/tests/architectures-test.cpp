// Every architecture that trains, traced from libllama with no code of its own: logits against libllama's, gradients of all adapters
// against central differences, and rows that share a pass against each alone.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <set>

#include "base/error.hpp"
#include "base/llama-log.hpp"
#include "export/adapter-gguf.hpp"
#include "export/merge-gguf.hpp"
#include "fixtures/any-model.hpp"
#include "peft/lora.hpp"
#include "peft/method-kind.hpp"
#include "support/expect-error.hpp"
#include "support/held-choices.hpp"
#include "support/libllama-reference.hpp"
#include "support/report.hpp"
#include "support/scenario.hpp"
#include "trace/capture.hpp"
#include "train/engine.hpp"

using namespace forja;
using namespace forja::test;

namespace {

struct subject {
    std::shared_ptr<model>  base;
    std::unique_ptr<method> tuning;
    std::unique_ptr<engine> run;

    explicit subject(const std::string & path) {
        base = open_model(path);
        method_settings s;
        s.lora_rank      = 2;
        s.lora_alpha     = 4;
        s.target_modules = {"all-linear"};
        tuning           = make_method(s, *base, true);
        fill_adapter(*tuning);
        engine::options o;
        o.prec       = precision::f32;
        o.max_tokens = 128;
        run          = std::make_unique<engine>(base, tuning.get(), o);
    }
    std::vector<float> gradients(const std::vector<micro_batch> & batches, double & loss) {
        parameter_store & params = tuning->params();
        params.zero_grads();
        loss = 0;
        for (const micro_batch & mb : batches) {
            loss += run->accumulate_gradients(mb, 1.0f, 0).nats;
        }
        return params.read(params.grads());
    }
};

// Slope of the loss along `direction` of all parameters at once, by the central difference of fourth order.
// The choices of experts, where there are any, are held at those of the unmoved parameters: they have no gradient.
double slope(subject & s, held_choices & choices, const micro_batch & mb, const std::vector<float> & direction, double h, int64_t & changed) {
    parameter_store &        params = s.tuning->params();
    const std::vector<float> start  = params.read(params.values());
    auto                     at     = [&](double step) {
        std::vector<float> moved = start;
        for (size_t k = 0; k < moved.size(); k++) {
            moved[k] += (float) (step * direction[k]);
        }
        params.write(params.values(), moved.data(), moved.size());
        choices.hold();
        const double nats = s.run->evaluate(mb).nats;
        changed += choices.changed();
        return nats;
    };
    const double result = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    params.write(params.values(), start.data(), start.size());
    return result;
}

double length(const std::vector<float> & v) {
    double s = 0;
    for (float x : v) {
        s += (double) x * x;
    }
    return std::sqrt(s);
}

template <typename F> bool has_step(const model & m, F is) {
    const auto & blocks = m.program().blocks;
    return std::any_of(blocks.begin(), blocks.end(), [&](const trace::part & b) { return std::any_of(b.steps.begin(), b.steps.end(), is); });
}

// Whether libllama applies the adapter. What Forja thinks of it is compared with libllama's graph: it stops over an adapter on a product
// that it gives a precision.
bool check_applied(const subject & s, const saved_tuning & saved, const std::string & name) {
    const auto            graph = trace::capture_graphs(s.base->file()).first;
    std::set<std::string> precise;
    for (const trace::node & n : graph.nodes) {
        if (n.what == trace::node::kind::computed && n.op == GGML_OP_MUL_MAT && n.i32(0) == GGML_PREC_F32 && graph.nodes[n.src[0]].what == trace::node::kind::weight) {
            precise.insert(graph.nodes[n.src[0]].name);
        }
    }
    bool applied = true, known = true;
    for (const std::string & site : saved.sites()) {
        known   = known && llama_cpp_adapts(saved.architecture, site) == !precise.count(site);
        applied = applied && !precise.count(site);
    }
    check(known, name + ": what libllama can adapt is known");
    return applied;
}

void check_architecture(const fixtures::any_model_options & o, const temporary_folder & folder) {
    const std::string path = folder.path(o.name() + ".gguf");
    fixtures::write_any_model(o, path);
    subject s(path);

    const std::vector<int32_t> tokens = random_tokens(3, 40);
    // F32: only the order of sums differs. Where libllama looks GELU up in its table over F16 inputs, that is the error.
    const auto & steps   = s.base->program().blocks[0].steps;
    const bool   is_gelu = std::any_of(steps.begin(), steps.end(), [](const trace::step & step) {
        return (step.kind == trace::step_kind::unary && step.function == unary_function::gelu_tanh) || (step.kind == trace::step_kind::gated && step.act == activation::gelu_tanh);
    });
    {
        engine::options plain;
        plain.prec       = precision::f32;
        plain.training   = false;
        plain.max_tokens = (int64_t) tokens.size();
        engine base(s.base, nullptr, plain);
        check_error(o.name() + ": logits", relative_distance(base.logits(single_sequence(tokens)), libllama_logits(path, tokens, 256)), is_gelu ? 2e-3 : 3e-6);
    }
    { // What is trained is what libllama applies: all of the adapter, where it was trained.
        const std::string adapter = folder.path(o.name() + ".lora.gguf");
        const saved_tuning saved   = s.tuning->saved();
        const bool         applied = check_applied(s, saved, o.name());
        const std::string  merged  = folder.path(o.name() + ".merged.gguf");
        if (applied) {
            write_adapter_gguf(saved, adapter);
        } else {
            check_fails("export_refused", o.name() + ": an adapter that llama.cpp can't apply", [&] { write_adapter_gguf(saved, adapter); });
            write_tuning(saved, adapter);
            check(gguf_file::open(adapter)->str("adapter.type") == unapplied_lora, o.name() + ": its file does not pass for a LoRA of llama.cpp's");
            check(read_tuning(adapter).tensors.size() == saved.tensors.size(), o.name() + ": its file is read");
            merge_to_gguf(s.base->file(), saved, "f32", merged, 1, {}, {});
        }
        const auto theirs = applied ? libllama_logits(path, tokens, 256, adapter) : libllama_logits(merged, tokens, 256);
        check(relative_distance(theirs, libllama_logits(path, tokens, 256)) > 0.02, o.name() + ": the adapter changes the logits");
        check_error(o.name() + ": logits with the adapter, by libllama", relative_distance(s.run->logits(single_sequence(tokens)), theirs), is_gelu ? 2e-3 : 5e-6);
    }
    if (o.kind == "mtp") { // what predicts further tokens is no part of training, and stays in the file as it was
        const std::string merged = folder.path(o.name() + ".merged.gguf");
        merge_to_gguf(s.base->file(), s.tuning->saved(), "same", merged, 1, {}, {});
        const auto out  = gguf_file::open(merged);
        int        kept = 0;
        for (const tensor_info & t : s.base->file().tensors()) {
            if (t.name.starts_with("blk." + std::to_string(s.base->hp().n_layer) + ".")) {
                const tensor_info * u = out->find(t.name);
                kept += u && u->n_bytes == t.n_bytes && std::memcmp(u->data, t.data, t.n_bytes) == 0 ? 1 : -100;
            }
        }
        check(kept == 14, o.name() + ": the merged file has the block for further tokens, to the byte");
        check_error(o.name() + ": the merged model's logits, by libllama", relative_distance(libllama_logits(merged, tokens, 256), s.run->logits(single_sequence(tokens))), 1e-4);
    }
    const micro_batch        both = batch_of({random_row(11, 4, 19), random_row(12, 2, 25)});
    double                   loss = 0, parts = 0;
    const std::vector<float> g      = s.gradients({both}, loss);
    const std::vector<float> apart  = s.gradients({batch_of({random_row(11, 4, 19)}), batch_of({random_row(12, 2, 25)})}, parts);
    check_error(o.name() + ": rows that share a pass, loss", std::fabs(loss - parts) / loss, 1e-6);
    check_error(o.name() + ": rows that share a pass, gradients", relative_distance(g, apart), 1e-5);

    // What one row says has no influence on the other's gradients: not through a convolution, a state, or anything else. To the bit.
    for (const int judged : {0, 1}) {
        micro_batch one = both, other = both;
        for (size_t i = one.labels.size(); i-- > 0;) {
            if ((one.sup_index[i] >= one.seq_start[1]) != (judged == 1)) {
                one.labels.erase(one.labels.begin() + i);
                one.sup_index.erase(one.sup_index.begin() + i);
            }
        }
        other.labels    = one.labels;
        other.sup_index = one.sup_index;
        other.tokens    = one.tokens;
        for (int32_t i = one.seq_start[1 - judged]; i < one.seq_start[2 - judged]; i++) {
            other.tokens[i] = (other.tokens[i] + 1 + i % 7) % 64;
        }
        double       was = 0, is = 0;
        const auto   g_was = s.gradients({one}, was), g_is = s.gradients({other}, is);
        check(length(g_was) > 1e-3 && was == is && g_was == g_is, o.name() + ": row " + std::to_string(judged + 1) + " does not feel the other");
    }

    // Each parameter tensor along its own gradient. Tolerance as in gradient-test: 3e-4 of the length, and the loss's own noise.
    const bool   chooses = has_step(*s.base, [](const trace::step & step) { return step.kind == trace::step_kind::top_k; });
    held_choices choices(*s.run);
    choices.record();
    s.run->evaluate(both);
    check(chooses == (choices.count() > 0), o.name() + ": choices are held where there are any");
    // A length that is divided by bends the loss where it is short (a delta net's keys): the error of a difference goes with h^4.
    const double step = has_step(*s.base, [](const trace::step & one) { return one.kind == trace::step_kind::l2_norm; }) ? 0.01 : 0.02;
    int64_t     changed = 0;
    double      worst   = 0;
    std::string where = "none";
    parameter_store & params = s.tuning->params();
    for (int i = 0; i < params.count(); i++) {
        const size_t       at = ((const char *) params.grad(i)->data - (const char *) params.grads()->data) / sizeof(float);
        const size_t       n  = (size_t) ggml_nelements(params.grad(i));
        std::vector<float> part(g.begin() + at, g.begin() + at + n);
        const double       len = length(part);
        if (!(len > 1e-4)) {
            check(false, o.name() + ": " + params.name(i) + " has no gradient");
            continue;
        }
        std::vector<float> direction(g.size(), 0.0f);
        for (size_t k = 0; k < n; k++) {
            direction[at + k] = (float) (part[k] / len);
        }
        const double error = std::fabs(slope(s, choices, both, direction, step, changed) - len) / (len + 0.3);
        if (error > worst) {
            worst = error;
            where = params.name(i);
        }
    }
    // A clamp has corners, and so has a rectified unit; a step of the difference takes some values across them. No weight of an expert
    // is near the smallest sum that libllama divides by.
    const bool corners = has_step(*s.base, [](const trace::step & step) {
        return (step.kind == trace::step_kind::clamp && step.most < INFINITY) || (step.kind == trace::step_kind::gated && step.act == activation::relu);
    });
    check_error(o.name() + ": " + std::to_string(params.count()) + " gradients (" + where + ")", worst, corners ? 2e-2 : 5e-4);
    if (chooses) {
        std::printf("     %s, seed %d: %lld choices held that steps of a difference would have changed\n", o.name().c_str(), (int) o.seed, (long long) changed);
    }
}

const char * name_of(trace::step_kind kind) {
    using k = trace::step_kind;
    switch (kind) {
        case k::linear: return "linear";
        case k::rms_norm: return "RMS norm";
        case k::layer_norm: return "layer norm";
        case k::rope: return "rotary embedding";
        case k::attention: return "attention";
        case k::gated: return "gated unit";
        case k::unary: return "activation";
        case k::add: return "sum";
        case k::multiply: return "product";
        case k::add_weight: return "added weight";
        case k::mul_weight: return "multiplied weight";
        case k::scale: return "scale";
        case k::clamp: return "clamp";
        case k::split: return "split";
        case k::slice: return "slice";
        case k::reshape: return "";
        case k::embedding: return "position embedding";
        case k::softmax:
        case k::top_k:
        case k::pick:
        case k::sum_rows:
        case k::divide: return "";
        case k::short_conv: return "short convolution";
        case k::l2_norm: return "";
        case k::delta_net: return "gated delta net";
        case k::experts:
        case k::experts_sum: return "experts";
    }
    return "";
}

// A row of docs/models.md.
void print_row(const fixtures::any_model_options & o, const temporary_folder & folder) {
    const std::string path = folder.path(o.name() + ".gguf");
    fixtures::write_any_model(o, path);
    const auto            m = open_model(path);
    std::set<std::string> operations, roles;
    for (const trace::part & block : m->program().blocks) {
        for (const trace::step & s : block.steps) {
            operations.insert(s.kind == trace::step_kind::attention && s.how.n_swa > 0 ? "sliding window" : name_of(s.kind));
        }
    }
    for (const site & at : m->sites()) {
        roles.insert(at.role);
    }
    const auto list = [](const std::set<std::string> & names) {
        std::string out;
        for (const std::string & n : names) {
            out += n.empty() ? "" : (out.empty() ? "" : ", ") + n;
        }
        return out;
    };
    std::printf("| %s | %s | %s |\n", o.name().c_str(), list(operations).c_str(), list(roles).c_str());
}

} // namespace

// With the argument --table: docs/models.md's table. With a name: that architecture alone, with a seed of its weights if one is told.
int main(int argc, char ** argv) {
    forja::test::cpu();
    temporary_folder folder;
    if (argc > 1 && std::string(argv[1]) == "--table") {
        std::printf("| architecture | operations of its blocks | what LoRA can adapt |\n|---|---|---|\n");
        for (const fixtures::any_model_options & o : fixtures::trainable_architectures()) {
            print_row(o, folder);
        }
        return 0;
    }
    std::vector<fixtures::any_model_options> all = fixtures::trainable_architectures();
    for (fixtures::any_model_options o : fixtures::trainable_architectures()) {
        // Near-ties are a matter of the weights: those whose unheld differences failed with some seeds are tried with more.
        if (argc == 1 && (o.name() == "qwen2moe-experts" || o.name() == "gpt-oss-experts" || o.name() == "minimax-m2-experts")) {
            for (o.seed = 2; o.seed <= 4; o.seed++) {
                all.push_back(o);
            }
        }
    }
    bool found = false;
    for (fixtures::any_model_options o : all) {
        o.seed = argc > 2 ? std::stoull(argv[2]) : o.seed;
        if (argc > 1 && o.name() != argv[1]) {
            continue;
        }
        found = true;
        try {
            check_architecture(o, folder);
        } catch (const std::exception & e) {
            check(false, o.name() + ": " + e.what());
        }
    }
    check(found, argc > 1 ? "there is a fixture " + std::string(argv[1]) : "there are fixtures");
    return result();
}
