// What a run finds out about its base is read by the next run: the same numbers, computed once; and computed again where the rows, their
// length or the precision differ, or where what was kept is damaged.
#include <filesystem>
#include <fstream>

#include "base/files.hpp"
#include "support/report.hpp"
#include "support/short-run.hpp"
#include "train/known-results.hpp"

using namespace forja;
using namespace forja::test;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> kept(const std::string & dir) {
    std::vector<fs::path> files;
    for (const auto & entry : fs::directory_iterator(utf8_path(dir))) {
        files.push_back(entry.path());
    }
    return files;
}

void write_all(const std::string & dir, const std::string & text) {
    for (const fs::path & file : kept(dir)) {
        std::ofstream(file) << text;
    }
}

void numbers(const temporary_folder & folder) {
    const known_results known(folder.path("numbers"));
    check(!known.find("a"), "nothing is known at first");
    for (double value : {0.1, -1e-300, 3.0}) {
        known.keep("a", value);
        check(same_bits(known.find("a").value(), value), "a number comes back to the bit");
    }
    for (const char * damage : {"", "\n", "0x1p", "nan\n", "1 2\n"}) {
        write_all(folder.path("numbers"), damage);
        check(!known.find("a"), std::string("'") + damage + "' is no number");
    }
    const known_results none(std::nullopt), unwritable("/dev/null/no");
    none.keep("a", 1);
    unwritable.keep("a", 1);
    check(!none.find("a") && !unwritable.find("a"), "without a folder nothing is kept");
}

void runs(const temporary_folder & folder) {
    const std::string path = fixture(folder, {});
    train_settings    s    = settings(folder, path, "alone");
    s.val_tokens_path      = rows_file(folder, path, 5, 700);
    const history alone    = train(s);

    const auto again = [&](const char * out) {
        s.out_dir = folder.path(out);
        return train(s);
    };
    s.known_dir         = folder.path("known");
    const history first = again("first"), second = again("second");
    check(kept(*s.known_dir).size() == 3, "a run keeps the agreement with llama.cpp, and nats and tokens of the base's loss");
    for (const history * h : {&first, &second}) {
        bool same = h->validations.size() == alone.validations.size();
        for (size_t i = 0; i < alone.validations.size() && same; i++) {
            const train_validation & a = alone.validations[i], & b = h->validations[i];
            same = a.step == b.step && same_bits(a.val_loss, b.val_loss) && a.tokens == b.tokens && a.is_best == b.is_best;
        }
        check(same && read_all(alone.result.adapter_path.value()) == read_all(h->result.adapter_path.value()),
              "a run tells and learns the same, whether it finds out or knows");
    }

    // Planted, so that it shows who reads it.
    const double base = alone.validations[0].val_loss;
    write_all(*s.known_dir, "0x1p4\n");
    check(same_bits(again("planted").validations[0].val_loss, 1.0), "the base's loss is read, not computed");
    s.max_seq_len = 12;
    check(!same_bits(again("cut").validations[0].val_loss, 1.0), "not for rows that are cut elsewhere");
    s.max_seq_len   = 24;
    s.val_tokens_path = rows_file(folder, path, 6, 700);
    check(!same_bits(again("rows").validations[0].val_loss, 1.0), "nor for other rows");
    s.val_tokens_path = rows_file(folder, path, 5, 700);
    s.compute_type    = "f32";
    check(!same_bits(again("f32").validations[0].val_loss, 1.0), "nor in another precision");
    s.compute_type = "auto";
    write_all(*s.known_dir, "");
    check(same_bits(again("damaged").validations[0].val_loss, base), "what is damaged is computed again");

    // An adapter that changes the base is not the base.
    write_all(*s.known_dir, "0x1p4\n");
    s.method.init_adapter_path = alone.result.adapter_path;
    check(!same_bits(again("adapted").validations[0].val_loss, 1.0), "a run that starts from an adapter computes its start");
}

} // namespace

int main() {
    const temporary_folder folder;
    numbers(folder);
    runs(folder);
    return result();
}
