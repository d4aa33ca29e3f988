#include "support/kernel-checks.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <thread>

#include "ops/cpu/kernels.hpp"

namespace forja::test {

void check_values(const std::string & what, const std::vector<float> & got, const values & want, double tolerance) {
    double square = 0, worst = 0;
    for (size_t i = 0; i < want.size(); ++i) {
        square += want[i] * want[i];
        const double error = std::fabs(got[i] - want[i]);
        worst              = error <= worst ? worst : error; // a NaN stays
    }
    check_error(what, want.empty() ? 0 : worst / std::max(std::sqrt(square / want.size()), 1e-30), tolerance);
}

void check_mean(const std::string & what, const std::vector<float> & got, const values & want, double tolerance) {
    double square = 0, error = 0;
    for (size_t i = 0; i < want.size(); ++i) {
        square += want[i] * want[i];
        error += (got[i] - want[i]) * (got[i] - want[i]);
    }
    check_error(what, std::sqrt(error / square), tolerance);
}

void check_differences(const std::string & what, values x, const values & gradient, const std::function<double(const values &)> & loss) {
    double worst = 0, size = 0;
    for (size_t i = 0; i < x.size(); ++i) {
        const double kept = x[i], step = 1e-5;
        x[i]              = kept + step;
        const double up   = loss(x);
        x[i]              = kept - step;
        const double down = loss(x);
        x[i]              = kept;
        worst             = std::max(worst, std::fabs((up - down) / (2 * step) - gradient[i]));
        size              = std::max(size, std::fabs(gradient[i]));
    }
    check_error(what, worst / size, 1e-7);
}

float generator::uniform() {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (float) ((int64_t) (state >> 33) - (1ll << 30)) / (float) (1ll << 30);
}

std::vector<float> generator::floats(int64_t n, float size) {
    std::vector<float> v(n);
    for (float & x : v) {
        x = size * uniform();
    }
    return v;
}

values widened(const std::vector<float> & v) { return values(v.begin(), v.end()); }

void on_threads(int nth, const std::function<void(int, int)> & fn) {
    std::vector<std::thread> threads;
    for (int ith = 0; ith < nth; ++ith) {
        threads.emplace_back(fn, ith, nth);
    }
    for (std::thread & t : threads) {
        t.join();
    }
}

bool same_bits(const std::vector<float> & a, const std::vector<float> & b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void on_every_isa(const std::function<void()> & checks) {
    for (const cpu::isa which : {cpu::isa::baseline, cpu::isa::avx2, cpu::isa::avx512, cpu::isa::avx512_bf16}) {
        if (cpu::use_isa(which)) {
            std::printf("--- %s\n", cpu::isa_name(which));
            checks();
        } else {
            std::printf("--- %s: not on this machine\n", cpu::isa_name(which));
        }
    }
}

} // namespace forja::test
