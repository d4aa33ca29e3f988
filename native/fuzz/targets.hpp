// What is fuzzed: each target takes the bytes of one file and puts them where Forja reads such files.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mutate.hpp"

namespace forja::fuzz {

struct target {
    const char * name;
    const char * about;
    /// Sound files that mutations start from; made by the tests' fixtures.
    std::vector<std::string> (*seeds)();
    void (*mutate)(std::string & bytes, dice & d);
    /// Reads the bytes as Forja does. Returns the code of the refusal, "" when all went well.
    /// @throws finding for what is neither; other faults end the process
    std::string (*run)(std::string_view bytes);
};

/// Something that should not be: an error without a code, an exception of another kind.
struct finding : std::exception {
    std::string text;
    explicit finding(std::string what) : text(std::move(what)) {}
    const char * what() const noexcept override { return text.c_str(); }
};

const std::vector<target> & targets();
/// Null when there is none of that name.
const target * find_target(const std::string & name);

/// Runs `work` and says how it ended. @throws finding
std::string code_of(const std::function<void()> & work);

/// The work folder of this process: a model, an adapter and a checkpoint that are sound, and places for those that aren't.
struct workshop {
    std::string folder, model, adapter, adapter_gguf_bytes, state_bytes, token_bytes;
    static const workshop & get();
    std::string path(const char * name) const { return folder + "/" + name; }
};

/// Writes bytes to a file of the work folder and returns its path.
std::string place(const char * name, std::string_view bytes);

} // namespace forja::fuzz
