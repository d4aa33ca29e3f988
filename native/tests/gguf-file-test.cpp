// Opening GGUF files: what is read, split sets, and every way of being damaged; and files written whole or not at all.
#include <cstring>
#include <fstream>
#include <set>

#ifndef _WIN32
#include <sys/resource.h>
#include <csignal>
#endif

#include "base/files.hpp"
#include "fixtures/tiny-model.hpp"
#include "gguf/gguf-check.hpp"
#include "gguf/gguf-file.hpp"
#include "gguf/gguf-writer.hpp"
#include "support/expect-error.hpp"
#include "support/report.hpp"
#include "support/temporary-folder.hpp"

using namespace forja;
using namespace forja::test;
namespace fx = forja::fixtures;

namespace {

bool holds(const gguf_file & file, const std::vector<fx::tiny_tensor> & wanted) {
    for (const fx::tiny_tensor & t : wanted) {
        const tensor_info * found = file.find(t.name);
        if (found == nullptr || found->type != t.type || found->ne != t.ne || found->n_bytes != t.data.size() ||
            std::memcmp(found->data, t.data.data(), t.data.size()) != 0) {
            return false;
        }
    }
    return file.tensors().size() == wanted.size();
}

void test_reading(const temporary_folder & dir) {
    fx::model_options o;
    o.type                 = GGML_TYPE_Q8_0;
    const std::string path = dir.path("modelo-ñandú 模型.gguf");
    fx::write_tiny_model(o, path);
    const auto file = gguf_file::open(path);
    check(holds(*file, fx::tiny_tensors(o)), "a file with a non-ASCII name holds its tensors");
    check(file->str("general.architecture") == "llama" && file->i64("llama.block_count") == 2, "texts and whole numbers are read");
    check(file->f64("llama.rope.freq_base") == 10000.0 && file->boolean("tokenizer.ggml.add_bos_token") == true, "floats and booleans are read");
    check(!file->str("no.such.key") && !file->i64("no.such.key") && !file->is_array("no.such.key"), "absent keys are absent");
    check(file->i64_array("tokenizer.ggml.token_type")->size() == 320, "lists of numbers are read");
    check_fails("gguf_bad_metadata", "a text asked for as a number", [&] { file->i64("general.name"); });
    check_fails("gguf_bad_metadata", "a list of texts asked for as numbers", [&] { file->i64_array("tokenizer.ggml.tokens"); });
    check_fails("file_not_found", "a missing file", [&] { gguf_file::open(dir.path("none.gguf")); });
    check_fails("file_unreadable", "a folder", [&] { gguf_file::open(dir.path()); });
}

void test_split(const temporary_folder & dir) {
    const fx::model_options o;
    const auto              paths = fx::write_split_model(o, dir.path("split"), 3);
    for (const std::string & part : paths) {
        const auto file = gguf_file::open(part);
        check(holds(*file, fx::tiny_tensors(o)) && file->str("general.architecture") == "llama" && file->paths() == paths,
              "any part opens the whole set: " + part.substr(part.size() - 20));
    }
    const std::string second = read_all(paths[1]);
    write_all(paths[1], read_all(paths[2]));
    check_fails("gguf_corrupt", "a part in another's place", [&] { gguf_file::open(paths[0]); });
    std::filesystem::remove(paths[1]);
    try {
        gguf_file::open(paths[0]);
        check(false, "a missing part is refused");
    } catch (const error & e) {
        check(e.code == "gguf_split_missing" && e.details.at("path") == paths[1], "a missing part is named");
    }
    std::filesystem::rename(paths[0], dir.path("renamed.gguf"));
    check_fails("gguf_split_missing", "a renamed part", [&] { gguf_file::open(dir.path("renamed.gguf")); });
}

void test_damage(const temporary_folder & dir) {
    const fx::model_options o;
    const std::string       path = dir.path("bad.gguf");
    const std::vector<std::pair<std::string, std::string>> kinds = {
        {"truncated", "gguf_truncated"}, {"header-truncated", "gguf_truncated"}, {"wrong-magic", "gguf_bad_magic"},
        {"bad-version", "gguf_bad_version"}, {"empty", "gguf_bad_magic"}};
    for (const auto & [kind, code] : kinds) {
        fx::write_bad_model(kind, o, path);
        check_fails(code, kind, [&] { gguf_file::open(path); });
    }

    // The check works on bytes in memory, so every length of the header can be tried. Past it, ends within the padding after
    // the last tensor are the only sound ones.
    fx::write_tiny_model(o, path);
    const std::string    whole = read_all(path);
    const auto           bytes = reinterpret_cast<const uint8_t *>(whole.data());
    const size_t         data  = gguf_get_data_offset(gguf_file::open(path)->meta());
    std::set<std::string> codes;
    for (size_t n = 0; n < whole.size(); n += n < data ? 1 : 997) {
        codes.insert(error_code_of([&] { check_gguf(path, bytes, n); }));
    }
    check(codes == std::set<std::string>{"gguf_bad_magic", "gguf_truncated"}, "every length of a truncated file is refused");

    // Any byte of the header may be anything: refused or not, nothing crashes, and what passes can be read.
    size_t   refused = 0, passed = 0;
    uint32_t noise   = 1;
    for (size_t at = 4; at < data; ++at) {
        noise                = noise * 1664525u + 1013904223u;
        std::string spoilt   = whole;
        spoilt[at]           = static_cast<char>(noise >> 24);
        const std::string code = error_code_of([&] { check_gguf(path, reinterpret_cast<const uint8_t *>(spoilt.data()), spoilt.size()); });
        (code == "none" ? passed : refused) += 1;
        if (code == "none") {
            gguf_context * meta = gguf_init_from_buffer(spoilt.data(), spoilt.size(), {true, nullptr});
            if (meta == nullptr) {
                check(false, "what the check lets pass, ggml reads (byte " + std::to_string(at) + ")");
            }
            gguf_free(meta);
        }
        if (code == "other") {
            check(false, "a spoilt byte gives no other exception (byte " + std::to_string(at) + ")");
        }
    }
    check(refused > 100 && passed > 100, "spoilt headers: " + std::to_string(refused) + " refused, " + std::to_string(passed) + " harmless");
}

void test_whole_or_not(const temporary_folder & dir) {
    const std::string target = dir.path("target.bin");
    write_all(target, "old");
    try {
        atomic_file file(target);
        file.write("half", 4);
        throw 1;
    } catch (int) {
    }
    check(read_all(target) == "old" && !std::filesystem::exists(target + ".partial"), "an abandoned file leaves the old one and nothing else");
    write_all(target + ".partial", std::string(100, 'x')); // as a killed process leaves it
    {
        atomic_file file(target);
        file.write("new", 3);
        file.overwrite(0, "N", 1);
#ifndef _WIN32
        check_fails("output_busy", "a second writer of the same file", [&] { atomic_file second(target); });
#endif
        file.commit();
    }
    check(read_all(target) == "New" && !std::filesystem::exists(target + ".partial"), "a committed file takes the old one's place");
    check_fails("output_not_writable", "a missing folder", [&] { atomic_file file(dir.path("none/file")); });
    check_fails("output_not_writable", "a folder in the way", [&] { atomic_file file(dir.path()); });
    check_fails("disk_full", "a file larger than the free space", [&] { require_free_space(target, UINT64_MAX); });

    const std::string folder = dir.path("folder");
    write_folder_atomically(folder, [](const std::string & f) { write_all(f + "/a", "1"); });
    try {
        write_folder_atomically(folder, [](const std::string & f) {
            write_all(f + "/b", "2");
            throw 1;
        });
    } catch (int) {
    }
    check(read_all(folder + "/a") == "1" && !std::filesystem::exists(folder + ".partial"), "an abandoned folder leaves the old one");
    write_folder_atomically(folder + "/", [](const std::string & f) { write_all(f + "/c", "3"); });
    check(read_all(folder + "/c") == "3" && !std::filesystem::exists(folder + "/a"), "a new folder takes the old one's place");
    check_fails("output_not_writable", "a file in a folder's way", [&] { write_folder_atomically(target, [](const std::string &) {}); });

#ifdef __linux__
    // /dev/full takes nothing: a write there fails as on a full disk. Its folder can't be written by all, so by limit instead.
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{4096, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    const std::string code = error_code_of([&] {
        atomic_file file(target);
        file.write(std::string(1 << 22, 'x').data(), 1 << 22);
        file.commit();
    });
    setrlimit(RLIMIT_FSIZE, &before);
    check(code == "write_failed" && read_all(target) == "New" && !std::filesystem::exists(target + ".partial"),
          "a file that grows past the limit leaves the old one whole");
#endif
}

} // namespace

int main() {
    const temporary_folder dir;
    test_reading(dir);
    test_split(dir);
    test_damage(dir);
    test_whole_or_not(dir);
    return result();
}
