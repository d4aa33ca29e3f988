// Gated delta nets: linear attention whose state forgets and is corrected, token by token; computed in chunks.
#include "ops/cpu-recurrent.hpp"
#include "ops/device-delta-net.hpp"

namespace forja {

var delta_net(tape & t, batch_inputs & in, var q, var k, var v, var gate, var beta, bool is_grouped) {
    return t.g.on_cpu() ? cpu_delta_net(t, in, q, k, v, gate, beta, is_grouped) : device_delta_net(t, in, q, k, v, gate, beta, is_grouped);
}

} // namespace forja
