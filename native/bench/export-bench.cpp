// How fast an adapter is merged into a model, beside writing that many bytes and beside libllama's own quantiser.
//
//   export-bench BASE OUT_DIR [THREADS [TYPE ...]]
//
// The adapter is random, rank 16, on all linear layers. MB/s are of the base's bytes, by the clock; the processor's seconds are
// those of all threads, whatever else runs on the machine. With FORJA_KEEP_EXPORTS set, files are kept as TYPE.gguf, so that
// what two builds make can be compared.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/llama-log.hpp"
#include "base/memory.hpp"
#include "base/random.hpp"
#include "export/merge-gguf.hpp"
#include "export/quant-mix.hpp"
#include "llama.h"

using namespace forja;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Times from its making on: by the clock, and on processors (on Windows by the clock too).
struct stopwatch {
    double       from = now();
    std::clock_t cpu  = std::clock();

    void print(const char * what, const std::string & type, double mb) const {
        std::printf("  %-8s %-8s %7.0f MB/s, %5.2f s of processor", what, type.c_str(), mb / (now() - from),
                    static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC);
    }
};

saved_tuning random_adapter(const gguf_file & base) {
    saved_tuning a;
    a.architecture = base.str("general.architecture").value_or("");
    for (const tensor_info & t : base.tensors()) {
        for (const char * part : {"attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_output.weight", "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"}) {
            if (t.name.find(part) != std::string::npos) {
                const int64_t        n_in = t.ne[0], n_out = t.ne[1], rank = a.settings.lora_rank;
                saved_tuning::tensor low{t.name, "lora_a", n_in, rank, {}}, high{t.name, "lora_b", rank, n_out, {}};
                for (int64_t i = 0; i < n_in * rank; ++i) {
                    low.values.push_back(1e-3f * static_cast<float>(mix64(static_cast<uint64_t>(i)) % 17) - 8e-3f);
                }
                for (int64_t i = 0; i < n_out * rank; ++i) {
                    high.values.push_back(1e-3f * static_cast<float>(mix64(static_cast<uint64_t>(i) + 7) % 19) - 9e-3f);
                }
                a.tensors.push_back(std::move(low));
                a.tensors.push_back(std::move(high));
            }
        }
    }
    return a;
}

} // namespace

int main(int argc, char ** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: export-bench BASE OUT_DIR [THREADS [TYPE ...]]\n");
        return 2;
    }
    quiet_llama_log();
    const std::string        path = argv[1], out = std::string(argv[2]) + "/export-bench.gguf";
    const int                threads = argc > 3 ? std::atoi(argv[3]) : 2;
    std::vector<std::string> types;
    for (int i = 4; i < argc; ++i) {
        types.emplace_back(argv[i]);
    }
    if (types.empty()) {
        types = {"same", "f16", "q8_0", "q4_0", "q4_k_m"};
    }
    const auto            base    = gguf_file::open(path);
    const saved_tuning adapter = random_adapter(*base);
    uint64_t              n_bytes = 0;
    for (const tensor_info & t : base->tensors()) {
        n_bytes += t.n_bytes;
    }
    const double mb = static_cast<double>(n_bytes) / 1e6;
    std::printf("%s: %.0f MB, %zu matrices tuned, %d threads, %.0f MB of memory with the adapter\n", path.c_str(), mb, adapter.sites().size(), threads,
                static_cast<double>(peak_memory_bytes()) / 1e6);
    {
        const stopwatch watch;
        atomic_file     file(out);
        for (const tensor_info & t : base->tensors()) {
            constexpr size_t piece = size_t{1} << 20; // never a whole tensor in memory, as in a merge
            for (size_t at = 0; at < t.n_bytes; at += piece) {
                const size_t n = std::min(piece, t.n_bytes - at);
                file.write(t.data + at, n);
                base->release(t, at, n);
            }
        }
        file.commit();
        watch.print("copied", "", mb);
        std::printf("\n");
        std::filesystem::remove(out);
    }
    for (const std::string & type : types) {
        const stopwatch watch;
        merge_to_gguf(*base, adapter, type, out, threads, {}, {});
        watch.print("merged", type, mb);
        std::printf(", %.0f MB of memory at most\n", static_cast<double>(peak_memory_bytes()) / 1e6);
        if (std::getenv("FORJA_KEEP_EXPORTS") != nullptr) {
            std::filesystem::rename(out, std::string(argv[2]) + "/" + type + ".gguf");
        } else {
            std::filesystem::remove(out);
        }
    }
    for (const std::string & type : types) {
        if (const output_type_info * info = find_output_type(type)) {
            llama_model_quantize_params params = llama_model_quantize_default_params();
            params.nthread                     = threads;
            params.ftype                       = info->ftype;
            params.allow_requantize            = true;
            const stopwatch watch;
            const auto      rc = llama_model_quantize(path.c_str(), out.c_str(), &params);
            watch.print("libllama", type, mb);
            std::printf("%s\n", rc == 0 ? "" : " (failed)");
            std::filesystem::remove(out);
        }
    }
    return 0;
}
