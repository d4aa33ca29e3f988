#include "train/reference-losses.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/files.hpp"
#include "base/hash.hpp"

namespace forja {

std::vector<double> sequence_nats(const micro_batch & mb, const std::vector<float> & token_nats) {
    std::vector<double> out;
    for (int i = 0; i < mb.n_seq(); i++) {
        out.push_back(std::accumulate(token_nats.begin() + mb.sup_start[i], token_nats.begin() + mb.sup_start[i + 1], 0.0));
    }
    return out;
}

as_reference::as_reference(method & m, const saved_tuning * start) : method_(m) {
    if (start) {
        tuned_ = m.saved();
        m.load(*start);
    } else {
        m.set_enabled(false);
    }
}

as_reference::~as_reference() {
    if (tuned_) {
        method_.load(*tuned_);
    } else {
        method_.set_enabled(true);
    }
}

reference_losses::reference_losses(const row_set & rows)
    : rows_(rows), nats_((size_t) (rows.count() * rows.group_size()), std::numeric_limits<double>::quiet_NaN()) {}

bool reference_losses::has(int64_t i) const { return !std::isnan(nats(i, 0)); }

void reference_losses::compute(engine & e, int64_t i) {
    micro_batch mb;
    rows_.append(mb, i);
    const std::vector<double> of_row = sequence_nats(mb, e.evaluate(mb).token_nats);
    std::copy(of_row.begin(), of_row.end(), nats_.begin() + i * rows_.group_size());
}

void reference_losses::restore(const std::vector<double> & nats) {
    if (nats.size() == nats_.size()) {
        nats_ = nats;
    }
}

namespace {

// Header, then the values of both sets as they lie in memory, then their hash.
struct reference_header {
    char     magic[4] = {'F', 'J', 'R', 'F'};
    uint32_t version  = 1;
    uint64_t identity = 0, n_train = 0, n_val = 0;
};
static_assert(sizeof(reference_header) == 32);

uint64_t hash_of(const std::vector<double> & values) { return fnv1a_of_words((const uint32_t *) values.data(), values.size() * 2); }

} // namespace

void save_reference(const std::string & path, uint64_t identity, const reference_losses & train, const reference_losses * val) {
    reference_header h;
    h.identity = identity;
    h.n_train  = train.all().size();
    h.n_val    = val ? val->all().size() : 0;
    std::vector<double> values = train.all();
    if (val) {
        values.insert(values.end(), val->all().begin(), val->all().end());
    }
    const uint64_t hash = hash_of(values);
    atomic_file    file(path);
    file.write(&h, sizeof(h));
    file.write(values.data(), values.size() * sizeof(double));
    file.write(&hash, sizeof(hash));
    file.commit();
}

void load_reference(const std::string & path, uint64_t identity, reference_losses & train, reference_losses * val) {
    FILE * f = open_for_reading(path);
    if (!f) {
        return;
    }
    reference_header    h;
    const size_t        n_train = train.all().size(), n_val = val ? val->all().size() : 0;
    std::vector<double> values(n_train + n_val);
    uint64_t            hash  = 0;
    const bool          whole = std::fread(&h, sizeof(h), 1, f) == 1 && std::memcmp(&h, "FJRF", 4) == 0 && h.version == 1 && h.identity == identity &&
                       h.n_train == n_train && h.n_val == n_val && std::fread(values.data(), sizeof(double), values.size(), f) == values.size() &&
                       std::fread(&hash, sizeof(hash), 1, f) == 1 && hash == hash_of(values);
    std::fclose(f);
    if (whole) {
        train.restore({values.begin(), values.begin() + (std::ptrdiff_t) n_train});
        if (val) {
            val->restore({values.begin() + (std::ptrdiff_t) n_train, values.end()});
        }
    }
}

} // namespace forja
