#include "ops/device.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "base/error.hpp"
#include "base/llama-log.hpp"
#include "ggml-cpu.h"
#include "ops/backend-rules.hpp"

#ifdef _WIN32
#    include <windows.h>
#elif defined(__APPLE__)
#    include <mach-o/dyld.h>
#    include <sys/sysctl.h>
#else
#    include <sched.h>
#    include <unistd.h>
#endif

namespace forja {
namespace fs = std::filesystem;

namespace {

#ifdef _WIN32
constexpr char list_separator = '|';
#else
constexpr char list_separator = ':';
#endif

fs::path program_folder() {
#ifdef _WIN32
    wchar_t buf[32768];
    DWORD   n = GetModuleFileNameW(nullptr, buf, 32768);
    return fs::path(std::wstring(buf, n)).parent_path();
#elif defined(__APPLE__)
    char     buf[4096];
    uint32_t n = sizeof(buf);
    return _NSGetExecutablePath(buf, &n) == 0 ? fs::path(buf).parent_path() : fs::path(".");
#else
    std::error_code ec;
    fs::path        p = fs::read_symlink("/proc/self/exe", ec);
    return ec ? fs::path(".") : p.parent_path();
#endif
}

// The program's own folder first (a packaged app has the backends beside it), then the folders of the build.
std::vector<fs::path> backend_folders() {
    std::vector<fs::path> out{program_folder()};
    std::istringstream    list(FORJA_BACKEND_DIRS);
    for (std::string dir; std::getline(list, dir, list_separator);) {
        out.emplace_back(dir);
    }
    return out;
}

// ggml picks the best variant among several libraries of one backend only inside ggml_backend_load_all_from_path, which
// reads a folder for all backends at once. So a folder is read whole once, and GPU libraries of further folders one by one.
// Most machines lack what one of them needs; ggml's error about that would be the first thing in every log.
void load_gpu_library(const fs::path & dir, const char * stem, const char * name) {
#ifdef _WIN32
    const std::string file_name = std::string(stem) + ".dll";
#else
    const std::string file_name = "lib" + std::string(stem) + ".so";
#endif
    static std::set<fs::path> tried;
    std::error_code           ec;
    if (!fs::exists(dir / file_name, ec) || !tried.insert(dir / file_name).second) {
        return;
    }
    ggml_backend_reg_t reg  = nullptr;
    std::string        said = llama_log_of([&] { reg = ggml_backend_load((dir / file_name).string().c_str()); });
    if (!reg) {
        const std::string before = file_name + ": "; // "load_backend: failed to load PATH: REASON"
        const size_t      at     = said.find(before);
        const std::string reason = at == std::string::npos ? said : said.substr(at + before.size());
        said = "The " + std::string(name) + " backend is not used here; other devices are not affected. Reason: " + (reason.empty() ? "it does not support this system\n" : reason);
    }
    std::fputs(said.c_str(), stderr);
}

bool has_reg(const char * name) { return ggml_backend_reg_by_name(name) != nullptr; }

const char * type_name(enum ggml_backend_dev_type type) {
    switch (type) {
        case GGML_BACKEND_DEVICE_TYPE_CPU: return "cpu";
        case GGML_BACKEND_DEVICE_TYPE_GPU: return "gpu";
        case GGML_BACKEND_DEVICE_TYPE_IGPU: return "igpu";
        default: return "accel";
    }
}

} // namespace

void load_backends(bool with_gpus) {
    static std::mutex           mutex;
    std::lock_guard<std::mutex> lock(mutex);
#ifdef FORJA_LLAMA_PREBUILT
    if (!has_reg("CPU")) {
        for (const fs::path & dir : backend_folders()) {
            std::error_code ec;
            if (fs::is_directory(dir, ec)) {
                ggml_backend_load_all_from_path(dir.string().c_str());
            }
            if (has_reg("CPU")) {
                break;
            }
        }
        if (!has_reg("CPU")) {
            throw failure("backend_missing", "llama.cpp's CPU backend was not found in: " + std::string(FORJA_BACKEND_DIRS),
                          "Run `npm run setup` again; in an installed app, reinstall it.");
        }
    }
    if (with_gpus) {
        for (const fs::path & dir : backend_folders()) {
            if (!has_reg("CUDA")) {
                load_gpu_library(dir, "ggml-cuda", "CUDA");
            }
            if (!has_reg("Vulkan")) {
                load_gpu_library(dir, "ggml-vulkan", "Vulkan");
            }
        }
    }
#else
    (void) with_gpus; // linked in
    if (!has_reg("CPU")) {
        throw failure("backend_missing", "This build of the trainer has no CPU backend", "Build it again.");
    }
#endif
}

std::vector<device_info> list_devices() {
    std::vector<device_info> out;
    for (size_t i = 0; i < ggml_backend_dev_count(); i++) {
        ggml_backend_dev_t dev = ggml_backend_dev_get(i);
        size_t             free_bytes = 0, total_bytes = 0;
        ggml_backend_dev_memory(dev, &free_bytes, &total_bytes);
        device_info info;
        info.type        = type_name(ggml_backend_dev_type(dev));
        info.name        = info.type == "cpu" ? "cpu" : ggml_backend_dev_name(dev);
        info.description = ggml_backend_dev_description(dev);
        info.backend     = ggml_backend_reg_name(ggml_backend_dev_backend_reg(dev));
        info.memory_total_bytes = total_bytes;
        info.memory_free_bytes  = free_bytes;
        out.push_back(info);
    }
    return out;
}

std::string cpu_features() {
    ggml_backend_reg_t reg = ggml_backend_reg_by_name("CPU");
    auto get = reg ? (ggml_backend_get_features_t) ggml_backend_reg_get_proc_address(reg, "ggml_backend_get_features") : nullptr;
    std::string out;
    if (get) {
        for (ggml_backend_feature * f = get(reg); f->name; f++) {
            out += (out.empty() ? "" : " ") + std::string(f->name) + (std::string(f->value) == "1" ? "" : "=" + std::string(f->value));
        }
    }
    return out;
}

int physical_cores() {
#if defined(__linux__)
    // Distinct (package, core) pairs among the CPUs that this process may run on.
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        std::set<std::pair<int, int>> cores;
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (!CPU_ISSET(cpu, &set)) {
                continue;
            }
            auto read_int = [cpu](const char * leaf) {
                std::ifstream in("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/" + leaf);
                int           v = -1;
                in >> v;
                return v;
            };
            int core = read_int("core_id");
            cores.insert({read_int("physical_package_id"), core < 0 ? cpu : core});
        }
        if (!cores.empty()) {
            return (int) cores.size();
        }
    }
