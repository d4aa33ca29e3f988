// What the fallback runtime starts when it is given an app's folder: `electron [switches] FOLDER [arguments]`.
// It stands in for the default app that Electron's own download brings.
'use strict';
const { app } = require('electron');
const Module = require('node:module');
const { readFileSync } = require('node:fs');
const { join, resolve } = require('node:path');

/** Options that come before the folder; Playwright starts with `-r LOADER`. */
const required = [];
let folder = null;
const given = process.argv.slice(1);
for (let index = 0; index < given.length && folder === null; index++) {
  const argument = given[index];
  if (argument === '-r' || argument === '--require') required.push(given[++index]);
  else if (argument === '-v' || argument === '--version') {
    console.log(`v${process.versions.electron}`);
    process.exit(0);
  } else if (!argument.startsWith('-')) folder = resolve(argument);
}
if (required.length > 0) Module._preloadModules(required);
if (folder === null) {
  console.error('Usage: electron [switches] FOLDER');
  process.exit(1);
}

Object.defineProperty(process, 'defaultApp', { configurable: false, enumerable: true, value: true });
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
app.setVersion(manifest.version);
app.name = manifest.productName ?? manifest.name;
app.setDesktopName(`${manifest.name}.desktop`);
app.setAppPath(folder);
Module._load(join(folder, manifest.main), null, true);
