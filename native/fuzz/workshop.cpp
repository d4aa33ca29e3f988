#include <filesystem>
#include <fstream>
#include <iterator>

#include <unistd.h>

#include "data/token-file.hpp"
#include "data/vocab.hpp"
#include "export/adapter-gguf.hpp"
#include "fixtures/tiny-model.hpp"
#include "gguf/gguf-file.hpp"
#include "model/model.hpp"
#include "ops/device.hpp"
#include "peft/method.hpp"
#include "support/random-adapter.hpp"
#include "targets.hpp"
#include "train/checkpoint.hpp"

namespace forja::fuzz {

namespace fs = std::filesystem;
namespace fx = forja::fixtures;

namespace {

std::string read_file(const std::string & path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

workshop open_workshop() {
    load_backends(false);
    workshop  w;
    const auto memory = fs::path("/dev/shm");
    w.folder  = ((fs::is_directory(memory) ? memory : fs::temp_directory_path()) / ("forja-fuzz-" + std::to_string(getpid()))).string();
    fs::create_directories(w.folder);
    w.model   = w.path("base.gguf");
    w.adapter = w.path("sound-adapter.gguf");
    fx::model_options o;
    o.type    = GGML_TYPE_Q8_0;
    o.n_layer = 1; // as those that the campaign mutates, so that its adapter fits the ones of its architecture
    fx::write_tiny_model(o, w.model);
    const auto file = gguf_file::open(w.model);
    write_adapter_gguf(test::random_adapter(*file, 2, 4, false, 0.1f), w.adapter);
    w.adapter_gguf_bytes = read_file(w.adapter);

    const auto base   = model::load(file, device::open("cpu", 1), 64, false);
    auto       method = method_from_saved(read_tuning(w.adapter), *base, true);
    run_state  state;
    state.step     = 3;
    state.val_loss = 2.5;
    state.settings = {{"architecture", "llama"}, {"seed", "1"}};
    save_checkpoint(w.path("checkpoint"), *method, state);
    w.state_bytes = read_file(w.path("checkpoint/state.gguf"));

    const auto        vocab = identify_vocab(*file);
    token_file_writer tokens(w.path("sound.fjt"), vocab.n_vocab, vocab.vocab_hash);
    for (uint32_t row = 0; row < 5; ++row) {
        std::vector<uint32_t> words;
        for (uint32_t t = 0; t < 4 + row; ++t) {
            words.push_back((t * 7 + row) % vocab.n_vocab | (t > 1 ? supervised_bit : 0));
        }
        tokens.add_row(words.data(), words.size(), row);
    }
    tokens.finish();
    w.token_bytes = read_file(w.path("sound.fjt"));
    static const auto & folder = *new std::string(w.folder); // it outlives the workshop, which is gone before this is called
    std::atexit([] {
        std::error_code ec;
        fs::remove_all(folder, ec);
    });
    return w;
}

} // namespace

const workshop & workshop::get() {
    static const workshop w = open_workshop();
    return w;
}

std::string place(const char * name, std::string_view bytes) {
    const std::string path = workshop::get().path(name);
    std::ofstream     out(path, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
}

} // namespace forja::fuzz