#elif defined(__APPLE__)
    int    n    = 0;
    size_t size = sizeof(n);
    if (sysctlbyname("hw.perflevel0.physicalcpu", &n, &size, nullptr, 0) == 0 && n > 0) {
        return n;
    }
    if (sysctlbyname("hw.physicalcpu", &n, &size, nullptr, 0) == 0 && n > 0) {
        return n;
    }
#endif
    return std::max(1u, std::thread::hardware_concurrency());
}

std::shared_ptr<device> device::open(const std::string & name, int threads) {
    const bool want_cpu = name == "cpu" || name == "CPU";
    load_backends(!want_cpu);

    ggml_backend_dev_t dev = nullptr;
    if (want_cpu) {
        dev = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    } else if (name == "auto") {
        dev = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU);
        if (!dev) {
            dev = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_IGPU);
        }
        if (!dev) {
            dev = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
        }
    } else {
        dev = ggml_backend_dev_by_name(name.c_str());
    }
    if (!dev) {
        std::string known = "auto";
        for (const device_info & d : list_devices()) {
            known += ", " + d.name;
        }
        throw error("device_not_found", "There is no device '" + name + "' here",
                    "Use one of: " + known + ". A GPU also needs its driver.", {{"device", name}, {"known", known}});
    }

    auto out = std::shared_ptr<device>(new device());
    out->start(dev, threads);
    return out;
}

