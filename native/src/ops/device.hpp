// Where the trainer computes: one ggml backend, the CPU or a GPU.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/thread-team.hpp"
#include "ggml-backend.h"

namespace forja {

/// A device as the protocol's hello event lists it. Memory in bytes, 0 when unknown.
struct device_info {
    std::string name, description, type, backend;
    uint64_t    memory_total_bytes = 0, memory_free_bytes = 0;
};

/// Loads the backends found in the build's folders or beside the program: the CPU's always, the GPUs' when with_gpus.
/// Safe to call again. A GPU backend that lacks something here is passed over; a line on stderr says what.
void load_backends(bool with_gpus);

/// Devices of the backends loaded so far.
std::vector<device_info> list_devices();

/// Names of the CPU features that ggml's CPU backend uses here, for example "AVX512_BF16".
std::string cpu_features();

/// Physical cores that this process may use; at least 1.
int physical_cores();

/// An initialised backend. Not copyable; the CPU one owns its thread pool.
class device {
  public:
    /// @param name "cpu", "auto" (the first discrete, then integrated GPU, else the CPU) or a listed name
    /// @param threads CPU threads, 0 for one per physical core
    /// @throws error: device_not_found (lists what there is)
    static std::shared_ptr<device> open(const std::string & name, int threads);

    /// The CPU in the part of a device with a memory of its own: weights are copied, only ggml's operations are used. So that
    /// what runs on GPUs is tested on every machine, where it gives the same bits each time. It does what the strictest backend
    /// may do (ops/backend-rules.hpp): operands at odd offsets are refused, values that nobody was promised are gone after a graph,
    /// and what the host does meanwhile is done before the device begins.
    /// @param rules what the device is to say of an operation; empty for what the CPU can do
    static std::shared_ptr<device> open_emulated(int threads, std::function<bool(const ggml_tensor *)> rules = {});

    ~device();
    device(const device &)             = delete;
    device & operator=(const device &) = delete;

    ggml_backend_t             backend() const { return backend_; }
    ggml_backend_dev_t         dev() const { return dev_; }
    ggml_backend_buffer_type_t buffer_type() const;
    bool                       is_cpu() const { return is_cpu_; }
    /// Whether the CPU plays a device here: see open_emulated().
    bool                       is_emulated() const { return is_emulated_; }
    /// Bytes to whose multiple an operand's offset has to come; on an emulated device what the strictest backend asks.
    size_t                     alignment() const;
    int                        threads() const { return threads_; }
    const std::string &        name() const { return name_; }
    /// The threads of Forja's own kernels. Only on the CPU.
    thread_team &              team() { return *team_; }
    /// How many of ggml's own threads its operations get from now on: 1, or threads(). Only on the CPU.
    void                       use_ggml_threads(int n);
    /// Whether ggml_out_prod is a product as fast as others: CUDA's is cuBLAS's, Vulkan's a loop for each element.
    bool has_outer_products() const;
    bool supports(const ggml_tensor * op) const { return rules_ ? rules_(op) : ggml_backend_dev_supports_op(dev_, op); }

    /// Free memory as the device tells it, 0 when it doesn't. An emulated one doesn't.
    uint64_t free_bytes() const;

  private:
    device() = default;
    void start(ggml_backend_dev_t dev, int threads);

    ggml_backend_t     backend_ = nullptr;
    ggml_backend_dev_t dev_     = nullptr;
    void *             pool_    = nullptr; // ggml_threadpool of the CPU backend, once more than one thread was asked for
    int                ggml_threads_ = 0;
    std::unique_ptr<thread_team> team_;
    bool               is_cpu_  = true;
    int                threads_ = 1;
    std::string        name_;

    std::function<bool(const ggml_tensor *)> rules_;
    bool                                     is_emulated_ = false;
};

} // namespace forja
