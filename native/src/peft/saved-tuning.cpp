#include "peft/saved-tuning.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "base/error.hpp"
#include "gguf/gguf-writer.hpp"
#include "peft/method-kind.hpp"

namespace forja {

namespace {

error invalid(const std::string & path, const std::string & what) {
    return error("adapter_invalid", path + " is not a usable adapter: " + what + ".", "Choose an adapter made by Forja or by llama.cpp's converter.",
                 {{"path", path}, {"reason", what}});
}

std::vector<float> to_f32(const tensor_info & t, const std::string & path) {
    const int64_t      n = t.ne[0] * t.ne[1];
    std::vector<float> out(static_cast<size_t>(n));
    switch (t.type) {
        case GGML_TYPE_F32: std::memcpy(out.data(), t.data, out.size() * sizeof(float)); break;
        case GGML_TYPE_F16: ggml_fp16_to_fp32_row(reinterpret_cast<const ggml_fp16_t *>(t.data), out.data(), n); break;
        case GGML_TYPE_BF16: ggml_bf16_to_fp32_row(reinterpret_cast<const ggml_bf16_t *>(t.data), out.data(), n); break;
        default: throw invalid(path, "the tensor " + t.name + " has the type " + ggml_type_name(t.type));
    }
    if (!std::all_of(out.begin(), out.end(), [](float x) { return std::isfinite(x); })) {
        throw invalid(path, "the tensor " + t.name + " holds numbers that are not finite");
    }
    return out;
}

/// What the parts of a site say of its matrix; 0 where none does.
struct site_shape {
    int64_t n_in = 0, n_out = 0, rank = 0;

    /// False where it contradicts what another part said.
    bool take(extent e, int64_t n) {
        int64_t one = 1;
        int64_t & known = e == extent::in ? n_in : e == extent::out ? n_out : e == extent::rank ? rank : one;
        if (known == 0) {
            known = n;
        }
        return known == n;
    }
};

site_shape shape_of(const saved_tuning & saved, const method_kind & kind, const std::string & site) {
    site_shape shape;
    for (const part_kind & part : kind.parts()) {
        if (const saved_tuning::tensor * t = saved.find(site, part.name)) {
            shape.take(part.ne0, t->ne0);
            shape.take(part.ne1, t->ne1);
        }
    }
    return shape;
}

const method_kind & kind_of_file(const gguf_file & file) {
    const std::string type = file.str("general.type").value_or("") == "adapter" ? file.str("adapter.type").value_or("") : "";
    for (const method_kind * kind : method_kinds()) {
        if (kind->file_type() == type || (type == unapplied_lora && kind->file_type() == "lora")) {
            return *kind;
        }
    }
    throw invalid(file.path(), type.empty() ? "it is a GGUF of another kind" : "it is of the method '" + type + "', which this Forja doesn't have");
}

const part_kind & part_of(const std::string & name, const method_kind & kind, const std::string & path) {
    for (const part_kind & part : kind.parts()) {
        const std::string ending = std::string(".") + part.name;
        if (name.size() > ending.size() && name.compare(name.size() - ending.size(), ending.size(), ending) == 0) {
            return part;
        }
    }
    throw invalid(path, "it adapts something else than matrices (" + name + ")");
}

} // namespace

const saved_tuning::tensor * saved_tuning::find(const std::string & site, const std::string & part) const {
    const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const tensor & t) { return t.site == site && t.part == part; });
    return found == tensors.end() ? nullptr : &*found;
}

bool saved_tuning::has(const std::string & site) const {
    return std::any_of(tensors.begin(), tensors.end(), [&](const tensor & t) { return t.site == site; });
}

std::vector<std::string> saved_tuning::sites() const {
    std::vector<std::string> out;
    for (const tensor & t : tensors) {
        if (out.empty() || out.back() != t.site) {
            out.push_back(t.site);
        }
    }
    return out;
}

int64_t saved_tuning::n_params() const {
    int64_t sum = 0;
    for (const tensor & t : tensors) {
        sum += t.ne0 * t.ne1;
    }
    return sum;
}

