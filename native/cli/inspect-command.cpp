// The inspect and devices jobs: what a file is, what the machine has.
#include <map>

#include "commands.hpp"
#include "data/vocab.hpp"
#include "model/model.hpp"
#include "model/parameter-count.hpp"

namespace forja {
using nlohmann::json;

json devices_json() {
    json list = json::array();
    for (const device_info & d : list_devices()) {
        list.push_back({{"name", d.name}, {"description", d.description}, {"type", d.type}, {"backend", d.backend},
                        {"memory_total_bytes", d.memory_total_bytes}, {"memory_free_bytes", d.memory_free_bytes}});
    }
    return list;
}

job_result devices_command(const json &, event_writer &) {
    return {{{"devices", devices_json()}, {"llama_cpp_release", FORJA_LLAMA_RELEASE}, {"cpu_features", cpu_features()}}};
}

job_result inspect_command(const json & job, event_writer &) {
    auto file = gguf_file::open(job["model_path"]);
    auto text = [&](const char * key) -> json {
        auto v = file->str(key);
        return v ? json(*v) : json(nullptr);
    };
    // A special token's text, by the id that the metadata give.
    auto token = [&](const char * key) -> json {
        const int64_t list = gguf_find_key(file->meta(), "tokenizer.ggml.tokens");
        auto          id   = file->i64(key);
        if (!id || list < 0 || *id < 0 || *id >= (int64_t) gguf_get_arr_n(file->meta(), list)) {
            return nullptr;
        }
        return gguf_get_arr_str(file->meta(), list, *id);
    };
    std::map<std::string, int64_t> types;
    for (const tensor_info & t : file->tensors()) {
        types[ggml_type_name(t.type)]++;
    }
    const std::string arch = file->str("general.architecture").value_or("");
    json              data = {{"path", file->path()},
                              {"file_size_bytes", file->file_size_bytes()},
                              {"files", file->paths()},
                              {"architecture", arch},
                              {"name", text("general.name")},
                              {"basename", text("general.basename")},
                              {"size_label", text("general.size_label")},
                              {"finetune", text("general.finetune")},
                              {"license", text("general.license")},
                              {"base_type", ggml_type_name(most_common_type(*file))},
                              {"tensor_types", types},
                              {"n_params", count_parameters(*file)},
                              {"chat_template", text("tokenizer.chat_template")},
                              {"bos_token", token("tokenizer.ggml.bos_token_id")},
                              {"eos_token", token("tokenizer.ggml.eos_token_id")},
                              {"adds_bos", adds_bos(*file)},
                              {"tied_head", file->find("output.weight") == nullptr}};
    auto number = [&](const char * key) -> int64_t {
        const std::string full = arch + "." + key;
        const int64_t     id   = gguf_find_key(file->meta(), full.c_str());
        return id >= 0 && gguf_get_kv_type(file->meta(), id) != GGUF_TYPE_ARRAY ? file->i64(full).value_or(0) : 0;
    };
    data["n_layer"]     = number("block_count");
    data["n_embd"]      = number("embedding_length");
    data["n_head"]      = number("attention.head_count");
    data["n_head_kv"]   = number("attention.head_count_kv") ? number("attention.head_count_kv") : number("attention.head_count");
    data["n_ff"]        = number("feed_forward_length");
    data["n_ctx_train"] = number("context_length");
    const tensor_info * embd = file->find("token_embd.weight");
    data["n_vocab"]     = embd ? embd->ne[1] : 0;
    // Loading maps the file and checks every tensor's name, shape and type: what training would refuse, this says.
    try {
        model::load(file, device::open("cpu", 1), 512, false);
        data["trainable"] = true;
        data["reason"]    = nullptr;
    } catch (const error & e) {
        data["trainable"] = false;
        data["reason"]    = e.what();
        data["reason_code"] = e.code;
        data["reason_hint"] = e.hint;
    }
    return {data};
}

} // namespace forja
