#include "optim/adamw.hpp"

#include <cmath>
#include <numeric>

#include "ops/cpu/kernels.hpp"

namespace forja {

namespace {

double square_sum(const float * x, int64_t n) { // n: whole eights
    double part[8] = {};
    for (int64_t i = 0; i < n; i += 8) {
        for (int j = 0; j < 8; j++) {
            const double v = x[i + j];
            part[j] += v * v;
        }
    }
    return std::accumulate(part, part + 8, 0.0);
}

} // namespace

double global_grad_norm(graph_runner & runner, const parameter_store & params) {
    ggml_tensor * grads = params.grads();
    if (ggml_backend_buffer_is_host(grads->view_src ? grads->view_src->buffer : grads->buffer)) {
        std::vector<double> of_row(grads->ne[1]);
        auto                share = [&](int ith, int nth) {
            for (int64_t row = grads->ne[1] * ith / nth; row < grads->ne[1] * (ith + 1) / nth; row++) {
                of_row[row] = square_sum((const float *) grads->data + row * grads->ne[0], grads->ne[0]);
            }
        };
        if (runner.dev().is_cpu()) {
            runner.dev().team().run([&](int ith, int nth) { share(ith, nth); });
        } else {
            share(0, 1);
        }
        return std::sqrt(std::accumulate(of_row.begin(), of_row.end(), 0.0));
    }
    graph         g(runner);
    ggml_tensor * sum = add_square_sums(g, params);
    g.run();
    double total = 0;
    for (float v : params.read(sum)) {
        total += v;
    }
    return std::sqrt(total);
}

void adamw_step(graph_runner & runner, parameter_store & params, const adamw_settings & s, double learning_rate, int64_t step,
                double grad_norm) {
    // The 1e-6 is PyTorch's (clip_grad_norm_).
    const double coefficient = s.max_grad_norm > 0.0 ? std::min(1.0, s.max_grad_norm / (grad_norm + 1e-6)) : 1.0;
    const float settings[7] = {
        (float) learning_rate, (float) s.adam_beta1, (float) s.adam_beta2, (float) s.adam_epsilon, (float) s.weight_decay,
        (float) (1.0 / (1.0 - std::pow(s.adam_beta1, (double) step))), (float) (1.0 / (1.0 - std::pow(s.adam_beta2, (double) step))),
    };
    if (runner.dev().is_cpu()) {
        const cpu::adamw_factors f{settings[0], settings[1], settings[2], settings[3], settings[4], settings[5], settings[6], (float) coefficient};
        auto       data  = [](ggml_tensor * t) { return (float *) t->data; };
        const auto spans = params.rates();
        runner.dev().team().run([&](int ith, int nth) {
            for (const parameter_store::span & part : spans) {
                cpu::adamw_factors own = f;
                own.learning_rate      = (float) (learning_rate * part.rate);
                cpu::adamw(data(params.values()) + part.begin, data(params.grads()) + part.begin, data(params.moment1()) + part.begin,
                           data(params.moment2()) + part.begin, part.end - part.begin, own, ith, nth);
            }
        });
        return;
    }
    graph g(runner);
    add_adamw(g, params, coefficient, settings);
    g.run();
}

ggml_tensor * add_square_sums(graph & g, const parameter_store & params) {
    ggml_tensor * sum = ggml_sum_rows(g.ctx(), ggml_sqr(g.ctx(), params.grads()));
    ggml_set_output(sum);
    g.expand(sum);
    return sum;
}

void add_adamw(graph & g, parameter_store & params, double clip_coefficient, const float * settings) {
    ggml_tensor * grads = params.grads();
    if (clip_coefficient < 1.0) {
        grads = ggml_scale_inplace(g.ctx(), grads, (float) clip_coefficient);
    }
    for (const parameter_store::span & part : params.rates()) {
        ggml_tensor * p = g.input(GGML_TYPE_F32, {7}, [settings, rate = part.rate](void * dst) {
            std::copy(settings, settings + 7, (float *) dst);
            *(float *) dst = (float) (settings[0] * rate);
        });
        auto of = [&](ggml_tensor * whole) {
            const int64_t n = part.end - part.begin;
            return n == ggml_nelements(whole) ? whole : ggml_view_1d(g.ctx(), whole, n, part.begin * sizeof(float));
        };
        ggml_tensor * values = of(params.values());
        values->flags |= GGML_TENSOR_FLAG_PARAM; // ggml_set_param refuses views
        g.expand(ggml_opt_step_adamw(g.ctx(), values, of(grads), of(params.moment1()), of(params.moment2()), p));
    }
}

} // namespace forja
