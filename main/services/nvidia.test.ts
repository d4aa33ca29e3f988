import { describe, expect, test } from 'vitest';
import type { Device } from '../contracts/ipc.ts';
import { nvidiaUse } from './nvidia.ts';

const device = (backend: string, description: string): Device => ({
  name: `${backend}0`,
  description,
  type: backend === 'CPU' ? 'cpu' : 'gpu',
  backend,
  memory_total_bytes: 1e9,
  memory_free_bytes: 1e9,
});
const cpu = device('CPU', 'A processor');
const cuda = device('CUDA', 'NVIDIA GeForce RTX 4090');
const vulkan = device('Vulkan', 'NVIDIA GeForce RTX 4090');
const software = device('Vulkan', 'llvmpipe (LLVM 15.0.6, 256 bits)');
const missing = ['libcudart.so.13', 'libcublas.so.13'];

describe('how an NVIDIA GPU is used', () => {
  test('through CUDA: nothing is left to do', () => {
    expect(nvidiaUse([cpu, cuda, vulkan], { has_backend: true, missing: [] })).toEqual({
      ok: true,
      details: { through: 'CUDA', why: 'used', missing: '' },
    });
  });
  test('libraries are missing: they are named, and Vulkan is used', () => {
    expect(nvidiaUse([cpu, vulkan], { has_backend: true, missing })).toEqual({
      ok: false,
      details: { through: 'Vulkan', why: 'libraries', missing: 'libcudart.so.13, libcublas.so.13' },
    });
  });
  test('the libraries are there and the backend did not start', () => {
    expect(nvidiaUse([cpu], { has_backend: true, missing: [] })).toMatchObject({
      ok: false,
      details: { through: 'none', why: 'driver' },
    });
  });
  test('the packaged app has no CUDA: Vulkan is as it should be, and none is not', () => {
    expect(nvidiaUse([cpu, vulkan], { has_backend: false, missing })).toMatchObject({ ok: true });
    expect(nvidiaUse([cpu], { has_backend: false, missing })).toMatchObject({ ok: false, details: { why: 'build' } });
  });
  test('Vulkan in software is not the GPU', () => {
    expect(nvidiaUse([cpu, software], { has_backend: true, missing })).toMatchObject({ details: { through: 'none' } });
  });
});
