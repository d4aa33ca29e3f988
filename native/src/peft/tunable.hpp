// What a tuning method is told of a model: the layers that it can adapt.
#pragma once

#include <string>
#include <vector>

#include "ops/device.hpp"
#include "ops/weights.hpp"

namespace forja {

/// A layer that a method can adapt: a linear layer of a block.
struct site {
    const linear_weights * weights = nullptr;
    std::string            role; // "q" … "down"; a fused layer has all of its roles, as "q,k,v"; others have their tensor's stem
    int                    block = 0;
};

class tunable {
  public:
    virtual ~tunable() = default;

    /// By block, and in a fixed order within it.
    virtual const std::vector<site> & sites() const = 0;

    virtual const std::string & architecture() const = 0; // general.architecture
    virtual std::string         name() const         = 0; // general.name, or empty
    virtual int                 n_layer() const      = 0;
    virtual forja::device &     device() const       = 0;
};

/// Whether one of `roles` ("q" or "q,k,v") is among `targets`: by name, by a pattern with *, or by all-linear (or all seven
/// names that a job may give) for any.
bool is_target(const std::string & roles, const std::vector<std::string> & targets);

} // namespace forja
