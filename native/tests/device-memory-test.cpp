// A device's memory: weights that are streamed give the bits of weights that stay, smaller passes give the sums of a large one, and
// what is allocated stays below the limit. On the CPU in the part of a device, on the CPU itself, and on the devices of this
// machine, where loss and gradients are the CPU's too.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/random.hpp"
#include "data/token-file.hpp"
#include "data/vocab.hpp"
#include "optim/adamw.hpp"
#include "support/expect-error.hpp"
#include "support/device-cases.hpp"
#include "support/report.hpp"
#include "support/scenario.hpp"
#include "train/engine.hpp"
#include "train/memory-plan.hpp"
#include "train/row-order.hpp"

using namespace forja;
using namespace forja::test;

namespace {

struct outcome {
    std::vector<double> losses;
    std::vector<float>  grads; // of the last step
    memory_plan         plan;
    size_t              device_bytes = 0;
    std::vector<warning> warnings;
};

struct subject {
    std::shared_ptr<model>  base;
    std::unique_ptr<method> tuning;
    engine::options         o;
    bool                    evaluates = true; // after the steps, the first batch

    subject(const std::string & path, std::shared_ptr<device> dev, precision prec, double dropout = 0) {
        base = model::load(gguf_file::open(path), dev, 256, true);
        method_settings s;
        s.lora_rank    = 4;
        s.lora_dropout = dropout;
        tuning      = make_method(s, *base, true);
        fill_adapter(*tuning);
        o.prec                    = prec;
        o.max_tokens              = 80; // in one pass only, however little memory there is
        o.activation_budget_bytes = 0; // kept activations would fill the memory that a limit leaves
        o.slab_bytes              = 256 * 64 * sizeof(float); // so that small matrices, too, are taken in slabs
        o.logits_bytes            = 0;                        // and the head's rows sixteen at a time
        o.score_bytes             = 0;                        // and attention's queries too
    }