std::shared_ptr<device> device::open_emulated(int threads, std::function<bool(const ggml_tensor *)> rules) {
    load_backends(false);
    auto out = std::shared_ptr<device>(new device());
    out->start(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU), threads);
    out->is_cpu_ = false;
    out->is_emulated_ = true;
    out->name_   = "emulated";
    out->rules_  = std::move(rules);
    out->use_ggml_threads(out->threads_);
    return out;
}

void device::start(ggml_backend_dev_t dev, int threads) {
    dev_     = dev;
    is_cpu_  = ggml_backend_dev_type(dev) == GGML_BACKEND_DEVICE_TYPE_CPU;
    name_    = is_cpu_ ? "cpu" : ggml_backend_dev_name(dev);
    threads_ = threads > 0 ? threads : physical_cores();
    try {
        backend_ = ggml_backend_dev_init(dev, nullptr);
    } catch (const std::exception &) { // a GPU that lacks what the backend needs: said below
    }
    if (!backend_) {
        throw failure("device_failed", "The device '" + name_ + "' could not be started", "Check its driver, or choose the CPU.",
                      {{"device", name_}});
    }
    if (is_cpu_) {
        team_ = std::make_unique<thread_team>(threads_);
    }
}

void device::use_ggml_threads(int n) {
    if (n == ggml_threads_) {
        return;
    }
    ggml_backend_reg_t reg = ggml_backend_dev_backend_reg(dev_);
    auto set_threads = (ggml_backend_set_n_threads_t) ggml_backend_reg_get_proc_address(reg, "ggml_backend_set_n_threads");
    auto pool_new = (decltype(&ggml_threadpool_new)) ggml_backend_reg_get_proc_address(reg, "ggml_threadpool_new");
    auto set_pool = (decltype(&ggml_backend_cpu_set_threadpool)) ggml_backend_reg_get_proc_address(reg, "ggml_backend_cpu_set_threadpool");
    if (!set_threads) {
        return;
    }
    // Without a pool of its own the backend starts new threads for every graph. A single thread needs none.
    if (!pool_ && n > 1 && pool_new && set_pool) {
        ggml_threadpool_params params = ggml_threadpool_params_default(threads_);
        pool_                         = pool_new(&params);
    }
    if (set_pool) {
        set_pool(backend_, n > 1 ? (ggml_threadpool_t) pool_ : nullptr);
    }
    set_threads(backend_, n);
    ggml_threads_ = n;
}

device::~device() {
    if (backend_) {
        ggml_backend_free(backend_);
    }
    if (pool_) {
        ggml_backend_reg_t reg = ggml_backend_dev_backend_reg(dev_);
        auto pool_free = (decltype(&ggml_threadpool_free)) ggml_backend_reg_get_proc_address(reg, "ggml_threadpool_free");
        if (pool_free) {
            pool_free((ggml_threadpool_t) pool_);
        }
    }
}

uint64_t device::free_bytes() const {
    size_t free_bytes = 0, total_bytes = 0;
    if (ggml_backend_dev_type(dev_) != GGML_BACKEND_DEVICE_TYPE_CPU) {
        ggml_backend_dev_memory(dev_, &free_bytes, &total_bytes);
    }
    return free_bytes;
}

bool device::has_outer_products() const {
    const std::string backend = ggml_backend_reg_name(ggml_backend_dev_backend_reg(dev_));
    return is_emulated_ || backend == "CUDA" || backend == "ROCm";
}

size_t device::alignment() const { return is_emulated_ ? strictest_alignment : ggml_backend_buft_get_alignment(buffer_type()); }

ggml_backend_buffer_type_t device::buffer_type() const { return ggml_backend_dev_buffer_type(dev_); }

} // namespace forja
