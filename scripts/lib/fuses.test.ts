import { FuseState, FuseV1Options } from '@electron/fuses';
import { expect, test } from 'vitest';
import { faultsOfWire, wantedFuses } from './fuses.mjs';

/** Electron's own choice is right for these: a snapshot that Forja has not, and how WebAssembly checks its memory. */
const LEFT_ALONE = ['LoadBrowserProcessSpecificV8Snapshot', 'WasmTrapHandlers'];

test('every fuse that Electron has is decided, and none that weakens the app is on', () => {
  expect(wantedFuses()).toEqual({
    RunAsNode: false,
    EnableCookieEncryption: true,
    EnableNodeOptionsEnvironmentVariable: false,
    EnableNodeCliInspectArguments: false,
    EnableEmbeddedAsarIntegrityValidation: true,
    OnlyLoadAppFromAsar: true,
    GrantFileProtocolExtraPrivileges: false,
  });
  const all = Object.keys(FuseV1Options).filter((name) => Number.isNaN(Number(name)));
  expect(all.sort()).toEqual([...Object.keys(wantedFuses()), ...LEFT_ALONE].sort());
});

test('a program whose fuses are otherwise, or that lacks one, is told of', () => {
  const wire = { [FuseV1Options.RunAsNode]: FuseState.ENABLE, [FuseV1Options.OnlyLoadAppFromAsar]: FuseState.ENABLE };
  const wanted = { RunAsNode: false, OnlyLoadAppFromAsar: true, GrantFileProtocolExtraPrivileges: false, Odd: true };
  expect(faultsOfWire(wire, wanted)).toEqual([
    'RunAsNode is true and not false',
    'GrantFileProtocolExtraPrivileges is not there and not false',
    'Odd is no fuse',
  ]);
});