void write_tuning(const saved_tuning & saved, const std::string & path) {
    const method_kind & kind = method_kind_of(saved.settings.method);
    gguf_writer         out(path);
    gguf_context *      meta = out.meta();
    gguf_set_val_str(meta, "general.type", "adapter");
    gguf_set_val_str(meta, "general.architecture", saved.architecture.c_str());
    if (!saved.base_model_name.empty()) {
        gguf_set_val_u32(meta, "general.base_model.count", 1);
        gguf_set_val_str(meta, "general.base_model.0.name", saved.base_model_name.c_str());
    }
    gguf_set_val_str(meta, "adapter.type", file_type_of(saved).c_str());
    kind.write_keys(meta, saved);
    for (const auto & t : saved.tensors) {
        if (t.values.size() != static_cast<size_t>(t.ne0 * t.ne1)) {
            throw failure("internal", "The tensor " + t.name() + " doesn't have the size it says.");
        }
        out.add_tensor(t.name(), GGML_TYPE_F32, {t.ne0, t.ne1, 1, 1});
    }
    out.begin();
    for (const auto & t : saved.tensors) {
        out.write(t.values.data(), t.values.size() * sizeof(float));
    }
    out.commit();
}

saved_tuning read_tuning(const std::string & path) {
    const auto          file = gguf_file::open(path);
    const method_kind & kind = kind_of_file(*file);
    saved_tuning        saved;
    saved.settings.method = kind.name();
    saved.architecture    = file->str("general.architecture").value_or("");
    saved.base_model_name = file->str("general.base_model.0.name").value_or("");

    std::vector<std::string> sites; // in the order of each one's first part
    for (const tensor_info & t : file->tensors()) {
        const part_kind & part = part_of(t.name, kind, path);
        const std::string site = t.name.substr(0, t.name.size() - std::strlen(part.name) - 1);
        if (part.name == kind.parts().front().name) {
            sites.push_back(site);
        } else if (file->find(site + "." + kind.parts().front().name) == nullptr) {
            throw invalid(path, "the other part of " + t.name + " is missing");
        }
    }
    for (const std::string & site : sites) {
        site_shape shape;
        for (const part_kind & part : kind.parts()) {
            const tensor_info * t = file->find(site + "." + part.name);
            if (t == nullptr) {
                throw invalid(path, site + "." + part.name + " is missing");
            }
            if (t->ne[2] != 1 || t->ne[3] != 1 || !shape.take(part.ne0, t->ne[0]) || !shape.take(part.ne1, t->ne[1])) {
                throw invalid(path, "the parts of " + site + " have shapes that don't fit each other");
            }
            saved.tensors.push_back({site, part.name, t->ne[0], t->ne[1], to_f32(*t, path)});
        }
    }
    if (saved.tensors.empty()) {
        throw invalid(path, "it holds no tensors");
    }
    kind.read_keys(*file, saved);
    return saved;
}

void require_tuning_fits(const saved_tuning & saved, const gguf_file & base) {
    const auto mismatch = [&](const std::string & what) {
        return error("adapter_mismatch", "This adapter belongs to another model: " + what + ".", "Choose the model that it was trained on.",
                     {{"model", base.path()}, {"reason", what}});
    };
    const std::string architecture = base.str("general.architecture").value_or("");
    if (saved.architecture != architecture) {
        throw mismatch("its architecture is " + saved.architecture + ", the model's " + architecture);
    }
    for (const std::string & site : saved.sites()) {
        const tensor_info * t = base.find(site);
        if (t == nullptr) {
            throw mismatch("the model has no " + site);
        }
        const site_shape s = shape_of(saved, method_kind_of(saved.settings.method), site);
        if (t->ne[0] != s.n_in || t->ne[1] != s.n_out || t->ne[2] != 1 || t->ne[3] != 1) {
            throw mismatch(site + " is " + std::to_string(t->ne[0]) + " x " + std::to_string(t->ne[1]) + " in the model and " +
                           std::to_string(s.n_in) + " x " + std::to_string(s.n_out) + " in the adapter");
        }
    }
}

} // namespace forja
