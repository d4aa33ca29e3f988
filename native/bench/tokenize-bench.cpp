// How fast texts become tokens, by libllama and by the tokenizer with its cache: MB a second of CPU time, which others on the machine
// change least.
//
//   tokenize-bench MODEL FILE [MOST_MB]
//
// Each line of FILE is a text. Every token is compared too.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "data/tokenizer.hpp"

int main(int argc, char ** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: tokenize-bench MODEL FILE [MOST_MB]\n");
        return 2;
    }
    const auto seconds = [](std::clock_t from) { return static_cast<double>(std::clock() - from) / CLOCKS_PER_SEC; };
    const double             most = (argc > 3 ? std::atof(argv[3]) : 20) * 1e6;
    std::vector<std::string> texts;
    double                   n_bytes = 0;
    std::ifstream            in(argv[2], std::ios::binary);
    for (std::string line; n_bytes < most && std::getline(in, line);) {
        n_bytes += static_cast<double>(line.size()) + 1;
        texts.push_back(line + "\n");
    }
    const auto             loading = std::clock();
    const forja::tokenizer tok(argv[1]);
    std::printf("%s, %.1f MB: by %s; loading %.0f ms\n", argv[2], n_bytes / 1e6, tok.is_own() ? "our own encoder" : "libllama", 1e3 * seconds(loading));

    forja::word_cache cache;
    size_t            n_tokens = 0;
    for (const char * name : {"first time", "again"}) {
        const auto from = std::clock();
        n_tokens        = 0;
        for (const std::string & text : texts) {
            n_tokens += tok.go_on(text, &cache).size();
        }
        std::printf("  with cache, %-10s %7.1f MB/s, %.1f M tokens/s\n", name, n_bytes / 1e6 / seconds(from), static_cast<double>(n_tokens) / 1e6 / seconds(from));
    }
    size_t     differing = 0;
    double     bytes     = 0;
    const auto from      = std::clock();
    double     by_llama  = 0;
    for (const std::string & text : texts) {
        const auto one = std::clock();
        const auto ref = tok.go_on(text);
        by_llama += seconds(one);
        differing += ref != tok.go_on(text, &cache) ? 1 : 0;
        bytes += static_cast<double>(text.size());
        if (seconds(from) > 20) {
            break;
        }
    }
    std::printf("  libllama               %7.1f MB/s\n  %zu of the texts compared differ (%.1f MB)\n", bytes / 1e6 / by_llama, differing, bytes / 1e6);
    return differing == 0 ? 0 : 1;
}