    // Steps over the same batches, with the optimiser between.
    outcome steps(int n, const std::vector<micro_batch> & batches) {
        engine  e(base, tuning.get(), o);
        outcome out;
        for (int step = 1; step <= n; step++) {
            tuning->params().zero_grads();
            double  nats   = 0;
            int64_t tokens = 0;
            for (const micro_batch & mb : batches) {
                tokens += (int64_t) mb.labels.size();
            }
            for (const micro_batch & mb : batches) {
                nats += e.accumulate_gradients(mb, 1.0f / (float) tokens, 0).nats;
            }
            out.losses.push_back(nats / (double) tokens);
            out.grads = tuning->params().read(tuning->params().grads());
            adamw_step(e.runner(), tuning->params(), adamw_settings(), 1e-2, step, global_grad_norm(e.runner(), tuning->params()));
        }
        if (evaluates) {
            out.losses.push_back(e.evaluate(batches[0]).nats);
        }
        out.plan         = e.plan();
        out.device_bytes = e.device_bytes();
        out.warnings     = e.warnings();
        return out;
    }
};

bool has_warning(const outcome & o, const std::string & code) {
    return std::any_of(o.warnings.begin(), o.warnings.end(), [&](const warning & w) { return w.code == code; });
}

// 48 and 32 supervised tokens: the head takes them in sixteens.
std::vector<micro_batch> two_batches() {
    return {batch_of({random_row(1, 4, 20), random_row(2, 2, 9), random_row(3, 8, 19)}), batch_of({random_row(4, 1, 26), random_row(5, 6, 6)})};
}

struct base_case {
    const char * variant;
    ggml_type    type;
    precision    prec;
    bool         head_in_slabs; // large enough for that to save memory
};
const base_case cases[] = {
    {"llama", GGML_TYPE_F32, precision::f32, true},   {"llama-tied", GGML_TYPE_Q8_0, precision::fast, false},
    {"gemma3-softcap", GGML_TYPE_F16, precision::fast, true}, {"qwen2", GGML_TYPE_Q4_K, precision::fast, true},
    {"phi3", GGML_TYPE_Q4_0, precision::f32, false},
};

std::string name_of(const base_case & c) {
    return std::string(c.variant) + " " + ggml_type_name(c.type) + (c.prec == precision::fast ? " fast" : "");
}

// With no limit, with blocks streamed through two slots and through one, with the head in slabs as well.
void streaming(const base_case & c, std::shared_ptr<device> dev) {
    temporary_folder        folder;
    fixtures::model_options f;
    f.variant              = c.variant;
    f.type                 = c.type;
    f.n_layer              = 5;
    f.n_vocab              = 1100; // two slabs and a piece, at 512 rows
    const std::string path = fixture(folder, f), what = name_of(c) + " on " + dev->name() + ": ";
    const auto        batches = two_batches();
    subject           whole(path, dev, c.prec);
    const outcome     ref = whole.steps(3, batches);
    weight_store &    w   = *whole.base->weights();
    check(ref.plan.weights.n_slots == 5 && ref.warnings.empty(), what + "without a limit all weights stay");
    check(ref.device_bytes <= ref.plan.bytes, what + "what is allocated is what was planned");

    const size_t rest = ref.plan.bytes - w.bytes({5, 0});
    struct {
        weight_placement placement;
        const char *     name;
    } const streamed[] = {{{2, 0}, "two slots"}, {{1, 0}, "one slot"}};
    for (const auto & s : streamed) {
        subject it(path, dev, c.prec);
        it.o.device_memory_limit_bytes = (int64_t) (rest + w.bytes(s.placement));
        it.o.input_stride              = 1; // else fewer inputs would make room for a second slot
        const outcome  got      = it.steps(3, batches);
        const uint64_t uploaded = it.base->weights()->uploaded_bytes();
        check(got.plan.weights.n_slots == s.placement.n_slots && got.plan.weights.head_rows == 0 && got.plan.pass_tokens == 80, what + s.name + " are what the limit leaves");
        check(has_warning(got, "weights_streamed"), what + s.name + ": a warning says so");
        check(got.device_bytes <= (size_t) it.o.device_memory_limit_bytes, what + s.name + ": allocated bytes stay below the limit");
        // Three steps of two passes forward and back, and an evaluation, through five blocks of which all but the slots' are sent.
        check(uploaded > 30 * (w.bytes({2, 0}) - w.bytes({1, 0})), what + s.name + ": weights were sent again and again");
        check(got.losses == ref.losses, what + s.name + ": the same losses, bit for bit");
        check(got.grads == ref.grads, what + s.name + ": the same gradients, bit for bit");
    }
    if (!c.head_in_slabs) {
        return;
    }
    // A limit below blocks and the whole head brings the head in slabs: the largest such limit.
    outcome got;
    int64_t limit = (int64_t) ref.plan.bytes;
    while (limit > 0 && got.plan.weights.head_rows == 0) {
        limit -= 16384;
        subject it(path, dev, c.prec);
        it.o.device_memory_limit_bytes        = limit;
        try {
            engine e(it.base, it.tuning.get(), it.o);
            got.plan = e.plan();
        } catch (const error &) {
            break;
        }
    }
    check(got.plan.weights.head_rows > 0, what + "a small limit brings the head in slabs");
    if (got.plan.weights.head_rows > 0) {
        subject it(path, dev, c.prec);
        it.o.device_memory_limit_bytes        = limit;
        got = it.steps(3, batches);
        check(got.device_bytes <= (size_t) limit, what + "slabs: allocated bytes stay below the limit");
        check(got.losses == ref.losses, what + "slabs: the same losses, bit for bit");
        check(got.grads == ref.grads, what + "slabs: the same gradients, bit for bit");
    }
}

// Rows that don't fit into one pass are computed in several: the same loss and gradients but for the order of sums.
void smaller_passes(std::shared_ptr<device> dev, precision prec) {
    temporary_folder        folder;
    fixtures::model_options f;
    const std::string       path = fixture(folder, f), what = std::string(prec == precision::fast ? "fast" : "f32") + " on " + dev->name() + ": ";
    {
        const vocab_identity vocab = identify_vocab(*gguf_file::open(path));
        token_file_writer    writer(folder.path("rows.fjt"), vocab.n_vocab, vocab.vocab_hash);
        for (int i = 0; i < 12; i++) {
            const auto row = random_row(60 + i, 1 + i % 3, 5 + 7 * i % 25);
            writer.add_row(row.data(), row.size(), i);
        }
        writer.finish();
    }
    const row_set        rows(token_file::open(folder.path("rows.fjt")), 32);
    const int64_t        n_tokens = rows.most_tokens(12);
    std::vector<int64_t> all(12);
    std::iota(all.begin(), all.end(), 0);
    auto with_limit = [&](int64_t limit) {
        subject it(path, dev, prec);
        it.o.max_tokens                = n_tokens;
        it.o.max_row_tokens            = 32;
        it.o.device_memory_limit_bytes = limit;
        return it;
    };
    auto plan_of = [&](int64_t limit) {
        subject it = with_limit(limit);
        return engine(it.base, it.tuning.get(), it.o).plan();
    };
    auto step_of = [&](int64_t limit, int64_t pass_tokens) { return with_limit(limit).steps(1, pack_passes(rows, all, pass_tokens)); };
    const outcome whole = step_of(1ll << 30, n_tokens);
    check(whole.warnings.empty() && whole.plan.pass_tokens == n_tokens, what + "under a limit that is no matter one pass does");
    for (int part : {2, 4}) {
        const std::string name  = what + "passes of 1/" + std::to_string(part) + ": ";
        int64_t           limit = (int64_t) whole.plan.bytes, pass_tokens = n_tokens;
        while (pass_tokens > (n_tokens + part - 1) / part) {
            limit -= 8192;
            pass_tokens = plan_of(limit).pass_tokens;
        }
        const outcome got = step_of(limit, pass_tokens);
        check(got.plan.pass_tokens == pass_tokens && has_warning(got, "micro_batch_split"), name + "a warning says so");
        check(got.device_bytes <= (size_t) limit, name + "allocated bytes stay below the limit");
        check_error(name + "loss", std::abs(got.losses[0] - whole.losses[0]) / whole.losses[0], 1e-6);
        // F32 sums in another order; with fast products dY is rounded to BF16 or F16 at the same places, so no more than that.
        check_error(name + "gradients", relative_distance(got.grads, whole.grads), 1e-5);
        check_fails("internal", name + "a micro-batch of more tokens is refused", [&] { step_of(limit, n_tokens); });
    }
    check_fails("device_out_of_memory", what + "a limit below the least", [&] { plan_of(100000); });
}

// Inputs that are computed again are the inputs that were kept, whatever the stride, the memory and the device.
void strides(std::shared_ptr<device> dev, precision prec, double dropout) {
    temporary_folder        folder;
    fixtures::model_options f;
    f.n_layer              = 7;
    const std::string path = fixture(folder, f), what = std::string(prec == precision::fast ? "fast" : "f32") + " on " + dev->name() + ": ";
    const auto        batches = two_batches();
    auto              with = [&](int stride, int64_t limit, int64_t budget) {
        subject it(path, dev, prec, dropout);
        it.o.input_stride              = stride;
        it.o.device_memory_limit_bytes = limit;
        it.o.activation_budget_bytes   = budget;
        return it.steps(2, batches);
    };
    const outcome ref = with(1, 0, 0);
    for (int stride : {2, 3, 7}) {
        const outcome got = with(stride, 0, 0);
        check(got.losses == ref.losses && got.grads == ref.grads, what + "one input in " + std::to_string(stride) + " kept: the same bits");
        check(has_warning(got, "inputs_recomputed") && !has_warning(ref, "inputs_recomputed"), what + "a warning says so");
    }
    const outcome kept = with(1, 0, 1 << 20), kept_far = with(3, 0, 1 << 20);
    check(kept.losses == kept_far.losses && kept.grads == kept_far.grads, what + "the same bits with inner values kept");
    const outcome all = with(1, 1ll << 30, 0), least = with(3, 1ll << 30, 0);
    check(least.plan.bytes < all.plan.bytes && least.device_bytes <= least.plan.bytes, what + "fewer kept inputs need less memory");
    const outcome limited = with(0, (int64_t) all.plan.bytes - 1, 0);
    check(limited.plan.input_stride > 1 && limited.plan.pass_tokens == all.plan.pass_tokens, what + "a limit just below makes inputs fewer");
    check(limited.losses == ref.losses && limited.grads == ref.grads, what + "and changes no bit");
}

// As many slots as inputs that are kept, those between, and the output; each input has the slot it was given.
void slots() {
    for (int n_layer : {1, 2, 5, 12, 32}) {
        for (int lowest : {0, 1, 3, n_layer}) {
            for (int stride = 1; lowest <= n_layer && stride <= n_layer; stride++) {
                const input_slots  s(n_layer, lowest, stride);
                std::map<int, int> holds; // what lies in each slot after the way forward
                for (int il = 0; il <= n_layer; il++) {
                    holds[s.at(il)] = il;
                }
                bool right = holds.rbegin()->first < s.count() && s.count() <= std::min(2, lowest) + n_layer - lowest + 1;
                for (int il = n_layer - 1; il >= lowest; il--) {
                    for (int k = s.origin(il); k < il && holds[s.at(il)] != il; k++) {
                        right            = right && holds[s.at(k)] == k;
                        holds[s.at(k + 1)] = k + 1;
                    }
                    right = right && holds[s.at(il)] == il && holds[s.at(n_layer)] == n_layer;
                }
                check(right, std::to_string(n_layer) + " blocks from " + std::to_string(lowest) + ", stride " + std::to_string(stride) + ": every input is found again");
            }
        }
    }
    check(input_slots::stride_within(32, 0, 33) == 1 && input_slots::stride_within(32, 0, 32) == 2 && input_slots::stride_within(32, 0, 1) == input_slots::longest_stride(32, 0),
          "the smallest stride that fits, or the longest");
    check(input_slots(80, 0, input_slots::longest_stride(80, 0)).count() == 18, "80 blocks need 18 slots at least");
}

// Whatever the rows of a micro-batch, the plan made for the most demanding ones holds.
void any_rows(std::shared_ptr<device> dev) {
    temporary_folder folder;
    subject          it(fixture(folder, {}), dev, precision::fast);
    it.o.max_tokens                = 120;
    it.o.max_row_tokens            = 40;
    it.o.device_memory_limit_bytes = 1ll << 30;
    engine e(it.base, it.tuning.get(), it.o);
    size_t most = 0;
    for (uint64_t k = 0; k < 24; k++) {
        std::vector<std::vector<uint32_t>> rows;
        for (int left = 120, i = 0; left >= 2; i++) {
            const int n = std::min(left, 2 + (int) (mix64(k * 100 + i) % 39));
            rows.push_back(random_row(k * 100 + i, 1, n - 1));
            left -= n;
        }
        e.accumulate_gradients(batch_of(rows), 1.0f, 0);
        most = std::max(most, e.device_bytes());
    }
    check(most <= e.plan().bytes, dev->name() + ": no mix of rows takes more than was planned");
}

// What a limit leaves is used: half of it for activations that are not computed twice then. The same gradients, bit for bit in F32; with
// fast products they are kept in BF16.
void kept_activations(std::shared_ptr<device> dev, precision prec) {
    temporary_folder  folder;
    const std::string what    = std::string(prec == precision::fast ? "fast: " : "f32: ") + "kept activations: ";
    const auto        path    = fixture(folder, {});
    const auto        batches = two_batches();
    subject           recomputing(path, dev, prec);
    const outcome     ref     = recomputing.steps(1, batches);
    for (int64_t spare : {int64_t(200) << 10, int64_t(64) << 20}) {
        subject it(path, dev, prec);
        it.o.activation_budget_bytes   = -1;
        it.o.device_memory_limit_bytes = (int64_t) ref.plan.bytes + spare;
        const outcome     got  = it.steps(1, batches);
        const std::string name = what + std::to_string(spare >> 10) + " KiB left: ";
        check(got.plan.kept_bytes > 0 && (int64_t) got.plan.kept_bytes <= spare / 2, name + std::to_string(got.plan.kept_bytes >> 10) + " KiB are used");
        check(got.device_bytes <= (size_t) it.o.device_memory_limit_bytes, name + "allocated bytes stay below the limit");
        check(got.device_bytes > ref.device_bytes, name + "something is kept");
        if (prec == precision::f32) {
            check(got.losses == ref.losses && got.grads == ref.grads, name + "the same losses and gradients, bit for bit");
        } else { // BF16 rounds what the backward pass reads to 2^-9, as its products do
            check(got.losses[0] == ref.losses[0], name + "the same loss, bit for bit");
            check_error(name + "gradients", relative_distance(got.grads, ref.grads), 2e-2);
        }
    }
}

// The order in which a plan gives things up.
void plans() {
    memory_needs n;
    n.adapter_bytes    = 10;
    n.passes           = pass_choices(400, 100, 1);
    n.kept_bytes       = 50;
    n.n_layer          = 10;
    n.head_rows        = {8, 4};
    n.activation_bytes = [](const pass_choice & p, bool slabs) { return (size_t) p.tokens / p.input_stride + (slabs ? 10 : 0); };
    n.weight_bytes     = [](const weight_placement & p) { return (size_t) (100 * p.n_slots + (p.head_rows ? 10 * p.head_rows : 200)); };
    auto with = [&](size_t bytes) {
        n.available_bytes = bytes;
        return plan_memory(n, "a device");
    };
    auto choices = [](int64_t max_tokens, int64_t max_row_tokens, int longest_stride) {
        std::string out;
        for (const pass_choice & p : pass_choices(max_tokens, max_row_tokens, longest_stride)) {
            out += std::to_string(p.tokens) + "/" + std::to_string(p.input_stride) + " ";
        }
        return out;
    };
    check(choices(400, 100, 1) == "400/1 200/1 100/1 ", "passes are halved down to a row");
    check(choices(1100, 300, 2) == "1100/1 550/1 1100/2 550/2 300/1 300/2 ", "inputs are recomputed before passes become slow");
    auto is = [&](size_t bytes, int slots, int64_t head_rows, int64_t tokens, size_t kept, int stride = 1) {
        const memory_plan p = with(bytes);
        check(p.weights.n_slots == slots && p.weights.head_rows == head_rows && p.pass_tokens == tokens && p.kept_bytes == kept && p.bytes <= bytes && p.input_stride == stride,
              std::to_string(bytes) + " bytes: " + std::to_string(slots) + " slots, " + std::to_string(tokens) + " tokens");
    };
    is(2000, 10, 0, 400, 50);
    is(1620, 10, 0, 400, 10);
    is(1609, 10, 0, 200, 50);
    is(1310, 10, 0, 100, 0);
    is(1309, 6, 0, 400, 50); // blocks of all that is left, then kept activations
    is(810, 2, 0, 400, 0);
    is(809, 3, 0, 200, 50);
    is(509, 1, 0, 100, 50); // 10 + 100 + 200 + 100 = 410
    is(409, 2, 8, 100, 9);
    is(299, 1, 4, 100, 39);
    n.kept_part = 2;
    is(1620, 10, 0, 400, 5);
    is(2000, 10, 0, 400, 50);
    n.kept_part = 1;
    check_fails("device_out_of_memory", "less than the least", [&] { with(200); });
    n.passes = pass_choices(400, 100, 2);
    is(1609, 10, 0, 400, 50, 2); // before the pass becomes a slow one
    is(1309, 10, 0, 100, 49, 2); // and before blocks are streamed
}

// The same in as little as shows it, for slow devices: with all weights on the device and with a limit, and beside the CPU in F32.
void streaming_once(const base_case & c, bool slabs, std::shared_ptr<device> dev) {
    temporary_folder        folder;
    fixtures::model_options f;
    f.variant              = c.variant;
    f.type                 = c.type;
    f.n_layer              = 3;
    f.n_vocab              = 1100;
    const std::string path = fixture(folder, f), what = name_of(c) + " on " + dev->name() + (slabs ? ", head in slabs: " : ", two slots: ");
    const std::vector<micro_batch> batch{batch_of({random_row(1, 2, 17), random_row(2, 1, 15)})};
    // Plans are made without running anything.
    auto plan_of = [&](int64_t limit) {
        subject it(path, dev, c.prec);
        it.o.max_tokens                = batch[0].n_tokens();
        it.o.device_memory_limit_bytes = limit;
        return engine(it.base, it.tuning.get(), it.o).plan();
    };
    const memory_plan whole = plan_of(0);
    int64_t           limit = (int64_t) whole.bytes - 1;
    while (slabs && plan_of(limit).weights.head_rows == 0) {
        limit -= 16384;
    }
    outcome got[2];
    for (int i = 0; i < 2; i++) {
        subject it(path, dev, c.prec);
        it.o.max_tokens                = batch[0].n_tokens();
        it.o.device_memory_limit_bytes = i ? limit : 0;
        it.evaluates                   = false;
        got[i]                         = it.steps(1, batch);
    }
    check(got[0].plan.weights.n_slots == 3 && got[1].plan.weights.n_slots < 3 && (got[1].plan.weights.head_rows > 0) == slabs, what + "is what the limit leaves");
    check(got[1].device_bytes <= (size_t) limit && got[1].device_bytes < got[0].device_bytes, what + std::to_string(got[1].device_bytes) + " bytes allocated, below the limit of " +
          std::to_string(limit) + "; " + std::to_string(got[0].device_bytes) + " without");
    check(got[0].losses == got[1].losses, what + "the same loss, bit for bit");
    check(got[0].grads == got[1].grads, what + "the same gradients, bit for bit");
    subject on_cpu(path, cpu(), precision::f32);
    on_cpu.o.max_tokens = batch[0].n_tokens();
    on_cpu.evaluates    = false;
    const outcome want  = on_cpu.steps(1, batch);
    // Tolerances as in device-parity-test.
    const bool   f32 = c.prec == precision::f32, exact = f32 && dev->is_emulated();
    const double loss = exact ? 1e-6 : f32 ? 1e-3 : 1e-2, gradients = exact ? 2e-5 : f32 ? 1e-2 : 1e-1;
    check_error(what + "loss beside the CPU's", std::abs(got[1].losses[0] - want.losses[0]) / want.losses[0], loss);
    check_error(what + "gradients beside the CPU's", relative_distance(got[1].grads, want.grads), gradients);
}

} // namespace

