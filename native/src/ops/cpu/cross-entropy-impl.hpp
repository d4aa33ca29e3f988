// Cross entropy over the vocabulary, for one instruction set. Included after vector-math.hpp.
#pragma once

namespace forja::cpu::FORJA_ISA {

constexpr int64_t LOSS_BLOCK = 2048; // floats summed in F32 lanes before they go to a double

FORJA_INLINE vf capped(vf x, float cap) { return cap > 0 ? mul(all(cap), tanh(mul(x, all(1.0f / cap)))) : x; }

/// The largest capped logit. A NaN may be passed over here: the sum that follows meets it.
FORJA_NOINLINE float largest_logit(const float * logits, int64_t n, float cap) {
    vf top0 = all(-INFINITY), top1 = top0;
    int64_t i = 0;
    for (; i + 2 * VF_LANES <= n; i += 2 * VF_LANES) {
        top0 = vmaxf(load(logits + i), top0);
        top1 = vmaxf(load(logits + i + VF_LANES), top1);
    }
    float best = max(vmaxf(top0, top1));
    for (; i < n; ++i) {
        best = logits[i] > best ? logits[i] : best;
    }
    float lane[VF_LANES];
    store(lane, capped(all(best), cap)); // the cap rises with its input
    return lane[0];
}

/// Sum of exp(capped logit - top). `keep`: where not null, receives the exponentials (may be the logits themselves).
FORJA_NOINLINE double sum_of_exponentials(const float * logits, int64_t n, float cap, float top, float * keep) {
    const vf shift = all(top);
    double   total = 0;
    for (int64_t block = 0; block < n; block += LOSS_BLOCK) {
        const int64_t end  = min_of(n, block + LOSS_BLOCK);
        vf            sum0 = zero(), sum1 = zero();
        int64_t       i = block;
        for (; i + 2 * VF_LANES <= end; i += 2 * VF_LANES) {
            const vf e0 = exp(sub(capped(load(logits + i), cap), shift));
            const vf e1 = exp(sub(capped(load(logits + i + VF_LANES), cap), shift));
            sum0        = add(sum0, e0);
            sum1        = add(sum1, e1);
            if (keep) {
                store(keep + i, e0);
                store(keep + i + VF_LANES, e1);
            }
        }
        for (; i < end; i += VF_LANES) {
            const int64_t left = end - i;
            const vf      e    = exp(sub(capped(load_first(logits + i, left), cap), shift));
            sum0               = add(sum0, select(lanes(0, left), e, zero()));
            if (keep) {
                store_first(keep + i, e, left);
            }
        }
        total += sum(add(sum0, sum1));
    }
    return total;
}

/// logits -> softmax(capped logits) * grad_scale * slope of the cap (all but the label's own term).
FORJA_NOINLINE void softmax_gradient_capped(float * logits, int64_t n, float cap, float top, float factor) {
    for (int64_t i = 0; i < n; i += VF_LANES) {
        const vf t = tanh(mul(load_first(logits + i, n - i), all(1.0f / cap)));
        const vf e = exp(sub(mul(t, all(cap)), all(top)));
        store_first(logits + i, mul(mul(e, all(factor)), sub(all(1.0f), mul(t, t))), n - i);
    }
}

FORJA_NOINLINE void scale_row(float * x, int64_t n, float factor) {
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        store(x + i, mul(load(x + i), all(factor)));
    }
    if (i < n) {
        store_first(x + i, mul(load_first(x + i, n - i), all(factor)), n - i);
    }
}

/// The loss from a row's parts, in double.
FORJA_INLINE float row_loss(double total, float top, float label_logit) {
    return (float) (::log(total) + ((double) top - (double) label_logit));
}

FORJA_INLINE float capped_one(float x, float cap) {
    float lane[VF_LANES];
    store(lane, capped(all(x), cap));
    return lane[0];
}

/// x * factor as BF16, over x's own beginning; one zero behind.
FORJA_NOINLINE void scale_row_to_bf16(float * x, int64_t n, float factor) {
    uint16_t * const to = (uint16_t *) x;
    int64_t          i  = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        store_bf16(to + i, mul(load(x + i), all(factor)));
    }
    uint16_t rest[VF_LANES];
    store_bf16(rest, mul(load_first(x + i, n - i), all(factor)));
    memcpy(to + i, rest, sizeof(uint16_t) * (size_t) (n - i));
    to[n] = 0;
}

static void cross_entropy(float * logits, int64_t stride, const int32_t * labels, float * loss_nats, int64_t n_vocab,
                          int64_t n_rows, float grad_scale, float logit_softcap, bool packed_grads, int ith, int nth) {
    for (int64_t row = n_rows * ith / nth; row < n_rows * (ith + 1) / nth; ++row) {
        float * const x     = logits + row * stride;
        const int64_t label = labels[row];
        if (label < 0 || label >= n_vocab) {
            memset(x, 0, sizeof(float) * (size_t) (packed_grads ? n_vocab / 2 + 1 : n_vocab));
            loss_nats[row] = 0;
            continue;
        }
        const float label_logit = capped_one(x[label], logit_softcap);
        const float top         = largest_logit(x, n_vocab, logit_softcap);
        double      total;
        float       slope  = grad_scale;
        float       factor = 1.0f; // what x lacks to be the gradient, but for the label's own term
        if (logit_softcap > 0) {
            total = sum_of_exponentials(x, n_vocab, logit_softcap, top, nullptr);
            softmax_gradient_capped(x, n_vocab, logit_softcap, top, (float) (grad_scale / total));
            const float t = label_logit / logit_softcap;
            slope *= 1.0f - t * t;
        } else {
            total  = sum_of_exponentials(x, n_vocab, 0, top, x);
            factor = (float) (grad_scale / total);
        }
        const float of_label = x[label] * factor - slope;
        if (packed_grads) {
            scale_row_to_bf16(x, n_vocab, factor);
            uint16_t lane[VF_LANES];
            store_bf16(lane, all(of_label));
            ((uint16_t *) x)[label] = lane[0];
        } else {
            if (factor != 1.0f) {
                scale_row(x, n_vocab, factor);
            }
            x[label] = of_label;
        }
        loss_nats[row] = row_loss(total, top, label_logit);
    }
}

static void cross_entropy_loss(const float * logits, int64_t stride, const int32_t * labels, float * loss_nats,
                               int64_t n_vocab, int64_t n_rows, float logit_softcap, int ith, int nth) {
    for (int64_t row = n_rows * ith / nth; row < n_rows * (ith + 1) / nth; ++row) {
        const float * const x     = logits + row * stride;
        const int64_t       label = labels[row];
        if (label < 0 || label >= n_vocab) {
            loss_nats[row] = 0;
            continue;
        }
        const float top = largest_logit(x, n_vocab, logit_softcap);
        loss_nats[row]  = row_loss(sum_of_exponentials(x, n_vocab, logit_softcap, top, nullptr), top,
                                   capped_one(x[label], logit_softcap));
    }
}

} // namespace forja::cpu::FORJA_ISA
