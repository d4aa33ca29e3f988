// Causal self-attention inside each sequence of the micro-batch, with grouped heads, windows and soft caps.
#include "ops/cpu-ops.hpp"
#include "ops/device-attention.hpp"

namespace forja {

var attention(tape & t, batch_inputs & in, var q, var k, var v, const attention_settings & s, ggml_tensor * sinks) {
    return t.g.on_cpu() ? cpu_attention(t, in, q, k, v, s, sinks) : device_attention(t, in, q, k, v, s, sinks);
}

} // namespace forja
