// better-sqlite3's addon for the fallback runtime. As it ships it needs Node-API 10, and Electron 25 has 8: the same sources
// are built with what the older one lacks done another way. It takes a C++20 compiler, which the trainer needs too.
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { cacheDir } from './cache.mjs';

const require = createRequire(import.meta.url);
const root = dirname(require.resolve('better-sqlite3/package.json'));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Node-API before 10 has no persistent references to strings, numbers or null: keep the text, hold a value in an object. */
const REFERENCES = `
class StrRef {
public:
  StrRef() : env(nullptr) {}
  StrRef(napi_env env, std::string text) : env(env), text(std::move(text)) {}
  Napi::String Value() const { return Napi::String::New(env, text); }
private:
  napi_env env;
  std::string text;
};
class ValueRef {
public:
  ValueRef() {}
  explicit ValueRef(Napi::Value value) { Reset(value, 1); }
  void Reset() { holder.Reset(); }
  void Reset(Napi::Value value, uint32_t) {
    Napi::Object object = Napi::Object::New(value.Env());
    object.Set("value", value);
    holder.Reset(object, 1);
  }
  bool IsEmpty() const { return holder.IsEmpty(); }
  Napi::Value Value() const { return holder.Value().Get("value"); }
private:
  Napi::ObjectReference holder;
};
`;

/** Raised when this file builds it another way. */
const RECIPE = 1;

/** Where the addon lies once it was built. */
export function sqliteAddonPath() {
  return join(cacheDir(), `better-sqlite3-${version}-napi8-${RECIPE}.node`);
}

/**
 * Builds the addon into the cache; nothing is done when it is there.
 * @returns {Promise<string>} its path
 */
export async function ensureSqliteAddon() {
  const target = sqliteAddonPath();
  if (existsSync(target)) return target;
  mkdirSync(cacheDir(), { recursive: true });
  const work = mkdtempSync(join(cacheDir(), 'sqlite-'));
  try {
    cpSync(join(root, 'src'), join(work, 'src'), { recursive: true });
    adapt(join(work, 'src'));
    const includes = [
      dirname(require.resolve('node-addon-api')),
      join(dirname(require.resolve('node-api-headers/package.json')), 'include'),
      join(root, 'deps/sqlite3'),
    ].map((path) => `-I${path}`);
    const defines = sqliteDefines().map((define) => `-D${define}`);
    const common = ['-O2', '-fPIC', '-DNDEBUG', '-w', ...includes];
    const addon = ['NAPI_VERSION=8', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'];
    // Two compilers at once: SQLite is one large file.
    await Promise.all([
      run('cc', ['-c', ...common, ...defines, '-o', join(work, 'sqlite3.o'), join(root, 'deps/sqlite3/sqlite3.c')]),
      run('c++', [
        '-c',
        '-std=c++20',
        '-fvisibility=hidden',
        ...common,
        ...addon.map((define) => `-D${define}`),
        '-DNODE_GYP_MODULE_NAME=better_sqlite3',
        '-o',
        join(work, 'addon.o'),
        join(work, 'src/better_sqlite3.cpp'),
      ]),
    ]);
    const objects = [join(work, 'addon.o'), join(work, 'sqlite3.o')];
    const built = join(work, 'better_sqlite3.node');
    await run('c++', ['-shared', '-Wl,-Bsymbolic', '-o', built, ...objects, '-ldl']);
    renameSync(built, target);
    return target;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function adapt(src) {
  const change = (file, ...changes) => {
    let text = readFileSync(file, 'utf8');
    for (const [from, to] of changes) text = text.replaceAll(from, to);
    writeFileSync(file, text);
  };
  writeFileSync(join(src, 'util/str-ref.cpp'), REFERENCES);
  change(join(src, 'better_sqlite3.cpp'), [
    '#include "util/helpers.cpp"',
    '#include "util/str-ref.cpp"\n#include "util/helpers.cpp"',
  ]);
  for (const folder of ['util', 'objects']) {
    for (const name of readdirSync(join(src, folder))) {
      if (name !== 'str-ref.cpp') change(join(src, folder, name), ['Napi::Reference<Napi::String>', 'StrRef']);
    }
  }
  change(join(src, 'util/constants.cpp'), ['Napi::Persistent(InternalizedFromLatin1(env, str))', 'StrRef(env, str)']);
  change(
    join(src, 'util/bind-map.cpp'),
    ['Napi::Persistent(InternalizedFromUtf8(env, name, -1))', 'StrRef(env, name)'],
    ['Napi::Persistent(pair->name.Value())', 'pair->name'],
  );
  change(
    join(src, 'util/custom-aggregate.cpp'),
    ['Napi::Reference<Napi::Value>', 'ValueRef'],
    ['start(Napi::Persistent(start))', 'start(ValueRef(start))'],
  );
}

/** The options that better-sqlite3 builds SQLite with. */
function sqliteDefines() {
  const text = readFileSync(join(root, 'deps/defines.gypi'), 'utf8');
  return [...text.matchAll(/'([A-Z0-9_]+(?:=[^']+)?)'/g)].map(([, define]) => define);
}

function run(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (piece) => (stderr += piece));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${program}: ${stderr.slice(-2000)}`))));
  });
}
