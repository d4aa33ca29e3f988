// AdamW with decoupled weight decay and clipping by the global norm. Source: Loshchilov and Hutter 2019, algorithm 2.
#pragma once

#include "base/settings.hpp"
#include "ops/graph.hpp"
#include "peft/parameters.hpp"

namespace forja {

/// Length of all gradients taken as one vector. The same bits for any number of threads.
double global_grad_norm(graph_runner & runner, const parameter_store & params);

/// Step `step` (from 1): clips the gradients to max_grad_norm (0: never), updates values and moments.
/// @param grad_norm what global_grad_norm() gave
void adamw_step(graph_runner & runner, parameter_store & params, const adamw_settings & s, double learning_rate, int64_t step,
                double grad_norm);

// What these two add to a graph on a device, to be looked at.
ggml_tensor * add_square_sums(graph & g, const parameter_store & params); // [1, rows]
/// @param settings the seven values that ggml_opt_step_adamw takes; must outlive the graph
void add_adamw(graph & g, parameter_store & params, double clip_coefficient, const float * settings);

} // namespace forja
