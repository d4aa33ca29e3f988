// The losses of rows by the reference, which is the model as the run began: its base, with the adapter that it started from if any.
// The same engine computes them, with the method set back for the moment, so no second model is held. Each row's is computed once and
// kept beside the checkpoints; computed again it has the same bits, since a group is always a pass of its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/engine.hpp"
#include "train/row-order.hpp"

namespace forja {

/// The sum of each sequence's losses in nats.
std::vector<double> sequence_nats(const micro_batch & mb, const std::vector<float> & token_nats);

/// While it lives, the engine computes the reference.
class as_reference {
  public:
    /// @param start the tuning that the run started from; null: its base
    as_reference(method & m, const saved_tuning * start);
    ~as_reference();
    as_reference(const as_reference &) = delete;

  private:
    method &                    method_;
    std::optional<saved_tuning> tuned_;
};

class reference_losses {
  public:
    /// @param rows must outlive this
    explicit reference_losses(const row_set & rows);

    /// Whether row i's are known.
    bool has(int64_t i) const;
    /// Computes row i's; the engine must be the reference meanwhile.
    void compute(engine & e, int64_t i);
    /// Nats of sequence k of row i. @pre has(i)
    double nats(int64_t i, int k) const { return nats_[(size_t) (i * rows_.group_size() + k)]; }

    const std::vector<double> & all() const { return nats_; } // NaN where not known
    /// Takes over what a file kept, where its size fits.
    void restore(const std::vector<double> & nats);

    const row_set & rows() const { return rows_; }

  private:
    const row_set &     rows_;
    std::vector<double> nats_;
};

/// Keeps what is known of both sets in a file, written aside and renamed. @throws failure disk_full, write_failed
void save_reference(const std::string & path, uint64_t identity, const reference_losses & train, const reference_losses * val);

/// Takes over what the file has for this identity; a file that is missing, damaged or of other rows is as none: everything is
/// computed again.
void load_reference(const std::string & path, uint64_t identity, reference_losses & train, reference_losses * val);

} // namespace forja