int main(int argc, char ** argv) {
    // What other devices stream: each with its name.
    std::vector<std::pair<const base_case *, bool>> streamed; // and whether the head comes in slabs
    std::vector<std::string>                        names;
    for (const base_case & c : cases) {
        streamed.push_back({&c, false});
        names.push_back(name_of(c) + ", two slots");
        if (c.head_in_slabs) {
            streamed.push_back({&c, true});
            names.push_back(name_of(c) + ", head in slabs");
        }
    }
    return device_test(argc, argv, names,
        [&] {
            slots();
            plans();
            strides(cpu(), precision::f32, 0.2);
            strides(cpu(), precision::fast, 0);
            strides(device::open_emulated(1), precision::fast, 0);
            for (precision prec : {precision::f32, precision::fast}) {
                smaller_passes(device::open_emulated(1), prec);
                smaller_passes(cpu(), prec);
                kept_activations(device::open_emulated(1), prec);
            }
            any_rows(device::open_emulated(1));
            any_rows(cpu());
            for (const base_case & c : cases) {
                streaming(c, device::open_emulated(1));
            }
            for (const auto & [c, slabs] : streamed) {
                streaming_once(*c, slabs, device::open_emulated(1));
            }
        },
        [&](size_t i, const device_info & d) { streaming_once(*streamed[i].first, streamed[i].second, device::open(d.name, 1)); });
}
