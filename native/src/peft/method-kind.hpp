// What is known of a tuning method without a model in memory: how it is saved, folded into the base and exported.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gguf.h"
#include "peft/saved-tuning.hpp"
#include "peft/tunable.hpp"

namespace forja {

class method;

/// A part's dimension, in terms of its site's matrix (n_in inputs, n_out outputs).
enum class extent { one, in, out, rank };

/// One of the tensors that a method has for each site.
struct part_kind {
    const char * name;
    extent       ne0, ne1;
    const char * peft_name; // in PEFT's folders, behind the module's name
};

/// What a method makes of one matrix of the base. Any number of threads may use it.
class row_fold {
  public:
    virtual ~row_fold() = default;

    /// False where the row stays as the base has it.
    virtual bool changes(int64_t row) const = 0;

    /// Rows first .. first + n, [n_in] each: the base's numbers become the tuned ones. `scratch` is the calling thread's own.
    virtual void apply(int64_t first, int64_t n, float * rows, std::vector<float> & scratch) const = 0;
};

/// Why a method's tunings can't be exported in a format, and what to do instead.
struct export_refusal {
    std::string why, hint;
};

class method_kind {
  public:
    virtual ~method_kind() = default;

    /// The value of the setting `method`.
    virtual const char * name() const = 0;

    /// adapter.type of its files. Only "lora" is loaded by llama.cpp, so nothing else may say that.
    virtual std::string file_type() const = 0;

    virtual std::unique_ptr<method> make(const method_settings & s, const tunable & base, bool training) const = 0;

    /// The tensors of each site, in the order of the file.
    virtual const std::vector<part_kind> & parts() const = 0;

    /// How many values for each of a site's outputs the method keeps beside its parts, neither trained nor saved.
    virtual int fixed_per_output() const { return 0; }

    /// Keys of its files beside the common ones.
    virtual void write_keys(gguf_context * meta, const saved_tuning & saved) const  = 0;
    virtual void read_keys(const gguf_file & file, saved_tuning & saved) const      = 0;

    /// What becomes of the base's tensor `site`; null where it is not tuned. Keeps a reference to `saved`.
    virtual std::unique_ptr<row_fold> fold(const saved_tuning & saved, const std::string & site) const = 0;

    /// `format`: gguf, gguf-adapter or peft; none where it can be exported so.
    virtual std::optional<export_refusal> refuses(const std::string & /*format*/) const { return {}; }

    /// Flags of PEFT's LoraConfig that tell this method from others.
    virtual std::vector<std::pair<std::string, bool>> peft_flags() const = 0;
};

/// All methods.
const std::vector<const method_kind *> & method_kinds();

/// @throws error method_unknown
const method_kind & method_kind_of(const std::string & name);

/// Whether llama.cpp applies an adapter on `site`. It ends its process over products whose precision it sets itself, where they have one:
/// glm4's, glm4moe's and jais2's of attention's and feed-forwards' outputs, in the version that Forja is built with.
bool llama_cpp_adapts(const std::string & architecture, const std::string & site);

/// Why `saved` can't be exported in a format: because of its method, or of its base's architecture.
std::optional<export_refusal> refusal_of(const saved_tuning & saved, const std::string & format);

/// adapter.type of a LoRA that llama.cpp does not apply to its base.
constexpr const char * unapplied_lora = "forja-lora";

/// adapter.type of its file: only what llama.cpp applies to its base says "lora".
std::string file_type_of(const saved_tuning & saved);

/// @throws error export_refused where refusal_of() says why
void require_exportable(const saved_tuning & saved, const std::string & format);

} // namespace forja
