#include "train/checkpoint.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "base/error.hpp"
#include "base/files.hpp"
#include "gguf/gguf-file.hpp"
#include "gguf/gguf-writer.hpp"

namespace forja {
namespace fs = std::filesystem;

namespace {

constexpr uint32_t state_version = 1;

void write_state(const std::string & path, const method & m, const run_state & s) {
    gguf_writer    out(path);
    gguf_context * meta = out.meta();
    gguf_set_val_str(meta, "general.type", "forja-state");
    gguf_set_val_u32(meta, "forja.state_version", state_version);
    gguf_set_val_u64(meta, "forja.step", s.step);
    gguf_set_val_u64(meta, "forja.tokens", s.tokens);
    gguf_set_val_u64(meta, "forja.elapsed_ms", s.elapsed_ms);
    gguf_set_val_f64(meta, "forja.train_loss", s.train_loss);
    if (s.val_loss) {
        gguf_set_val_f64(meta, "forja.val_loss", *s.val_loss);
    }
    if (s.best_val_loss) {
        gguf_set_val_f64(meta, "forja.best_val_loss", *s.best_val_loss);
    }
    if (s.is_validation_due) {
        gguf_set_val_bool(meta, "forja.validation_due", true);
    }
    std::vector<const char *> keys, values;
    for (auto & [key, value] : s.settings) {
        keys.push_back(key.c_str());
        values.push_back(value.c_str());
    }
    gguf_set_arr_str(meta, "forja.setting_names", keys.data(), keys.size());
    gguf_set_arr_str(meta, "forja.setting_values", values.data(), values.size());

    const parameter_store & p = m.params();
    const ggml_tensor *     moments[] = {p.moment1(), p.moment2()};
    const char *            names[]   = {"moment1", "moment2"};
    for (int i = 0; i < 2; i++) {
        out.add_tensor(names[i], GGML_TYPE_F32, {moments[i]->ne[0], moments[i]->ne[1], 1, 1});
    }
    out.begin();
    for (const ggml_tensor * t : moments) {
        const std::vector<float> values_f32 = p.read(t);
        out.write(values_f32.data(), values_f32.size() * sizeof(float));
    }
    out.commit();
}

[[noreturn]] void corrupt(const std::string & path, const std::string & why) {
    throw error("checkpoint_corrupt", "The checkpoint " + path + " can't be used: " + why,
                "Remove it, and resume from an earlier checkpoint of the run.", {{"path", path}, {"reason", why}});
}

/// Reads a part of a checkpoint. Whatever is wrong with the file is told of the checkpoint: what helps with a damaged model doesn't here.
template <typename Read> auto read_part(const std::string & path, const Read & read) {
    try {
        return read(path);
    } catch (const error & e) {
        if (e.kind == exit_kind::failure) {
            throw; // not the file's fault
        }
        corrupt(path, e.what());
    }
}

bool all_finite(const float * x, size_t n) {
    return std::all_of(x, x + n, [](float v) { return std::isfinite(v); });
}

std::vector<std::string> string_array(const gguf_file & file, const char * key) {
    const int64_t id = gguf_find_key(file.meta(), key);
    if (id < 0 || gguf_get_kv_type(file.meta(), id) != GGUF_TYPE_ARRAY || gguf_get_arr_type(file.meta(), id) != GGUF_TYPE_STRING) {
        corrupt(file.path(), std::string("'") + key + "' is missing");
    }
    std::vector<std::string> out;
    for (size_t i = 0; i < gguf_get_arr_n(file.meta(), id); i++) {
        out.push_back(gguf_get_arr_str(file.meta(), id, i));
    }
    return out;
}

std::shared_ptr<gguf_file> open_state(const std::string & folder, run_state & s) {
    const std::string path = path_utf8(utf8_path(folder) / "state.gguf");
    std::error_code   ec;
    if (!fs::exists(utf8_path(path), ec)) {
        throw error("checkpoint_missing", "There is no checkpoint in " + folder, "Name a folder that holds adapter.gguf and state.gguf.", {{"path", folder}});
    }
    auto file = read_part(path, gguf_file::open);
    if (file->i64("forja.state_version").value_or(0) != state_version) {
        corrupt(path, "it was written by another version of Forja");
    }
    s.step       = file->i64("forja.step").value_or(0);
    s.tokens     = file->i64("forja.tokens").value_or(0);
    s.elapsed_ms = file->i64("forja.elapsed_ms").value_or(0);
    s.train_loss = file->f64("forja.train_loss").value_or(0);
    s.val_loss   = file->f64("forja.val_loss");
    s.best_val_loss = file->f64("forja.best_val_loss");
    s.is_validation_due = gguf_find_key(file->meta(), "forja.validation_due") >= 0;
    const auto names = string_array(*file, "forja.setting_names"), values = string_array(*file, "forja.setting_values");
    if (names.size() != values.size()) {
        corrupt(path, "its settings are incomplete");
    }
    for (size_t i = 0; i < names.size(); i++) {
        s.settings[names[i]] = values[i];
    }
    return file;
}

} // namespace

void save_checkpoint(const std::string & folder, const method & m, const run_state & s) {
    write_folder_atomically(folder, [&](const std::string & dir) {
        write_tuning(m.saved(), path_utf8(utf8_path(dir) / "adapter.gguf"));
        write_state(path_utf8(utf8_path(dir) / "state.gguf"), m, s);
    });
}

run_state load_checkpoint(const std::string & folder, method & m) {
    run_state s;
    auto      file = open_state(folder, s);
    m.load(read_part(path_utf8(utf8_path(folder) / "adapter.gguf"), read_tuning)); // which refuses numbers that are not finite
    ggml_tensor * moments[] = {m.params().moment1(), m.params().moment2()};
    const char *  names[]   = {"moment1", "moment2"};
    for (int i = 0; i < 2; i++) {
        const tensor_info * t = file->find(names[i]);
        if (!t || t->type != GGML_TYPE_F32 || t->n_bytes != ggml_nbytes(moments[i])) {
            corrupt(file->path(), std::string("the optimiser's ") + names[i] + " doesn't fit the adapter");
        }
        if (!all_finite((const float *) t->data, t->n_bytes / sizeof(float))) {
            corrupt(file->path(), std::string("the optimiser's ") + names[i] + " is not finite");
        }
        m.params().write(moments[i], (const float *) t->data, t->n_bytes / sizeof(float));
    }
    return s;
}

run_state read_checkpoint_state(const std::string & folder) {
    run_state s;
    open_state(folder, s);
    return s;
}

std::string checkpoint_folder(const std::string & out_dir, int64_t step) {
    char name[32];
    std::snprintf(name, sizeof(name), "step-%08lld", (long long) step);
    return path_utf8(utf8_path(out_dir) / "checkpoints" / name);
}

std::vector<std::string> checkpoints_before(const std::string & folder) {
    const fs::path           newest = utf8_path(folder).lexically_normal();
    std::vector<std::string> older;
    std::error_code          ec;
    for (const auto & entry : fs::directory_iterator(newest.parent_path(), ec)) {
        const std::string name = path_utf8(entry.path().filename());
        if (entry.is_directory(ec) && name.rfind("step-", 0) == 0 && name < path_utf8(newest.filename())) {
            older.push_back(path_utf8(entry.path()));
        }
    }
    std::sort(older.rbegin(), older.rend());
    return older;
}

std::string set_checkpoint_aside(const std::string & folder) {
    const fs::path  from = utf8_path(folder), to = from.parent_path() / ("aside-" + path_utf8(from.filename()));
    std::error_code ec;
    fs::remove_all(to, ec);
    fs::rename(from, to, ec);
    return path_utf8(ec ? from : to);
}

void prune_checkpoints(const std::string & out_dir, int kept) {
    std::error_code       ec;
    std::vector<fs::path> steps;
    for (const auto & entry : fs::directory_iterator(utf8_path(out_dir) / "checkpoints", ec)) {
        const std::string name = path_utf8(entry.path().filename());
        if (name.rfind("step-", 0) == 0) {
            if (name.size() == 13) {
                steps.push_back(entry.path());
            } else {
                fs::remove_all(entry.path(), ec); // left by a writer that was killed
            }
        }
    }
    std::sort(steps.begin(), steps.end());
    for (size_t i = 0; i + kept < steps.size(); i++) {
        // Under another name first: who is killed while removing leaves no checkpoint that looks whole.
        fs::path doomed = steps[i];
        doomed += ".partial";
        fs::rename(steps[i], doomed, ec);
        if (!ec) {
            fs::remove_all(doomed, ec);
        }
    }
}

} // namespace forja
